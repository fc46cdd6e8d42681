//! Tests of the test servers, which other tests rely on.

mod supervisor {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::process::Command;

    use crate::support::supervisor::{ReservedPort, ServerScript, Supervisor};

    fn start(start: &'static str, stop: &'static str, arguments: &[&str]) -> Supervisor {
        Supervisor::start(
            Command::new("sh"),
            &ServerScript { name: "daily-self-test", start, stop },
            arguments,
        )
    }

    #[test]
    fn a_dropped_server_is_stopped_and_its_folder_removed() {
        let outside = start("", "", &[]);
        let trace = outside.folder().join("stopped");
        let argument = trace.to_str().expect("the temp folder's name is UTF-8");
        let mut server = start(r#"read -r _; echo "got $1""#, r#"echo >"$1""#, &[argument]);
        let folder = server.folder().to_owned();
        assert!(folder.is_dir());

        server.go_on();
        let got = server.wait_until_up(|line| line.strip_prefix("got ").map(str::to_owned));
        assert_eq!(got, argument);
        drop(server);

        assert!(trace.is_file());
        assert!(!folder.exists());
    }

    #[test]
    fn a_server_that_does_not_start_says_why() {
        let mut server = start("echo no such thing", "", &[]);
        let panic =
            catch_unwind(AssertUnwindSafe(|| server.wait_until_ready())).expect_err("it is not ready");
        let message = panic.downcast_ref::<String>().expect("the panic has a message");
        assert!(message.contains("no such thing"), "{message}");
    }

    #[tokio::test]
    async fn a_reserved_port_is_nobody_elses() {
        let port = ReservedPort::reserve();
        assert_ne!(port.number(), ReservedPort::reserve().number());
        for _ in 0..2 {
            let listener = port.listen();
            let address = listener.local_addr().expect("a listener has an address");
            assert_eq!(address.to_string(), format!("127.0.0.1:{}", port.number()));
        }
    }
}

mod on_postgres {
    use sqlx::{Connection, PgConnection};

    use crate::support::postgres;

    #[tokio::test]
    async fn every_test_gets_an_empty_database_of_its_own() {
        let (a, b) = tokio::join!(postgres::database(), postgres::database());
        for database in [&a, &b] {
            let mut connection = PgConnection::connect(database.url()).await.expect("the database is there");
            sqlx::raw_sql("CREATE TABLE things (id BIGINT)")
                .execute(&mut connection)
                .await
                .expect("no other test has made this table here");
        }
    }

    #[tokio::test]
    async fn a_dropped_database_is_gone_even_with_open_connections() {
        let database = postgres::database().await;
        let url = database.url().to_owned();
        let _open = PgConnection::connect(&url).await.expect("the database is there");
        drop(database);
        assert!(PgConnection::connect(&url).await.is_err());
    }
}

mod smtp_server {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpStream;

    use crate::support::smtp_server::{Action, Record, Script, SmtpServer, Step};

    struct Client(BufReader<TcpStream>);

    impl Client {
        async fn connect(server: &SmtpServer) -> Self {
            let stream = TcpStream::connect(("127.0.0.1", server.port())).await.expect("the server listens");
            let mut client = Self(BufReader::new(stream));
            assert_eq!(client.answer().await, "220 test.example ESMTP");
            client
        }

        /// Returns the last line of the next answer, or an empty one if the connection was closed.
        async fn answer(&mut self) -> String {
            loop {
                let mut line = String::new();
                if self.0.read_line(&mut line).await.is_err() || line.is_empty() {
                    return String::new();
                }
                if line.as_bytes()[3] == b' ' {
                    return line.trim_end().to_owned();
                }
            }
        }

        async fn send_line(&mut self, text: &str) -> String {
            drop(self.0.write_all(text.as_bytes()).await); // a closed connection shows in the answer
            self.answer().await
        }

        /// Returns the answer to the whole message, or the first rejection.
        async fn send(&mut self, to: &str) -> String {
            let rcpt = format!("RCPT TO:<{to}>\r\n");
            for line in ["EHLO client\r\n", "MAIL FROM:<a@b.example>\r\n", &rcpt, "DATA\r\n"] {
                let answer = self.send_line(line).await;
                if !answer.starts_with(['2', '3']) {
                    return answer;
                }
            }
            self.send_line("Subject: x\r\n\r\n..dot\r\n.\r\n").await
        }
    }

    #[tokio::test]
    async fn a_message_is_recorded() {
        let server = SmtpServer::start(Script::accept()).await;
        let mut client = Client::connect(&server).await;
        assert_eq!(client.send("x@example.org").await, "250 2.0.0 queued");

        let record = server.wait_for(1).await;
        let message = record.accepted().next().expect("one message");
        assert_eq!(&*message.data, b"Subject: x\r\n\r\n.dot\r\n");
        assert_eq!((message.sender.as_str(), message.mail_parameters.as_str()), ("a@b.example", ""));
        assert_eq!(
            (message.recipients.as_slice(), message.connection),
            (["x@example.org".into()].as_slice(), 0)
        );
        assert_eq!(record.connections[0].commands[0], "EHLO client");
        assert_eq!(record.open_connections(), 1);

        client.send_line("QUIT\r\n").await;
        let record = server.wait_until(|record| record.open_connections() == 0).await;
        assert!(record.violations.is_empty(), "{:?}", record.violations);
    }

    #[tokio::test]
    async fn rules_answer_by_recipient_and_step() {
        let script = Script::accept()
            .refuse("no@example.org", "550 5.1.1 no such user")
            .rule(|at| (at.recipient == "body@example.org" && at.step == Step::Body).then_some(Action::Drop))
            .rule(|at| {
                let drops = at.connection == 1 && at.sender == "a@b.example" && at.step == Step::EndOfData;
                drops.then_some(Action::Drop)
            })
            .rule(|at| (at.recipient == "bye@example.org").then(|| Action::reply("421 4.3.2 bye")))
            .greylist();
        let server = SmtpServer::start(script).await;
        let mut client = Client::connect(&server).await;
        assert_eq!(client.send("no@example.org").await, "550 5.1.1 no such user");
        assert!(client.send_line("DATA\r\n").await.starts_with("554"));
        assert!(client.send("grey@example.org").await.starts_with("451 4.7.1"));
        assert!(client.send("grey@example.org").await.starts_with("250"));
        assert!(client.send("body@example.org").await.starts_with("451 4.7.1"));
        assert_eq!(client.send("body@example.org").await, "");
        let mut client = Client::connect(&server).await;
        assert_eq!(client.send("grey@example.org").await, "");
        let mut client = Client::connect(&server).await;
        assert!(client.send("bye@example.org").await.starts_with("421"));
        assert_eq!(client.answer().await, "");

        let record = server.record();
        let figures = (record.messages.len(), record.accepted().count(), record.connections.len());
        assert_eq!(figures, (2, 1, 3));
        server.follow(Script::accept());
        assert!(Client::connect(&server).await.send("bye@example.org").await.starts_with("250"));
    }

    #[tokio::test]
    async fn a_stopped_server_refuses_and_comes_back_on_its_port() {
        let mut server = SmtpServer::start(Script::accept()).await;
        let mut client = Client::connect(&server).await;
        server.stop().await;
        assert_eq!(client.send_line("NOOP\r\n").await, "");
        let refused = TcpStream::connect(("127.0.0.1", server.port())).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        server.start_again().await;
        Client::connect(&server).await.send("x@example.org").await;
        assert_eq!(server.wait_for(1).await.connections.len(), 2);
    }

    #[tokio::test]
    async fn a_held_step_goes_on_when_released() {
        let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
        let mut client = Client::connect(&server).await;
        let sending = tokio::spawn(async move { client.send("x@example.org").await });
        let record: Record = server.wait_until(|record| record.messages.len() == 1).await;
        assert_eq!(record.accepted().count(), 0);
        server.release();
        assert!(sending.await.expect("sending does not panic").starts_with("250"));
    }

    #[tokio::test]
    async fn breaches_are_noted() {
        let server = SmtpServer::start(Script::accept().advertise(&[])).await;
        let mut client = Client::connect(&server).await;
        assert_eq!(client.send_line("EHLO x\r\n").await, "250 test.example");
        client.send_line("MAIL FROM:<>\r\nRCPT TO:<a@example.org>\r\nDATA\r\n").await;
        client.answer().await;
        assert!(client.answer().await.starts_with("354"));
        assert!(client.send_line("bare\nlf ü\r\n.\r\n").await.starts_with("250"));
        let violations = server.record().violations;
        assert_eq!(violations.len(), 4, "{violations:?}");
    }
}

mod sink {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use crate::support::eventually;
    use crate::support::sink::{Options, Phase, Sink};

    const TWO_MESSAGES: &[u8] = b"EHLO one.example\r\n\
        MAIL FROM:<news@newsletter.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n\
        Subject: x\r\nmessage-id: <1@newsletter.example>\r\n\r\na line\r\n..\r\n.a\r\n\r\n.\r\n\
        MAIL FROM:<news@newsletter.example>\r\nRCPT TO:<ben@example.org>\r\nDATA\r\n.\r\nQUIT\r\n";

    async fn sink() -> Sink {
        Sink::start(0, Options { remember: true, ..Options::default() }).await
    }

    #[tokio::test]
    async fn messages_are_found_however_they_are_cut() {
        for piece in [1, 7, TWO_MESSAGES.len()] {
            let sink = sink().await;
            let mut client = TcpStream::connect(("127.0.0.1", sink.port())).await.expect("it listens");
            client.set_nodelay(true).expect("a TCP option");
            for piece in TWO_MESSAGES.chunks(piece) {
                client.write_all(piece).await.expect("it reads");
            }
            let mut answers = String::new();
            client.read_to_string(&mut answers).await.expect("it closes after QUIT");
            assert!(answers.ends_with("221 2.0.0 bye\r\n"), "{answers}");
            assert_eq!(answers.matches("taken").count(), 2);
            let messages = sink.tally().messages();
            let seen: Vec<_> = messages.iter().map(|it| (&*it.recipient, &*it.id)).collect();
            assert_eq!(seen, [("ann@example.org", "<1@newsletter.example>"), ("ben@example.org", "")]);
            let report = sink.tally().report();
            assert_eq!((report.messages, report.repeated, report.by_client["one.example"]), (2, 0, 2));
            let own = "Subject: x\r\nmessage-id: <1@newsletter.example>\r\n\r\na line\r\n..\r\n.a\r\n\r\n";
            assert_eq!(report.octets, own.len() as u64);
            assert!(!sink.tally().connections()[0].broke());
        }
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_known_with_how_far_it_was() {
        let sink = sink().await;
        let whole = String::from_utf8_lossy(TWO_MESSAGES);
        let middle = whole.find("a line").expect("a line of the first message");
        let mut client = TcpStream::connect(("127.0.0.1", sink.port())).await.expect("it listens");
        client.write_all(&TWO_MESSAGES[..middle]).await.expect("it reads");
        drop(client);
        eventually("the sink sees it", || async {
            sink.tally().connections().first()?.broke().then_some(())
        })
        .await;
        assert_eq!((sink.tally().taken(), sink.tally().connections()[0].phase()), (0, Phase::Data));
    }
}
