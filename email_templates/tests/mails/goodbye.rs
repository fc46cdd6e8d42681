use email_templates::goodbye::{Goodbye, render};

use crate::fixtures::{envelope, html_lines, masthead, values_of};

fn goodbye() -> Goodbye<'static> {
    Goodbye {
        masthead: masthead(),
        sign_up_url: "https://daily.example/?newsletter=daily",
        address: "reader@mail.example",
    }
}

#[test]
fn a_goodbye_as_a_reader_sees_it() {
    let email = render(&goodbye());
    insta::assert_snapshot!("goodbye_text", envelope(&email));
    insta::assert_snapshot!("goodbye_html", html_lines(&email.html));
}

#[test]
fn a_goodbye_shows_the_way_back_and_no_other() {
    let email = render(&goodbye());
    assert!(email.text.lines().any(|line| line == "https://daily.example/?newsletter=daily"));
    assert_eq!(values_of(&email.html, "href"), ["https://daily.example/?newsletter=daily"; 2]);
    assert!(!email.html.contains("nsubscribe\""), "there is nothing left to leave");
}

#[test]
fn a_goodbye_keeps_the_rules_of_every_mail() {
    let address = "a-reader-with-quite-a-long-address-for-a-reader@mail.harbour.example";
    let email = render(&Goodbye { address, ..goodbye() });
    for line in email.text.lines() {
        assert!(line.chars().count() <= 72 && line == line.trim_end(), "{line:?}");
    }
    assert_eq!(email.html.matches("<table").count(), email.html.matches("role=\"presentation\"").count());
    assert!(email.html.contains("prefers-color-scheme:dark"));
}
