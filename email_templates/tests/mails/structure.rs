//! Rules for the document of every email.

use email_templates::{Email, Masthead, digest};

use crate::fixtures::{arabic_digest, every_mail, full_digest, masthead, values_of};

fn mails() -> Vec<(&'static str, Email)> {
    let theme = full_digest().masthead.theme;
    let mut mails = every_mail(masthead());
    mails.extend(every_mail(Masthead { theme, ..masthead() }));
    mails.push(("digest-from-the-right", digest::render(&arabic_digest())));
    mails
}

/// The opening tags, with their attributes.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    let body = html.split_once("<body").map_or("", |(_, body)| body);
    body.split('<').skip(1).filter(|tag| !tag.starts_with(['/', '!'])).filter_map(|tag| tag.split('>').next())
}

#[test]
fn every_layout_table_says_it_is_one() {
    for (name, email) in mails() {
        let tables = email.html.matches("<table").count();
        assert_eq!(tables, email.html.matches("role=\"presentation\"").count(), "{name}");
    }
}

#[test]
fn every_picture_has_a_description_and_a_width_or_a_height() {
    for (name, email) in mails() {
        for picture in tags(&email.html).filter(|tag| tag.starts_with("img")) {
            assert!(picture.contains(" alt=\""), "{name}: {picture}");
            assert!(picture.contains(" width=\"") || picture.contains(" height=\""), "{name}: {picture}");
        }
    }
}

#[test]
fn every_element_that_opens_closes_in_its_place() {
    const VOID: [&str; 4] = ["img", "br", "meta", "!DOCTYPE"];
    for (name, email) in mails() {
        let mut open: Vec<&str> = Vec::new();
        // Outlook's own table comes in two comments.
        let html = email.html.replace("<!--[if mso]>", "").replace("<![endif]-->", "");
        for tag in html.split('<').skip(1) {
            let tag_name = tag.split([' ', '>']).next().unwrap();
            if let Some(closed) = tag_name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "{name}: in {tag}");
            } else if !VOID.contains(&tag_name) {
                open.push(tag_name);
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
    }
}

#[test]
fn nothing_runs_and_nothing_is_loaded_but_pictures() {
    for (name, email) in mails() {
        for loader in ["<script", "<link", "<iframe", "<form", "<object", "@import", "@font-face", "url("] {
            assert!(!email.html.contains(loader), "{name} has {loader}");
        }
        for tag in tags(&email.html) {
            let names: String = tag.split('"').step_by(2).collect();
            assert!(!names.contains(" on"), "{name}: an event's attribute in {tag}");
        }
    }
}

#[test]
fn text_has_its_look_without_the_style_sheets() {
    // Gmail drops them in some places, Outlook for Windows mostly: colour and letters stand inline where text
    // begins.
    for (name, email) in mails() {
        for tag in tags(&email.html) {
            let element = tag.split(' ').next().unwrap();
            let style = values_of(tag, "style").join("");
            let is_text = tag.contains("class=\"ink\"") || tag.contains("class=\"ink ");
            if is_text && element != "a" && element != "span" {
                assert!(style.contains("color:") && style.contains("font-family:"), "{name}: {tag}");
            }
            if element == "a" && !tag.contains("aria-hidden") {
                assert!(style.contains("text-decoration:"), "{name}: {tag}");
            }
            if ["accent", "muted", "head ink", "tab"]
                .iter()
                .any(|role| tag.contains(&format!("class=\"{role}\"")))
            {
                assert!(style.contains("color:") || style.contains("background:"), "{name}: {tag}");
            }
        }
    }
}

#[test]
fn the_style_sheets_are_small_enough_for_gmail() {
    for (name, email) in mails() {
        let sheets: Vec<&str> =
            email.html.split("<style>").skip(1).filter_map(|rest| rest.split("</style>").next()).collect();
        assert_eq!(sheets.len(), 3);
        let chars: usize = sheets.iter().map(|sheet| sheet.chars().count()).sum();
        assert!(chars < 8192 / 2, "{name}: {chars} characters; Gmail stops reading at 8192");
        for sheet in sheets {
            assert_eq!(sheet.matches('{').count(), sheet.matches('}').count());
            assert!(!sheet.contains("ACCENT") && !sheet.contains('<'), "{sheet}");
        }
    }
}
