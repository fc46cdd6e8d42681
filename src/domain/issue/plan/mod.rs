//! A plan of an issue: which stories, in which variants, for which readers.
//!
//! A plan is made from its inputs and from nothing else, not even the time: kept with them, it can be made again and compared.
//!
//! Readers are put into groups by cadence, by the sections they chose and by what they have had (the variants of other issues
//! that hold a story of this one). The rule of [`crate::domain::issue::selection`] chooses for each group; groups for whom it chooses the same
//! share a *variant*, which is rendered once. There are at most `max_variants`. Readers beyond them get the nearest variant
//! that has none of the stories they have had, or, where there is none, one made of what none of them has had.

use crate::domain::{
    ids::{ArticleId, VariantId},
    issue::selection::{Candidate, Choice, Readers, Rules, TooFew, in_order, select, stories},
    newsletter::{Newsletter, SelectionKind},
    subscriber::cadence::Cadence,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

/// Most groups that are told apart; readers of all others are counted together.
pub const MAX_GROUPS: usize = 5_000;

/// Everything a plan is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanInputs {
    /// The moment it is made at.
    pub planned_at: Timestamp,
    /// The issue's date.
    pub date: Date,
    /// The bounds.
    pub rules: Rules,
    /// The cadences this issue is for.
    pub served: Vec<Served>,
    /// What it is chosen from.
    pub candidates: Vec<Candidate>,
    /// Variants of other issues that hold a candidate which could be in.
    pub past: Vec<PastVariant>,
    /// Its readers.
    pub groups: Vec<Group>,
    /// Readers in groups beyond the most that are told apart.
    pub others: i64,
    /// The stories an operator approved, if one did.
    pub approved: Option<HashSet<ArticleId>>,
}

/// A cadence an issue is for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// Which.
    pub cadence: Cadence,
    /// What its readers' issues are made of.
    pub kind: SelectionKind,
    /// When the last issue for these readers was planned.
    pub last_issue_at: Option<Timestamp>,
}

impl Served {
    /// The cadences that the issue of a date is for. `earlier` are the newsletter's other issues, latest first, each with when it
    /// was planned.
    pub fn on(newsletter: &Newsletter, date: Date, earlier: &[(Date, Timestamp)]) -> Vec<Self> {
        let days = newsletter.days;
        let served = Cadence::ALL.iter().copied().filter(|cadence| cadence.is_served(days, date));
        let told = served.map(|cadence| Self {
            cadence,
            // Who gets one of many issues gets the best of what the others had.
            kind: if cadence == Cadence::Weekly && days.count() > 1 {
                SelectionKind::RoundUp
            } else {
                newsletter.selection
            },
            last_issue_at: earlier
                .iter()
                .find(|(date, _)| cadence.is_served(days, *date))
                // Days may have changed: an issue of others is nearer than none.
                .or_else(|| earlier.first())
                .map(|(_, planned_at)| *planned_at),
        });
        told.collect()
    }
}

/// A variant of another issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastVariant {
    /// Which.
    pub variant: VariantId,
    /// Those of its stories that are candidates here.
    pub articles: Vec<ArticleId>,
}

/// Readers who chose the same and have had the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// `CADENCE|SECTIONS|VARIANTS`, as the store puts it together for each reader.
    pub key: String,
    /// How many they are.
    pub readers: i64,
}

/// The key of readers of whom nothing is known but that they are subscribed: those beyond the groups that are told apart, and
/// those who come between the plan and their delivery.
pub const OTHERS: &str = "*";

/// A plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The variants, that of most readers first. None: no reader gets anything.
    pub variants: Vec<PlannedVariant>,
    /// Groups for whom nothing is left: they have had all of it, or too little would remain.
    pub unserved: Vec<Group>,
    /// Every candidate's fate in the first variant; without one, for readers who have had nothing yet.
    pub choices: Vec<Choice>,
    /// Whether the first variant has fewer stories than the rules want.
    pub is_short: bool,
}

/// What some of an issue's readers get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedVariant {
    /// Its stories, in order.
    pub stories: Vec<ArticleId>,
    /// Who gets it.
    pub groups: Vec<Group>,
}

impl PlannedVariant {
    /// How many readers get it.
    pub fn readers(&self) -> i64 {
        self.groups.iter().map(|group| group.readers).sum()
    }
}

impl Plan {
    /// How many readers get the issue.
    pub fn readers(&self) -> i64 {
        self.variants.iter().map(PlannedVariant::readers).sum()
    }

    /// All stories of all variants, each once, those of the first variant first.
    pub fn stories(&self) -> Vec<ArticleId> {
        let mut seen = HashSet::new();
        self.variants.iter().flat_map(|v| &v.stories).copied().filter(|id| seen.insert(*id)).collect()
    }
}

/// A group as its key tells it.
struct Told {
    served: Served,
    sections: BTreeSet<String>,
    had: HashSet<ArticleId>,
}

impl PlanInputs {
    /// Candidates that could be in for some reader: what their past has to be asked for.
    pub fn eligible(&self) -> Vec<ArticleId> {
        let (sections, had) = (BTreeSet::new(), HashSet::new());
        let could_be_in = |candidate: &&Candidate| {
            self.served.iter().any(|served| {
                let readers = self.readers(*served, &sections, &had);
                candidate.fate(&self.rules, &readers, self.planned_at).is_in()
            })
        };
        self.candidates.iter().filter(could_be_in).map(|candidate| candidate.article).collect()
    }

    /// Every candidate's fate in a variant (from 0); without it, for readers who have had nothing yet.
    pub fn choices(&self, variant: Option<&PlannedVariant>) -> Vec<Choice> {
        let largest = variant.and_then(|it| it.groups.iter().max_by_key(|group| group.readers));
        let told = match largest {
            Some(group) if group.key == OTHERS => self.others_told(),
            Some(group) => self.told(&group.key),
            None => self.nobody(),
        };
        self.select(&told)
    }

    fn select(&self, told: &Told) -> Vec<Choice> {
        let order = in_order(&self.candidates, told.served.kind);
        select(&order, &self.rules, &self.readers(told.served, &told.sections, &told.had), self.planned_at)
    }

    fn readers<'a>(
        &'a self,
        served: Served,
        sections: &'a BTreeSet<String>,
        had: &'a HashSet<ArticleId>,
    ) -> Readers<'a> {
        Readers {
            cadence: served.cadence,
            kind: served.kind,
            sections,
            had,
            last_issue_at: served.last_issue_at,
            approved: self.approved.as_ref(),
        }
    }

    /// Readers who want everything and have had nothing.
    fn nobody(&self) -> Told {
        let served = self.served.first().copied().unwrap_or(Served {
            cadence: Cadence::EveryIssue,
            kind: SelectionKind::News,
            last_issue_at: None,
        });
        Told { served, sections: BTreeSet::new(), had: HashSet::new() }
    }

    /// Readers of whom nothing is known: they may have had whatever any variant held.
    fn others_told(&self) -> Told {
        let had = self.past.iter().flat_map(|variant| &variant.articles).copied().collect();
        Told { had, ..self.nobody() }
    }

    fn told(&self, key: &str) -> Told {
        let mut parts = key.splitn(3, '|');
        let mut part = || parts.next().unwrap_or_default();
        let (cadence, sections, variants) = (part(), part(), part());
        let served = self.served.iter().find(|served| served.cadence.as_str() == cadence);
        let ids: HashSet<&str> = variants.split(',').collect();
        let had = self.past.iter().filter(|past| ids.contains(past.variant.to_string().as_str()));
        Told {
            served: served.copied().unwrap_or_else(|| self.nobody().served),
            sections: sections.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect(),
            had: had.flat_map(|past| &past.articles).copied().collect(),
        }
    }
}

/// Makes the plan.
pub fn plan(inputs: &PlanInputs) -> Plan {
    let orders: HashMap<SelectionKind, Vec<&Candidate>> =
        inputs.served.iter().map(|it| (it.kind, in_order(&inputs.candidates, it.kind))).collect();
    let chosen_for = |told: &Told| -> Vec<ArticleId> {
        let Some(order) = orders.get(&told.served.kind) else { return Vec::new() };
        let readers = inputs.readers(told.served, &told.sections, &told.had);
        stories(order, &inputs.rules, &readers, inputs.planned_at)
    };
    let mut by_stories: BTreeMap<Vec<ArticleId>, Vec<Group>> = BTreeMap::new();
    for group in &inputs.groups {
        by_stories.entry(chosen_for(&inputs.told(&group.key))).or_default().push(group.clone());
    }
    let mut variants: Vec<PlannedVariant> =
        by_stories.into_iter().map(|(stories, groups)| PlannedVariant { stories, groups }).collect();
    if variants.is_empty() {
        // Nobody reads it yet: it can be looked at all the same, and who comes in time gets it.
        let stories = chosen_for(&inputs.nobody());
        variants.push(PlannedVariant { stories, groups: Vec::new() });
    }
    // Of as many readers, the fuller one: it is the issue's page.
    variants.sort_by_cached_key(|variant| {
        (Reverse(variant.readers()), Reverse(variant.stories.len()), variant.stories.clone())
    });
    let least = if inputs.rules.too_few == TooFew::Skip { inputs.rules.min_stories.max(1) } else { 1 };
    let is_short = variants.first().is_none_or(|first| first.stories.len() < inputs.rules.min_stories.max(1));
    let (mut variants, small): (Vec<_>, Vec<_>) =
        variants.into_iter().partition(|variant| variant.stories.len() >= least);
    let mut unserved: Vec<Group> = small.into_iter().flat_map(|variant| variant.groups).collect();

    let mut rest: Vec<Group> = Vec::new();
    if variants.len() > inputs.rules.max_variants || inputs.others > 0 {
        // The last place is for those whom no other variant fits.
        let beyond = variants.split_off((inputs.rules.max_variants.max(2) - 1).min(variants.len()));
        for group in beyond.into_iter().flat_map(|variant| variant.groups) {
            match nearest(&variants, &inputs.told(&group.key), &inputs.candidates) {
                Some(index) => variants[index].groups.push(group),
                None => rest.push(group),
            }
        }
    }
    let others = Group { key: OTHERS.into(), readers: inputs.others };
    let mut told = inputs.others_told();
    if inputs.others > 0 {
        rest.push(others);
    } else {
        // Whoever comes in between gets what nobody can have had, if there is such a variant.
        if let Some(index) = nearest(&variants, &told, &inputs.candidates) {
            variants[index].groups.push(others);
        }
        let had: HashSet<ArticleId> = rest.iter().flat_map(|group| inputs.told(&group.key).had).collect();
        told.had = had;
    }
    if !rest.is_empty() {
        let stories = chosen_for(&told);
        if stories.len() >= least {
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

/// The variant with most stories that readers want and none that they have had.
fn nearest(variants: &[PlannedVariant], told: &Told, candidates: &[Candidate]) -> Option<usize> {
    let sections: HashMap<ArticleId, &str> =
        candidates.iter().map(|candidate| (candidate.article, candidate.section.as_str())).collect();
    let is_wanted = |id: &ArticleId| {
        let section = sections.get(id).copied().unwrap_or_default();
        section.is_empty() || told.sections.is_empty() || told.sections.contains(section)
    };
    let fitting = variants.iter().enumerate().filter_map(|(index, variant)| {
        let wanted = variant.stories.iter().filter(|id| is_wanted(id)).count();
        let twice = variant.stories.iter().any(|id| told.had.contains(id));
        let unwanted = variant.stories.len() - wanted;
        (!twice && wanted > 0).then_some((wanted, Reverse(unwanted), Reverse(index)))
    });
    fitting.max().map(|(_, _, Reverse(index))| index)
}

#[cfg(test)]
mod tests;
