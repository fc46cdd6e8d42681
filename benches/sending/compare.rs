//! Daily next to smtp-source and listmonk. Each round runs every sender once, so that a change of the machine's
//! speed affects all of them.

use crate::{
    Bench,
    arguments::SinkKind,
    listmonk, median, reference,
    support::{
        installation::{Dkim, Engine},
        table::{Table, cli_name, count, megabytes, percent},
    },
    throughput::{self, Figures},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    SmtpSource,
    Daily(Engine, Dkim),
    Listmonk,
}

/// Runs all rounds and prints a table.
pub async fn run(bench: &Bench, rounds: u32) {
    let arguments = &bench.arguments;
    let mut senders = vec![Sender::SmtpSource];
    senders.extend(
        arguments
            .engine
            .iter()
            .flat_map(|engine| arguments.dkim.iter().map(|dkim| Sender::Daily(*engine, *dkim))),
    );
    senders.extend(arguments.listmonk.as_ref().map(|_| Sender::Listmonk));
    let mut figures: Vec<Vec<Figures>> = senders.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        for (sender, its) in senders.iter().zip(&mut figures) {
            let figures = once(bench, *sender).await;
            println!("round {round}: {}: {} messages/s", name(*sender), count(figures.rate));
            its.push(figures);
        }
    }
    let of = |its: &[Figures], part: fn(&Figures) -> f64| median(its.iter().map(part).collect());
    let source = of(&figures[0], |it| it.rate);
    let mut table = Table::new(&[
        "sender",
        "messages/s, median",
        "slowest to fastest",
        "of smtp-source",
        "CPU s/1,000",
        "PostgreSQL CPU s/1,000",
        "peak RSS",
    ]);
    for (sender, its) in senders.iter().zip(&figures) {
        let rate = of(its, |it| it.rate);
        let slowest = its.iter().map(|it| it.rate).fold(f64::INFINITY, f64::min);
        let fastest = its.iter().map(|it| it.rate).fold(0.0, f64::max);
        let mut cells = vec![
            name(*sender),
            count(rate),
            format!("{} to {}", count(slowest), count(fastest)),
            percent(rate / source),
        ];
        if *sender != Sender::SmtpSource {
            cells.push(format!("{:.3}", of(its, |it| it.cpu_per_1000)));
            let server = of(its, |it| it.server_cpu_per_1000.unwrap_or_default());
            cells.push(if server > 0.0 { format!("{server:.3}") } else { String::new() });
            cells.push(megabytes(its.iter().map(|it| it.peak_rss).max().unwrap_or_default()));
        }
        table.row(&cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    println!("\n{table}");
    println!(
        "{rounds} rounds, {} messages, {} connections, messages of {} octets (Daily's; listmonk sends its own text of \
         the same size). The sink is our own and measures the rates, from the first to the last message.",
        arguments.readers, arguments.connections, bench.octets
    );
}

async fn once(bench: &Bench, sender: Sender) -> Figures {
    let arguments = &bench.arguments;
    match sender {
        Sender::SmtpSource => Figures {
            rate: reference::smtp_source_once(
                SinkKind::Ours,
                arguments.readers,
                arguments.connections,
                bench.octets,
                arguments.round_trip,
            )
            .await,
            cpu_per_1000: 0.0,
            server_cpu_per_1000: None,
            peak_rss: 0,
        },
        Sender::Daily(engine, dkim) => {
            throughput::once(bench, engine, dkim, SinkKind::Ours).await.expect("an installation")
        }
        Sender::Listmonk => listmonk::once(bench).await,
    }
}

fn name(sender: Sender) -> String {
    match sender {
        Sender::SmtpSource => "smtp-source".to_owned(),
        Sender::Daily(engine, dkim) => format!("daily, {}, DKIM {}", cli_name(engine), cli_name(dkim)),
        Sender::Listmonk => "listmonk".to_owned(),
    }
}
