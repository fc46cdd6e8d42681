//! Readers' pasts: cohorts and receipts say the same as the deliveries and welcomes themselves.

use crate::support::{DAY, Engine, TestApp, on_both_engines, reader::anything};
use daily::{
    db::{
        cohorts,
        deliveries::{self, Finish, Next, Past, claims},
        issues::welcomes,
        newsletters::NewsletterRecord,
        reader_counts::Counting,
        subscribers::{self, Holder},
    },
    domain::{
        delivery::status::{Answer, DeliveryStatus},
        ids::{DeliveryId, IssueId, VariantId},
        issue::{
            plan::{Group, PastVariant},
            status::IssueStatus,
        },
        subscriber::{
            cadence::Cadence, preferences::Preferences, sections::Sections, subscription::SubscriptionStatus,
        },
    },
    jobs::periodic::{apply_retention::apply_retention, sort_readers::sort_readers},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;

on_both_engines!(
    a_kept_past_equals_the_definition_over_random_histories,
    folding_deliveries_changes_no_past,
    a_folded_issue_still_tells_who_got_it,
    a_reader_keeps_a_folded_past_at_a_new_address,
    counting_cohorts_reads_an_index,
);

const READERS: [&str; 7] = [
    "ann@example.org",
    "ben@example.org",
    "cat@example.org",
    "dan@example.org",
    "eve@example.net",
    "fay@example.net",
    "gus@example.net",
];
const SECTIONS: [&str; 3] = ["", "science", "science,sport"];

/// Something that happens to a newsletter or a reader, by their places in the lists.
#[derive(Debug, Clone)]
enum Step {
    Join { newsletter: usize, reader: usize, cadence: usize, sections: usize },
    Leave { newsletter: usize, reader: usize },
    Send { newsletter: usize, stories: usize },
    Fail { reader: usize },
    Skip { readers: Vec<usize> },
    GiveUp { reader: usize },
    Doubt { reader: usize, sent: bool },
    Welcome { newsletter: usize, reader: usize },
    Move { newsletter: usize, from: usize, to: usize },
    Suppress { reader: usize },
    Sort,
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    let (newsletter, reader) = (0..2_usize, 0..READERS.len());
    let pair = || (newsletter.clone(), reader.clone());
    let step = prop_oneof![
        8 => (pair(), 0..3_usize, 0..3_usize).prop_map(|((newsletter, reader), cadence, sections)| {
            Step::Join { newsletter, reader, cadence, sections }
        }),
        2 => pair().prop_map(|(newsletter, reader)| Step::Leave { newsletter, reader }),
        8 => (newsletter.clone(), 0..3_usize)
            .prop_map(|(newsletter, stories)| Step::Send { newsletter, stories }),
        2 => reader.clone().prop_map(|reader| Step::Fail { reader }),
        1 => proptest::collection::vec(reader.clone(), 1..4).prop_map(|readers| Step::Skip { readers }),
        1 => reader.clone().prop_map(|reader| Step::GiveUp { reader }),
        1 => (reader.clone(), any::<bool>()).prop_map(|(reader, sent)| Step::Doubt { reader, sent }),
        2 => pair().prop_map(|(newsletter, reader)| Step::Welcome { newsletter, reader }),
        2 => (pair(), reader.clone())
            .prop_map(|((newsletter, from), to)| Step::Move { newsletter, from, to }),
        1 => reader.clone().prop_map(|reader| Step::Suppress { reader }),
        4 => Just(Step::Sort),
    ];
    proptest::collection::vec(step, 40)
}

/// An installation whose newsletters share their articles.
struct World {
    app: TestApp,
    newsletters: [NewsletterRecord; 2],
    stories: usize,
}

impl World {
    async fn start(engine: Engine) -> Self {
        let app = TestApp::start(engine).await;
        let newsletters = [app.newsletter().await, app.add_newsletter("evening", |_| {}).await];
        Self { app, newsletters, stories: 0 }
    }

    async fn sort(&self) {
        sort_readers(&self.app.app.jobs.issues, &CancellationToken::new()).await.unwrap();
    }

    async fn subscriber(&self, reader: usize) -> Option<i64> {
        let all = self.app.visitor(READERS[reader]).subscriptions().await;
        all.first().map(|it| it.subscriber_id.0)
    }

    async fn holder(&self, newsletter: usize, reader: usize) -> Option<(Holder, SubscriptionStatus)> {
        let all = self.app.visitor(READERS[reader]).subscriptions().await;
        let it = all.into_iter().find(|it| it.newsletter_id == self.newsletters[newsletter].id)?;
        Some((Holder { reader: it.subscriber_id, subscription: it.id }, it.status))
    }

    async fn take(&mut self, step: &Step) {
        let app = &self.app;
        match step {
            Step::Join { newsletter, reader, cadence, sections } => {
                let preferences = Preferences {
                    cadence: Cadence::ALL[*cadence],
                    sections: Sections::parse(SECTIONS[*sections]).unwrap(),
                    ..anything()
                };
                app.reader_of(&self.newsletters[*newsletter], READERS[*reader], &preferences).await;
            }
            Step::Leave { newsletter, reader } => {
                let all = app.visitor(READERS[*reader]).subscriptions().await;
                let id = self.newsletters[*newsletter].id;
                if let Some(it) = all.iter().find(|it| it.newsletter_id == id) {
                    app.end_subscription(it).await;
                }
            }
            Step::Send { newsletter, stories } => {
                app.clock.advance(DAY);
                for section in ["", "Science", "Sport"].iter().take(*stories) {
                    self.stories += 1;
                    self.app.story(&format!("Story number {}", self.stories), section).await;
                }
                let app = &self.app;
                let before = app.store().await.repeated_stories().await;
                app.send(&self.newsletters[*newsletter]).await;
                assert_eq!(app.store().await.repeated_stories().await, before, "no story is sent again");
            }
            Step::Fail { reader } => self.fail(*reader).await,
            Step::Skip { readers } => {
                let mut last = None;
                for reader in readers {
                    last = self.reopen(*reader, "queued", 0).await.or(last);
                }
                let Some((_, issue)) = last else { return };
                let (mut tx, now) = (app.app.db.begin().await.unwrap(), app.clock.now());
                deliveries::skip_open(&mut tx, issue, "the issue was cancelled", now, 2).await.unwrap();
                tx.commit().await.unwrap();
            }
            Step::GiveUp { reader } => {
                let Some((_, issue)) = self.reopen(*reader, "queued", 0).await else { return };
                let (mut tx, now) = (app.app.db.begin().await.unwrap(), app.clock.now());
                deliveries::give_up(&mut tx, issue, now + DAY, now).await.unwrap();
                tx.commit().await.unwrap();
            }
            Step::Doubt { reader, sent } => {
                let Some((_, issue)) = self.reopen(*reader, "uncertain", 0).await else { return };
                let status = if *sent { DeliveryStatus::Sent } else { DeliveryStatus::Failed };
                let (mut tx, now) = (app.app.db.begin().await.unwrap(), app.clock.now());
                deliveries::settle_uncertain(&mut tx, issue, status, now, deliveries::PORTION).await.unwrap();
                tx.commit().await.unwrap();
            }
            Step::Welcome { newsletter, reader } => {
                let Some((holder, _)) = self.holder(*newsletter, *reader).await else { return };
                let mut tx = app.app.db.begin().await.unwrap();
                let latest = welcomes::latest(&mut tx, self.newsletters[*newsletter].id).await.unwrap();
                let Some(latest) = latest else { return };
                welcomes::insert(&mut tx, holder.reader, latest.variant, app.clock.now()).await.unwrap();
                tx.commit().await.unwrap();
            }
            Step::Move { newsletter, from, to } => self.move_reader(*newsletter, *from, *to).await,
            Step::Suppress { reader } => {
                app.suppress(READERS[*reader], "a test").await;
            }
            Step::Sort => self.sort().await,
        }
    }

    async fn reopen(&self, reader: usize, status: &str, claim: i64) -> Option<(DeliveryId, IssueId)> {
        let subscriber = self.subscriber(reader).await?;
        let (id, issue) = self.app.store().await.reopen_delivery(subscriber, status, claim).await?;
        Some((DeliveryId(id), IssueId(issue)))
    }

    /// The relay refuses a reader's latest copy.
    async fn fail(&self, reader: usize) {
        let app = &self.app;
        let Some(issue) = app.issues().await.first().map(|it| it.id) else { return };
        let (mut tx, now) = (app.app.db.begin().await.unwrap(), app.clock.now());
        let claim = claims::open(&mut tx, issue, "a process", now + DAY).await.unwrap();
        tx.commit().await.unwrap();
        let Some((id, _)) = self.reopen(reader, "sending", claim.0).await else { return };
        let finish = Finish {
            id,
            claim,
            address_key: READERS[reader].into(),
            next: Next::End(DeliveryStatus::Failed),
            answer: Answer {
                relay: "smtp://relay.example:25".into(),
                code: Some(554),
                enhanced: None,
                stage: None,
                text: "not today".into(),
            },
            at: now,
        };
        let mut tx = app.app.db.begin().await.unwrap();
        assert_eq!(deliveries::finish(&mut tx, &[&finish]).await.unwrap().len(), 1);
        claims::close(&mut tx, claim).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Moves a subscription to another reader, as a change of address does.
    async fn move_reader(&self, newsletter: usize, from: usize, to: usize) {
        let Some((from, SubscriptionStatus::Active)) = self.holder(newsletter, from).await else { return };
        let there = self.holder(newsletter, to).await;
        let Some(reader) = self.subscriber(to).await else { return };
        if reader == from.reader.0 || there.is_some_and(|(_, status)| status.is_confirmed()) {
            return;
        }
        let now = self.app.clock.now();
        let mut tx = self.app.app.db.begin().await.unwrap();
        let to = if let Some((there, _)) = there {
            subscribers::restore_from(&mut tx, there.subscription, from.subscription, now).await.unwrap();
            subscribers::end(&mut tx, from.subscription, now).await.unwrap();
            there
        } else {
            subscribers::reassign(&mut tx, from.subscription, reader.into(), now).await.unwrap();
            Holder { reader: reader.into(), subscription: from.subscription }
        };
        let id = self.newsletters[newsletter].id;
        subscribers::transfer_history(&mut tx, id, from, to).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Returns the variants of all newsletters, of each alone, and of none.
    async fn choices_of_variants(&self) -> Vec<Vec<i64>> {
        let all = self.app.store().await.variants_of_newsletters().await;
        let of = |newsletter: &NewsletterRecord| {
            all.iter().filter(|it| it.1 == newsletter.id.0).map(|it| it.0).collect()
        };
        let mut choices: Vec<Vec<i64>> = self.newsletters.iter().map(of).collect();
        choices.extend([all.iter().map(|it| it.0).collect(), Vec::new()]);
        choices
    }

    /// Returns the groups that a plan finds, by kept counts and by counting rows.
    async fn groups(&self, newsletter: &NewsletterRecord, variants: &[i64]) -> BTreeMap<String, i64> {
        let past: Vec<PastVariant> =
            variants.iter().map(|id| PastVariant { variant: VariantId(*id), articles: Vec::new() }).collect();
        let mut tx = self.app.app.db.read().await.unwrap();
        let past = Past::load(&mut tx, newsletter.id, &past).await.unwrap();
        let mut found = Vec::new();
        for counting in [Counting::Kept, Counting::Exact] {
            let (groups, others) =
                deliveries::groups(&mut tx, newsletter.id, Cadence::ALL, &past, counting).await.unwrap();
            assert_eq!(others, 0);
            let groups = groups.into_iter().map(|Group { key, readers }| (key, readers));
            found.push(groups.collect::<BTreeMap<String, i64>>());
        }
        assert_eq!(found[0], found[1], "{variants:?}");
        found.remove(0)
    }

    /// Checks that plans find the groups that follow from deliveries and welcomes.
    async fn check(&self, when: &str) {
        let store = self.app.store().await;
        let received = store.received_variants().await;
        for newsletter in &self.newsletters {
            let readers = store.active_readers(newsletter.id.0).await;
            for variants in self.choices_of_variants().await {
                let mut expected: BTreeMap<String, i64> = BTreeMap::new();
                for (subscriber, audience) in &readers {
                    let had: BTreeSet<i64> = received
                        .iter()
                        .filter(|(it, variant)| it == subscriber && variants.contains(variant))
                        .map(|(_, variant)| *variant)
                        .collect();
                    let had: Vec<String> = had.iter().map(ToString::to_string).collect();
                    *expected.entry(format!("{audience}|{}", had.join(","))).or_default() += 1;
                }
                let slug = &newsletter.newsletter.slug;
                assert_eq!(
                    self.groups(newsletter, &variants).await,
                    expected,
                    "{when}: {slug}, {variants:?}"
                );
            }
        }
    }
}

fn runner(seed: u64) -> TestRunner {
    TestRunner::new(Config { rng_seed: proptest::test_runner::RngSeed::Fixed(seed), ..Config::default() })
}

async fn a_kept_past_equals_the_definition_over_random_histories(engine: Engine) {
    let mut runner = runner(18);
    for round in 0..4 {
        let mut world = World::start(engine).await;
        let steps = history().new_tree(&mut runner).unwrap().current();
        for (index, step) in steps.iter().enumerate() {
            world.take(step).await;
            world.check(&format!("history {round}, step {index}, {step:?}")).await;
        }
        world.sort().await;
        world.check(&format!("history {round}, sorted")).await;
        let store = world.app.store().await;
        let mut active = 0;
        for newsletter in &world.newsletters {
            active += store.active_readers(newsletter.id.0).await.len();
        }
        assert_eq!(store.sorted_readers().await, i64::try_from(active).unwrap());
    }
}

async fn folding_deliveries_changes_no_past(engine: Engine) {
    let mut world = World::start(engine).await;
    for step in &history().new_tree(&mut runner(81)).unwrap().current() {
        world.take(step).await;
    }
    world.app.clock.advance(DAY * 60);
    world.take(&Step::Send { newsletter: 0, stories: 2 }).await;
    world.sort().await;
    let mut before = Vec::new();
    for newsletter in &world.newsletters {
        for variants in world.choices_of_variants().await {
            before.push((newsletter.clone(), variants.clone(), world.groups(newsletter, &variants).await));
        }
    }
    let store = world.app.store().await;
    let rows = store.rows_in("deliveries").await;
    world.app.clock.advance(DAY * 35);
    let folded = apply_retention(&world.app.app.jobs.readers).await.unwrap().deliveries;
    assert!(folded > 0 && store.rows_in("deliveries").await == rows - i64::try_from(folded).unwrap());
    assert!(store.rows_in("deliveries").await > 0, "failures and the last issue keep their rows");
    for when in ["folded", "folded and sorted"] {
        for (newsletter, variants, groups) in &before {
            assert_eq!(&world.groups(newsletter, variants).await, groups, "{when}: {variants:?}");
        }
        world.sort().await;
    }
    assert_eq!(apply_retention(&world.app.app.jobs.readers).await.unwrap().deliveries, 0, "and not again");
}

async fn a_folded_issue_still_tells_who_got_it(engine: Engine) {
    let world = World::start(engine).await;
    let app = &world.app;
    for reader in READERS {
        app.reader_of(&world.newsletters[0], reader, &anything()).await;
    }
    app.story("A bridge opens", "").await;
    let issue = app.send(&world.newsletters[0]).await;
    world.fail(1).await;
    let now = app.clock.now();
    app.store().await.set_relays_answer(READERS[2], "250 queued as 42").await;
    let counts = app.counts(issue).await;
    let before: Vec<_> =
        app.deliveries(issue).await.into_iter().map(|it| (it.address, it.status, it.variant_id)).collect();
    app.clock.advance(DAY * 91);
    assert_eq!(apply_retention(&app.app.jobs.readers).await.unwrap().deliveries, READERS.len() - 1);
    assert_eq!(app.counts(issue).await, counts);
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let after: Vec<_> =
        app.deliveries(issue).await.into_iter().map(|it| (it.address, it.status, it.variant_id)).collect();
    assert_eq!(after, before);
    let mut tx = app.app.db.read().await.unwrap();
    let sent = Some(DeliveryStatus::Sent);
    let page = deliveries::page(&mut tx, issue, sent, 0.into(), 3).await.unwrap();
    let addresses: Vec<_> = page.iter().map(|it| it.address.as_str()).collect();
    assert_eq!(addresses, [READERS[0], READERS[2], READERS[3]]);
    assert!(page.iter().all(|it| it.id.is_none()));
    let failed = deliveries::page(&mut tx, issue, Some(DeliveryStatus::Failed), 0.into(), 3).await.unwrap();
    assert!(failed.len() == 1 && failed[0].id.is_some());
    let domains = deliveries::count_by_domain(&mut tx, issue, 10).await.unwrap();
    let domains: Vec<_> = domains.iter().map(|it| (it.domain.as_str(), it.total, it.failed)).collect();
    assert_eq!(domains, [("example.org", 4, 1), ("example.net", 3, 0)]);
    let answers = deliveries::count_by_answer(&mut tx, issue, 10).await.unwrap();
    assert_eq!(answers.iter().map(|it| it.count).sum::<i64>(), i64::try_from(READERS.len()).unwrap());
    let subscriber = app.visitor(READERS[0]).subscription().await.subscriber_id;
    let own = deliveries::for_subscriber(&mut tx, subscriber, None, 5).await.unwrap();
    assert!(own.len() == 1 && own[0].status == DeliveryStatus::Sent);
    let export = subscribers::data_export::read(&mut tx, &crate::support::address(READERS[0]), now)
        .await
        .unwrap()
        .unwrap();
    let export: serde_json::Value = serde_json::from_str(&export.to_json().unwrap()).unwrap();
    assert_eq!(export["issues"].as_array().unwrap().len(), 0);
    assert_eq!(export["older_issues"][0]["status"], "sent");
    assert_eq!(export["older_issues"][0]["issue_date"], "2026-05-01");
}

async fn a_reader_keeps_a_folded_past_at_a_new_address(engine: Engine) {
    let world = World::start(engine).await;
    let app = &world.app;
    app.reader_of(&world.newsletters[0], READERS[0], &anything()).await;
    app.reader_of(&world.newsletters[1], READERS[1], &anything()).await;
    app.story("A bridge opens", "").await;
    let issue = app.send(&world.newsletters[0]).await;
    app.clock.advance(DAY * 91);
    assert_eq!(apply_retention(&app.app.jobs.readers).await.unwrap().deliveries, 1);
    world.move_reader(0, 0, 1).await;
    let copies: Vec<_> = app.deliveries(issue).await.into_iter().map(|it| it.address).collect();
    assert_eq!(copies, [READERS[1]]);
}

async fn counting_cohorts_reads_an_index(engine: Engine) {
    let app = TestApp::start(engine).await;
    let plan = app.store().await.query_plan(cohorts::COUNTS, ["1"; 4]).await;
    assert!(plan.iter().any(|step| step.contains("subscriptions_by_cohort")), "{plan:?}");
    if engine == Engine::Sqlite {
        assert!(
            !plan.iter().any(|step| step.contains("TEMP B-TREE")),
            "the index is in the right order: {plan:?}"
        );
    }
}
