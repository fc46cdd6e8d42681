//! Revisions name what an operator saw of an issue.
//!
//! A revision is a hash of everything that readers would get, and of nothing else: not of the number of
//! readers, their groups and variants, times, tokens, or articles that were left out.

use crate::domain::{content::made_picture::MadePictures, figures::counted, newsletter::Newsletter};
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, fmt};

/// Changes when the content below or the templates change, so that older revisions don't match by accident.
const SCHEMA: u32 = 3;
/// The heading of stories without a section of their own, as operators see it.
pub const IN_BRIEF: &str = "In brief";
/// Digits of the hash that are shown and typed.
const SHOWN_DIGITS: usize = 8;
/// Hex digits of the whole hash.
const DIGITS: usize = 64;

/// The SHA-256 of a [`Content`]. People see and type its first eight hex digits, which an editor could make two
/// contents share, so decisions compare the whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(String);

impl Revision {
    /// Parses a whole revision, as the database and forms have it.
    pub fn parse(text: &str) -> Result<Self, String> {
        is_hex(text, DIGITS)
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| "a revision has 64 hex digits".into())
    }

    /// Returns the digits that are shown.
    pub fn as_str(&self) -> &str {
        &self.0[..SHOWN_DIGITS]
    }

    /// Returns all digits, for the database and forms.
    pub fn full(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Revision {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The beginning of a revision, as an operator types it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedRevision(String);

impl TypedRevision {
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().to_ascii_lowercase();
        is_hex(&text, SHOWN_DIGITS)
            .then_some(Self(text))
            .ok_or_else(|| "a revision has 8 hex digits, such as 1f09ac3d".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TypedRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text has this many hex digits, in lower case.
fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The stories and texts that readers would get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The newsletter as emails show it.
    pub identity: Identity,
    pub subject: Option<String>,
    pub preheader: Option<String>,
    /// The note above the stories, in Markdown.
    pub note: Option<String>,
    /// The stories in order.
    pub stories: Vec<Story>,
    /// The stories that readers get instead of those they have had, in the order in which they are taken.
    #[serde(default)]
    pub replacements: Vec<Story>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub title: String,
    pub tagline: String,
    pub sender: String,
    pub postal_address: String,
    pub language: String,
    pub logo: Option<String>,
    pub accent: Option<String>,
    pub fonts: String,
    /// Links and texts of the publisher that emails show.
    pub publisher: Vec<String>,
}

impl Identity {
    pub fn of(newsletter: &Newsletter) -> Self {
        Self {
            title: newsletter.title.clone(),
            tagline: newsletter.tagline.clone(),
            sender: format!("{} <{}>", newsletter.sender_name, newsletter.sender_address.as_str()),
            postal_address: newsletter.postal_address.clone(),
            language: newsletter.language.clone(),
            logo: newsletter.theme.logo_url.as_ref().map(ToString::to_string),
            accent: newsletter.theme.accent.map(|accent| accent.to_string()),
            fonts: newsletter.theme.fonts.to_string(),
            publisher: newsletter.brand.listed(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    pub article: i64,
    /// The heading above it, if one begins here.
    #[serde(default)]
    pub heading: Option<String>,
    pub title: String,
    pub dek: Option<String>,
    pub url: String,
    pub picture: Option<Picture>,
    pub is_pinned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The URL of the original.
    pub url: String,
    pub alt: Option<String>,
    pub width: Option<i64>,
    pub height: Option<i64>,
    /// The pictures that Daily made of it, by their hashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<MadePictures>,
}

/// Returns whether a story differs from an earlier version in nothing but pictures that Daily has made since, of the
/// same original.
fn is_made_since(story: &Story, earlier: &Story) -> bool {
    let unmade = |story: &Story| Story {
        picture: story.picture.clone().map(|picture| Picture { made: None, ..picture }),
        ..story.clone()
    };
    unmade(story) == *earlier
}

impl Content {
    /// Returns the revision of this content.
    pub fn revision(&self) -> Revision {
        // Structs are serialized in the order of their fields, so the same content has the same text.
        let text = serde_json::json!([SCHEMA, self]).to_string();
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        Revision(hex::encode(hash.as_ref()))
    }

    /// Returns all stories that some reader could get.
    pub fn into_pool(self) -> impl Iterator<Item = Story> {
        self.stories.into_iter().chain(self.replacements)
    }

    /// Describes what changed since an earlier content, one line each. Pictures that Daily has made since are no
    /// change: they are parts of the originals that were shown. Nor are replacements that were removed, as they are
    /// when they get too old.
    pub fn changes_since(&self, earlier: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut text = |name: &str, old: &Option<String>, new: &Option<String>| {
            if old != new {
                let quoted = |it: &Option<String>| it.as_ref().map_or("none".into(), |it| format!("“{it}”"));
                lines.push(format!("{name}: {} → {}", quoted(old), quoted(new)));
            }
        };
        text("subject", &earlier.subject, &self.subject);
        text("preheader", &earlier.preheader, &self.preheader);
        if earlier.note != self.note {
            lines.push("the note was changed".to_owned());
        }
        if earlier.identity != self.identity {
            lines.push("the newsletter's name, sender, address or look was changed".to_owned());
        }
        let find =
            |stories: &[Story], article| stories.iter().find(|it: &&Story| it.article == article).cloned();
        for story in &earlier.stories {
            if find(&self.stories, story.article).is_none() {
                lines.push(format!("- {}", story.title));
            }
        }
        for (story, place) in self.stories.iter().zip(1..) {
            match find(&earlier.stories, story.article) {
                None => lines.push(format!("+ {} (story {place})", story.title)),
                Some(old) if old.title != story.title => {
                    lines.push(format!("headline: “{}” → “{}”", old.title, story.title));
                }
                Some(old) if old.url != story.url => {
                    lines.push(format!("link of “{}”: {} → {}", story.title, old.url, story.url));
                }
                Some(old) if old.heading != story.heading => {
                    let shown = |heading: &Option<String>| heading.clone().unwrap_or_else(|| "none".into());
                    let (old, new) = (shown(&old.heading), shown(&story.heading));
                    lines.push(format!("heading above “{}”: {old} → {new}", story.title));
                }
                Some(old) if old != *story && !is_made_since(story, &old) => {
                    lines.push(format!("summary, picture or pin of “{}” was changed", story.title));
                }
                Some(_) => {}
            }
        }
        let order = |stories: &[Story], others: &[Story]| -> Vec<i64> {
            let is_in_both = |it: &&Story| others.iter().any(|other| other.article == it.article);
            stories.iter().filter(is_in_both).map(|it| it.article).collect()
        };
        if order(&self.stories, &earlier.stories) != order(&earlier.stories, &self.stories) {
            lines.push("the order of the stories was changed".to_owned());
        }
        lines.extend(self.changes_of_replacements(earlier));
        lines
    }

    /// Describes what changed about the stories that only readers get who have had others. There may be very many.
    fn changes_of_replacements(&self, earlier: &Self) -> Option<String> {
        let known: HashMap<i64, &Story> =
            earlier.stories.iter().chain(&earlier.replacements).map(|story| (story.article, story)).collect();
        let (mut new, mut changed) = (Vec::new(), 0);
        for story in &self.replacements {
            match known.get(&story.article) {
                None => new.push(story.title.as_str()),
                // Its heading and pin say something about its place among the stories.
                Some(old) => {
                    let old = Story { heading: None, is_pinned: story.is_pinned, ..(*old).clone() };
                    changed += usize::from(*story != old && !is_made_since(story, &old));
                }
            }
        }
        let new = match new[..] {
            [] => None,
            [title] => Some(format!("“{title}” is new")),
            [title, ..] => Some(format!("“{title}” and {} are new", counted(new.len() - 1, "other"))),
        };
        let changed = (changed > 0).then(|| format!("{} changed", counted(changed, "story")));
        let parts: Vec<String> = new.into_iter().chain(changed).collect();
        (!parts.is_empty())
            .then(|| format!("for readers who have had some of the stories: {}", parts.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::content::made_picture::MadePicture;

    fn content(titles: &[(i64, &str)]) -> Content {
        Content {
            identity: Identity {
                title: "The Lamp".into(),
                tagline: "Light".into(),
                sender: "lamp@example.org".into(),
                postal_address: "Quay 1".into(),
                language: "en".into(),
                logo: None,
                accent: None,
                fonts: "serif".into(),
                publisher: Vec::new(),
            },
            subject: None,
            preheader: None,
            note: None,
            stories: titles
                .iter()
                .map(|(article, title)| Story {
                    article: *article,
                    heading: None,
                    title: (*title).into(),
                    dek: None,
                    url: format!("https://lamp.example/{article}"),
                    picture: None,
                    is_pinned: false,
                })
                .collect(),
            replacements: Vec::new(),
        }
    }

    #[test]
    fn the_same_content_has_the_same_revision_and_any_change_another() {
        let one = content(&[(1, "Ferry"), (2, "Quay")]);
        assert_eq!(one.revision(), content(&[(1, "Ferry"), (2, "Quay")]).revision());
        assert_eq!(Revision::parse(one.revision().full()), Ok(one.revision()));
        let others = [
            content(&[(2, "Quay"), (1, "Ferry")]),
            content(&[(1, "Ferry")]),
            content(&[(1, "Ferry late"), (2, "Quay")]),
            Content { note: Some("Hello".into()), ..one.clone() },
        ];
        for other in others {
            assert_ne!(one.revision(), other.revision());
        }
        let shown = one.revision().to_string();
        assert_eq!(TypedRevision::parse(&format!(" {} ", shown.to_uppercase())).unwrap().as_str(), shown);
        assert_eq!(serde_json::json!(one.revision()), serde_json::json!(shown));
        assert!(Revision::parse(&shown).is_err(), "eight digits name no content");
        assert!(TypedRevision::parse("1f09ac3").is_err() && TypedRevision::parse("xxxxxxxx").is_err());
    }

    #[test]
    fn changes_are_described() {
        let earlier = content(&[(1, "Ferry"), (2, "Quay"), (3, "Market")]);
        let mut now = content(&[(4, "Storm"), (3, "Market"), (1, "Ferry late")]);
        now.subject = Some("Storm".into());
        assert_eq!(
            now.changes_since(&earlier),
            [
                "subject: none → “Storm”",
                "- Quay",
                "+ Storm (story 1)",
                "headline: “Ferry” → “Ferry late”",
                "the order of the stories was changed",
            ]
        );
        assert!(earlier.changes_since(&earlier).is_empty());
    }

    #[test]
    fn replacements_belong_to_the_revision_and_only_removing_them_is_no_change() {
        let with = |titles: &[(i64, &str)], replacements: &[(i64, &str)]| Content {
            replacements: content(replacements).stories,
            ..content(titles)
        };
        let shown = with(&[(1, "Ferry")], &[(2, "Quay"), (3, "Market")]);
        let fewer = with(&[(1, "Ferry")], &[(2, "Quay")]);
        assert_ne!(shown.revision(), fewer.revision());
        assert!(fewer.changes_since(&shown).is_empty());
        let prefix = "for readers who have had some of the stories: ";
        for (replacements, change) in [
            (vec![(2, "Quay"), (3, "Market"), (4, "Storm")], "“Storm” is new"),
            (vec![(4, "Storm"), (5, "Tide"), (6, "Gull")], "“Storm” and 2 others are new"),
            (vec![(2, "Quay closed"), (3, "Market")], "1 story changed"),
        ] {
            let changes = with(&[(1, "Ferry")], &replacements).changes_since(&shown);
            assert_eq!(changes, [format!("{prefix}{change}")]);
        }
        // A story that becomes a replacement is reported once.
        assert_eq!(
            with(&[(2, "Quay")], &[(1, "Ferry")]).changes_since(&shown),
            ["- Ferry", "+ Quay (story 1)"]
        );
    }

    #[test]
    fn making_the_pictures_gives_another_revision_but_is_no_change() {
        let with_picture = |made: Option<MadePictures>| {
            let mut content = content(&[(1, "Ferry")]);
            let url = "https://lamp.example/ferry.jpg".into();
            content.stories[0].picture = Some(Picture { url, alt: None, width: None, height: None, made });
            content
        };
        let made = |digit: &str| {
            let file = |shape: usize| format!("{}{shape}.jpg", digit.repeat(31)).parse().unwrap();
            let picture = |shape| MadePicture { file: file(shape), width: 1, height: 1 };
            MadePictures { lead: picture(1), second_tier: picture(2), thumbnail: picture(3) }
        };
        let (shown, made_since) = (with_picture(None), with_picture(Some(made("a"))));
        assert_ne!(shown.revision(), made_since.revision());
        assert!(made_since.changes_since(&shown).is_empty());
        for other in [shown, with_picture(Some(made("b")))] {
            assert_eq!(other.changes_since(&made_since), ["summary, picture or pin of “Ferry” was changed"]);
        }
        // Revisions of the time before pictures were made can still be read.
        let text = r#"{"url": "https://lamp.example/ferry.jpg", "alt": null, "width": 1, "height": 1}"#;
        assert_eq!(serde_json::from_str::<Picture>(text).unwrap().made, None);
    }
}
