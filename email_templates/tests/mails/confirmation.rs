use email_templates::confirmation::{Confirmation, PromisedNewsletter, render, render_reminder};

use crate::fixtures::{PROMISE, envelope, html_lines, masthead, values_of};

fn confirmation() -> Confirmation<'static> {
    Confirmation {
        masthead: masthead(),
        confirm_url: "https://daily.example/confirm/3kQ9vYtZ0cR7",
        expires_in_days: 7,
        address: "reader@mail.example",
        newsletters: &[PromisedNewsletter { title: "Daily", promise: PROMISE }],
    }
}

#[test]
fn a_confirmation_as_it_is_sent() {
    let email = render(&confirmation());
    insta::assert_snapshot!("confirmation_text", envelope(&email));
    insta::assert_snapshot!("confirmation_html", html_lines(&email.html));
}

#[test]
fn a_confirmation_names_address_site_and_expiry() {
    let email = render(&confirmation());
    for part in [&email.html, &email.text] {
        for words in ["reader@mail.example", "ignore this email", "7 days", "daily.example"] {
            assert!(part.contains(words), "{words:?} is missing");
        }
    }
    assert!(render(&Confirmation { expires_in_days: 1, ..confirmation() }).text.contains("for 1 day."));
}

#[test]
fn a_reminder_says_that_it_is_the_only_one() {
    let email = render_reminder(&confirmation());
    assert!(email.subject.starts_with("Reminder:"), "{}", email.subject);
    for part in [&email.html, &email.text] {
        assert!(part.contains("the only reminder") && !part.contains("this one email"));
        assert!(part.contains(confirmation().confirm_url));
    }
}

#[test]
fn a_confirmation_link_is_a_button_and_readable_beside_it() {
    let url = confirmation().confirm_url;
    let email = render(&confirmation());
    assert_eq!(values_of(&email.html, "href").iter().filter(|href| **href == url).count(), 2);
    assert!(email.html.contains(">daily.example/confirm/3kQ9vYtZ0cR7</a>"), "the URL can be copied");
    assert!(email.text.lines().any(|line| line == url), "the URL has its own line");
}

#[test]
fn a_confirmation_has_no_unsubscribe_link() {
    assert!(!render(&confirmation()).html.contains("/unsubscribe"));
}

#[test]
fn the_button_comes_before_what_readers_will_get() {
    let email = render(&confirmation());
    assert_eq!(email.preheader, "One click and you’re in. One email every day at 6:30 am.");
    for part in [&email.html, &email.text] {
        let at = |words: &str| part.rfind(words).unwrap_or_else(|| panic!("{words}: {part}"));
        assert!(at("Confirm my subscription") < at("What you’ll get"));
        assert!(at("One email every day at 6:30 am") < at("About a 4-minute read"));
        assert!(at("About a 4-minute read") < at("Unsubscribe any time"));
    }
}

#[test]
fn one_email_confirms_all_newsletters_of_a_signup() {
    let newsletters =
        ["Harbour Daily", "Harbour Sports"].map(|title| PromisedNewsletter { title, promise: PROMISE });
    let email = render(&Confirmation { newsletters: &newsletters, ..confirmation() });
    for part in [&email.subject, &email.html, &email.text] {
        assert!(part.contains("Harbour Daily, Harbour Sports"), "{part}");
    }
    for part in [&email.html, &email.text] {
        assert!(part.contains("Harbour Sports: One email every day at 6:30 am"), "{part}");
    }
    assert_eq!(email.preheader, "One click and you’re in.");
}
