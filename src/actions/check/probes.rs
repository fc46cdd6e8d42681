//! The answers of relays and of the public address, kept so that pages don't wait for them.

use super::{Finding, Surroundings};
use crate::domain::{delivery::relay::RelayAnswer, issue::readiness::PublicAnswer};
use jiff::{SignedDuration, Timestamp};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Longest that a page waits for a relay or for the public address.
const LIMIT: Duration = Duration::from_secs(3);
/// Age up to which answers count.
const KEPT: SignedDuration = SignedDuration::from_mins(1);
/// Nothing is asked again within this time, whoever asks.
const ASKED_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// Age up to which answers are shown to those who don't wait for newer ones.
const SHOWN: SignedDuration = SignedDuration::from_mins(30);

/// The answers of relays and of the public address.
#[derive(Debug, Clone)]
pub struct Answers {
    pub at: Timestamp,
    /// Each relay with what went wrong.
    pub relays: Vec<(String, RelayAnswer)>,
    /// `None`: it was not asked.
    pub public: Option<PublicAnswer>,
    /// The finding about the OpenID provider, if there is one.
    pub provider: Option<Finding>,
}

/// The last answers.
#[derive(Default)]
pub struct Probes {
    last: Mutex<Option<Answers>>,
    /// Held while answers are awaited, so that requests that come meanwhile get the same.
    asking: tokio::sync::Mutex<()>,
}

impl Probes {
    /// Returns the last answers, or asks if they are old.
    pub async fn get(&self, surroundings: &dyn Surroundings, now: Timestamp) -> Answers {
        self.not_older(KEPT, surroundings, now).await
    }

    /// Asks, unless somebody just did.
    pub async fn refresh(&self, surroundings: &dyn Surroundings, now: Timestamp) -> Answers {
        self.not_older(ASKED_EVERY, surroundings, now).await
    }

    /// Returns the last answers without waiting. If they are old, asks for the next time.
    pub fn known(self: &Arc<Self>, surroundings: &Arc<dyn Surroundings>, now: Timestamp) -> Option<Answers> {
        if self.last_not_older(KEPT, now).is_none() {
            let (probes, surroundings) = (self.clone(), surroundings.clone());
            tokio::spawn(async move { probes.get(&*surroundings, now).await });
        }
        self.last_not_older(SHOWN, now)
    }

    fn last_not_older(&self, age: SignedDuration, now: Timestamp) -> Option<Answers> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|it| now.duration_since(it.at).abs() < age).cloned()
    }

    async fn not_older(
        &self,
        age: SignedDuration,
        surroundings: &dyn Surroundings,
        now: Timestamp,
    ) -> Answers {
        let _asking = self.asking.lock().await;
        if let Some(known) = self.last_not_older(age, now) {
            return known;
        }
        let answers = ask(surroundings, now, Some(LIMIT)).await;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(answers.clone());
        answers
    }
}

/// Asks relays and the public address, each for at most `limit`.
pub async fn ask(surroundings: &dyn Surroundings, now: Timestamp, limit: Option<Duration>) -> Answers {
    let (relays, public, provider) = tokio::join!(
        surroundings.relays(limit),
        surroundings.public_address(limit),
        surroundings.provider(limit)
    );
    Answers { at: now, relays, public, provider }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{actions::check::SigningKey, domain::subscriber::email_address::EmailAddress};
    use async_trait::async_trait;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl Surroundings for Counting {
        async fn relays(&self, _: Option<Duration>) -> Vec<(String, RelayAnswer)> {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            vec![("mx1".to_owned(), Ok(Vec::new()))]
        }

        async fn public_address(&self, _: Option<Duration>) -> Option<PublicAnswer> {
            None
        }

        async fn provider(&self, _: Option<Duration>) -> Option<Finding> {
            None
        }

        fn machine(&self) -> Vec<Finding> {
            Vec::new()
        }

        fn signing_keys(&self) -> Vec<SigningKey> {
            Vec::new()
        }

        fn signs(&self, _: &EmailAddress) -> bool {
            true
        }

        fn domain_rate(&self, _: &str) -> Option<u32> {
            None
        }
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[tokio::test]
    async fn relays_are_asked_again_when_their_answers_are_old_and_only_once_at_a_time() {
        let (probes, surroundings) = (Probes::default(), Counting::default());
        let asked = || surroundings.0.load(Ordering::Relaxed);
        let together =
            futures_util::future::join_all((0..5).map(|_| probes.get(&surroundings, second(0)))).await;
        assert_eq!((together.len(), asked()), (5, 1), "they share one check");
        for (age, seconds, expected) in
            [(KEPT, 59, 1), (KEPT, 60, 2), (ASKED_EVERY, 69, 2), (ASKED_EVERY, 70, 3), (ASKED_EVERY, 71, 3)]
        {
            probes.not_older(age, &surroundings, second(seconds)).await;
            assert_eq!(asked(), expected, "{seconds} s");
        }
    }

    #[tokio::test]
    async fn pages_that_do_not_wait_get_the_last_answers() {
        let (probes, counting) = (Arc::new(Probes::default()), Arc::new(Counting::default()));
        let surroundings: Arc<dyn Surroundings> = counting.clone();
        assert!(probes.known(&surroundings, second(0)).is_none());
        let known = probes.get(&*surroundings, second(0)).await;
        assert_eq!((known.relays.len(), counting.0.load(Ordering::Relaxed)), (1, 1));
        for (seconds, is_shown) in [(59, true), (61, true), (30 * 60, false)] {
            // The next answers are asked for in the background, which runs only while this test waits.
            assert_eq!(probes.known(&surroundings, second(seconds)).is_some(), is_shown, "{seconds} s");
        }
    }
}
