//! HTTP clients with one connection each. They send the next request as soon as they get an answer.

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
}

pub struct Outcome {
    took: Duration,
    /// In ascending order.
    waits: Vec<Duration>,
    /// Answers other than 2xx.
    pub others: usize,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        f64::from(u32::try_from(self.waits.len()).unwrap()) / self.took.as_secs_f64()
    }

    /// Returns a percentile of the waits.
    pub fn percentile(&self, percent: usize) -> Duration {
        let at = (self.waits.len() * percent).div_ceil(100).max(1) - 1;
        self.waits.get(at).copied().unwrap_or_default()
    }
}

impl Load<'_> {
    /// Sends each request once, in order.
    pub async fn run(&self, requests: Vec<Vec<u8>>) -> Outcome {
        let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
        let begun = Instant::now();
        let clients: Vec<_> = (0..self.connections)
            .map(|_| {
                let (requests, next, address) = (requests.clone(), next.clone(), self.address.to_owned());
                tokio::spawn(async move { client(&address, &requests, &next).await })
            })
            .collect();
        let (mut waits, mut others) = (Vec::with_capacity(requests.len()), 0);
        for client in clients {
            let (its_waits, its_others) = client.await.unwrap();
            waits.extend(its_waits);
            others += its_others;
        }
        let took = begun.elapsed();
        waits.sort_unstable();
        Outcome { took, waits, others }
    }
}

async fn client(address: &str, requests: &[Vec<u8>], next: &AtomicUsize) -> (Vec<Duration>, usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut waits, mut others, mut buffer) = (Vec::new(), 0, Vec::with_capacity(16 * 1024));
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let begun = Instant::now();
        stream.write_all(request).await.unwrap();
        let status = answer(&mut stream, &mut buffer).await;
        waits.push(begun.elapsed());
        others += usize::from(!(200..300).contains(&status));
    }
    (waits, others)
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
