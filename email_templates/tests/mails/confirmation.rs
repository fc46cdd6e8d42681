use email_templates::confirmation::{Confirmation, remind, render};

use crate::fixtures::{envelope, html_lines, masthead, values_of};

fn confirmation() -> Confirmation<'static> {
    Confirmation {
        masthead: masthead(),
        confirm_url: "https://daily.example/confirm/3kQ9vYtZ0cR7",
        expires_in_days: 7,
        address: "reader@mail.example",
        titles: masthead().title,
    }
}

#[test]
fn a_confirmation_as_it_is_sent() {
    let email = render(&confirmation());
    insta::assert_snapshot!("confirmation_text", envelope(&email));
    insta::assert_snapshot!("confirmation_html", html_lines(&email.html));
}

#[test]
fn a_confirmation_says_who_asked_what_ignoring_does_and_when_it_expires() {
    let email = render(&confirmation());
    for part in [&email.html, &email.text] {
        for words in ["reader@mail.example", "nothing happens", "7 days", "daily.example"] {
            assert!(part.contains(words), "{words:?} is missing");
        }
    }
    assert!(render(&Confirmation { expires_in_days: 1, ..confirmation() }).text.contains("for 1 day."));
}

#[test]
fn a_reminder_says_that_it_is_one_and_the_only_one() {
    let email = remind(&confirmation());
    assert!(email.subject.starts_with("Reminder:"), "{}", email.subject);
    for part in [&email.html, &email.text] {
        assert!(part.contains("the only reminder") && !part.contains("this one mail"));
        assert!(part.contains(confirmation().confirm_url));
    }
}

#[test]
fn a_confirmation_link_is_a_button_and_readable_beside_it() {
    let url = confirmation().confirm_url;
    let email = render(&confirmation());
    assert_eq!(values_of(&email.html, "href").iter().filter(|href| **href == url).count(), 2);
    assert!(email.html.contains(&format!(">{url}</a>")), "the address can be read and copied");
    assert!(email.text.lines().any(|line| line == url), "the address has a line of its own");
}

#[test]
fn a_confirmation_offers_no_way_to_leave_what_nobody_joined() {
    assert!(!render(&confirmation()).html.to_lowercase().contains("unsubscribe"));
}

#[test]
fn one_mail_asks_about_all_newsletters_of_a_signup() {
    let email = render(&Confirmation { titles: "Harbour Daily, Harbour Sports", ..confirmation() });
    for part in [&email.subject, &email.html, &email.text] {
        assert!(part.contains("Harbour Daily, Harbour Sports"), "{part}");
    }
}
