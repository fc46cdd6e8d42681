//! Plans: which stories readers get by their sections and cadences, and that no story is sent twice.

use crate::support::{DAY, Engine, OPERATOR, TestApp, at, eventually, on_both_engines, reader::anything};
use daily::{
    actions::{
        issue::{
            resume_issue::resume_issue,
            send_issue::{begin_issue, send_issue},
        },
        operator::arm::{Open, arm, open_in_backup},
    },
    db::{
        deliveries, installation,
        issues::{self, variants},
        newsletters::NewsletterRecord,
        reader_counts::Counting,
    },
    domain::{
        ids::IssueId,
        issue::{
            days::Days,
            plan::{PastVariant, plan},
            selection::Reason,
            status::IssueStatus,
        },
        newsletter::SelectionKind,
        subscriber::{cadence::Cadence, preferences::Preferences, sections::Sections},
    },
    jobs::freeze_issue::finish_fan_out,
    service::scheduler,
};
use jiff::SignedDuration;

fn sections(text: &str) -> Preferences {
    Preferences { sections: Sections::parse(text).unwrap(), ..anything() }
}

fn cadence(cadence: Cadence) -> Preferences {
    Preferences { cadence, ..anything() }
}

on_both_engines!(
    readers_get_their_sections_and_share_variants,
    no_reader_of_several_newsletters_gets_a_story_twice,
    issues_due_at_the_same_time_take_each_other_into_account,
    a_change_of_cadence_repeats_no_story_and_loses_none,
    stories_of_a_welcome_are_not_sent_again,
    readers_beyond_the_limit_of_variants_get_the_nearest_one,
    a_plan_can_be_replayed_from_its_inputs,
    another_worker_finishes_an_interrupted_fan_out,
    a_backup_from_the_middle_of_a_fan_out_repeats_nothing_by_itself,
    stories_that_lost_issues_may_have_had_are_not_sent_again,
    a_stopped_issue_that_is_half_fanned_out_holds_up_no_other,
    readers_who_sign_up_between_plan_and_fan_out_get_the_largest_variant,
    new_articles_are_added_to_a_plan,
    readers_are_grouped_by_their_past_variants,
);

async fn readers_get_their_sections_and_share_variants(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    for (address, wishes) in [
        ("ann@example.org", anything()),
        ("ben@example.org", sections("science")),
        ("cat@example.org", sections("science,sport")),
        ("dan@example.org", anything()),
    ] {
        app.reader_of(&daily, address, &wishes).await;
    }
    app.story("A whale is seen", "Science").await;
    app.story("A cup is won", "Sport").await;
    app.story("A bridge opens", "").await;
    let issue = app.send(&daily).await;
    let titles = ["A whale is seen", "A cup is won", "A bridge opens"];
    assert_eq!(app.count_titles("ann@example.org", &titles), [1, 1, 1]);
    assert_eq!(app.count_titles("ben@example.org", &titles), [1, 0, 1]);
    assert_eq!(app.count_titles("cat@example.org", &titles), [1, 1, 1]);
    assert_eq!((app.variants(issue).await, app.counts(issue).await.sent), (2, 4));
    // The issue's page shows the variant that most readers got. Ben's email links to his own.
    let link = app.emails_to("ben@example.org")[0].link("/issues/");
    assert!(link.ends_with("/issues/2026-05-01?newsletter=daily&variant=2"), "{link}");
    let bens = app.page(&link).await;
    assert!(bens.contains("A whale is seen") && !bens.contains("A cup is won"));
    let whole = app.page(&app.emails_to("ann@example.org")[0].link("/issues/")).await;
    assert!(whole.contains("A cup is won"));
    assert_eq!(app.get(&format!("{link}0")).await.status(), 404);
}

async fn no_reader_of_several_newsletters_gets_a_story_twice(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    let weekly = app
        .add_newsletter("weekly", |it| {
            it.days = Days::parse("sat").unwrap();
            it.selection = SelectionKind::RoundUp;
        })
        .await;
    for (newsletter, address) in [
        (&daily, "ann@example.org"),
        (&weekly, "ann@example.org"),
        (&daily, "ben@example.org"),
        (&weekly, "cat@example.org"),
    ] {
        app.reader_of(newsletter, address, &anything()).await;
    }
    let titles = ["First story", "Second story", "Third story"];
    app.story(titles[0], "").await;
    app.story(titles[1], "").await;
    app.send(&daily).await;
    app.clock.advance(DAY);
    app.story(titles[2], "").await;
    let round_up = app.send(&weekly).await;
    assert_eq!(
        app.count_titles("ann@example.org", &titles),
        [1, 1, 1],
        "the round-up told her only what was new to her"
    );
    assert_eq!(app.count_titles("cat@example.org", &titles), [1, 1, 1]);
    assert_eq!(app.count_titles("ben@example.org", &titles), [1, 1, 0]);
    assert_eq!(app.variants(round_up).await, 2);
    let on_saturday = app.send(&daily).await;
    assert_eq!(app.count_titles("ben@example.org", &titles), [1, 1, 1]);
    assert_eq!(app.count_titles("ann@example.org", &titles), [1, 1, 1], "and nothing again");
    assert_eq!(app.counts(on_saturday).await.total(), 1, "she has no copy, as nothing was left for her");
    let mut tx = app.app.db.read().await.unwrap();
    assert_eq!(issues::unserved(&mut tx, on_saturday).await.unwrap(), 1);
}

async fn issues_due_at_the_same_time_take_each_other_into_account(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    let others: Vec<_> = [
        app.add_newsletter("science", |_| {}).await,
        app.add_newsletter("weekly", |it| it.selection = SelectionKind::RoundUp).await,
    ]
    .into();
    let _worker = app.another_worker().await;
    for newsletter in [&daily, &others[0], &others[1]] {
        app.reader_of(newsletter, "ann@example.org", &anything()).await;
    }
    app.reader_of(&others[1], "cat@example.org", &anything()).await;
    app.story("A whale is seen", "").await;
    app.story("A bridge opens", "").await;
    app.clock.set(at("2026-05-02T07:00:00Z"));
    // They are frozen one after the other while the clock runs.
    for newsletter in others.iter().chain([&daily]) {
        app.run_due_twice().await;
        let issue = app.issue_of(newsletter, "2026-05-02").await.unwrap();
        eventually("the issue has come to its end", async || {
            app.clock.advance(SignedDuration::from_secs(1));
            scheduler::run_due(&app.app.jobs).await.unwrap();
            app.issue(issue.id).await.status.is_final().then_some(())
        })
        .await;
    }
    assert_eq!(
        app.count_titles("ann@example.org", &["A whale is seen", "A bridge opens"]),
        [1, 1],
        "{:?}",
        app.emails()
    );
    assert_eq!(app.count_titles("cat@example.org", &["A whale is seen", "A bridge opens"]), [1, 1]);
    for newsletter in others.iter().chain([&daily]) {
        let issue = app.issue_of(newsletter, "2026-05-02").await.unwrap();
        assert!(issue.status.is_final(), "{} is {}", newsletter.newsletter.slug, issue.status);
    }
}

async fn a_change_of_cadence_repeats_no_story_and_loses_none(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.reader_of(&daily, "ben@example.org", &anything()).await;
    app.reader_of(&daily, "cat@example.org", &cadence(Cadence::Weekdays)).await;
    let titles = ["On Friday", "On Saturday", "On Sunday", "On Monday"];
    for (index, title) in titles.iter().enumerate() {
        app.story(title, "").await;
        app.send(&daily).await;
        match index {
            0 => app.set_preferences(&daily, "ann@example.org", &cadence(Cadence::Weekly)).await,
            2 => app.set_preferences(&daily, "ann@example.org", &anything()).await,
            _ => {}
        }
        app.clock.advance(DAY);
    }
    assert_eq!(app.count_titles("ben@example.org", &titles), [1, 1, 1, 1]);
    assert_eq!(app.count_titles("ann@example.org", &titles), [1, 1, 1, 1], "Saturday's in Sunday's round-up");
    assert_eq!(app.emails_to("ann@example.org").len(), 3);
    assert_eq!(app.count_titles("cat@example.org", &titles), [1, 1, 1, 1], "the weekend's on Monday");
    assert_eq!(app.emails_to("cat@example.org").len(), 2);
}

async fn stories_of_a_welcome_are_not_sent_again(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.welcome_mail = true).await;
    let weekly = app.add_newsletter("weekly", |it| it.selection = SelectionKind::RoundUp).await;
    app.reader_of(&app.newsletter().await, "old@example.org", &anything()).await;
    app.story("First story", "").await;
    app.send_issue().await;
    app.reader("ann@example.org").await;
    app.settle().await;
    assert_eq!(app.count_titles("ann@example.org", &["First story"]), [1], "in her welcome");
    app.reader_of(&weekly, "ann@example.org", &anything()).await;
    app.story("Second story", "").await;
    app.send(&weekly).await;
    assert_eq!(app.count_titles("ann@example.org", &["First story", "Second story"]), [1, 1]);
}

async fn readers_beyond_the_limit_of_variants_get_the_nearest_one(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.digest.max_variants = 2).await;
    let daily = app.newsletter().await;
    for index in 0..3 {
        app.reader_of(&daily, &format!("all{index}@example.org"), &anything()).await;
    }
    for section in ["science", "sport", "local"] {
        app.reader_of(&daily, &format!("{section}@example.org"), &sections(section)).await;
        app.story(&format!("About {section}"), section).await;
    }
    let issue = app.send(&daily).await;
    assert!(app.variants(issue).await <= 2);
    assert_eq!(app.counts(issue).await.sent, 6);
    for section in ["science", "sport", "local"] {
        assert_eq!(app.count_titles(&format!("{section}@example.org"), &[&format!("About {section}")]), [1]);
    }
}

async fn a_plan_can_be_replayed_from_its_inputs(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.reader_of(&daily, "ben@example.org", &sections("science")).await;
    for index in 0..20 {
        app.story(&format!("Story {index}"), if index % 2 == 0 { "Science" } else { "Sport" }).await;
    }
    let issue = app.send(&daily).await;
    let mut tx = app.app.db.read().await.unwrap();
    let kept = issues::kept_plan(&mut tx, issue).await.unwrap().unwrap();
    assert_eq!(plan(&kept.inputs), kept.plan);
    assert_eq!(kept.inputs.candidates.len(), 20);
    let stories = app.stories(issue).await;
    assert_eq!(stories.len(), 20, "every candidate has a stored reason");
    let is_in = |it: &&issues::StoryRecord| it.reason.parse::<Reason>().unwrap().is_in();
    assert_eq!(stories.iter().filter(is_in).count(), 12);
    assert!(stories.iter().all(|it| it.position.is_some() == is_in(&it)));
}

/// Returns an app with an issue that was sent to five readers.
async fn sent_to_five(engine: Engine) -> (TestApp, NewsletterRecord, IssueId) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    for index in 0..5 {
        app.reader_of(&daily, &format!("reader{index}@example.org"), &anything()).await;
    }
    app.story("A bridge opens", "").await;
    let issue = app.send(&daily).await;
    (app, daily, issue)
}

async fn another_worker_finishes_an_interrupted_fan_out(engine: Engine) {
    let (app, _, issue) = sent_to_five(engine).await;
    assert_eq!(app.counts(issue).await.sent, 5);
    // As if nothing had been sent, with batches of two deliveries.
    app.store().await.interrupt_fan_out_after(2, "frozen").await;
    app.run_due_after(SignedDuration::from_secs(31)).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let counts = app.counts(issue).await;
    assert_eq!((counts.sent, counts.total()), (5, 5));
    assert_eq!(app.emails_to("reader0@example.org").len(), 1);
    assert_eq!(
        app.emails_to("reader4@example.org").len(),
        2,
        "once before the rows were taken away, once after"
    );
}

/// Disarms the database, as restoring a backup does.
async fn disarm(app: &TestApp) {
    let mut tx = app.app.db.begin().await.unwrap();
    assert!(installation::disarm(&mut tx, "restored", app.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    app.app.jobs.delivery.armed.set(false);
}

/// Arms the database, as `daily arm` does on the story's clock. Returns what was open.
async fn arm_again(app: &TestApp) -> Open {
    let (context, grace) = (&app.app.actions, app.app.settings.schedule.margins().grace);
    let mut tx = app.app.db.read().await.unwrap();
    let disarmed = installation::get(&mut tx).await.unwrap();
    drop(tx);
    app.app.jobs.delivery.armed.set(false);
    let open = async || open_in_backup(context, &disarmed, grace).await.unwrap();
    for issue in open().await.fanning_out() {
        assert!(finish_fan_out(&app.app.jobs.issues, issue).await.unwrap());
    }
    let settled = open().await;
    arm(context, &OPERATOR, grace).await.unwrap().expect("it was disarmed");
    app.app.jobs.delivery.armed.set(true);
    settled
}

async fn a_backup_from_the_middle_of_a_fan_out_repeats_nothing_by_itself(engine: Engine) {
    let (app, _, issue) = sent_to_five(engine).await;
    let emails =
        || (0..5).map(|it| app.emails_to(&format!("reader{it}@example.org")).len()).collect::<Vec<_>>();
    assert_eq!(emails(), [1; 5]);
    // The backup was made when two deliveries existed and were sent.
    app.store().await.interrupt_fan_out_after(2, "frozen").await;
    disarm(&app).await;
    let open = arm_again(&app).await;
    assert_eq!(open.issues[0].deliveries, 3, "the missing ones were made");
    app.run_due_after(SignedDuration::from_secs(31)).await;
    let counts = app.counts(issue).await;
    assert_eq!((counts.sent, counts.uncertain), (2, 3), "they may have gone out after the backup");
    assert_eq!(emails(), [1; 5], "nothing leaves by itself");
    let resolved = app.program().run(&["issue", "resolve", "--as", "sent"]).await;
    assert_eq!(resolved.code, 0, "{resolved:?}");
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
    assert_eq!(emails(), [1; 5]);
}

async fn stories_that_lost_issues_may_have_had_are_not_sent_again(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.story("A bridge opens", "").await;
    let tomorrow =
        begin_issue(&app.app.actions, &OPERATOR, &daily, "2026-05-03".parse().unwrap()).await.unwrap();
    disarm(&app).await;
    // The issue of May 2 was due while nothing was sent from here.
    app.clock.set(at("2026-05-02T12:00:00Z"));
    arm_again(&app).await;
    assert_eq!(app.issue_of(&daily, "2026-05-02").await.unwrap().status, IssueStatus::Skipped);
    app.story("The whale", "").await;
    app.run_due_at("2026-05-03T07:00:00Z").await;
    app.run_due().await;
    let waiting = app.issue(tomorrow.id).await;
    assert_eq!(waiting.waits_for.as_deref(), Some("send"), "it may have been sent ahead of its time");
    send_issue(&app.app.actions, &OPERATOR, &daily, waiting.date()).await.unwrap();
    app.run_due_until(tomorrow.id, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
    assert_eq!(app.count_titles("ann@example.org", &["A bridge opens", "The whale"]), [0, 1]);
}

async fn a_stopped_issue_that_is_half_fanned_out_holds_up_no_other(engine: Engine) {
    let (app, daily, issue) = sent_to_five(engine).await;
    app.store().await.interrupt_fan_out_after(2, "paused").await;
    app.clock.advance(DAY);
    app.story("The whale", "").await;
    let next = app.send(&daily).await;
    app.run_due_until(next, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Paused);
    resume_issue(&app.app.actions, &OPERATOR, issue).await.unwrap();
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
    let counts = app.counts(issue).await;
    assert_eq!((counts.sent, counts.total()), (5, 5));
}

async fn readers_who_sign_up_between_plan_and_fan_out_get_the_largest_variant(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.story("A bridge opens", "").await;
    let issue = app.send(&daily).await;
    // Ben's sections make a group that did not exist when the plan was made.
    app.reader_of(&daily, "ben@example.org", &sections("science")).await;
    app.store().await.repeat_fan_out().await;
    app.run_due_after(SignedDuration::from_secs(31)).await;
    assert_eq!(app.count_titles("ben@example.org", &["A bridge opens"]), [1]);
    assert_eq!(app.counts(issue).await.total(), 2);
}

async fn new_articles_are_added_to_a_plan(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.clock.set(at("2026-05-02T06:00:00Z"));
    app.story("The early story", "").await;
    app.run_due().await;
    let issue = app.issue_of(&daily, "2026-05-02").await.unwrap();
    let planned = async || {
        let stories = app.stories(issue.id).await;
        stories.into_iter().filter(|it| it.position.is_some()).map(|it| it.article.title).collect::<Vec<_>>()
    };
    assert_eq!(planned().await, ["The early story"]);
    app.clock.advance(SignedDuration::from_mins(2));
    app.story("The late story", "").await;
    app.run_due().await;
    assert_eq!(planned().await, ["The late story", "The early story"]);
}

async fn readers_are_grouped_by_their_past_variants(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.story("A bridge opens", "").await;
    let first = app.send(&daily).await;
    app.reader_of(&daily, "ben@example.org", &sections("science")).await;
    let mut tx = app.app.db.read().await.unwrap();
    let variant = variants::for_issue(&mut tx, first).await.unwrap()[0].id;
    let past = deliveries::Past::load(&mut tx, daily.id, &[PastVariant { variant, articles: Vec::new() }])
        .await
        .unwrap();
    let (groups, others) =
        deliveries::groups(&mut tx, daily.id, &[Cadence::EveryIssue], &past, Counting::Exact).await.unwrap();
    let mut keys: Vec<_> = groups.iter().map(|it| (it.key.clone(), it.readers)).collect();
    keys.sort();
    assert_eq!(keys, [("every_issue|science|".into(), 1), (format!("every_issue||{variant}"), 1)]);
    assert_eq!(others, 0);
}
