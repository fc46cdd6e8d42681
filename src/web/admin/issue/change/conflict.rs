//! Two editors decided about the same story.

use crate::{
    db::{DbError, audit, content::articles, issues, issues::StoryEdit},
    domain::{ids::ArticleId, issue::selection::Wish},
    issues::forecast::Forecast,
    web::admin::{
        desk::{Answer, Desk},
        layout::Tab,
        who::name_of,
        words::{long_day, moment},
    },
};
use axum::http::StatusCode;
use maud::html;
use std::fmt::Write as _;

/// Writes the decisions about stories that a page shows: `ARTICLE:WISH:PLACE`, separated by spaces.
pub fn decisions(edits: &[StoryEdit]) -> String {
    let mut text = String::new();
    for edit in edits {
        let decision = decision(edit);
        if !decision.is_empty() {
            let _ = write!(text, "{}:{decision} ", edit.article_id);
        }
    }
    text.trim_end().to_owned()
}

/// An editor's decision about a story. Empty: none.
fn decision(edit: &StoryEdit) -> String {
    match (edit.wish, edit.place) {
        (None, None) => String::new(),
        (wish, place) => {
            let place = place.map(|place| place.to_string()).unwrap_or_default();
            format!("{}:{place}", wish.map_or("", Wish::as_str))
        }
    }
}

/// Returns the decision about a story in a text of [`decisions`].
fn decision_in(text: &str, story: ArticleId) -> &str {
    let own = format!("{story}:");
    text.split(' ').find_map(|it| it.strip_prefix(&*own)).unwrap_or_default()
}

/// A colleague's decision about a story since the page was shown.
pub struct Conflict {
    story: ArticleId,
    /// The decisions as they are now.
    decided: String,
    theirs: &'static str,
}

/// Returns a decision about a story that the page didn't show. `shown` are the decisions that it did.
pub async fn find(
    desk: &Desk,
    it: &Forecast,
    shown: Option<&str>,
    story: ArticleId,
) -> Result<Option<Conflict>, DbError> {
    let (Some(shown), Some(issue)) = (shown, &it.issue) else { return Ok(None) };
    let edits = issues::edits(&mut desk.db().read().await?, issue.id).await?;
    let decided = decisions(&edits);
    if decision_in(shown, story) == decision_in(&decided, story) {
        return Ok(None);
    }
    let edit = edits.iter().find(|edit| edit.article_id == story);
    let theirs = match edit.map(|edit| (edit.wish, edit.place)) {
        Some((Some(Wish::Drop), _)) => "dropped it",
        Some((_, Some(_))) => "gave it a place",
        Some((Some(Wish::Pin), None)) => "pinned it",
        None | Some((None, None)) => "let the plan decide about it",
    };
    Ok(Some(Conflict { story, decided, theirs }))
}

/// Shows both decisions. Nothing is changed.
pub async fn page(
    desk: &Desk,
    it: &Forecast,
    conflict: &Conflict,
    (name, value, word): (&'static str, &str, &'static str),
) -> Answer {
    let mut tx = desk.db().read().await?;
    let title =
        articles::titles(&mut tx, &[conflict.story]).await?.remove(&conflict.story).unwrap_or_default();
    let edits = match &it.issue {
        Some(issue) => audit::for_subject(&mut tx, "issue.edit", issue.id.0).await?,
        None => Vec::new(),
    };
    let field = format!("article {}", conflict.story);
    let edit = edits.iter().find(|entry| entry.before.get(&field) != entry.after.get(&field));
    let (who, when) = match edit {
        Some(entry) => {
            (name_of(&mut tx, &entry.actor).await?, moment(entry.occurred_at.0, desk.now, desk.newsletter()))
        }
        None => ("A colleague".to_owned(), "meanwhile".to_owned()),
    };
    drop(tx);
    let page = desk.issue_path(it.date, "");
    let heading = "Two people decided about the same story";
    let content = html! {
        div.opening { div { p.over { a href=(page) { (long_day(it.date)) } }
            h1 { (heading) }
            p.lede { b { (who) } " " (conflict.theirs) ", " (when) ". Nothing of yours is done yet." } } }
        section.sheet.stack {
            p.title { (title) }
            (desk.form(&page, &html! {
                input type="hidden" name="revision" value=(it.content.revision().full());
                input type="hidden" name="decided" value=(conflict.decided);
                div.acts { button name=(name) value=(value) { (word) }
                    a.btn href={ (page) "#story" (conflict.story) } { "Leave it to " (who) } }
            }))
        }
    };
    desk.page_with(StatusCode::CONFLICT, Tab::Issue, heading, &content).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_found_by_story() {
        let edit = |id, wish, place| StoryEdit {
            article_id: ArticleId(id),
            wish,
            place,
            title: None,
            dek: None,
            picture: None,
        };
        let all = [edit(1, Some(Wish::Pin), None), edit(12, None, Some(3)), edit(2, None, None)];
        let text = decisions(&all);
        assert_eq!(text, "1:pin: 12::3");
        assert_eq!(decision_in(&text, ArticleId(1)), "pin:");
        assert_eq!(decision_in(&text, ArticleId(12)), ":3");
        assert_eq!(decision_in(&text, ArticleId(2)), "");
    }
}
