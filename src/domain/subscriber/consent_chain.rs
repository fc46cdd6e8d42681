//! The ledger of consent as a chain of hashes: each entry's link is a SHA-256 over the link before it and the entry. Whoever changes,
//! removes or slips in an entry breaks every link after it.
//!
//! What is personal enters as a digest with a salt of its own. Erased together with its salt, it can't be guessed from the digest
//! (there are few IP addresses), while the chain still holds.

use aws_lc_rs::digest;

/// What a link holds fast, besides what is personal.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The entry's number in the ledger.
    pub event: i64,
    /// Whose subscription.
    pub subscription: i64,
    /// The link's place in the subscription's chain, from 1.
    pub position: i64,
    /// What happened.
    pub kind: &'a str,
    /// When, in microseconds since 1970.
    pub occurred_at: i64,
    /// By what means.
    pub method: &'a str,
    /// The text that was agreed to.
    pub wording: Option<&'a str>,
    /// Its version.
    pub wording_version: Option<i64>,
    /// The confirmation mail it is about.
    pub confirmation: Option<i64>,
}

/// What of an entry can be erased.
#[derive(Debug, Clone, Copy)]
pub struct Personal<'a> {
    /// The reader's address.
    pub address: Option<&'a str>,
    /// The client's IP address.
    pub client_address: Option<&'a str>,
    /// What the client called itself.
    pub user_agent: Option<&'a str>,
    /// The page the form stood on.
    pub source_url: Option<&'a str>,
}

impl Personal<'_> {
    /// Whether nothing of it is left.
    pub const fn is_erased(&self) -> bool {
        self.address.is_none()
            && self.client_address.is_none()
            && self.user_agent.is_none()
            && self.source_url.is_none()
    }

    /// The digest that stands for it in the chain.
    pub fn digest(&self, salt: &str) -> String {
        let mut hash = Fields::new("daily consent personal 1");
        hash.text(Some(salt));
        for field in [self.address, self.client_address, self.user_agent, self.source_url] {
            hash.text(field);
        }
        hash.finish()
    }
}

/// The link of an entry after another one; the first comes after the empty text.
pub fn link(previous: &str, entry: &Entry<'_>, personal: &str) -> String {
    let mut hash = Fields::new("daily consent entry 1");
    hash.text(Some(previous));
    for number in [entry.event, entry.subscription, entry.position, entry.occurred_at] {
        hash.number(Some(number));
    }
    hash.text(Some(entry.kind));
    hash.text(Some(entry.method));
    hash.text(entry.wording);
    hash.number(entry.wording_version);
    hash.number(entry.confirmation);
    hash.text(Some(personal));
    hash.finish()
}

/// A hash over fields, each with its length before it: no two lists of fields are the same bytes.
struct Fields(digest::Context);

impl Fields {
    fn new(purpose: &str) -> Self {
        let mut fields = Self(digest::Context::new(&digest::SHA256));
        fields.text(Some(purpose));
        fields
    }

    fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.0.update(&[0]) };
        self.0.update(&[1]);
        self.0.update(&(text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }

    fn number(&mut self, number: Option<i64>) {
        let Some(number) = number else { return self.0.update(&[0]) };
        self.0.update(&[2]);
        self.0.update(&number.to_be_bytes());
    }

    fn finish(self) -> String {
        hex::encode(self.0.finish())
    }
}

/// One digest over the last links of many subscriptions, in the order of their numbers: written down elsewhere, it tells later that
/// nothing before was changed, even by somebody who makes every chain anew.
pub struct Heads(Fields);

impl Heads {
    /// Of no subscription yet.
    pub fn new() -> Self {
        Self(Fields::new("daily consent heads 1"))
    }

    /// Adds a subscription's last link.
    pub fn add(&mut self, subscription: i64, head: &str) {
        self.0.number(Some(subscription));
        self.0.text(Some(head));
    }

    /// The digest.
    pub fn finish(self) -> String {
        self.0.finish()
    }
}

impl Default for Heads {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry<'_> = Entry {
        event: 7,
        subscription: 3,
        position: 1,
        kind: "requested",
        occurred_at: 1_777_777_777_000_000,
        method: "form",
        wording: Some("One mail a day."),
        wording_version: Some(1),
        confirmation: Some(5),
    };

    #[test]
    fn every_field_is_held_fast() {
        let whole = link("", &ENTRY, "p");
        assert_eq!(whole.len(), 64);
        let changed = [
            link("x", &ENTRY, "p"),
            link("", &ENTRY, "q"),
            link("", &Entry { event: 8, ..ENTRY }, "p"),
            link("", &Entry { subscription: 4, ..ENTRY }, "p"),
            link("", &Entry { position: 2, ..ENTRY }, "p"),
            link("", &Entry { kind: "confirmed", ..ENTRY }, "p"),
            link("", &Entry { occurred_at: 1, ..ENTRY }, "p"),
            link("", &Entry { method: "json", ..ENTRY }, "p"),
            link("", &Entry { wording: None, ..ENTRY }, "p"),
            link("", &Entry { wording: Some(""), ..ENTRY }, "p"),
            link("", &Entry { wording_version: None, ..ENTRY }, "p"),
            link("", &Entry { confirmation: None, ..ENTRY }, "p"),
        ];
        let all: std::collections::BTreeSet<_> = changed.iter().chain([&whole]).collect();
        assert_eq!(all.len(), changed.len() + 1);
        assert_eq!(whole, link("", &ENTRY, "p"));
    }

    #[test]
    fn what_is_personal_can_stand_in_one_field_only() {
        let it = |address, client_address| Personal {
            address,
            client_address,
            user_agent: None,
            source_url: None,
        };
        assert_ne!(it(Some("a"), None).digest("s"), it(None, Some("a")).digest("s"));
        assert_ne!(it(Some("a"), None).digest("s"), it(Some("a"), None).digest("t"));
        assert!(it(None, None).is_erased() && !it(Some("a"), None).is_erased());
    }
}
