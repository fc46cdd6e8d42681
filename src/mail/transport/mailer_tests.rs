use super::*;
use crate::{
    domain::{email_address::EmailAddress, relay::RelayUrl},
    mail::transport::smtp::peer::{Act, Doors, settle},
};
use std::sync::atomic::Ordering;
use tokio::time::Instant;

const STEP: Duration = Duration::from_mins(1);
const ANSWER: Duration = Duration::from_mins(5);

/// A mailer to relays in memory, each with so many connections of two messages.
fn mailer(relays: &[(&Doors, usize)]) -> Mailer {
    let timeouts = Timeouts { step: STEP, answer: ANSWER };
    let relays = relays.iter().enumerate().map(|(index, &(doors, connections))| {
        let url = RelayUrl::parse(&format!("smtp://relay{index}.example")).unwrap();
        let settings =
            settings::Relay { connections, messages_per_connection: 3, ..settings::Relay::new(url) };
        let mut relay = Relay::new(index, &settings, "client.example", timeouts).unwrap();
        if let Way::Smtp(smtp) = &mut relay.way {
            let smtp = Arc::get_mut(smtp).expect("nobody has it yet");
            smtp.dial.stand_in = Some(doors.clone());
        }
        Arc::new(relay)
    });
    Mailer(Arc::new(Shared { relays: relays.collect(), timeouts, clock: Clock::system() }))
}

async fn send_over(line: &mut Line) -> Outcome {
    let sender = EmailAddress::parse("news@example.org").unwrap();
    let recipient = EmailAddress::parse("ann@example.net").unwrap();
    line.send(&Outgoing { sender: &sender, recipient: &recipient, message: b"Subject: x\r\n\r\nHello\r\n" })
        .await
}

async fn send(mailer: &Mailer) -> Outcome {
    send_over(&mut mailer.line(Priority::Bulk).await.unwrap()).await
}

fn is_sent(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Sent(_))
}

/// Does something on one connection only.
fn on(connection: usize, at: &'static str, act: Act) -> Doors {
    Doors::new("PIPELINING", move |number, step| (number == connection && step == at).then(|| act.clone()))
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_until_it_has_carried_its_share() {
    let doors = Doors::polite();
    let mailer = mailer(&[(&doors, 2)]);
    for _ in 0..7 {
        assert!(is_sent(&send(&mailer).await));
        settle().await;
    }
    assert_eq!((doors.connections(), doors.messages()), (3, 7));
    assert_eq!(mailer.open_connections(0), 1);
    assert_eq!(doors.lines(0).last().unwrap(), "QUIT");
    assert_eq!(doors.met(|met| met.most_open), 1, "none is opened beside one that is idle");
    // The same over one line.
    let mut line = mailer.line(Priority::Bulk).await.unwrap();
    for _ in 0..7 {
        assert!(is_sent(&send_over(&mut line).await));
    }
    assert_eq!(doors.messages(), 14);
    drop(line);
    mailer.close().await;
    settle().await;
    assert_eq!((mailer.open_connections(0), doors.met(|met| met.open)), (0, 0));
    assert!((0..doors.connections()).all(|number| doors.lines(number).last().unwrap() == "QUIT"));
}

#[tokio::test(start_paused = true)]
async fn there_are_never_more_connections_than_allowed() {
    let doors = Doors::new("PIPELINING", |_, step| (step == "end").then_some(Act::Late(1, "250 ok\r\n")));
    let mailer = mailer(&[(&doors, 3)]);
    let sending = (0..40).map(|_| {
        let mailer = mailer.clone();
        async move { send(&mailer).await }
    });
    assert!(futures_util::future::join_all(sending).await.iter().all(is_sent));
    assert_eq!(doors.met(|met| met.most_open), 3);
    mailer.allow(0, 1);
    settle().await;
    assert_eq!(mailer.open_connections(0), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_has_died_is_replaced_and_nobody_is_blamed() {
    for (step, act) in [
        ("MAIL", Act::Close),
        ("RCPT", Act::Close),
        ("DATA", Act::Close),
        ("MAIL", Act::Say("421 4.4.2 idle for too long\r\n")),
        ("MAIL", Act::Say("452 4.5.3 enough on this connection\r\n")),
    ] {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let doors = Doors::new("PIPELINING", move |number, at| {
            let second = number == 0 && at == step && seen.fetch_add(1, Ordering::SeqCst) == 1;
            second.then(|| act.clone())
        });
        let mailer = mailer(&[(&doors, 1)]);
        assert!(is_sent(&send(&mailer).await));
        assert!(is_sent(&send(&mailer).await), "{step}");
        assert_eq!((doors.connections(), mailer.open_connections(0)), (2, 1));
        assert!(mailer.0.relays[0].resting().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn being_told_to_slow_down_is_trouble_also_on_a_kept_connection() {
    for (step, said) in [("MAIL", "450 4.7.1 too fast\r\n"), ("RCPT", "421 4.3.2 busy\r\n")] {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let doors = Doors::new("PIPELINING", move |_, at| {
            (at == step && seen.fetch_add(1, Ordering::SeqCst) == 1).then_some(Act::Say(said))
        });
        let mailer = mailer(&[(&doors, 1)]);
        assert!(is_sent(&send(&mailer).await));
        let Outcome::RelayTrouble(answer) = send(&mailer).await else { panic!("{step}") };
        assert!(crate::domain::delivery::asks_to_slow_down(&answer));
        assert_eq!(doors.connections(), 1);
        assert!(mailer.0.relays[0].resting().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn trouble_on_a_fresh_connection_makes_the_relay_rest_and_the_next_one_takes_over() {
    let (first, second) = (on(0, "MAIL", Act::Close), Doors::polite());
    let mailer = mailer(&[(&first, 1), (&second, 1)]);
    let Outcome::RelayTrouble(answer) = send(&mailer).await else { panic!("not closed") };
    assert_eq!(answer.relay, "smtp://relay0.example:25");
    let line = mailer.line(Priority::Bulk).await.unwrap();
    assert_eq!((line.relay(), mailer.open_connections(0)), (1, 0));
    drop(line);
    tokio::time::advance(Duration::from_secs(2)).await;
    let mut line = mailer.line(Priority::Bulk).await.unwrap();
    assert_eq!(line.relay(), 0, "rested");
    assert!(is_sent(&send_over(&mut line).await));
    assert_eq!(mailer.relay_names(), ["smtp://relay0.example:25", "smtp://relay1.example:25"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_relay_that_can_be_reached_the_last_trouble_is_told() {
    let (first, second) = (Doors::at("", "greeting", Act::Say("554 go away\r\n")), Doors::polite());
    second.shut.store(true, Ordering::SeqCst);
    let mailer = mailer(&[(&first, 1), (&second, 1)]);
    let told = mailer.line(Priority::Single).await.err().unwrap();
    assert!(told.text.starts_with("can't connect"), "{told:?}");
    assert_eq!(first.connections(), 1);
    // Both rest now: nobody knocks.
    let told = mailer.line(Priority::Single).await.err().unwrap();
    assert_eq!((told.code, first.connections()), (Some(554), 1));
    let failures = |index: usize| mailer.0.relays[index].resting().is_some();
    assert!(failures(0) && failures(1));
    second.shut.store(false, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(mailer.line(Priority::Single).await.unwrap().relay(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_relay_that_begins_to_rest_goes_elsewhere() {
    let (first, second) = (Doors::at("PIPELINING", "MAIL", Act::Hang), Doors::polite());
    let mailer = mailer(&[(&first, 1), (&second, 1)]);
    let sending = tokio::spawn({
        let mailer = mailer.clone();
        async move { send(&mailer).await }
    });
    settle().await;
    let begin = Instant::now();
    let line = mailer.line(Priority::Bulk).await.unwrap();
    assert_eq!((line.relay(), begin.elapsed()), (1, STEP), "as soon as it is known");
    assert!(matches!(sending.await.unwrap(), Outcome::RelayTrouble(_)));
    // And the same without another relay.
    let alone = self::mailer(&[(&first, 1)]);
    let sending = tokio::spawn({
        let mailer = alone.clone();
        async move { send(&mailer).await }
    });
    settle().await;
    assert!(alone.line(Priority::Single).await.is_err());
    sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_with_each_trouble_and_many_connections_count_as_one() {
    let doors = Doors::polite();
    doors.shut.store(true, Ordering::SeqCst);
    let mailer = mailer(&[(&doors, 10)]);
    let rest = |mailer: &Mailer| mailer.0.relays[0].resting().is_some();
    for seconds in [2, 5, 15] {
        let lines = futures_util::future::join_all((0..10).map(|_| mailer.line(Priority::Bulk))).await;
        assert!(lines.iter().all(Result::is_err));
        assert_eq!(mailer.open_connections(0), 0);
        tokio::time::advance(Duration::from_millis(seconds * 1_000 - 1)).await;
        assert!(rest(&mailer), "{seconds}");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!rest(&mailer), "{seconds}");
    }
    // A success ends the count.
    doors.shut.store(false, Ordering::SeqCst);
    assert!(is_sent(&send(&mailer).await));
    mailer.close().await;
    doors.shut.store(true, Ordering::SeqCst);
    assert!(mailer.line(Priority::Bulk).await.is_err());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(!rest(&mailer));
}

#[tokio::test(start_paused = true)]
async fn success_over_another_connection_does_not_end_a_rest() {
    let doors = on(1, "MAIL", Act::Close);
    let mailer = mailer(&[(&doors, 2)]);
    let mut well = mailer.line(Priority::Bulk).await.unwrap();
    let mut bad = mailer.line(Priority::Bulk).await.unwrap();
    assert!(matches!(send_over(&mut bad).await, Outcome::RelayTrouble(_)));
    assert!(is_sent(&send_over(&mut well).await), "a line that works goes on");
    assert!(mailer.0.relays[0].resting().is_some());
    assert!(
        matches!(send_over(&mut bad).await, Outcome::RelayTrouble(_)),
        "without a connection it rests too"
    );
    assert_eq!(doors.connections(), 2);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(is_sent(&send_over(&mut bad).await), "then it opens another one");
}

#[tokio::test(start_paused = true)]
async fn a_mail_in_doubt_makes_the_relay_rest() {
    let doors = on(0, "end", Act::Close);
    let mailer = mailer(&[(&doors, 1)]);
    assert!(matches!(send(&mailer).await, Outcome::InDoubt(_)));
    assert!(mailer.0.relays[0].resting().is_some());
    assert_eq!(doors.messages(), 1, "and is not repeated");
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_dropped_never_lends_its_reply_to_another_mail() {
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let doors = Doors::new("PIPELINING", move |_, at| {
        (at == "end" && seen.fetch_add(1, Ordering::SeqCst) == 0).then_some(Act::Late(5, "250 the first\r\n"))
    });
    let mailer = mailer(&[(&doors, 1)]);
    assert!(tokio::time::timeout(Duration::from_secs(1), send(&mailer)).await.is_err());
    assert_eq!(mailer.open_connections(0), 0);
    let Outcome::Sent(answer) = send(&mailer).await else { panic!("not sent") };
    assert_eq!((answer.text.as_str(), doors.connections()), ("2.0.0 queued", 2));
    // The same over one line.
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let doors = Doors::new("PIPELINING", move |_, at| {
        (at == "end" && seen.fetch_add(1, Ordering::SeqCst) == 0).then_some(Act::Late(5, "250 the first\r\n"))
    });
    let mailer = self::mailer(&[(&doors, 1)]);
    let mut line = mailer.line(Priority::Bulk).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), send_over(&mut line)).await.is_err());
    let Outcome::Sent(answer) = send_over(&mut line).await else { panic!("not sent") };
    assert_eq!((answer.text.as_str(), doors.connections()), ("2.0.0 queued", 2));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_given_up_while_it_opens_frees_its_place() {
    let doors = on(0, "greeting", Act::Hang);
    let mailer = mailer(&[(&doors, 1)]);
    assert!(tokio::time::timeout(Duration::from_secs(1), mailer.line(Priority::Bulk)).await.is_err());
    assert_eq!(mailer.open_connections(0), 0);
    assert!(is_sent(&send(&mailer).await));
}

#[tokio::test(start_paused = true)]
async fn what_was_idle_for_long_is_not_used_again() {
    let doors = Doors::polite();
    let mailer = mailer(&[(&doors, 1)]);
    let mut line = mailer.line(Priority::Bulk).await.unwrap();
    assert!(is_sent(&send_over(&mut line).await));
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert!(is_sent(&send_over(&mut line).await), "a line held too long");
    assert_eq!(doors.connections(), 2);
    drop(line);
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert_eq!(mailer.open_connections(0), 0);
    assert!(is_sent(&send(&mailer).await));
    assert_eq!(doors.connections(), 3);
}

#[tokio::test(start_paused = true)]
async fn single_mails_overtake_an_issue() {
    let doors = Doors::new("PIPELINING", |_, step| (step == "end").then_some(Act::Late(1, "250 ok\r\n")));
    let mailer = mailer(&[(&doors, 1)]);
    let order = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let task = |priority: Priority, name: usize| {
        let (mailer, order) = (mailer.clone(), order.clone());
        tokio::spawn(async move {
            let mut line = mailer.line(priority).await.unwrap();
            order.lock().push(name);
            assert!(is_sent(&send_over(&mut line).await));
        })
    };
    let mut tasks: Vec<_> = (0..20).map(|name| task(Priority::Bulk, name)).collect();
    settle().await;
    tasks.push(task(Priority::Single, 100));
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(order.lock()[..3], [0, 100, 1]);
}

#[tokio::test(start_paused = true)]
async fn sending_tries_each_relay_once() {
    let (first, second) =
        (Doors::at("PIPELINING", "MAIL", Act::Say("550 5.7.1 not you\r\n")), Doors::polite());
    let mailer = mailer(&[(&first, 1), (&second, 1)]);
    let address = EmailAddress::parse("ann@example.net").unwrap();
    let mail = Outgoing { sender: &address, recipient: &address, message: b"x\r\n" };
    let Outcome::Sent(answer) = mailer.send(Priority::Single, &mail).await else { panic!("not sent") };
    assert_eq!(answer.relay, "smtp://relay1.example:25");
    let alone = self::mailer(&[(&first, 1)]);
    let Outcome::RelayTrouble(answer) = alone.send(Priority::Single, &mail).await else { panic!("taken") };
    assert_eq!(answer.code, Some(550));
    // With no place at all it ends, too.
    let full = self::mailer(&[(&second, 0)]);
    assert!(matches!(full.send(Priority::Single, &mail).await, Outcome::RelayTrouble(_)));
}

#[tokio::test]
async fn a_mailbox_is_a_line_without_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let relay = settings::Relay::new(RelayUrl::Mailbox(folder.path().join("mailbox")));
    let sending = crate::settings::Settings::defaults().unwrap().sending;
    let mailer = Mailer::new(&[relay], &sending, Clock::system()).unwrap();
    let mut lines = Vec::new();
    for _ in 0..50 {
        lines.push(mailer.line(Priority::Bulk).await.unwrap());
    }
    assert!(is_sent(&send_over(&mut lines[49]).await));
    mailer.allow(0, 0);
    assert_eq!((mailer.open_connections(0), lines[0].relay()), (0, 0));
    assert!(mailer.check().await[0].1.is_ok());
    mailer.close().await;
}
