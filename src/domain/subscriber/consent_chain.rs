//! The consent ledger as a hash chain: each link is a SHA-256 over the previous link and the entry. Changing,
//! removing or inserting an entry breaks all later links.
//!
//! Personal data enters as a salted digest. Once the data and its salt are erased, the digest can't be
//! reversed (without a salt, IP addresses could be guessed), and the chain stays valid.

use aws_lc_rs::digest;

/// The fields of an entry that are hashed, except for personal data.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The entry's id.
    pub event: i64,
    /// The subscription's id.
    pub subscription: i64,
    /// The position in the subscription's chain, from 1.
    pub position: i64,
    pub kind: &'a str,
    /// Microseconds since 1970.
    pub occurred_at: i64,
    /// The means, such as the form or a link.
    pub method: &'a str,
    pub wording: Option<&'a str>,
    pub wording_version: Option<i64>,
    /// The id of the confirmation request.
    pub confirmation: Option<i64>,
}

/// The erasable part of an entry.
#[derive(Debug, Clone, Copy)]
pub struct PersonalData<'a> {
    /// The reader's email address.
    pub address: Option<&'a str>,
    /// The client's IP address.
    pub client_address: Option<&'a str>,
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// The page with the form.
    pub source_url: Option<&'a str>,
}

impl PersonalData<'_> {
    /// Whether all of it has been erased.
    pub const fn is_erased(&self) -> bool {
        self.address.is_none()
            && self.client_address.is_none()
            && self.user_agent.is_none()
            && self.source_url.is_none()
    }

    /// Returns the digest that represents it in the chain.
    pub fn digest(&self, salt: &str) -> String {
        let mut hash = Fields::new("daily consent personal 1");
        hash.text(Some(salt));
        for field in [self.address, self.client_address, self.user_agent, self.source_url] {
            hash.text(field);
        }
        hash.finish()
    }
}

/// Returns the link of an entry, given the previous link (empty for the first entry).
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

/// A hash over length-prefixed fields, so that different fields never produce the same bytes.
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

/// A digest over the last links of all subscriptions, in order of id. Stored elsewhere, it detects later
/// changes, even if someone recomputes every chain.
pub struct ChainHeads(Fields);

impl ChainHeads {
    pub fn new() -> Self {
        Self(Fields::new("daily consent heads 1"))
    }

    /// Adds a subscription's last link.
    pub fn add(&mut self, subscription: i64, head: &str) {
        self.0.number(Some(subscription));
        self.0.text(Some(head));
    }

    pub fn finish(self) -> String {
        self.0.finish()
    }
}

impl Default for ChainHeads {
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
    fn changing_any_field_changes_the_link() {
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
    fn moving_personal_data_to_another_field_changes_the_digest() {
        let personal = |address, client_address| PersonalData {
            address,
            client_address,
            user_agent: None,
            source_url: None,
        };
        assert_ne!(personal(Some("a"), None).digest("s"), personal(None, Some("a")).digest("s"));
        assert_ne!(personal(Some("a"), None).digest("s"), personal(Some("a"), None).digest("t"));
        assert!(personal(None, None).is_erased() && !personal(Some("a"), None).is_erased());
    }
}
