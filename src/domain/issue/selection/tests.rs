//! Tests of story selection, by example and by property.

use super::*;
use proptest::prelude::*;

const RULES: Rules = Rules {
    min_stories: 1,
    max_stories: 3,
    too_few: TooFew::Skip,
    max_age: SignedDuration::from_hours(72),
    max_per_source: 0,
    max_per_section: 0,
    max_variants: 8,
};

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
        source: None,
        section: String::new(),
        feeds: 1,
        best_place: None,
        carried_for: Vec::new(),
        wish: None,
        place: None,
        gone: false,
        held: false,
    }
}

fn run_for(list: &[Candidate], rules: &Rules, readers: &Readers<'_>) -> Vec<(i64, Reason)> {
    let order = ranked(list, readers.kind);
    select(&order, rules, readers, now()).into_iter().map(|c| (c.article.0, c.reason)).collect()
}

fn run(list: &[Candidate], last_issue: Option<Timestamp>) -> Vec<(i64, Reason)> {
    let (sections, received) = (BTreeSet::new(), HashSet::new());
    run_for(list, &RULES, &readers(&sections, &received, last_issue))
}

fn readers<'a>(
    sections: &'a BTreeSet<String>,
    received: &'a HashSet<ArticleId>,
    last_issue_at: Option<Timestamp>,
) -> Readers<'a> {
    Readers {
        cadence: Cadence::EveryIssue,
        kind: SelectionKind::News,
        sections,
        received,
        last_issue_at,
        approved: None,
    }
}

#[test]
fn newest_come_first_and_the_rest_has_no_room() {
    let list: Vec<_> = (1..=4).map(|id| candidate(id, 10 - id)).collect();
    assert_eq!(
        run(&list, Some(hours_ago(24))),
        [(4, Reason::Fresh), (3, Reason::Fresh), (2, Reason::Fresh), (1, Reason::NoRoom)]
    );
}

#[test]
fn pins_lead_and_hidden_dropped_or_carried_ones_stay_out_even_if_pinned() {
    let list = [
        candidate(1, 1),
        Candidate { pinned: true, ..candidate(2, 500) },
        Candidate { pinned: true, hidden: true, ..candidate(3, 1) },
        Candidate { pinned: true, carried_for: vec![Cadence::EveryIssue], ..candidate(4, 1) },
        Candidate { pinned: true, wish: Some(Wish::Drop), ..candidate(5, 1) },
        Candidate { pinned: true, gone: true, ..candidate(6, 1) },
        Candidate { carried_for: vec![Cadence::Weekly], ..candidate(7, 2) },
    ];
    let outcome = run(&list, Some(hours_ago(24)));
    assert_eq!(outcome[..3], [(2, Reason::Pinned), (1, Reason::Fresh), (7, Reason::Fresh)]);
    for fate in [(3, Reason::Hidden), (4, Reason::CarriedBefore), (5, Reason::Dropped), (6, Reason::Gone)] {
        assert!(outcome.contains(&fate), "{fate:?} in {outcome:?}");
    }
}

#[test]
fn old_undated_and_future_items_are_no_news() {
    let list = [
        candidate(1, 100),
        Candidate { fresh_at: None, ..candidate(2, 1) },
        candidate(3, -5),
        Candidate { first_seen_at: hours_ago(1), ..candidate(4, 30) },
        candidate(5, 40),
    ];
    let outcome = run(&list, Some(hours_ago(24)));
    assert_eq!(outcome[0], (4, Reason::Fresh), "found late, but not too old");
    assert!(outcome.contains(&(1, Reason::TooOld)));
    assert!(outcome.contains(&(5, Reason::BeforeLastIssue)));
    assert!(outcome.contains(&(2, Reason::Undated)));
    assert!(outcome.contains(&(3, Reason::NotYet)));
}

#[test]
fn a_first_issue_takes_existing_articles() {
    let list = [candidate(1, 5000), Candidate { fresh_at: None, ..candidate(2, 1) }, candidate(3, 2)];
    assert_eq!(run(&list, None), [(3, Reason::FirstIssue), (1, Reason::FirstIssue), (2, Reason::FirstIssue)]);
}

#[test]
fn readers_get_their_sections_and_pinned_stories_but_nothing_twice() {
    let of = |section: &str, it: Candidate| Candidate { section: section.into(), ..it };
    let list = [
        of("science", candidate(1, 1)),
        of("sport", candidate(2, 2)),
        candidate(3, 3),
        of("sport", Candidate { pinned: true, ..candidate(4, 4) }),
        of("science", candidate(5, 5)),
    ];
    let sections = BTreeSet::from(["science".to_owned()]);
    let received = HashSet::from([ArticleId(1)]);
    assert_eq!(
        run_for(&list, &RULES, &readers(&sections, &received, Some(hours_ago(24)))),
        [
            (4, Reason::Pinned),
            (3, Reason::Fresh),
            (5, Reason::Fresh),
            (1, Reason::Had),
            (2, Reason::OtherSection)
        ]
    );
}

#[test]
fn no_source_or_section_has_more_than_its_share_while_others_wait() {
    let rules = Rules { max_stories: 4, max_per_source: 2, max_per_section: 2, ..RULES };
    let of = |source: i64, section: &str, id: i64| Candidate {
        source: Some(FeedId(source)),
        section: section.into(),
        ..candidate(id, id)
    };
    let (sections, received) = (BTreeSet::new(), HashSet::new());
    let busy: Vec<_> = (1..=4).map(|id| of(1, "", id)).chain([of(2, "a", 5), of(3, "a", 6)]).collect();
    let readers = readers(&sections, &received, Some(hours_ago(24)));
    assert_eq!(
        run_for(&busy, &rules, &readers)[..],
        [
            (1, Reason::Fresh),
            (2, Reason::Fresh),
            (5, Reason::Fresh),
            (6, Reason::Fresh),
            (3, Reason::SourceShare),
            (4, Reason::SourceShare)
        ]
    );
    let alone: Vec<_> = (1..=5).map(|id| of(id, "a", id)).collect();
    assert_eq!(
        run_for(&alone, &rules, &readers)[..],
        [
            (1, Reason::Fresh),
            (2, Reason::Fresh),
            (3, Reason::RoomLeft),
            (4, Reason::RoomLeft),
            (5, Reason::SectionShare)
        ]
    );
}

#[test]
fn a_round_up_takes_the_best_of_the_week() {
    let list = [
        candidate(1, 1),
        Candidate { feeds: 3, ..candidate(2, 100) },
        Candidate { best_place: Some(1), ..candidate(3, 150) },
        Candidate { best_place: Some(4), ..candidate(4, 20) },
        Candidate { feeds: 9, ..candidate(5, 300) },
    ];
    let (sections, received) = (BTreeSet::new(), HashSet::new());
    let readers = Readers { kind: SelectionKind::RoundUp, ..readers(&sections, &received, None) };
    assert_eq!(
        run_for(&list, &RULES, &readers),
        [(2, Reason::Best), (3, Reason::Best), (4, Reason::Best), (5, Reason::TooOld), (1, Reason::NoRoom)]
    );
}

#[test]
fn a_story_keeps_its_position_whatever_else_is_selected() {
    let mut list: Vec<_> = (1..=4).map(|id| candidate(id, id)).collect();
    list[3].place = Some(2);
    let ids = |list: &[Candidate]| -> Vec<i64> {
        let outcome = run(list, Some(hours_ago(24)));
        outcome.iter().filter(|(_, reason)| reason.is_in()).map(|(id, _)| *id).collect()
    };
    assert_eq!(ids(&list), [1, 4, 2]);
    list.push(candidate(9, 0));
    assert_eq!(ids(&list), [9, 4, 1]);
    list[4].place = Some(7);
    assert_eq!(ids(&list), [1, 4, 9], "a position past the end means the end");
}

proptest! {
    #[test]
    fn the_order_of_candidates_does_not_matter(
        ages in proptest::collection::vec(0_i64..200, 0..20), turn in 0_usize..20,
    ) {
        let list: Vec<_> = ages.iter().zip(1..).map(|(age, id)| candidate(id, *age)).collect();
        let mut turned = list.clone();
        turned.rotate_left(if list.is_empty() { 0 } else { turn % list.len() });
        prop_assert_eq!(run(&list, Some(hours_ago(24))), run(&turned, Some(hours_ago(24))));
    }

    #[test]
    fn every_candidate_has_one_decision_and_the_issue_keeps_its_limits(
        list in proptest::collection::vec((0_i64..100, 0_i64..4, 0_usize..3, any::<bool>(), 0_i64..9), 0..40),
        most in 1_usize..15, share in 0_usize..4,
    ) {
        let list: Vec<_> = list.iter().zip(1..).map(|((age, source, section, pinned, place), id)| Candidate {
            source: Some(FeedId(*source)),
            section: ["", "a", "b"][*section].into(),
            pinned: *pinned,
            place: (*place < 3).then_some(*place + 1),
            ..candidate(id, *age)
        }).collect();
        let rules = Rules { max_stories: most, max_per_source: share, max_per_section: share, ..RULES };
        let (sections, received) = (BTreeSet::from(["a".to_owned()]), HashSet::from([ArticleId(1), ArticleId(2)]));
        let outcome = run_for(&list, &rules, &readers(&sections, &received, Some(hours_ago(24))));
        let chosen: Vec<i64> = outcome.iter().filter(|(_, why)| why.is_in()).map(|(id, _)| *id).collect();
        prop_assert!(chosen.len() <= most && !chosen.contains(&1) && !chosen.contains(&2));
        let distinct: HashSet<i64> = outcome.iter().map(|(id, _)| *id).collect();
        prop_assert!(outcome.len() == list.len() && distinct.len() == list.len());
        let waits = outcome.iter().any(|(_, why)| matches!(why, Reason::NoRoom | Reason::SourceShare | Reason::SectionShare));
        prop_assert!(!waits || chosen.len() == most, "no candidate waits while there is room");
        let order = ranked(&list, SelectionKind::News);
        let short = stories(&order, &rules, &readers(&sections, &received, Some(hours_ago(24))), now());
        prop_assert_eq!(short.into_iter().map(|id| id.0).collect::<Vec<_>>(), chosen, "the shortcut selects the same");
    }
}
