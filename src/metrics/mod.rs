//! Figures of this process for monitoring, in the text format of Prometheus.
//!
//! Counting takes an addition to an atomic number, and no I/O. Each process has a registry of its own, so that
//! figures of two apps in one program don't mix.

mod names;

use metrics::{Counter, Histogram, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::{sync::Arc, time::Duration};

pub use names::Gauge;

/// Upper bounds for durations, in seconds: from a quick query to a time limit.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Upper bounds for the number of records in one transaction.
const BATCH: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 512.0];

/// Where a figure was recorded, which no exporter of ours asks for.
const METADATA: Metadata<'static> = Metadata::new("daily", Level::INFO, None);

/// The result of an attempt to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// The relay asked to try again later.
    Deferred,
    Failed,
    /// The relay itself failed, which says nothing about the recipient.
    RelayFailed,
    /// The relay may or may not have the message.
    InDoubt,
    /// It was given up for another reason, such as a reader who has unsubscribed.
    Dropped,
}

impl Outcome {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Sent, "sent"),
        (Self::Deferred, "deferred"),
        (Self::Failed, "failed"),
        (Self::RelayFailed, "relay_failed"),
        (Self::InDoubt, "in_doubt"),
        (Self::Dropped, "dropped"),
    ];
}

/// Classes of relays' answers, by the first digit of their code.
const ANSWERS: [&str; 4] = ["2xx", "4xx", "5xx", "none"];

fn answer_class(code: Option<u16>) -> usize {
    match code {
        Some(200..400) => 0,
        Some(400..500) => 1,
        Some(500..600) => 2,
        _ => 3,
    }
}

/// The figures of this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    /// One counter for each outcome and class of answer.
    deliveries: [[Counter; ANSWERS.len()]; Outcome::ALL.len()],
    commit_seconds: Histogram,
    commit_records: Histogram,
    signups: [Counter; 2],
    confirmations: Counter,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = |builder: PrometheusBuilder, name: &str, bounds: &[f64]| {
            builder
                .set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)
                .expect("constant bounds, at least one")
        };
        let mut builder = PrometheusBuilder::new();
        for name in [names::COMMIT_SECONDS, names::JOB_SECONDS, names::HTTP_SECONDS] {
            builder = buckets(builder, name, &SECONDS);
        }
        let recorder = buckets(builder, names::COMMIT_RECORDS, &BATCH).build_recorder();
        names::describe(&recorder);
        let counter = |name: &'static str, labels: Vec<metrics::Label>| {
            let counter = recorder.register_counter(&metrics::Key::from_parts(name, labels), &METADATA);
            // A counter that begins with its first event has no rate for it.
            counter.increment(0);
            counter
        };
        let label = |name: &'static str, value: &'static str| metrics::Label::from_static_parts(name, value);
        let deliveries = Outcome::ALL.map(|(_, outcome)| {
            ANSWERS.map(|answer| {
                counter(names::DELIVERIES, vec![label("outcome", outcome), label("answer", answer)])
            })
        });
        let signups =
            ["accepted", "refused"].map(|result| counter(names::SIGNUPS, vec![label("result", result)]));
        let confirmations = counter(names::CONFIRMATIONS, Vec::new());
        let histogram = |name: &'static str| {
            recorder.register_histogram(&metrics::Key::from_static_name(name), &METADATA)
        };
        let (commit_seconds, commit_records) =
            (histogram(names::COMMIT_SECONDS), histogram(names::COMMIT_RECORDS));
        let handle = recorder.handle();
        Self(Arc::new(Inner {
            recorder,
            handle,
            deliveries,
            commit_seconds,
            commit_records,
            signups,
            confirmations,
        }))
    }
}

impl Metrics {
    /// Counts an attempt to deliver an issue to a reader.
    pub fn count_delivery(&self, outcome: Outcome, code: Option<u16>) {
        self.0.deliveries[outcome as usize][answer_class(code)].increment(1);
    }

    /// Records a transaction that made deliveries' begins and answers durable.
    pub fn record_commit(&self, took: Duration, records: usize) {
        self.0.commit_seconds.record(took);
        self.0.commit_records.record(f64::from(u32::try_from(records).unwrap_or(u32::MAX)));
    }

    /// Counts an attempt to send a single email, such as a confirmation.
    pub fn count_email(&self, kind: &'static str, outcome: Outcome) {
        let (_, outcome) = Outcome::ALL[outcome as usize];
        self.count(names::EMAILS, &[("kind", kind), ("outcome", outcome)]);
    }

    pub fn count_signup(&self, is_accepted: bool) {
        self.0.signups[usize::from(!is_accepted)].increment(1);
    }

    pub fn count_confirmations(&self, confirmed: u64) {
        self.0.confirmations.increment(confirmed);
    }

    /// Counts stories whose pictures were made, or could not be.
    pub fn count_pictures(&self, is_made: bool) {
        self.count(names::PICTURES, &[("outcome", if is_made { "made" } else { "failed" })]);
    }

    /// Records a finished job. `outcome` is `done`, `failed`, `panicked` or `timed_out`.
    pub fn record_job(&self, kind: &'static str, outcome: &'static str, took: Duration) {
        self.count(names::JOBS, &[("kind", kind), ("outcome", outcome)]);
        self.histogram(names::JOB_SECONDS, vec![metrics::Label::from_static_parts("kind", kind)])
            .record(took);
    }

    /// Records an answered HTTP request. `route` is a pattern, never a path, because paths contain tokens.
    pub fn record_request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let class = match status / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let labels = vec![
            metrics::Label::from_static_parts("method", method),
            metrics::Label::new("route", route.to_owned()),
            metrics::Label::from_static_parts("status", class),
        ];
        self.histogram(names::HTTP_SECONDS, labels).record(took);
    }

    /// Sets a figure that can fall.
    pub fn set(&self, gauge: Gauge, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|(name, value)| metrics::Label::new(*name, (*value).to_owned()));
        let key = metrics::Key::from_parts(gauge.name(), labels.collect::<Vec<_>>());
        self.0.recorder.register_gauge(&key, &METADATA).set(value);
    }

    /// Returns all figures in Prometheus's text format.
    pub fn render(&self) -> String {
        self.0.handle.render()
    }

    /// Sorts recorded durations into their histograms, which frees memory. To be called every few seconds, because
    /// nobody may ever ask for the figures.
    pub fn fold(&self) {
        self.0.handle.run_upkeep();
    }

    fn count(&self, name: &'static str, labels: &[(&'static str, &'static str)]) {
        let labels = labels.iter().map(|(name, value)| metrics::Label::from_static_parts(name, value));
        let key = metrics::Key::from_parts(name, labels.collect::<Vec<_>>());
        self.0.recorder.register_counter(&key, &METADATA).increment(1);
    }

    fn histogram(&self, name: &'static str, labels: Vec<metrics::Label>) -> Histogram {
        self.0.recorder.register_histogram(&metrics::Key::from_parts(name, labels), &METADATA)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let figures = Metrics::default();
        figures.count_delivery(Outcome::Sent, Some(250));
        figures.count_delivery(Outcome::Sent, Some(250));
        figures.count_delivery(Outcome::RelayFailed, None);
        figures.count_email("confirmation", Outcome::Deferred);
        figures.record_request("GET", "/issues/{date}", 404, Duration::from_millis(3));
        figures.record_job("plan_issue", "done", Duration::from_secs(2));
        figures.set(Gauge::QueueJobs, &[("queue", "delivery")], 3.0);
        figures.set(Gauge::QueueJobs, &[("queue", "delivery")], 2.0);
        let text = figures.render();
        for line in [
            "# TYPE daily_deliveries_total counter",
            "daily_deliveries_total{outcome=\"sent\",answer=\"2xx\"} 2",
            "daily_deliveries_total{outcome=\"relay_failed\",answer=\"none\"} 1",
            "daily_deliveries_total{outcome=\"failed\",answer=\"5xx\"} 0",
            "daily_emails_total{kind=\"confirmation\",outcome=\"deferred\"} 1",
            "daily_signups_total{result=\"accepted\"} 0",
            "daily_http_request_seconds_bucket{method=\"GET\",route=\"/issues/{date}\",status=\"4xx\",le=\"0.005\"} 1",
            "daily_job_seconds_count{kind=\"plan_issue\"} 1",
            "daily_queue_jobs{queue=\"delivery\"} 2",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is missing:\n{text}");
        }
        assert!(!Metrics::default().render().contains("daily_queue_jobs{"), "registries don't mix");
    }

    /// Prints the cost of counting one delivery: `cargo test --release --lib metrics -- --nocapture`.
    #[test]
    fn counting_a_delivery_is_an_addition() {
        let figures = Metrics::default();
        let begun = std::time::Instant::now();
        for _ in 0..1_000_000 {
            figures.count_delivery(Outcome::Sent, Some(250));
        }
        println!("{} ns for one delivery", begun.elapsed().as_nanos() / 1_000_000);
        assert!(figures.render().contains("{outcome=\"sent\",answer=\"2xx\"} 1000000"));
    }
}
