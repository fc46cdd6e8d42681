//! Whole conversations with a relay in memory, in a time that stands still.

mod opening;
mod sending;
mod what_may_leave;

use super::{
    peer::{Act, Doors, settle},
    *,
};
use crate::{
    domain::{email_address::EmailAddress, relay::RelayUrl},
    mail::transport::outcome::{Outcome, Outgoing},
};
use std::time::Duration;
use tokio::time::Instant;

const STEP: Duration = Duration::from_mins(1);
const ANSWER: Duration = Duration::from_mins(5);
const PLAIN: &str = "smtp://relay.example";

fn dial(url: &str, doors: &Doors) -> Dial {
    let Ok(RelayUrl::Smtp(relay)) = RelayUrl::parse(url) else { panic!("no SMTP relay: {url}") };
    let tls = (relay.security != crate::domain::relay::Security::None)
        .then(|| super::tls::Tls::new(&relay.host, None).unwrap());
    let timeouts = Timeouts { step: STEP, answer: ANSWER };
    let mut dial = Dial::new(relay, tls, "client.example", timeouts);
    dial.stand_in = Some(doors.clone());
    dial
}

async fn open(doors: &Doors) -> Conversation {
    dial(PLAIN, doors).open().await.unwrap()
}

async fn send(conversation: &mut Conversation, message: &[u8]) -> Outcome {
    let sender = EmailAddress::parse("news@example.org").unwrap();
    let recipient = EmailAddress::parse("ann@example.net").unwrap();
    conversation.send(&Outgoing { sender: &sender, recipient: &recipient, message }).await.outcome
}

const MESSAGE: &[u8] = b"Subject: x\r\n\r\nHello\r\n";

/// What became of the first mail, and whether the connection takes another one.
async fn first_and_next(doors: &Doors) -> (Outcome, bool) {
    let mut conversation = open(doors).await;
    let outcome = send(&mut conversation, MESSAGE).await;
    (outcome, conversation.is_ready())
}

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent(_) => "sent",
        Outcome::Deferred(_) => "deferred",
        Outcome::Failed(_) => "failed",
        Outcome::RelayTrouble(_) => "trouble",
        Outcome::InDoubt(_) => "doubt",
    }
}

fn stage(outcome: &Outcome) -> Option<Stage> {
    outcome.answer().stage
}
