//! AUTH (RFC 4954): PLAIN and LOGIN with a password, XOAUTH2 with an access token.
//!
//! The relay's URL decided whether the connection may carry a login.

use super::{
    Extensions,
    open::{Problem, ask, go_on, yes},
    reply::{Reply, Verdict},
    wire::{Fault, Wire},
};
use crate::domain::delivery::relay::OauthToken;
use lettre::transport::smtp::{
    authentication::{Credentials, Mechanism},
    commands::Auth,
};
use std::process::Stdio;
use tokio::process::Command;

/// How to log in.
pub(in crate::mail::transport) enum Login {
    Password(Credentials),
    Oauth { user: String, token: OauthToken },
}

/// Longest access token: with its frame it fits into a line of AUTH (RFC 4954 section 4).
const MAX_TOKEN_BYTES: usize = 8_192;

impl Login {
    /// Logs in. A refused token may just have expired, so it's read once more.
    pub async fn perform(&self, wire: &mut Wire, extensions: Extensions) -> Result<(), Problem> {
        match self {
            Self::Password(credentials) => with_password(wire, extensions, credentials).await,
            Self::Oauth { user, token: source } => {
                if !extensions.offers(Mechanism::Xoauth2) {
                    return Err(Problem::Unfit("the relay does not offer AUTH XOAUTH2".into()));
                }
                let token = read_token(source).await.map_err(Problem::Unfit)?;
                let mut reply = with_token(wire, user, &token).await?;
                if reply.verdict() == Verdict::No {
                    let again = read_token(source).await.map_err(Problem::Unfit)?;
                    if again != token {
                        reply = with_token(wire, user, &again).await?;
                    }
                }
                yes(reply).map(drop)
            }
        }
    }
}

async fn with_password(
    wire: &mut Wire,
    extensions: Extensions,
    credentials: &Credentials,
) -> Result<(), Problem> {
    if extensions.offers(Mechanism::Plain) {
        return yes(ask(wire, auth(Mechanism::Plain, credentials, None)?).await?).map(drop);
    }
    if extensions.offers(Mechanism::Login) {
        go_on(ask(wire, auth(Mechanism::Login, credentials, None)?).await?)?;
        // Relays ask in words of their own, but always in this order.
        go_on(ask(wire, auth(Mechanism::Login, credentials, Some("Username:"))?).await?)?;
        return yes(ask(wire, auth(Mechanism::Login, credentials, Some("Password:"))?).await?).map(drop);
    }
    Err(Problem::Unfit("the relay offers neither AUTH PLAIN nor AUTH LOGIN".into()))
}

async fn with_token(wire: &mut Wire, user: &str, token: &str) -> Result<Reply, Problem> {
    let credentials = Credentials::new(user.to_owned(), token.to_owned());
    let reply = ask(wire, auth(Mechanism::Xoauth2, &credentials, None)?).await?;
    if reply.verdict() != Verdict::GoOn {
        return Ok(reply);
    }
    // It explains its refusal in JSON, and says no after an empty line.
    Ok(ask(wire, "\r\n").await?)
}

fn auth(mechanism: Mechanism, credentials: &Credentials, challenge: Option<&str>) -> Result<String, Problem> {
    let command = Auth::new(mechanism, credentials.clone(), challenge.map(str::to_owned));
    command.map(|command| command.to_string()).map_err(|error| Problem::Unfit(error.to_string()))
}

/// Reads an access token. The error says which source failed, without the token.
async fn read_token(source: &OauthToken) -> Result<String, String> {
    let text = match source {
        OauthToken::File(file) => {
            let read = tokio::fs::read(file).await;
            read.map_err(|error| format!("the OAuth token in {} can't be read: {error}", file.display()))?
        }
        OauthToken::Command(command) => {
            let output =
                Command::new("sh").arg("-c").arg(command).stdin(Stdio::null()).kill_on_drop(true).output();
            let output = output
                .await
                .map_err(|error| format!("the command for the OAuth token can't be run: {error}"))?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!(
                    "the command for the OAuth token failed ({}): {}",
                    output.status,
                    said.trim()
                ));
            }
            output.stdout
        }
    };
    let token = text.trim_ascii();
    let fits = (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.iter().all(u8::is_ascii_graphic);
    if !fits {
        return Err("the OAuth token is empty, too long or holds white space".into());
    }
    String::from_utf8(token.to_vec()).map_err(|error| error.to_string())
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
