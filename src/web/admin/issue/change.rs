//! Changes of an issue's stories: pinned, dropped, moved, added.

use super::{begun, date_of, require_near, seen_forecast};
use crate::{
    actions::{
        feed::add_article::add_article,
        issue::edit_issue::{EditError, EditOutcome, StoryChange, edit_version},
        operator::sessions::set_view,
    },
    db::{
        DbError,
        content::articles::{self, Stored},
        issues::IssueWords,
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
    let it = seen_forecast(&desk, date).await?;
    let id = |text: &Option<String>| text.as_deref().and_then(|id| id.parse().ok()).map(ArticleId);
    let titled = async |id: ArticleId| -> Result<String, DbError> {
        let found = articles::titles(&mut desk.db().read().await?, &[id]).await?;
        Ok(found.get(&id).map_or_else(|| "Article".to_owned(), |title| format!("“{title}”")))
    };
    let mut undo = None;
    let (changes, title, story) = if let Some(url) = &fields.url {
        desk.require(Permission::EditStories)?;
        let id = add_by_address(&desk, url).await?;
        (vec![StoryChange::Pin(id)], "Added.", id)
    } else if let Some(id) = id(&fields.pin) {
        undo = Some(("undo", id));
        (vec![StoryChange::Pin(id)], "Pinned.", id)
    } else if let Some(id) = id(&fields.drop) {
        undo = Some(("undo", id));
        (vec![StoryChange::Drop(id)], "Dropped.", id)
    } else if let Some(id) = id(&fields.undo) {
        (vec![StoryChange::Release(id)], "Undone.", id)
    } else if let Some(id) = id(&fields.revert) {
        (vec![StoryChange::Undo(id)], "Reverted.", id)
    } else if let Some(id) = id(&fields.up) {
        (moved(&it, id, -1), "Moved up.", id)
    } else if let Some(id) = id(&fields.down) {
        (moved(&it, id, 1), "Moved down.", id)
    } else {
        return Err(Refused::Failed("The form names no change.".into()));
    };
    let edited = apply(&desk, &it, None, &IssueWords::default(), &changes).await?;
    let text = format!("{}{}", titled(story).await?, meanwhile(&it, &fields.revision));
    let mut flash = match edited {
        Some(EditOutcome::ApprovalEnded) => Flash::wait(title, format!("{text} {APPROVAL_ENDED}")),
        _ => Flash::fine(title, text),
    };
    flash.undo = undo.map(|(name, id)| {
        let fields =
            vec![("revision".to_owned(), fields.revision.clone()), (name.to_owned(), id.to_string())];
        (page.clone(), fields)
    });
    desk.done(&page, flash).await
}

/// Says that others changed the issue since the page was shown. Changes of single stories don't conflict.
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
