//! Tries a relay's addresses, each within its part of the time limit.

use std::{collections::VecDeque, io, net::SocketAddr};
use tokio::time::{Instant, timeout};

/// Orders addresses so that IPv6 and IPv4 alternate (RFC 8305 section 4). The resolver's first address stays
/// first.
pub(super) fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().copied() else { return addresses };
    let count = addresses.len();
    let (mut next, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first.is_ipv6());
    let mut ordered = Vec::with_capacity(count);
    while let Some(address) = next.pop_front().or_else(|| other.pop_front()) {
        ordered.push(address);
        std::mem::swap(&mut next, &mut other);
    }
    ordered
}

/// Connects to the first address that answers. Each gets an equal part of the remaining time, so a dead
/// address can't use it all. The error lists the failure of each address.
pub(super) async fn connect_first<S, F>(
    addresses: Vec<SocketAddr>,
    deadline: Instant,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<S, String>
where
    F: Future<Output = io::Result<S>>,
{
    let mut errors = Vec::new();
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let limit = deadline.saturating_duration_since(Instant::now()) / left;
        left -= 1;
        match timeout(limit, connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => errors.push(format!("{address}: {error}")),
            Err(_) => errors.push(format!("{address}: no answer in time")),
        }
    }
    Err(if errors.is_empty() { "the name has no address".into() } else { errors.join("; ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate_and_the_first_stays_first() {
        for (found, ordered) in [
            ("[::1] [::2] [::3] 1.1.1.1 2.2.2.2", "[::1] 1.1.1.1 [::2] 2.2.2.2 [::3]"),
            ("1.1.1.1 [::1] [::2] 2.2.2.2", "1.1.1.1 [::1] 2.2.2.2 [::2]"),
            ("1.1.1.1 2.2.2.2", "1.1.1.1 2.2.2.2"),
            ("", ""),
        ] {
            let [found, ordered] = [found, ordered].map(|hosts| {
                hosts.split_whitespace().map(|host| format!("{host}:25").parse().unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(interleave(found), ordered);
        }
    }

    const LIMIT: Duration = Duration::from_mins(1);

    /// Connects with paused time: each address answers after some seconds, or never.
    async fn connect(answers: &[(&str, Option<u64>)]) -> (Result<SocketAddr, String>, Duration) {
        let begin = Instant::now();
        let texts: Vec<&str> = answers.iter().map(|(text, _)| *text).collect();
        let connected = connect_first(addresses(&texts), begin + LIMIT, async |address| {
            let answer = answers.iter().find(|(text, _)| *text == address.to_string()).unwrap();
            match answer.1 {
                None => Err(io::ErrorKind::ConnectionRefused.into()),
                Some(seconds) => {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                    Ok(address)
                }
            }
        });
        (connected.await, begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn every_address_gets_its_share_of_the_time() {
        let (silent, refuses, slow) = ("[::1]:25", "1.1.1.1:25", "[::2]:25");
        let (connected, took) = connect(&[(silent, Some(600)), (refuses, None), (slow, Some(30))]).await;
        assert_eq!(connected, Ok(slow.parse().unwrap()));
        assert_eq!(took, Duration::from_secs(20 + 30), "what a refusal leaves over goes to the next ones");
        let (connected, took) = connect(&[(silent, Some(600)), (slow, Some(600))]).await;
        assert_eq!(connected, Err(format!("{silent}: no answer in time; {slow}: no answer in time")));
        assert_eq!(took, LIMIT);
        let (connected, _) = connect(&[(refuses, None)]).await;
        assert_eq!(connected, Err(format!("{refuses}: connection refused")));
        assert_eq!(connect(&[]).await.0, Err("the name has no address".into()));
    }
}
