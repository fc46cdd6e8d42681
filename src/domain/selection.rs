//! Which articles are in an issue, and why.
//!
//! The rule, in order: hidden articles are never in; an article that an earlier issue of the newsletter carried is never
//! in again; pinned ones come first; then the fresh ones, newest first, until the issue is full. Fresh means published
//! after the last issue was planned, or found since then and not older than `max_age`. A first issue has no last one to
//! count from: it takes the newest there are, so that a newsletter can begin with what its site has.

use super::ids::ArticleId;
use jiff::{SignedDuration, Timestamp};

/// An article as the rule sees it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which one.
    pub article: ArticleId,
    /// When it counts as new: its published time, or when an operator added it; `None` for an undated feed item that was
    /// there when its feed was first read.
    pub fresh_at: Option<Timestamp>,
    /// When Daily first saw it.
    pub first_seen_at: Timestamp,
    /// An operator wants it in the next issue.
    pub pinned: bool,
    /// An operator wants it in no issue.
    pub hidden: bool,
    /// An issue of this newsletter carried it.
    pub carried_before: bool,
}

/// The bounds an issue is made within.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Most stories in an issue.
    pub max_stories: usize,
    /// Articles older than this are not news, whenever they were found.
    pub max_age: SignedDuration,
}

super::words::words! {
    /// Why an article is in an issue or not.
    Reason {
        /// In: an operator pinned it.
        Pinned = "pinned",
        /// In: new since the last issue.
        Fresh = "fresh",
        /// In: among the newest, in a newsletter's first issue.
        FirstIssue = "first_issue",
        /// Out: an operator hid it.
        Hidden = "hidden",
        /// Out: an earlier issue carried it.
        CarriedBefore = "carried_before",
        /// Out: published too long ago.
        TooOld = "too_old",
        /// Out: it was there when the last issue was planned, which had no room for it.
        BeforeLastIssue = "before_last_issue",
        /// Out: it has no date and was there before its feed was first read.
        Undated = "undated",
        /// Out: dated in the future; its time will come.
        NotYet = "not_yet",
        /// Out: newer stories filled the issue.
        NoRoom = "no_room",
    }
}

impl Reason {
    /// Whether an article with this reason is in the issue.
    pub const fn is_in(self) -> bool {
        matches!(self, Self::Pinned | Self::Fresh | Self::FirstIssue)
    }
}

/// One article's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Which article.
    pub article: ArticleId,
    /// In or out, and why.
    pub reason: Reason,
}

/// Applies the rule. The chosen ones come first, in the order they stand in the issue; the others follow.
///
/// `last_issue_at` is when the newsletter's last issue was planned. The outcome depends on nothing but the arguments, not
/// even on the order of `candidates`.
pub fn select(
    mut candidates: Vec<Candidate>,
    rules: Rules,
    last_issue_at: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Choice> {
    // Newest first; undated last; ties by identity so that a plan can be repeated.
    candidates.sort_by_key(|c| (!c.pinned, std::cmp::Reverse(c.fresh_at), std::cmp::Reverse(c.article)));
    let mut room = rules.max_stories;
    let (mut chosen, mut left) = (Vec::new(), Vec::new());
    for candidate in candidates {
        let mut reason = wish(&candidate, rules, last_issue_at, now);
        if reason.is_in() {
            if room == 0 {
                reason = Reason::NoRoom;
            } else {
                room -= 1;
            }
        }
        let choice = Choice { article: candidate.article, reason };
        if reason.is_in() { chosen.push(choice) } else { left.push(choice) }
    }
    chosen.append(&mut left);
    chosen
}

fn wish(c: &Candidate, rules: Rules, last_issue_at: Option<Timestamp>, now: Timestamp) -> Reason {
    if c.hidden {
        return Reason::Hidden;
    }
    if c.carried_before {
        return Reason::CarriedBefore;
    }
    if c.pinned {
        return Reason::Pinned;
    }
    match (c.fresh_at, last_issue_at) {
        (Some(fresh), _) if fresh > now + SignedDuration::from_mins(10) => Reason::NotYet,
        (_, None) => Reason::FirstIssue,
        (None, Some(_)) => Reason::Undated,
        (Some(fresh), Some(last)) => {
            if now.duration_since(fresh) > rules.max_age {
                Reason::TooOld
            } else if fresh > last || c.first_seen_at > last {
                Reason::Fresh
            } else {
                Reason::BeforeLastIssue
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules { max_stories: 3, max_age: SignedDuration::from_hours(72) };

    fn now() -> Timestamp {
        "2026-05-01T06:00:00Z".parse().unwrap()
    }

    fn hours_ago(hours: i64) -> Timestamp {
        now() - SignedDuration::from_hours(hours)
    }

    fn candidate(id: i64, age_hours: i64) -> Candidate {
        Candidate {
            article: ArticleId(id),
            fresh_at: Some(hours_ago(age_hours)),
            first_seen_at: hours_ago(age_hours),
            pinned: false,
            hidden: false,
            carried_before: false,
        }
    }

    fn run(candidates: Vec<Candidate>, last: Option<Timestamp>) -> Vec<(i64, Reason)> {
        select(candidates, RULES, last, now()).into_iter().map(|c| (c.article.0, c.reason)).collect()
    }

    #[test]
    fn newest_come_first_and_what_does_not_fit_says_so() {
        let list = (1..=4).map(|id| candidate(id, 10 - id)).collect();
        assert_eq!(
            run(list, Some(hours_ago(24))),
            [(4, Reason::Fresh), (3, Reason::Fresh), (2, Reason::Fresh), (1, Reason::NoRoom)]
        );
    }

    #[test]
    fn pins_lead_and_hidden_or_carried_ones_stay_out_even_if_pinned() {
        let list = vec![
            candidate(1, 1),
            Candidate { pinned: true, ..candidate(2, 500) },
            Candidate { pinned: true, hidden: true, ..candidate(3, 1) },
            Candidate { pinned: true, carried_before: true, ..candidate(4, 1) },
        ];
        assert_eq!(
            run(list, Some(hours_ago(24))),
            [(2, Reason::Pinned), (1, Reason::Fresh), (4, Reason::CarriedBefore), (3, Reason::Hidden)]
        );
    }

    #[test]
    fn old_undated_and_future_items_are_no_news() {
        let list = vec![
            candidate(1, 100),
            Candidate { fresh_at: None, ..candidate(2, 1) },
            candidate(3, -5),
            Candidate { first_seen_at: hours_ago(1), ..candidate(4, 30) },
            candidate(5, 40),
        ];
        let outcome = run(list, Some(hours_ago(24)));
        assert_eq!(outcome[0], (4, Reason::Fresh), "found late, but not too old");
        assert!(outcome.contains(&(1, Reason::TooOld)));
        assert!(outcome.contains(&(5, Reason::BeforeLastIssue)));
        assert!(outcome.contains(&(2, Reason::Undated)));
        assert!(outcome.contains(&(3, Reason::NotYet)));
    }

    #[test]
    fn a_first_issue_takes_what_the_site_has() {
        let list = vec![candidate(1, 5000), Candidate { fresh_at: None, ..candidate(2, 1) }, candidate(3, 2)];
        assert_eq!(
            run(list, None),
            [(3, Reason::FirstIssue), (1, Reason::FirstIssue), (2, Reason::FirstIssue)]
        );
    }

    proptest! {
        #[test]
        fn the_order_of_candidates_does_not_matter(
            ages in proptest::collection::vec(0_i64..200, 0..20), turn in 0_usize..20,
        ) {
            let list: Vec<_> = ages.iter().zip(1..).map(|(age, id)| candidate(id, *age)).collect();
            let mut turned = list.clone();
            turned.rotate_left(if list.is_empty() { 0 } else { turn % list.len() });
            prop_assert_eq!(run(list, Some(hours_ago(24))), run(turned, Some(hours_ago(24))));
        }
    }
}
