//! An SMTP server that does what a test tells it to, and remembers what it was sent.
//!
//! ```ignore
//! let relay = SmtpServer::start(
//!     Script::accept()
//!         .refuse("nobody@example.org", "550 5.1.1 no such user")
//!         .first(2, Step::EndOfData, Action::reply("451 4.3.0 try again"))
//!         .rule(|at| (at.step == Step::Body && at.connection == 1).then_some(Action::Drop)),
//! )
//! .await;
//! relay.wait_for(3).await;
//! ```
//! No TLS here: `postfix.rs` has that. `STARTTLS` can be advertised, and then fails in any way a script says.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);
const LONGEST_LINE_OCTETS: usize = 1000;

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

/// What the server does at a step instead of the usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// These lines as they are (`550 5.1.1 no`, `550-…`/`550 …` for several). 421 closes the connection after it.
    Reply(String),
    /// Closes the connection without a word.
    Drop,
    /// Says nothing until [`SmtpServer::release`], then goes on as usual.
    Hold,
}

impl Action {
    /// [`Action::Reply`] with this text.
    pub fn reply(text: &str) -> Self {
        Self::Reply(text.to_owned())
    }
}

/// What a rule decides on.
#[derive(Debug)]
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
}

/// A message whose final dot arrived, whatever was answered.
#[derive(Clone, Debug)]
pub struct Message {
    /// Counts the messages and commands of all connections: smaller is earlier.
    pub order: usize,
    /// The connection it came on.
    pub connection: usize,
    /// The envelope sender.
    pub sender: String,
    /// What followed the sender in MAIL, such as `BODY=8BITMIME`.
    pub mail_parameters: String,
    /// The accepted recipients.
    pub recipients: Vec<String>,
    /// The message as sent, dot-stuffing undone, with its last CRLF.
    pub data: Arc<[u8]>,
    /// The answer was 2xx. A connection dropped at [`Step::EndOfData`] leaves this false.
    pub accepted: bool,
}

/// What one connection did.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Its command lines in order, each with its place in the order of all connections.
    pub commands: Vec<(usize, String)>,
    /// It has ended.
    pub closed: bool,
}

/// Everything the server has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// In the order of connecting; a [`Moment::connection`] is an index into it.
    pub connections: Vec<Connection>,
    /// In the order of arrival.
    pub messages: Vec<Message>,
    /// Breaches of the protocol: pipelining or 8-bit text that was not advertised, bare CR or LF, lines too long.
    pub violations: Vec<String>,
    events: usize,
    accepted_count: usize,
}

impl Record {
    /// The messages answered with 2xx.
    pub fn accepted(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| message.accepted)
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> usize {
        self.connections.iter().filter(|connection| !connection.closed).count()
    }

    fn next_event(&mut self) -> usize {
        self.events += 1;
        self.events
    }
}

struct Shared {
    script: Mutex<Arc<Script>>,
    record: Mutex<Record>,
    reached: Mutex<HashMap<(Step, String), usize>>,
    changed: Notify,
    released: watch::Sender<bool>,
}

/// A running server; stops when dropped.
pub struct SmtpServer {
    port: u16,
    shared: Arc<Shared>,
    /// Bound without listening: keeps the port for this server while it is stopped.
    _reservation: TcpSocket,
    listening: Option<Listening>,
}

struct Listening {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl SmtpServer {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start(script: Script) -> Self {
        let reservation = reusable_socket(0);
        let port = reservation.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared {
            script: Mutex::new(Arc::new(script)),
            record: Mutex::default(),
            reached: Mutex::default(),
            changed: Notify::new(),
            released: watch::Sender::new(false),
        });
        let mut server = Self { port, shared, _reservation: reservation, listening: None };
        server.start_again().await;
        server
    }

    /// The port on 127.0.0.1, the same through [`Self::stop`] and [`Self::start_again`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Refuses connections from now on; the open ones are closed when this returns.
    pub async fn stop(&mut self) {
        if let Some(listening) = self.listening.take() {
            drop(listening.stop);
            listening.task.await.expect("the server does not panic");
        }
    }

    /// Listens again on the same port; the record goes on.
    pub async fn start_again(&mut self) {
        self.stop().await;
        let listener = reusable_socket(self.port).listen(1024).expect("the reserved port is free");
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(serve(listener, self.shared.clone(), stopped));
        self.listening = Some(Listening { stop, task });
    }

    /// Goes on with another script, in open connections too.
    pub fn follow(&self, script: Script) {
        *lock(&self.shared.script) = Arc::new(script);
    }

    /// Ends every [`Action::Hold`], those to come included.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// A copy of everything seen so far.
    pub fn record(&self) -> Record {
        lock(&self.shared.record).clone()
    }

    /// Waits until at least `count` messages were accepted and returns the record.
    pub async fn wait_for(&self, count: usize) -> Record {
        self.wait_until(|record| record.accepted_count >= count).await
    }

    /// Waits until the record fulfils the condition and returns it.
    pub async fn wait_until(&self, fulfilled: impl Fn(&Record) -> bool) -> Record {
        let waiting = async {
            loop {
                let mut changed = std::pin::pin!(self.shared.changed.notified());
                changed.as_mut().enable();
                if fulfilled(&lock(&self.shared.record)) {
                    return self.record();
                }
                changed.await;
            }
        };
        timeout(DEADLINE, waiting).await.unwrap_or_else(|_| {
            let record = self.record();
            let messages: Vec<_> = record.messages.iter().map(|m| (&m.recipients, m.accepted)).collect();
            panic!("not within {DEADLINE:?}: got {messages:?} over {:?}", record.connections)
        })
    }
}

/// Lock-step with a panicking test is pointless: the record stays readable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn reusable_socket(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket.set_reuseaddr(true).expect("SO_REUSEADDR can be set");
    socket.bind((Ipv4Addr::LOCALHOST, port).into()).expect("127.0.0.1 has a free port");
    socket
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let number = shared.note(|record| {
                    record.connections.push(Connection::default());
                    record.connections.len() - 1
                });
                connections.spawn(converse(stream, shared.clone(), number));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn converse(stream: TcpStream, shared: Arc<Shared>, number: usize) {
    let closing = Closing { shared: shared.clone(), number };
    if stream.set_nodelay(true).is_ok() {
        let (reader, writer) = stream.into_split();
        let mut session =
            Session { shared, number, reader: BufReader::new(reader), writer, envelope: Envelope::default() };
        // Ok: the script closed it. Err: the client went away. Both are recorded the same.
        drop(session.run().await);
    }
    drop(closing);
}

/// Notes the end of a connection, however it ends.
struct Closing {
    shared: Arc<Shared>,
    number: usize,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.shared.note(|record| record.connections[self.number].closed = true);
    }
}

impl Shared {
    fn note<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let result = change(&mut lock(&self.record));
        self.changed.notify_waiters();
        result
    }
}

#[derive(Default)]
struct Envelope {
    sender: Option<String>,
    mail_parameters: String,
    recipients: Vec<String>,
}

struct Session {
    shared: Arc<Shared>,
    number: usize,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    envelope: Envelope,
}

/// The connection is over: the script or the client ended it.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Session {
    async fn run(&mut self) -> Result<(), Over> {
        self.answer(Step::Greeting, "220 test.example ESMTP").await?;
        loop {
            let mut line = Vec::new();
            if self.reader.read_until(b'\n', &mut line).await? == 0 {
                return Err(Over);
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            // RFC 2920: these must be the last of a group, so that their answer can be waited for.
            let ends_group = ["EHLO", "DATA", "NOOP", "QUIT"].iter().any(|verb| starts_with(&line, verb));
            let may_go_on = self.advertises("PIPELINING") && !ends_group;
            let early = !self.reader.buffer().is_empty() && !may_go_on;
            self.shared.note(|record| {
                let order = record.next_event();
                record.connections[self.number].commands.push((order, line.clone()));
                if early {
                    record.violations.push(format!("pipelined without leave after {line:?}"));
                }
            });
            self.command(&line).await?;
        }
    }

    async fn command(&mut self, line: &str) -> Result<(), Over> {
        let upper = line.to_ascii_uppercase();
        let verb = upper.split([' ', ':']).next().unwrap_or_default();
        match verb {
            "EHLO" => {
                let script = self.script();
                let mut reply = String::new();
                let mut line = "test.example";
                for keyword in &script.keywords {
                    reply.extend(["250-", line, "\r\n"]);
                    line = keyword;
                }
                reply.extend(["250 ", line]);
                self.answer(Step::Hello, &reply).await?;
            }
            "HELO" => {
                self.answer(Step::Hello, "250 test.example").await?;
            }
            "STARTTLS" => {
                if self.answer(Step::StartTls, "454 4.7.0 no TLS here").await? {
                    return Err(Over);
                }
            }
            "AUTH" => {
                self.answer(Step::Auth, "235 2.7.0 welcome").await?;
            }
            "MAIL" => {
                let (sender, parameters) = path_and_parameters(line);
                self.envelope =
                    Envelope { sender: Some(sender), mail_parameters: parameters, recipients: Vec::new() };
                if !self.answer(Step::Mail, "250 2.1.0 ok").await? {
                    self.envelope = Envelope::default();
                }
            }
            "RCPT" if self.envelope.sender.is_some() => {
                let (recipient, _) = path_and_parameters(line);
                if self.answer_for(Step::Rcpt, &recipient, "250 2.1.5 ok").await? {
                    self.envelope.recipients.push(recipient);
                }
            }
            "DATA" if !self.envelope.recipients.is_empty() => self.data().await?,
            "DATA" if self.envelope.sender.is_some() => self.say("554 5.5.1 no valid recipients").await?,
            "RCPT" | "DATA" => self.say("503 5.5.1 bad sequence of commands").await?,
            "RSET" | "NOOP" => {
                if verb == "RSET" {
                    self.envelope = Envelope::default();
                }
                self.answer(Step::Other, "250 2.0.0 ok").await?;
            }
            "QUIT" => {
                self.answer(Step::Other, "221 2.0.0 bye").await?;
                return Err(Over);
            }
            _ => {
                self.answer(Step::Other, "502 5.5.2 unknown command").await?;
            }
        }
        Ok(())
    }

    async fn data(&mut self) -> Result<(), Over> {
        if !self.answer(Step::Data, "354 go ahead").await? {
            return Ok(());
        }
        let (data, violations) = self.read_message().await?;
        let index = self.shared.note(|record| {
            let message = Message {
                order: record.next_event(),
                connection: self.number,
                sender: self.envelope.sender.clone().unwrap_or_default(),
                mail_parameters: self.envelope.mail_parameters.clone(),
                recipients: self.envelope.recipients.clone(),
                data: data.into(),
                accepted: false,
            };
            record.violations.extend(violations);
            record.messages.push(message);
            record.messages.len() - 1
        });
        let first_recipient = self.envelope.recipients[0].clone();
        let reply = self.decide(Step::EndOfData, &first_recipient, "250 2.0.0 queued").await?;
        self.envelope = Envelope::default();
        // Noted before it is said: whoever has read our answer finds the message accepted in the record.
        if reply.starts_with('2') {
            self.shared.note(|record| {
                record.messages[index].accepted = true;
                record.accepted_count += 1;
            });
        }
        self.say(&reply).await
    }

    /// Reads up to the lone dot, undoing dot-stuffing.
    async fn read_message(&mut self) -> Result<(Vec<u8>, Vec<String>), Over> {
        let eight_bit =
            self.advertises("8BITMIME") && self.envelope.mail_parameters.contains("BODY=8BITMIME");
        let (mut data, mut violations) = (Vec::new(), Vec::new());
        let (mut line, mut first) = (Vec::new(), true);
        loop {
            line.clear();
            if self.reader.read_until(b'\n', &mut line).await? == 0 {
                return Err(Over);
            }
            if std::mem::take(&mut first) {
                let recipient = self.envelope.recipients[0].clone();
                self.decide(Step::Body, &recipient, "").await?;
            }
            if line == b".\r\n" && (data.is_empty() || data.ends_with(b"\r\n")) {
                return Ok((data, violations));
            }
            let text = line.strip_suffix(b"\r\n");
            if text.is_none_or(|text| text.contains(&b'\r')) {
                violations.push(format!("bare CR or LF in {:?}", String::from_utf8_lossy(&line)));
            }
            if line.len() > LONGEST_LINE_OCTETS {
                violations.push(format!("a line of {} octets", line.len()));
            }
            if !eight_bit && !line.is_ascii() {
                violations.push(format!("8-bit text without leave: {:?}", String::from_utf8_lossy(&line)));
            }
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    async fn answer(&mut self, step: Step, usual: &str) -> Result<bool, Over> {
        let recipient = self.envelope.recipients.first().cloned().unwrap_or_default();
        self.answer_for(step, &recipient, usual).await
    }

    /// Says what the script says, else the usual; tells whether that was a yes (2xx or 3xx).
    async fn answer_for(&mut self, step: Step, recipient: &str, usual: &str) -> Result<bool, Over> {
        let reply = self.decide(step, recipient, usual).await?;
        self.say(&reply).await?;
        Ok(reply.starts_with(['2', '3']))
    }

    async fn decide(&mut self, step: Step, recipient: &str, usual: &str) -> Result<String, Over> {
        let earlier = {
            let mut reached = lock(&self.shared.reached);
            let count = reached.entry((step, recipient.to_owned())).or_default();
            *count += 1;
            *count - 1
        };
        let sender = self.envelope.sender.as_deref().unwrap_or_default();
        let moment = Moment { step, connection: self.number, sender, recipient, earlier };
        match self.script().rules.iter().find_map(|rule| rule(&moment)) {
            None => Ok(usual.to_owned()),
            Some(Action::Reply(reply)) => Ok(reply),
            Some(Action::Drop) => Err(Over),
            Some(Action::Hold) => {
                let mut released = self.shared.released.subscribe();
                released.wait_for(|released| *released).await.map_err(|_| Over)?;
                Ok(usual.to_owned())
            }
        }
    }

    async fn say(&mut self, reply: &str) -> Result<(), Over> {
        self.writer.write_all(format!("{reply}\r\n").as_bytes()).await?;
        if reply.starts_with("421") { Err(Over) } else { Ok(()) }
    }

    fn script(&self) -> Arc<Script> {
        lock(&self.shared.script).clone()
    }

    fn advertises(&self, keyword: &str) -> bool {
        self.script().keywords.iter().any(|advertised| advertised == keyword)
    }
}

fn starts_with(line: &str, verb: &str) -> bool {
    line.get(..verb.len()).is_some_and(|start| start.eq_ignore_ascii_case(verb))
}

/// `MAIL FROM:<a@b> BODY=8BITMIME` -> (`a@b`, `BODY=8BITMIME`).
fn path_and_parameters(line: &str) -> (String, String) {
    let rest = line.split_once('<').map_or("", |(_, rest)| rest);
    let (path, parameters) = rest.split_once('>').unwrap_or((rest, ""));
    (path.to_owned(), parameters.trim().to_owned())
}
