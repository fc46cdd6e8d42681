//! The words that other systems have for how a reader stands.

use crate::domain::import::Standing;

/// What a word for a reader's status means, in whatever system; `None`: nobody has told us.
pub(super) fn standing(word: &str) -> Option<Standing> {
    Some(match word.trim().to_lowercase().replace([' ', '-'], "_").as_str() {
        "confirmed" | "active" | "subscribed" | "regular" | "premium" | "gifted" | "trialed" | "churning"
        | "churned" | "past_due" | "unpaid" | "true" | "yes" | "1" => Standing::Confirmed,
        "paused" => Standing::Paused,
        // listmonk's `enabled` is whoever is not switched off: who left a list, or never confirmed it, is
        // enabled, too.
        "unconfirmed" | "pending" | "unactivated" | "upcoming" | "enabled" => Standing::Unconfirmed,
        "unsubscribed" | "left" | "inactive" | "disabled" | "removed" | "archived" | "false" | "no" | "0" => {
            Standing::Unsubscribed
        }
        "undeliverable" | "bounced" | "bounce" | "cleaned" | "hard_bounce" | "invalid" => {
            Standing::Undeliverable
        }
        "blocked" | "blocklisted" | "blacklisted" | "suppressed" | "spammy" | "banned" => Standing::Blocked,
        "complained" | "complaint" | "abuse" | "spam" => Standing::Complained,
        _ => return None,
    })
}

/// What a word for yes or no means.
pub(super) fn truth(word: &str) -> Option<bool> {
    match word.trim().to_lowercase().as_str() {
        "true" | "yes" | "1" | "t" | "y" => Some(true),
        "false" | "no" | "0" | "f" | "n" => Some(false),
        _ => None,
    }
}
