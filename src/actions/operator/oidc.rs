//! An operator signs in through an OpenID provider.
//!
//! The provider says who somebody is. It never makes an account, and gives no roles: only operators who are there sign
//! in. The first sign-in finds the operator by the address that the provider has verified, and binds the account at the
//! provider. From then on the account counts, and no address, so nobody takes over by taking an address there.

use crate::{
    actions::operator::{
        context::OperatorContext,
        sessions::{Browser, OpenedSession, begin_session_of},
        sign_in::{SignInError, debit, debit_client},
    },
    db::{
        DbError, Tx, audit,
        operators::{self, OperatorRecord, identities, sessions},
    },
    domain::{
        actor::Actor,
        ids::{OperatorId, OperatorSessionId},
        operator::oidc::{
            Identity,
            flow::{self, Flow},
        },
        rate_limit::Limit,
        subscriber::email_address::EmailAddress,
    },
    oidc::{Grant, error::ProviderError, logged},
    random,
};
use jiff::Timestamp;
use serde_json::json;

/// A sign-in is finished once.
const ONCE: Limit = Limit { max: 1, window: flow::LONGEST };

/// Reasons why nobody was signed in. Those of a refusal are for the log: pages say the same in each case.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// No provider is configured.
    #[error("there is no provider")]
    Off,
    /// The provider can't be reached, or doesn't do its part.
    #[error(transparent)]
    Unavailable(ProviderError),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

impl From<DbError> for OidcError {
    fn from(error: DbError) -> Self {
        Self::SignIn(error.into())
    }
}

impl From<ProviderError> for OidcError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Refused(reason) => Self::Refused(reason),
            other => Self::Unavailable(other),
        }
    }
}

fn refused(reason: &str) -> OidcError {
    OidcError::Refused(reason.to_owned())
}

/// The beginning of a sign-in.
#[derive(Debug)]
pub struct Begun {
    /// The provider's page.
    pub url: String,
    /// The value of the cookie that the browser brings back.
    pub cookie: String,
}

/// The answer that the provider gave the browser.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ProviderAnswer {
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Begins a sign-in that continues at one of our paths.
pub async fn begin_sign_in(context: &OperatorContext, next: &str) -> Result<Begun, OidcError> {
    let provider = context.provider.as_ref().ok_or(OidcError::Off)?;
    let flow = Flow::new(random::bytes(), next, context.actions.clock.now());
    let secrets = flow.new_secrets(&context.keys);
    let url = provider.sign_in_url(&secrets.state, &secrets.nonce, &secrets.challenge()).await;
    let url = url.map_err(OidcError::from).inspect_err(log_unavailable)?;
    Ok(Begun { url: url.into(), cookie: flow.cookie().to_owned() })
}

fn log_unavailable(error: &OidcError) {
    if let OidcError::Unavailable(error) = error {
        tracing::error!(%error, "operators can't sign in through the provider; see `daily check`");
    }
}

/// Finishes a sign-in. Returns the session, and the path to continue at.
pub async fn finish_sign_in(
    context: &OperatorContext,
    answer: &ProviderAnswer,
    cookie: Option<&str>,
    browser: &Browser,
) -> Result<(OpenedSession, String), OidcError> {
    let finished = finish(context, answer, cookie, browser).await;
    finished.inspect_err(log_unavailable).inspect_err(|error| {
        if let OidcError::Refused(reason) = error {
            tracing::warn!(reason, client = %browser.client, "an operator's sign-in through the provider failed");
        }
    })
}

async fn finish(
    context: &OperatorContext,
    answer: &ProviderAnswer,
    cookie: Option<&str>,
    browser: &Browser,
) -> Result<(OpenedSession, String), OidcError> {
    let provider = context.provider.as_ref().ok_or(OidcError::Off)?;
    let flow = cookie.and_then(|cookie| Flow::read(cookie, context.actions.clock.now()));
    let flow = flow.ok_or_else(|| refused("this browser has begun no sign-in, or it took too long"))?;
    let secrets = flow.secrets_of(&context.keys, &answer.state);
    let secrets = secrets.ok_or_else(|| refused("the answer belongs to another sign-in"))?;
    let once = [(format!("operator oidc {}", secrets.state), ONCE)];
    match debit(context, &once).await {
        Err(SignInError::TooMany(_)) => return Err(refused("the answer was used before")),
        other => other?,
    }
    debit_client(context, browser.client).await?;
    if let Some(error) = &answer.error {
        return Err(refused(&format!("the provider answered {}", logged(error))));
    }
    let code = answer.code.as_deref().ok_or_else(|| refused("the answer has no code"))?;
    let grant =
        Grant { code, issuer: answer.iss.as_deref(), verifier: &secrets.verifier, nonce: &secrets.nonce };
    let account = provider.exchange(grant).await?;
    let identity = &account.identity;
    let known = operators::get_by_identity(&mut context.actions.db.read().await?, identity).await?;
    let address = match known {
        Some(_) => None,
        None => provider.verified_address(&account).await?,
    };
    let now = context.actions.clock.now();
    let mut tx = context.actions.db.begin().await?;
    let operator = find_operator(&mut tx, identity, address.as_ref()).await?;
    // An operator without a role can't sign in.
    let operator = operator.filter(|it| !it.roles.is_empty());
    let operator = operator.ok_or_else(|| refused("no operator has this account or address"))?;
    // Operators with a second factor here are bound by their code.
    if operator.totp_step.is_none() && !bind_identity(&mut tx, &operator, identity, now).await? {
        return Err(refused("another account of the provider is bound to this operator"));
    }
    let opened = begin_session_of(context, &mut tx, &operator, browser, identity).await?;
    tx.commit().await?;
    Ok((opened, flow.next))
}

/// Returns the operator of an account: the one that it is bound to, or the one with its address, if no other account of
/// the provider is bound to them.
async fn find_operator(
    tx: &mut Tx,
    identity: &Identity,
    address: Option<&EmailAddress>,
) -> Result<Option<OperatorRecord>, DbError> {
    if let Some(operator) = operators::get_by_identity(tx, identity).await? {
        return Ok(Some(operator));
    }
    let Some(address) = address else { return Ok(None) };
    let found = operators::get_by_address(tx, address).await?;
    Ok(found.filter(|it| it.identity().is_none_or(|bound| bound.issuer != identity.issuer)))
}

/// Binds an account to an operator, unless it is bound already. Returns `false` if another account of the same provider
/// is.
pub(super) async fn bind_identity(
    tx: &mut Tx,
    operator: &OperatorRecord,
    identity: &Identity,
    now: Timestamp,
) -> Result<bool, DbError> {
    if operator.identity().as_ref() == Some(identity) {
        return Ok(true);
    }
    if !identities::bind(tx, operator.id, identity).await? {
        return Ok(false);
    }
    let entry = audit::Entry {
        actor: &Actor::Operator { id: operator.id },
        action: "operator.identity",
        subject: Some(operator.id.0),
        before: json!({ "issuer": operator.oidc_issuer }),
        after: json!({ "issuer": identity.issuer }),
    };
    audit::record(tx, entry, now).await?;
    Ok(true)
}

/// Forgets the account that is bound to an operator, so that the next sign-in binds one anew. The operator's sessions
/// end, except one. Returns `false` if no account is bound.
pub async fn forget_identity(
    context: &OperatorContext,
    actor: &Actor,
    operator: OperatorId,
    except: Option<OperatorSessionId>,
) -> Result<bool, DbError> {
    let mut tx = context.actions.db.begin().await?;
    let before = operators::get(&mut tx, operator).await?.and_then(|it| it.oidc_issuer);
    if !identities::forget(&mut tx, operator).await? {
        return Ok(false);
    }
    sessions::end_all(&mut tx, operator, except).await?;
    let entry = audit::Entry {
        actor,
        action: "operator.identity",
        subject: Some(operator.0),
        before: json!({ "issuer": before }),
        after: json!({ "issuer": null }),
    };
    audit::record(&mut tx, entry, context.actions.clock.now()).await?;
    tx.commit().await?;
    Ok(true)
}
