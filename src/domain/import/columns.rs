//! Finds the meaning of the columns in an imported list.

use crate::domain::{
    import::{Source, Standing},
    string_enum::string_enum,
};

string_enum! {
    /// The fields that Daily imports.
    Field {
        Email = "email",
        /// Status of the subscription.
        Status = "status",
        /// Time of signup.
        RequestedAt = "requested_at",
        RequestedIp = "requested_ip",
        /// Time of confirmation.
        ConfirmedAt = "confirmed_at",
        ConfirmedIp = "confirmed_ip",
        /// Time when the subscription ended.
        EndedAt = "ended_at",
        /// Frequency of issues.
        Cadence = "cadence",
        Sections = "sections",
        TimeZone = "time_zone",
        /// Time of day for issues.
        SendTime = "send_time",
        /// Date until which the subscription is paused.
        PausedUntil = "paused_until",
        /// Language of emails to the reader.
        Language = "language",
    }
}

/// The rule that determines a reader's status in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A word in the status column.
    Word(usize),
    /// A column that says whether the reader wants email.
    Wanted(usize),
    /// A column that says whether email is switched off.
    SwitchedOff(usize),
    /// A column that names the wanted emails. Empty means none.
    WhatIsWanted(usize),
    /// All addresses in the list bounced.
    AllUndeliverable,
    /// All readers in the list unsubscribed. The column has the reason, which may be a complaint.
    AllUnsubscribed(Option<usize>),
    /// Readers with a date of confirmation have confirmed.
    Dates,
    /// Only the operator's statement that all readers in the list confirmed.
    OperatorsWord,
}

/// The operator's options for a list.
#[derive(Debug, Clone, Default)]
pub struct LayoutOptions {
    /// The system that wrote the list. `None`: detect it from the first line.
    pub source: Option<Source>,
    /// Column names of fields.
    pub mapping: Vec<(Field, String)>,
    /// Whether all readers in the list confirmed, except those who unsubscribed, bounced or complained.
    pub all_confirmed: bool,
    /// Whether all readers in the list unsubscribed, except those who bounced or complained.
    pub all_unsubscribed: bool,
}

/// The reason why a list can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The list is empty.
    #[error("the file is empty: its first line must name its columns")]
    Empty,
    /// There is no column of addresses.
    #[error("no column is known to hold addresses; name it with --map email=COLUMN. The columns are: {0}")]
    NoAddresses(String),
    /// A mapping names a missing column.
    #[error("there is no column `{wanted}` for {field}; the columns are: {columns}")]
    NoSuchColumn {
        field: Field,
        /// The missing column.
        wanted: String,
        /// The columns of the list.
        columns: String,
    },
    /// The list doesn't have the expected system's columns.
    #[error(
        "this is not a list as {source_name} writes it: there is no column `{missing}`; the columns are: {columns}"
    )]
    NotFrom {
        /// The expected system.
        source_name: Source,
        /// The missing column.
        missing: &'static str,
        /// The columns of the list.
        columns: String,
    },
    /// The list doesn't show which readers confirmed.
    #[error(
        "nothing in this list tells who confirmed: name a column with --map status=COLUMN or --map confirmed_at=COLUMN; or \
         give --all-confirmed, if each of its readers has agreed to get this newsletter and you can show it, or --all-unsubscribed, \
         if each of them has left"
    )]
    NobodyConfirmed,
}

/// The reason why a mapping can't be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not FIELD=COLUMN with a field of: {}", fields())]
pub struct MappingError {
    text: String,
}

fn fields() -> String {
    Field::ALL.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ")
}

/// Parses `email=E-Mail,status=State`. Column names with a comma are not supported.
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

/// The meaning of a list's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The system that wrote the list.
    pub source: Source,
    pub(super) places: [Option<usize>; Field::ALL.len()],
    pub(super) rule: Rule,
    /// Columns that end a subscription whatever the rule says, with the reader's status.
    pub(super) switches: Vec<(usize, Standing)>,
    /// Whether readers count as confirmed if the rule doesn't show that they did, because the operator said
    /// so.
    pub(super) all_confirmed: bool,
    /// Whether readers count as unsubscribed if the rule doesn't show another end, because the operator said
    /// so.
    pub(super) all_unsubscribed: bool,
}

/// Column names that identify a list's system. The first entry whose columns are all present matches.
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

/// Names of columns that say yes if a reader must get no email.
const SWITCHES: &[(&str, Standing)] = &[
    ("complained", Standing::Complained),
    ("spam_complaint", Standing::Complained),
    ("bounced", Standing::Undeliverable),
    ("hard_bounced", Standing::Undeliverable),
    ("undeliverable", Standing::Undeliverable),
    ("blocked", Standing::Blocked),
    ("blocklisted", Standing::Blocked),
    ("suppressed", Standing::Blocked),
    ("email_suppressed", Standing::Blocked),
    ("email_disabled", Standing::Unsubscribed),
    ("emails_disabled", Standing::Unsubscribed),
    ("email disabled", Standing::Unsubscribed),
    ("do_not_email", Standing::Unsubscribed),
    ("unsubscribed", Standing::Unsubscribed),
    ("opt_out", Standing::Unsubscribed),
    ("opted_out", Standing::Unsubscribed),
];

/// Returns the column names of a system by field.
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
    /// Returns the place of a field's column in a row, from 0.
    pub const fn place(&self, field: Field) -> Option<usize> {
        self.places[field as usize]
    }

    /// Finds the meaning of the columns from a list's first line and the operator's options.
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
        // The operator's statement replaces a missing rule, but doesn't override one.
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
        let switches =
            SWITCHES.iter().filter_map(|(name, standing)| Some((place(name)?, *standing))).collect();
        let (all_confirmed, all_unsubscribed) = (options.all_confirmed, options.all_unsubscribed);
        Ok(Self { source, places, rule, switches, all_confirmed, all_unsubscribed })
    }

    /// Finds the meaning of the columns of a list that doesn't name them. Their names are their numbers, from
    /// 1, and `addresses` is the column of addresses, from 0.
    pub fn without_names(
        columns: usize,
        addresses: usize,
        options: &LayoutOptions,
    ) -> Result<Self, LayoutError> {
        let names: Vec<String> = (1..=columns).map(|number| number.to_string()).collect();
        let mut options = options.clone();
        if !options.mapping.iter().any(|(field, _)| *field == Field::Email) {
            options.mapping.push((Field::Email, (addresses + 1).to_string()));
        }
        Self::of(names.iter().map(String::as_str), &options)
    }
}
