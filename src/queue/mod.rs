//! The job queue. No other module names an apalis storage.
//!
//! A job only wakes work up. Our own tables record what is due, tried and done, so a lost, duplicate or late
//! job costs a few seconds at most. Payloads contain row ids only, no personal data.

mod housekeeping;
mod push;
mod setup;
mod workers;

pub use housekeeping::{QueueFigures, depth, figures, tidy};
pub use setup::{SetupError, set_up};
pub use workers::{Handler, JobFailure, Workers};

use crate::clock::Clock;
use crate::domain::ids::{ArticleId, EmailId, FeedId, IssueId};
use futures_util::stream::{BoxStream, StreamExt as _};
use std::sync::Arc;
use tokio::sync::watch;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    SendEmails {
        emails: Vec<EmailId>,
    },
    ProcessSignups,
    /// Delivers whatever is due of an issue, for one delivery run.
    Deliver {
        issue: IssueId,
    },
    PollFeed {
        feed: FeedId,
    },
    /// Reads an article's page and picture.
    CheckArticle {
        article: ArticleId,
    },
    PlanIssue {
        issue: IssueId,
    },
    /// Renders an issue and makes its deliveries.
    FreezeIssue {
        issue: IssueId,
    },
    /// Calls the operator's heartbeat URL after an issue was sent.
    CallHeartbeat {
        issue: IssueId,
    },
}

impl Job {
    /// Returns whether the job sends email, or prepares it.
    pub const fn can_send(&self) -> bool {
        match self {
            Self::SendEmails { .. }
            | Self::Deliver { .. }
            | Self::PlanIssue { .. }
            | Self::FreezeIssue { .. } => true,
            Self::ProcessSignups
            | Self::PollFeed { .. }
            | Self::CheckArticle { .. }
            | Self::CallHeartbeat { .. } => false,
        }
    }

    /// Returns the job's kind, as the log names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SendEmails { .. } => "send_emails",
            Self::ProcessSignups => "process_signups",
            Self::Deliver { .. } => "deliver",
            Self::PollFeed { .. } => "poll_feed",
            Self::CheckArticle { .. } => "check_article",
            Self::PlanIssue { .. } => "plan_issue",
            Self::FreezeIssue { .. } => "freeze_issue",
            Self::CallHeartbeat { .. } => "call_heartbeat",
        }
    }
}

/// Kinds of work with separate workers, so that a large issue never delays a confirmation email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueName {
    /// Separate from all other work, because a person is waiting for the email.
    Signup,
    /// Confirmations, notices and other single emails.
    Mail,
    Delivery,
    Work,
    /// Reads other sites, which may be slow.
    Reading,
}

impl QueueName {
    pub const ALL: [Self; 5] = [Self::Signup, Self::Mail, Self::Delivery, Self::Work, Self::Reading];

    /// Returns the name that the storage uses.
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
    /// Most emails in one job. Each job costs the storage a few transactions, whatever its size.
    const EMAILS: usize = 32;

    /// Returns the jobs that send these emails.
    pub fn send_emails(emails: &[EmailId]) -> Vec<Self> {
        emails.chunks(Self::EMAILS).map(|emails| Self::SendEmails { emails: emails.to_vec() }).collect()
    }

    pub const fn queue_name(&self) -> QueueName {
        match self {
            Self::ProcessSignups => QueueName::Signup,
            Self::SendEmails { .. } => QueueName::Mail,
            Self::Deliver { .. } => QueueName::Delivery,
            Self::PollFeed { .. } | Self::CheckArticle { .. } => QueueName::Reading,
            Self::PlanIssue { .. } | Self::FreezeIssue { .. } | Self::CallHeartbeat { .. } => QueueName::Work,
        }
    }
}

/// Enqueues jobs, and wakes the workers of this process at once.
#[derive(Debug, Clone)]
pub struct Queue {
    clock: Clock,
    senders: Arc<[watch::Sender<()>; 5]>,
}

impl Queue {
    /// Creates a queue. Delays count from the time of `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { clock, senders: Arc::new(QueueName::ALL.map(|_| watch::Sender::new(()))) }
    }

    /// Wakes this process's workers of a queue.
    fn nudge(&self, name: QueueName) {
        self.senders[name as usize].send_replace(());
    }

    /// Returns a stream with an item for each nudge of a queue.
    fn nudges(&self, name: QueueName) -> BoxStream<'static, ()> {
        let receiver = self.senders[name as usize].subscribe();
        futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.changed().await.ok()?;
            Some(((), receiver))
        })
        .boxed()
    }
}
