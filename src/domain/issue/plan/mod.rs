//! The plan of an issue: its stories, variants and readers.
//!
//! A plan depends only on its inputs, not even on the current time. The inputs are stored with it, so it can
//! be recomputed and compared.
//!
//! Readers are grouped by cadence, chosen sections, and the variants of other issues that they received and
//! that share a story with this issue. [`crate::domain::issue::selection`] selects stories for each group.
//! Groups with the same stories share a *variant*, which is rendered once. There are at most `max_variants`.
//! Groups beyond that get the nearest variant without stories that they already received, or else a common
//! variant without any story that one of them received.

use crate::domain::{
    ids::{ArticleId, VariantId},
    issue::{
        sections::{self, Heading, Item, SectionOrder},
        selection::{Candidate, Choice, Readers, Rules, TooFew, ranked, select, stories},
    },
    newsletter::{Newsletter, SelectionKind},
    subscriber::cadence::Cadence,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

/// Maximum number of groups; further readers are only counted.
pub const MAX_GROUPS: usize = 5_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanInputs {
    /// When the plan is made.
    pub planned_at: Timestamp,
    pub date: Date,
    pub rules: Rules,
    /// The cadences that get this issue.
    pub served: Vec<ServedCadence>,
    /// The articles to select from.
    pub candidates: Vec<Candidate>,
    /// Variants of other issues that contain an eligible candidate.
    pub past: Vec<PastVariant>,
    pub groups: Vec<Group>,
    /// The number of readers beyond the maximum number of groups.
    pub others: i64,
    /// The newsletter's sections.
    #[serde(default)]
    pub sections: SectionOrder,
    /// Stories approved by an operator, if the issue was approved.
    pub approved: Option<HashSet<ArticleId>>,
}

/// A cadence that gets this issue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ServedCadence {
    pub cadence: Cadence,
    /// The kind of selection for its readers.
    pub kind: SelectionKind,
    /// When the last issue for its readers was planned.
    pub last_issue_at: Option<Timestamp>,
}

impl ServedCadence {
    /// Returns the cadences that get the issue of a date. `earlier` are the newsletter's other issues with
    /// the time of planning, latest first.
    pub fn for_date(newsletter: &Newsletter, date: Date, earlier: &[(Date, Timestamp)]) -> Vec<Self> {
        let days = newsletter.days;
        let served = Cadence::ALL.iter().copied().filter(|cadence| cadence.is_served(days, date));
        let cadences = served.map(|cadence| Self {
            cadence,
            // Weekly readers of a more frequent newsletter get the best of the week.
            kind: if cadence == Cadence::Weekly && days.count() > 1 {
                SelectionKind::RoundUp
            } else {
                newsletter.selection
            },
            last_issue_at: earlier
                .iter()
                .find(|(date, _)| cadence.is_served(days, *date))
                // If the days have changed, fall back to an issue for other cadences.
                .or_else(|| earlier.first())
                .map(|(_, planned_at)| *planned_at),
        });
        cadences.collect()
    }
}

/// A variant of another issue, with what it shares with this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastVariant {
    pub variant: VariantId,
    /// Its stories that are candidates now.
    pub articles: Vec<ArticleId>,
}

/// Readers with the same choices and the same received stories.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// `CADENCE|SECTIONS|VARIANTS`, as built by the database.
    pub key: String,
    pub readers: i64,
}

/// The key of subscribers without a known group: those beyond [`MAX_GROUPS`], and those who subscribe between
/// planning and delivery.
pub const OTHERS: &str = "*";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The variants, by number of readers. Empty: no reader gets the issue.
    pub variants: Vec<PlannedVariant>,
    /// Groups for which too few stories, or none, are left.
    pub unserved: Vec<Group>,
    /// The decision about each candidate for the first variant, or without one, for readers who have received
    /// nothing yet.
    pub choices: Vec<Choice>,
    /// Whether the first variant has fewer stories than the minimum.
    pub is_short: bool,
}

/// A variant of an issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedVariant {
    pub stories: Vec<ArticleId>,
    pub groups: Vec<Group>,
}

impl PlannedVariant {
    /// Returns the number of its readers.
    pub fn readers(&self) -> i64 {
        self.groups.iter().map(|group| group.readers).sum()
    }
}

impl Plan {
    /// Returns the number of readers of the issue.
    pub fn readers(&self) -> i64 {
        self.variants.iter().map(PlannedVariant::readers).sum()
    }

    /// Returns the distinct stories of all variants, those of the first variant first.
    pub fn stories(&self) -> Vec<ArticleId> {
        let mut seen = HashSet::new();
        self.variants.iter().flat_map(|v| &v.stories).copied().filter(|id| seen.insert(*id)).collect()
    }
}

/// A parsed group key.
struct Audience {
    served: ServedCadence,
    sections: BTreeSet<String>,
    received: HashSet<ArticleId>,
}

impl PlanInputs {
    /// Returns the candidates that could be selected for some reader. Only their past variants are needed.
    pub fn eligible(&self) -> Vec<ArticleId> {
        let (sections, received) = (BTreeSet::new(), HashSet::new());
        let could_be_in = |candidate: &&Candidate| {
            self.served.iter().any(|served| {
                let readers = self.readers(*served, &sections, &received);
                candidate.assess(&self.rules, &readers, self.planned_at).is_in()
            })
        };
        self.candidates.iter().filter(could_be_in).map(|candidate| candidate.article).collect()
    }

    /// Returns the articles that some reader could get, in the order in which they are selected.
    pub fn pool(&self) -> Vec<ArticleId> {
        let eligible: HashSet<ArticleId> = self.eligible().into_iter().collect();
        let order = ranked(&self.candidates, self.default_audience().served.kind);
        let could_be_in = |it: &&&Candidate| eligible.contains(&it.article) && it.removal().is_none();
        order.iter().filter(could_be_in).map(|candidate| candidate.article).collect()
    }

    /// Returns the decision about each candidate for a variant, or without one, for readers who have received
    /// nothing yet.
    pub fn choices(&self, variant: Option<&PlannedVariant>) -> Vec<Choice> {
        let largest = variant.and_then(|variant| variant.groups.iter().max_by_key(|group| group.readers));
        let audience = match largest {
            Some(group) if group.key == OTHERS => self.other_audience(),
            Some(group) => self.audience(&group.key),
            None => self.default_audience(),
        };
        self.select(&audience)
    }

    fn select(&self, audience: &Audience) -> Vec<Choice> {
        let order = ranked(&self.candidates, audience.served.kind);
        let choices = select(
            &order,
            &self.rules,
            &self.readers(audience.served, &audience.sections, &audience.received),
            self.planned_at,
        );
        let (mut chosen, mut left): (Vec<Choice>, Vec<Choice>) =
            choices.into_iter().partition(|choice| choice.reason.is_in());
        let by_article: HashMap<ArticleId, Choice> = chosen.iter().map(|it| (it.article, *it)).collect();
        let arranged = self.arranged(chosen.iter().map(|choice| choice.article).collect());
        chosen = arranged.iter().filter_map(|article| by_article.get(article)).copied().collect();
        chosen.append(&mut left);
        chosen
    }

    /// Returns stories in the order of the newsletter's sections.
    fn arranged(&self, stories: Vec<ArticleId>) -> Vec<ArticleId> {
        if self.sections.is_empty() {
            return stories;
        }
        let items = self.items(&stories);
        sections::arranged(&self.sections, &items).into_iter().map(|index| stories[index]).collect()
    }

    /// Returns the headings of a variant's stories.
    pub fn headings(&self, stories: &[ArticleId]) -> Vec<Heading> {
        sections::headings(&self.sections, &self.items(stories))
    }

    fn items(&self, stories: &[ArticleId]) -> Vec<Item<'_>> {
        let candidates: HashMap<ArticleId, &Candidate> =
            self.candidates.iter().map(|candidate| (candidate.article, candidate)).collect();
        let item = |article| {
            let candidate = candidates.get(article);
            Item {
                section: candidate.map_or("", |it| it.section.as_str()),
                is_fixed: candidate.is_some_and(|it| it.is_wanted()),
            }
        };
        stories.iter().map(item).collect()
    }

    fn readers<'a>(
        &'a self,
        served: ServedCadence,
        sections: &'a BTreeSet<String>,
        received: &'a HashSet<ArticleId>,
    ) -> Readers<'a> {
        Readers {
            cadence: served.cadence,
            kind: served.kind,
            sections,
            received,
            last_issue_at: served.last_issue_at,
            approved: self.approved.as_ref(),
        }
    }

    /// Returns an audience that wants all sections and has received nothing.
    fn default_audience(&self) -> Audience {
        let served = self.served.first().copied().unwrap_or(ServedCadence {
            cadence: Cadence::EveryIssue,
            kind: SelectionKind::News,
            last_issue_at: None,
        });
        Audience { served, sections: BTreeSet::new(), received: HashSet::new() }
    }

    /// Returns the audience without a known group, which may have received any variant.
    fn other_audience(&self) -> Audience {
        let received = self.past.iter().flat_map(|variant| &variant.articles).copied().collect();
        Audience { received, ..self.default_audience() }
    }

    fn audience(&self, key: &str) -> Audience {
        let mut parts = key.splitn(3, '|');
        let mut part = || parts.next().unwrap_or_default();
        let (cadence, sections, variants) = (part(), part(), part());
        let served = self.served.iter().find(|served| served.cadence.as_str() == cadence);
        let ids: HashSet<&str> = variants.split(',').collect();
        let received = self.past.iter().filter(|past| ids.contains(past.variant.to_string().as_str()));
        Audience {
            served: served.copied().unwrap_or_else(|| self.default_audience().served),
            sections: sections.split(',').filter(|section| !section.is_empty()).map(str::to_owned).collect(),
            received: received.flat_map(|past| &past.articles).copied().collect(),
        }
    }
}

/// Computes the plan.
pub fn plan(inputs: &PlanInputs) -> Plan {
    let orders: HashMap<SelectionKind, Vec<&Candidate>> =
        inputs.served.iter().map(|served| (served.kind, ranked(&inputs.candidates, served.kind))).collect();
    let select_for = |audience: &Audience| -> Vec<ArticleId> {
        let Some(order) = orders.get(&audience.served.kind) else { return Vec::new() };
        let readers = inputs.readers(audience.served, &audience.sections, &audience.received);
        inputs.arranged(stories(order, &inputs.rules, &readers, inputs.planned_at))
    };
    let mut by_stories: BTreeMap<Vec<ArticleId>, Vec<Group>> = BTreeMap::new();
    for group in &inputs.groups {
        by_stories.entry(select_for(&inputs.audience(&group.key))).or_default().push(group.clone());
    }
    let mut variants: Vec<PlannedVariant> =
        by_stories.into_iter().map(|(stories, groups)| PlannedVariant { stories, groups }).collect();
    if variants.is_empty() {
        // Without readers, a default variant allows a preview and serves readers who subscribe in time.
        let stories = select_for(&inputs.default_audience());
        variants.push(PlannedVariant { stories, groups: Vec::new() });
    }
    // With equal numbers of readers, the variant with more stories comes first: it becomes the issue's web
    // page.
    variants.sort_by_cached_key(|variant| {
        (Reverse(variant.readers()), Reverse(variant.stories.len()), variant.stories.clone())
    });
    let min_stories = if inputs.rules.too_few == TooFew::Skip { inputs.rules.min_stories.max(1) } else { 1 };
    let is_short = variants.first().is_none_or(|first| first.stories.len() < inputs.rules.min_stories.max(1));
    let (mut variants, small): (Vec<_>, Vec<_>) =
        variants.into_iter().partition(|variant| variant.stories.len() >= min_stories);
    let mut unserved: Vec<Group> = small.into_iter().flat_map(|variant| variant.groups).collect();

    let mut rest: Vec<Group> = Vec::new();
    if variants.len() > inputs.rules.max_variants || inputs.others > 0 {
        // Reserve the last variant for groups that no other variant fits.
        let beyond = variants.split_off((inputs.rules.max_variants.max(2) - 1).min(variants.len()));
        for group in beyond.into_iter().flat_map(|variant| variant.groups) {
            match nearest_variant(&variants, &inputs.audience(&group.key), &inputs.candidates) {
                Some(index) => variants[index].groups.push(group),
                None => rest.push(group),
            }
        }
    }
    let others = Group { key: OTHERS.into(), readers: inputs.others };
    let mut audience = inputs.other_audience();
    if inputs.others > 0 {
        rest.push(others);
    } else {
        // Readers who subscribe later get a variant that nobody has received, if there is one.
        if let Some(index) = nearest_variant(&variants, &audience, &inputs.candidates) {
            variants[index].groups.push(others);
        }
        let received: HashSet<ArticleId> =
            rest.iter().flat_map(|group| inputs.audience(&group.key).received).collect();
        audience.received = received;
    }
    if !rest.is_empty() {
        let stories = select_for(&audience);
        if stories.len() >= min_stories {
            match variants.iter_mut().find(|variant| variant.stories == stories) {
                Some(same) => same.groups.append(&mut rest),
                None => variants.push(PlannedVariant { stories, groups: rest }),
            }
        } else {
            unserved.append(&mut rest);
        }
    }
    let choices = inputs.choices(variants.first());
    Plan { variants, unserved, choices, is_short }
}

/// Returns the index of the variant with the most wanted stories and none already received.
fn nearest_variant(
    variants: &[PlannedVariant],
    audience: &Audience,
    candidates: &[Candidate],
) -> Option<usize> {
    let sections: HashMap<ArticleId, &str> =
        candidates.iter().map(|candidate| (candidate.article, candidate.section.as_str())).collect();
    let is_wanted = |id: &ArticleId| {
        let section = sections.get(id).copied().unwrap_or_default();
        section.is_empty() || audience.sections.is_empty() || audience.sections.contains(section)
    };
    let fitting = variants.iter().enumerate().filter_map(|(index, variant)| {
        let wanted = variant.stories.iter().filter(|id| is_wanted(id)).count();
        let twice = variant.stories.iter().any(|id| audience.received.contains(id));
        let unwanted = variant.stories.len() - wanted;
        (!twice && wanted > 0).then_some((wanted, Reverse(unwanted), Reverse(index)))
    });
    fitting.max().map(|(_, _, Reverse(index))| index)
}

#[cfg(test)]
mod tests;
