//! Matters that wait for somebody.

use super::Today;
use crate::{
    domain::{content::feed_trouble::TroubleKind, issue::status::IssueStatus},
    web::admin::{
        desk::Desk,
        layout::state,
        verdict::{Step, of_sent},
        words::{clock, counted, day_word, number, short_day},
    },
};
use maud::{Markup, html};

/// A thing that waits for somebody.
struct Need {
    state: (&'static str, String),
    title: String,
    text: String,
    link: (String, &'static str),
}

fn needs(desk: &Desk, it: &Today) -> Vec<Need> {
    let mut needs = Vec::new();
    if let Some((issue, counts)) = &it.own {
        if matches!(issue.status, IssueStatus::Held | IssueStatus::Paused) {
            let verdict = of_sent(issue, counts, desk.today(), None);
            needs.push(Need {
                state: (verdict.state, verdict.word.into()),
                title: format!("{}’s issue has stopped", day_word(issue.date(), desk.today())),
                text: issue.reason.clone().unwrap_or_default(),
                link: (desk.path("live"), "Look"),
            });
        }
    } else if matches!(it.verdict.step, Step::Approve | Step::Send) {
        let due = clock(it.forecast.due_at, desk.newsletter());
        needs.push(Need {
            state: ("wait", format!("By {due}")),
            title: format!("Approve the issue of {}", short_day(it.forecast.date)),
            text: it.verdict.detail.clone(),
            link: (desk.issue_path(it.forecast.date, "send"), "Review"),
        });
    }
    if it.own.is_none() && it.verdict.step == Step::AddStories {
        needs.push(Need {
            state: ("wait", "Stories".into()),
            title: it.verdict.sentence.clone(),
            text: it.verdict.detail.clone(),
            link: (desk.path("feeds"), "Add stories"),
        });
    }
    if let Some(issue) = &it.skipped {
        needs.push(Need {
            state: ("rest", "Skipped".into()),
            title: "Nothing went out today".into(),
            text: issue.reason.clone().unwrap_or_default(),
            link: (desk.issue_path(issue.date(), "send"), "Send it now"),
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
            link: (format!("{}#feed{}", desk.path("feeds"), feed.id), "Look at it"),
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
                link: (desk.issue_path(issue.date(), "report"), "Settle"),
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
                            div.acts { a.btn.row href=(need.link.0) aria-label={ (need.link.1) ": " (need.title) } { (need.link.1) } } }
                    }
                }
            }
        }
    }
}
