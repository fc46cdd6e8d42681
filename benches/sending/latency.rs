//! Latency: of a due issue on an idle service, and of confirmations while an issue is being sent.

use crate::{
    Bench, median,
    support::{
        installation::{Dkim, Engine, Installation, Plan, client},
        sinks::{ANNOUNCED, OurSink, SinkArguments},
        table::{Table, cli_name, milliseconds},
    },
    throughput::time_limit,
};
use daily::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Readers of the issue that becomes due.
const PICKUP_READERS: u64 = 1000;
/// Shortest idle time before an issue is due.
const IDLE: SignedDuration = SignedDuration::from_secs(10);
/// A signup without an email after this time counts as lost.
const LOST_AFTER: Duration = Duration::from_mins(2);

/// Measures the milliseconds from an issue's due time to the first `MAIL FROM`.
pub async fn pickup(bench: &Bench) {
    let mut table = Table::new(&["engine", "due to first MAIL FROM, median", "each"]);
    for engine in &bench.arguments.engine {
        let mut all = Vec::new();
        for _ in 0..bench.arguments.pickups {
            all.push(pick_up_once(bench, *engine).await);
        }
        let each: Vec<String> = all.iter().map(|it| milliseconds(*it)).collect();
        table.row(&[&cli_name(*engine), &milliseconds(median(all)), &each.join(", ")]);
        println!("{}", table.last());
    }
    println!(
        "\nIdle pick-up of a due issue to {PICKUP_READERS} readers (freeze and fan-out included)\n{table}"
    );
}

async fn pick_up_once(bench: &Bench, engine: Engine) -> f64 {
    let mut sink = OurSink::start(&SinkArguments::default()).await;
    let installation = Installation::create(&Plan {
        engine,
        dkim: Dkim::None,
        readers: PICKUP_READERS,
        stories: bench.arguments.stories,
        connections: bench.arguments.connections,
        relay: sink.port(),
        cluster: bench.cluster.as_ref(),
    })
    .await
    .expect("an installation");
    let service = installation.serve().await;
    let soonest = Clock::system().now() + IDLE;
    let due = Timestamp::from_second((soonest.as_second() / 60 + 1) * 60).expect("a minute of these days");
    let time = due.strftime("%H:%M").to_string();
    let set = installation.environment.run(&["newsletter", "set", "daily", "--send-time", &time]).await;
    assert_eq!(set.code, 0, "{set:?}");
    let first = timeout(Duration::from_mins(3), sink.first_mail_from()).await.expect("the issue goes out");
    installation.sent(time_limit(PICKUP_READERS)).await;
    drop(service);
    installation.close().await;
    in_milliseconds(first - due.as_microsecond())
}

/// Measures the milliseconds from `POST /subscribe` to the arrival of the confirmation, while an issue is
/// being sent.
pub async fn single(bench: &Bench) {
    let arguments = &bench.arguments;
    let mut table = Table::new(&["engine", "signups", "median", "slowest"]);
    for engine in &arguments.engine {
        let mut sink = OurSink::start(&SinkArguments::default()).await;
        let installation = Installation::create(&Plan {
            engine: *engine,
            dkim: Dkim::None,
            readers: arguments.readers,
            stories: arguments.stories,
            connections: arguments.connections,
            relay: sink.port(),
            cluster: bench.cluster.as_ref(),
        })
        .await
        .expect("an installation");
        let service = installation.serve().await;
        let watching = installation.environment.start(&["issue", "send", "--yes"]);
        sink.first_mail_from().await;
        drop(watching);
        let all = during(&installation, &mut sink, Duration::from_millis(50), async || {}).await;
        installation.sent(time_limit(arguments.readers)).await;
        drop(service);
        installation.close().await;
        table.row(&row(&cli_name(*engine), &all).iter().map(String::as_str).collect::<Vec<_>>());
        println!("{}", table.last());
    }
    println!(
        "\nPOST /subscribe to the confirmation's arrival while an issue to {} readers goes out (at least 10 wanted)\n{table}",
        arguments.readers
    );
}

/// Returns the name, the number of values, their median and their maximum.
pub fn row(name: &str, all: &[f64]) -> [String; 4] {
    let slowest = all.iter().copied().fold(0.0, f64::max);
    [name.to_owned(), all.len().to_string(), milliseconds(median(all.to_vec())), milliseconds(slowest)]
}

/// Signs up readers one after another, at most one per `every`, until the issue is sent. Returns the
/// milliseconds of each signup that finished while the issue was being sent.
pub async fn during(
    installation: &Installation,
    sink: &mut OurSink,
    every: Duration,
    mut between: impl AsyncFnMut(),
) -> Vec<f64> {
    let client = client();
    let mut again = interval(every);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut all = Vec::new();
    for number in 0.. {
        again.tick().await;
        between().await;
        let recipient = format!("single{number}@{ANNOUNCED}");
        let begun = Clock::system().now().as_microsecond();
        let post = client
            .post(format!("{}/subscribe", installation.url))
            .header("content-type", "application/json")
            .body(format!("{{\"email\":\"{recipient}\"}}"));
        let answer = post.send().await.expect("an answer");
        assert_eq!(answer.status(), 202);
        let arrived = timeout(LOST_AFTER, sink.arrived(&recipient)).await.expect("the confirmation arrives");
        if installation.store.issue_status().await != "sending" {
            break;
        }
        all.push(in_milliseconds(arrived - begun));
    }
    all
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub fn in_milliseconds(micros: i64) -> f64 {
    micros as f64 / 1000.0
}
