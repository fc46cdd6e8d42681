//! Whether signups look like an attack, as this process last read it.

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// How long this process goes by what it last read about an attack.
const STATUS_LIFETIME: SignedDuration = SignedDuration::from_secs(2);

/// Whether an attack is on, as last read from the database, and when.
#[derive(Debug, Default)]
pub struct AttackStatus(Mutex<Option<(Timestamp, bool)>>);

impl AttackStatus {
    /// `None` if it is unknown or out of date. One caller then reads it anew; the others go by the old status meanwhile.
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

    /// Keeps what was read from the database.
    pub(super) fn set(&self, attack: bool, now: Timestamp) {
        *self.0.lock() = Some((now, attack));
    }
}
