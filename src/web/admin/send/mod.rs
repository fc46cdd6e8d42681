//! The sheet before an issue goes out: checks, a test, who gets it, and the approval of one revision.

mod audience;
mod decide;
mod test_send;

pub use decide::{anyway, approve, is_named, now, reason, skip};
pub use test_send::{events, save_group, send as test};

use super::{
    checks,
    desk::{Answer, Desk, Posted, Refused},
    issue::{News, date_of, news, outlook, seen_forecast},
    layout::{Tab, rev, state},
    words::{clock, counted, day_word, from_now, long_day, moment, sentence, weekday},
};
use crate::{
    actions::{
        check::{Finding, State, blockers},
        issue::decide::changes_since,
        operator::second_person::has_edited,
    },
    db::{
        DbDate, DbError,
        issues::{self, revisions},
    },
    domain::{
        ids::NewsletterId,
        issue::{revision::Revision, status::IssueStatus},
        operator::role::Permission,
        token::Purpose,
    },
    issues::forecast::Forecast,
};
use audience::Audience;
use axum::{
    extract::{Path, Query},
    response::{IntoResponse as _, Redirect},
};
use decide::MAX_REASON_CHARS;
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::HashMap;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Shown {
    /// The token of a link in an alert, which names a revision that was shown.
    review: Option<String>,
}

/// Returns the newsletter, the date and the revision that an alert's link names.
async fn reviewed(desk: &Desk, token: &str) -> Result<Option<(NewsletterId, DbDate, Revision)>, DbError> {
    match desk.admin.operators.keys.verify(Purpose::ReviewIssue, token) {
        Some(id) => revisions::get_by_id(&mut desk.db().read().await?, id).await,
        None => Ok(None),
    }
}

/// Opens the issue that an alert's link names.
pub async fn go(desk: Desk, Path(path): Path<HashMap<String, String>>) -> Answer {
    let token = path.get("token").cloned().unwrap_or_default();
    let (newsletter, date, _) = reviewed(&desk, &token)
        .await?
        .ok_or_else(|| Refused::Missing("This link is broken or very old.".into()))?;
    let issue = issues::get_by_date(&mut desk.db().read().await?, newsletter, date.0).await?;
    let issue = issue.ok_or_else(|| Refused::Missing("This issue doesn’t exist any more.".into()))?;
    let newsletter = desk.newsletters.iter().find(|it| it.id == issue.newsletter_id);
    let slug = newsletter.map(|it| it.newsletter.slug.as_str()).unwrap_or_default();
    let date = issue.date();
    let to = if issue.status == IssueStatus::Planned {
        format!("/admin/n/{slug}/issues/{date}/send?review={token}")
    } else {
        format!("/admin/n/{slug}/issues/{date}")
    };
    Ok(Redirect::to(&to).into_response())
}

/// Returns the open issue's forecast, or where to look at one that is not open.
async fn open(desk: &Desk, date: Date) -> Result<Result<Forecast, String>, Refused> {
    let issue = issues::get_by_date(&mut desk.db().read().await?, desk.record().id, date).await?;
    match issue {
        Some(issue) if issue.status == IssueStatus::Skipped && date == desk.today() => {
            Ok(Ok(seen_forecast(desk, date).await?))
        }
        Some(issue) if issue.status != IssueStatus::Planned => Ok(Err(desk.issue_path(date, ""))),
        None if date < desk.today() => {
            Err(Refused::Missing(format!("There was no issue on {}.", long_day(date))))
        }
        _ => Ok(Ok(seen_forecast(desk, date).await?)),
    }
}

pub async fn get(
    desk: Desk,
    Path(path): Path<HashMap<String, String>>,
    Query(query): Query<Shown>,
) -> Answer {
    let date = date_of(&path)?;
    let it = match open(&desk, date).await? {
        Ok(it) => it,
        Err(elsewhere) => return Ok(Redirect::to(&elsewhere).into_response()),
    };
    let news = news(&desk, &it).await?;
    let findings = desk.admin.checks.before_sending(desk.record(), &it).await?;
    let audience = Audience::load(&desk, &it).await?;
    let is_editor = is_own_edit(&desk, &it).await?;
    let review = match query.review {
        Some(token) if is_reviewed(&desk, &it, &token).await? => Some(token),
        _ => None,
    };
    let verdict = outlook(&desk, &it).await?;
    let blocked = blocked(&findings);
    let to_know = findings.iter().filter(|it| it.state != State::Ok).count() - blocked.len();
    let is_approved = it.issue.as_ref().is_some_and(|issue| issue.approved_at.is_some());
    let headline = match blocked.len() {
        0 if is_approved => format!("{} is approved", day_word(date, desk.today())),
        0 => format!("{} is ready to send", day_word(date, desk.today())),
        1 => format!("{} can’t go out yet", day_word(date, desk.today())),
        count => {
            format!("{} can’t go out yet: {} block it", day_word(date, desk.today()), counted(count, "thing"))
        }
    };
    let content = html! {
        div.opening { div {
            p.over { a href=(desk.issue_path(date, "")) { (long_day(date)) } " · due " (clock(it.due_at, desk.newsletter())) ", " (from_now(it.due_at, desk.now))
                (state(verdict.state, verdict.word)) }
            h1 { (headline) }
            p.lede { @if blocked.is_empty() { "Nothing blocks it" } @else { (sentence(&blocked.join(", "))) }
                @if to_know > 0 { ". " a href="#checks" { (counted(to_know, "thing")) " to know" } }
                @if let Some(news) = &news { ", and " (counted(news.changes.len(), "change")) " since you looked" } "." }
        } }
        div.split.half data-events=(desk.issue_path(date, "send/events")) {
            div.stack {
                (decision(&desk, &it, &findings, is_editor, review.as_deref()))
                section.sheet aria-labelledby="checks" {
                    header { h2 id="checks" { "Checks" }
                        (desk.form(&desk.issue_path(date, "check"), &html! { button.row { "Check again" } })) }
                    (checks::render(&desk, &findings))
                }
            }
            div.stack {
                (audience.render(&desk, &it))
                @if let Some(news) = &news { (changes(&desk, news)) }
                (test_send::form(&desk, &it).await?)
                (test_send::latest(&desk, date).await?)
            }
        }
    };
    desk.page(Tab::Issue, "Review", &content).await
}

/// Whether another person has to approve an issue, because this operator edited it.
async fn is_own_edit(desk: &Desk, it: &Forecast) -> Result<bool, DbError> {
    Ok(desk.admin.second_person && has_edited(&mut desk.db().read().await?, &desk.actor(), it).await?)
}

fn changes(desk: &Desk, news: &News) -> Markup {
    html! {
        section.sheet aria-labelledby="changed" {
            header { h2 id="changed" { "Since you looked at " (moment(news.at, desk.now, desk.newsletter())) } }
            div { @for change in news.changes.iter().take(20) { span.change { (change) } }
                @if news.changes.len() > 20 { span.change.soft { "and " (news.changes.len() - 20) " more" } } }
        }
    }
}

/// Returns what blocks, each as a clause.
fn blocked(findings: &[Finding]) -> Vec<String> {
    let mut clauses: Vec<String> = blockers(findings).into_iter().map(Finding::clause).collect();
    clauses.dedup();
    clauses
}

fn lower(day: &str) -> String {
    if matches!(day, "Today" | "Tomorrow") { day.to_lowercase() } else { day.to_owned() }
}

/// Returns whether a link of an alert may approve this revision for its set time, without the typed name.
async fn is_reviewed(desk: &Desk, it: &Forecast, token: &str) -> Result<bool, DbError> {
    let Some((newsletter, date, revision)) = reviewed(desk, token).await? else { return Ok(false) };
    if newsletter != desk.record().id || date.0 != it.date || it.due_at <= desk.now {
        return Ok(false);
    }
    let changes = changes_since(desk.admin.actions(), desk.record(), it, &revision).await?;
    Ok(changes.is_some_and(|changes| changes.is_empty()))
}

fn decision(
    desk: &Desk,
    it: &Forecast,
    findings: &[Finding],
    is_editor: bool,
    review: Option<&str>,
) -> Markup {
    let blocked = blocked(findings);
    let newsletter = desk.newsletter();
    let revision = it.content.revision();
    let is_approved = it.issue.as_ref().is_some_and(|issue| issue.approved_at.is_some());
    let when = if it.due_at <= desk.now {
        "and send it now".to_owned()
    } else {
        format!("for {}, {}", lower(&day_word(it.date, desk.today())), clock(it.due_at, newsletter))
    };
    let why_not = if !desk.may(Permission::SendIssue) {
        Some(format!("You may not approve or send: your roles are {}.", desk.who.operator.roles.in_words()))
    } else if is_editor {
        Some("You edited this issue, so another person has to approve it.".to_owned())
    } else if !blocked.is_empty() {
        Some(format!("Blocked: {}.", blocked.join(", ")))
    } else {
        None
    };
    html! {
        section.sheet.decision.first-on-phones aria-labelledby="approve" {
            header { h2 id="approve" { @if is_approved { "Approved" } @else { "Approve" } } (rev(revision.as_str())) }
            p.title { (it.content.subject.as_deref().or(it.content.stories.first().map(|it| it.title.as_str())).unwrap_or("No stories yet")) }
            p.soft { (counted(it.content.stories.len(), "story")) ", " @if it.content.note.is_some() { "with" } @else { "without" } " a note, to "
                (counted(it.plan.readers(), "reader")) ". What you approve is what goes out: later stories wait for the next issue." }
            @if is_approved {
                p.after { (state("fine", "Approved")) " It goes out at " (clock(it.due_at, newsletter)) ". An edit ends the approval." }
            } @else if let Some(why) = &why_not {
                p.after { button.filled.big disabled aria-describedby="why-not" { "Approve " (when) } }
                p.hint id="why-not" { (why) }
            } @else {
                div.after { (desk.form(&desk.issue_path(it.date, "approve"), &html! {
                    input type="hidden" name="revision" value=(revision.full());
                    @if let Some(review) = review { input type="hidden" name="review" value=(review); } @else {
                        div.field { label for="name" { "Type the newsletter’s name" }
                            input id="name" name="name" autocomplete="off" placeholder=(newsletter.title) required aria-describedby="name-hint";
                            p.hint id="name-hint" { "So that no issue ever goes to another newsletter’s readers." } }
                    }
                    div.acts { button.filled.big { "Approve " (when) } }
                })) }
            }
            @if desk.may(Permission::SendIssue) {
                details.fold.after { summary { "Other ways" }
                    @if why_not.is_none() || is_approved {
                        (desk.form(&desk.issue_path(it.date, "now"), &html! {
                            input type="hidden" name="revision" value=(revision.full());
                            p.small.soft { "Sends this revision to all " (counted(it.plan.readers(), "reader")) " now, whatever its time." }
                            div.field { label for="now-name" { "Type the newsletter’s name" } p.join { input id="now-name" name="name" autocomplete="off" required; button { "Send it now" } } }
                        }))
                    }
                    @if findings.iter().any(|it| it.is_setup && it.blocks()) {
                        div.after { (desk.form(&desk.issue_path(it.date, "anyway"), &html! {
                            p.small.soft { "Lets it go out although not everything is set up that readers need." }
                            div.field { label for="anyway-name" { "Type the newsletter’s name" } p.join { input id="anyway-name" name="name" autocomplete="off" required; button.danger { "Do without it" } } }
                        })) }
                    }
                    div.after { (desk.form(&desk.issue_path(it.date, "skip"), &html! {
                        p.small.soft { "Nobody gets anything on this day. Its stories wait for the next issue." }
                        div.field { label for="why" { "Why" } input id="why" name="reason" maxlength=(MAX_REASON_CHARS) required; }
                        div.field { label for="skip-name" { "Type the newsletter’s name" } p.join { input id="skip-name" name="name" autocomplete="off" required; button.danger { "Skip " (weekday(it.date)) } } }
                    })) }
                }
            }
        }
    }
}

/// Fields of the forms on the sheet.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    revision: String,
    name: String,
    review: Option<String>,
    reason: String,
    /// Addresses that get a test.
    to: String,
    /// A group of addresses that get a test.
    group: String,
}

pub async fn check_again(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, .. }: Posted<Fields>,
) -> Answer {
    desk.admin.checks.refresh().await;
    Ok(Redirect::to(&format!("{}#checks", desk.issue_path(date_of(&path)?, "send"))).into_response())
}
