//! AUTH (RFC 4954): PLAIN and LOGIN with a password, XOAUTH2 with an access token.
//!
//! The relay's URL was parsed only if the connection may carry a login.

use super::{
    Extensions,
    open::{OpenError, exchange, expect_intermediate, expect_success},
    reply::{Reply, ReplyClass},
    wire::{Wire, WireError},
};
use crate::domain::delivery::relay::OauthToken;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lettre::transport::smtp::{
    authentication::{Credentials, Mechanism},
    commands::Auth,
};
use std::process::Stdio;
use tokio::process::Command;

pub(in crate::mail::transport) enum Login {
    Password(Credentials),
    Oauth { user: String, token: OauthToken },
}

/// Maximum length of an access token: it fits into a line of AUTH (RFC 4954 section 4).
const MAX_TOKEN_BYTES: usize = 8_192;

impl Login {
    /// Logs in. A rejected token may have expired, so the source is read once more.
    pub async fn perform(&self, wire: &mut Wire, extensions: Extensions) -> Result<(), OpenError> {
        match self {
            Self::Password(credentials) => with_password(wire, extensions, credentials).await,
            Self::Oauth { user, token: source } => {
                if !extensions.offers(Mechanism::Xoauth2) {
                    return Err(OpenError::Unsupported("the relay does not offer AUTH XOAUTH2".into()));
                }
                let token = read_token(source).await.map_err(OpenError::Unsupported)?;
                let mut reply = with_token(wire, user, &token).await?;
                if reply.class() == ReplyClass::PermanentFailure {
                    let again = read_token(source).await.map_err(OpenError::Unsupported)?;
                    if again != token {
                        reply = with_token(wire, user, &again).await?;
                    }
                }
                expect_success(reply).map(drop)
            }
        }
    }
}

async fn with_password(
    wire: &mut Wire,
    extensions: Extensions,
    credentials: &Credentials,
) -> Result<(), OpenError> {
    if extensions.offers(Mechanism::Plain) {
        return expect_success(step(wire, Mechanism::Plain, credentials, None).await?).map(drop);
    }
    if extensions.offers(Mechanism::Login) {
        expect_intermediate(step(wire, Mechanism::Login, credentials, None).await?)?;
        // The prompts differ between relays, but not their order.
        expect_intermediate(step(wire, Mechanism::Login, credentials, Some("Username:")).await?)?;
        return expect_success(step(wire, Mechanism::Login, credentials, Some("Password:")).await?).map(drop);
    }
    Err(OpenError::Unsupported("the relay offers neither AUTH PLAIN nor AUTH LOGIN".into()))
}

async fn with_token(wire: &mut Wire, user: &str, token: &str) -> Result<Reply, OpenError> {
    let credentials = Credentials::new(user.to_owned(), token.to_owned());
    wire.conceal(token);
    let reply = step(wire, Mechanism::Xoauth2, &credentials, None).await?;
    if reply.class() != ReplyClass::Intermediate {
        return Ok(reply);
    }
    // The relay sends its error as JSON, and the rejection after an empty line.
    Ok(exchange(wire, "\r\n").await?)
}

/// Sends a command of AUTH, and cuts its argument and the password in it from all replies.
async fn step(
    wire: &mut Wire,
    mechanism: Mechanism,
    credentials: &Credentials,
    challenge: Option<&str>,
) -> Result<Reply, OpenError> {
    let command = auth(mechanism, credentials, challenge)?;
    let payload = match challenge {
        Some(_) => Some(command.trim_end()),
        None => command.trim_end().splitn(3, ' ').nth(2),
    };
    if let Some(payload) = payload {
        wire.conceal(payload);
        let clear = STANDARD.decode(payload).unwrap_or_default();
        let password = clear.rsplit(|byte| *byte == 0).next().and_then(|it| str::from_utf8(it).ok());
        if challenge != Some("Username:") {
            wire.conceal(password.unwrap_or_default());
        }
    }
    Ok(exchange(wire, command).await?)
}

fn auth(
    mechanism: Mechanism,
    credentials: &Credentials,
    challenge: Option<&str>,
) -> Result<String, OpenError> {
    let command = Auth::new(mechanism, credentials.clone(), challenge.map(str::to_owned));
    command.map(|command| command.to_string()).map_err(|error| OpenError::Unsupported(error.to_string()))
}

/// Reads an access token. The error names the source, not the token.
async fn read_token(source: &OauthToken) -> Result<String, String> {
    let text = match source {
        OauthToken::File(file) => {
            let read = tokio::fs::read(file).await;
            read.map_err(|error| format!("the OAuth token in {} can't be read: {error}", file.display()))?
        }
        OauthToken::Command(command) => {
            let output = Command::new("sh")
                .arg("-c")
                .arg(command.as_str())
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .output();
            let output = output
                .await
                .map_err(|error| format!("the command for the OAuth token can't be run: {error}"))?;
            if !output.status.success() {
                let stderr = String::from_utf8_lossy(&output.stderr);
                return Err(format!(
                    "the command for the OAuth token failed ({}): {}",
                    output.status,
                    stderr.trim()
                ));
            }
            output.stdout
        }
    };
    let token = text.trim_ascii();
    let fits = (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.iter().all(u8::is_ascii_graphic);
    if !fits {
        return Err("the OAuth token is empty, too long or contains white space".into());
    }
    String::from_utf8(token.to_vec()).map_err(|error| error.to_string())
}

impl From<WireError> for OpenError {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}
