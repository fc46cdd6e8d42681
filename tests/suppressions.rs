//! Suppressions by a relay that was wrong, and their undoing.

use crate::support::{
    DAY, Engine, TestApp, on_both_engines,
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    domain::{
        issue::status::IssueStatus,
        subscriber::subscription::SubscriptionStatus::{Active, Undeliverable},
    },
    settings::Settings,
};
use jiff::SignedDuration;

const ANN: &str = "ann@example.org";
const READERS: usize = 20;

on_both_engines!(
    an_issue_that_is_held_suppresses_nobody,
    an_operator_undoes_what_one_issue_suppressed,
    an_operator_lifts_single_suppressions,
    a_signup_for_a_suppressed_address_may_ask_once_a_month,
    a_signup_never_lifts_a_complaint,
);

/// Starts an app whose relay refuses every recipient, and sends an issue. Returns the relay and the readers.
async fn refused(engine: Engine, change: impl FnOnce(&mut Settings)) -> (TestApp, SmtpServer, Vec<String>) {
    let script = Script::accept().always(Step::Rcpt, Action::reply("550 5.1.1 no such user"));
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], change).await;
    let (_, readers) = app.begin_issue_to(READERS).await;
    app.settle().await;
    (app, server, readers)
}

async fn an_issue_that_is_held_suppresses_nobody(engine: Engine) {
    let (app, _relay, readers) = refused(engine, |_| {}).await;
    assert_eq!(app.latest_issue().await.status, IssueStatus::Held);
    for reader in &readers {
        assert_eq!(app.suppressed(reader).await, None, "{reader}");
        assert_eq!(app.status_of(reader).await, Some(Active), "{reader}");
    }
}

async fn an_operator_undoes_what_one_issue_suppressed(engine: Engine) {
    let (app, _relay, readers) = refused(engine, |settings| settings.sending.max_failed_percent = 100).await;
    app.suppress("eve@example.net", "undeliverable: elsewhere").await;
    for reader in &readers {
        assert_eq!(app.status_of(reader).await, Some(Active), "{reader} was refused on one day");
    }
    app.clock.advance(DAY);
    app.article("Another story").await;
    app.begin_issue().await;
    app.settle().await;
    for reader in &readers {
        assert_eq!(app.status_of(reader).await, Some(Undeliverable), "{reader} was refused on two days");
    }
    let date = app.latest_issue().await.issue_date.to_string();
    let daily = app.program();
    let ended = daily.run(&["--json", "subscriber", "unsuppress", "--issue", &date]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let lifted = ended.json();
    assert_eq!((&lifted["addresses"], &lifted["subscriptions"]), (&READERS.into(), &READERS.into()));
    for reader in &readers {
        assert_eq!(app.suppressed(reader).await, None, "{reader}");
        assert_eq!(app.status_of(reader).await, Some(Active), "{reader}");
    }
    assert!(app.suppressed("eve@example.net").await.is_some());
    let audit = daily.run(&["--json", "audit", "--limit", "1"]).await.json();
    let entry = &audit[0];
    assert_eq!(
        (&entry["action"], &entry["after"]["addresses"]),
        (&"subscriber.unsuppress".into(), &READERS.into())
    );
    assert!(entry["actor"].to_string().contains("host"), "{entry}");
}

async fn an_operator_lifts_single_suppressions(engine: Engine) {
    let app = TestApp::start(engine).await;
    for address in [ANN, "ben@example.org", "cas@example.org"] {
        app.suppress(address, "undeliverable: 550").await;
    }
    let daily = app.program();
    let one = daily.run(&["subscriber", "unsuppress", "Ann@EXAMPLE.org"]).await;
    assert_eq!(&*one.stdout, "1 address may be emailed again; subscriptions active again: 0\n", "{one:?}");
    assert_eq!(&*daily.run(&["subscriber", "unsuppress", ANN]).await.stdout, "nothing was suppressed\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("addresses.txt");
    std::fs::write(&file, "ben@example.org\n\nnobody\n@\n").unwrap();
    let file = file.to_str().unwrap();
    let wrong = daily.run(&["subscriber", "unsuppress", "--file", file]).await;
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("line 3: ") && wrong.stderr.contains("line 4: "), "{wrong:?}");
    assert!(app.suppressed("ben@example.org").await.is_some(), "all or nothing");
    std::fs::write(file, "ben@example.org\ncas@example.org\nnew@example.org\n").unwrap();
    let many = daily.run(&["subscriber", "unsuppress", "--file", file]).await;
    assert!(many.stdout.starts_with("2 addresses may be emailed again"), "{many:?}");
    assert_eq!(daily.run(&["subscriber", "unsuppress"]).await.code, 2);
}

async fn a_signup_for_a_suppressed_address_may_ask_once_a_month(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.suppress(ANN, "undeliverable: 550 5.1.1").await;
    let ann = app.visitor(ANN);
    let mut emails = Vec::new();
    for _ in 0..6 {
        app.clock.advance(SignedDuration::from_hours(24 * 7));
        ann.signs_up().await;
        app.settle().await;
        emails.push(ann.emails().len());
    }
    assert_eq!(emails, [1, 1, 1, 1, 1, 2]);
    assert!(app.suppressed(ANN).await.is_some(), "only the reader can lift it");
    ann.confirms().await;
    assert_eq!((app.suppressed(ANN).await, app.status_of(ANN).await), (None, Some(Active)));
}

async fn a_signup_never_lifts_a_complaint(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.suppress(ANN, "complained: as list.csv has it").await;
    let ann = app.visitor(ANN);
    ann.signs_up().await;
    app.settle().await;
    assert!(ann.emails().is_empty());
}
