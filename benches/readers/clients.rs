//! HTTP clients with one connection each. They send the next request as soon as they get an answer, or at its
//! time if there is a pace.

use daily::clock::Clock;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub struct Load<'a> {
    pub address: &'a str,
    pub connections: usize,
    /// Requests per second; `None`: as many as are answered.
    pub pace: Option<usize>,
}

pub struct Outcome {
    pub took: Duration,
    /// In ascending order.
    waits: Vec<Duration>,
    /// The times of the answers in microseconds since 1970, in the order of the requests.
    pub answered: Vec<i64>,
    /// Answers other than 2xx.
    pub others: usize,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        f64::from(u32::try_from(self.waits.len()).unwrap()) / self.took.as_secs_f64()
    }

    /// Returns a percentile of the waits.
    pub fn percentile(&self, percent: usize) -> Duration {
        percentile(&self.waits, percent)
    }
}

/// Returns a percentile of durations in ascending order.
pub fn percentile(ascending: &[Duration], percent: usize) -> Duration {
    let at = (ascending.len() * percent).div_ceil(100).max(1) - 1;
    ascending.get(at).copied().unwrap_or_default()
}

struct Answer {
    request: usize,
    wait: Duration,
    at: i64,
    status: u16,
}

impl Load<'_> {
    /// Sends each request once, in order.
    pub async fn run(&self, requests: Vec<Vec<u8>>) -> Outcome {
        let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
        let begun = Instant::now();
        let pause = self.pace.map(|it| Duration::from_secs(1) / u32::try_from(it).unwrap());
        let clients: Vec<_> = (0..self.connections)
            .map(|_| {
                let (requests, next, address) = (requests.clone(), next.clone(), self.address.to_owned());
                tokio::spawn(async move { client(&address, &requests, &next, begun, pause).await })
            })
            .collect();
        let mut answers = Vec::with_capacity(requests.len());
        for client in clients {
            answers.extend(client.await.unwrap());
        }
        let took = begun.elapsed();
        answers.sort_unstable_by_key(|it| it.request);
        let mut waits: Vec<Duration> = answers.iter().map(|it| it.wait).collect();
        waits.sort_unstable();
        Outcome {
            took,
            waits,
            others: answers.iter().filter(|it| !(200..300).contains(&it.status)).count(),
            answered: answers.iter().map(|it| it.at).collect(),
        }
    }
}

async fn client(
    address: &str,
    requests: &[Vec<u8>],
    next: &AtomicUsize,
    start: Instant,
    pause: Option<Duration>,
) -> Vec<Answer> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut answers, mut buffer) = (Vec::new(), Vec::with_capacity(16 * 1024));
    loop {
        let request = next.fetch_add(1, Ordering::Relaxed);
        let Some(bytes) = requests.get(request) else { return answers };
        if let Some(pause) = pause {
            let due = start + pause * u32::try_from(request).unwrap();
            tokio::time::sleep_until(due.into()).await;
        }
        let begun = Instant::now();
        stream.write_all(bytes).await.unwrap();
        let status = answer(&mut stream, &mut buffer).await;
        let at = Clock::system().now().as_microsecond();
        answers.push(Answer { request, wait: begun.elapsed(), at, status });
    }
}

/// Reads a complete answer and returns its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.unwrap();
        assert!(read > 0, "the service closed the connection: {}", String::from_utf8_lossy(buffer));
        let Some(head) = buffer.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).unwrap().to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap_or("0");
        if buffer.len() >= head + 4 + length.trim().parse::<usize>().unwrap() {
            return text.split(' ').nth(1).unwrap().parse().unwrap();
        }
    }
}
