//! Findings on pages: each with its state, why it matters, and a page or words that help.

use super::{desk::Desk, layout::state, words::sentence};
use crate::{
    actions::check::{Finding, Place, State},
    domain::operator::role::Permission,
};
use maud::{Markup, html};

/// Returns the page that helps, with the words of its button, if the operator may open it.
pub fn cure(desk: &Desk, it: &Finding) -> Option<(String, &'static str)> {
    let place = it.place?;
    let (permission, rest, label) = match place {
        Place::Newsletter => (Permission::ChangeNewsletter, "settings".to_owned(), "Write it"),
        Place::Feeds => (Permission::See, "feeds".into(), "Stories and feeds"),
        Place::Readers => (Permission::SeeReaders, "readers".into(), "Readers"),
        Place::People => (Permission::ManagePeople, String::new(), "People"),
        Place::Issue(date) => (Permission::See, format!("issues/{date}"), "Open the issue"),
        Place::Live(date) => (Permission::See, format!("issues/{date}/live"), "Look"),
    };
    let path = match (place, &it.newsletter) {
        (Place::People, _) => "/admin/people".to_owned(),
        (_, Some(slug)) => format!("/admin/n/{slug}/{rest}"),
        (_, None) => desk.path(&rest),
    };
    desk.may(permission).then_some((path, label))
}

/// Returns why it matters and, without a page that helps, what to do.
pub fn advice(it: &Finding, has_page: bool) -> String {
    let why = it.why.as_ref().map(|why| sentence(why));
    let cure = it
        .cure
        .as_ref()
        .filter(|_| !has_page)
        .map(|cure| if cure.starts_with("daily ") { format!("Run: {cure}") } else { sentence(cure) });
    let sentences = why.iter().chain(&cure).map(|text| format!("{}.", text.trim_end_matches('.')));
    sentences.collect::<Vec<_>>().join(" ")
}

/// Lists findings, those that block first.
pub fn render(desk: &Desk, findings: &[Finding]) -> Markup {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|it| it.state);
    html! {
        ul.checks {
            @for it in sorted {
                @let page = cure(desk, it);
                @let is_fine = it.state == State::Ok;
                @let advice = advice(it, page.is_some());
                li data-check=(it.what) {
                    @match it.state {
                        State::Failed | State::Stopped => (state("alarm", "Blocks")),
                        State::Warning => (state("wait", "To know")),
                        State::Slowed => (state("wait", "Slowed")),
                        State::Ok => (state("fine", "Fine")),
                    }
                    div { @if is_fine { (sentence(&it.what)) " " span.small.soft { (desk.said(&it.detail)) } }
                        @else { b { (sentence(&it.what)) } small { (desk.said(&sentence(&it.detail))) } }
                        @if !advice.is_empty() { small { (advice) } }
                        @if !it.conversation.is_empty() {
                            details.small { summary { "The conversation" } pre.said { (it.conversation.join("\n")) } }
                        }
                        @if let Some((path, label)) = page {
                            div.acts.small { a.btn.row href=(path) aria-label={ (label) ": " (it.what) } { (label) } }
                        } }
                }
            }
        }
    }
}
