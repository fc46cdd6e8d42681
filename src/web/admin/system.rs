//! System: checks with their cures, processes, what waits, and the effective settings. It changes nothing.

use super::{
    ShownSetting, checks,
    desk::{Answer, Desk, Posted},
    layout::{Tab, state},
    words::{self, counted, from_now, number},
};
use crate::{
    actions::check::{State, blockers},
    db::{deliveries, engine::processes, throttle::holds},
    domain::operator::role::Permission,
};
use axum::response::{IntoResponse as _, Redirect};
use jiff::SignedDuration;
use maud::{Markup, html};

/// How far back slowdowns are listed.
const SLOW_FOR: SignedDuration = SignedDuration::from_hours(6);

pub async fn get(desk: Desk) -> Answer {
    desk.require(Permission::SeeSystem)?;
    let findings = desk.admin.checks.everything(&desk.admin.checks.answers().await).await?;
    let mut tx = desk.db().read().await?;
    let alive = processes::list(&mut tx, desk.now).await?;
    let held = holds::current(&mut tx, desk.now).await?;
    let slowed = deliveries::slowdowns(&mut tx, desk.now - SLOW_FOR, desk.now, 20).await?;
    drop(tx);
    let queues = desk.admin.work.queues().await;
    let blocking = blockers(&findings).len();
    let to_know = findings.iter().filter(|it| it.state != State::Ok).count() - blocking;
    let headline = match (blocking, to_know) {
        (0, 0) => "All is well.".to_owned(),
        (0, count) => format!("It works; {} to know.", counted(count, "thing")),
        (1, _) => "One thing keeps issues from going out.".to_owned(),
        (count, _) => format!("{} keep issues from going out.", counted(count, "thing")),
    };
    let content = html! {
        div.opening { div { p.over { "System" } h1 { (headline) } } }
        div.split {
            div.stack {
                section.sheet aria-labelledby="checks" { header { h2 id="checks" { "Checks" } (desk.form("/admin/system", &html! { button.row { "Check again" } })) } (checks::render(&desk, &findings)) }
                (settings(&desk.admin.work.settings()))
            }
            div.stack {
                section.sheet aria-labelledby="processes" { header { h2 id="processes" { "Processes" } }
                    @if alive.is_empty() { p.small.soft { "None reports." } }
                    table { tbody { @for it in &alive { tr { th scope="row" { (it.role) small.soft { (it.id) } } td.end { (state("fine", "Alive")) small.soft { "since " (from_now(it.started_at.0, desk.now)) } } } } } } }
                section.sheet aria-labelledby="queue" { header { h2 id="queue" { "Queue" } }
                    (queue_table(queues.as_deref())) p.small.soft { "A job is a wake-up. What is due lies in the tables, so a lost job costs seconds." } }
                section.sheet aria-labelledby="slow" { header { h2 id="slow" { "Held and slowed" } }
                    @if held.is_empty() && slowed.is_empty() { p.small.soft { "No domain or relay asked for less in the last six hours." } }
                    ul.list {
                        @for it in &held { li { div { h3 { (state("wait", "Held")) (it.domain) } p.said { (desk.said(&it.reason)) } p.small.soft { "until " (from_now(it.until.0, desk.now)) } } } }
                        @for it in &slowed { li { div { h3 { (state("wait", "Slowed")) (it.scope) } p.said { (desk.said(it.complaint.as_deref().unwrap_or_default())) } p.small.soft { "to " (number(it.per_minute)) " a minute, " (from_now(it.at.0, desk.now)) } } } }
                    } }
            }
        }
    };
    desk.page(Tab::System, "System", &content).await
}

/// The work that waits in each queue, and for how long.
fn queue_table(queues: Option<&[(String, i64, i64)]>) -> Markup {
    html! {
        @match queues {
            None => p { "The database doesn’t tell." },
            Some([]) => p { "Nothing waits." },
            Some(queues) => table {
                thead { tr { th scope="col" { "Queue" } th.end scope="col" { "Jobs" } th.end scope="col" { "The oldest waits" } } }
                tbody { @for (name, jobs, oldest) in queues {
                    tr { th scope="row" { (words::sentence(name)) } td.end { (number(*jobs)) }
                        td.end { @if *oldest > 0 { (words::span(SignedDuration::from_secs(*oldest))) } @else { "—" } } }
                } }
            },
        }
    }
}

/// The effective settings: those that somebody set, then the defaults.
fn settings(all: &[ShownSetting]) -> Markup {
    let (defaults, own): (Vec<_>, Vec<_>) = all.iter().partition(|it| it.origin == "default");
    let table = |rows: &[&ShownSetting]| {
        html! { table.cards { thead { tr { th scope="col" { "Setting" } th scope="col" { "Value" } th scope="col" { "From" } } }
        tbody { @for it in rows { tr { th scope="row" { code { (it.key) } } td.full { @if it.value.is_empty() { span.soft { "—" } } @else { (it.value) } } td.soft { (it.origin) } } } } } }
    };
    html! {
        section.sheet aria-labelledby="settings" { header { h2 id="settings" { "Settings" } p.soft { (own.len()) " set, " (defaults.len()) " as they come" } }
            @if own.is_empty() { p.small.soft { "Nothing is set: Daily runs with its defaults." } } @else { (table(&own)) }
            details.fold.after { summary { "The defaults" } (table(&defaults)) }
            p.hint { "They are read at start: first the defaults, then the file, then the environment. " code { "config/default.toml" } " explains each." } }
    }
}

#[derive(Debug, serde::Deserialize)]
pub struct Nothing {}

pub async fn check_again(Posted { desk, .. }: Posted<Nothing>) -> Answer {
    desk.require(Permission::SeeSystem)?;
    desk.admin.checks.refresh().await;
    Ok(Redirect::to("/admin/system").into_response())
}
