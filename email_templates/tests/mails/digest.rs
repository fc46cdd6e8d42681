use email_templates::digest::{Digest, Story, render};

use crate::fixtures::{STORIES, digest, envelope, html_lines, values_of};

#[test]
fn a_digest_as_it_is_sent() {
    let email = render(&digest(STORIES));
    insta::assert_snapshot!("digest_text", envelope(&email));
    insta::assert_snapshot!("digest_html", html_lines(&email.html));
}

#[test]
fn a_digest_of_one_story_has_no_rest() {
    let email = render(&digest(&STORIES[..1]));
    assert!(!email.html.contains("Also in this issue"));
    assert!(email.preheader.starts_with("A retired radar"), "without other stories the dek is the preheader");
    insta::assert_snapshot!("digest_of_one_story_text", envelope(&email));
}

#[test]
fn a_digest_without_stories_says_so() {
    let email = render(&digest(&[]));
    assert_eq!(email.subject, "Daily: Saturday, 22 November 2025");
    assert!(email.html.contains("no stories this time"));
    assert!(email.text.contains("no stories this time"));
}

#[test]
fn the_subject_is_the_first_storys_title_unless_the_operator_wrote_one() {
    let plain = digest(STORIES);
    assert_eq!(render(&plain).subject, STORIES[0].title);
    let own = Digest { subject: Some("Whales, kettles\nand a ferry"), ..plain };
    assert_eq!(render(&own).subject, "Whales, kettles and a ferry");
    let blank = Digest { subject: Some("  "), ..plain };
    assert_eq!(render(&blank).subject, STORIES[0].title);
}

#[test]
fn a_long_title_makes_a_bounded_subject() {
    let title = "Council ".repeat(60);
    let stories = [Story { title: &title, ..STORIES[0] }];
    let subject = render(&Digest { stories: &stories, ..digest(STORIES) }).subject;
    assert!(subject.chars().count() <= 90 && subject.ends_with("Council…"), "{subject}");
}

#[test]
fn the_preheader_names_the_other_stories_unless_the_operator_wrote_one() {
    let plain = digest(STORIES);
    let email = render(&plain);
    assert!(email.preheader.starts_with("Also: Ferry timetable gains a dawn crossing; In praise"));
    assert!(email.preheader.chars().count() <= 140);
    assert!(email.html.contains(&email.preheader), "the preheader is in the HTML");
    let own = Digest { preheader: Some("Bring tea."), ..plain };
    assert_eq!(render(&own).preheader, "Bring tea.");
}

#[test]
fn a_test_send_says_so_in_the_subject_and_in_both_parts() {
    let email = render(&Digest { is_test: true, ..digest(STORIES) });
    assert_eq!(email.subject, "[Test] The lighthouse that learned to count whales");
    assert!(email.html.contains("This is a test of Daily."));
    assert!(email.text.starts_with("*** This is a test of Daily."));
    assert!(!render(&digest(STORIES)).html.contains("This is a test"));
}

#[test]
fn placeholder_links_stand_verbatim_in_both_parts() {
    let email = render(&digest(STORIES));
    for token in ["{{unsubscribe_url}}", "{{preferences_url}}", "{{web_view_url}}"] {
        assert!(values_of(&email.html, "href").contains(&token), "{token} is a link of the HTML part");
        assert_eq!(email.html.matches(token).count(), 1);
        assert_eq!(
            email.text.lines().filter(|line| *line == token).count(),
            1,
            "{token} has a line of its own"
        );
    }
}

#[test]
fn a_link_is_escaped_in_html_and_only_there() {
    let mut digest = digest(STORIES);
    digest.links.unsubscribe = "https://daily.example/u/x?a=1&b=2";
    let email = render(&digest);
    assert!(values_of(&email.html, "href").contains(&"https://daily.example/u/x?a=1&amp;b=2"));
    assert!(email.text.contains("\nhttps://daily.example/u/x?a=1&b=2\n"));
}

#[test]
fn the_footer_says_why_and_from_where_and_how_to_leave() {
    let email = render(&digest(STORIES));
    for part in [&email.html, &email.text] {
        for words in
            ["because you signed up", "Unsubscribe", "Read on the web", "4 Quay Street, Lantern Bay LB1 2QS"]
        {
            assert!(part.contains(words), "{words:?} is missing");
        }
    }
}

#[test]
fn twelve_generous_stories_stay_below_90_kilobytes() {
    let long = "considerably ".repeat(60);
    let url = format!("https://courier.example/{}?{}", "section/".repeat(20), "utm=value&".repeat(14));
    let story = Story {
        title: &long,
        dek: Some(&long),
        url: &url,
        image_url: Some(&url),
        image_alt: Some("A picture"),
        image_width: None,
        image_height: None,
        author: Some(&long),
        section: Some(&long),
        site_name: Some(&long),
        published: STORIES[0].published,
    };
    let html = render(&Digest { stories: &[story; 12], ..digest(STORIES) }).html;
    assert!(html.len() < 90_000, "{} bytes; Gmail cuts at 102,000", html.len());
}
