//! The second factor: a code from an authenticator program, or a recovery code.

use crate::{
    actions::operator::{
        context::OperatorContext,
        oidc::bind_identity,
        sessions::{OpenedSession, SignedIn, open_session},
        sign_in::{SignInError, debit_code},
    },
    db::{
        DbError, audit,
        operators::{self, second_factor, sessions},
    },
    domain::{
        actor::Actor,
        ids::{OperatorId, OperatorSessionId},
        operator::{
            recovery_code::{self, CODES},
            totp,
        },
    },
    random,
};
use serde_json::json;

/// Random bytes of a nonce.
const NONCE_BYTES: usize = 16;

/// Returns the key to enter in an authenticator program: another one in each session, so that a key which somebody else
/// was shown never counts. `None`: the operator has a second factor by now.
pub async fn begin_enrolment(
    context: &OperatorContext,
    who: &SignedIn,
) -> Result<Option<[u8; totp::KEY_BYTES]>, DbError> {
    let mut tx = context.actions.db.begin().await?;
    let operator = operators::get(&mut tx, who.operator.id).await?.ok_or(DbError::RowNotFound)?;
    if operator.totp_step.is_some() {
        return Ok(None);
    }
    let known = sessions::get(&mut tx, who.session.id).await?.and_then(|it| it.totp_nonce);
    let nonce = known.unwrap_or_else(random::hex::<NONCE_BYTES>);
    sessions::set_totp_nonce(&mut tx, who.session.id, &nonce).await?;
    tx.commit().await?;
    Ok(context.totp_keys(operator.id, &nonce).first().copied())
}

/// Checks the first code of a new second factor, and ends the operator's other sessions. Returns the session and the
/// recovery codes, which are shown once.
pub async fn enrol(
    context: &OperatorContext,
    who: &SignedIn,
    code: &str,
) -> Result<(OpenedSession, Vec<String>), SignInError> {
    debit_code(context, who.operator.id.0).await?;
    let now = context.actions.clock.now();
    let mut tx = context.actions.db.begin().await?;
    let operator = operators::get(&mut tx, who.operator.id).await?.ok_or(DbError::RowNotFound)?;
    let nonce = sessions::get(&mut tx, who.session.id).await?.and_then(|it| it.totp_nonce);
    let nonce = nonce.ok_or(SignInError::Wrong)?;
    let keys = context.totp_keys(operator.id, &nonce);
    let step = keys.first().and_then(|key| totp::verify(key, code, None, now)).ok_or(SignInError::Wrong)?;
    if !second_factor::enrol(&mut tx, operator.id, &nonce, step).await? {
        return Err(SignInError::Wrong);
    }
    sessions::end_all(&mut tx, operator.id, Some(who.session.id)).await?;
    let codes: Vec<String> = (0..CODES).map(|_| recovery_code::written(random::bytes())).collect();
    let hashes: Vec<String> = codes.iter().map(|code| recovery_code::hash(code)).collect();
    second_factor::set_recovery_codes(&mut tx, operator.id, &hashes).await?;
    let entry = audit::Entry {
        actor: &Actor::Operator { id: operator.id },
        action: "operator.second_factor",
        subject: Some(operator.id.0),
        before: json!({ "second_factor": false }),
        after: json!({ "second_factor": true }),
    };
    audit::record(&mut tx, entry, now).await?;
    let opened =
        open_session(context, &mut tx, who.session.id, &operator).await?.ok_or(SignInError::Wrong)?;
    tx.commit().await?;
    Ok((opened, codes))
}

/// Checks a code at sign-in, or a recovery code, and opens the session.
pub async fn check_code(
    context: &OperatorContext,
    who: &SignedIn,
    code: &str,
) -> Result<OpenedSession, SignInError> {
    debit_code(context, who.operator.id.0).await?;
    let now = context.actions.clock.now();
    let mut tx = context.actions.db.begin().await?;
    let operator = operators::get(&mut tx, who.operator.id).await?.ok_or(DbError::RowNotFound)?;
    let nonce = operator.totp_nonce.as_deref().ok_or(SignInError::Wrong)?;
    let keys = context.totp_keys(operator.id, nonce);
    let step = keys.iter().find_map(|key| totp::verify(key, code, operator.totp_step, now));
    let is_right = match step {
        Some(step) => second_factor::use_step(&mut tx, operator.id, step).await?,
        None => second_factor::use_recovery_code(&mut tx, operator.id, &recovery_code::hash(code)).await?,
    };
    if !is_right {
        return Err(SignInError::Wrong);
    }
    // Only now is it known that the provider's account and this one are the same person's.
    if let Some(identity) = who.session.identity()
        && !bind_identity(&mut tx, &operator, &identity, now).await?
    {
        return Err(SignInError::Wrong);
    }
    if step.is_none() {
        let left = second_factor::count_recovery_codes(&mut tx, operator.id).await?;
        let entry = audit::Entry {
            actor: &Actor::Operator { id: operator.id },
            action: "operator.recovery_code",
            subject: Some(operator.id.0),
            before: json!({ "recovery_codes": left + 1 }),
            after: json!({ "recovery_codes": left }),
        };
        audit::record(&mut tx, entry, now).await?;
    }
    let opened =
        open_session(context, &mut tx, who.session.id, &operator).await?.ok_or(SignInError::Wrong)?;
    tx.commit().await?;
    Ok(opened)
}

/// Removes an operator's second factor, who sets up a new one at the next sign-in. Their sessions end, except one.
pub async fn reset_second_factor(
    context: &OperatorContext,
    actor: &Actor,
    operator: OperatorId,
    except: Option<OperatorSessionId>,
) -> Result<(), DbError> {
    let mut tx = context.actions.db.begin().await?;
    second_factor::remove(&mut tx, operator).await?;
    sessions::end_all(&mut tx, operator, except).await?;
    second_factor::set_recovery_codes(&mut tx, operator, &[]).await?;
    let entry = audit::Entry {
        actor,
        action: "operator.second_factor",
        subject: Some(operator.0),
        before: json!({ "second_factor": true }),
        after: json!({ "second_factor": false }),
    };
    audit::record(&mut tx, entry, context.actions.clock.now()).await?;
    tx.commit().await
}
