//! Whether a database may send.
//!
//! A database that was restored from a backup doesn't know what went out since, and would send it again. So each
//! machine that sends keeps a *marker* outside the database. A database that doesn't fit its marker is *disarmed*:
//! pages work, and nothing is sent until an operator arms it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The numbers that a database has given out. They only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenOut {
    /// The last claim on deliveries.
    pub claim: i64,
    /// The last single email.
    pub email: i64,
}

/// A machine's knowledge of the database it sends from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The key of the installation.
    pub installation: String,
    pub epoch: i64,
    #[serde(flatten)]
    pub given_out: GivenOut,
}

impl Marker {
    /// Parses `KEY:EPOCH`, as operators configure it for machines without a lasting folder.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not KEY:EPOCH as `daily arm` prints it", text.escape_debug());
        let (installation, epoch) = text.split_once(':').ok_or_else(wrong)?;
        let is_key = !installation.is_empty() && installation.bytes().all(|byte| byte.is_ascii_hexdigit());
        let epoch = epoch.parse().ok().filter(|_| is_key).ok_or_else(wrong)?;
        Ok(Self { installation: installation.to_owned(), epoch, given_out: GivenOut::default() })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.installation, self.epoch)
    }
}

/// The database's knowledge of itself.
#[derive(Debug, Clone)]
pub struct Facts {
    pub installation: String,
    pub epoch: i64,
    pub given_out: GivenOut,
    /// It is in the server and database in which it was made or armed last.
    pub is_at_home: bool,
    /// Why it is disarmed.
    pub disarmed: Option<String>,
    /// A worker on another machine sends from it at this moment.
    pub has_live_workers: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may send.
    Armed,
    /// It may send, and this machine needs a new marker.
    NewMarker,
    /// It may not send, for this reason.
    Disarmed(String),
}

/// Compares a database with this machine's marker.
pub fn judge(marker: Option<&Marker>, facts: &Facts) -> Verdict {
    let disarmed = |reason: String| Verdict::Disarmed(reason);
    if let Some(reason) = &facts.disarmed {
        return disarmed(reason.clone());
    }
    if !facts.is_at_home {
        return disarmed("it was copied here from another database".into());
    }
    let Some(marker) = marker else {
        // Without a claim or an email, nothing can be sent twice.
        let is_fresh = facts.given_out == GivenOut::default();
        return if is_fresh || facts.has_live_workers {
            Verdict::NewMarker
        } else {
            disarmed("this machine has no record of having sent from it".into())
        };
    };
    if marker.installation != facts.installation {
        return disarmed("this machine sent from another database before".into());
    }
    if marker.epoch > facts.epoch {
        return disarmed("it is older than what this machine sent from".into());
    }
    if marker.epoch < facts.epoch {
        return Verdict::NewMarker;
    }
    for (what, known, there) in [
        ("claim", marker.given_out.claim, facts.given_out.claim),
        ("email", marker.given_out.email, facts.given_out.email),
    ] {
        if known > there {
            return disarmed(format!(
                "it was set back: this machine has seen {what} {known}, and its last one is {there}"
            ));
        }
    }
    Verdict::Armed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            installation: "a1b2".into(),
            epoch: 2,
            given_out: GivenOut { claim: 10, email: 5 },
            is_at_home: true,
            disarmed: None,
            has_live_workers: false,
        }
    }

    fn marker(epoch: i64, claim: i64, email: i64) -> Marker {
        Marker { installation: "a1b2".into(), epoch, given_out: GivenOut { claim, email } }
    }

    #[test]
    fn a_database_is_armed_unless_its_marker_knows_more() {
        assert_eq!(judge(Some(&marker(2, 10, 5)), &facts()), Verdict::Armed);
        assert_eq!(judge(Some(&marker(2, 0, 0)), &facts()), Verdict::Armed, "as configured");
        assert_eq!(judge(Some(&marker(1, 99, 99)), &facts()), Verdict::NewMarker, "armed elsewhere since");
        for ahead in [marker(2, 11, 5), marker(2, 10, 6), marker(3, 0, 0)] {
            assert!(matches!(judge(Some(&ahead), &facts()), Verdict::Disarmed(_)), "{ahead:?}");
        }
        let other = Marker { installation: "ffff".into(), ..marker(2, 10, 5) };
        assert!(matches!(judge(Some(&other), &facts()), Verdict::Disarmed(_)));
    }

    #[test]
    fn without_a_marker_only_a_fresh_or_running_database_is_armed() {
        assert!(matches!(judge(None, &facts()), Verdict::Disarmed(_)));
        let fresh = Facts { given_out: GivenOut::default(), ..facts() };
        assert_eq!(judge(None, &fresh), Verdict::NewMarker);
        let running = Facts { has_live_workers: true, ..facts() };
        assert_eq!(judge(None, &running), Verdict::NewMarker, "another machine joins");
    }

    #[test]
    fn a_copy_and_a_disarmed_database_stay_disarmed_whatever_the_marker_says() {
        let copy = Facts { is_at_home: false, ..facts() };
        assert!(matches!(judge(Some(&marker(2, 10, 5)), &copy), Verdict::Disarmed(_)));
        let disarmed = Facts { disarmed: Some("restored".into()), ..facts() };
        assert_eq!(judge(Some(&marker(2, 10, 5)), &disarmed), Verdict::Disarmed("restored".into()));
    }

    #[test]
    fn a_configured_marker_is_read() {
        assert_eq!(Marker::parse("a1b2:2"), Ok(marker(2, 0, 0)));
        assert_eq!(marker(2, 1, 1).to_string(), "a1b2:2");
        for wrong in ["", "a1b2", "a1b2:", ":2", "xyz:2", "a1b2:x"] {
            assert!(Marker::parse(wrong).is_err(), "{wrong}");
        }
    }
}
