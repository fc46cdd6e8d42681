//! Processes new signups. A signup leads to a pending subscription with a confirmation email, to an email for
//! a reader who is already subscribed, or to nothing.
//!
//! Each batch is one transaction that also deletes its signups, so a crash neither loses a signup nor
//! processes it twice.

use crate::{
    db::{
        DbError, Tx, bounces,
        deliveries::emails::{self, NewEmail},
        is_retryable, newsletters, rate_limits,
        signups::{
            alarm,
            intake::{self, SignupRecord},
        },
        subscribers::{
            self, NewEntry, Request, insert_confirmations, record_consents, set_requested, set_signup_mailed,
        },
        suppressions::{self, lifting::claim_confirmations},
    },
    domain::{
        delivery::{email::EmailKind, suppression_policy::CONFIRMATION_INTERVAL},
        ids::{ConfirmationId, NewsletterId, SubscriptionId},
        signup::limits::address_limits,
        subscriber::{
            consent::ConsentEvent,
            email_address::EmailAddress,
            subscription::{SUPPRESSED_SIGNUP_INTERVAL, SignupOutcome, on_signup},
        },
    },
    jobs::context::ReaderContext,
    queue::{Job, JobFailure},
    random,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet, hash_map::Entry};

/// Signups per transaction. Small enough that the next signup form does not wait long for the database.
const BATCH: i64 = 100;
/// Attempts at a batch whose signups are not the reason why it failed.
const ATTEMPTS: u32 = 5;

/// Processes signups until none is left or the process is asked to stop. The scheduler then enqueues a job
/// for the rest.
pub(super) async fn run(context: &ReaderContext) -> Result<(), JobFailure> {
    let mut after = 0;
    while !context.stop.is_cancelled() {
        match process_batch(context, after, BATCH).await {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => {}
            Err(BatchError { error, .. }) => {
                tracing::warn!(%error, "could not process a batch of signups; trying them one by one");
                after = process_one_by_one(context, after).await?;
            }
        }
    }
    Ok(())
}

/// Processes a batch's signups one by one, and postpones those that fail, so that they don't hold up the
/// others. Returns the last row that was tried.
async fn process_one_by_one(context: &ReaderContext, mut after: i64) -> Result<i64, JobFailure> {
    for _ in 0..BATCH {
        let now = context.clock.now();
        let Some(mut id) = intake::next(&mut context.db.read().await?, after, now).await? else { break };
        if let Err(BatchError { error, first_row }) = process_batch(context, id - 1, 1).await {
            // Another process may hold the next row. The row that was claimed is the one that failed.
            id = first_row.unwrap_or(id);
            if is_retryable(&error) {
                // The scheduler wakes it again.
                after = id;
                continue;
            }
            // If the database fails here too, the signup is not to blame.
            let mut tx = context.db.begin().await?;
            let attempts = intake::postpone(&mut tx, id, now).await?;
            tx.commit().await?;
            tracing::error!(%error, signup = id, attempts, "could not process a signup; it is kept and retried later");
        }
        after = id;
    }
    Ok(after)
}

struct BatchError {
    error: DbError,
    /// The first claimed signup. `None` if claiming failed.
    first_row: Option<i64>,
}

impl From<DbError> for BatchError {
    fn from(error: DbError) -> Self {
        Self { error, first_row: None }
    }
}

/// Processes the batch of signups after a row, with new attempts after failures that may pass. Returns the
/// number of signups, or `None` if there are none.
async fn process_batch(context: &ReaderContext, after: i64, limit: i64) -> Result<Option<usize>, BatchError> {
    for _ in 1..ATTEMPTS {
        match attempt_batch(context, after, limit).await {
            Err(failed) if is_retryable(&failed.error) => {}
            result => return result,
        }
    }
    attempt_batch(context, after, limit).await
}

async fn attempt_batch(context: &ReaderContext, after: i64, limit: i64) -> Result<Option<usize>, BatchError> {
    let mut tx = context.db.begin().await?;
    let signups = intake::dequeue(&mut tx, after, limit, context.clock.now()).await?;
    let Some(first_row) = signups.first().map(|signup| signup.id) else { return Ok(None) };
    let with_row = |error| BatchError { error, first_row: Some(first_row) };
    if let Err(error) = process(context, &mut tx, &signups).await {
        // Rolled back explicitly: the next query has to see these rows, and skips locked ones.
        tx.rollback().await?;
        return Err(with_row(error));
    }
    tx.commit().await.map_err(with_row)?;
    Ok(Some(signups.len()))
}

/// One newsletter that a signup is for.
struct NewsletterSignup<'a> {
    /// Index of the signup in its batch.
    index: usize,
    signup: &'a SignupRecord,
    newsletter: NewsletterId,
    subscription: SubscriptionId,
    outcome: SignupOutcome,
}

impl NewsletterSignup<'_> {
    fn confirms(&self) -> bool {
        self.outcome == SignupOutcome::SendConfirmation
    }

    /// Identifies the email to send. A signup leads to at most two emails: one to confirm all new
    /// newsletters, and one about those that the reader already gets.
    fn email_key(&self) -> (usize, bool) {
        (self.index, self.confirms())
    }
}

async fn process(context: &ReaderContext, tx: &mut Tx, signups: &[SignupRecord]) -> Result<(), DbError> {
    let now = context.clock.now();
    let mut entries = resolve(tx, signups, now).await?;
    apply_address_limits(context, tx, &mut entries, now).await?;
    // Signups without an email are not recorded, so that a form submitted over and over can't fill the
    // ledger.
    entries.retain(|entry| entry.outcome != SignupOutcome::SendNothing);

    let confirming: Vec<&NewsletterSignup<'_>> = entries.iter().filter(|entry| entry.confirms()).collect();
    let requests: Vec<Request<'_>> = confirming
        .iter()
        .map(|entry| Request {
            subscription: entry.subscription,
            requested_at: entry.signup.received_at.0,
            time_zone: entry.signup.time_zone.as_deref(),
            language: entry.signup.language.as_deref(),
        })
        .collect();
    set_requested(tx, &requests).await?;
    let confirmations = create_confirmations(context, tx, &confirming, now).await?;
    let consents: Vec<NewEntry<'_>> = entries
        .iter()
        .map(|entry| NewEntry {
            subscription: entry.subscription,
            address: entry.signup.address.as_str(),
            occurred_at: entry.signup.received_at.0,
            method: &entry.signup.method,
            evidence: &entry.signup.evidence,
            confirmation: confirmations.get(&entry.subscription).copied(),
            wording: entry.signup.wording(),
        })
        .collect();
    record_consents(tx, ConsentEvent::Requested, &consents).await?;
    let mailed: Vec<SubscriptionId> = entries.iter().map(|entry| entry.subscription).collect();
    set_signup_mailed(tx, &mailed, now).await?;
    enqueue_emails(context, tx, &entries, &confirmations, now).await
}

/// Resolves signups to subscriptions and outcomes. Suppressed addresses are dropped without a trace, except for
/// one confirmation a month.
async fn resolve<'a>(
    tx: &mut Tx,
    signups: &'a [SignupRecord],
    now: Timestamp,
) -> Result<Vec<NewsletterSignup<'a>>, DbError> {
    let keys: Vec<String> = signups.iter().map(|signup| signup.address.key()).collect();
    let mut suppressed = suppressions::among(tx, &keys).await?;
    if !suppressed.is_empty() {
        let keys: Vec<String> = suppressed.iter().cloned().collect();
        let claimed = claim_confirmations(tx, &keys, SUPPRESSED_SIGNUP_INTERVAL, now).await?;
        suppressed.retain(|key| !claimed.contains(key));
    }
    // An address that bounced gets one confirmation a month, too.
    suppressed.extend(bounces::asked_since(tx, &keys, now - CONFIRMATION_INTERVAL).await?);
    let mut requested = Vec::new();
    let mut seen = HashSet::new();
    for ((index, signup), key) in signups.iter().enumerate().zip(keys) {
        if suppressed.contains(&key) {
            continue;
        }
        for newsletter in signup.newsletters()? {
            // A form that was submitted twice counts once.
            if seen.insert((key.clone(), newsletter)) {
                requested.push((index, signup, newsletter));
            }
        }
    }
    if requested.is_empty() {
        return Ok(Vec::new());
    }
    let addresses: Vec<&EmailAddress> = requested.iter().map(|(_, signup, _)| &signup.address).collect();
    let subscribers = subscribers::subscribers(tx, &addresses, now).await?;
    let pairs: Vec<_> =
        subscribers.into_iter().zip(requested.iter().map(|(.., newsletter)| *newsletter)).collect();
    let subscriptions = subscribers::subscriptions(tx, &pairs, now).await?;
    let entry = |((index, signup, newsletter), standing): (
        (_, &'a SignupRecord, _),
        subscribers::KnownSubscription,
    )| {
        let since = standing.signup_mailed_at.map(|at| now.duration_since(at.0));
        let outcome = on_signup(Some(standing.status), false, since);
        NewsletterSignup { index, signup, newsletter, subscription: standing.id, outcome }
    };
    Ok(requested.into_iter().zip(subscriptions).map(entry).collect())
}

async fn apply_address_limits(
    context: &ReaderContext,
    tx: &mut Tx,
    entries: &mut [NewsletterSignup<'_>],
    now: Timestamp,
) -> Result<(), DbError> {
    let Some(limit) = context.settings.signup.limits().address else { return Ok(()) };
    let is_under_attack = alarm::get(tx).await?.is_on().is_some();
    let mut entries: Vec<&mut NewsletterSignup<'_>> =
        entries.iter_mut().filter(|entry| entry.outcome != SignupOutcome::SendNothing).collect();
    // Confirmations come first, because without them the signup is lost.
    entries.sort_by_key(|entry| !entry.confirms());
    // Newsletters that share an email debit the limit once.
    let mut emails = HashMap::new();
    let mut requests: Vec<rate_limits::Request> = Vec::new();
    for entry in &entries {
        emails.entry(entry.email_key()).or_insert_with(|| {
            requests.push(address_limits(&context.keys, limit, &entry.signup.address, is_under_attack));
            requests.len() - 1
        });
    }
    let verdicts = rate_limits::check(tx, &requests, now).await?;
    for entry in entries {
        if verdicts[emails[&entry.email_key()]].is_err() {
            entry.outcome = SignupOutcome::SendNothing;
        }
    }
    Ok(())
}

/// Inserts the confirmations that links will point to. Those of one signup all point to its first one.
async fn create_confirmations(
    context: &ReaderContext,
    tx: &mut Tx,
    confirming: &[&NewsletterSignup<'_>],
    now: Timestamp,
) -> Result<HashMap<SubscriptionId, ConfirmationId>, DbError> {
    let expires_at =
        now + SignedDuration::from_hours(24 * i64::from(context.settings.signup.confirmation_days));
    let mut leads: HashMap<usize, SubscriptionId> = HashMap::new();
    for entry in confirming {
        leads.entry(entry.index).or_insert(entry.subscription);
    }
    let lead_rows: Vec<_> =
        confirming.iter().filter_map(|entry| leads.get(&entry.index)).map(|id| (*id, None)).collect();
    let lead_rows: Vec<_> = lead_rows.into_iter().collect::<HashMap<_, _>>().into_iter().collect();
    let mut made = insert_confirmations(tx, &lead_rows, now, expires_at).await?;
    let is_other = |entry: &&&NewsletterSignup<'_>| leads.get(&entry.index) != Some(&entry.subscription);
    let others: Vec<_> = confirming
        .iter()
        .filter(is_other)
        .map(|entry| (entry.subscription, leads.get(&entry.index).and_then(|lead| made.get(lead)).copied()))
        .collect();
    made.extend(insert_confirmations(tx, &others, now, expires_at).await?);
    Ok(made)
}

/// Enqueues the emails: for each signup at most one to confirm, and one about existing subscriptions.
async fn enqueue_emails(
    context: &ReaderContext,
    tx: &mut Tx,
    entries: &[NewsletterSignup<'_>],
    confirmations: &HashMap<SubscriptionId, ConfirmationId>,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut domains: HashMap<NewsletterId, String> = HashMap::new();
    for entry in entries {
        if let Entry::Vacant(vacant) = domains.entry(entry.newsletter) {
            let newsletter = newsletters::get(tx, entry.newsletter).await?.newsletter;
            vacant.insert(newsletter.sender_address.domain().to_owned());
        }
    }
    let mut seen = HashSet::new();
    let unique: Vec<&NewsletterSignup<'_>> =
        entries.iter().filter(|entry| seen.insert(entry.email_key())).collect();
    let message_ids: Vec<String> = unique
        .iter()
        .map(|entry| {
            let domain = domains.get(&entry.newsletter).map_or("localhost", String::as_str);
            format!("{}@{domain}", random::hex::<12>())
        })
        .collect();
    let emails: Vec<NewEmail<'_>> = unique
        .iter()
        .zip(&message_ids)
        .map(|(entry, message_id)| {
            let confirms = entry.confirms();
            NewEmail {
                kind: if confirms { EmailKind::Confirmation } else { EmailKind::AlreadySubscribed },
                newsletter: entry.newsletter,
                recipient: &entry.signup.address,
                subscription: Some(entry.subscription),
                confirmation: confirms.then(|| confirmations.get(&entry.subscription).copied()).flatten(),
                issue: None,
                feed: None,
                message_id,
            }
        })
        .collect();
    let ids = emails::insert_all(tx, &emails, now).await?;
    context.queue.enqueue_all(tx, &Job::send_emails(&ids)).await
}
