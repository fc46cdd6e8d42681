//! A signup request and its errors.

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

#[derive(Debug, Clone)]
pub struct Signup {
    pub address: EmailAddress,
    /// Short names of the newsletters, from one to [`MOST_NEWSLETTERS`].
    pub newsletters: Vec<String>,
    /// `form`, `json`, or `renewal` of an expired link.
    pub method: &'static str,
    /// Language tag of the page with the form.
    pub language: Option<String>,
    /// The consent wording, if our own form showed it.
    pub wording: Option<&'static SignupWording>,
    pub time_zone: Option<TimeZone>,
    pub evidence: Evidence,
    pub proof: Proof,
}

/// Whether a signup came with a solved challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The signup needs none.
    NotRequired,
    /// The token is redeemed with the signup.
    Solved(VerifiedToken),
    /// The signup is held back until the attack ends. It is discarded after a day, or if there are too many.
    Missing,
}

impl Proof {
    /// Returns the token to redeem.
    pub const fn token(&self) -> Option<&VerifiedToken> {
        match self {
            Self::Solved(token) => Some(token),
            Self::NotRequired | Self::Missing => None,
        }
    }
}

/// Why a signup is refused. No reason depends on the reader of the address, so that the response doesn't
/// reveal who is subscribed, and none quotes the signup.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    #[error("there is no such newsletter")]
    NoSuchNewsletter,
    #[error("choose at least one newsletter, and at most {MOST_NEWSLETTERS}")]
    NewsletterCount,
    /// The domain is blocked, as those of disposable addresses are.
    #[error("this address is temporary; enter one that you check every day")]
    Blocked,
    /// Role addresses are not allowed.
    #[error("this looks like a shared address; enter your own")]
    RoleAccount,
    /// The client's limit or the overall limit is reached.
    #[error("too many signups; try again in {} seconds", .wait.as_secs())]
    TooMany { wait: SignedDuration },
    #[error("the challenge was redeemed before; get another one")]
    Redeemed,
    #[error(transparent)]
    Db(#[from] DbError),
}
