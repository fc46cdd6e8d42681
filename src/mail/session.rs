//! The mailer: relays in order of preference, and sessions that keep a connection for many mails.

use super::{
    mailbox,
    smtp::{Conversation, Handed},
    tls::Tls,
};
use crate::{
    clock::Clock,
    domain::{
        delivery::Answer,
        email_address::EmailAddress,
        relay::{RelayUrl, Security},
        retry::relay_pause,
    },
    settings::{Relay, Sending},
};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A message ready to go.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// The envelope's sender: where bounces go.
    pub sender: &'a EmailAddress,
    /// The envelope's recipient.
    pub recipient: &'a EmailAddress,
    /// The message, lines ended by CRLF.
    pub message: &'a [u8],
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx: the relay took it.
    Sent(Answer),
    /// 4xx: come back later.
    Deferred(Answer),
    /// 5xx: refused for good.
    Failed(Answer),
    /// No relay could be reached, or it broke off before it was given the message: nothing is known about the recipient.
    RelayTrouble(Answer),
    /// The connection broke after the message and before the reply: it may have been taken.
    InDoubt(Answer),
}

impl Outcome {
    /// What was said.
    pub const fn answer(&self) -> &Answer {
        match self {
            Self::Sent(answer)
            | Self::Deferred(answer)
            | Self::Failed(answer)
            | Self::RelayTrouble(answer)
            | Self::InDoubt(answer) => answer,
        }
    }
}

/// Why the mailer can't work with a relay as configured.
#[derive(Debug, thiserror::Error)]
#[error("relays.{index}: {problem}")]
pub struct MailerError {
    index: usize,
    problem: String,
}

/// Hands messages to relays. Cheap to clone.
#[derive(Clone)]
pub struct Mailer(Arc<Shared>);

struct Shared {
    relays: Vec<RelayState>,
    hello_name: String,
    timeout: Duration,
    clock: Clock,
    /// A session that single mails take turns with.
    idle: Mutex<Option<(Session, Instant)>>,
}

struct RelayState {
    name: String,
    way: Way,
    health: Mutex<Health>,
}

enum Way {
    Mailbox(PathBuf),
    Smtp(crate::domain::relay::SmtpRelay, Option<Tls>),
}

#[derive(Default)]
struct Health {
    failures: i64,
    rests_until: Option<Instant>,
    /// What it said, or what went wrong, last.
    trouble: Option<Answer>,
}

/// Messages per connection: relays close longer ones at a moment of their choosing.
const MESSAGES_PER_CONNECTION: u32 = 500;
/// A connection unused for longer is not trusted to be alive.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

impl Mailer {
    /// Checks the relays' names and certificates; connects to none yet.
    pub fn new(relays: &[Relay], sending: &Sending, clock: Clock) -> Result<Self, MailerError> {
        let relays = relays.iter().enumerate().map(|(index, relay)| {
            let way = match &relay.url {
                RelayUrl::Mailbox(folder) => Way::Mailbox(folder.clone()),
                RelayUrl::Smtp(smtp) if smtp.security == Security::None => Way::Smtp(smtp.clone(), None),
                RelayUrl::Smtp(smtp) => {
                    let tls = Tls::new(&smtp.host, relay.ca_file.as_deref())
                        .map_err(|problem| MailerError { index, problem })?;
                    Way::Smtp(smtp.clone(), Some(tls))
                }
            };
            Ok(RelayState { name: relay.url.to_string(), way, health: Mutex::default() })
        });
        Ok(Self(Arc::new(Shared {
            relays: relays.collect::<Result<_, _>>()?,
            hello_name: sending.hello_name.clone(),
            timeout: sending.timeout,
            clock,
            idle: Mutex::default(),
        })))
    }

    /// A session of one's own, which keeps its connection until it is closed.
    pub fn session(&self) -> Session {
        Session { mailer: self.clone(), open: None }
    }

    /// Sends a single mail over a connection shared with those before it.
    pub async fn send(&self, mail: &Outgoing<'_>) -> Outcome {
        let idle = lock(&self.0.idle).take().filter(|(_, since)| since.elapsed() < IDLE_LIMIT);
        let mut session = idle.map_or_else(|| self.session(), |(session, _)| session);
        let outcome = session.send(mail).await;
        let spare = lock(&self.0.idle).replace((session, Instant::now()));
        if let Some((session, _)) = spare {
            session.close().await;
        }
        outcome
    }

    /// Tries each relay: connect, greet, protect, authenticate. What each says, in order.
    pub async fn check(&self) -> Vec<(String, Result<(), String>)> {
        let mut results = Vec::new();
        for (index, relay) in self.0.relays.iter().enumerate() {
            let result = match &relay.way {
                Way::Mailbox(folder) => mailbox::make_folder(folder).await.map_err(|error| error.to_string()),
                Way::Smtp(..) => match self.open(index).await {
                    Ok(conversation) => {
                        conversation.close().await;
                        Ok(())
                    }
                    Err(answer) => Err(answer.line()),
                },
            };
            results.push((relay.name.clone(), result));
        }
        results
    }

    async fn open(&self, index: usize) -> Result<Conversation, Answer> {
        let relay = &self.0.relays[index];
        let Way::Smtp(smtp, tls) = &relay.way else {
            return Err(Answer::new(&relay.name, None, "a mailbox has no connection"));
        };
        let opening = Conversation::open(smtp, tls.as_ref(), &self.0.hello_name);
        tokio::time::timeout(self.0.timeout, opening)
            .await
            .unwrap_or_else(|_| Err(Answer::new(&relay.name, None, "no answer in time while connecting")))
    }
}

impl RelayState {
    fn rests(&self) -> bool {
        lock(&self.health).rests_until.is_some_and(|until| until > Instant::now())
    }

    fn well(&self) {
        *lock(&self.health) = Health::default();
    }

    fn trouble(&self, answer: &Answer) {
        let mut health = lock(&self.health);
        health.failures += 1;
        let pause = relay_pause(health.failures);
        health.rests_until = Some(Instant::now() + pause.unsigned_abs());
        health.trouble = Some(answer.clone());
        tracing::warn!(relay = self.name, said = answer.line(), pause = ?pause, "a relay is in trouble");
    }
}

/// One connection's worth of sending.
pub struct Session {
    mailer: Mailer,
    /// The relay's number, and the connection to it.
    open: Option<(usize, Conversation)>,
}

impl Session {
    /// Hands a message to the first relay that can be reached.
    pub async fn send(&mut self, mail: &Outgoing<'_>) -> Outcome {
        let shared = self.mailer.0.clone();
        let mut last = None;
        // A connection kept from before may have died of old age: that is no trouble of the relay's.
        if let Some((index, conversation)) = self.open.take() {
            match self.hand_over(index, conversation, mail).await {
                Outcome::RelayTrouble(answer) => last = Some(answer),
                outcome => return outcome,
            }
        }
        for (index, relay) in shared.relays.iter().enumerate() {
            if relay.rests() {
                last = last.or_else(|| lock(&relay.health).trouble.clone());
                continue;
            }
            let outcome = match &relay.way {
                Way::Mailbox(folder) => into_mailbox(relay, folder, mail, &shared.clock).await,
                Way::Smtp(..) => match self.mailer.open(index).await {
                    Ok(conversation) => self.hand_over(index, conversation, mail).await,
                    Err(answer) => Outcome::RelayTrouble(answer),
                },
            };
            match outcome {
                Outcome::RelayTrouble(answer) => {
                    relay.trouble(&answer);
                    last = Some(answer);
                }
                Outcome::InDoubt(answer) => {
                    relay.trouble(&answer);
                    return Outcome::InDoubt(answer);
                }
                decided => {
                    relay.well();
                    return decided;
                }
            }
        }
        let name = shared.relays.first().map_or("", |relay| relay.name.as_str());
        Outcome::RelayTrouble(last.unwrap_or_else(|| Answer::new(name, None, "no relay could be tried")))
    }

    async fn hand_over(
        &mut self,
        index: usize,
        mut conversation: Conversation,
        mail: &Outgoing<'_>,
    ) -> Outcome {
        let shared = &self.mailer.0;
        let before = conversation.messages;
        let sending = conversation.send(mail.sender, mail.recipient, mail.message);
        match tokio::time::timeout(shared.timeout, sending).await {
            Ok(Handed::Decided(outcome)) => {
                if conversation.messages < MESSAGES_PER_CONNECTION {
                    self.open = Some((index, conversation));
                } else {
                    conversation.close().await;
                }
                outcome
            }
            Ok(Handed::Broken(outcome)) => outcome,
            Err(_) => {
                let answer = Answer::new(&shared.relays[index].name, None, "no answer in time");
                let begun = conversation.messages > before;
                if begun { Outcome::InDoubt(answer) } else { Outcome::RelayTrouble(answer) }
            }
        }
    }

    /// Ends the connection in good order.
    pub async fn close(self) {
        if let Some((_, conversation)) = self.open {
            let _ = tokio::time::timeout(Duration::from_secs(2), conversation.close()).await;
        }
    }
}

async fn into_mailbox(
    relay: &RelayState,
    folder: &std::path::Path,
    mail: &Outgoing<'_>,
    clock: &Clock,
) -> Outcome {
    match mailbox::deliver(folder, mail.sender, mail.recipient, mail.message, clock.now()).await {
        Ok(name) => Outcome::Sent(Answer::new(&relay.name, Some(250), &format!("kept as {name}"))),
        Err(error) => {
            let text = format!("can't write to {}: {error}", folder.display());
            Outcome::RelayTrouble(Answer::new(&relay.name, None, &text))
        }
    }
}

/// A lock whose holder panicked still guards nothing but plain values.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
