use super::*;
use crate::{
    domain::delivery::relay::RelayUrl,
    mail::transport::{
        relay::Target,
        smtp::fake_relay::{Action, FakeRelay, settle},
    },
};
use lettre::transport::smtp::extension::ClientId;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

const STEP: Duration = Duration::from_mins(1);
const ANSWER: Duration = Duration::from_mins(5);

/// Creates a mailer to in-memory relays, each with a number of connections that carry three messages.
fn mailer(relays: &[(&FakeRelay, usize)]) -> Mailer {
    let timeouts = Timeouts { step: STEP, answer: ANSWER };
    let relays = relays.iter().enumerate().map(|(index, &(fake, connections))| {
        let url = RelayUrl::parse(&format!("smtp://relay{index}.example")).unwrap();
        let settings =
            settings::Relay { connections, messages_per_connection: 3, ..settings::Relay::new(url) };
        let mut relay = Relay::new(
            index,
            &settings,
            &ClientId::Domain("client.example".into()),
            timeouts,
            &Clock::system(),
        )
        .unwrap();
        if let Route::Pooled(connector) = &mut relay.route {
            let connector = Arc::get_mut(connector).expect("there is only one reference");
            let Target::Smtp(dialer) = &mut connector.target else { panic!("no SMTP relay") };
            dialer.fake = Some(fake.clone());
        }
        Arc::new(relay)
    });
    Mailer(Arc::new(Shared { relays: relays.collect(), timeouts }))
}

fn envelope() -> Envelope {
    let address = |text: &str| text.parse().unwrap();
    Envelope::new(Some(address("news@example.org")), vec![address("ann@example.net")]).unwrap()
}

async fn send_over(lease: &ConnectionLease) -> SendResult {
    lease.send_raw(&envelope(), b"Subject: x\r\n\r\nHello\r\n").await
}

async fn send(mailer: &Mailer) -> SendResult {
    send_over(&mailer.lease(Priority::Bulk).await.unwrap()).await
}

fn is_sent(outcome: &SendResult) -> bool {
    outcome.is_ok()
}

fn on(connection: usize, at: &'static str, act: Action) -> FakeRelay {
    FakeRelay::new("PIPELINING", move |number, step| {
        (number == connection && step == at).then(|| act.clone())
    })
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_reused_up_to_its_message_limit() {
    let fake = FakeRelay::polite();
    let mailer = mailer(&[(&fake, 2)]);
    for _ in 0..7 {
        assert!(is_sent(&send(&mailer).await));
        settle().await;
    }
    assert_eq!((fake.connections(), fake.messages()), (3, 7));
    assert_eq!(mailer.open_connections(0), 1);
    assert_eq!(fake.lines(0).last().unwrap(), "QUIT");
    assert_eq!(fake.transcript(|transcript| transcript.most_open), 1, "an idle connection is used first");
    // The same over one lease.
    let lease = mailer.lease(Priority::Bulk).await.unwrap();
    for _ in 0..7 {
        assert!(is_sent(&send_over(&lease).await));
    }
    assert_eq!(fake.messages(), 14);
    drop(lease);
    mailer.close().await;
    settle().await;
    assert_eq!((mailer.open_connections(0), fake.transcript(|transcript| transcript.open)), (0, 0));
    assert!((0..fake.connections()).all(|number| fake.lines(number).last().unwrap() == "QUIT"));
}

#[tokio::test(start_paused = true)]
async fn there_are_never_more_connections_than_allowed() {
    let fake = FakeRelay::new("PIPELINING", |_, step| {
        (step == "end").then_some(Action::ReplyAfter(1, "250 ok\r\n"))
    });
    let mailer = mailer(&[(&fake, 3)]);
    let sending = (0..40).map(|_| {
        let mailer = mailer.clone();
        async move { send(&mailer).await }
    });
    assert!(futures_util::future::join_all(sending).await.iter().all(is_sent));
    assert_eq!(fake.transcript(|transcript| transcript.most_open), 3);
    mailer.allow(0, 1);
    settle().await;
    assert_eq!(mailer.open_connections(0), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stale_connection_is_replaced_without_counting_as_a_failure() {
    for (step, act) in [
        ("MAIL", Action::Close),
        ("RCPT", Action::Close),
        ("DATA", Action::Close),
        ("MAIL", Action::Reply("421 4.4.2 idle for too long\r\n")),
        ("MAIL", Action::Reply("452 4.5.3 enough on this connection\r\n")),
    ] {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let fake = FakeRelay::new("PIPELINING", move |number, at| {
            let second = number == 0 && at == step && seen.fetch_add(1, Ordering::SeqCst) == 1;
            second.then(|| act.clone())
        });
        let mailer = mailer(&[(&fake, 1)]);
        assert!(is_sent(&send(&mailer).await));
        assert!(is_sent(&send(&mailer).await), "{step}");
        assert_eq!((fake.connections(), mailer.open_connections(0)), (2, 1));
        assert!(mailer.0.relays[0].backoff().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_is_a_failure_even_on_a_reused_connection() {
    for (step, said) in [("MAIL", "450 4.7.1 too fast\r\n"), ("RCPT", "421 4.3.2 busy\r\n")] {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let fake = FakeRelay::new("PIPELINING", move |_, at| {
            (at == step && seen.fetch_add(1, Ordering::SeqCst) == 1).then_some(Action::Reply(said))
        });
        let mailer = mailer(&[(&fake, 1)]);
        assert!(is_sent(&send(&mailer).await));
        let Err(SendError::RelayFailure(answer)) = send(&mailer).await else { panic!("{step}") };
        assert!(crate::domain::delivery::status::asks_to_slow_down(&answer));
        assert_eq!(fake.connections(), 1);
        assert!(mailer.0.relays[0].backoff().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_on_a_fresh_connection_starts_a_backoff_and_the_next_relay_takes_over() {
    let (first, second) = (on(0, "MAIL", Action::Close), FakeRelay::polite());
    let mailer = mailer(&[(&first, 1), (&second, 1)]);
    let Err(SendError::RelayFailure(answer)) = send(&mailer).await else { panic!("not closed") };
    assert_eq!(answer.relay, "smtp://relay0.example:25");
    let lease = mailer.lease(Priority::Bulk).await.unwrap();
    assert_eq!((lease.relay(), mailer.open_connections(0)), (1, 0));
    drop(lease);
    tokio::time::advance(Duration::from_secs(2)).await;
    let lease = mailer.lease(Priority::Bulk).await.unwrap();
    assert_eq!(lease.relay(), 0, "after the backoff");
    assert!(is_sent(&send_over(&lease).await));
    assert_eq!(mailer.relay_names(), ["smtp://relay0.example:25", "smtp://relay1.example:25"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_reachable_relay_the_last_failure_is_returned() {
    let (first, second) =
        (FakeRelay::at("", "greeting", Action::Reply("554 go away\r\n")), FakeRelay::polite());
    second.shut.store(true, Ordering::SeqCst);
    let mailer = mailer(&[(&first, 1), (&second, 1)]);
    let failure = mailer.lease(Priority::Single).await.err().unwrap();
    assert!(failure.text.starts_with("can't connect"), "{failure:?}");
    assert_eq!(first.connections(), 1);
    // Both are in backoff, so no connection is tried.
    let failure = mailer.lease(Priority::Single).await.err().unwrap();
    assert_eq!((failure.code, first.connections()), (Some(554), 1));
    let failures = |index: usize| mailer.0.relays[index].backoff().is_some();
    assert!(failures(0) && failures(1));
    second.shut.store(false, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(mailer.lease(Priority::Single).await.unwrap().relay(), 1);
}

#[tokio::test(start_paused = true)]
async fn waiters_leave_a_relay_that_goes_into_backoff() {
    let (first, second) = (FakeRelay::at("PIPELINING", "MAIL", Action::Hang), FakeRelay::polite());
    let mailer = mailer(&[(&first, 1), (&second, 1)]);
    let sending = tokio::spawn({
        let mailer = mailer.clone();
        async move { send(&mailer).await }
    });
    settle().await;
    let begin = Instant::now();
    let lease = mailer.lease(Priority::Bulk).await.unwrap();
    assert_eq!((lease.relay(), begin.elapsed()), (1, STEP), "as soon as the relay fails");
    assert!(matches!(sending.await.unwrap(), Err(SendError::RelayFailure(_))));
    // The same without another relay.
    let alone = self::mailer(&[(&first, 1)]);
    let sending = tokio::spawn({
        let mailer = alone.clone();
        async move { send(&mailer).await }
    });
    settle().await;
    assert!(alone.lease(Priority::Single).await.is_err());
    assert!(sending.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn backoff_grows_with_each_failure_and_many_connections_count_as_one() {
    let fake = FakeRelay::polite();
    fake.shut.store(true, Ordering::SeqCst);
    let mailer = mailer(&[(&fake, 10)]);
    let is_backing_off = |mailer: &Mailer| mailer.0.relays[0].backoff().is_some();
    for seconds in [2, 5, 15] {
        let leases = futures_util::future::join_all((0..10).map(|_| mailer.lease(Priority::Bulk))).await;
        assert!(leases.iter().all(Result::is_err));
        assert_eq!(mailer.open_connections(0), 0);
        tokio::time::advance(Duration::from_millis(seconds * 1_000 - 1)).await;
        assert!(is_backing_off(&mailer), "{seconds}");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!is_backing_off(&mailer), "{seconds}");
    }
    // A success ends the count.
    fake.shut.store(false, Ordering::SeqCst);
    assert!(is_sent(&send(&mailer).await));
    mailer.close().await;
    fake.shut.store(true, Ordering::SeqCst);
    assert!(mailer.lease(Priority::Bulk).await.is_err());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(!is_backing_off(&mailer));
}

#[tokio::test(start_paused = true)]
async fn success_on_another_connection_does_not_end_a_backoff() {
    let fake = on(1, "MAIL", Action::Close);
    let mailer = mailer(&[(&fake, 2)]);
    let well = mailer.lease(Priority::Bulk).await.unwrap();
    let bad = mailer.lease(Priority::Bulk).await.unwrap();
    assert!(matches!(send_over(&bad).await, Err(SendError::RelayFailure(_))));
    assert!(is_sent(&send_over(&well).await), "a working connection continues");
    assert!(mailer.0.relays[0].backoff().is_some());
    assert!(
        matches!(send_over(&bad).await, Err(SendError::RelayFailure(_))),
        "without a connection the backoff applies too"
    );
    assert_eq!(fake.connections(), 2);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(is_sent(&send_over(&bad).await), "then the lease opens another connection");
}

#[tokio::test(start_paused = true)]
async fn an_email_in_doubt_starts_a_backoff() {
    let fake = on(0, "end", Action::Close);
    let mailer = mailer(&[(&fake, 1)]);
    assert!(matches!(send(&mailer).await, Err(SendError::InDoubt(_))));
    assert!(mailer.0.relays[0].backoff().is_some());
    assert_eq!(fake.messages(), 1, "the message is not repeated");
}

#[tokio::test(start_paused = true)]
async fn the_reply_to_a_dropped_send_never_counts_for_another_email() {
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let fake = FakeRelay::new("PIPELINING", move |_, at| {
        (at == "end" && seen.fetch_add(1, Ordering::SeqCst) == 0)
            .then_some(Action::ReplyAfter(5, "250 the first\r\n"))
    });
    let mailer = mailer(&[(&fake, 1)]);
    assert!(tokio::time::timeout(Duration::from_secs(1), send(&mailer)).await.is_err());
    assert_eq!(mailer.open_connections(0), 0);
    let Ok(answer) = send(&mailer).await else { panic!("not sent") };
    assert_eq!((answer.text.as_str(), fake.connections()), ("2.0.0 queued", 2));
    // The same over one lease.
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let fake = FakeRelay::new("PIPELINING", move |_, at| {
        (at == "end" && seen.fetch_add(1, Ordering::SeqCst) == 0)
            .then_some(Action::ReplyAfter(5, "250 the first\r\n"))
    });
    let mailer = self::mailer(&[(&fake, 1)]);
    let lease = mailer.lease(Priority::Bulk).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), send_over(&lease)).await.is_err());
    let Ok(answer) = send_over(&lease).await else { panic!("not sent") };
    assert_eq!((answer.text.as_str(), fake.connections()), ("2.0.0 queued", 2));
}

#[tokio::test(start_paused = true)]
async fn a_lease_dropped_while_opening_frees_its_slot() {
    let fake = on(0, "greeting", Action::Hang);
    let mailer = mailer(&[(&fake, 1)]);
    assert!(tokio::time::timeout(Duration::from_secs(1), mailer.lease(Priority::Bulk)).await.is_err());
    assert_eq!(mailer.open_connections(0), 0);
    assert!(is_sent(&send(&mailer).await));
}

#[tokio::test(start_paused = true)]
async fn connections_idle_for_too_long_are_not_reused() {
    let fake = FakeRelay::polite();
    let mailer = mailer(&[(&fake, 1)]);
    let lease = mailer.lease(Priority::Bulk).await.unwrap();
    assert!(is_sent(&send_over(&lease).await));
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert!(is_sent(&send_over(&lease).await), "a lease held too long");
    assert_eq!(fake.connections(), 2);
    drop(lease);
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert_eq!(mailer.open_connections(0), 0);
    assert!(is_sent(&send(&mailer).await));
    assert_eq!(fake.connections(), 3);
}

#[tokio::test(start_paused = true)]
async fn single_emails_overtake_an_issue() {
    let fake = FakeRelay::new("PIPELINING", |_, step| {
        (step == "end").then_some(Action::ReplyAfter(1, "250 ok\r\n"))
    });
    let mailer = mailer(&[(&fake, 1)]);
    let order = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let task = |priority: Priority, name: usize| {
        let (mailer, order) = (mailer.clone(), order.clone());
        tokio::spawn(async move {
            let lease = mailer.lease(priority).await.unwrap();
            order.lock().push(name);
            assert!(is_sent(&send_over(&lease).await));
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
        (FakeRelay::at("PIPELINING", "MAIL", Action::Reply("550 5.7.1 not you\r\n")), FakeRelay::polite());
    let mailer = mailer(&[(&first, 1), (&second, 1)]);
    let (envelope, message) = (envelope(), b"x\r\n");
    let Ok(answer) = mailer.send_raw(&envelope, message).await else { panic!("not sent") };
    assert_eq!(answer.relay, "smtp://relay1.example:25");
    let alone = self::mailer(&[(&first, 1)]);
    let Err(SendError::RelayFailure(answer)) = alone.send_raw(&envelope, message).await else {
        panic!("taken")
    };
    assert_eq!(answer.code, Some(550));
    // Without any slot it ends too.
    let full = self::mailer(&[(&second, 0)]);
    assert!(matches!(full.send_raw(&envelope, message).await, Err(SendError::RelayFailure(_))));
}

#[tokio::test]
async fn a_mailbox_is_leased_without_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let relay = settings::Relay::new(RelayUrl::Mailbox(folder.path().join("mailbox")));
    let sending = crate::settings::Settings::defaults().unwrap().sending;
    let mailer = Mailer::new(&[relay], &sending, Clock::system()).unwrap();
    let mut leases = Vec::new();
    for _ in 0..50 {
        leases.push(mailer.lease(Priority::Bulk).await.unwrap());
    }
    assert!(is_sent(&send_over(&leases[49]).await));
    mailer.allow(0, 0);
    assert_eq!((mailer.open_connections(0), leases[0].relay()), (0, 0));
    assert!(mailer.check(None).await[0].1.is_ok());
    mailer.close().await;
}
