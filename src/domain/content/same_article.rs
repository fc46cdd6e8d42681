//! Whether a fetched page is still the page of a stored article.
//!
//! A server that answers 200 may have sent a bot check, a consent wall, a login, its front page or a
//! maintenance page. Such a page's headline must not replace the feed's.

use crate::domain::content::article::{FoundArticle, begins_alike, telling_words, title_key, url_key};
use std::collections::HashSet;
use url::Url;

/// Beginnings of the title keys of pages that stand in for an article, in the five languages of Daily's
/// readers and as the large providers of bot checks word them.
const STAND_INS: &[&str] = &[
    "just a moment",
    "attention required",
    "access denied",
    "access to this page has been denied",
    "403 forbidden",
    "404",
    "are you a robot",
    "are you human",
    "bot verification",
    "checking your browser",
    "client challenge",
    "ddos guard",
    "human verification",
    "one moment please",
    "one more step",
    "pardon our interruption",
    "please verify you are",
    "please wait",
    "robot check",
    "security check",
    "verify you are human",
    "verifying you are human",
    "before you continue",
    "cookie consent",
    "cookie einstellungen",
    "einwilligung",
    "privacy settings",
    "we value your privacy",
    "your privacy choices",
    "log in",
    "login",
    "sign in",
    "anmelden",
    "connexion",
    "iniciar sesión",
    "subscribe to continue",
    "bad gateway",
    "be right back",
    "down for maintenance",
    "error",
    "internal server error",
    "maintenance",
    "service unavailable",
    "site maintenance",
    "temporarily unavailable",
    "under maintenance",
    "we ll be right back",
    "well be right back",
    "wartungsarbeiten",
    "en maintenance",
    "en mantenimiento",
    "em manutenção",
    "not found",
    "page not found",
    "seite nicht gefunden",
    "page introuvable",
    "página no encontrada",
    "página não encontrada",
    "un momento",
    "un instant",
    "um momento",
    "einen moment",
];

/// The stored values of an article whose page was fetched.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub url: &'a Url,
    /// Its headline, as the feed or an operator gave it.
    pub title: &'a str,
    /// Its text or an excerpt.
    pub text: Option<&'a str>,
}

/// How much speaks for a page being that of a stored article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Another page stands in for the article.
    Other,
    /// The headlines share a word, the texts begin alike, or the page names the article's URL as its own.
    Likely,
    /// The headlines share most words, but the page has another URL.
    Headline,
    /// The page has the article's URL, and the headlines share most words, or some if it names that URL as
    /// its own.
    Proven,
}

impl Likeness {
    /// Compares a page with an article.
    pub fn of(known: &Known<'_>, page: &FoundArticle) -> Self {
        let (old_key, new_key) = (title_key(known.title), title_key(&page.title));
        let has_url = page.url.as_ref().is_some_and(|url| url_key(url) == url_key(known.url));
        let names_url = has_url && page.names_its_url;
        let site = page.site_name.as_deref().map(title_key).unwrap_or_default();
        let site: HashSet<&str> = site.split(' ').collect();
        let words = |key: &str| -> HashSet<String> {
            telling_words(key).into_iter().filter(|word| !site.contains(word.as_str())).collect()
        };
        let (old, new) = (words(&old_key), words(&new_key));
        let shared = old.intersection(&new).count();
        let is_most = old_key == new_key || (shared > 0 && shared * 2 >= old.len().min(new.len()));
        if stands_in(&new_key) && !is_most {
            return Self::Other;
        }
        if has_url && (is_most || (names_url && shared > 0)) {
            return Self::Proven;
        }
        if is_most {
            return Self::Headline;
        }
        let texts = known.text.zip(page.text.as_deref());
        let is_likely = shared > 0 || names_url || texts.is_some_and(|(old, new)| begins_alike(old, new));
        if is_likely { Self::Likely } else { Self::Other }
    }
}

/// Returns whether a page with this title key stands in for an article.
fn stands_in(key: &str) -> bool {
    STAND_INS
        .iter()
        .any(|known| key.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
}

/// Returns whether a redirect leads to the site's front page, or to a section above the article.
pub fn leads_up(from: &Url, to: &Url) -> bool {
    let segments = |url: &Url| -> Vec<String> {
        let path = url.path_segments().into_iter().flatten();
        path.filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
    };
    let (old, new) = (segments(from), segments(to));
    to.query().is_none() && new.len() < old.len() && old.starts_with(&new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        format!("https://lamp.example{path}").parse().unwrap()
    }

    fn likeness(title: &str, page_title: &str, names_its_url: bool) -> Likeness {
        let at = url("/council");
        let known = Known { url: &at, title, text: None };
        let page = FoundArticle {
            url: Some(at.clone()),
            names_its_url,
            site_name: Some("The Evening Lamp".into()),
            ..FoundArticle::titled(page_title)
        };
        Likeness::of(&known, &page)
    }

    #[test]
    fn a_reworded_headline_at_the_same_url_is_the_same_article() {
        let old = "Council votes to close the library";
        assert_eq!(likeness(old, "Library to stay open after U-turn of council", false), Likeness::Proven);
        assert_eq!(
            likeness(old, "After a long night, library doors stay open to all", true),
            Likeness::Proven
        );
        assert_eq!(
            likeness(old, "After a long night, library doors stay open to all", false),
            Likeness::Likely
        );
    }

    #[test]
    fn stand_ins_are_other_pages() {
        let old = "Council votes to close the library";
        for title in [
            "Just a moment…",
            "Attention Required! | Cloudflare",
            "Access denied",
            "404 – Seite nicht gefunden",
            "Page not found | The Evening Lamp",
            "We'll be right back",
            "Before you continue to The Evening Lamp",
            "Sign in",
        ] {
            assert_eq!(likeness(old, title, true), Likeness::Other, "{title}");
        }
        // The site's own name is not a word of the headline.
        assert_eq!(likeness("Evening Lamp turns ten", "The Evening Lamp: offers", false), Likeness::Other);
    }

    #[test]
    fn an_article_may_be_about_a_stand_in() {
        assert_eq!(
            likeness("Just a moment: how clocks learned", "Just a moment: how clocks learned to tick", false),
            Likeness::Proven
        );
        assert_eq!(likeness("404", "404", false), Likeness::Proven);
    }

    #[test]
    fn the_same_headline_elsewhere_is_told_apart() {
        let at = url("/council");
        let known = Known { url: &at, title: "Council votes to close the library", text: None };
        let page = FoundArticle { url: Some(url("/2026/council")), ..FoundArticle::titled(known.title) };
        assert_eq!(Likeness::of(&known, &page), Likeness::Headline);
    }

    #[test]
    fn redirects_to_sections_and_front_pages_lead_up() {
        assert!(leads_up(&url("/city/2026/council"), &url("/city/")));
        assert!(leads_up(&url("/city/2026/council"), &url("/")));
        assert!(!leads_up(&url("/city/2026/council"), &url("/city/2026/council/amp")));
        assert!(!leads_up(&url("/council"), &url("/2026/council")));
        assert!(!leads_up(&url("/council"), &url("/?p=7")));
    }
}
