use email_templates::Masthead;
use email_templates::request::{Request, RequestKind, render};

use crate::fixtures::{envelope, html_lines, masthead};

const URL: &str = "https://daily.example/copy/x";

fn request(kind: RequestKind<'static>) -> Request<'static> {
    Request { masthead: masthead(), kind, url: URL, expires_in_days: 1, address: "ann@harbour.example" }
}

#[test]
fn a_link_to_a_copy_as_a_reader_sees_it() {
    let email = render(&request(RequestKind::DataExport));
    insta::assert_snapshot!("request_data_export_text", envelope(&email));
    insta::assert_snapshot!("request_data_export_html", html_lines(&email.html));
}

#[test]
fn only_the_old_address_is_told_the_other_one() {
    let old = render(&request(RequestKind::OldAddress { new: "ann@lighthouse.example" }));
    let new = render(&request(RequestKind::NewAddress));
    for part in [&old.html, &old.text] {
        assert!(part.contains("ann@lighthouse.example") && part.contains("ann@harbour.example"), "{part}");
    }
    for part in [&new.html, &new.text] {
        assert!(part.contains("ann@harbour.example") && !part.contains("lighthouse"), "{part}");
    }
}

#[test]
fn each_language_has_the_link_and_hostile_addresses_stay_text() {
    let hostile = "\"<script>\"@harbour.example";
    for language in ["en", "de", "es", "fr", "pt-BR", "ja"] {
        for kind in
            [RequestKind::DataExport, RequestKind::OldAddress { new: hostile }, RequestKind::NewAddress]
        {
            let masthead = Masthead { language, ..masthead() };
            let email = render(&Request { masthead, address: hostile, ..request(kind) });
            assert!(email.text.lines().any(|line| line.trim() == URL), "{language}: {}", email.text);
            assert!(email.html.contains(&format!("href=\"{URL}\"")) && !email.html.contains("<script>"));
            assert!(!email.text.contains('{') && !email.subject.contains('{'), "{}", email.text);
        }
    }
}
