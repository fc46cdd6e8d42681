//! Imports a batch of rows in one transaction.

use crate::{
    actions::subscription::import_subscribers::{
        Context, ImportError, LeftOut, Summary,
        list::{NumberedRow, RefusedRow},
        seen::{Novelty, SeenAddresses},
    },
    db::{
        DbError, Tx, audit,
        newsletters::NewsletterRecord,
        subscribers::{self, ImportedConsent, KnownAddress, NewSubscription, erased_addresses},
        suppressions::{self, BouncedAddress, NewSuppression},
    },
    domain::{
        actor::Actor,
        ids::SubscriptionId,
        import::{Known, Outcome, Row, Standing, decide, keeps_out},
        subscriber::{consent::ConsentEvent, pause, subscription::SubscriptionStatus},
    },
};
use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The parameters of an import.
pub(super) struct Importer<'a> {
    pub(super) context: &'a Context,
    pub(super) actor: &'a Actor,
    pub(super) newsletter: &'a NewsletterRecord,
    pub(super) source: &'a str,
    pub(super) dry_run: bool,
}

/// Describes the file for the ledger: its name, and the time it was read.
pub(super) fn source_of(file_name: &str, now: Timestamp) -> String {
    let name: String = file_name.chars().filter(|c| !c.is_control()).take(200).collect();
    format!("{name}, read {}", now.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// A row with its outcome.
struct Decided {
    row: Row,
    outcome: Outcome,
    /// Whether no later import may add this reader.
    keeps_out: bool,
    /// The existing subscription.
    subscription: Option<SubscriptionId>,
}

impl Importer<'_> {
    /// Imports a batch and returns the rows that were left out.
    pub(super) async fn run(
        &self,
        batch: Vec<NumberedRow>,
        seen: &mut SeenAddresses,
        summary: &mut Summary,
    ) -> Result<Vec<LeftOut>, ImportError> {
        let mut left_out = Vec::new();
        let (mut lines, mut first, mut later) = (Vec::new(), Vec::with_capacity(batch.len()), Vec::new());
        summary.rows += batch.len() as u64;
        summary.tidied +=
            batch.iter().filter(|(_, row)| row.as_ref().is_ok_and(|row| row.is_tidied)).count() as u64;
        for (line, row) in batch {
            let row = match row {
                Ok(row) => row,
                Err(RefusedRow { address, reason: refusal }) => {
                    *summary.refused.entry(refusal.kind().into()).or_default() += 1;
                    let (address, reason) = (address.map(|it| it.to_string()), refusal.to_string());
                    left_out.push(LeftOut { line, address, outcome: "refused", reason });
                    continue;
                }
            };
            let novelty = seen.record(&row.address.key(), row.standing);
            if novelty == Novelty::New {
                lines.push(line);
                first.push(row);
                continue;
            }
            left_out.extend(count(summary, line, &row, Outcome::Duplicate));
            if novelty == Novelty::Stricter {
                later.push(row);
            }
        }
        let mut tx =
            if self.dry_run { self.context.db.read().await? } else { self.context.db.begin().await? };
        subscribers::prepare_import(&mut tx).await?;
        let decided = self.decide(&mut tx, first).await?;
        for (line, it) in lines.iter().zip(&decided) {
            left_out.extend(count(summary, *line, &it.row, it.outcome));
        }
        if !self.dry_run {
            self.write(&mut tx, &decided).await?;
            let mut changes = BTreeMap::new();
            count_changes(&mut changes, &decided);
            // One by one, because several rows may be about one address. The summary counts them already.
            for row in later {
                let decided = self.decide(&mut tx, vec![row]).await?;
                self.write(&mut tx, &decided).await?;
                count_changes(&mut changes, &decided);
            }
            self.record(&mut tx, &changes).await?;
            tx.commit().await?;
        }
        left_out.sort_by_key(|it| it.line);
        Ok(left_out)
    }

    /// Adds an entry of numbers to the audit log.
    async fn record(&self, tx: &mut Tx, changes: &BTreeMap<Outcome, u64>) -> Result<(), DbError> {
        if changes.is_empty() {
            return Ok(());
        }
        let entry = audit::Entry {
            actor: self.actor,
            action: "subscriber.import",
            subject: Some(self.newsletter.id.0),
            before: Value::Null,
            after: json!(changes),
        };
        audit::record(tx, entry, self.context.clock.now()).await
    }

    async fn decide(&self, tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Decided>, DbError> {
        let keys: Vec<String> = rows.iter().map(|row| row.address.key()).collect();
        let known = subscribers::known_addresses(tx, self.newsletter.id, &keys).await?;
        let forgotten = erased_addresses::among(tx, &keys).await?;
        let decided = rows.into_iter().enumerate().map(|(place, row)| {
            let row = self.end_past_pause(row);
            let existing = known.get(&keys[place]);
            let known = existing.map(known_of).unwrap_or_default();
            let known = Known { forgotten: forgotten.contains(&keys[place]), ..known };
            let outcome = decide(&row, &known);
            let keeps_out = keeps_out(&row, &known, outcome);
            let subscription = existing.and_then(|it| it.subscription).map(|it| it.0);
            Decided { row, outcome, keeps_out, subscription }
        });
        Ok(decided.collect())
    }

    async fn write(&self, tx: &mut Tx, decided: &[Decided]) -> Result<(), DbError> {
        let now = self.context.clock.now();
        // Subscriptions that get an entry in the ledger, with their rows.
        let mut changed: Vec<(SubscriptionId, &Decided)> = Vec::with_capacity(decided.len());
        let (mut unmailable, mut kept_out) = (Vec::new(), Vec::new());
        let (mut new, mut new_of) = (Vec::new(), Vec::new());
        for it in decided {
            if it.keeps_out {
                kept_out.push(NewSuppression { address_key: it.row.address.key(), reason: self.reason(it) });
            }
            match (it.outcome, it.subscription) {
                (Outcome::Added | Outcome::Left, None) => {
                    new.push(NewSubscription {
                        rests: self.pause_of(&it.row),
                        ..new_subscription(&it.row, now)
                    });
                    new_of.push(it);
                }
                (Outcome::Added, Some(id)) => {
                    let confirmed_at = it.row.confirmed_at.unwrap_or(now);
                    let new =
                        NewSubscription { rests: self.pause_of(&it.row), ..new_subscription(&it.row, now) };
                    if subscribers::activate_imported(tx, id, &new, confirmed_at).await? {
                        changed.push((id, it));
                    }
                }
                (Outcome::Ended | Outcome::Left, Some(id)) => {
                    let ended = subscribers::end_imported(tx, id, status_of(it.row.standing), now).await?;
                    changed.extend(ended.then_some((id, it)));
                }
                (Outcome::Suppressed, subscription) => {
                    unmailable.push(BouncedAddress {
                        address_key: it.row.address.key(),
                        reason: self.reason(it),
                        issue: None,
                    });
                    if let Some(id) = subscription {
                        let status = status_of(it.row.standing);
                        let ended = subscribers::end_imported(tx, id, status, now).await?;
                        changed.extend(ended.then_some((id, it)));
                    }
                }
                _ => {}
            }
        }
        let made = subscribers::insert_imported(tx, self.newsletter.id, &new, now).await?;
        changed.extend(new_of.iter().enumerate().filter_map(|(place, it)| Some((*made.get(&place)?, *it))));
        let events: Vec<_> = changed.iter().flat_map(|(id, it)| events(*id, it, now)).collect();
        subscribers::record_imported(tx, &events, self.source).await?;
        suppressions::add_bounced(tx, &unmailable, now).await?;
        suppressions::add_for_newsletter(tx, self.newsletter.id, &kept_out, now).await
    }

    /// Returns the day that ends a row's pause, and its beginning on the reader's clock. `None` if the pause
    /// has no end.
    fn pause_of(&self, row: &Row) -> Option<(Date, Timestamp)> {
        let until = row.paused_until.filter(|_| row.standing == Standing::Paused)?;
        let zone = pause::effective_zone(&self.newsletter.newsletter, row.choices.time_zone.as_ref());
        Some((until, pause::resumes_at(until, zone)))
    }

    /// Turns a pause that is already over into an active subscription.
    fn end_past_pause(&self, row: Row) -> Row {
        match self.pause_of(&row) {
            Some((_, resumes_at)) if resumes_at <= self.context.clock.now() => {
                Row { standing: Standing::Confirmed, paused_until: None, ..row }
            }
            _ => row,
        }
    }

    /// Returns the reason for a suppression.
    fn reason(&self, it: &Decided) -> String {
        format!("{}: as {} has it", it.row.standing, self.source)
    }
}

/// Returns the ledger entries of a row: events in the other system, at the time given in the list, or else
/// now. For a reader who unsubscribed there, the signup is recorded as far as it is known.
fn events<'a>(
    subscription: SubscriptionId,
    it: &'a Decided,
    now: Timestamp,
) -> impl Iterator<Item = ImportedConsent<'a>> {
    let row = &it.row;
    let event = move |event, at: Option<Timestamp>, client_address: Option<&'a str>| {
        at.map(|occurred_at| ImportedConsent {
            subscription,
            address: row.address.as_str(),
            event,
            occurred_at,
            client_address,
        })
    };
    let added = it.outcome == Outcome::Added;
    let is_new = matches!(it.outcome, Outcome::Added | Outcome::Left);
    let confirmed_at = row.confirmed_at.or(added.then_some(now));
    let unsubscribed_at = (!added).then(|| row.ended_at.unwrap_or(now));
    [
        event(ConsentEvent::Requested, row.requested_at.filter(|_| is_new), row.requested_from.as_deref()),
        event(ConsentEvent::Confirmed, confirmed_at.filter(|_| is_new), row.confirmed_from.as_deref()),
        event(ConsentEvent::Unsubscribed, unsubscribed_at, None),
    ]
    .into_iter()
    .flatten()
}

/// Counts the rows that change something, by outcome.
fn count_changes(changes: &mut BTreeMap<Outcome, u64>, decided: &[Decided]) {
    let changing = [Outcome::Added, Outcome::Left, Outcome::Ended, Outcome::Suppressed];
    for it in decided.iter().filter(|it| changing.contains(&it.outcome)) {
        *changes.entry(it.outcome).or_default() += 1;
    }
}

/// Counts a row. Returns it if it was left out, or imported without an unreadable cell.
fn count(summary: &mut Summary, line: u64, row: &Row, outcome: Outcome) -> Option<LeftOut> {
    *summary.outcomes.entry(outcome).or_default() += 1;
    let reason = match (outcome.left_out(), &row.unread) {
        (Some(reason), _) => reason.to_owned(),
        (None, unread) => format!("imported without unreadable values: {}", unread.as_ref()?),
    };
    Some(LeftOut { line, address: Some(row.address.to_string()), outcome: outcome.as_str(), reason })
}

fn known_of(it: &KnownAddress) -> Known {
    Known {
        status: it.subscription.map(|it| it.1),
        requested_here_at: it.requested_here_at,
        has_left: it.has_left,
        confirmed_here_at: it.confirmed_here_at,
        suppressed: it.suppressed,
        forgotten: false,
    }
}

const fn status_of(standing: Standing) -> SubscriptionStatus {
    match standing {
        Standing::Unconfirmed => SubscriptionStatus::Pending,
        Standing::Confirmed => SubscriptionStatus::Active,
        Standing::Paused => SubscriptionStatus::Paused,
        Standing::Unsubscribed => SubscriptionStatus::Unsubscribed,
        Standing::Undeliverable | Standing::Blocked => SubscriptionStatus::Undeliverable,
        Standing::Complained => SubscriptionStatus::Complained,
    }
}

/// Makes the subscription of a row. Missing times are replaced by now.
fn new_subscription(row: &Row, now: Timestamp) -> NewSubscription<'_> {
    let is_subscribed = row.standing != Standing::Unsubscribed;
    NewSubscription {
        address: &row.address,
        status: status_of(row.standing),
        requested_at: row.requested_at.or(row.confirmed_at).unwrap_or(now),
        confirmed_at: if is_subscribed { Some(row.confirmed_at.unwrap_or(now)) } else { row.confirmed_at },
        ended_at: (!is_subscribed).then(|| row.ended_at.unwrap_or(now)),
        choices: &row.choices,
        rests: None,
        language: row.language.as_deref(),
    }
}
