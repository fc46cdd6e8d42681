//! Watching the signups: every ten seconds, do they look like an attack? Operators are told when one begins and when it is over.

use super::{
    Context,
    notify_operators::{About, notify_operators},
};
use crate::{
    db::{
        DbError, Stamp, Tx, newsletters, operators,
        signup_watch::{self, WatchRecord},
        used_proofs,
    },
    domain::{
        mail::MailKind,
        signup_alarm::{Change, change},
    },
};
use jiff::{SignedDuration, Timestamp};

/// From one look to the next, of all processes together.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// How long it is known when there was an attack: longer than any signup waits.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 400);

/// Looks at the signups, if it is time to.
pub(super) async fn watch(context: &Context, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    if !signup_watch::begin_look(tx, now, now - LOOK_EVERY).await? {
        return Ok(());
    }
    used_proofs::tidy(tx, now).await?;
    let rules = &context.rules;
    let known = signup_watch::get(tx).await?;
    let pulse = signup_watch::pulse(tx, rules.signup_limit, rules.most_waiting, now).await?;
    let record = match change(known.is_on(), pulse.alarm(rules.most_waiting), now) {
        Change::None => return Ok(()),
        Change::Begins(attack) => {
            tracing::warn!(sign = %attack.alarm, waiting = pulse.waiting, "signups look like an attack");
            let reaches_to = now - attack.alarm.reaches_back();
            signup_watch::begin_alarm(tx, reaches_to, now - KEPT_FOR).await?;
            WatchRecord { attack: Some(attack), ended_at: None, waiting: pulse.waiting, told_at: None }
        }
        Change::GoesOn(attack) => {
            WatchRecord { attack: Some(attack), waiting: known.waiting.max(pulse.waiting), ..known }
        }
        Change::Ends(attack) => {
            tracing::info!(since = %attack.since, waiting = known.waiting, "signups are as usual again");
            signup_watch::end_alarms(tx, now).await?;
            WatchRecord { attack: Some(attack), ended_at: Some(Stamp(now)), ..known }
        }
    };
    let is_over = record.ended_at.is_some();
    // Who was not told that it began need not be told that it is over.
    let told_at = match record.told_at {
        Some(at) if !is_over => Some(at),
        Some(at) => tell(context, tx, MailKind::SignupCalm, now).await?.or(Some(at)),
        None if is_over => None,
        None => tell(context, tx, MailKind::SignupAlarm, now).await?,
    };
    signup_watch::set(tx, &WatchRecord { told_at, ..record }).await
}

/// Tells operators. As long as there is nobody to tell, it stays untold.
async fn tell(
    context: &Context,
    tx: &mut Tx,
    kind: MailKind,
    now: Timestamp,
) -> Result<Option<Stamp>, DbError> {
    let all = newsletters::list(tx).await?;
    let Some(newsletter) = all.first() else { return Ok(None) };
    if operators::list(tx).await?.is_empty() {
        return Ok(None);
    }
    notify_operators(context, tx, newsletter, kind, About::Signups).await?;
    Ok(Some(Stamp(now)))
}
