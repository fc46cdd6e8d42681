use email_templates::digest::{Digest, Note, Period, Picture, Section, Story, render};
use email_templates::{CLIP_BYTES, Masthead, Theme};

use crate::fixtures::{NOTE, PAPER, STORIES, digest, envelope, full_digest, html_lines, masthead, values_of};

#[test]
fn a_digest_as_it_is_sent() {
    let email = render(&digest(STORIES));
    insta::assert_snapshot!("digest_text", envelope(&email));
    insta::assert_snapshot!("digest_html", html_lines(&email.html));
}

#[test]
fn a_digest_of_one_story_has_no_rest() {
    let email = render(&digest(&STORIES[..1]));
    assert!(!email.html.contains("<h2") && !email.html.contains("<h3") && !email.html.contains("In today’s"));
    assert!(email.preheader.starts_with("A retired radar"), "without other stories the dek is the preheader");
    insta::assert_snapshot!("digest_of_one_story_text", envelope(&email));
}

#[test]
fn a_digest_without_stories_says_so() {
    let email = render(&digest(&[]));
    assert_eq!(email.subject, "Daily: Saturday 22 November 2025");
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
        for words in [
            "because you signed up at daily.example",
            "Unsubscribe",
            "View online",
            "4 Quay Street, Lantern Bay LB1 2QS",
        ] {
            assert!(part.contains(words), "{words:?} is missing");
        }
    }
}

#[test]
fn an_issue_with_all_there_is() {
    let email = render(&full_digest());
    insta::assert_snapshot!("full_digest_text", envelope(&email));
    insta::assert_snapshot!("full_digest_html", html_lines(&email.html));
}

#[test]
fn a_round_up_of_one_story() {
    let round_up = Digest {
        masthead: Masthead { title: "The Week", tagline: "", ..masthead() },
        subject: Some("The week in one story"),
        ..digest(&PAPER[..1])
    };
    let email = render(&round_up);
    insta::assert_snapshot!("round_up_of_one_story_text", envelope(&email));
    insta::assert_snapshot!("round_up_of_one_story_html", html_lines(&email.html));
}

#[test]
fn both_parts_have_the_stories_in_the_order_given_under_the_same_headings() {
    let email = render(&full_digest());
    // The list at the beginning has some of them, too.
    let html = email.html.split_once("<h1").unwrap().1;
    let mut after = (0, 0);
    for words in [
        "1|The lighthouse that learned",
        "Local",
        "2|Ferry timetable",
        "3|Harbour lights",
        "4|The library lends",
        "Culture",
        "5|A choir of kettles",
        "6|The museum of lost gloves",
        "Food",
        "7|In praise of",
        "In brief",
        "8|Tomorrow's tide tables",
    ] {
        let (number, title) = words.split_once('|').unwrap_or(("", words));
        let in_text = if number.is_empty() { title.to_owned() } else { format!("\n{number}. {title}") };
        after = (
            after.0 + html[after.0..].find(&format!(">{title}")).unwrap_or_else(|| panic!("{words} in HTML")),
            after.1 + email.text[after.1..].find(&in_text).unwrap_or_else(|| panic!("{words} in text")),
        );
    }
    assert!(!html.contains(">Local</p>"), "a story needn't say the heading above it");
}

#[test]
fn counts_and_pictures_decide_how_stories_are_shown() {
    let heads = |count: usize| {
        let stories: Vec<Story<'_>> = PAPER.iter().cycle().take(count).copied().collect();
        let html = render(&Digest { stories: &stories, ..digest(STORIES) }).html;
        let count = |words: &str| html.matches(words).count();
        (
            count("class=\"col\""),
            count("padding:16px 0 17px;"),
            count("In brief"),
            count("In today’s Daily"),
            count("More from today"),
        )
    };
    assert_eq!(heads(2), (0, 1, 0, 0, 0));
    assert_eq!(heads(3), (0, 2, 0, 0, 0), "one of the two has a portrait");
    assert_eq!(heads(6), (0, 5, 0, 1, 0));
    assert_eq!(heads(12), (0, 6, 1, 1, 0));
    let wide = [PAPER[1]; 12];
    let html = render(&Digest { stories: &wide, ..digest(STORIES) }).html;
    assert_eq!(html.matches("class=\"col\"").count(), 2);
    assert!(html.contains("More from today") && html.contains("In brief"));
}

#[test]
fn a_section_without_stories_has_no_heading() {
    let sections = [
        Section { heading: Some("Empty"), stories: &[] },
        Section { heading: Some("Local"), stories: &PAPER[1..3] },
    ];
    let email = render(&Digest { sections: &sections, stories: &[], ..digest(STORIES) });
    assert!(!email.html.contains("Empty") && !email.text.contains("Empty"));
    assert_eq!(email.subject, PAPER[1].title, "the first section's first story leads");
    assert!(email.html.contains(">Local</h2>"));
}

#[test]
fn the_farewell_names_the_newsletter_and_the_day() {
    let masthead = Masthead { title: "The Harbour Lamp", ..masthead() };
    let said = |period| render(&Digest { masthead, period, ..digest(PAPER) });
    let day = said(Period::Day);
    for part in [&day.html, &day.text] {
        assert!(part.contains("That’s the Harbour Lamp for Saturday."), "{part}");
        assert!(!part.contains("Got a tip?"), "nobody reads replies");
    }
    assert!(day.html.contains("In today’s Harbour Lamp"));
    let week = said(Period::Week);
    assert!(
        week.html.contains("In this issue") && week.text.contains("That’s the Harbour Lamp for this week.")
    );
}

#[test]
fn a_publishers_links_and_words_are_in_the_footer() {
    let email = render(&full_digest());
    for words in
        ["Got a tip?", "Privacy", "Mastodon", "Printed with salt water.", "Did someone forward this to you?"]
    {
        assert!(email.html.contains(words) && email.text.contains(words), "{words}");
    }
    let links = values_of(&email.html, "href");
    assert_eq!(links[0], "https://www.courier.example/", "the name leads to the publisher");
    assert!(email.html.contains(">courier.example</a> · ") && email.html.contains(">pictures.example</a>"));
    assert!(email.text.contains("signed up at courier.example."));
}

#[test]
fn the_note_stands_above_the_stories_in_both_parts() {
    let email = render(&full_digest());
    for (part, story) in [(&email.html, "<h1"), (&email.text, "1. The lighthouse")] {
        let (note, story) = (part.find("Good morning").unwrap(), part.rfind(story).unwrap());
        assert!(note < story);
    }
    let empty = Digest { note: Some(Note { html: " ", text: "\n" }), ..digest(STORIES) };
    assert_eq!(render(&empty), render(&digest(STORIES)), "a note without words is none");
}

#[test]
fn pictures_have_the_size_of_their_place() {
    let html = render(&Digest { sections: &[], stories: PAPER, ..full_digest() }).html;
    let size_of = |name: &str| {
        let tag = html.split("<img").find(|tag| tag.contains(name)).unwrap();
        (values_of(tag, "width")[0], values_of(tag, "height").first().copied())
    };
    assert_eq!(size_of("lighthouse.png"), ("600", Some("338")), "across the sheet");
    assert_eq!(size_of("ferry.png"), ("96", Some("64")));
    assert_eq!(size_of("kettles.png"), ("85", Some("128")), "a portrait is narrower");
    let unknown = render(&digest(STORIES)).html;
    let tag = unknown.split("<img").find(|tag| tag.contains("lighthouse.png")).unwrap();
    assert!(
        values_of(tag.split('>').next().unwrap(), "height").is_empty(),
        "nothing is known, nothing is said"
    );
}

#[test]
fn a_logo_stands_for_the_title_and_says_it() {
    let html = render(&full_digest()).html;
    let logo = html.split("<img").find(|tag| tag.contains("logo.png")).unwrap();
    assert!(logo.contains("alt=\"Daily\"") && logo.contains("max-height:52px"));
    let theme = Theme { logo_url: Some("javascript:alert(1)"), ..Theme::default() };
    let digest = Digest { masthead: Masthead { theme, ..masthead() }, ..digest(STORIES) };
    assert_eq!(
        render(&digest),
        render(&Digest { masthead: masthead(), ..digest }),
        "no web address, no logo"
    );
}

/// A story with more than the database lets through, in one script or another.
fn generous<'a>(words: &'a str, url: &'a str, section: &'a str) -> Story<'a> {
    Story {
        title: words,
        dek: Some(words),
        url,
        picture: Some(Picture { url, alt: Some(words), size: Some((1200, 800)), ..Picture::default() }),
        author: Some(words),
        section: Some(section),
        site_name: Some(words),
        published: STORIES[0].published,
    }
}

#[test]
fn long_issues_stay_below_what_gmail_clips() {
    let latin = "considerably ".repeat(60);
    let kanji = "灯台がクジラの数え方を覚えた".repeat(50);
    let url = format!("https://courier.example/{}?{}", "section/".repeat(20), "utm=value&".repeat(14));
    for (words, twelve, fifty) in [(&latin, 61_000, CLIP_BYTES), (&kanji, CLIP_BYTES, CLIP_BYTES)] {
        for (count, most) in [(12, twelve), (50, fifty)] {
            let stories: Vec<Story<'_>> =
                (0..count).map(|n| generous(words, &url, ["Local", "Food", "Science"][n % 3])).collect();
            let email = render(&Digest { stories: &stories, note: Some(NOTE), ..digest(STORIES) });
            println!("{count} stories: {} bytes", email.html_bytes());
            assert!(email.html_bytes() < most && !email.clipped(), "{count}: {} bytes", email.html_bytes());
            assert!(email.html.matches(&url.replace('&', "&amp;")).count() >= count, "all are there");
            assert_eq!(email.text.matches(&url).count(), count, "and in the text with all they say");
        }
    }
}

#[test]
fn twelve_rich_stories_are_far_from_being_clipped_and_keep_their_pictures() {
    let stories: Vec<Story<'_>> = PAPER.iter().chain(PAPER).take(12).copied().collect();
    let email = render(&Digest { stories: &stories, sections: &[], ..full_digest() });
    assert!(email.html_bytes() < 40 * 1024, "{} bytes", email.html_bytes());
    // Stories in brief have none.
    let pictures = stories.iter().take(7).filter(|story| story.picture.is_some()).count();
    assert_eq!(email.html.matches("<img").count(), pictures + 1, "and the logo");
}

#[test]
fn what_cant_be_small_enough_says_so() {
    let url = format!("https://courier.example/{}", "a".repeat(1900));
    let email = render(&Digest { stories: &[Story { url: &url, ..STORIES[0] }; 60], ..digest(STORIES) });
    assert!(email.clipped() && email.html_bytes() > CLIP_BYTES);
    assert!(!render(&digest(STORIES)).clipped());
}
