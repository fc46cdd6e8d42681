//! Names and descriptions of all figures. Names and labels are an interface: dashboards and alerts use them.

use metrics::{KeyName, Recorder, SharedString, Unit};

pub(super) const DELIVERIES: &str = "daily_deliveries_total";
pub(super) const EMAILS: &str = "daily_emails_total";
pub(super) const COMMIT_SECONDS: &str = "daily_recorder_commit_seconds";
pub(super) const COMMIT_RECORDS: &str = "daily_recorder_commit_records";
pub(super) const SIGNUPS: &str = "daily_signups_total";
pub(super) const CONFIRMATIONS: &str = "daily_confirmations_total";
pub(super) const PICTURES: &str = "daily_story_pictures_total";
pub(super) const JOBS: &str = "daily_jobs_total";
pub(super) const JOB_SECONDS: &str = "daily_job_seconds";
pub(super) const HTTP_SECONDS: &str = "daily_http_request_seconds";

const COUNTERS: [(&str, &str); 6] = [
    (DELIVERIES, "Attempts to deliver an issue to a reader, by outcome and class of the relay's answer."),
    (EMAILS, "Attempts to send a single email, by kind and outcome."),
    (SIGNUPS, "Signups that were accepted, or refused because of a limit or a fault."),
    (CONFIRMATIONS, "Subscriptions that readers confirmed."),
    (PICTURES, "Stories whose pictures were made or could not be made."),
    (JOBS, "Jobs that ended, by kind and outcome."),
];

const HISTOGRAMS: [(&str, &str); 4] = [
    (COMMIT_SECONDS, "Time to make a batch of begins and answers of deliveries durable."),
    (COMMIT_RECORDS, "Begins and answers of deliveries in one transaction."),
    (JOB_SECONDS, "Duration of jobs, by kind."),
    (HTTP_SECONDS, "Time to answer a request, by route."),
];

/// A figure that can fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gauge {
    DatabaseUp,
    DiskFreeBytes,
    Processes,
    QueueJobs,
    QueueOldestSeconds,
    Issues,
    IssueOverdueSeconds,
    SendingRecipients,
    DeliveryOverdueSeconds,
    Feeds,
    FeedLagSeconds,
    Destinations,
    RelayUp,
    RelayConnections,
    RelayRate,
    CollectedAt,
}

impl Gauge {
    const ALL: [Self; 16] = [
        Self::DatabaseUp,
        Self::DiskFreeBytes,
        Self::Processes,
        Self::QueueJobs,
        Self::QueueOldestSeconds,
        Self::Issues,
        Self::IssueOverdueSeconds,
        Self::SendingRecipients,
        Self::DeliveryOverdueSeconds,
        Self::Feeds,
        Self::FeedLagSeconds,
        Self::Destinations,
        Self::RelayUp,
        Self::RelayConnections,
        Self::RelayRate,
        Self::CollectedAt,
    ];

    pub(super) const fn name(self) -> &'static str {
        self.named().0
    }

    const fn named(self) -> (&'static str, &'static str) {
        match self {
            Self::DatabaseUp => ("daily_database_up", "1 if the database answers this process, else 0."),
            Self::DiskFreeBytes => ("daily_disk_free_bytes", "Free space where Daily keeps its files."),
            Self::Processes => ("daily_processes", "Live processes on this database, by part."),
            Self::QueueJobs => ("daily_queue_jobs", "Jobs that are due or running, by queue."),
            Self::QueueOldestSeconds => {
                ("daily_queue_oldest_seconds", "How long the oldest due job has been waiting, by queue.")
            }
            Self::Issues => ("daily_issues", "Issues that are not over, by status."),
            Self::IssueOverdueSeconds => (
                "daily_issue_overdue_seconds",
                "How late the latest issue is that should have begun to go out.",
            ),
            Self::SendingRecipients => ("daily_sending_recipients", "Readers of the issues being sent."),
            Self::DeliveryOverdueSeconds => (
                "daily_delivery_overdue_seconds",
                "How long the delivery that has waited longest has been due.",
            ),
            Self::Feeds => ("daily_feeds", "Active feeds, by state: ok or failing."),
            Self::FeedLagSeconds => {
                ("daily_feed_lag_seconds", "How late the reading of the feed is that has waited longest.")
            }
            Self::Destinations => ("daily_destinations", "Destination domains that are slowed or held."),
            Self::RelayUp => {
                ("daily_relay_up", "0 while this process waits after a failure of the relay, else 1.")
            }
            Self::RelayConnections => {
                ("daily_relay_connections", "Connections of this process to the relay.")
            }
            Self::RelayRate => (
                "daily_relay_slowed_per_minute",
                "Messages per minute to a relay that is slowed; 0 if none is.",
            ),
            Self::CollectedAt => (
                "daily_collected_at_seconds",
                "When the figures of the database were collected, in Unix time.",
            ),
        }
    }
}

/// Registers the descriptions of all figures.
pub(super) fn describe(recorder: &impl Recorder) {
    let key = KeyName::from_const_str;
    let text = SharedString::const_str;
    for (name, description) in COUNTERS {
        recorder.describe_counter(key(name), None, text(description));
    }
    for (name, description) in HISTOGRAMS {
        recorder.describe_histogram(key(name), Some(Unit::Seconds), text(description));
    }
    for gauge in Gauge::ALL {
        let (name, description) = gauge.named();
        recorder.describe_gauge(key(name), None, text(description));
    }
}
