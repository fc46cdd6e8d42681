//! Sending an issue again to the readers who missed it.

use crate::{
    actions::issue::resend_issue::{self, Missed, ResendError, resend_issue},
    db::{
        DbError,
        issues::{self, IssueRecord},
    },
    domain::operator::role::Permission,
    web::admin::{
        desk::{Answer, Desk, Flash, Posted, Refused},
        issue::date_of,
        send::is_named,
        words::{counted, long_day, number, sentence},
    },
};
use axum::extract::Path;
use maud::{Markup, html};
use std::collections::HashMap;

/// The form for an issue that somebody missed and that can be sent again, or nothing.
pub async fn form(desk: &Desk, issue: &IssueRecord) -> Result<Markup, DbError> {
    if resend_issue::check(issue, desk.now).is_err() {
        return Ok(html! {});
    }
    let missed = resend_issue::missed(desk.admin.actions(), issue.id).await?;
    if missed.count() == 0 {
        return Ok(html! {});
    }
    Ok(html! {
        section.sheet.stack.tight aria-labelledby="missed-by" {
            h2 id="missed-by" { (sentence(&counted(missed.count(), "reader"))) " can still get it" }
            p.small.soft { "The relays refused their copies for other reasons than the address, or took none in time. None of them has it." }
            (account(desk, &missed))
            @if desk.may(Permission::SendIssue) {
                (desk.form(&desk.issue_path(issue.date(), "resend"), &html! {
                    input type="hidden" name="count" value=(missed.count());
                    input type="hidden" name="seen" value=(state_of(issue));
                    div.field { label for="resend-name" { "Type the newsletter’s name" }
                        input id="resend-name" name="name" autocomplete="off" placeholder=(desk.newsletter().title) required; }
                    div.acts { button { "Send to " (counted(missed.count(), "reader")) } }
                }))
            } @else { p.small { "Somebody who may send decides." } }
        }
    })
}

/// The failed copies as an account, by what the relay said.
fn account(desk: &Desk, missed: &Missed) -> Markup {
    html! {
        table.ledger {
            tbody {
                @for it in &missed.answers {
                    tr { th scope="row" { span.said { @if let Some(code) = it.reply_code { (code) " " } (desk.said(it.example.as_deref().filter(|text| !text.is_empty()).unwrap_or("no relay took it"))) } }
                        td.end { (number(it.count)) } }
                }
                @if missed.rest() > 0 {
                    tr { th scope="row" { "Stay failed: dead addresses, readers who left, copies that may have arrived" } td.end { (number(missed.rest())) } }
                }
            }
        }
    }
}

/// Names the state in which an issue was shown, so that a form counts once.
fn state_of(issue: &IssueRecord) -> String {
    let resumed = issue.resumed_at.map_or(0, |at| at.0.as_microsecond());
    format!("{} {resumed}", issue.closed_at.map_or(0, |at| at.0.as_microsecond()))
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Resend {
    /// The number of readers that was shown.
    count: String,
    /// The state of the issue that was shown.
    seen: String,
    name: String,
}

pub async fn post(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Resend>,
) -> Answer {
    desk.require(Permission::SendIssue)?;
    let date = date_of(&path)?;
    let issue = issues::get_by_date(&mut desk.db().read().await?, desk.record().id, date).await?;
    let issue =
        issue.ok_or_else(|| Refused::Missing(format!("There was no issue on {}.", long_day(date))))?;
    let page = desk.issue_path(date, "report");
    if !is_named(&desk, &fields.name) {
        let text = format!("This issue is {}’s. Type that name to send it again.", desk.newsletter().title);
        return desk.done(&page, Flash::alarm("Nothing was sent.", text)).await;
    }
    let shown: i64 = fields.count.parse().map_err(|_| Refused::Form)?;
    let missed = resend_issue::missed(desk.admin.actions(), issue.id).await?;
    if missed.count() > shown || fields.seen != state_of(&issue) {
        let text = format!("Missed by now: {}. Look again.", counted(missed.count(), "reader"));
        return desk.done(&page, Flash::alarm("Nothing was sent.", text)).await;
    }
    let flash = match resend_issue(desk.admin.actions(), &desk.actor(), issue.id, shown).await {
        Ok(0) => Flash::wait("Nothing to send.", "Nobody is left who missed it."),
        Ok(count) => {
            let text = format!("To {}, with the same email.", counted(count, "reader"));
            return desk.done(&desk.issue_path(date, "live"), Flash::fine("Going out again.", text)).await;
        }
        Err(ResendError::Db(error)) => return Err(error.into()),
        Err(other) => Flash::alarm("Nothing was sent.", format!("{}.", sentence(&other.to_string()))),
    };
    desk.done(&page, flash).await
}
