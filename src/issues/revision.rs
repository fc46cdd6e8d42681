//! The content of an issue as operators see it, of which a revision is the hash.

use crate::{
    db::{DbError, Tx, issues::IssueRecord, newsletters::NewsletterRecord},
    domain::{
        ids::ArticleId,
        issue::{
            plan::PlanInputs,
            revision::{Content, Identity, Picture, Story},
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
    let mut edition = Stories::load(tx, issue, &ids).await?.edition(&ids);
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
        },
        subject: edition.words.subject,
        preheader: edition.words.preheader,
        note: edition.words.note,
        stories: edition
            .stories
            .into_iter()
            .map(|article| Story {
                article: article.id.0,
                title: article.title,
                dek: article.dek,
                url: article.url,
                picture: article.image_url.map(|url| Picture {
                    url,
                    made: edition.made.remove(&article.id),
                    alt: article.image_alt,
                    width: article.image_width,
                    height: article.image_height,
                }),
                is_pinned: pinned.contains(&article.id),
            })
            .collect(),
    })
}
