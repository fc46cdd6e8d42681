//! Invented publishers: two brands in English, one in each other language, and one whose words and scripts test a
//! layout. Their stories are those of the emails.

use email_templates::{Brand, Masthead, digest::Story};
use gallery::emails::{
    content::{STORIES, courier, post},
    scripts::{ARABIC, CHINESE, EMOJI, FRENCH, GERMAN, HEBREW, LONG_WORDS, PORTUGUESE, SPANISH},
};

/// A publisher with one newsletter.
pub struct Publisher {
    /// Part of the cases' names.
    pub name: &'static str,
    pub masthead: Masthead<'static>,
    /// The stories of the latest issue.
    pub stories: Vec<Story<'static>>,
    /// The headlines of the three issues before.
    pub older: [&'static str; 3],
    /// The sections of the newsletter, in order.
    pub sections: &'static str,
    /// The editor's note above the latest issue. Empty: none.
    pub note: &'static str,
    /// The title of a second newsletter.
    pub other: &'static str,
    /// Whether all pages are of interest, or those with stories only.
    pub has_all_pages: bool,
}

/// Returns the publishers.
pub fn publishers() -> Vec<Publisher> {
    let with_home = |title, tagline, language| Masthead { title, tagline, language, ..courier() };
    let own = |name, masthead, stories: &[Story<'static>], older, other| Publisher {
        name,
        masthead,
        stories: stories.to_vec(),
        older,
        sections: "",
        note: "",
        other,
        has_all_pages: true,
    };
    let hard =
        [ARABIC[0], LONG_WORDS[0], LONG_WORDS[1], CHINESE[0], HEBREW[0], EMOJI[0], LONG_WORDS[2], ARABIC[1]];
    vec![
        Publisher {
            sections: "Food, Culture",
            note: "Good morning. The dawn crossing is back, the lamps are lit again, and a lighthouse has taken up \
                   arithmetic. *Bring boots*: the causeway floods at six.",
            ..own(
                "courier",
                courier(),
                &STORIES,
                [
                    "The causeway will close for three Sundays in March",
                    "A bell is found in the mud, and it still rings",
                    "How the fish market got its second clock",
                ],
                "Tide & Time",
            )
        },
        own(
            "post",
            Masthead {
                brand: Brand { footer: "Springdale’s own paper since 1921", ..post().brand },
                ..post()
            },
            &STORIES[3..9],
            [
                "Six blocks, one bus: the route that nearly wasn’t",
                "The bakery on Hill Street turns a hundred",
                "What the new park benches are made of",
            ],
            "The Weekend Post",
        ),
        own(
            "german",
            with_home("Hafenbote", "Was im Hafen geschah, vor dem ersten Kaffee", "de"),
            &GERMAN,
            ["Der Damm bleibt im März gesperrt", "Eine Glocke aus dem Schlick", "Wer den Fischmarkt weckt"],
            "Der Hafenbote am Sonntag",
        ),
        own(
            "spanish",
            with_home("El Farol", "Lo que pasó en el puerto, antes del primer café", "es"),
            &SPANISH,
            ["El dique cierra tres domingos", "Una campana en el fango", "El segundo reloj del mercado"],
            "El Farol del domingo",
        ),
        own(
            "french",
            with_home("Le Courrier du phare", "Les nouvelles du port, avant le premier café", "fr"),
            &FRENCH,
            ["La digue fermée trois dimanches", "Une cloche dans la vase", "La deuxième horloge de la criée"],
            "Le Courrier du dimanche",
        ),
        own(
            "portuguese",
            with_home("Correio do Farol", "O que se passou no porto, antes do primeiro café", "pt"),
            &PORTUGUESE,
            ["O dique fecha três domingos", "Um sino no lodo", "O segundo relógio da lota"],
            "Correio de domingo",
        ),
        Publisher {
            has_all_pages: false,
            ..own(
                "hard",
                with_home(
                    "Donaudampfschifffahrtsgesellschaftszeitung",
                    "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz und mehr",
                    "de",
                ),
                &hard,
                ["Kurz", "شرفة المنارة", "灯塔学会数鲸鱼"],
                "Grundstücksverkehrsgenehmigungszuständigkeitsblatt",
            )
        },
    ]
}
