//! What is wrong with a signup, in the reader's words.

use crate::{
    actions::signup::request::{MOST_NEWSLETTERS, SubscribeError},
    domain::subscriber::email_address::{EmailAddressError, MAX_ADDRESS_BYTES, MAX_LOCAL_PART_BYTES},
    i18n::{Address, Words, fill},
};

/// The part of the form that something is wrong with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The address.
    Email,
    /// What is chosen.
    Newsletter,
}

impl Field {
    /// The field's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Newsletter => "newsletter",
        }
    }
}

/// What is wrong with a form.
#[derive(Debug)]
pub struct Wrong {
    /// With which part.
    pub field: Field,
    /// What, as a sentence.
    pub what: String,
}

/// Why a text is no address.
pub fn no_address(why: EmailAddressError, say: &Address) -> Wrong {
    Wrong { field: Field::Email, what: address_in_words(why, say) }
}

fn address_in_words(why: EmailAddressError, say: &Address) -> String {
    use EmailAddressError as E;
    let limited = |text: &str, limit: usize| fill(text, &[("limit", &limit.to_string())]);
    match why {
        E::Empty => say.empty.clone(),
        E::TooLong => limited(&say.too_long, MAX_ADDRESS_BYTES),
        E::NoAt => say.no_at.clone(),
        E::LocalTooLong => limited(&say.local_too_long, MAX_LOCAL_PART_BYTES),
        E::BadLocal => say.bad_local.clone(),
        E::NonAsciiLocal => say.non_ascii_local.clone(),
        E::BadDomain => say.bad_domain.clone(),
    }
}

/// Why a signup is not taken.
pub fn refused(why: &SubscribeError, words: &Words) -> Wrong {
    let field = if matches!(why, SubscribeError::NewsletterCount) { Field::Newsletter } else { Field::Email };
    Wrong { field, what: in_words(why, words) }
}

fn in_words(why: &SubscribeError, words: &Words) -> String {
    let say = &words.address;
    match why {
        SubscribeError::NewsletterCount => {
            fill(&words.signup.newsletter_count, &[("most", &MOST_NEWSLETTERS.to_string())])
        }
        SubscribeError::Blocked(domain) => fill(&say.blocked, &[("domain", domain)]),
        SubscribeError::RoleAccount => say.role_account.clone(),
        // What else is wrong is not the address's fault, and is answered otherwise.
        _ => say.refused.clone(),
    }
}
