//! An operator removes a newsletter. Its archive stays, and so do its readers' rights: links in its emails go on
//! working.

use crate::{
    actions::{Context, newsletter::settings},
    db::{DbError, audit, issues, newsletters},
    domain::{actor::Actor, ids::NewsletterId, issue::status::IssueStatus},
};
use jiff::civil::Date;
use serde_json::json;

/// The reason for skipping the planned issues of a removed newsletter.
const REMOVED: &str = "the newsletter was removed";

#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    #[error("it is the only newsletter, and Daily needs one; change it with `daily newsletter set`")]
    OnlyOne,
    #[error("its issue of {0} is {1}; let it finish, or cancel it first")]
    UnderWay(Date, IssueStatus),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Removes a newsletter: no signups, no issues. Its planned issues are skipped.
pub async fn remove_newsletter(
    context: &Context,
    actor: &Actor,
    id: NewsletterId,
) -> Result<(), RemoveError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let record = newsletters::get(&mut tx, id).await?;
    if newsletters::list(&mut tx).await?.iter().all(|it| it.id == id) {
        return Err(RemoveError::OnlyOne);
    }
    if let Some(issue) = issues::under_way(&mut tx, Some(id)).await?.first() {
        return Err(RemoveError::UnderWay(issue.date(), issue.status));
    }
    for issue in issues::planned(&mut tx, id).await? {
        issues::advance(&mut tx, issue.id, IssueStatus::Planned, IssueStatus::Skipped, Some(REMOVED), now)
            .await?;
    }
    newsletters::set_removed(&mut tx, id, now).await?;
    let entry = audit::Entry {
        actor,
        action: "newsletter.remove",
        subject: Some(id.0),
        before: settings(&record.newsletter),
        after: json!({ "removed_at": now.to_string() }),
    };
    audit::record(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(())
}
