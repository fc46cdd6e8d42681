//! A [`Script`] of rules, and the [`Director`] that runs it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::lock;

/// A step of the conversation at which a script can act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A client has connected and waits for the greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS, answered with 454 unless a script decides otherwise. The connection closes after a 2xx
    /// answer.
    StartTls,
    /// AUTH with its credentials on the same line. Accepted by default.
    Auth,
    Mail,
    /// RCPT TO, once for each recipient.
    Rcpt,
    /// DATA, before the message.
    Data,
    /// The first line of the message has arrived. A script can drop or hold here, but not reply.
    Body,
    /// The message is complete and waits for its answer.
    EndOfData,
    /// RSET, NOOP, QUIT and unknown commands.
    Other,
}

/// A deviation from the usual behavior at a step.
#[derive(Clone, Debug)]
pub enum Action {
    /// Replies with these lines (`550 5.1.1 no`, or `550-…`/`550 …` for several). 421 then closes the
    /// connection.
    Reply(String),
    /// Closes the connection without an answer.
    Drop,
    /// Waits for [`release`](super::SmtpServer::release) or [`pass`](super::SmtpServer::pass), then continues
    /// as usual.
    Hold,
    /// Continues as usual after this time.
    Delay(Duration),
}

impl Action {
    /// Creates an [`Action::Reply`].
    pub fn reply(text: &str) -> Self {
        Self::Reply(text.to_owned())
    }
}

/// The facts on which a rule decides.
pub struct StepContext<'a> {
    pub step: Step,
    /// Index of the connection, from 0.
    pub connection: usize,
    /// The envelope sender, from MAIL on.
    pub sender: &'a str,
    /// The recipient at RCPT. From DATA on, the first accepted one.
    pub recipient: &'a str,
    /// How often the recipient reached this step before, on any connection.
    pub earlier: usize,
}

type Rule = Box<dyn Fn(&StepContext) -> Option<Action> + Send + Sync>;

/// Rules and advertised keywords. The first rule that returns an action wins. Without one, the server
/// accepts.
pub struct Script {
    keywords: Vec<String>,
    rules: Vec<Rule>,
}

impl Script {
    /// Accepts everything; advertises PIPELINING, 8BITMIME, SMTPUTF8 and ENHANCEDSTATUSCODES.
    pub fn accept() -> Self {
        let script = Self { keywords: Vec::new(), rules: Vec::new() };
        script.advertise(&["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"])
    }

    /// Advertises exactly these EHLO keywords, such as `STARTTLS` or `AUTH PLAIN`.
    #[must_use]
    pub fn advertise(mut self, keywords: &[&str]) -> Self {
        self.keywords = keywords.iter().map(|&keyword| keyword.to_owned()).collect();
        self
    }

    /// Adds a general rule. The other methods are short forms.
    #[must_use]
    pub fn rule(mut self, rule: impl Fn(&StepContext) -> Option<Action> + Send + Sync + 'static) -> Self {
        self.rules.push(Box::new(rule));
        self
    }

    /// Takes `action` at every `step`.
    #[must_use]
    pub fn always(self, step: Step, action: Action) -> Self {
        self.rule(move |at| (at.step == step).then(|| action.clone()))
    }

    /// Takes `action` the first `times` that each recipient reaches `step`. Before RCPT, all clients count
    /// together.
    #[must_use]
    pub fn first(self, times: usize, step: Step, action: Action) -> Self {
        self.rule(move |at| (at.step == step && at.earlier < times).then(|| action.clone()))
    }

    /// Answers RCPT for this recipient with `reply`.
    #[must_use]
    pub fn refuse(self, recipient: &str, reply: &str) -> Self {
        let (recipient, action) = (recipient.to_owned(), Action::reply(reply));
        self.rule(move |at| (at.step == Step::Rcpt && at.recipient == recipient).then(|| action.clone()))
    }

    /// Greylists: answers 451 to each recipient's first RCPT.
    #[must_use]
    pub fn greylist(self) -> Self {
        self.first(1, Step::Rcpt, Action::reply("451 4.7.1 greylisted, try again later"))
    }

    pub(super) fn keywords(&self) -> &[String] {
        &self.keywords
    }

    fn action_at(&self, moment: &StepContext) -> Option<Action> {
        self.rules.iter().find_map(|rule| rule(moment))
    }
}

/// The current script and the state that all connections share.
pub(super) struct Director {
    script: Mutex<Arc<Script>>,
    reached: Mutex<HashMap<(Step, String), usize>>,
    released: watch::Sender<bool>,
    /// Number of connections on hold that may continue, in the order they were held.
    passes: Semaphore,
}

impl Director {
    pub(super) fn new(script: Script) -> Self {
        Self {
            script: Mutex::new(Arc::new(script)),
            reached: Mutex::default(),
            released: watch::Sender::new(false),
            passes: Semaphore::new(0),
        }
    }

    pub(super) fn script(&self) -> Arc<Script> {
        lock(&self.script).clone()
    }

    pub(super) fn follow(&self, script: Script) {
        *lock(&self.script) = Arc::new(script);
    }

    pub(super) fn release(&self) {
        self.released.send_replace(true);
    }

    pub(super) fn pass(&self, count: usize) {
        self.passes.add_permits(count);
    }

    /// Counts that `recipient` reached `step`, and returns the script's action.
    pub(super) fn action_at(
        &self,
        step: Step,
        connection: usize,
        sender: &str,
        recipient: &str,
    ) -> Option<Action> {
        let earlier = {
            let mut reached = lock(&self.reached);
            let count = reached.entry((step, recipient.to_owned())).or_default();
            *count += 1;
            *count - 1
        };
        self.script().action_at(&StepContext { step, connection, sender, recipient, earlier })
    }

    /// Waits for [`Self::release`] or [`Self::pass`].
    pub(super) async fn hold(&self) {
        let mut released = self.released.subscribe();
        // An error would mean that the director was dropped.
        tokio::select! {
            _ = released.wait_for(|released| *released) => {}
            pass = self.passes.acquire() => if let Ok(pass) = pass { pass.forget() },
        }
    }
}
