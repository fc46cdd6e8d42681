//! The commands, run as operators run them.

use crate::support::{
    Engine,
    command::Environment,
    eventually, eventually_within, mailbox, on_both_engines, on_postgres, postgres,
    service::{Installation, reader, ready, serve, write_feed},
    smtp_server::{Action, Script, SmtpServer, Step},
};

#[tokio::test]
async fn help_teaches_by_example() {
    let daily = Environment::default();
    let help = daily.run(&["--help"]).await;
    assert_eq!(help.code, 0);
    assert!(help.stdout.contains("Examples:") && help.stdout.contains("daily demo"));
    for command in [
        &["serve"][..],
        &["demo"],
        &["migrate"],
        &["check"],
        &["feed", "add"],
        &["article", "add"],
        &["issue", "send"],
        &["issue", "show"],
        &["issue", "status"],
        &["issue", "deliveries"],
        &["issue", "pause"],
        &["issue", "resume"],
        &["issue", "cancel"],
        &["test-send"],
        &["subscriber", "show"],
        &["subscriber", "set"],
        &["newsletter", "add"],
        &["newsletter", "set"],
        &["audit"],
        &["dkim", "new"],
        &["dkim", "show"],
        &["completions"],
    ] {
        let help = daily.run(&[command, &["--help"]].concat()).await;
        assert_eq!(help.code, 0);
        assert!(
            help.stdout.contains("Example"),
            "daily {command:?} --help gives no example:\n{}",
            help.stdout
        );
    }
    assert_eq!(daily.run(&["nonsense"]).await.code, 2);
    assert!(daily.run(&["completions", "bash"]).await.stdout.contains("daily"));
}

#[tokio::test]
async fn the_demo_does_the_main_job_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let ended = Environment::default().run(&["demo", "--once", "--data", data.to_str().unwrap()]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    for says in ["Data folder", "7 articles", "three confirmed", "3 sent", "/mailbox", "Summary"] {
        assert!(ended.stdout.contains(says), "{says} is missing in:\n{}", ended.stdout);
    }
    let mails = mailbox::read(&data.join("mailbox"));
    let to_readers = mails.iter().filter(|mail| mail.header("Auto-Submitted") != Some("auto-generated"));
    assert_eq!(to_readers.count(), 9, "three confirmations, welcomes and issues");
    let again = Environment::default().run(&["demo", "--once", "--data", data.to_str().unwrap()]).await;
    assert_eq!(again.code, 2, "a folder in use is left alone");
}

#[tokio::test]
async fn commands_that_need_a_worker_say_at_once_when_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let daily = Environment::in_folder(folder.path(), None);
    assert_eq!(daily.run(&["feed", "add", &write_feed(folder.path())]).await.code, 0, "needs no worker");
    for command in [&["issue", "send", "--yes"][..], &["test-send", "--to", "op@example.org"]] {
        let ended = daily.run(command).await;
        assert_eq!(ended.code, 1);
        assert!(ended.stderr.contains("no worker is running"), "{}", ended.stderr);
    }
    assert!(daily.run(&["issue", "list"]).await.stdout.trim().lines().count() <= 1, "nothing was begun");
    assert_eq!(daily.run(&["issue", "send"]).await.code, 1);
}

#[tokio::test]
async fn all_problems_with_a_commands_options_are_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let daily = Environment::in_folder(folder.path(), None);
    for (command, says) in [
        (
            &["newsletter", "set", "daily", "--days", "someday", "--clock", "mine", "--accent", "green"][..],
            &[
                "3 problems",
                "--days: Enter daily",
                "--clock: Choose one of: newsletter, reader.",
                "--accent: ",
            ][..],
        ),
        (
            &["newsletter", "set", "daily", "--min-stories", "9", "--max-stories", "3", "--logo", "x"],
            &["--min-stories: The minimum number of stories", "--logo: "],
        ),
        (
            &["newsletter", "add", "The Weekly", "--title", " ", "--sender-address", "news@localhost"],
            &[
                "<SLUG>: Use up to 64",
                "--title: This can’t be empty.",
                "--sender-address: The part after the @",
            ],
        ),
        (
            &["issue", "edit", "--place", "1=99", "--title", "x", "--subject", &"x".repeat(400)],
            &["--place: ", "--title: ", "--subject: Shorten this to 300"],
        ),
        (
            &["article", "add", "ftp://example.org/x", "--url", "javascript:x", "--title", " "],
            &["<SOURCE>: ", "--url: Enter a web", "--title: This can’t be empty."],
        ),
        (
            &[
                &["issue", "edit", "--pin", "secret", "--no-picture", "7", "--no-picture", "seven"][..],
                &["--title", "1=x", "--title", "secret", "--title", &format!("2={}", "x".repeat(301))],
                &["--drop", "", "--undo", "99999999999999999999"],
            ]
            .concat(),
            &[
                "6 problems",
                "--pin: Enter an article number, such as 42.",
                "--no-picture (value 2): Enter an article number",
                "--title (value 2): Enter an article number and a text",
                "--title (value 3): Shorten this to 300",
                "--drop: Enter an article number",
                "--undo: Enter an article number",
            ],
        ),
        (&["newsletter", "set", "Secret", "--accent", "green"], &["<SLUG>: Use up to 64", "--accent: "]),
        (&["feed", "add", "https://"], &["<SOURCE>: Enter a web address"]),
        (&["feed", "poll", "https://"], &["<SOURCE>: Enter a web address"]),
        (&["operator", "add", "desk"], &["<ADDRESS>: Enter a full email address, such as"]),
        (
            &["operator", "add", "desk", "--role", "viewer,secret"],
            &[
                "<ADDRESS>: Enter a full",
                "--role: Enter one or more roles, separated by commas. Choices: viewer, editor, sender, admin.",
            ],
        ),
    ] {
        let ended = daily.run(command).await;
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(!ended.stderr.to_lowercase().contains("secret"), "nothing is quoted: {}", ended.stderr);
        for says in says {
            assert!(ended.stderr.contains(says), "{says} is missing in {}", ended.stderr);
        }
    }
    let help = daily.run(&["newsletter", "set", "--help"]).await;
    let lines = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(lines.contains("[possible values: newsletter, reader]"), "{lines}");
    let untitled = daily.run(&["newsletter", "add", "weekly"]).await;
    assert!(untitled.code == 2 && untitled.stderr.contains("--title <TITLE>"), "{untitled:?}");
}

on_both_engines!(an_operators_first_day);

async fn an_operators_first_day(engine: Engine) {
    let here = Installation::new(engine).await;
    let daily = here.daily.clone();
    assert_eq!(daily.run(&["migrate"]).await.code, 0);
    let (_running, daily, url) = serve(daily).await;

    let added = daily.run(&["feed", "add", &write_feed(here.folder())]).await;
    assert!(added.stdout.contains("1 new"), "{added:?}");
    let refused = daily.run(&["feed", "add", "http://10.0.0.1/feed.xml"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("feeds.allow_networks"), "{}", refused.stderr);
    assert_eq!(daily.run(&["feed", "list"]).await.stdout.lines().count(), 2, "a refused feed is not added");

    let page = here.folder().join("page.html");
    std::fs::write(
        &page,
        "<html><head><title>A bakery at dawn</title></head><body><p>Bread.</p></body></html>",
    )
    .unwrap();
    let page = page.to_str().unwrap();
    let nameless = daily.run(&["article", "add", page]).await;
    assert!(nameless.stderr.contains("--url"), "{}", nameless.stderr);
    let article = daily.run(&["article", "add", page, "--url", "https://lamp.example/bakery"]).await;
    assert!(article.stdout.contains("A bakery at dawn"), "{article:?}");

    let set = ["newsletter", "set", "daily", "--send-time", "06:30", "--time-zone", "Europe/Berlin"];
    assert!(daily.run(&set).await.stdout.contains("Europe/Berlin"));
    assert_eq!(daily.run(&["newsletter", "set", "daily", "--time-zone", "Berlin"]).await.code, 2);

    reader(&url, here.folder(), "ann@example.org").await;
    let shown = daily.run(&["subscriber", "show", "ANN@example.org"]).await;
    assert!(shown.stdout.contains("daily: active"), "{}", shown.stdout);
    assert_eq!(daily.run(&["subscriber", "show", "nobody@example.org"]).await.code, 1);

    let test = daily.run(&["test-send", "--to", "op@example.org"]).await;
    assert!(test.stdout.contains("250"), "{test:?}");
    let gone_out = daily.run(&["issue", "send", "--yes"]).await;
    assert_eq!(gone_out.code, 0, "{gone_out:?}");
    assert!(gone_out.stdout.contains("1 sent"), "{}", gone_out.stdout);
    let status = daily.run(&["--json", "issue", "status"]).await;
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!((&status["issue"]["status"], &status["deliveries"]["sent"]), (&"sent".into(), &1.into()));
    assert_eq!(daily.run(&["issue", "send", "--yes"]).await.code, 1, "one issue per date");
    let check = daily.run(&["check"]).await;
    assert_eq!(check.code, 0, "{check:?}");
    let mails = mailbox::read(&here.folder().join("mailbox"));
    assert_eq!(mails.len(), 3, "confirmation, test, issue");
    assert_eq!(mails.iter().filter(|mail| mail.to() == "ann@example.org").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_service_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    let (running, daily, _) = serve(Environment::in_folder(folder.path(), None)).await;
    assert_eq!(running.terminate().await, 0);
    let ended = daily.run(&["issue", "send", "--yes"]).await;
    assert!(ended.stderr.contains("no worker is running"), "it took itself off the list: {}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_survives_kill_9_and_a_relay_that_was_down() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = Environment::in_folder(folder.path(), None);
    let dead_relay = mailbox.clone().set("DAILY__RELAYS__0__URL", "smtp://127.0.0.1:1");
    let (mut running, _, url) = serve(dead_relay).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = client.post(format!("{url}/subscribe")).header("content-type", "application/json");
    assert_eq!(post.body("{\"email\":\"ann@example.org\"}").send().await.unwrap().status(), 202);
    running.kill();
    let (_running, _, _) = serve(mailbox).await;
    let folder = folder.path().join("mailbox");
    eventually("the confirmation mail arrives", || async {
        (mailbox::read(&folder).len() == 1).then_some(())
    })
    .await;
}

on_postgres!(two_processes_and_a_restart_across_the_minute_make_one_issue);

/// Runs two processes on one PostgreSQL, of which one is killed right before the minute and restarted after
/// it. The only story that waits for the real clock.
async fn two_processes_and_a_restart_across_the_minute_make_one_issue() {
    let database = postgres::database().await;
    let folder = tempfile::tempdir().unwrap();
    let daily = Environment::in_folder(folder.path(), Some(database.url()));
    let (mut first, first_environment, url) = serve(daily.clone()).await;
    let (_second, daily, _) = serve(daily).await;
    daily.run(&["feed", "add", &write_feed(folder.path())]).await;
    let now = daily::clock::Clock::system().now();
    // At least eight seconds ahead, so that the reader has confirmed before the minute.
    let minute = now.as_second() / 60 * 60 + if now.as_second() % 60 < 52 { 60 } else { 120 };
    let due = jiff::Timestamp::from_second(minute).unwrap();
    let time = due.strftime("%H:%M").to_string();
    assert_eq!(daily.run(&["newsletter", "set", "daily", "--send-time", &time]).await.code, 0);
    reader(&url, folder.path(), "ann@example.org").await;
    let clock = daily::clock::Clock::system();
    let reached = |at: jiff::Timestamp| {
        let clock = clock.clone();
        async move { (clock.now() >= at).then_some(()) }
    };
    eventually_within(130, "the minute comes near", || reached(due - jiff::SignedDuration::from_secs(1)))
        .await;
    first.kill();
    eventually_within(10, "the minute", || reached(due)).await;
    let _again = first_environment.start(&["serve"]);
    let mailbox = folder.path().join("mailbox");
    eventually("the issue arrives", || async { (mailbox::read(&mailbox).len() == 2).then_some(()) }).await;
    ready(&url).await;
    let list = daily.run(&["--json", "issue", "list"]).await.stdout;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    assert_eq!(mailbox::read(&mailbox).len(), 2, "one confirmation, one issue");
}

/// On SQLite a lock proves that the killed process has ended, so its work continues immediately.
#[tokio::test(flavor = "multi_thread")]
async fn an_issue_goes_on_at_once_after_kill_9_while_it_is_being_sent() {
    let folder = tempfile::tempdir().unwrap();
    let in_mailbox = Environment::in_folder(folder.path(), None).set("DAILY__RELAYS__0__CONNECTIONS", "1");
    let (running, daily, url) = serve(in_mailbox).await;
    daily.run(&["feed", "add", &write_feed(folder.path())]).await;
    let addresses: Vec<String> = (0..12).map(|n| format!("reader{n}@example.org")).collect();
    for address in &addresses {
        reader(&url, folder.path(), address).await;
    }
    assert_eq!(running.terminate().await, 0);

    // A relay that accepts five emails and then stops answering.
    let script = Script::accept().rule(|at| {
        (at.step == Step::EndOfData && at.earlier == 0 && at.recipient == "reader5@example.org")
            .then_some(Action::Hold)
    });
    let relay = SmtpServer::start(script).await;
    let daily = daily.set("DAILY__RELAYS__0__URL", &format!("smtp://127.0.0.1:{}", relay.port()));
    let (mut running, daily, _) = serve(daily).await;
    let watching = {
        let daily = daily.clone();
        tokio::spawn(async move { daily.run(&["issue", "send", "--yes"]).await })
    };
    relay.wait_for(5).await;
    relay.wait_until(|record| record.messages.len() > 5).await;
    running.kill();
    relay.follow(Script::accept());
    let (_running, daily, _) = serve(daily).await;
    let watched = watching.await.unwrap();
    let status = eventually("the issue is sent", || async {
        let status = daily.run(&["--json", "issue", "status"]).await.stdout;
        let status: serde_json::Value = serde_json::from_str(&status).ok()?;
        (status["issue"]["status"] == "sent").then_some(status)
    })
    .await;
    assert_eq!(status["deliveries"]["sent"], 12, "{watched:?}");
    let record = relay.record();
    let mut ids: Vec<String> = Vec::new();
    for address in &addresses {
        let copies: Vec<_> = record.messages.iter().filter(|it| it.recipients.contains(address)).collect();
        let mut own: Vec<String> = copies
            .iter()
            .map(|it| mailbox::Mail::parse(&it.data).header("Message-ID").unwrap_or_default().to_owned())
            .collect();
        own.dedup();
        assert_eq!(own.len(), 1, "{address}: a repeated mail carries the same Message-ID");
        assert!(copies.len() <= if address == "reader5@example.org" { 2 } else { 1 }, "{address}");
        ids.append(&mut own);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12, "nobody is left out");
}

#[tokio::test]
async fn a_key_is_made_once_and_its_record_shown_again() {
    let folder = tempfile::tempdir().unwrap();
    let daily = Environment::in_folder(folder.path(), None);
    let file = folder.path().join("dkim.pem");
    let file = file.to_str().unwrap();
    let new = ["dkim", "new", "--domain", "newsletter.example", "--out", file];
    let made = daily.run(&new).await;
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.stdout.contains("daily._domainkey.newsletter.example. IN TXT ( \"v=DKIM1; k=rsa; p="));
    assert!(!made.stdout.contains("PRIVATE"), "{}", made.stdout);
    let again = daily.run(&new).await;
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.stderr.contains("is not overwritten; choose another file"), "{}", again.stderr);

    // The printed lines are a working configuration.
    let configuration = made.stdout.split_once("[[dkim]]").unwrap().1;
    let toml = folder.path().join("daily.toml");
    std::fs::write(&toml, format!("[[dkim]]{configuration}")).unwrap();
    let with = ["--config", toml.to_str().unwrap()];
    let shown = daily.run(&[&with[..], &["--json", "dkim", "show"]].concat()).await;
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let value = shown[0]["record"]["value"].as_str().unwrap();
    assert!(made.stdout.contains(value), "{shown}");
    let strings: Vec<&str> =
        shown[0]["record"]["strings"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(strings.concat() == value && strings.iter().all(|string| string.len() <= 255));

    let check = daily.run(&[&with[..], &["check"]].concat()).await;
    assert!(check.stdout.contains("dkim daily._domainkey.newsletter.example  ok"), "{}", check.stdout);
    let set = ["newsletter", "set", "daily", "--sender-address", "news@other.example"];
    assert_eq!(daily.run(&set).await.code, 0);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(file, open).unwrap();
    let check = daily.run(&[&with[..], &["check"]].concat()).await;
    assert!(check.stdout.contains("chmod 600"), "{}", check.stdout);
    assert!(check.stdout.contains("no key is configured for other.example"), "{}", check.stdout);

    for wrong in [
        &["--domain", "nodots"][..],
        &["--domain", "example.org", "--selector", "a b"],
        &["--domain", "example.org", "--algorithm", "dsa"],
    ] {
        let out = folder.path().join("never.pem").display().to_string();
        let refused = daily.run(&[&["dkim", "new", "--out", &out], wrong].concat()).await;
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(!std::path::Path::new(&out).exists());
    }
}
