//! An invented newsletter with invented stories, and helpers for snapshots of its emails.

use email_templates::already_subscribed::{self, AlreadySubscribed};
use email_templates::confirmation::{self, Confirmation, PromisedNewsletter};
use email_templates::digest::{self, Digest, Links, Note, Period, Picture, Section, Story};
use email_templates::goodbye::{self, Goodbye};
use email_templates::notice::{self, Notice, NoticeKind, PlannedIssue};
use email_templates::promise::Promise;
use email_templates::welcome::{self, Clock, LatestIssue, NextIssue, Welcome};
use email_templates::{Brand, Email, Fonts, Masthead, SocialLink, Theme};
use jiff::civil::{Weekday, date, time};

pub fn masthead() -> Masthead<'static> {
    Masthead {
        title: "Daily",
        tagline: "The morning paper of Lantern Bay",
        sender_address: "news@courier.example",
        postal_address: "The Lantern Bay Courier\n4 Quay Street, Lantern Bay LB1 2QS",
        sign_up_url: "https://daily.example/?newsletter=daily",
        language: "en",
        theme: Theme::default(),
        brand: Brand::default(),
    }
}

/// Its links are placeholders, as in an issue that the sending engine renders.
pub fn digest(stories: &'static [Story<'static>]) -> Digest<'static> {
    Digest {
        masthead: masthead(),
        date: date(2025, 11, 22),
        subject: None,
        preheader: None,
        note: None,
        stories,
        sections: &[],
        period: Period::Day,
        links: Links {
            unsubscribe: "{{unsubscribe_url}}",
            preferences: "{{preferences_url}}",
            web_view: Some("{{web_view_url}}"),
        },
        is_test: false,
        revision: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "stories take an Option")]
const fn picture(
    url: &'static str,
    alt: Option<&'static str>,
    size: Option<(u32, u32)>,
) -> Option<Picture<'static>> {
    Some(Picture { url, alt, size, lead: None, card: None, thumbnail: None })
}

/// A story whose picture has a known size.
const fn sized(story: Story<'static>, width: u32, height: u32) -> Story<'static> {
    match story.picture {
        Some(Picture { url, alt, .. }) => {
            Story { picture: picture(url, alt, Some((width, height))), ..story }
        }
        None => story,
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
        picture: picture(
            "https://courier.example/images/lighthouse.png",
            Some("A lighthouse at dusk, its beam over a calm sea"),
            None,
        ),
        author: Some("Ada Quill"),
        section: Some("Science"),
        site_name: Some("The Lantern Bay Courier"),
        published: Some(date(2025, 11, 21)),
    },
    Story {
        title: "Ferry timetable gains a dawn crossing",
        dek: Some("From Monday the 5.40 sails again, eleven years after the bakers petitioned for it."),
        url: "https://courier.example/local/dawn-ferry",
        picture: picture(
            "https://courier.example/images/ferry.png",
            Some("A small ferry under a rising sun"),
            None,
        ),
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
        picture: picture("https://courier.example/images/loaf.png", None, None),
        author: Some("Imogen Marsh"),
        section: Some("Food"),
        site_name: None,
        published: None,
    },
    Story {
        title: "The library lends its hundredth umbrella",
        dek: None,
        url: "https://courier.example/local/library-umbrellas",
        picture: None,
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
        picture: picture(
            "https://courier.example/images/kettles.png",
            Some("Rows of kettles on a stage, steam rising"),
            None,
        ),
        author: Some("Rui Castellan"),
        section: Some("Culture"),
        site_name: Some("The Lantern Bay Courier"),
        published: Some(date(2025, 11, 22)),
    },
];

const BARE: Story<'static> = Story {
    title: "",
    dek: None,
    url: "",
    picture: None,
    author: None,
    section: None,
    site_name: Some("The Lantern Bay Courier"),
    published: Some(date(2025, 11, 22)),
};

/// Eight stories. The sizes of their pictures are known.
pub const PAPER: &[Story<'static>] = &[
    sized(STORIES[0], 1200, 675),
    sized(STORIES[1], 900, 600),
    sized(STORIES[4], 600, 900),
    Story {
        title: "Harbour lights return to the old quay after eleven dark winters",
        dek: Some("Nineteen lamps, found in a barn, are lit again by hand each evening at dusk."),
        url: "https://courier.example/local/harbour-lights",
        picture: picture(
            "https://courier.example/images/lamps.png",
            Some("A row of brass lamps on a quay"),
            Some((800, 800)),
        ),
        author: Some("Noor Aziz"),
        section: Some("Local"),
        ..BARE
    },
    sized(STORIES[2], 900, 675),
    Story { section: Some("Local"), ..STORIES[3] },
    Story {
        title: "The museum of lost gloves finds a left for its right",
        dek: Some("It took forty-two years and a very patient curator. The pair goes on show on Thursday."),
        url: "https://courier.example/culture/gloves",
        author: Some("Rui Castellan"),
        section: Some("Culture"),
        ..BARE
    },
    Story {
        title: "Tomorrow's tide tables, and why the moon is late",
        dek: Some("High water at 6.12 and 18.40. Bring boots to the causeway."),
        url: "https://courier.example/tides",
        ..BARE
    },
];

pub const NOTE: Note<'static> = Note {
    html: "<p>Good morning from a quay that smells of <em>fresh paint</em>. Today's paper is all about \
           patience: whales, lamps and a very old glove.</p>\
           <ul><li>The reading room is open until <strong>nine</strong> tonight.</li>\
           <li>Your letters on the ferry are <a href=\"https://courier.example/letters\">here</a>.</li></ul>\
           <p>Ada, at the desk</p>",
    text: "Good morning from a quay that smells of fresh paint. Today's paper is all about patience: whales, lamps and a \
           very old glove.\n\n- The reading room is open until nine tonight.\n- Your letters on the ferry are here: \
           https://courier.example/letters\n\nAda, at the desk",
};

const LEAD: &[Story<'static>] = &[PAPER[0]];

/// The stories of [`PAPER`] by section, after the first.
pub const SECTIONS: &[Section<'static>] = &[
    Section { heading: Some("Local"), stories: &[PAPER[1], PAPER[3], PAPER[5]] },
    Section { heading: Some("Culture"), stories: &[PAPER[2], PAPER[6]] },
    Section { heading: Some("Food"), stories: &[PAPER[4]] },
    Section { heading: None, stories: &[PAPER[7]] },
];

pub const BRAND: Brand<'static> = Brand {
    site_url: Some("https://www.courier.example/"),
    privacy_url: Some("https://www.courier.example/privacy"),
    takes_replies: true,
    footer: "Printed with salt water.",
    social: &[
        SocialLink { name: "Mastodon", url: "https://social.example/@courier" },
        SocialLink { name: "", url: "https://www.pictures.example/courier" },
    ],
};

/// An issue with a logo, a colour, a note and sections, of a publisher with everything.
pub fn full_digest() -> Digest<'static> {
    let theme = Theme {
        logo_url: Some("https://courier.example/logo.png"),
        accent: Some([0xc2, 0x41, 0x0c]),
        fonts: Fonts::Serif,
    };
    let masthead = Masthead { theme, brand: BRAND, ..masthead() };
    Digest { masthead, note: Some(NOTE), sections: SECTIONS, ..digest(LEAD) }
}

/// An issue in Arabic, with pictures, a list and a quotation.
pub fn arabic_digest() -> Digest<'static> {
    const ARABIC: Story<'static> = Story {
        title: "المنارة التي تعلّمت عدّ الحيتان",
        dek: Some("رادار قديم وطالبان وكثير من الشاي."),
        section: Some("علوم"),
        author: Some("ليلى حداد"),
        site_name: Some("بريد الخليج"),
        ..PAPER[0]
    };
    let note = Note {
        html: "<p>صباح الخير.</p><ul><li>الشاي</li></ul><blockquote><p>الصبر منارة.</p></blockquote>",
        text: "صباح الخير.\n\n- الشاي\n\n> الصبر منارة.",
    };
    let masthead = Masthead {
        title: "اليومية", tagline: "صحيفة الصباح", language: "ar", ..masthead()
    };
    Digest { masthead, note: Some(note), ..digest(&[ARABIC, ARABIC]) }
}

/// Returns every email with its name.
pub fn every_mail(masthead: Masthead<'static>) -> Vec<(&'static str, Email)> {
    let address = "a-reader-with-quite-a-long-address-for-a-reader@mail.harbour.example";
    let note = Some(NOTE);
    vec![
        ("digest", digest::render(&Digest { masthead, note, ..digest(PAPER) })),
        ("digest-of-few", digest::render(&Digest { masthead, is_test: true, ..digest(STORIES) })),
        (
            "confirmation",
            confirmation::render(&Confirmation {
                masthead,
                confirm_url: "https://daily.example/confirm/x",
                expires_in_days: 7,
                address,
                newsletters: &[PromisedNewsletter { title: masthead.title, promise: PROMISE }],
            }),
        ),
        (
            "already-subscribed",
            already_subscribed::render(&AlreadySubscribed {
                masthead,
                active: &[masthead.title],
                paused: &[],
                unsubscribe_url: "https://daily.example/unsubscribe/x",
                archive_url: "https://daily.example/issues",
                address,
            }),
        ),
        ("welcome", welcome::render(&greeting(masthead, address))),
        (
            "goodbye",
            goodbye::render(&Goodbye {
                masthead,
                sign_up_url: "https://daily.example/?newsletter=daily",
                address,
            }),
        ),
        ("approval-wanted", notice(masthead, NoticeKind::ApprovalWanted { issue: planned() })),
        ("too-few-stories", notice(masthead, NoticeKind::TooFewStories { issue: planned(), wanted: 5 })),
        (
            "issue-skipped",
            notice(
                masthead,
                NoticeKind::IssueSkipped {
                    date: date(2026, 5, 1),
                    reason: "there were no new articles",
                    before_it: 2,
                    is_today: true,
                },
            ),
        ),
    ]
}

const WEEK: &[Weekday] = &[
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// One email a day, in the morning.
pub const PROMISE: Promise<'static> = Promise { days: WEEK, at: time(6, 30, 0, 0), reading_minutes: Some(4) };

fn greeting(masthead: Masthead<'static>, address: &'static str) -> Welcome<'static> {
    Welcome {
        masthead,
        address,
        next: NextIssue {
            at: date(2025, 11, 22).at(6, 30, 0, 0),
            today: date(2025, 11, 21),
            clock: Clock::Place("Berlin"),
        },
        joined: false,
        latest: Some(LatestIssue {
            date: date(2025, 11, 21),
            language: "en",
            lead: PAPER[0],
            web_url: Some("https://daily.example/issues/2025-11-21?newsletter=daily"),
        }),
        has_topics: true,
        can_be_weekly: true,
        unsubscribe_url: "https://daily.example/unsubscribe/x",
        preferences_url: "https://daily.example/preferences/x",
    }
}

fn notice(masthead: Masthead<'static>, kind: NoticeKind<'static>) -> Email {
    notice::render(&Notice { masthead, slug: "daily", operator: "desk@courier.example", page: None, kind })
}

fn planned() -> PlannedIssue<'static> {
    PlannedIssue {
        date: date(2026, 5, 1),
        due: date(2026, 5, 1).at(6, 30, 0, 0),
        clock: "Berlin time",
        due_in_minutes: 30,
        readers: 1204,
        stories: &["The lighthouse that learned to count whales", "Ferry timetable gains a dawn crossing"],
        revision: "1f09ac3d",
    }
}

/// Breaks HTML into lines, so that a change of a snapshot shows as a few lines.
pub fn html_lines(html: &str) -> String {
    html.replace("><", ">\n<")
}

pub fn envelope(email: &Email) -> String {
    format!("Subject: {}\nPreheader: {}\n\n{}", email.subject, email.preheader, email.text)
}

/// Returns the values of an attribute in the HTML.
pub fn values_of<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let opening = format!(" {attribute}=\"");
    html.split(opening.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}
