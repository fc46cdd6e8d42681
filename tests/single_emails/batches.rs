//! Several single emails in one job.

use crate::support::{Engine, TestApp, on_both_engines};
use daily::{
    db::deliveries::emails,
    domain::{
        delivery::{
            email::{EmailKind, EmailStatus},
            status::Answer,
        },
        ids::EmailId,
    },
    jobs::send_email,
    queue::Job,
};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

/// Creates readers, and inserts an email for each that no job will send.
async fn waiting(app: &TestApp, count: usize) -> (Vec<String>, Vec<EmailId>) {
    let addresses = app.readers(count, "example.org").await;
    let mut ids = Vec::new();
    for address in &addresses {
        let subscription = app.visitor(address).subscription().await;
        ids.push(app.insert_email(EmailKind::AlreadySubscribed, address, Some(&subscription)).await);
    }
    (addresses, ids)
}

on_both_engines!(
    one_job_sends_each_of_its_emails_once,
    the_number_of_an_attempt_is_used_once,
    a_process_that_ends_enqueues_the_emails_it_has_not_begun,
);

async fn one_job_sends_each_of_its_emails_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (addresses, ids) = waiting(&app, 20).await;
    let before = app.emails().len();
    // One job names each email twice, and another job names it at the same time.
    let twice: Vec<EmailId> = ids.iter().chain(&ids).copied().collect();
    let (one, other) = tokio::join!(
        send_email::run(&app.app.jobs.delivery, &twice),
        send_email::run(&app.app.jobs.delivery, &ids)
    );
    one.unwrap();
    other.unwrap();
    assert_eq!(app.emails().len(), before + 20);
    for address in &addresses {
        assert_eq!(app.emails_to(address).len(), 1, "{address}");
    }
    let rows = app.store().await.emails().await;
    assert!(rows.iter().all(|it| it.status == EmailStatus::Sent && it.attempts == 1), "{rows:?}");
}

async fn the_number_of_an_attempt_is_used_once(engine: Engine) {
    // This relay is down.
    let app = TestApp::with_relay(engine, "smtp://127.0.0.1:1").await;
    let (_, ids) = waiting(&app, 1).await;
    for attempts in 1..=3 {
        send_email::run(&app.app.jobs.delivery, &ids).await.unwrap();
        let mail = app.store().await.emails().await.remove(0);
        assert_eq!((mail.status, mail.attempts, mail.relay_waits), (EmailStatus::Queued, attempts, attempts));
        app.clock.advance(SignedDuration::from_mins(30));
    }
    // A late answer to an earlier attempt changes nothing.
    let mail = app.store().await.emails().await.remove(0);
    let mut tx = app.app.db.begin().await.unwrap();
    let begun =
        emails::begin(&mut tx, &ids, app.clock.now(), app.clock.now() + SignedDuration::from_mins(1)).await;
    assert_eq!(begun.unwrap()[0].attempts, 4);
    let answer = Answer::new("", None, "late");
    assert!(
        !emails::finish(&mut tx, mail.attempt(), EmailStatus::Sent, &answer, app.clock.now()).await.unwrap()
    );
    assert!(!emails::postpone(&mut tx, mail.attempt(), &answer, app.clock.now(), false).await.unwrap());
}

async fn a_process_that_ends_enqueues_the_emails_it_has_not_begun(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (addresses, ids) = waiting(&app, 1).await;
    let mut ending = app.app.jobs.delivery.clone();
    ending.stop = CancellationToken::new();
    ending.stop.cancel();
    send_email::run(&ending, &ids).await.unwrap();
    // The app's own worker gets the job that was enqueued for the rest.
    app.settle().await;
    assert_eq!(app.emails_to(&addresses[0]).len(), 1);
}

#[test]
fn jobs_hold_thirty_two_emails_at_most_and_round_trip() {
    let ids: Vec<EmailId> = (1..=33).map(EmailId).collect();
    let jobs = Job::send_emails(&ids);
    let sizes: Vec<usize> = jobs
        .iter()
        .map(|job| match job {
            Job::SendEmails { emails } => emails.len(),
            _ => 0,
        })
        .collect();
    assert_eq!(sizes, [32, 1]);
    let text = serde_json::to_string(&jobs[1]).unwrap();
    assert_eq!(text, r#"{"job":"send_emails","emails":[33]}"#);
    assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), jobs[1]);
}
