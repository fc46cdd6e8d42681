//! Changes an operator's name, roles and alerts.

use crate::{
    actions::{Context, operator::links::MAX_NAME_CHARS},
    db::{
        DbError, audit,
        operators::{self, OperatorRecord, links, sessions},
    },
    domain::{
        actor::Actor,
        ids::OperatorId,
        operator::role::{Role, Roles},
    },
};
use serde_json::{Value, json};

#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("Nobody could manage people any more. Make somebody else an admin first.")]
    LastAdmin,
    /// Somebody else changed the operator, who is now like this.
    #[error("Somebody else changed this meanwhile to “{0}”. Look again.")]
    Changed(String),
    #[error("The name has more than {MAX_NAME_CHARS} characters, or line breaks.")]
    Name,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Changes an operator. Without a role they are signed out. Other roles end links to choose a password.
pub async fn change_operator(
    context: &Context,
    actor: &Actor,
    id: OperatorId,
    name: &str,
    roles: &Roles,
    gets_alerts: bool,
) -> Result<(), ChangeError> {
    change_seen_operator(context, actor, (id, None), name, roles, gets_alerts).await
}

/// Does the same, but only if the operator's profile is still the one that was shown.
pub async fn change_seen_operator(
    context: &Context,
    actor: &Actor,
    (id, seen): (OperatorId, Option<&str>),
    name: &str,
    roles: &Roles,
    gets_alerts: bool,
) -> Result<(), ChangeError> {
    let name = name.trim();
    if name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(ChangeError::Name);
    }
    let mut tx = context.db.begin().await?;
    let before = operators::get(&mut tx, id).await?.ok_or(DbError::RowNotFound)?;
    if seen.is_some_and(|seen| seen != before.profile()) {
        return Err(ChangeError::Changed(before.profile()));
    }
    operators::set_profile(&mut tx, id, name, roles, gets_alerts).await?;
    let was_admin = before.roles.has(Role::Admin) && before.has_signed_in();
    // Commands can always make another admin, so they may remove the last one.
    if was_admin && matches!(actor, Actor::Operator { .. }) && operators::count_admins(&mut tx).await? == 0 {
        return Err(ChangeError::LastAdmin);
    }
    // An open link is for the roles that it was made for.
    if before.roles != *roles {
        links::end_all(&mut tx, id).await?;
    }
    if roles.is_empty() {
        sessions::end_all(&mut tx, id, None).await?;
    }
    let after = operators::get(&mut tx, id).await?.ok_or(DbError::RowNotFound)?;
    let entry = audit::Entry {
        actor,
        action: "operator.change",
        subject: Some(id.0),
        before: audited(&before),
        after: audited(&after),
    };
    audit::record(&mut tx, entry, context.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}

fn audited(operator: &OperatorRecord) -> Value {
    json!({ "roles": operator.roles.to_string(), "gets_alerts": operator.gets_alerts })
}
