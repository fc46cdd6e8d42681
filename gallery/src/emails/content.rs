//! Invented newsletters and stories for the cases.

use email_templates::digest::{Crop, Note, Picture, Story};
use email_templates::{Brand, Fonts, Masthead, SocialLink, Theme};
use jiff::civil::{Date, date};

pub const MONDAY: Date = date(2026, 11, 30);

/// The picture of a scene, cropped for every use.
macro_rules! cropped {
    ($scene:literal, $alt:expr) => {
        Some(Picture {
            url: concat!("https://pictures.gallery.example/", $scene, "-lead.svg"),
            alt: $alt,
            size: Some((1200, 600)),
            lead: Some(Crop {
                url: concat!("https://pictures.gallery.example/", $scene, "-lead.svg"),
                width: 1200,
                height: 600,
            }),
            card: Some(Crop {
                url: concat!("https://pictures.gallery.example/", $scene, "-card.svg"),
                width: 600,
                height: 338,
            }),
            thumbnail: Some(Crop {
                url: concat!("https://pictures.gallery.example/", $scene, "-thumb.svg"),
                width: 192,
                height: 192,
            }),
        })
    };
}

/// An uncropped picture.
macro_rules! original {
    ($scene:literal, $shape:literal, $size:expr) => {
        Some(Picture {
            url: concat!("https://pictures.gallery.example/", $scene, "-", $shape, ".svg"),
            alt: Some("A drawn scene"),
            size: $size,
            lead: None,
            card: None,
            thumbnail: None,
        })
    };
}
pub(super) use {cropped, original};

pub const fn courier() -> Masthead<'static> {
    Masthead {
        title: "The Lantern Bay Courier",
        tagline: "The morning paper of Lantern Bay",
        sender_address: "news@courier.example",
        postal_address: "Lantern Bay Media Ltd, 4 Quay Street, Lantern Bay LB1 2QS",
        sign_up_url: "https://news.courier.example/?newsletter=daily",
        language: "en-GB",
        theme: Theme { logo_url: None, accent: Some([0x12, 0x4e, 0x78]), fonts: Fonts::Serif },
        brand: Brand {
            site_url: Some("https://www.courier.example/"),
            privacy_url: Some("https://www.courier.example/privacy"),
            takes_replies: true,
            footer: "",
            social: &[
                SocialLink { name: "Mastodon", url: "https://social.example/@courier" },
                SocialLink { name: "Bluesky", url: "https://sky.example/courier" },
            ],
        },
    }
}

pub const fn post() -> Masthead<'static> {
    Masthead {
        title: "Hill Street Post",
        tagline: "",
        sender_address: "hello@post.example",
        postal_address: "Hill Street Media LLC\n48 Hill Street, Springdale, OR 97000",
        sign_up_url: "https://mail.post.example/?newsletter=post",
        language: "en-US",
        theme: Theme {
            logo_url: Some("https://pictures.gallery.example/logo.svg"),
            accent: Some([0xb4, 0x38, 0x1f]),
            fonts: Fonts::Sans,
        },
        brand: Brand {
            site_url: Some("https://post.example/"),
            privacy_url: None,
            takes_replies: false,
            footer: "",
            social: &[],
        },
    }
}

/// A newsletter of which nothing is known but its name.
pub const fn plain(title: &'static str, language: &'static str) -> Masthead<'static> {
    Masthead {
        title,
        tagline: "",
        sender_address: "news@daily.example",
        postal_address: "",
        sign_up_url: "https://daily.example/?newsletter=daily",
        language,
        theme: Theme { logo_url: None, accent: None, fonts: Fonts::Serif },
        brand: Brand { site_url: None, privacy_url: None, takes_replies: false, footer: "", social: &[] },
    }
}

pub const NOTE: Note<'static> = Note {
    html: "<p>Good morning. The dawn crossing is back, the lamps are lit again, and a lighthouse has taken up \
           arithmetic. <em>Bring boots</em>: the causeway floods at <a href=\"https://courier.example/tides\">six</a>.</p>",
    text: "Good morning. The dawn crossing is back, the lamps are lit again, and a lighthouse has taken up arithmetic. \
           Bring boots: the causeway floods at six: https://courier.example/tides",
};

const fn story(
    title: &'static str,
    dek: &'static str,
    section: &'static str,
    author: &'static str,
    picture: Option<Picture<'static>>,
) -> Story<'static> {
    Story {
        title,
        dek: Some(dek),
        url: "https://courier.example/story",
        picture,
        author: Some(author),
        section: Some(section),
        site_name: Some("The Lantern Bay Courier"),
        published: Some(MONDAY),
    }
}

pub const STORIES: [Story<'static>; 12] = [
    story(
        "The lighthouse that learned to count whales, after a 5–4 vote",
        "A retired radar, two students and a great deal of tea have turned the old lamp room into the coast's most \
         patient observatory. Last week it logged its thousandth spout.",
        "Science",
        "Ada Quill",
        cropped!("lighthouse", Some("A lighthouse at dusk, its beam over a calm sea")),
    ),
    story(
        "The dawn ferry sails again, eleven years late",
        "From Monday the 5.40 crosses as the bakers had asked. Season tickets stay as they are.",
        "Transport",
        "Tomas Hale",
        cropped!("ferry", Some("A small ferry under a rising sun")),
    ),
    story(
        "Which streets flood first? A map, house by house",
        "We walked the harbour with a spirit level. The lowest door is not where you would look.",
        "Housing",
        "Noor Aziz",
        cropped!("street", Some("A row of coloured houses")),
    ),
    story(
        "In praise of the second-day loaf",
        "Toast, crumb, soup, pudding: four ways with yesterday's bread, in order of how much butter they forgive.",
        "Food",
        "Imogen Marsh",
        cropped!("loaf", Some("A loaf with three cuts")),
    ),
    story(
        "Harbour lights return to the old quay",
        "Nineteen lamps, found in a barn, are lit by hand each evening at dusk.",
        "Local",
        "Noor Aziz",
        cropped!("lamps", Some("Five lamps on a quay")),
    ),
    story(
        "A choir of kettles opens the winter festival, and nobody complains about the pitch",
        "Forty-one kettles, one conductor, no rehearsal. Our critic went in doubtful and came out humming.",
        "Culture",
        "Rui Castellan",
        cropped!("kettles", Some("Coloured kettles in a row")),
    ),
    story(
        "The library lends its hundredth umbrella",
        "Ninety-nine came back. One sent a postcard.",
        "People",
        "Ada Quill",
        cropped!("shelves", Some("Shelves of books")),
    ),
    story(
        "What to eat at Saturday's market: nine stalls, ranked",
        "We ate all of it. Start with the mussels and leave room for the pears.",
        "Food",
        "Imogen Marsh",
        cropped!("market", Some("Fruit on a stall")),
    ),
    story(
        "The council counts its trees and finds 312 more than it planted",
        "Nobody minds. The new ones will be on the map by spring, which is when the rest of us will notice them.",
        "City Hall",
        "Tomas Hale",
        cropped!("hill", Some("A tree on a hill")),
    ),
    story(
        "Streetlights go out on the north shore so you can see the stars",
        "From Friday at nine to Sunday at dawn. Where to park, and what to bring.",
        "Outdoors",
        "Rui Castellan",
        cropped!("night", Some("Stars above a mountain")),
    ),
    story(
        "The museum of lost gloves finds a left for its right",
        "It took forty-two years and a very patient curator. The pair goes on show on Thursday, between the hats.",
        "Culture",
        "Rui Castellan",
        None,
    ),
    story(
        "Why we print our corrections on page one",
        "A note from the editor.",
        "Letters",
        "Ada Quill",
        None,
    ),
];

/// The stories without their pictures.
pub fn without_pictures(count: usize) -> Vec<Story<'static>> {
    STORIES.iter().take(count).map(|story| Story { picture: None, ..*story }).collect()
}

/// The stories with small pictures only.
pub fn with_small_pictures(count: usize) -> Vec<Story<'static>> {
    let pictures = [
        original!("lighthouse", "small", Some((160, 120))),
        original!("ferry", "small", Some((160, 120))),
        original!("lamps", "small", Some((160, 120))),
    ];
    let stories = STORIES.iter().take(count).enumerate();
    stories.map(|(index, story)| Story { picture: pictures[index % 3], ..*story }).collect()
}

/// The stories with uncropped pictures in every shape, and some without.
pub fn with_mixed_pictures(count: usize) -> Vec<Story<'static>> {
    let pictures = [
        original!("ferry", "portrait", Some((600, 900))),
        original!("lighthouse", "lead", Some((1200, 600))),
        None,
        original!("lamps", "panorama", Some((2400, 400))),
        original!("street", "card", None),
        original!("loaf", "portrait", Some((600, 900))),
        original!("market", "small", Some((160, 120))),
    ];
    let stories = STORIES.iter().take(count).enumerate();
    stories.map(|(index, story)| Story { picture: pictures[index % 7], ..*story }).collect()
}

/// The stories without deks.
pub fn without_deks(count: usize) -> Vec<Story<'static>> {
    STORIES.iter().take(count).map(|story| Story { dek: None, ..*story }).collect()
}
