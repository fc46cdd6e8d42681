//! The rule that another person than the editor approves an issue.

use crate::{
    db::{DbError, Tx, audit},
    domain::{actor::Actor, ids::ArticleId},
    issues::forecast::Forecast,
};
use jiff::Timestamp;
use std::collections::HashSet;

/// Returns whether an operator edited an issue, or chose its stories and feeds in other ways. Commands don't count as a
/// person.
pub async fn has_edited(tx: &mut Tx, actor: &Actor, it: &Forecast) -> Result<bool, DbError> {
    let Actor::Operator { .. } = actor else { return Ok(false) };
    let always = Timestamp::UNIX_EPOCH;
    if let Some(issue) = &it.issue
        && audit::has_entry(tx, actor, &["issue.edit"], &[issue.id.0], always).await?
    {
        return Ok(true);
    }
    let chosen = it.plan.choices.iter().filter(|choice| choice.reason.is_in()).map(|choice| choice.article);
    let stories: HashSet<ArticleId> = it.plan.stories().into_iter().chain(chosen).collect();
    let ids: Vec<i64> = stories.iter().map(|id| id.0).collect();
    if audit::has_entry(tx, actor, &["article.add", "article.pin", "article.hide"], &ids, always).await? {
        return Ok(true);
    }
    // Decisions from before the last issue have shaped that one. Stories that they left out are not missing here.
    let since = it.inputs.served.iter().map(|served| served.last_issue_at).min().flatten();
    let since = since.unwrap_or(always);
    let candidates: Vec<i64> = it.inputs.candidates.iter().map(|candidate| candidate.article.0).collect();
    if audit::has_entry(tx, actor, &["article.pin", "article.hide"], &candidates, since).await? {
        return Ok(true);
    }
    let of_issue = it.inputs.candidates.iter().filter(|candidate| stories.contains(&candidate.article));
    let feeds: HashSet<i64> = of_issue.filter_map(|candidate| Some(candidate.source?.0)).collect();
    let feeds: Vec<i64> = feeds.into_iter().collect();
    audit::has_entry(tx, actor, &["feed.accept", "feed.add"], &feeds, since).await
}
