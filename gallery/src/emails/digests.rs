//! Issues: numbers of stories, pictures, sections, scripts, brands.

use email_templates::digest::{self, Digest, Links, Period, Section, Story};
use email_templates::{Fonts, Masthead, Theme};
use jiff::civil::date;

use super::content::{
    MONDAY, NOTE, STORIES, courier, plain, post, with_mixed_pictures, with_small_pictures, without_deks,
    without_pictures,
};
use super::scripts::{ARABIC, CHINESE, EMOJI, FRENCH, GERMAN, HEBREW, LONG_WORDS, PORTUGUESE, SPANISH};
use crate::Case;

/// Accents that a layout must survive, with the name of the newsletter that has each.
const ACCENTS: [(&str, [u8; 3]); 6] = [
    ("yellow", [0xff, 0xd4, 0x00]),
    ("near-white", [0xfa, 0xf8, 0xf0]),
    ("near-black", [0x11, 0x11, 0x11]),
    ("pink", [0xf4, 0x72, 0xb6]),
    ("sky", [0x38, 0xbd, 0xf8]),
    ("grey", [0x7a, 0x7a, 0x7a]),
];

fn issue<'a>(masthead: Masthead<'a>, stories: &'a [Story<'a>]) -> Digest<'a> {
    Digest {
        masthead,
        date: MONDAY,
        subject: None,
        preheader: None,
        note: None,
        stories,
        sections: &[],
        period: Period::Day,
        links: Links {
            unsubscribe: "https://news.courier.example/unsubscribe/x",
            preferences: "https://news.courier.example/preferences/x",
            web_view: Some("https://news.courier.example/issues/2026-11-30"),
        },
        is_test: false,
        revision: None,
    }
}

fn case(group: &'static str, name: &str, digest: &Digest<'_>) -> Case {
    Case::new(group, format!("digest-{name}"), digest::render(digest).html)
}

pub(super) fn cases() -> Vec<Case> {
    [counts(), pictures(), sections(), languages(), brands()].into_iter().flatten().collect()
}

fn counts() -> Vec<Case> {
    let mut cases: Vec<Case> = [1, 2, 3, 4, 5, 6, 8, 12]
        .into_iter()
        .map(|count| case("counts", &format!("{count:02}"), &issue(courier(), &STORIES[..count])))
        .collect();
    let full = Digest { note: Some(NOTE), ..issue(courier(), &STORIES) };
    cases.push(case("counts", "12-note", &full).stressed());
    let fifty: Vec<Story<'_>> = STORIES.iter().cycle().take(50).copied().collect();
    cases.push(case("counts", "50", &issue(courier(), &fifty)));
    cases.push(case("counts", "none", &issue(courier(), &[])));
    cases.push(case(
        "counts",
        "test",
        &Digest { is_test: true, revision: Some("1f09ac3d"), ..issue(courier(), &STORIES[..3]) },
    ));
    cases
}

fn pictures() -> Vec<Case> {
    let mut cases = Vec::new();
    for count in [1, 2, 3, 5, 12] {
        let stories = without_pictures(count);
        cases.push(case("pictures", &format!("no-pictures-{count:02}"), &issue(courier(), &stories)));
    }
    for count in [1, 3, 12] {
        let stories = with_small_pictures(count);
        cases.push(case("pictures", &format!("small-pictures-{count:02}"), &issue(courier(), &stories)));
    }
    let mixed = with_mixed_pictures(12);
    cases.push(case("pictures", "mixed-pictures-12", &issue(courier(), &mixed)));
    cases.push(case("pictures", "mixed-pictures-from-2", &issue(courier(), &mixed[1..6])));
    let deks = without_deks(12);
    cases.push(case("pictures", "no-deks-12", &issue(courier(), &deks)));
    let neither: Vec<Story<'_>> =
        deks.iter().map(|story| Story { picture: None, section: None, ..*story }).collect();
    cases.push(case("pictures", "headlines-only-12", &issue(plain("Daily", "en"), &neither)));
    cases
}

fn sections() -> Vec<Case> {
    let (lead, rest) = STORIES.split_at(1);
    let by_section = [
        Section { heading: Some("Local"), stories: &rest[..5] },
        Section {
            heading: Some("Culture and everything else that has no other place"),
            stories: &rest[5..8],
        },
        Section { heading: Some("Food"), stories: &rest[8..9] },
        Section { heading: None, stories: &rest[9..] },
    ];
    let digest = Digest { sections: &by_section, note: Some(NOTE), ..issue(courier(), lead) };
    let mut cases = vec![case("sections", "sections-12", &digest)];
    let small = [
        Section { heading: Some("Science"), stories: &STORIES[..1] },
        Section { heading: Some("Food"), stories: &STORIES[3..4] },
    ];
    cases.push(case("sections", "sections-2", &Digest { sections: &small, ..issue(post(), &[]) }));
    let others = ["The Lantern Bay Courier", "Harbour Notes", "Tide & Time"];
    let several: Vec<Story<'_>> = STORIES
        .iter()
        .enumerate()
        .map(|(index, story)| Story {
            site_name: Some(others[index % 3]),
            published: Some(date(2026, 11, 20)),
            ..*story
        })
        .collect();
    cases.push(case(
        "sections",
        "several-sites-8",
        &Digest { period: Period::Other, ..issue(courier(), &several[..8]) },
    ));
    cases
}

fn languages() -> Vec<Case> {
    let sans = |masthead: Masthead<'static>| Masthead {
        theme: Theme { fonts: Fonts::Sans, ..masthead.theme },
        ..masthead
    };
    let courier_in = |title, language| Masthead { title, language, ..courier() };
    vec![
        case(
            "languages",
            "long-words",
            &issue(courier_in("Donaudampfschifffahrtsgesellschaftszeitung", "de"), &LONG_WORDS),
        )
        .stressed(),
        case("languages", "arabic", &issue(courier_in("بريد الخليج", "ar"), &ARABIC)).stressed(),
        case("languages", "hebrew", &issue(courier_in("דואר המפרץ", "he"), &HEBREW)),
        case("languages", "chinese", &issue(sans(courier_in("灯塔日报", "zh")), &CHINESE)).stressed(),
        case("languages", "emoji", &issue(plain("The 🐳 Letter", "en"), &EMOJI)),
        case("languages", "german", &issue(courier_in("Hafenbote", "de"), &GERMAN)),
        case("languages", "spanish", &issue(courier_in("El Farol", "es"), &SPANISH)),
        case("languages", "french", &issue(courier_in("Le Courrier du phare", "fr"), &FRENCH)),
        case("languages", "portuguese", &issue(courier_in("Correio do Farol", "pt"), &PORTUGUESE)),
    ]
}

fn brands() -> Vec<Case> {
    let weekly = Digest { period: Period::Week, ..issue(post(), &STORIES[6..12]) };
    let mut cases = vec![case("brands", "weekly-logo", &weekly).stressed()];
    for (name, accent) in ACCENTS {
        let theme = Theme { accent: Some(accent), ..courier().theme };
        let digest = Digest { note: Some(NOTE), ..issue(Masthead { theme, ..courier() }, &STORIES[..8]) };
        cases.push(case("brands", &format!("accent-{name}"), &digest));
    }
    let long = "The Morning Letter of the Harbour Association of Lantern Bay";
    cases.push(case("brands", "long-name", &issue(plain(long, "en"), &STORIES[..2])));
    cases.push(case("brands", "short-name", &issue(plain("Daily", "en-US"), &STORIES[..2])));
    cases
}
