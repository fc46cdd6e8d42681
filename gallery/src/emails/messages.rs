//! The emails that are no issues.

use email_templates::already_subscribed::{self, AlreadySubscribed, PausedSubscription};
use email_templates::confirmation::{self, Confirmation, PromisedNewsletter};
use email_templates::goodbye::{self, Goodbye};
use email_templates::notice::{self, Notice, NoticeKind, PlannedIssue};
use email_templates::promise::Promise;
use email_templates::request::{self, Request, RequestKind};
use email_templates::welcome::{self, Clock, LatestIssue, NextIssue, Welcome};
use email_templates::{Email, Masthead};
use jiff::civil::{Weekday, date, time};

use super::content::{MONDAY, STORIES, courier, post};
use crate::Case;

const ADDRESS: &str = "ada.quill@readers.example";
const WEEKDAYS: [Weekday; 5] =
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
const PROMISE: Promise<'static> =
    Promise { days: &WEEKDAYS, at: time(6, 30, 0, 0), reading_minutes: Some(4) };

fn confirmation<'a>(masthead: Masthead<'a>, newsletters: &'a [PromisedNewsletter<'a>]) -> Confirmation<'a> {
    Confirmation {
        masthead,
        confirm_url: "https://news.courier.example/confirm/3kQ9vYtZ0cR7-8f3k2m9qx7",
        expires_in_days: 7,
        address: ADDRESS,
        newsletters,
    }
}

fn welcome(masthead: Masthead<'_>) -> Welcome<'_> {
    Welcome {
        masthead,
        address: ADDRESS,
        next: NextIssue {
            at: date(2026, 12, 1).at(6, 30, 0, 0),
            today: MONDAY,
            clock: Clock::Place("London"),
        },
        joined: false,
        latest: Some(LatestIssue {
            date: MONDAY,
            language: masthead.language,
            lead: STORIES[0],
            web_url: Some("https://news.courier.example/issues/2026-11-30"),
        }),
        has_topics: true,
        can_be_weekly: true,
        unsubscribe_url: "https://news.courier.example/unsubscribe/x",
        preferences_url: "https://news.courier.example/preferences/x",
    }
}

fn to_readers(masthead: Masthead<'_>, suffix: &str) -> Vec<Case> {
    let newsletters = [PromisedNewsletter { title: masthead.title, promise: PROMISE }];
    let emails = [
        ("confirmation", confirmation::render(&confirmation(masthead, &newsletters))),
        ("welcome", welcome::render(&welcome(masthead))),
        (
            "already-subscribed",
            already_subscribed::render(&AlreadySubscribed {
                masthead,
                active: &[masthead.title],
                paused: &[],
                unsubscribe_url: "https://news.courier.example/unsubscribe/x",
                archive_url: "https://news.courier.example/issues",
                address: ADDRESS,
            }),
        ),
        (
            "goodbye",
            goodbye::render(&Goodbye {
                masthead,
                sign_up_url: "https://news.courier.example/",
                address: ADDRESS,
            }),
        ),
        ("request-new-address", request(masthead, RequestKind::NewAddress)),
    ];
    emails.into_iter().map(|(name, email)| case(&format!("{name}{suffix}"), &email)).collect()
}

fn case(name: &str, email: &Email) -> Case {
    Case::new("messages", name, email.html.clone())
}

fn request(masthead: Masthead<'_>, kind: RequestKind<'_>) -> Email {
    request::render(&Request {
        masthead,
        kind,
        url: "https://news.courier.example/address/x",
        expires_in_days: 1,
        address: ADDRESS,
    })
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = to_readers(courier(), "");
    cases.extend(to_readers(post(), "-logo"));
    for language in ["de", "es", "fr", "pt"] {
        cases.extend(to_readers(Masthead { language, ..courier() }, &format!("-{language}")));
    }
    let two = ["The Lantern Bay Courier", "Tide & Time"]
        .map(|title| PromisedNewsletter { title, promise: PROMISE });
    let courier = courier();
    cases.push(case("confirmation-of-two", &confirmation::render(&confirmation(courier, &two))));
    cases.push(case(
        "confirmation-reminder",
        &confirmation::render_reminder(&confirmation(courier, &two[..1])),
    ));
    let joined = Welcome { joined: true, latest: None, has_topics: false, ..welcome(courier) };
    cases.push(case("welcome-joined", &welcome::render(&joined)));
    let paused = [PausedSubscription {
        title: courier.title,
        preferences_url: "https://news.courier.example/preferences/x",
    }];
    cases.push(case(
        "already-subscribed-paused",
        &already_subscribed::render(&AlreadySubscribed {
            masthead: courier,
            active: &[],
            paused: &paused,
            unsubscribe_url: "https://news.courier.example/unsubscribe/x",
            archive_url: "https://news.courier.example/issues",
            address: ADDRESS,
        }),
    ));
    cases.push(case("request-data-export", &request(courier, RequestKind::DataExport)));
    cases.push(case(
        "request-old-address",
        &request(courier, RequestKind::OldAddress { new: "ada@lighthouse.example" }),
    ));
    cases.extend(notices(courier));
    cases
}

fn notices(masthead: Masthead<'_>) -> Vec<Case> {
    let issue = PlannedIssue {
        date: date(2026, 12, 1),
        due: date(2026, 12, 1).at(6, 30, 0, 0),
        clock: "London time",
        due_in_minutes: 45,
        readers: 1204,
        stories: &[STORIES[0].title, STORIES[1].title, STORIES[2].title],
        revision: "1f09ac3d",
    };
    let held =
        NoticeKind::IssueHeld { date: MONDAY, reason: "41 of 200 answers were refusals, more than 20 %" };
    [("notice-approval", NoticeKind::ApprovalWanted { issue }), ("notice-held", held)]
        .into_iter()
        .map(|(name, kind)| {
            let email = notice::render(&Notice {
                masthead,
                slug: "daily",
                operator: "desk@courier.example",
                page: None,
                kind,
            });
            case(name, &email)
        })
        .collect()
}
