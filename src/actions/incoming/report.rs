//! Applies a bounce or a complaint to its reader, by the rules of `domain::delivery::suppression_policy`.

use super::{IncomingContext, Outcome};
use crate::{
    db::{
        DbError, Tx,
        bounces::{self, BouncedEmail, NewBounce},
        deliveries::emails,
        issues, subscribers, undeliverable,
    },
    domain::{
        delivery::{
            bounce_address::Returned,
            incoming::{Failure, IncomingKind, Reading},
            proof::{Proof, proof},
            suppression_policy::{SOFT_STREAK, may_change},
        },
        ids::{DeliveryId, SubscriptionId},
        issue::status::IssueStatus,
        subscriber::consent::ConsentEvent,
    },
};
use jiff::Timestamp;

const SUPPRESSED: &str = "the address is suppressed";

/// Stores a report and changes what it means for its reader.
pub(super) async fn apply_report(
    context: &IncomingContext,
    recipient: Option<&str>,
    reading: &Reading,
) -> Result<Outcome, DbError> {
    let found = proof(&context.keys, context.bounce_address.as_ref(), recipient, &reading.traces);
    let Some(found) = found else {
        return Ok(Outcome::kept(reading.kind, "it doesn't prove which email it is about: nothing was done"));
    };
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some(email) = find_email(&mut tx, found, reading).await? else {
        return Ok(Outcome::done(reading.kind, "its email is gone: nothing was done"));
    };
    let Some(failure) = failure_of(reading, &email) else {
        return Ok(Outcome::done(reading.kind, "it names no recipient: nothing was done"));
    };
    if failure.kind == IncomingKind::Delivered {
        return Ok(Outcome::done(failure.kind, "an email was delivered: nothing was done"));
    }
    let sent_at = email.sent_at.map(Timestamp::from);
    let effect = may_change(failure.kind, found.certainty(), sent_at, now);
    let bounce = NewBounce {
        source: found.certainty().as_str(),
        kind: failure.kind,
        ineffective: effect.err().map(|why| why.to_string()),
        email: &email,
        reply_code: failure.reply.map(i64::from),
        enhanced_code: failure.status.map(|it| it.to_string()),
        diagnostic: &failure.diagnostic,
        reporting_mta: failure.server.as_deref().or(reading.reporting_mta.as_deref()),
    };
    if !bounces::insert(&mut tx, &bounce, now).await? {
        return Ok(Outcome::done(failure.kind, "a report like this is known: nothing was done"));
    }
    count_for_breaker(&mut tx, &email, failure.kind).await?;
    let did = match effect {
        Err(why) => format!("recorded; it changes nothing, because {why}"),
        Ok(()) => match failure.kind {
            IncomingKind::Complaint => complain(&mut tx, &email, now).await?,
            IncomingKind::Hard => bounce_hard(&mut tx, &email, now).await?,
            _ => bounce_softly(&mut tx, &email, &failure.diagnostic, now).await?,
        },
    };
    tx.commit().await?;
    tracing::info!(kind = %failure.kind, source = bounce.source, to = email.address.masked(), did, "report received");
    Ok(Outcome::done(failure.kind, did))
}

/// Finds the email that a report is about.
async fn find_email(tx: &mut Tx, found: Proof, reading: &Reading) -> Result<Option<BouncedEmail>, DbError> {
    match found {
        Proof::Key(Returned::Copy { issue, subscription }) => bounces::copy(tx, issue, subscription).await,
        Proof::Key(Returned::Email(id)) => match emails::get(tx, id).await? {
            Some(email) => bounces::single(tx, &email).await.map(Some),
            None => Ok(None),
        },
        Proof::Token(subscription) => {
            let copy = match reading.traces.message_id.as_deref().and_then(parts_of_message_id) {
                Some((key, delivery)) => bounces::copy_of_message_id(tx, key, delivery).await?,
                None => None,
            };
            match copy.filter(|(_, of)| *of == subscription) {
                Some((issue, subscription)) => bounces::copy(tx, issue, subscription).await,
                None => bounces::subscription(tx, subscription).await,
            }
        }
    }
}

/// Splits the Message-ID of an issue's copy into the issue's key and the delivery.
fn parts_of_message_id(id: &str) -> Option<(&str, DeliveryId)> {
    let (key, number) = id.split_once('@')?.0.split_once('.')?;
    Some((key, DeliveryId(number.parse().ok()?)))
}

/// Returns what a report says about an email's recipient. A report about one recipient is about that one,
/// whatever it is called there.
fn failure_of<'a>(reading: &'a Reading, email: &BouncedEmail) -> Option<&'a Failure> {
    let is_own = |it: &&Failure| {
        it.recipient.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(email.address.as_str()))
    };
    reading.failures.iter().find(is_own).or(reading.failures.first())
}

/// Counts a report for the circuit breaker of an issue that is being sent. The recorder of relays' answers
/// holds the issue.
async fn count_for_breaker(tx: &mut Tx, email: &BouncedEmail, kind: IncomingKind) -> Result<(), DbError> {
    let counts = kind == IncomingKind::Hard || kind == IncomingKind::Complaint || kind.is_about_sender();
    let Some(issue) = email.issue.filter(|_| counts) else { return Ok(()) };
    if issues::get(tx, issue).await?.is_some_and(|it| it.status == IssueStatus::Sending) {
        issues::add_answers(tx, issue, issues::Answers { refused: 1, ..issues::Answers::default() }).await?;
    }
    Ok(())
}

async fn complain(tx: &mut Tx, email: &BouncedEmail, now: Timestamp) -> Result<String, DbError> {
    let Some(reader) = email.subscriber else { return Ok("recorded; its reader is unknown".into()) };
    let ended: Vec<SubscriptionId> = subscribers::end_complained(tx, reader, now).await?;
    for id in &ended {
        let evidence = subscribers::Evidence::default();
        subscribers::record_consent(tx, *id, ConsentEvent::Complained, "report", &evidence, now).await?;
    }
    Ok(match ended.len() {
        1 => "the reader's subscription has ended".into(),
        count => format!("the reader's {count} subscriptions have ended"),
    })
}

async fn bounce_hard(tx: &mut Tx, email: &BouncedEmail, now: Timestamp) -> Result<String, DbError> {
    Ok(if undeliverable::apply_hard(tx, email, now).await? {
        SUPPRESSED.into()
    } else {
        "recorded; a second one on another day suppresses the address".into()
    })
}

async fn bounce_softly(
    tx: &mut Tx,
    email: &BouncedEmail,
    words: &str,
    now: Timestamp,
) -> Result<String, DbError> {
    if email.issue.is_none() {
        return Ok("recorded".into());
    }
    Ok(if undeliverable::apply_soft(tx, &email.address.key(), email.issue, words, now).await? {
        SUPPRESSED.into()
    } else {
        format!("recorded; {SOFT_STREAK} issues in a row over a week suppress the address")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_names_its_delivery() {
        assert_eq!(parts_of_message_id("k3y.42@example.org"), Some(("k3y", DeliveryId(42))));
        for other in ["k3y@example.org", "k3y.x@example.org", "42", ""] {
            assert_eq!(parts_of_message_id(other), None);
        }
    }
}
