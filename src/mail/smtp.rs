//! One SMTP conversation (RFC 5321) over lettre's low-level client.
//!
//! lettre's own transport is not used: its pool can report a message as sent with another one's reply, and its timeouts end
//! with connecting. Here every step runs under the caller's time limit, and a connection whose step was cut short is dropped.

use super::{session::Outcome, tls::Tls};
use crate::domain::{
    delivery::Answer,
    email_address::EmailAddress,
    relay::{Security, SmtpRelay},
};
use lettre::transport::smtp::{
    Error as SmtpError,
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, AsyncTokioStream},
    commands::{Data, Mail, Rcpt, Rset},
    extension::ClientId,
};
use tokio::net::TcpStream;

/// An open, greeted, protected and authenticated connection.
pub(super) struct Conversation {
    connection: AsyncSmtpConnection,
    relay: String,
    /// Messages handed over so far.
    pub messages: u32,
}

/// How far a message came.
pub(super) enum Handed {
    /// The relay decided; the connection can be used again.
    Decided(Outcome),
    /// The connection is of no more use. The outcome says whether the message may have been taken.
    Broken(Outcome),
}

impl Conversation {
    /// Connects and gets ready to send.
    pub async fn open(relay: &SmtpRelay, tls: Option<&Tls>, hello_name: &str) -> Result<Self, Answer> {
        let name = relay.to_string();
        let trouble = |text: String| Answer::new(&name, None, &text);
        let stream = TcpStream::connect((relay.host.as_str(), relay.port))
            .await
            .map_err(|error| trouble(format!("can't connect: {error}")))?;
        // Without it the last segment of every message waits for the delayed acknowledgement: 40 ms each.
        stream.set_nodelay(true).map_err(|error| trouble(error.to_string()))?;
        let hello = ClientId::Domain(hello_name.to_owned());
        let stream: Box<dyn AsyncTokioStream> = match (relay.security, tls) {
            (Security::Tls, Some(tls)) => Box::new(
                tls.wrap(stream)
                    .await
                    .map_err(|error| trouble(format!("TLS can't be agreed on: {error}")))?,
            ),
            _ => Box::new(stream),
        };
        let refused = |step: &str, error: &SmtpError| answer(&name, step, error);
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &hello)
            .await
            .map_err(|error| refused("at the greeting", &error))?;
        if let (Security::StartTls, Some(tls)) = (relay.security, tls) {
            connection
                .starttls(tls.starttls.clone(), &hello)
                .await
                .map_err(|error| refused("at STARTTLS", &error))?;
        }
        if let Some((user, password)) = &relay.login {
            connection
                .auth(
                    &[Mechanism::Plain, Mechanism::Login],
                    &Credentials::new(user.clone(), password.clone()),
                )
                .await
                .map_err(|error| refused("at AUTH", &error))?;
        }
        Ok(Self { connection, relay: name, messages: 0 })
    }

    /// Hands over one message.
    pub async fn send(&mut self, sender: &EmailAddress, recipient: &EmailAddress, message: &[u8]) -> Handed {
        let (Ok(from), Ok(to)) = (sender.as_str().parse(), recipient.as_str().parse()) else {
            let text = "the address can't be put into an SMTP envelope";
            return Handed::Decided(Outcome::Failed(Answer::new(&self.relay, None, text)));
        };
        if let Err(error) = self.connection.command(Mail::new(Some(from), vec![])).await {
            // Nothing is known against the recipient: the relay refuses the sender, or is gone.
            return Handed::Broken(Outcome::RelayTrouble(answer(&self.relay, "at MAIL", &error)));
        }
        if let Err(error) = self.connection.command(Rcpt::new(to, vec![])).await {
            return self.refused("at RCPT", &error, true).await;
        }
        if let Err(error) = self.connection.command(Data).await {
            return self.refused("at DATA", &error, true).await;
        }
        self.messages += 1;
        match self.connection.message(message).await {
            Ok(response) => {
                let text = response.message().collect::<Vec<_>>().join(" ");
                let code = response.code().to_string().parse().ok();
                Handed::Decided(Outcome::Sent(Answer::new(&self.relay, code, &text)))
            }
            Err(error) if error.status().is_some() => self.refused("after the message", &error, false).await,
            // The connection broke before the reply: the relay may have taken the message.
            Err(error) => Handed::Broken(Outcome::InDoubt(answer(&self.relay, "after the message", &error))),
        }
    }

    /// A reply that is no success. `open`: a transaction is open and must be reset before the next one.
    async fn refused(&mut self, step: &str, error: &SmtpError, open: bool) -> Handed {
        let answer = answer(&self.relay, step, error);
        let outcome = match answer.code {
            // 421 closes the connection, whatever it was said to (RFC 5321 section 3.8).
            Some(421) | None => return Handed::Broken(Outcome::RelayTrouble(answer)),
            Some(code) if code >= 500 => Outcome::Failed(answer),
            Some(_) => Outcome::Deferred(answer),
        };
        if open && self.connection.command(Rset).await.is_err() {
            return Handed::Broken(outcome);
        }
        Handed::Decided(outcome)
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        let _ = self.connection.quit().await;
    }
}

/// What an error says: a reply's code and text, or what broke.
fn answer(relay: &str, step: &str, error: &SmtpError) -> Answer {
    let code = error.status().and_then(|code| code.to_string().parse().ok());
    let source = std::error::Error::source(error).map(ToString::to_string);
    match (code, source) {
        (Some(code), text) => Answer::new(relay, Some(code), text.as_deref().unwrap_or("no text")),
        (None, text) => {
            Answer::new(relay, None, &format!("{step}: {}", text.unwrap_or_else(|| error.to_string())))
        }
    }
}
