use email_templates::notice::{Notice, NoticeKind, PlannedIssue, SuspiciousSignups, TroubledFeed, render};
use email_templates::{Email, Masthead};
use jiff::civil::date;

use crate::fixtures::{envelope, html_lines, masthead, values_of};

const TITLES: &[&str] = &[
    "The lighthouse that learned to count whales",
    "Ferry timetable gains a dawn crossing",
    "In praise of the second-day loaf",
    "A choir of kettles opens the winter festival, and nobody complains about the pitch",
];

fn planned(stories: &'static [&'static str]) -> PlannedIssue<'static> {
    PlannedIssue {
        date: date(2026, 5, 1),
        due: date(2026, 5, 1).at(6, 30, 0, 0),
        clock: "Berlin time",
        due_in_minutes: 30,
        readers: 1204,
        stories,
        revision: "1f09ac3d",
    }
}

fn feed() -> TroubledFeed<'static> {
    TroubledFeed {
        title: "The Lantern Bay Courier",
        url: "https://courier.example/feed.xml?a=1&b=2",
        trouble: "https://courier.example/feed.xml answered 503 Service Unavailable.",
        since: Some(date(2026, 4, 29).at(14, 0, 0, 0)),
        last_read: Some(date(2026, 4, 29).at(13, 45, 0, 0)),
        last_story: Some(date(2026, 4, 29).at(9, 0, 0, 0)),
        clock: "Berlin time",
        is_read_on: true,
        is_held: false,
    }
}

fn operator_email(kind: NoticeKind<'_>) -> Email {
    render(&Notice {
        masthead: masthead(),
        slug: "daily",
        operator: "desk@courier.example",
        page: None,
        kind,
    })
}

fn approval() -> NoticeKind<'static> {
    NoticeKind::ApprovalWanted { issue: planned(TITLES) }
}

fn held() -> NoticeKind<'static> {
    let reason = "41 of 200 answers were refusals, more than 20 %; look at `daily issue deliveries --status failed`, \
                  then resume or cancel it";
    NoticeKind::IssueHeld { date: date(2026, 5, 1), reason }
}

fn skipped() -> NoticeKind<'static> {
    let reason = "missed: no scheduler was running at its time, nor within the grace after it";
    NoticeKind::IssueSkipped { date: date(2026, 5, 1), reason, before_it: 2, is_today: true }
}

fn doubtful() -> NoticeKind<'static> {
    NoticeKind::StoriesDoubtful {
        date: date(2026, 5, 1),
        findings: "left out, because the page is gone: “The lamps of Harbour Street”; sent as stored, because its \
                   URL shows another page: “Just a moment…”: “Ferry timetable”, “Market moves”",
    }
}

fn wrong_clock() -> NoticeKind<'static> {
    NoticeKind::ClockWasWrong {
        showed: date(2031, 3, 1).at(6, 45, 0, 0),
        corrected: date(2026, 5, 1).at(9, 0, 0, 0),
        clock: "Berlin time",
    }
}

fn every_notice() -> Vec<Email> {
    [
        approval(),
        NoticeKind::TooFewStories { issue: planned(&TITLES[..2]), wanted: 5 },
        held(),
        skipped(),
        doubtful(),
        wrong_clock(),
        NoticeKind::FeedTrouble(feed()),
    ]
    .map(operator_email)
    .into()
}

#[test]
fn an_issue_that_waits_for_approval() {
    let email = operator_email(approval());
    insta::assert_snapshot!("notice_approval_wanted_text", envelope(&email));
    insta::assert_snapshot!("notice_approval_wanted_html", html_lines(&email.html));
}

#[test]
fn an_issue_with_too_few_stories() {
    let few = operator_email(NoticeKind::TooFewStories { issue: planned(&TITLES[..2]), wanted: 5 });
    insta::assert_snapshot!("notice_too_few_stories_text", envelope(&few));
    insta::assert_snapshot!("notice_too_few_stories_html", html_lines(&few.html));
    let one = operator_email(NoticeKind::TooFewStories { issue: planned(&TITLES[..1]), wanted: 5 });
    assert_eq!(one.subject, "[Daily] Only 1 story for the issue of Friday, 1 May");
    let none = operator_email(NoticeKind::TooFewStories { issue: planned(&[]), wanted: 5 });
    assert_eq!(none.subject, "[Daily] No stories for the issue of Friday, 1 May");
}

#[test]
fn an_issue_that_is_held() {
    let email = operator_email(held());
    insta::assert_snapshot!("notice_issue_held_text", envelope(&email));
    insta::assert_snapshot!("notice_issue_held_html", html_lines(&email.html));
}

#[test]
fn an_issue_that_was_skipped() {
    let email = operator_email(skipped());
    insta::assert_snapshot!("notice_issue_skipped_text", envelope(&email));
    insta::assert_snapshot!("notice_issue_skipped_html", html_lines(&email.html));
    let NoticeKind::IssueSkipped { date, reason, .. } = skipped() else { unreachable!("it is one") };
    let past = operator_email(NoticeKind::IssueSkipped { date, reason, before_it: 0, is_today: false });
    assert!(!past.text.contains("daily issue send"), "only today's issue can be sent");
}

#[test]
fn stories_whose_pages_are_doubtful() {
    let email = operator_email(doubtful());
    insta::assert_snapshot!("notice_stories_doubtful_text", envelope(&email));
    insta::assert_snapshot!("notice_stories_doubtful_html", html_lines(&email.html));
}

#[test]
fn a_wrong_clock() {
    let email = operator_email(wrong_clock());
    insta::assert_snapshot!("notice_clock_was_wrong_text", envelope(&email));
    insta::assert_snapshot!("notice_clock_was_wrong_html", html_lines(&email.html));
}

#[test]
fn a_feed_in_trouble() {
    let email = operator_email(NoticeKind::FeedTrouble(feed()));
    insta::assert_snapshot!("notice_feed_trouble_text", envelope(&email));
    insta::assert_snapshot!("notice_feed_trouble_html", html_lines(&email.html));
    let gone = TroubledFeed {
        title: "",
        trouble: "it is gone for good (410)",
        since: None,
        last_read: None,
        last_story: None,
        is_read_on: false,
        is_held: false,
        ..feed()
    };
    insta::assert_snapshot!(
        "notice_feed_gone_text",
        envelope(&operator_email(NoticeKind::FeedTrouble(gone)))
    );
}

#[test]
fn signups_that_look_like_an_attack() {
    let begun = SuspiciousSignups {
        sign: "Many signups are waiting to be confirmed",
        since: jiff::civil::date(2026, 5, 1).at(4, 10, 0, 0),
        until: None,
        clock: "Berlin time",
        waiting: 612,
        defence: "Until it's over, browsers must solve a small puzzle, and signups without a solution are held back",
    };
    let email = operator_email(NoticeKind::Signups(begun));
    insta::assert_snapshot!("notice_signup_alarm_text", envelope(&email));
    insta::assert_snapshot!("notice_signup_alarm_html", html_lines(&email.html));
    let until = Some(jiff::civil::date(2026, 5, 1).at(5, 2, 0, 0));
    let over = operator_email(NoticeKind::Signups(SuspiciousSignups { until, ..begun }));
    insta::assert_snapshot!("notice_signup_calm_text", envelope(&over));
}

#[test]
fn the_time_left_reads_naturally() {
    let said = |due_in_minutes| {
        let email = operator_email(NoticeKind::ApprovalWanted {
            issue: PlannedIssue { due_in_minutes, ..planned(TITLES) },
        });
        let text = email.text.replace('\n', " ");
        let (_, rest) = text.split_once("Berlin time), ").expect("a time");
        rest.split_once(',').map_or(rest, |(words, _)| words).replace(" and goes", "").trim().to_owned()
    };
    for (minutes, words) in [
        (0, "now"),
        (1, "in 1 minute"),
        (90, "in 90 minutes"),
        (100, "in 2 hours"),
        (720, "in 12 hours"),
        (-20, "20 minutes ago"),
    ] {
        assert_eq!(said(minutes), words);
    }
}

#[test]
fn outside_texts_become_neither_markup_nor_commands() {
    let url = "https://courier.example/'$(reboot)'\";<script>";
    let hostile = TroubledFeed {
        title: "<script>alert(1)</script>\r\nBcc: x@example.org",
        url,
        trouble: "<img src=x>\r\n",
        ..feed()
    };
    let email = operator_email(NoticeKind::FeedTrouble(hostile));
    assert!(!email.html.contains("<script") && !email.html.contains("<img"));
    assert_eq!(email.subject.lines().count(), 1);
    assert!(email.text.contains("daily feed poll 'https://courier.example/'\\''$(reboot)'\\''\";<script>'"));
    let masthead = Masthead { title: "A\r\nBcc: x@example.org", ..masthead() };
    let email = render(&Notice {
        masthead,
        slug: "daily",
        operator: "a'b@example.org",
        page: None,
        kind: approval(),
    });
    assert_eq!(email.subject, "[A Bcc: x@example.org] Please approve the issue of Friday, 1 May");
    assert!(email.text.lines().any(|line| line == "    daily operator remove 'a'\\''b@example.org'"));
}

#[test]
fn notices_keep_the_rules_of_every_email() {
    for email in every_notice() {
        assert!(email.subject.starts_with("[Daily] "));
        for line in email.text.lines().filter(|line| !line.starts_with("    ")) {
            assert!(line.chars().count() <= 72 && line == line.trim_end(), "{line:?}");
        }
        assert_eq!(email.html.matches("<table").count(), email.html.matches("role=\"presentation\"").count());
        assert!(email.html.contains("prefers-color-scheme:dark"));
        assert!(values_of(&email.html, "src").is_empty(), "it loads nothing");
        for command in email.text.lines().filter(|line| line.starts_with("    daily ")) {
            let shown = command
                .trim()
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;");
            let html = email.html.replace("<span style=\"white-space:nowrap;\">", "").replace("</span>", "");
            assert!(html.contains(&shown), "{command} is in both parts");
        }
    }
}

#[test]
fn a_notice_links_to_the_page_about_it() {
    let page = "https://desk.example.org/admin/review/abc";
    let notice = Notice {
        masthead: masthead(),
        slug: "daily",
        operator: "desk@courier.example",
        page: Some(page),
        kind: approval(),
    };
    let email = render(&notice);
    assert!(email.html.contains(&format!("href=\"{page}\"")), "{}", email.html);
    let at = |text: &str| email.text.find(text).unwrap_or_else(|| panic!("no {text} in {}", email.text));
    assert!(at(page) < at("daily issue approve"), "{}", email.text);
}
