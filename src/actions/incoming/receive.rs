//! Receives a message: carries out its request, or keeps it for an operator. The mail server may drop it
//! afterwards.

use super::{IncomingContext, Outcome, report::apply_report};
use crate::{
    actions::subscription::unsubscribe::{UnsubscribeLink, unsubscribe},
    db::{
        DbError,
        incoming_messages::{self, NewMessage},
        subscribers::Evidence,
    },
    domain::{
        delivery::{
            bounce_address::open_key,
            incoming::{IncomingKind, Reading},
        },
        token::Purpose,
    },
};

/// Tokens of a message that are tried at most.
const MAX_TOKENS: usize = 16;
/// Bytes of an unrecognized message that are kept.
const MAX_KEPT_BYTES: usize = 256 * 1024;

/// An incoming message.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    pub bytes: &'a [u8],
    /// The address in its envelope.
    pub recipient: Option<&'a str>,
    /// `None`: the bytes are no message.
    pub reading: Option<&'a Reading>,
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub hash: &'a str,
}

/// Receives a message. Its effect is durable on return.
pub async fn receive(context: &IncomingContext, incoming: &Incoming<'_>) -> Result<Outcome, DbError> {
    let Some(reading) = incoming.reading else {
        return Ok(Outcome::done(IncomingKind::Other, "not a message: nothing was done"));
    };
    let outcome = match reading.kind {
        kind if kind.is_bounce() || kind == IncomingKind::Complaint => {
            apply_report(context, incoming.recipient, reading).await?
        }
        IncomingKind::Delivered => Outcome::done(reading.kind, "an email was delivered: nothing was done"),
        _ => answer_request(context, incoming.recipient, reading).await?,
    };
    if outcome.kept {
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let kept = NewMessage {
            recipient: incoming.recipient,
            sender: &reading.sender,
            kind: outcome.kind,
            reason: &outcome.did,
            hash: incoming.hash,
            message: &incoming.bytes[..incoming.bytes.len().min(MAX_KEPT_BYTES)],
        };
        incoming_messages::insert(&mut tx, &kept, now).await?;
        tx.commit().await?;
    }
    Ok(outcome)
}

/// Whether the service takes email for an address: the envelope sender of an email we sent, or a reader's
/// address to unsubscribe.
pub fn is_our_recipient(context: &IncomingContext, address: &str) -> bool {
    let has_key = context
        .bounce_address
        .as_ref()
        .and_then(|it| it.key_in(address))
        .is_some_and(|key| open_key(&context.keys, key).is_some());
    // A mail system that converts addresses to lower case breaks the token, so its signature is not checked.
    has_key || context.unsubscribe_address.as_ref().is_some_and(|it| it.token_in(address).is_some())
}

/// Carries out a request to unsubscribe. A token in the recipient's address is enough.
async fn answer_request(
    context: &IncomingContext,
    recipient: Option<&str>,
    reading: &Reading,
) -> Result<Outcome, DbError> {
    let addresses = recipient.into_iter().chain(reading.traces.addresses.iter().map(String::as_str));
    let in_addresses: Vec<&str> = match &context.unsubscribe_address {
        Some(pattern) => addresses.filter_map(|it| pattern.token_in(it)).collect(),
        None => Vec::new(),
    };
    if in_addresses.is_empty() && reading.kind != IncomingKind::Unsubscribe {
        return Ok(match reading.kind {
            IncomingKind::Other => {
                Outcome::kept(reading.kind, "no bounce, complaint or request to unsubscribe")
            }
            kind => Outcome::done(kind, "an automatic answer: nothing was done"),
        });
    }
    // Some mail systems write addresses in lower case, which breaks the token. The subject has it, too.
    let tokens = in_addresses.into_iter().chain(reading.tokens.iter().map(String::as_str));
    for token in tokens.take(MAX_TOKENS) {
        if context.keys.verify(Purpose::Test, token).is_some() {
            let did = "the token is from a test email: nothing was done";
            return Ok(Outcome::done(IncomingKind::Unsubscribe, did));
        }
        if let UnsubscribeLink::Subscribed { newsletter, .. }
        | UnsubscribeLink::Unsubscribed { newsletter, .. } =
            unsubscribe(&context.subscription, token, "mail", &Evidence::default()).await?
        {
            let did = format!("the reader is unsubscribed from `{}`", newsletter.newsletter.slug);
            return Ok(Outcome::done(IncomingKind::Unsubscribe, did));
        }
    }
    let why = "no valid token: nobody was unsubscribed. Find the reader with `daily subscriber show ADDRESS`";
    Ok(Outcome::kept(IncomingKind::Unsubscribe, why))
}
