//! Saves signups, many in one transaction. Nothing about an address is looked up here.

use super::subscribe::{Signup, SubscribeError};
use crate::{
    clock::Clock,
    db::{
        Db, DbError, Tx,
        engine::group_commit::{Answers, BatchHandler, GroupCommit},
        newsletters,
        rate_limits::{self, Request, Verdict},
        signups::{self, NewSignup},
    },
    domain::{
        client_address::UNKNOWN,
        ids::NewsletterId,
        newsletter::time_zone_name,
        signup_limit::{OVERALL, SignupLimits, client_limits},
        token::KeyRing,
    },
    queue::{Job, Queue},
};
use jiff::Timestamp;
use std::{collections::HashMap, sync::Arc};

/// Saves signups in batches. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignupBatcher(GroupCommit<SignupHandler>);

impl SignupBatcher {
    /// Starts the batcher's task.
    pub fn start(db: Db, queue: Queue, clock: Clock, keys: Arc<KeyRing>, limits: SignupLimits) -> Self {
        Self(GroupCommit::start(SignupHandler { db, queue, clock, keys, limits }))
    }

    /// Saves a signup for the job that processes signups. Returns once it is durable, or refused.
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
}

impl BatchHandler for SignupHandler {
    type Request = Signup;
    type Answer = ();
    type Error = SubscribeError;

    async fn commit(&self, batch: &[Signup]) -> Result<Answers<Self>, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.begin_shared().await?;
        let slugs: Vec<&str> = batch.iter().flat_map(|it| &it.newsletters).map(String::as_str).collect();
        let ids = newsletters::ids_by_slug(&mut tx, &slugs).await?;
        let wanted: Vec<Result<Vec<NewsletterId>, SubscribeError>> =
            batch.iter().map(|it| newsletters_of(it, &ids)).collect();
        let verdicts = self.admit(&mut tx, batch, &wanted, now).await?;
        let zones: Vec<Option<&str>> =
            batch.iter().map(|it| it.time_zone.as_ref().map(time_zone_name)).collect();
        let mut rows = Vec::with_capacity(batch.len());
        // The newsletters outlive the rows that name them.
        let too_many = |wait| SubscribeError::TooMany { wait };
        let wanted: Vec<_> = wanted
            .into_iter()
            .zip(verdicts)
            .map(|(ids, verdict)| verdict.map_err(too_many).and(ids))
            .collect();
        for ((signup, wanted), time_zone) in batch.iter().zip(&wanted).zip(zones) {
            if let Ok(newsletters) = wanted {
                rows.push(NewSignup {
                    address: &signup.address,
                    newsletters,
                    method: signup.method,
                    language: signup.language.as_deref(),
                    time_zone,
                    wording: signup.wording,
                    evidence: &signup.evidence,
                });
            }
        }
        signups::insert(&mut tx, &rows, now).await?;
        if !rows.is_empty() {
            self.queue.enqueue(&mut tx, &Job::TakeSignups).await?;
        }
        tx.commit().await?;
        Ok(wanted.into_iter().map(|it| it.map(drop)).collect())
    }
}

impl SignupHandler {
    /// Debits the limits of each signup. A signup for a newsletter that doesn't exist debits nothing.
    async fn admit(
        &self,
        tx: &mut Tx,
        batch: &[Signup],
        wanted: &[Result<Vec<NewsletterId>, SubscribeError>],
        now: Timestamp,
    ) -> Result<Vec<Verdict>, DbError> {
        let requests: Vec<Request> = batch
            .iter()
            .zip(wanted)
            .map(|(signup, wanted)| if wanted.is_ok() { self.limits_of(signup) } else { Vec::new() })
            .collect();
        rate_limits::check(tx, &requests, now).await
    }

    /// The limits of a signup: its client's, and the overall one.
    fn limits_of(&self, signup: &Signup) -> Request {
        let client = signup.evidence.client_address.as_deref().map_or(Ok(UNKNOWN), str::parse);
        let mut limits =
            client.map_or_else(|_| Vec::new(), |ip| client_limits(&self.keys, self.limits.client, ip));
        limits.extend(self.limits.overall.map(|limit| (OVERALL.to_owned(), limit)));
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
