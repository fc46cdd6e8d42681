//! Measures issues to very many readers in every time zone: their forecasts and deliveries.

use crate::{
    archive, explain,
    freezing::next_day,
    installation::Installation,
    planning::since,
    pulse, readers,
    statements::Statements,
    support::{
        processes::{cpu_seconds, peak_rss},
        table::{Table, count, megabytes, milliseconds},
    },
};
use daily::{
    db::{
        deliveries, issues,
        newsletters::{self, NewsletterRecord},
    },
    domain::newsletter::SendClock,
    issues::forecast::forecast,
    jobs::{freeze_issue, periodic::sort_readers::sort_readers},
};
use jiff::civil::Date;
use std::{sync::Arc, time::Instant};

const SUPPRESSED: u64 = 1_000;

/// Measures an issue on readers' clocks, one on the newsletter's clock, one with a story that all readers
/// have had, and a Sunday issue. On Sundays some readers get the week's best stories, most of which all have
/// had.
pub async fn run(installation: &Installation, statements: &Statements, readers: u64, table: &mut Table) {
    eprintln!("inserting {readers} readers …");
    readers::add_until(installation, readers).await;
    readers::suppress(installation, SUPPRESSED.min(readers / 10)).await;
    installation.analyze().await;
    for (name, clock) in [
        ("every reader's own clock", SendClock::Reader),
        ("the newsletter's clock", SendClock::Newsletter),
        ("own clocks, a tenth have had a story", SendClock::Reader),
        ("own clocks, a Sunday", SendClock::Reader),
    ] {
        eprintln!("{name} …");
        next_day(installation).await;
        let newsletter = set_clock(installation, clock).await;
        let date = installation.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow();
        let date = date.expect("not the last day of the calendar");
        if name.ends_with("story") {
            let now = installation.clock.now();
            archive::past_issue(installation, 3, date.tomorrow().expect("nor that"), now, 4).await;
            let issue = installation.store.number("SELECT max(id) FROM issues").await;
            readers::subscribe_a_tenth(installation, 3).await;
            readers::deliver(installation, issue, "t.n / 3 % 4", "t.n % 10 = 0").await;
        }
        one_issue(installation, statements, &newsletter, date, name, table).await;
    }
}

async fn one_issue(
    installation: &Installation,
    statements: &Statements,
    newsletter: &NewsletterRecord,
    date: Date,
    name: &str,
    table: &mut Table,
) {
    let mut context = installation.app.jobs.clone();
    let mut settings = (*installation.app.settings).clone();
    settings.schedule.recheck_seconds = 0;
    context.issues.settings = Arc::new(settings);
    reset_peak_memory();
    // Once with each reader's past looked up, and once with readers in cohorts.
    installation.store.execute("UPDATE subscriptions SET cohort_id = NULL").await;
    for how in ["pasts looked up", "cohorts"] {
        if how == "cohorts" {
            let begun = Instant::now();
            let stop = tokio_util::sync::CancellationToken::new();
            let sorted = sort_readers(&context.issues, &stop).await.expect("sorted readers");
            table.row(&["– sort readers into cohorts", &milliseconds(since(begun)), &format!("{sorted}")]);
            installation.analyze().await;
        }
        statements.drain();
        let begun = Instant::now();
        let mut tx = context.issues.db.read().await.expect("a transaction");
        let told = forecast(context.issues.planning(), &mut tx, newsletter, date).await.expect("a forecast");
        drop(tx);
        let time = since(begun);
        let times = statements.drain();
        let remark = format!(
            "{} waves, {} groups, {} past variants; looked up {}, cohorts {}, clocks {}",
            told.waves.len(),
            told.inputs.groups.len(),
            told.inputs.past.len(),
            milliseconds(times.total(explain::GROUPS)),
            milliseconds(times.total(explain::COHORTS)),
            milliseconds(times.total(explain::CLOCKS))
        );
        table.row(&[&format!("{name}: forecast, {how}"), &milliseconds(time), &remark]);
    }

    let issue = installation.begin_issue(newsletter, date).await;
    let before = peak_rss(std::process::id());
    let cpu = cpu_seconds(std::process::id());
    let begun = Instant::now();
    let (done, waits) =
        Box::pin(pulse::during(installation, freeze_issue::run(&context.issues, &context.feeds, issue)))
            .await;
    done.expect("a frozen issue");
    let all = since(begun);
    let cpu = cpu_seconds(std::process::id()) - cpu;
    let frozen =
        statements.last_logged("issue frozen").expect("it says so").duration_since(begun).as_secs_f64()
            * 1000.0;
    let times = statements.drain();
    let mut tx = context.issues.db.read().await.expect("a transaction");
    let counts = deliveries::counts(&mut tx, issue).await.expect("a query");
    drop(tx);
    let remark = format!("with the deliveries it takes {cpu:.1} s of this process's CPU");
    table.row(&["– frozen", &milliseconds(frozen), &remark]);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let made = counts.total() as f64;
    let remark = format!("{} deliveries, {} a second", count(made), count(made / (all - frozen) * 1000.0));
    table.row(&["– deliveries", &milliseconds(all - frozen), &remark]);
    let portions = format!("the longest of {}", times.count(explain::DELIVERIES));
    table.row(&["– a portion", &milliseconds(times.longest(explain::DELIVERIES)), &portions]);
    table.row(&["– a small write meanwhile", "", &waits.in_words()]);
    let memory = format!(
        "{} with the forecast, {} in all",
        megabytes(before),
        megabytes(peak_rss(std::process::id()))
    );
    table.row(&["– peak RSS", "", &memory]);
    eprintln!("{}", table.last());
    finish(installation, issue.0).await;
}

/// Marks an issue as sent.
async fn finish(installation: &Installation, issue: i64) {
    installation
        .store
        .execute(&format!(
            "UPDATE deliveries SET status = 'sent' WHERE issue_id = {issue} AND status = 'queued'"
        ))
        .await;
    let mut tx = installation.app.db.begin().await.expect("a transaction");
    let (from, to) =
        (daily::domain::issue::status::IssueStatus::Sending, daily::domain::issue::status::IssueStatus::Sent);
    let now = installation.clock.now();
    issues::advance(&mut tx, issue.into(), from, to, None, now).await.expect("a query");
    tx.commit().await.expect("a commit");
    installation.analyze().await;
}

async fn set_clock(installation: &Installation, clock: SendClock) -> NewsletterRecord {
    let mut newsletter = installation.newsletter("daily").await;
    newsletter.newsletter.clock = clock;
    let mut tx = installation.app.db.begin().await.expect("a transaction");
    newsletters::update(&mut tx, &newsletter).await.expect("a change");
    tx.commit().await.expect("a commit");
    newsletter
}

/// Resets the peak memory (proc_pid_clear_refs(5)).
fn reset_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
