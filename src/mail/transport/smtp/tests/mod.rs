//! Whole conversations with a relay in memory, in a time that stands still.

mod logging_in;
mod opening;
mod sending;
mod what_may_leave;

use crate::{
    domain::delivery::relay::{OauthToken, RelayUrl},
    mail::transport::{
        outcome::{SendError, SendResult, answer_of},
        smtp::{
            fake_relay::{Act, FakeRelay, settle},
            *,
        },
    },
};
use lettre::{address::Envelope, transport::smtp::extension::ClientId};
use std::time::Duration;
use tokio::time::Instant;

const STEP: Duration = Duration::from_mins(1);
const ANSWER: Duration = Duration::from_mins(5);
const PLAIN: &str = "smtp://relay.example";

fn dial(url: &str, fake: &FakeRelay) -> Dial {
    dial_with(url, None, fake)
}

fn dial_with(url: &str, oauth_token: Option<OauthToken>, fake: &FakeRelay) -> Dial {
    let Ok(RelayUrl::Smtp(relay)) = RelayUrl::parse(url) else { panic!("no SMTP relay: {url}") };
    let tls = (relay.security != crate::domain::delivery::relay::Security::None)
        .then(|| super::tls::Tls::new(&relay.host, None).unwrap());
    let timeouts = Timeouts { step: STEP, answer: ANSWER };
    let mut dial = Dial::new(relay, tls, oauth_token, ClientId::Domain("client.example".into()), timeouts);
    dial.stand_in = Some(fake.clone());
    dial
}

async fn open(fake: &FakeRelay) -> Conversation {
    dial(PLAIN, fake).open().await.unwrap()
}

fn envelope() -> Envelope {
    let address = |text: &str| text.parse().unwrap();
    Envelope::new(Some(address("news@example.org")), vec![address("ann@example.net")]).unwrap()
}

async fn send(conversation: &mut Conversation, message: &[u8]) -> SendResult {
    conversation.send(&envelope(), message).await.result
}

const MESSAGE: &[u8] = b"Subject: x\r\n\r\nHello\r\n";

/// Returns the outcome of the first message, and whether the connection takes another one.
async fn first_and_next(fake: &FakeRelay) -> (SendResult, bool) {
    let mut conversation = open(fake).await;
    let outcome = send(&mut conversation, MESSAGE).await;
    (outcome, conversation.is_ready())
}

fn kind(outcome: &SendResult) -> &'static str {
    match outcome {
        Ok(_) => "sent",
        Err(SendError::Deferred(_)) => "deferred",
        Err(SendError::Failed(_)) => "failed",
        Err(SendError::RelayTrouble(_)) => "trouble",
        Err(SendError::InDoubt(_)) => "doubt",
    }
}

fn stage(outcome: &SendResult) -> Option<Stage> {
    answer_of(outcome).stage
}
