//! Measures what composing and signing costs: a copy of an issue, a single email, and the parts that all copies
//! share. Run `cargo bench --bench composing [-- ROUNDS]`.
//!
//! All kinds take turns in each round, so that a change of the machine's speed affects all of them. The table has
//! the median and the spread of the rounds.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use daily::{
    domain::{delivery::dkim::Algorithm, newsletter::Newsletter, subscriber::email_address::EmailAddress},
    mail::{Content, DkimKey, DkimKeys, MessageTemplate, Recipient, Signers},
    settings::Dkim,
};
use jiff::Timestamp;
use std::{
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

const ROUNDS: usize = 10;
/// Time for one kind in one round.
const TURN: Duration = Duration::from_millis(300);
const DOMAIN: &str = "newsletter.example";
const KEY: &str = "0123456789abcdef0123456789abcdef";
const PLACEHOLDER: &str = "reader-0123456789abcdef0123456789abcdef";
const TOKEN: &str = "AW3Zk0N4c1Qf7mXv2bJ8rT5yHs9LdPgEaUiCoKxMnBw";

/// A kind of work, and the microseconds that it took in each round.
struct Kind<'a> {
    name: &'static str,
    work: Box<dyn FnMut() + 'a>,
    rounds: Vec<f64>,
}

fn main() {
    let rounds = std::env::args().skip(1).find_map(|it| it.parse().ok()).unwrap_or(ROUNDS);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let newsletter = Newsletter {
        title: "The Daily Example".into(),
        sender_name: "The Daily Example".into(),
        sender_address: address(&format!("news@{DOMAIN}")),
        ..Newsletter::default()
    };
    let [none, ed25519, rsa] = [None, Some(Algorithm::Ed25519), Some(Algorithm::Rsa)]
        .map(|algorithm| signers(algorithm, &newsletter, folder.path()));
    let (large, small) = (page(12), page(1));
    let issue = template(&newsletter, &large, Some(PLACEHOLDER));
    let reader = address("reader@d1.example");
    let copy = |signers: &Signers, out: &mut Vec<u8>| write(&issue, &reader, signers, out);
    let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let mut kinds = vec![
        kind("one copy, unsigned", |out| copy(&none, out)),
        kind("one copy, Ed25519", |out| copy(&ed25519, out)),
        kind("one copy, RSA-2048", |out| copy(&rsa, out)),
        kind("an RSA-2048 signature alone", |out| {
            out.resize(key.public_modulus_len(), 0);
            key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &[b'x'; 900], out).expect("a signature");
        }),
        kind("a single email, unsigned", |out| {
            write(&template(&newsletter, &small, None), &reader, &none, out);
        }),
        kind("a single email as large as an issue, unsigned", |out| {
            write(&template(&newsletter, &large, None), &reader, &none, out);
        }),
        kind("the shared parts of an issue", |_| {
            black_box(template(&newsletter, &large, Some(PLACEHOLDER)));
        }),
    ];
    for _ in 0..rounds {
        for kind in &mut kinds {
            kind.rounds.push(microseconds(&mut kind.work));
        }
    }
    println!("{rounds} rounds, an issue of {} bytes of HTML and text\n", large.len() * 2);
    println!("| | µs, median | fastest to slowest round |");
    println!("|---|---|---|");
    for kind in &mut kinds {
        kind.rounds.sort_by(f64::total_cmp);
        let at = |index: usize| kind.rounds[index];
        println!("| {} | {:.2} | {:.2} to {:.2} |", kind.name, at(rounds / 2), at(0), at(rounds - 1));
    }
}

fn kind<'a>(name: &'static str, mut work: impl FnMut(&mut Vec<u8>) + 'a) -> Kind<'a> {
    let mut out = Vec::with_capacity(256 * 1024);
    let work = move || {
        work(&mut out);
        black_box(&out);
    };
    Kind { name, work: Box::new(work), rounds: Vec::new() }
}

/// Returns the microseconds that the work takes on average.
fn microseconds(work: &mut dyn FnMut()) -> f64 {
    let (begun, mut times) = (Instant::now(), 0_u32);
    while begun.elapsed() < TURN {
        for _ in 0..50 {
            work();
        }
        times += 50;
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

fn signers(algorithm: Option<Algorithm>, newsletter: &Newsletter, folder: &Path) -> Signers {
    let Some(algorithm) = algorithm else { return Signers::default() };
    let key_file = folder.join(algorithm.key_tag());
    DkimKey::make(DOMAIN, "bench", algorithm, &key_file).expect("a key");
    let configured = Dkim { domain: DOMAIN.into(), selector: "bench".into(), key_file };
    DkimKeys::load(&[configured]).expect("the key is readable").for_sender(&newsletter.sender_address)
}

/// Returns HTML with so many stories and the placeholder in four links.
fn page(stories: usize) -> String {
    let story = "<table role=\"presentation\" width=\"100%\"><tr><td style=\"padding:0 0 24px;font-family:Georgia,serif\">\
        <a href=\"https://www.newsletter.example/2026/11/the-story-of-the-day-in-full-length\" style=\"color:#1a1a1a\">\
        The old lighthouse on the northern pier is to shine again</a><p style=\"margin:8px 0;line-height:24px\">\
        For years nobody would pay for it – now a handful of neighbours have found the money, the parts and a keeper.\
        </p></td></tr></table>\n"
        .repeat(3);
    let link =
        format!("<a href=\"https://news.{DOMAIN}/preferences/{PLACEHOLDER}\">preferences</a>\n").repeat(2);
    format!("<!doctype html><html lang=\"en\"><body>\n{link}{}{link}</body></html>\n", story.repeat(stories))
}

fn template(newsletter: &Newsletter, page: &str, placeholder: Option<&str>) -> MessageTemplate {
    MessageTemplate::new(&Content {
        newsletter,
        subject: "The old lighthouse on the northern pier is to shine again",
        language: "en",
        text: page,
        html: page,
        placeholder,
        message_key: KEY,
        date: Timestamp::UNIX_EPOCH,
        one_click: true,
        feedback_id: "7:daily:issue:newsletterexample",
        auto_submitted: None,
        revision: None,
    })
    .expect("a template")
}

fn write(template: &MessageTemplate, address: &EmailAddress, signers: &Signers, out: &mut Vec<u8>) {
    let recipient = Recipient {
        address,
        message_id: &format!("{KEY}.7@{DOMAIN}"),
        unsubscribe_url: Some(&format!("https://news.{DOMAIN}/unsubscribe/{TOKEN}")),
        unsubscribe_mailto: None,
        token: TOKEN,
    };
    template.write(&recipient, signers, Timestamp::UNIX_EPOCH, out).expect("a copy");
}
