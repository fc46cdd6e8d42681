//! A scripted name server on this machine (RFC 1035).

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::{net::UdpSocket, task::JoinHandle};

const A: u16 = 1;
const MX: u16 = 15;
const HEADER: usize = 12;

/// The answer about a name. Other names don't exist.
#[derive(Debug, Clone, Copy)]
pub enum Zone {
    /// One mail server and no address. The empty name is the root.
    MailServer(&'static str),
    /// An address and no mail server.
    Address,
    /// Neither an address nor a mail server.
    Bare,
    /// Answers with SERVFAIL.
    Trouble,
    /// Does not answer.
    Silence,
}

/// A name server that ends with the test.
pub struct NameServer {
    pub address: SocketAddr,
    asked: Arc<AtomicUsize>,
    is_silent: Arc<AtomicBool>,
    serving: JoinHandle<()>,
}

impl NameServer {
    pub async fn start(zones: &[(&'static str, Zone)]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("its address");
        let zones: HashMap<&str, Zone> = zones.iter().copied().collect();
        let (asked, is_silent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, silent) = (asked.clone(), is_silent.clone());
        let serving = tokio::spawn(async move {
            let mut packet = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut packet).await {
                counted.fetch_add(1, Ordering::Relaxed);
                if silent.load(Ordering::Relaxed) {
                    continue;
                }
                if let Some(answer) = answer(&packet[..length], &zones) {
                    let _gone = socket.send_to(&answer, client).await;
                }
            }
        });
        Self { address, asked, is_silent, serving }
    }

    pub fn fall_silent(&self) {
        self.is_silent.store(true, Ordering::Relaxed);
    }

    /// Returns the number of queries.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn answer(packet: &[u8], zones: &HashMap<&str, Zone>) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    while packet[at] > 0 {
        let end = at + 1 + usize::from(packet[at]);
        labels.push(String::from_utf8_lossy(&packet[at + 1..end]).to_ascii_lowercase());
        at = end;
    }
    let question = &packet[HEADER..at + 5];
    let kind = u16::from_be_bytes([packet[at + 1], packet[at + 2]]);
    let zone = zones.get(labels.join(".").as_str());
    let code = match zone {
        Some(Zone::Silence) => return None,
        Some(Zone::Trouble) => 2,
        Some(_) => 0,
        None => 3,
    };
    let data = match (zone, kind) {
        (Some(Zone::MailServer(name)), MX) => Some([&[0, 10], encoded(name).as_slice()].concat()),
        (Some(Zone::Address), A) => Some(vec![192, 0, 2, 1]),
        _ => None,
    };
    let mut answer = packet[..2].to_vec();
    // Flags of a recursive server; one question, at most one answer.
    answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    answer.extend(question);
    if let Some(data) = data {
        // A pointer to the question's name, class IN, TTL one minute.
        answer.extend([0xc0, 0x0c]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend(u16::try_from(data.len()).expect("a short record").to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}

fn encoded(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels
        .flat_map(|label| [&[u8::try_from(label.len()).expect("a short label")], label.as_bytes()].concat())
        .collect();
    bytes.push(0);
    bytes
}
