//! Reads a page that a browser saved as text. It has no markup, but still has menus, photo credits and the
//! signup box.

use crate::{
    content::{byline, dates, markup},
    domain::content::article::FoundArticle,
};

/// Longest dek, in characters. Longer blocks are paragraphs.
const MAX_DEK_CHARS: usize = 200;
/// Most words of a photo credit or box.
const MAX_CREDIT_WORDS: usize = 10;
const MAX_BOX_WORDS: usize = 40;

const SKIP_LINKS: &[&str] =
    &["skip to ", "jump to ", "skip navigation", "zum inhalt", "aller au contenu", "saltar al "];
const MENU_WORDS: &[&str] = &[
    "menu",
    "search",
    "home",
    "log in",
    "login",
    "sign in",
    "sign up",
    "subscribe",
    "share",
    "share this",
    "advertisement",
    "advert",
    "close",
    "print",
    "comments",
    "more",
    "read more",
    "follow us",
    "newsletter",
    "back to top",
    "loading",
    "navigation",
];
const CREDIT_LABELS: &[&str] = &[
    "photo:",
    "photos:",
    "photo by",
    "photograph:",
    "photography:",
    "image:",
    "images:",
    "image credit",
    "picture:",
    "credit:",
    "credits:",
    "source:",
    "via ",
    "courtesy",
    "illustration:",
    "illustration by",
    "twitter:",
    "instagram:",
    "facebook:",
    "youtube:",
    "tiktok:",
    "x:",
    "©",
    "(c) ",
];
const AGENCIES: &[&str] = &[
    "getty images",
    "getty",
    "reuters",
    "ap",
    "ap photo",
    "associated press",
    "afp",
    "afp via getty images",
    "epa",
    "dpa",
    "shutterstock",
    "alamy",
    "istock",
    "unsplash",
    "flickr",
    "wikimedia commons",
    "bloomberg",
    "xinhua",
    "pa images",
    "pa media",
    "rex",
    "magnum photos",
    "instagram",
    "twitter",
    "facebook",
    "youtube",
    "tiktok",
    "snapchat",
    "nasa",
];
const SIGNUP: &[&str] = &[
    "newsletter",
    "your inbox",
    "in your inbox",
    "email updates",
    "mailing list",
    "daily digest",
    "by email",
];
const SIGNUP_VERBS: &[&str] = &[
    "sign up",
    "signup",
    "subscribe",
    "keep up",
    "get the",
    "get our",
    "join ",
    "receive ",
    "enter your email",
    "delivered",
];
const FOOTERS: &[&str] = &[
    "all rights reserved",
    "privacy policy",
    "terms of use",
    "terms of service",
    "terms & conditions",
    "cookie",
    "follow us on",
    "share this article",
    "share on ",
    "related articles",
    "related stories",
    "more on this story",
    "you might also like",
    "recommended for you",
    "contact us",
    "about us",
    "copyright ",
    "©",
    "download the app",
    "view comments",
    "read next",
    "most popular",
];

/// Returns the article in a saved text, or `None` if no line could be a title.
pub fn read(text: &str) -> Option<FoundArticle> {
    let blocks = blocks(text);
    let at = blocks.iter().position(|block| !is_menu(block) && words(block) >= 3 && !is_credit(block));
    let at = at.or_else(|| blocks.iter().position(|block| !is_menu(block)))?;
    let mut article = FoundArticle::titled(blocks[at].clone());
    let mut rest: Vec<&String> = blocks[at + 1..].iter().filter(|block| !is_menu(block)).collect();
    take_head(&mut article, &mut rest);
    while rest.last().is_some_and(|block| !is_prose(block)) {
        rest.pop();
    }
    rest.retain(|block| !is_credit(block) && !is_signup(block));
    let text = rest.into_iter().map(String::as_str).collect::<Vec<_>>().join("\n\n");
    article.text = (!text.is_empty()).then_some(text);
    Some(article)
}

/// Splits a text at blank lines. A run of short lines is a menu, so each of its lines is a block.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        let line = line.trim();
        if !line.is_empty() {
            lines.push(line);
            continue;
        }
        if lines.len() > 1 && lines.iter().all(|line| words(line) <= 4) {
            blocks.extend(lines.iter().map(|line| markup::collapse(line)));
        } else if !lines.is_empty() {
            blocks.push(markup::collapse(&lines.join(" ")));
        }
        lines.clear();
    }
    blocks
}

/// Removes the dek, the author and the date from the lines between the title and the first paragraph, and
/// sets these fields.
fn take_head(article: &mut FoundArticle, rest: &mut Vec<&String>) {
    for _ in 0..6 {
        let Some(line) = rest.first().copied() else { return };
        if is_credit(line) {
            rest.remove(0);
        } else if article.author.is_none() && is_byline(line) {
            article.author = Some(byline::without_label(line).to_owned());
            rest.remove(0);
        } else if article.published_at.is_none() && date(line).is_some() {
            article.published_at = date(line);
            rest.remove(0);
        } else if article.dek.is_none() && is_dek(line, rest.get(1).map(|next| next.as_str())) {
            article.dek = Some(line.clone());
            rest.remove(0);
        } else {
            return;
        }
    }
}

/// Returns whether a short line is followed by a longer one or by the byline.
fn is_dek(line: &str, next: Option<&str>) -> bool {
    let chars = line.chars().count();
    let leads_on =
        next.is_some_and(|next| next.chars().count() > chars || is_byline(next) || date(next).is_some());
    chars <= MAX_DEK_CHARS && words(line) >= 3 && leads_on && !is_signup(line)
}

fn is_byline(line: &str) -> bool {
    let name = byline::without_label(line);
    let is_short = (1..=8).contains(&words(name)) && !ends_a_sentence(name);
    is_short && name.len() < line.trim().len() && name.starts_with(char::is_uppercase)
}

fn date(line: &str) -> Option<jiff::Timestamp> {
    let lower = line.to_lowercase();
    let label = ["published on", "published", "posted on", "posted", "updated on", "updated"]
        .iter()
        .find(|label| lower.starts_with(**label));
    let line = label.and_then(|label| line.get(label.len()..)).unwrap_or(line);
    dates::parse(line.trim_start_matches([':', ' ']))
}

fn is_menu(block: &str) -> bool {
    let lower = block.to_lowercase();
    SKIP_LINKS.iter().any(|link| lower.starts_with(link)) && words(block) <= 6
        || MENU_WORDS.contains(&lower.trim_matches(|c: char| !c.is_alphanumeric()))
}

/// Returns whether a block is a photo credit: "Getty Images", "Jo Doe / Reuters", "Photo: Jo Doe", "Twitter:
/// @jo".
fn is_credit(block: &str) -> bool {
    let lower = block.to_lowercase();
    if words(block) > MAX_CREDIT_WORDS || ends_a_sentence(block) {
        return false;
    }
    let last = lower.rsplit(['/', '|', ',', '(', '©']).next().unwrap_or(&lower);
    let last = last.trim_matches(|c: char| !c.is_alphanumeric());
    let last = last.strip_prefix("via ").unwrap_or(last);
    CREDIT_LABELS.iter().any(|label| lower.starts_with(label)) || AGENCIES.contains(&last)
}

fn is_signup(block: &str) -> bool {
    let lower = block.to_lowercase();
    words(block) <= MAX_BOX_WORDS
        && SIGNUP.iter().any(|word| lower.contains(word))
        && SIGNUP_VERBS.iter().any(|verb| lower.contains(verb))
}

/// Returns whether a block at the end still belongs to the article: a sentence that is not the site's
/// boilerplate.
fn is_prose(block: &str) -> bool {
    let lower = block.to_lowercase();
    let of_the_site = words(block) <= MAX_BOX_WORDS && FOOTERS.iter().any(|phrase| lower.contains(phrase));
    ends_a_sentence(block) && !is_signup(block) && !of_the_site
}

fn ends_a_sentence(block: &str) -> bool {
    let end = block.trim_end_matches(['"', '”', '\'', '’', ')', '»', ']']);
    end.ends_with(['.', '!', '?', '…', '。', '！', '？', ':'])
}

fn words(block: &str) -> usize {
    // For scripts without spaces, three characters count as a word.
    let spaced = block.split_whitespace().count();
    spaced.max(block.chars().filter(|c| *c > '\u{2e80}').count() / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "Skip to main content

    Menu

    Home
    World
    Sport

    The Lighthouse That Moved Two Miles Inland

    It took nine days and a lot of soap.

    By Ann Lee

    May 1, 2024

    When the sea came closer, the island's people did not build a wall. They greased a road instead, and pulled.

    Jo Doe / Getty Images

    \"We had soap, and we had oxen,\" said the keeper, who was there.

    Twitter: @lighthouse

    It still shines!


    Island Weekly

    Keep up with the island: get the Island Weekly newsletter!

    Newsletter signup form

    © 2024 Island Media. All rights reserved.";

    #[test]
    fn a_saved_page_is_read_without_menu_credits_and_signup_box() {
        let found = read(PAGE).unwrap();
        assert_eq!(found.title, "The Lighthouse That Moved Two Miles Inland");
        assert_eq!(found.dek.as_deref(), Some("It took nine days and a lot of soap."));
        assert_eq!(found.author.as_deref(), Some("Ann Lee"));
        assert_eq!(found.published_at.unwrap().to_string(), "2024-05-01T00:00:00Z");
        let text = found.text.unwrap();
        assert!(text.starts_with("When the sea came closer") && text.ends_with("It still shines!"), "{text}");
        for gone in ["Getty", "Twitter", "newsletter", "rights", "Weekly", "Menu"] {
            assert!(!text.contains(gone), "{gone} in {text}");
        }
    }

    #[test]
    fn a_first_paragraph_is_no_dek() {
        let found = read("A Title Of Words\n\nA paragraph that comes first and is rather long for what follows.\n\nShort one.").unwrap();
        assert_eq!(found.dek, None);
        assert!(found.text.unwrap().starts_with("A paragraph"));
    }

    #[test]
    fn a_story_about_newsletters_keeps_its_sentences() {
        let found = read("Why We Read Letters\n\nLetters are back.\n\nThe newsletter, once thought dead, now has more readers than papers had in their prime.").unwrap();
        assert!(found.text.unwrap().contains("once thought dead"));
    }

    #[test]
    fn nothing_but_menus_is_no_article() {
        assert_eq!(read("Skip to content\n\nMenu\n\nSearch\n"), None);
    }
}
