//! A [`Script`] of rules, and the [`Director`] that runs the current one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::lock;

/// A point in the conversation where a script can step in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A client has connected and waits for the greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS; answered 454 unless a script says otherwise. The connection closes after a 2xx answer.
    StartTls,
    /// AUTH with its credentials on the same line; accepted by default.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO, once for each recipient.
    Rcpt,
    /// DATA, before anything of the message.
    Data,
    /// The first line of the message has come: a place to drop or hold, there is nothing to reply to.
    Body,
    /// The message is complete and waits for its answer.
    EndOfData,
    /// RSET, NOOP, QUIT and unknown commands.
    Other,
}

/// A deviation from the usual at a step.
#[derive(Clone, Debug)]
pub enum Action {
    /// These lines as they are (`550 5.1.1 no`, `550-…`/`550 …` for several). 421 closes the connection after it.
    Reply(String),
    /// Closes the connection without an answer.
    Drop,
    /// Says nothing until [`release`](super::SmtpServer::release) or its turn by [`pass`](super::SmtpServer::pass), then goes
    /// on as usual.
    Hold,
    /// Goes on as usual after this time.
    Delay(Duration),
}

impl Action {
    /// [`Action::Reply`] with this text.
    pub fn reply(text: &str) -> Self {
        Self::Reply(text.to_owned())
    }
}

/// The facts that a rule decides on.
pub struct Moment<'a> {
    /// Where the conversation is.
    pub step: Step,
    /// The connection's number, from 0, in the order of connecting.
    pub connection: usize,
    /// The envelope sender, from MAIL on.
    pub sender: &'a str,
    /// The recipient in question at RCPT; from DATA on the (first) accepted one.
    pub recipient: &'a str,
    /// How often this step was reached before for the same recipient, on any connection.
    pub earlier: usize,
}

type Rule = Box<dyn Fn(&Moment) -> Option<Action> + Send + Sync>;

/// Rules and advertised keywords. The first rule with an opinion wins; without one the server accepts.
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

    /// The general rule, of which the others are short forms.
    #[must_use]
    pub fn rule(mut self, rule: impl Fn(&Moment) -> Option<Action> + Send + Sync + 'static) -> Self {
        self.rules.push(Box::new(rule));
        self
    }

    /// Does `action` at every `step`.
    #[must_use]
    pub fn always(self, step: Step, action: Action) -> Self {
        self.rule(move |at| (at.step == step).then(|| action.clone()))
    }

    /// Does `action` the first `times` that each recipient (before RCPT: anyone) reaches `step`.
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

    /// Greylisting: 451 at each recipient's first RCPT.
    #[must_use]
    pub fn greylist(self) -> Self {
        self.first(1, Step::Rcpt, Action::reply("451 4.7.1 greylisted, try again later"))
    }

    pub(super) fn keywords(&self) -> &[String] {
        &self.keywords
    }

    fn action_at(&self, moment: &Moment) -> Option<Action> {
        self.rules.iter().find_map(|rule| rule(moment))
    }
}

/// Has the current script, and the state that all connections share: how often each step was reached, and how many
/// connections on hold may go on.
pub(super) struct Director {
    script: Mutex<Arc<Script>>,
    reached: Mutex<HashMap<(Step, String), usize>>,
    released: watch::Sender<bool>,
    /// The number of connections on hold that may go on, in the order they were held.
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

    /// Counts that `step` is reached for `recipient`, and asks the script.
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
        self.script().action_at(&Moment { step, connection, sender, recipient, earlier })
    }

    /// Waits for [`Self::release`] or [`Self::pass`].
    pub(super) async fn hold(&self) {
        let mut released = self.released.subscribe();
        // An error would mean that the director is gone.
        tokio::select! {
            _ = released.wait_for(|released| *released) => {}
            pass = self.passes.acquire() => if let Ok(pass) = pass { pass.forget() },
        }
    }
}
