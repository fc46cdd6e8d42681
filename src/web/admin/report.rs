//! Report: what became of an issue, beside the last four weeks.

mod missed;

pub use missed::post as resend;

use super::{
    charts::ledger,
    desk::{Answer, Desk, Flash, Posted, Refused},
    issue::date_of,
    layout::{Tab, rev, state},
    live::answers_table,
    send::is_named,
    verdict::of_sent,
    words::{counted, full_moment, long_day, number, short_day},
};
use crate::{
    actions::issue::resolve_issue::{Resolution, resolve_issue},
    db::{
        DbError, Tx, bounces,
        deliveries::{self, Counts, ReaderDelivery},
        issues::{self, IssueRecord, variants},
    },
    domain::{
        delivery::status::DeliveryStatus, ids::SubscriberId, issue::status::IssueStatus,
        operator::role::Permission,
    },
};
use axum::{
    extract::{Path, Query},
    http::header,
    response::{IntoResponse as _, Redirect},
};
use jiff::{SignedDuration, civil::Date};
use maud::{Markup, html};
use std::{collections::HashMap, fmt::Write as _};

/// Issues that an issue is compared with.
const COMPARED: i64 = 24;
/// Fewest issues that make something usual.
const FEWEST: usize = 3;
const ANSWERS: i64 = 12;
/// Failed copies that are listed by reader.
const LISTED: i64 = 20;

/// Opens the latest issue's report.
pub async fn latest(desk: Desk) -> Answer {
    let all = issues::page(&mut desk.db().read().await?, desk.record().id, Date::MAX, 30).await?;
    let sent = all.iter().find(|issue| issue.status == IssueStatus::Sent);
    if let Some(issue) = sent.or_else(|| all.iter().find(|issue| issue.frozen_at.is_some())) {
        return Ok(Redirect::to(&desk.issue_path(issue.date(), "report")).into_response());
    }
    let content = html! {
        section.verdict { h1 { "No issue has been sent yet." } p.lede { "Its report appears here when it is." } }
    };
    desk.page(Tab::Reports, "Reports", &content).await
}

/// An issue's figures.
struct Figures {
    issue: IssueRecord,
    counts: Counts,
}

impl Figures {
    fn in_thousand(&self, count: i64) -> i64 {
        count.saturating_mul(1000) / self.counts.total().max(1)
    }

    /// Time from the first due copy to the last answer.
    fn took(&self) -> Option<SignedDuration> {
        Some(self.issue.closed_at?.0.duration_since(self.issue.frozen_at?.0))
    }
}

async fn earlier(tx: &mut Tx, issue: &IssueRecord) -> Result<Vec<Figures>, DbError> {
    let mut all = Vec::new();
    for issue in issues::page(tx, issue.newsletter_id, issue.date(), COMPARED + 10).await? {
        if issue.status == IssueStatus::Sent && all.len() < usize::try_from(COMPARED).unwrap_or(24) {
            let counts = deliveries::counts(tx, issue.id).await?;
            all.push(Figures { issue, counts });
        }
    }
    Ok(all)
}

fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    (values.len() >= FEWEST).then(|| values[values.len() / 2])
}

/// The place in the list of failed copies.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Place {
    after: Option<i64>,
}

pub async fn get(
    desk: Desk,
    Path(path): Path<HashMap<String, String>>,
    Query(place): Query<Place>,
) -> Answer {
    let date = date_of(&path)?;
    let mut tx = desk.db().read().await?;
    let issue = issues::get_by_date(&mut tx, desk.record().id, date).await?;
    let issue =
        issue.ok_or_else(|| Refused::Missing(format!("There was no issue on {}.", long_day(date))))?;
    if issue.frozen_at.is_none() {
        return Ok(Redirect::to(&desk.issue_path(date, "")).into_response());
    }
    let now = Figures { counts: deliveries::counts(&mut tx, issue.id).await?, issue };
    let before = earlier(&mut tx, &now.issue).await?;
    let answers = deliveries::count_unsent_by_answer(&mut tx, now.issue.id, ANSWERS).await?;
    let kinds = bounces::count_by_kind(&mut tx, now.issue.id).await?;
    let subject = variants::get_by_number(&mut tx, now.issue.id, 1).await?.map(|it| it.subject);
    let after = SubscriberId(place.after.unwrap_or(0));
    let failed = if desk.may(Permission::SeeReaders) {
        deliveries::page(&mut tx, now.issue.id, Some(DeliveryStatus::Failed), after, LISTED).await?
    } else {
        Vec::new()
    };
    let history = issues::history(&mut tx, now.issue.id).await?;
    drop(tx);
    let missed = missed::form(&desk, &now.issue).await?;
    let verdict = of_sent(&now.issue, &now.counts, desk.today(), None);
    let content = html! {
        div.opening {
            div { p.over { @if let Some(subject) = &subject { b { (subject) } " · " } (long_day(date))
                    @if let Some(revision) = &now.issue.approved_revision { " · revision " (rev(revision)) } }
                h1 { (verdict.sentence) }
                p.lede { b { (number(now.counts.sent)) " of " (number(now.counts.total())) " readers have it" }
                    @if let Some(at) = now.issue.closed_at { ", since " (full_moment(at.0, desk.newsletter())) } ". "
                    @if now.counts.uncertain > 0 { (counted(now.counts.uncertain, "copy")) " in doubt wait for you." } } }
            div.acts { a.btn href=(desk.issue_path(date, "preview")) { "As readers got it" } }
        }
        div.split {
            div.stack {
                (comparison(&desk, &now, &before))
                section.sheet aria-labelledby="missed" {
                    header { h2 id="missed" { "What didn’t arrive" }
                        p.key { span { i.k-usual {} "Failed" } span { i.k-alarm {} "Unusually many" } span { i.k-wait {} "In doubt" } span { i.k-rest {} "Left" } } }
                    (chart(&now, &before))
                    (figures_table(&now, &before))
                    @if answers.is_empty() { p.small.soft.after { "Every copy was taken." } } @else { div.after { (answers_table(&desk, &answers)) } }
                }
                @if !failed.is_empty() { (failed_list(&desk, date, &failed, now.counts.failed)) }
            }
            div.stack {
                section.sheet aria-labelledby="copies" { header { h2 id="copies" { "Every copy" } } (ledger(&now.counts, "")) }
                @if now.counts.uncertain > 0 { (settle_form(&desk, date, now.counts.uncertain)) }
                (missed)
                @if !kinds.is_empty() {
                    section.sheet aria-labelledby="back" { header { h2 id="back" { "Came back by email" } }
                        table { tbody { @for it in &kinds { tr { th scope="row" { (super::words::sentence(&it.kind.as_str().replace('_', " "))) } td.end { (number(it.count)) } } } } } }
                }
                section.sheet aria-labelledby="history" { header { h2 id="history" { "What happened" } }
                    table { tbody { @for it in &history { tr { th.keep scope="row" { (full_moment(it.occurred_at.0, desk.newsletter())) } td { (it.status) @if let Some(reason) = &it.reason { small.soft { (reason) } } } } } } } }
            }
        }
    };
    desk.page(Tab::Reports, &format!("Report of {}", long_day(date)), &content).await
}

/// Sends the figures of an issue and of those before it as CSV.
pub async fn figures(desk: Desk, Path(path): Path<HashMap<String, String>>) -> Answer {
    let date = date_of(&path)?;
    let mut tx = desk.db().read().await?;
    let issue = issues::get_by_date(&mut tx, desk.record().id, date).await?;
    let issue =
        issue.ok_or_else(|| Refused::Missing(format!("There was no issue on {}.", long_day(date))))?;
    let now = Figures { counts: deliveries::counts(&mut tx, issue.id).await?, issue };
    let before = earlier(&mut tx, &now.issue).await?;
    drop(tx);
    let mut text = "date,status,readers,delivered,failed,in_doubt,left,open,seconds\n".to_owned();
    for it in std::iter::once(&now).chain(&before) {
        let counts = &it.counts;
        let open = counts.open() - counts.uncertain;
        let took = it.took().map(|it| it.as_secs().to_string()).unwrap_or_default();
        let row = [counts.total(), counts.sent, counts.failed, counts.uncertain, counts.skipped, open];
        let row = row.map(|count| count.to_string()).join(",");
        let _ = writeln!(text, "{},{},{row},{took}", it.issue.date(), it.issue.status);
    }
    let name = format!("attachment; filename=\"figures-{date}.csv\"");
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, text).into_response())
}

/// The name of a figure, its count, and its share of the readers in thousandths.
type FigureRow = (&'static str, i64, fn(&Figures) -> i64);

/// The issue's shares beside what is usual.
fn comparison(desk: &Desk, now: &Figures, before: &[Figures]) -> Markup {
    let usual = |value: fn(&Figures) -> i64| median(before.iter().map(value).collect());
    let share = |thousandths: i64| format!("{}.{} %", thousandths / 10, thousandths % 10);
    let judge = |value: i64, usual: Option<i64>, slack: i64| match usual {
        None => ("", "—"),
        Some(usual) if value > usual + slack => ("wait", "more than usual"),
        Some(usual) if value < usual - slack => ("", "less than usual"),
        Some(_) => ("", "as usual"),
    };
    let rows: [FigureRow; 3] = [
        ("Delivered", now.counts.sent, |it| it.in_thousand(it.counts.sent)),
        ("Failed", now.counts.failed, |it| it.in_thousand(it.counts.failed)),
        ("Left before their copy", now.counts.skipped, |it| it.in_thousand(it.counts.skipped)),
    ];
    let took = now.took().map(|it| it.as_mins());
    let usually = median(before.iter().filter_map(|it| Some(it.took()?.as_mins())).collect());
    html! {
        section.sheet aria-labelledby="against" {
            header { h2 id="against" { "Against the last issues" } p.soft { @if before.len() < FEWEST { "too few to compare" } @else { "usual is the median of " (before.len()) } } }
            table.cards {
                thead { tr { th scope="col" { span.unseen { "Figure" } } th.end scope="col" { "This issue" } th.end.wide scope="col" { "Share" } th.end.wide scope="col" { "Usual" } th scope="col" { "That is" } } }
                tbody {
                    @for (name, count, value) in rows {
                        @let usual = usual(value);
                        @let (class, word) = judge(value(now), usual, if name == "Delivered" { 1000 } else { 5 });
                        tr { th scope="row" { (name) } td.end { b { (number(count)) } } td.end.wide { (share(value(now))) }
                            td.end.wide.soft { (usual.map_or_else(|| "—".to_owned(), share)) }
                            td class=(class) { (word) } }
                    }
                    tr { th scope="row" { "From first to last" } td.end { b { (took.map_or_else(|| "—".into(), |it| super::words::span(SignedDuration::from_mins(it)))) } } td.wide {}
                        td.end.wide.soft { (usually.map_or_else(|| "—".into(), |it| super::words::span(SignedDuration::from_mins(it)))) }
                        td { @match (took, usually) { (Some(took), Some(usually)) if took > usually * 2 + 10 => span.wait { "longer than usual" }, (Some(_), Some(_)) => "as usual", _ => "—" } } }
                }
            }
            div.acts.after { a.btn.row href={ (desk.issue_path(now.issue.date(), "report")) "/figures.csv" } download={ "figures-" (now.issue.date()) ".csv" } { "Download the figures" } }
            p.hint { "Opens are not counted: mail programs open emails by themselves, and readers did not agree to be watched." }
        }
    }
}

/// Bars of what didn't arrive, oldest first.
fn chart(now: &Figures, before: &[Figures]) -> Markup {
    let mut all: Vec<&Figures> = before.iter().collect();
    all.reverse();
    all.push(now);
    let top = all
        .iter()
        .map(|it| it.counts.failed + it.counts.uncertain + it.counts.skipped)
        .max()
        .unwrap_or(0)
        .max(4);
    let usual = median(before.iter().map(|it| it.counts.failed).collect());
    let count = i64::try_from(all.len()).unwrap_or(1).max(1);
    let step = 640 / count.max(6);
    let height = |value: i64| value * 130 / top;
    let label = format!(
        "Copies that didn’t arrive in the last {}; {} in this one",
        counted(all.len(), "issue"),
        now.counts.failed + now.counts.skipped
    );
    html! {
        div.wide-scroll tabindex="0" role="region" aria-label="Chart" {
            svg.chart viewBox="0 0 700 170" role="img" aria-label=(label) {
                @for quarter in [0, 1, 2] {
                    @let y = 140 - quarter * 65;
                    line x1="40" x2="690" y1=(y) y2=(y) {}
                    text x="34" y=(y + 4) text-anchor="end" { (number(top * quarter / 2)) }
                }
                @for (it, index) in all.iter().zip(0_i64..) {
                    @let x = 46 + index * step;
                    @let failed = height(it.counts.failed);
                    @let doubt = height(it.counts.uncertain);
                    @let left = height(it.counts.skipped);
                    @let unusual = usual.is_some_and(|usual| it.counts.failed > usual * 2 + 4);
                    rect class=(if unusual { "f-alarm" } else { "f-usual" }) x=(x) width=((step - 6).max(4)) y=(140 - failed) height=(failed) {}
                    rect.f-wait x=(x) width=((step - 6).max(4)) y=(140 - failed - doubt) height=(doubt) {}
                    rect.f-rest x=(x) width=((step - 6).max(4)) y=(140 - failed - doubt - left) height=(left) {}
                    @if index % (count / 5).max(1) == 0 || index == count - 1 { text x=(x) y="158" { (it.issue.date().strftime("%-d %b")) } }
                }
            }
        }
    }
}

fn figures_table(now: &Figures, before: &[Figures]) -> Markup {
    html! {
        details.fold { summary { "The figures as a table" }
            table { thead { tr { th scope="col" { "Issue" } th.end scope="col" { "Delivered" } th.end scope="col" { "Failed" } th.end scope="col" { "In doubt" } th.end scope="col" { "Left" } th.end scope="col" { "Readers" } } }
                tbody { @for it in std::iter::once(now).chain(before) {
                    tr { th scope="row" { (short_day(it.issue.date())) } td.end { (number(it.counts.sent)) } td.end { (number(it.counts.failed)) } td.end { (number(it.counts.uncertain)) } td.end { (number(it.counts.skipped)) } td.end { (number(it.counts.total())) } }
                } } }
        }
    }
}

fn failed_list(desk: &Desk, date: Date, failed: &[ReaderDelivery], total: i64) -> Markup {
    html! {
        section.sheet aria-labelledby="failed" {
            header { h2 id="failed" { "Who didn’t get it" } p.soft { (failed.len()) " of " (number(total)) } }
            table.cards {
                thead { tr { th scope="col" { "Reader" } th scope="col" { "The relay said" } th.end scope="col" { "Tries" } } }
                tbody { @for it in failed {
                    tr { th scope="row" { a href=(desk.path(&format!("readers/{}", it.subscriber_id))) { (it.address) } }
                        td.full { span.said { @if let Some(code) = it.reply_code { (code) " " } (it.reply_text.as_deref().unwrap_or("no answer")) } } td.end { (it.attempts) } }
                } }
            }
            @if let Some(last) = failed.last().filter(|_| i64::try_from(failed.len()).unwrap_or(0) == LISTED && total > LISTED) {
                div.acts.after { a.btn.row href={ (desk.issue_path(date, "report")) "?after=" (last.subscriber_id) "#failed" } { "More" } }
            }
        }
    }
}

fn settle_form(desk: &Desk, date: Date, uncertain: i64) -> Markup {
    html! {
        section.sheet.stack.tight aria-labelledby="doubt" {
            header.ends { h2 id="doubt" { (number(uncertain)) " in doubt" } (state("wait", "Needs you")) }
            p.small.soft { "A relay had the text, or may have had it, and no answer came. Either these readers have it, or they don’t." }
            @if desk.may(Permission::SendIssue) {
                (desk.form(&desk.issue_path(date, "settle"), &html! {
                    fieldset { legend.unseen { "What to do" }
                        label.check { input type="radio" name="as" value="retry" required; span { "Send again " small { "some may get it twice" } } }
                        label.check { input type="radio" name="as" value="sent"; span { "Count as delivered " small { "some may not have it" } } }
                        label.check { input type="radio" name="as" value="failed"; span { "Count as failed " small { "nothing more is sent" } } } }
                    input type="hidden" name="count" value=(uncertain);
                    div.field { label for="settle-name" { "To send again, type the newsletter’s name" }
                        input id="settle-name" name="name" autocomplete="off" placeholder=(desk.newsletter().title); }
                    div.acts { button { "Settle " (counted(uncertain, "copy")) } }
                }))
            } @else { p.small { "Somebody who may send decides." } }
        }
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Settle {
    r#as: String,
    /// The number of copies that was shown.
    count: String,
    name: String,
}

pub async fn settle(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Settle>,
) -> Answer {
    desk.require(Permission::SendIssue)?;
    let date = date_of(&path)?;
    let issue = issues::get_by_date(&mut desk.db().read().await?, desk.record().id, date).await?;
    let issue =
        issue.ok_or_else(|| Refused::Missing(format!("There was no issue on {}.", long_day(date))))?;
    let resolution = match fields.r#as.as_str() {
        "retry" => Resolution::Retry,
        "sent" => Resolution::Sent,
        "failed" => Resolution::Failed,
        _ => return Err(Refused::Failed("Choose what to do with them.".into())),
    };
    let page = desk.issue_path(date, "report");
    if resolution == Resolution::Retry && !is_named(&desk, &fields.name) {
        let text = format!("This issue is {}’s. Type that name to send again.", desk.newsletter().title);
        return desk.done(&page, Flash::alarm("Nothing was settled.", text)).await;
    }
    let shown: i64 = fields.count.parse().map_err(|_| Refused::Form)?;
    let present = deliveries::count_uncertain(&mut desk.db().read().await?, issue.id).await?;
    if present > shown {
        let text = format!("In doubt by now: {}. Look again.", counted(present, "copy"));
        return desk.done(&page, Flash::alarm("Nothing was settled.", text)).await;
    }
    let settled =
        resolve_issue(desk.admin.actions(), &desk.actor(), issue.id, resolution, Some(shown)).await?;
    let flash = if settled == 0 {
        Flash::wait("Nothing to settle.", "They were settled meanwhile.")
    } else {
        Flash::fine("Settled.", format!("{}.", counted(i64::try_from(settled).unwrap_or(0), "copy")))
    };
    desk.done(&page, flash).await
}
