//! `[retention]`: how long is kept what is held about readers.

use super::{guard, reader::Reader};
use crate::domain::retention::Retention;

pub(super) fn retention(r: &mut Reader<'_>) -> Option<Retention> {
    let left = r.number("retention.left_days", 0, 36500);
    let mails = r.number("retention.mail_days", 0, 36500);
    Some(Retention { left: guard::hours(left? * 24), mails: guard::hours(mails? * 24) })
}
