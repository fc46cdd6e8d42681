//! `[retention]`: how long is kept what is held about readers.

use crate::{
    domain::subscriber::retention::Retention,
    settings::{reader::Reader, signup_protection::hours},
};

pub(super) fn retention(r: &mut Reader<'_>) -> Option<Retention> {
    let left = r.number("retention.left_days", 0, 36500);
    let mails = r.number("retention.mail_days", 0, 36500);
    Some(Retention { left: hours(left? * 24), mails: hours(mails? * 24) })
}
