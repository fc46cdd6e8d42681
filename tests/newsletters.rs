//! Several newsletters: their days, their send times, and their readers' clocks.

use crate::support::{
    DAY, Engine, OPERATOR, TestApp, at, eventually, on_both_engines, reader::anything, service::Installation,
};
use daily::{
    actions::{
        issue::send_issue::{BeginError, begin_issue, send_issue},
        newsletter::add_newsletter::add_newsletter,
        subscription::set_preferences::set_preferences,
    },
    db::{
        DbError,
        issues::IssueRecord,
        subscribers::{clock_counts, clocks},
    },
    domain::{
        actor::Actor,
        issue::{days::Days, schedule::DAY_REMOVED, status::IssueStatus},
        newsletter::{Newsletter, SendClock, parse_send_time, parse_time_zone},
        subscriber::{
            cadence::Cadence, preferences::Preferences, sections::Sections, subscription::SubscriptionStatus,
        },
    },
    service::scheduler,
};
use jiff::{SignedDuration, civil::date};
use serde_json::json;

/// Sends issues at seven on each reader's clock, to readers in three parts of the world. The story begins on
/// Friday at 15:00 UTC, after Friday's issue was due for all of them. Saturday's is due at 19:00, 05:00 and
/// 14:00 UTC.
async fn around_the_world(app: &TestApp) {
    app.clock.set(at("2026-05-01T15:00:00Z"));
    app.change_newsletter(|it| {
        it.clock = SendClock::Reader;
        it.time_zone = parse_time_zone("Europe/Berlin").unwrap();
    })
    .await;
    reader(app, "kiwi@example.org", "daily", "Pacific/Auckland").await;
    reader(app, "ann@example.org", "daily", "").await;
    reader(app, "lee@example.org", "daily", "America/Los_Angeles").await;
    app.article("The bridge opens").await;
}

/// Adds a newsletter with issues on these days, at nine UTC.
async fn add(app: &TestApp, slug: &str, days: &str) {
    let added = add_newsletter::<DbError>(&app.app.actions, &OPERATOR, |model| {
        Ok(Newsletter {
            slug: slug.into(),
            title: slug.into(),
            days: Days::parse(days).unwrap(),
            clock: SendClock::Newsletter,
            time_zone: parse_time_zone("UTC").unwrap(),
            send_time: parse_send_time("09:00").unwrap(),
            ..model.clone()
        })
    });
    assert!(added.await.unwrap().is_some());
}

/// Signs up as a browser in this time zone does, and confirms.
async fn reader(app: &TestApp, address: &str, newsletter: &str, zone: &str) {
    let reader = app.visitor(address);
    reader.signs_up_with(&[("newsletter", newsletter), ("time_zone", zone)]).await;
    reader.confirms().await;
}

async fn choose(app: &TestApp, address: &str, change: impl FnOnce(&mut Preferences)) {
    let subscription = app.visitor(address).subscription().await;
    let mut preferences = subscription.preferences();
    change(&mut preferences);
    assert!(set_preferences(&app.app.actions, &Actor::Reader, subscription.id, &preferences).await.unwrap());
}

/// Returns the issues of a newsletter, latest first: date, status, first and last due time.
async fn issues_of(app: &TestApp, slug: &str) -> Vec<(String, IssueStatus, String, String)> {
    let page = app.issues_of(&app.newsletter_named(slug).await).await;
    let last = |it: &IssueRecord| it.last_due_at.map_or("-".into(), |at| at.0.to_string());
    page.iter().map(|it| (it.issue_date.to_string(), it.status, it.due_at.0.to_string(), last(it))).collect()
}

fn planned(date: &str, first: &str, last: &str) -> (String, IssueStatus, String, String) {
    (date.into(), IssueStatus::Planned, first.into(), last.into())
}

on_both_engines!(
    readers_are_counted_by_their_clock,
    an_issue_on_readers_clocks_lasts_from_the_first_to_the_last_time_zone,
    a_planned_issue_follows_its_readers_clocks_and_is_never_sent_at_once,
    an_issue_is_missed_only_after_the_grace_period_of_its_last_readers,
    a_planned_issue_is_missed_after_the_grace_period_of_its_last_readers,
    a_planned_issue_is_skipped_when_its_day_is_removed_and_restored_with_it,
    an_issue_is_planned_by_hand_on_its_days_only_and_sent_now_on_any,
    many_schedulers_make_one_issue_of_each_newsletter_and_date,
);

async fn readers_are_counted_by_their_clock(engine: Engine) {
    let app = TestApp::start(engine).await;
    let newsletter = app.newsletter().await.id;
    let mut tx = app.app.db.read().await.unwrap();
    assert_eq!(clocks(&mut tx, newsletter).await.unwrap(), Vec::<String>::new());
    assert_eq!(clock_counts(&mut tx, newsletter, Cadence::ALL).await.unwrap(), []);
    drop(tx);
    app.readers(6, "example.org").await;
    let daily = app.newsletter().await;
    for (reader, zone, time, cadence) in [
        ("reader0@example.org", "Pacific/Auckland", "", Cadence::EveryIssue),
        ("reader1@example.org", "Pacific/Auckland", "", Cadence::Weekly),
        ("reader2@example.org", "Europe/Berlin", "06:30", Cadence::Weekdays),
        ("reader3@example.org", "", "06:30", Cadence::EveryIssue),
    ] {
        let preferences = Preferences {
            cadence,
            sections: Sections::parse("science").unwrap(),
            time_zone: parse_time_zone(zone).ok(),
            send_time: parse_send_time(time).ok(),
        };
        app.set_preferences(&daily, reader, &preferences).await;
    }
    app.suppress("reader4@example.org", "test").await;
    let mut tx = app.app.db.read().await.unwrap();
    let mut found = clocks(&mut tx, newsletter).await.unwrap();
    found.sort();
    assert_eq!(found, ["Europe/Berlin|06:30", "Pacific/Auckland|", "|", "|06:30"]);
    let mut counts = async |cadences: &[Cadence]| {
        let mut counts = clock_counts(&mut tx, newsletter, cadences).await.unwrap();
        counts.sort();
        counts.into_iter().map(|(clock, readers)| format!("{readers} {clock}")).collect::<Vec<_>>()
    };
    let all = ["1 Europe/Berlin|06:30", "2 Pacific/Auckland|", "1 |", "1 |06:30"];
    assert_eq!(counts(Cadence::ALL).await, all);
    assert_eq!(counts(&[Cadence::Weekly]).await, ["1 Pacific/Auckland|"]);
    assert_eq!(
        counts(&[Cadence::EveryIssue, Cadence::Weekdays]).await,
        ["1 Europe/Berlin|06:30", "1 Pacific/Auckland|", "1 |", "1 |06:30"]
    );
    assert_eq!(counts(&[]).await, Vec::<String>::new());
}

async fn an_issue_on_readers_clocks_lasts_from_the_first_to_the_last_time_zone(engine: Engine) {
    let app = TestApp::start(engine).await;
    around_the_world(&app).await;
    add(&app, "weekly", "sat").await;
    reader(&app, "bea@example.org", "weekly", "Asia/Tokyo").await;
    app.run_due_at("2026-05-01T17:59:59Z").await;
    assert_eq!(issues_of(&app, "daily").await, []);
    app.run_due_at("2026-05-01T18:00:00Z").await;
    let saturday = planned("2026-05-02", "2026-05-01T19:00:00Z", "2026-05-02T14:00:00Z");
    assert_eq!(issues_of(&app, "daily").await, [saturday]);
    app.run_due_at("2026-05-01T18:59:59Z").await;
    assert_eq!(app.emails_to("kiwi@example.org").len(), 1, "only the confirmation yet");
    app.run_due_at("2026-05-01T19:00:00Z").await;
    assert_ne!(issues_of(&app, "daily").await[0].1, IssueStatus::Planned);
    eventually("Auckland has it", || async { (app.emails_to("kiwi@example.org").len() == 2).then_some(()) })
        .await;
    // The other newsletter has its own days and send time.
    app.run_due_at("2026-05-02T07:59:59Z").await;
    assert_eq!(issues_of(&app, "weekly").await, []);
    app.run_due_at("2026-05-02T08:00:00Z").await;
    assert_eq!(issues_of(&app, "weekly").await, [planned("2026-05-02", "2026-05-02T09:00:00Z", "-")]);
    app.run_due_at("2026-05-02T09:00:00Z").await;
    assert_ne!(issues_of(&app, "weekly").await[0].1, IssueStatus::Planned);
    app.clock.set(at("2026-05-02T18:00:00Z"));
    app.article("A second bridge").await;
    app.run_due().await;
    let sunday = planned("2026-05-03", "2026-05-02T19:00:00Z", "2026-05-03T14:00:00Z");
    assert_eq!(issues_of(&app, "daily").await[0], sunday);
    assert_eq!(issues_of(&app, "weekly").await.len(), 1, "its next is a week away");
}

async fn a_planned_issue_follows_its_readers_clocks_and_is_never_sent_at_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    around_the_world(&app).await;
    app.run_due_at("2026-05-01T18:00:00Z").await;
    let due = async |first: &str, last: &str| {
        assert_eq!(issues_of(&app, "daily").await, [planned("2026-05-02", first, last)]);
    };
    due("2026-05-01T19:00:00Z", "2026-05-02T14:00:00Z").await;
    choose(&app, "kiwi@example.org", |it| it.send_time = parse_send_time("06:45").ok()).await;
    due("2026-05-01T18:45:00Z", "2026-05-02T14:00:00Z").await;
    reader(&app, "hoku@example.org", "daily", "Pacific/Honolulu").await;
    due("2026-05-01T18:45:00Z", "2026-05-02T17:00:00Z").await;
    choose(&app, "lee@example.org", |it| it.time_zone = parse_time_zone("Asia/Tokyo").ok()).await;
    due("2026-05-01T18:45:00Z", "2026-05-02T17:00:00Z").await;
    // That time is past already, so nothing changes.
    choose(&app, "kiwi@example.org", |it| it.send_time = parse_send_time("05:59").ok()).await;
    due("2026-05-01T18:45:00Z", "2026-05-02T17:00:00Z").await;
    app.run_due().await;
    assert_eq!(app.emails_to("kiwi@example.org").len(), 1);
    app.change_newsletter_named("daily", |it| it.clock = SendClock::Newsletter).await;
    due("2026-05-02T05:00:00Z", "-").await;
    app.change_newsletter_named("daily", |it| {
        it.clock = SendClock::Reader;
        it.send_time = parse_send_time("08:00").unwrap();
    })
    .await;
    // 05:59 in Auckland is past. Eight o'clock is 06:00 UTC in Berlin, 18:00 in Honolulu, and 23:00 on Friday
    // in Tokyo.
    due("2026-05-01T23:00:00Z", "2026-05-02T18:00:00Z").await;
}

async fn an_issue_is_missed_only_after_the_grace_period_of_its_last_readers(engine: Engine) {
    for (now, missed) in [("2026-05-02T20:00:00Z", false), ("2026-05-02T20:00:01Z", true)] {
        let app = TestApp::start(engine).await;
        around_the_world(&app).await;
        app.run_due_at(now).await;
        let issues = issues_of(&app, "daily").await;
        // Sunday's issue has begun by then.
        let saturday = issues.iter().find(|it| it.0 == "2026-05-02").unwrap();
        assert_eq!(
            (saturday.2.as_str(), saturday.3.as_str()),
            ("2026-05-01T19:00:00Z", "2026-05-02T14:00:00Z")
        );
        assert_eq!(issues.len(), 2);
        // Without articles, Saturday's issue may still be skipped, because Sunday's may have used them.
        let reason = app.issues().await.remove(1).reason;
        assert_eq!(reason.is_some_and(|it| it.contains("missed")), missed);
    }
}

async fn a_planned_issue_is_missed_after_the_grace_period_of_its_last_readers(engine: Engine) {
    let app = TestApp::start(engine).await;
    around_the_world(&app).await;
    app.run_due_at("2026-05-01T18:00:00Z").await;
    app.run_due_at("2026-05-02T20:00:01Z").await;
    let issues = app.issues().await;
    let saturday = issues.iter().find(|it| it.date() == date(2026, 5, 2)).unwrap();
    assert_eq!(saturday.status, IssueStatus::Skipped);
    assert!(saturday.reason.as_deref().unwrap().contains("missed"));
}

async fn a_planned_issue_is_skipped_when_its_day_is_removed_and_restored_with_it(engine: Engine) {
    let app = TestApp::start(engine).await;
    add(&app, "weekly", "sat").await;
    app.article("The bridge opens").await;
    app.run_due_at("2026-05-02T08:00:00Z").await;
    let saturday = planned("2026-05-02", "2026-05-02T09:00:00Z", "-");
    assert_eq!(issues_of(&app, "weekly").await, std::slice::from_ref(&saturday));
    app.change_newsletter_named("weekly", |it| it.days = Days::parse("sun").unwrap()).await;
    app.run_due().await;
    assert_eq!(issues_of(&app, "weekly").await[0].1, IssueStatus::Skipped);
    let weekly = app.newsletter_named("weekly").await;
    let issue = app.issue_of(&weekly, "2026-05-02").await.unwrap();
    assert_eq!(issue.reason.as_deref(), Some(DAY_REMOVED));
    app.change_newsletter_named("weekly", |it| it.days = Days::parse("fri,sat").unwrap()).await;
    assert_eq!(issues_of(&app, "weekly").await, [saturday]);
    app.change_newsletter_named("weekly", |it| it.days = Days::parse("sun").unwrap()).await;
    app.clock.set(at("2026-05-02T09:00:01Z"));
    app.change_newsletter_named("weekly", |it| it.days = Days::DAILY).await;
    assert_eq!(issues_of(&app, "weekly").await[0].1, IssueStatus::Skipped, "its moment is past");
}

async fn an_issue_is_planned_by_hand_on_its_days_only_and_sent_now_on_any(engine: Engine) {
    let app = TestApp::start(engine).await;
    add(&app, "weekly", "sat").await;
    app.article("The bridge opens").await;
    reader(&app, "bea@example.org", "weekly", "").await;
    let weekly = app.newsletter_named("weekly").await;
    let error = begin_issue(&app.app.actions, &OPERATOR, &weekly, date(2026, 5, 3)).await.unwrap_err();
    assert!(matches!(error, BeginError::NotItsDay { next, .. } if next == date(2026, 5, 9)), "{error}");
    assert!(error.to_string().contains("Sunday") && error.to_string().contains("2026-05-09"), "{error}");
    let begun = begin_issue(&app.app.actions, &OPERATOR, &weekly, date(2026, 5, 9)).await.unwrap();
    assert_eq!(begun.due_at.0, at("2026-05-09T09:00:00Z"));
    let sent = send_issue(&app.app.actions, &OPERATOR, &weekly, date(2026, 5, 1)).await.unwrap();
    assert_eq!((sent.date(), sent.last_due_at), (date(2026, 5, 1), None), "a Friday");
    eventually("it arrives", || async { (app.emails_to("bea@example.org").len() == 2).then_some(()) }).await;
    assert_eq!(
        begin_issue(&app.app.actions, &OPERATOR, &weekly, date(2026, 5, 1)).await.unwrap().id,
        sent.id,
        "it is there"
    );
}

async fn many_schedulers_make_one_issue_of_each_newsletter_and_date(engine: Engine) {
    let app = TestApp::start(engine).await;
    around_the_world(&app).await;
    add(&app, "weekly", "sat").await;
    for hours in [0, 20, 5, 70, 1] {
        app.clock.advance(SignedDuration::from_hours(hours));
        let ticks = (0..4).map(|_| scheduler::run_due(&app.app.jobs));
        for run_due in futures_util::future::join_all(ticks).await {
            run_due.unwrap();
        }
        app.settle().await;
    }
    let dates = |issues: &[(String, IssueStatus, String, String)]| -> Vec<String> {
        issues.iter().map(|it| it.0.clone()).collect()
    };
    let expected = ["2026-05-05", "2026-05-04", "2026-05-03", "2026-05-02"];
    assert_eq!(dates(&issues_of(&app, "daily").await), expected);
    assert_eq!(dates(&issues_of(&app, "weekly").await), ["2026-05-02"]);
}

on_both_engines!(an_operator_adds_a_newsletter);

async fn an_operator_adds_a_newsletter(engine: Engine) {
    let here = Installation::new(engine).await;
    let daily = &here.daily;
    let set = ["newsletter", "set", "daily", "--sender-address", "news@example.org", "--language", "de"];
    assert_eq!(daily.run(&set).await.code, 0);
    let add =
        ["newsletter", "add", "weekly", "--title", "The Weekly", "--days", "sat", "--selection", "round-up"];
    let more = [
        "--min-stories",
        "3",
        "--logo",
        "https://example.org/logo.png",
        "--accent",
        "#0A6048",
        "--fonts",
        "sans",
    ];
    let added = daily
        .run(&[&["--json"][..], &add, &more, &["--approval", "required", "--clock", "reader"]].concat())
        .await;
    assert_eq!(added.code, 0, "{added:?}");
    let shown: serde_json::Value = serde_json::from_str(&added.stdout).unwrap();
    for (key, value) in [
        ("title", "The Weekly"),
        ("days", "sat"),
        ("selection", "round_up"),
        ("clock", "reader"),
        ("sender_address", "news@example.org"),
        ("language", "de"),
        ("logo_url", "https://example.org/logo.png"),
        ("accent", "#0a6048"),
        ("fonts", "sans"),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_eq!((shown["min_stories"].as_i64(), shown["max_stories"].as_i64()), (Some(3), None));
    assert_eq!(shown["needs_approval"], true);
    assert_eq!(daily.run(&add).await.code, 1, "the name is taken");
    let list = daily.run(&["newsletter", "list"]).await.stdout;
    assert!(
        list.contains("weekly") && list.contains("sat") && list.contains("mon,tue,wed,thu,fri,sat,sun"),
        "{list}"
    );

    for bad in [
        ["--days", "someday"],
        ["--clock", "mine"],
        ["--selection", "best"],
        ["--min-stories", "0"],
        ["--max-stories", "2"],
        ["--approval", "maybe"],
        ["--logo", "logo.png"],
        ["--accent", "green"],
        ["--fonts", "comic"],
    ] {
        let refused = daily.run(&[&["newsletter", "set", "weekly"][..], &bad].concat()).await;
        assert_eq!(refused.code, 2, "{bad:?}: {refused:?}");
    }
    assert_eq!(daily.run(&["newsletter", "add", "The Weekly", "--title", "x"]).await.code, 2);
    let back = ["--min-stories", "default", "--logo", "none", "--accent", "none", "--approval", "none"];
    let back = daily.run(&[&["--json", "newsletter", "set", "weekly"][..], &back].concat()).await;
    let shown: serde_json::Value = serde_json::from_str(&back.stdout).unwrap();
    assert!(shown["min_stories"].is_null() && shown["logo_url"].is_null() && shown["accent"].is_null());
    assert_eq!(shown["needs_approval"], false);

    for unsaid in [&["issue", "list"][..], &["newsletter", "show"], &["issue", "plan"]] {
        let ended = daily.run(unsaid).await;
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains("daily, weekly"), "{}", ended.stderr);
    }
}

on_both_engines!(an_operator_sets_the_links_to_the_publisher);

async fn an_operator_sets_the_links_to_the_publisher(engine: Engine) {
    let here = Installation::new(engine).await;
    let daily = &here.daily;
    let brand = [
        ("--site", "site_url", "https://www.example.org/"),
        ("--privacy-url", "privacy_url", "https://www.example.org/privacy"),
        ("--footer", "footer", "The Example Company"),
        ("--social", "social", "Mastodon=https://social.example/@lamp,Forum=https://forum.example/"),
        ("--utm", "utm", "utm_source=daily&utm_campaign={date}"),
    ];
    let mut set = vec!["--json", "newsletter", "set", "daily"];
    set.extend(brand.iter().flat_map(|(option, _, value)| [*option, *value]));
    let done = daily.run(&set).await;
    assert_eq!(done.code, 0, "{done:?}");
    // A newsletter added later has the same publisher.
    for arguments in [&["newsletter", "show", "daily"][..], &["newsletter", "add", "two", "--title", "Two"]] {
        let shown = daily.run(&[&["--json"], arguments].concat()).await;
        let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
        for (_, key, value) in brand {
            assert_eq!(shown[key], value, "{key} after {arguments:?}");
        }
    }
    let none: Vec<&str> = brand.iter().flat_map(|(option, ..)| [*option, "none"]).collect();
    let cleared = daily.run(&[&["--json", "newsletter", "set", "daily"][..], &none].concat()).await;
    let cleared: serde_json::Value = serde_json::from_str(&cleared.stdout).unwrap();
    assert!(brand.iter().all(|(_, key, _)| cleared[key].is_null()), "{cleared}");

    // All problems are named at once.
    let wrong = [
        "--site",
        "example.org",
        "--privacy-url",
        "javascript:alert(1)",
        "--social",
        "Mastodon",
        "--utm",
        "utm",
        "--language",
        "ja",
    ];
    let refused = daily.run(&[&["newsletter", "set", "daily"][..], &wrong].concat()).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    for option in ["--site:", "--privacy-url:", "--social:", "--utm:", "--language:", "en, de, es, fr, pt"] {
        assert!(refused.stderr.contains(option), "{option} in {}", refused.stderr);
    }
}

on_both_engines!(a_removed_newsletter_has_no_issues_and_keeps_its_archive_and_its_readers_rights);

async fn a_removed_newsletter_has_no_issues_and_keeps_its_archive_and_its_readers_rights(engine: Engine) {
    let app = TestApp::start(engine).await;
    let weekly = app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    let ann = app.reader_of(&weekly, "ann@example.org", &anything()).await;
    app.article("The bridge opens").await;
    app.send(&weekly).await;
    app.clock.advance(DAY);
    app.article("The whale").await;
    let tomorrow = app.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow().unwrap();
    let planned = begin_issue(&app.app.actions, &OPERATOR, &weekly, tomorrow).await.unwrap();

    let program = app.program();
    let removed = program.run(&["newsletter", "remove", "weekly", "--yes", "--json"]).await;
    assert_eq!((removed.code, removed.json()["removed"].as_bool()), (0, Some(true)), "{removed:?}");
    assert_eq!(app.issue(planned.id).await.status, IssueStatus::Skipped);
    assert!(!program.run(&["newsletter", "list"]).await.stdout.contains("weekly"));
    let refused =
        app.post_json("/subscribe", &json!({ "email": "ben@example.org", "newsletters": ["weekly"] })).await;
    assert_eq!(refused.status(), 422, "nobody can sign up for it");
    let archive = app.get("/issues/2026-05-01?newsletter=weekly").await;
    assert_eq!(archive.status(), 200, "its archive stays");
    ann.unsubscribes_by_one_click().await;
    assert_eq!(ann.status_at("weekly").await, Some(SubscriptionStatus::Unsubscribed));

    let only = program.run(&["newsletter", "remove", "daily", "--yes"]).await;
    assert!(only.code == 1 && only.stderr.contains("it is the only newsletter"), "{only:?}");
}
