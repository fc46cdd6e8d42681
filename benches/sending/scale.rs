//! Large runs: an issue to a million readers, and two workers on one issue.

use crate::{
    Bench,
    latency::{during, in_milliseconds, row},
    support::{
        eventually,
        installation::{Dkim, Engine, Installation, Plan},
        processes::{cpu_seconds, peak_rss, rss},
        sinks::{OurSink, SinkArguments},
        table::{Table, cli_name, count, megabytes, milliseconds, percent},
    },
    throughput::time_limit,
};
use daily::clock::Clock;
use std::time::{Duration, Instant};

/// Sends one issue to very many readers, on each engine.
pub async fn million(bench: &Bench, readers: u64) {
    for engine in &bench.arguments.engine {
        one_large_issue(bench, *engine, readers).await;
    }
}

async fn one_large_issue(bench: &Bench, engine: Engine, readers: u64) {
    let arguments = &bench.arguments;
    let mut sink = OurSink::start(&SinkArguments::default()).await;
    println!("{}: inserting {readers} readers …", cli_name(engine));
    let begun = Instant::now();
    let installation = Installation::create(&Plan {
        engine,
        dkim: Dkim::None,
        readers,
        stories: arguments.stories,
        connections: arguments.connections,
        relay: sink.port(),
        cluster: bench.cluster.as_ref(),
    })
    .await
    .expect("an installation");
    let size_before = size(&installation, engine).await;
    println!("{}: ready after {:.0} s; sending the issue …", cli_name(engine), begun.elapsed().as_secs_f64());
    let service = installation.serve().await;
    let pid = service.pid();
    let idle_rss = rss(pid);
    let cpu_before = cpu_seconds(pid);
    let command_at = Clock::system().now().as_microsecond();
    let watching = installation.environment.start(&["issue", "send", "--yes"]);
    let first = tokio::time::timeout(Duration::from_mins(10), sink.first_mail_from()).await;
    let first = first.expect("the first message within ten minutes");
    drop(watching);
    let frozen = format!("SELECT {} FROM issues", installation.store.micros("frozen_at"));
    let frozen = installation.store.number(&frozen).await;
    let mut memory = Vec::new();
    let (looking, mut looked) = (Duration::from_secs(30), Instant::now());
    let singles = during(&installation, &mut sink, Duration::from_secs(2), async || {
        if looked.elapsed() >= looking {
            looked = Instant::now();
            memory.push(rss(pid));
        }
    })
    .await;
    installation.sent(time_limit(readers)).await;
    let report = sink.report().await;
    let memory: Vec<String> = memory.iter().map(|it| megabytes(*it)).collect();
    let mut table = Table::new(&["", &cli_name(engine)]);
    table.row(&["readers", &readers.to_string()]);
    table.row(&["messages/s, all", &count(report.rate())]);
    if let Some((first_tenth, last_tenth)) = report.rates_of_tenths() {
        table.row(&["messages/s, first tenth", &count(first_tenth)]);
        table.row(&["messages/s, last tenth", &count(last_tenth)]);
    }
    table.row(&["command to first MAIL FROM", &milliseconds(in_milliseconds(first - command_at))]);
    table.row(&["freeze to first MAIL FROM (fan-out)", &milliseconds(in_milliseconds(first - frozen))]);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let cpu = (cpu_seconds(pid) - cpu_before) / (readers as f64 / 1000.0);
    table.row(&["sender's CPU s/1,000", &format!("{cpu:.3}")]);
    table.row(&["peak RSS", &megabytes(peak_rss(pid))]);
    table.row(&["RSS before", &megabytes(idle_rss)]);
    table.row(&["RSS every 30 s", &memory.join(", ")]);
    table.row(&["database before", &size_before]);
    table.row(&["database after", &size(&installation, engine).await]);
    let [_, signups, median, slowest] = row("", &singles);
    table.row(&["confirmations meanwhile", &format!("{signups}: median {median}, slowest {slowest}")]);
    println!("\n{table}");
    let sent = installation.store.number("SELECT count(*) FROM deliveries WHERE status = 'sent'").await;
    assert_eq!(u64::try_from(sent).ok(), Some(readers), "every reader got theirs");
    assert!(report.messages >= readers, "{} messages arrived", report.messages);
    drop(service);
    installation.close().await;
}

async fn size(installation: &Installation, engine: Engine) -> String {
    match engine {
        Engine::Sqlite => {
            let (file, journal) = installation.sqlite_bytes();
            format!("{} + {} WAL", megabytes(file), megabytes(journal))
        }
        Engine::Postgres => {
            let bytes = installation.store.number("SELECT pg_database_size(current_database())").await;
            megabytes(bytes.unsigned_abs())
        }
    }
}

/// Sends one issue with two worker processes.
pub async fn two_workers(bench: &Bench) {
    let arguments = &bench.arguments;
    let sink_arguments =
        SinkArguments { remember: true, round_trip: arguments.round_trip, ..SinkArguments::default() };
    let mut sink = OurSink::start(&sink_arguments).await;
    let installation = Installation::create(&Plan {
        engine: Engine::Postgres,
        dkim: arguments.dkim.first().copied().unwrap_or(Dkim::None),
        readers: arguments.readers,
        stories: arguments.stories,
        connections: arguments.connections,
        relay: sink.port(),
        cluster: bench.cluster.as_ref(),
    })
    .await
    .expect("an installation");
    let _scheduler = installation.serve_as("scheduler", &installation.environment);
    let named = |name: &str| installation.environment.clone().set("DAILY__SENDING__HELLO_NAME", name);
    let workers = ["one.example", "two.example"].map(|name| installation.serve_as("worker", &named(name)));
    eventually("both workers are alive", || async {
        let alive = installation.store.number("SELECT count(*) FROM processes WHERE role = 'worker'").await;
        (alive == 2).then_some(())
    })
    .await;
    let watching = installation.environment.start(&["issue", "send", "--yes"]);
    sink.first_mail_from().await;
    drop(watching);
    installation.sent(time_limit(arguments.readers)).await;
    installation.assert_all_sent(arguments.readers).await;
    let report = sink.report().await;
    let mut table = Table::new(&["worker", "messages", "share", "CPU s", "peak RSS"]);
    for (name, worker) in ["one.example", "two.example"].iter().zip(&workers) {
        let messages = report.by_client.get(*name).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let share = messages as f64 / report.messages as f64;
        table.row(&[
            name,
            &messages.to_string(),
            &percent(share),
            &format!("{:.2}", cpu_seconds(worker.pid())),
            &megabytes(peak_rss(worker.pid())),
        ]);
    }
    println!("\n{table}");
    println!(
        "{} messages/s together; {} messages for {} readers, {} sent twice",
        count(report.rate()),
        report.messages,
        arguments.readers,
        report.repeated
    );
    assert_eq!(
        (report.messages, report.repeated),
        (arguments.readers, 0),
        "each reader's message arrived once"
    );
    drop(workers);
    installation.close().await;
}
