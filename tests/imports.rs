//! Readers taken over from other systems, and lists of readers written out.

mod leavers;

use crate::support::{
    Engine,
    app::{TestApp, at},
    command::Environment,
    on_both_engines,
};
use daily::{
    actions::{
        import_subscribers::{Import, ImportError, LeftOut, ListError, Summary, import_subscribers},
        pause_subscription::pause_subscription,
    },
    db::{
        DatabaseUrl,
        subscriptions::{self, ConsentRecord, SubscriptionRecord},
        suppressions,
    },
    domain::{
        email_address::EmailAddress,
        import::{Dates, LayoutOptions, Outcome, Source},
        newsletter::WhoseClock,
        subscription::SubscriptionStatus,
    },
};
use jiff::tz::TimeZone;
use std::io::Cursor;

/// A list as it is imported in most stories.
async fn plain(app: &TestApp) -> Import {
    Import {
        newsletter: app.newsletter().await.id,
        file_name: "list.csv".into(),
        layout: LayoutOptions::default(),
        encoding: None,
        dates: Dates { format: None, zone: TimeZone::UTC, now: app.clock.now() },
        dry_run: false,
    }
}

async fn run(app: &TestApp, import: Import, text: &str) -> (Summary, Vec<LeftOut>) {
    let mut left_out = Vec::new();
    let file = Cursor::new(text.as_bytes().to_vec());
    let summary = import_subscribers(&app.app.actions, file, import, |it| {
        left_out.push(it.clone());
        Ok(())
    });
    (summary.await.unwrap(), left_out)
}

/// Imports a list and returns its outcomes, in words.
async fn take(app: &TestApp, text: &str) -> String {
    words(&run(app, plain(app).await, text).await.0)
}

async fn try_it(app: &TestApp, text: &str) -> String {
    words(&run(app, Import { dry_run: true, ..plain(app).await }, text).await.0)
}

fn words(summary: &Summary) -> String {
    let outcomes = summary.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}"));
    let refused = summary.refused.iter().map(|(kind, count)| format!("{count} refused: {kind}"));
    outcomes.chain(refused).collect::<Vec<_>>().join(", ")
}

async fn subscription(app: &TestApp, address: &str) -> SubscriptionRecord {
    let mut tx = app.app.db.read().await.unwrap();
    let address = EmailAddress::parse(address).unwrap();
    subscriptions::of_address(&mut tx, &address).await.unwrap().remove(0)
}

async fn ledger(app: &TestApp, address: &str) -> Vec<ConsentRecord> {
    let id = subscription(app, address).await.id;
    subscriptions::consent_history(&mut app.app.db.read().await.unwrap(), id).await.unwrap()
}

async fn suppressed(app: &TestApp, address: &str) -> Option<String> {
    let address = EmailAddress::parse(address).unwrap();
    suppressions::reason(&mut app.app.db.read().await.unwrap(), &address).await.unwrap()
}

/// What is stored, altogether.
async fn size(app: &TestApp) -> [i64; 6] {
    let store = app.store().await;
    let mut size = [0; 6];
    let tables = [
        "subscribers",
        "subscriptions",
        "consent_events",
        "suppressions",
        "newsletter_suppressions",
        "mails",
    ];
    for (count, table) in size.iter_mut().zip(tables) {
        *count = store.number(&format!("SELECT count(*) FROM {table}")).await;
    }
    size
}

const MEMBERS: &str = "Email Address,First Name,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,TAGS\n\
    ann@example.org,Ann,2021-05-04 10:22:31,192.0.2.7,2021-05-04 10:24:02,192.0.2.8,\"\"\"daily\"\"\"\n\
    Bob@Example.org,\"Bob,\nthe first\",,,2020-02-29 23:59:59,,\n\
    cleo@example.org,Cleo,2021-05-04 10:22:31,192.0.2.7,,,\n\
    nobody,,,,2020-02-29 23:59:59,,\n\
    ann@example.org,Ann again,,,2022-02-02 00:00:00,,\n";
/// They left less than three years ago (`retention.left_days`), so no worker forgets them in the meantime.
const LEAVERS: &str = "Email Address,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,UNSUB_REASON\n\
    dora@example.org,,2019-05-04 10:24:02,2025-08-01 06:00:00,NORMAL (enough)\n\
    emil@example.org,,2019-05-04 10:24:02,2025-08-01 06:00:00,ABUSE (a report)\n";
const BOUNCED: &str = "Email Address,OPTIN_TIME,CONFIRM_TIME,CLEAN_TIME\n\
    finn@example.org,,2019-05-04 10:24:02,2025-07-01 06:00:00\n";

on_both_engines!(
    who_confirmed_elsewhere_is_active_here_with_the_evidence,
    a_dry_run_tells_the_same_and_changes_nothing,
    a_second_run_changes_nothing_more,
    who_left_or_can_not_be_mailed_never_becomes_active,
    readers_here_go_by_what_they_did_here,
    a_long_list_is_taken_in_portions_and_what_stood_before_trouble_stays,
);

async fn who_confirmed_elsewhere_is_active_here_with_the_evidence(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (summary, left_out) = run(&app, plain(&app).await, MEMBERS).await;
    assert_eq!(words(&summary), "2 added, 1 unconfirmed, 1 duplicate, 1 refused: address");
    assert_eq!((summary.source, summary.rows), (Some(Source::Mailchimp), 5));
    let told: Vec<_> = left_out.iter().map(|it| (it.line, it.outcome)).collect();
    assert_eq!(told, [(5, "unconfirmed"), (6, "refused"), (7, "duplicate")]);

    let ann = subscription(&app, "ann@example.org").await;
    assert_eq!(ann.status, SubscriptionStatus::Active);
    assert_eq!(ann.confirmed_at.unwrap().0, at("2021-05-04T10:24:02Z"));
    let events = ledger(&app, "ann@example.org").await;
    let told: Vec<_> = events
        .iter()
        .map(|it| {
            (it.kind.as_str(), it.method.as_str(), it.occurred_at.0, it.client_address.as_deref().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("requested", "import", at("2021-05-04T10:22:31Z"), "192.0.2.7"),
            ("confirmed", "import", at("2021-05-04T10:24:02Z"), "192.0.2.8"),
        ]
    );
    assert_eq!(events[1].source_url.as_deref(), Some("list.csv, read 2026-05-01T12:00:00Z"));
    assert_eq!(app.status_of("bob@example.org").await, Some(SubscriptionStatus::Active));
    assert_eq!(app.status_of("cleo@example.org").await, None);
    app.settle().await;
    assert!(app.mails().is_empty(), "nobody is mailed");
}

async fn a_dry_run_tells_the_same_and_changes_nothing(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader_at_once("dora@example.org").await;
    let before = size(&app).await;
    let both_ways = "email,status\nx@example.org,active\nx@example.org,unsubscribed\nx@example.org,active\n";
    let mut tried = Vec::new();
    for list in [MEMBERS, LEAVERS, BOUNCED, both_ways] {
        tried.push(try_it(&app, list).await);
    }
    assert_eq!(size(&app).await, before);
    for (list, tried) in [MEMBERS, LEAVERS, BOUNCED, both_ways].iter().zip(tried) {
        assert_eq!(take(&app, list).await, tried);
    }
    // Of an address that is there twice, that it left holds.
    assert_eq!(app.status_of("x@example.org").await, Some(SubscriptionStatus::Unsubscribed));
}

async fn a_second_run_changes_nothing_more(engine: Engine) {
    let app = TestApp::start(engine).await;
    for list in [MEMBERS, LEAVERS, BOUNCED] {
        take(&app, list).await;
    }
    let before = size(&app).await;
    assert_eq!(take(&app, MEMBERS).await, "2 known, 1 unconfirmed, 1 duplicate, 1 refused: address");
    assert_eq!(take(&app, LEAVERS).await, "2 known");
    assert_eq!(take(&app, BOUNCED).await, "1 known");
    assert_eq!(size(&app).await, before);
}

async fn who_left_or_can_not_be_mailed_never_becomes_active(engine: Engine) {
    let app = TestApp::start(engine).await;
    assert_eq!(take(&app, LEAVERS).await, "1 left, 1 suppressed");
    assert_eq!(take(&app, BOUNCED).await, "1 suppressed");
    assert_eq!(app.status_of("dora@example.org").await, Some(SubscriptionStatus::Unsubscribed));
    assert_eq!(app.consent_of("dora@example.org").await, ["confirmed", "unsubscribed"]);
    assert!(suppressed(&app, "emil@example.org").await.unwrap().starts_with("complained: as list.csv, read"));
    assert!(suppressed(&app, "finn@example.org").await.unwrap().starts_with("undeliverable: "));
    // Another list says that they want mail.
    let list = "email,status\ndora@example.org,active\nEMIL@example.org,active\nfinn@example.org,active\n";
    assert_eq!(take(&app, list).await, "1 left_here, 2 suppressed_here");
    assert_eq!(app.status_of("dora@example.org").await, Some(SubscriptionStatus::Unsubscribed));
    assert_eq!(app.status_of("emil@example.org").await, None);
    // Who left can come back by themselves.
    app.reader("dora@example.org").await;
    assert_eq!(app.status_of("dora@example.org").await, Some(SubscriptionStatus::Active));
    // And stays, for they came back after they had left there.
    assert_eq!(take(&app, LEAVERS).await, "2 known");
    assert_eq!(app.status_of("dora@example.org").await, Some(SubscriptionStatus::Active));
}

async fn readers_here_go_by_what_they_did_here(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.sign_up("bob@example.org").await;
    app.settle().await;
    take(&app, "email,status\ncleo@example.org,active\n").await;
    let mails = app.mails().len();
    let list = "email,status,cadence,time_zone\nann@example.org,active,weekly,\nbob@example.org,active,,\n\
        cleo@example.org,unsubscribed,,\ndave@example.org,paused,weekdays,Europe/Berlin\n";
    assert_eq!(take(&app, list).await, "2 added, 1 known, 1 ended");
    assert_eq!(subscription(&app, "ann@example.org").await.cadence.as_str(), "every_issue");
    // Pending here and confirmed elsewhere: that is a confirmation.
    assert_eq!(app.status_of("bob@example.org").await, Some(SubscriptionStatus::Active));
    assert_eq!(app.consent_of("bob@example.org").await, ["requested", "confirmed"]);
    // Known from a list only, and another list says that they left.
    assert_eq!(app.status_of("cleo@example.org").await, Some(SubscriptionStatus::Unsubscribed));
    assert_eq!(app.consent_of("cleo@example.org").await, ["confirmed", "unsubscribed"]);
    let dave = subscription(&app, "dave@example.org").await;
    assert_eq!((dave.status, dave.time_zone.as_deref()), (SubscriptionStatus::Paused, Some("Europe/Berlin")));
    assert_eq!(app.mails().len(), mails);
}

async fn a_long_list_is_taken_in_portions_and_what_stood_before_trouble_stays(engine: Engine) {
    let app = TestApp::start(engine).await;
    let row = |n: u32| {
        format!("r{n}@example.org;{}\n", if n.is_multiple_of(10) { "unsubscribed" } else { "subscribed" })
    };
    let mut list = "email;state\n".to_owned();
    list.extend((0..9_000).map(row));
    let whole = list.clone();
    list.push_str("\"never@example.org;subscribed\n");
    list.push_str(&"x".repeat(2_000_000));
    let ended = import_subscribers(&app.app.actions, Cursor::new(list), plain(&app).await, |_| Ok(())).await;
    assert!(matches!(ended, Err(ImportError::List(ListError::EndlessRow { line: 9002 }))), "{ended:?}");
    let active = "SELECT count(*) FROM subscriptions WHERE status = 'active'";
    assert_eq!(app.store().await.number(active).await, 8_100);
    assert_eq!(take(&app, &whole).await, "9000 known");
    assert_eq!(run(&app, plain(&app).await, &whole).await.0.count(Outcome::Added), 0);
}

/// The program on the database of a story.
fn program(app: &TestApp) -> Environment {
    let settings = &app.app.settings;
    let url = match &settings.database {
        DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
        DatabaseUrl::Postgres(url) => url.clone(),
    };
    Environment::in_folder(&settings.data_folder, Some(&url))
}

/// All readers, as `daily subscriber export` writes them.
async fn export(app: &TestApp, arguments: &[&str]) -> String {
    let ended = program(app).run(&[&["subscriber", "export"][..], arguments].concat()).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout
}

on_both_engines!(
    what_is_exported_is_read_back_as_it_was,
    a_reader_who_rests_comes_back_on_the_same_day_elsewhere,
    who_must_not_be_mailed_is_exported_so,
);

async fn what_is_exported_is_read_back_as_it_was(engine: Engine) {
    let here = TestApp::start(engine).await;
    take(&here, MEMBERS).await;
    take(&here, LEAVERS).await;
    take(
        &here,
        "email,status,cadence,sections,time_zone,send_time,language\n\
        '=cmd@example.org,active,weekly,\"science,Local News\",Europe/Berlin,07:30,de\n\
        gus@example.org,paused,,,,,\n",
    )
    .await;
    here.reader("hal@example.org").await;
    here.sign_up("ida@example.org").await;
    here.settle().await;
    let written = export(&here, &[]).await;
    assert!(written.contains("\n'=cmd@example.org,active,"), "{written}");
    assert!(written.contains("\nida@example.org,pending,"), "{written}");
    assert!(written.contains(",07:30,,de\n"), "{written}");

    let there = TestApp::start(engine).await;
    assert_eq!(try_it(&there, &written).await, "5 added, 1 left, 1 unconfirmed");
    assert_eq!(take(&there, &written).await, "5 added, 1 left, 1 unconfirmed");
    let confirmed: String = written.split_inclusive('\n').filter(|line| !line.starts_with("ida")).collect();
    assert_eq!(export(&there, &[]).await, confirmed);
    assert_eq!(take(&here, &written).await, "6 known, 1 unconfirmed");

    let active = export(&here, &["--status", "active", "--json"]).await;
    let readers: Vec<serde_json::Value> =
        active.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let addresses: Vec<_> = readers.iter().map(|it| it["email"].as_str().unwrap()).collect();
    assert_eq!(addresses, ["ann@example.org", "Bob@example.org", "=cmd@example.org", "hal@example.org"]);
    assert_eq!(readers[0]["confirmed_ip"], "192.0.2.8");
}

async fn a_reader_who_rests_comes_back_on_the_same_day_elsewhere(engine: Engine) {
    let here = TestApp::start(engine).await;
    let (today, until) = (here.clock.now(), jiff::civil::date(2026, 5, 9));
    for address in ["ann@example.org", "bob@example.org"] {
        here.reader_at_once(address).await;
        let id = subscription(&here, address).await.id;
        assert!(pause_subscription(&here.app.actions, id, until).await.unwrap());
    }
    here.store()
        .await
        .execute(
            "UPDATE subscriptions SET time_zone = 'Pacific/Auckland' WHERE subscriber_id = \
        (SELECT id FROM subscribers WHERE address_key = 'bob@example.org')",
        )
        .await;
    let written = export(&here, &[]).await;
    assert!(written.lines().next().unwrap().ends_with(",paused_until,language"), "{written}");
    assert!(written.contains("\nann@example.org,paused,") && written.contains(",2026-05-09,\n"), "{written}");

    let there = TestApp::start(engine).await;
    there.change_newsletter(|it| it.clock = WhoseClock::Reader).await;
    // Her address was typed into the form there.
    there.sign_up("ann@example.org").await;
    there.signups_taken().await;
    assert_eq!(take(&there, &written).await, "2 added");
    for address in ["ann@example.org", "bob@example.org"] {
        let it = subscription(&there, address).await;
        assert_eq!((it.status, it.paused_until.as_deref()), (SubscriptionStatus::Paused, Some("2026-05-09")));
    }
    let store = there.store().await;
    let resumes = format!(
        "SELECT CAST({} AS BIGINT) FROM subscriptions WHERE paused_until = '2026-05-09' AND time_zone ",
        store.micros("resumes_at")
    );
    assert_eq!(
        store.number(&format!("{resumes} IS NULL")).await,
        at("2026-05-09T00:00:00Z").as_microsecond()
    );
    assert_eq!(
        store.number(&format!("{resumes} IS NOT NULL")).await,
        at("2026-05-08T12:00:00Z").as_microsecond()
    );
    there.clock.set(at("2026-05-09T00:00:00Z"));
    there.tick().await;
    for address in ["ann@example.org", "bob@example.org"] {
        assert_eq!(subscription(&there, address).await.status, SubscriptionStatus::Active);
    }

    // A day that has passed is no pause any more.
    let later = TestApp::start(engine).await;
    later.clock.advance(at("2026-05-20T00:00:00Z").duration_since(today));
    assert_eq!(take(&later, &written).await, "2 added");
    let it = subscription(&later, "ann@example.org").await;
    assert_eq!((it.status, it.paused_until), (SubscriptionStatus::Active, None));
}

async fn who_must_not_be_mailed_is_exported_so(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader_at_once("ann@example.org").await;
    take(&app, BOUNCED).await;
    app.store()
        .await
        .execute(
            "INSERT INTO suppressions (address_key, reason, created_at) \
        SELECT 'ann@example.org', reason, created_at FROM suppressions",
        )
        .await;
    let written = export(&app, &[]).await;
    assert!(written.contains("\nann@example.org,blocked,"), "{written}");
    let there = TestApp::start(engine).await;
    assert_eq!(take(&there, &written).await, "1 suppressed");
}

/// Runs `daily` in a folder.
async fn daily(folder: &std::path::Path, arguments: &[&str]) -> crate::support::command::Ended {
    Environment::in_folder(folder, None).run(arguments).await
}

#[tokio::test]
async fn the_command_tells_what_it_did_and_reports_each_row_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (list, report) = (file("list.csv"), file("report.csv"));
    // Latin-1, semicolons, dates of its own, a formula.
    let text = b"E-Mail;Name;Seit\nzoe@example.fr;Zo\xeb;04/05/2021 10:22\n=cmd@example.fr;;\nnobody;;01/01/2020 00:00\n";
    std::fs::write(&list, text).unwrap();
    let ended = daily(folder.path(), &["subscriber", "import", &list]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("nothing in this list tells who confirmed"), "{}", ended.stderr);
    let map = "confirmed_at=Seit";
    let way = [
        "--map",
        map,
        "--encoding",
        "latin1",
        "--date-format",
        "%d/%m/%Y %H:%M",
        "--time-zone",
        "Europe/Paris",
    ];
    let ended =
        daily(folder.path(), &[&["subscriber", "import", &list, "--dry-run"][..], &way].concat()).await;
    assert!(ended.stdout.starts_with("Nothing was changed. An import would do this:\n"), "{}", ended.stdout);
    assert!(ended.stderr.contains("line 4: `nobody`: an email address has the form"), "{}", ended.stderr);
    let arguments = [&["--json", "subscriber", "import", &list, "--report", &report][..], &way].concat();
    let ended = daily(folder.path(), &arguments).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&told["rows"], &told["outcomes"]["added"], &told["refused"]["address"]),
        (&3.into(), &1.into(), &1.into())
    );
    let report = std::fs::read_to_string(&report).unwrap();
    assert!(
        report.starts_with(
            "line,outcome,address,reason\n3,unconfirmed,'=cmd@example.fr,the list does not show that they confirmed\n4,refused,,"
        ),
        "{report}"
    );
    let shown = daily(folder.path(), &["subscriber", "show", "zoe@example.fr"]).await;
    assert!(shown.stdout.contains("2021-05-04 08:22:00Z  confirmed (import)"), "{}", shown.stdout);
    let wrong = daily(folder.path(), &["subscriber", "import", &list, "--map", "colour=red"]).await;
    assert_eq!(wrong.code, 2);
    // All in a file have left, as its operator says.
    let left = [&["--json", "subscriber", "import", &list, "--encoding", "latin1", "--all-unsubscribed"][..]]
        .concat();
    let ended = daily(folder.path(), &left).await;
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&told["outcomes"]["ended"], &told["outcomes"]["left"]),
        (&1.into(), &1.into()),
        "{}",
        ended.stdout
    );
    let both = daily(folder.path(), &[&left[..], &["--all-confirmed"]].concat()).await;
    assert_eq!(both.code, 2);
}

#[tokio::test]
async fn a_report_is_a_new_file_for_its_operator_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (list, report) = (file("list.csv"), file("report.csv"));
    let text = "email,status\nann@example.org,pending\n";
    std::fs::write(&list, text).unwrap();
    for report in [&list, &file("./list.csv")] {
        let ended =
            daily(folder.path(), &["subscriber", "import", &list, "--dry-run", "--report", report]).await;
        assert_eq!(ended.code, 1);
        assert!(ended.stderr.contains("is there already"), "{}", ended.stderr);
        assert_eq!(std::fs::read_to_string(&list).unwrap(), text);
    }
    // One that failed before its first row does not stand in the way of the next.
    let failed =
        daily(folder.path(), &["subscriber", "import", &list, "--from", "ghost", "--report", &report]).await;
    assert!(failed.code == 1 && !std::path::Path::new(&report).exists(), "{}", failed.stderr);
    let ended = daily(folder.path(), &["subscriber", "import", &list, "--report", &report]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(std::fs::metadata(&report).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        std::fs::read_to_string(&report)
            .unwrap()
            .contains("2,unconfirmed,ann@example.org,the list does not show that they confirmed")
    );
}
