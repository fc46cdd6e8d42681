//! `daily receive --explain` shows how a message is read. It changes nothing and needs no database.

use crate::{
    cli::{
        CliError, CliResult,
        output::{Output, fields},
    },
    domain::{
        delivery::{
            bounce_address::Returned,
            incoming::{Certainty, Failure, IncomingKind, Reading},
            proof::{Proof, proof},
        },
        token::KeyRing,
    },
    mail::inbound,
    secrets,
    settings::Settings,
};
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn explain(
    file: &Path,
    recipient: Option<&str>,
    settings: &Settings,
    output: Output,
) -> CliResult {
    let bytes = std::fs::read(file)
        .map_err(|error| CliError::Failed(format!("can't read {}: {error}", file.display())))?;
    let bytes = &bytes[..bytes.len().min(settings.receive.max_bytes as usize)];
    let reading = inbound::read(bytes)
        .ok_or_else(|| CliError::Failed(format!("{} is not a message", file.display())))?;
    let keys = secrets::existing_keys(settings);
    let proof = keys.as_ref().and_then(|keys| find_proof(keys, recipient, settings, &reading));
    let certainty = match proof {
        Some(proof) => proof.certainty(),
        None if reading.failures.iter().any(|it| it.recipient.is_some()) => Certainty::Recipient,
        None => Certainty::None,
    };
    let delivery = proof.map(delivery);
    let record = to_json(&reading, certainty, delivery.as_ref());
    output.record(&record, || to_text(&reading, certainty, delivery.as_ref()))?;
    Ok(())
}

fn find_proof(
    keys: &KeyRing,
    recipient: Option<&str>,
    settings: &Settings,
    reading: &Reading,
) -> Option<Proof> {
    proof(keys, settings.sending.bounce_address.as_ref(), recipient, &reading.traces)
}

/// Returns the numbers of the email that a proof names.
fn delivery(proof: Proof) -> Value {
    match proof {
        Proof::Key(Returned::Copy { issue, subscription }) => {
            json!({ "issue": issue, "subscription": subscription })
        }
        Proof::Key(Returned::Email(email)) => json!({ "email": email }),
        Proof::Token(subscription) => json!({ "subscription": subscription }),
    }
}

fn to_json(reading: &Reading, certainty: Certainty, delivery: Option<&Value>) -> Value {
    let first = reading.failures.first();
    json!({
        "kind": reading.kind,
        "hard": reading.kind == IncomingKind::Hard,
        "status": first.and_then(|it| it.status).map(|it| it.to_string()),
        "reply_code": first.and_then(|it| it.reply),
        "recipient": first.and_then(|it| it.recipient.as_deref()),
        "diagnostic": first.map(|it| it.diagnostic.as_str()).filter(|it| !it.is_empty()),
        "reporting_mta": reading.reporting_mta,
        "remote_mta": first.and_then(|it| it.server.as_deref()),
        "delivery": delivery,
        "certainty": certainty,
        "recipients": reading.failures.iter().map(recipient_json).collect::<Vec<_>>(),
    })
}

fn recipient_json(it: &Failure) -> Value {
    json!({
        "recipient": it.recipient,
        "kind": it.kind,
        "hard": it.kind == IncomingKind::Hard,
        "status": it.status.map(|it| it.to_string()),
        "reply_code": it.reply,
        "diagnostic": it.diagnostic,
        "remote_mta": it.server,
    })
}

fn to_text(reading: &Reading, certainty: Certainty, delivery: Option<&Value>) -> String {
    let mut text = format!("{}\n", reading.kind);
    for it in &reading.failures {
        text.push('\n');
        text.push_str(&fields(&[
            ("recipient", it.recipient.clone()),
            ("kind", Some(it.kind.to_string())),
            ("status", it.status.map(|it| it.to_string())),
            ("reply code", it.reply.map(|it| it.to_string())),
            ("diagnostic", Some(it.diagnostic.clone()).filter(|it| !it.is_empty())),
            ("server", it.server.clone()),
        ]));
    }
    text.push('\n');
    text.push_str(&fields(&[
        ("reported by", reading.reporting_mta.clone()),
        ("email", delivery.map(Value::to_string)),
        ("certainty", Some(certainty.to_string())),
    ]));
    text
}
