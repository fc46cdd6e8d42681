//! Operators send an issue again to those who missed it, on its report.

use crate::support::{
    Engine, TestApp, on_both_engines,
    operator::hidden,
    smtp_server::{Script, SmtpServer},
};
use daily::domain::issue::status::IssueStatus;

on_both_engines!(
    an_issue_is_sent_again_by_name_and_number_to_those_who_missed_it,
    all_who_missed_it_are_listed
);

const REPORT: &str = "/admin/n/daily/issues/2026-05-01/report";
const RESEND: &str = "/admin/n/daily/issues/2026-05-01/resend";

async fn an_issue_is_sent_again_by_name_and_number_to_those_who_missed_it(engine: Engine) {
    let refusing = Script::accept()
        .refuse("full@example.org", "552 5.2.2 full@example.org is full")
        .refuse("dead@example.org", "550 5.1.1 no such user");
    let server = SmtpServer::start(refusing).await;
    let app = TestApp::with_ports(engine, &[server.port()], |_| {}).await;
    app.change_newsletter(|it| it.title = "The Lamp".into()).await;
    for name in ["ann", "full", "dead"] {
        app.reader_at_once(&format!("{name}@example.org")).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    let issue = app.latest_issue().await.id;
    server.follow(Script::accept());
    let desk = app.operator("Ines", "sender").await;
    let report = desk.opens(REPORT).await;
    assert!(report.contains("1 reader can still get it") && report.contains("Send to 1 reader"), "{report}");
    assert!(!report.contains("full@example.org"), "a sender doesn't see readers: {report}");
    let (count, seen) = (hidden(&report, "count"), hidden(&report, "seen"));
    let fields = |count: &str, seen: &str, name: &str| {
        [("count", count.to_owned()), ("seen", seen.to_owned()), ("name", name.to_owned())]
    };
    let send = async |fields: [(&'static str, String); 3]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        desk.does(REPORT, RESEND, &fields).await
    };
    for (fields, answer) in [
        (fields(&count, &seen, "The Tide"), "Type that name to send it again."),
        (fields("0", &seen, "The Lamp"), "Missed by now: 1 reader."),
        (fields(&count, "0 0", "The Lamp"), "Missed by now: 1 reader."),
    ] {
        let refused = send(fields).await;
        assert!(refused.contains("Nothing was sent.") && refused.contains(answer), "{refused}");
        assert_eq!(app.counts(issue).await.failed, 2);
    }
    let viewer = app.operator("Vera", "viewer").await;
    assert!(!viewer.opens(REPORT).await.contains("Send to 1 reader"));
    assert_eq!(viewer.submits_on(REPORT, RESEND, &[("count", "1")]).await.page.status, 403);
    let page = send(fields(&count, &seen, "the lamp")).await;
    assert!(page.contains("<b>Going out again.</b> To 1 reader"), "{page}");
    app.wait_for_status(issue, IssueStatus::Sent).await;
    app.settle().await;
    assert_eq!((app.counts(issue).await.sent, app.counts(issue).await.failed), (2, 1));
    let again = send(fields(&count, &seen, "The Lamp")).await;
    assert!(again.contains("Nothing was sent."), "the old form counts once: {again}");
    let report = desk.opens(REPORT).await;
    assert!(report.contains("sent again to 1 reader who missed it"), "{report}");
    assert!(!report.contains("can still get it"), "{report}");
    assert_eq!(server.record().accepted().count(), 2);
}

async fn all_who_missed_it_are_listed(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    app.readers(23, "example.org").await;
    app.send_issue().await;
    app.store().await.set_deliveries("failed").await;
    let desk = app.operator("Ada", "admin").await;
    let first = desk.opens(REPORT).await;
    assert!(first.contains("20 of 23") && first.contains("reader19@example.org"), "{first}");
    assert!(!first.contains("reader20@example.org"), "{first}");
    let (_, rest) = first.split_once("report?after=").unwrap();
    let after = rest.split('#').next().unwrap();
    let second = desk.opens(&format!("{REPORT}?after={after}")).await;
    assert!(second.contains("reader22@example.org") && !second.contains("reader19@example.org"), "{second}");
    assert!(!second.contains("report?after="), "{second}");
}
