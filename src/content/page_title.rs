//! Finds the headline of a page that its sources agree on.

use crate::domain::content::article::title_key;
use std::collections::HashSet;
use url::Url;

/// Separators between a title and the site's name.
const SEPARATORS: &[&str] = &[
    " - ", " | ", " – ", " — ", " · ", " • ", " :: ", " : ", " » ", " « ", " / ", "|", " ~ ", " › ", " ‹ ",
    " > ", " < ", " ‑ ", " ― ", " ⋅ ", " -- ", " * ", " // ", " @ ", " ▷ ", " ❘ ", " ︱ ", "｜", "– ", "— ",
    ": ", ", ",
];
/// Keys of titles that programs give to pages without one.
const NO_TITLES: &[&str] = &[
    "untitled",
    "untitled document",
    "untitled page",
    "no title",
    "document",
    "home",
    "homepage",
    "index",
    "article",
    "null",
    "undefined",
    "loading",
];
/// Most titles that are compared: the first ones of each source.
const MAX_TITLES: usize = 24;

/// The source of a title. Places that one program fills count as one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    JsonLd,
    Meta,
    Title,
    Heading,
}

/// Returns the first title, in the order of trust, that another source confirms, else the first one. The
/// site's name is removed.
pub fn agreed(titles: &[(Source, String)], site: Option<&str>, url: Option<&Url>) -> Option<String> {
    let host = url.and_then(Url::host_str).unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(host);
    let sites: Vec<String> = [site.unwrap_or_default(), host].iter().map(|name| title_key(name)).collect();
    let is_site =
        |key: &str| !key.is_empty() && (sites.iter().any(|site| site == key) || NO_TITLES.contains(&key));
    let candidates: Vec<Candidate<'_>> =
        titles.iter().take(MAX_TITLES).map(|(source, text)| Candidate::of(*source, text, &is_site)).collect();
    // A title equal to the site's name is useless, unless there are no others.
    let telling: Vec<&Candidate<'_>> = candidates.iter().filter(|it| !is_site(&it.key)).collect();
    let telling = if telling.is_empty() { candidates.iter().collect() } else { telling };
    let supported = telling.iter().find(|it| it.support(&telling) > 0);
    let chosen = supported.or(telling.first())?;
    Some(chosen.reduced(&telling).to_owned()).filter(|title| !title.is_empty())
}

struct Candidate<'a> {
    source: Source,
    /// The title without the site's name, if that is known.
    text: &'a str,
    key: String,
    /// For each separator, text and key of the head, then of the longer side.
    parts: Vec<(&'a str, String)>,
}

impl<'a> Candidate<'a> {
    fn of(source: Source, text: &'a str, is_site: &dyn Fn(&str) -> bool) -> Self {
        let text = without_site(text, is_site);
        let parts = SEPARATORS
            .iter()
            .flat_map(|separator| text.rsplit_once(separator).into_iter().chain(text.split_once(separator)))
            .flat_map(|(head, tail)| {
                // The longer side is likely to be the title. If the head is shorter, the tail may be the
                // site's name.
                let longer = if tail.chars().count() > head.chars().count() { tail } else { head };
                [head, longer]
            })
            .chain(middle(text))
            .map(|part| (part.trim(), title_key(part)))
            .filter(|(_, key)| !key.is_empty())
            .collect();
        Self { source, text, key: title_key(text), parts }
    }

    /// Returns the number of other sources with this title, alone or with additions.
    fn support(&self, all: &[&Candidate<'_>]) -> usize {
        let agree = |other: &&&Candidate<'_>| {
            other.source != self.source
                && !other.key.is_empty()
                && (other.key == self.key || self.has_part(&other.key) || other.has_part(&self.key))
        };
        all.iter().filter(agree).map(|other| other.source).collect::<HashSet<_>>().len()
    }

    fn has_part(&self, key: &str) -> bool {
        self.parts.iter().any(|(_, part)| part == key)
    }

    /// Returns the text, or the part of it that is another source's whole title.
    fn reduced(&self, all: &[&Candidate<'_>]) -> &'a str {
        let is_whole = |key: &str| all.iter().any(|other| other.source != self.source && other.key == key);
        let is_written_alone = |other: &&Candidate<'_>| {
            other.source != self.source
                && matches!(other.source, Source::JsonLd | Source::Heading)
                && other.key == self.key
        };
        if all.iter().copied().any(|other| is_written_alone(&other)) {
            return self.text;
        }
        if let Some((part, _)) = self.parts.iter().find(|(_, key)| is_whole(key)) {
            return part;
        }
        // If the heading is the site's name, the rest is the title.
        let separators = SEPARATORS.iter().filter(|separator| !matches!(**separator, ": " | ", "));
        let splits = separators.filter_map(|separator| self.text.rsplit_once(separator));
        splits
            .filter(|(_, tail)| is_whole(&title_key(tail)))
            .map(|(head, _)| head.trim())
            .next()
            .unwrap_or(self.text)
    }
}

/// Returns the text between the first and the last separator: "News: Flags | My website".
fn middle(text: &str) -> Option<&str> {
    let rest = SEPARATORS.iter().filter_map(|it| text.split_once(it)).max_by_key(|(_, rest)| rest.len())?.1;
    SEPARATORS
        .iter()
        .filter_map(|it| rest.rsplit_once(it))
        .map(|(head, _)| head)
        .max_by_key(|head| head.len())
}

/// Removes the site's name before or after a title.
fn without_site<'a>(title: &'a str, is_site: &dyn Fn(&str) -> bool) -> &'a str {
    for separator in SEPARATORS {
        if let Some((head, tail)) = title.rsplit_once(separator)
            && is_site(&title_key(tail))
            && !head.trim().is_empty()
        {
            return head.trim();
        }
        if let Some((head, tail)) = title.split_once(separator)
            && is_site(&title_key(head))
            && !tail.trim().is_empty()
        {
            return tail.trim();
        }
    }
    title
}

#[cfg(test)]
mod tests {
    use super::{
        Source::{Heading, JsonLd, Meta, Title},
        *,
    };

    #[test]
    fn sources_that_agree_outvote_the_first() {
        for (titles, wanted) in [
            (
                vec![(JsonLd, "An SEO text"), (Meta, "Flags"), (Title, "Flags - Post"), (Heading, "Flags")],
                "Flags",
            ),
            (vec![(JsonLd, "Flags"), (Meta, "10 things about flags"), (Heading, "Flags")], "Flags"),
            (
                vec![
                    (JsonLd, "island country"),
                    (JsonLd, "Cape Verde"),
                    (Meta, "Cape Verde - Pedia"),
                    (Heading, "Cape Verde"),
                ],
                "Cape Verde",
            ),
            (vec![(Title, "Flags – My website"), (Heading, "Flags")], "Flags"),
            (
                vec![(Title, "My website | Flags of the harbour"), (Heading, "Flags of the harbour")],
                "Flags of the harbour",
            ),
            (
                vec![
                    (Meta, "Flags of the harbour | My site"),
                    (Title, "Flags of the harbour | My site"),
                    (Heading, "My site"),
                ],
                "Flags of the harbour",
            ),
            (vec![(Title, "A - B - C"), (Heading, "A - B")], "A - B"),
            (vec![(Title, "Flags - Site"), (Heading, "Something else")], "Flags"),
            (vec![(JsonLd, "One"), (Meta, "Two"), (Heading, "Three")], "One"),
            (vec![(Title, "Site"), (Heading, "Flags")], "Flags"),
            (vec![(Title, "Site")], "Site"),
        ] {
            let titles: Vec<_> = titles.into_iter().map(|(source, text)| (source, text.to_owned())).collect();
            assert_eq!(agreed(&titles, Some("Site"), None).as_deref(), Some(wanted), "{titles:?}");
        }
        assert_eq!(agreed(&[], None, None), None);
    }
}
