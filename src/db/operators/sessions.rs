//! Table `operator_sessions`: the browsers in which operators signed in.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        ids::{OperatorId, OperatorSessionId},
        operator::{
            oidc::Identity,
            session::{LONGEST, Stage},
        },
    },
};
use jiff::Timestamp;

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SessionRecord {
    pub id: OperatorSessionId,
    pub operator_id: OperatorId,
    pub stage: Stage,
    pub user_agent: String,
    /// IP address of the browser.
    pub client: String,
    /// A message for the next page, as JSON.
    pub flash: Option<String>,
    /// The nonce of a second factor that is being set up.
    pub totp_nonce: Option<String>,
    /// The account at an OpenID provider with which it began.
    pub oidc_issuer: Option<String>,
    pub oidc_subject: Option<String>,
    pub created_at: DbTime,
    pub seen_at: DbTime,
}

impl SessionRecord {
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.stage.is_alive(self.created_at.0, self.seen_at.0, now)
    }

    /// Returns the account at an OpenID provider with which it began. `None`: it began with a password or a link.
    pub fn identity(&self) -> Option<Identity> {
        Identity::from_columns(self.oidc_issuer.as_deref(), self.oidc_subject.as_deref())
    }
}

/// A session to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    pub operator: OperatorId,
    pub token_hash: &'a str,
    pub stage: Stage,
    pub user_agent: &'a str,
    pub client: &'a str,
    pub identity: Option<&'a Identity>,
}

macro_rules! select_session {
    ($rest:literal) => {
        concat!(
            "SELECT id, operator_id, stage, user_agent, client, flash, totp_nonce, oidc_issuer, oidc_subject, \
             created_at, seen_at FROM operator_sessions ",
            $rest
        )
    };
}

/// Begins a session, and forgets those that ended long ago.
pub async fn insert(tx: &mut Tx, new: NewSession<'_>, now: Timestamp) -> Result<OperatorSessionId, DbError> {
    query!(tx, "DELETE FROM operator_sessions WHERE created_at < $1", DbTime(now - LONGEST))
        .execute()
        .await?;
    query_scalar!(
        tx,
        "INSERT INTO operator_sessions \
         (token_hash, operator_id, stage, user_agent, client, oidc_issuer, oidc_subject, created_at, seen_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING id",
        new.token_hash,
        new.operator,
        new.stage,
        new.user_agent,
        new.client,
        new.identity.map(|it| it.issuer.as_str()),
        new.identity.map(|it| it.subject.as_str()),
        DbTime(now)
    )
    .fetch_one()
    .await
}

/// Returns the session of a token, alive or not.
pub async fn get_by_token(tx: &mut Tx, token_hash: &str) -> Result<Option<SessionRecord>, DbError> {
    query_as!(tx, select_session!("WHERE token_hash = $1"), token_hash).fetch_optional().await
}

/// Returns the session with this id, alive or not.
pub async fn get(tx: &mut Tx, id: OperatorSessionId) -> Result<Option<SessionRecord>, DbError> {
    query_as!(tx, select_session!("WHERE id = $1"), id).fetch_optional().await
}

/// Returns an operator's sessions, the last used first.
pub async fn for_operator(tx: &mut Tx, operator: OperatorId) -> Result<Vec<SessionRecord>, DbError> {
    query_as!(
        tx,
        select_session!("WHERE operator_id = $1 ORDER BY seen_at DESC, id DESC LIMIT 100"),
        operator
    )
    .fetch_all()
    .await
}

/// Moves a session to another stage with a new token, so that a token from before is worth nothing.
pub async fn advance(
    tx: &mut Tx,
    id: OperatorSessionId,
    stage: Stage,
    token_hash: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE operator_sessions SET stage = $2, token_hash = $3, created_at = $4, seen_at = $4, \
         totp_nonce = NULL WHERE id = $1",
        id,
        stage,
        token_hash,
        DbTime(now)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Records a session's last request.
pub async fn set_seen(tx: &mut Tx, id: OperatorSessionId, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE operator_sessions SET seen_at = $2 WHERE id = $1", id, DbTime(now)).execute().await
}

/// Sets what the next page says, or clears it.
pub async fn set_flash(tx: &mut Tx, id: OperatorSessionId, flash: Option<&str>) -> Result<(), DbError> {
    query!(tx, "UPDATE operator_sessions SET flash = $2 WHERE id = $1", id, flash).execute().await
}

/// Sets the nonce of a second factor that is being set up.
pub async fn set_totp_nonce(tx: &mut Tx, id: OperatorSessionId, nonce: &str) -> Result<(), DbError> {
    query!(tx, "UPDATE operator_sessions SET totp_nonce = $2 WHERE id = $1", id, nonce).execute().await
}

/// Ends one of an operator's sessions. Returns `false` if there is no such session.
pub async fn end(tx: &mut Tx, operator: OperatorId, id: OperatorSessionId) -> Result<bool, DbError> {
    query!(tx, "DELETE FROM operator_sessions WHERE id = $1 AND operator_id = $2", id, operator)
        .rows_affected()
        .await
        .map(|rows| rows == 1)
}

/// Ends all of an operator's sessions, except one.
pub async fn end_all(
    tx: &mut Tx,
    operator: OperatorId,
    except: Option<OperatorSessionId>,
) -> Result<u64, DbError> {
    query!(
        tx,
        "DELETE FROM operator_sessions WHERE operator_id = $1 AND id <> COALESCE($2, -1)",
        operator,
        except
    )
    .rows_affected()
    .await
}
