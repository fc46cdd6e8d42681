//! Making something of the signups that arrived: a pending subscription and a mail to confirm, a mail to who is in already, or
//! nothing. A portion at a time, each in one transaction that also takes it out of the table: after a crash nothing is lost and
//! nothing is done twice.

use crate::{
    db::{
        DbError, Tx,
        deliveries::emails::{self, NewEmail},
        is_retryable, newsletters, rate_limits,
        signups::intake::{self, SignupRecord},
        subscribers::{
            self, NewEntry, Request, insert_confirmations, record_consents, set_requested, set_signup_mailed,
        },
        suppressions,
    },
    domain::{
        delivery::email::EmailKind,
        ids::{ConfirmationId, NewsletterId, SubscriptionId},
        signup::limits::address_key,
        subscriber::{
            consent::ConsentEvent,
            email_address::EmailAddress,
            subscription::{SignupOutcome, on_signup},
        },
    },
    jobs::context::ReaderContext,
    queue::{Job, JobFailure},
    random,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet, hash_map::Entry};

/// Signups in one transaction: few enough that the next form does not wait long behind them.
const PORTION: i64 = 100;
/// So often a portion is tried at once when it is no fault of its signups that it can't be taken.
const TRIES: u32 = 5;

/// Takes what has arrived, until nothing is left or the process is asked to end: then the sweep wakes another one for the rest.
pub(super) async fn run(context: &ReaderContext) -> Result<(), JobFailure> {
    let mut after = 0;
    while !context.stop.is_cancelled() {
        match portion(context, after, PORTION).await {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => {}
            Err(Failed { error, .. }) => {
                tracing::warn!(%error, "a portion of signups could not be taken; each is tried by itself");
                after = one_by_one(context, after).await?;
            }
        }
    }
    Ok(())
}

/// Takes a portion's signups one by one, so that one that can't be taken keeps nobody else waiting: it is put off. Returns the last row
/// looked at.
async fn one_by_one(context: &ReaderContext, mut after: i64) -> Result<i64, JobFailure> {
    for _ in 0..PORTION {
        let now = context.clock.now();
        let Some(mut id) = intake::next(&mut context.db.read().await?, after, now).await? else { break };
        if let Err(Failed { error, first }) = portion(context, id - 1, 1).await {
            // Another process may have had the one in hand that is next: the one that was taken is the one that can't be.
            id = first.unwrap_or(id);
            if is_retryable(&error) {
                // The sweep finds it again.
                after = id;
                continue;
            }
            // Where not even this can be written, it is the database that can't.
            let mut tx = context.db.begin().await?;
            let attempts = intake::postpone(&mut tx, id, now).await?;
            tx.commit().await?;
            tracing::error!(%error, signup = id, attempts, "a signup could not be taken; it is kept, and tried again later");
        }
        after = id;
    }
    Ok(after)
}

/// A portion that could not be taken.
struct Failed {
    error: DbError,
    /// Its first signup, where it came that far.
    first: Option<i64>,
}

impl From<DbError> for Failed {
    fn from(error: DbError) -> Self {
        Self { error, first: None }
    }
}

/// Takes a portion of the signups after a row, again where that failed for no fault of its own. `None`: there is none. Otherwise how
/// many it were.
async fn portion(context: &ReaderContext, after: i64, limit: i64) -> Result<Option<usize>, Failed> {
    for _ in 1..TRIES {
        match try_portion(context, after, limit).await {
            Err(failed) if is_retryable(&failed.error) => {}
            done => return done,
        }
    }
    try_portion(context, after, limit).await
}

async fn try_portion(context: &ReaderContext, after: i64, limit: i64) -> Result<Option<usize>, Failed> {
    let mut tx = context.db.begin().await?;
    let taken = intake::dequeue(&mut tx, after, limit, context.clock.now()).await?;
    let Some(first) = taken.first().map(|it| it.id) else { return Ok(None) };
    let failed = |error| Failed { error, first: Some(first) };
    if let Err(error) = make(context, &mut tx, &taken).await {
        // At once, not by and by: who looks next must find the rows, and passes over those that are held.
        tx.rollback().await?;
        return Err(failed(error));
    }
    tx.commit().await.map_err(failed)?;
    Ok(Some(taken.len()))
}

/// One newsletter that a signup asks for.
struct Wish<'a> {
    /// The signup's place in the portion.
    place: usize,
    signup: &'a SignupRecord,
    newsletter: NewsletterId,
    subscription: SubscriptionId,
    outcome: SignupOutcome,
}

impl Wish<'_> {
    /// Whether it leads to a mail to confirm.
    fn confirms(&self) -> bool {
        self.outcome == SignupOutcome::SendConfirmation
    }

    /// The mail that it leads to: one asks to confirm all that one signup asked for, another one names what its reader gets already.
    fn mail(&self) -> (usize, bool) {
        (self.place, self.confirms())
    }
}

async fn make(context: &ReaderContext, tx: &mut Tx, signups: &[SignupRecord]) -> Result<(), DbError> {
    let now = context.clock.now();
    let mut wishes = wishes(tx, signups, now).await?;
    within_limits(context, tx, &mut wishes, now).await?;
    // What leads to no mail is not written down: a form that is sent over and over must not fill the ledger.
    wishes.retain(|wish| wish.outcome != SignupOutcome::SendNothing);

    let asked: Vec<&Wish<'_>> = wishes.iter().filter(|wish| wish.confirms()).collect();
    let requests: Vec<Request<'_>> = asked
        .iter()
        .map(|wish| Request {
            subscription: wish.subscription,
            requested_at: wish.signup.received_at.0,
            time_zone: wish.signup.time_zone.as_deref(),
            language: wish.signup.language.as_deref(),
        })
        .collect();
    set_requested(tx, &requests).await?;
    let confirmations = confirmations(context, tx, &asked, now).await?;
    let entries: Vec<NewEntry<'_>> = wishes
        .iter()
        .map(|wish| NewEntry {
            subscription: wish.subscription,
            address: wish.signup.address.as_str(),
            occurred_at: wish.signup.received_at.0,
            method: &wish.signup.method,
            evidence: &wish.signup.evidence,
            confirmation: confirmations.get(&wish.subscription).copied(),
            wording: wish.signup.wording(),
        })
        .collect();
    record_consents(tx, ConsentEvent::Requested, &entries).await?;
    let mailed: Vec<SubscriptionId> = wishes.iter().map(|wish| wish.subscription).collect();
    set_signup_mailed(tx, &mailed, now).await?;
    mail(context, tx, &wishes, &confirmations, now).await
}

/// What the signups ask for, and what it leads to by itself. Of an address that nobody may mail nothing is kept.
async fn wishes<'a>(
    tx: &mut Tx,
    signups: &'a [SignupRecord],
    now: Timestamp,
) -> Result<Vec<Wish<'a>>, DbError> {
    let keys: Vec<String> = signups.iter().map(|it| it.address.key()).collect();
    let suppressed = suppressions::among(tx, &keys).await?;
    let mut asked = Vec::new();
    let mut seen = HashSet::new();
    for ((place, signup), key) in signups.iter().enumerate().zip(keys) {
        if suppressed.contains(&key) {
            continue;
        }
        for newsletter in signup.newsletters()? {
            // A button pressed twice is one signup.
            if seen.insert((key.clone(), newsletter)) {
                asked.push((place, signup, newsletter));
            }
        }
    }
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let of: Vec<&EmailAddress> = asked.iter().map(|(_, signup, _)| &signup.address).collect();
    let subscribers = subscribers::subscribers(tx, &of, now).await?;
    let pairs: Vec<_> =
        subscribers.into_iter().zip(asked.iter().map(|(.., newsletter)| *newsletter)).collect();
    let standings = subscribers::subscriptions(tx, &pairs, now).await?;
    let wish = |((place, signup, newsletter), standing): (
        (_, &'a SignupRecord, _),
        subscribers::KnownSubscription,
    )| {
        let since = standing.signup_mailed_at.map(|at| now.duration_since(at.0));
        let outcome = on_signup(Some(standing.status), false, since);
        Wish { place, signup, newsletter, subscription: standing.id, outcome }
    };
    Ok(asked.into_iter().zip(standings).map(wish).collect())
}

/// Debits the limit of each email's address. Emails beyond it are not sent.
async fn within_limits(
    context: &ReaderContext,
    tx: &mut Tx,
    wishes: &mut [Wish<'_>],
    now: Timestamp,
) -> Result<(), DbError> {
    let Some(limit) = context.settings.signup.limits().address else { return Ok(()) };
    let mut wishes: Vec<&mut Wish<'_>> =
        wishes.iter_mut().filter(|wish| wish.outcome != SignupOutcome::SendNothing).collect();
    // Where not all are within the limit, a confirmation matters more than an email that asks for nothing.
    wishes.sort_by_key(|wish| !wish.confirms());
    // Wishes that share an email debit once.
    let mut emails = HashMap::new();
    let mut requests: Vec<rate_limits::Request> = Vec::new();
    for wish in &wishes {
        emails.entry(wish.mail()).or_insert_with(|| {
            requests.push(vec![(address_key(&context.keys, &wish.signup.address), limit)]);
            requests.len() - 1
        });
    }
    let verdicts = rate_limits::check(tx, &requests, now).await?;
    for wish in wishes {
        if verdicts[emails[&wish.mail()]].is_err() {
            wish.outcome = SignupOutcome::SendNothing;
        }
    }
    Ok(())
}

/// What the links to confirm will point at: of the wishes of one signup, all at the first one's.
async fn confirmations(
    context: &ReaderContext,
    tx: &mut Tx,
    asked: &[&Wish<'_>],
    now: Timestamp,
) -> Result<HashMap<SubscriptionId, ConfirmationId>, DbError> {
    let expires_at =
        now + SignedDuration::from_hours(24 * i64::from(context.settings.signup.confirmation_days));
    let mut first: HashMap<usize, SubscriptionId> = HashMap::new();
    for wish in asked {
        first.entry(wish.place).or_insert(wish.subscription);
    }
    let leads: Vec<_> =
        asked.iter().filter_map(|wish| first.get(&wish.place)).map(|id| (*id, None)).collect();
    let leads: Vec<_> = leads.into_iter().collect::<HashMap<_, _>>().into_iter().collect();
    let mut made = insert_confirmations(tx, &leads, now, expires_at).await?;
    let with = |wish: &&&Wish<'_>| first.get(&wish.place) != Some(&wish.subscription);
    let others: Vec<_> = asked
        .iter()
        .filter(with)
        .map(|wish| (wish.subscription, first.get(&wish.place).and_then(|lead| made.get(lead)).copied()))
        .collect();
    made.extend(insert_confirmations(tx, &others, now, expires_at).await?);
    Ok(made)
}

/// The mails: of each signup at most one to confirm, and one about what the reader gets already.
async fn mail(
    context: &ReaderContext,
    tx: &mut Tx,
    wishes: &[Wish<'_>],
    confirmations: &HashMap<SubscriptionId, ConfirmationId>,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut domains: HashMap<NewsletterId, String> = HashMap::new();
    for wish in wishes {
        if let Entry::Vacant(entry) = domains.entry(wish.newsletter) {
            let newsletter = newsletters::get(tx, wish.newsletter).await?.newsletter;
            entry.insert(newsletter.sender_address.domain().to_owned());
        }
    }
    let mut made = HashSet::new();
    let wanted: Vec<&Wish<'_>> = wishes.iter().filter(|wish| made.insert(wish.mail())).collect();
    let ids: Vec<String> = wanted
        .iter()
        .map(|wish| {
            let domain = domains.get(&wish.newsletter).map_or("localhost", String::as_str);
            format!("{}@{domain}", random::hex::<12>())
        })
        .collect();
    let mails: Vec<NewEmail<'_>> = wanted
        .iter()
        .zip(&ids)
        .map(|(wish, message_id)| {
            let confirms = wish.confirms();
            NewEmail {
                kind: if confirms { EmailKind::Confirmation } else { EmailKind::AlreadySubscribed },
                newsletter: wish.newsletter,
                recipient: &wish.signup.address,
                subscription: Some(wish.subscription),
                confirmation: confirms.then(|| confirmations.get(&wish.subscription).copied()).flatten(),
                issue: None,
                feed: None,
                message_id,
            }
        })
        .collect();
    let mails = emails::insert_all(tx, &mails, now).await?;
    context.queue.enqueue_all(tx, &Job::send_all(&mails)).await
}
