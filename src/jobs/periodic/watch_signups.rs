//! Detects attacks on the signup form every ten seconds, alerts operators when an attack begins and ends, and
//! releases held signups afterwards.

use crate::{
    db::{
        DbError, DbTime, Tx, newsletters, operators,
        rate_limits::{self, Request},
        signups::{
            alarm::{self, WatchRecord},
            intake, redeemed_challenges,
        },
    },
    delivery::notify_operators::{NoticeSubject, notify_operators},
    domain::{
        delivery::email::EmailKind,
        rate_limit::Limit,
        signup::{
            alarm::{AttackChange, WAITING_WITHIN, transition},
            limits::OVERALL,
        },
    },
    jobs::context::ReaderContext,
    queue::Job,
};
use jiff::{SignedDuration, Timestamp};

/// Interval between checks, across all processes.
const CHECK_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// How long past attacks are kept. Longer than any signup waits for its confirmation.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 400);
/// Most held signups that one check releases.
const MAX_RELEASED: i64 = 100;

/// Checks for an attack, if a check is due.
pub(crate) async fn run(context: &ReaderContext, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    if !alarm::begin_look(tx, now, now - CHECK_EVERY).await? {
        return Ok(());
    }
    redeemed_challenges::tidy(tx, now).await?;
    let discarded = intake::discard_held(tx, now).await?;
    if discarded > 0 {
        tracing::warn!(discarded, "erased held signups: the attack lasted longer than they may wait");
    }
    let signup = &context.settings.signup;
    let known = alarm::get(tx).await?;
    let pulse = alarm::pulse(tx, signup.limits().overall, signup.most_waiting(), now).await?;
    let record = match transition(known.is_on(), pulse.alarm(signup.most_waiting()), now) {
        AttackChange::Calm => return release_held(context, tx, now).await,
        AttackChange::Started(attack) => {
            tracing::warn!(sign = %attack.alarm, waiting = pulse.waiting, "signups look like an attack");
            let reaches_to = now - attack.alarm.look_back();
            alarm::begin_alarm(tx, reaches_to, now - KEPT_FOR).await?;
            WatchRecord { attack: Some(attack), ended_at: None, waiting: pulse.waiting, told_at: None }
        }
        AttackChange::Ongoing(attack) => {
            WatchRecord { attack: Some(attack), waiting: known.waiting.max(pulse.waiting), ..known }
        }
        AttackChange::Ended(attack) => {
            tracing::info!(since = %attack.since, waiting = known.waiting, "attack on signups ended");
            alarm::end_alarms(tx, now).await?;
            WatchRecord { attack: Some(attack), ended_at: Some(DbTime(now)), ..known }
        }
    };
    let is_over = record.ended_at.is_some();
    // Operators who never got the alarm get no all-clear either.
    let told_at = match record.told_at {
        Some(at) if !is_over => Some(at),
        Some(at) => alert_operators(context, tx, EmailKind::SignupCalm, now).await?.or(Some(at)),
        None if is_over => None,
        None => alert_operators(context, tx, EmailKind::SignupAlarm, now).await?,
    };
    alarm::set(tx, &WatchRecord { told_at, ..record }).await
}

/// Releases held signups after an attack, oldest first and within the overall limit.
async fn release_held(context: &ReaderContext, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    let mut held = intake::held(tx, release_quota(context)).await?;
    let overall: Request = context
        .settings
        .signup
        .limits()
        .overall
        .map(|limit| (OVERALL.to_owned(), limit))
        .into_iter()
        .collect();
    let verdicts = rate_limits::check(tx, &vec![overall; held.len()], now).await?;
    held.truncate(verdicts.iter().take_while(|verdict| verdict.is_ok()).count());
    if held.is_empty() {
        return Ok(());
    }
    intake::release(tx, &held).await?;
    context.queue.enqueue(tx, &Job::ProcessSignups).await
}

/// Returns how many held signups one check releases: at most half of the rate that counts as an attack, and
/// at least one.
fn release_quota(context: &ReaderContext) -> i64 {
    let signup = &context.settings.signup;
    let waiting = signup.most_waiting().and_then(|max| Limit::new(max, WAITING_WITHIN));
    let signs = [signup.limits().overall, waiting].into_iter().flatten();
    signs.map(|limit| limit.events_in(CHECK_EVERY) / 2).min().unwrap_or(MAX_RELEASED).clamp(1, MAX_RELEASED)
}

/// Alerts the operators. Returns `None` if there are none, so that a later check tries again.
async fn alert_operators(
    context: &ReaderContext,
    tx: &mut Tx,
    kind: EmailKind,
    now: Timestamp,
) -> Result<Option<DbTime>, DbError> {
    let all = newsletters::list(tx).await?;
    let Some(newsletter) = all.first() else { return Ok(None) };
    if operators::alerted(tx).await?.is_empty() {
        return Ok(None);
    }
    notify_operators(&context.queue, tx, newsletter, kind, NoticeSubject::Signups, now).await?;
    Ok(Some(DbTime(now)))
}
