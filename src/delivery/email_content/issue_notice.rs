//! Notices to operators about an issue that waits for them or was stopped.

use crate::{
    db::{
        DbError, Tx, installation,
        issues::{self, IssueRecord, revisions},
        subscribers,
    },
    delivery::email_content::{Content, EmailRequest, clock},
    domain::{
        delivery::email::EmailKind,
        issue::{readiness::missing, schedule, status::IssueStatus},
    },
    issues::{
        forecast::forecast,
        plan::{self, PlanRules},
    },
};
use email_templates::notice::{NoticeKind, PlannedIssue};

pub(super) async fn content(request: &EmailRequest<'_>, tx: &mut Tx) -> Result<Content, DbError> {
    let issue = match request.mail.issue_id {
        Some(id) => issues::get(tx, id).await?,
        None => None,
    };
    let Some(issue) = issue else { return Ok(Content::NotNeeded(crate::delivery::email_content::GONE)) };
    match (request.mail.kind, issue.status) {
        (EmailKind::IssueStopped, IssueStatus::Held) => Ok(request.operator_email(NoticeKind::IssueHeld {
            date: issue.date(),
            reason: issue.reason.as_deref().unwrap_or_default(),
        })),
        (EmailKind::IssueStopped, IssueStatus::Skipped) => {
            Ok(request.operator_email(NoticeKind::IssueSkipped {
                date: issue.date(),
                reason: issue.reason.as_deref().unwrap_or_default(),
                before_it: skipped_in_a_row_before(tx, &issue).await?,
                is_today: issue.date() == schedule::date_at(&request.newsletter.newsletter, request.now),
            }))
        }
        (EmailKind::IssueStopped, _) => Ok(Content::NotNeeded("the issue is no longer stopped")),
        (EmailKind::StoriesDoubtful, _) => stories_doubtful(request, tx, &issue).await,
        (EmailKind::SetupWanted, IssueStatus::Planned)
            if issue.waits_for.as_deref() == Some(plan::WAITS_FOR_SETUP) =>
        {
            setup_wanted(request, tx, &issue).await
        }
        (_, IssueStatus::Planned) if issue.approved_at.is_none() => {
            awaiting_operator(request, tx, &issue).await
        }
        _ => Ok(Content::NotNeeded("the issue no longer waits for an operator")),
    }
}

/// Describes what the recheck found when the issue was frozen, as its history has it.
async fn stories_doubtful(
    request: &EmailRequest<'_>,
    tx: &mut Tx,
    issue: &IssueRecord,
) -> Result<Content, DbError> {
    let history = issues::history(tx, issue.id).await?;
    let found = history.iter().rev().find(|event| event.status == IssueStatus::Frozen);
    Ok(match found.and_then(|event| event.reason.as_deref()) {
        Some(findings) => {
            request.operator_email(NoticeKind::StoriesDoubtful { date: issue.date(), findings })
        }
        None => Content::NotNeeded("nothing was found about the issue's stories"),
    })
}

/// Lists what must be set up before an issue goes out.
async fn setup_wanted(
    request: &EmailRequest<'_>,
    tx: &mut Tx,
    issue: &IssueRecord,
) -> Result<Content, DbError> {
    let newsletter = &request.newsletter.newsletter;
    let setup = installation::setup(tx, request.context.settings.setup()).await?;
    let missing: Vec<String> = missing(setup, newsletter)
        .into_iter()
        .map(|must| format!("{}: {}, and {}. Cure: {}", must.what, must.problem, must.why, must.cure))
        .collect();
    let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
    Ok(request.operator_email(NoticeKind::SetupWanted {
        date: issue.date(),
        due: clock::local_time(newsletter, issue.due_at.0),
        clock: &clock::display_name(newsletter, issue.due_at.0),
        missing: &missing,
    }))
}

/// Describes an issue that is sent only if an operator agrees.
async fn awaiting_operator(
    request: &EmailRequest<'_>,
    tx: &mut Tx,
    issue: &IssueRecord,
) -> Result<Content, DbError> {
    let newsletter = &request.newsletter.newsletter;
    let settings = &request.context.settings;
    let planning = PlanRules { limits: settings.digest.rules(), setup: settings.setup() }.at(request.now);
    let it = forecast(planning, tx, request.newsletter, issue.date()).await?;
    let revision = it.content.revision();
    // Planning has kept it, unless an article changed since.
    let shown = revisions::number(tx, issue.newsletter_id, issue.date(), &revision).await?;
    let review = shown.map(|shown| request.review_page(shown));
    let wanted = request.context.settings.digest.rules().for_newsletter(newsletter).min_stories;
    let titles: Vec<&str> = it.content.stories.iter().map(|story| story.title.as_str()).collect();
    let planned = PlannedIssue {
        date: issue.date(),
        due: clock::local_time(newsletter, issue.due_at.0),
        clock: &clock::display_name(newsletter, issue.due_at.0),
        due_in_minutes: issue.due_at.0.duration_since(request.now).as_mins(),
        readers: subscribers::count_active(tx, request.newsletter.id).await?,
        stories: &titles,
        revision: revision.as_str(),
    };
    Ok(match (request.mail.kind, issue.waits_for.as_deref()) {
        (EmailKind::TooFewStories, Some(plan::WAITS_FOR_STORIES)) => {
            request.operator_email_about(review, NoticeKind::TooFewStories { issue: planned, wanted })
        }
        (EmailKind::ApprovalWanted, Some(plan::WAITS_FOR_APPROVAL)) => {
            request.operator_email_about(review, NoticeKind::ApprovalWanted { issue: planned })
        }
        _ => Content::NotNeeded("the issue no longer waits for an operator"),
    })
}

/// How many earlier issues are checked.
const LOOK_BACK: i64 = 31;

/// Counts the consecutive issues before this one that were skipped for the same reason.
async fn skipped_in_a_row_before(tx: &mut Tx, issue: &IssueRecord) -> Result<usize, DbError> {
    let before = issues::page(tx, issue.newsletter_id, issue.date(), LOOK_BACK).await?;
    let is_same =
        |earlier: &&IssueRecord| earlier.status == IssueStatus::Skipped && earlier.reason == issue.reason;
    Ok(before.iter().take_while(is_same).count())
}
