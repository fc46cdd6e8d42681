//! The inbox behind an address. Many spellings reach one inbox, and limits on emails count per inbox.
//!
//! An inbox doesn't identify a reader, because `ann+daily@` wants email at that very address.

/// How a provider reads addresses.
struct Provider {
    /// Domains that share their users. The first stands for all.
    domains: &'static [&'static str],
    /// Characters that end the user's name; the rest is the user's own label.
    label_after: &'static [char],
    /// Characters without meaning in names.
    ignored: &'static [char],
    /// Whether `anything@user.domain` reaches `user@domain`.
    has_subdomains: bool,
}

const fn provider(domains: &'static [&'static str]) -> Provider {
    Provider { domains, label_after: &['+'], ignored: &[], has_subdomains: false }
}

/// Providers whose rules differ from the usual one, a label after `+`.
const PROVIDERS: [Provider; 7] = [
    Provider { ignored: &['.'], ..provider(&["gmail.com", "googlemail.com"]) },
    Provider {
        ignored: &['.', '-', '_'],
        ..provider(&["proton.me", "protonmail.com", "protonmail.ch", "pm.me"])
    },
    // A dot and a hyphen are the same character.
    Provider {
        ignored: &['.', '-'],
        ..provider(&[
            "yandex.com",
            "yandex.ru",
            "ya.ru",
            "yandex.by",
            "yandex.kz",
            "yandex.ua",
            "yandex.com.tr",
            "yandex.uz",
        ])
    },
    provider(&["icloud.com", "me.com", "mac.com"]),
    Provider { has_subdomains: true, ..provider(&["fastmail.com"]) },
    Provider { has_subdomains: true, ..provider(&["fastmail.fm"]) },
    Provider { has_subdomains: true, ..provider(&["runbox.com"]) },
];

/// First labels of the domains of Yahoo, whose labels follow `-`, such as `yahoo.co.uk`.
const LABEL_AFTER_HYPHEN: [&str; 3] = ["yahoo", "ymail", "rocketmail"];

/// Returns the inbox of an address in lower case.
pub fn inbox(local: &str, domain: &str) -> String {
    for provider in &PROVIDERS {
        if provider.domains.contains(&domain) {
            let name = without_label(local, provider.label_after);
            let name: String = name.chars().filter(|c| !provider.ignored.contains(c)).collect();
            return format!("{name}@{}", provider.domains[0]);
        }
        if provider.has_subdomains
            && let Some(user) = user_in_subdomain(domain, provider.domains[0])
        {
            return format!("{user}@{}", provider.domains[0]);
        }
    }
    let is_yahoo = domain.split('.').next().is_some_and(|name| LABEL_AFTER_HYPHEN.contains(&name));
    let label_after: &[char] = if is_yahoo { &['+', '-'] } else { &['+'] };
    format!("{}@{domain}", without_label(local, label_after))
}

fn without_label<'a>(local: &'a str, label_after: &[char]) -> &'a str {
    local.split_once(label_after).map_or(local, |(name, _)| name)
}

/// Returns the user of `anything@user.domain`.
fn user_in_subdomain<'a>(domain: &'a str, of: &str) -> Option<&'a str> {
    let user = domain.strip_suffix(of)?.strip_suffix('.')?;
    (!user.is_empty() && !user.contains('.')).then_some(user)
}

#[cfg(test)]
mod tests {
    use crate::domain::subscriber::email_address::EmailAddress;

    #[test]
    fn all_spellings_of_an_inbox_are_equal() {
        for (text, inbox) in [
            ("Victim+1@example.org", "victim@example.org"),
            ("victim@example.org", "victim@example.org"),
            ("v.ictim@example.org", "v.ictim@example.org"),
            ("vic-tim_x@example.org", "vic-tim_x@example.org"),
            ("v.i.c.tim+a+b@gmail.com", "victim@gmail.com"),
            ("Vic.tim@GoogleMail.com", "victim@gmail.com"),
            ("vic-tim@gmail.com", "vic-tim@gmail.com"),
            ("vic_t.i-m+x@pm.me", "victim@proton.me"),
            ("victim@protonmail.com", "victim@proton.me"),
            ("vic.tim@ya.ru", "victim@yandex.com"),
            ("vic-tim@yandex.kz", "victim@yandex.com"),
            ("vic.tim+x@mac.com", "vic.tim@icloud.com"),
            ("victim-shop@yahoo.co.uk", "victim@yahoo.co.uk"),
            ("victim-shop+x@ymail.com", "victim@ymail.com"),
            ("victim@yahoo.com", "victim@yahoo.com"),
            ("anything@victim.fastmail.com", "victim@fastmail.com"),
            ("victim+x@fastmail.com", "victim@fastmail.com"),
            ("x@victim.fastmail.fm", "victim@fastmail.fm"),
            ("x@a.b.fastmail.com", "x@a.b.fastmail.com"),
            ("x@notfastmail.com", "x@notfastmail.com"),
            ("victim+news@outlook.com", "victim@outlook.com"),
            ("+@example.org", "@example.org"),
        ] {
            assert_eq!(EmailAddress::parse(text).unwrap().inbox(), inbox, "{text}");
        }
    }
}
