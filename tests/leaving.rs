//! The door that is always open: by one click, by the link, by mail; and what readers say on the way out.

use crate::support::{
    Engine,
    app::TestApp,
    command::Environment,
    on_both_engines,
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    db::{DatabaseUrl, subscriptions},
    domain::{
        email_address::EmailAddress,
        issue::IssueStatus,
        leaving_address::LeavingAddress,
        subscription::SubscriptionStatus::{Active, Unsubscribed},
        token::{KeyRing, Purpose},
    },
    settings::Secret,
};
use jiff::SignedDuration;

async fn id_of(app: &TestApp, address: &str) -> i64 {
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    subscriptions::of_address(&mut tx, &address).await.unwrap()[0].id.0
}

/// The path of the reader's link to leave.
async fn link_of(app: &TestApp, address: &str) -> String {
    format!("/unsubscribe/{}", app.app.actions.keys.sign(Purpose::Unsubscribe, id_of(app, address).await))
}

async fn post(app: &TestApp, path: &str, content_type: &str, body: &str) -> (u16, String) {
    let request = app.client.post(format!("{}{path}", app.url)).header("content-type", content_type);
    let answer = request.body(body.to_owned()).send().await.unwrap();
    assert!(answer.headers().get("set-cookie").is_none() && answer.headers().get("location").is_none());
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// By what means the ledger says that a reader left.
async fn how(app: &TestApp, address: &str) -> Vec<String> {
    let id = daily::domain::ids::SubscriptionId(id_of(app, address).await);
    let mut tx = app.app.db.read().await.unwrap();
    let history = subscriptions::consent_history(&mut tx, id).await.unwrap();
    history.into_iter().filter(|it| it.kind == "unsubscribed").map(|it| it.method).collect()
}

/// The command line on the app's database.
fn command_line(app: &TestApp) -> Environment {
    let folder = app.app.settings.data_folder.as_path();
    match &app.app.settings.database {
        DatabaseUrl::Sqlite(_) => Environment::in_folder(folder, None),
        DatabaseUrl::Postgres(url) => Environment::in_folder(folder, Some(url)),
    }
}

const PATTERN: &str = "leave+{token}@news.example.org";
const URLENCODED: &str = "application/x-www-form-urlencoded";

fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--a b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--a b--\r\n"
}

on_both_engines!(
    a_mail_programs_click_is_told_from_a_readers_by_what_the_form_says,
    links_of_years_ago_work_after_the_secret_was_rotated,
    who_leaves_in_the_middle_of_an_issue_gets_no_more_of_it,
    who_has_left_may_say_why_and_need_not,
    who_writes_to_the_address_in_the_mail_has_left,
);

async fn a_mail_programs_click_is_told_from_a_readers_by_what_the_form_says(engine: Engine) {
    let app = TestApp::start(engine).await;
    let quoted = "multipart/form-data; boundary=\"a b\"";
    let cases = [
        (URLENCODED, "List-Unsubscribe=One-Click".to_owned(), "one_click"),
        (
            "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
            "x=1&List%2DUnsubscribe=One%2DClick\r\n".into(),
            "one_click",
        ),
        (quoted, multipart(&[("x", "1"), ("List-Unsubscribe", "One-Click")]), "one_click"),
        (
            "Multipart/Form-Data; Boundary=\"a b\"",
            multipart(&[("List-Unsubscribe", "One-Click")]),
            "one_click",
        ),
        ("", "List-Unsubscribe=One-Click".into(), "one_click"),
        (URLENCODED, String::new(), "link"),
        (URLENCODED, "note=List-Unsubscribe%3DOne-Click".into(), "link"),
        // What only mentions the words in a field is not a click.
        (quoted, multipart(&[("note", "List-Unsubscribe One-Click")]), "link"),
        // A body that can't be read is a wish to leave all the same.
        ("multipart/form-data", "List-Unsubscribe One-Click".into(), "link"),
        (
            quoted,
            "--a b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Cl".into(),
            "link",
        ),
        ("application/json", "{\"x\":".into(), "link"),
    ];
    for (number, (content_type, body, expected)) in cases.iter().enumerate() {
        let address = format!("reader{number}@example.org");
        app.reader_at_once(&address).await;
        let link = link_of(&app, &address).await;
        for _ in 0..2 {
            let (status, text) = post(&app, &link, content_type, body).await;
            assert_eq!(
                (status, text == "unsubscribed\n"),
                (200, *expected == "one_click"),
                "{number}: {text}"
            );
        }
        assert_eq!(app.status_of(&address).await, Some(Unsubscribed), "{number}");
        assert_eq!(how(&app, &address).await, [*expected], "{number}: once, however often it is posted");
    }
}

async fn links_of_years_ago_work_after_the_secret_was_rotated(engine: Engine) {
    let (old, new) = ([1_u8; 32], [2_u8; 32]);
    let app = TestApp::start_with(engine, |settings| {
        settings.secrets = vec![Secret(new.to_vec()), Secret(old.to_vec())];
    })
    .await;
    app.reader_at_once("ann@example.org").await;
    let id = id_of(&app, "ann@example.org").await;
    let link = |secret: [u8; 32]| {
        format!("/unsubscribe/{}", KeyRing::new(&[secret]).unwrap().sign(Purpose::Unsubscribe, id))
    };
    assert_eq!(post(&app, &link([3; 32]), URLENCODED, "List-Unsubscribe=One-Click").await.0, 404);
    assert_eq!(app.status_of("ann@example.org").await, Some(Active));
    app.clock.advance(SignedDuration::from_hours(24 * 365 * 5));
    assert_eq!(post(&app, &link(old), URLENCODED, "List-Unsubscribe=One-Click").await.0, 200);
    assert_eq!(app.status_of("ann@example.org").await, Some(Unsubscribed));
    assert_eq!(link_of(&app, "ann@example.org").await, link(new), "new links are signed with the new secret");
}

async fn who_leaves_in_the_middle_of_an_issue_gets_no_more_of_it(engine: Engine) {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app = TestApp::with_ports(engine, &[server.port()], |_| {}).await;
    let readers = app.readers(40, "example.org").await;
    let issue = app.begin_issue().await;
    // One connection: the first reader's mail is with the relay, all others' are claimed and wait for their turn.
    let record = server.wait_until(|record| record.on_hold == 1).await;
    let commands = &record.connections[0].commands;
    let first =
        readers.iter().find(|it| commands.iter().any(|line| line.contains(&format!("<{it}>")))).unwrap();
    let leavers: Vec<_> = readers.iter().filter(|it| *it != first).skip(20).collect();
    for reader in &leavers {
        let link = link_of(&app, reader).await;
        assert_eq!(post(&app, &link, URLENCODED, "List-Unsubscribe=One-Click").await.0, 200);
    }
    // What was handed over before is not taken back, but the leaving counts.
    let link = link_of(&app, first).await;
    assert_eq!(post(&app, &link, URLENCODED, "List-Unsubscribe=One-Click").await.0, 200);
    server.follow(Script::accept());
    server.release();
    app.tick_until(issue, IssueStatus::Sent, SignedDuration::from_secs(11)).await;
    let got: Vec<_> = server.record().messages.iter().flat_map(|it| it.recipients.clone()).collect();
    assert!(leavers.iter().all(|it| !got.contains(it)), "{got:?}");
    let counts = app.counts(issue).await;
    // The next reader's mail may have been begun while the first one's answer was awaited.
    assert_eq!((got.len(), counts.sent, counts.skipped), (21, 21, 19), "{counts:?}");
}

async fn who_has_left_may_say_why_and_need_not(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let link = link_of(&app, "ann@example.org").await;
    let (_, shown) = post(&app, &link, URLENCODED, "reason=too_many").await;
    assert!(shown.contains("Leave The Daily") || shown.contains("Leave "), "{shown}");
    assert_eq!(app.status_of("ann@example.org").await, Some(Active), "a reason is not a leaving");
    let (_, left) = post(&app, &link, URLENCODED, "").await;
    for says in ["You have left", "tell us why", "value=\"never_asked\"", "name=\"remark\"", "Sign up again"]
    {
        assert!(left.contains(says), "{says} is missing in {left}");
    }
    let (status, thanks) =
        post(&app, &link, URLENCODED, "reason=too_many&remark=Every+day%0D%0Ais+too+much+%3Cb%3E").await;
    assert_eq!(status, 200);
    assert!(thanks.contains("Thank you") && !thanks.contains("tell us why"), "{thanks}");
    // The last word counts; a reason that is not on the list is another one; a multipart form does, too.
    let long = "x".repeat(600);
    let form = multipart(&[("reason", "aliens"), ("remark", &long)]);
    assert_eq!(post(&app, &link, "multipart/form-data; boundary=\"a b\"", &form).await.0, 200);
    assert_eq!(app.consent_of("ann@example.org").await, ["requested", "confirmed", "unsubscribed"]);
    for (address, reason) in [
        ("ben@example.org", "reason=too_many"),
        ("cas@example.org", "reason=too_many&remark="),
        ("dot@example.org", ""),
    ] {
        app.reader_at_once(address).await;
        let link = link_of(&app, address).await;
        post(&app, &link, URLENCODED, "").await;
        post(&app, &link, URLENCODED, reason).await;
    }
    let test = format!("/unsubscribe/{}", app.app.actions.keys.sign(Purpose::Test, 1));
    assert!(post(&app, &test, URLENCODED, "reason=other").await.1.contains("This was a test"));
    assert_eq!(post(&app, "/unsubscribe/x", URLENCODED, "reason=other").await.0, 404);

    let daily = command_line(&app);
    let ended = daily.run(&["--json", "consent", "reasons", "--days", "3650"]).await;
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(told["left"], 4);
    assert_eq!(
        told["reasons"],
        serde_json::json!([{"reason": "too_many", "readers": 2}, {"reason": "other", "readers": 1}])
    );
    assert_eq!(told["remarks"].as_array().unwrap().len(), 1);
    assert_eq!(told["remarks"][0]["remark"], "x".repeat(500));
    let ended = daily.run(&["consent", "reasons", "--days", "3650", "--newsletter", "daily"]).await;
    assert!(
        ended.stdout.contains("4 readers have left") && ended.stdout.contains("Too many mails"),
        "{}",
        ended.stdout
    );
    assert_eq!(daily.run(&["consent", "reasons", "--newsletter", "nowhere"]).await.code, 1);
}

async fn who_writes_to_the_address_in_the_mail_has_left(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.sending.unsubscribe_mailto = Some(LeavingAddress::parse(PATTERN).unwrap());
    })
    .await;
    app.article("The bridge opens").await;
    for name in ["ann", "ben", "cas", "dot", "eve"] {
        app.reader(&format!("{name}@example.org")).await;
    }
    app.send_issue().await;
    let token = async |address: &str| link_of(&app, address).await.rsplit('/').next().unwrap().to_owned();
    let header =
        app.mails_to("ann@example.org").last().unwrap().header("List-Unsubscribe").unwrap().to_owned();
    let ann = token("ann@example.org").await;
    let mailto = format!("<mailto:leave+{ann}@news.example.org?subject=unsubscribe%20{ann}>");
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        [format!("<{}{}>,", app.url, link_of(&app, "ann@example.org").await), mailto]
    );

    let daily = command_line(&app).set("DAILY__SENDING__UNSUBSCRIBE_MAILTO", PATTERN);
    let bounce = async |arguments: &[&str], message: String| {
        let ended = daily.run_with_input(&[&["bounce"], arguments].concat(), message.as_bytes()).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{ended:?}");
        ended.stderr
    };
    let mail = |to: &str, subject: &str, rest: &str| {
        format!(
            "From: Ann <ann@example.org>\r\nTo: {to}\r\nMessage-ID: <1@example.org>\r\nSubject: {subject}\r\n{rest}"
        )
    };
    // What is no wish to leave, though it holds a token: an answer that quotes our mail, reports about it, an automatic answer.
    let quoting = format!("\r\nNice issue!\r\n> unsubscribe: https://news.example.org/unsubscribe/{ann}\r\n");
    let report = |kind: &str| {
        let returned = format!("List-Unsubscribe: <mailto:leave+{ann}@news.example.org>");
        format!(
            "Content-Type: multipart/report; report-type={kind}; boundary=x\r\n\r\n--x\r\n\r\nunsubscribe {ann}\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n{returned}\r\n\r\nx\r\n--x--\r\n"
        )
    };
    let address = format!("leave+{ann}@news.example.org");
    for (message, says) in [
        (
            mail("daily@news.example.org", "Re: The bridge opens", &quoting),
            "message <1@example.org> from a***@example.org",
        ),
        (mail(&address, "Returned mail", &report("delivery-status")), "report of delivery"),
        (mail(&address, "Complaint", &report("feedback-report")), "complaint"),
        (
            mail(
                "daily@news.example.org",
                &format!("unsubscribe {ann}"),
                "Auto-Submitted: auto-replied\r\n\r\n",
            ),
            "automatic answer",
        ),
        (mail("daily@news.example.org", "unsubscribe", "\r\nplease\r\n"), "not with a token of ours"),
        (
            mail("daily@news.example.org", &format!("unsubscribe {}", &ann.to_lowercase()), "\r\n"),
            "not with a token of ours",
        ),
        (String::new(), "it was not a message"),
    ] {
        let told = bounce(&[], message).await;
        assert!(told.contains(says), "{says}: {told}");
    }
    assert_eq!(app.status_of("ann@example.org").await, Some(Active));

    // In the address; in an address written small, with the token in the subject; from the envelope; in the body; again.
    let (ben, cas, dot) =
        (token("ben@example.org").await, token("cas@example.org").await, token("dot@example.org").await);
    let small = format!("LEAVE+{}@news.example.org", ben.to_lowercase());
    let envelope = format!("leave+{cas}@news.example.org");
    let told = bounce(&[], mail(&format!("<{address}>"), "", "\r\n")).await;
    assert!(told.contains("the reader has left `daily`"), "{told}");
    bounce(&[], mail(&small, &format!("unsubscribe {ben}"), "\r\n")).await;
    bounce(&["--recipient", &envelope], mail("undisclosed-recipients:;", "", "\r\n")).await;
    bounce(&[], mail("daily@news.example.org", "Hello", &format!("\r\n\r\nUnsubscribe, please: {dot}\r\n")))
        .await;
    bounce(&[], mail(&address, "", "\r\n")).await;
    for name in ["ann", "ben", "cas", "dot"] {
        let address = format!("{name}@example.org");
        assert_eq!(app.status_of(&address).await, Some(Unsubscribed), "{name}");
        assert_eq!(how(&app, &address).await, ["mail"], "{name}");
    }
    assert_eq!(app.status_of("eve@example.org").await, Some(Active));
    let test = app.app.actions.keys.sign(Purpose::Test, 1);
    let told = bounce(&[], mail(&format!("leave+{test}@news.example.org"), "", "\r\n")).await;
    assert!(told.contains("that of a test"), "{told}");

    // A message too long to be looked at whole; one that can't be handled now is kept by the mail server.
    let long = mail(&address, "", &format!("\r\n{}", "x".repeat(5_000_000)));
    assert!(bounce(&[], long).await.contains("has left"));
    let told = daily.run_with_input(&["--json", "bounce"], mail(&address, "", "\r\n").as_bytes()).await;
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["kind"], &told["message_id"]), (&"leave".into(), &"1@example.org".into()));
    let no_folder = app.app.settings.data_folder.join("secret.key").join("daily.db");
    let broken = daily.set("DAILY__DATABASE__URL", &format!("sqlite://{}", no_folder.display()));
    assert_eq!(broken.run_with_input(&["bounce"], b"").await.code, 75);
    let wrong = broken.set("DAILY__SENDING__UNSUBSCRIBE_MAILTO", "leave@news.example.org");
    let ended = wrong.run_with_input(&["bounce"], b"").await;
    assert!(ended.code == 75 && ended.stderr.contains("sending.unsubscribe_mailto"), "{ended:?}");
}
