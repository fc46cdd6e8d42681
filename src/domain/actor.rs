//! The actor of an action, recorded in the audit log with each change.

use crate::domain::ids::OperatorId;
use std::{borrow::Cow, fmt};

/// The person, or the part of Daily, behind an action.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// An operator who is signed in.
    Operator {
        id: OperatorId,
    },
    /// A command that was run on one of the servers.
    Command {
        /// The login name that ran it.
        os_user: String,
        /// The login name before `sudo`, if it was used.
        sudo_user: Option<String>,
        host: String,
    },
    System {
        job: Cow<'static, str>,
    },
    /// The reader, through a link or form of their own. Such changes stay out of the audit log: consent has
    /// its own ledger, and a reader's choices must stay erasable.
    Reader,
}

impl Actor {
    /// Names a component of Daily as the actor.
    pub const fn system(job: &'static str) -> Self {
        Self::System { job: Cow::Borrowed(job) }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator { id } => write!(f, "operator {id}"),
            Self::Command { os_user, sudo_user: Some(person), host } => {
                write!(f, "{person} as {os_user} on {host}")
            }
            Self::Command { os_user, sudo_user: None, host } => write!(f, "{os_user} on {host}"),
            Self::System { job } => write!(f, "Daily ({job})"),
            Self::Reader => f.write_str("the reader"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_read_back_as_they_were_written_and_can_be_shown() {
        let command = |sudo: Option<&str>| Actor::Command {
            os_user: "daily".into(),
            sudo_user: sudo.map(str::to_owned),
            host: "news1".into(),
        };
        for (actor, json, shown) in [
            (Actor::Operator { id: OperatorId(7) }, r#"{"kind":"operator","id":7}"#, "operator 7"),
            (
                command(Some("ada")),
                r#"{"kind":"command","os_user":"daily","sudo_user":"ada","host":"news1"}"#,
                "ada as daily on news1",
            ),
            (
                command(None),
                r#"{"kind":"command","os_user":"daily","sudo_user":null,"host":"news1"}"#,
                "daily on news1",
            ),
            (Actor::system("scheduler"), r#"{"kind":"system","job":"scheduler"}"#, "Daily (scheduler)"),
            (Actor::Reader, r#"{"kind":"reader"}"#, "the reader"),
        ] {
            assert_eq!(serde_json::to_string(&actor).unwrap(), json);
            assert_eq!(serde_json::from_str::<Actor>(json).unwrap(), actor);
            assert_eq!(actor.to_string(), shown);
        }
    }
}
