//! Every text of every email contrasts with its background, in the light and the dark look (WCAG 2.2, level
//! AA).
//!
//! The test walks the document like a mail program: elements inherit colours and backgrounds, and in dark
//! mode the style sheet overrides inline styles.

use std::collections::BTreeSet;

use email_templates::{Fonts, Masthead, Theme, digest};
use proptest::prelude::*;

use crate::fixtures::{NOTE, arabic_digest, every_mail, full_digest, masthead};

type Rgb = [u8; 3];

/// A text with its colours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ColouredText {
    text: Rgb,
    background: Rgb,
    example: String,
}

impl ColouredText {
    fn ratio(&self) -> f64 {
        let (text, background) = (luminance(self.text), luminance(self.background));
        (text.max(background) + 0.05) / (text.min(background) + 0.05)
    }
}

fn luminance(colour: Rgb) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { f64::powf((part + 0.055) / 1.055, 2.4) }
    };
    0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
}

/// Returns the value of a property as a colour.
fn colour(declarations: &str, property: &str) -> Option<Rgb> {
    declarations.split(';').filter_map(|it| it.split_once(':')).rev().find(|(name, _)| *name == property).map(
        |(_, value)| {
            let hex = value.trim_end_matches("!important").trim_start_matches('#');
            assert_eq!(hex.len(), 6, "{value} is no colour");
            let number = u32::from_str_radix(hex, 16).expect("a colour");
            let [_, red, green, blue] = number.to_be_bytes();
            [red, green, blue]
        },
    )
}

/// An open element.
#[derive(Clone)]
struct Element<'h> {
    name: &'h str,
    classes: Vec<&'h str>,
    text: Rgb,
    background: Rgb,
    hidden: bool,
}

fn attribute<'h>(tag: &'h str, name: &str) -> &'h str {
    let opening = format!(" {name}=\"");
    tag.split(opening.as_str()).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

/// Returns whether a selector such as ".button td" or ".ink" matches an element.
fn matches_selector(selector: &str, name: &str, classes: &[&str], above: &[Element<'_>]) -> bool {
    let simple = |one: &str, name: &str, classes: &[&str]| {
        one.strip_prefix('.').map_or(one == name, |class| classes.contains(&class))
    };
    match selector.split_once(' ') {
        None => simple(selector, name, classes),
        Some((outer, inner)) => {
            simple(inner, name, classes) && above.iter().any(|it| simple(outer, it.name, &it.classes))
        }
    }
}

/// Returns the rules of dark mode: selector and declarations.
fn dark_rules(html: &str) -> Vec<(&str, &str)> {
    let (_, sheet) = html.split_once("@media (prefers-color-scheme:dark){").expect("a dark look");
    let (sheet, _) = sheet.split_once("}}").expect("an end of it");
    sheet.split('}').filter_map(|rule| rule.split_once('{')).collect()
}

fn coloured_texts<'h>(html: &'h str, rules: &[(&str, &str)]) -> BTreeSet<ColouredText> {
    let mut found = BTreeSet::new();
    let first = Element { name: "", classes: Vec::new(), text: [0; 3], background: [255; 3], hidden: false };
    let html_element = Element { name: "html", ..first.clone() };
    let mut open: Vec<Element<'h>> = vec![first, html_element];
    let (_, body) = html.split_once("</head>").expect("a head");
    for piece in body.split('<').skip(1).filter(|piece| !piece.starts_with('!')) {
        let (tag, text) = piece.split_once('>').expect("a tag that ends");
        let name = tag.split(' ').next().unwrap();
        let mut words = text.trim();
        if name.starts_with('/') {
            open.pop();
        } else {
            let outer = open.last().unwrap();
            let classes: Vec<&str> = attribute(tag, "class").split_whitespace().collect();
            let mut element = Element { name, classes, ..outer.clone() };
            let style = attribute(tag, "style");
            element.hidden |= style.contains("display:none");
            let dark = rules
                .iter()
                .filter(|(selector, _)| matches_selector(selector, name, &element.classes, &open));
            for declarations in std::iter::once(style).chain(dark.map(|(_, declarations)| *declarations)) {
                element.text = colour(declarations, "color").unwrap_or(element.text);
                element.background = colour(declarations, "background").unwrap_or(element.background);
            }
            match name {
                "img" => words = attribute(tag, "alt"),
                "br" => {}
                _ => open.push(element.clone()),
            }
            if name == "img" && !words.is_empty() {
                found.insert(ColouredText {
                    text: element.text,
                    background: element.background,
                    example: words.to_owned(),
                });
                continue;
            }
        }
        let around = open.last().unwrap();
        if !words.is_empty() && words != "&nbsp;" && !around.hidden {
            found.insert(ColouredText {
                text: around.text,
                background: around.background,
                example: words.to_owned(),
            });
        }
    }
    assert_eq!(open.len(), 1, "all elements are closed");
    found
}

fn assert_readable(name: &str, html: &str) {
    for (look, rules) in [("light", Vec::new()), ("dark", dark_rules(html))] {
        let texts = coloured_texts(html, &rules);
        assert!(texts.len() > 3);
        for it in texts {
            assert!(it.ratio() >= 4.5, "{name}, {look}: {:.2}:1 for {it:02x?}", it.ratio());
        }
    }
}

#[test]
fn every_text_can_be_read_in_the_light_and_in_the_dark() {
    let mut mails = every_mail(masthead());
    mails.push(("digest-from-the-right", digest::render(&arabic_digest())));
    mails.push(("digest-with-all", digest::render(&full_digest())));
    for (name, email) in mails {
        assert_readable(name, &email.html);
    }
}

#[test]
fn the_walk_finds_unreadable_texts() {
    let html = "<html><head><style>@media (prefers-color-scheme:dark){.ink{color:#161c19!important}}</style></head>\
                <body><p class=\"ink\" style=\"color:#ffff00;background:#ffffff;\">a</p><b>b</b><i>c</i><u>d</u></body></html>";
    let light: Vec<ColouredText> =
        coloured_texts(html, &[]).into_iter().filter(|it| it.ratio() < 4.5).collect();
    assert_eq!(light.len(), 1);
    assert_eq!((light[0].text, light[0].background), ([255, 255, 0], [255, 255, 255]));
    let dark = coloured_texts(html, &dark_rules(html));
    assert!(dark.iter().any(|it| it.text == [0x16, 0x1c, 0x19] && it.background == [255; 3]));
}

#[test]
fn outlooks_dark_mode_has_the_same_colours() {
    let email = digest::render(&full_digest());
    let rules = dark_rules(&email.html);
    let (_, outlook) = email.html.rsplit_once("<style>").unwrap();
    let (outlook, _) = outlook.split_once("</style>").unwrap();
    for rule in outlook.split_terminator('}') {
        let (selector, declarations) = rule.split_once('{').unwrap();
        let (_, selector) = selector.split_once("] ").unwrap();
        let (_, dark) = rules.iter().find(|(dark, _)| *dark == selector).expect(selector);
        for declaration in declarations.split(';') {
            assert!(dark.contains(declaration), "{selector}: {declaration} is not in {dark}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_accent_is_made_readable(accent: [u8; 3], sans: bool) {
        let fonts = if sans { Fonts::Sans } else { Fonts::Serif };
        let theme = Theme { accent: Some(accent), fonts, ..Theme::default() };
        let mut digest = full_digest();
        digest.masthead = Masthead { theme, ..masthead() };
        digest.note = Some(NOTE);
        assert_readable("digest", &digest::render(&digest).html);
        let (_, confirmation) = every_mail(digest.masthead).swap_remove(2); // has a button
        assert_readable("confirmation", &confirmation.html);
    }
}
