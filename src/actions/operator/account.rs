//! An operator changes their own password.

use crate::{
    actions::operator::{
        context::OperatorContext,
        links::{ChooseError, hashed},
        sessions::SignedIn,
        sign_in::debit_code,
    },
    db::{
        audit,
        operators::{self, links, sessions},
    },
    domain::actor::Actor,
};
use serde_json::{Value, json};

#[derive(Debug)]
pub struct PasswordChange {
    pub old: String,
    pub new: String,
    pub again: String,
}

/// Changes a password. All other sessions of the operator end, and links to choose a password.
pub async fn change_password(
    context: &OperatorContext,
    who: &SignedIn,
    change: PasswordChange,
) -> Result<(), ChooseError> {
    let operator = &who.operator;
    let too_many = |_| {
        ChooseError::Field("old", "There were too many attempts. Try again in a quarter of an hour.".into())
    };
    debit_code(context, operator.id.0).await.map_err(too_many)?;
    if !context.password_matches(change.old, Some(operator)).await {
        return Err(ChooseError::Field("old", "The present password is wrong.".into()));
    }
    if change.new != change.again {
        return Err(ChooseError::Field("again", "The two new passwords differ.".into()));
    }
    let hash = hashed(context, &change.new, &operator.name, &operator.address).await?;
    let now = context.actions.clock.now();
    let mut tx = context.actions.db.begin().await?;
    operators::set_password(&mut tx, operator.id, &hash).await?;
    sessions::end_all(&mut tx, operator.id, Some(who.session.id)).await?;
    links::end_all(&mut tx, operator.id).await?;
    let entry = audit::Entry {
        actor: &Actor::Operator { id: operator.id },
        action: "operator.password",
        subject: Some(operator.id.0),
        before: Value::Null,
        after: json!({ "changed": true }),
    };
    audit::record(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(())
}
