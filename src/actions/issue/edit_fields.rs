//! The edits of an issue that operators enter, with the same names on the command line, in forms and in JSON.

use crate::{
    actions::issue::edit_issue::{MAX_NOTE_CHARS, MAX_PLACE, StoryChange},
    db::issues::IssueWords,
    domain::{
        brand::parse_publisher_url,
        content::article::{MAX_DEK_CHARS, MAX_TITLE_CHARS, one_line},
        ids::ArticleId,
        validation::{Code, Problem, Problems, check_each, rules},
    },
};
use validator::{Validate, ValidationError};

#[derive(Debug, Default, Clone, clap::Args, serde::Deserialize, Validate)]
#[serde(default)]
#[validate(schema(function = changes_something, skip_on_field_errors = false))]
pub struct IssueEdit {
    /// Put an article in, first
    #[arg(long, value_name = "ARTICLE")]
    #[validate(custom(function = self::numbers))]
    pub pin: Vec<String>,
    /// Keep an article out of this issue
    #[arg(long, value_name = "ARTICLE")]
    #[validate(custom(function = self::numbers))]
    pub drop: Vec<String>,
    /// Put an article in, at this place from 1
    #[arg(long, value_name = "ARTICLE=PLACE")]
    #[validate(custom(function = self::places))]
    pub place: Vec<String>,
    /// Set an article's headline in this issue
    #[arg(long, value_name = "ARTICLE=TEXT")]
    #[validate(custom(function = self::titles))]
    pub title: Vec<String>,
    /// Set an article's summary in this issue; empty: none
    #[arg(long, value_name = "ARTICLE=TEXT")]
    #[validate(custom(function = self::summaries))]
    pub summary: Vec<String>,
    /// Show another picture with an article in this issue
    #[arg(long, value_name = "ARTICLE=URL")]
    #[validate(custom(function = self::pictures))]
    pub picture: Vec<String>,
    /// Show an article without a picture in this issue
    #[arg(long, value_name = "ARTICLE")]
    #[validate(custom(function = self::numbers))]
    pub no_picture: Vec<String>,
    /// Revert the edits of an article
    #[arg(long, value_name = "ARTICLE")]
    #[validate(custom(function = self::numbers))]
    pub undo: Vec<String>,
    /// Subject line; empty: the first story's headline
    #[arg(long)]
    #[validate(custom(function = self::headline))]
    pub subject: Option<String>,
    /// Preview text in inboxes; empty: the other headlines
    #[arg(long)]
    #[validate(custom(function = self::headline))]
    pub preheader: Option<String>,
    /// Note above the stories, in Markdown; empty: none
    #[arg(skip)]
    #[validate(custom(function = self::note))]
    pub note: Option<String>,
}

fn changes_something(edit: &IssueEdit) -> Result<(), ValidationError> {
    let numbers = [&edit.pin, &edit.drop, &edit.no_picture, &edit.undo].iter().all(|list| list.is_empty());
    let texts = [&edit.place, &edit.title, &edit.summary, &edit.picture].iter().all(|list| list.is_empty());
    let words = [&edit.subject, &edit.preheader, &edit.note].iter().all(|text| text.is_none());
    if numbers && texts && words { Err(Code::NothingToChange.error()) } else { Ok(()) }
}

fn numbers(list: &[String]) -> Result<(), ValidationError> {
    check_each(list, |text| parse_number(text).map(drop).ok_or_else(|| Code::StoryNumber.error()))
}

fn parse_number(text: &str) -> Option<ArticleId> {
    text.trim().parse().ok().map(ArticleId)
}

fn places(list: &[String]) -> Result<(), ValidationError> {
    check_each(list, |text| {
        parse_place(text).map(drop).ok_or_else(|| Code::StoryPlace.error_with("limit", MAX_PLACE))
    })
}

fn titles(list: &[String]) -> Result<(), ValidationError> {
    check_each(list, |text| {
        let (_, title) = split_article(text).ok_or_else(|| Code::StoryText.error())?;
        rules::headline(title)
    })
}

fn summaries(list: &[String]) -> Result<(), ValidationError> {
    check_each(list, |text| {
        let (_, summary) = split_article(text).ok_or_else(|| Code::StoryText.error())?;
        at_most(&one_line(summary, UNCUT), MAX_DEK_CHARS)
    })
}

fn pictures(list: &[String]) -> Result<(), ValidationError> {
    check_each(list, |text| parse_picture(text).map(drop).ok_or_else(|| Code::WebAddress.error()))
}

fn parse_picture(text: &str) -> Option<StoryChange> {
    let (id, url) = split_article(text)?;
    Some(StoryChange::Picture(id, parse_publisher_url("", url).ok()?.into()))
}

fn headline(text: &str) -> Result<(), ValidationError> {
    at_most(&one_line(text, UNCUT), MAX_TITLE_CHARS)
}

fn note(text: &str) -> Result<(), ValidationError> {
    at_most(text, MAX_NOTE_CHARS)
}

/// Texts that are too long are refused instead of cut.
const UNCUT: usize = usize::MAX / 8;

fn at_most(text: &str, limit: usize) -> Result<(), ValidationError> {
    if text.chars().count() <= limit { Ok(()) } else { Err(Code::TextTooLong.error_with("limit", limit)) }
}

/// Splits `ARTICLE=TEXT` into the article's number and the text.
fn split_article(text: &str) -> Option<(ArticleId, &str)> {
    let (number, rest) = text.split_once('=')?;
    Some((parse_number(number)?, rest.trim()))
}

fn parse_place(text: &str) -> Option<StoryChange> {
    let (id, place) = split_article(text)?;
    let place = place.parse().ok().filter(|place| (1..=MAX_PLACE).contains(place))?;
    Some(StoryChange::Place(id, place))
}

fn article(text: &str, field: &str) -> Result<ArticleId, Problem> {
    parse_number(text).ok_or_else(|| Code::StoryNumber.at(field))
}

impl IssueEdit {
    /// Checks the fields and returns the changes of the issue's own texts and of its stories.
    pub fn checked(&self) -> Result<(IssueWords, Vec<StoryChange>), Problems> {
        Problems::check(self)?;
        let words = IssueWords {
            subject: self.subject.clone(),
            preheader: self.preheader.clone(),
            note: self.note.clone(),
        };
        let mut changes = Vec::new();
        for text in &self.undo {
            changes.push(StoryChange::Undo(article(text, "undo")?));
        }
        for text in &self.pin {
            changes.push(StoryChange::Pin(article(text, "pin")?));
        }
        for text in &self.drop {
            changes.push(StoryChange::Drop(article(text, "drop")?));
        }
        for text in &self.place {
            changes.push(parse_place(text).ok_or_else(|| Code::StoryPlace.at("place"))?);
        }
        for text in &self.title {
            let (id, title) = split_article(text).ok_or_else(|| Code::StoryText.at("title"))?;
            changes.push(StoryChange::Title(id, title.to_owned()));
        }
        for text in &self.summary {
            let (id, summary) = split_article(text).ok_or_else(|| Code::StoryText.at("summary"))?;
            changes.push(StoryChange::Summary(id, summary.to_owned()));
        }
        for text in &self.picture {
            changes.push(parse_picture(text).ok_or_else(|| Code::WebAddress.at("picture"))?);
        }
        for text in &self.no_picture {
            changes.push(StoryChange::Picture(article(text, "no_picture")?, String::new()));
        }
        Ok((words, changes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, option, prelude::*};

    #[test]
    fn every_wrong_edit_is_named() {
        let edit = IssueEdit {
            pin: vec!["7".into(), "first".into()],
            undo: vec!["-".into()],
            place: vec!["1=1".into(), "1=0".into()],
            title: vec!["1".into(), format!("2={}", "x".repeat(301)), "3= ".into()],
            summary: vec!["x".into()],
            subject: Some("x".repeat(301)),
            ..IssueEdit::default()
        };
        let problems = Problems::check(&edit).unwrap_err();
        let found: Vec<_> = problems.iter().map(|it| (it.pointer.as_str(), it.code)).collect();
        assert_eq!(
            found,
            [
                ("#/pin/1", Code::StoryNumber),
                ("#/place/1", Code::StoryPlace),
                ("#/subject", Code::TextTooLong),
                ("#/summary", Code::StoryText),
                ("#/title/0", Code::StoryText),
                ("#/title/1", Code::TextTooLong),
                ("#/title/2", Code::TextRequired),
                ("#/undo", Code::StoryNumber),
            ]
        );
        let nothing = Problems::check(&IssueEdit::default()).unwrap_err();
        assert_eq!(nothing.iter().map(|it| it.code).collect::<Vec<_>>(), [Code::NothingToChange]);
    }

    proptest! {
        #[test]
        fn edits_that_pass_the_rules_can_be_converted(
            numbers in vec("[0-9]{0,2}|\\PC{0,3}", 0..3),
            place in vec("[0-9]{0,2}=[0-9]{0,2}|\\PC{0,4}", 0..3),
            title in vec("[0-9]{0,2}=\\PC{0,4}|\\PC{0,4}", 0..3),
            summary in vec("[0-9]{0,2}=\\PC{0,4}", 0..3),
            picture in vec("[0-9]{0,2}=(https?://)?[a-z.]{0,9}|\\PC{0,4}", 0..3),
            words in (option::of("\\PC{0,9}"), option::of("\\PC{0,9}"), option::of("(?s).{0,9}")),
        ) {
            let (subject, preheader, note) = words;
            let (pin, drop) = (numbers.clone(), numbers.clone());
            let (no_picture, undo) = (numbers.clone(), numbers);
            let edit = IssueEdit {
                pin, drop, place, title, summary, picture, no_picture, undo, subject, preheader, note,
            };
            prop_assert_eq!(Problems::check(&edit).is_ok(), edit.checked().is_ok());
        }
    }
}
