//! Unsubscribing by one click, by the link and by email, and the reasons that readers give.

use crate::support::{
    DAY, Engine, Page, TestApp, on_both_engines,
    reader::Reader,
    smtp_server::{Action, Script, SmtpServer, Step},
    web::URLENCODED,
};
use daily::{
    domain::{
        issue::status::IssueStatus,
        subscriber::{
            subscription::SubscriptionStatus::{Active, Paused, Unsubscribed},
            unsubscribe_address::UnsubscribeAddress,
        },
        token::{KeyRing, Purpose},
    },
    settings::Secret,
};
use jiff::SignedDuration;
use serde_json::json;

const ANN: &str = "ann@example.org";

async fn post(app: &TestApp, path: &str, content_type: &str, body: &str) -> Page {
    let request = app.posting(path).header("content-type", content_type);
    let answer = request.body(body.to_owned()).send().await.unwrap();
    assert!(answer.headers().get("set-cookie").is_none() && answer.headers().get("location").is_none());
    Page::read(answer).await
}

/// Returns the methods of a reader's unsubscriptions in the ledger.
async fn methods(reader: &Reader<'_>) -> Vec<String> {
    let ledger = reader.ledger().await;
    ledger.into_iter().filter(|it| it.kind == "unsubscribed").map(|it| it.method).collect()
}

const PATTERN: &str = "leave+{token}@news.example.org";

fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--a b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--a b--\r\n"
}

on_both_engines!(
    one_click_is_recognised_by_the_field_in_the_form,
    links_of_years_ago_work_after_the_secret_was_rotated,
    a_reader_who_unsubscribes_in_mid_issue_gets_no_more_of_it,
    readers_may_give_a_reason_after_unsubscribing,
    an_email_to_the_address_in_list_unsubscribe_unsubscribes,
);

async fn one_click_is_recognised_by_the_field_in_the_form(engine: Engine) {
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
        // The words in another field are no one-click request.
        (quoted, multipart(&[("note", "List-Unsubscribe One-Click")]), "link"),
        // A body that can't be parsed unsubscribes all the same.
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
        let reader = app.reader_at_once(&address).await;
        let link = reader.unsubscribe_link().await;
        for _ in 0..2 {
            let page = post(&app, &link, content_type, body).await;
            let is_one_click = *expected == "one_click";
            assert_eq!((page.status, &*page == "unsubscribed\n"), (200, is_one_click), "{number}: {page}");
        }
        assert_eq!(app.status_of(&address).await, Some(Unsubscribed), "{number}");
        assert_eq!(methods(&reader).await, [*expected], "{number}: once, however often it is posted");
    }
}

async fn links_of_years_ago_work_after_the_secret_was_rotated(engine: Engine) {
    let (old, new) = ([1_u8; 32], [2_u8; 32]);
    let app = TestApp::start_with(engine, |settings| {
        settings.tokens.secrets = vec![Secret(new.to_vec()), Secret(old.to_vec())];
    })
    .await;
    let ann = app.reader_at_once(ANN).await;
    let id = ann.subscription().await.id.0;
    let link = |secret: [u8; 32]| {
        format!("/unsubscribe/{}", KeyRing::new(&[secret]).unwrap().sign(Purpose::Unsubscribe, id))
    };
    assert_eq!(post(&app, &link([3; 32]), URLENCODED, "List-Unsubscribe=One-Click").await.status, 404);
    assert_eq!(app.status_of(ANN).await, Some(Active));
    app.clock.advance(DAY * 365 * 5);
    assert_eq!(post(&app, &link(old), URLENCODED, "List-Unsubscribe=One-Click").await.status, 200);
    assert_eq!(app.status_of(ANN).await, Some(Unsubscribed));
    assert_eq!(ann.unsubscribe_link().await, link(new), "new links are signed with the new secret");
}

async fn a_reader_who_unsubscribes_in_mid_issue_gets_no_more_of_it(engine: Engine) {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app = TestApp::with_ports(engine, &[server.port()], |_| {}).await;
    let (issue, readers) = app.begin_issue_to(40).await;
    // There is one connection. The first reader's email is at the relay, and all others are claimed and wait.
    let record = server.wait_until(|record| record.on_hold == 1).await;
    let commands = &record.connections[0].commands;
    let first =
        readers.iter().find(|it| commands.iter().any(|line| line.contains(&format!("<{it}>")))).unwrap();
    let unsubscribers: Vec<_> = readers.iter().filter(|it| *it != first).skip(20).collect();
    // The first email is at the relay already, but unsubscribing still counts.
    for reader in unsubscribers.iter().copied().chain([first]) {
        let link = app.visitor(reader).unsubscribe_link().await;
        assert_eq!(post(&app, &link, URLENCODED, "List-Unsubscribe=One-Click").await.status, 200);
    }
    server.follow(Script::accept());
    server.release();
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(11)).await;
    let got: Vec<_> = server.record().messages.iter().flat_map(|it| it.recipients.clone()).collect();
    assert!(unsubscribers.iter().all(|it| !got.contains(it)), "{got:?}");
    let counts = app.counts(issue).await;
    // The next reader's email may have been begun while the first one's answer was awaited.
    assert_eq!((got.len(), counts.sent, counts.skipped), (21, 21, 19), "{counts:?}");
}

async fn readers_may_give_a_reason_after_unsubscribing(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let link = ann.unsubscribe_link().await;
    let shown = post(&app, &link, URLENCODED, "reason=too_many").await;
    assert!(shown.contains("Stop completely"), "{shown}");
    assert_eq!(app.status_of(ANN).await, Some(Active), "a reason alone does not unsubscribe");
    let left = post(&app, &link, URLENCODED, "").await;
    for says in ["You’ve unsubscribed", "telling us why", "value=\"never_asked\"", "name=\"remark\"", "Undo"]
    {
        assert!(left.contains(says), "{says} is missing in {left}");
    }
    let thanks =
        post(&app, &link, URLENCODED, "reason=too_many&remark=Every+day%0D%0Ais+too+much+%3Cb%3E").await;
    assert_eq!(thanks.status, 200);
    assert!(thanks.contains("Thank you") && !thanks.contains("telling us why"), "{thanks}");
    // The last answer counts. An unknown reason is stored as "other". A multipart form works, too.
    let long = "x".repeat(600);
    let form = multipart(&[("reason", "aliens"), ("remark", &long)]);
    assert_eq!(post(&app, &link, "multipart/form-data; boundary=\"a b\"", &form).await.status, 200);
    assert_eq!(app.consent_of(ANN).await, ["requested", "confirmed", "unsubscribed"]);
    for (address, reason) in [
        ("ben@example.org", "reason=too_many"),
        ("cas@example.org", "reason=too_many&remark="),
        ("dot@example.org", ""),
    ] {
        let link = app.reader_at_once(address).await.unsubscribe_link().await;
        post(&app, &link, URLENCODED, "").await;
        post(&app, &link, URLENCODED, reason).await;
    }
    let test = format!("/unsubscribe/{}", app.app.subscription.keys.sign(Purpose::Test, 1));
    assert!(post(&app, &test, URLENCODED, "reason=other").await.contains("This is a test"));
    assert_eq!(post(&app, "/unsubscribe/x", URLENCODED, "reason=other").await.status, 404);

    let daily = app.program();
    let told = daily.run(&["--json", "consent", "reasons", "--days", "3650"]).await.json();
    assert_eq!(told["left"], 4);
    assert_eq!(
        told["reasons"],
        json!([{"reason": "too_many", "readers": 2}, {"reason": "other", "readers": 1}])
    );
    assert_eq!(told["remarks"].as_array().unwrap().len(), 1);
    assert_eq!(told["remarks"][0]["remark"], "x".repeat(500));
    let ended = daily.run(&["consent", "reasons", "--days", "3650", "--newsletter", "daily"]).await;
    assert!(
        ended.stdout.contains("4 readers unsubscribed") && ended.stdout.contains("Too many mails"),
        "{}",
        ended.stdout
    );
    assert_eq!(daily.run(&["consent", "reasons", "--newsletter", "nowhere"]).await.code, 1);
}

async fn an_email_to_the_address_in_list_unsubscribe_unsubscribes(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.sending.unsubscribe_mailto = Some(UnsubscribeAddress::parse(PATTERN).unwrap());
    })
    .await;
    app.article("The bridge opens").await;
    for name in ["ann", "ben", "cas", "dot", "eve"] {
        app.reader(&format!("{name}@example.org")).await;
    }
    app.send_issue().await;
    let token = async |address: &str| app.visitor(address).token().await;
    let header = app.visitor(ANN).last_email().header("List-Unsubscribe").unwrap().to_owned();
    let ann = token(ANN).await;
    let mailto = format!("<mailto:leave+{ann}@news.example.org?subject=unsubscribe%20{ann}>");
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        [format!("<{}/unsubscribe/{ann}>,", app.url), mailto]
    );

    let daily = app.program().set("DAILY__SENDING__UNSUBSCRIBE_MAILTO", PATTERN);
    let receive = async |arguments: &[&str], message: String| {
        let ended = daily.run_with_input(&[&["receive"], arguments].concat(), message.as_bytes()).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{ended:?}");
        ended.stderr
    };
    let mail = |to: &str, subject: &str, rest: &str| {
        format!(
            "From: Ann <ann@example.org>\r\nTo: {to}\r\nMessage-ID: <1@example.org>\r\nSubject: {subject}\r\n{rest}"
        )
    };
    // Messages with a token that are no unsubscribe request: a reply with a quote, reports, an automatic
    // reply.
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
            "other <1@example.org> from a***@example.org",
        ),
        (mail(&address, "Returned mail", &report("delivery-status")), "it names no recipient"),
        (
            mail(&address, "Complaint", &report("feedback-report").replace(&ann, "x")),
            "complaint <1@example.org> from a***@example.org: it doesn't prove",
        ),
        (
            mail(
                "daily@news.example.org",
                &format!("unsubscribe {ann}"),
                "Auto-Submitted: auto-replied\r\n\r\n",
            ),
            "an automatic answer",
        ),
        (mail("daily@news.example.org", "unsubscribe", "\r\nplease\r\n"), "no valid token"),
        (
            mail("daily@news.example.org", &format!("unsubscribe {}", &ann.to_lowercase()), "\r\n"),
            "no valid token",
        ),
        (String::new(), "not a message"),
    ] {
        let told = receive(&[], message).await;
        assert!(told.contains(says), "{says}: {told}");
    }
    assert_eq!(app.status_of(ANN).await, Some(Active));

    // The token is in the address, in the subject (with the address in lower case), in the envelope, in the
    // body, and used again.
    let (ben, cas, dot) =
        (token("ben@example.org").await, token("cas@example.org").await, token("dot@example.org").await);
    let small = format!("LEAVE+{}@news.example.org", ben.to_lowercase());
    let envelope = format!("leave+{cas}@news.example.org");
    let told = receive(&[], mail(&format!("<{address}>"), "", "\r\n")).await;
    assert!(told.contains("the reader is unsubscribed from `daily`"), "{told}");
    receive(&[], mail(&small, &format!("unsubscribe {ben}"), "\r\n")).await;
    receive(&["--recipient", &envelope], mail("undisclosed-recipients:;", "", "\r\n")).await;
    receive(&[], mail("daily@news.example.org", "Hello", &format!("\r\n\r\nUnsubscribe, please: {dot}\r\n")))
        .await;
    receive(&[], mail(&address, "", "\r\n")).await;
    for name in ["ann", "ben", "cas", "dot"] {
        let address = format!("{name}@example.org");
        assert_eq!(app.status_of(&address).await, Some(Unsubscribed), "{name}");
        assert_eq!(methods(&app.visitor(&address)).await, ["mail"], "{name}");
    }
    assert_eq!(app.status_of("eve@example.org").await, Some(Active));
    let test = app.app.subscription.keys.sign(Purpose::Test, 1);
    let told = receive(&[], mail(&format!("leave+{test}@news.example.org"), "", "\r\n")).await;
    assert!(told.contains("from a test email"), "{told}");

    // Only the beginning of a long message is read. Exit code 75 makes the mail server keep the message and
    // try again.
    let long = mail(&address, "", &format!("\r\n{}", "x".repeat(5_000_000)));
    assert!(receive(&[], long).await.contains("is unsubscribed"));
    let told =
        daily.run_with_input(&["--json", "receive"], mail(&address, "", "\r\n").as_bytes()).await.json();
    assert_eq!((&told["kind"], &told["message_id"]), (&"unsubscribe".into(), &"1@example.org".into()));
    let no_folder = app.app.settings.data.folder.join("secret.key").join("daily.db");
    let broken = daily.set("DAILY__DATABASE__URL", &format!("sqlite://{}", no_folder.display()));
    assert_eq!(broken.run_with_input(&["receive"], b"").await.code, 75);
    let wrong = broken.set("DAILY__SENDING__UNSUBSCRIBE_MAILTO", "leave@news.example.org");
    let ended = wrong.run_with_input(&["receive"], b"").await;
    assert!(ended.code == 75 && ended.stderr.contains("sending.unsubscribe_mailto"), "{ended:?}");
}

on_both_engines!(
    the_page_offers_less_and_a_break_before_unsubscribing,
    an_unsubscribe_can_be_undone_for_an_hour,
);

async fn the_page_offers_less_and_a_break_before_unsubscribing(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let link = ann.unsubscribe_link().await;
    let shown = app.page(&link).await;
    for offer in ["Switch to weekly", "Take a break", "Stop completely", "Choose your topics"] {
        assert!(shown.contains(offer), "{offer}: {shown}");
    }
    let weekly = app.submit(&link, &[("instead", "weekly")]).await;
    assert!(weekly.contains("You’ll get one email a week") && weekly.contains("Sunday 3 May"), "{weekly}");
    assert_eq!(ann.subscription().await.cadence.as_str(), "weekly");
    assert!(!app.page(&link).await.contains("Switch to weekly"), "it is weekly already");
    // Neither an unknown offer nor a day out of bounds unsubscribes.
    let wrong_day = "Choose a day from 2 May 2026 to";
    for (fields, status, says) in [
        (&[("instead", "secret")][..], 422, "Choose one of: weekly, pause, undo."),
        (&[("instead", "pause"), ("until", "2020-01-01")], 422, wrong_day),
        (&[("instead", "pause")], 422, wrong_day),
        (&[("instead", "undo")], 200, "Stop completely"),
    ] {
        let page = app.submit(&link, fields).await;
        assert_eq!(page.status, status, "{page}");
        assert!(
            page.contains(says) && page.contains("Stop completely") && !page.contains("secret"),
            "{page}"
        );
        assert_eq!(app.status_of(ANN).await, Some(Active));
    }
    let paused = app.submit(&link, &[("instead", "pause"), ("until", "2026-05-15")]).await;
    assert!(paused.contains("Your subscription is paused until 15 May 2026"), "{paused}");
    assert_eq!(app.status_of(ANN).await, Some(Paused));
}

async fn an_unsubscribe_can_be_undone_for_an_hour(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let link = ann.unsubscribe_link().await;
    ann.chooses(&[("cadence", "weekly")]).await;
    assert!(app.press(&link).await.contains("name=\"instead\" value=\"undo\""));
    let back = app.submit(&link, &[("instead", "undo")]).await;
    assert!(back.contains("You’re back"), "{back}");
    assert_eq!(app.status_of(ANN).await, Some(Active));
    assert_eq!(ann.subscription().await.cadence.as_str(), "weekly", "as it was");
    let entry = ann.ledger().await.pop().unwrap();
    assert_eq!((entry.kind.as_str(), entry.method.as_str()), ("confirmed", "undo"));
    assert_eq!(app.verify_ledger().await.broken, 0);
    // A second press changes nothing.
    app.submit(&link, &[("instead", "undo")]).await;
    assert_eq!(app.consent_of(ANN).await, ["requested", "confirmed", "unsubscribed", "confirmed"]);

    app.press(&link).await;
    app.clock.advance(SignedDuration::from_mins(61));
    assert!(!app.page(&link).await.contains("value=\"undo\""), "too late");
    let late = app.submit(&link, &[("instead", "undo")]).await;
    assert!(late.contains("You’ve unsubscribed"), "{late}");
    assert_eq!(app.status_of(ANN).await, Some(Unsubscribed));
    // After a complaint there is no way back.
    let ben = app.reader("ben@example.org").await;
    let link = ben.unsubscribe_link().await;
    app.press(&link).await;
    app.suppress("ben@example.org", "complained").await;
    app.submit(&link, &[("instead", "undo")]).await;
    assert_ne!(app.status_of("ben@example.org").await, Some(Active));
}
