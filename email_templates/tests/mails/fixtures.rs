//! An invented newsletter with invented stories, and how its mails are put into snapshots.

use email_templates::digest::{Digest, Links, Story};
use email_templates::{Email, Masthead, Theme};
use jiff::civil::date;

pub fn masthead() -> Masthead<'static> {
    Masthead {
        title: "Daily",
        tagline: "The morning paper of Lantern Bay",
        postal_address: "The Lantern Bay Courier\n4 Quay Street, Lantern Bay LB1 2QS",
        site_url: "https://daily.example",
        language: "en",
        theme: Theme::default(),
    }
}

/// The placeholders stand for what the engine splices in for each reader.
pub fn digest(stories: &'static [Story<'static>]) -> Digest<'static> {
    Digest {
        masthead: masthead(),
        date: date(2025, 11, 22),
        subject: None,
        preheader: None,
        note: None,
        stories,
        links: Links {
            unsubscribe: "{{unsubscribe_url}}",
            preferences: "{{preferences_url}}",
            web_view: "{{web_view_url}}",
        },
        is_test: false,
    }
}

pub const STORIES: &[Story<'static>] = &[
    Story {
        title: "The lighthouse that learned to count whales",
        dek: Some(
            "A retired radar, two students and a great deal of tea have turned the old lamp room into the coast's \
             most patient observatory. Last week it logged its thousandth spout.",
        ),
        url: "https://courier.example/science/lighthouse-whales",
        image_url: Some("https://courier.example/images/lighthouse.png"),
        image_alt: Some("A lighthouse at dusk, its beam over a calm sea"),
        image_width: None,
        image_height: None,
        author: Some("Ada Quill"),
        section: Some("Science"),
        site_name: Some("The Lantern Bay Courier"),
        published: Some(date(2025, 11, 21)),
    },
    Story {
        title: "Ferry timetable gains a dawn crossing",
        dek: Some("From Monday the 5.40 sails again, eleven years after the bakers petitioned for it."),
        url: "https://courier.example/local/dawn-ferry",
        image_url: Some("https://courier.example/images/ferry.png"),
        image_alt: Some("A small ferry under a rising sun"),
        image_width: None,
        image_height: None,
        author: Some("Tomas Hale"),
        section: Some("Local"),
        site_name: Some("The Lantern Bay Courier"),
        published: Some(date(2025, 11, 22)),
    },
    Story {
        title: "In praise of the second-day loaf",
        dek: Some(
            "Toast, crumb, soup, pudding: our baker's four ways with yesterday's bread, in order of how much butter \
             they forgive.",
        ),
        url: "https://courier.example/food/second-day-loaf",
        image_url: Some("https://courier.example/images/loaf.png"),
        image_alt: None,
        image_width: None,
        image_height: None,
        author: Some("Imogen Marsh"),
        section: Some("Food"),
        site_name: None,
        published: None,
    },
    Story {
        title: "The library lends its hundredth umbrella",
        dek: None,
        url: "https://courier.example/local/library-umbrellas",
        image_url: None,
        image_alt: None,
        image_width: None,
        image_height: None,
        author: None,
        section: None,
        site_name: Some("Harbour Notes"),
        published: Some(date(2024, 12, 31)),
    },
    Story {
        title: "A choir of kettles opens the winter festival, and nobody complains about the pitch",
        dek: Some(
            "Forty-one kettles, one conductor, no rehearsal. Our critic went in doubtful and came out humming.",
        ),
        url: "https://courier.example/culture/kettle-choir",
        image_url: Some("https://courier.example/images/kettles.png"),
        image_alt: Some("Rows of kettles on a stage, steam rising"),
        image_width: None,
        image_height: None,
        author: Some("Rui Castellan"),
        section: Some("Culture"),
        site_name: Some("The Lantern Bay Courier"),
        published: Some(date(2025, 11, 22)),
    },
];

/// A mail as one snapshot, its HTML broken into lines so that a change shows as a few lines.
pub fn html_lines(html: &str) -> String {
    html.replace("><", ">\n<")
}

pub fn envelope(email: &Email) -> String {
    format!("Subject: {}\nPreheader: {}\n\n{}", email.subject, email.preheader, email.text)
}

/// Every value of an attribute in the HTML.
pub fn values_of<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let opening = format!(" {attribute}=\"");
    html.split(opening.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}
