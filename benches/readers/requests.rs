//! The requests of readers, as a proxy passes them on.

use crate::{SECRET, support::installation::Installation};
use daily::domain::token::{KeyRing, Purpose};

#[derive(Debug, Clone, Copy)]
pub enum Body {
    Form,
    Json,
}

/// Returns signups of readers with different addresses, and those addresses.
pub fn signups(one: &Installation, body: Body, domain: &str, count: usize) -> (Vec<Vec<u8>>, Vec<String>) {
    let name = daily::random::hex::<3>();
    (0..count)
        .map(|n| {
            let address = match domain {
                // So many signups count as an attack, during which each domain has a limit.
                "" => format!("{name}{n}@d{}.example", n % 1000),
                domain => format!("{name}{n}@{domain}"),
            };
            let (kind, text) = match body {
                Body::Form => (
                    "application/x-www-form-urlencoded",
                    format!(
                        "email={address}&newsletter=daily&source=https%3A%2F%2Fnews.example%2Fstory&time_zone=Europe%2FBerlin"
                    ),
                ),
                Body::Json => (
                    "application/json",
                    format!(
                        "{{\"email\":\"{address}\",\"newsletter\":\"daily\",\"source\":\"https://news.example/story\",\"time_zone\":\"Europe/Berlin\"}}"
                    ),
                ),
            };
            (request(one, "/subscribe", kind, n, &text), address)
        })
        .unzip()
}

/// Returns a one-click unsubscribe request for each of the first `count` readers.
pub async fn unsubscriptions(one: &Installation, count: usize) -> Vec<Vec<u8>> {
    let secret: Vec<u8> =
        (0..SECRET.len()).step_by(2).map(|at| u8::from_str_radix(&SECRET[at..at + 2], 16).unwrap()).collect();
    let keys = KeyRing::new(&[secret]).unwrap();
    let first = one.store.number("SELECT min(id) FROM subscriptions").await;
    (0..count)
        .map(|n| {
            let token = keys.sign(Purpose::Unsubscribe, first + i64::try_from(n).unwrap());
            let kind = "application/x-www-form-urlencoded";
            request(one, &format!("/unsubscribe/{token}"), kind, n, "List-Unsubscribe=One-Click")
        })
        .collect()
}

/// Returns a request of the client with this number. No two have the same address.
fn request(one: &Installation, path: &str, kind: &str, client: usize, body: &str) -> Vec<u8> {
    let (host, length) = (one.address(), body.len());
    let client = format!("10.{}.{}.{}", client >> 16 & 255, client >> 8 & 255, client & 255);
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
         Accept: text/html,application/json\r\nX-Forwarded-For: {client}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
