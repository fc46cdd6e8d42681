//! What the queue can run, one job a file. `periodic` holds what the scheduler runs.

pub mod check_article;
pub mod context;
pub mod deliver_issue;
pub mod freeze_issue;
pub mod periodic;
pub mod plan_issue;
pub mod poll_feed;
pub mod process_signups;
pub mod send_email;
pub mod watch_feed;

use crate::queue::{Job, JobFailure};
use context::Contexts;

/// Runs a job with its subject's context.
pub async fn run(contexts: &Contexts, job: Job) -> Result<(), JobFailure> {
    let Contexts { feeds, readers, issues, delivery } = contexts;
    match job {
        Job::TakeSignups => process_signups::run(readers).await,
        Job::SendMails { mails } => send_email::run(delivery, &mails).await,
        Job::Deliver { issue } => deliver_issue::run(delivery, issue).await,
        Job::PollFeed { feed } => poll_feed::run(feeds, feed).await,
        Job::CheckArticle { article } => check_article::run(feeds, article).await,
        Job::PlanIssue { issue } => plan_issue::run(issues, issue).await,
        Job::FreezeIssue { issue } => freeze_issue::run(issues, feeds, issue).await,
    }
}
