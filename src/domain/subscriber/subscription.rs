//! A subscription: one subscriber's relation to one newsletter.

use crate::domain::string_enum::words;

words! {
    /// Where a subscription stands. Only an active one gets issues.
    SubscriptionStatus {
        /// Asked for, not confirmed: gets one confirmation mail, nothing else.
        Pending = "pending",
        /// Confirmed.
        Active = "active",
        /// Confirmed, but resting at the reader's wish.
        Paused = "paused",
        /// The reader left.
        Unsubscribed = "unsubscribed",
        /// A relay said for good that the address takes no mail.
        Undeliverable = "undeliverable",
        /// The reader reported our mail as unwanted.
        Complained = "complained",
    }
}

impl SubscriptionStatus {
    /// Whether the reader is in: gets issues, or will again.
    pub const fn is_confirmed(self) -> bool {
        matches!(self, Self::Active | Self::Paused)
    }
}

/// What a signup for an address leads to. The form's answer is the same for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignupOutcome {
    /// The subscription becomes (or stays) pending and a confirmation mail goes out.
    SendConfirmation,
    /// The reader is in already: a mail says so, at most one a day.
    SayAlreadySubscribed,
    /// Nobody may mail this address.
    SendNothing,
}

/// Least time between two mails that a signup causes for the same subscription, so that the form can't be used to
/// bombard a stranger.
pub const SIGNUP_MAIL_INTERVAL: jiff::SignedDuration = jiff::SignedDuration::from_mins(2);
/// Least time between two "you are in already" mails.
pub const ALREADY_SUBSCRIBED_INTERVAL: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// Least time between two mails that say goodbye.
pub const GOODBYE_INTERVAL: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Decides what a signup leads to.
///
/// `status` is the subscription's, if there is one; `suppressed` says that the address is on the suppression list for a
/// reason that a signup does not lift; `since_last_mail` is the time since the last mail that a signup caused.
pub fn on_signup(
    status: Option<SubscriptionStatus>,
    suppressed: bool,
    since_last_mail: Option<jiff::SignedDuration>,
) -> SignupOutcome {
    let rested = |interval| since_last_mail.is_none_or(|since| since >= interval);
    match status {
        _ if suppressed => SignupOutcome::SendNothing,
        Some(SubscriptionStatus::Complained) => SignupOutcome::SendNothing,
        Some(SubscriptionStatus::Active | SubscriptionStatus::Paused) => {
            if rested(ALREADY_SUBSCRIBED_INTERVAL) {
                SignupOutcome::SayAlreadySubscribed
            } else {
                SignupOutcome::SendNothing
            }
        }
        None
        | Some(
            SubscriptionStatus::Pending
            | SubscriptionStatus::Unsubscribed
            | SubscriptionStatus::Undeliverable,
        ) => {
            if rested(SIGNUP_MAIL_INTERVAL) {
                SignupOutcome::SendConfirmation
            } else {
                SignupOutcome::SendNothing
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn only_the_signup_itself_decides_who_gets_which_mail() {
        use SignupOutcome as O;
        use SubscriptionStatus as S;
        assert_eq!(on_signup(None, false, None), O::SendConfirmation);
        assert_eq!(on_signup(Some(S::Unsubscribed), false, None), O::SendConfirmation);
        assert_eq!(on_signup(Some(S::Active), false, None), O::SayAlreadySubscribed);
        assert_eq!(on_signup(Some(S::Complained), false, None), O::SendNothing);
        assert_eq!(on_signup(None, true, None), O::SendNothing);
    }

    #[test]
    fn pressing_the_button_again_does_not_mail_again_at_once() {
        let minute = Some(SignedDuration::from_mins(1));
        assert_eq!(on_signup(Some(SubscriptionStatus::Pending), false, minute), SignupOutcome::SendNothing);
        let hour = Some(SignedDuration::from_hours(1));
        assert_eq!(
            on_signup(Some(SubscriptionStatus::Pending), false, hour),
            SignupOutcome::SendConfirmation
        );
        assert_eq!(on_signup(Some(SubscriptionStatus::Active), false, hour), SignupOutcome::SendNothing);
    }
}
