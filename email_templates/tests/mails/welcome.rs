use email_templates::Masthead;
use email_templates::welcome::{Clock, Headline, LatestIssue, NextIssue, Welcome, render};
use jiff::civil::{Date, date};

use crate::fixtures::{STORIES, envelope, html_lines, masthead, values_of};

fn headlines() -> Vec<Headline<'static>> {
    STORIES.iter().map(|story| Headline { title: story.title, dek: story.dek, url: story.url }).collect()
}

fn latest<'a>(headlines: &'a [Headline<'a>]) -> LatestIssue<'a> {
    LatestIssue {
        date: date(2025, 11, 21),
        language: "en",
        headlines,
        more: 3,
        web_url: "https://daily.example/issues/2025-11-21?newsletter=daily",
    }
}

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
        unsubscribe_url: "{{unsubscribe_url}}",
        preferences_url: "{{preferences_url}}",
    }
}

#[test]
fn a_welcome_with_the_latest_issue() {
    let headlines = headlines();
    let email = render(&welcome(Some(latest(&headlines))));
    insta::assert_snapshot!("welcome_text", envelope(&email));
    insta::assert_snapshot!("welcome_html", html_lines(&email.html));
}

#[test]
fn a_welcome_before_the_first_issue() {
    let email = render(&welcome(None));
    insta::assert_snapshot!("welcome_before_the_first_issue_text", envelope(&email));
    assert!(!email.html.contains("In the meantime"));
}

#[test]
fn a_welcome_after_subscribing_on_the_preferences_page_says_so_in_each_language() {
    for (language, says) in [
        (
            "en",
            [
                "You're now subscribed to Daily Courier at reader@mail.example.",
                "If this wasn't you, unsubscribe below.",
            ],
        ),
        ("de", ["Von nun an kommt Daily Courier an", "Waren Sie das nicht,"]),
        ("es", ["A partir de ahora Daily Courier llega", "Si no fue usted,"]),
        ("fr", ["Désormais, Daily Courier arrive", "Si ce n’était pas vous,"]),
        ("pt", ["A partir de agora Daily Courier chega", "Se não foi o próprio,"]),
    ] {
        let masthead = Masthead { title: "Daily Courier", language, ..masthead() };
        let email = render(&Welcome { masthead, joined: true, ..welcome(None) });
        let text = email.text.replace('\n', " ");
        for says in says {
            assert!(text.contains(says), "{says}: {text}");
        }
        assert!(!email.text.contains("Thank you for confirming") && !email.html.contains("signed up"));
        assert!(email.html.contains("{{unsubscribe_url}}"));
    }
}

#[test]
fn a_welcome_links_to_preferences_and_unsubscribe() {
    let headlines = headlines();
    let email = render(&welcome(Some(latest(&headlines))));
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
    assert_eq!(
        said(date(2025, 11, 21)),
        "You're subscribed. The next issue arrives today at 18:05 (Berlin time)."
    );
    assert_eq!(
        said(date(2025, 11, 22)),
        "You're subscribed. The next issue arrives tomorrow, Saturday, at 18:05 (Berlin time)."
    );
    assert_eq!(
        said(date(2025, 11, 24)),
        "You're subscribed. The next issue arrives on Monday, 24 November at 18:05 (Berlin time)."
    );
}

#[test]
fn hostile_headlines_are_escaped_and_their_links_left_out() {
    let hostile = [Headline {
        title: "<script>alert('1')</script>\r\nBcc: x@example.org",
        dek: Some("\"><img src=x onerror=alert(1)>"),
        url: "javascript:alert(1)",
    }];
    let email = render(&welcome(Some(latest(&hostile))));
    assert!(!email.html.contains("<script") && !email.html.contains("<img"));
    assert!(!email.html.contains("javascript:") && !email.text.contains("javascript:"));
    assert!(email.text.contains("1. <script>alert('1')</script> Bcc: x@example.org\n"));
}

#[test]
fn a_welcome_keeps_the_rules_of_every_email() {
    let long = "An uncommonly long sentence that runs on past every sensible edge of a page ".repeat(6);
    let stories = [Headline { title: &long, dek: Some(&long), url: STORIES[0].url }; 6];
    let email = render(&welcome(Some(latest(&stories))));
    for line in email.text.lines() {
        assert!(line.chars().count() <= 72 && line == line.trim_end(), "{line:?}");
    }
    assert_eq!(email.html.matches("<table").count(), email.html.matches("role=\"presentation\"").count());
    assert!(email.html.contains("prefers-color-scheme:dark"));
    assert!(values_of(&email.html, "src").is_empty(), "it loads nothing");
}
