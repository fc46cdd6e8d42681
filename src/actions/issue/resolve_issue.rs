//! An operator resolves the uncertain deliveries of an issue.

use crate::{
    actions::Context,
    db::{
        DbError, Tx, audit,
        deliveries::{self, PORTION},
        issues,
    },
    domain::{actor::Actor, delivery::status::DeliveryStatus, ids::IssueId},
    queue::Job,
};
use serde_json::json;

/// The resolution of uncertain deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The relay had accepted them.
    Sent,
    /// They are not sent.
    Failed,
    /// They are sent again, with the same Message-ID.
    Retry,
}

/// Resolves the uncertain deliveries of an issue, or up to `most` of them, and continues the issue. Returns the number
/// of deliveries. A crash leaves the rest uncertain.
pub async fn resolve_issue(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    resolution: Resolution,
    most: Option<i64>,
) -> Result<u64, DbError> {
    let uncertain = deliveries::count_uncertain(&mut context.db.read().await?, issue).await?;
    // Those that are sent again may become uncertain again, so the number is settled beforehand.
    let most = most.map_or(uncertain, |most| most.min(uncertain));
    let mut total = 0;
    while total < most {
        let settled = resolve_portion(context, actor, issue, resolution, (most - total).min(PORTION)).await?;
        if settled == 0 {
            break;
        }
        total += settled;
    }
    let mut tx = context.db.begin().await?;
    issues::set_woken(&mut tx, issue, context.clock.now()).await?;
    context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
    tx.commit().await?;
    Ok(total.unsigned_abs())
}

async fn resolve_portion(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    resolution: Resolution,
    limit: i64,
) -> Result<i64, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let settle =
        async |tx: &mut Tx, status| deliveries::settle_uncertain(tx, issue, status, now, limit).await;
    let (settled, name) = match resolution {
        Resolution::Sent => (settle(&mut tx, DeliveryStatus::Sent).await?, "sent"),
        Resolution::Failed => (settle(&mut tx, DeliveryStatus::Failed).await?, "failed"),
        Resolution::Retry => {
            (deliveries::retry_uncertain(&mut tx, issue, i64::MAX, now, limit).await?, "queued")
        }
    };
    if settled > 0 {
        let (before, after) = (json!({ "uncertain": settled }), json!({ name: settled }));
        let entry = audit::Entry { actor, action: "issue.resolve", subject: Some(issue.0), before, after };
        audit::record(&mut tx, entry, now).await?;
    }
    tx.commit().await?;
    Ok(i64::try_from(settled).unwrap_or(limit))
}
