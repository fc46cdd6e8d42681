//! Tests of plans, by example and by property.

use super::*;
use crate::domain::issue::selection::Reason;
use jiff::{SignedDuration, civil::date};
use proptest::prelude::*;

fn now() -> Timestamp {
    "2026-05-01T06:00:00Z".parse().unwrap()
}

fn candidate(id: i64, section: &str) -> Candidate {
    let at = now() - SignedDuration::from_hours(id);
    Candidate {
        article: ArticleId(id),
        fresh_at: Some(at),
        first_seen_at: at,
        pinned: false,
        hidden: false,
        source: None,
        section: section.into(),
        feeds: 1,
        best_place: None,
        carried_for: Vec::new(),
        wish: None,
        place: None,
        gone: false,
        held: false,
    }
}

fn group(key: &str, readers: i64) -> Group {
    Group { key: key.into(), readers }
}

fn past(variant: i64, articles: &[i64]) -> PastVariant {
    PastVariant { variant: VariantId(variant), articles: articles.iter().copied().map(ArticleId).collect() }
}

fn inputs(candidates: Vec<Candidate>, groups: Vec<Group>) -> PlanInputs {
    PlanInputs {
        planned_at: now(),
        date: date(2026, 5, 1),
        rules: Rules {
            min_stories: 1,
            max_stories: 5,
            too_few: TooFew::Skip,
            max_age: SignedDuration::from_hours(72),
            max_per_source: 0,
            max_per_section: 0,
            max_variants: 3,
        },
        served: vec![
            ServedCadence {
                cadence: Cadence::EveryIssue,
                kind: SelectionKind::News,
                last_issue_at: Some(now() - SignedDuration::from_hours(24)),
            },
            ServedCadence { cadence: Cadence::Weekly, kind: SelectionKind::RoundUp, last_issue_at: None },
        ],
        candidates,
        past: Vec::new(),
        groups,
        others: 0,
        sections: SectionOrder::default(),
        approved: None,
    }
}

fn contents(plan: &Plan) -> Vec<(Vec<i64>, Vec<&str>)> {
    let ids = |variant: &PlannedVariant| variant.stories.iter().map(|id| id.0).collect();
    let keys = |variant: &PlannedVariant| -> Vec<String> {
        variant.groups.iter().filter(|it| it.key != OTHERS).map(|it| it.key.clone()).collect()
    };
    plan.variants
        .iter()
        .map(|it| (ids(it), keys(it).into_iter().map(|key| &*String::leak(key)).collect()))
        .collect()
}

#[test]
fn readers_who_would_get_the_same_share_a_variant() {
    let list = vec![candidate(1, "science"), candidate(2, "sport"), candidate(3, "")];
    let groups = vec![
        group("every_issue||", 90),
        group("every_issue|science,sport|", 5),
        group("every_issue|sport|", 7),
        group("weekly||", 1),
    ];
    let plan = plan(&inputs(list, groups));
    assert_eq!(
        contents(&plan),
        [
            (vec![1, 2, 3], vec!["every_issue||", "every_issue|science,sport|", "weekly||"]),
            (vec![2, 3], vec!["every_issue|sport|"]),
        ]
    );
    assert_eq!((plan.readers(), plan.unserved.len(), plan.is_short), (103, 0, false));
    assert_eq!(plan.choices[0], Choice { article: ArticleId(1), reason: Reason::Fresh });
}

#[test]
fn no_reader_gets_a_story_twice_or_an_issue_without_news() {
    let list = (1..=3).map(|id| candidate(id, "")).collect();
    let mut inputs = inputs(
        list,
        vec![
            group("every_issue||", 90),
            group("every_issue||7", 5),
            group("every_issue||7,8", 4),
            group("every_issue||9", 3),
        ],
    );
    inputs.past = vec![past(7, &[1]), past(8, &[2]), past(9, &[1, 2, 3])];
    let plan = plan(&inputs);
    assert_eq!(
        contents(&plan),
        [
            (vec![1, 2, 3], vec!["every_issue||"]),
            (vec![2, 3], vec!["every_issue||7"]),
            (vec![3], vec!["every_issue||7,8"]),
        ]
    );
    assert_eq!(plan.unserved, [group("every_issue||9", 3)]);
}

#[test]
fn beyond_the_maximum_readers_get_the_nearest_variant_without_repeats() {
    let list: Vec<_> = (1..=4).map(|id| candidate(id, if id < 3 { "science" } else { "sport" })).collect();
    let mut inputs = inputs(
        list,
        vec![
            group("every_issue||", 90),
            group("every_issue|science|", 50),
            group("every_issue||7", 5),
            group("every_issue||8", 4),
            group("every_issue|science|8", 3),
        ],
    );
    inputs.past = vec![past(7, &[1]), past(8, &[3])];
    let plan = plan(&inputs);
    assert_eq!(
        contents(&plan),
        [
            (vec![1, 2, 3, 4], vec!["every_issue||"]),
            // Story 3 is not in `science`, so its recipients can share this variant without repeats.
            (vec![1, 2], vec!["every_issue|science|", "every_issue|science|8", "every_issue||8"]),
            // Groups that no other variant fits.
            (vec![2, 3, 4], vec!["every_issue||7"]),
        ]
    );
}

#[test]
fn readers_without_a_group_get_stories_that_nobody_has_received() {
    let list = (1..=3).map(|id| candidate(id, "")).collect();
    let mut inputs = inputs(list, vec![group("every_issue||", 90)]);
    inputs.past = vec![past(7, &[1]), past(8, &[3])];
    inputs.others = 40;
    let plan = plan(&inputs);
    assert_eq!(plan.variants[1].stories, [ArticleId(2)]);
    assert_eq!(plan.variants[1].groups, [group(OTHERS, 40)]);
}

#[test]
fn too_few_stories_are_skipped_sent_or_asked_about() {
    for (too_few, variants) in [(TooFew::Skip, 0), (TooFew::Send, 1), (TooFew::Ask, 1)] {
        let mut inputs = inputs(vec![candidate(1, "")], vec![group("every_issue||", 9)]);
        inputs.rules.min_stories = 2;
        inputs.rules.too_few = too_few;
        let plan = plan(&inputs);
        assert_eq!((plan.variants.len(), plan.is_short), (variants, true), "{too_few}");
    }
    let none = plan(&inputs(Vec::new(), vec![group("every_issue||", 9)]));
    assert!(none.variants.is_empty() && none.is_short);
}

prop_compose! {
    fn any_inputs()(
        stories in proptest::collection::vec((0_usize..3, 0_i64..30, any::<bool>()), 0..25),
        past in proptest::collection::vec(proptest::collection::btree_set(1_i64..25, 0..6), 0..6),
        groups in proptest::collection::btree_map(
            (0_usize..2, proptest::collection::btree_set(0_usize..2, 0..2), proptest::collection::btree_set(0_usize..6, 0..4)),
            1_i64..1000, 0..30,
        ),
        most in 1_usize..6, others in prop_oneof![Just(0_i64), 1_i64..50], few in 0_usize..3,
    ) -> PlanInputs {
        let names = ["", "science", "sport"];
        let candidates = stories.iter().zip(1..).map(|((section, age, pinned), id)| Candidate {
            pinned: *pinned,
            fresh_at: Some(now() - SignedDuration::from_hours(*age)),
            ..candidate(id, names[*section])
        }).collect();
        let key = |(cadence, sections, received): &(usize, BTreeSet<usize>, BTreeSet<usize>)| {
            let cadence = ["every_issue", "weekly"][*cadence];
            let sections: Vec<_> = sections.iter().map(|it| names[it + 1]).collect();
            let received: Vec<String> = received.iter().filter(|it| **it < past.len()).map(|it| (it + 100).to_string()).collect();
            format!("{cadence}|{}|{}", sections.join(","), received.join(","))
        };
        let groups: BTreeMap<String, i64> = groups.iter().map(|(it, readers)| (key(it), *readers)).collect();
        let mut inputs = inputs(candidates, groups.into_iter().map(|(key, readers)| Group { key, readers }).collect());
        inputs.past = past.iter().zip(100..).map(|(articles, variant)| {
            crate::domain::issue::plan::tests::past(variant, &articles.iter().copied().collect::<Vec<_>>())
        }).collect();
        inputs.rules.max_variants = most;
        inputs.rules.min_stories = few;
        inputs.rules.too_few = TooFew::ALL[few];
        inputs.others = others;
        inputs
    }
}

proptest! {
    #[test]
    fn every_reader_gets_one_variant_or_none_and_no_story_twice(inputs in any_inputs()) {
        let plan = plan(&inputs);
        prop_assert!(plan.variants.len() <= inputs.rules.max_variants.max(2));
        let mut assigned: Vec<&Group> = plan.variants.iter().flat_map(|it| &it.groups).chain(&plan.unserved).collect();
        assigned.retain(|group| group.key != OTHERS);
        assigned.sort_by_key(|group| &group.key);
        let mut asked: Vec<&Group> = inputs.groups.iter().collect();
        asked.sort_by_key(|group| &group.key);
        prop_assert_eq!(assigned, asked);
        for variant in &plan.variants {
            let distinct: HashSet<_> = variant.stories.iter().collect();
            prop_assert!(!variant.stories.is_empty() && distinct.len() == variant.stories.len());
            for group in &variant.groups {
                let received = if group.key == OTHERS { inputs.other_audience().received } else { inputs.audience(&group.key).received };
                prop_assert!(variant.stories.iter().all(|id| !received.contains(id)), "{} twice", group.key);
            }
        }
        let readers: i64 = plan.unserved.iter().map(|group| group.readers).sum::<i64>() + plan.readers();
        prop_assert_eq!(readers, inputs.groups.iter().map(|group| group.readers).sum::<i64>() + inputs.others);
    }

    #[test]
    fn stored_inputs_give_the_same_plan(inputs in any_inputs()) {
        let kept = serde_json::to_string(&inputs).unwrap();
        let again: PlanInputs = serde_json::from_str(&kept).unwrap();
        prop_assert_eq!(&again, &inputs);
        prop_assert_eq!(plan(&again), plan(&inputs));
    }
}
