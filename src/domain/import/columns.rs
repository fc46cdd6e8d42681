//! Which column of a list holds what.

use crate::domain::{import::Source, string_enum::string_enum};

string_enum! {
    /// What a column can hold that Daily takes.
    Field {
        Email = "email",
        /// How the reader stands.
        Status = "status",
        /// When they signed up.
        RequestedAt = "requested_at",
        RequestedIp = "requested_ip",
        /// When they confirmed.
        ConfirmedAt = "confirmed_at",
        ConfirmedIp = "confirmed_ip",
        /// When it ended.
        EndedAt = "ended_at",
        /// Which issues they want.
        Cadence = "cadence",
        Sections = "sections",
        TimeZone = "time_zone",
        /// When issues should come.
        SendTime = "send_time",
        /// The day until which they rest.
        PausedUntil = "paused_until",
        /// In which language they are written to.
        Language = "language",
    }
}

/// How a list tells how a reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A word in the column of statuses.
    Word(usize),
    /// A column that says whether mail is wanted.
    Wanted(usize),
    /// A column that says whether mail is switched off.
    SwitchedOff(usize),
    /// A column that names what mail is wanted; with nothing in it: none.
    WhatIsWanted(usize),
    /// All in this list bounced.
    AllUndeliverable,
    /// All in this list left; the column says why, and it may be a complaint.
    AllUnsubscribed(Option<usize>),
    /// Who has a date of confirmation.
    Dates,
    /// Nothing but the operator's word that all in this list confirmed.
    OperatorsWord,
}

/// What an operator says about a list.
#[derive(Debug, Clone, Default)]
pub struct LayoutOptions {
    /// Who wrote it; `None`: its first line tells.
    pub source: Option<Source>,
    /// Which column holds what, by their names.
    pub mapping: Vec<(Field, String)>,
    /// All in it confirmed who did not leave, bounce or complain.
    pub all_confirmed: bool,
    /// All in it left who did not bounce or complain.
    pub all_unsubscribed: bool,
}

/// Why a list can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// There is nothing in it.
    #[error("the file is empty: its first line must name its columns")]
    Empty,
    /// No column of addresses.
    #[error("no column is known to hold addresses; name it with --map email=COLUMN. The columns are: {0}")]
    NoAddresses(String),
    /// A mapping names a column that is not there.
    #[error("there is no column `{wanted}` for {field}; the columns are: {columns}")]
    NoSuchColumn {
        field: Field,
        /// The column named.
        wanted: String,
        /// Those that there are.
        columns: String,
    },
    /// Not what that system writes.
    #[error(
        "this is not a list as {source_name} writes it: there is no column `{missing}`; the columns are: {columns}"
    )]
    NotFrom {
        /// Who should have written it.
        source_name: Source,
        /// What is missing.
        missing: &'static str,
        /// The columns that there are.
        columns: String,
    },
    /// Nothing tells who confirmed.
    #[error(
        "nothing in this list tells who confirmed: name a column with --map status=COLUMN or --map confirmed_at=COLUMN; or \
         give --all-confirmed, if each of its readers has agreed to get this newsletter and you can show it, or --all-unsubscribed, \
         if each of them has left"
    )]
    NobodyConfirmed,
}

/// Why a mapping can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not FIELD=COLUMN with a field of: {}", fields())]
pub struct MappingError {
    text: String,
}

fn fields() -> String {
    Field::ALL.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ")
}

/// Reads `email=E-Mail,status=State`. (A column with a comma in its name can't be named.)
pub fn parse_mapping(text: &str) -> Result<Vec<(Field, String)>, MappingError> {
    text.split(',')
        .map(|part| {
            let (field, column) = part.split_once('=').ok_or_else(|| MappingError { text: part.into() })?;
            let field = field.trim().parse().map_err(|_| MappingError { text: part.into() })?;
            if column.trim().is_empty() {
                return Err(MappingError { text: part.into() });
            }
            Ok((field, column.trim().to_owned()))
        })
        .collect()
}

/// Which column of a list holds what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Who wrote it.
    pub source: Source,
    pub(super) places: [Option<usize>; Field::ALL.len()],
    pub(super) rule: Rule,
    /// Who did not confirm by this rule did by the operator's word.
    pub(super) all_confirmed: bool,
    /// Who did not end otherwise by this rule left, by the operator's word.
    pub(super) all_unsubscribed: bool,
}

/// The names of columns that tell who wrote a list. The first that all are there counts.
const SIGNS: &[(Source, &[&str])] = &[
    (Source::Daily, &["email", "status", "requested_at", "confirmed_at", "ended_at", "cadence"]),
    (Source::Listmonk, &["uuid", "email", "attributes", "status"]),
    (Source::Mailchimp, &["email address", "optin_time", "confirm_time"]),
    (Source::Substack, &["email", "active_subscription", "email_disabled"]),
    (Source::Substack, &["email", "subscription type", "subscription date", "receiving emails for"]),
    (Source::Ghost, &["email", "subscribed_to_emails", "created_at"]),
    (Source::Buttondown, &["email", "subscriber_type", "creation_date"]),
    (Source::Buttondown, &["email_address", "type", "creation_date"]),
];

/// The columns of each system by what they hold.
const fn names(source: Source) -> &'static [(Field, &'static [&'static str])] {
    use Field as F;
    match source {
        Source::Daily => &[
            (F::Email, &["email"]),
            (F::Status, &["status"]),
            (F::RequestedAt, &["requested_at"]),
            (F::RequestedIp, &["requested_ip"]),
            (F::ConfirmedAt, &["confirmed_at"]),
            (F::ConfirmedIp, &["confirmed_ip"]),
            (F::EndedAt, &["ended_at"]),
            (F::Cadence, &["cadence"]),
            (F::Sections, &["sections"]),
            (F::TimeZone, &["time_zone"]),
            (F::SendTime, &["send_time"]),
            (F::PausedUntil, &["paused_until"]),
            (F::Language, &["language"]),
        ],
        Source::Listmonk => {
            &[(F::Email, &["email"]), (F::Status, &["status"]), (F::RequestedAt, &["created_at"])]
        }
        Source::Mailchimp => &[
            (F::Email, &["email address"]),
            (F::RequestedAt, &["optin_time"]),
            (F::RequestedIp, &["optin_ip"]),
            (F::ConfirmedAt, &["confirm_time"]),
            (F::ConfirmedIp, &["confirm_ip"]),
            (F::EndedAt, &["unsub_time", "clean_time"]),
        ],
        Source::Substack => &[(F::Email, &["email"]), (F::RequestedAt, &["created_at", "subscription date"])],
        Source::Ghost => {
            &[(F::Email, &["email"]), (F::RequestedAt, &["created_at"]), (F::EndedAt, &["deleted_at"])]
        }
        Source::Buttondown => &[
            (F::Email, &["email", "email_address"]),
            (F::Status, &["subscriber_type", "type"]),
            (F::RequestedAt, &["creation_date"]),
            (F::EndedAt, &["unsubscription_date"]),
        ],
        Source::Csv => &[
            (
                F::Email,
                &["email", "e-mail", "email address", "e-mail address", "email_address", "address", "mail"],
            ),
            (F::Status, &["status", "state"]),
            (F::RequestedAt, &["requested_at", "created_at", "subscribed_at", "signup_date", "optin_time"]),
            (F::RequestedIp, &["requested_ip", "signup_ip", "optin_ip", "ip", "ip_address"]),
            (F::ConfirmedAt, &["confirmed_at", "confirm_time", "confirmed"]),
            (F::ConfirmedIp, &["confirmed_ip", "confirm_ip"]),
            (F::EndedAt, &["ended_at", "unsubscribed_at", "unsub_time"]),
            (F::Cadence, &["cadence"]),
            (F::Sections, &["sections"]),
            (F::TimeZone, &["time_zone"]),
            (F::SendTime, &["send_time"]),
            (F::PausedUntil, &["paused_until"]),
            (F::Language, &["language"]),
        ],
    }
}

impl Layout {
    /// Finds out from the first line of a list, and from what the operator says, which column holds what.
    pub fn of<'a>(
        header: impl IntoIterator<Item = &'a str>,
        options: &LayoutOptions,
    ) -> Result<Self, LayoutError> {
        let columns: Vec<String> = header.into_iter().map(|name| name.trim().to_lowercase()).collect();
        if columns.iter().all(String::is_empty) {
            return Err(LayoutError::Empty);
        }
        let listed = || {
            let shown: Vec<_> =
                columns.iter().take(50).map(|it| it.chars().take(60).collect::<String>()).collect();
            shown.join(", ")
        };
        let place = |name: &str| columns.iter().position(|it| it == name);
        let is_from = |signs: &&(Source, &[&str])| signs.1.iter().all(|name| place(name).is_some());
        let source =
            options.source.unwrap_or_else(|| SIGNS.iter().find(is_from).map_or(Source::Csv, |it| it.0));
        let mut places = [None; Field::ALL.len()];
        for (field, names) in names(source) {
            places[*field as usize] = names.iter().find_map(|name| place(name));
        }
        let mut status_named = false;
        for (field, wanted) in &options.mapping {
            let found = place(&wanted.to_lowercase()).ok_or_else(|| LayoutError::NoSuchColumn {
                field: *field,
                wanted: wanted.clone(),
                columns: listed(),
            })?;
            places[*field as usize] = Some(found);
            status_named |= *field == Field::Status;
        }
        if places[Field::Email as usize].is_none() {
            return Err(LayoutError::NoAddresses(listed()));
        }
        let missing = |missing| LayoutError::NotFrom { source_name: source, missing, columns: listed() };
        let status = places[Field::Status as usize];
        let confirmed_at = places[Field::ConfirmedAt as usize];
        let rule = match source {
            _ if status_named => status.map(Rule::Word),
            Source::Mailchimp if place("clean_time").is_some() => Some(Rule::AllUndeliverable),
            Source::Mailchimp if place("unsub_time").is_some() => {
                Some(Rule::AllUnsubscribed(place("unsub_reason")))
            }
            Source::Mailchimp => confirmed_at.map(|_| Rule::Dates),
            Source::Substack => place("email_disabled")
                .map(Rule::SwitchedOff)
                .or_else(|| place("receiving emails for").map(Rule::WhatIsWanted)),
            Source::Ghost => place("subscribed_to_emails").map(Rule::Wanted),
            Source::Listmonk | Source::Daily | Source::Buttondown => status.map(Rule::Word),
            Source::Csv => status.map(Rule::Word).or(confirmed_at.map(|_| Rule::Dates)),
        };
        // The operator's word stands in for a rule that is missing, and goes before none that is there.
        let rule = match (rule, source) {
            (Some(rule), _) => rule,
            (None, _) if options.all_unsubscribed => Rule::AllUnsubscribed(place("unsub_reason")),
            (None, _) if options.all_confirmed => Rule::OperatorsWord,
            (None, Source::Csv) => return Err(LayoutError::NobodyConfirmed),
            (None, Source::Mailchimp) => return Err(missing("CONFIRM_TIME")),
            (None, Source::Substack) => return Err(missing("email_disabled")),
            (None, Source::Ghost) => return Err(missing("subscribed_to_emails")),
            (None, Source::Buttondown) => return Err(missing("subscriber_type")),
            (None, Source::Listmonk | Source::Daily) => return Err(missing("status")),
        };
        let (all_confirmed, all_unsubscribed) = (options.all_confirmed, options.all_unsubscribed);
        Ok(Self { source, places, rule, all_confirmed, all_unsubscribed })
    }
}
