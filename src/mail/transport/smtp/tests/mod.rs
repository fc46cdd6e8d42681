//! Complete sessions with an in-memory relay, in paused time.

mod auth;
mod message_checks;
mod opening;
mod sending;

use crate::{
    domain::delivery::relay::{OauthToken, RelayUrl},
    mail::transport::{
        outcome::{SendError, SendResult, answer_of},
        smtp::{
            fake_relay::{Action, FakeRelay, settle},
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

fn dialer(url: &str, fake: &FakeRelay) -> Dialer {
    dial_with(url, None, fake)
}

fn dial_with(url: &str, oauth_token: Option<OauthToken>, fake: &FakeRelay) -> Dialer {
    let Ok(RelayUrl::Smtp(relay)) = RelayUrl::parse(url) else { panic!("no SMTP relay: {url}") };
    let tls = (relay.security != crate::domain::delivery::relay::Security::None)
        .then(|| super::tls::Tls::new(&relay.host, None).unwrap());
    let timeouts = Timeouts { step: STEP, answer: ANSWER };
    let mut dialer =
        Dialer::new(relay, tls, oauth_token, ClientId::Domain("client.example".into()), timeouts);
    dialer.fake = Some(fake.clone());
    dialer
}

async fn open(fake: &FakeRelay) -> SmtpSession {
    dialer(PLAIN, fake).open().await.unwrap()
}

fn envelope() -> Envelope {
    let address = |text: &str| text.parse().unwrap();
    Envelope::new(Some(address("news@example.org")), vec![address("ann@example.net")]).unwrap()
}

async fn send(session: &mut SmtpSession, message: &[u8]) -> SendResult {
    session.send(&envelope(), message).await.result
}

const MESSAGE: &[u8] = b"Subject: x\r\n\r\nHello\r\n";

/// Returns the outcome of the first message, and whether the session is ready for another one.
async fn first_and_next(fake: &FakeRelay) -> (SendResult, bool) {
    let mut session = open(fake).await;
    let outcome = send(&mut session, MESSAGE).await;
    (outcome, session.is_ready())
}

fn kind(outcome: &SendResult) -> &'static str {
    match outcome {
        Ok(_) => "sent",
        Err(SendError::Deferred(_)) => "deferred",
        Err(SendError::Failed(_)) => "failed",
        Err(SendError::RelayFailure(_)) => "relay failure",
        Err(SendError::InDoubt(_)) => "doubt",
    }
}

fn stage(outcome: &SendResult) -> Option<Stage> {
    answer_of(outcome).stage
}
