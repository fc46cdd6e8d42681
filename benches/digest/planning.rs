//! Measures how long making a plan takes, and its parts.

use crate::{
    archive, explain,
    installation::Installation,
    readers,
    statements::{Statements, Times},
    support::table::{Table, milliseconds},
};
use daily::{
    db::issues,
    domain::{
        ids::IssueId,
        issue::plan::{Group, MAX_GROUPS, PlanInputs},
    },
    jobs::plan_issue,
};
use jiff::civil::date;
use std::time::Instant;

/// Readers of the daily, and of the weekly round-up.
const READERS: u64 = 10_000;
/// Runs per plan, of which the median counts.
const RUNS: usize = 5;

/// The queries of a plan: a name, and a fragment of the statement.
const QUERIES: [(&str, &str); 7] = [
    ("candidates", explain::CANDIDATES),
    ("carried before", explain::CARRIED),
    ("places of the week", explain::PLACES),
    ("past variants", explain::PAST),
    ("groups of readers", explain::GROUPS),
    ("keep the candidates' fates", "INSERT INTO issue_stories"),
    ("keep the plan", "INSERT INTO issue_plans"),
];

/// Plans an issue of the daily, and one of the weekly for readers who also got the daily.
pub async fn run(installation: &Installation, statements: &Statements, table: &mut Table) {
    add_readers(installation).await;
    for (slug, date) in [("daily", date(2026, 5, 5)), ("weekly", date(2026, 5, 11))] {
        let newsletter = installation.newsletter(slug).await;
        let issue = installation.begin_issue(&newsletter, date).await;
        plan(installation, statements, slug, issue, table).await;
    }
}

async fn plan(
    installation: &Installation,
    statements: &Statements,
    slug: &str,
    issue: IssueId,
    table: &mut Table,
) {
    let (context, feeds) = (&installation.app.jobs.issues, &installation.app.jobs.feeds);
    let mut all = Vec::new();
    let mut times: Vec<Times> = Vec::new();
    for _ in 0..RUNS {
        statements.drain();
        let begun = Instant::now();
        plan_issue::run(context, feeds, issue).await.expect("a plan");
        all.push(since(begun));
        times.push(statements.drain());
    }
    let mut tx = context.db.read().await.expect("a transaction");
    let inputs = issues::kept_plan(&mut tx, issue).await.expect("a query").expect("a plan").inputs;
    drop(tx);
    let what = format!(
        "{} candidates, {} past variants, {} groups of {READERS} readers and {} others; first time {}",
        inputs.candidates.len(),
        inputs.past.len(),
        inputs.groups.len(),
        inputs.others,
        milliseconds(all[0])
    );
    table.row(&[&format!("plan the {slug}"), &milliseconds(median(all)), &what]);
    for (name, words) in QUERIES {
        let time = median(times.iter().map(|it| it.total(words)).collect());
        table.row(&[&format!("– {name}"), &milliseconds(time), ""]);
    }
    let (inputs, time) = make(inputs).await;
    table.row(&["– make it", &milliseconds(time), ""]);
    if !inputs.past.is_empty() {
        let (_, time) = make(scattered(inputs)).await;
        table.row(&["the most groups", &milliseconds(time), "make it, of pasts that all differ"]);
    }
}

async fn make(inputs: PlanInputs) -> (PlanInputs, f64) {
    let begun = Instant::now();
    let (inputs, plan) = daily::issues::plan::make_plan(inputs).await.expect("a plan");
    let time = since(begun);
    drop(plan);
    (inputs, time)
}

/// Changes the inputs so that hardly any two readers had the same variants.
fn scattered(mut inputs: PlanInputs) -> PlanInputs {
    let variants: Vec<String> = inputs.past.iter().map(|past| past.variant.to_string()).collect();
    let served = inputs.served.first().expect("an issue is for somebody").cadence;
    let group = |number: usize| {
        // Picks a quarter of the variants with a pseudo-random number.
        let bits = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let had =
            variants.iter().enumerate().filter(|(index, _)| (bits >> (index % 48)).trailing_zeros() >= 2);
        let had: Vec<&str> = had.map(|(_, variant)| variant.as_str()).collect();
        Group { key: format!("{served}||{}", had.join(",")), readers: 2 }
    };
    inputs.groups = (0..MAX_GROUPS).map(group).collect();
    inputs
}

/// Subscribes readers of the daily to the weekly. Each had one variant of last week's issues, always the same
/// except for a tenth of the readers. A third also gets one of the other newsletters.
async fn add_readers(installation: &Installation) {
    readers::add_until(installation, READERS).await;
    let store = &installation.store;
    store
        .execute(
            "INSERT INTO subscriptions (subscriber_id, newsletter_id, status, requested_at, confirmed_at) \
             SELECT subscriber_id, 2, 'active', requested_at, confirmed_at FROM subscriptions WHERE newsletter_id = 1",
        )
        .await;
    for issue in ids(installation, "newsletter_id = 1 ORDER BY issue_date DESC LIMIT 7").await {
        let which =
            format!("CASE WHEN t.n % 10 = 0 THEN (t.n / 7 + t.n / 40 * {issue}) % 4 ELSE t.n % 4 END");
        readers::deliver(installation, issue, &which, "0 = 0").await;
    }
    for newsletter in 3..3 + archive::OTHERS {
        let latest = format!("newsletter_id = {newsletter} ORDER BY issue_date DESC LIMIT 1");
        for issue in ids(installation, &latest).await {
            readers::deliver(installation, issue, "(t.n / 60) % 2", &format!("t.n % 60 = {newsletter}"))
                .await;
        }
    }
    installation.analyze().await;
}

async fn ids(installation: &Installation, which: &str) -> Vec<i64> {
    let ids = installation.store.texts(&format!("SELECT CAST(id AS TEXT) FROM issues WHERE {which}")).await;
    ids.iter().map(|id| id.parse().expect("a number")).collect()
}

/// Returns the milliseconds since a time.
pub fn since(moment: Instant) -> f64 {
    moment.elapsed().as_secs_f64() * 1000.0
}

pub fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}
