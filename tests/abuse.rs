//! Clients that flood the signup form get nowhere, and learn nothing.

use crate::support::{Engine, TestApp, address, eventually, form_token_in, on_both_engines};
use daily::{domain::subscriber::subscription::SubscriptionStatus::Active, settings::Settings};
use jiff::SignedDuration;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::json;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

on_both_engines!(
    a_client_over_the_limit_is_refused_by_every_process,
    repeated_signups_send_few_emails_and_the_answer_stays_the_same,
    beyond_the_overall_limit_everyone_waits_and_old_limits_are_deleted,
    a_bot_gets_the_usual_answer_and_nothing_happens,
    a_bot_gets_the_same_problems_as_people,
    a_quick_reader_is_asked_to_submit_the_form_again,
    spellings_of_one_inbox_share_its_limit,
    all_networks_of_a_customer_share_a_hundred_times_the_limit_of_one,
    disposable_domains_and_role_addresses_are_refused_and_the_list_is_reread,
    a_typo_is_asked_about_and_either_answer_signs_up,
    every_address_gets_the_same_answer_for_the_same_statements,
    only_a_trusted_proxy_can_report_the_client,
    an_unreadable_header_does_not_evade_the_limit,
);

async fn a_client_over_the_limit_is_refused_by_every_process(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.client_per_hour = 3;
        trust_this_machine(settings);
    })
    .await;
    for n in 0..3 {
        assert_eq!(app.sign_up_from("192.0.2.1", &format!("r{n}@example.org")).await.status(), 200);
    }
    let refused = app.sign_up_from("192.0.2.1", "r4@example.org").await;
    assert_eq!(refused.status(), 429);
    let wait: i64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1190..=1210).contains(&wait), "a third of an hour: {wait}");
    assert!(refused.text().await.unwrap().contains("try again in"));
    assert_eq!(app.status_of("r4@example.org").await, None);
    // Refused signups don't use up the limit.
    app.clock.advance(SignedDuration::from_mins(21));
    assert_eq!(app.sign_up_from("192.0.2.1", "r4@example.org").await.status(), 200);
    // Other clients are unaffected. An IPv6 network counts as one client.
    assert_eq!(app.sign_up_from("192.0.2.2", "s@example.org").await.status(), 200);
    for (n, host) in ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:0:9::"].into_iter().enumerate() {
        assert_eq!(app.sign_up_from(host, &format!("v{n}@example.org")).await.status(), 200);
    }
    assert_eq!(app.sign_up_from("2001:db8::5", "v9@example.org").await.status(), 429);
    assert_eq!(app.sign_up_from("2001:db8:0:1::5", "v9@example.org").await.status(), 200);
    // The limit is in the database, so a process that has just started knows it.
    let another = app.another().await;
    let signup = daily::actions::signup::request::Signup {
        address: address("t@example.org"),
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

async fn repeated_signups_send_few_emails_and_the_answer_stays_the_same(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.mails_per_address_per_day = 2;
    })
    .await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        let answer = app.sign_up("ann@example.org").await;
        answers.push((answer.status(), answer.text().await.unwrap()));
        // Signups that are processed together send one email.
        app.settle().await;
        app.clock.advance(SignedDuration::from_mins(10));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    assert_eq!(app.emails_to("ann@example.org").len(), 2);
    assert_eq!(app.post(&app.confirmation_link("ann@example.org")).await.status(), 200);
    assert_eq!(app.status_of("ann@example.org").await, Some(Active));
}

async fn beyond_the_overall_limit_everyone_waits_and_old_limits_are_deleted(engine: Engine) {
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
    app.run_due().await;
    assert_eq!(app.store().await.rows_in("rate_limits").await, 0);
    assert_eq!(app.sign_up("c@example.org").await.status(), 200);
}

async fn a_bot_gets_the_usual_answer_and_nothing_happens(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.minimum_seconds = 2;
    })
    .await;
    let started = app.form_token().await;
    let usual = without_hidden(&app.sign_up("plain@example.org").await.text().await.unwrap());
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
        let text = answer.text().await.unwrap().replace("bot@example.org", "plain@example.org");
        assert_eq!(without_hidden(&text), usual, "{more:?}");
    }
    // A newsletter named five hundred times is in the answer once.
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

async fn a_bot_gets_the_same_problems_as_people(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.minimum_seconds = 2;
    })
    .await;
    let started = app.form_token().await;
    let (website, quick) = (("website", "https://buy.example"), ("started", started.as_str()));
    let wrong: [&[(&str, &str)]; 5] = [
        &[("email", "ann@example.org"), ("newsletter", "none")],
        &[("email", "ann@example.org"), ("newsletter", "daily"), ("newsletter", "none")],
        &[("email", "ann@example.org"), ("newsletter", "Not a name")],
        &[("email", "ann@mailinator.com"), ("newsletter", "none")],
        &[("email", "x")],
    ];
    for fields in wrong {
        let answer = async |more: &[(&str, &str)]| {
            let page = app.submit("/subscribe", &[fields, more].concat()).await;
            (page.status, without_hidden(&page))
        };
        let (status, usual) = answer(&[]).await;
        assert_eq!(status, 422, "{fields:?}: {usual}");
        for more in [&[website][..], &[quick], &[quick, website]] {
            assert_eq!(answer(more).await, (status, usual.clone()), "{fields:?} {more:?}");
        }
    }
    // JSON: a refused signup and an accepted one.
    for (newsletter, status) in [("none", 422), ("daily", 202)] {
        let mut fields = json!({ "email": "bot@example.org", "newsletter": newsletter });
        let mut answers = Vec::new();
        for website in ["", "https://buy.example"] {
            fields["website"] = website.into();
            let answer = app.post_json("/subscribe", &fields).await;
            answers.push((answer.status().as_u16(), answer.text().await.unwrap()));
        }
        assert_eq!(answers[0].0, status);
        assert_eq!(answers[0], answers[1]);
    }
}

async fn a_quick_reader_is_asked_to_submit_the_form_again(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.minimum_seconds = 2;
    })
    .await;
    app.add_newsletter("weekly", |_| ()).await;
    let started = app.form_token().await;
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
    assert!(page.contains("Sehen Sie in Ihr Postfach"), "{page}");
    assert!(app.status_of("ann@example.org").await.is_some());
    // A reader who corrects a typo keeps the form token, and may resubmit quickly.
    let page = app.post_form("/subscribe", &[("email", "bob@example"), ("started", &started)]).await;
    assert_eq!(page.status(), 422);
    assert_eq!(form_token_in(&page.text().await.unwrap()), started);
    app.post_form("/subscribe", &[("email", "bob@example.org"), ("started", &started)]).await;
    assert!(app.status_of("bob@example.org").await.is_some());
    // A forged token is replaced. The token of a page that was open for days is accepted.
    let page = app.post_form("/subscribe", &[("email", "bob@example"), ("started", "made-up")]).await;
    assert_ne!(form_token_in(&page.text().await.unwrap()), "made-up");
    app.clock.advance(HOUR * 24 * 5);
    app.post_form("/subscribe", &[("email", "cleo@example.org"), ("started", &started)]).await;
    assert!(app.status_of("cleo@example.org").await.is_some());
}

async fn spellings_of_one_inbox_share_its_limit(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.mails_per_address_per_day = 2;
    })
    .await;
    for address in ["victim+1@gmail.com", "vic.tim@gmail.com", "victim@googlemail.com", "V.ictim+2@gmail.com"]
    {
        assert_eq!(app.sign_up(address).await.status(), 200);
    }
    app.settle().await;
    assert_eq!(app.emails().len(), 2);
}

async fn all_networks_of_a_customer_share_a_hundred_times_the_limit_of_one(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.client_per_hour = 1;
        trust_this_machine(settings);
    })
    .await;
    let mut taken = 0;
    for network in 0..110 {
        let client = format!("2001:db8:7:{network:x}::1");
        taken +=
            usize::from(app.sign_up_from(client, &format!("r{network}@example.org")).await.status() == 200);
    }
    assert_eq!(taken, 100);
    assert_eq!(app.sign_up_from("2001:db8:8::1", "other@example.org").await.status(), 200);
}

async fn disposable_domains_and_role_addresses_are_refused_and_the_list_is_reread(engine: Engine) {
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "bad.example\n").unwrap();
    let file = list.path().to_owned();
    let app = TestApp::start_with(engine, move |settings| {
        settings.signup.blocked_domains_file = Some(file);
        settings.signup.allow_role_accounts = false;
    })
    .await;
    for (address, status, says) in [
        ("ann@mailinator.com", 422, "This address is temporary."),
        ("ann@mx.bad.example", 422, "This address is temporary."),
        ("info@example.org", 422, "Please enter your own."),
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

async fn a_typo_is_asked_about_and_either_answer_signs_up(engine: Engine) {
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
    let json = app.post_json("/subscribe", &json!({ "email": "ann@gmial.com" })).await;
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

/// Signs up in a process that does nothing else. Returns the answer, and the statements in the process's log.
async fn answer_and_statements(app: &TestApp, address: &str) -> (String, Vec<String>) {
    let (environment, url) = app.program().listening();
    // The answer must not contain the port.
    let environment = environment
        .set("DAILY__HTTP__PUBLIC_URL", "https://news.example")
        .set("DAILY__LOG__FILTER", "sqlx::query=debug")
        .set("DAILY__LOG__FORMAT", "json");
    let log = tempfile::NamedTempFile::new().unwrap();
    let process = environment.start_logging(&["serve", "--role", "web"], log.path());
    eventually("the process answers", || async {
        app.client.get(format!("{url}/healthz")).send().await.ok()
    })
    .await;
    let answer = app.post_form(&format!("{url}/subscribe"), &[("email", address)]).await;
    let header = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.len());
    let headers: Vec<String> = answer
        .headers()
        .iter()
        .filter(|(name, _)| *name != "date" && *name != "content-length")
        .map(header)
        .collect();
    // The page repeats the address that was typed.
    let (status, body) = (answer.status(), answer.text().await.unwrap().replace(address, "ADDRESS"));
    let answer = format!("{status} {headers:?} {body}");
    // The last line of the log is written when the process ends.
    assert_eq!(process.terminate().await, 0);
    let log = std::fs::read_to_string(log.path()).unwrap();
    let statements = log.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        // For a short statement, sqlx leaves the full text empty.
        let fields =
            ["db.statement", "summary"].map(|name| line["fields"][name].as_str().unwrap_or_default());
        fields.into_iter().map(str::trim).find(|text| !text.is_empty()).unwrap_or_default().to_owned()
    });
    // Connections and heartbeats can come at any time.
    let is_other = |it: &String| {
        // So can the figures for monitoring.
        ["processes", "send_rates", "FROM issues", "FROM feeds", "FROM deliveries", "obs"]
            .iter()
            .any(|table| it.contains(table))
            || ["PRAGMA", "SET ", "COMMIT"].iter().any(|other| it.starts_with(other))
    };
    let statements = statements.filter(|it| !is_other(it));
    (answer, statements.skip_while(|it| !it.contains("FROM newsletters WHERE slug")).collect())
}

async fn only_a_trusted_proxy_can_report_the_client(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up_from("203.0.113.9", "ann@example.org").await;
    assert_eq!(client_of(&app, "ann@example.org").await.as_deref(), Some("127.0.0.1"));
    drop(app);
    let app = TestApp::start_with(engine, trust_this_machine).await;
    app.sign_up_from("10.9.9.9, 203.0.113.9", "ann@example.org").await;
    assert_eq!(client_of(&app, "ann@example.org").await.as_deref(), Some("203.0.113.9"));
}

async fn an_unreadable_header_does_not_evade_the_limit(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.client_per_hour = 2;
        trust_this_machine(settings);
    })
    .await;
    // The client's header, followed by the address that the proxy added. The last proxy adds none.
    for (sent, addresses) in [(&b"\xff, 203.0.113.9"[..], ["a", "b", "c"]), (b"unknown", ["d", "e", "f"])] {
        for (name, status) in addresses.into_iter().zip([200, 200, 429]) {
            assert_eq!(
                app.sign_up_from(sent, &format!("{name}@example.org")).await.status(),
                status,
                "{name}"
            );
        }
    }
    assert_eq!(client_of(&app, "a@example.org").await.as_deref(), Some("203.0.113.9"));
}

fn trust_this_machine(settings: &mut Settings) {
    settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
}

/// Returns the client that the ledger names for an address.
async fn client_of(app: &TestApp, address: &str) -> Option<String> {
    app.visitor(address).ledger().await.remove(0).client_address
}

/// Creates a reader of every kind, each at a domain named after the kind. Returns the kinds.
async fn known(app: &TestApp) -> [&'static str; 5] {
    app.sign_up("reader@pending.example").await;
    app.reader_at_once("reader@active.example").await;
    app.reader_at_once("reader@left.example").await.unsubscribes().await;
    app.suppress("reader@suppressed.example", "complained").await;
    ["new", "pending", "active", "left", "suppressed"]
}

/// Leaves out the hidden fields, which repeat what the form had.
fn without_hidden(page: &str) -> String {
    let mut parts = page.split("<input type=\"hidden\"");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('>').expect("an end").1);
    std::iter::once(first).chain(rest).collect()
}
