//! Alerts link to the page about their matter, as it is when somebody opens it.

use crate::support::{Engine, OPERATOR, TestApp, on_both_engines, operator::Desk};
use daily::{
    actions::feed::add_feed::add_feed,
    db::{
        deliveries::emails::{self, NewEmail},
        engine::processes,
        issues, operators,
    },
    delivery::notify_operators::{NoticeSubject, notify_operators},
    domain::{delivery::email::EmailKind, ids::EmailId, issue::status::IssueStatus, token::Purpose},
};

on_both_engines!(
    a_held_issues_alert_opens_live_and_later_the_issue,
    every_kind_of_alert_opens_a_page,
    an_alerts_link_is_worth_nothing_to_others,
);

/// Returns the signed path in the latest alert to an address.
fn link_in_alert(app: &TestApp, address: &str) -> String {
    let alerts = app.emails_to(address);
    let text = alerts.iter().rev().map(crate::support::mailbox::Mail::text);
    let text = text.into_iter().find(|text| text.contains("/admin/notice/")).expect("an alert with a link");
    let (_, token) = text.split_once("/admin/notice/").unwrap();
    format!("/admin/notice/{}", token.split_whitespace().next().unwrap())
}

async fn leads_to(desk: &Desk<'_>, link: &str) -> String {
    let reply = desk.get(link).await;
    reply.location.unwrap_or_else(|| panic!("{link} leads nowhere: {}", reply.page))
}

async fn a_held_issues_alert_opens_live_and_later_the_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.article("The bridge opens").await;
    let desk = app.operator("Ines", "sender").await;
    app.send_issue().await;
    let issue = app.latest_issue().await.id;
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    let why = Some("6 in 100 were refused");
    issues::advance(&mut tx, issue, IssueStatus::Sent, IssueStatus::Held, why, now).await.unwrap();
    let newsletter = app.newsletter().await;
    let (queue, subject) = (&app.app.actions.queue, NoticeSubject::Issue(issue));
    notify_operators(queue, &mut tx, &newsletter, EmailKind::IssueStopped, subject, now).await.unwrap();
    tx.commit().await.unwrap();
    app.settle().await;
    let link = link_in_alert(&app, "ines@example.org");
    assert_eq!(leads_to(&desk, &link).await, "/admin/n/daily/issues/2026-05-01/live");
    let mut tx = app.app.db.begin().await.unwrap();
    issues::advance(&mut tx, issue, IssueStatus::Held, IssueStatus::Sent, None, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(leads_to(&desk, &link).await, "/admin/n/daily/issues/2026-05-01", "it is over");
}

async fn every_kind_of_alert_opens_a_page(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    let (ada, ines) = (app.operator("Ada", "admin").await, app.operator("Ines", "editor").await);
    let issue = "/admin/n/daily/issues/2026-05-02";
    let article = app.articles().await[0].id.to_string();
    ines.does(issue, issue, &[("pin", &article)]).await;
    let planned = app.latest_issue().await.id;
    let feed = add_feed(&app.app.actions, &OPERATOR, "https://lamp.example/feed.xml").await.unwrap();
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    processes::heartbeat(&mut tx, "scheduler", "scheduler", app.clock.now()).await.unwrap();
    let recipient = operators::alerted(&mut tx).await.unwrap()[0].address.clone();
    let mut links = Vec::new();
    for (place, kind) in (0..).zip(EmailKind::ALL.iter().copied().filter(|kind| kind.is_notice())) {
        let new = NewEmail {
            kind,
            newsletter: newsletter.id,
            recipient: &recipient,
            subscription: None,
            confirmation: None,
            issue: (!matches!(
                kind,
                EmailKind::FeedTrouble
                    | EmailKind::ClockWasWrong
                    | EmailKind::SignupAlarm
                    | EmailKind::SignupCalm
                    | EmailKind::DestinationHeld
            ))
            .then_some(planned),
            feed: (kind == EmailKind::FeedTrouble).then_some(feed),
            message_id: &format!("{place}@lamp.example"),
        };
        let EmailId(id) = emails::insert(&mut tx, &new, app.clock.now()).await.unwrap();
        links.push((kind, format!("/admin/notice/{}", app.app.operators.keys.sign(Purpose::Notice, id))));
    }
    tx.commit().await.unwrap();
    assert_eq!(links.len(), 10);
    for (kind, link) in &links {
        let (admins, editors) = match kind {
            EmailKind::FeedTrouble => {
                let place = format!("/admin/n/daily/feeds#feed{feed}");
                (place.clone(), place)
            }
            EmailKind::ClockWasWrong
            | EmailKind::SignupAlarm
            | EmailKind::SignupCalm
            | EmailKind::DestinationHeld => ("/admin/system".to_owned(), "/admin/n/daily".to_owned()),
            _ => (format!("{issue}/send"), format!("{issue}/send")),
        };
        assert_eq!(leads_to(&ada, link).await, admins, "{kind}");
        assert_eq!(leads_to(&ines, link).await, editors, "{kind}");
        assert_eq!(ines.opens(link).await.status, 200, "{kind}: nobody is sent to a page that is not theirs");
    }
}

async fn an_alerts_link_is_worth_nothing_to_others(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.begin_attack().await;
    let desk = app.operator("Ines", "editor").await;
    let newsletter = app.newsletter().await;
    let (queue, subject) = (&app.app.actions.queue, NoticeSubject::Signups);
    let mut tx = app.app.db.begin().await.unwrap();
    notify_operators(queue, &mut tx, &newsletter, EmailKind::SignupAlarm, subject, app.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    app.settle().await;
    let link = link_in_alert(&app, "ines@example.org");
    assert_eq!(leads_to(&desk, &link).await, "/admin/n/daily");
    let stranger = app.desk("eve@example.org").get(&link).await;
    assert!(stranger.location.unwrap().starts_with("/admin/sign-in?next=%2Fadmin%2Fnotice%2F"));
    let keys = &app.app.operators.keys;
    for forged in [keys.sign(Purpose::ReviewIssue, 1), keys.sign(Purpose::Notice, 999), "x".into()] {
        assert_eq!(desk.opens(&format!("/admin/notice/{forged}")).await.status, 404, "{forged}");
    }
}
