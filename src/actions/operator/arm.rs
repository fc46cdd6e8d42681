//! An operator arms a database that was restored from a backup.
//!
//! Open work of the backup may have been done since. So before anything is sent, every open delivery and email
//! becomes uncertain, planned issues wait for an operator, and the slots since count as skipped. Stories that those may
//! have had are not sent again.

use crate::{
    actions::Context,
    db::{
        DbError, Tx, audit,
        deliveries::{self, emails},
        installation::{self, InstallationRecord},
        issues::{self, IssueRecord},
        newsletters, subscribers,
    },
    domain::{
        actor::Actor,
        delivery::{email::EmailKind, resend},
        issue::{
            schedule::{self, Due, Margins},
            status::IssueStatus,
        },
    },
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde_json::json;

/// Why an issue or a slot of a restored database is skipped or held.
pub const REASON: &str = "the database was restored from a backup, and it may have gone out before";
/// Rows that one transaction changes.
const AT_ONCE: i64 = 5_000;

/// An issue that was open in the backup.
#[derive(Debug, Clone, serde::Serialize)]
pub struct OpenIssue {
    /// The newsletter's short name.
    pub newsletter: String,
    pub date: Date,
    pub status: IssueStatus,
    /// Its deliveries without a final answer.
    pub deliveries: i64,
    /// Its time has passed, so it counts as skipped.
    pub is_skipped: bool,
}

/// A date that passed since the backup.
#[derive(Debug, Clone, serde::Serialize)]
pub struct OpenSlot {
    /// The newsletter's short name.
    pub newsletter: String,
    pub date: Date,
    #[serde(skip)]
    due: Due,
    #[serde(skip)]
    newsletter_id: crate::domain::ids::NewsletterId,
}

/// Work that was open in the backup, and may have been done since.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Open {
    pub issues: Vec<OpenIssue>,
    /// Single emails by kind.
    pub emails: Vec<(EmailKind, i64)>,
    pub slots: Vec<OpenSlot>,
    #[serde(skip)]
    records: Vec<IssueRecord>,
}

impl Open {
    /// Returns the issues that wait for an operator now.
    pub fn planned(&self) -> impl Iterator<Item = &OpenIssue> {
        self.issues.iter().filter(|issue| issue.status == IssueStatus::Planned && !issue.is_skipped)
    }

    /// Returns the issues whose deliveries were still being made.
    pub fn fanning_out(&self) -> impl Iterator<Item = &IssueRecord> {
        self.records.iter().filter(|issue| issue.fanned_out_to.is_some())
    }
}

/// Returns what was open when the database was disarmed.
pub async fn open_in_backup(
    context: &Context,
    installation: &InstallationRecord,
    grace: SignedDuration,
) -> Result<Open, DbError> {
    let now = context.clock.now();
    let since = installation.disarmed_at.map_or(now, |at| at.0);
    let mut tx = context.db.read().await?;
    let records = issues::open(&mut tx).await?;
    let mut open = Vec::new();
    for record in &records {
        open.push(OpenIssue {
            newsletter: newsletters::get(&mut tx, record.newsletter_id).await?.newsletter.slug,
            date: record.date(),
            status: record.status,
            deliveries: deliveries::count_open(&mut tx, record.id).await?,
            is_skipped: record.status == IssueStatus::Planned && record.due_at.0 <= now,
        });
    }
    Ok(Open {
        issues: open,
        emails: emails::open_by_kind(&mut tx, since).await?,
        slots: open_slots(&mut tx, grace, now).await?,
        records,
    })
}

/// Returns the dates without an issue whose time has come.
async fn open_slots(tx: &mut Tx, grace: SignedDuration, now: Timestamp) -> Result<Vec<OpenSlot>, DbError> {
    let margins = Margins { plan_ahead: SignedDuration::ZERO, grace };
    let mut open = Vec::new();
    for record in newsletters::list(tx).await? {
        let newsletter = &record.newsletter;
        let from = schedule::date_at(newsletter, now).saturating_sub(jiff::Span::new().days(10));
        let taken = issues::dates_from(tx, record.id, from).await?;
        let clocks = subscribers::clocks_for(tx, &record).await?;
        let slots = schedule::open_slots(newsletter, record.scheduled_since, &taken, &clocks, margins, now);
        open.extend(slots.into_iter().map(|slot| OpenSlot {
            newsletter: newsletter.slug.clone(),
            date: slot.date,
            due: slot.due,
            newsletter_id: record.id,
        }));
    }
    Ok(open)
}

/// Settles what was open in the backup and arms the database. Returns `None` if it is armed already. After a crash
/// in between, the database is still disarmed, and a second call goes on. Fan-outs must have been finished, so that
/// every copy of their issues becomes uncertain.
pub async fn arm(
    context: &Context,
    actor: &Actor,
    grace: SignedDuration,
) -> Result<Option<InstallationRecord>, DbError> {
    let mut tx = context.db.read().await?;
    let before = installation::get(&mut tx).await?;
    drop(tx);
    let Some(since) = before.disarmed_at else { return Ok(None) };
    let now = context.clock.now();
    let open = open_in_backup(context, &before, grace).await?;
    for issue in &open.records {
        while in_portion(context, async |tx| deliveries::doubt_open(tx, issue.id, REASON, AT_ONCE).await)
            .await?
            > 0
        {}
    }
    // Those who missed an issue may have got it since.
    let recent = issues::frozen_since(&mut context.db.read().await?, now - resend::MAX_AGE).await?;
    for issue in recent {
        while in_portion(context, async |tx| deliveries::doubt_failed(tx, issue, AT_ONCE).await).await? > 0 {}
    }
    while in_portion(context, async |tx| emails::doubt_open(tx, since.0, REASON, now, AT_ONCE).await).await?
        > 0
    {}
    let mut tx = context.db.begin().await?;
    for issue in &open.records {
        if issue.status != IssueStatus::Planned {
            continue;
        }
        if issue.due_at.0 > now {
            // An operator may have sent it ahead of its time.
            issues::wait_for_send(&mut tx, issue.id).await?;
            continue;
        }
        let (from, to) = (IssueStatus::Planned, IssueStatus::Skipped);
        if issues::advance(&mut tx, issue.id, from, to, Some(REASON), now).await? {
            issues::set_lost(&mut tx, issue.id).await?;
        }
    }
    for slot in &open.slots {
        let (newsletter, date) = (slot.newsletter_id, slot.date);
        let status = IssueStatus::Skipped;
        let inserted = issues::insert(&mut tx, newsletter, date, slot.due, status, Some(REASON), now).await?;
        if let Some(issue) = inserted {
            issues::set_lost(&mut tx, issue).await?;
        }
    }
    if !installation::arm(&mut tx).await? {
        return Ok(None);
    }
    let after = installation::get(&mut tx).await?;
    let entry = audit::Entry {
        actor,
        action: "installation.arm",
        subject: None,
        before: json!({ "epoch": before.epoch, "disarmed_at": before.disarmed_at, "reason": before.disarmed_reason }),
        after: json!({ "epoch": after.epoch }),
    };
    audit::record(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(Some(after))
}

/// Runs a statement in a transaction of its own.
async fn in_portion(
    context: &Context,
    run: impl AsyncFnOnce(&mut Tx) -> Result<u64, DbError>,
) -> Result<u64, DbError> {
    let mut tx = context.db.begin().await?;
    let changed = run(&mut tx).await?;
    tx.commit().await?;
    Ok(changed)
}
