//! Other systems' words for a reader's status.

use crate::domain::import::Standing;

/// Returns the meaning of any system's word for a reader's status, or `None` if it is unknown.
pub(super) fn standing(word: &str) -> Option<Standing> {
    Some(match word.trim().to_lowercase().replace([' ', '-'], "_").as_str() {
        "confirmed" | "active" | "subscribed" | "regular" | "premium" | "gifted" | "trialed" | "churning"
        | "churned" | "past_due" | "unpaid" | "true" | "yes" | "1" => Standing::Confirmed,
        "paused" => Standing::Paused,
        // listmonk's `enabled` means not switched off. It includes users who unsubscribed from a list or
        // never confirmed.
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

/// Returns the meaning of a word for yes or no.
pub(super) fn truth(word: &str) -> Option<bool> {
    match word.trim().to_lowercase().as_str() {
        "true" | "yes" | "1" | "t" | "y" => Some(true),
        "false" | "no" | "0" | "f" | "n" => Some(false),
        _ => None,
    }
}
