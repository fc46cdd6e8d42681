//! Decides which failed copies an operator may have sent again.
//!
//! A copy is sent again only if its reader certainly doesn't have it, and may want it: no attempt was ever in doubt,
//! the refusal was not of the address itself, and the issue is a few days old.

use crate::domain::delivery::enhanced_code::EnhancedCode;
use jiff::SignedDuration;

/// Age up to which an issue is sent again, from its freeze. Deliveries are kept for longer, so all are still rows.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whether a copy whose last answer was this one may be sent again. Without a code, no relay took it in time. Refusals
/// of the address are final, and so are those that don't say why, which mostly mean an unknown mailbox.
pub fn may_resend(code: Option<i64>, enhanced: Option<EnhancedCode>) -> bool {
    let is_permanent = code.is_some_and(|code| code >= 500);
    match enhanced.map(|it| (it.subject(), it.detail())) {
        _ if !is_permanent => true,
        // These are about the sender's address.
        Some((1, 7 | 8)) => true,
        // Address and mailbox, and Exchange's word for an unknown recipient.
        Some((1, _) | (2 | 4, 1)) => false,
        Some(_) => true,
        None => !matches!(code, Some(550 | 551 | 553)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_mailboxes_policy_and_outages_are_tried_again_and_dead_addresses_are_not() {
        let may = |code: i64, enhanced: &str| may_resend(Some(code), enhanced.parse().ok());
        for (code, enhanced) in [
            (552, "5.2.2"),
            (550, "5.7.1"),
            (554, "5.7.26"),
            (550, "5.1.8"),
            (452, "4.2.2"),
            (450, "4.1.1"),
            (552, ""),
            (554, ""),
        ] {
            assert!(may(code, enhanced), "{code} {enhanced}");
        }
        for (code, enhanced) in [
            (550, "5.1.1"),
            (550, "5.1.10"),
            (550, "5.1.0"),
            (550, "5.2.1"),
            (550, "5.4.1"),
            (550, ""),
            (551, ""),
            (553, ""),
        ] {
            assert!(!may(code, enhanced), "{code} {enhanced}");
        }
        assert!(may_resend(None, None), "no relay took it");
    }
}
