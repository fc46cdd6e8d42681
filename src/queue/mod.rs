//! The job queue: the only place that names an apalis storage.
//!
//! A job is a wake-up, never the truth: what is due, tried and done lies in our own tables, so a lost, doubled or late job
//! changes nothing but a few seconds. Payloads hold row numbers only, no personal data.

mod housekeeping;
mod push;
mod setup;
mod workers;

pub use housekeeping::{depth, tidy};
pub use setup::{SetupError, set_up};
pub use workers::{Handler, JobFailure, Workers};

use crate::clock::Clock;
use crate::domain::ids::{ArticleId, EmailId, FeedId, IssueId};
use futures_util::stream::{BoxStream, StreamExt as _};
use std::sync::Arc;
use tokio::sync::watch;

/// Something to be done by a worker.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Send single mails.
    SendMails {
        /// Which.
        mails: Vec<EmailId>,
    },
    /// Make something of the signups that have arrived.
    TakeSignups,
    /// Deliver what is due of an issue, for a while.
    Deliver {
        /// Of which issue.
        issue: IssueId,
    },
    /// Read a feed.
    PollFeed {
        /// Which.
        feed: FeedId,
    },
    /// Look at an article's page.
    CheckArticle {
        /// Which.
        article: ArticleId,
    },
    /// Choose an issue's stories.
    PlanIssue {
        /// Of which issue.
        issue: IssueId,
    },
    /// Render an issue and make its deliveries.
    FreezeIssue {
        /// Which.
        issue: IssueId,
    },
}

/// Queues keep kinds of work apart, so that a big issue never makes a confirmation mail wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Signups: behind nothing else, for somebody waits for their mail.
    Signup,
    /// Single mails.
    Mail,
    /// Issues on their way out.
    Delivery,
    /// Everything else.
    Work,
    /// Reading other people's sites, which may be slow.
    Reading,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Signup, Self::Mail, Self::Delivery, Self::Work, Self::Reading];

    /// The queue's name in the storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::Mail => "mail",
            Self::Delivery => "delivery",
            Self::Work => "work",
            Self::Reading => "reading",
        }
    }
}

impl Job {
    /// Mails that one job sends at most: each job costs the storage a few transactions, whatever it does.
    const MAILS: usize = 16;

    /// The jobs that send mails.
    pub fn send_all(mails: &[EmailId]) -> Vec<Self> {
        mails.chunks(Self::MAILS).map(|mails| Self::SendMails { mails: mails.to_vec() }).collect()
    }

    /// The queue this job goes through.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::TakeSignups => Lane::Signup,
            Self::SendMails { .. } => Lane::Mail,
            Self::Deliver { .. } => Lane::Delivery,
            Self::PollFeed { .. } | Self::CheckArticle { .. } => Lane::Reading,
            Self::PlanIssue { .. } | Self::FreezeIssue { .. } => Lane::Work,
        }
    }
}

/// Puts jobs in, and tells the workers of this process at once.
#[derive(Debug, Clone)]
pub struct Queue {
    clock: Clock,
    nudges: Arc<[watch::Sender<()>; 5]>,
}

impl Queue {
    /// A queue whose delays are counted from what `clock` says.
    pub fn new(clock: Clock) -> Self {
        Self { clock, nudges: Arc::new(Lane::ALL.map(|_| watch::Sender::new(()))) }
    }

    /// Wakes this process's workers of a lane.
    fn nudge(&self, lane: Lane) {
        self.nudges[lane as usize].send_replace(());
    }

    /// Something to hear each time a lane is nudged.
    fn nudged(&self, lane: Lane) -> BoxStream<'static, ()> {
        let receiver = self.nudges[lane as usize].subscribe();
        futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.changed().await.ok()?;
            Some(((), receiver))
        })
        .boxed()
    }
}
