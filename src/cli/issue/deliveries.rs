//! `daily issue deliveries`

use crate::{
    app::App,
    cli::{
        CliError, CliResult,
        issue::Which,
        output::{Output, table, utc_time},
        parse_address,
    },
    db::{
        deliveries::{self, ReaderDelivery},
        issues::{IssueRecord, variants},
        newsletters, subscribers, suppressions,
    },
    domain::{delivery::status::DeliveryStatus, ids::SubscriberId},
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;
use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

/// List deliveries, or trace one reader's copy
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily issue deliveries --status failed            refused, with the reason\n  \
    daily --json issue deliveries --all > all.ndjson  one object per line\n  \
    daily issue deliveries --reader ann@example.org   one reader's copy")]
pub struct Deliveries {
    #[command(flatten)]
    which: Which,
    /// Show deliveries with this status
    #[arg(long, value_parser = status_parser())]
    status: Option<DeliveryStatus>,
    /// Show the page after this reader's number
    #[arg(long, default_value_t = 0)]
    after: i64,
    /// Show at most this many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    /// Show all; with --json, one object per line
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Trace this reader's copy
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["status", "after", "limit", "all"])]
    reader: Option<String>,
}

/// Deliveries per query with `--all`.
const PAGE_SIZE: i64 = 1000;

const TITLES: [&str; 9] =
    ["reader", "state", "attempts", "next or end", "came back", "relay", "code", "enhanced", "text"];

fn status_parser() -> impl TypedValueParser<Value = DeliveryStatus> {
    PossibleValuesParser::new(DeliveryStatus::ALL.iter().map(|it| it.as_str()))
        .try_map(|text| text.parse::<DeliveryStatus>())
}

impl Deliveries {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        let issue = self.which.existing(app).await?;
        if let Some(reader) = &self.reader {
            return show_reader(app, &issue, reader, output).await;
        }
        if self.all {
            return self.stream(app, &issue, output).await;
        }
        // One more than is shown tells whether there is another page.
        let mut page = self.load_page(app, &issue, SubscriberId(self.after), self.limit + 1).await?;
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = page.len() > shown;
        page.truncate(shown);
        output.records(&page, &TITLES, row)?;
        if let Some(last) = page.last().filter(|_| more) {
            errln!("there are more: use --after {} for the next page, or --all", last.subscriber_id);
        }
        Ok(())
    }

    async fn load_page(
        &self,
        app: &App,
        issue: &IssueRecord,
        after: SubscriberId,
        limit: i64,
    ) -> Result<Vec<ReaderDelivery>, CliError> {
        // A transaction per page: a long one would keep the database from cleaning up while an issue is being
        // sent.
        let mut tx = app.db.read().await?;
        Ok(deliveries::page(&mut tx, issue.id, self.status, after, limit).await?)
    }

    async fn stream(&self, app: &App, issue: &IssueRecord, output: Output) -> CliResult {
        let mut after = SubscriberId(self.after);
        let mut first = true;
        loop {
            let page = self.load_page(app, issue, after, PAGE_SIZE).await?;
            write_page(&page, first, output)?;
            match page.last() {
                Some(last) => after = last.subscriber_id,
                None => return Ok(()),
            }
            first = false;
        }
    }
}

/// Writes a page of a long list: one JSON object per line, or rows below a single line of titles.
fn write_page(page: &[ReaderDelivery], first: bool, output: Output) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    if output.json {
        for delivery in page {
            serde_json::to_writer(&mut out, delivery)?;
            out.write_all(b"\n")?;
        }
    } else {
        let text = table(&TITLES, &page.iter().map(row).collect::<Vec<_>>());
        let without_titles = text.split_once('\n').map_or("", |(_, rest)| rest);
        out.write_all(if first { &text } else { without_titles }.as_bytes())?;
    }
    out.flush()
}

fn row(it: &ReaderDelivery) -> Vec<String> {
    let or_none = |text: &Option<String>| text.clone().filter(|text| !text.is_empty()).unwrap_or("-".into());
    vec![
        it.address.clone(),
        it.status.to_string(),
        it.attempts.to_string(),
        utc_time(next_or_end(it)),
        it.came_back.map_or("-".into(), |kind| kind.to_string()),
        or_none(&it.relay),
        it.reply_code.map_or("-".into(), |code| code.to_string()),
        or_none(&it.enhanced_code),
        or_none(&it.reply_text),
    ]
}

/// Returns the time of the next attempt, or of the end.
fn next_or_end(it: &ReaderDelivery) -> Option<crate::db::DbTime> {
    let waits = matches!(it.status, DeliveryStatus::Queued | DeliveryStatus::Deferred);
    if waits { Some(it.next_attempt_at) } else { it.finished_at }
}

/// Prints one reader's copy.
async fn show_reader(app: &App, issue: &IssueRecord, reader: &str, output: Output) -> CliResult {
    let address = parse_address(reader)?;
    let mut tx = app.db.read().await?;
    let subscriptions = subscribers::for_address(&mut tx, &address).await?;
    let Some(subscriber) = subscriptions.first().map(|it| it.subscriber_id) else {
        return Err(CliError::Failed(format!("{address} has never signed up")));
    };
    let Some(delivery) = deliveries::get_by_subscriber(&mut tx, issue.id, subscriber).await? else {
        let suppressed = suppressions::get_by_address(&mut tx, &address).await?;
        let why =
            suppressed.map(|it| format!(" The address is suppressed: {}.", it.reason)).unwrap_or_default();
        return Err(CliError::Failed(format!(
            "{address} has no copy of the issue of {}: they were no active reader when it was frozen ({}).{why} \
             `daily subscriber show {address}` tells more",
            issue.issue_date,
            utc_time(issue.frozen_at),
        )));
    };
    let newsletter = newsletters::get(&mut tx, issue.newsletter_id).await?.newsletter;
    let subject = variants::subject_for(&mut tx, delivery.variant_id).await?;
    drop(tx);
    let message_id = delivery.id.map(|id| issue.message_id(id, &newsletter.sender_address));
    let record = json!({
        "issue_date": issue.issue_date, "subject": subject, "message_id": message_id, "delivery": delivery,
    });
    output.record(&record, || {
        let mut text = format!("{}: {}\n", delivery.address, delivery.status);
        let _ = writeln!(text, "issue of {}: {}", issue.issue_date, subject.as_deref().unwrap_or("-"));
        let Some(message_id) = message_id else {
            text += "The details are older than retention.deliveries_days, so only this is kept.\n";
            return text;
        };
        let _ = writeln!(text, "Message-ID: <{message_id}>");
        let _ = writeln!(text, "attempts: {}", delivery.attempts);
        let what = if delivery.finished_at.is_some() { "ended" } else { "next attempt" };
        let _ = writeln!(text, "{what}: {}", utc_time(next_or_end(&delivery)));
        let said = row(&delivery)[5..].join(" ");
        let _ = writeln!(text, "last answer: {said}");
        if let Some(kind) = delivery.came_back {
            let _ = writeln!(text, "came back by email: {kind}");
        }
        text
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::DbTime,
        domain::ids::{DeliveryId, VariantId},
    };

    #[test]
    fn a_row_says_when_it_is_tried_next_or_when_it_ended() {
        let at = |text: &str| DbTime(text.parse().unwrap());
        let mut it = ReaderDelivery {
            id: Some(DeliveryId(7)),
            subscriber_id: SubscriberId(3),
            variant_id: VariantId(1),
            address: "ann@example.org".into(),
            status: DeliveryStatus::Deferred,
            attempts: 2,
            next_attempt_at: at("2026-05-01T07:05:00Z"),
            relay: Some("smtp://relay.example:25".into()),
            reply_code: Some(451),
            enhanced_code: Some("4.7.1".into()),
            reply_text: Some("4.7.1 later".into()),
            finished_at: None,
            came_back: None,
        };
        let deferred = [
            "ann@example.org",
            "deferred",
            "2",
            "2026-05-01 07:05:00Z",
            "-",
            "smtp://relay.example:25",
            "451",
            "4.7.1",
        ];
        assert_eq!(row(&it)[..8], deferred);
        (it.status, it.relay, it.reply_code) = (DeliveryStatus::Sending, Some(String::new()), None);
        assert_eq!(row(&it)[3..7], ["-", "-", "-", "-"]);
        (it.status, it.finished_at) = (DeliveryStatus::Sent, Some(at("2026-05-01T07:06:00Z")));
        assert_eq!(row(&it)[3], "2026-05-01 07:06:00Z");
    }
}
