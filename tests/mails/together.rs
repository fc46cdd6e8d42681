//! Several mails in one job.

use super::all_mails;
use crate::support::{Engine, app::TestApp, on_both_engines};
use daily::{
    db::mails,
    domain::{
        email_address::EmailAddress,
        ids::MailId,
        mail::{MailKind, MailStatus},
    },
    jobs::send_mail,
    queue::Job,
};

/// Puts mails to say that they get it already into the table, without a job.
async fn waiting(app: &TestApp, addresses: &[&str]) -> Vec<MailId> {
    let newsletter = app.newsletter().await.id;
    let mut ids = Vec::new();
    for address in addresses {
        let subscription = super::subscription(app, address).await;
        let recipient = EmailAddress::parse(address).unwrap();
        let mail = mails::NewMail {
            kind: MailKind::AlreadySubscribed,
            newsletter,
            recipient: &recipient,
            subscription: Some(subscription),
            confirmation: None,
            issue: None,
            feed: None,
            message_id: &format!("{address}.test"),
        };
        let mut tx = app.app.db.begin().await.unwrap();
        ids.push(mails::insert(&mut tx, &mail, app.clock.now()).await.unwrap());
        tx.commit().await.unwrap();
    }
    ids
}

on_both_engines!(
    one_job_sends_many_each_once_and_passes_over_what_is_done,
    the_number_of_an_attempt_is_used_once_whatever_came_of_it,
    a_process_that_ends_hands_on_what_it_has_not_begun,
);

async fn one_job_sends_many_each_once_and_passes_over_what_is_done(engine: Engine) {
    let app = TestApp::start(engine).await;
    let addresses: Vec<String> = (0..20).map(|n| format!("reader{n}@example.org")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    for address in &addresses {
        app.reader_at_once(address).await;
    }
    let before = app.mails().len();
    let ids = waiting(&app, &addresses).await;
    // Named twice, and by two jobs at once.
    let twice: Vec<MailId> = ids.iter().chain(&ids).copied().collect();
    let (one, other) =
        tokio::join!(send_mail::run(&app.app.jobs, &twice), send_mail::run(&app.app.jobs, &ids));
    one.unwrap();
    other.unwrap();
    assert_eq!(app.mails().len(), before + 20);
    for address in &addresses {
        assert_eq!(app.mails_to(address).len(), 1, "{address}");
    }
    let rows = all_mails(&app).await;
    assert!(rows.iter().all(|it| it.status == MailStatus::Sent && it.attempts == 1), "{rows:?}");
}

async fn the_number_of_an_attempt_is_used_once_whatever_came_of_it(engine: Engine) {
    // Nobody listens there.
    let app = TestApp::with_relay(engine, "smtp://127.0.0.1:1").await;
    app.reader_at_once("ann@example.org").await;
    let ids = waiting(&app, &["ann@example.org"]).await;
    for attempts in 1..=3 {
        send_mail::run(&app.app.jobs, &ids).await.unwrap();
        let mail = all_mails(&app).await.remove(0);
        assert_eq!((mail.status, mail.attempts, mail.relay_waits), (MailStatus::Queued, attempts, attempts));
        app.clock.advance(jiff::SignedDuration::from_mins(30));
    }
    // An answer to an earlier attempt that comes late changes nothing.
    let mail = all_mails(&app).await.remove(0);
    let mut tx = app.app.db.begin().await.unwrap();
    let begun =
        mails::begin(&mut tx, &ids, app.clock.now(), app.clock.now() + jiff::SignedDuration::from_mins(1))
            .await;
    assert_eq!(begun.unwrap()[0].attempts, 4);
    let answer = daily::domain::delivery::Answer::new("", None, "late");
    assert!(
        !mails::finish(&mut tx, mail.attempt(), MailStatus::Sent, &answer, app.clock.now()).await.unwrap()
    );
    assert!(!mails::postpone(&mut tx, mail.attempt(), &answer, app.clock.now(), false).await.unwrap());
}

async fn a_process_that_ends_hands_on_what_it_has_not_begun(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader_at_once("ann@example.org").await;
    let ids = waiting(&app, &["ann@example.org"]).await;
    let mut ending = app.app.jobs.clone();
    ending.stop = tokio_util::sync::CancellationToken::new();
    ending.stop.cancel();
    send_mail::run(&ending, &ids).await.unwrap();
    // The test's own worker gets the job that was handed on.
    app.settle().await;
    assert_eq!(app.mails_to("ann@example.org").len(), 1);
}

#[test]
fn jobs_hold_sixteen_mails_at_most_and_are_read_back() {
    let ids: Vec<MailId> = (1..=33).map(MailId).collect();
    let jobs = Job::send_all(&ids);
    let sizes: Vec<usize> = jobs
        .iter()
        .map(|job| match job {
            Job::SendMails { mails } => mails.len(),
            _ => 0,
        })
        .collect();
    assert_eq!(sizes, [16, 16, 1]);
    let text = serde_json::to_string(&jobs[2]).unwrap();
    assert_eq!(text, r#"{"job":"send_mails","mails":[33]}"#);
    assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), jobs[2]);
    // As an older version left it.
    let old: Job = serde_json::from_str(r#"{"job":"send_mail","mail":7}"#).unwrap();
    assert_eq!(old, Job::SendMail { mail: MailId(7) });
}
