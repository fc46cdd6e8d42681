//! Throughput: one issue to many readers with the whole system, for every combination of the options.

use crate::{
    Bench,
    arguments::SinkKind,
    median, reference,
    support::{
        eventually_within,
        installation::{Dkim, Engine, Installation, Plan},
        processes::{cpu_seconds, cpu_seconds_of_server, peak_rss},
        sinks::{OurSink, PostfixSink, SinkArguments},
        table::{Table, cli_name, count, megabytes, percent},
    },
};

/// The cost of one issue.
pub struct Figures {
    pub rate: f64,
    pub cpu_per_1000: f64,
    pub server_cpu_per_1000: Option<f64>,
    pub peak_rss: u64,
}

enum AnySink {
    Ours(OurSink),
    Postfix(PostfixSink),
}

/// Returns the time limit for an issue in seconds, enough for the slowest engine.
pub fn time_limit(readers: u64) -> u64 {
    120 + readers / 20
}

/// Measures all combinations and prints a table. Returns `false` if some could not be measured.
pub async fn run(bench: &Bench) -> bool {
    let arguments = &bench.arguments;
    let rsa = reference::rsa_limit();
    let ed25519 = reference::ed25519_limit();
    let mut beside = Vec::new();
    for sink in &arguments.sink {
        let rate = reference::smtp_source(
            *sink,
            arguments.readers.max(20_000),
            arguments.connections,
            bench.octets,
            arguments.round_trip,
        )
        .await;
        println!("smtp-source -> {}: {} messages/s", name(*sink), count(rate));
        beside.push((*sink, rate));
    }
    let mut table = Table::new(&[
        "sender",
        "sink",
        "DKIM",
        "messages/s",
        "CPU s/1,000",
        "PostgreSQL CPU s/1,000",
        "peak RSS",
        "of smtp-source",
        "of one core's RSA",
    ]);
    for (sink, rate) in &beside {
        table.row(&["smtp-source", name(*sink), "none", &count(*rate), "", "", "", "100 %", ""]);
    }
    let mut complete = true;
    for engine in &arguments.engine {
        for dkim in &arguments.dkim {
            for (sink, source) in &beside {
                let sender = format!("daily, {}", cli_name(*engine));
                let (sink_name, dkim_name) = (name(*sink), cli_name(*dkim));
                match figures(bench, *engine, *dkim, *sink).await {
                    Ok(it) => {
                        let of_rsa = if *dkim == Dkim::Rsa { percent(it.rate / rsa) } else { String::new() };
                        table.row(&[
                            &sender,
                            sink_name,
                            &dkim_name,
                            &count(it.rate),
                            &format!("{:.3}", it.cpu_per_1000),
                            &it.server_cpu_per_1000.map(|cpu| format!("{cpu:.3}")).unwrap_or_default(),
                            &megabytes(it.peak_rss),
                            &percent(it.rate / source),
                            &of_rsa,
                        ]);
                    }
                    Err(problem) => {
                        complete = false;
                        table.row(&[&sender, sink_name, &dkim_name, &format!("not measured: {problem}")]);
                    }
                }
                println!("{}", table.last());
            }
        }
    }
    println!("\n{table}");
    println!(
        "{} readers, {} connections, messages of {} octets. Rates are from the first to the last message taken: as the \
         sink saw it (ours), as the deliveries' rows say (smtp-sink), smtp-source's whole run (against smtp-sink). CPU \
         is the daily process's, from the command to the issue's end.",
        arguments.readers, arguments.connections, bench.octets
    );
    println!("One core signs {}/s with RSA-2048, {}/s with Ed25519 (aws-lc-rs).", count(rsa), count(ed25519));
    complete
}

fn name(sink: SinkKind) -> &'static str {
    match sink {
        SinkKind::Ours => "ours",
        SinkKind::Postfix => "smtp-sink",
    }
}

async fn figures(bench: &Bench, engine: Engine, dkim: Dkim, sink: SinkKind) -> Result<Figures, String> {
    let mut all = Vec::new();
    for _ in 0..bench.arguments.runs {
        all.push(once(bench, engine, dkim, sink).await?);
    }
    let of = |part: fn(&Figures) -> f64| median(all.iter().map(part).collect());
    Ok(Figures {
        rate: of(|it| it.rate),
        cpu_per_1000: of(|it| it.cpu_per_1000),
        server_cpu_per_1000: all[0]
            .server_cpu_per_1000
            .map(|_| of(|it| it.server_cpu_per_1000.unwrap_or(0.0))),
        peak_rss: all.iter().map(|it| it.peak_rss).max().unwrap_or_default(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
/// Sends one issue to all readers.
pub async fn once(bench: &Bench, engine: Engine, dkim: Dkim, kind: SinkKind) -> Result<Figures, String> {
    let arguments = &bench.arguments;
    let readers = arguments.readers;
    let mut sink = match kind {
        SinkKind::Ours => {
            let round_trip = arguments.round_trip;
            AnySink::Ours(OurSink::start(&SinkArguments { round_trip, ..SinkArguments::default() }).await)
        }
        SinkKind::Postfix => AnySink::Postfix(PostfixSink::start().await),
    };
    let relay = match &sink {
        AnySink::Ours(sink) => sink.port(),
        AnySink::Postfix(sink) => sink.port(),
    };
    let installation = Installation::create(&Plan {
        engine,
        dkim,
        readers,
        stories: arguments.stories,
        connections: arguments.connections,
        relay,
        cluster: bench.cluster.as_ref(),
    })
    .await?;
    let service = installation.serve().await;
    let server = (engine == Engine::Postgres).then(|| bench.data_folder());
    let cpu = || (cpu_seconds(service.pid()), server.as_deref().map_or(0.0, cpu_seconds_of_server));
    let before = cpu();
    let watching = installation.environment.start(&["issue", "send", "--yes"]);
    eventually_within(time_limit(readers), "the issue begins", || async {
        matches!(installation.store.issue_status().await.as_str(), "sending" | "sent").then_some(())
    })
    .await;
    // The cost of observing must not be measured.
    drop(watching);
    installation.sent(time_limit(readers)).await;
    let after = cpu();
    installation.assert_all_sent(readers).await;
    let rate = match &mut sink {
        AnySink::Ours(sink) => {
            let report = sink.report().await;
            assert_eq!(report.messages, readers, "each reader's message arrived once");
            report.rate()
        }
        AnySink::Postfix(_) => {
            let micros = |word: &str| {
                let moment = installation.store.micros(&format!("{word}(finished_at)"));
                format!("SELECT {moment} FROM deliveries")
            };
            let (first, last) = (
                installation.store.number(&micros("min")).await,
                installation.store.number(&micros("max")).await,
            );
            (readers - 1) as f64 / ((last - first).max(1) as f64 / 1e6)
        }
    };
    let thousands = readers as f64 / 1000.0;
    let figures = Figures {
        rate,
        cpu_per_1000: (after.0 - before.0) / thousands,
        server_cpu_per_1000: server.is_some().then_some((after.1 - before.1) / thousands),
        peak_rss: peak_rss(service.pid()),
    };
    drop(service);
    installation.close().await;
    Ok(figures)
}

/// Returns the size of one of the issue's messages on the wire, in octets.
pub async fn message_octets(bench: &Bench) -> u64 {
    let mut sink = OurSink::start(&SinkArguments::default()).await;
    let installation = Installation::create(&Plan {
        engine: Engine::Sqlite,
        dkim: Dkim::None,
        readers: 10,
        stories: bench.arguments.stories,
        connections: 1,
        relay: sink.port(),
        cluster: None,
    })
    .await
    .expect("a small issue can be sent");
    let _service = installation.serve().await;
    let watching = installation.environment.run(&["issue", "send", "--yes"]).await;
    assert_eq!(watching.code, 0, "{watching:?}");
    let report = sink.report().await;
    report.octets / report.messages
}
