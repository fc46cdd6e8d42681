//! The rule that another person than the editor approves an issue.

use crate::{
    db::{DbError, Tx, audit},
    domain::{actor::Actor, ids::IssueId},
};

/// Returns whether an operator edited an issue. Commands don't count as a person.
pub async fn has_edited(tx: &mut Tx, actor: &Actor, issue: IssueId) -> Result<bool, DbError> {
    let Actor::Operator { .. } = actor else { return Ok(false) };
    let entries = audit::for_subject(tx, "issue.edit", issue.0).await?;
    Ok(entries.iter().any(|entry| entry.actor == *actor))
}
