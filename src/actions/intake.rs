//! Saves signups in groups. It looks up nothing about an address, so every address gets the same work.

use super::{
    Context,
    subscribe::{Proof, Signup, SubscribeError},
};
use crate::{
    clock::Clock,
    db::{
        Db, DbError,
        groups::{Groups, Work},
        newsletters,
        rate_limits::{self, Request},
        redeemed_challenges,
        signups::{self, NewSignup},
    },
    domain::{
        client_address::UNKNOWN,
        ids::NewsletterId,
        newsletter::time_zone_name,
        rate_limit::Limit,
        signup_alarm::{UNSOLVED, unsolved_limit},
        signup_limit::{HELD, HELD_LIMIT, OVERALL, SignupLimits, client_limits},
        token::KeyRing,
    },
    queue::{Job, Queue},
};
use std::{collections::HashMap, sync::Arc};

/// The way to the task that keeps them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake(Groups<Writer>);

/// Hands a signup over and waits until it is kept for good, or refused.
pub(super) async fn take_in(context: &Context, signup: Signup) -> Result<(), SubscribeError> {
    context.intake.0.ask(signup).await
}

impl Intake {
    /// Starts the task. `most_waiting` unconfirmed signups in ten minutes are an attack.
    pub fn start(
        db: Db,
        queue: Queue,
        clock: Clock,
        keys: Arc<KeyRing>,
        limits: SignupLimits,
        most_waiting: Option<u32>,
    ) -> Self {
        let unsolved = unsolved_limit(most_waiting, limits.overall);
        Self(Groups::start(Writer { db, queue, clock, keys, limits, unsolved }))
    }
}

struct Writer {
    db: Db,
    queue: Queue,
    clock: Clock,
    keys: Arc<KeyRing>,
    limits: SignupLimits,
    unsolved: Option<Limit>,
}

type Answers = Vec<Result<(), SubscribeError>>;

impl Work for Writer {
    type Asked = Signup;
    type Answer = ();
    type Refusal = SubscribeError;

    async fn commit(&self, group: &[Signup]) -> Result<Answers, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.begin_shared().await?;
        let slugs: Vec<&str> = group.iter().flat_map(|it| &it.newsletters).map(String::as_str).collect();
        let ids = newsletters::ids_by_slug(&mut tx, &slugs).await?;
        let found: Vec<Result<Vec<NewsletterId>, SubscribeError>> =
            group.iter().map(|it| newsletters_of(it, &ids)).collect();
        let verdicts = rate_limits::check(&mut tx, &self.debits(group, &found), now).await?;
        let too_many = |wait| SubscribeError::TooMany { wait };
        let mut found: Vec<_> = found
            .into_iter()
            .zip(verdicts)
            .map(|(ids, verdict)| verdict.map_err(too_many).and(ids))
            .collect();
        let tokens = group
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_ok())
            .filter_map(|(it, _)| it.proof.token());
        let mut unused = redeemed_challenges::redeem(&mut tx, tokens, now).await?;
        for (signup, found) in group.iter().zip(&mut found) {
            if signup.proof.token().is_some_and(|token| found.is_ok() && !unused.remove(&token.0)) {
                *found = Err(SubscribeError::Redeemed);
            }
        }
        let zones: Vec<Option<&str>> =
            group.iter().map(|it| it.time_zone.as_ref().map(time_zone_name)).collect();
        let mut rows = Vec::with_capacity(group.len());
        for ((signup, found), time_zone) in group.iter().zip(&found).zip(zones) {
            if let Ok(newsletters) = found {
                rows.push(NewSignup {
                    address: &signup.address,
                    newsletters,
                    method: signup.method,
                    language: signup.language.as_deref(),
                    time_zone,
                    wording: signup.wording,
                    evidence: &signup.evidence,
                    is_held: signup.proof == Proof::Missing,
                });
            }
        }
        signups::insert(&mut tx, &rows, now).await?;
        if rows.iter().any(|row| !row.is_held) {
            self.queue.enqueue(&mut tx, &Job::TakeSignups).await?;
        }
        tx.commit().await?;
        let answer = |(signup, found): (&Signup, Result<_, SubscribeError>)| match found {
            // The client can't tell a discarded signup from a held one.
            Err(SubscribeError::TooMany { .. }) if signup.proof == Proof::Missing => Ok(()),
            found => found.map(drop),
        };
        Ok(group.iter().zip(found).map(answer).collect())
    }
}

impl Writer {
    /// The limits that each signup debits. One for a newsletter that doesn't exist debits none.
    fn debits(&self, group: &[Signup], found: &[Result<Vec<NewsletterId>, SubscribeError>]) -> Vec<Request> {
        let limits = |(signup, found): (&Signup, &Result<_, _>)| {
            if found.is_ok() { self.limits_of(signup) } else { Vec::new() }
        };
        let mut requests: Vec<Request> = group.iter().zip(found).map(limits).collect();
        // Separately, because discarded signups are a sign of an attack, too.
        let missing = group.iter().filter(|it| it.proof == Proof::Missing);
        requests
            .extend(missing.filter_map(|_| self.unsolved).map(|limit| vec![(UNSOLVED.to_owned(), limit)]));
        requests
    }

    /// The limits of a signup: its client's, and the one that all share.
    fn limits_of(&self, signup: &Signup) -> Request {
        let client = signup.evidence.client_address.as_deref().map_or(Ok(UNKNOWN), str::parse);
        let mut limits =
            client.map_or_else(|_| Vec::new(), |ip| client_limits(&self.keys, self.limits.client, ip));
        if signup.proof == Proof::Missing {
            limits.push((HELD.to_owned(), HELD_LIMIT));
        } else {
            limits.extend(self.limits.overall.map(|limit| (OVERALL.to_owned(), limit)));
        }
        limits
    }
}

fn newsletters_of(
    signup: &Signup,
    ids: &HashMap<String, NewsletterId>,
) -> Result<Vec<NewsletterId>, SubscribeError> {
    let mut found: Vec<NewsletterId> = Vec::with_capacity(signup.newsletters.len());
    for slug in &signup.newsletters {
        let id = ids.get(slug).ok_or_else(|| SubscribeError::NoSuchNewsletter(slug.clone()))?;
        if !found.contains(id) {
            found.push(*id);
        }
    }
    Ok(found)
}
