//! Single mails: the greeting and the goodbye of readers, and what operators are told.

use crate::support::{
    app::TestApp,
    command::Environment,
    eventually, on_both_engines, postgres,
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    actions::{
        add_operator::{Added, add_operator},
        cancel_issue::cancel_issue,
        remove_operator::remove_operator,
        resume_issue::resume_issue,
        set_newsletter::set_newsletter,
    },
    db::{Db, DbError, feeds, issues, mails, mails::MailRecord, subscriptions},
    domain::{
        feed_trouble::TroubleKind,
        schedule::Due,
        breaker::Breaker,
        email_address::EmailAddress,
        ids::{FeedId, IssueId, MailId},
        issue::IssueStatus,
        mail::{MailKind, MailStatus},
        token::Purpose,
    },
    jobs::notify_operators::{About, notify_operators},
    settings::Settings,
};
use jiff::SignedDuration;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const DESK: &str = "desk@courier.example";

fn greetings(settings: &mut Settings) {
    settings.signup.welcome_mail = true;
    settings.signup.goodbye_mail = true;
}

on_both_engines! {
    async fn who_confirms_is_greeted_once_with_the_latest_issue(engine: Engine) {
        let app = TestApp::start_with(engine, greetings).await;
        for title in ["The bridge opens", "A loaf for the road"] {
            app.article(title).await;
        }
        assert_eq!(app.send_issue().await, IssueStatus::Sent, "to nobody yet");
        keep_stories(&app).await;
        app.reader("ann@example.org").await;
        app.settle().await;
        let mails = app.mails_to("ann@example.org");
        assert_eq!(mails.len(), 2, "the confirmation and the welcome");
        let welcome = &mails[1];
        assert_eq!(welcome.subject(), "Welcome to Daily");
        assert!(one_line(&welcome.text()).contains("comes tomorrow, Saturday, at 07:00 (UTC), to ann@example.org."));
        for part in [welcome.text(), welcome.html()] {
            for says in ["The bridge opens", "A loaf for the road", "About The bridge opens.", "https://news.example/the-bridge-opens"] {
                assert!(part.contains(says), "{says} is missing in {part}");
            }
        }
        assert!(welcome.text().contains(&format!("{}/issues/2026-05-01?newsletter=daily", app.url)));
        let (leave, change) = (welcome.link("/unsubscribe/"), welcome.link("/preferences/"));
        assert_eq!(leave.rsplit_once('/').unwrap().1, change.rsplit_once('/').unwrap().1, "one token opens both");
        assert_eq!(welcome.header("List-Unsubscribe"), Some(format!("<{leave}>").as_str()));
        assert_eq!(welcome.header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
        assert_eq!(welcome.header("Auto-Submitted"), Some("auto-replied"));
        assert_eq!(welcomed(&app).await, 1, "the issue counts as had");
        // A second press says the same and does nothing.
        let link = app.confirmation_link("ann@example.org");
        assert_eq!(app.post(&link).await.status(), 200);
        app.settle().await;
        assert_eq!(app.mails_to("ann@example.org").len(), 2);
        assert_eq!(app.client.post(&leave).body("List-Unsubscribe=One-Click").send().await.unwrap().status(), 200);
        assert_eq!(app.consent_of("ann@example.org").await, ["requested", "confirmed", "unsubscribed"]);
    }

    async fn a_welcome_before_the_first_issue_says_when_it_comes(engine: Engine) {
        let app = TestApp::start_with(engine, greetings).await;
        app.reader("ann@example.org").await;
        app.settle().await;
        let welcome = app.mails_to("ann@example.org").remove(1);
        assert!(one_line(&welcome.text()).contains("tomorrow, Saturday, at 07:00"));
        assert!(!welcome.text().contains("/issues/"));
        assert_eq!(welcomed(&app).await, 0);
    }

    async fn a_welcome_shows_no_issue_that_its_reader_has_or_will_get(engine: Engine) {
        let app = TestApp::start_with(engine, greetings).await;
        app.article("The bridge opens").await;
        app.reader("ann@example.org").await;
        app.settle().await;
        assert_eq!(app.send_issue().await, IssueStatus::Sent);
        keep_stories(&app).await;
        // Ann has it, leaves, and comes back.
        one_click(&app, "ann@example.org").await;
        app.reader("ann@example.org").await;
        app.settle().await;
        let welcome = app.mails_to("ann@example.org").pop().unwrap();
        assert!(welcome.subject() == "Welcome to Daily" && !welcome.text().contains("The bridge opens"));
        // While deliveries are being made, Ben may still get one.
        sql(&app, "UPDATE issues SET fanned_out_to = 0").await;
        app.reader("ben@example.org").await;
        app.settle().await;
        assert!(!app.mails_to("ben@example.org")[1].text().contains("The bridge opens"));
        // Cleo comes when all have been made.
        sql(&app, "UPDATE issues SET fanned_out_to = NULL").await;
        app.reader("cleo@example.org").await;
        app.settle().await;
        assert!(app.mails_to("cleo@example.org")[1].text().contains("The bridge opens"));
        // She leaves and comes back: a welcome showed it already.
        one_click(&app, "cleo@example.org").await;
        app.reader("cleo@example.org").await;
        app.settle().await;
        let again = app.mails_to("cleo@example.org");
        assert!(again.len() == 4 && !again[3].text().contains("The bridge opens"), "{again:#?}");
        assert_eq!(welcomed(&app).await, 1);
    }

    async fn a_welcome_leaves_out_stories_its_reader_had_in_another_issue(engine: Engine) {
        let app = TestApp::start_with(engine, greetings).await;
        app.article("The bridge opens").await;
        app.reader("ann@example.org").await;
        app.settle().await;
        let first = app.send_issue().await;
        one_click(&app, "ann@example.org").await;
        app.clock.advance(DAY);
        app.article("A loaf for the road").await;
        assert_eq!((first, app.send_issue().await), (IssueStatus::Sent, IssueStatus::Sent));
        keep_stories(&app).await;
        // The second issue, as a round-up would, tells the first one's story again.
        sql(
            &app,
            "INSERT INTO variant_stories (variant_id, article_id, position) SELECT (SELECT max(id) FROM issue_variants), \
             article_id, 99 FROM variant_stories WHERE variant_id = (SELECT min(id) FROM issue_variants)",
        )
        .await;
        for address in ["ann@example.org", "ben@example.org"] {
            app.reader(address).await;
        }
        app.settle().await;
        let text = |address: &str| app.mails_to(address).pop().unwrap().text();
        let (ann, ben) = (text("ann@example.org"), text("ben@example.org"));
        assert!(ann.contains("A loaf for the road") && !ann.contains("The bridge opens"), "{ann}");
        assert!(ben.contains("A loaf for the road") && ben.contains("The bridge opens"), "{ben}");
    }

    async fn another_attempt_at_a_welcome_says_the_same(engine: Engine) {
        let app = TestApp::start_with(engine, greetings).await;
        app.article("The bridge opens").await;
        app.send_issue().await;
        keep_stories(&app).await;
        app.reader("ann@example.org").await;
        app.settle().await;
        // As after a crash in the middle.
        sql(&app, "UPDATE mails SET status = 'queued', next_attempt_at = created_at, woken_at = NULL WHERE kind = 'welcome'").await;
        app.tick_after(SignedDuration::from_mins(2)).await;
        let mails = app.mails_to("ann@example.org");
        assert_eq!(mails.len(), 3);
        assert_eq!(mails[1].text(), mails[2].text());
        assert_eq!(mails[1].header("Message-ID"), mails[2].header("Message-ID"));
        assert!(mails[2].text().contains("The bridge opens"));
        assert_eq!(welcomed(&app).await, 1);
    }

    async fn a_welcome_tells_six_stories_and_leads_to_the_others(engine: Engine) {
        let app = TestApp::start_with(engine, greetings).await;
        for number in 1..=9 {
            app.article(&format!("Story number {number}")).await;
        }
        app.send_issue().await;
        keep_stories(&app).await;
        app.reader("ann@example.org").await;
        app.settle().await;
        let text = app.mails_to("ann@example.org").remove(1).text();
        assert_eq!(text.matches("About Story number").count(), 6);
        assert!(text.contains("3 more stories"), "{text}");
    }

    async fn a_welcome_is_not_sent_to_who_left_meanwhile(engine: Engine) {
        let app = TestApp::start(engine).await;
        app.reader("ann@example.org").await;
        let id = subscription(&app, "ann@example.org").await;
        let mut tx = app.app.db.begin().await.unwrap();
        subscriptions::end(&mut tx, id, app.clock.now()).await.unwrap();
        let newsletter = app.newsletter().await;
        let recipient = EmailAddress::parse("ann@example.org").unwrap();
        let mail = mails::NewMail {
            kind: MailKind::Welcome,
            newsletter: newsletter.id,
            recipient: &recipient,
            subscription: Some(id),
            confirmation: None,
            issue: None,
            feed: None,
            message_id: "a@newsletter.example",
        };
        mails::insert(&mut tx, &mail, app.clock.now() - DAY).await.unwrap();
        tx.commit().await.unwrap();
        app.tick_after(SignedDuration::from_mins(1)).await;
        assert_eq!(app.mails_to("ann@example.org").len(), 1);
        assert_unwanted(&app, MailKind::Welcome, "not subscribed any more").await;
    }

    async fn who_leaves_by_the_link_is_told_so_once_a_day(engine: Engine) {
        let app = TestApp::start_with(engine, |settings| settings.signup.goodbye_mail = true).await;
        app.reader("ann@example.org").await;
        for _ in 0..2 {
            assert_eq!(app.post(&leaving_link(&app, "ann@example.org").await).await.status(), 200);
            app.settle().await;
        }
        let mails = app.mails_to("ann@example.org");
        assert_eq!(mails.len(), 2, "the confirmation and the goodbye");
        let goodbye = &mails[1];
        assert_eq!(goodbye.subject(), "You have left Daily");
        assert_eq!(goodbye.link("/?newsletter="), format!("{}/?newsletter=daily", app.url));
        assert_eq!(goodbye.header("Auto-Submitted"), Some("auto-replied"));
        assert_eq!(goodbye.header("List-Unsubscribe"), None);
        // Back and away again on the same day: said already. On the next day: said again.
        for (passed, count) in [(SignedDuration::from_hours(1), 3), (DAY, 5)] {
            app.clock.advance(passed);
            app.reader("ann@example.org").await;
            app.post(&leaving_link(&app, "ann@example.org").await).await;
            app.settle().await;
            assert_eq!(app.mails_to("ann@example.org").len(), count);
        }
    }

    async fn one_click_is_followed_by_silence_and_so_is_leaving_unconfirmed(engine: Engine) {
        let app = TestApp::start_with(engine, |settings| settings.signup.goodbye_mail = true).await;
        app.reader("ann@example.org").await;
        one_click(&app, "ann@example.org").await;
        app.sign_up("ben@example.org").await;
        app.settle().await;
        assert_eq!(app.post(&leaving_link(&app, "ben@example.org").await).await.status(), 200);
        app.settle().await;
        assert_eq!(app.mails().len(), 2, "two confirmations");
    }

    async fn no_goodbye_to_a_suppressed_address_or_to_who_came_back(engine: Engine) {
        let app = TestApp::start_with(engine, |settings| settings.signup.goodbye_mail = true).await;
        app.reader("ann@example.org").await;
        sql(
            &app,
            "INSERT INTO suppressions (address_key, reason, created_at) SELECT 'ann@example.org', 'undeliverable: 550', \
             created_at FROM newsletters",
        )
        .await;
        app.post(&leaving_link(&app, "ann@example.org").await).await;
        app.settle().await;
        assert_unwanted(&app, MailKind::Goodbye, "suppressed").await;
        assert_eq!(app.mails_to("ann@example.org").len(), 1);
        app.reader("ben@example.org").await;
        // Ben is back before the goodbye is sent.
        sql(&app, "UPDATE mails SET status = 'queued', woken_at = NULL, finished_at = NULL, recipient = 'ben@example.org', \
                   subscription_id = (SELECT max(id) FROM subscriptions) WHERE kind = 'goodbye'").await;
        app.tick_after(SignedDuration::from_mins(1)).await;
        assert_unwanted(&app, MailKind::Goodbye, "has come back").await;
    }

    async fn operators_are_added_listed_and_removed(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let database = match engine {
            crate::support::Engine::Sqlite => None,
            crate::support::Engine::Postgres => Some(postgres::database().await),
        };
        let daily = Environment::in_folder(folder.path(), database.as_ref().map(postgres::TestDatabase::url));
        let feed = crate::cli::write_feed(folder.path());
        assert!(!daily.run(&["check"]).await.stdout.contains("daily operator add"), "there is nothing to tell yet");
        daily.run(&["feed", "add", &feed]).await;
        assert!(daily.run(&["check"]).await.stdout.contains("daily operator add"));
        let added = daily.run(&["operator", "add", "Desk@courier.example"]).await;
        assert!(added.code == 0 && added.stdout.contains("gets notices from now on"), "{added:?}");
        let again = daily.run(&["--json", "operator", "add", "desk@courier.example"]).await;
        assert!(again.code == 0 && again.stdout.contains("\"new\": false"), "{again:?}");
        let list: serde_json::Value =
            serde_json::from_str(&daily.run(&["--json", "operator", "list"]).await.stdout).unwrap();
        assert_eq!(list.as_array().unwrap().len(), 1);
        assert_eq!(list[0]["problem"], serde_json::Value::Null);
        assert!(!daily.run(&["check"]).await.stdout.contains("daily operator add"));
        let removed = daily.run(&["operator", "remove", "desk@courier.example"]).await;
        assert!(removed.code == 0 && removed.stdout.contains("no more notices"), "{removed:?}");
        let missing = daily.run(&["operator", "remove", "desk@courier.example"]).await;
        assert!(missing.code == 1 && missing.stderr.contains("daily operator list"), "{missing:?}");
        assert_eq!(daily.run(&["operator", "add", "desk"]).await.code, 2);
    }

    async fn operators_are_asked_to_approve_an_issue_that_waits(engine: Engine) {
        let app = TestApp::start(engine).await;
        app.article("The bridge opens").await;
        app.reader_at_once("ann@example.org").await;
        let issue = planned(&app, true, None).await;
        add(&app, DESK).await;
        notify(&app, MailKind::ApprovalWanted, issue).await;
        app.settle().await;
        let mails = app.mails_to(DESK);
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].subject(), "[Daily] Please approve the issue of Saturday, 2 May");
        let text = one_line(&mails[0].text());
        for says in [
            "It is due at 07:00 (UTC), in 30 minutes, and goes to 1 reader.",
            "1. The bridge opens",
            "daily issue approve --newsletter daily --date 2026-05-02",
            "daily operator remove desk@courier.example",
        ] {
            assert!(text.contains(says), "{says} is missing in {text}");
        }
        assert_eq!(mails[0].header("Auto-Submitted"), Some("auto-generated"));
        assert_eq!(mails[0].header("List-Unsubscribe"), None);
        // Approved before it is sent: not asked again.
        sql(&app, "UPDATE issues SET approved_at = created_at").await;
        notify(&app, MailKind::ApprovalWanted, issue).await;
        app.settle().await;
        assert_unwanted(&app, MailKind::ApprovalWanted, "no longer waits").await;
        assert_eq!(app.mails_to(DESK).len(), 1);
    }

    async fn operators_are_asked_about_an_issue_with_too_few_stories(engine: Engine) {
        let app = TestApp::start(engine).await;
        app.article("The bridge opens").await;
        let issue = planned(&app, false, Some(5)).await;
        add(&app, DESK).await;
        notify(&app, MailKind::TooFewStories, issue).await;
        app.settle().await;
        let mails = app.mails_to(DESK);
        assert_eq!(mails[0].subject(), "[Daily] There is only 1 story for the issue of Saturday, 2 May");
        assert!(mails[0].text().contains("It should have 5 or more."));
        assert!(mails[0].text().contains("daily issue cancel --newsletter daily --date 2026-05-02"));
        cancel_issue(&app.app.actions, issue, None).await.unwrap();
        notify(&app, MailKind::TooFewStories, issue).await;
        app.settle().await;
        assert_unwanted(&app, MailKind::TooFewStories, "no longer waits").await;
    }

    async fn an_issue_that_has_stories_enough_by_then_is_no_matter(engine: Engine) {
        let app = TestApp::start(engine).await;
        app.article("The bridge opens").await;
        let issue = planned(&app, false, Some(1)).await;
        add(&app, DESK).await;
        notify(&app, MailKind::TooFewStories, issue).await;
        app.settle().await;
        assert_unwanted(&app, MailKind::TooFewStories, "no longer waits").await;
        assert!(app.mails_to(DESK).is_empty());
    }

    async fn operators_hear_that_the_breaker_held_an_issue(engine: Engine) {
        let script = Script::accept().rule(|at| {
            (at.step == Step::Rcpt && at.recipient.ends_with("@example.org")).then(|| Action::reply("550 5.7.1 not from you"))
        });
        let server = SmtpServer::start(script).await;
        let app = TestApp::with_ports(engine, &[server.port()], |settings| {
            settings.relays[0].connections = 4;
            settings.sending.breaker = Breaker { canary: 20, max_failed_percent: 20 };
        })
        .await;
        add(&app, DESK).await;
        app.readers(60, "example.org").await;
        let issue = app.begin_issue().await;
        app.wait_for_status(issue, IssueStatus::Held).await;
        let record = server.wait_for(1).await;
        assert_eq!(record.messages[0].recipients, [DESK]);
        let mail = crate::support::mailbox::Mail::parse(&record.messages[0].data);
        assert_eq!(mail.subject(), "[Daily] The issue of Friday, 1 May is held");
        let text = one_line(&mail.text());
        for says in ["were refusals, more than 20 %", "daily issue resume --newsletter daily --date 2026-05-01"] {
            assert!(text.contains(says), "{says} is missing in {text}");
        }
        // Resumed meanwhile: no matter any more.
        server.follow(Script::accept());
        resume_issue(&app.app.actions, issue).await.unwrap();
        notify(&app, MailKind::IssueStopped, issue).await;
        app.wait_for_status(issue, IssueStatus::Sent).await;
        eventually("the notice is settled", || async {
            all_mails(&app).await.iter().all(|mail| mail.status != MailStatus::Queued).then_some(())
        })
        .await;
        assert_unwanted(&app, MailKind::IssueStopped, "no longer stopped").await;
    }

    async fn operators_hear_once_of_issues_that_were_missed(engine: Engine) {
        let app = TestApp::start(engine).await;
        add(&app, DESK).await;
        app.tick_after(DAY * 4).await;
        app.tick_after(SignedDuration::from_mins(1)).await;
        assert!(app.issues().await.iter().filter(|it| it.status == IssueStatus::Skipped).count() >= 3);
        let mails = app.mails_to(DESK);
        let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject()).collect();
        // The latest one is within the grace, and has no stories.
        assert_eq!(subjects.len(), 2, "{subjects:?}");
        let missed = mails.iter().find(|mail| mail.subject().contains("4 May")).expect("one about the latest missed");
        assert!(one_line(&missed.text()).contains("The 2 issues before it were skipped for the same reason."));
        assert!(one_line(&missed.text()).contains("no scheduler was running"));
        assert!(!missed.text().contains("daily issue send"), "its day is over");
        let empty = mails.iter().find(|mail| mail.subject().contains("5 May")).expect("one about the empty issue");
        assert!(one_line(&empty.text()).contains("there were no new articles"));
        assert!(empty.text().contains("daily issue send --newsletter daily"));
    }

    async fn operators_hear_of_an_issue_that_could_not_go_out_in_time(engine: Engine) {
        let app = TestApp::start(engine).await;
        add(&app, DESK).await;
        app.article("The bridge opens").await;
        let issue = planned(&app, false, None).await;
        app.tick_after(SignedDuration::from_hours(8)).await;
        assert_eq!(app.issue(issue).await.status, IssueStatus::Skipped);
        let mails = app.mails_to(DESK);
        assert_eq!(mails.len(), 1);
        assert!(one_line(&mails[0].text()).contains("it could not go out at its time"));
    }

    async fn operators_hear_of_a_feed_in_trouble_and_not_of_one_that_recovered(engine: Engine) {
        let app = TestApp::start(engine).await;
        add(&app, DESK).await;
        let now = app.clock.now();
        let mut tx = app.app.db.begin().await.unwrap();
        let feed = feeds::insert(&mut tx, "https://courier.example/feed.xml?a=1&b=2", now).await.unwrap();
        let reading = feeds::Reading { title: Some("The Courier"), ..feeds::Reading::default() };
        feeds::set_read(&mut tx, feed, &reading, now - DAY, now + DAY).await.unwrap();
        let trouble = (TroubleKind::Failing, "it can't be read: it answered 503", now - DAY);
        feeds::set_trouble(&mut tx, feed, Some(trouble)).await.unwrap();
        tx.commit().await.unwrap();
        notify_feed(&app, feed).await;
        let mails = app.mails_to(DESK);
        assert_eq!(mails[0].subject(), "[Daily] A feed needs a look: The Courier");
        let text = one_line(&mails[0].text());
        for says in [
            "it answered 503",
            "It was last read well on 30 April 2026, 12:00.",
            "daily feed poll 'https://courier.example/feed.xml?a=1&b=2'",
        ] {
            assert!(text.contains(says), "{says} is missing in {text}");
        }
        let mut tx = app.app.db.begin().await.unwrap();
        feeds::set_trouble(&mut tx, feed, None).await.unwrap();
        tx.commit().await.unwrap();
        notify_feed(&app, feed).await;
        assert_unwanted(&app, MailKind::FeedTrouble, "nothing is wrong").await;
        assert_eq!(app.mails_to(DESK).len(), 1);
    }

    async fn a_removed_operator_gets_no_notice_that_still_waits(engine: Engine) {
        let app = TestApp::start(engine).await;
        let issue = planned(&app, true, None).await;
        for address in [DESK, "night@courier.example"] {
            add(&app, address).await;
        }
        let desk = EmailAddress::parse(DESK).unwrap();
        assert!(matches!(add_operator(&app.app.actions, &desk).await, Ok(Added::Known)));
        notify(&app, MailKind::ApprovalWanted, issue).await;
        app.settle().await;
        assert_eq!((app.mails_to(DESK).len(), app.mails_to("night@courier.example").len()), (1, 1));
        assert!(remove_operator(&app.app.actions, &desk).await.unwrap());
        sql(&app, "UPDATE mails SET status = 'queued', next_attempt_at = created_at, woken_at = NULL").await;
        app.tick_after(SignedDuration::from_mins(1)).await;
        assert_eq!((app.mails_to(DESK).len(), app.mails_to("night@courier.example").len()), (1, 2));
    }
}

/// A text as if it had no line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn sql(app: &TestApp, statement: &str) {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    let run = match &app.app.db {
        Db::Sqlite { writer, .. } => sqlx::query(statement).execute(writer).await.map(drop),
        Db::Postgres(pool) => sqlx::query(statement).execute(pool).await.map(drop),
    };
    run.expect("a statement");
}

/// Makes sure that frozen variants have their stories.
async fn keep_stories(app: &TestApp) {
    sql(
        app,
        "INSERT INTO variant_stories (variant_id, article_id, position) SELECT v.id, t.article_id, t.position \
         FROM issue_variants v JOIN issue_stories t ON t.issue_id = v.issue_id WHERE t.position IS NOT NULL \
         ON CONFLICT (variant_id, article_id) DO NOTHING",
    )
    .await;
}

/// How many issues welcomes have shown.
async fn welcomed(app: &TestApp) -> i64 {
    let count = "SELECT count(*) FROM welcomes";
    match &app.app.db {
        Db::Sqlite { writer, .. } => sqlx::query_scalar(count).fetch_one(writer).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(count).fetch_one(pool).await.unwrap(),
    }
}

async fn all_mails(app: &TestApp) -> Vec<MailRecord> {
    let mut tx = app.app.db.read().await.unwrap();
    let mut found = Vec::new();
    while let Some(mail) = mails::get(&mut tx, MailId(i64::try_from(found.len()).unwrap() + 1)).await.unwrap()
    {
        found.push(mail);
    }
    found
}

/// The latest mail of a kind was not sent, for this reason.
async fn assert_unwanted(app: &TestApp, kind: MailKind, why: &str) {
    let mail = all_mails(app).await.into_iter().rfind(|mail| mail.kind == kind).expect("a mail");
    assert_eq!(mail.status, MailStatus::Failed, "{mail:?}");
    assert!(mail.reply_text.as_deref().unwrap_or_default().contains(why), "{mail:?}");
}

async fn subscription(app: &TestApp, address: &str) -> daily::domain::ids::SubscriptionId {
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    subscriptions::of_address(&mut tx, &address).await.unwrap()[0].id
}

/// The link to leave, as any of a reader's mails has it.
async fn leaving_link(app: &TestApp, address: &str) -> String {
    let id = subscription(app, address).await;
    format!("{}/unsubscribe/{}", app.url, app.app.actions.keys.sign(Purpose::Unsubscribe, id.0))
}

/// Leaves as a mail program does (RFC 8058).
async fn one_click(app: &TestApp, address: &str) {
    let link = leaving_link(app, address).await;
    let answer = app.client.post(link).body("List-Unsubscribe=One-Click").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    app.settle().await;
}

async fn add(app: &TestApp, address: &str) {
    let address = EmailAddress::parse(address).unwrap();
    assert_eq!(add_operator(&app.app.actions, &address).await.unwrap(), Added::New);
}

/// The next issue, planned, half an hour before it is due.
async fn planned(app: &TestApp, needs_approval: bool, min_stories: Option<usize>) -> IssueId {
    let newsletter = app.newsletter().await;
    set_newsletter(&app.app.actions, newsletter.id, |it| {
        (it.needs_approval, it.min_stories) = (needs_approval, min_stories);
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    let due_at = crate::support::app::at("2026-05-02T07:00:00Z");
    app.clock.advance(due_at.duration_since(app.clock.now()) - SignedDuration::from_mins(30));
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    let date = jiff::civil::date(2026, 5, 2);
    let issue = issues::insert(&mut tx, newsletter.id, date, Due::at(due_at), IssueStatus::Planned, None, now).await;
    let issue = issue.unwrap().expect("a new issue");
    tx.commit().await.unwrap();
    daily::jobs::plan_issue::run(&app.app.jobs, issue).await.unwrap();
    issue
}

async fn notify(app: &TestApp, kind: MailKind, issue: IssueId) {
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    notify_operators(&app.app.jobs, &mut tx, &newsletter, kind, About::Issue(issue)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn notify_feed(app: &TestApp, feed: FeedId) {
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    let about = About::Feed(feed);
    notify_operators(&app.app.jobs, &mut tx, &newsletter, MailKind::FeedTrouble, about).await.unwrap();
    tx.commit().await.unwrap();
    app.settle().await;
}
