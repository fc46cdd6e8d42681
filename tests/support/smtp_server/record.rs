//! The [`Record`] of everything the server received, and the [`Recorder`] that writes it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::lock;

const DEADLINE: Duration = Duration::from_secs(20);

/// A complete message, accepted or not.
#[derive(Clone, Debug)]
pub struct Message {
    /// Index of its connection in [`Record::connections`].
    pub connection: usize,
    pub sender: String,
    /// Parameters of MAIL, such as `BODY=8BITMIME`.
    pub mail_parameters: String,
    pub recipients: Vec<String>,
    /// The message as sent, without dot-stuffing, with its last CRLF.
    pub data: Arc<[u8]>,
    /// Whether the answer was 2xx. `false` for a connection dropped at `Step::EndOfData`.
    pub accepted: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Command lines in order.
    pub commands: Vec<String>,
    closed: bool,
}

/// Everything that the server has received.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// In order of opening.
    pub connections: Vec<Connection>,
    /// In order of arrival.
    pub messages: Vec<Message>,
    /// Protocol violations: pipelining or 8-bit text that was not advertised, bare CR or LF, long lines.
    pub violations: Vec<String>,
    /// Connections that are on hold.
    pub on_hold: usize,
    /// Most connections that were open at the same time.
    pub most_open: usize,
    accepted_count: usize,
}

impl Record {
    /// Returns the messages answered with 2xx.
    pub fn accepted(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| message.accepted)
    }

    /// Returns the number of MAIL commands.
    pub fn begun(&self) -> usize {
        let commands = self.connections.iter().flat_map(|connection| &connection.commands);
        commands.filter(|command| command.starts_with("MAIL")).count()
    }

    /// Returns the number of open connections.
    pub fn open_connections(&self) -> usize {
        self.connections.iter().filter(|connection| !connection.closed).count()
    }
}

/// Writes the record, with one method per kind of event.
#[derive(Default)]
pub(super) struct Recorder {
    record: Mutex<Record>,
    changed: Notify,
}

impl Recorder {
    /// Returns a copy of the record.
    pub(super) fn record(&self) -> Record {
        lock(&self.record).clone()
    }

    /// Returns the index of the new connection.
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

    /// Returns the index of the message, for [`Self::message_accepted`].
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

    /// Waits until the record fulfils the condition, and returns it. Panics with the record after a time
    /// limit.
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
