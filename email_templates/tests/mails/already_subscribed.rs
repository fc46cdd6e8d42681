use email_templates::already_subscribed::{AlreadySubscribed, PausedSubscription, render};

use crate::fixtures::{envelope, html_lines, masthead, values_of};

fn already() -> AlreadySubscribed<'static> {
    AlreadySubscribed {
        masthead: masthead(),
        active: &["Daily"],
        paused: &[],
        unsubscribe_url: "{{unsubscribe_url}}",
        archive_url: "https://daily.example/issues",
        address: "reader@mail.example",
    }
}

#[test]
fn a_second_signup() {
    let email = render(&already());
    insta::assert_snapshot!("already_subscribed_text", envelope(&email));
    insta::assert_snapshot!("already_subscribed_html", html_lines(&email.html));
}

#[test]
fn a_second_signup_changes_nothing_and_offers_unsubscribe() {
    let email = render(&already());
    assert!(email.text.contains("nothing has changed"));
    assert!(email.text.lines().any(|line| line == "{{unsubscribe_url}}"));
    assert!(values_of(&email.html, "href").contains(&"{{unsubscribe_url}}"));
}

const PAUSED: PausedSubscription<'_> =
    PausedSubscription { title: "The Week", preferences_url: "https://daily.example/preferences/x" };

#[test]
fn a_paused_reader_can_resume() {
    let url = PAUSED.preferences_url;
    let email = render(&AlreadySubscribed { active: &[], paused: &[PAUSED], ..already() });
    assert!(email.text.contains("you’ve paused it") && email.text.lines().any(|line| line.trim() == url));
    assert!(email.html.contains(&format!("href=\"{url}\"")) && !email.html.contains("keep getting"));
    assert!(!email.text.contains("next issue"));
}

#[test]
fn one_email_names_all_subscriptions_of_its_reader() {
    let email = render(&AlreadySubscribed { active: &["Daily", "Sports"], paused: &[PAUSED], ..already() });
    assert_eq!(email.subject, "You’re already subscribed to Daily, Sports, The Week");
    for part in [&email.text, &email.html] {
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(part.contains("You’ll keep getting Daily, Sports."), "{part}");
        assert!(
            part.contains("subscribed to The Week, but you’ve paused it")
                && part.contains(PAUSED.preferences_url),
            "{part}"
        );
        assert!(part.contains("https://daily.example/issues"), "{part}");
    }
}
