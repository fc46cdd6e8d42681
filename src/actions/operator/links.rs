//! Links to choose a password: for new accounts, and for operators who have forgotten theirs.

use crate::{
    actions::{
        Context,
        operator::{
            context::OperatorContext,
            sessions::{Browser, OpenedSession, begin_session},
        },
    },
    db::{
        DbError, audit,
        operators::{self, OperatorRecord, links, sessions},
    },
    domain::{
        actor::Actor,
        ids::OperatorId,
        operator::{
            password,
            role::Roles,
            session::{LinkPurpose, TOKEN_BYTES, token_hash},
        },
        subscriber::email_address::EmailAddress,
    },
    random,
};
use serde_json::{Value, json};

/// Longest name of an operator, in characters.
pub const MAX_NAME_CHARS: usize = 80;

/// Makes a link with which an operator chooses a password. Earlier links of the operator end. Returns its token.
pub async fn make_link(context: &Context, actor: &Actor, operator: OperatorId) -> Result<String, DbError> {
    let (token, now) = (random::hex::<TOKEN_BYTES>(), context.clock.now());
    let mut tx = context.db.begin().await?;
    links::insert(&mut tx, &token_hash(&token), Some(operator), LinkPurpose::Password, now).await?;
    let entry = audit::Entry {
        actor,
        action: "operator.link",
        subject: Some(operator.0),
        before: Value::Null,
        after: json!({ "link": true }),
    };
    audit::record(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(token)
}

/// Makes a link that opens the pages for an operator without a password, for `daily demo`. Returns its token.
pub async fn make_demo_link(context: &Context, operator: OperatorId) -> Result<String, DbError> {
    let token = random::hex::<TOKEN_BYTES>();
    let mut tx = context.db.begin().await?;
    links::insert(&mut tx, &token_hash(&token), Some(operator), LinkPurpose::Open, context.clock.now())
        .await?;
    tx.commit().await?;
    Ok(token)
}

/// Makes a link that makes the first account. `None`: there is an account already.
pub async fn make_first_link(context: &Context) -> Result<Option<String>, DbError> {
    let token = random::hex::<TOKEN_BYTES>();
    let mut tx = context.db.begin().await?;
    if operators::any_account(&mut tx).await? {
        return Ok(None);
    }
    links::insert(&mut tx, &token_hash(&token), None, LinkPurpose::Password, context.clock.now()).await?;
    tx.commit().await?;
    Ok(Some(token))
}

/// The account that a link is for.
#[derive(Debug, Clone)]
pub enum LinkTarget {
    /// There is no account yet: the link makes the first one.
    FirstAccount,
    Account(Box<OperatorRecord>),
}

/// Returns what a link is for. `None`: it has been used or is too old.
pub async fn look_up_link(context: &Context, token: &str) -> Result<Option<LinkTarget>, DbError> {
    let mut tx = context.db.read().await?;
    let found = links::get(&mut tx, &token_hash(token), LinkPurpose::Password, context.clock.now()).await?;
    Ok(match found {
        None => None,
        Some(None) if operators::any_account(&mut tx).await? => None,
        Some(None) => Some(LinkTarget::FirstAccount),
        Some(Some(id)) => operators::get(&mut tx, id).await?.map(|it| LinkTarget::Account(Box::new(it))),
    })
}

/// A chosen password. The address counts only for the first account.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct NewPassword {
    pub address: String,
    pub name: String,
    pub password: String,
    pub again: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    #[error("This link has been used or is too old. Ask for a new one.")]
    NoLink,
    /// A field is wrong: its name and the reason.
    #[error("{1}")]
    Field(&'static str, String),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Chooses a password with a link, and begins a session. All other sessions of the operator end.
pub async fn choose_password(
    context: &OperatorContext,
    token: &str,
    new: &NewPassword,
    browser: &Browser,
) -> Result<OpenedSession, ChooseError> {
    let target = look_up_link(&context.actions, token).await?.ok_or(ChooseError::NoLink)?;
    let address = match &target {
        LinkTarget::Account(operator) => operator.address.clone(),
        LinkTarget::FirstAccount => EmailAddress::parse(new.address.trim())
            .map_err(|error| ChooseError::Field("address", format!("{error}.")))?,
    };
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(ChooseError::Field(
            "name",
            format!("Write your name, in at most {MAX_NAME_CHARS} characters."),
        ));
    }
    if new.password != new.again {
        return Err(ChooseError::Field("again", "The two passwords differ.".into()));
    }
    let hash = hashed(context, &new.password, name, &address).await?;
    let now = context.actions.clock.now();
    let mut tx = context.actions.db.begin().await?;
    if !links::redeem(&mut tx, &token_hash(token)).await? {
        return Err(ChooseError::NoLink);
    }
    // Somebody may have changed the operator, or made the first account, while the password was hashed.
    let operator = match target {
        LinkTarget::Account(operator) => {
            let now = operators::get(&mut tx, operator.id).await?.ok_or(ChooseError::NoLink)?;
            operators::set_profile(&mut tx, now.id, name, &now.roles, now.gets_alerts).await?;
            now.id
        }
        LinkTarget::FirstAccount => {
            if operators::any_account(&mut tx).await? {
                return Err(ChooseError::NoLink);
            }
            // The address may get alerts already.
            operators::insert(&mut tx, &address, now).await?;
            let known = operators::get_by_address(&mut tx, &address).await?.ok_or(DbError::RowNotFound)?;
            operators::set_profile(&mut tx, known.id, name, &Roles::all(), true).await?;
            known.id
        }
    };
    operators::set_password(&mut tx, operator, &hash).await?;
    sessions::end_all(&mut tx, operator, None).await?;
    let record = operators::get(&mut tx, operator).await?.ok_or(DbError::RowNotFound)?;
    let entry = audit::Entry {
        actor: &Actor::Operator { id: operator },
        action: "operator.password",
        subject: Some(operator.0),
        before: Value::Null,
        after: json!({ "chosen_by_link": true, "roles": record.roles.to_string() }),
    };
    audit::record(&mut tx, entry, now).await?;
    let opened = begin_session(context, &mut tx, &record, browser).await?;
    tx.commit().await?;
    Ok(opened)
}

/// Checks and hashes a password.
pub(super) async fn hashed(
    context: &OperatorContext,
    password: &str,
    name: &str,
    address: &EmailAddress,
) -> Result<String, ChooseError> {
    let (text, name, whole) = (password.to_owned(), name.to_owned(), address.as_str().to_owned());
    let salt = random::bytes();
    let work = move || {
        let local = whole.split('@').next().unwrap_or_default();
        let mut personal: Vec<&str> = name.split_whitespace().collect();
        personal.extend([whole.as_str(), local, "daily", "newsletter"]);
        match password::weakness(&text, &personal) {
            Some(weakness) => Err(weakness),
            None => password::hash(&text, salt).map_err(|error| error.to_string()),
        }
    };
    let outcome = context.hash(work).await.unwrap_or_else(|| Err("Try again in a moment.".into()));
    outcome.map_err(|problem| ChooseError::Field("password", problem))
}
