//! Emails in languages other than English.

use email_templates::confirmation::{self, Confirmation, PromisedNewsletter};
use email_templates::digest::{self, Digest};
use email_templates::welcome::{self, Clock, LatestIssue, NextIssue, Welcome};
use email_templates::{Email, Masthead};
use jiff::civil::{Date, date};

use crate::fixtures::{PAPER, PROMISE, STORIES, digest, envelope, every_mail, html_lines, masthead};

fn newsletter(language: &'static str) -> Masthead<'static> {
    Masthead { title: "Tagblatt", tagline: "", postal_address: "", language, ..masthead() }
}

fn greeting(language: &'static str, on: Date) -> Email {
    welcome::render(&Welcome {
        masthead: newsletter(language),
        address: "reader@mail.example",
        next: NextIssue { at: on.at(6, 30, 0, 0), today: date(2025, 11, 30), clock: Clock::Place("Paris") },
        joined: false,
        latest: Some(LatestIssue {
            date: date(2025, 11, 1),
            language: "en",
            lead: STORIES[0],
            web_url: Some("https://daily.example/issues/2025-11-01?newsletter=daily"),
        }),
        has_topics: true,
        can_be_weekly: false,
        unsubscribe_url: "{{unsubscribe_url}}",
        preferences_url: "{{preferences_url}}",
    })
}

#[test]
fn a_confirmation_in_german() {
    let email = confirmation::render(&Confirmation {
        masthead: newsletter("de"),
        confirm_url: "https://daily.example/confirm/x",
        expires_in_days: 7,
        address: "reader@mail.example",
        newsletters: &[PromisedNewsletter { title: "Tagblatt", promise: PROMISE }],
    });
    insta::assert_snapshot!("confirmation_in_german_text", envelope(&email));
    insta::assert_snapshot!("confirmation_in_german_html", html_lines(&email.html));
}

#[test]
fn a_welcome_in_french_with_an_english_issue() {
    let email = greeting("fr", date(2025, 12, 1));
    insta::assert_snapshot!("welcome_in_french_text", envelope(&email));
    assert!(email.html.contains("<div lang=\"en\">"), "screen readers read its headlines as English");
    assert!(!greeting("en", date(2025, 12, 1)).html.contains("<div lang="));
}

#[test]
fn the_due_time_of_the_next_issue_reads_naturally() {
    let said = |language, day| greeting(language, date(2025, 12, day)).preheader;
    assert_eq!(said("de", 1), "Ihre erste Ausgabe kommt morgen, Montag, um 6.30 Uhr (Ortszeit Paris).");
    assert_eq!(
        said("fr", 1),
        "Votre premier numéro arrive demain, lundi 1er décembre, à 6\u{a0}h\u{a0}30 (heure de Paris)."
    );
    assert_eq!(
        said("es", 3),
        "Su primer número llega el miércoles 3 de diciembre a las 6:30 (hora de Paris)."
    );
    assert_eq!(
        said("pt", 3),
        "A sua primeira edição chega quarta-feira, 3 de dezembro, às 6h30 (hora de Paris)."
    );
    assert_eq!(
        said("en-US", 3),
        "Your first issue arrives on Wednesday, December 3, at 6:30 a.m. (Paris time)."
    );
}

#[test]
fn an_issue_in_spanish() {
    let email = digest::render(&Digest { masthead: newsletter("es"), is_test: true, ..digest(PAPER) });
    insta::assert_snapshot!("digest_in_spanish_text", envelope(&email));
    for words in
        ["sábado, 22 de noviembre", "Leer el artículo completo", "Por Ada Quill", "Darse\u{a0}de\u{a0}baja"]
    {
        assert!(email.html.to_lowercase().contains(&words.to_lowercase()), "{words}");
    }
}

#[test]
fn an_email_has_no_word_of_another_language() {
    for language in ["de", "es", "fr", "pt"] {
        for (name, email) in every_mail(newsletter(language)).into_iter().skip(2).take(4) {
            assert!(["confirmation", "already-subscribed", "welcome", "goodbye"].contains(&name));
            assert_eq!(email.language, language);
            let said = email.text.split(STORIES[0].title).next().unwrap();
            for text in [email.subject.as_str(), &email.preheader, said] {
                for word in text.split(|c: char| !c.is_alphanumeric()) {
                    assert!(!["the", "you", "your"].contains(&word), "{language} {name}: {text}");
                }
                assert!(!text.contains(['{', '}']), "{language} {name}: {text}");
            }
        }
    }
}
