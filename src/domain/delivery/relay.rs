//! Relays and their URLs.

use serde::Deserialize;
use std::{fmt, path::PathBuf};

/// A relay's address, as configured.
#[derive(Clone, PartialEq, Eq)]
pub enum RelayUrl {
    /// `mailbox:DIR`: each email becomes a file in a folder, for evaluation.
    Mailbox(PathBuf),
    /// `sendmail:PROGRAM`: the program reads each email from standard input.
    Sendmail(PathBuf),
    /// `smtp://`, `smtp+starttls://` or `smtps://`.
    Smtp(SmtpRelay),
}

/// An SMTP server that accepts our email.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpRelay {
    pub security: Security,
    pub host: String,
    pub port: u16,
    /// User name, if the relay requires a login.
    pub user: Option<String>,
    /// Password; `None` if an [`OauthToken`] replaces it.
    pub password: Option<String>,
}

/// The source of a relay's OAuth 2.0 access token. Tokens are short-lived, so each login reads the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OauthToken {
    /// A file that another program keeps up to date.
    File(PathBuf),
    /// A shell command that prints the token.
    Command(TokenCommand),
}

/// A shell command that prints a token. It may contain secrets itself, so `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct TokenCommand(String);

impl From<&str> for TokenCommand {
    fn from(command: &str) -> Self {
        Self(command.to_owned())
    }
}

impl TokenCommand {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCommand(…)")
    }
}

/// Why a relay can't take email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayFault {
    /// The relay's words, or what went wrong.
    pub said: String,
    /// The lines that Daily (`>`) and the relay (`<`) said until then, without secrets.
    pub conversation: Vec<String>,
}

/// The lines that were said, if a relay takes email, or why it doesn't.
pub type RelayAnswer = Result<Vec<String>, RelayFault>;

impl RelayFault {
    /// Returns a fault before anything was said.
    pub const fn silent(said: String) -> Self {
        Self { said, conversation: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Unencrypted: for a relay on the same machine or network.
    None,
    /// STARTTLS (RFC 3207), required.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

impl RelayUrl {
    /// Parses a relay's URL. The error is the reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(folder) = text.strip_prefix("mailbox:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            return if folder.is_empty() {
                Err("the folder is missing".into())
            } else {
                Ok(Self::Mailbox(folder.into()))
            };
        }
        if let Some(program) = text.strip_prefix("sendmail:") {
            let program = PathBuf::from(program.strip_prefix("//").unwrap_or(program));
            return if program.is_absolute() {
                Ok(Self::Sendmail(program))
            } else {
                Err("the program needs an absolute path".into())
            };
        }
        if let Some(character) = unescaped(text) {
            return Err(format!(
                "its user name or password contains `{character}`, which ends that part of a URL: write %23 for #, %2F \
                 for /, %3F for ?"
            ));
        }
        let url = url::Url::parse(text).map_err(|error| format!("it is not a URL ({error})"))?;
        let (security, default_port) = match url.scheme() {
            "smtp" => (Security::None, 25),
            "smtp+starttls" => (Security::StartTls, 587),
            "smtps" => (Security::Tls, 465),
            other => return Err(format!("`{other}` is not a kind of relay")),
        };
        let host = match url.host_str() {
            Some(host) if !host.is_empty() => host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            _ => return Err("the host is missing".into()),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("nothing may follow the host and port".into());
        }
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decode).transpose()?;
        let password = url.password().map(decode).transpose()?;
        if user.is_none() && password.is_some() {
            return Err("it has a password without a user name".into());
        }
        if user.is_some() && security == Security::None && !is_loopback(&host) {
            return Err("the login would cross the network unencrypted".into());
        }
        let port = url.port().unwrap_or(default_port);
        Ok(Self::Smtp(SmtpRelay { security, host, port, user, password }))
    }

    /// Returns the folder of a mailbox.
    pub fn mailbox(&self) -> Option<&std::path::Path> {
        match self {
            Self::Mailbox(folder) => Some(folder),
            Self::Sendmail(_) | Self::Smtp(_) => None,
        }
    }
}

/// Finds an unescaped character in the user name or password that would end the authority of the URL.
fn unescaped(text: &str) -> Option<char> {
    let (_, rest) = text.split_once("://")?;
    let (login, _) = rest.rsplit_once('@')?;
    login.chars().find(|character| "#/?".contains(*character))
}

fn decode(part: &str) -> Result<String, String> {
    let text = percent_encoding::percent_decode_str(part)
        .decode_utf8()
        .map_err(|_| "user name or password is not UTF-8 after percent-decoding")?;
    // AUTH PLAIN separates them with NUL (RFC 4616).
    if text.contains('\0') {
        Err("user name or password contains a NUL character".into())
    } else {
        Ok(text.into_owned())
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for RelayUrl {
    /// Writes the URL without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(folder) => write!(f, "mailbox:{}", folder.display()),
            Self::Sendmail(program) => write!(f, "sendmail:{}", program.display()),
            Self::Smtp(relay) => relay.fmt(f),
        }
    }
}

impl fmt::Display for SmtpRelay {
    /// Writes the URL without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.security {
            Security::None => "smtp",
            Security::StartTls => "smtp+starttls",
            Security::Tls => "smtps",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SmtpRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relay_urls_are_parsed_and_displayed_without_their_password() {
        let relay = RelayUrl::parse("smtp+starttls://ann:p%40ss@mail.example.org").unwrap();
        let RelayUrl::Smtp(smtp) = &relay else { panic!("not SMTP") };
        assert_eq!((smtp.user.as_deref(), smtp.password.as_deref()), (Some("ann"), Some("p@ss")));
        assert_eq!((smtp.port, smtp.security), (587, Security::StartTls));
        assert_eq!(
            format!("{relay:?} {relay}"),
            "smtp+starttls://mail.example.org:587 ".repeat(2).trim_end()
        );
        assert_eq!(RelayUrl::parse("mailbox:data/mailbox"), Ok(RelayUrl::Mailbox("data/mailbox".into())));
        for url in ["sendmail:/usr/sbin/sendmail", "sendmail:///usr/sbin/sendmail"] {
            assert_eq!(RelayUrl::parse(url).unwrap().to_string(), "sendmail:/usr/sbin/sendmail");
        }
        assert!(RelayUrl::parse("smtp://ann:x@127.0.0.1:2525").is_ok());
    }

    #[test]
    fn invalid_relay_urls_are_rejected_with_a_reason() {
        for (text, why) in [
            ("mailbox:", "folder"),
            ("sendmail:", "absolute path"),
            ("sendmail:sendmail", "absolute path"),
            ("ftp://x", "kind of relay"),
            ("smtp://", "host"),
            ("mail.example.org", "URL"),
            ("smtp://ann:x@mail.example.org", "unencrypted"),
            ("smtps://:x@mail.example.org", "without a user name"),
            ("smtps://ann:p%00@mail.example.org", "NUL"),
            ("smtps://ann:p#w@mail.example.org", "`#`, which ends that part of a URL: write %23"),
            ("smtps://ann:p/w@mail.example.org:465", "`/`"),
            ("smtps://ann:p?w@mail.example.org", "`?`"),
            ("smtps://ann:1/w@mail.example.org", "`/`"),
            ("smtps://mail.example.org/inbox", "may follow"),
        ] {
            let error = RelayUrl::parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
