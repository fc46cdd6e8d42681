//! What this machine can do without Daily: Postfix's smtp-source against the same sinks, and signatures a second.

use crate::{
    arguments::{SinkArguments, SinkKind},
    median,
    sinks::{OurSink, PostfixSink},
    support::supervisor::{assert_installed, program_path},
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

/// How often smtp-source runs; the median counts.
const RUNS: u32 = 3;
const SIGNING_FOR: Duration = Duration::from_secs(2);
/// About what DKIM signs: the canonical headers of a message.
const SIGNED_OCTETS: usize = 900;

/// Messages a second of smtp-source, connections kept open, messages of this many octets.
pub async fn smtp_source(
    sink: SinkKind,
    messages: u64,
    connections: u64,
    octets: u64,
    round_trip: u64,
) -> f64 {
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        rates.push(match sink {
            SinkKind::Ours => {
                let mut sink =
                    OurSink::start(&SinkArguments { round_trip, ..SinkArguments::default() }).await;
                run(sink.port(), messages, connections, octets).await;
                sink.report().await.rate()
            }
            SinkKind::Postfix => {
                let sink = PostfixSink::start().await;
                let took = run(sink.port(), messages, connections, octets).await;
                per_second(messages, took)
            }
        });
    }
    median(rates)
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

/// Signatures a second that one core makes with RSA-2048, as DKIM's rsa-sha256.
pub fn rsa_limit() -> f64 {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let random = SystemRandom::new();
    let mut signature = vec![0; key.public_modulus_len()];
    count(|headers| key.sign(&RSA_PKCS1_SHA256, &random, headers, &mut signature).expect("a signature"))
}

/// The same with Ed25519, as DKIM's ed25519-sha256: over a hash.
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
