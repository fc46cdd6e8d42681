//! Colleagues by name.

use crate::{
    db::{DbError, Tx, audit, issues::IssueRecord, operators},
    domain::actor::Actor,
};

/// Returns the name of whoever edited an issue after its last approval.
pub async fn changed_by(tx: &mut Tx, issue: &IssueRecord) -> Result<Option<String>, DbError> {
    if issue.approved_at.is_some() {
        return Ok(None);
    }
    let approval = audit::for_subject(tx, "issue.approve", issue.id.0).await?;
    let edits = audit::for_subject(tx, "issue.edit", issue.id.0).await?;
    match (approval.first(), edits.first()) {
        (Some(approval), Some(edit)) if edit.id.0 > approval.id.0 => {
            Ok(Some(name_of(tx, &edit.actor).await?))
        }
        _ => Ok(None),
    }
}

/// Returns how colleagues call an actor.
pub async fn name_of(tx: &mut Tx, actor: &Actor) -> Result<String, DbError> {
    Ok(match actor {
        Actor::Operator { id } => match operators::get(tx, *id).await? {
            Some(operator) => operator.called().to_owned(),
            None => format!("Former operator {id}"),
        },
        Actor::Command { os_user, sudo_user, .. } => {
            format!("{} (command)", sudo_user.as_deref().unwrap_or(os_user))
        }
        other => other.to_string(),
    })
}
