//! Counts as bars, curves and accounts.

use super::words::number;
use crate::db::deliveries::Counts;
use maud::{Markup, html};

/// Draws what became of an issue's copies as one bar.
pub fn strip(counts: &Counts, class: &str) -> Markup {
    let total = counts.total().max(1);
    let parts = [
        ("f-done", counts.sent),
        ("f-wait", counts.deferred + counts.uncertain),
        ("f-alarm", counts.failed + counts.skipped),
        ("f-move", counts.claimed + counts.sending),
    ];
    let mut x = 0;
    let label = format!(
        "{} delivered, {} to try again, {} failed or left, {} on their way, {} waiting",
        counts.sent,
        counts.deferred,
        counts.failed + counts.skipped,
        counts.claimed + counts.sending,
        counts.queued
    );
    html! {
        svg class={ "strip " (class) } viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(label) {
            @for (class, count) in parts {
                @let width = count.saturating_mul(1000) / total;
                @let width = if count > 0 { width.max(3) } else { 0 };
                @if width > 0 { rect class=(class) x=(x) width=(width) height="10" {} }
                ({ x += width; "" })
            }
        }
    }
}

/// Renders the counts of all copies as an account.
pub fn ledger(counts: &Counts, failed: &str) -> Markup {
    let rows = [
        ("Delivered", counts.sent, ""),
        ("To try again", counts.deferred, ""),
        ("Failed", counts.failed, failed),
        ("In doubt", counts.uncertain, ""),
        ("Left before their copy", counts.skipped, ""),
        ("On their way", counts.claimed + counts.sending, ""),
        ("Waiting", counts.queued, ""),
    ];
    html! {
        table.ledger {
            tbody {
                @for (name, count, note) in rows {
                    @if count > 0 || matches!(name, "Delivered" | "Failed" | "In doubt") {
                        tr { th scope="row" { (name) @if !note.is_empty() { small { (note) } } } td.end { (number(count)) } }
                    }
                }
            }
            tfoot { tr.total { th scope="row" { "Readers" } td.end { (number(counts.total())) } } }
        }
    }
}

/// Draws a curve from its lowest to its highest value.
pub fn spark(values: &[i64], label: &str) -> Markup {
    let (low, high) = (values.iter().min().copied().unwrap_or(0), values.iter().max().copied().unwrap_or(0));
    let span = (high - low).max(1);
    let last = i64::try_from(values.len().saturating_sub(1)).unwrap_or(1).max(1);
    let points: Vec<String> = values
        .iter()
        .zip(0_i64..)
        .map(|(value, index)| format!("{},{}", index * 1000 / last, 220 - (value - low) * 200 / span))
        .collect();
    let line = points.join(" ");
    html! {
        svg.spark viewBox="0 0 1000 240" preserveAspectRatio="none" role="img" aria-label={ (label) ": from " (number(values.first().copied().unwrap_or(0))) " to " (number(values.last().copied().unwrap_or(0))) } {
            polygon points={ "0,240 " (line) " 1000,240" } {}
            polyline points=(line) {}
        }
    }
}
