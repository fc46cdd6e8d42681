//! A line: the right to send over one connection to one relay.

use super::{
    mailbox,
    outcome::{Outcome, Outgoing},
    pool::{Connection as _, Grant, IDLE_LIMIT},
    relay::{Kept, Relay, Smtp},
};
use crate::{clock::Clock, domain::delivery::Answer};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::time::Instant;

/// The right to send over one connection to one relay, from [`Mailer::line`](super::Mailer::line).
///
/// When it is dropped, a connection that is in good order goes back to the pool, and the next in line gets it. Any other
/// is closed, and its place is free. That holds in the middle of a mail too: the connection is then not in good order.
pub struct Line {
    index: usize,
    relay: Arc<Relay>,
    way: Way,
}

enum Way {
    Mailbox {
        folder: PathBuf,
        clock: Clock,
    },
    Smtp {
        smtp: Arc<Smtp>,
        grant: Grant<Kept>,
        /// The connection has carried nothing yet, and was opened for this line: its troubles are the relay's.
        fresh: bool,
        used: Instant,
    },
}

impl Line {
    pub(super) fn to_mailbox(index: usize, relay: Arc<Relay>, folder: PathBuf, clock: Clock) -> Self {
        Self { index, relay, way: Way::Mailbox { folder, clock } }
    }

    pub(super) fn over(
        index: usize,
        relay: Arc<Relay>,
        smtp: Arc<Smtp>,
        grant: Grant<Kept>,
        fresh: bool,
    ) -> Self {
        Self { index, relay, way: Way::Smtp { smtp, grant, fresh, used: Instant::now() } }
    }

    /// The relay's number in the order of preference, from 0.
    pub fn relay(&self) -> usize {
        self.index
    }

    /// Hands over one mail. What happens to the connection meanwhile is no trouble of the mail's: one kept from before that
    /// has died of age is replaced once. Trouble of the relay's makes it rest.
    ///
    /// If the future is dropped before it is done, nothing is known about the mail, and the connection is not used again.
    pub async fn send(&mut self, mail: &Outgoing<'_>) -> Outcome {
        let relay = &self.relay;
        let outcome = match &mut self.way {
            Way::Smtp { smtp, grant, fresh, used } => {
                let outcome = over_smtp(relay, smtp, grant, std::mem::take(fresh), *used, mail).await;
                *used = Instant::now();
                outcome
            }
            Way::Mailbox { folder, clock } => into_mailbox(relay, folder, mail, clock).await,
        };
        match &outcome {
            Outcome::RelayTrouble(answer) | Outcome::InDoubt(answer) => relay.trouble(answer),
            // A refusal without a reply is our own, and says nothing about the relay.
            Outcome::Sent(answer) | Outcome::Deferred(answer) | Outcome::Failed(answer) => {
                if answer.code.is_some() {
                    relay.well();
                }
            }
        }
        outcome
    }
}

async fn over_smtp(
    relay: &Relay,
    smtp: &Smtp,
    grant: &mut Grant<Kept>,
    fresh: bool,
    used: Instant,
    mail: &Outgoing<'_>,
) -> Outcome {
    if used.elapsed() >= IDLE_LIMIT || grant.connection().is_some_and(|it| !it.is_ready() || it.is_spent()) {
        grant.discard().await;
    }
    if let Some(kept) = grant.connection() {
        let handed = kept.conversation.send(mail).await;
        if fresh || !handed.outworn {
            return handed.outcome;
        }
        tracing::debug!(
            relay = relay.name,
            said = handed.outcome.answer().line(),
            "a kept connection is replaced"
        );
        grant.discard().await;
    } else if let Some(trouble) = relay.resting() {
        return Outcome::RelayTrouble(trouble);
    }
    match smtp.open().await {
        Ok(opened) => grant.put(opened).conversation.send(mail).await.outcome,
        Err(answer) => Outcome::RelayTrouble(answer),
    }
}

async fn into_mailbox(relay: &Relay, folder: &Path, mail: &Outgoing<'_>, clock: &Clock) -> Outcome {
    match mailbox::deliver(folder, mail.sender, mail.recipient, mail.message, clock.now()).await {
        Ok(name) => Outcome::Sent(Answer::new(&relay.name, Some(250), &format!("kept as {name}"))),
        Err(error) => {
            let text = format!("can't write to {}: {error}", folder.display());
            Outcome::RelayTrouble(Answer::new(&relay.name, None, &text))
        }
    }
}
