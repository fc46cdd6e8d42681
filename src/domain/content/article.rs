//! The fields of an article, and the rules for when two articles are the same story.
//!
//! This module doesn't parse feeds or pages. `content` does, and returns a [`FoundArticle`].
//! [`FoundArticle::tidy`] limits the length of its fields, so that untrusted content fits an email and a
//! table row.

use std::{collections::HashSet, fmt::Write as _};

use jiff::{SignedDuration, Timestamp};
use url::Url;

/// Longest title kept, in characters.
pub const MAX_TITLE_CHARS: usize = 300;
/// Longest dek (the line below the title) kept, in characters.
pub const MAX_DEK_CHARS: usize = 600;
/// Longest readable text kept, in characters.
pub const MAX_TEXT_CHARS: usize = 20_000;
/// Longest author line kept, in characters.
pub const MAX_AUTHOR_CHARS: usize = 200;
/// Longest section name kept, in characters.
pub const MAX_SECTION_CHARS: usize = 100;
/// Longest site name kept, in characters.
pub const MAX_SITE_NAME_CHARS: usize = 200;
/// Longest description of a picture kept, in characters.
pub const MAX_ALT_CHARS: usize = 250;
/// Longest identifier of a feed's entry kept, in characters. A longer one is cut. At four bytes per character
/// it still fits an index.
pub const MAX_GUID_CHARS: usize = 600;
/// Shortest title key, in characters, that identifies a story. Short titles such as "Live" or "Monday" recur.
pub const MIN_SAME_STORY_KEY_CHARS: usize = 12;
/// Longest URL kept, in bytes. A longer one is dropped: it would make the email unreadable
/// and doesn't fit an index.
pub const MAX_URL_BYTES: usize = 2_000;
/// Length of the common beginning, in characters, from which two texts count as the same.
const SAME_TEXT_CHARS: usize = 200;
/// Longest time between the publication of two articles with the same title that are the same story.
pub const SAME_STORY_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// Query parameters that track where a reader came from and don't affect the page. Matched
/// case-insensitively; a name ending in `*` is a prefix. Parameters that some sites use for content (`ref`,
/// `source`, `id`, `share`) are not listed: keeping a tracker costs a duplicate, dropping an `id` costs the
/// article.
pub const TRACKING_PARAMETERS: &[&str] = &[
    // campaigns: Google Analytics, Matomo, Piwik Pro, AT Internet, Adobe, Awin
    "utm_*",
    "mtm_*",
    "matomo_*",
    "pk_*",
    "piwik_*",
    "at_campaign",
    "at_medium",
    "s_cid",
    "wt_mc",
    "wt_zmc",
    "awc",
    // clicks: Google, Facebook, Microsoft, Twitter, TikTok, LinkedIn, Yandex, Instagram, Reddit, Snapchat,
    // Pinterest
    "gclid",
    "gclsrc",
    "dclid",
    "gbraid",
    "wbraid",
    "_ga",
    "_gl",
    "fbclid",
    "fb_action_ids",
    "fb_action_types",
    "fb_ref",
    "fb_source",
    "msclkid",
    "twclid",
    "ttclid",
    "li_fat_id",
    "yclid",
    "ysclid",
    "_openstat",
    "igsh",
    "igshid",
    "rdt_cid",
    "sccid",
    "epik",
    // mailings: Mailchimp, HubSpot, Marketo, Klaviyo, Vero, Sailthru, Omeda, Drip
    "mc_cid",
    "mc_eid",
    "_hsenc",
    "_hsmi",
    "__hssc",
    "__hstc",
    "__hsfp",
    "hsctatracking",
    "mkt_tok",
    "_ke",
    "_kx",
    "vero_id",
    "vero_conv",
    "sailthru_*",
    "oly_anon_id",
    "oly_enc_id",
    "__s",
    // referrers of publishers and apps
    "ref_src",
    "ref_url",
    "referrer",
    "spm",
    "cmpid",
    "ncid",
    "ns_campaign",
    "ns_mchannel",
    "ns_source",
    "xtor",
    "guccounter",
    "guce_referrer",
    "guce_referrer_sig",
    "smid",
    "share_id",
];

/// An article as described by a feed or a page.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundArticle {
    /// URL as published. See [`canonical_url`] for comparisons and emails.
    pub url: Option<Url>,
    /// Whether the page itself gives `url` as its own.
    pub names_its_url: bool,
    /// URL that the page was read from, regardless of its canonical URL.
    pub found_at: Option<Url>,
    /// The feed's own identifier of the entry. It is not always a URL, and not always present.
    pub guid: Option<String>,
    /// The headline, one line of plain text. Never empty.
    pub title: String,
    /// The line below the headline: a summary in the publisher's words.
    pub dek: Option<String>,
    /// The authors, separated by ", ".
    pub author: Option<String>,
    /// Section of the site.
    pub section: Option<String>,
    /// The site's name, according to the page.
    pub site_name: Option<String>,
    /// The likeliest picture.
    pub image_url: Option<Url>,
    /// Other pictures to try if `image_url` is unusable, the likeliest first.
    pub other_images: Vec<Url>,
    /// Description of the picture, in the publisher's words.
    pub image_alt: Option<String>,
    /// Time of publication.
    pub published_at: Option<Timestamp>,
    /// Language tag from the publisher (`en`, `pt-br`).
    pub language: Option<String>,
    /// Readable text or an excerpt. Paragraphs, where known, are separated by a blank line.
    pub text: Option<String>,
}

impl FoundArticle {
    /// Creates an article with a title only.
    pub fn titled(title: impl Into<String>) -> Self {
        Self {
            url: None,
            names_its_url: false,
            found_at: None,
            guid: None,
            title: title.into(),
            dek: None,
            author: None,
            section: None,
            site_name: None,
            image_url: None,
            other_images: Vec::new(),
            image_alt: None,
            published_at: None,
            language: None,
            text: None,
        }
    }

    /// Cleans every field and cuts it to its limit. Fields that are empty afterwards become `None`.
    #[must_use]
    pub fn tidy(mut self) -> Self {
        self.url = self.url.filter(|url| url.as_str().len() <= MAX_URL_BYTES);
        self.image_url = self.image_url.filter(|url| url.as_str().len() <= MAX_URL_BYTES);
        self.other_images.retain(|url| url.as_str().len() <= MAX_URL_BYTES);
        self.image_alt = self.image_alt.and_then(|alt| some_line(&alt, MAX_ALT_CHARS));
        self.title = one_line(&self.title, MAX_TITLE_CHARS);
        self.dek = self.dek.and_then(|dek| some_line(&dek, MAX_DEK_CHARS));
        self.author = self.author.and_then(|author| some_line(&author, MAX_AUTHOR_CHARS));
        self.section = self.section.and_then(|section| some_line(&section, MAX_SECTION_CHARS));
        self.site_name = self.site_name.and_then(|name| some_line(&name, MAX_SITE_NAME_CHARS));
        self.guid = self
            .guid
            .map(|guid| {
                guid.trim().chars().filter(|c| !c.is_control()).take(MAX_GUID_CHARS).collect::<String>()
            })
            .filter(|guid| !guid.is_empty());
        self.language = self.language.and_then(|tag| language_tag(&tag));
        self.text = self.text.map(|text| paragraphs(&text, MAX_TEXT_CHARS)).filter(|text| !text.is_empty());
        self
    }
}

/// Converts a text to one line: collapses white space, removes control and bidi-override characters, and cuts
/// it at a word boundary with an ellipsis to at most `max_chars` characters.
pub fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max_chars * 4));
    for word in text.split(is_break) {
        let mut word = word.chars().filter(|c| !is_unwanted(*c)).peekable();
        if word.peek().is_some() && !line.is_empty() {
            line.push(' ');
        }
        line.extend(word);
    }
    cut(line, max_chars)
}

/// Cleans a text of several paragraphs, separated by blank lines. Each paragraph is cleaned as in
/// [`one_line`].
pub fn paragraphs(text: &str, max_chars: usize) -> String {
    let mut kept = String::new();
    let mut paragraph = String::new();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            let tidy = one_line(&paragraph, usize::MAX / 8);
            if !tidy.is_empty() {
                if !kept.is_empty() {
                    kept.push_str("\n\n");
                }
                kept.push_str(&tidy);
            }
            paragraph.clear();
        } else {
            paragraph.push_str(line);
            paragraph.push(' ');
        }
    }
    cut(kept, max_chars)
}

fn some_line(text: &str, max_chars: usize) -> Option<String> {
    Some(one_line(text, max_chars)).filter(|line| !line.is_empty())
}

/// Returns a language tag with `-` between its parts, or `None` if it is malformed.
fn language_tag(tag: &str) -> Option<String> {
    let tag = tag.trim().replace('_', "-");
    let plausible = tag.len() <= 35
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
        && tag.split('-').next().is_some_and(|primary| primary.len() >= 2);
    plausible.then_some(tag)
}

fn cut(text: String, max_chars: usize) -> String {
    let Some((limit, _)) = text.char_indices().nth(max_chars) else { return text };
    // The ellipsis counts towards the limit.
    let limit = text[..limit].char_indices().next_back().map_or(0, |(at, _)| at);
    let head = &text[..limit];
    let at_word = text[limit..].starts_with(is_break);
    let end = if at_word { limit } else { head.rfind(is_break).unwrap_or(limit) };
    // A very long "word", or a text in a language without spaces, is cut within the word.
    let end = if end * 2 < limit { limit } else { end };
    let kept =
        head[..end].trim_end_matches(|c: char| is_break(c) || matches!(c, ',' | ';' | ':' | '-' | '–' | '—'));
    format!("{kept}…")
}

fn is_break(c: char) -> bool {
    c.is_whitespace() || c == '\u{200b}'
}

/// Returns whether a character must not be in a headline: control characters, bidi embeddings and overrides
/// (which can make a line read differently), invisible fillers. Marks that scripts need (ZWJ, ZWNJ, LRM, RLM)
/// are allowed.
fn is_unwanted(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{ad}' | '\u{2060}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Removes the parts of a page's URL that don't matter: tracking parameters ([`TRACKING_PARAMETERS`]) in the
/// query and the fragment, credentials, the default port, the host's case and trailing dot. The rest of the
/// query keeps its order and spelling. The fragment stays, because it may point to a part of the page.
pub fn canonical_url(url: &Url) -> Url {
    let mut canonical = url.clone();
    canonical.set_fragment(fragment(url));
    if canonical.cannot_be_a_base() {
        return canonical;
    }
    // These fail only for URLs without a host, which have none of these parts.
    let _ = canonical.set_username("");
    let _ = canonical.set_password(None);
    if let Some(host) = canonical.host_str().and_then(|host| host.strip_suffix('.')).map(str::to_owned)
        && !host.is_empty()
        && !host.ends_with('.')
    {
        let _ = canonical.set_host(Some(&host));
    }
    let query: Option<String> = canonical.query().map(|query| {
        let kept: Vec<&str> =
            query.split('&').filter(|pair| !pair.is_empty() && !is_tracking(pair)).collect();
        kept.join("&")
    });
    canonical.set_query(query.as_deref().filter(|query| !query.is_empty()));
    canonical
}

fn is_tracking(pair: &str) -> bool {
    let Some((name, _)) = url::form_urlencoded::parse(pair.as_bytes()).next() else { return false };
    let name = name.to_lowercase();
    TRACKING_PARAMETERS.iter().any(|known| match known.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *known,
    })
}

/// Returns the fragment of a URL, unless it only tracks the reader or highlights words.
pub fn fragment(url: &Url) -> Option<&str> {
    let fragment = url.fragment()?.split(":~:").next().unwrap_or_default();
    let is_tracked = fragment.contains('=') && fragment.split('&').all(is_tracking);
    Some(fragment).filter(|fragment| !fragment.is_empty() && !is_tracked)
}

/// Returns whether a fragment is a route within a single-page app: `#!/boats/1`, `#/boats/1`.
fn is_route(fragment: &str) -> bool {
    fragment.starts_with(['!', '/'])
}

/// Returns the key by which URLs are compared: the canonical URL without scheme, leading `www.`, trailing
/// slash and fragment. Fragments that are routes stay.
pub fn url_key(url: &Url) -> String {
    let canonical = canonical_url(url);
    if canonical.cannot_be_a_base() {
        return canonical.to_string();
    }
    let host = canonical.host_str().unwrap_or_default();
    let mut key = host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host).to_owned();
    if let Some(port) = canonical.port() {
        let _ = write!(key, ":{port}");
    }
    key.push_str(canonical.path().trim_end_matches('/'));
    if let Some(query) = canonical.query() {
        key.push('?');
        key.push_str(query);
    }
    if let Some(route) = fragment(url).filter(|fragment| is_route(fragment)) {
        key.push('#');
        key.push_str(route);
    }
    key
}

/// Returns the key of one of several stories on a page: the page's key and a distinction. A space separates
/// them, and page keys contain none.
pub fn key_on_page(page_key: &str, distinction: &str) -> String {
    format!("{page_key} {distinction}")
}

/// Returns the page's key from the key of a page or of a story on it.
pub fn page_key(key: &str) -> &str {
    key.split(' ').next().unwrap_or(key)
}

/// Returns the key by which titles are compared: letters and digits in lower case, with one space for
/// anything between them. Apostrophes are dropped, so that `don't` and `don’t` are equal.
pub fn title_key(title: &str) -> String {
    let mut key = String::with_capacity(title.len());
    let mut gap = false;
    for c in title.chars() {
        if c.is_alphanumeric() {
            if gap && !key.is_empty() {
                key.push(' ');
            }
            gap = false;
            key.extend(c.to_lowercase());
        } else if !matches!(c, '\'' | '’' | '‘' | 'ʼ') && !is_unwanted(c) {
            gap = true;
        }
    }
    key
}

/// Returns whether two articles at different URLs are the same story: they have the same title key, long
/// enough to be distinctive, and were published within [`SAME_STORY_WITHIN`] of each other. Articles without
/// a time are never the same.
pub fn same_story(a: (&str, Option<Timestamp>), b: (&str, Option<Timestamp>)) -> bool {
    let ((a_key, Some(a_at)), (b_key, Some(b_at))) = (a, b) else { return false };
    a_key == b_key
        && a_key.chars().count() >= MIN_SAME_STORY_KEY_CHARS
        && a_at.duration_since(b_at).abs() <= SAME_STORY_WITHIN
}

/// Returns whether two descriptions of the same URL can be of one story: their titles share a word, or their
/// texts begin alike.
pub fn can_be_one_story(a: (&str, Option<&str>), b: (&str, Option<&str>)) -> bool {
    let ((a_title, a_text), (b_title, b_text)) = (a, b);
    let (a_key, b_key) = (title_key(a_title), title_key(b_title));
    if a_key == b_key {
        return true;
    }
    let words = telling_words(&a_key);
    telling_words(&b_key).iter().any(|word| words.contains(word))
        || a_text.zip(b_text).is_some_and(|(a, b)| begins_alike(a, b))
}

/// Returns whether two texts have the same beginning, or one is the beginning of the other.
pub(super) fn begins_alike(a: &str, b: &str) -> bool {
    let beginning = |text: &str| title_key(&text.chars().take(SAME_TEXT_CHARS).collect::<String>());
    let (a, b) = (beginning(a), beginning(b));
    !a.is_empty() && !b.is_empty() && (a.starts_with(&b) || b.starts_with(&a))
}

/// Returns the distinctive words of a title key: those of four letters or more and, in scripts without
/// spaces, each pair of consecutive characters.
pub(super) fn telling_words(key: &str) -> HashSet<String> {
    let mut words = HashSet::new();
    for word in key.split(' ') {
        let chars: Vec<char> = word.chars().collect();
        if chars.iter().any(|c| *c > '\u{2e80}') {
            words.extend(chars.windows(2).map(|pair| pair.iter().collect::<String>()));
        } else if chars.len() >= 4 {
            words.insert(word.to_owned());
        }
    }
    // If the title has short words only, they count.
    if words.is_empty() {
        words.extend(key.split(' ').map(str::to_owned));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn tracking_is_dropped_and_meaningful_query_is_kept_in_order() {
        for (given, canonical) in [
            ("https://a.example/read.php?item=24&utm_source=rss", "https://a.example/read.php?item=24"),
            ("https://a.example/n?artigo=x-y&id=01&fbclid=abc", "https://a.example/n?artigo=x-y&id=01"),
            ("https://a.example/?b=2&a=1&GCLID=x&UTM_Medium=y", "https://a.example/?b=2&a=1"),
            ("HTTPS://A.Example:443/Path/#top", "https://a.example/Path/#top"),
            ("https://a.example/log#xtor=RSS-1&utm_source=x", "https://a.example/log"),
            ("https://a.example/log#may-14:~:text=boat", "https://a.example/log#may-14"),
            ("https://a.example/#!/boats/1", "https://a.example/#!/boats/1"),
            ("http://a.example:8080/?utm_campaign=x", "http://a.example:8080/"),
            ("https://user:secret@a.example./x?", "https://a.example/x"),
            ("https://a.example/?ref=home&q=1%2B1", "https://a.example/?ref=home&q=1%2B1"),
        ] {
            assert_eq!(canonical_url(&url(given)).as_str(), canonical, "{given}");
        }
    }

    #[test]
    fn the_same_story_has_one_key_whatever_its_scheme_www_and_slash() {
        let key = url_key(&url("https://www.a.example/2024/story/"));
        assert_eq!(key, "a.example/2024/story");
        assert_eq!(key, url_key(&url("http://a.example/2024/story?utm_source=x#comments")));
        assert_ne!(key, url_key(&url("http://a.example/2024/story?page=2")));
        assert_eq!(url_key(&url("https://a.example/log#may-14")), "a.example/log");
        assert_eq!(url_key(&url("https://a.example/#!/boats/1")), "a.example#!/boats/1");
        assert_eq!(page_key(&key_on_page("a.example/log", "#may-14")), "a.example/log");
        assert_eq!(url_key(&url("https://www.example/")), "www.example", "www can be the site itself");
    }

    #[test]
    fn an_address_that_is_no_page_is_left_alone() {
        assert_eq!(
            canonical_url(&url("mailto:a@b.example?subject=x")).as_str(),
            "mailto:a@b.example?subject=x"
        );
    }

    #[test]
    fn one_address_may_have_several_stories() {
        let said = |a, b| can_be_one_story(a, b);
        assert!(said(("Harbour lights return", None), ("The lights of the harbour", None)));
        assert!(said(
            ("Updated!", Some("The same words at the start.")),
            ("New", Some("The same words at the start. More."))
        ));
        assert!(said(("新台阶科技", None), ("新台阶", None)));
        assert!(said(("We won", None), ("We won!", None)));
        assert!(!said(("Boat one is in", Some("Ann came.")), ("Fish two is out", Some("Bo went."))));
        assert!(!said(("Lights return", None), ("A bakery opens", None)));
    }

    #[test]
    fn a_title_key_keeps_letters_and_digits_of_any_script() {
        assert_eq!(title_key("  Why “It’s” – 24 Hours… "), "why its 24 hours");
        assert_eq!(title_key("Die ÄRA—endet"), "die ära endet");
        assert_eq!(title_key("新台阶_科技"), "新台阶 科技");
        assert_eq!(title_key("!?"), "");
    }

    #[test]
    fn the_same_title_within_an_hour_is_the_same_story() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let (ten, eleven) = (at("2024-05-01T10:00:00Z"), at("2024-05-01T11:00:00Z"));
        assert!(same_story(("a long enough title", ten), ("a long enough title", eleven)));
        assert!(same_story(("a long enough title", eleven), ("a long enough title", ten)));
        assert!(!same_story(
            ("a long enough title", ten),
            ("a long enough title", at("2024-05-01T11:00:01Z"))
        ));
        assert!(!same_story(("short title", ten), ("short title", ten)));
        assert!(!same_story(("a long enough title", ten), ("another long title", ten)));
        assert!(!same_story(("a long enough title", ten), ("a long enough title", None)));
    }

    #[test]
    fn long_text_is_cut_at_a_word_with_an_ellipsis() {
        assert_eq!(one_line("one two three", 13), "one two three");
        assert_eq!(one_line("one two three", 12), "one two…");
        assert_eq!(one_line("one two, three", 10), "one two…");
        assert_eq!(one_line("新台阶新台阶", 4), "新台阶…");
    }

    #[test]
    fn controls_and_bidi_overrides_do_not_survive() {
        assert_eq!(one_line("a\u{202e}b\u{0}c\t\n d\u{2066}", 50), "abc d");
        assert_eq!(one_line("\u{202e} \u{7}", 50), "");
        assert_eq!(one_line("👩\u{200d}💻 שלום\u{200f}", 50), "👩\u{200d}💻 שלום\u{200f}");
    }

    #[test]
    fn tidy_bounds_every_field_and_empties_what_is_blank() {
        let long = "word ".repeat(10_000);
        let found = FoundArticle {
            dek: Some(long.clone()),
            author: Some(" \n ".into()),
            section: Some(long.clone()),
            guid: Some("  id-1 ".into()),
            language: Some("pt_BR".into()),
            text: Some(format!("first\nline\n\n \nsecond\n\n{long}")),
            ..FoundArticle::titled(&long)
        };
        let tidy = found.tidy();
        assert!(tidy.title.chars().count() <= MAX_TITLE_CHARS && tidy.title.ends_with('…'));
        assert!(tidy.dek.unwrap().chars().count() <= MAX_DEK_CHARS);
        assert!(tidy.section.unwrap().chars().count() <= MAX_SECTION_CHARS);
        assert_eq!(tidy.author, None);
        assert_eq!(tidy.guid.as_deref(), Some("id-1"));
        assert_eq!(tidy.language.as_deref(), Some("pt-BR"));
        let text = tidy.text.unwrap();
        assert!(text.starts_with("first line\n\nsecond\n\nword word"));
        assert!(text.chars().count() <= MAX_TEXT_CHARS);
    }

    prop_compose! {
        fn any_url()(
            scheme in "https?",
            host in "(www\\.)?[a-zA-Z0-9]{1,8}(\\.[a-z]{2,5}){1,2}\\.?",
            port in prop::option::of(1u16..),
            path in "(/[a-zA-Z0-9%~._ -]{0,6}){0,4}",
            query in prop::option::of("([a-z_%&=;+ 0-9]{0,12}|utm_source=x|fbclid=1|id=7)(&([a-z=]{0,9}|gclid=3)){0,3}"),
            fragment in prop::option::of("[a-z!/]{0,5}"),
        ) -> String {
            let mut text = format!("{scheme}://{host}");
            if let Some(port) = port { text.push(':'); text.push_str(&port.to_string()); }
            text.push_str(&path);
            if let Some(query) = query { text.push('?'); text.push_str(&query); }
            if let Some(fragment) = fragment { text.push('#'); text.push_str(&fragment); }
            text
        }
    }

    proptest! {
        #[test]
        fn canonical_url_is_idempotent(text in any_url()) {
            if let Ok(url) = Url::parse(&text) {
                let once = canonical_url(&url);
                prop_assert_eq!(canonical_url(&once), once.clone());
                prop_assert_eq!(Url::parse(once.as_str()).unwrap(), once);
            }
        }

        #[test]
        fn url_key_ignores_tracking(text in any_url(), tracker in "(utm_[a-z]{1,8}|fbclid|mc_eid)", value in "[a-z0-9]{0,8}") {
            if let Ok(url) = Url::parse(&text) {
                let mut tracked = url.clone();
                tracked.query_pairs_mut().append_pair(&tracker, &value);
                prop_assert_eq!(url_key(&tracked), url_key(&url));
            }
        }

        #[test]
        fn one_line_keeps_its_limit_and_is_idempotent(text in "\\PC{0,80}", max in 1usize..60) {
            let line = one_line(&text, max);
            prop_assert!(line.chars().count() <= max);
            prop_assert_eq!(one_line(&line, max), line);
        }
    }
}
