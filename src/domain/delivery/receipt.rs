//! Receipts: who got a folded issue, in two bytes for each subscriber.

use crate::domain::{delivery::status::DeliveryStatus, ids::SubscriberId};

/// Subscribers with neighbouring ids whose entries are stored together.
const CHUNK: i64 = 4096;
const SENT: u8 = 1;
const SKIPPED: u8 = 2;

/// The entries of a chunk of subscribers for one issue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipts(Vec<u8>);

impl Receipts {
    /// Returns the chunk that a subscriber is in.
    pub const fn chunk_of(subscriber: SubscriberId) -> i64 {
        subscriber.0.div_euclid(CHUNK)
    }

    /// Returns the last subscriber of a chunk.
    pub const fn last_of(chunk: i64) -> SubscriberId {
        SubscriberId(chunk * CHUNK + CHUNK - 1)
    }

    /// Returns the second byte for a state. `None`: deliveries in this state keep their rows.
    pub const fn state(status: DeliveryStatus) -> Option<u8> {
        match status {
            DeliveryStatus::Sent => Some(SENT),
            DeliveryStatus::Skipped => Some(SKIPPED),
            _ => None,
        }
    }

    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes to store, up to the last entry.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the number of the variant that a subscriber got or would have got, and the state.
    pub fn get(&self, subscriber: SubscriberId) -> Option<(i64, DeliveryStatus)> {
        let place = Self::place(subscriber);
        entry(self.0.get(place).copied()?, self.0.get(place + 1).copied()?)
    }

    /// Sets a subscriber's entry. Numbers of variants are from 1 to 255.
    pub fn set(&mut self, subscriber: SubscriberId, number: i64, status: DeliveryStatus) {
        let (Ok(number), Some(state)) = (u8::try_from(number), Self::state(status)) else { return };
        let place = Self::place(subscriber);
        if self.0.len() < place + 2 {
            self.0.resize(place + 2, 0);
        }
        (self.0[place], self.0[place + 1]) = (number, state);
    }

    /// Removes a subscriber's entry.
    pub fn clear(&mut self, subscriber: SubscriberId) {
        let place = Self::place(subscriber);
        if let Some(bytes) = self.0.get_mut(place..place + 2) {
            bytes.fill(0);
        }
    }

    /// Reads an entry in hex, as the database returns it.
    pub fn parse_entry(hex: &str) -> Option<(i64, DeliveryStatus)> {
        let byte = |range| u8::from_str_radix(hex.get(range)?, 16).ok();
        entry(byte(0..2)?, byte(2..4)?)
    }

    fn place(subscriber: SubscriberId) -> usize {
        usize::try_from(subscriber.0.rem_euclid(CHUNK) * 2).expect("a remainder is small")
    }
}

fn entry(number: u8, state: u8) -> Option<(i64, DeliveryStatus)> {
    let status = match state {
        SENT => DeliveryStatus::Sent,
        SKIPPED => DeliveryStatus::Skipped,
        _ => return None,
    };
    (number > 0).then_some((i64::from(number), status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_two_bytes_each() {
        let (ann, ben) = (SubscriberId(4097), SubscriberId(4099));
        let mut receipts = Receipts::default();
        receipts.set(ben, 3, DeliveryStatus::Skipped);
        receipts.set(ann, 255, DeliveryStatus::Sent);
        assert_eq!(receipts.as_bytes(), [0, 0, 255, 1, 0, 0, 3, 2]);
        assert_eq!(receipts.get(ann), Some((255, DeliveryStatus::Sent)));
        assert_eq!(receipts.get(ben), Some((3, DeliveryStatus::Skipped)));
        assert_eq!(receipts.get(SubscriberId(4098)), None);
        assert_eq!(receipts.get(SubscriberId(4100)), None);
        receipts.clear(ben);
        receipts.clear(SubscriberId(8000));
        assert_eq!(receipts.get(ben), None);
        assert_eq!((Receipts::chunk_of(ann), Receipts::last_of(1)), (1, SubscriberId(8191)));
        assert_eq!(Receipts::chunk_of(Receipts::last_of(1)), 1);
        assert_eq!(Receipts::parse_entry("0A01"), Some((10, DeliveryStatus::Sent)));
        assert_eq!(Receipts::parse_entry("0001"), None);
        assert_eq!(Receipts::parse_entry(""), None);
    }
}
