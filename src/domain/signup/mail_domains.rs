//! Disposable domains, mistyped domains, and role addresses.

use crate::domain::subscriber::email_address::EmailAddress;
use std::{collections::HashSet, hash::BuildHasher};

/// Well-known providers of disposable addresses. Longer lists change weekly, so operators provide them as a
/// file.
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

/// Local parts of role addresses (RFC 2142 and common practice).
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

/// Domains of the largest mailbox providers, and real domains with similar names, which are not typos.
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

/// Whether a domain belongs to one of the largest providers, whose readers don't know each other.
pub fn is_large_provider(domain: &str) -> bool {
    COMMON.contains(&domain)
}

/// Minimum length of a name, without its ending, for corrections: short names resemble too many others.
const MIN_CHARS: usize = 5;

/// Whether a domain or one of its parents is disposable or in `more`.
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

/// Parses a list with one domain per line and `#` comments. Lines that are no domains are ignored.
pub fn parse_list(text: &str) -> HashSet<Box<str>> {
    let names = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    names
        .filter(|name| !name.is_empty())
        .filter_map(|name| EmailAddress::parse(&format!("x@{name}")).ok())
        .map(|address| address.domain().into())
        .collect()
}

/// Whether an address belongs to a role such as `info@`, not to a person.
pub fn is_role_address(address: &EmailAddress) -> bool {
    let key = address.key();
    let local = key.split(['@', '+']).next().unwrap_or_default();
    ROLES.contains(&local)
}

/// Suggests an address at a common provider if the typed domain is one typo away.
pub fn suggestion(address: &EmailAddress) -> Option<EmailAddress> {
    let domain = address.domain();
    if COMMON.contains(&domain) {
        return None;
    }
    // Of several candidates, one with the same first letter is more likely.
    let first = domain.chars().next().unwrap_or_default();
    let meant = COMMON
        .iter()
        .filter(|common| is_typo_of(domain, common))
        .min_by_key(|common| (!common.starts_with(first), **common))?;
    let local = &address.as_str()[..address.as_str().len() - domain.len() - 1];
    EmailAddress::parse(&format!("{local}@{meant}")).ok()
}

/// Whether a domain is a typo of a common one. Short names that differ in one letter are usually real:
/// `key.com` is not `hey.com`. Providers also use the same name in many countries: `hotmail.be` is not
/// `hotmail.de`.
fn is_typo_of(domain: &str, common: &str) -> bool {
    let (name, ending) = domain.split_once('.').unwrap_or((domain, ""));
    let (own, own_ending) = common.split_once('.').unwrap_or((common, ""));
    if own.len() < MIN_CHARS {
        return false;
    }
    if name != own {
        return strsim::damerau_levenshtein(common, domain) == 1;
    }
    let is_truncated = own_ending == "com" && ["co", "cm", "om", "con"].contains(&ending);
    let is_country = ending.rsplit('.').next().is_some_and(|last| last.len() == 2);
    is_truncated || !is_country && strsim::damerau_levenshtein(own_ending, ending) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    #[test]
    fn typos_are_found_and_other_domains_are_left_alone() {
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
            // Real domains with many readers.
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
    fn blocking_a_domain_blocks_its_subdomains() {
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
    fn role_addresses_are_recognized() {
        assert!(is_role_address(&address("Info@example.org")));
        assert!(is_role_address(&address("no-reply+x@example.org")));
        assert!(!is_role_address(&address("infotainment@example.org")));
    }
}
