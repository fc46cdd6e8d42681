//! A list that an operator uploaded on the pages: its states, and how to read it.

use crate::domain::{
    import::{DateFormat, Dates, Field, LayoutOptions, Source},
    newsletter::parse_time_zone,
    string_enum::string_enum,
};
use encoding_rs::Encoding;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// How long an uploaded file waits to be imported.
pub const FILE_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long the report of an import is kept.
pub const REPORT_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A list that is read gives a sign of life every second. After this time without one, its process has ended.
pub const SILENCE: SignedDuration = SignedDuration::from_secs(60);
/// Longest evidence, in characters.
const MAX_EVIDENCE_CHARS: usize = 150;

string_enum! {
    /// The state of an uploaded list.
    ImportStatus {
        /// The file is being uploaded.
        Receiving = "receiving",
        Received = "received",
        /// A dry run is reading it.
        Checking = "checking",
        /// A dry run has read it.
        Checked = "checked",
        Importing = "importing",
        Done = "done",
        Failed = "failed",
    }
}

impl ImportStatus {
    /// Whether a process reads the list in this state.
    pub const fn is_reading(self) -> bool {
        matches!(self, Self::Checking | Self::Importing)
    }
}

string_enum! {
    /// The proof that the readers of a list agreed.
    Proof {
        /// A status or a date in the list.
        List = "list",
        /// The operator can show it for every reader whom the list doesn't mark otherwise.
        AllConfirmed = "all_confirmed",
        /// Nothing: the readers unsubscribed.
        AllUnsubscribed = "all_unsubscribed",
    }
}

/// How to read an uploaded list.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ListOptions {
    /// The system that wrote the list. `None`: detect it.
    pub source: Option<Source>,
    /// Columns that are chosen by hand.
    pub columns: Vec<(Field, String)>,
    pub proof: Proof,
    /// How the operator can show that all readers agreed. It is recorded with the file's name.
    pub evidence: String,
    /// Empty: detect it.
    pub encoding: String,
    /// Empty: dates are like 2026-05-01 07:00.
    pub date_format: String,
    /// The time zone of dates without one. Empty: UTC.
    pub time_zone: String,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            source: None,
            columns: Vec::new(),
            proof: Proof::List,
            evidence: String::new(),
            encoding: String::new(),
            date_format: String::new(),
            time_zone: String::new(),
        }
    }
}

/// The parsed options of a list.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    pub layout: LayoutOptions,
    pub encoding: Option<&'static Encoding>,
    pub dates: Dates,
}

impl ListOptions {
    /// Parses the options. Returns every problem, each with the name of its field.
    pub fn parse(&self, now: Timestamp) -> Result<ReadOptions, Vec<(&'static str, String)>> {
        let mut problems = Vec::new();
        let encoding = self.encoding().unwrap_or_else(|problem| {
            problems.push(("encoding", problem));
            None
        });
        let format = match self.date_format.trim() {
            "" => None,
            text => match DateFormat::parse(text) {
                Ok(format) => Some(format),
                Err(problem) => {
                    problems.push(("date_format", format!("This format can’t be used: {problem}.")));
                    None
                }
            },
        };
        let zone = match self.time_zone.trim() {
            "" => TimeZone::UTC,
            text => parse_time_zone(text).unwrap_or_else(|_| {
                problems.push(("time_zone", "Write a time zone such as Europe/Berlin.".into()));
                TimeZone::UTC
            }),
        };
        if self.proof == Proof::AllConfirmed && self.evidence.trim().is_empty() {
            problems.push(("evidence", "Write how you can show that they agreed.".into()));
        }
        if self.evidence.chars().count() > MAX_EVIDENCE_CHARS {
            problems.push(("evidence", format!("Write at most {MAX_EVIDENCE_CHARS} characters.")));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let layout = LayoutOptions {
            source: self.source,
            mapping: self.columns.clone(),
            all_confirmed: self.proof == Proof::AllConfirmed,
            all_unsubscribed: self.proof == Proof::AllUnsubscribed,
        };
        Ok(ReadOptions { layout, encoding, dates: Dates { format, zone, now } })
    }

    /// Returns the chosen encoding. `None`: detect it.
    pub fn encoding(&self) -> Result<Option<&'static Encoding>, String> {
        match self.encoding.trim() {
            "" => Ok(None),
            label => Encoding::for_label(label.as_bytes())
                .map(Some)
                .ok_or_else(|| "This encoding is unknown. Try windows-1252 or utf-16le.".into()),
        }
    }

    /// Returns the name of the file for the ledger, with the operator's evidence.
    pub fn recorded_name(&self, file_name: &str) -> String {
        match (self.proof, self.evidence.trim()) {
            (Proof::AllConfirmed, evidence) => format!("{evidence}; {file_name}"),
            _ => file_name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named_with_its_field() {
        let wrong = ListOptions {
            proof: Proof::AllConfirmed,
            encoding: "klingon".into(),
            date_format: "%H".into(),
            time_zone: "Mars/Olympus".into(),
            ..ListOptions::default()
        };
        let problems = wrong.parse(Timestamp::UNIX_EPOCH).unwrap_err();
        let fields: Vec<_> = problems.iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["encoding", "date_format", "time_zone", "evidence"]);
        let right = ListOptions { evidence: "signed cards".into(), ..ListOptions::default() };
        let right = ListOptions { proof: Proof::AllConfirmed, encoding: "latin1".into(), ..right };
        let read = right.parse(Timestamp::UNIX_EPOCH).unwrap();
        assert!(read.layout.all_confirmed && read.encoding.is_some());
        assert_eq!(right.recorded_name("list.csv"), "signed cards; list.csv");
        let text = serde_json::to_string(&right).unwrap();
        assert_eq!(serde_json::from_str::<ListOptions>(&text).unwrap(), right);
        assert_eq!(serde_json::from_str::<ListOptions>("{}").unwrap(), ListOptions::default());
    }
}
