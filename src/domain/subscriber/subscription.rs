//! A subscription: one subscriber's relation to one newsletter.

use crate::domain::string_enum::string_enum;

string_enum! {
    /// The status of a subscription. Only active ones get issues.
    SubscriptionStatus {
        /// Requested, not confirmed: gets a confirmation email and nothing else.
        Pending = "pending",
        Active = "active",
        /// Confirmed, but paused by the reader.
        Paused = "paused",
        /// The reader unsubscribed.
        Unsubscribed = "unsubscribed",
        /// A relay rejected the address permanently.
        Undeliverable = "undeliverable",
        /// The reader reported our email as spam.
        Complained = "complained",
    }
}

impl SubscriptionStatus {
    /// Whether the reader is subscribed: active or paused.
    pub const fn is_confirmed(self) -> bool {
        matches!(self, Self::Active | Self::Paused)
    }
}

/// The result of a signup. The form's response is the same in all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignupOutcome {
    /// The subscription becomes or stays pending, and a confirmation email goes out.
    SendConfirmation,
    /// The reader is already subscribed and gets an email that says so, at most one a day.
    SendAlreadySubscribed,
    /// The address must not be mailed.
    SendNothing,
}

/// Minimum time between two emails that signups cause for one subscription. It keeps the form from being used
/// to flood an inbox.
pub const SIGNUP_MAIL_INTERVAL: jiff::SignedDuration = jiff::SignedDuration::from_mins(2);
/// Minimum time between two "already subscribed" emails.
pub const ALREADY_SUBSCRIBED_INTERVAL: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// Minimum time between two confirmation emails to a suppressed address, after new signups. A relay may have
/// refused it by mistake, and only its reader can confirm.
pub const SUPPRESSED_SIGNUP_INTERVAL: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);
/// Minimum time between two welcome emails to readers who join and leave on their preferences page.
pub const WELCOME_INTERVAL: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Returns whether the reason of a suppression is the reader's own complaint.
pub fn is_complaint(reason: &str) -> bool {
    reason.starts_with(SubscriptionStatus::Complained.as_str())
}

/// Minimum time between two goodbye emails.
pub const GOODBYE_INTERVAL: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Decides the result of a signup.
///
/// `status` is the subscription's, if there is one. `suppressed`: the address is on the suppression list for
/// a reason that a signup can't lift. `since_last_mail` is the time since the last email that a signup
/// caused.
pub fn on_signup(
    status: Option<SubscriptionStatus>,
    suppressed: bool,
    since_last_mail: Option<jiff::SignedDuration>,
) -> SignupOutcome {
    let elapsed = |interval| since_last_mail.is_none_or(|since| since >= interval);
    match status {
        _ if suppressed => SignupOutcome::SendNothing,
        Some(SubscriptionStatus::Complained) => SignupOutcome::SendNothing,
        Some(SubscriptionStatus::Active | SubscriptionStatus::Paused) => {
            if elapsed(ALREADY_SUBSCRIBED_INTERVAL) {
                SignupOutcome::SendAlreadySubscribed
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
            if elapsed(SIGNUP_MAIL_INTERVAL) {
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
    fn the_status_decides_which_email_a_signup_causes() {
        use SignupOutcome as O;
        use SubscriptionStatus as S;
        assert_eq!(on_signup(None, false, None), O::SendConfirmation);
        assert_eq!(on_signup(Some(S::Unsubscribed), false, None), O::SendConfirmation);
        assert_eq!(on_signup(Some(S::Active), false, None), O::SendAlreadySubscribed);
        assert_eq!(on_signup(Some(S::Complained), false, None), O::SendNothing);
        assert_eq!(on_signup(None, true, None), O::SendNothing);
    }

    #[test]
    fn repeated_signups_do_not_cause_an_email_each() {
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
