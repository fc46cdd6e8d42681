//! Changes of an issue's stories: pinned, dropped, moved, added. If a colleague has decided about the same story since
//! the page was shown, the editor is asked.

mod conflict;

pub use conflict::decisions;

use super::{begun, date_of, require_near, seen_forecast};
use crate::{
    actions::{
        feed::add_article::add_article,
        issue::edit_issue::{EditError, EditOutcome, StoryChange, edit_version},
        operator::sessions::set_view,
    },
    db::{
        content::articles::{self, Stored},
        issues::{self, IssueWords},
        operators::views,
    },
    domain::{ids::ArticleId, issue::revision::Revision, operator::role::Permission},
    issues::forecast::Forecast,
    web::admin::{
        desk::{Answer, Desk, Flash, Posted, Refused},
        words::sentence,
    },
};
use axum::{
    extract::Path,
    response::{IntoResponse as _, Redirect},
};
use std::collections::HashMap;
use url::Url;

/// A change of the stories. One of the fields after the revision is the button that was pressed.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Change {
    revision: String,
    pin: Option<String>,
    undo: Option<String>,
    /// Undoes the edits of its texts, too.
    revert: Option<String>,
    drop: Option<String>,
    up: Option<String>,
    down: Option<String>,
    url: Option<String>,
    seen: Option<String>,
    /// The decisions about stories that the page showed, as [`decisions`] writes them.
    decided: Option<String>,
}

/// Attempts to save while others save.
const ATTEMPTS: usize = 3;

/// A change that was asked for, and what the next page says about it.
struct Wanted {
    changes: Vec<StoryChange>,
    title: &'static str,
    story: ArticleId,
    /// Whether releasing the story undoes it.
    is_undone_by_release: bool,
}

impl Change {
    /// Returns what was asked for, on an issue as it is now.
    fn wanted(&self, it: &Forecast, added: Option<ArticleId>) -> Option<Wanted> {
        let id = |text: &Option<String>| text.as_deref().and_then(|id| id.parse().ok()).map(ArticleId);
        let wanted = |story, title, changes, is_undone_by_release| {
            Some(Wanted { changes, title, story, is_undone_by_release })
        };
        if let Some(id) = added {
            wanted(id, "Added.", vec![StoryChange::Pin(id)], false)
        } else if let Some(id) = id(&self.pin) {
            wanted(id, "Pinned.", vec![StoryChange::Pin(id)], true)
        } else if let Some(id) = id(&self.drop) {
            wanted(id, "Dropped.", vec![StoryChange::Drop(id)], true)
        } else if let Some(id) = id(&self.undo) {
            wanted(id, "Undone.", vec![StoryChange::Release(id)], false)
        } else if let Some(id) = id(&self.revert) {
            wanted(id, "Reverted.", vec![StoryChange::Undo(id)], false)
        } else if let Some(id) = id(&self.up) {
            wanted(id, "Moved up.", moved(it, id, -1), false)
        } else if let Some(id) = id(&self.down) {
            wanted(id, "Moved down.", moved(it, id, 1), false)
        } else {
            None
        }
    }

    /// Returns the field of the button that was pressed, and the button's word.
    fn button(&self) -> Option<(&'static str, &str, &'static str)> {
        [
            ("pin", &self.pin, "Pin it"),
            ("drop", &self.drop, "Drop it"),
            ("undo", &self.undo, "Let the plan decide"),
            ("revert", &self.revert, "Revert all edits of it"),
            ("up", &self.up, "Move it up"),
            ("down", &self.down, "Move it down"),
        ]
        .into_iter()
        .find_map(|(name, value, word)| Some((name, value.as_deref()?, word)))
    }
}

pub async fn post(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Change>,
) -> Answer {
    let date = date_of(&path)?;
    let page = desk.issue_path(date, "");
    if fields.seen.is_some() {
        require_near(&desk, date)?;
        let revision = Revision::parse(&fields.revision).map_err(|_| Refused::Form)?;
        set_view(&desk.admin.operators, desk.who.operator.id, desk.record().id, date, &revision).await?;
        return Ok(Redirect::to(&page).into_response());
    }
    desk.require(Permission::EditIssue)?;
    let added = match &fields.url {
        Some(url) => {
            desk.require(Permission::EditStories)?;
            Some(add_by_address(&desk, url).await?)
        }
        None => None,
    };
    for _ in 0..ATTEMPTS {
        let it = seen_forecast(&desk, date).await?;
        let wanted = fields.wanted(&it, added);
        let wanted = wanted.ok_or_else(|| Refused::Failed("The form names no change.".into()))?;
        if let Some(conflict) = conflict::find(&desk, &it, fields.decided.as_deref(), wanted.story).await?
            && let Some(button) = fields.button()
        {
            return conflict::page(&desk, &it, &conflict, button).await;
        }
        let version = Some(it.issue.as_ref().map_or(0, |issue| issue.version));
        let edited = apply(&desk, &it, version, &IssueWords::default(), &wanted.changes).await?;
        if let Some(edited) = edited {
            return done(&desk, &it, &fields.revision, &wanted, edited).await;
        }
    }
    Err(Refused::Failed("Others are editing this issue at the same moment. Go back and try again.".into()))
}

/// Says what was done, at the story's row.
async fn done(desk: &Desk, it: &Forecast, shown: &str, wanted: &Wanted, edited: EditOutcome) -> Answer {
    let mut tx = desk.db().read().await?;
    let found = articles::titles(&mut tx, &[wanted.story]).await?;
    let title = found.get(&wanted.story).map_or_else(|| "Article".to_owned(), |title| format!("“{title}”"));
    let text = format!("{title}{}", meanwhile(it, shown));
    let mut flash = match edited {
        EditOutcome::ApprovalEnded => Flash::wait(wanted.title, format!("{text} {APPROVAL_ENDED}")),
        EditOutcome::Changed | EditOutcome::Unchanged => Flash::fine(wanted.title, text),
    };
    let page = desk.issue_path(it.date, "");
    if wanted.is_undone_by_release {
        // Undo is refused, too, once a colleague has decided otherwise.
        let issue = issues::get_by_date(&mut tx, desk.record().id, it.date).await?;
        let edits = match &issue {
            Some(issue) => issues::edits(&mut tx, issue.id).await?,
            None => Vec::new(),
        };
        let fields = [
            ("revision", shown.to_owned()),
            ("decided", decisions(&edits)),
            ("undo", wanted.story.to_string()),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        flash.undo = Some((page.clone(), fields.into()));
    }
    drop(tx);
    let row = row_after(it, wanted).map(|id| format!("#story{id}")).unwrap_or_default();
    desk.done(&format!("{page}{row}"), flash).await
}

/// Returns the story whose row the editor continues at: the same, or the next one after a story was dropped.
fn row_after(it: &Forecast, wanted: &Wanted) -> Option<i64> {
    if !matches!(wanted.changes[..], [StoryChange::Drop(_)]) {
        return Some(wanted.story.0);
    }
    let stories = &it.content.stories;
    let index = stories.iter().position(|story| story.article == wanted.story.0)?;
    let next = stories.get(index + 1).or_else(|| stories.get(index.checked_sub(1)?))?;
    Some(next.article)
}

/// Says that others changed the issue since the page was shown. Changes of different stories don't conflict.
fn meanwhile(it: &Forecast, shown: &str) -> &'static str {
    if it.content.revision().full() == shown {
        ""
    } else {
        " Meanwhile others changed the issue, too; both changes are in."
    }
}

/// Moves a story by one place. Its neighbour makes room, even if it has a fixed place.
fn moved(it: &Forecast, id: ArticleId, by: i64) -> Vec<StoryChange> {
    let stories = &it.content.stories;
    let Some(index) = stories.iter().position(|story| story.article == id.0) else { return Vec::new() };
    let place = i64::try_from(index).unwrap_or(0) + 1;
    let target = (place + by).clamp(1, i64::try_from(stories.len()).unwrap_or(1));
    let mut changes = vec![StoryChange::Place(id, target)];
    let neighbour = usize::try_from(target - 1).ok().and_then(|index| stories.get(index));
    if let Some(neighbour) = neighbour.filter(|story| story.is_pinned && story.article != id.0) {
        changes.push(StoryChange::Place(ArticleId(neighbour.article), place));
    }
    changes
}

/// Reads an article from its page and adds it.
pub async fn add_by_address(desk: &Desk, url: &str) -> Result<ArticleId, Refused> {
    let url = Url::parse(url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url =
        url.ok_or_else(|| Refused::Failed("A story’s address begins with https:// or http://.".into()))?;
    let found =
        desk.admin.work.read_article(&url).await.map_err(|why| Refused::Failed(format!("{url}: {why}")))?;
    let stored = add_article(desk.admin.actions(), &desk.actor(), &found).await?;
    stored.map(Stored::id).ok_or_else(|| Refused::Failed(format!("{url} names no address for readers.")))
}

/// Tells an editor that the issue they edited was approved.
pub const APPROVAL_ENDED: &str = "The approval has ended: review and approve it again.";

/// Makes changes to an issue, begins it if needed, and plans it. With a version, only if it still has that one.
/// Returns `None` if it has not.
pub async fn apply(
    desk: &Desk,
    seen: &Forecast,
    version: Option<i64>,
    words: &IssueWords,
    changes: &[StoryChange],
) -> Result<Option<EditOutcome>, Refused> {
    let (context, actor) = (desk.admin.actions(), desk.actor());
    let issue = begun(desk, seen.date).await?;
    let edited = match edit_version(context, &actor, (issue.id, version), words, changes).await {
        Ok(edited) => edited,
        Err(EditError::Changed) => return Ok(None),
        Err(EditError::Db(error)) => return Err(error.into()),
        Err(other) => {
            return Err(Refused::Failed(format!("{}.", sentence(&other.to_string()))));
        }
    };
    // The edit is saved, and a job plans the issue if this doesn't.
    if let Err(error) = desk.admin.work.plan(issue.id).await {
        tracing::warn!(issue = %issue.id, error, "could not plan an edited issue at once");
    }
    // An operator who had seen everything has also seen their own change.
    let view =
        views::get(&mut desk.db().read().await?, desk.who.operator.id, desk.record().id, seen.date).await?;
    let now = seen_forecast(desk, seen.date).await?;
    if view.is_none_or(|view| view.revision == seen.content.revision()) {
        let revision = now.content.revision();
        set_view(&desk.admin.operators, desk.who.operator.id, desk.record().id, seen.date, &revision).await?;
    }
    Ok(Some(edited))
}
