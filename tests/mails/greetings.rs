//! Readers are greeted when they come, and told when they have left.

use super::{assert_unwanted, leaving_link, one_click, one_line, sql, subscription, welcomed};
use crate::support::{Engine, app::TestApp, on_both_engines};
use daily::{
    db::{mails, subscriptions},
    domain::{email_address::EmailAddress, issue::IssueStatus, mail::MailKind},
    settings::Settings,
};
use jiff::SignedDuration;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn greetings(settings: &mut Settings) {
    settings.signup.welcome_mail = true;
    settings.signup.goodbye_mail = true;
}

on_both_engines!(
    who_confirms_is_greeted_once_with_the_latest_issue,
    a_welcome_before_the_first_issue_says_when_it_comes,
    a_welcome_shows_no_issue_that_its_reader_has_or_will_get,
    a_welcome_leaves_out_stories_its_reader_had_in_another_issue,
    another_attempt_at_a_welcome_says_the_same,
    a_welcome_tells_six_stories_and_leads_to_the_others,
    a_welcome_is_not_sent_to_who_left_meanwhile,
    who_leaves_by_the_link_is_told_so_once_a_day,
    one_click_is_followed_by_silence_and_so_is_leaving_unconfirmed,
    no_goodbye_to_a_suppressed_address_or_to_who_came_back,
);

async fn who_confirms_is_greeted_once_with_the_latest_issue(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    for title in ["The bridge opens", "A loaf for the road"] {
        app.article(title).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sent, "to nobody yet");
    app.reader("ann@example.org").await;
    app.settle().await;
    let mails = app.mails_to("ann@example.org");
    assert_eq!(mails.len(), 2, "the confirmation and the welcome");
    let welcome = &mails[1];
    assert_eq!(welcome.subject(), "Welcome to Daily");
    assert!(
        one_line(&welcome.text()).contains("comes tomorrow, Saturday, at 07:00 (UTC), to ann@example.org.")
    );
    for part in [welcome.text(), welcome.html()] {
        for says in [
            "The bridge opens",
            "A loaf for the road",
            "About The bridge opens.",
            "https://news.example/the-bridge-opens",
        ] {
            assert!(part.contains(says), "{says} is missing in {part}");
        }
    }
    assert!(welcome.text().contains(&format!("{}/issues/2026-05-01?newsletter=daily", app.url)));
    let (leave, change) = (welcome.link("/unsubscribe/"), welcome.link("/preferences/"));
    assert_eq!(leave.rsplit_once('/').unwrap().1, change.rsplit_once('/').unwrap().1, "one token opens both");
    assert_eq!(welcome.header("List-Unsubscribe"), Some(format!("<{leave}>").as_str()));
    assert_eq!(welcome.header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    assert_eq!(welcome.header("Auto-Submitted"), Some("auto-replied"));
    assert_eq!(welcomed(&app).await, 1, "the issue counts as had");
    // A second press says the same and does nothing.
    let link = app.confirmation_link("ann@example.org");
    assert_eq!(app.post(&link).await.status(), 200);
    app.settle().await;
    assert_eq!(app.mails_to("ann@example.org").len(), 2);
    assert_eq!(
        app.client.post(&leave).body("List-Unsubscribe=One-Click").send().await.unwrap().status(),
        200
    );
    assert_eq!(app.consent_of("ann@example.org").await, ["requested", "confirmed", "unsubscribed"]);
}

async fn a_welcome_before_the_first_issue_says_when_it_comes(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    app.reader("ann@example.org").await;
    app.settle().await;
    let welcome = app.mails_to("ann@example.org").remove(1);
    assert!(one_line(&welcome.text()).contains("tomorrow, Saturday, at 07:00"));
    assert!(!welcome.text().contains("/issues/"));
    assert_eq!(welcomed(&app).await, 0);
}

async fn a_welcome_shows_no_issue_that_its_reader_has_or_will_get(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    app.article("The bridge opens").await;
    app.reader("ann@example.org").await;
    app.settle().await;
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    // Ann has it, leaves, and comes back.
    one_click(&app, "ann@example.org").await;
    app.reader("ann@example.org").await;
    app.settle().await;
    let welcome = app.mails_to("ann@example.org").pop().unwrap();
    assert!(welcome.subject() == "Welcome to Daily" && !welcome.text().contains("The bridge opens"));
    // While deliveries are being made, Ben may still get one.
    sql(&app, "UPDATE issues SET fanned_out_to = 0").await;
    app.reader("ben@example.org").await;
    app.settle().await;
    assert!(!app.mails_to("ben@example.org")[1].text().contains("The bridge opens"));
    // Cleo comes when all have been made.
    sql(&app, "UPDATE issues SET fanned_out_to = NULL").await;
    app.reader("cleo@example.org").await;
    app.settle().await;
    assert!(app.mails_to("cleo@example.org")[1].text().contains("The bridge opens"));
    // She leaves and comes back: a welcome showed it already.
    one_click(&app, "cleo@example.org").await;
    app.reader("cleo@example.org").await;
    app.settle().await;
    let again = app.mails_to("cleo@example.org");
    assert!(again.len() == 4 && !again[3].text().contains("The bridge opens"), "{again:#?}");
    assert_eq!(welcomed(&app).await, 1);
}

async fn a_welcome_leaves_out_stories_its_reader_had_in_another_issue(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    app.article("The bridge opens").await;
    app.reader("ann@example.org").await;
    app.settle().await;
    let first = app.send_issue().await;
    one_click(&app, "ann@example.org").await;
    app.clock.advance(DAY);
    app.article("A loaf for the road").await;
    assert_eq!((first, app.send_issue().await), (IssueStatus::Sent, IssueStatus::Sent));
    // The second issue, as a round-up would, tells the first one's story again.
    sql(
        &app,
        "INSERT INTO variant_stories (variant_id, article_id, position) SELECT (SELECT max(id) FROM issue_variants), \
         article_id, 99 FROM variant_stories WHERE variant_id = (SELECT min(id) FROM issue_variants)",
    )
    .await;
    for address in ["ann@example.org", "ben@example.org"] {
        app.reader(address).await;
    }
    app.settle().await;
    let text = |address: &str| app.mails_to(address).pop().unwrap().text();
    let (ann, ben) = (text("ann@example.org"), text("ben@example.org"));
    assert!(ann.contains("A loaf for the road") && !ann.contains("The bridge opens"), "{ann}");
    assert!(ben.contains("A loaf for the road") && ben.contains("The bridge opens"), "{ben}");
}

async fn another_attempt_at_a_welcome_says_the_same(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    app.reader("ann@example.org").await;
    app.settle().await;
    // As after a crash in the middle.
    sql(&app, "UPDATE mails SET status = 'queued', next_attempt_at = created_at, woken_at = NULL WHERE kind = 'welcome'").await;
    app.tick_after(SignedDuration::from_mins(2)).await;
    let mails = app.mails_to("ann@example.org");
    assert_eq!(mails.len(), 3);
    assert_eq!(mails[1].text(), mails[2].text());
    assert_eq!(mails[1].header("Message-ID"), mails[2].header("Message-ID"));
    assert!(mails[2].text().contains("The bridge opens"));
    assert_eq!(welcomed(&app).await, 1);
}

async fn a_welcome_tells_six_stories_and_leads_to_the_others(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    for number in 1..=9 {
        app.article(&format!("Story number {number}")).await;
    }
    app.send_issue().await;
    app.reader("ann@example.org").await;
    app.settle().await;
    let text = app.mails_to("ann@example.org").remove(1).text();
    assert_eq!(text.matches("About Story number").count(), 6);
    assert!(text.contains("Read all 9 stories on the web:"), "{text}");
}

async fn a_welcome_is_not_sent_to_who_left_meanwhile(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let id = subscription(&app, "ann@example.org").await;
    let mut tx = app.app.db.begin().await.unwrap();
    subscriptions::end(&mut tx, id, app.clock.now()).await.unwrap();
    let newsletter = app.newsletter().await;
    let recipient = EmailAddress::parse("ann@example.org").unwrap();
    let mail = mails::NewMail {
        kind: MailKind::Welcome,
        newsletter: newsletter.id,
        recipient: &recipient,
        subscription: Some(id),
        confirmation: None,
        issue: None,
        feed: None,
        message_id: "a@newsletter.example",
    };
    mails::insert(&mut tx, &mail, app.clock.now() - DAY).await.unwrap();
    tx.commit().await.unwrap();
    app.tick_after(SignedDuration::from_mins(1)).await;
    assert_eq!(app.mails_to("ann@example.org").len(), 1);
    assert_unwanted(&app, MailKind::Welcome, "not subscribed any more").await;
}

async fn who_leaves_by_the_link_is_told_so_once_a_day(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.goodbye_mail = true).await;
    app.reader("ann@example.org").await;
    for _ in 0..2 {
        assert_eq!(app.post(&leaving_link(&app, "ann@example.org").await).await.status(), 200);
        app.settle().await;
    }
    let mails = app.mails_to("ann@example.org");
    assert_eq!(mails.len(), 2, "the confirmation and the goodbye");
    let goodbye = &mails[1];
    assert_eq!(goodbye.subject(), "You have left Daily");
    assert_eq!(goodbye.link("/?newsletter="), format!("{}/?newsletter=daily", app.url));
    assert_eq!(goodbye.header("Auto-Submitted"), Some("auto-replied"));
    assert_eq!(goodbye.header("List-Unsubscribe"), None);
    // Back and away again on the same day: said already. On the next day: said again.
    for (passed, count) in [(SignedDuration::from_hours(1), 3), (DAY, 5)] {
        app.clock.advance(passed);
        app.reader("ann@example.org").await;
        app.post(&leaving_link(&app, "ann@example.org").await).await;
        app.settle().await;
        assert_eq!(app.mails_to("ann@example.org").len(), count);
    }
}

async fn one_click_is_followed_by_silence_and_so_is_leaving_unconfirmed(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.goodbye_mail = true).await;
    app.reader("ann@example.org").await;
    one_click(&app, "ann@example.org").await;
    app.sign_up("ben@example.org").await;
    app.settle().await;
    assert_eq!(app.post(&leaving_link(&app, "ben@example.org").await).await.status(), 200);
    app.settle().await;
    assert_eq!(app.mails().len(), 2, "two confirmations");
}

async fn no_goodbye_to_a_suppressed_address_or_to_who_came_back(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.goodbye_mail = true).await;
    app.reader("ann@example.org").await;
    sql(
        &app,
        "INSERT INTO suppressions (address_key, reason, created_at) SELECT 'ann@example.org', 'undeliverable: 550', \
         created_at FROM newsletters",
    )
    .await;
    app.post(&leaving_link(&app, "ann@example.org").await).await;
    app.settle().await;
    assert_unwanted(&app, MailKind::Goodbye, "suppressed").await;
    assert_eq!(app.mails_to("ann@example.org").len(), 1);
    app.reader("ben@example.org").await;
    // Ben is back before the goodbye is sent.
    sql(&app, "UPDATE mails SET status = 'queued', woken_at = NULL, finished_at = NULL, recipient = 'ben@example.org', \
               subscription_id = (SELECT max(id) FROM subscriptions) WHERE kind = 'goodbye'").await;
    app.tick_after(SignedDuration::from_mins(1)).await;
    assert_unwanted(&app, MailKind::Goodbye, "has come back").await;
}
