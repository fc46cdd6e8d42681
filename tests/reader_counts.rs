//! The counts of readers that pages show: they equal their definition after every change.

use crate::support::{DAY, Engine, OPERATOR, TestApp, address, on_both_engines, reader::anything};
use daily::{
    actions::{
        privacy::erase::erase,
        subscription::{
            by_operator::{pause_reader, resume_reader, suppress_readers, unsubscribe_reader},
            import_subscribers::Import,
            unsuppress::{Suppressed, unsuppress},
        },
    },
    db::{
        deliveries,
        newsletters::NewsletterRecord,
        reader_counts::{self, Drift},
        subscribers,
    },
    domain::{
        delivery::status::DeliveryStatus,
        newsletter::{parse_send_time, parse_time_zone},
        subscriber::{
            cadence::Cadence, preferences::Preferences, sections::Sections, subscription::SubscriptionStatus,
        },
    },
    jobs::periodic::{sort_readers::sort_readers, verify_counts::verify_counts},
};
use jiff::SignedDuration;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngSeed, TestRunner},
};
use tokio_util::sync::CancellationToken;

on_both_engines!(
    kept_counts_equal_the_definition_after_random_changes,
    kept_counts_survive_changes_at_the_same_time,
    a_wrong_count_is_noticed_and_corrected,
    the_count_of_sent_copies_equals_the_copies,
);

const READERS: [&str; 6] = [
    "ann@example.org",
    "ben@example.org",
    "cat@example.org",
    "dan@example.org",
    "eve@example.net",
    "fay@example.net",
];
const ZONES: [&str; 3] = ["", "Europe/Berlin", "Pacific/Auckland"];
const TIMES: [&str; 2] = ["", "06:30"];
const SECTIONS: [&str; 3] = ["", "science", "science,sport"];
const STANDINGS: [&str; 5] = ["active", "unsubscribed", "bounced", "complained", "paused"];

/// Something that happens to a reader, by their place in the list.
#[derive(Debug, Clone)]
enum Step {
    SignUp { reader: usize },
    Confirm { reader: usize },
    Join { newsletter: usize, reader: usize, choice: usize },
    Choose { reader: usize, choice: usize },
    Pause { reader: usize },
    Resume { reader: usize },
    Unsubscribe { reader: usize },
    UnsubscribeByLink { reader: usize },
    Complain { reader: usize },
    Suppress { reader: usize },
    Unsuppress { reader: usize },
    Erase { reader: usize },
    Import { newsletter: usize, reader: usize, standing: usize },
    ChangeAddress { reader: usize, to: usize },
    Sort,
    Expire,
    Fold,
}

fn changes() -> impl Strategy<Value = Vec<Step>> {
    let (newsletter, reader, choice) = (0..2_usize, 0..READERS.len(), 0..54_usize);
    let step = prop_oneof![
        3 => reader.clone().prop_map(|reader| Step::SignUp { reader }),
        3 => reader.clone().prop_map(|reader| Step::Confirm { reader }),
        6 => (newsletter.clone(), reader.clone(), choice.clone())
            .prop_map(|(newsletter, reader, choice)| Step::Join { newsletter, reader, choice }),
        4 => (reader.clone(), choice).prop_map(|(reader, choice)| Step::Choose { reader, choice }),
        2 => reader.clone().prop_map(|reader| Step::Pause { reader }),
        2 => reader.clone().prop_map(|reader| Step::Resume { reader }),
        1 => reader.clone().prop_map(|reader| Step::Unsubscribe { reader }),
        1 => reader.clone().prop_map(|reader| Step::UnsubscribeByLink { reader }),
        1 => reader.clone().prop_map(|reader| Step::Complain { reader }),
        1 => reader.clone().prop_map(|reader| Step::Suppress { reader }),
        1 => reader.clone().prop_map(|reader| Step::Unsuppress { reader }),
        1 => reader.clone().prop_map(|reader| Step::Erase { reader }),
        3 => (newsletter, reader.clone(), 0..STANDINGS.len())
            .prop_map(|(newsletter, reader, standing)| Step::Import { newsletter, reader, standing }),
        2 => (reader.clone(), reader).prop_map(|(reader, to)| Step::ChangeAddress { reader, to }),
        3 => Just(Step::Sort),
        1 => Just(Step::Expire),
        2 => Just(Step::Fold),
    ];
    proptest::collection::vec(step, 50)
}

/// Returns one of 54 combinations of preferences.
fn preferences(choice: usize) -> Preferences {
    Preferences {
        cadence: Cadence::ALL[choice % 3],
        sections: Sections::parse(SECTIONS[choice / 3 % 3]).unwrap(),
        time_zone: parse_time_zone(ZONES[choice / 9 % 3]).ok(),
        send_time: parse_send_time(TIMES[choice / 27 % 2]).ok(),
    }
}

async fn drift(app: &TestApp) -> Vec<Drift> {
    reader_counts::drift(&mut app.app.db.read().await.unwrap()).await.unwrap()
}

async fn fold(app: &TestApp) {
    let mut tx = app.app.db.begin().await.unwrap();
    reader_counts::fold(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn take(app: &TestApp, newsletters: &[NewsletterRecord; 2], step: &Step) {
    let context = &app.app.actions;
    let first = async |reader: usize| app.visitor(READERS[reader]).subscriptions().await.into_iter().next();
    match *step {
        Step::SignUp { reader } => {
            app.visitor(READERS[reader]).signs_up().await;
        }
        Step::Confirm { reader } => {
            let emails = app.emails_to(READERS[reader]);
            if emails.iter().any(|email| email.text().contains("/confirm/")) {
                app.press(&app.confirmation_link(READERS[reader])).await;
                app.settle().await;
            }
        }
        Step::Join { newsletter, reader, choice } => {
            let newsletter = &newsletters[newsletter];
            let all = app.visitor(READERS[reader]).subscriptions().await;
            let own = all.iter().find(|it| it.newsletter_id == newsletter.id);
            if own.is_none_or(|it| it.status.is_confirmed()) {
                app.reader_of(newsletter, READERS[reader], &preferences(choice)).await;
            }
        }
        Step::Choose { reader, choice } => {
            if let Some(it) = first(reader).await.filter(|it| it.status.is_confirmed()) {
                let newsletter = newsletters.iter().find(|record| record.id == it.newsletter_id).unwrap();
                app.set_preferences(newsletter, READERS[reader], &preferences(choice)).await;
            }
        }
        Step::Pause { reader } => {
            if let Some(it) = first(reader).await {
                let until = app.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
                let until = until.saturating_add(jiff::Span::new().days(3));
                pause_reader(context, &OPERATOR, it.id, until).await.unwrap();
            }
        }
        Step::Resume { reader } => {
            if let Some(it) = first(reader).await {
                resume_reader(context, &OPERATOR, it.id).await.unwrap();
            }
        }
        Step::Unsubscribe { reader } => {
            unsubscribe_reader(context, &OPERATOR, &address(READERS[reader]), None).await.unwrap();
        }
        Step::UnsubscribeByLink { reader } => {
            if let Some(it) = first(reader).await {
                app.press(&format!("/unsubscribe/{}", app.token(&it))).await;
                app.settle().await;
            }
        }
        Step::Complain { reader } => {
            if let Some(it) = first(reader).await {
                let mut tx = context.db.begin().await.unwrap();
                subscribers::end_complained(&mut tx, it.subscriber_id, app.clock.now()).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
        Step::Suppress { reader } => {
            suppress_readers(context, &OPERATOR, &[address(READERS[reader])], "a test").await.unwrap();
        }
        Step::Unsuppress { reader } => {
            let addresses = [address(READERS[reader])];
            unsuppress(context, &OPERATOR, Suppressed::Addresses(&addresses)).await.unwrap();
        }
        Step::Erase { reader } => {
            erase(context, &OPERATOR, &address(READERS[reader])).await.unwrap();
        }
        Step::Import { newsletter, reader, standing } => {
            let import = Import { newsletter: newsletters[newsletter].id, ..app.import().await };
            let list = format!(
                "email,status,confirmed_at\n{},{},2026-01-01T00:00:00Z\n",
                READERS[reader], STANDINGS[standing]
            );
            app.run_import(import, &list).await;
        }
        Step::ChangeAddress { reader, to } => change_address(app, reader, to).await,
        Step::Sort => {
            sort_readers(&app.app.jobs.issues, &CancellationToken::new()).await.unwrap();
        }
        Step::Expire => app.run_due_after(DAY * 8).await,
        Step::Fold => fold(app).await,
    }
}

/// Changes a reader's address on the pages, if that is possible now.
async fn change_address(app: &TestApp, reader: usize, to: usize) {
    let (old, new) = (app.visitor(READERS[reader]), app.visitor(READERS[to]));
    let is_confirmed = old.subscriptions().await.first().is_some_and(|it| it.status.is_confirmed());
    if reader == to || !is_confirmed {
        return;
    }
    old.asks_for_address(new.address).await;
    let was_asked = |it: &crate::support::reader::Reader<'_>| {
        it.emails().iter().any(|email| email.text().contains("/address/"))
    };
    if was_asked(&old) && was_asked(&new) {
        old.agrees_to_address().await;
        new.agrees_to_address().await;
    }
}

async fn kept_counts_equal_the_definition_after_random_changes(engine: Engine) {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(21), ..Config::default() });
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..3 {
        let app = TestApp::start(engine).await;
        let newsletters = [app.newsletter().await, app.add_newsletter("evening", |_| {}).await];
        let steps = changes().new_tree(&mut runner).unwrap().current();
        for (index, step) in steps.iter().enumerate() {
            app.clock.advance(SignedDuration::from_hours(7));
            take(&app, &newsletters, step).await;
            assert_eq!(drift(&app).await, [], "round {round}, step {index}, {step:?}");
            for it in &newsletters {
                let mut tx = app.app.db.read().await.unwrap();
                for count in subscribers::counts(&mut tx, Some(it.id), None).await.unwrap() {
                    let kept = reader_counts::by_status(&mut tx, it.id, count.status).await.unwrap();
                    assert_eq!(
                        kept, count.readers,
                        "round {round}, step {index}, {step:?}: {}",
                        count.status
                    );
                    seen.insert(count.status.as_str());
                }
            }
        }
        fold(&app).await;
        assert_eq!(drift(&app).await, [], "round {round}, folded");
        let store = app.store().await;
        assert_eq!(store.kept_counts().await, store.keys_of_counts().await);
    }
    assert_eq!(seen.len(), SubscriptionStatus::ALL.len(), "{seen:?}");
}

async fn kept_counts_survive_changes_at_the_same_time(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.readers(24, "example.org").await;
    let newsletter = app.newsletter().await;
    let changes = (0..24).map(|n| {
        let (app, newsletter) = (&app, &newsletter);
        async move {
            let reader = format!("reader{n}@example.org");
            app.set_preferences(newsletter, &reader, &preferences(n)).await;
            match n % 3 {
                0 => {
                    unsubscribe_reader(&app.app.actions, &OPERATOR, &address(&reader), None).await.unwrap();
                }
                1 => app.set_preferences(newsletter, &reader, &anything()).await,
                _ => fold(app).await,
            }
        }
    });
    futures_util::future::join_all(changes).await;
    assert_eq!(drift(&app).await, []);
    let mut tx = app.app.db.read().await.unwrap();
    assert_eq!(subscribers::count_active(&mut tx, newsletter.id).await.unwrap(), 16);
}

async fn a_wrong_count_is_noticed_and_corrected(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.readers(3, "example.org").await;
    fold(&app).await;
    app.store().await.spoil_count("active", 2).await;
    let found = drift(&app).await;
    assert_eq!(found.iter().map(|it| (it.key.as_str(), it.missing)).collect::<Vec<_>>(), [("active", -2)]);
    assert_eq!(verify_counts(&app.app.jobs.readers).await.unwrap(), 1);
    assert_eq!(verify_counts(&app.app.jobs.readers).await.unwrap(), 0);
    let mut tx = app.app.db.read().await.unwrap();
    assert_eq!(subscribers::count_active(&mut tx, app.newsletter().await.id).await.unwrap(), 3);
}

async fn the_count_of_sent_copies_equals_the_copies(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.readers(5, "example.org").await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    assert_eq!(app.store().await.sent_copies().await, (5, 5));
    let issue = app.issues().await[0].id;
    app.store().await.set_deliveries("uncertain").await;
    let mut tx = app.app.db.begin().await.unwrap();
    let settled = deliveries::settle_uncertain(&mut tx, issue, DeliveryStatus::Sent, app.clock.now(), 100)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(settled, 5);
    assert_eq!(app.store().await.sent_copies().await, (5, 5), "an operator knew that they had arrived");
}
