//! The jobs that the queue can run, one per file. `periodic` contains the work of the scheduler, and `make_pictures` a
//! part of planning and freezing.

pub mod call_heartbeat;
pub mod check_article;
pub mod context;
pub mod deliver_issue;
pub mod freeze_issue;
pub mod issue_locks;
pub mod make_pictures;
pub mod periodic;
pub mod plan_issue;
pub mod poll_feed;
pub mod process_signups;
pub mod read_article;
pub mod send_email;
pub mod watch_feed;

use crate::queue::{Job, JobFailure};
use context::Contexts;

pub async fn run(contexts: &Contexts, job: Job) -> Result<(), JobFailure> {
    let Contexts { feeds, readers, issues, delivery } = contexts;
    if job.can_send() && !delivery.armed.get() {
        // The scheduler wakes the work again once the database is armed.
        return Ok(());
    }
    match job {
        Job::ProcessSignups => process_signups::run(readers).await,
        Job::SendEmails { emails } => send_email::run(delivery, &emails).await,
        Job::Deliver { issue } => deliver_issue::run(delivery, issue).await,
        Job::PollFeed { feed } => poll_feed::run(feeds, feed).await,
        Job::CheckArticle { article } => check_article::run(feeds, article).await,
        Job::PlanIssue { issue } => plan_issue::run(issues, feeds, issue).await,
        Job::FreezeIssue { issue } => freeze_issue::run(issues, feeds, issue).await,
        Job::CallHeartbeat { issue } => call_heartbeat::run(issues, issue).await,
    }
}
