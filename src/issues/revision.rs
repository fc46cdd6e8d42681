//! The content of an issue as operators see it, of which a revision is the hash.

use crate::{
    db::{DbError, Tx, content::articles::ArticleRecord, issues::IssueRecord, newsletters::NewsletterRecord},
    domain::{
        ids::ArticleId,
        issue::{
            plan::PlanInputs,
            revision::{Content, IN_BRIEF, Identity, Picture, Story},
            selection::Reason,
        },
    },
    issues::edition::{Edition, Stories},
};
use std::collections::HashSet;

/// Returns what readers would get by a plan with these inputs: the stories of readers who have had none of them, and
/// those that the others get instead.
pub async fn content(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    issue: Option<&IssueRecord>,
    inputs: &PlanInputs,
) -> Result<Content, DbError> {
    let chosen = inputs.choices(None).into_iter().filter(|choice| choice.reason.is_in());
    let (mut ids, mut pinned): (Vec<ArticleId>, HashSet<ArticleId>) = (Vec::new(), HashSet::new());
    for choice in chosen {
        ids.push(choice.article);
        if matches!(choice.reason, Reason::Pinned | Reason::Placed) {
            pinned.insert(choice.article);
        }
    }
    let others: Vec<ArticleId> = inputs.pool().into_iter().filter(|id| !ids.contains(id)).collect();
    let all: Vec<ArticleId> = ids.iter().chain(&others).copied().collect();
    let loaded = Stories::load(tx, issue, &all).await?;
    let (edition, others) = (loaded.edition(&ids, inputs), loaded.edition(&others, inputs));
    let story = |edition: &Edition, article: &ArticleRecord, heading: Option<String>| Story {
        article: article.id.0,
        heading,
        title: article.title.clone(),
        dek: article.dek.clone(),
        url: article.url.clone(),
        picture: article.image_url.clone().map(|url| Picture {
            url,
            made: edition.made.get(&article.id).cloned(),
            alt: article.image_alt.clone(),
            width: article.image_width,
            height: article.image_height,
        }),
        is_pinned: pinned.contains(&article.id),
    };
    let heading = |at: usize| edition.headings.iter().find(|heading| heading.at == at);
    Ok(Content {
        identity: Identity::of(&newsletter.newsletter),
        subject: edition.words.subject.clone(),
        preheader: edition.words.preheader.clone(),
        note: edition.words.note.clone(),
        stories: edition
            .stories
            .iter()
            .enumerate()
            .map(|(at, article)| {
                let heading = heading(at).map(|it| it.section.clone().unwrap_or_else(|| IN_BRIEF.into()));
                story(&edition, article, heading)
            })
            .collect(),
        replacements: others.stories.iter().map(|article| story(&others, article, None)).collect(),
    })
}
