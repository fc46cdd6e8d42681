//! Throttling: rates and connections of relays and domains, and the priority of single emails.

use crate::support::{
    Engine, TestApp, eventually, eventually_within, on_both_engines,
    outcomes::{assert_each_got_one, assert_sent_once},
    smtp_server::{Action, Message, Record, Script, SmtpServer, Step},
};
use daily::{
    db::throttle::{
        connection_quotas,
        send_rates::{self, Permits, Scope},
    },
    domain::{
        delivery::{email::EmailStatus, status::DeliveryStatus},
        issue::status::IssueStatus,
    },
};
use jiff::{SignedDuration, Timestamp};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use std::{collections::BTreeMap, time::Duration};

/// Something that happens to a process and concerns its share of a relay's connections.
#[derive(Debug, Clone, Copy)]
enum ProcessEvent {
    /// Renews its quota and opens some connections.
    Renew { process: usize, opens: i64 },
    /// Closes some connections.
    Close { process: usize, closes: i64 },
    /// Stops gracefully and releases its quota.
    Leave { process: usize },
    /// Crashes, which closes its connections.
    Die { process: usize },
    /// Time passes, and all live processes renew.
    Wait { seconds: i64 },
}

fn moves() -> impl Strategy<Value = (i64, Vec<ProcessEvent>)> {
    let process = 0..4_usize;
    let one = prop_oneof![
        5 => (process.clone(), 0..12_i64).prop_map(|(process, opens)| ProcessEvent::Renew { process, opens }),
        3 => (process.clone(), 1..6_i64).prop_map(|(process, closes)| ProcessEvent::Close { process, closes }),
        1 => process.clone().prop_map(|process| ProcessEvent::Leave { process }),
        1 => process.prop_map(|process| ProcessEvent::Die { process }),
        1 => (1..12_i64).prop_map(|seconds| ProcessEvent::Wait { seconds }),
    ];
    (1..10_i64, proptest::collection::vec(one, 1..40))
}

/// A process: whether it is alive, its quota, and its open connections.
#[derive(Debug, Clone, Copy, Default)]
struct Peer {
    alive: bool,
    share: i64,
    open: i64,
}

async fn renew(app: &TestApp, peers: &mut [Peer; 4], relay: &str, limit: i64, process: usize) {
    peers[process].alive = true;
    let workers = peers.iter().filter(|peer| peer.alive).count().try_into().unwrap();
    let now = app.clock.now();
    let name = format!("process {process}");
    let request = connection_quotas::Request {
        relay,
        process: &name,
        limit,
        workers,
        open: peers[process].open,
        until: now + SignedDuration::from_secs(10),
    };
    let mut tx = app.app.db.begin().await.unwrap();
    peers[process].share = connection_quotas::acquire(&mut tx, &request, now).await.unwrap();
    tx.commit().await.unwrap();
}

on_both_engines!(
    shares_of_a_relay_never_exceed_its_limit,
    permits_never_exceed_the_rate,
    a_domain_that_complains_is_throttled_and_others_are_not,
    a_configured_rate_holds_from_the_first_message,
    a_relay_gets_no_more_than_its_rate,
    a_connection_carries_a_limited_number_of_messages,
    connections_are_shared_by_all_workers,
    more_workers_than_connections_still_finish,
);

async fn shares_of_a_relay_never_exceed_its_limit(engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut runner =
        TestRunner::new(Config { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..Config::default() });
    for round in 0..24 {
        let (limit, moves) = moves().new_tree(&mut runner).unwrap().current();
        let relay = format!("relay {round}");
        let mut peers = [Peer::default(); 4];
        for step in &moves {
            match *step {
                ProcessEvent::Renew { process, opens } => {
                    renew(&app, &mut peers, &relay, limit, process).await;
                    let peer = &mut peers[process];
                    peer.open = peer.open.max((peer.open + opens).min(peer.share));
                }
                ProcessEvent::Close { process, closes } => {
                    peers[process].open = (peers[process].open - closes).max(0);
                }
                ProcessEvent::Leave { process } => {
                    let mut tx = app.app.db.begin().await.unwrap();
                    connection_quotas::release(&mut tx, &format!("process {process}"), app.clock.now())
                        .await
                        .unwrap();
                    tx.commit().await.unwrap();
                    peers[process] = Peer::default();
                }
                ProcessEvent::Die { process } => peers[process] = Peer::default(),
                ProcessEvent::Wait { seconds } => {
                    // Live processes renew every two seconds.
                    for _ in 0..(seconds + 1) / 2 {
                        app.clock.advance(SignedDuration::from_secs(2));
                        for process in 0..4 {
                            if peers[process].alive {
                                renew(&app, &mut peers, &relay, limit, process).await;
                            }
                        }
                    }
                }
            }
            let open: i64 = peers.iter().map(|peer| peer.open).sum();
            let could: i64 = peers.iter().map(|peer| peer.open.max(peer.share)).sum();
            assert!(
                open <= limit && could <= limit,
                "round {round}, {step:?} of {moves:?}: {peers:?}, limit {limit}"
            );
        }
        // Once all have closed their excess connections, the quotas are equal.
        for _ in 0..8 {
            app.clock.advance(SignedDuration::from_secs(2));
            for process in 0..4 {
                if peers[process].alive {
                    peers[process].open = peers[process].open.min(peers[process].share);
                    renew(&app, &mut peers, &relay, limit, process).await;
                }
            }
        }
        let alive: i64 = peers.iter().filter(|peer| peer.alive).count().try_into().unwrap();
        for peer in peers.iter().filter(|peer| peer.alive && limit >= alive) {
            assert_eq!(peer.share, limit / alive, "round {round}: {peers:?}, limit {limit}");
        }
    }
}

async fn permits_never_exceed_the_rate(engine: Engine) {
    let app = TestApp::start(engine).await;
    for per_minute in [1, 30, 59, 600, 7_000] {
        let scope = format!("a{per_minute}.example");
        let mut given: Vec<Timestamp> = Vec::new();
        let begin = app.clock.now();
        // Two processes reserve in turn, while the clock moves unevenly.
        for turn in 0..400_i64 {
            let now = app.clock.now();
            for _process in 0..2 {
                let mut tx = app.app.db.begin().await.unwrap();
                let ahead = SignedDuration::from_millis(if turn % 2 == 0 { 0 } else { 1000 });
                let reserved = send_rates::reserve(&mut tx, Scope::Domain(&scope), per_minute, ahead, now)
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
                if let Ok(Permits { count, from, interval }) = reserved {
                    given.extend((0..count).map(|n| from + interval * i32::try_from(n).unwrap()));
                }
            }
            app.clock.advance(SignedDuration::from_millis(37 + turn % 11 * 60));
        }
        assert!(given.is_sorted(), "each later than the one before");
        let portion = usize::try_from((per_minute / 120).max(1)).unwrap();
        let most = usize::try_from(per_minute).unwrap() + portion;
        for (index, first) in given.iter().enumerate() {
            let within = given[index..]
                .iter()
                .take_while(|at| at.duration_since(*first) < SignedDuration::from_mins(1));
            assert!(within.count() <= most, "{per_minute} a minute");
        }
        let minutes = app.clock.now().duration_since(begin).as_secs_f64() / 60.0;
        let wanted = minutes * f64::from(per_minute);
        assert!(
            f64::from(u32::try_from(given.len()).unwrap()) > wanted * 0.85 - 1.0,
            "not far below the rate: {} of {wanted}",
            given.len()
        );
    }
}

async fn a_domain_that_complains_is_throttled_and_others_are_not(engine: Engine) {
    let script = Script::accept().rule(|at| {
        let first = at.step == Step::Rcpt && at.recipient.ends_with("@slow.example") && at.earlier == 0;
        let number: usize = at.recipient.trim_start_matches("reader").split('@').next()?.parse().ok()?;
        (first && (100..103).contains(&number)).then(|| Action::reply("450 4.7.1 too much mail from you"))
    });
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = 4;
        settings.sending.lease_seconds = 3600;
    })
    .await;
    let mut readers = app.readers(160, "slow.example").await;
    readers.extend(app.readers(100, "quick.example").await);
    let issue = app.begin_issue().await;
    // The clock is fixed, so only emails to the slow domain have to wait.
    eventually("the others are sent", || async {
        let all = app.deliveries(issue).await;
        let quick = all.iter().filter(|it| it.address.ends_with("@quick.example"));
        (quick.filter(|it| it.status == DeliveryStatus::Sent).count() == 100).then_some(())
    })
    .await;
    let mut tx = app.app.db.read().await.unwrap();
    let slowed =
        send_rates::slowed(&mut tx, Scope::Domain("slow.example")).await.unwrap().expect("it is slowed");
    drop(tx);
    assert!(slowed.per_minute >= 60, "half of what it got: {slowed:?}");
    let counts = app.counts(issue).await;
    assert!(counts.open() - counts.deferred > 5, "{counts:?}");
    let clock = app.run_clock(60);
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::ZERO).await;
    drop(clock);
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn a_configured_rate_holds_from_the_first_message(engine: Engine) {
    let server = SmtpServer::start(Script::accept()).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = 4;
        settings.sending.domain_rates = vec![("slow.example".to_owned(), 600)];
        settings.sending.lease_seconds = 3600;
    })
    .await;
    let mut readers = app.readers(30, "slow.example").await;
    readers.extend(app.readers(40, "quick.example").await);
    let begun = app.clock.now();
    let issue = app.begin_issue().await;
    let slow = |record: &Record| {
        record.accepted().filter(|message| message.recipients[0].ends_with("@slow.example")).count()
    };
    // A rate of 600 per minute is granted in batches of five. With a fixed clock, there is a single batch.
    server.wait_until(|record| record.accepted().count() >= 45).await;
    assert_eq!(slow(&server.record()), 5);
    for portion in 2..=4 {
        app.clock.advance(SignedDuration::from_millis(500));
        let record = server.wait_until(|record| slow(record) >= portion * 5).await;
        assert_eq!(slow(&record), portion * 5);
    }
    let clock = app.run_clock(20);
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::ZERO).await;
    drop(clock);
    assert!(app.clock.now().duration_since(begun) >= SignedDuration::from_millis(2500), "six portions");
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn a_relay_gets_no_more_than_its_rate(engine: Engine) {
    let server = SmtpServer::start(Script::accept()).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = 4;
        // 100 per second, in batches of 50.
        settings.relays[0].rate_per_minute = 6_000;
        settings.sending.lease_seconds = 3600;
    })
    .await;
    let readers = app.readers(200, "example.org").await;
    let begun = app.clock.now();
    let issue = app.begin_issue().await;
    let record = server.wait_for(150).await;
    assert_eq!(record.begun(), 150, "a second ahead at most, and the clock stands still");
    let clock = app.run_clock(5);
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::ZERO).await;
    drop(clock);
    let name = server.url();
    let mut tx = app.app.db.begin().await.unwrap();
    let beyond = send_rates::reserve(
        &mut tx,
        Scope::Relay(&name),
        6_000,
        -SignedDuration::from_hours(1),
        app.clock.now(),
    );
    let given_until = beyond.await.unwrap().expect_err("so far ahead nothing is reserved");
    assert!(given_until.duration_since(begun) >= SignedDuration::from_secs(2), "200 permits were taken");
    drop(tx);
    assert_sent_once(&app, issue, &[server.record()], &readers).await;
}

async fn a_connection_carries_a_limited_number_of_messages(engine: Engine) {
    let server = SmtpServer::start(Script::accept()).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].messages_per_connection = 7;
    })
    .await;
    let (issue, readers) = app.begin_issue_to(30).await;
    app.wait_for_status(issue, IssueStatus::Sent).await;
    let record = server.wait_for(30).await;
    let mut carried: BTreeMap<usize, usize> = BTreeMap::new();
    for message in &record.messages {
        *carried.entry(message.connection).or_default() += 1;
    }
    assert_eq!(carried.into_values().collect::<Vec<_>>(), [7, 7, 7, 7, 2]);
    assert_eq!(record.most_open, 1, "one at a time");
    assert_each_got_one(&[record], &readers);
}

async fn connections_are_shared_by_all_workers(engine: Engine) {
    let script = Script::accept().always(Step::EndOfData, Action::Delay(Duration::from_millis(20)));
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = 6;
        settings.relays[0].messages_per_connection = 20;
    })
    .await;
    let first = app.another_worker().await;
    let (issue, readers) = app.begin_issue_to(700).await;
    let second = app.another_worker().await;
    server.wait_for(200).await;
    // Workers come and go meanwhile.
    first.end().await;
    let third = app.another_worker().await;
    app.wait_for_status(issue, IssueStatus::Sent).await;
    let record = server.record();
    assert!(record.most_open <= 6, "{} connections", record.most_open);
    assert!(record.most_open > 1);
    assert_sent_once(&app, issue, &[record], &readers).await;
    second.end().await;
    third.end().await;
}

async fn more_workers_than_connections_still_finish(engine: Engine) {
    let server = SmtpServer::start(Script::accept()).await;
    let app = TestApp::with_ports(engine, &[server.port()], |_| {}).await;
    let workers = [app.another_worker().await, app.another_worker().await];
    let (issue, readers) = app.begin_issue_to(600).await;
    // A worker may wait for a connection in vain until its run ends after half a minute.
    eventually_within(120, "the issue is sent", || async {
        (app.issue(issue).await.status == IssueStatus::Sent).then_some(())
    })
    .await;
    let record = server.record();
    assert_eq!(record.most_open, 1);
    assert_sent_once(&app, issue, &[record], &readers).await;
    for worker in workers {
        worker.end().await;
    }
}

/// Sends a confirmation email while an issue's messages wait for answers, one on each connection.
async fn a_confirmation_overtakes(engine: Engine, connections: usize) {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = connections;
    })
    .await;
    let (issue, readers) = app.begin_issue_to(80).await;
    server.wait_until(|record| record.messages.len() == connections).await;
    server.pass(connections);
    server.wait_until(|record| record.messages.len() == 2 * connections).await;
    assert_eq!(app.sign_up("new@example.net").await.status(), 200);
    eventually("a worker has begun the email to confirm", || async {
        let mails = app.store().await.emails().await;
        mails.iter().any(|mail| mail.status == EmailStatus::Sending).then_some(())
    })
    .await;
    let before = server.record().messages.len();
    let is_confirmation = |message: &Message| message.recipients == ["new@example.net"];
    // The worker needs some time until it asks for a connection. Others are sent meanwhile.
    for passed in 1..=20 {
        server.pass(1);
        let record = server.wait_until(|record| record.messages.len() >= before + passed).await;
        if record.messages.iter().any(is_confirmation) {
            break;
        }
    }
    assert!(server.record().messages.iter().any(is_confirmation), "it waits behind the issue");
    server.release();
    app.wait_for_status(issue, IssueStatus::Sent).await;
    let mut all = readers;
    all.push("new@example.net".to_owned());
    assert_each_got_one(&[server.record()], &all);
}

on_both_engines!(
    a_confirmation_does_not_wait_for_an_issue,
    a_confirmation_does_not_wait_for_an_issue_on_the_only_connection,
);

async fn a_confirmation_does_not_wait_for_an_issue(engine: Engine) {
    a_confirmation_overtakes(engine, 5).await;
}

async fn a_confirmation_does_not_wait_for_an_issue_on_the_only_connection(engine: Engine) {
    a_confirmation_overtakes(engine, 1).await;
}
