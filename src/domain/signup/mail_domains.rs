//! Domains of addresses: throw-away ones, ones that were probably mistyped, and names that are nobody's own.

use crate::domain::subscriber::email_address::EmailAddress;
use std::{collections::HashSet, hash::BuildHasher};

/// Well-known providers of inboxes that live for minutes. Longer lists are kept by others and change weekly: they belong in a
/// file of the operator's.
const DISPOSABLE: [&str; 32] = [
    "10minutemail.com",
    "burnermail.io",
    "discard.email",
    "dispostable.com",
    "emailondeck.com",
    "fakeinbox.com",
    "getnada.com",
    "grr.la",
    "guerrillamail.biz",
    "guerrillamail.com",
    "guerrillamail.de",
    "guerrillamail.info",
    "guerrillamail.net",
    "guerrillamail.org",
    "mailcatch.com",
    "maildrop.cc",
    "mailinator.com",
    "mailnesia.com",
    "mintemail.com",
    "moakt.com",
    "mohmal.com",
    "mytemp.email",
    "sharklasers.com",
    "spam4.me",
    "spamgourmet.com",
    "temp-mail.org",
    "tempmail.com",
    "tempr.email",
    "throwawaymail.com",
    "trashmail.com",
    "trashmail.de",
    "yopmail.com",
];

/// Names of posts, not of people (RFC 2142, and what is usual besides).
const ROLES: [&str; 22] = [
    "abuse",
    "admin",
    "administrator",
    "billing",
    "contact",
    "help",
    "hostmaster",
    "info",
    "mailer-daemon",
    "marketing",
    "news",
    "no-reply",
    "noc",
    "noreply",
    "office",
    "postmaster",
    "root",
    "sales",
    "security",
    "support",
    "usenet",
    "webmaster",
];

/// Where most readers have their mail, and real neighbours of those names, which are not mistakes.
const COMMON: [&str; 58] = [
    "126.com",
    "163.com",
    "aol.com",
    "bigpond.com",
    "bluewin.ch",
    "bt.com",
    "btinternet.com",
    "comcast.net",
    "cox.net",
    "email.com",
    "fastmail.com",
    "free.fr",
    "freenet.de",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hey.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.es",
    "hotmail.fr",
    "hotmail.it",
    "icloud.com",
    "laposte.net",
    "libero.it",
    "live.com",
    "live.co.uk",
    "live.fr",
    "mac.com",
    "mail.com",
    "mail.de",
    "mail.ru",
    "mailbox.org",
    "me.com",
    "msn.com",
    "online.de",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "posteo.de",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "sfr.fr",
    "t-online.de",
    "verizon.net",
    "wanadoo.fr",
    "web.de",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.de",
    "yahoo.fr",
    "ymail.com",
];

/// Names shorter than this, without their ending, are near to too many others.
const LEAST_CHARS: usize = 5;

/// Whether a domain, or one above it, is a throw-away one or in `more`.
pub fn is_blocked<S: BuildHasher>(domain: &str, more: &HashSet<Box<str>, S>) -> bool {
    let mut rest = Some(domain);
    while let Some(name) = rest {
        if DISPOSABLE.contains(&name) || more.contains(name) {
            return true;
        }
        rest = name.split_once('.').map(|(_, above)| above);
    }
    false
}

/// Reads a list: a domain a line, `#` begins a comment. What is no domain is left out.
pub fn parse_list(text: &str) -> HashSet<Box<str>> {
    let names = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    names
        .filter(|name| !name.is_empty())
        .filter_map(|name| EmailAddress::parse(&format!("x@{name}")).ok())
        .map(|address| address.domain().into())
        .collect()
}

/// Whether an address is a post's, such as `info@`, and not a person's.
pub fn is_role_account(address: &EmailAddress) -> bool {
    let key = address.key();
    let local = key.split(['@', '+']).next().unwrap_or_default();
    ROLES.contains(&local)
}

/// What was probably meant: an address at a common provider, one slip away from what was typed.
pub fn suggestion(address: &EmailAddress) -> Option<EmailAddress> {
    let domain = address.domain();
    if COMMON.contains(&domain) {
        return None;
    }
    let near = |common: &&&str| is_slip_of(domain, common);
    let first = common_first_letter(domain);
    let meant = COMMON.iter().filter(near).min_by_key(|common| (!common.starts_with(first), **common))?;
    let local = &address.as_str()[..address.as_str().len() - domain.len() - 1];
    EmailAddress::parse(&format!("{local}@{meant}")).ok()
}

/// Whether a domain is one slip away from a common one, and probably nobody's own. Names of a few letters differ in one without being
/// mistakes: `key.com` is not `hey.com`. And a provider has the same name in many countries: `hotmail.be` is not `hotmail.de`.
fn is_slip_of(domain: &str, common: &str) -> bool {
    let (name, ending) = domain.split_once('.').unwrap_or((domain, ""));
    let (own, own_ending) = common.split_once('.').unwrap_or((common, ""));
    if own.len() < LEAST_CHARS {
        return false;
    }
    if name != own {
        return strsim::damerau_levenshtein(common, domain) == 1;
    }
    let is_half = own_ending == "com" && ["co", "cm", "om", "con"].contains(&ending);
    let is_country = ending.rsplit('.').next().is_some_and(|last| last.len() == 2);
    is_half || !is_country && strsim::damerau_levenshtein(own_ending, ending) == 1
}

/// Of two equally near names the one that begins alike is the likelier one.
fn common_first_letter(domain: &str) -> char {
    domain.chars().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    #[test]
    fn slips_are_found_and_other_names_are_left_alone() {
        for (typed, meant) in [
            ("Ann@gmial.com", Some("Ann@gmail.com")),
            ("ann@gmail.con", Some("ann@gmail.com")),
            ("ann@gmail.co", Some("ann@gmail.com")),
            ("ann@hotmial.com", Some("ann@hotmail.com")),
            ("ann@outlok.com", Some("ann@outlook.com")),
            ("ann@yaho.com", Some("ann@yahoo.com")),
            ("ann@t-onlin.de", Some("ann@t-online.de")),
            ("ann@mail.com", None),
            ("ann@ymail.com", None),
            ("ann@gmx.net", None),
            ("ann@web.dk", None),
            ("ann@example.org", None),
            ("ann@gmail.comm", Some("ann@gmail.com")),
            ("ann@hotmail.cm", Some("ann@hotmail.com")),
            ("ann@gmai.com", Some("ann@gmail.com")),
            // Real ones, with many readers.
            ("ann@hotmail.be", None),
            ("ann@hotmail.se", None),
            ("ann@outlook.be", None),
            ("ann@outlook.dk", None),
            ("ann@outlook.ie", None),
            ("ann@yahoo.se", None),
            ("ann@yahoo.ie", None),
            ("ann@yahoo.dk", None),
            ("ann@aon.com", None),
            ("ann@key.com", None),
            ("ann@msc.com", None),
            ("ann@man.com", None),
            ("ann@email.de", None),
            ("ann@live.cl", None),
        ] {
            let found = suggestion(&address(typed));
            assert_eq!(found.as_ref().map(EmailAddress::as_str), meant, "{typed}");
        }
        for common in COMMON {
            assert_eq!(suggestion(&address(&format!("x@{common}"))), None);
        }
    }

    #[test]
    fn blocked_names_count_for_what_is_below_them() {
        let more = parse_list("# ours\nBad.Example  # since May\n\nnot a domain\nbücher.example\n");
        assert_eq!(more.len(), 2);
        for (domain, blocked) in [
            ("bad.example", true),
            ("mx.bad.example", true),
            ("notbad.example", false),
            ("mailinator.com", true),
            ("x.mailinator.com", true),
            ("xn--bcher-kva.example", true),
            ("example.org", false),
        ] {
            assert_eq!(is_blocked(domain, &more), blocked, "{domain}");
        }
    }

    #[test]
    fn posts_are_told_from_people() {
        assert!(is_role_account(&address("Info@example.org")));
        assert!(is_role_account(&address("no-reply+x@example.org")));
        assert!(!is_role_account(&address("infotainment@example.org")));
    }
}
