use email_templates::already_subscribed::{self, AlreadySubscribed};
use email_templates::confirmation::{self, Confirmation};
use email_templates::digest::{self, Digest, Story};
use email_templates::{Email, Masthead};

use crate::fixtures::{STORIES, digest, envelope, html_lines, masthead, values_of};

fn every_mail(masthead: Masthead<'static>) -> Vec<Email> {
    let address = "a-reader-with-quite-a-long-address-for-a-reader@mail.harbour.example";
    vec![
        digest::render(&Digest { masthead, ..digest(STORIES) }),
        confirmation::render(&Confirmation {
            masthead,
            confirm_url: "https://daily.example/confirm/x",
            expires_in_days: 7,
            address,
        }),
        already_subscribed::render(&AlreadySubscribed {
            masthead,
            unsubscribe_url: "https://daily.example/unsubscribe/x",
            archive_url: "https://daily.example/issues",
            address,
        }),
    ]
}

#[test]
fn the_text_part_wraps_at_72_columns() {
    let long = "An uncommonly long sentence that runs on past every sensible edge of a page ".repeat(3);
    let story = Story { title: &long, dek: Some(&long), author: Some(&long), ..STORIES[0] };
    let mut mails = every_mail(masthead());
    mails.push(digest::render(&Digest { stories: &[story; 12], ..digest(STORIES) }));
    for line in mails.iter().flat_map(|email| email.text.lines()) {
        assert!(line.chars().count() <= 72, "{line:?}");
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
fn every_layout_table_says_it_is_one() {
    for email in every_mail(masthead()) {
        let tables = email.html.matches("<table").count();
        assert_eq!(tables, email.html.matches("role=\"presentation\"").count());
        assert_eq!(
            email.html.matches("<img").count(),
            values_of(&email.html, "alt").len(),
            "pictures have an alt"
        );
    }
}

#[test]
fn a_picture_without_a_description_is_passed_by() {
    let email =
        digest::render(&Digest { stories: &[Story { image_alt: None, ..STORIES[0] }], ..digest(STORIES) });
    assert!(email.html.contains("aria-hidden=\"true\" style=\"text-decoration:none;\"><img"));
    assert!(email.html.contains("alt=\"\""));
}

#[test]
fn every_mail_speaks_its_language_and_knows_the_dark() {
    for email in every_mail(Masthead { language: "de-CH", ..masthead() }) {
        assert!(email.html.starts_with("<!DOCTYPE html><html lang=\"de-CH\" dir=\"ltr\">"));
        for words in ["name=\"color-scheme\"", "prefers-color-scheme:dark", "[data-ogsc]", "max-width:620px"]
        {
            assert!(email.html.contains(words), "{words}");
        }
    }
}

#[test]
fn a_language_written_from_the_right_turns_the_page() {
    let arabic = Story {
        title: "المنارة التي تعلّمت عدّ الحيتان",
        dek: Some("رادار قديم وطالبان وكثير من الشاي."),
        section: Some("علوم"),
        author: Some("ليلى حداد"),
        site_name: Some("بريد الخليج"),
        ..STORIES[0]
    };
    let masthead = Masthead {
        title: "اليومية", tagline: "صحيفة الصباح", language: "ar", ..masthead()
    };
    let email = digest::render(&Digest { masthead, stories: &[arabic, arabic], ..digest(STORIES) });
    assert!(email.html.contains("<html lang=\"ar\" dir=\"rtl\">"));
    assert!(email.html.contains("text-align:right"));
    insta::assert_snapshot!("digest_from_the_right_html", html_lines(&email.html));
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
        image_url: None,
        image_alt: None,
        image_width: None,
        image_height: None,
        author: None,
        section: None,
        site_name: None,
        published: None,
    };
    let email = digest::render(&Digest { masthead, stories: &[bare, bare], ..digest(STORIES) });
    insta::assert_snapshot!("digest_of_bare_stories_text", envelope(&email));
    assert!(!email.html.contains("\"></p>") && !email.html.contains("\"></h1>"), "no empty paragraphs");
}
