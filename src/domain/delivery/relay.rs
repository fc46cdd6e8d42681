//! A relay: the way out for email.

use std::{fmt, path::PathBuf};

/// A relay's address, as configured.
#[derive(Clone, PartialEq, Eq)]
pub enum RelayUrl {
    /// `mailbox:DIR`: each email becomes a file in a folder. For trying things out.
    Mailbox(PathBuf),
    /// `sendmail:PROGRAM`: the program takes each email on its standard input.
    Sendmail(PathBuf),
    /// `smtp://`, `smtp+starttls://` or `smtps://`.
    Smtp(SmtpRelay),
}

/// An SMTP server that takes our mail.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpRelay {
    /// How the connection is protected.
    pub security: Security,
    /// Name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The user to log in as, if the relay asks for a login.
    pub user: Option<String>,
    /// The user's password; none if an [`OauthToken`] takes its place.
    pub password: Option<String>,
}

/// Where a relay's OAuth 2.0 access token comes from. It is short-lived, so it's read at each login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OauthToken {
    /// A file that another program keeps up to date.
    File(PathBuf),
    /// A command for the shell that prints the token.
    Command(String),
}

/// How a connection to a relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Not at all: for a relay on the same machine or network.
    None,
    /// STARTTLS (RFC 3207), required: without it nothing is sent.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

impl RelayUrl {
    /// Reads a relay's URL; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(folder) = text.strip_prefix("mailbox:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            return if folder.is_empty() {
                Err("it names no folder".into())
            } else {
                Ok(Self::Mailbox(folder.into()))
            };
        }
        if let Some(program) = text.strip_prefix("sendmail:") {
            let program = PathBuf::from(program.strip_prefix("//").unwrap_or(program));
            return if program.is_absolute() {
                Ok(Self::Sendmail(program))
            } else {
                Err("it names no program by its whole path".into())
            };
        }
        if let Some(character) = unescaped(text) {
            return Err(format!(
                "its user name or password holds a `{character}`, which ends that part of a URL: write %23 for #, %2F \
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
            _ => return Err("it names no host".into()),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("something follows the host and port".into());
        }
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decode).transpose()?;
        let password = url.password().map(decode).transpose()?;
        if user.is_none() && password.is_some() {
            return Err("it has a password without a user name".into());
        }
        if user.is_some() && security == Security::None && !is_loopback(&host) {
            return Err("the login would cross the network unprotected".into());
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

/// Finds a character in user name or password that ends the authority of a URL, so that the rest isn't read as meant.
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
    if text.contains('\0') { Err("user name or password holds a NUL".into()) } else { Ok(text.into_owned()) }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for RelayUrl {
    /// Without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(folder) => write!(f, "mailbox:{}", folder.display()),
            Self::Sendmail(program) => write!(f, "sendmail:{}", program.display()),
            Self::Smtp(relay) => relay.fmt(f),
        }
    }
}

impl fmt::Display for SmtpRelay {
    /// Without credentials.
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
    fn relay_urls_are_read_and_shown_without_their_password() {
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
    fn impossible_relays_say_why() {
        for (text, why) in [
            ("mailbox:", "folder"),
            ("sendmail:", "whole path"),
            ("sendmail:sendmail", "whole path"),
            ("ftp://x", "kind of relay"),
            ("smtp://", "host"),
            ("mail.example.org", "URL"),
            ("smtp://ann:x@mail.example.org", "unprotected"),
            ("smtps://:x@mail.example.org", "without a user name"),
            ("smtps://ann:p%00@mail.example.org", "NUL"),
            ("smtps://ann:p#w@mail.example.org", "`#`, which ends that part of a URL: write %23"),
            ("smtps://ann:p/w@mail.example.org:465", "`/`"),
            ("smtps://ann:p?w@mail.example.org", "`?`"),
            ("smtps://ann:1/w@mail.example.org", "`/`"),
            ("smtps://mail.example.org/inbox", "follows"),
        ] {
            let error = RelayUrl::parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
