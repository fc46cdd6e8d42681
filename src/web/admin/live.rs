//! Live: an issue on its way, with pause, resume and cancel.

use super::{
    charts::{ledger, strip},
    desk::{Answer, Desk, Flash, Posted, Refused},
    issue::date_of,
    layout::{Tab, rev, state},
    send::{is_named, reason},
    sse::{self, Look},
    tallies::Tally,
    verdict::of_sent,
    words::{clock, counted, long_day, moment, number},
};
use crate::{
    actions::issue::{cancel_issue::cancel_issue, pause_issue::pause_issue, resume_issue::resume_issue},
    db::{
        DbError,
        deliveries::{self, Counts},
        engine::processes,
        issues::{self, IssueRecord, WaveRecord},
        throttle::holds,
    },
    domain::{delivery::status::DeliveryStatus, issue::status::IssueStatus, operator::role::Permission},
};
use axum::{
    extract::Path,
    response::{IntoResponse as _, Redirect},
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use maud::{Markup, html};
use std::{collections::HashMap, sync::Arc};

/// Opens an issue on its way: the newest that is going out, else the newest that was stopped, else the latest.
pub async fn latest(desk: Desk) -> Answer {
    let mut tx = desk.db().read().await?;
    let under_way = issues::under_way(&mut tx, Some(desk.record().id)).await?;
    let newest = under_way.iter().rev().find(|it| it.status == IssueStatus::Sending);
    let found = match newest.or(under_way.last()) {
        Some(issue) => Some(issue.clone()),
        None => issues::page(&mut tx, desk.record().id, Date::MAX, 10)
            .await?
            .into_iter()
            .find(|issue| issue.status != IssueStatus::Planned),
    };
    drop(tx);
    if let Some(issue) = found {
        return Ok(Redirect::to(&desk.issue_path(issue.date(), "live")).into_response());
    }
    let content = html! { section.verdict { h1 { "Nothing is going out." }
    p.lede { "No issue has been sent yet. The next one is on " a href=(desk.path("issues")) { "its page" } "." } } };
    desk.page(Tab::Live, "Live", &content).await
}

/// Returns an issue that is on its way, or was.
async fn subject(desk: &Desk, date: Date) -> Result<Option<IssueRecord>, DbError> {
    let found = issues::get_by_date(&mut desk.db().read().await?, desk.record().id, date).await?;
    Ok(found.filter(|issue| issue.status != IssueStatus::Planned))
}

/// How fast an issue goes out.
struct Pace {
    per_second: f64,
    done_at: Option<Timestamp>,
}

fn pace(issue: &IssueRecord, counts: &Counts, now: Timestamp) -> Option<Pace> {
    if issue.status != IssueStatus::Sending {
        return None;
    }
    let begun = issue.resumed_at.or(issue.frozen_at)?.0;
    // Answers since then. The breaker's score begins anew when an issue is resumed.
    let answered = u32::try_from(issue.answered.max(0)).ok()?;
    let seconds = now.duration_since(begun).as_secs_f64().max(1.0);
    let per_second = f64::from(answered) / seconds;
    let left = u32::try_from(counts.queued + counts.claimed + counts.sending).ok()?;
    let wait =
        (per_second > 0.0).then(|| SignedDuration::try_from_secs_f64(f64::from(left) / per_second).ok())?;
    Some(Pace { per_second, done_at: wait.and_then(|wait| now.checked_add(wait).ok()) })
}

pub async fn get(desk: Desk, Path(path): Path<HashMap<String, String>>) -> Answer {
    let date = date_of(&path)?;
    let Some(issue) = subject(&desk, date).await? else {
        return Ok(Redirect::to(&desk.issue_path(date, "")).into_response());
    };
    let parts = parts(&desk, issue.clone()).await?;
    let is_moving = !issue.status.is_final();
    let events = is_moving.then(|| desk.issue_path(date, "live/events"));
    let content = html! {
        div data-events=[events] {
            (parts.head)
            @if !matches!(issue.status, IssueStatus::Skipped) {
                div.split {
                    div.stack {
                        (parts.domains)
                        (parts.answers)
                        @if is_moving { (cancel_form(&desk, &issue, &parts.counts)) }
                    }
                    div.stack { (parts.others) (parts.ledger) (parts.waves) }
                }
            }
        }
    };
    desk.page(Tab::Live, "Live", &content).await
}

struct Parts {
    head: Markup,
    domains: Markup,
    answers: Markup,
    ledger: Markup,
    waves: Markup,
    others: Markup,
    counts: Counts,
}

async fn parts(desk: &Desk, issue: IssueRecord) -> Result<Parts, DbError> {
    let now = desk.admin.actions().clock.now();
    let tally = desk.admin.tallies.get(desk.admin.actions(), &issue).await?;
    let mut tx = desk.db().read().await?;
    let counts = deliveries::counts(&mut tx, issue.id).await?;
    let waves = issues::waves(&mut tx, issue.id).await?;
    let workers = processes::count_workers(&mut tx, now).await?;
    let held = holds::current(&mut tx, now).await?;
    let mut others = Vec::new();
    for other in issues::under_way(&mut tx, Some(desk.record().id)).await? {
        if other.id != issue.id {
            let counts = deliveries::counts(&mut tx, other.id).await?;
            others.push((other, counts));
        }
    }
    drop(tx);
    // Counts of a large issue are older than the rest of the page.
    let as_of = tally.as_ref().filter(|tally| tally.at < now).map(|tally| {
        format!("as of {}", tally.at.to_zoned(desk.newsletter().time_zone.clone()).strftime("%H:%M:%S"))
    });
    let domains = tally.as_ref().map_or(&[][..], |tally| &tally.domains);
    let top = head(desk, &issue, &counts, (workers, held.len()), now);
    let domains = html! {
        section.sheet data-part="domains" {
            header { h2 { "Where to" } @if let Some(as_of) = &as_of { p.soft { (as_of) } } @if !held.is_empty() { (state("wait", &format!("{} held", counted(held.len(), "domain")))) } }
            @if tally.is_none() { p.small.soft { "They are being counted. Look again in a moment." } }
            @else if domains.is_empty() { p.small.soft { "No copies yet." } }
            @else { table.cards {
                thead { tr { th scope="col" { "Domain" } th.wide scope="col" { "Progress" } th.end scope="col" { "Readers" } th.end.wide scope="col" { "Delivered" } th.end.wide scope="col" { "Again" } th.end.wide scope="col" { "Failed" } } }
                tbody { @for it in domains {
                    @let held_back = held.iter().find(|it_held| it_held.domain == it.domain);
                    tr { th scope="row" { (it.domain) @if let Some(hold) = held_back { " " span.tag { "Held" } small.soft { (desk.said(&hold.reason)) } } }
                        td.full { (strip(&Counts { sent: it.sent, deferred: it.deferred, failed: it.failed, queued: it.waiting - it.deferred, ..Counts::default() }, "")) }
                        td.end { (number(it.total)) } td.end.wide { (number(it.sent)) } td.end.wide { (number(it.deferred)) } td.end.wide { (number(it.failed)) } }
                } }
            } }
        }
    };
    Ok(Parts {
        head: top,
        domains,
        answers: answers_sheet(desk, tally.as_deref(), as_of.as_deref()),
        ledger: html! { section.sheet.first-on-phones data-part="ledger" { header { h2 { "Every copy" } } (ledger(&counts, "")) } },
        waves: waves_sheet(desk, &waves, now),
        others: others_sheet(desk, &others),
        counts,
    })
}

fn head(
    desk: &Desk,
    issue: &IssueRecord,
    counts: &Counts,
    (workers, held): (i64, usize),
    now: Timestamp,
) -> Markup {
    let newsletter = desk.newsletter();
    let pace = pace(issue, counts, now);
    let done_at = pace
        .as_ref()
        .and_then(|pace| pace.done_at)
        .filter(|_| counts.queued + counts.claimed + counts.sending > 0);
    let done = done_at.map(|at| clock(at, newsletter));
    let verdict = of_sent(issue, counts, desk.today(), done.as_deref());
    let is_sending = issue.status == IssueStatus::Sending;
    let waits = matches!(issue.status, IssueStatus::Paused | IssueStatus::Held);
    let trouble = match (workers, held) {
        (0, _) if is_sending => "No worker is running: sending continues when one starts.".to_owned(),
        (_, 1) => "One domain asked for less.".to_owned(),
        (_, 2..) => format!("{held} domains asked for less."),
        _ if is_sending => "Nothing is wrong.".to_owned(),
        _ => String::new(),
    };
    let tenths = counts.failed.saturating_mul(1000) / (counts.sent + counts.failed).max(1);
    let may = desk.may(Permission::SendIssue);
    html! {
        section.verdict data-part="head" aria-live="polite" {
            div.ends {
                div {
                    p.over { b { (verdict.word) } " · " (long_day(issue.date()))
                        @if let Some(revision) = &issue.approved_revision { " · revision " (rev(revision)) } }
                    h1 { (verdict.sentence) }
                    p.lede { (verdict.detail) " " (trouble) }
                }
                @if may && (is_sending || waits) {
                    div.acts {
                        @if is_sending { (desk.form(&desk.issue_path(issue.date(), "pause"), &html! { button.big { "Pause" } })) }
                        @else { (desk.form(&desk.issue_path(issue.date(), "resume"), &html! { button.filled.big { "Resume" } })) }
                        a.btn.big.danger href="#cancel" { "Cancel …" }
                    }
                } @else if issue.status.is_final() {
                    div.acts { a.btn.big href=(desk.issue_path(issue.date(), "report")) { "Report" } }
                }
            }
            (strip(counts, "tall"))
            p.key { span { i {} "Delivered" } span { i.k-wait {} "To try again" } span { i.k-alarm {} "Failed or left" } span { i.k-move {} "On their way" } span { i.k-rest {} "Waiting" } }
            dl.figures.after {
                div { dt { "Delivered" } dd { (number(counts.sent)) } dd { (counts.sent.saturating_mul(100) / counts.total().max(1)) " % of " (number(counts.total())) } }
                @if let Some(pace) = &pace { div { dt { "Speed" } dd { (format!("{:.0}", pace.per_second)) " a second" } dd { "on average" } } }
                @if let Some(at) = done_at { div { dt { "Done about" } dd { (clock(at, newsletter)) } dd { (super::words::from_now(at, now)) } } }
                div { dt { "Refused" } dd { (tenths / 10) "." (tenths % 10) " %" } dd { (number(counts.failed)) "; above " (desk.admin.breaker.max_failed_percent) " % it is held" } }
                @if !issue.status.is_final() { div { dt { "Looked" } dd { (now.to_zoned(newsletter.time_zone.clone()).strftime("%H:%M:%S")) } dd { a href=(desk.issue_path(issue.date(), "live")) { "Look again" } } } }
                @else if let Some(at) = issue.closed_at { div { dt { "Closed" } dd { (moment(at.0, now, newsletter)) } } }
            }
        }
    }
}

/// Returns the class and the words of what follows an answer.
pub fn consequence(status: DeliveryStatus) -> (&'static str, &'static str) {
    match status {
        DeliveryStatus::Sent => ("fine", "Delivered"),
        DeliveryStatus::Deferred => ("wait", "Tries again"),
        DeliveryStatus::Failed => ("alarm", "Gives up"),
        DeliveryStatus::Uncertain => ("wait", "In doubt"),
        DeliveryStatus::Skipped => ("rest", "Not sent"),
        _ => ("move", "On its way"),
    }
}

pub fn answers_table(desk: &Desk, answers: &[deliveries::AnswerCount]) -> Markup {
    html! {
        table.cards {
            thead { tr { th scope="col" { "Answer, for example" } th scope="col" { "What Daily does" } th.end scope="col" { "Copies" } } }
            tbody { @for it in answers {
                @let (class, word) = consequence(it.status);
                tr { td.full { span.said { @if let Some(code) = it.reply_code { (code) " " } (desk.said(it.example.as_deref().filter(|text| !text.is_empty()).unwrap_or("no answer"))) } }
                    td { (state(class, word)) } td.end { (number(it.count)) } }
            } }
        }
    }
}

fn answers_sheet(desk: &Desk, tally: Option<&Tally>, as_of: Option<&str>) -> Markup {
    html! {
        section.sheet data-part="answers" {
            header { h2 { "What the relays said" } @if let Some(as_of) = as_of { p.soft { (as_of) } } }
            @match tally {
                Some(tally) if !tally.answers.is_empty() => (answers_table(desk, &tally.answers)),
                Some(_) => p.small.soft { "No answers yet." },
                None => p.small.soft { "They are being counted. Look again in a moment." },
            }
        }
    }
}

fn waves_sheet(desk: &Desk, waves: &[WaveRecord], now: Timestamp) -> Markup {
    html! {
        section.sheet data-part="waves" hidden[waves.len() < 2] {
            header { h2 { "Waves" } }
            table { tbody { @for wave in waves.iter().take(24) {
                tr { th scope="row" { (moment(wave.due_at.0, now, desk.newsletter())) } td.end { (number(wave.readers)) }
                    td.end { @if wave.due_at.0 <= now { (state("move", "Begun")) } @else { (state("rest", "Waits")) } } }
            } } }
        }
    }
}

/// The newsletter's other issues that are on their way.
fn others_sheet(desk: &Desk, others: &[(IssueRecord, Counts)]) -> Markup {
    html! {
        section.sheet data-part="others" hidden[others.is_empty()] {
            header { h2 { "Also on its way" } }
            ul.list { @for (issue, counts) in others {
                @let verdict = of_sent(issue, counts, desk.today(), None);
                li.ask { div { h3 { (state(verdict.state, verdict.word)) (long_day(issue.date())) } p.small.soft { (verdict.sentence) } }
                    div.acts { a.btn.row href=(desk.issue_path(issue.date(), "live")) aria-label={ "Watch: " (long_day(issue.date())) } { "Watch" } } }
            } }
        }
    }
}

fn cancel_form(desk: &Desk, issue: &IssueRecord, counts: &Counts) -> Markup {
    html! {
        @if desk.may(Permission::SendIssue) {
            section.sheet.stack.tight aria-labelledby="cancel" {
                h2 id="cancel" { "Cancel the rest" }
                p.small.soft { (counted(counts.sent, "reader")) " have it and keep it. " (number(counts.open())) " don’t get it. This can’t be undone; a pause can." }
                (desk.form(&desk.issue_path(issue.date(), "cancel"), &html! {
                    div.field { label for="why" { "Why" } input id="why" name="reason" required maxlength="500"; }
                    div.field { label for="cancel-name" { "Type the newsletter’s name" }
                        p.join { input id="cancel-name" name="name" autocomplete="off" placeholder=(desk.newsletter().title) required; button.danger { "Cancel the rest" } } }
                }))
            }
        }
    }
}

/// Streams the parts that change. Ends with the issue.
pub async fn events(desk: Desk, Path(path): Path<HashMap<String, String>>) -> Answer {
    let date = date_of(&path)?;
    let desk = Arc::new(desk);
    let look = move || {
        let desk = desk.clone();
        async move {
            let issue = subject(&desk, date).await.ok()??;
            if issue.status.is_final() {
                return Some(Look::Over);
            }
            let parts = parts(&desk, issue).await.ok()?;
            let all = html! { (parts.head) (parts.domains) (parts.answers) (parts.others) (parts.ledger) (parts.waves) };
            Some(Look::Parts(all.into_string()))
        }
    };
    Ok(sse::stream(look).into_response())
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    name: String,
    reason: String,
}

async fn named(desk: &Desk, path: &HashMap<String, String>) -> Result<IssueRecord, Refused> {
    desk.require(Permission::SendIssue)?;
    let date = date_of(path)?;
    let found = issues::get_by_date(&mut desk.db().read().await?, desk.record().id, date).await?;
    found.ok_or_else(|| Refused::Missing(format!("There is no issue of {}.", long_day(date))))
}

pub async fn pause(Path(path): Path<HashMap<String, String>>, Posted { desk, .. }: Posted<Fields>) -> Answer {
    let issue = named(&desk, &path).await?;
    let why = format!("paused by {}", desk.who.operator.called());
    let status = pause_issue(desk.admin.actions(), &desk.actor(), issue.id, Some(&why)).await?;
    let counts = deliveries::counts(&mut desk.db().read().await?, issue.id).await?;
    let flash = if status == IssueStatus::Paused {
        let moving = counts.claimed + counts.sending;
        let text = if moving > 0 {
            format!("{} on their way may still arrive.", counted(moving, "copy"))
        } else {
            "No copy is on its way.".into()
        };
        Flash::wait("Paused.", text)
    } else {
        Flash::alarm("Not paused.", format!("The issue is {status}."))
    };
    desk.done(&desk.issue_path(issue.date(), "live"), flash).await
}

pub async fn resume(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, .. }: Posted<Fields>,
) -> Answer {
    let issue = named(&desk, &path).await?;
    let status = resume_issue(desk.admin.actions(), &desk.actor(), issue.id).await?;
    let flash = match status {
        IssueStatus::Sending | IssueStatus::Sent => {
            Flash::fine("Resumed.", "The count of refusals starts again.")
        }
        other => Flash::alarm("Not resumed.", format!("The issue is {other}.")),
    };
    desk.done(&desk.issue_path(issue.date(), "live"), flash).await
}

pub async fn cancel(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Fields>,
) -> Answer {
    let issue = named(&desk, &path).await?;
    if !is_named(&desk, &fields.name) {
        let text = format!("This issue is {}’s. Type that name to cancel it.", desk.newsletter().title);
        return desk
            .done(&desk.issue_path(issue.date(), "live"), Flash::alarm("Nothing was cancelled.", text))
            .await;
    }
    let why = reason(&fields.reason);
    let why = if why.is_empty() { format!("cancelled by {}", desk.who.operator.called()) } else { why };
    let status = cancel_issue(desk.admin.actions(), &desk.actor(), issue.id, Some(&why)).await?;
    let flash = if status == IssueStatus::Cancelled {
        Flash::wait("Cancelled.", "Copies on their way may still arrive; nobody else gets it.")
    } else {
        Flash::alarm("Not cancelled.", format!("The issue is {status}."))
    };
    desk.done(&desk.issue_path(issue.date(), "live"), flash).await
}
