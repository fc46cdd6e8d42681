//! Table `operators`: the people who run newsletters, get alerts, and sign in.

pub mod identities;
pub mod links;
pub mod second_factor;
pub mod sessions;
pub mod views;

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        ids::OperatorId,
        operator::{
            oidc::Identity,
            role::{Role, Roles},
        },
        subscriber::email_address::EmailAddress,
    },
};
use jiff::Timestamp;

#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct OperatorRecord {
    #[serde(skip)]
    pub id: OperatorId,
    pub address: EmailAddress,
    /// May be empty.
    pub name: String,
    pub gets_alerts: bool,
    #[sqlx(try_from = "String")]
    #[serde(serialize_with = "display")]
    pub roles: Roles,
    /// An argon2id hash. `None`: no password was chosen yet.
    #[serde(skip)]
    pub password_hash: Option<String>,
    /// From which the second factor's key is derived. `None`: none is set up.
    #[serde(skip)]
    pub totp_nonce: Option<String>,
    /// The last time step whose code was used.
    #[serde(skip)]
    pub totp_step: Option<i64>,
    /// The account at an OpenID provider that signs in as this operator, once it has.
    #[serde(skip)]
    pub oidc_issuer: Option<String>,
    #[serde(skip)]
    pub oidc_subject: Option<String>,
    pub created_at: DbTime,
}

fn display<S: serde::Serializer>(value: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

impl OperatorRecord {
    /// Returns the name, or the address of an operator without one.
    pub fn called(&self) -> &str {
        if self.name.is_empty() { self.address.as_str() } else { &self.name }
    }

    /// Returns the account at an OpenID provider that signs in as this operator.
    pub fn identity(&self) -> Option<Identity> {
        Identity::from_columns(self.oidc_issuer.as_deref(), self.oidc_subject.as_deref())
    }

    /// Whether the operator has signed in before, with a password or through a provider.
    pub fn has_signed_in(&self) -> bool {
        self.password_hash.is_some() || self.oidc_subject.is_some()
    }

    /// Returns what people decide about an operator, to notice that somebody else changed it.
    pub fn profile(&self) -> String {
        let alerts = if self.gets_alerts { ", gets alerts" } else { "" };
        format!("{}: {}{alerts}", self.called(), self.roles.in_words())
    }
}

macro_rules! select_operator {
    ($rest:literal) => {
        concat!(
            "SELECT id, address, name, gets_alerts, roles, password_hash, totp_nonce, totp_step, oidc_issuer, \
             oidc_subject, created_at FROM operators ",
            $rest
        )
    };
}

/// Returns all operators in the order they were added. There are a handful.
pub async fn list(tx: &mut Tx) -> Result<Vec<OperatorRecord>, DbError> {
    query_as!(tx, select_operator!("ORDER BY id LIMIT 100")).fetch_all().await
}

/// Returns the operators who get alerts.
pub async fn alerted(tx: &mut Tx) -> Result<Vec<OperatorRecord>, DbError> {
    query_as!(tx, select_operator!("WHERE gets_alerts = $1 ORDER BY id LIMIT 100"), true).fetch_all().await
}

/// Returns the operator with this id.
pub async fn get(tx: &mut Tx, id: OperatorId) -> Result<Option<OperatorRecord>, DbError> {
    query_as!(tx, select_operator!("WHERE id = $1"), id).fetch_optional().await
}

/// Returns the operator with this address.
pub async fn get_by_address(tx: &mut Tx, address: &EmailAddress) -> Result<Option<OperatorRecord>, DbError> {
    query_as!(tx, select_operator!("WHERE address_key = $1"), address.key()).fetch_optional().await
}

/// Returns the operator as whom an account at a provider signs in.
pub async fn get_by_identity(tx: &mut Tx, identity: &Identity) -> Result<Option<OperatorRecord>, DbError> {
    query_as!(
        tx,
        select_operator!("WHERE oidc_issuer = $1 AND oidc_subject = $2"),
        identity.issuer.as_str(),
        identity.subject.as_str()
    )
    .fetch_optional()
    .await
}

/// Returns whether anybody can sign in, or could with the link that they were sent.
pub async fn any_account(tx: &mut Tx) -> Result<bool, DbError> {
    let found: i64 =
        query_scalar!(tx, "SELECT count(*) FROM operators WHERE roles <> ''").fetch_one().await?;
    Ok(found > 0)
}

/// Returns how many operators who have signed in have the role that manages people.
pub async fn count_admins(tx: &mut Tx) -> Result<usize, DbError> {
    let all = list(tx).await?;
    Ok(all.iter().filter(|it| it.roles.has(Role::Admin) && it.has_signed_in()).count())
}

/// Adds an operator who gets alerts. Returns `None` if the address is there already.
pub async fn insert(
    tx: &mut Tx,
    address: &EmailAddress,
    now: Timestamp,
) -> Result<Option<OperatorId>, DbError> {
    query_scalar!(
        tx,
        "INSERT INTO operators (address, address_key, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (address_key) DO NOTHING RETURNING id",
        address,
        address.key(),
        DbTime(now)
    )
    .fetch_optional()
    .await
}

/// Changes an operator's name, roles and alerts.
pub async fn set_profile(
    tx: &mut Tx,
    id: OperatorId,
    name: &str,
    roles: &Roles,
    gets_alerts: bool,
) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE operators SET name = $2, roles = $3, gets_alerts = $4 WHERE id = $1",
        id,
        name,
        roles.to_string(),
        gets_alerts
    )
    .execute()
    .await
}

/// Changes an operator's password.
pub async fn set_password(tx: &mut Tx, id: OperatorId, hash: &str) -> Result<(), DbError> {
    query!(tx, "UPDATE operators SET password_hash = $2 WHERE id = $1", id, hash).execute().await
}

/// Removes an operator with everything about them. Returns `None` if no operator has this address.
pub async fn remove(tx: &mut Tx, address: &EmailAddress) -> Result<Option<OperatorId>, DbError> {
    query_scalar!(tx, "DELETE FROM operators WHERE address_key = $1 RETURNING id", address.key())
        .fetch_optional()
        .await
}
