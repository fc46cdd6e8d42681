//! What protects signups from abuse: keys of `[signup]`.

use crate::{
    domain::{
        rate_limit::Limit,
        signup::{challenge::ChallengePolicy, limits::SignupLimits},
    },
    settings::reader::Reader,
};
use jiff::SignedDuration;
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

pub(super) fn limits(r: &mut Reader<'_>) -> Option<SignupLimits> {
    let mut limit = |key: &str, within: SignedDuration| {
        let most = u32::try_from(r.number(key, 0, 100_000_000)?).ok()?;
        Some(Limit::new(most, within))
    };
    let client = limit("signup.client_per_hour", SignedDuration::from_hours(1));
    let address = limit("signup.mails_per_address_per_day", SignedDuration::from_hours(24));
    let overall = limit("signup.signups_per_minute", SignedDuration::from_mins(1));
    Some(SignupLimits { client: client?, address: address?, overall: overall? })
}

/// When a signup needs a solved challenge.
pub(super) fn proof_of_work(r: &mut Reader<'_>) -> Option<ChallengePolicy> {
    r.text("signup.proof_of_work", "write \"never\" or \"under_attack\"", |text| {
        text.parse().map_err(|_| format!("`{text}` is neither"))
    })
}

/// How many signups that nobody has confirmed are an attack.
#[expect(clippy::option_option, reason = "no number is a right value, too")]
pub(super) fn most_waiting(r: &mut Reader<'_>) -> Option<Option<u32>> {
    let most = u32::try_from(r.number("signup.attack_signups", 0, 1_000_000)?).ok()?;
    Some((most > 0).then_some(most))
}

#[expect(clippy::option_option, reason = "no file is a right value, too")]
pub(super) fn blocked_domains_file(r: &mut Reader<'_>) -> Option<Option<PathBuf>> {
    let cure = "give the path of a file with a domain a line, or nothing";
    r.text("signup.blocked_domains_file", cure, |text| match text {
        "" => Ok(None),
        text if Path::new(text).is_file() => Ok(Some(PathBuf::from(text))),
        text => Err(format!("there is no file `{text}`")),
    })
}

/// Who is asked about domains.
#[expect(clippy::option_option, reason = "the system's own is a right value, too")]
pub(super) fn dns_server(r: &mut Reader<'_>) -> Option<Option<SocketAddr>> {
    let cure =
        "write an IP address, with a port if it is not 53, such as 192.0.2.53 or 127.0.0.1:5353; or nothing";
    r.text("signup.dns_server", cure, |text| match text {
        "" => Ok(None),
        text => text
            .parse()
            .or_else(|_| text.parse().map(|ip: IpAddr| SocketAddr::new(ip, 53)))
            .map(Some)
            .map_err(|_| format!("`{text}` is not an address")),
    })
}

/// A time; none for 0.
pub(super) fn hours(hours: u64) -> Option<SignedDuration> {
    i64::try_from(hours).ok().filter(|hours| *hours > 0).map(SignedDuration::from_hours)
}
