//! Which articles are in an issue, and why: the rule, for one group of readers.
//!
//! 1. Never: what an operator hid or dropped, what is gone from the web, what these readers have had before in whatever
//!    issue, and what an earlier issue of the newsletter carried for readers of their cadence.
//! 2. Always, first: what an operator pinned or gave a place.
//! 3. Then, of the sections these readers chose, what is new since their last issue: published after it was planned, or found
//!    since then and not older than `max_age`. Newest first. A first issue has no last one to count from: it takes the newest
//!    there are, so that a newsletter can begin with what its site has. A round-up takes the last week's instead, the best
//!    first: what most feeds carry, then what stood highest in an issue, then the newest.
//! 4. Balance: no source and no section has more than its share, as long as others fill the issue. What is left of the room
//!    then goes to those passed over.
//! 5. The issue ends at `max_stories`. A story with a place stands there, whatever comes and goes around it.

use crate::domain::{
    ids::{ArticleId, FeedId},
    newsletter::{Newsletter, SelectionKind},
    subscriber::cadence::Cadence,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
};

/// A round-up looks back this far: a week, and a day for an issue that was late.
pub const ROUND_UP_AGE: SignedDuration = SignedDuration::from_hours(8 * 24);
/// Clocks of sites are this much off at most; what is dated later has its time still to come.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// An article as the rule sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which one.
    pub article: ArticleId,
    /// When it counts as new: its published time, or when an operator added it; `None` for an undated feed item.
    pub fresh_at: Option<Timestamp>,
    /// When Daily first saw it.
    pub first_seen_at: Timestamp,
    /// An operator wants it in the next issue.
    pub pinned: bool,
    /// An operator wants it in no issue.
    pub hidden: bool,
    /// The feed that brought it first.
    pub source: Option<FeedId>,
    /// The key of its section; empty: it has none, and is for all readers.
    pub section: String,
    /// How many feeds carry it.
    pub feeds: i64,
    /// Its highest place in an issue of the last week, of any newsletter.
    pub best_place: Option<i64>,
    /// Cadences whose readers had it in an earlier issue of this newsletter.
    pub carried_for: Vec<Cadence>,
    /// What an operator wants of it in this issue.
    pub wish: Option<Wish>,
    /// Its place in this issue, from 1, if an operator gave it one.
    pub place: Option<i64>,
    /// Its page is no longer there.
    pub gone: bool,
}

crate::domain::string_enum::words! {
    /// What an operator wants of a story in one issue.
    Wish {
        /// It is in.
        Pin = "pin",
        /// It is out.
        Drop = "drop",
    }
}

crate::domain::string_enum::words! {
    /// What happens to an issue with fewer stories than wanted.
    TooFew {
        /// It is skipped.
        Skip = "skip",
        /// It goes out shorter.
        Send = "send",
        /// It waits until an operator approves it, or its time is over.
        Ask = "ask",
    }
}

/// The bounds an issue is made within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Fewest stories in an issue.
    pub min_stories: usize,
    /// Most stories in an issue.
    pub max_stories: usize,
    /// What becomes of an issue with fewer.
    pub too_few: TooFew,
    /// Articles older than this are not news, whenever they were found.
    pub max_age: SignedDuration,
    /// Most stories of one source while others wait; 0: any number.
    pub max_per_source: usize,
    /// Most stories of one section while others wait; 0: any number.
    pub max_per_section: usize,
    /// Most renderings of an issue.
    pub max_variants: usize,
}

impl Rules {
    /// The bounds of a newsletter's issues: its own numbers where it has them.
    #[must_use]
    pub fn of(self, newsletter: &Newsletter) -> Self {
        let max_stories = newsletter.max_stories.unwrap_or(self.max_stories);
        Self {
            min_stories: newsletter.min_stories.unwrap_or(self.min_stories).min(max_stories),
            max_stories,
            ..self
        }
    }
}

/// The readers an issue is chosen for.
#[derive(Debug, Clone, Copy)]
pub struct Readers<'a> {
    /// Which issues they get.
    pub cadence: Cadence,
    /// What their issues are made of.
    pub kind: SelectionKind,
    /// The keys of the sections they chose; none: all.
    pub sections: &'a BTreeSet<String>,
    /// What they have had, in whatever issue.
    pub had: &'a HashSet<ArticleId>,
    /// When their last issue was planned.
    pub last_issue_at: Option<Timestamp>,
    /// The stories an operator approved, if one did: no others are in.
    pub approved: Option<&'a HashSet<ArticleId>>,
}

crate::domain::string_enum::words! {
    /// Why an article is in an issue or not.
    Reason {
        /// In: an operator pinned it.
        Pinned = "pinned",
        /// In: an operator gave it this place.
        Placed = "placed",
        /// In: new since the last issue.
        Fresh = "fresh",
        /// In: among the newest, in a newsletter's first issue.
        FirstIssue = "first_issue",
        /// In: among the best of the week.
        Best = "best",
        /// In: its source or section had its share, but there was room left.
        RoomLeft = "room_left",
        /// Out: an operator hid it.
        Hidden = "hidden",
        /// Out: an operator dropped it from this issue.
        Dropped = "dropped",
        /// Out: its page is gone.
        Gone = "gone",
        /// Out: these readers have had it in another issue.
        Had = "had",
        /// Out: an earlier issue carried it.
        CarriedBefore = "carried_before",
        /// Out: it is of a section these readers did not choose.
        OtherSection = "other_section",
        /// Out: published too long ago.
        TooOld = "too_old",
        /// Out: it was there when the last issue was planned, which had no room for it.
        BeforeLastIssue = "before_last_issue",
        /// Out: an operator approved the issue without it.
        NotApproved = "not_approved",
        /// Out: it has no date, so nobody can say that it is new.
        Undated = "undated",
        /// Out: dated in the future; its time will come.
        NotYet = "not_yet",
        /// Out: its source has its share of the issue, and others filled it.
        SourceShare = "source_share",
        /// Out: its section has its share of the issue, and others filled it.
        SectionShare = "section_share",
        /// Out: those before it filled the issue.
        NoRoom = "no_room",
    }
}

impl Reason {
    /// Whether an article with this reason is in the issue.
    pub const fn is_in(self) -> bool {
        matches!(
            self,
            Self::Pinned | Self::Placed | Self::Fresh | Self::FirstIssue | Self::Best | Self::RoomLeft
        )
    }

    /// The reason in words, for operators.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Pinned => "pinned by an operator",
            Self::Placed => "given this place by an operator",
            Self::Fresh => "new since the last issue",
            Self::FirstIssue => "among the newest, in a first issue",
            Self::Best => "among the best of the week",
            Self::RoomLeft => "its source or section had its share, but there was room",
            Self::Hidden => "hidden by an operator",
            Self::Dropped => "dropped from this issue by an operator",
            Self::Gone => "its page is gone",
            Self::Had => "these readers have had it",
            Self::CarriedBefore => "an earlier issue carried it",
            Self::OtherSection => "not of a section these readers chose",
            Self::TooOld => "published too long ago",
            Self::BeforeLastIssue => "it was there before the last issue, which had no room for it",
            Self::Undated => "it has no date; pin it if it is new",
            Self::NotApproved => "an operator approved the issue without it",
            Self::NotYet => "dated in the future",
            Self::SourceShare => "its source has its share, and others filled the issue",
            Self::SectionShare => "its section has its share, and others filled the issue",
            Self::NoRoom => "those before it filled the issue",
        }
    }
}

/// One article's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Which article.
    pub article: ArticleId,
    /// In or out, and why.
    pub reason: Reason,
}

/// Candidates in the order in which they are asked whether they are in. It does not depend on who the readers are, but for the
/// kind of their issue.
pub fn in_order(candidates: &[Candidate], kind: SelectionKind) -> Vec<&Candidate> {
    let mut order: Vec<&Candidate> = candidates.iter().collect();
    // Ties by identity, so that a plan can be repeated. Undated ones come last.
    match kind {
        SelectionKind::News => {
            order.sort_unstable_by_key(|c| (!c.is_wanted(), Reverse(c.fresh_at), Reverse(c.article)));
        }
        SelectionKind::RoundUp => order.sort_unstable_by_key(|c| {
            let place = c.best_place.unwrap_or(i64::MAX);
            (!c.is_wanted(), Reverse(c.feeds), place, Reverse(c.fresh_at), Reverse(c.article))
        }),
    }
    order
}

impl Candidate {
    /// An operator wants it in this issue.
    const fn is_wanted(&self) -> bool {
        self.pinned || matches!(self.wish, Some(Wish::Pin)) || self.place.is_some()
    }

    /// What the rule says of it on its own, before balance and room.
    pub fn fate(&self, rules: &Rules, readers: &Readers<'_>, now: Timestamp) -> Reason {
        if self.hidden {
            return Reason::Hidden;
        }
        if self.wish == Some(Wish::Drop) {
            return Reason::Dropped;
        }
        if self.gone {
            return Reason::Gone;
        }
        if readers.approved.is_some_and(|approved| !approved.contains(&self.article)) {
            return Reason::NotApproved;
        }
        if readers.had.contains(&self.article) {
            return Reason::Had;
        }
        if self.carried_for.contains(&readers.cadence) {
            return Reason::CarriedBefore;
        }
        if self.place.is_some() {
            return Reason::Placed;
        }
        if self.is_wanted() {
            return Reason::Pinned;
        }
        let chosen = readers.sections.is_empty()
            || self.section.is_empty()
            || readers.sections.contains(&self.section);
        match self.age(rules, readers, now) {
            reason if reason.is_in() && !chosen => Reason::OtherSection,
            reason => reason,
        }
    }

    fn age(&self, rules: &Rules, readers: &Readers<'_>, now: Timestamp) -> Reason {
        match (self.fresh_at, readers.last_issue_at, readers.kind) {
            (Some(fresh), ..) if fresh > now + TOLERANCE => Reason::NotYet,
            (_, None, SelectionKind::News) => Reason::FirstIssue,
            (None, ..) => Reason::Undated,
            (Some(fresh), _, SelectionKind::RoundUp) => {
                if now.duration_since(fresh) > ROUND_UP_AGE {
                    Reason::TooOld
                } else {
                    Reason::Best
                }
            }
            (Some(fresh), Some(last), SelectionKind::News) => {
                if now.duration_since(fresh) > rules.max_age {
                    Reason::TooOld
                } else if fresh > last || self.first_seen_at > last {
                    Reason::Fresh
                } else {
                    Reason::BeforeLastIssue
                }
            }
        }
    }
}

/// Applies the rule to candidates in their order ([`in_order`]). The chosen ones come first, as they stand in the issue; the
/// others follow. The outcome depends on nothing but the arguments.
pub fn select(order: &[&Candidate], rules: &Rules, readers: &Readers<'_>, now: Timestamp) -> Vec<Choice> {
    let fates = fates(order, rules, readers, now, Until::TheEnd);
    let choices = order.iter().zip(fates).map(|(c, reason)| Choice { article: c.article, reason });
    let (chosen, mut left): (Vec<Choice>, Vec<Choice>) = choices.partition(|choice| choice.reason.is_in());
    let mut choices = put_in_place(chosen, order);
    choices.append(&mut left);
    choices
}

/// The stories that [`select`] chooses. For readers in very many groups: it looks no further than to the last one that is in.
pub fn stories(order: &[&Candidate], rules: &Rules, readers: &Readers<'_>, now: Timestamp) -> Vec<ArticleId> {
    let fates = fates(order, rules, readers, now, Until::Full);
    let choices = order.iter().zip(fates).map(|(c, reason)| Choice { article: c.article, reason });
    let chosen = choices.filter(|choice| choice.reason.is_in()).collect();
    put_in_place(chosen, order).into_iter().map(|choice| choice.article).collect()
}

/// How far candidates are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// All of them.
    TheEnd,
    /// Until the issue is full: none of those that follow is in.
    Full,
}

/// The candidates' fates, in their order.
fn fates(
    order: &[&Candidate],
    rules: &Rules,
    readers: &Readers<'_>,
    now: Timestamp,
    until: Until,
) -> Vec<Reason> {
    let mut fates = Vec::new();
    let mut room = rules.max_stories;
    let mut of_source: HashMap<FeedId, usize> = HashMap::new();
    let mut of_section: HashMap<&str, usize> = HashMap::new();
    for candidate in order {
        if room == 0 && until == Until::Full {
            break;
        }
        let mut fate = candidate.fate(rules, readers, now);
        if fate.is_in() {
            let source = candidate.source.map(|source| of_source.entry(source).or_default());
            let section = (!candidate.section.is_empty())
                .then(|| of_section.entry(candidate.section.as_str()).or_default());
            let is_full = |count: Option<&usize>, most: usize| most > 0 && count.is_some_and(|n| *n >= most);
            if room == 0 {
                fate = Reason::NoRoom;
            } else if !candidate.is_wanted() && is_full(source.as_deref(), rules.max_per_source) {
                fate = Reason::SourceShare;
            } else if !candidate.is_wanted() && is_full(section.as_deref(), rules.max_per_section) {
                fate = Reason::SectionShare;
            } else {
                room -= 1;
                for count in [source, section].into_iter().flatten() {
                    *count += 1;
                }
            }
        }
        fates.push(fate);
    }
    for fate in fates.iter_mut().filter(|fate| matches!(fate, Reason::SourceShare | Reason::SectionShare)) {
        if room > 0 {
            room -= 1;
            *fate = Reason::RoomLeft;
        }
    }
    fates
}

/// Puts the stories that have a place there, from the first place on; the others keep their order around them.
fn put_in_place(chosen: Vec<Choice>, order: &[&Candidate]) -> Vec<Choice> {
    let places: HashMap<ArticleId, i64> = order.iter().filter_map(|c| Some((c.article, c.place?))).collect();
    let (mut fixed, mut others): (Vec<Choice>, Vec<Choice>) =
        chosen.into_iter().partition(|choice| places.contains_key(&choice.article));
    fixed.sort_by_key(|choice| places.get(&choice.article));
    for choice in fixed {
        let place = places.get(&choice.article).copied().unwrap_or(1);
        let index = usize::try_from(place.max(1) - 1).unwrap_or(usize::MAX).min(others.len());
        others.insert(index, choice);
    }
    others
}

#[cfg(test)]
mod tests;
