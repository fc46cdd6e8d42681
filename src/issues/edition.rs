//! An edition: what one variant of an issue shows, with the operator's edits, ready to be rendered.

use crate::{
    db::{
        DbError, Tx,
        content::articles::{self, ArticleRecord},
        issues::{self, IssueRecord, IssueWords, StoryEdit, variants},
        newsletters::NewsletterRecord,
    },
    domain::{
        content::article::canonical_url,
        ids::ArticleId,
        issue::{
            plan::{Plan, PlanInputs},
            status::IssueStatus,
        },
    },
    issues::plan::{self, Planning},
};
use jiff::civil::Date;
use std::collections::HashMap;
use url::Url;

/// What an issue shows.
#[derive(Debug, Clone, Default)]
pub struct Edition {
    /// Its stories, in order.
    pub stories: Vec<ArticleRecord>,
    /// The operator's subject, preheader and note.
    pub words: IssueWords,
}

/// All stories of an issue, as edited, to put editions together from.
#[derive(Debug, Clone, Default)]
pub struct Stories {
    articles: HashMap<ArticleId, ArticleRecord>,
    words: IssueWords,
}

impl Stories {
    /// Reads these articles and the issue's edits.
    pub async fn load(tx: &mut Tx, issue: Option<&IssueRecord>, ids: &[ArticleId]) -> Result<Self, DbError> {
        let edits = match issue {
            Some(issue) => issues::edits(tx, issue.id).await?,
            None => Vec::new(),
        };
        let edits: HashMap<ArticleId, StoryEdit> =
            edits.into_iter().map(|edit| (edit.article_id, edit)).collect();
        let mut articles = HashMap::new();
        for id in ids {
            let Some(mut article) = articles::get(tx, *id).await? else { continue };
            if let Some(edit) = edits.get(id) {
                if let Some(title) = &edit.title {
                    article.title.clone_from(title);
                }
                if let Some(dek) = &edit.dek {
                    article.dek = Some(dek.clone()).filter(|dek| !dek.is_empty());
                }
            }
            articles.insert(*id, article);
        }
        let words = issue.map(|issue| IssueWords {
            subject: issue.subject.clone(),
            preheader: issue.preheader.clone(),
            note: issue.note.clone(),
        });
        Ok(Self { articles, words: words.unwrap_or_default() })
    }

    /// The edition of these stories.
    pub fn edition(&self, ids: &[ArticleId]) -> Edition {
        Edition {
            stories: ids.iter().filter_map(|id| self.articles.get(id)).cloned().collect(),
            words: self.words.clone(),
        }
    }

    /// Gives a story the title its page has now.
    pub fn rename(&mut self, id: ArticleId, title: &str) {
        if let Some(article) = self.articles.get_mut(&id) {
            title.clone_into(&mut article.title);
        }
    }

    /// Links a story where its page is now.
    pub fn readdress(&mut self, id: ArticleId, url: &Url) {
        if let Some(article) = self.articles.get_mut(&id) {
            canonical_url(url).as_str().clone_into(&mut article.url);
        }
    }
}

/// What an issue shows to most of its readers: as it was frozen, or as it would be if it were frozen now. There may be no issue
/// yet. `variant` is from 1.
pub async fn current(
    planning: Planning,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    date: Date,
    issue: Option<&IssueRecord>,
    variant: usize,
) -> Result<Edition, DbError> {
    let ids = if let Some(frozen) = issue.filter(|issue| issue.status != IssueStatus::Planned) {
        variants::stories_for(tx, frozen.id, variant).await?
    } else {
        let (_, plan) = planned(planning, tx, newsletter, date, issue).await?;
        plan.variants.get(variant.saturating_sub(1)).map(|it| it.stories.clone()).unwrap_or_default()
    };
    Ok(Stories::load(tx, issue, &ids).await?.edition(&ids))
}

/// The plan as it would be made now, by the code that will make it.
pub async fn planned(
    planning: Planning,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    date: Date,
    issue: Option<&IssueRecord>,
) -> Result<(PlanInputs, Plan), DbError> {
    let inputs = plan::gather(planning, tx, newsletter, date, issue).await?;
    plan::make(inputs).await.map_err(|error| DbError::Io(std::io::Error::other(error)))
}
