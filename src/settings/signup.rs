//! `[signup]`: signing up and unsubscribing, and what protects signups from abuse.

use crate::{
    domain::{
        rate_limit::Limit,
        signup::{challenge::ChallengePolicy, limits::SignupLimits},
    },
    settings::{
        problems::is_file,
        retention::{days, time},
        text::{optional, word},
    },
};
use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};
use validator::Validate;

pub(super) const CURES: &[(&str, &str)] = &[
    ("signup.blocked_domains_file", "give the path of a file with a domain a line, or nothing"),
    (
        "signup.dns_server",
        "write an IP address, with a port if it is not 53, such as 192.0.2.53 or 127.0.0.1:5353; or nothing",
    ),
    ("signup.proof_of_work", "write \"never\" or \"under_attack\""),
];

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Signup {
    /// How long a confirmation link works.
    #[validate(range(min = 1, max = 365))]
    pub confirmation_days: u32,
    /// Hours before a single reminder goes to people who haven't confirmed. 0: none.
    #[validate(range(max = 336))]
    pub reminder_hours: u32,
    /// Days before an unconfirmed signup is erased. 0: never.
    #[validate(range(max = 3650))]
    pub pending_days: u32,
    /// Whether a reader who confirms gets a welcome email, with the latest issue.
    pub welcome_mail: bool,
    /// Whether a reader who unsubscribes by the link gets an email that says so.
    pub goodbye_mail: bool,
    /// A file with domains whose addresses can't sign up.
    #[serde(deserialize_with = "file")]
    #[validate(custom(function = is_file))]
    pub blocked_domains_file: Option<PathBuf>,
    /// Whether a DNS query checks that an address's domain can receive email.
    pub check_mx: bool,
    /// The name server for these queries. `None`: the system's.
    #[serde(deserialize_with = "name_server")]
    pub dns_server: Option<SocketAddr>,
    /// Whether role addresses can sign up.
    pub allow_role_accounts: bool,
    /// Forms submitted faster than this are treated as automated.
    #[validate(range(max = 60))]
    pub minimum_seconds: u32,
    /// Signups from one client; 0: no limit.
    #[validate(range(max = 100_000_000))]
    pub client_per_hour: u32,
    /// Emails that signups cause to one address; 0: no limit.
    #[validate(range(max = 100_000_000))]
    pub mails_per_address_per_day: u32,
    /// Signups from all clients together; 0: no limit.
    #[validate(range(max = 100_000_000))]
    pub signups_per_minute: u32,
    /// When a signup needs a solved challenge.
    #[serde(deserialize_with = "word")]
    pub proof_of_work: ChallengePolicy,
    /// Unconfirmed signups within ten minutes that look like an attack; 0: no number does.
    #[validate(range(max = 1_000_000))]
    pub attack_signups: u32,
}

impl Signup {
    /// Returns when a reminder goes out. `None`: never.
    pub fn remind_after(&self) -> Option<SignedDuration> {
        time(SignedDuration::from_hours(self.reminder_hours.into()))
    }

    /// Returns when an unconfirmed signup is erased. `None`: never.
    pub fn erase_after(&self) -> Option<SignedDuration> {
        days(self.pending_days)
    }

    pub fn minimum_time(&self) -> SignedDuration {
        SignedDuration::from_secs(self.minimum_seconds.into())
    }

    pub fn limits(&self) -> SignupLimits {
        SignupLimits {
            client: Limit::new(self.client_per_hour, SignedDuration::from_hours(1)),
            address: Limit::new(self.mails_per_address_per_day, SignedDuration::from_hours(24)),
            overall: Limit::new(self.signups_per_minute, SignedDuration::from_mins(1)),
        }
    }

    /// Returns how many unconfirmed signups look like an attack. `None`: no number does.
    pub fn most_waiting(&self) -> Option<u32> {
        (self.attack_signups > 0).then_some(self.attack_signups)
    }
}

fn file<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    optional(from, |text| Ok(text.into()))
}

fn name_server<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    optional(from, |text| {
        text.parse()
            .or_else(|_| text.parse().map(|ip: IpAddr| SocketAddr::new(ip, 53)))
            .map_err(|_| format!("`{text}` is not an address"))
    })
}
