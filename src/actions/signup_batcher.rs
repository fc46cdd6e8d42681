//! Saves signups, many in one transaction. Nothing about an address is looked up here.

use super::{
    client_line::lines,
    subscribe::{Signup, SubscribeError},
};
use crate::{
    clock::Clock,
    db::{
        Db, DbError, Tx,
        engine::group_commit::{Answers, BatchHandler, GroupCommit},
        newsletters,
        signup_limits::{OVERALL, set_taken_until, taken_until},
        signups::{self, NewSignup},
    },
    domain::{
        client_address::UNKNOWN,
        ids::NewsletterId,
        newsletter::time_zone_name,
        signup_limit::{Limit, SignupLimits},
        token::KeyRing,
    },
    queue::{Job, Queue},
};
use jiff::{SignedDuration, Timestamp};
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
        let clients: Vec<Vec<(String, Limit)>> = batch.iter().map(|it| self.client(it)).collect();
        let admitted = self.admit(&mut tx, &wanted, &clients, now).await?;
        let zones: Vec<Option<&str>> =
            batch.iter().map(|it| it.time_zone.as_ref().map(time_zone_name)).collect();
        let mut rows = Vec::with_capacity(batch.len());
        // The newsletters outlive the rows that name them.
        let wanted: Vec<_> =
            wanted.into_iter().zip(admitted).map(|(ids, admitted)| admitted.and(ids)).collect();
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
    /// Counts signups in, each on its client's limits and on everybody's. What is refused counts nowhere.
    async fn admit(
        &self,
        tx: &mut Tx,
        wanted: &[Result<Vec<NewsletterId>, SubscribeError>],
        clients: &[Vec<(String, Limit)>],
        now: Timestamp,
    ) -> Result<Answers<Self>, DbError> {
        let mut names: Vec<&str> = clients.iter().flatten().map(|(name, _)| name.as_str()).collect();
        names.extend(self.limits.overall.map(|_| OVERALL));
        let mut lines = taken_until(tx, names, now).await?;
        let mut changed = HashMap::new();
        let micros = now.as_microsecond();
        let mut answers = Vec::with_capacity(wanted.len());
        for (wanted, client) in wanted.iter().zip(clients) {
            let asked: Vec<(&str, Limit)> = client
                .iter()
                .map(|(name, limit)| (name.as_str(), *limit))
                .chain(self.limits.overall.map(|limit| (OVERALL, limit)))
                .collect();
            let line = |name: &str| lines.get(name).copied().unwrap_or(micros);
            let longer: Result<Vec<(String, i64)>, SignedDuration> = asked
                .iter()
                .map(|(name, limit)| Ok(((*name).to_owned(), limit.take(line(name), micros)?)))
                .collect();
            answers.push(match longer {
                _ if wanted.is_err() => Ok(()),
                Ok(longer) => {
                    changed.extend(longer.clone());
                    lines.extend(longer);
                    Ok(())
                }
                Err(wait) => Err(SubscribeError::TooMany { wait }),
            });
        }
        set_taken_until(tx, &changed.into_iter().collect::<Vec<_>>()).await?;
        Ok(answers)
    }

    /// The limits of a signup's client.
    fn client(&self, signup: &Signup) -> Vec<(String, Limit)> {
        let address = signup.evidence.client_address.as_deref().map(str::parse);
        match address.unwrap_or(Ok(UNKNOWN)) {
            Ok(address) => lines(&self.keys, self.limits.client, address),
            Err(_) => Vec::new(),
        }
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
