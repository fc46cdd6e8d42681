//! An edition is the content of one variant of an issue, with the operator's edits, ready to be rendered.

use crate::{
    db::{
        DbError, Tx,
        content::{
            articles::{self, ArticleRecord},
            pictures,
        },
        issues::{self, IssueRecord, IssueWords, KeptPlan, StoryEdit, revisions, variants},
        newsletters::NewsletterRecord,
    },
    domain::{
        content::{article::canonical_url, made_picture::MadePictures},
        ids::ArticleId,
        issue::{
            plan::{Plan, PlanInputs},
            revision::{Content, Story},
            sections::Heading,
            status::IssueStatus,
        },
    },
    issues::plan::{self, Planning},
};
use jiff::civil::Date;
use std::collections::{HashMap, HashSet};
use url::Url;

#[derive(Debug, Clone, Default)]
pub struct Edition {
    pub stories: Vec<ArticleRecord>,
    pub headings: Vec<Heading>,
    /// The pictures that Daily made for these stories.
    pub made: HashMap<ArticleId, MadePictures>,
    /// The operator's subject, preheader and note.
    pub words: IssueWords,
}

/// All stories of an issue with the operator's edits, from which editions are made.
#[derive(Debug, Clone, Default)]
pub struct Stories {
    articles: HashMap<ArticleId, ArticleRecord>,
    made: HashMap<ArticleId, MadePictures>,
    words: IssueWords,
}

impl Stories {
    /// Loads articles and applies the issue's edits to them.
    pub async fn load(tx: &mut Tx, issue: Option<&IssueRecord>, ids: &[ArticleId]) -> Result<Self, DbError> {
        let edits = match issue {
            Some(issue) => issues::edits(tx, issue.id).await?,
            None => Vec::new(),
        };
        let edits: HashMap<ArticleId, StoryEdit> =
            edits.into_iter().map(|edit| (edit.article_id, edit)).collect();
        let mut articles = HashMap::new();
        for mut article in articles::with_ids(tx, ids).await? {
            let id = &article.id.clone();
            if let Some(edit) = edits.get(id) {
                if let Some(title) = &edit.title {
                    article.title.clone_from(title);
                }
                if let Some(dek) = &edit.dek {
                    article.dek = Some(dek.clone()).filter(|dek| !dek.is_empty());
                }
            }
            if let Some(picture) = edits.get(id).and_then(|edit| edit.picture.as_ref()) {
                // Its size is known only of what Daily makes of it.
                (article.image_url, article.image_alt) =
                    (Some(picture.clone()).filter(|url| !url.is_empty()), None);
                (article.image_width, article.image_height) = (None, None);
            }
            articles.insert(*id, article);
        }
        let approved: Option<Content> =
            match issue.and_then(|issue| Some((issue, issue.approved_revision.as_ref()?))) {
                Some((issue, revision)) => {
                    revisions::get(tx, issue.newsletter_id, issue.date(), revision).await?
                }
                None => None,
            };
        let mut made = pictures::made(tx, issue.map(|issue| issue.id), ids).await?;
        let mut restored = HashMap::new();
        for story in approved.into_iter().flat_map(Content::into_pool) {
            let id = ArticleId(story.article);
            let Some(article) = articles.get_mut(&id) else { continue };
            made.remove(&id);
            if let Some(approved) = story.picture.as_ref().and_then(|picture| picture.made.clone()) {
                restored.insert(id, approved);
            }
            restore(article, story);
        }
        made.extend(pictures::with_files(tx, restored).await?);
        let words = issue.map(|issue| IssueWords {
            subject: issue.subject.clone(),
            preheader: issue.preheader.clone(),
            note: issue.note.clone(),
        });
        Ok(Self { articles, made, words: words.unwrap_or_default() })
    }

    /// Returns the edition with these stories, in this order, below the headings of a plan.
    pub fn edition(&self, ids: &[ArticleId], inputs: &PlanInputs) -> Edition {
        let known: Vec<ArticleId> = ids.iter().copied().filter(|id| self.articles.contains_key(id)).collect();
        Edition {
            stories: known.iter().filter_map(|id| self.articles.get(id)).cloned().collect(),
            headings: inputs.headings(&known),
            made: known.iter().filter_map(|id| Some((*id, self.made.get(id)?.clone()))).collect(),
            words: self.words.clone(),
        }
    }

    /// Returns the hashes of all files that were made for these stories.
    pub fn picture_hashes(&self) -> HashSet<String> {
        self.made.values().flat_map(MadePictures::hashes).map(str::to_owned).collect()
    }

    /// Replaces a story's title with its page's current one.
    pub fn set_title(&mut self, id: ArticleId, title: &str) {
        if let Some(article) = self.articles.get_mut(&id) {
            title.clone_into(&mut article.title);
        }
    }

    /// Replaces a story's link with its page's current URL.
    pub fn set_url(&mut self, id: ArticleId, url: &Url) {
        if let Some(article) = self.articles.get_mut(&id) {
            canonical_url(url).as_str().clone_into(&mut article.url);
        }
    }
}

/// Gives a story the texts, link and picture that were approved, whatever its feed or page says by now.
fn restore(article: &mut ArticleRecord, approved: Story) {
    let (picture, width, height) = match approved.picture {
        Some(picture) => (Some((picture.url, picture.alt)), picture.width, picture.height),
        None => (None, None, None),
    };
    let (image_url, image_alt) = picture.map_or((None, None), |(url, alt)| (Some(url), alt));
    (article.title, article.dek, article.url) = (approved.title, approved.dek, approved.url);
    (article.image_url, article.image_alt) = (image_url, image_alt);
    (article.image_width, article.image_height) = (width, height);
}

/// Returns the edition of a variant (from 1). A frozen issue's edition is final. Otherwise it is made from a
/// new plan, even if the issue does not exist yet.
pub async fn load_edition(
    planning: Planning,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    date: Date,
    issue: Option<&IssueRecord>,
    variant: usize,
) -> Result<Edition, DbError> {
    let (ids, inputs) = if let Some(frozen) = issue.filter(|issue| issue.status != IssueStatus::Planned) {
        let kept = issues::kept_plan(tx, frozen.id).await?;
        let (inputs, _) = match kept {
            Some(kept) => (kept.inputs, kept.plan),
            None => preview_plan(planning, tx, newsletter, date, issue).await?,
        };
        (variants::stories_for(tx, frozen.id, variant).await?, inputs)
    } else {
        let (inputs, plan) = preview_plan(planning, tx, newsletter, date, issue).await?;
        let variant = plan.variants.get(variant.saturating_sub(1));
        (variant.map(|it| it.stories.clone()).unwrap_or_default(), inputs)
    };
    Ok(Stories::load(tx, issue, &ids).await?.edition(&ids, &inputs))
}

/// Returns the stored plan of an issue, unless it is outdated. An approved issue is planned for today's readers.
pub(super) async fn kept_plan(tx: &mut Tx, issue: Option<&IssueRecord>) -> Result<Option<KeptPlan>, DbError> {
    match issue.filter(|issue| issue.planned_at.is_some() && issue.approved_at.is_none()) {
        Some(issue) => issues::kept_plan(tx, issue.id).await,
        None => Ok(None),
    }
}

/// Returns the plan that operators see: the stored one, or, if there is none or it is outdated, the one that
/// freezing would make now.
pub async fn preview_plan(
    planning: Planning,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    date: Date,
    issue: Option<&IssueRecord>,
) -> Result<(PlanInputs, Plan), DbError> {
    if let Some(kept) = kept_plan(tx, issue).await? {
        return Ok((kept.inputs, kept.plan));
    }
    let inputs = plan::collect_inputs(planning, tx, newsletter, date, issue).await?;
    plan::make_plan(inputs).await.map_err(|error| DbError::Io(std::io::Error::other(error)))
}
