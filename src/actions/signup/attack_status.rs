//! Whether signups look like an attack, as this process last read it.

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// How long this process uses a status before reading it again.
const STATUS_LIFETIME: SignedDuration = SignedDuration::from_secs(2);

/// The status last read from the database, with its time.
#[derive(Debug, Default)]
pub struct AttackStatus(Mutex<Option<(Timestamp, bool)>>);

impl AttackStatus {
    /// Returns the status, or `None` if it is unknown or outdated. Only one caller gets `None` and reads it;
    /// the others use the old one.
    pub(super) fn known(&self, now: Timestamp) -> Option<bool> {
        match &mut *self.0.lock() {
            Some((at, attack)) if now.duration_since(*at).abs() < STATUS_LIFETIME => Some(*attack),
            Some((at, _)) => {
                *at = now;
                None
            }
            None => None,
        }
    }

    /// Stores the status read from the database.
    pub(super) fn set(&self, attack: bool, now: Timestamp) {
        *self.0.lock() = Some((now, attack));
    }
}
