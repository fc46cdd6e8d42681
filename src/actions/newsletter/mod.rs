//! Operators add, change and remove newsletters.

pub mod add_newsletter;
pub mod details;
pub mod remove_newsletter;
pub mod set_newsletter;
pub mod test_groups;

use crate::domain::{newsletter::Newsletter, subscriber::email_address::EmailAddress};
use serde_json::{Value, json};

/// Returns the settings of a newsletter by name, for output and the audit log.
pub fn settings(it: &Newsletter) -> Value {
    json!({
        "slug": it.slug,
        "title": it.title,
        "tagline": it.tagline,
        "sender_name": it.sender_name,
        "sender_address": it.sender_address.as_str(),
        "reply_to": it.reply_to.as_ref().map(EmailAddress::as_str),
        "days": it.days.to_string(),
        "send_time": it.send_time.strftime("%H:%M").to_string(),
        "time_zone": it.time_zone_name(),
        "clock": it.clock,
        "selection": it.selection,
        "min_stories": it.min_stories,
        "max_stories": it.max_stories,
        "needs_approval": it.needs_approval,
        "sections": it.sections,
        "site_url": it.brand.site_url.as_ref().map(url::Url::as_str),
        "privacy_url": it.brand.privacy_url.as_ref().map(url::Url::as_str),
        "footer": it.brand.footer,
        "social": (!it.brand.social.is_empty()).then(|| it.brand.social.to_string()),
        "utm": it.brand.link_tags.as_ref().map(ToString::to_string),
        "logo_url": it.theme.logo_url.as_ref().map(url::Url::as_str),
        "accent": it.theme.accent.map(|accent| accent.to_string()),
        "fonts": it.theme.fonts,
        "postal_address": it.postal_address,
        "language": it.language,
        "archive": it.archive,
    })
}
