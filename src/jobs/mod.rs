//! What happens by itself, one verb a file.

pub mod check_article;
pub mod freeze_issue;
pub mod periodic;
pub mod plan_issue;
pub mod poll_feed;
pub mod process_signups;
pub mod send_email;
pub mod watch_feed;

use crate::{
    clock::Clock,
    content::fetch::Fetcher,
    db::Db,
    delivery::{email_recorder::EmailRecorder, recorder::Recorder, throttle::Governor},
    domain::{
        content::polling::Pace,
        delivery::breaker::Breaker,
        issue::{schedule::Margins, selection::Rules},
        rate_limit::Limit,
        subscriber::retention::Retention,
        token::KeyRing,
    },
    mail::{DkimKeys, Mailer},
    queue::{Job, JobFailure, Queue},
};
use jiff::SignedDuration;
use std::{sync::Arc, time::Duration};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What every job works with.
#[derive(Clone)]
pub struct Context {
    /// The store.
    pub db: Db,
    /// Where successors are enqueued.
    pub queue: Queue,
    /// The time.
    pub clock: Clock,
    /// Signs the tokens in links.
    pub keys: Arc<KeyRing>,
    /// The way out.
    pub mailer: Mailer,
    /// Signs mail.
    pub dkim: Arc<DkimKeys>,
    /// Reads feeds.
    pub fetcher: Arc<Fetcher>,
    /// What is configured.
    pub rules: JobRules,
    /// Records begins and answers of deliveries.
    pub recorder: Recorder,
    /// Records begins and answers of single emails.
    pub email_recorder: EmailRecorder,
    /// How much relays and domains may be given.
    pub governor: Governor,
    /// Which issues this process works on.
    pub seats: crate::delivery::deliver_issue::Seats,
    /// Turns that are over but for a mail whose relay has not answered yet.
    pub tails: TaskTracker,
    /// This process's name among those alive.
    pub process: Arc<str>,
    /// Cancelled when the process is asked to end: long jobs hand on what they have not begun.
    pub stop: CancellationToken,
}

/// What is configured about jobs.
#[derive(Debug, Clone)]
pub struct JobRules {
    /// Where every link in a mail begins.
    pub public_url: String,
    /// Where readers' mail programs write to leave by mail.
    pub unsubscribe_mailto: Option<crate::domain::subscriber::unsubscribe_address::LeavingAddress>,
    /// The bounds of an issue.
    pub digest: Rules,
    /// Operators are reminded of what waits for them this long before it is due.
    pub remind_before: SignedDuration,
    /// How long looking once more at the pages of an issue's stories may take; zero: it is not done.
    pub recheck_for: std::time::Duration,
    /// How early issues are planned and how late they may go out.
    pub schedule: Margins,
    /// How often a feed is read.
    pub pace: Pace,
    /// The pause between two requests to one host.
    pub host_pause: SignedDuration,
    /// Whether the pages of articles are looked at.
    pub look_at_pages: bool,
    /// Longest time for one page or feed.
    pub page_limit: Duration,
    /// Largest feed, in bytes.
    pub max_feed_bytes: u64,
    /// How long a confirmation link works.
    pub confirmation_days: u32,
    /// How many signups are taken from everybody.
    pub signup_limit: Option<Limit>,
    /// When a signup needs a solved challenge.
    pub challenge_policy: crate::domain::signup::challenge::ChallengePolicy,
    /// So many unconfirmed signups in ten minutes are an attack. `None`: no number of them is.
    pub most_waiting: Option<u32>,
    /// Mails that signups may cause to one address. `None`: any number.
    pub mails_per_address: Option<Limit>,
    /// Who has not confirmed is reminded after this time, once. `None`: nobody is.
    pub remind_pending_after: Option<SignedDuration>,
    /// Who has not confirmed is erased after this time. `None`: nobody is.
    pub erase_pending_after: Option<SignedDuration>,
    /// How long is kept what is held about readers.
    pub retention: Retention,
    /// Whether mails in doubt wait for the operator.
    pub hold_uncertain: bool,
    /// When an issue is held because of refusals.
    pub breaker: Breaker,
    /// How long a worker that fell silent keeps what it had claimed.
    pub lease: SignedDuration,
    /// Longest time handing over one mail may take, whatever relays do.
    pub hand_over_limit: SignedDuration,
}

/// Does a job.
pub async fn run(context: &Context, job: Job) -> Result<(), JobFailure> {
    match job {
        Job::TakeSignups => process_signups::run(context).await,
        Job::SendMails { mails } => send_email::run(context, &mails).await,
        Job::Deliver { issue } => crate::delivery::deliver_issue::run(context, issue).await,
        Job::PollFeed { feed } => poll_feed::run(context, feed).await,
        Job::CheckArticle { article } => check_article::run(context, article).await,
        Job::PlanIssue { issue } => plan_issue::run(context, issue).await,
        Job::FreezeIssue { issue } => freeze_issue::run(context, issue).await,
    }
}
