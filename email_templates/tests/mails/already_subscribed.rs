use email_templates::already_subscribed::{AlreadySubscribed, Resting, render};

use crate::fixtures::{envelope, html_lines, masthead, values_of};

fn already() -> AlreadySubscribed<'static> {
    AlreadySubscribed {
        masthead: masthead(),
        coming: &["Daily"],
        resting: &[],
        unsubscribe_url: "{{unsubscribe_url}}",
        archive_url: "https://daily.example/issues",
        address: "reader@mail.example",
    }
}

#[test]
fn a_second_signup_as_it_is_answered() {
    let email = render(&already());
    insta::assert_snapshot!("already_subscribed_text", envelope(&email));
    insta::assert_snapshot!("already_subscribed_html", html_lines(&email.html));
}

#[test]
fn a_second_signup_changes_nothing_and_shows_the_way_out() {
    let email = render(&already());
    assert!(email.text.contains("nothing has changed"));
    assert!(email.text.lines().any(|line| line == "{{unsubscribe_url}}"));
    assert!(values_of(&email.html, "href").contains(&"{{unsubscribe_url}}"));
}

const RESTING: Resting<'_> =
    Resting { title: "The Week", preferences_url: "https://daily.example/preferences/x" };

#[test]
fn a_reader_who_takes_a_break_is_shown_how_to_end_it() {
    let url = RESTING.preferences_url;
    let email = render(&AlreadySubscribed { coming: &[], resting: &[RESTING], ..already() });
    assert!(email.text.contains("taking a break") && email.text.lines().any(|line| line.trim() == url));
    assert!(email.html.contains(&format!("href=\"{url}\"")) && !email.html.contains("keeps coming"));
    assert!(!email.text.contains("on its way"));
}

#[test]
fn one_mail_names_all_that_its_reader_gets_already() {
    let email = render(&AlreadySubscribed { coming: &["Daily", "Sports"], resting: &[RESTING], ..already() });
    assert_eq!(email.subject, "You already get Daily, Sports, The Week");
    for part in [&email.text, &email.html] {
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(part.contains("Daily, Sports keep coming as before"), "{part}");
        assert!(part.contains("The Week comes again") && part.contains(RESTING.preferences_url), "{part}");
        assert!(part.contains("https://daily.example/issues"), "{part}");
    }
}
