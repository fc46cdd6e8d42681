//! Matters that wait for somebody.

use super::Today;
use crate::{
    domain::{content::feed_trouble::TroubleKind, issue::status::IssueStatus, operator::role::Permission},
    web::admin::{
        checks::{advice, cure},
        desk::Desk,
        layout::state,
        verdict::{Step, of_sent},
        words::{clock, counted, day_word, number, sentence, short_day},
    },
};
use maud::{Markup, html};

/// A thing that waits for somebody.
struct Need {
    state: (&'static str, String),
    title: String,
    text: String,
    /// The page that helps, if the operator may open it.
    link: Option<(String, &'static str)>,
}

fn needs(desk: &Desk, it: &Today) -> Vec<Need> {
    let mut needs = Vec::new();
    for found in &it.blockers {
        let page = cure(desk, found);
        let system =
            || desk.may(Permission::SeeSystem).then(|| ("/admin/system".to_owned(), "See the checks"));
        needs.push(Need {
            state: ("alarm", "Blocks".into()),
            title: sentence(&found.clause()),
            text: format!("{}. {}", sentence(&found.detail), advice(found, page.is_some())),
            link: page.or_else(system),
        });
    }
    for (issue, counts) in &it.own {
        if matches!(issue.status, IssueStatus::Held | IssueStatus::Paused) {
            let verdict = of_sent(issue, counts, desk.today(), None);
            let day = if issue.date() < desk.today() {
                short_day(issue.date())
            } else {
                day_word(issue.date(), desk.today())
            };
            needs.push(Need {
                state: (verdict.state, verdict.word.into()),
                title: format!("{day}’s issue has stopped"),
                text: issue.reason.clone().unwrap_or_default(),
                link: Some((desk.issue_path(issue.date(), "live"), "Look")),
            });
        }
    }
    let is_next = it.now(desk.today()).is_none();
    if is_next && matches!(it.verdict.step, Step::Approve | Step::Send) {
        let due = clock(it.forecast.due_at, desk.newsletter());
        needs.push(Need {
            state: ("wait", format!("By {due}")),
            title: format!("Approve the issue of {}", short_day(it.forecast.date)),
            text: it.verdict.detail.clone(),
            link: Some((desk.issue_path(it.forecast.date, "send"), "Review")),
        });
    }
    if is_next && it.verdict.step == Step::AddStories {
        needs.push(Need {
            state: ("wait", "Stories".into()),
            title: it.verdict.sentence.clone(),
            text: it.verdict.detail.clone(),
            link: Some((desk.path("feeds"), "Add stories")),
        });
    }
    if let Some(issue) = &it.skipped {
        needs.push(Need {
            state: ("rest", "Skipped".into()),
            title: "Nothing went out today".into(),
            text: issue.reason.clone().unwrap_or_default(),
            link: Some((desk.issue_path(issue.date(), "send"), "Send it now")),
        });
    }
    for feed in &it.feeds {
        let name = if feed.title.is_empty() { &feed.url } else { &feed.title };
        let (state, title) = match feed.trouble_kind {
            Some(TroubleKind::Failing | TroubleKind::Retired) => {
                (("alarm", "Failing".to_owned()), format!("Feed “{name}” can’t be read"))
            }
            Some(TroubleKind::Flood) => {
                (("wait", "Held".to_owned()), format!("Many stories at once from “{name}”"))
            }
            Some(TroubleKind::Silent) => {
                (("wait", "Silent".to_owned()), format!("Nothing new from “{name}”"))
            }
            _ => (("wait", "To know".to_owned()), format!("Feed “{name}”")),
        };
        needs.push(Need {
            state,
            title,
            text: feed.trouble.clone().unwrap_or_default(),
            link: Some((format!("{}#feed{}", desk.path("feeds"), feed.id), "Look at it")),
        });
    }
    for (issue, counts) in it
        .own
        .iter()
        .map(|(issue, counts)| (issue, counts))
        .chain(it.last.iter().map(|(issue, counts, _)| (issue, counts)))
    {
        if counts.uncertain > 0 {
            needs.push(Need {
                state: ("wait", "In doubt".into()),
                title: format!(
                    "{} of {}’s issue may or may not have arrived",
                    copies(counts.uncertain),
                    short_day(issue.date())
                ),
                text: "A relay or this machine stopped while they were on their way.".into(),
                link: Some((desk.issue_path(issue.date(), "report"), "Settle")),
            });
        }
    }
    needs
}

fn copies(count: i64) -> String {
    if count == 1 { "1 copy".into() } else { format!("{} copies", number(count)) }
}

pub fn needs_you(desk: &Desk, it: &Today) -> Markup {
    let needs = needs(desk, it);
    html! {
        section.sheet aria-labelledby="needs" {
            header { h2 id="needs" { "Needs you" }
                @if needs.len() > 1 { p.soft { (counted(needs.len(), "thing")) ", the most urgent first" } } }
            @if needs.is_empty() {
                div.empty { p.title { "Nothing needs you." }
                    p.small.soft { (it.verdict.sentence) " Alerts come by email if that changes." } }
            } @else {
                ul.list {
                    @for need in &needs {
                        li.ask { div { h3 { (state(need.state.0, &need.state.1)) (need.title) } p.small.soft { (need.text) } }
                            @if let Some((path, label)) = &need.link {
                                div.acts { a.btn.row href=(path) aria-label={ (label) ": " (need.title) } { (label) } } } }
                    }
                }
            }
        }
    }
}
