//! The link of an alert: it opens the page about the alert's matter, as the matter is when somebody opens it.

use super::desk::{Answer, Desk, Refused};
use crate::{
    db::{deliveries::emails, issues, newsletters::NewsletterRecord},
    domain::{
        delivery::email::EmailKind, ids::EmailId, issue::status::IssueStatus, operator::role::Permission,
        token::Purpose,
    },
};
use axum::{
    extract::Path,
    response::{IntoResponse as _, Redirect},
};
use std::collections::HashMap;

pub async fn go(desk: Desk, Path(path): Path<HashMap<String, String>>) -> Answer {
    let missing = || Refused::Missing("This link is broken or very old.".into());
    let token = path.get("token").map(String::as_str).unwrap_or_default();
    let id = desk.admin.operators.keys.verify(Purpose::Notice, token).ok_or_else(missing)?;
    let mut tx = desk.db().read().await?;
    let email =
        emails::get(&mut tx, EmailId(id)).await?.filter(|it| it.kind.is_notice()).ok_or_else(missing)?;
    let issue = match email.issue_id {
        Some(id) => issues::get(&mut tx, id).await?,
        None => None,
    };
    drop(tx);
    let newsletter = desk.newsletters.iter().find(|it| it.id == email.newsletter_id);
    let newsletter: &NewsletterRecord = newsletter.ok_or_else(missing)?;
    let at = |rest: &str| format!("/admin/n/{}{rest}", newsletter.newsletter.slug);
    let place = match (email.kind, issue) {
        (EmailKind::FeedTrouble, _) => match email.feed_id {
            Some(feed) => at(&format!("/feeds#feed{feed}")),
            None => at("/feeds"),
        },
        (
            EmailKind::DestinationHeld
            | EmailKind::ClockWasWrong
            | EmailKind::SignupAlarm
            | EmailKind::SignupCalm,
            _,
        ) => {
            if desk.may(Permission::SeeSystem) {
                "/admin/system".to_owned()
            } else {
                at("")
            }
        }
        (_, Some(issue)) => {
            let rest = match issue.status {
                IssueStatus::Planned => "/send",
                IssueStatus::Frozen | IssueStatus::Sending | IssueStatus::Paused | IssueStatus::Held => {
                    "/live"
                }
                IssueStatus::Sent | IssueStatus::Skipped | IssueStatus::Cancelled => "",
            };
            at(&format!("/issues/{}{rest}", issue.date()))
        }
        (_, None) => return Err(Refused::Missing("This issue doesn’t exist any more.".into())),
    };
    Ok(Redirect::to(&place).into_response())
}
