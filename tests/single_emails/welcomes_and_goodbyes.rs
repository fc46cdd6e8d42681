//! Readers are welcomed after they have confirmed, and get a goodbye after they have unsubscribed.

use super::{assert_unwanted, one_line};
use crate::support::{DAY, Engine, TestApp, on_both_engines};
use daily::{
    domain::{delivery::email::EmailKind, issue::status::IssueStatus, newsletter::Archive},
    settings::Settings,
};
use jiff::SignedDuration;

const ANN: &str = "ann@example.org";

/// Returns how many issues welcomes have shown.
async fn welcomed(app: &TestApp) -> i64 {
    app.store().await.rows_in("welcomes").await
}

fn greetings(settings: &mut Settings) {
    settings.signup.welcome_mail = true;
    settings.signup.goodbye_mail = true;
}

on_both_engines!(
    a_confirmed_reader_is_welcomed_once_with_the_latest_issue,
    a_welcome_before_the_first_issue_says_when_it_comes,
    a_welcome_shows_no_issue_that_its_reader_has_or_will_get,
    a_welcome_omits_stories_its_reader_has_had_in_another_issue,
    a_second_attempt_at_a_welcome_has_the_same_content,
    a_welcome_without_an_archive_leads_to_the_story,
    a_welcome_is_not_sent_after_unsubscribing,
    unsubscribing_by_the_link_causes_one_goodbye_a_day,
    one_click_and_unconfirmed_readers_cause_no_goodbye,
    suppressed_and_returned_readers_get_no_goodbye,
);

async fn a_confirmed_reader_is_welcomed_once_with_the_latest_issue(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    for title in ["The bridge opens", "A loaf for the road"] {
        app.article(title).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sent, "to no readers yet");
    let ann = app.reader(ANN).await;
    let mails = ann.emails();
    assert_eq!(mails.len(), 2, "the confirmation and the welcome");
    let welcome = &mails[1];
    assert_eq!(welcome.subject(), "Welcome to Daily");
    assert!(one_line(&welcome.text()).contains("arrives tomorrow, Saturday 2 May, at 7 am (UTC)."));
    for part in [welcome.text(), welcome.html()] {
        for says in [
            "A loaf for the road",
            "About A loaf for the road.",
            "https://news.example/a-loaf-for-the-road",
            "Read Friday’s issue",
        ] {
            assert!(part.contains(says), "{says} is missing in {part}");
        }
        assert!(!part.contains("The bridge opens"), "the lead stands for the issue: {part}");
    }
    assert!(welcome.text().contains("/issues/2026-05-01?newsletter=daily"));
    let (leave, change) = (welcome.link("/unsubscribe/"), welcome.link("/preferences/"));
    assert_eq!(leave.rsplit_once('/').unwrap().1, change.rsplit_once('/').unwrap().1, "one token opens both");
    assert_eq!(welcome.header("List-Unsubscribe"), Some(format!("<{leave}>").as_str()));
    assert_eq!(welcome.header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    assert_eq!(welcome.header("Auto-Submitted"), Some("auto-replied"));
    assert_eq!(welcomed(&app).await, 1, "the issue counts as had");
    // A second press shows the same page and does nothing.
    ann.confirms().await;
    assert_eq!(ann.emails().len(), 2);
    ann.unsubscribes_by_one_click().await;
    assert_eq!(app.consent_of(ANN).await, ["requested", "confirmed", "unsubscribed"]);
}

async fn a_welcome_before_the_first_issue_says_when_it_comes(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    let ann = app.reader(ANN).await;
    let welcome = ann.emails().remove(1);
    assert!(one_line(&welcome.text()).contains("tomorrow, Saturday 2 May, at 7 am"));
    assert!(!welcome.text().contains("/issues/"));
    assert_eq!(welcomed(&app).await, 0);
}

async fn a_welcome_shows_no_issue_that_its_reader_has_or_will_get(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    app.article("The bridge opens").await;
    let ann = app.reader(ANN).await;
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    // Ann has received the issue, unsubscribes, and comes back.
    ann.unsubscribes_by_one_click().await;
    let ann = app.reader(ANN).await;
    let welcome = ann.last_email();
    assert!(welcome.subject() == "Welcome to Daily" && !welcome.text().contains("The bridge opens"));
    // While the issue fans out, Ben may still get it.
    app.store().await.set_fan_out(true).await;
    assert!(!app.reader("ben@example.org").await.emails()[1].text().contains("The bridge opens"));
    // Cleo confirms after the fan-out.
    app.store().await.set_fan_out(false).await;
    let cleo = app.reader("cleo@example.org").await;
    assert!(cleo.emails()[1].text().contains("The bridge opens"));
    // After she has unsubscribed and come back, the second welcome does not show the issue again.
    cleo.unsubscribes_by_one_click().await;
    app.reader("cleo@example.org").await;
    let again = cleo.emails();
    assert!(again.len() == 4 && !again[3].text().contains("The bridge opens"), "{again:#?}");
    assert_eq!(welcomed(&app).await, 1);
}

async fn a_welcome_omits_stories_its_reader_has_had_in_another_issue(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    app.article("The bridge opens").await;
    let ann = app.reader(ANN).await;
    let first = app.send_issue().await;
    ann.unsubscribes_by_one_click().await;
    app.clock.advance(DAY);
    app.article("A loaf for the road").await;
    assert_eq!((first, app.send_issue().await), (IssueStatus::Sent, IssueStatus::Sent));
    // The second issue repeats the first one's story, as a round-up would.
    app.store().await.repeat_first_variants_stories_in_last().await;
    app.reader(ANN).await;
    app.reader("ben@example.org").await;
    let text = |address: &str| app.emails_to(address).pop().unwrap().text();
    let (ann, ben) = (text(ANN), text("ben@example.org"));
    assert!(ann.contains("A loaf for the road") && !ann.contains("The bridge opens"), "{ann}");
    assert!(ben.contains("The bridge opens"), "{ben}");
}

async fn a_second_attempt_at_a_welcome_has_the_same_content(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    let ann = app.reader(ANN).await;
    // As if the worker had crashed while sending.
    app.store().await.requeue_emails(EmailKind::Welcome).await;
    app.run_due_after(SignedDuration::from_mins(2)).await;
    let mails = ann.emails();
    assert_eq!(mails.len(), 3);
    assert_eq!(mails[1].text(), mails[2].text());
    assert_eq!(mails[1].header("Message-ID"), mails[2].header("Message-ID"));
    assert!(mails[2].text().contains("The bridge opens"));
    assert_eq!(welcomed(&app).await, 1);
}

async fn a_welcome_without_an_archive_leads_to_the_story(engine: Engine) {
    let app = TestApp::start_with(engine, greetings).await;
    app.change_newsletter(|it| it.archive = Archive::None).await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    let text = app.reader(ANN).await.emails().remove(1).text();
    assert!(text.contains("https://news.example/the-bridge-opens") && !text.contains("/issues/"), "{text}");
}

async fn a_welcome_is_not_sent_after_unsubscribing(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let subscription = ann.subscription().await;
    app.end_subscription(&subscription).await;
    app.insert_email(EmailKind::Welcome, ANN, Some(&subscription)).await;
    app.run_due_after(SignedDuration::from_mins(1)).await;
    assert_eq!(ann.emails().len(), 1);
    assert_unwanted(&app, EmailKind::Welcome, "not subscribed any more").await;
}

async fn unsubscribing_by_the_link_causes_one_goodbye_a_day(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.goodbye_mail = true).await;
    let ann = app.reader(ANN).await;
    for _ in 0..2 {
        ann.unsubscribes().await;
    }
    let mails = ann.emails();
    assert_eq!(mails.len(), 2, "the confirmation and the goodbye");
    let goodbye = &mails[1];
    assert_eq!(goodbye.subject(), "You’ve unsubscribed from Daily");
    assert_eq!(goodbye.link("/?newsletter="), format!("{}/?newsletter=daily", app.url));
    assert_eq!(goodbye.header("Auto-Submitted"), Some("auto-replied"));
    assert_eq!(goodbye.header("List-Unsubscribe"), None);
    // After coming back on the same day there is no second goodbye, on the next day there is.
    for (passed, count) in [(SignedDuration::from_hours(1), 3), (DAY, 5)] {
        app.clock.advance(passed);
        app.reader(ANN).await.unsubscribes().await;
        assert_eq!(ann.emails().len(), count);
    }
}

async fn one_click_and_unconfirmed_readers_cause_no_goodbye(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.goodbye_mail = true).await;
    app.reader(ANN).await.unsubscribes_by_one_click().await;
    let ben = app.visitor("ben@example.org");
    ben.signs_up().await;
    ben.unsubscribes().await;
    assert_eq!(app.emails().len(), 2, "two confirmations");
}

async fn suppressed_and_returned_readers_get_no_goodbye(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.goodbye_mail = true).await;
    let ann = app.reader(ANN).await;
    app.suppress(ANN, "undeliverable: 550").await;
    ann.unsubscribes().await;
    assert_unwanted(&app, EmailKind::Goodbye, "suppressed").await;
    assert_eq!(ann.emails().len(), 1);
    // Ben has come back before the goodbye is sent.
    let ben = app.reader("ben@example.org").await;
    app.insert_email(EmailKind::Goodbye, ben.address, Some(&ben.subscription().await)).await;
    app.run_due_after(SignedDuration::from_mins(1)).await;
    assert_unwanted(&app, EmailKind::Goodbye, "has come back").await;
}
