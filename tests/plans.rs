//! Which readers get which stories: sections, cadences, several newsletters, and never a story twice.

use crate::support::{Engine, app::TestApp, desk::anything, eventually, on_both_engines};
use daily::{
    db::{deliveries, issues},
    domain::{
        cadence::Cadence, days::Days, issue::IssueStatus, newsletter::SelectionKind, plan::plan,
        preferences::Preferences, sections::Sections, selection::Reason,
    },
    jobs::sweep,
};
use jiff::SignedDuration;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn sections(text: &str) -> Preferences {
    Preferences { sections: Sections::parse(text).unwrap(), ..anything() }
}

fn cadence(cadence: Cadence) -> Preferences {
    Preferences { cadence, ..anything() }
}

on_both_engines!(
    readers_get_their_sections_and_share_what_is_the_same,
    nobody_gets_a_story_twice_whatever_newsletters_they_take,
    issues_due_at_the_same_moment_know_of_each_other,
    a_reader_who_changes_cadence_gets_no_story_twice_and_misses_none,
    what_a_welcome_showed_does_not_come_again,
    readers_beyond_the_most_variants_get_the_nearest,
    a_plan_can_be_made_again_from_what_it_was_made_from,
    a_worker_that_dies_while_deliveries_are_made_is_followed_by_another,
    who_signs_up_between_the_plan_and_the_deliveries_gets_what_most_get,
    new_articles_come_into_a_plan_and_edits_stay,
    readers_are_told_apart_by_what_they_had,
);

async fn readers_get_their_sections_and_share_what_is_the_same(engine: Engine) {
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
    assert_eq!(app.told("ann@example.org", &titles), [1, 1, 1]);
    assert_eq!(app.told("ben@example.org", &titles), [1, 0, 1]);
    assert_eq!(app.told("cat@example.org", &titles), [1, 1, 1]);
    assert_eq!((app.variants(issue).await, app.counts(issue).await.sent), (2, 4));
    // The page of the issue is what most readers got; Ben's own is a link away.
    let link = app.mails_to("ben@example.org")[0].link("/issues/");
    assert!(link.ends_with("/issues/2026-05-01?newsletter=daily&variant=2"), "{link}");
    let bens = app.get(&link).await.text().await.unwrap();
    assert!(bens.contains("A whale is seen") && !bens.contains("A cup is won"));
    let whole = app.get(&app.mails_to("ann@example.org")[0].link("/issues/")).await.text().await.unwrap();
    assert!(whole.contains("A cup is won"));
    assert_eq!(app.get(&format!("{link}0")).await.status(), 404);
}

async fn nobody_gets_a_story_twice_whatever_newsletters_they_take(engine: Engine) {
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
        app.told("ann@example.org", &titles),
        [1, 1, 1],
        "the round-up told her only what was new to her"
    );
    assert_eq!(app.told("cat@example.org", &titles), [1, 1, 1]);
    assert_eq!(app.told("ben@example.org", &titles), [1, 1, 0]);
    assert_eq!(app.variants(round_up).await, 2);
    let on_saturday = app.send(&daily).await;
    assert_eq!(app.told("ben@example.org", &titles), [1, 1, 1]);
    assert_eq!(app.told("ann@example.org", &titles), [1, 1, 1], "and nothing again");
    assert_eq!(app.counts(on_saturday).await.total(), 1, "she has no copy, as nothing was left for her");
    let mut tx = app.app.db.read().await.unwrap();
    assert_eq!(issues::unserved(&mut tx, on_saturday).await.unwrap(), 1);
}

async fn issues_due_at_the_same_moment_know_of_each_other(engine: Engine) {
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
    app.clock.set(crate::support::app::at("2026-05-02T07:00:00Z"));
    // They take turns: the clock goes on until the last one had its own.
    for newsletter in others.iter().chain([&daily]) {
        app.tick_twice().await;
        let issue = app.issue_of(newsletter, "2026-05-02").await.unwrap();
        eventually("the issue has come to its end", async || {
            app.clock.advance(SignedDuration::from_secs(1));
            sweep::tick(&app.app.jobs).await.unwrap();
            app.issue(issue.id).await.status.is_final().then_some(())
        })
        .await;
    }
    assert_eq!(
        app.told("ann@example.org", &["A whale is seen", "A bridge opens"]),
        [1, 1],
        "{:?}",
        app.mails()
    );
    assert_eq!(app.told("cat@example.org", &["A whale is seen", "A bridge opens"]), [1, 1]);
    for newsletter in others.iter().chain([&daily]) {
        let issue = app.issue_of(newsletter, "2026-05-02").await.unwrap();
        assert!(issue.status.is_final(), "{} is {}", newsletter.newsletter.slug, issue.status);
    }
}

async fn a_reader_who_changes_cadence_gets_no_story_twice_and_misses_none(engine: Engine) {
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
            0 => app.wish(&daily, "ann@example.org", &cadence(Cadence::Weekly)).await,
            2 => app.wish(&daily, "ann@example.org", &anything()).await,
            _ => {}
        }
        app.clock.advance(DAY);
    }
    assert_eq!(app.told("ben@example.org", &titles), [1, 1, 1, 1]);
    assert_eq!(app.told("ann@example.org", &titles), [1, 1, 1, 1], "Saturday's in Sunday's round-up");
    assert_eq!(app.mails_to("ann@example.org").len(), 3);
    assert_eq!(app.told("cat@example.org", &titles), [1, 1, 1, 1], "the weekend's on Monday");
    assert_eq!(app.mails_to("cat@example.org").len(), 2);
}

async fn what_a_welcome_showed_does_not_come_again(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.welcome_mail = true).await;
    let weekly = app.add_newsletter("weekly", |it| it.selection = SelectionKind::RoundUp).await;
    app.reader_of(&app.newsletter().await, "old@example.org", &anything()).await;
    app.story("First story", "").await;
    app.send_issue().await;
    app.reader("ann@example.org").await;
    app.settle().await;
    assert_eq!(app.told("ann@example.org", &["First story"]), [1], "in her welcome");
    app.reader_of(&weekly, "ann@example.org", &anything()).await;
    app.story("Second story", "").await;
    app.send(&weekly).await;
    assert_eq!(app.told("ann@example.org", &["First story", "Second story"]), [1, 1]);
}

async fn readers_beyond_the_most_variants_get_the_nearest(engine: Engine) {
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
        assert_eq!(app.told(&format!("{section}@example.org"), &[&format!("About {section}")]), [1]);
    }
}

async fn a_plan_can_be_made_again_from_what_it_was_made_from(engine: Engine) {
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
    let stories = issues::stories(&mut tx, issue).await.unwrap();
    assert_eq!(stories.len(), 20, "every candidate has a stored reason");
    let is_in = |it: &&issues::StoryRecord| it.reason.parse::<Reason>().unwrap().is_in();
    assert_eq!(stories.iter().filter(is_in).count(), 12);
    assert!(stories.iter().all(|it| it.position.is_some() == is_in(&it)));
}

async fn a_worker_that_dies_while_deliveries_are_made_is_followed_by_another(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    for index in 0..5 {
        app.reader_of(&daily, &format!("reader{index}@example.org"), &anything()).await;
    }
    app.story("A bridge opens", "").await;
    let issue = app.send(&daily).await;
    assert_eq!(app.counts(issue).await.sent, 5);
    // As it was after the second portion, had portions been two readers, and had nothing gone out.
    let store = app.store().await;
    let third = store.number("SELECT id FROM subscriptions ORDER BY id LIMIT 1 OFFSET 2").await;
    store.execute(&format!("DELETE FROM deliveries WHERE subscription_id >= {third}")).await;
    store
        .execute(&format!(
            "UPDATE issues SET status = 'frozen', recipients = 2, fanned_out_to = {}",
            third - 1
        ))
        .await;
    app.tick_after(SignedDuration::from_secs(31)).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let counts = app.counts(issue).await;
    assert_eq!((counts.sent, counts.total()), (5, 5));
    assert_eq!(app.mails_to("reader0@example.org").len(), 1);
    assert_eq!(
        app.mails_to("reader4@example.org").len(),
        2,
        "once before the rows were taken away, once after"
    );
}

async fn who_signs_up_between_the_plan_and_the_deliveries_gets_what_most_get(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.story("A bridge opens", "").await;
    let issue = app.send(&daily).await;
    let store = app.store().await;
    // A group nobody had when the plan was made.
    app.reader_of(&daily, "ben@example.org", &sections("science")).await;
    store.execute("UPDATE issues SET status = 'frozen', fanned_out_to = 0").await;
    app.tick_after(SignedDuration::from_secs(31)).await;
    assert_eq!(app.told("ben@example.org", &["A bridge opens"]), [1]);
    assert_eq!(app.counts(issue).await.total(), 2);
}

async fn new_articles_come_into_a_plan_and_edits_stay(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.clock.set(crate::support::app::at("2026-05-02T06:00:00Z"));
    app.story("The early story", "").await;
    app.tick().await;
    let issue = app.issue_of(&daily, "2026-05-02").await.unwrap();
    let planned = async || {
        let mut tx = app.app.db.read().await.unwrap();
        let stories = issues::stories(&mut tx, issue.id).await.unwrap();
        stories.into_iter().filter(|it| it.position.is_some()).map(|it| it.article.title).collect::<Vec<_>>()
    };
    assert_eq!(planned().await, ["The early story"]);
    app.clock.advance(SignedDuration::from_mins(2));
    app.story("The late story", "").await;
    sweep::tick(&app.app.jobs).await.unwrap();
    app.settle().await;
    assert_eq!(planned().await, ["The late story", "The early story"]);
}

async fn readers_are_told_apart_by_what_they_had(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.story("A bridge opens", "").await;
    let first = app.send(&daily).await;
    app.reader_of(&daily, "ben@example.org", &sections("science")).await;
    let mut tx = app.app.db.read().await.unwrap();
    let variant = daily::db::variants::of_issue(&mut tx, first).await.unwrap()[0].id;
    let past = deliveries::Past::new(&[daily::domain::plan::PastVariant { variant, articles: Vec::new() }]);
    let (groups, others) =
        deliveries::groups(&mut tx, daily.id, &[Cadence::EveryIssue], &past).await.unwrap();
    let mut keys: Vec<_> = groups.iter().map(|it| (it.key.clone(), it.readers)).collect();
    keys.sort();
    assert_eq!(keys, [("every_issue|science|".into(), 1), (format!("every_issue||{variant}"), 1)]);
    assert_eq!(others, 0);
}
