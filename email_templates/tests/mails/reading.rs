use email_templates::Masthead;
use email_templates::digest::{self, Digest, Picture, Story};

use crate::fixtures::{STORIES, arabic_digest, digest, envelope, every_mail, html_lines, masthead};

#[test]
fn the_text_part_wraps_at_72_columns() {
    let long = "An uncommonly long sentence that runs on past every sensible edge of a page ".repeat(3);
    let story = Story { title: &long, dek: Some(&long), author: Some(&long), ..STORIES[0] };
    let mut mails: Vec<_> = every_mail(masthead()).into_iter().map(|(_, email)| email).collect();
    mails.push(digest::render(&Digest { stories: &[story; 12], ..digest(STORIES) }));
    for line in mails.iter().flat_map(|email| email.text.lines()) {
        // A command that is wrapped can't be pasted.
        assert!(line.chars().count() <= 72 || line.starts_with("    daily "), "{line:?}");
        assert_eq!(line, line.trim_end(), "no line ends in spaces");
    }
}

#[test]
fn a_link_of_the_text_part_is_never_broken() {
    let url = format!("https://courier.example/{}", "a-long-path/".repeat(12));
    let email = digest::render(&Digest { stories: &[Story { url: &url, ..STORIES[0] }], ..digest(STORIES) });
    assert!(email.text.lines().any(|line| line.trim() == url));
}

#[test]
fn a_picture_without_a_description_is_passed_by() {
    let silent = Story { picture: STORIES[0].picture.map(|it| Picture { alt: None, ..it }), ..STORIES[0] };
    let email = digest::render(&Digest { stories: &[silent], ..digest(STORIES) });
    assert!(email.html.contains("aria-hidden=\"true\" style=\"text-decoration:none;\"><img"));
    assert!(email.html.contains("alt=\"\""));
}

#[test]
fn every_mail_speaks_its_language_and_knows_the_dark() {
    for (name, email) in every_mail(Masthead { language: "de-CH", ..masthead() }) {
        // Operators are written to in English.
        let notice = ["approval-wanted", "too-few-stories", "issue-skipped"].contains(&name);
        let language = if notice { "en" } else { "de-CH" };
        assert_eq!(email.language, language, "{name}");
        assert!(email.html.starts_with(&format!("<!DOCTYPE html><html lang=\"{language}\" dir=\"ltr\">")));
        for words in ["name=\"color-scheme\"", "prefers-color-scheme:dark", "[data-ogsc]", "max-width:620px"]
        {
            assert!(email.html.contains(words), "{words}");
        }
    }
}

#[test]
fn a_letter_in_a_language_without_words_of_ours_is_in_english() {
    for (name, email) in every_mail(Masthead { language: "ar", ..masthead() }) {
        let language = if name.starts_with("digest") { "ar" } else { "en" };
        assert_eq!(email.language, language, "{name}");
        assert!(email.html.contains(&format!("<html lang=\"{language}\"")), "{name}");
    }
}

#[test]
fn a_language_written_from_the_right_turns_the_page() {
    let email = digest::render(&arabic_digest());
    assert!(email.html.contains("<html lang=\"ar\" dir=\"rtl\">"));
    assert!(email.html.contains("text-align:right"));
    assert!(
        email.html.contains("margin-right:22px") && email.html.contains("border-right:3px"),
        "lists and quotes"
    );
    assert!(email.html.contains("<span dir=\"auto\">By "), "our words keep their own order");
    insta::assert_snapshot!("digest_from_the_right_html", html_lines(&email.html));
    insta::assert_snapshot!("digest_from_the_right_text", envelope(&email));
}

#[test]
fn hebrew_in_an_english_newsletter_keeps_its_own_order() {
    let story = Story { author: Some("ליאה כהן"), ..STORIES[0] };
    let html = digest::render(&Digest { stories: &[story], ..digest(STORIES) }).html;
    assert!(html.contains("<span dir=\"auto\">By ליאה כהן</span></td>"));
}

#[test]
fn overlong_words_and_every_script_come_out_whole() {
    let word = "Donaudampfschifffahrtsgesellschaft".repeat(9);
    let kanji = "灯台がクジラの数え方を覚えた".repeat(20);
    for words in [word.as_str(), &kanji, "👩‍🚀👩‍🚀 🎉 e\u{301}", &"🐋".repeat(300)] {
        let story =
            Story { title: words, dek: Some(words), section: Some(words), author: Some(words), ..STORIES[0] };
        let email = digest::render(&Digest { stories: &[story, story], ..digest(STORIES) });
        let start: String = words.chars().take(20).collect();
        assert!(email.html.contains(&start) && email.text.contains(&start) && email.subject.contains(&start));
        // Each element that may hold such a word breaks it.
        for tag in ["<h1", "<h3", "<p"] {
            let (_, body) = email.html.split_once("<body").unwrap();
            for element in body.split(tag).skip(1) {
                let opening = element.split('>').next().unwrap();
                assert!(opening.contains("word-break:break-word"), "{tag}{opening}");
            }
        }
    }
}

#[test]
fn a_long_name_and_missing_words_leave_no_holes() {
    let masthead = Masthead {
        title: "The Lantern Bay Courier's Morning Letter",
        tagline: "",
        postal_address: "",
        ..masthead()
    };
    let bare = Story {
        title: " ",
        dek: Some(""),
        url: "",
        picture: None,
        author: None,
        section: None,
        site_name: None,
        published: None,
    };
    let email = digest::render(&Digest { masthead, stories: &[bare, bare], ..digest(STORIES) });
    insta::assert_snapshot!("digest_of_bare_stories_text", envelope(&email));
    assert!(!email.html.contains("\"></p>") && !email.html.contains("\"></h1>"), "no empty paragraphs");
}
