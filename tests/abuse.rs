//! Who floods the signup gets nowhere, and learns nothing.

use crate::support::{
    Engine,
    app::{TestApp, mark_in},
    command::Environment,
    eventually, on_both_engines,
    supervisor::ReservedPort,
};
use daily::{
    db::DatabaseUrl,
    domain::subscriber::{email_address::EmailAddress, subscription::SubscriptionStatus::Active},
    settings::Settings,
};
use jiff::SignedDuration;
use reqwest::header::{HeaderName, HeaderValue};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

on_both_engines!(
    a_client_that_signs_up_too_often_is_asked_to_wait_by_every_process,
    nobody_is_bombarded_and_the_answer_does_not_tell,
    beyond_the_overall_limit_everybody_waits_and_past_counts_are_tidied_away,
    a_program_that_fills_in_the_form_gets_the_usual_answer_and_nothing_happens,
    a_quick_reader_is_asked_to_press_again_and_never_told_of_a_mail_that_does_not_come,
    one_inbox_is_not_bombarded_under_many_spellings,
    all_the_networks_of_one_customer_have_a_hundred_times_the_limit_of_one,
    throw_away_domains_and_on_wish_posts_are_not_taken_and_the_list_is_read_again,
    a_slip_is_asked_about_and_both_answers_go_on,
    every_address_gets_the_same_answer_for_the_same_statements,
    only_a_trusted_proxy_says_who_the_client_is,
    nobody_gets_out_of_the_limit_by_a_header_that_cannot_be_read,
);

async fn a_client_that_signs_up_too_often_is_asked_to_wait_by_every_process(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.client_per_hour = 3;
        trust_this_machine(settings);
    })
    .await;
    for n in 0..3 {
        assert_eq!(from(&app, "192.0.2.1", &format!("r{n}@example.org")).await.status(), 200);
    }
    let refused = from(&app, "192.0.2.1", "r4@example.org").await;
    assert_eq!(refused.status(), 429);
    let wait: i64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1190..=1210).contains(&wait), "a third of an hour: {wait}");
    assert!(refused.text().await.unwrap().contains("try again in"));
    assert_eq!(app.status_of("r4@example.org").await, None);
    // What is refused does not make it longer.
    app.clock.advance(SignedDuration::from_mins(21));
    assert_eq!(from(&app, "192.0.2.1", "r4@example.org").await.status(), 200);
    // Others are not touched; a whole IPv6 network is one client.
    assert_eq!(from(&app, "192.0.2.2", "s@example.org").await.status(), 200);
    for (n, host) in ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:0:9::"].into_iter().enumerate() {
        assert_eq!(from(&app, host, &format!("v{n}@example.org")).await.status(), 200);
    }
    assert_eq!(from(&app, "2001:db8::5", "v9@example.org").await.status(), 429);
    assert_eq!(from(&app, "2001:db8:0:1::5", "v9@example.org").await.status(), 200);
    // The count is the database's: a process that has just started knows it.
    let another = app.another().await;
    let signup = daily::actions::signup::request::Signup {
        address: EmailAddress::parse("t@example.org").unwrap(),
        newsletters: vec!["daily".into()],
        method: "form",
        language: None,
        wording: None,
        time_zone: None,
        evidence: daily::db::subscribers::Evidence {
            client_address: Some("192.0.2.1".into()),
            ..Default::default()
        },
        proof: daily::actions::signup::request::Proof::NotRequired,
    };
    assert!(daily::actions::signup::subscribe::subscribe(&another.signup, signup).await.is_err());
}

async fn nobody_is_bombarded_and_the_answer_does_not_tell(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.mails_per_address_per_day = 2;
    })
    .await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        let answer = app.sign_up("ann@example.org").await;
        answers.push((answer.status(), answer.text().await.unwrap()));
        // Several that wait together are one.
        app.settle().await;
        app.clock.advance(SignedDuration::from_mins(10));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    assert_eq!(app.mails_to("ann@example.org").len(), 2);
    assert_eq!(app.post(&app.confirmation_link("ann@example.org")).await.status(), 200);
    assert_eq!(app.status_of("ann@example.org").await, Some(Active));
}

async fn beyond_the_overall_limit_everybody_waits_and_past_counts_are_tidied_away(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.signups_per_minute = 2;
    })
    .await;
    for (address, status) in [("a@example.org", 200), ("b@example.org", 200), ("c@example.org", 429)] {
        assert_eq!(app.sign_up(address).await.status(), status);
    }
    assert_eq!(app.status_of("c@example.org").await, None);
    app.settle().await;
    app.clock.advance(HOUR * 48);
    app.tick().await;
    assert_eq!(app.store().await.rows_in("rate_limits").await, 0);
    assert_eq!(app.sign_up("c@example.org").await.status(), 200);
}

async fn a_program_that_fills_in_the_form_gets_the_usual_answer_and_nothing_happens(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.minimum_seconds = 2;
    })
    .await;
    let started = app.form_mark().await;
    let usual = app.sign_up("plain@example.org").await.text().await.unwrap();
    let tries: [&[(&str, &str)]; 4] = [
        &[("website", "https://buy.example"), ("newsletter", "daily"), ("newsletter", "daily")],
        &[("started", &started), ("website", "https://buy.example")],
        &[("website", "https://buy.example")],
        &[("started", "made-up")],
    ];
    for more in tries {
        let fields = [&[("email", "bot@example.org")], more].concat();
        let answer = app.post_form("/subscribe", &fields).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().contains_key("set-cookie"));
        assert_eq!(answer.text().await.unwrap(), usual, "{more:?}");
    }
    // One named five hundred times is looked up once, and named once in the answer.
    app.add_newsletter("weekly", |it| it.title = "The Week".into()).await;
    let many = [&[("newsletter", "daily")], vec![("newsletter", "weekly"); 500].as_slice()].concat();
    let fields =
        [&[("email", "bot@example.org"), ("website", "https://buy.example")], many.as_slice()].concat();
    let answer = app.post_form("/subscribe", &fields).await.text().await.unwrap();
    assert_eq!(answer.matches("The Week").count(), 1, "{answer}");
    assert_eq!(app.status_of("bot@example.org").await, None);
    app.clock.advance(SignedDuration::from_secs(3));
    let fields = [("email", "ann@example.org"), ("started", started.as_str()), ("website", "")];
    assert_eq!(app.post_form("/subscribe", &fields).await.status(), 200);
    assert!(app.status_of("ann@example.org").await.is_some());
}

async fn a_quick_reader_is_asked_to_press_again_and_never_told_of_a_mail_that_does_not_come(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.minimum_seconds = 2;
    })
    .await;
    app.add_newsletter("weekly", |_| ()).await;
    let started = app.form_mark().await;
    let fields = [
        ("email", "ann@example.org"),
        ("newsletter", ""),
        ("newsletter", "weekly"),
        ("lang", "de"),
        ("as_typed", "yes"),
        ("started", started.as_str()),
    ];
    let page = app.post_form("/subscribe", &fields).await;
    assert!(!page.headers().contains_key("set-cookie"));
    let page = page.text().await.unwrap();
    assert!(page.contains("Einen Moment, bitte") && page.contains("noch einmal"), "{page}");
    for (name, value) in fields {
        assert!(page.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{name}: {page}");
    }
    assert_eq!(app.status_of("ann@example.org").await, None);
    app.clock.advance(SignedDuration::from_secs(2));
    let page = app.post_form("/subscribe", &fields).await.text().await.unwrap();
    assert!(page.contains("Bitte sehen Sie in Ihr Postfach"), "{page}");
    assert!(app.status_of("ann@example.org").await.is_some());
    // Who mends a slip has the same form, with the mark it had, and may be as quick as they like.
    let page = app.post_form("/subscribe", &[("email", "bob@example"), ("started", &started)]).await;
    assert_eq!(page.status(), 422);
    assert_eq!(mark_in(&page.text().await.unwrap()), started);
    app.post_form("/subscribe", &[("email", "bob@example.org"), ("started", &started)]).await;
    assert!(app.status_of("bob@example.org").await.is_some());
    // A mark that is not ours is not handed on. One of a page that was open for days says nothing.
    let page = app.post_form("/subscribe", &[("email", "bob@example"), ("started", "made-up")]).await;
    assert_ne!(mark_in(&page.text().await.unwrap()), "made-up");
    app.clock.advance(HOUR * 24 * 5);
    app.post_form("/subscribe", &[("email", "cleo@example.org"), ("started", &started)]).await;
    assert!(app.status_of("cleo@example.org").await.is_some());
}

async fn one_inbox_is_not_bombarded_under_many_spellings(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.mails_per_address_per_day = 2;
    })
    .await;
    for address in ["victim+1@gmail.com", "vic.tim@gmail.com", "victim@googlemail.com", "V.ictim+2@gmail.com"]
    {
        assert_eq!(app.sign_up(address).await.status(), 200);
    }
    app.settle().await;
    assert_eq!(app.mails().len(), 2);
}

async fn all_the_networks_of_one_customer_have_a_hundred_times_the_limit_of_one(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.client_per_hour = 1;
        trust_this_machine(settings);
    })
    .await;
    let mut taken = 0;
    for network in 0..110 {
        let client = format!("2001:db8:7:{network:x}::1");
        taken += usize::from(from(&app, client, &format!("r{network}@example.org")).await.status() == 200);
    }
    assert_eq!(taken, 100);
    assert_eq!(from(&app, "2001:db8:8::1", "other@example.org").await.status(), 200);
}

async fn throw_away_domains_and_on_wish_posts_are_not_taken_and_the_list_is_read_again(engine: Engine) {
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "bad.example\n").unwrap();
    let file = list.path().to_owned();
    let app = TestApp::start_with(engine, move |settings| {
        settings.signup.blocked_domains_file = Some(file);
        settings.signup.allow_role_accounts = false;
    })
    .await;
    for (address, status, says) in [
        ("ann@mailinator.com", 422, "live for a short time"),
        ("ann@mx.bad.example", 422, "live for a short time"),
        ("info@example.org", 422, "enter your own"),
        ("ann@worse.example", 200, "Check your inbox"),
    ] {
        let answer = app.sign_up(address).await;
        assert_eq!(answer.status(), status, "{address}");
        assert!(answer.text().await.unwrap().contains(says), "{address}");
    }
    std::fs::write(list.path(), "bad.example\nworse.example\n").unwrap();
    app.clock.advance(SignedDuration::from_secs(11));
    assert_eq!(app.sign_up("bob@worse.example").await.status(), 422);
    std::fs::remove_file(list.path()).unwrap();
    app.clock.advance(SignedDuration::from_secs(11));
    assert_eq!(app.sign_up("bob@worse.example").await.status(), 422, "the last list holds");
    assert_eq!(app.status_of("ann@mailinator.com").await, None);
}

async fn a_slip_is_asked_about_and_both_answers_go_on(engine: Engine) {
    let app = TestApp::start(engine).await;
    let fields =
        [("email", "ann@gmial.com"), ("source", "https://news.example/a"), ("time_zone", "Europe/Paris")];
    let page = app.post_form("/subscribe", &fields).await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("Did you mean ann@gmail.com?"), "{page}");
    for kept in ["value=\"https://news.example/a\"", "value=\"Europe/Paris\"", "name=\"as_typed\""] {
        assert!(page.contains(kept), "{kept}: {page}");
    }
    assert_eq!(app.status_of("ann@gmial.com").await, None);
    let json = app
        .client
        .post(format!("{}/subscribe", app.url))
        .header("content-type", "application/json")
        .body("{\"email\":\"ann@gmial.com\"}")
        .send()
        .await
        .unwrap();
    assert_eq!(json.status(), 422);
    let problem: serde_json::Value = serde_json::from_str(&json.text().await.unwrap()).unwrap();
    assert_eq!(problem["suggestion"], "ann@gmail.com");
    for (address, more) in [("ann@gmail.com", ("source", "")), ("ann@gmial.com", ("as_typed", "yes"))] {
        let answer = app.post_form("/subscribe", &[("email", address), more]).await;
        assert!(answer.text().await.unwrap().contains("Check your inbox"));
        assert!(app.status_of(address).await.is_some(), "{address}");
    }
}

async fn every_address_gets_the_same_answer_for_the_same_statements(engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut seen = Vec::new();
    for kind in known(&app).await {
        seen.push((kind, answer_and_statements(&app, &format!("reader@{kind}.example")).await));
    }
    let (_, (answer, statements)) = &seen[0];
    assert!(answer.contains("Check your inbox"), "{answer}");
    assert!(statements.iter().any(|it| it.starts_with("INSERT INTO signups")), "{statements:#?}");
    for (kind, it) in &seen {
        assert_eq!(it, &(answer.clone(), statements.clone()), "{kind}");
    }
}

/// Signs an address up in a process that does nothing else. Returns the answer, and the statements in the process's log.
async fn answer_and_statements(app: &TestApp, address: &str) -> (String, Vec<String>) {
    let settings = &app.app.settings;
    let url = match &settings.database.url {
        DatabaseUrl::Postgres(url) => Some(url.as_str()),
        DatabaseUrl::Sqlite(_) => None,
    };
    let port = ReservedPort::reserve();
    let listen = format!("127.0.0.1:{}", port.number());
    let environment = Environment::in_folder(&settings.data.folder, url)
        .set("DAILY__HTTP__LISTEN", &listen)
        .set("DAILY__LOG__FILTER", "sqlx::query=debug")
        .set("DAILY__LOG__FORMAT", "json");
    let log = tempfile::NamedTempFile::new().unwrap();
    let process = environment.start_logging(&["serve", "--role", "web"], log.path());
    eventually("the process answers", || async {
        app.client.get(format!("http://{listen}/healthz")).send().await.ok()
    })
    .await;
    let request = app.client.post(format!("http://{listen}/subscribe"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let form = serde_urlencoded::to_string([("email", address)]).unwrap();
    let answer = request.body(form).send().await.unwrap();
    let header = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.len());
    let headers: Vec<String> =
        answer.headers().iter().filter(|(name, _)| *name != "date").map(header).collect();
    let answer = format!("{} {headers:?} {}", answer.status(), answer.text().await.unwrap());
    // Its end brings the last line of the log.
    assert_eq!(process.terminate().await, 0);
    let log = std::fs::read_to_string(log.path()).unwrap();
    let statements = log.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        // A short statement is its own summary.
        let fields =
            ["db.statement", "summary"].map(|name| line["fields"][name].as_str().unwrap_or_default());
        fields.into_iter().map(str::trim).find(|text| !text.is_empty()).unwrap_or_default().to_owned()
    });
    // At any time connections are opened, and the process says that it is alive.
    let is_other = |it: &String| {
        it.contains("processes") || ["PRAGMA", "SET ", "COMMIT"].iter().any(|other| it.starts_with(other))
    };
    let statements = statements.filter(|it| !is_other(it));
    (answer, statements.skip_while(|it| !it.contains("FROM newsletters WHERE slug")).collect())
}

async fn only_a_trusted_proxy_says_who_the_client_is(engine: Engine) {
    let app = TestApp::start(engine).await;
    from(&app, "203.0.113.9", "ann@example.org").await;
    assert_eq!(client_of(&app, "ann@example.org").await, "127.0.0.1");
    drop(app);
    let app = TestApp::start_with(engine, trust_this_machine).await;
    from(&app, "10.9.9.9, 203.0.113.9", "ann@example.org").await;
    assert_eq!(client_of(&app, "ann@example.org").await, "203.0.113.9");
}

async fn nobody_gets_out_of_the_limit_by_a_header_that_cannot_be_read(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.client_per_hour = 2;
        trust_this_machine(settings);
    })
    .await;
    // What the client sent, and behind it what the proxy added; or, the last time, a proxy that knows nothing.
    for (sent, addresses) in [(&b"\xff, 203.0.113.9"[..], ["a", "b", "c"]), (b"unknown", ["d", "e", "f"])] {
        for (name, status) in addresses.into_iter().zip([200, 200, 429]) {
            assert_eq!(from(&app, sent, &format!("{name}@example.org")).await.status(), status, "{name}");
        }
    }
    assert_eq!(client_of(&app, "a@example.org").await, "203.0.113.9");
}

fn trust_this_machine(settings: &mut Settings) {
    settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
}

/// Signs up through a proxy that says so.
async fn from(app: &TestApp, client: impl AsRef<[u8]>, address: &str) -> reqwest::Response {
    app.client
        .post(format!("{}/subscribe", app.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-forwarded-for", HeaderValue::from_bytes(client.as_ref()).expect("a header"))
        .body(serde_urlencoded::to_string([("email", address)]).expect("a form"))
        .send()
        .await
        .expect("an answer")
}

async fn client_of(app: &TestApp, address: &str) -> String {
    app.signups_taken().await;
    let address = EmailAddress::parse(address).expect("an address");
    let mut tx = app.app.db.read().await.expect("a transaction");
    let found = daily::db::subscribers::of_address(&mut tx, &address).await.expect("a query");
    let history = daily::db::subscribers::consent_history(&mut tx, found[0].id).await.expect("a query");
    history[0].client_address.clone().expect("evidence")
}

/// Makes a reader of every kind, each at a domain of that name. Returns the kinds.
async fn known(app: &TestApp) -> [&'static str; 5] {
    app.sign_up("reader@pending.example").await;
    app.reader_at_once("reader@active.example").await;
    app.reader_at_once("reader@left.example").await;
    let store = app.store().await;
    store
        .execute(
            "UPDATE subscriptions SET status = 'unsubscribed' WHERE subscriber_id = \
             (SELECT id FROM subscribers WHERE address = 'reader@left.example')",
        )
        .await;
    let at = if matches!(app.app.db, daily::db::Db::Sqlite { .. }) { "0" } else { "'2026-01-01T00:00:00Z'" };
    let suppressed = format!("VALUES ('reader@suppressed.example', 'test', {at})");
    store.execute(&format!("INSERT INTO suppressions (address_key, reason, created_at) {suppressed}")).await;
    app.settle().await;
    ["new", "pending", "active", "left", "suppressed"]
}
