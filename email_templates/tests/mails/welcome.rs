use email_templates::Masthead;
use email_templates::digest::Story;
use email_templates::welcome::{Clock, LatestIssue, NextIssue, Welcome, render};
use jiff::civil::{Date, date};

use crate::fixtures::{PAPER, STORIES, envelope, html_lines, masthead, values_of};

fn latest() -> LatestIssue<'static> {
    LatestIssue {
        date: date(2025, 11, 21),
        language: "en",
        lead: PAPER[0],
        web_url: Some("https://daily.example/issues/2025-11-21?newsletter=daily"),
    }
}

#[expect(clippy::large_types_passed_by_value, reason = "as the template takes it")]
fn welcome(latest: Option<LatestIssue<'_>>) -> Welcome<'_> {
    Welcome {
        masthead: masthead(),
        address: "reader@mail.example",
        next: NextIssue {
            at: date(2025, 11, 22).at(6, 30, 0, 0),
            today: date(2025, 11, 21),
            clock: Clock::Place("Berlin"),
        },
        joined: false,
        latest,
        has_topics: true,
        can_be_weekly: true,
        unsubscribe_url: "{{unsubscribe_url}}",
        preferences_url: "{{preferences_url}}",
    }
}

#[test]
fn a_welcome_with_the_latest_issue() {
    let email = render(&welcome(Some(latest())));
    insta::assert_snapshot!("welcome_text", envelope(&email));
    insta::assert_snapshot!("welcome_html", html_lines(&email.html));
}

#[test]
fn a_welcome_before_the_first_issue() {
    let email = render(&welcome(None));
    insta::assert_snapshot!("welcome_before_the_first_issue_text", envelope(&email));
    assert!(!email.html.contains("here is the latest one"));
}

#[test]
fn a_welcome_after_subscribing_on_the_preferences_page_says_so_in_each_language() {
    for (language, says) in [
        (
            "en",
            [
                "You’re now subscribed to Daily Courier at reader@mail.example.",
                "If that wasn’t you, unsubscribe below.",
            ],
        ),
        ("de", ["Sie haben jetzt Daily Courier für", "Waren Sie das nicht,"]),
        ("es", ["Ya tiene una suscripción a Daily Courier en", "Si no fue usted,"]),
        ("fr", ["Vous recevez désormais Daily Courier à", "Si ce n’était pas vous,"]),
        ("pt", ["Passou a subscrever Daily Courier em", "Se não a pediu,"]),
    ] {
        let masthead = Masthead { title: "Daily Courier", language, ..masthead() };
        let email = render(&Welcome { masthead, joined: true, ..welcome(None) });
        let text = email.text.replace('\n', " ");
        for says in says {
            assert!(text.contains(says), "{says}: {text}");
        }
        assert!(!email.text.contains("confirmed") && !email.html.contains("You confirmed"));
        assert!(email.html.contains("{{unsubscribe_url}}"));
    }
}

#[test]
fn a_welcome_links_to_preferences_and_unsubscribe() {
    let email = render(&welcome(Some(latest())));
    for link in [
        "{{unsubscribe_url}}",
        "{{preferences_url}}",
        "https://daily.example/issues/2025-11-21?newsletter=daily",
    ] {
        assert!(email.text.lines().any(|line| line == link), "{link}");
        assert!(values_of(&email.html, "href").contains(&link), "{link}");
    }
}

#[test]
fn the_due_time_of_the_next_issue_reads_naturally() {
    let said = |on: Date| {
        let mut welcome = welcome(None);
        welcome.next.at = on.at(18, 5, 0, 0);
        render(&welcome).preheader
    };
    let said = |day| said(date(2025, 11, day));
    assert_eq!(said(21), "Your first issue arrives today at 6:05 pm (Berlin time).");
    assert_eq!(
        said(22),
        "Your first issue arrives tomorrow, Saturday 22 November, at 6:05 pm (Berlin time)."
    );
    assert_eq!(said(24), "Your first issue arrives on Monday 24 November at 6:05 pm (Berlin time).");
}

#[test]
fn readers_are_offered_what_they_can_choose() {
    let said =
        |has_topics, can_be_weekly| render(&Welcome { has_topics, can_be_weekly, ..welcome(None) }).text;
    assert!(
        said(true, true).contains("or get one email a week")
            && said(true, true).contains("Pick your topics:")
    );
    assert!(said(true, false).contains("You can change them any time"));
    assert!(said(false, true).contains("Get one a week instead") && !said(false, true).contains("topics"));
    assert!(said(false, false).contains("take a break"));
}

#[test]
fn the_button_leads_to_the_issue_or_without_an_archive_to_the_story() {
    let issue = render(&welcome(Some(latest())));
    assert!(issue.html.contains("Read Friday’s issue"));
    let old = LatestIssue { date: date(2025, 11, 3), ..latest() };
    assert!(render(&welcome(Some(old))).html.contains("Read the issue of 3 November"));
    let story = render(&welcome(Some(LatestIssue { web_url: None, ..latest() })));
    assert!(story.html.contains("Read the full story") && !story.html.contains("/issues/"));
}

#[test]
fn hostile_headlines_are_escaped_and_their_links_left_out() {
    let lead = Story {
        title: "<script>alert('1')</script>\r\nBcc: x@example.org",
        dek: Some("\"><img src=x onerror=alert(1)>"),
        url: "javascript:alert(1)",
        ..Story::default()
    };
    let email = render(&welcome(Some(LatestIssue { lead, ..latest() })));
    assert!(!email.html.contains("<script") && !email.html.contains("<img"));
    assert!(!email.html.contains("javascript:") && !email.text.contains("javascript:"));
    assert!(email.text.contains("\n<script>alert('1')</script> Bcc: x@example.org\n"));
}

#[test]
fn a_welcome_keeps_the_rules_of_every_email() {
    let long = "An uncommonly long sentence that runs on past every sensible edge of a page ".repeat(6);
    let lead = Story { title: &long, dek: Some(&long), section: Some(&long), ..STORIES[0] };
    let email = render(&welcome(Some(LatestIssue { lead, ..latest() })));
    for line in email.text.lines() {
        assert!(line.chars().count() <= 72 && line == line.trim_end(), "{line:?}");
    }
    assert_eq!(email.html.matches("<table").count(), email.html.matches("role=\"presentation\"").count());
    assert!(email.html.contains("prefers-color-scheme:dark"));
    assert_eq!(values_of(&email.html, "src"), ["https://courier.example/images/lighthouse.png"]);
}
