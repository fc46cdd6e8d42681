//! Editing an issue's texts, or a story's. If somebody changed the same text meanwhile, both versions are shown.

use super::{APPROVAL_ENDED, apply, date_of, seen_forecast};
use crate::{
    actions::issue::{
        edit_fields::IssueEdit,
        edit_issue::{EditOutcome, MAX_NOTE_CHARS},
    },
    db::{DbError, audit, issues::revisions},
    domain::{
        content::article::{MAX_DEK_CHARS, MAX_TITLE_CHARS},
        issue::revision::{Content, Revision},
        operator::role::Permission,
        validation::Problems,
    },
    i18n,
    issues::forecast::Forecast,
    web::admin::{
        desk::{Answer, Desk, Flash, Posted, Refused},
        layout::{Tab, rev},
        who::name_of,
        words::{long_day, moment},
    },
};
use axum::{
    extract::{Path, Query},
    http::StatusCode,
};
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::HashMap;

/// Attempts to save while others save.
const ATTEMPTS: usize = 3;

/// One text that can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Subject,
    Preheader,
    Note,
    Title(i64),
    Summary(i64),
    Picture(i64),
}

/// Longest address of a picture, in characters.
const MAX_PICTURE_CHARS: usize = 2_000;

impl Field {
    const fn label(self) -> &'static str {
        match self {
            Self::Subject => "Subject",
            Self::Preheader => "Preheader",
            Self::Note => "Note",
            Self::Title(_) => "Headline",
            Self::Summary(_) => "Summary",
            Self::Picture(_) => "Picture",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Preheader => "preheader",
            Self::Note => "note",
            Self::Title(_) => "title",
            Self::Summary(_) => "summary",
            Self::Picture(_) => "picture",
        }
    }

    const fn limit(self) -> usize {
        match self {
            Self::Subject | Self::Preheader | Self::Title(_) => MAX_TITLE_CHARS,
            Self::Note => MAX_NOTE_CHARS,
            Self::Summary(_) => MAX_DEK_CHARS,
            Self::Picture(_) => MAX_PICTURE_CHARS,
        }
    }

    /// Returns the text in a content. Empty: none.
    fn value(self, content: &Content) -> String {
        let story = |id: i64| content.stories.iter().find(|story| story.article == id);
        let text = match self {
            Self::Subject => content.subject.clone(),
            Self::Preheader => content.preheader.clone(),
            Self::Note => content.note.clone(),
            Self::Title(id) => story(id).map(|story| story.title.clone()),
            Self::Summary(id) => story(id).and_then(|story| story.dek.clone()),
            Self::Picture(id) => {
                story(id).and_then(|story| story.picture.as_ref()).map(|picture| picture.url.clone())
            }
        };
        text.unwrap_or_default()
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Which {
    story: Option<i64>,
}

/// Shows the form for the issue's texts, or a story's.
pub async fn get(
    desk: Desk,
    Path(path): Path<HashMap<String, String>>,
    Query(which): Query<Which>,
) -> Answer {
    desk.require(Permission::EditIssue)?;
    let it = seen_forecast(&desk, date_of(&path)?).await?;
    if !has_story(&it, which.story) {
        return Err(Refused::Missing(NO_STORY.into()));
    }
    let values: Vec<(Field, String)> =
        fields_of(which.story).into_iter().map(|field| (field, field.value(&it.content))).collect();
    form(&desk, &it, which.story, it.content.revision().full(), &values, None).await
}

const NO_STORY: &str = "This story is not in the issue any more.";

fn fields_of(story: Option<i64>) -> Vec<Field> {
    match story {
        None => vec![Field::Subject, Field::Preheader, Field::Note],
        Some(id) => vec![Field::Title(id), Field::Summary(id), Field::Picture(id)],
    }
}

/// Whether an issue has the story that a form is about.
fn has_story(it: &Forecast, story: Option<i64>) -> bool {
    story.is_none_or(|id| it.content.stories.iter().any(|story| story.article == id))
}

/// Shows texts that can't be saved, so that nothing of them is lost.
async fn unsaved(desk: &Desk, date: Date, values: &[(Field, String)], why: &str) -> Answer {
    let content = html! {
        div.opening { div { p.over { a href=(desk.issue_path(date, "")) { (long_day(date)) } }
            h1 { "Nothing was saved" } } }
        div.notice.alarm role="alert" { b { (why) } " Your texts are below, to copy." }
        section.sheet {
            @for (field, value) in values {
                div.field { label for=(field.name()) { (field.label()) } (input(*field, field.name(), value, None, true)) }
            }
            div.acts { a.btn href=(desk.issue_path(date, "")) { "Back" } }
        }
    };
    desk.page_with(StatusCode::CONFLICT, Tab::Issue, "Nothing was saved", &content).await
}

async fn form(
    desk: &Desk,
    it: &Forecast,
    story: Option<i64>,
    // The content that the editor began with.
    revision: &str,
    values: &[(Field, String)],
    problems: Option<&Problems>,
) -> Answer {
    let heading = if story.is_some() { "Edit the story" } else { "Subject and note" };
    let hint = |field: Field| match field {
        Field::Subject => "Empty: the first story’s headline. Inboxes show about 40 characters.",
        Field::Preheader => "Empty: the other headlines. Inboxes show it after the subject.",
        Field::Note => "Above the stories, in Markdown. Empty: none.",
        Field::Title(_) => "In this issue only.",
        Field::Summary(_) => "In this issue only. Empty: none.",
        Field::Picture(_) => "The address of another picture, in this issue only. Empty: none.",
    };
    let content = html! {
        div.opening { div { p.over { a href=(desk.issue_path(it.date, "")) { (long_day(it.date)) } " · revision " (rev(it.content.revision().as_str())) }
            h1 { (heading) }
            @if it.issue.as_ref().is_some_and(|issue| issue.approved_at.is_some()) {
                p.lede { b { "This issue is approved." } " Saving ends the approval, and it waits for another one." } } } }
        @if problems.is_some() { div.notice.alarm role="alert" { b { "Not saved." } " Look at the fields below." } }
        section.sheet {
            (desk.form(&desk.issue_path(it.date, "edit"), &html! {
                input type="hidden" name="revision" value=(revision);
                @if let Some(story) = story { input type="hidden" name="story" value=(story); }
                @for (field, value) in values {
                    div.field {
                        label for=(field.name()) { (field.label()) }
                        @let problem = problem_of(*field, problems);
                        (input(*field, field.name(), value, problem.as_ref().map(|_| "true"), false))
                        @match &problem {
                            Some(problem) => p.hint.alarm id={ (field.name()) "-hint" } { (problem) },
                            None => p.hint id={ (field.name()) "-hint" } { (hint(*field)) },
                        }
                    }
                }
                div.acts { button.filled { "Save" } a.btn href=(desk.issue_path(it.date, "")) { "Back" } }
            }))
            @if let Some(story) = story {
                div.after { (desk.form(&desk.issue_path(it.date, ""), &html! {
                    input type="hidden" name="revision" value=(it.content.revision().full());
                    button.row name="revert" value=(story) { "Revert all edits of this story" }
                })) }
            }
        }
    };
    let status = if problems.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    desk.page_with(status, Tab::Issue, heading, &content).await
}

/// Returns the text of a field's first problem.
fn problem_of(field: Field, problems: Option<&Problems>) -> Option<String> {
    problems.and_then(|all| all.of(field.name()).next()).map(|it| i18n::texts_in("en").problem(it))
}

fn input(field: Field, id: &str, value: &str, invalid: Option<&'static str>, readonly: bool) -> Markup {
    let hint = (!readonly).then(|| format!("{}-hint", field.name()));
    match field {
        Field::Note => {
            html! { textarea id=(id) name=[(!readonly).then_some(field.name())] rows="8" maxlength=(field.limit()) readonly[readonly] aria-invalid=[invalid] aria-describedby=[hint.as_deref()] { (value) } }
        }
        Field::Summary(_) => {
            html! { textarea id=(id) name=[(!readonly).then_some(field.name())] rows="3" maxlength=(field.limit()) readonly[readonly] aria-invalid=[invalid] aria-describedby=[hint.as_deref()] { (value) } }
        }
        _ => {
            html! { input id=(id) name=[(!readonly).then_some(field.name())] value=(value) maxlength=(field.limit()) readonly[readonly] aria-invalid=[invalid] aria-describedby=[hint.as_deref()]; }
        }
    }
}

/// The edited texts, and the revision that the editor saw.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Edited {
    revision: String,
    story: Option<String>,
    subject: Option<String>,
    preheader: Option<String>,
    note: Option<String>,
    title: Option<String>,
    summary: Option<String>,
    picture: Option<String>,
}

impl Edited {
    fn value(&self, field: Field) -> String {
        let text = match field {
            Field::Subject => &self.subject,
            Field::Preheader => &self.preheader,
            Field::Note => &self.note,
            Field::Title(_) => &self.title,
            Field::Summary(_) => &self.summary,
            Field::Picture(_) => &self.picture,
        };
        // Forms send line breaks as CRLF.
        text.as_deref().unwrap_or_default().replace("\r\n", "\n").trim().to_owned()
    }
}

pub async fn post(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields: edited }: Posted<Edited>,
) -> Answer {
    desk.require(Permission::EditIssue)?;
    let date = date_of(&path)?;
    let story = edited.story.as_deref().and_then(|id| id.parse().ok());
    let mine: Vec<(Field, String)> =
        fields_of(story).into_iter().map(|field| (field, edited.value(field))).collect();
    for _ in 0..ATTEMPTS {
        let it = seen_forecast(&desk, date).await?;
        if !has_story(&it, story) {
            return unsaved(&desk, date, &mine, NO_STORY).await;
        }
        let base = base_of(&desk, &it, &edited.revision).await?;
        let touched = |field: &Field, text: &str| base.as_ref().is_none_or(|base| field.value(base) != *text);
        // A form without the field leaves the picture as it is.
        let touched = |field: &Field, text: &str| {
            (!matches!(field, Field::Picture(_)) || edited.picture.is_some()) && touched(field, text)
        };
        let changed: Vec<(Field, String)> =
            mine.iter().filter(|(field, text)| touched(field, text)).cloned().collect();
        let conflicts: Vec<(Field, String)> = changed
            .iter()
            .filter(|(field, text)| {
                let theirs = field.value(&it.content);
                theirs != *text && base.as_ref().is_none_or(|base| field.value(base) != theirs)
            })
            .cloned()
            .collect();
        if !conflicts.is_empty() {
            return conflict(&desk, &it, story, &changed, &conflicts).await;
        }
        if changed.is_empty() {
            return desk
                .done(&desk.issue_path(date, ""), Flash::fine("Unchanged.", "Nothing was different."))
                .await;
        }
        let (words, story_changes) = match edit_of(&changed).checked() {
            Ok(edit) => edit,
            Err(problems) => return form(&desk, &it, story, &edited.revision, &mine, Some(&problems)).await,
        };
        let version = it.issue.as_ref().map(|issue| issue.version);
        let applied = match apply(&desk, &it, version, &words, &story_changes).await {
            Err(Refused::Failed(why)) => return unsaved(&desk, date, &mine, &why).await,
            applied => applied?,
        };
        if let Some(edited) = applied {
            let names: Vec<&str> = changed.iter().map(|(field, _)| field.label()).collect();
            let text = format!("{}.", names.join(", "));
            let flash = match edited {
                EditOutcome::ApprovalEnded => Flash::wait("Saved.", format!("{text} {APPROVAL_ENDED}")),
                EditOutcome::Changed | EditOutcome::Unchanged => Flash::fine("Saved.", text),
            };
            return desk.done(&desk.issue_path(date, ""), flash).await;
        }
    }
    unsaved(&desk, date, &mine, "Others are editing this issue at the same moment. Go back and save again.")
        .await
}

/// Returns the content that the editor saw, if it was kept.
async fn base_of(desk: &Desk, it: &Forecast, revision: &str) -> Result<Option<Content>, DbError> {
    if it.content.revision().full() == revision {
        return Ok(Some(it.content.clone()));
    }
    let Ok(revision) = Revision::parse(revision) else { return Ok(None) };
    revisions::get(&mut desk.db().read().await?, desk.record().id, it.date, &revision).await
}

fn edit_of(changed: &[(Field, String)]) -> IssueEdit {
    let mut edit = IssueEdit::default();
    for (field, text) in changed {
        let text = text.clone();
        match field {
            Field::Subject => edit.subject = Some(text),
            Field::Preheader => edit.preheader = Some(text),
            Field::Note => edit.note = Some(text),
            Field::Title(id) => edit.title.push(format!("{id}={text}")),
            Field::Summary(id) => edit.summary.push(format!("{id}={text}")),
            Field::Picture(id) if text.is_empty() => edit.no_picture.push(id.to_string()),
            Field::Picture(id) => edit.picture.push(format!("{id}={text}")),
        }
    }
    edit
}

/// Shows both versions. Nothing is saved, and nothing of either is lost.
async fn conflict(
    desk: &Desk,
    it: &Forecast,
    story: Option<i64>,
    changed: &[(Field, String)],
    conflicts: &[(Field, String)],
) -> Answer {
    let mut tx = desk.db().read().await?;
    let entry = match &it.issue {
        Some(issue) => audit::for_subject(&mut tx, "issue.edit", issue.id.0).await?.into_iter().next(),
        None => None,
    };
    let (who, when) = match &entry {
        Some(entry) => {
            (name_of(&mut tx, &entry.actor).await?, moment(entry.occurred_at.0, desk.now, desk.newsletter()))
        }
        None => ("the feed".to_owned(), "meanwhile".to_owned()),
    };
    drop(tx);
    let is_in_conflict = |field: Field| conflicts.iter().any(|(other, _)| *other == field);
    let content = html! {
        div.opening { div { p.over { a href=(desk.issue_path(it.date, "")) { (long_day(it.date)) } }
            h1 { "Two people changed the same text" }
            p.lede { b { (who) } " saved revision " (rev(it.content.revision().as_str())) ", " (when) ". Nothing of yours is lost, and nothing is saved yet." } } }
        section.sheet {
            (desk.form(&desk.issue_path(it.date, "edit"), &html! {
                input type="hidden" name="revision" value=(it.content.revision().full());
                @if let Some(story) = story { input type="hidden" name="story" value=(story); }
                @for field in fields_of(story) {
                    @let theirs = field.value(&it.content);
                    @let mine = changed.iter().find(|(other, _)| *other == field).map_or(theirs.clone(), |(_, text)| text.clone());
                    @if is_in_conflict(field) {
                        div.pair.field {
                            div.field { label for={ (field.name()) "-mine" } { (field.label()) ": yours" } (input(field, &format!("{}-mine", field.name()), &mine, None, false))
                                p.hint id={ (field.name()) "-hint" } { "You may mix both before saving." } }
                            div { label for={ (field.name()) "-theirs" } { (field.label()) ": " (who) "’s, " (when) } (input(field, &format!("{}-theirs", field.name()), &theirs, None, true)) }
                        }
                    } @else { input type="hidden" name=(field.name()) value=(mine); }
                }
                div.acts { button { "Keep mine" } a.btn href=(desk.issue_path(it.date, "")) { "Keep " (who) "’s" } }
            }))
        }
    };
    desk.page_with(StatusCode::CONFLICT, Tab::Issue, "Two people changed the same text", &content).await
}
