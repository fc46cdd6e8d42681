//! An operator lifts suppressions.

use crate::{
    actions::Context,
    db::{
        DbError, audit, bounces,
        suppressions::lifting::{self, Lifted},
    },
    domain::{actor::Actor, ids::IssueId, subscriber::email_address::EmailAddress},
};
use serde_json::{Value, json};

/// The suppressions to lift.
#[derive(Debug, Clone, Copy)]
pub enum Suppressed<'a> {
    Addresses(&'a [EmailAddress]),
    /// All addresses that refusals of this issue suppressed.
    By(IssueId),
}

/// Addresses per statement.
const PORTION: usize = 1000;

/// Lifts suppressions, so that these addresses may be emailed again. Subscriptions that the suppressions ended
/// are active again. The audit log contains numbers only.
pub async fn unsuppress(
    context: &Context,
    actor: &Actor,
    suppressed: Suppressed<'_>,
) -> Result<Lifted, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let (keys, issue) = match suppressed {
        Suppressed::Addresses(addresses) => (addresses.iter().map(EmailAddress::key).collect(), None),
        Suppressed::By(issue) => (lifting::suppressed_by(&mut tx, issue, false).await?, Some(issue)),
    };
    let mut lifted = Lifted::default();
    for keys in keys.chunks(PORTION) {
        let more = lifting::lift_addresses(&mut tx, keys).await?;
        bounces::forgive(&mut tx, keys, "an operator lifted the suppression").await?;
        lifted.addresses += more.addresses;
        lifted.subscriptions += more.subscriptions;
    }
    if lifted.addresses > 0 {
        let entry = audit::Entry {
            actor,
            action: "subscriber.unsuppress",
            subject: issue.map(|issue| issue.0),
            before: Value::Null,
            after: json!({
                "by_issue": issue.is_some(), "addresses": lifted.addresses, "subscriptions": lifted.subscriptions,
            }),
        };
        audit::record(&mut tx, entry, now).await?;
    }
    tx.commit().await?;
    Ok(lifted)
}
