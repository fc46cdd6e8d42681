//! The result of a check: a state, why it matters, and how to cure it.

use jiff::civil::Date;

/// The state of something that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Issues wait until it is cured.
    Failed,
    /// Nothing is wrong with the setup, but nothing goes out while it is so.
    #[serde(rename = "warning")]
    Stopped,
    Warning,
    /// A relay or a mail server asked for less.
    Slowed,
    Ok,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stopped | Self::Warning => "warning",
            Self::Slowed => "slowed",
            Self::Ok => "ok",
        }
    }
}

/// A page of the operators on which something can be cured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Newsletter,
    Feeds,
    Readers,
    People,
    Issue(Date),
    Live(Date),
}

/// Something that was checked.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Finding {
    /// The name of the check. It is the same wherever findings are shown.
    pub what: String,
    pub state: State,
    /// The state in words.
    pub detail: String,
    /// Why it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// The lines that Daily and a relay said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conversation: Vec<String>,
    /// The state as a clause, such as "no worker is running", if the name and the words don't make one.
    #[serde(skip)]
    clause: Option<String>,
    /// The short name of the newsletter that it is about. `None`: it concerns all.
    #[serde(skip)]
    pub newsletter: Option<String>,
    /// The page that helps.
    #[serde(skip)]
    pub place: Option<Place>,
    /// Something is not set up, which an operator may decide to do without.
    #[serde(skip)]
    pub is_setup: bool,
}

impl Finding {
    pub fn new(what: impl Into<String>, state: State, detail: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state,
            detail: detail.into(),
            why: None,
            cure: None,
            conversation: Vec::new(),
            clause: None,
            newsletter: None,
            place: None,
            is_setup: false,
        }
    }

    pub fn ok(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(what, State::Ok, detail)
    }

    pub fn warning(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(what, State::Warning, detail)
    }

    pub fn failed(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(what, State::Failed, detail)
    }

    #[must_use]
    pub fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    #[must_use]
    pub fn cured_by(self, cure: impl Into<String>) -> Self {
        Self { cure: Some(cure.into()), ..self }
    }

    pub(super) fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    pub(super) fn of(self, newsletter: &str) -> Self {
        Self { newsletter: Some(newsletter.to_owned()), ..self }
    }

    pub(super) fn of_setup(self) -> Self {
        Self { is_setup: true, ..self }
    }

    #[must_use]
    pub fn said(self, clause: impl Into<String>) -> Self {
        Self { clause: Some(clause.into()), ..self }
    }

    pub(super) fn with(self, conversation: &[String]) -> Self {
        Self { conversation: conversation.to_vec(), ..self }
    }

    /// Whether nothing goes out while it is so.
    pub const fn blocks(&self) -> bool {
        matches!(self.state, State::Failed | State::Stopped)
    }

    /// Returns the state as a clause.
    pub fn clause(&self) -> String {
        self.clause.clone().unwrap_or_else(|| format!("{}: {}", self.what, self.detail))
    }

    /// Returns detail, reason and cure in one sentence.
    pub fn sentence(&self) -> String {
        let mut text = self.detail.clone();
        if let Some(why) = &self.why {
            text.push_str(": ");
            text.push_str(why);
        }
        if let Some(cure) = &self.cure {
            text.push_str("; ");
            text.push_str(cure);
        }
        text
    }
}

/// Returns the findings while which nothing goes out.
pub fn blockers(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|it| it.blocks()).collect()
}
