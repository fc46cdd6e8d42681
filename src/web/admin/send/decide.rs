//! Decisions about an issue: approve a revision, send it now, let it go out as things are, skip the day.

use super::{Fields, is_own_edit, is_reviewed};
use crate::{
    actions::{
        check::blockers,
        issue::{
            approve_issue::send_anyway,
            cancel_issue::skip_issue,
            decide::{DecideError, approve_seen, changes_since, left_out},
            send_issue::send_approved,
        },
    },
    db::issues::{self, IssueRecord},
    domain::{
        issue::{revision::Revision, status::IssueStatus},
        operator::role::Permission,
    },
    web::admin::{
        desk::{Answer, Desk, Flash, Posted, Refused},
        issue::{begun, date_of, seen_forecast},
        words::{long_day, moment, sentence},
    },
};
use axum::extract::{FromRequest, FromRequestParts as _, Path, Request};
use jiff::civil::Date;
use std::{collections::HashMap, fmt::Write as _};

/// Longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 500;

/// A decision about the issue of a date, by somebody who may send.
pub struct Decision {
    desk: Desk,
    date: Date,
    fields: Fields,
}

impl FromRequest<super::super::Admin> for Decision {
    type Rejection = Refused;

    async fn from_request(request: Request, admin: &super::super::Admin) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let path = Path::<HashMap<String, String>>::from_request_parts(&mut parts, admin).await;
        let Posted { desk, fields } = Posted::from_request(Request::from_parts(parts, body), admin).await?;
        desk.require(Permission::SendIssue)?;
        let Path(path) = path.map_err(|_| Refused::Missing("There is no such issue.".into()))?;
        Ok(Self { date: date_of(&path)?, desk, fields })
    }
}

impl Decision {
    /// The sheet that the form is on.
    fn sheet(&self) -> String {
        self.desk.issue_path(self.date, "send")
    }

    /// Whether the newsletter's name was typed.
    fn is_named(&self) -> bool {
        is_named(&self.desk, &self.fields.name)
    }

    /// Answers a form without the newsletter's name.
    async fn unnamed(&self) -> Answer {
        let text = format!("This issue is {}’s. Type that name to go on.", self.desk.newsletter().title);
        self.refused(Flash::alarm("Nothing was done.", text)).await
    }

    async fn refused(&self, flash: Flash) -> Answer {
        self.desk.done(&self.sheet(), flash).await
    }

    /// The revision that the operator saw.
    fn revision(&self) -> Result<Revision, Refused> {
        Revision::parse(&self.fields.revision).map_err(|_| Refused::Form)
    }

    /// Approves the revision that the operator saw, and nothing else.
    async fn approve(&self) -> Result<Result<IssueRecord, Flash>, Refused> {
        let (desk, date, revision) = (&self.desk, self.date, self.revision()?);
        let mut it = seen_forecast(desk, date).await?;
        let changes = changes_since(desk.admin.actions(), desk.record(), &it, &revision).await?;
        if changes.is_none_or(|changes| !changes.is_empty()) {
            let text = format!(
                "The issue changed while you looked: it is revision {} now. See what, then decide.",
                it.content.revision()
            );
            return Ok(Err(Flash::alarm("Not approved.", text)));
        }
        let findings = desk.admin.checks.before_sending(desk.record(), &it).await?;
        if let [first, ..] = blockers(&findings)[..] {
            let text = format!("{}.", sentence(&first.clause()));
            return Ok(Err(Flash::alarm("Not approved.", text)));
        }
        if is_own_edit(desk, &it).await? {
            return Ok(Err(Flash::alarm(
                "Not approved.",
                "You edited this issue, so another person has to approve it.",
            )));
        }
        if it.issue.as_ref().is_none_or(|issue| issue.planned_at.is_none()) {
            let issue = begun(desk, date).await?;
            desk.admin.work.plan(issue.id).await.map_err(Refused::Failed)?;
            let now = seen_forecast(desk, date).await?;
            if !now.content.changes_since(&it.content).is_empty() {
                let text = format!(
                    "The issue changed while you looked: it is revision {} now.",
                    now.content.revision()
                );
                return Ok(Err(Flash::alarm("Not approved.", text)));
            }
            it = now;
        }
        match approve_seen(desk.admin.actions(), desk.admin.rules, &desk.actor(), desk.record(), &it).await {
            Ok(Some(issue)) => Ok(Ok(issue)),
            Ok(None) => Err(Refused::Failed("There is no issue to approve.".into())),
            Err(DecideError::Db(error)) => Err(error.into()),
            Err(other) => {
                Ok(Err(Flash::alarm("Not approved.", format!("{}.", sentence(&other.to_string())))))
            }
        }
    }
}

pub async fn approve(it: Decision) -> Answer {
    let forecast = seen_forecast(&it.desk, it.date).await?;
    let is_reviewed = match &it.fields.review {
        Some(token) => is_reviewed(&it.desk, &forecast, token).await?,
        None => false,
    };
    if !is_reviewed && !it.is_named() {
        return it.unnamed().await;
    }
    let (context, rules) = (it.desk.admin.actions(), it.desk.admin.rules);
    let late = left_out(context, rules, it.desk.record(), &forecast).await?;
    let issue = match it.approve().await? {
        Ok(issue) => issue,
        Err(flash) => return it.refused(flash).await,
    };
    let when = if issue.due_at.0 <= it.desk.now {
        "now".to_owned()
    } else {
        format!("at {}", moment(issue.due_at.0, it.desk.now, it.desk.newsletter()))
    };
    let mut text = format!("Revision {} goes out {when}.", it.revision()?);
    if let [first, others @ ..] = &late[..] {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        let _ = write!(text, " “{}”{more} came too late for it.", first.title);
    }
    it.desk.done(&it.desk.path(""), Flash::fine("Approved.", text)).await
}

/// Sends a revision at once.
pub async fn now(it: Decision) -> Answer {
    if !it.is_named() {
        return it.unnamed().await;
    }
    let record = it.desk.record();
    let issue = issues::get_by_date(&mut it.desk.db().read().await?, record.id, it.date).await?;
    let revision = it.revision()?;
    let mut approved = issue.and_then(|issue| issue.approved_revision);
    if approved.as_ref() != Some(&revision) {
        approved = match it.approve().await? {
            Ok(issue) => issue.approved_revision,
            Err(flash) => return it.refused(flash).await,
        };
    }
    let sent = match &approved {
        Some(approved) => {
            send_approved(it.desk.admin.actions(), &it.desk.actor(), record, it.date, approved).await?
        }
        None => None,
    };
    if sent.is_none() {
        let text = "The issue was changed or cancelled while you decided. See what, then decide.";
        return it.refused(Flash::alarm("Nothing was sent.", text)).await;
    }
    let text = format!("Revision {revision} leaves now.");
    let page = it.desk.issue_path(it.date, "live");
    it.desk.done(&page, Flash::fine("Going out.", text)).await
}

/// Lets an issue go out although not everything is set up.
pub async fn anyway(it: Decision) -> Answer {
    if !it.is_named() {
        return it.unnamed().await;
    }
    let issue = begun(&it.desk, it.date).await?;
    let flash = if send_anyway(it.desk.admin.actions(), &it.desk.actor(), issue.id).await? {
        Flash::wait("Noted.", "It may go out as things are. Review and approve it.")
    } else {
        Flash::alarm("Nothing was done.", "The issue is past planning.")
    };
    it.desk.done(&it.sheet(), flash).await
}

/// Skips a day.
pub async fn skip(it: Decision) -> Answer {
    if !it.is_named() {
        return it.unnamed().await;
    }
    let issue = begun(&it.desk, it.date).await?;
    let why = reason(&it.fields.reason);
    let status = skip_issue(it.desk.admin.actions(), &it.desk.actor(), issue.id, &why).await?;
    if status != IssueStatus::Cancelled {
        return Err(Refused::Failed(format!("The issue is already {status}.")));
    }
    let text = format!("Nothing goes out on {}.", long_day(it.date));
    it.desk.done(&it.desk.path("calendar"), Flash::wait("Skipped.", text)).await
}

/// Whether a typed name is the newsletter's title or short name.
pub fn is_named(desk: &Desk, typed: &str) -> bool {
    let typed = typed.trim();
    !typed.is_empty()
        && [&desk.newsletter().title, &desk.newsletter().slug]
            .iter()
            .any(|name| name.to_lowercase() == typed.to_lowercase())
}

/// Returns a reason on one line.
pub fn reason(text: &str) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.chars().take(MAX_REASON_CHARS).collect()
}
