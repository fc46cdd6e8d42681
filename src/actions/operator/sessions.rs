//! Sessions of operators.

use crate::{
    actions::operator::context::OperatorContext,
    db::{
        DbError, Tx, audit,
        operators::{
            self, OperatorRecord, links,
            sessions::{self, NewSession, SessionRecord},
            views,
        },
    },
    domain::{
        actor::Actor,
        ids::{NewsletterId, OperatorId, OperatorSessionId},
        issue::revision::Revision,
        operator::{
            oidc::Identity,
            session::{LinkPurpose, SEEN_EVERY, Stage, TOKEN_BYTES, token_hash},
        },
    },
    random,
};
use jiff::civil::Date;
use serde_json::{Value, json};

/// Longest text of a browser's name that is kept.
const MAX_AGENT_CHARS: usize = 200;

/// The browser of a request.
#[derive(Debug, Clone)]
pub struct Browser {
    pub user_agent: String,
    pub client: std::net::IpAddr,
}

/// A session with the token for the browser's cookie.
#[derive(Debug, Clone)]
pub struct OpenedSession {
    pub token: String,
    pub stage: Stage,
    /// The mark of the browser in which the operator has signed in completely.
    pub device_cookie: Option<String>,
}

/// Begins a session of an operator whose password was right.
pub(super) async fn begin_session(
    context: &OperatorContext,
    tx: &mut Tx,
    operator: &OperatorRecord,
    browser: &Browser,
) -> Result<OpenedSession, DbError> {
    let stage = match operator.totp_step {
        Some(_) => Stage::SecondFactor,
        None if context.needs_second_factor => Stage::Enrolment,
        None => Stage::Open,
    };
    begin_at(context, tx, operator, stage, browser, None).await
}

/// Begins a session of an operator for whom a provider vouched. The provider's second factor counts, so nobody has to
/// set one up here. Operators who have one here are asked for its code all the same.
pub(super) async fn begin_session_of(
    context: &OperatorContext,
    tx: &mut Tx,
    operator: &OperatorRecord,
    browser: &Browser,
    identity: &Identity,
) -> Result<OpenedSession, DbError> {
    let stage = if operator.totp_step.is_some() { Stage::SecondFactor } else { Stage::Open };
    begin_at(context, tx, operator, stage, browser, Some(identity)).await
}

async fn begin_at(
    context: &OperatorContext,
    tx: &mut Tx,
    operator: &OperatorRecord,
    stage: Stage,
    browser: &Browser,
    identity: Option<&Identity>,
) -> Result<OpenedSession, DbError> {
    let device_cookie = (stage == Stage::Open).then(|| context.device_cookie(operator)).flatten();
    Ok(OpenedSession { device_cookie, ..insert(context, tx, operator.id, stage, browser, identity).await? })
}

async fn insert(
    context: &OperatorContext,
    tx: &mut Tx,
    operator: OperatorId,
    stage: Stage,
    browser: &Browser,
    identity: Option<&Identity>,
) -> Result<OpenedSession, DbError> {
    let (token, now) = (random::hex::<TOKEN_BYTES>(), context.actions.clock.now());
    let user_agent: String = browser.user_agent.chars().take(MAX_AGENT_CHARS).collect();
    let (hash, client) = (token_hash(&token), browser.client.to_canonical().to_string());
    let new =
        NewSession { operator, token_hash: &hash, stage, user_agent: &user_agent, client: &client, identity };
    let session = sessions::insert(tx, new, now).await?;
    if stage == Stage::Open {
        record_sign_in(context, tx, session).await?;
    }
    Ok(OpenedSession { token, stage, device_cookie: None })
}

/// Adds to the audit log that somebody is signed in, and where.
async fn record_sign_in(
    context: &OperatorContext,
    tx: &mut Tx,
    session: OperatorSessionId,
) -> Result<(), DbError> {
    let Some(session) = sessions::get(tx, session).await? else { return Ok(()) };
    let entry = audit::Entry {
        actor: &Actor::Operator { id: session.operator_id },
        action: "operator.sign_in",
        subject: Some(session.operator_id.0),
        before: Value::Null,
        after: json!({ "session": session.id, "client": session.client, "browser": session.user_agent }),
    };
    audit::record(tx, entry, context.actions.clock.now()).await
}

/// Moves a session to the last stage, with a new token.
pub(super) async fn open_session(
    context: &OperatorContext,
    tx: &mut Tx,
    session: OperatorSessionId,
    operator: &OperatorRecord,
) -> Result<Option<OpenedSession>, DbError> {
    let token = random::hex::<TOKEN_BYTES>();
    let now = context.actions.clock.now();
    let moved = sessions::advance(tx, session, Stage::Open, &token_hash(&token), now).await?;
    if moved {
        record_sign_in(context, tx, session).await?;
    }
    let device_cookie = context.device_cookie(operator);
    Ok(moved.then_some(OpenedSession { token, stage: Stage::Open, device_cookie }))
}

/// A session and its operator.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub session: SessionRecord,
    pub operator: OperatorRecord,
}

/// Returns the living session of a token, in any stage, and records the request.
pub async fn find_session(context: &OperatorContext, token: &str) -> Result<Option<SignedIn>, DbError> {
    let now = context.actions.clock.now();
    let found = peek_session(context, token).await?;
    if let Some(SignedIn { session, .. }) = &found
        && now.duration_since(session.seen_at.0) >= SEEN_EVERY
    {
        let mut tx = context.actions.db.begin().await?;
        sessions::set_seen(&mut tx, session.id, now).await?;
        tx.commit().await?;
    }
    Ok(found)
}

/// Returns the living session of a token, in any stage. A request that a page makes by itself doesn't keep its session
/// alive: nobody may be at the desk.
pub async fn peek_session(context: &OperatorContext, token: &str) -> Result<Option<SignedIn>, DbError> {
    let now = context.actions.clock.now();
    let mut tx = context.actions.db.read().await?;
    let found = sessions::get_by_token(&mut tx, &token_hash(token)).await?;
    let Some(session) = found.filter(|it| it.is_alive(now)) else { return Ok(None) };
    let operator = operators::get(&mut tx, session.operator_id).await?;
    drop(tx);
    // An operator without a role is signed out.
    let operator = operator.filter(|it| !it.roles.is_empty());
    Ok(operator.map(|operator| SignedIn { session, operator }))
}

/// Ends one of an operator's sessions.
pub async fn end_session(
    context: &OperatorContext,
    actor: &Actor,
    operator: OperatorId,
    session: OperatorSessionId,
) -> Result<bool, DbError> {
    let mut tx = context.actions.db.begin().await?;
    let ended = sessions::end(&mut tx, operator, session).await?;
    if ended {
        let entry = audit::Entry {
            actor,
            action: "operator.sign_out",
            subject: Some(operator.0),
            before: json!({ "session": session }),
            after: Value::Null,
        };
        audit::record(&mut tx, entry, context.actions.clock.now()).await?;
    }
    tx.commit().await?;
    Ok(ended)
}

/// Ends all of an operator's sessions, except one. Returns how many ended.
pub async fn end_sessions(
    context: &OperatorContext,
    actor: &Actor,
    operator: OperatorId,
    except: Option<OperatorSessionId>,
) -> Result<u64, DbError> {
    let mut tx = context.actions.db.begin().await?;
    let ended = sessions::end_all(&mut tx, operator, except).await?;
    if ended > 0 {
        let entry = audit::Entry {
            actor,
            action: "operator.sign_out",
            subject: Some(operator.0),
            before: json!({ "sessions": ended }),
            after: Value::Null,
        };
        audit::record(&mut tx, entry, context.actions.clock.now()).await?;
    }
    tx.commit().await?;
    Ok(ended)
}

/// Sets what the session's next page says, or clears it.
pub async fn set_flash(
    context: &OperatorContext,
    session: OperatorSessionId,
    flash: Option<&str>,
) -> Result<(), DbError> {
    let mut tx = context.actions.db.begin().await?;
    sessions::set_flash(&mut tx, session, flash).await?;
    tx.commit().await
}

/// Opens the pages with the link of `daily demo`. `None`: the link is not valid.
pub async fn open_with_link(
    context: &OperatorContext,
    token: &str,
    browser: &Browser,
) -> Result<Option<OpenedSession>, DbError> {
    let mut tx = context.actions.db.begin().await?;
    let now = context.actions.clock.now();
    let found = links::get(&mut tx, &token_hash(token), LinkPurpose::Open, now).await?;
    let Some(operator) = found.flatten() else { return Ok(None) };
    let opened = insert(context, &mut tx, operator, Stage::Open, browser, None).await?;
    tx.commit().await?;
    Ok(Some(opened))
}

/// Records the revision of an issue that an operator has looked at.
pub async fn set_view(
    context: &OperatorContext,
    operator: OperatorId,
    newsletter: NewsletterId,
    date: Date,
    revision: &Revision,
) -> Result<(), DbError> {
    let mut tx = context.actions.db.begin().await?;
    views::set(&mut tx, operator, newsletter, date, revision, context.actions.clock.now()).await?;
    tx.commit().await
}
