//! An operator edits an issue until it is frozen.

use crate::{
    actions::{Context, issue::audited},
    db::{
        DbError, Tx, audit,
        content::articles,
        issues::{self, IssueRecord, IssueWords},
    },
    domain::{
        actor::Actor,
        content::article::{MAX_DEK_CHARS, MAX_TITLE_CHARS, one_line},
        ids::{ArticleId, IssueId},
        issue::{selection::Wish, status::IssueStatus},
    },
    queue::Job,
};
use serde_json::{Value, json};

/// Longest note, in characters of Markdown.
pub const MAX_NOTE_CHARS: usize = 5_000;
/// Last position that a story can be put at.
pub const MAX_PLACE: i64 = 50;

/// An edit of one story of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoryChange {
    /// Includes the article as the first story.
    Pin(ArticleId),
    /// Leaves the article out.
    Drop(ArticleId),
    /// Includes the article at a fixed position, from 1.
    Place(ArticleId, i64),
    /// Changes the headline in this issue.
    Title(ArticleId, String),
    /// Changes the summary in this issue. Empty: none.
    Summary(ArticleId, String),
    /// Shows the picture at this URL in this issue. Empty: none.
    Picture(ArticleId, String),
    /// Lets the plan decide about the article, whose texts and picture stay.
    Release(ArticleId),
    /// Undoes all edits of the story.
    Undo(ArticleId),
}

/// The effect of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditOutcome {
    /// Everything was as it is.
    Unchanged,
    Changed,
    /// The issue was approved, and waits for another approval.
    ApprovalEnded,
}

impl StoryChange {
    const fn article(&self) -> ArticleId {
        match self {
            Self::Pin(id)
            | Self::Drop(id)
            | Self::Place(id, _)
            | Self::Title(id, _)
            | Self::Summary(id, _)
            | Self::Picture(id, _)
            | Self::Release(id)
            | Self::Undo(id) => *id,
        }
    }
}

/// An error that leaves the issue unchanged.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The issue is frozen or final.
    #[error("the issue is {0} and can no longer be edited")]
    TooLate(IssueStatus),
    #[error("there is no article {0}; see `daily article list`")]
    NoSuchArticle(ArticleId),
    #[error("{0} isn't a valid position; enter one from 1 to {MAX_PLACE}")]
    Place(i64),
    #[error("{field}: {problem}")]
    Text { field: &'static str, problem: String },
    /// Somebody edited the issue since the version that the change was made on.
    #[error("the issue was edited while you worked on it")]
    Changed,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes all changes to a planned issue, or none and returns an error. If anything is different, an approval is
/// withdrawn, and the issue is planned again.
pub async fn edit_issue(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    words: &IssueWords,
    changes: &[StoryChange],
) -> Result<EditOutcome, EditError> {
    edit_version(context, actor, (issue, None), words, changes).await
}

/// Does the same, but only if the issue still has the version that the change was made on.
pub async fn edit_version(
    context: &Context,
    actor: &Actor,
    (issue, version): (IssueId, Option<i64>),
    words: &IssueWords,
    changes: &[StoryChange],
) -> Result<EditOutcome, EditError> {
    let words = checked(words)?;
    let mut tx = context.db.begin().await?;
    issues::lock(&mut tx, issue).await?;
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    if version.is_some_and(|version| version != record.version) {
        return Err(EditError::Changed);
    }
    if record.status != IssueStatus::Planned {
        return Err(EditError::TooLate(record.status));
    }
    let before = with_edits(&mut tx, &record).await?;
    issues::set_issue_words(&mut tx, issue, &words).await?;
    for change in changes {
        let id = change.article();
        if articles::get(&mut tx, id).await?.is_none() {
            return Err(EditError::NoSuchArticle(id));
        }
        match change {
            StoryChange::Pin(_) => issues::set_wish(&mut tx, issue, id, Some(Wish::Pin)).await?,
            StoryChange::Drop(_) => issues::set_wish(&mut tx, issue, id, Some(Wish::Drop)).await?,
            StoryChange::Place(_, place) if (1..=MAX_PLACE).contains(place) => {
                issues::set_place(&mut tx, issue, id, *place).await?;
            }
            StoryChange::Place(_, place) => return Err(EditError::Place(*place)),
            StoryChange::Title(_, title) => {
                let title = single_line("title", title, MAX_TITLE_CHARS)?;
                if title.is_empty() {
                    return Err(text_error("title", "it is empty; use --undo to undo an edit".into()));
                }
                issues::set_words(&mut tx, issue, id, Some(&title), None).await?;
            }
            StoryChange::Summary(_, dek) => {
                let dek = single_line("summary", dek, MAX_DEK_CHARS)?;
                issues::set_words(&mut tx, issue, id, None, Some(&dek)).await?;
            }
            StoryChange::Picture(_, url) => issues::set_picture(&mut tx, issue, id, url).await?,
            StoryChange::Release(_) => issues::release(&mut tx, issue, id).await?,
            StoryChange::Undo(_) => issues::undo(&mut tx, issue, id).await?,
        }
    }
    let edited = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    if with_edits(&mut tx, &edited).await? == before {
        return Ok(EditOutcome::Unchanged);
    }
    issues::set_edited(&mut tx, issue).await?;
    let edited = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    let after = with_edits(&mut tx, &edited).await?;
    let entry = audit::Entry { actor, action: "issue.edit", subject: Some(issue.0), before, after };
    audit::record(&mut tx, entry, context.clock.now()).await?;
    context.queue.enqueue(&mut tx, &Job::PlanIssue { issue }).await?;
    tx.commit().await?;
    Ok(if record.approved_at.is_some() { EditOutcome::ApprovalEnded } else { EditOutcome::Changed })
}

/// Returns an issue for the audit log, with a field for each article that has edits.
async fn with_edits(tx: &mut Tx, issue: &IssueRecord) -> Result<Value, DbError> {
    let mut fields = audited(issue);
    for it in issues::edits(tx, issue.id).await? {
        fields[format!("article {}", it.article_id)] = json!({ "wish": it.wish, "place": it.place, "title": it.title, "summary": it.dek, "picture": it.picture });
    }
    Ok(fields)
}

fn checked(words: &IssueWords) -> Result<IssueWords, EditError> {
    let bounded = |field, words: &Option<String>| {
        words.as_deref().map(|words| single_line(field, words, MAX_TITLE_CHARS)).transpose()
    };
    if let Some(note) = &words.note
        && note.chars().count() > MAX_NOTE_CHARS
    {
        return Err(text_error("note", format!("it is longer than {MAX_NOTE_CHARS} characters; shorten it")));
    }
    Ok(IssueWords {
        subject: bounded("subject", &words.subject)?,
        preheader: bounded("preheader", &words.preheader)?,
        note: words.note.as_ref().map(|note| note.trim().to_owned()),
    })
}

/// Puts a text on one line. Refuses a text that is too long instead of cutting it.
fn single_line(field: &'static str, words: &str, most: usize) -> Result<String, EditError> {
    let whole = one_line(words, usize::MAX / 8);
    match whole.chars().count() {
        count if count > most => {
            Err(text_error(field, format!("it has {count} characters; shorten it to {most}")))
        }
        _ => Ok(whole),
    }
}

const fn text_error(field: &'static str, problem: String) -> EditError {
    EditError::Text { field, problem }
}
