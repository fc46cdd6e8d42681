//! Importing lists of readers from other systems, and exporting them.

mod unsubscribed;

use crate::support::{
    Engine, OPERATOR, TestApp, at,
    command::{Ended, Environment},
    on_both_engines,
    reader::anything,
};
use daily::{
    actions::subscription::{
        import_subscribers::{Import, ImportError, ListError, Summary, import_subscribers},
        pause_subscription::pause_subscription,
    },
    db::subscribers,
    domain::{
        import::{Outcome, Source},
        newsletter::{SendClock, parse_time_zone},
        subscriber::{preferences::Preferences, subscription::SubscriptionStatus},
    },
};
use std::{io::Cursor, path::Path};

/// Imports a list and returns its outcomes as text.
async fn import_outcomes(app: &TestApp, text: &str) -> String {
    words(&app.import_list(text).await)
}

async fn try_it(app: &TestApp, text: &str) -> String {
    words(&app.run_import(Import { dry_run: true, ..app.import().await }, text).await.0)
}

fn words(summary: &Summary) -> String {
    let outcomes = summary.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}"));
    let refused = summary.refused.iter().map(|(kind, count)| format!("{count} refused: {kind}"));
    outcomes.chain(refused).collect::<Vec<_>>().join(", ")
}

/// Returns the number of rows in each table that an import may change.
async fn size(app: &TestApp) -> [i64; 6] {
    let store = app.store().await;
    let mut size = [0; 6];
    let tables = [
        "subscribers",
        "subscriptions",
        "consent_events",
        "suppressions",
        "newsletter_suppressions",
        "emails",
    ];
    for (count, table) in size.iter_mut().zip(tables) {
        *count = store.rows_in(table).await;
    }
    size
}

const MEMBERS: &str = "Email Address,First Name,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,TAGS\n\
    ann@example.org,Ann,2021-05-04 10:22:31,192.0.2.7,2021-05-04 10:24:02,192.0.2.8,\"\"\"daily\"\"\"\n\
    Bob@Example.org,\"Bob,\nthe first\",,,2020-02-29 23:59:59,,\n\
    cleo@example.org,Cleo,2021-05-04 10:22:31,192.0.2.7,,,\n\
    nobody,,,,2020-02-29 23:59:59,,\n\
    ann@example.org,Ann again,,,2022-02-02 00:00:00,,\n";
/// They unsubscribed less than three years ago (`retention.left_days`), so no worker erases them.
const LEAVERS: &str = "Email Address,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,UNSUB_REASON\n\
    dora@example.org,,2019-05-04 10:24:02,2025-08-01 06:00:00,NORMAL (enough)\n\
    emil@example.org,,2019-05-04 10:24:02,2025-08-01 06:00:00,ABUSE (a report)\n";
const BOUNCED: &str = "Email Address,OPTIN_TIME,CONFIRM_TIME,CLEAN_TIME\n\
    finn@example.org,,2019-05-04 10:24:02,2025-07-01 06:00:00\n";

on_both_engines!(
    confirmed_readers_become_active_with_their_evidence,
    a_dry_run_reports_the_same_and_changes_nothing,
    a_second_import_changes_nothing_more,
    unsubscribed_and_bounced_readers_never_become_active,
    readers_own_actions_take_precedence_over_a_list,
    nothing_of_a_broken_list_is_imported,
    lists_as_other_programs_leave_them_are_read,
);

async fn confirmed_readers_become_active_with_their_evidence(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (summary, left_out) = app.run_import(app.import().await, MEMBERS).await;
    assert_eq!(words(&summary), "2 added, 1 unconfirmed, 1 duplicate, 1 refused: address");
    assert_eq!((summary.source, summary.rows), (Some(Source::Mailchimp), 5));
    let told: Vec<_> = left_out.iter().map(|it| (it.line, it.outcome)).collect();
    assert_eq!(told, [(5, "unconfirmed"), (6, "refused"), (7, "duplicate")]);

    let ann = app.visitor("ann@example.org").subscription().await;
    assert_eq!(ann.status, SubscriptionStatus::Active);
    assert_eq!(ann.confirmed_at.unwrap().0, at("2021-05-04T10:24:02Z"));
    let events = app.visitor("ann@example.org").ledger().await;
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
    assert!(app.emails().is_empty(), "no email is sent");
}

async fn a_dry_run_reports_the_same_and_changes_nothing(engine: Engine) {
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
        assert_eq!(import_outcomes(&app, list).await, tried);
    }
    // If an address is there twice, the unsubscribed row wins.
    assert_eq!(app.status_of("x@example.org").await, Some(SubscriptionStatus::Unsubscribed));
}

async fn a_second_import_changes_nothing_more(engine: Engine) {
    let app = TestApp::start(engine).await;
    for list in [MEMBERS, LEAVERS, BOUNCED] {
        import_outcomes(&app, list).await;
    }
    let before = size(&app).await;
    assert_eq!(
        import_outcomes(&app, MEMBERS).await,
        "2 known, 1 unconfirmed, 1 duplicate, 1 refused: address"
    );
    assert_eq!(import_outcomes(&app, LEAVERS).await, "2 known");
    assert_eq!(import_outcomes(&app, BOUNCED).await, "1 known");
    assert_eq!(size(&app).await, before);
}

async fn unsubscribed_and_bounced_readers_never_become_active(engine: Engine) {
    let app = TestApp::start(engine).await;
    assert_eq!(import_outcomes(&app, LEAVERS).await, "1 left, 1 suppressed");
    assert_eq!(import_outcomes(&app, BOUNCED).await, "1 suppressed");
    assert_eq!(app.status_of("dora@example.org").await, Some(SubscriptionStatus::Unsubscribed));
    assert_eq!(app.consent_of("dora@example.org").await, ["confirmed", "unsubscribed"]);
    assert!(app.suppressed("emil@example.org").await.unwrap().starts_with("complained: as list.csv, read"));
    assert!(app.suppressed("finn@example.org").await.unwrap().starts_with("undeliverable: "));
    // Another list has them as active.
    let list = "email,status\ndora@example.org,active\nEMIL@example.org,active\nfinn@example.org,active\n";
    assert_eq!(import_outcomes(&app, list).await, "1 left_here, 2 suppressed_here");
    assert_eq!(app.status_of("dora@example.org").await, Some(SubscriptionStatus::Unsubscribed));
    assert_eq!(app.status_of("emil@example.org").await, None);
    // They can sign up again themselves.
    app.reader("dora@example.org").await;
    assert_eq!(app.status_of("dora@example.org").await, Some(SubscriptionStatus::Active));
    // They stay subscribed, because they came back after unsubscribing there.
    assert_eq!(import_outcomes(&app, LEAVERS).await, "2 known");
    assert_eq!(app.status_of("dora@example.org").await, Some(SubscriptionStatus::Active));
}

async fn readers_own_actions_take_precedence_over_a_list(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.sign_up("bob@example.org").await;
    app.settle().await;
    import_outcomes(&app, "email,status\ncleo@example.org,active\n").await;
    let mails = app.emails().len();
    let list = "email,status,cadence,time_zone\nann@example.org,active,weekly,\nbob@example.org,active,,\n\
        cleo@example.org,unsubscribed,,\ndave@example.org,paused,weekdays,Europe/Berlin\n";
    assert_eq!(import_outcomes(&app, list).await, "2 added, 1 known, 1 ended");
    assert_eq!(app.visitor("ann@example.org").subscription().await.cadence.as_str(), "every_issue");
    // A confirmation elsewhere confirms a pending subscription here.
    assert_eq!(app.status_of("bob@example.org").await, Some(SubscriptionStatus::Active));
    assert_eq!(app.consent_of("bob@example.org").await, ["requested", "confirmed"]);
    // A later list ends a subscription that only a list began.
    assert_eq!(app.status_of("cleo@example.org").await, Some(SubscriptionStatus::Unsubscribed));
    assert_eq!(app.consent_of("cleo@example.org").await, ["confirmed", "unsubscribed"]);
    let dave = app.visitor("dave@example.org").subscription().await;
    assert_eq!((dave.status, dave.time_zone.as_deref()), (SubscriptionStatus::Paused, Some("Europe/Berlin")));
    assert_eq!(app.emails().len(), mails);
}

async fn nothing_of_a_broken_list_is_imported(engine: Engine) {
    let app = TestApp::start(engine).await;
    let row = |n: u32| {
        format!("r{n}@example.org;{}\n", if n.is_multiple_of(10) { "unsubscribed" } else { "subscribed" })
    };
    let mut whole = "email;state\n".to_owned();
    whole.extend((0..9_000).map(row));
    let open = format!("{whole}\"never@example.org;subscribed\nlost@example.org;subscribed\n");
    let endless = format!("{open}{}", "x".repeat(2_000_000));
    let import = async |list: &str| {
        let list = Cursor::new(list.to_owned());
        import_subscribers(&app.app.actions, &OPERATOR, list, app.import().await, |_| Ok(())).await
    };
    let ended = import(&open).await;
    assert!(matches!(ended, Err(ImportError::List(ListError::OpenQuote { line: 9002 }))), "{ended:?}");
    let ended = import(&endless).await;
    assert!(matches!(ended, Err(ImportError::List(ListError::EndlessRow { line: 9002 }))), "{ended:?}");
    let newsletter = app.newsletter().await.id;
    let active = subscribers::count_active(&mut app.app.db.read().await.unwrap(), newsletter).await;
    assert_eq!(active.unwrap(), 0);
    assert_eq!(import(&whole).await.unwrap().count(Outcome::Added), 8_100);
    assert_eq!(import_outcomes(&app, &whole).await, "9000 known");
}

async fn lists_as_other_programs_leave_them_are_read(engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut import = app.import().await;
    import.layout.all_confirmed = true;
    let (summary, _) =
        app.run_import(import, "ann@example.org\nbob＠example.org\n\u{feff}cyd@exam\u{200b}ple.org\n").await;
    assert_eq!((summary.rows, summary.count(Outcome::Added), summary.tidied), (3, 3, 2));
    let list = "sep=;\nemail;subscribed_to_emails;created_at;email_disabled\n\
                dan@example.org;true;2026-01-01;true\neve@example.org;true;2026-01-01;\n";
    let (summary, _) = app.run_import(app.import().await, list).await;
    assert_eq!((summary.count(Outcome::Added), summary.count(Outcome::Left)), (1, 1));
    assert_eq!(app.status_of("dan@example.org").await, Some(SubscriptionStatus::Unsubscribed));
}

/// Returns all readers, as `daily subscriber export` writes them.
async fn export(app: &TestApp, arguments: &[&str]) -> String {
    let ended = app.program().run(&[&["subscriber", "export"][..], arguments].concat()).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout
}

on_both_engines!(
    an_export_can_be_imported_without_loss,
    a_pause_is_exported_and_ends_on_the_same_day,
    suppressed_readers_are_exported_as_blocked,
);

async fn an_export_can_be_imported_without_loss(engine: Engine) {
    let here = TestApp::start(engine).await;
    import_outcomes(&here, MEMBERS).await;
    import_outcomes(&here, LEAVERS).await;
    import_outcomes(
        &here,
        "email,status,cadence,sections,time_zone,send_time,language\n\
        '=cmd@example.org,active,weekly,\"science,Local News\",Europe/Berlin,07:30,de\n\
        gus@example.org,paused,,,,,\n",
    )
    .await;
    here.reader("hal@example.org").await;
    here.visitor("ida@example.org").signs_up().await;
    let written = export(&here, &[]).await;
    assert!(written.contains("\n'=cmd@example.org,active,"), "{written}");
    assert!(written.contains("\nida@example.org,pending,"), "{written}");
    assert!(written.contains(",07:30,,de\n"), "{written}");

    let there = TestApp::start(engine).await;
    assert_eq!(try_it(&there, &written).await, "5 added, 1 left, 1 unconfirmed");
    assert_eq!(import_outcomes(&there, &written).await, "5 added, 1 left, 1 unconfirmed");
    let confirmed: String = written.split_inclusive('\n').filter(|line| !line.starts_with("ida")).collect();
    assert_eq!(export(&there, &[]).await, confirmed);
    assert_eq!(import_outcomes(&here, &written).await, "6 known, 1 unconfirmed");

    let active = export(&here, &["--status", "active", "--json"]).await;
    let readers: Vec<serde_json::Value> =
        active.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let addresses: Vec<_> = readers.iter().map(|it| it["email"].as_str().unwrap()).collect();
    assert_eq!(addresses, ["ann@example.org", "Bob@example.org", "=cmd@example.org", "hal@example.org"]);
    assert_eq!(readers[0]["confirmed_ip"], "192.0.2.8");
}

async fn a_pause_is_exported_and_ends_on_the_same_day(engine: Engine) {
    let here = TestApp::start(engine).await;
    let (today, until) = (here.clock.now(), jiff::civil::date(2026, 5, 9));
    for address in ["ann@example.org", "bob@example.org"] {
        let id = here.reader_at_once(address).await.subscription().await.id;
        assert!(pause_subscription(&here.app.actions, id, until).await.unwrap());
    }
    let auckland = Preferences { time_zone: parse_time_zone("Pacific/Auckland").ok(), ..anything() };
    here.set_preferences(&here.newsletter().await, "bob@example.org", &auckland).await;
    let written = export(&here, &[]).await;
    assert!(written.lines().next().unwrap().ends_with(",paused_until,language"), "{written}");
    assert!(written.contains("\nann@example.org,paused,") && written.contains(",2026-05-09,\n"), "{written}");

    let there = TestApp::start(engine).await;
    there.change_newsletter(|it| it.clock = SendClock::Reader).await;
    // There is a signup for Ann's address there.
    there.visitor("ann@example.org").signs_up().await;
    assert_eq!(import_outcomes(&there, &written).await, "2 added");
    for address in ["ann@example.org", "bob@example.org"] {
        let it = there.visitor(address).subscription().await;
        assert_eq!((it.status, it.paused_until.map(|it| it.0)), (SubscriptionStatus::Paused, Some(until)));
    }
    let store = there.store().await;
    assert_eq!(store.resumes_at("ann@example.org").await, at("2026-05-09T00:00:00Z"));
    assert_eq!(store.resumes_at("bob@example.org").await, at("2026-05-08T12:00:00Z"));
    there.run_due_at("2026-05-09T00:00:00Z").await;
    for address in ["ann@example.org", "bob@example.org"] {
        assert_eq!(there.visitor(address).subscription().await.status, SubscriptionStatus::Active);
    }

    // A pause whose day has passed is over.
    let later = TestApp::start(engine).await;
    later.clock.advance(at("2026-05-20T00:00:00Z").duration_since(today));
    assert_eq!(import_outcomes(&later, &written).await, "2 added");
    let it = later.visitor("ann@example.org").subscription().await;
    assert_eq!((it.status, it.paused_until), (SubscriptionStatus::Active, None));
}

async fn suppressed_readers_are_exported_as_blocked(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader_at_once("ann@example.org").await;
    import_outcomes(&app, BOUNCED).await;
    app.suppress("ann@example.org", "undeliverable: 550").await;
    let written = export(&app, &[]).await;
    assert!(written.contains("\nann@example.org,blocked,"), "{written}");
    let there = TestApp::start(engine).await;
    assert_eq!(import_outcomes(&there, &written).await, "1 suppressed");
}

/// Runs `daily` in a folder.
async fn daily(folder: &Path, arguments: &[&str]) -> Ended {
    Environment::in_folder(folder, None).run(arguments).await
}

#[tokio::test]
async fn the_command_reports_its_outcomes_and_each_row_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (list, report) = (file("list.csv"), file("report.csv"));
    // This list has Latin-1, semicolons, dates of its own, and a formula.
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
    let told = ended.json();
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
    // --all-unsubscribed applies to every row of the file.
    let left = [&["--json", "subscriber", "import", &list, "--encoding", "latin1", "--all-unsubscribed"][..]]
        .concat();
    let ended = daily(folder.path(), &left).await;
    let told = ended.json();
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
async fn a_report_is_a_new_file_that_only_its_owner_can_read() {
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
    // A report of an import that failed before its first row does not block the next one.
    let failed =
        daily(folder.path(), &["subscriber", "import", &list, "--from", "ghost", "--report", &report]).await;
    assert!(failed.code == 1 && !Path::new(&report).exists(), "{}", failed.stderr);
    let ended = daily(folder.path(), &["subscriber", "import", &list, "--report", &report]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(std::fs::metadata(&report).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        std::fs::read_to_string(&report)
            .unwrap()
            .contains("2,unconfirmed,ann@example.org,the list does not show that they confirmed")
    );
}
