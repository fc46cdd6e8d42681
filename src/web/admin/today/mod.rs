//! Today: does the next issue go out right?

mod needs;

use super::{
    charts::{ledger, spark, strip},
    desk::{Answer, Desk},
    layout::{Tab, fact, rev, state},
    verdict::{Outlook, Step, Verdict, of_sent},
    who::changed_by,
    words::{clock, counted, day_word, from_now, long_day, moment, number, short_day},
};
use crate::{
    actions::{check::Finding, issue::decide::shown_forecast},
    db::{
        DbError, Tx,
        content::feeds::{self, FeedRecord},
        deliveries::{self, Counts},
        issues::{self, IssueRecord},
        newsletters::NewsletterRecord,
        subscribers,
    },
    domain::{
        issue::{schedule, status::IssueStatus},
        operator::role::Permission,
    },
    issues::{forecast::Forecast, next::next_date},
};
use axum::response::{IntoResponse as _, Redirect};
use jiff::{Span, civil::Date};
use maud::{Markup, html};
use needs::needs_you;

/// Feeds that are listed among what needs somebody.
const FEEDS: i64 = 6;
/// Issues whose readers the curve shows.
const CURVE: i64 = 30;

/// Opens the first newsletter.
pub async fn first(desk: Desk) -> Answer {
    Ok(Redirect::to(&desk.path("")).into_response())
}

/// Everything that the page shows.
struct Today {
    forecast: Forecast,
    verdict: Verdict,
    /// Faults that keep issues from going out, beside those of the next issue itself.
    blockers: Vec<Finding>,
    /// The newsletter's own issues that are going out or were stopped, oldest first.
    own: Vec<(IssueRecord, Counts)>,
    /// Those of other newsletters.
    others: Vec<(NewsletterRecord, IssueRecord, Counts)>,
    last: Option<(IssueRecord, Counts, Option<String>)>,
    usual_failed: Option<i64>,
    feeds: Vec<FeedRecord>,
    skipped: Option<IssueRecord>,
    active: i64,
    pending: i64,
    curve: Vec<i64>,
}

impl Today {
    /// Returns the newsletter's issue of today that is going out or was stopped. The page is about it, and about the
    /// next one otherwise: copies of an earlier issue that wait must not hide what goes out next.
    fn now(&self, today: Date) -> Option<&(IssueRecord, Counts)> {
        self.own.iter().rev().find(|(issue, _)| issue.date() >= today)
    }
}

pub async fn get(desk: Desk) -> Answer {
    let it = load(&desk).await?;
    let content = html! {
        (headline(&desk, &it))
        div.split {
            div.stack {
                (needs_you(&desk, &it))
                (next_days(&desk, &it))
            }
            div.stack {
                (going_out(&desk, &it))
                (last_one(&desk, &it))
            }
        }
        (readers(&desk, &it))
    };
    desk.page(Tab::Today, "Today", &content).await
}

async fn load(desk: &Desk) -> Result<Today, DbError> {
    let record = desk.record();
    let mut tx = desk.db().read().await?;
    let date = next_date(&mut tx, record, desk.admin.margins.grace, desk.now).await?;
    drop(tx);
    let forecast = shown_forecast(desk.admin.actions(), desk.admin.rules, record, date).await?;
    let blockers = desk.admin.checks.blocking(record).await?;
    let mut tx = desk.db().read().await?;
    let mut own = Vec::new();
    let mut others = Vec::new();
    for issue in issues::under_way(&mut tx, None).await? {
        let counts = deliveries::counts(&mut tx, issue.id).await?;
        if issue.newsletter_id == record.id {
            own.push((issue, counts));
        } else if let Some(newsletter) = desk.newsletters.iter().find(|it| it.id == issue.newsletter_id) {
            others.push((newsletter.clone(), issue, counts));
        }
    }
    let changed = match &forecast.issue {
        Some(issue) => changed_by(&mut tx, issue).await?,
        None => None,
    };
    let outlook = Outlook {
        newsletter: desk.newsletter(),
        forecast: &forecast,
        today: desk.today(),
        now: desk.now,
        blockers: &blockers,
        changed_by: changed.as_deref(),
        may_send: desk.may(Permission::SendIssue),
    };
    let verdict = outlook.verdict();
    let page = issues::page(&mut tx, record.id, Date::MAX, CURVE + 5).await?;
    let sent: Vec<&IssueRecord> = page.iter().filter(|issue| issue.status == IssueStatus::Sent).collect();
    let mut last = None;
    let mut usual_failed = None;
    if let Some(issue) = sent.first() {
        let counts = deliveries::counts(&mut tx, issue.id).await?;
        let lead = issues::variants::get_by_number(&mut tx, issue.id, 1).await?.map(|it| it.subject);
        last = Some(((*issue).clone(), counts, lead));
        usual_failed = usual(&mut tx, &sent[1..]).await?;
    }
    let skipped =
        page.iter().find(|it| it.status == IssueStatus::Skipped && it.date() == desk.today()).cloned();
    let mut curve: Vec<i64> = sent.iter().map(|issue| issue.recipients).collect();
    curve.reverse();
    let mut found = Today {
        verdict,
        forecast,
        blockers,
        own,
        others,
        last,
        usual_failed,
        feeds: feeds::in_trouble(&mut tx, FEEDS).await?,
        skipped,
        active: subscribers::count_active(&mut tx, record.id).await?,
        pending: subscribers::count_pending(&mut tx, record.id).await?,
        curve,
    };
    if let Some((issue, counts)) = found.now(desk.today()) {
        found.verdict = of_sent(issue, counts, desk.today(), None);
    }
    Ok(found)
}

/// Returns the median of failed copies of earlier issues, if there are some.
async fn usual(tx: &mut Tx, earlier: &[&IssueRecord]) -> Result<Option<i64>, DbError> {
    let mut failed = Vec::new();
    for issue in earlier.iter().take(8) {
        failed.push(deliveries::counts(tx, issue.id).await?.failed);
    }
    failed.sort_unstable();
    Ok((failed.len() >= 3).then(|| failed[failed.len() / 2]))
}

fn headline(desk: &Desk, it: &Today) -> Markup {
    let (verdict, forecast) = (&it.verdict, &it.forecast);
    let now = it.now(desk.today());
    let (date, due) = match now {
        Some((issue, _)) => (issue.date(), None),
        None => (forecast.date, Some(forecast.due_at)),
    };
    let path = match verdict.step {
        Step::Approve | Step::Send => desk.issue_path(date, "send"),
        Step::Open => desk.issue_path(date, ""),
        Step::AddStories => desk.path("feeds"),
        Step::Watch => desk.issue_path(date, "live"),
        Step::System => "/admin/system".to_owned(),
    };
    let stories = &forecast.content.stories;
    html! {
        section.verdict.beside aria-labelledby="verdict" {
            div {
                p.over { b { (long_day(date)) }
                    @if let Some(due) = due { " · due " (clock(due, desk.newsletter())) ", " (from_now(due, desk.now)) }
                    (state(verdict.state, verdict.word)) }
                h1 id="verdict" { (verdict.sentence) }
                @if !verdict.detail.is_empty() { p.lede { (verdict.detail) } }
                @if now.is_none() {
                    p.facts {
                        (fact(i64::try_from(stories.len()).unwrap_or(i64::MAX), "story"))
                        (fact(forecast.plan.readers(), "reader"))
                        @if forecast.waves.len() > 1 { (fact(i64::try_from(forecast.waves.len()).unwrap_or(0), "wave")) }
                    }
                }
                div.acts {
                    a.btn.filled.big href=(path) data-key="a" { (verdict.step.label()) }
                    @if !matches!(verdict.step, Step::Open | Step::Watch) {
                        a.btn.big href=(desk.issue_path(date, "")) { "Open the issue" }
                    }
                }
            }
            @if let Some(first) = stories.first() {
                div {
                    @if now.is_some() { p.over { "Next: " b { (day_word(forecast.date, desk.today())) } } }
                    ol.heads {
                        li.first { p.title { (first.title) } }
                        @for (story, place) in stories.iter().skip(1).take(2).zip(2..) {
                            li { span { (place) } p.title { (story.title) } }
                        }
                        li.small.soft { span {} p {
                            @if stories.len() > 3 { "and " (stories.len() - 3) " more · " }
                            "revision " (rev(forecast.content.revision().as_str())) } }
                    }
                }
            }
        }
    }
}

fn next_days(desk: &Desk, it: &Today) -> Markup {
    let (newsletter, first) = (desk.newsletter(), it.forecast.date);
    let mut days = Vec::new();
    let mut date = first;
    for _ in 0..6 {
        days.push(date);
        date = date.saturating_add(Span::new().days(1));
    }
    html! {
        section.sheet aria-labelledby="days" {
            header { h2 id="days" { "The next days" } a href=(desk.path("calendar")) { "Calendar" } }
            table.cards {
                thead { tr { th scope="col" { "Day" } th scope="col" { "Leads with" } th.end scope="col" { "Readers" } th scope="col" { "State" } } }
                tbody {
                    @for day in days {
                        @let due = schedule::due_at(newsletter, day);
                        @if day == first {
                            tr { th.keep scope="row" { (short_day(day)) ", " (clock(it.forecast.due_at, newsletter)) }
                                td.full { a href=(desk.issue_path(day, "")) { (it.forecast.content.stories.first().map_or("No story yet", |it| it.title.as_str())) } }
                                td.end.wide { (number(it.forecast.plan.readers())) }
                                td { @if it.now(desk.today()).is_none() { (state(it.verdict.state, it.verdict.word)) } @else { (state("rest", "Next")) } } }
                        } @else if newsletter.days.contains(day) {
                            tr { th.keep scope="row" { (short_day(day)) ", " (clock(due, newsletter)) }
                                td.full.soft { "planned " (moment(due - desk.admin.margins.plan_ahead, desk.now, newsletter)) }
                                td.end.wide { "about " (number(it.active)) }
                                td { (state("rest", "Not planned yet")) } }
                        } @else {
                            tr { th scope="row" { (short_day(day)) } td.full.soft { (super::words::weekday(day)) " isn’t one of your days" }
                                td.end.wide { "0" } td.small.soft { "No issue" } }
                        }
                    }
                }
            }
        }
    }
}

fn going_out(desk: &Desk, it: &Today) -> Markup {
    let own = it.own.iter().map(|(issue, counts)| (desk.record(), issue, counts));
    let all: Vec<_> =
        own.chain(it.others.iter().map(|(newsletter, issue, counts)| (newsletter, issue, counts))).collect();
    html! {
        @for (newsletter, issue, counts) in all {
            @let verdict = of_sent(issue, counts, desk.today(), None);
            section.sheet.stack.tight {
                header.ends { h2 { "Going out now" } (state(verdict.state, verdict.word)) }
                p.title { (newsletter.newsletter.title) ", " (short_day(issue.date())) }
                (strip(counts, ""))
                p.facts { span { b { (number(counts.sent)) } " of " (number(counts.total())) } }
                div.acts { a.btn.row href={ "/admin/n/" (newsletter.newsletter.slug) "/issues/" (issue.date()) "/live" }
                    aria-label={ "Watch: " (newsletter.newsletter.title) ", " (short_day(issue.date())) } { "Watch" } }
            }
        }
    }
}

fn last_one(desk: &Desk, it: &Today) -> Markup {
    let Some((issue, counts, lead)) = &it.last else {
        return html! { section.sheet { header { h2 { "The last one" } } p.small.soft { "No issue has been sent yet." } } };
    };
    let failed = match it.usual_failed {
        Some(usual) if counts.failed > usual + usual / 2 + 2 => {
            format!("more than usual ({})", number(usual))
        }
        Some(usual) => format!("as usual ({})", number(usual)),
        None => String::new(),
    };
    html! {
        section.sheet.stack.tight aria-labelledby="last" {
            header.ends { h2 id="last" { "The last one" } a href=(desk.issue_path(issue.date(), "report")) { "Report" } }
            @if let Some(lead) = lead { p.title { (lead) } }
            p.small.soft { (long_day(issue.date())) }
            (ledger(counts, &failed))
        }
    }
}

fn readers(desk: &Desk, it: &Today) -> Markup {
    let growth = it.curve.first().zip(it.curve.last()).map(|(first, last)| last - first);
    html! {
        section.sheet.apart aria-labelledby="readers" {
            header { h2 id="readers" { "Readers" } @if desk.may(Permission::SeeReaders) { a href=(desk.path("readers")) { "All readers" } } }
            div.pair {
                dl.figures {
                    div { dt { "Signed up and confirmed" } dd { (number(it.active)) } }
                    @if let Some(growth) = growth.filter(|_| it.curve.len() > 1) {
                        div { dt { "Since " (counted(it.curve.len() - 1, "issue")) } dd { @if growth >= 0 { "+" } (number(growth)) } }
                    }
                    div { dt { "Wait to confirm" } dd { (number(it.pending)) } }
                }
                @if it.curve.len() > 1 { (spark(&it.curve, &format!("Readers of the last {} issues", it.curve.len()))) }
            }
        }
    }
}
