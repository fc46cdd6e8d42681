//! The content of an issue as operators see it, of which a revision is the hash.

use crate::{
    db::{DbError, Tx, issues::IssueRecord, newsletters::NewsletterRecord},
    domain::{
        ids::ArticleId,
        issue::{
            plan::PlanInputs,
            revision::{Content, IN_BRIEF, Identity, Picture, Story},
            selection::Reason,
        },
    },
    issues::edition::Stories,
};
use std::collections::HashSet;

/// Returns what readers who have had no story yet would get by a plan with these inputs. Readers who have had
/// some get other stories from the same candidates in the same order.
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
    let edition = Stories::load(tx, issue, &ids).await?.edition(&ids, inputs);
    let heading = |at: usize| edition.headings.iter().find(|heading| heading.at == at);
    let it = &newsletter.newsletter;
    Ok(Content {
        identity: Identity {
            title: it.title.clone(),
            tagline: it.tagline.clone(),
            sender: format!("{} <{}>", it.sender_name, it.sender_address.as_str()),
            postal_address: it.postal_address.clone(),
            language: it.language.clone(),
            logo: it.theme.logo_url.as_ref().map(ToString::to_string),
            accent: it.theme.accent.map(|accent| accent.to_string()),
            fonts: it.theme.fonts.to_string(),
            publisher: it.brand.listed(),
        },
        subject: edition.words.subject.clone(),
        preheader: edition.words.preheader.clone(),
        note: edition.words.note.clone(),
        stories: edition
            .stories
            .iter()
            .enumerate()
            .map(|(at, article)| Story {
                article: article.id.0,
                heading: heading(at).map(|it| it.section.clone().unwrap_or_else(|| IN_BRIEF.into())),
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
            })
            .collect(),
    })
}
