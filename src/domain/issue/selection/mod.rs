//! Story selection for one group of readers:
//!
//! 1. Excluded: articles that an operator hid or dropped, whose page is gone, that these readers already
//!    received in any issue, or that an earlier issue of the newsletter carried for their cadence.
//! 2. First: articles that an operator pinned or gave a position.
//! 3. Then, from the readers' sections, news since their last issue: published after it was planned, or found
//!    since then and not older than `max_age`. Newest first. A first issue takes the newest articles of any
//!    age, so that a newsletter can start with existing articles. A round-up takes the best of the last week:
//!    by number of feeds, then by best position in an issue, then by date.
//! 4. Balance: no source or section exceeds its maximum while others can fill the issue. Articles passed over
//!    then fill the remaining room.
//! 5. The issue has at most `max_stories`. Articles with a position keep it, whatever else is selected.

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

/// The period of a round-up: a week, and a day in case an issue was late.
pub const ROUND_UP_AGE: SignedDuration = SignedDuration::from_hours(8 * 24);
/// Tolerance for the clocks of sites. Articles dated later than that are in the future.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// An article that may be selected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub article: ArticleId,
    /// The time that decides about its age: its publication, or when an operator added it; `None` for an
    /// undated feed item.
    pub fresh_at: Option<Timestamp>,
    /// When Daily found it.
    pub first_seen_at: Timestamp,
    /// Whether an operator pinned it for the next issue.
    pub pinned: bool,
    /// Whether an operator excluded it from all issues.
    pub hidden: bool,
    /// The feed in which it was found first.
    pub source: Option<FeedId>,
    /// The key of its section; empty: none, so it suits all readers.
    pub section: String,
    /// The number of feeds that contain it.
    pub feeds: i64,
    /// Its best position in any newsletter's issue of the last week.
    pub best_place: Option<i64>,
    /// Cadences whose readers received it in an earlier issue of this newsletter.
    pub carried_for: Vec<Cadence>,
    /// An operator's decision about it for this issue.
    pub wish: Option<Wish>,
    /// Its position in this issue, from 1, if an operator set one.
    pub place: Option<i64>,
    /// Whether its page is gone.
    pub gone: bool,
    /// Whether its feed brought it in a flood that no operator has accepted.
    pub held: bool,
}

crate::domain::string_enum::string_enum! {
    /// An operator's decision about a story in one issue.
    Wish {
        Pin = "pin",
        Drop = "drop",
    }
}

crate::domain::string_enum::string_enum! {
    /// What to do with an issue that has too few stories.
    TooFew {
        Skip = "skip",
        /// Send it anyway.
        Send = "send",
        /// Wait until an operator approves it or it is too late.
        Ask = "ask",
    }
}

/// The limits of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Minimum number of stories.
    pub min_stories: usize,
    /// Maximum number of stories.
    pub max_stories: usize,
    /// What to do with fewer stories.
    pub too_few: TooFew,
    /// Maximum age of news, whenever it was found.
    pub max_age: SignedDuration,
    /// Maximum number of stories per source while others can fill the issue; 0: unlimited.
    pub max_per_source: usize,
    /// Maximum number of stories per section while others can fill the issue; 0: unlimited.
    pub max_per_section: usize,
    /// Maximum number of variants.
    pub max_variants: usize,
}

impl Rules {
    /// Applies a newsletter's own limits.
    #[must_use]
    pub fn for_newsletter(self, newsletter: &Newsletter) -> Self {
        let max_stories = newsletter.max_stories.unwrap_or(self.max_stories);
        Self {
            min_stories: newsletter.min_stories.unwrap_or(self.min_stories).min(max_stories),
            max_stories,
            ..self
        }
    }
}

/// The readers for whom stories are selected.
#[derive(Debug, Clone, Copy)]
pub struct Readers<'a> {
    pub cadence: Cadence,
    pub kind: SelectionKind,
    /// The keys of their sections; empty: all.
    pub sections: &'a BTreeSet<String>,
    /// The articles they already received in any issue.
    pub received: &'a HashSet<ArticleId>,
    /// When their last issue was planned.
    pub last_issue_at: Option<Timestamp>,
    /// The stories an operator approved, if the issue was approved: only these can be selected.
    pub approved: Option<&'a HashSet<ArticleId>>,
}

crate::domain::string_enum::string_enum! {
    /// Why an article is or isn't in an issue.
    Reason {
        /// In: an operator pinned it.
        Pinned = "pinned",
        /// In: an operator set its position.
        Placed = "placed",
        /// In: new since the last issue.
        Fresh = "fresh",
        /// In: among the newest, in a newsletter's first issue.
        FirstIssue = "first_issue",
        /// In: among the best of the week.
        Best = "best",
        /// In: over the maximum of its source or section, but there was room.
        RoomLeft = "room_left",
        /// Out: an operator excluded it from all issues.
        Hidden = "hidden",
        /// Out: an operator excluded it from this issue.
        Dropped = "dropped",
        /// Out: its page is gone.
        Gone = "gone",
        /// Out: its feed brought too much at once, and no operator has accepted that.
        Held = "held",
        /// Out: these readers received it in another issue.
        Had = "had",
        /// Out: an earlier issue carried it.
        CarriedBefore = "carried_before",
        /// Out: its section isn't among the readers' choices.
        OtherSection = "other_section",
        /// Out: published too long ago.
        TooOld = "too_old",
        /// Out: older than the last issue, which had no room for it.
        BeforeLastIssue = "before_last_issue",
        /// Out: an operator approved the issue without it.
        NotApproved = "not_approved",
        /// Out: undated, so its age is unknown.
        Undated = "undated",
        /// Out: dated in the future.
        NotYet = "not_yet",
        /// Out: over the maximum of its source, and others filled the issue.
        SourceShare = "source_share",
        /// Out: over the maximum of its section, and others filled the issue.
        SectionShare = "section_share",
        /// Out: earlier candidates filled the issue.
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

    /// Returns the reason as text for operators.
    pub const fn explanation(self) -> &'static str {
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
            Self::Held => "its feed brought too much at once; `daily feed accept` lets it in",
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub article: ArticleId,
    pub reason: Reason,
}

/// Sorts candidates by priority, which depends on the kind of selection but not on the readers.
pub fn ranked(candidates: &[Candidate], kind: SelectionKind) -> Vec<&Candidate> {
    let mut order: Vec<&Candidate> = candidates.iter().collect();
    // Ids break ties, so that a plan can be recomputed. Undated candidates come last.
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
    /// Whether an operator wants it in this issue.
    pub const fn is_wanted(&self) -> bool {
        self.pinned || matches!(self.wish, Some(Wish::Pin)) || self.place.is_some()
    }

    /// Returns why it can't be shown to anyone.
    pub const fn removal(&self) -> Option<Reason> {
        match self {
            Self { hidden: true, .. } => Some(Reason::Hidden),
            Self { gone: true, .. } => Some(Reason::Gone),
            _ => None,
        }
    }

    /// Decides about the article on its own, before balance and room.
    pub fn assess(&self, rules: &Rules, readers: &Readers<'_>, now: Timestamp) -> Reason {
        let is_approved = readers.approved.is_some_and(|approved| approved.contains(&self.article));
        // An approved story keeps its place for now, so that no other takes it.
        if let Some(removal) = self.removal().filter(|_| !is_approved) {
            return removal;
        }
        if self.wish == Some(Wish::Drop) {
            return Reason::Dropped;
        }
        if readers.approved.is_some_and(|approved| !approved.contains(&self.article)) {
            return Reason::NotApproved;
        }
        if readers.received.contains(&self.article) {
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
        if self.held {
            return Reason::Held;
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
            (Some(fresh), ..) if fresh > now + CLOCK_TOLERANCE => Reason::NotYet,
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

/// Selects stories from ranked candidates. The selected ones come first, in issue order, then the others. The
/// result depends only on the arguments.
pub fn select(order: &[&Candidate], rules: &Rules, readers: &Readers<'_>, now: Timestamp) -> Vec<Choice> {
    let reasons = assess_all(order, rules, readers, now, StopAt::End);
    let choices = order.iter().zip(reasons).map(|(c, reason)| Choice { article: c.article, reason });
    let (chosen, mut left): (Vec<Choice>, Vec<Choice>) = choices.partition(|choice| choice.reason.is_in());
    let mut choices = apply_positions(chosen, order);
    choices.append(&mut left);
    choices
}

/// Returns the stories that [`select`] selects. It stops once the issue is full, because it runs for very
/// many groups.
pub fn stories(order: &[&Candidate], rules: &Rules, readers: &Readers<'_>, now: Timestamp) -> Vec<ArticleId> {
    let reasons = assess_all(order, rules, readers, now, StopAt::Full);
    let choices = order.iter().zip(reasons).map(|(c, reason)| Choice { article: c.article, reason });
    let chosen = choices.filter(|choice| choice.reason.is_in()).collect();
    apply_positions(chosen, order).into_iter().map(|choice| choice.article).collect()
}

/// How many candidates to assess.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StopAt {
    /// All of them.
    End,
    /// StopAt the issue is full: none of those that follow is in.
    Full,
}

/// Decides about candidates in their order.
fn assess_all(
    order: &[&Candidate],
    rules: &Rules,
    readers: &Readers<'_>,
    now: Timestamp,
    stop_at: StopAt,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut room = rules.max_stories;
    let mut per_source: HashMap<FeedId, usize> = HashMap::new();
    let mut per_section: HashMap<&str, usize> = HashMap::new();
    for candidate in order {
        if room == 0 && stop_at == StopAt::Full {
            break;
        }
        let mut reason = candidate.assess(rules, readers, now);
        if reason.is_in() {
            let source = candidate.source.map(|source| per_source.entry(source).or_default());
            let section = (!candidate.section.is_empty())
                .then(|| per_section.entry(candidate.section.as_str()).or_default());
            let is_full = |count: Option<&usize>, most: usize| most > 0 && count.is_some_and(|n| *n >= most);
            if room == 0 {
                reason = Reason::NoRoom;
            } else if !candidate.is_wanted() && is_full(source.as_deref(), rules.max_per_source) {
                reason = Reason::SourceShare;
            } else if !candidate.is_wanted() && is_full(section.as_deref(), rules.max_per_section) {
                reason = Reason::SectionShare;
            } else {
                room -= 1;
                for count in [source, section].into_iter().flatten() {
                    *count += 1;
                }
            }
        }
        reasons.push(reason);
    }
    for reason in
        reasons.iter_mut().filter(|reason| matches!(reason, Reason::SourceShare | Reason::SectionShare))
    {
        if room > 0 {
            room -= 1;
            *reason = Reason::RoomLeft;
        }
    }
    for (reason, candidate) in reasons.iter_mut().zip(order) {
        if let Some(removal) = candidate.removal().filter(|_| reason.is_in()) {
            *reason = removal;
        }
    }
    reasons
}

/// Moves stories with a fixed position there, lowest position first. The others keep their order around them.
fn apply_positions(chosen: Vec<Choice>, order: &[&Candidate]) -> Vec<Choice> {
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
