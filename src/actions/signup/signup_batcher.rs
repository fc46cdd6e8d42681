//! Saves signups, many in one transaction. It reads nothing about an address, so that the work is the same
//! for every address.

use crate::{
    actions::signup::request::{Proof, Signup, SubscribeError},
    clock::Clock,
    db::{
        Db, DbError, Tx,
        engine::group_commit::{Answers, BatchHandler, GroupCommit},
        newsletters,
        rate_limits::{self, Request},
        signups::{
            intake::{self, NewSignup},
            redeemed_challenges,
        },
    },
    domain::{
        ids::NewsletterId,
        newsletter::time_zone_name,
        rate_limit::Limit,
        signup::{
            alarm::{UNSOLVED, unsolved_limit},
            challenge::VerifiedToken,
            client_address::UNKNOWN,
            limits::{HELD, HELD_LIMIT, OVERALL, SignupLimits, client_limits},
        },
        token::KeyRing,
    },
    queue::{Job, Queue},
};
use std::{collections::HashMap, sync::Arc};

/// Saves signups in batches. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignupBatcher(GroupCommit<SignupHandler>);

impl SignupBatcher {
    /// Starts the batcher's task. More than `most_waiting` unconfirmed signups in ten minutes count as an
    /// attack.
    pub fn start(
        db: Db,
        queue: Queue,
        clock: Clock,
        keys: Arc<KeyRing>,
        limits: SignupLimits,
        most_waiting: Option<u32>,
    ) -> Self {
        let unsolved = unsolved_limit(most_waiting, limits.overall);
        Self(GroupCommit::start(SignupHandler { db, queue, clock, keys, limits, unsolved }))
    }

    /// Saves a signup for the job that processes signups. Returns once the signup is committed or refused.
    pub(super) async fn enqueue(&self, signup: Signup) -> Result<(), SubscribeError> {
        self.0.request(signup).await
    }
}

struct SignupHandler {
    db: Db,
    queue: Queue,
    clock: Clock,
    keys: Arc<KeyRing>,
    limits: SignupLimits,
    unsolved: Option<Limit>,
}

impl BatchHandler for SignupHandler {
    type Request = Signup;
    type Answer = ();
    type Error = SubscribeError;

    async fn commit(&self, batch: &[Signup]) -> Result<Answers<Self>, DbError> {
        let mut tx = self.db.begin_with_lock_timeout().await?;
        let admitted = self.admit(&mut tx, batch).await?;
        let zones: Vec<Option<&str>> =
            batch.iter().map(|it| it.time_zone.as_ref().map(time_zone_name)).collect();
        let mut rows = Vec::with_capacity(batch.len());
        for ((signup, admitted), time_zone) in batch.iter().zip(&admitted).zip(zones) {
            if let Ok(newsletters) = admitted {
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
        intake::insert(&mut tx, &rows, self.clock.now()).await?;
        if rows.iter().any(|row| !row.is_held) {
            self.queue.enqueue(&mut tx, &Job::ProcessSignups).await?;
        }
        tx.commit().await?;
        let answer = |(signup, admitted): (&Signup, Admitted)| match admitted {
            // Discarded signups get the same response as held ones.
            Err(SubscribeError::TooMany { .. }) if signup.proof == Proof::Missing => Ok(()),
            admitted => admitted.map(drop),
        };
        Ok(batch.iter().zip(admitted).map(answer).collect())
    }
}

/// The newsletters of an accepted signup, or the reason for refusing it.
type Admitted = Result<Vec<NewsletterId>, SubscribeError>;

impl SignupHandler {
    /// Debits the rate limits, then redeems the challenges of signups within them.
    async fn admit(&self, tx: &mut Tx, batch: &[Signup]) -> Result<Vec<Admitted>, DbError> {
        let now = self.clock.now();
        let slugs: Vec<&str> = batch.iter().flat_map(|it| &it.newsletters).map(String::as_str).collect();
        let ids = newsletters::ids_by_slug(tx, &slugs).await?;
        let found: Vec<Admitted> = batch.iter().map(|it| newsletters_of(it, &ids)).collect();
        let verdicts = rate_limits::check(tx, &self.debits(batch, &found), now).await?;
        let too_many = |wait| SubscribeError::TooMany { wait };
        let within = found.into_iter().zip(verdicts).map(|(ids, verdict)| verdict.map_err(too_many).and(ids));
        let mut admitted: Vec<Admitted> = within.collect();
        let tokens: Vec<Option<&VerifiedToken>> = batch
            .iter()
            .zip(&admitted)
            .map(|(signup, admitted)| signup.proof.token().filter(|_| admitted.is_ok()))
            .collect();
        let mut unused = redeemed_challenges::redeem(tx, tokens.iter().flatten().copied(), now).await?;
        for (admitted, token) in admitted.iter_mut().zip(tokens) {
            if token.is_some_and(|token| !unused.remove(&token.0)) {
                *admitted = Err(SubscribeError::Redeemed);
            }
        }
        Ok(admitted)
    }

    /// Returns the limits that each signup debits. A signup for an unknown newsletter debits none.
    fn debits(&self, batch: &[Signup], found: &[Admitted]) -> Vec<Request> {
        let limits = |(signup, found): (&Signup, &Admitted)| {
            if found.is_ok() { self.limits_of(signup) } else { Vec::new() }
        };
        let mut requests: Vec<Request> = batch.iter().zip(found).map(limits).collect();
        // Counted separately, because discarded signups indicate an attack too.
        let missing = batch.iter().filter(|it| it.proof == Proof::Missing);
        requests
            .extend(missing.filter_map(|_| self.unsolved).map(|limit| vec![(UNSOLVED.to_owned(), limit)]));
        requests
    }

    /// Returns the limits of a signup: those of its client, and the overall one.
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
        let id = ids.get(slug).ok_or(SubscribeError::NoSuchNewsletter)?;
        if !found.contains(id) {
            found.push(*id);
        }
    }
    Ok(found)
}
