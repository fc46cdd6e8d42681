//! The machine's own limits, without Daily: Postfix's smtp-source against the same sinks, and signatures per
//! second.

use crate::{
    arguments::SinkKind,
    median,
    support::{
        sinks::{OurSink, PostfixSink, SinkArguments},
        supervisor::{assert_installed, program_path},
    },
};
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use std::{
    process::Command,
    time::{Duration, Instant},
};

/// Runs of smtp-source, of which the median counts.
const RUNS: u32 = 3;
const SIGNING_FOR: Duration = Duration::from_secs(2);
/// Approximate size of the headers that DKIM signs.
const SIGNED_OCTETS: usize = 900;

/// Returns the messages per second of smtp-source, with persistent connections and messages of `octets`.
pub async fn smtp_source(
    sink: SinkKind,
    messages: u64,
    connections: u64,
    octets: u64,
    round_trip: u64,
) -> f64 {
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        rates.push(smtp_source_once(sink, messages, connections, octets, round_trip).await);
    }
    median(rates)
}

/// Returns the messages per second of one run of smtp-source.
pub async fn smtp_source_once(
    sink: SinkKind,
    messages: u64,
    connections: u64,
    octets: u64,
    round_trip: u64,
) -> f64 {
    match sink {
        SinkKind::Ours => {
            let mut sink = OurSink::start(&SinkArguments { round_trip, ..SinkArguments::default() }).await;
            run(sink.port(), messages, connections, octets).await;
            sink.report().await.rate()
        }
        SinkKind::Postfix => {
            let sink = PostfixSink::start().await;
            let took = run(sink.port(), messages, connections, octets).await;
            per_second(messages, took)
        }
    }
}

async fn run(port: u16, messages: u64, connections: u64, octets: u64) -> Duration {
    assert_installed(&["smtp-source"]);
    let mut command = Command::new("smtp-source");
    command
        .args(["-d", "-s", &connections.to_string(), "-m", &messages.to_string(), "-l", &octets.to_string()])
        .args(["-f", "news@newsletter.example", "-t", "reader@d1.example", &format!("127.0.0.1:{port}")])
        .env("PATH", program_path());
    tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        assert!(command.status().expect("smtp-source runs").success(), "smtp-source failed");
        begun.elapsed()
    })
    .await
    .expect("a thread")
}

/// Returns how many RSA-2048 signatures (rsa-sha256) one core makes per second.
pub fn rsa_limit() -> f64 {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let random = SystemRandom::new();
    let mut signature = vec![0; key.public_modulus_len()];
    count(|headers| key.sign(&RSA_PKCS1_SHA256, &random, headers, &mut signature).expect("a signature"))
}

/// Returns how many Ed25519 signatures (ed25519-sha256, over a hash) one core makes per second.
pub fn ed25519_limit() -> f64 {
    let key = Ed25519KeyPair::generate().expect("a key");
    count(|headers| {
        std::hint::black_box(key.sign(digest(&SHA256, headers).as_ref()));
    })
}

fn count(mut sign: impl FnMut(&[u8])) -> f64 {
    let headers = [b'x'; SIGNED_OCTETS];
    let (begun, mut signed) = (Instant::now(), 0);
    while begun.elapsed() < SIGNING_FOR {
        for _ in 0..100 {
            sign(&headers);
        }
        signed += 100;
    }
    per_second(signed, begun.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
