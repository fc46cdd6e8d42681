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
/// The furthest place a story can be given.
pub const MAX_PLACE: i64 = 50;

/// What is changed about one story of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoryChange {
    /// It is in, first.
    Pin(ArticleId),
    /// It is out.
    Drop(ArticleId),
    /// It is in, at this place from 1, whatever comes and goes around it.
    Place(ArticleId, i64),
    /// Its headline in this issue.
    Title(ArticleId, String),
    /// Its summary in this issue; empty: none.
    Summary(ArticleId, String),
    /// All of that is taken back.
    Undo(ArticleId),
}

impl StoryChange {
    const fn article(&self) -> ArticleId {
        match self {
            Self::Pin(id)
            | Self::Drop(id)
            | Self::Place(id, _)
            | Self::Title(id, _)
            | Self::Summary(id, _)
            | Self::Undo(id) => *id,
        }
    }
}

/// Why an issue can't be edited so. Nothing of the edit is kept.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// What readers get no longer changes.
    #[error("the issue is {0}: what readers get no longer changes")]
    TooLate(IssueStatus),
    /// No such article.
    #[error("there is no article {0}; see `daily article list`")]
    NoSuchArticle(ArticleId),
    /// A place that is none.
    #[error("{0} is no place; give one from 1 to {MAX_PLACE}")]
    Place(i64),
    /// A text that can't be used.
    #[error("{field}: {problem}")]
    Text {
        /// Which.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes all changes to a planned issue, or none and returns an error. An approval is withdrawn, and the issue is planned again.
pub async fn edit_issue(
    context: &Context,
    actor: &Actor,
    issue: IssueId,
    words: &IssueWords,
    changes: &[StoryChange],
) -> Result<(), EditError> {
    let words = checked(words)?;
    let mut tx = context.db.begin().await?;
    issues::lock(&mut tx, issue).await?;
    let record = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    let before = with_edits(&mut tx, &record).await?;
    if !issues::set_edited(&mut tx, issue).await? {
        return Err(EditError::TooLate(record.status));
    }
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
                let title = line("title", title, MAX_TITLE_CHARS)?;
                if title.is_empty() {
                    return Err(text("title", "it is empty; --undo takes an edit back".into()));
                }
                issues::set_words(&mut tx, issue, id, Some(&title), None).await?;
            }
            StoryChange::Summary(_, dek) => {
                let dek = line("summary", dek, MAX_DEK_CHARS)?;
                issues::set_words(&mut tx, issue, id, None, Some(&dek)).await?;
            }
            StoryChange::Undo(_) => issues::undo(&mut tx, issue, id).await?,
        }
    }
    let edited = issues::get(&mut tx, issue).await?.ok_or(DbError::RowNotFound)?;
    let after = with_edits(&mut tx, &edited).await?;
    let entry = audit::Entry { actor, action: "issue.edit", subject: Some(issue.0), before, after };
    audit::record(&mut tx, entry, context.clock.now()).await?;
    context.queue.enqueue(&mut tx, &Job::PlanIssue { issue }).await?;
    tx.commit().await?;
    Ok(())
}

/// Returns an issue for the audit log, with a field for each article that has edits.
async fn with_edits(tx: &mut Tx, issue: &IssueRecord) -> Result<Value, DbError> {
    let mut fields = audited(issue);
    for it in issues::edits(tx, issue.id).await? {
        fields[format!("article {}", it.article_id)] =
            json!({ "wish": it.wish, "place": it.place, "title": it.title, "summary": it.dek });
    }
    Ok(fields)
}

fn checked(words: &IssueWords) -> Result<IssueWords, EditError> {
    let bounded = |field, words: &Option<String>| {
        words.as_deref().map(|words| line(field, words, MAX_TITLE_CHARS)).transpose()
    };
    if let Some(note) = &words.note
        && note.chars().count() > MAX_NOTE_CHARS
    {
        return Err(text("note", format!("it is longer than {MAX_NOTE_CHARS} characters; shorten it")));
    }
    Ok(IssueWords {
        subject: bounded("subject", &words.subject)?,
        preheader: bounded("preheader", &words.preheader)?,
        note: words.note.as_ref().map(|note| note.trim().to_owned()),
    })
}

/// One line, refused rather than cut where it is too long: an operator means every word.
fn line(field: &'static str, words: &str, most: usize) -> Result<String, EditError> {
    let whole = one_line(words, usize::MAX / 8);
    match whole.chars().count() {
        count if count > most => {
            Err(text(field, format!("it has {count} characters, and {most} are the most; shorten it")))
        }
        _ => Ok(whole),
    }
}

const fn text(field: &'static str, problem: String) -> EditError {
    EditError::Text { field, problem }
}
