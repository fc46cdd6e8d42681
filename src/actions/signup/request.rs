//! A signup as it arrives, and why one is refused.

use crate::{
    db::{DbError, subscribers::Evidence},
    domain::{
        signup::challenge::VerifiedToken, signup_wording::SignupWording,
        subscriber::email_address::EmailAddress,
    },
};
use jiff::{SignedDuration, tz::TimeZone};

/// Most newsletters on one form.
pub const MOST_NEWSLETTERS: usize = 20;

/// A signup as it arrived.
#[derive(Debug, Clone)]
pub struct Signup {
    /// The address entered.
    pub address: EmailAddress,
    /// The newsletters' short names; at least one, at most [`MOST_NEWSLETTERS`].
    pub newsletters: Vec<String>,
    /// By what means: `form`, `json`, or `renewal` of a link that had expired.
    pub method: &'static str,
    /// The language of the page it came from, by its tag.
    pub language: Option<String>,
    /// The text that the form showed, if it was ours: what was agreed to.
    pub wording: Option<&'static SignupWording>,
    /// The zone of the reader's clock, if it is known.
    pub time_zone: Option<TimeZone>,
    /// How the request reached us.
    pub evidence: Evidence,
    /// Whether it came with a solved challenge.
    pub proof: Proof,
}

/// Whether a signup came with a solved challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It needs none.
    NotRequired,
    /// It did. The token is redeemed with the signup.
    Solved(VerifiedToken),
    /// It did not. The signup is held back until the attack ends, and discarded after a day or beyond the limits.
    Missing,
}

impl Proof {
    /// The token to redeem.
    pub const fn token(&self) -> Option<&VerifiedToken> {
        match self {
            Self::Solved(token) => Some(token),
            Self::NotRequired | Self::Missing => None,
        }
    }
}

/// Why a signup can't be taken. Nothing that is known of the address's reader is among the reasons: the answer tells nobody who is subscribed.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// A short name that is nobody's.
    #[error("there is no newsletter `{0}`")]
    NoSuchNewsletter(String),
    /// None is chosen, or more than anybody wants.
    #[error("choose at least one newsletter, and at most {MOST_NEWSLETTERS}")]
    NewsletterCount,
    /// An address that is nobody's for long.
    #[error("addresses at {0} live for a short time only; enter the one that you read every day")]
    Blocked(String),
    /// An address that several people read, on a site that does not take them.
    #[error("this looks like an address that several people read; enter your own")]
    RoleAccount,
    /// A limit is reached: the client's, or that of everybody together.
    #[error("there are too many signups; the next one is taken in {} seconds", .wait.as_secs())]
    TooMany {
        /// When another one is taken.
        wait: SignedDuration,
    },
    /// The solved challenge was used before.
    #[error("the solution of the challenge was used before; get another challenge")]
    Redeemed,
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}
