//! The time from an accepted signup to its confirmation's arrival at the relay, at a steady pace.

use crate::{
    Bench,
    clients::{Load, percentile},
    milliseconds,
    requests::{Body, signups},
    support::{
        installation::Dkim,
        sinks::{ANNOUNCED, OurSink, SinkArguments},
    },
};
use std::time::Duration;
use tokio::time::timeout;

/// A confirmation that hasn't arrived after this time counts as lost.
const LOST_AFTER: Duration = Duration::from_mins(2);

/// Measures it alone, and while an issue goes out.
pub async fn run(bench: &Bench) {
    let (pace, wanted) = (bench.arguments.pace, bench.arguments.requests);
    println!("{wanted} signups at {pace}/s: from accepted to handed over");
    println!("| meanwhile | p50 | p99 | longest | accepted in, p99 | after the issue's end |");
    println!("|---|---|---|---|---|---|");
    for readers in [0, bench.arguments.readers] {
        let mut sink = OurSink::start(&SinkArguments::default()).await;
        let one = bench.installation(sink.port(), Dkim::None, readers).await;
        let service = one.serve().await;
        let (requests, addresses) = signups(&one, Body::Json, ANNOUNCED, wanted);
        if readers > 0 {
            let watching = one.environment.start(&["issue", "send", "--yes"]);
            sink.first_mail_from().await;
            drop(watching);
        }
        let load =
            Load { address: one.address(), connections: bench.arguments.connections, pace: Some(pace) };
        let accepted = load.run(requests).await;
        assert_eq!(accepted.others, 0, "every signup is accepted");
        let sent = one.store.micros("max(finished_at)");
        let mut waits = Vec::with_capacity(wanted);
        for (address, at) in addresses.iter().zip(&accepted.answered) {
            let arrived = timeout(LOST_AFTER, sink.arrived(address)).await.expect("a confirmation arrives");
            // Sometimes the relay has it before the client reads the answer.
            waits.push(Duration::from_micros(u64::try_from(arrived - at).unwrap_or_default()));
        }
        waits.sort_unstable();
        let meanwhile =
            if readers > 0 { format!("an issue to {readers}") } else { "nothing else".to_owned() };
        let late = if readers > 0 {
            one.sent(600).await;
            let end = one.store.number(&format!("SELECT {sent} FROM deliveries")).await;
            accepted.answered.iter().filter(|it| **it > end).count().to_string()
        } else {
            String::new()
        };
        println!(
            "| {meanwhile} | {} | {} | {} | {} | {late} |",
            milliseconds(percentile(&waits, 50)),
            milliseconds(percentile(&waits, 99)),
            milliseconds(percentile(&waits, 100)),
            milliseconds(accepted.percentile(99)),
        );
        drop(service);
        one.close().await;
    }
}
