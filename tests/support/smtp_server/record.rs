//! The [`Record`] of everything the server was sent, and the [`Recorder`] that writes it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::lock;

const DEADLINE: Duration = Duration::from_secs(20);

/// A message whose final dot arrived, whether it was accepted or not.
#[derive(Clone, Debug)]
pub struct Message {
    /// The connection it came on: an index into [`Record::connections`].
    pub connection: usize,
    /// The envelope sender.
    pub sender: String,
    /// The parameters of MAIL, such as `BODY=8BITMIME`.
    pub mail_parameters: String,
    /// The accepted recipients.
    pub recipients: Vec<String>,
    /// The message as sent, dot-stuffing undone, with its last CRLF.
    pub data: Arc<[u8]>,
    /// The answer was 2xx. A connection dropped at `Step::EndOfData` leaves this false.
    pub accepted: bool,
}

/// The commands of one connection.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Its command lines in order.
    pub commands: Vec<String>,
    closed: bool,
}

/// Everything the server has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// In the order of connecting.
    pub connections: Vec<Connection>,
    /// In the order of arrival.
    pub messages: Vec<Message>,
    /// Breaches of the protocol: pipelining or 8-bit text that was not advertised, bare CR or LF, lines too long.
    pub violations: Vec<String>,
    /// Connections that are on hold now.
    pub on_hold: usize,
    /// Most connections that were open at once.
    pub most_open: usize,
    accepted_count: usize,
}

impl Record {
    /// The messages answered with 2xx.
    pub fn accepted(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| message.accepted)
    }

    /// Returns how many messages were begun: MAIL commands.
    pub fn begun(&self) -> usize {
        let commands = self.connections.iter().flat_map(|connection| &connection.commands);
        commands.filter(|command| command.starts_with("MAIL")).count()
    }

    /// Returns how many connections are open now.
    pub fn open_connections(&self) -> usize {
        self.connections.iter().filter(|connection| !connection.closed).count()
    }
}

/// Writes the record, with a method for each kind of event.
#[derive(Default)]
pub(super) struct Recorder {
    record: Mutex<Record>,
    changed: Notify,
}

impl Recorder {
    /// A copy of the record as it is now.
    pub(super) fn record(&self) -> Record {
        lock(&self.record).clone()
    }

    /// The new connection's number.
    pub(super) fn connection_opened(&self) -> usize {
        self.note(|record| {
            record.connections.push(Connection::default());
            record.most_open = record.most_open.max(record.open_connections());
            record.connections.len() - 1
        })
    }

    pub(super) fn connection_closed(&self, connection: usize) {
        self.note(|record| record.connections[connection].closed = true);
    }

    pub(super) fn command(&self, connection: usize, line: &str) {
        self.note(|record| record.connections[connection].commands.push(line.to_owned()));
    }

    pub(super) fn violation(&self, what: String) {
        self.note(|record| record.violations.push(what));
    }

    /// The message's number, for [`Self::message_accepted`].
    pub(super) fn message_arrived(&self, message: Message) -> usize {
        self.note(|record| {
            record.messages.push(message);
            record.messages.len() - 1
        })
    }

    pub(super) fn message_accepted(&self, message: usize) {
        self.note(|record| {
            record.messages[message].accepted = true;
            record.accepted_count += 1;
        });
    }

    pub(super) fn hold_begun(&self) {
        self.note(|record| record.on_hold += 1);
    }

    pub(super) fn hold_ended(&self) {
        self.note(|record| record.on_hold -= 1);
    }

    fn note<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let result = change(&mut lock(&self.record));
        self.changed.notify_waiters();
        result
    }

    pub(super) async fn wait_for_accepted(&self, count: usize) -> Record {
        self.wait_until(|record| record.accepted_count >= count).await
    }

    /// Waits until the record fulfils the condition and returns it; panics with it after a deadline.
    pub(super) async fn wait_until(&self, fulfilled: impl Fn(&Record) -> bool) -> Record {
        let waiting = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                {
                    let record = lock(&self.record);
                    if fulfilled(&record) {
                        return record.clone();
                    }
                }
                changed.await;
            }
        };
        timeout(DEADLINE, waiting).await.unwrap_or_else(|_| {
            let record = self.record();
            let messages: Vec<_> = record.messages.iter().map(|m| (&m.recipients, m.accepted)).collect();
            panic!("not within {DEADLINE:?}: got {messages:?} over {:?}", record.connections)
        })
    }
}
