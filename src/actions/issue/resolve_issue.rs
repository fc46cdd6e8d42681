//! An operator resolves the uncertain deliveries of an issue.

use crate::{
    actions::Context,
    db::{DbError, audit, deliveries, issues},
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

/// Resolves all uncertain deliveries of an issue and continues the issue. Returns the number of deliveries.
pub async fn resolve_issue(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    resolution: Resolution,
) -> Result<u64, DbError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let settled = match resolution {
        Resolution::Sent => deliveries::settle_uncertain(&mut tx, issue, DeliveryStatus::Sent, now).await?,
        Resolution::Failed => {
            deliveries::settle_uncertain(&mut tx, issue, DeliveryStatus::Failed, now).await?
        }
        Resolution::Retry => deliveries::retry_uncertain(&mut tx, issue, i64::MAX, now).await?,
    };
    if settled > 0 {
        let after = match resolution {
            Resolution::Sent => json!({ "sent": settled }),
            Resolution::Failed => json!({ "failed": settled }),
            Resolution::Retry => json!({ "queued": settled }),
        };
        let before = json!({ "uncertain": settled });
        let entry = audit::Entry { actor, action: "issue.resolve", subject: Some(issue.0), before, after };
        audit::record(&mut tx, entry, now).await?;
    }
    issues::set_woken(&mut tx, issue, now).await?;
    context.queue.enqueue(&mut tx, &Job::Deliver { issue }).await?;
    tx.commit().await?;
    Ok(settled)
}
