//! Traces of the returned email in a report: they tell which email a report is about.

use super::{
    document::{Document, recipients},
    fields::blocks,
    plain::addresses,
    unsubscribe::tokens_in,
};
use crate::domain::delivery::incoming::Traces;
use mail_parser::Message;

/// Traces that are tried at most, of each kind.
const MOST: usize = 50;

/// Collects the traces.
pub fn traces(message: &Message<'_>, document: &Document) -> Traces {
    let headers = blocks(&document.returned).into_iter().next().unwrap_or_default();
    let mut all = recipients(message);
    if let Some(delivery) = &document.delivery {
        all.extend(delivery.message.typed("X-Postfix-Sender").map(str::to_owned));
    }
    if let Some(feedback) = &document.feedback {
        all.extend(feedback.typed("Original-Mail-From").map(str::to_owned));
    }
    all.extend(addresses(&document.returned).take(MOST).map(str::to_owned));
    Traces {
        addresses: all,
        tokens: tokens_in(&document.returned).take(MOST).collect(),
        message_id: headers
            .get("Message-ID")
            .map(|it| it.trim().trim_start_matches('<').trim_end_matches('>').to_owned()),
        recipient: headers.get("To").and_then(|it| addresses(it).next().map(str::to_owned)),
    }
}
