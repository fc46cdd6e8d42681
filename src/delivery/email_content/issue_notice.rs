//! What operators are told about an issue: that it waits for them, or that it stopped.

use crate::{
    db::{
        DbError, Tx,
        issues::{self, IssueRecord},
        subscribers,
    },
    delivery::email_content::{Content, Making, clock},
    domain::{
        delivery::email::EmailKind,
        issue::{schedule, status::IssueStatus},
    },
    issues::plan,
};
use email_templates::notice::{Matter, PlannedIssue};

pub(super) async fn content(making: &Making<'_>, tx: &mut Tx) -> Result<Content, DbError> {
    let issue = match making.mail.issue_id {
        Some(id) => issues::get(tx, id).await?,
        None => None,
    };
    let Some(issue) = issue else { return Ok(Content::Unwanted(crate::delivery::email_content::GONE)) };
    match (making.mail.kind, issue.status) {
        (EmailKind::IssueStopped, IssueStatus::Held) => Ok(making.letter(Matter::IssueHeld {
            date: issue.date(),
            reason: issue.reason.as_deref().unwrap_or_default(),
        })),
        (EmailKind::IssueStopped, IssueStatus::Skipped) => Ok(making.letter(Matter::IssueSkipped {
            date: issue.date(),
            reason: issue.reason.as_deref().unwrap_or_default(),
            before_it: skipped_before(tx, &issue).await?,
            is_today: issue.date() == schedule::date_at(&making.newsletter.newsletter, making.now),
        })),
        (EmailKind::IssueStopped, _) => Ok(Content::Unwanted("the issue is no longer stopped")),
        (_, IssueStatus::Planned) if issue.approved_at.is_none() => waiting(making, tx, &issue).await,
        _ => Ok(Content::Unwanted("the issue no longer waits for an operator")),
    }
}

/// An issue that goes out only if somebody says so.
async fn waiting(making: &Making<'_>, tx: &mut Tx, issue: &IssueRecord) -> Result<Content, DbError> {
    let newsletter = &making.newsletter.newsletter;
    let stories = issues::stories(tx, issue.id).await?;
    let titles: Vec<&str> = stories
        .iter()
        .filter(|story| story.position.is_some())
        .map(|story| story.article.title.as_str())
        .collect();
    let wanted = making.context.settings.digest.rules().of(newsletter).min_stories;
    let planned = PlannedIssue {
        date: issue.date(),
        due: clock::civil(newsletter, issue.due_at.0),
        clock: &clock::name(newsletter, issue.due_at.0),
        due_in_minutes: issue.due_at.0.duration_since(making.now).as_mins(),
        readers: subscribers::count_active(tx, making.newsletter.id).await?,
        stories: &titles,
    };
    Ok(match (making.mail.kind, issue.waits_for.as_deref()) {
        (EmailKind::TooFewStories, Some(plan::STORIES)) => {
            making.letter(Matter::TooFewStories { issue: planned, wanted })
        }
        (EmailKind::ApprovalWanted, Some(plan::APPROVAL)) => {
            making.letter(Matter::ApprovalWanted { issue: planned })
        }
        _ => Content::Unwanted("the issue no longer waits for an operator"),
    })
}

/// Most issues before one that are looked at.
const LOOK_BACK: i64 = 31;

/// How many issues right before this one were skipped for the same reason.
async fn skipped_before(tx: &mut Tx, issue: &IssueRecord) -> Result<usize, DbError> {
    let before = issues::page(tx, issue.newsletter_id, issue.date(), LOOK_BACK).await?;
    let same = |it: &&IssueRecord| it.status == IssueStatus::Skipped && it.reason == issue.reason;
    Ok(before.iter().take_while(same).count())
}
