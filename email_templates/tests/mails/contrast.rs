//! Every text of every mail can be read on its ground, in the light look and in the dark one: WCAG 2.2, level AA.
//!
//! The document is walked as a mail program does it: colours and backgrounds pass down from element to element, and in
//! the dark the style sheet overrules what stands inline.

use std::collections::BTreeSet;

use email_templates::{Fonts, Masthead, Theme, digest};
use proptest::prelude::*;

use crate::fixtures::{NOTE, arabic_digest, every_mail, full_digest, masthead};

type Rgb = [u8; 3];

/// A text and what it is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    text: Rgb,
    ground: Rgb,
    example: String,
}

impl Seen {
    fn ratio(&self) -> f64 {
        let (text, ground) = (luminance(self.text), luminance(self.ground));
        (text.max(ground) + 0.05) / (text.min(ground) + 0.05)
    }
}

fn luminance(colour: Rgb) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { f64::powf((part + 0.055) / 1.055, 2.4) }
    };
    0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
}

/// The value of a property as a colour.
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

/// An element that is open.
#[derive(Clone)]
struct Element<'h> {
    name: &'h str,
    classes: Vec<&'h str>,
    text: Rgb,
    ground: Rgb,
    hidden: bool,
}

fn attribute<'h>(tag: &'h str, name: &str) -> &'h str {
    let opening = format!(" {name}=\"");
    tag.split(opening.as_str()).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

/// Whether ".button td", ".ink" and so on fit an element.
fn fits(selector: &str, name: &str, classes: &[&str], above: &[Element<'_>]) -> bool {
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

/// The rules for the dark: selector and declarations.
fn dark_rules(html: &str) -> Vec<(&str, &str)> {
    let (_, sheet) = html.split_once("@media (prefers-color-scheme:dark){").expect("a dark look");
    let (sheet, _) = sheet.split_once("}}").expect("an end of it");
    sheet.split('}').filter_map(|rule| rule.split_once('{')).collect()
}

fn seen<'h>(html: &'h str, rules: &[(&str, &str)]) -> BTreeSet<Seen> {
    let mut found = BTreeSet::new();
    let first = Element { name: "", classes: Vec::new(), text: [0; 3], ground: [255; 3], hidden: false };
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
            let dark = rules.iter().filter(|(selector, _)| fits(selector, name, &element.classes, &open));
            for declarations in std::iter::once(style).chain(dark.map(|(_, declarations)| *declarations)) {
                element.text = colour(declarations, "color").unwrap_or(element.text);
                element.ground = colour(declarations, "background").unwrap_or(element.ground);
            }
            match name {
                "img" => words = attribute(tag, "alt"),
                "br" => {}
                _ => open.push(element.clone()),
            }
            if name == "img" && !words.is_empty() {
                found.insert(Seen { text: element.text, ground: element.ground, example: words.to_owned() });
                continue;
            }
        }
        let around = open.last().unwrap();
        if !words.is_empty() && words != "&nbsp;" && !around.hidden {
            found.insert(Seen { text: around.text, ground: around.ground, example: words.to_owned() });
        }
    }
    assert_eq!(open.len(), 1, "all is closed");
    found
}

fn assert_readable(name: &str, html: &str) {
    for (look, rules) in [("light", Vec::new()), ("dark", dark_rules(html))] {
        let seen = seen(html, &rules);
        assert!(seen.len() > 3);
        for it in seen {
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
fn the_walk_sees_what_is_wrong() {
    let html = "<html><head><style>@media (prefers-color-scheme:dark){.ink{color:#161c19!important}}</style></head>\
                <body><p class=\"ink\" style=\"color:#ffff00;background:#ffffff;\">a</p><b>b</b><i>c</i><u>d</u></body></html>";
    let light: Vec<Seen> = seen(html, &[]).into_iter().filter(|it| it.ratio() < 4.5).collect();
    assert_eq!(light.len(), 1);
    assert_eq!((light[0].text, light[0].ground), ([255, 255, 0], [255, 255, 255]));
    let dark = seen(html, &dark_rules(html));
    assert!(dark.iter().any(|it| it.text == [0x16, 0x1c, 0x19] && it.ground == [255; 3]));
}

#[test]
fn outlooks_dark_is_the_same_as_everybodys() {
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
