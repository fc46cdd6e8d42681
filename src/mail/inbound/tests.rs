//! Whole messages of each family, written for these tests, and messages that only look like bounces.

use super::*;
use IncomingKind as K;

/// Makes a message of plain text.
fn plain(headers: &str, body: &str) -> String {
    format!(
        "{headers}\nTo: news@daily.example\nMessage-ID: <1@mx.example>\nContent-Type: text/plain; charset=utf-8\n\n{body}"
    )
}

/// Makes a delivery report: its prose, the fields about the recipient, and the returned headers.
fn report(prose: &str, fields: &str) -> String {
    format!(
        "From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: news@daily.example\n\
         Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\n\
         Content-Type: text/plain\n\n{prose}\n\n--b\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; mx.example\nArrival-Date: Fri, 1 May 2026 07:00:00 +0000\n\n{fields}\n\n--b\n\
         Content-Type: text/rfc822-headers\n\nReturn-Path: <bounce+k3y@daily.example>\n\
         Message-ID: <key.7@daily.example>\nTo: ann@example.org\nSubject: The bridge opens\n\n--b--\n"
    )
}

fn fields(action: &str, status: &str, diagnostic: &str) -> String {
    format!(
        "Final-Recipient: rfc822; ann@example.org\nAction: {action}\nStatus: {status}\n\
         Diagnostic-Code: smtp; {diagnostic}"
    )
}

fn found(message: &str) -> Reading {
    read(message.as_bytes()).expect("a message")
}

#[track_caller]
fn assert_read(message: &str, kind: K, status: Option<&str>) {
    for text in [message.to_owned(), message.replace('\n', "\r\n")] {
        let reading = found(&text);
        let first = reading.failures.first();
        assert_eq!(reading.kind, kind, "{text}\n{reading:#?}");
        assert_eq!(
            first.and_then(|it| it.recipient.as_deref()),
            Some("ann@example.org"),
            "{text}\n{reading:#?}"
        );
        let code = first.and_then(|it| it.status).map(|it| it.to_string());
        assert_eq!(code.as_deref(), status, "{text}\n{reading:#?}");
    }
}

#[test]
fn delivery_reports_are_read_by_status_and_words() {
    let rcpt = "<ann@example.org>: host mx said: refused (in reply to RCPT TO command)";
    let data = "<ann@example.org>: host mx said: refused (in reply to end of DATA command)";
    for (prose, status, diagnostic, kind, code) in [
        ("", "5.1.1", "550 5.1.1 No such user", K::Hard, "5.1.1"),
        ("", "5.0.0", "550 5.1.1 <ann@example.org>... User unknown", K::Hard, "5.1.1"),
        ("", "5.1.10", "556 5.1.10 Domain has a null MX", K::Hard, "5.1.10"),
        ("", "5.4.4", "Host or domain name not found", K::Hard, "5.4.4"),
        (rcpt, "5.0.0", "550 Unknown user", K::Hard, "5.0.0"),
        // After the message, the same words are a filter's.
        (data, "5.0.0", "550 Unknown user", K::Soft, "5.0.0"),
        ("", "5.7.1", "550 5.7.1 Recipient address rejected: user unknown", K::Policy, "5.7.1"),
        ("", "5.2.2", "552 5.2.2 The mailbox is over its quota", K::MailboxFull, "5.2.2"),
        ("", "5.1.1", "550 5.1.1 Mailbox full", K::MailboxFull, "5.1.1"),
        ("", "5.2.1", "550 5.2.1 This account is disabled", K::Soft, "5.2.1"),
        ("", "5.7.26", "550-5.7.26 The sender has no DKIM signature", K::Authentication, "5.7.26"),
        ("", "5.7.1", "554 5.7.1 Your address is on our blocklist", K::Policy, "5.7.1"),
        ("", "5.7.1", "550 5.7.1 This looks like spam", K::Spam, "5.7.1"),
        ("", "4.7.0", "421 4.7.0 Too many messages, try again later", K::Rate, "4.7.0"),
        ("", "5.3.4", "552 5.3.4 Message too large", K::Content, "5.3.4"),
        ("", "4.4.1", "connect to mx.example[192.0.2.1]:25: Connection timed out", K::Soft, "4.4.1"),
        ("", "4.4.3", "Host or domain name not found, try again", K::Soft, "4.4.3"),
        ("", "5.4.6", "554 5.4.6 Too many hops", K::Soft, "5.4.6"),
    ] {
        let message = report(prose, &fields("failed", status, diagnostic));
        assert_read(&message, kind, Some(code));
    }
}

#[test]
fn a_delay_is_never_hard_and_a_success_is_no_bounce() {
    let delayed = report("", &fields("delayed", "4.1.1", "450 4.1.1 User unknown"));
    assert_read(&delayed, K::Soft, Some("4.1.1"));
    for action in ["delivered", "relayed", "expanded"] {
        assert_read(&report("", &fields(action, "2.0.0", "250 2.0.0 Ok")), K::Delivered, Some("2.0.0"));
    }
    // A mailer that gave up has the last word.
    let gave_up = report("", &fields("failed", "4.1.1", "450 4.1.1 User unknown in virtual mailbox table"));
    assert_read(&gave_up, K::Hard, Some("4.1.1"));
}

#[test]
fn a_local_programs_words_and_contradictions_are_not_hard() {
    let program = "Final-Recipient: rfc822; ann@example.org\nAction: failed\nStatus: 5.1.1\n\
                   Diagnostic-Code: x-unix; filter: no such user";
    assert_read(&report("", program), K::Soft, Some("5.1.1"));
    let full = report("Sorry, the mailbox is full.", &fields("failed", "5.1.1", "550 5.1.1 rejected"));
    assert_read(&full, K::MailboxFull, Some("5.1.1"));
}

#[test]
fn reports_in_prose_are_read() {
    let from =
        |name: &str, subject: &str| format!("From: {name}@mx.example\nSubject: {subject}\nReturn-Path: <>");
    let daemon = |subject: &str| from("MAILER-DAEMON", subject);
    for (headers, body, kind, status) in [
        // qmail
        (
            daemon("failure notice"),
            "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message.\n\n\
             <ann@example.org>:\n192.0.2.7 does not like recipient.\nRemote host said: 550 5.1.1 no such person\n\
             Giving up on 192.0.2.7.\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <x@daily.example>\n",
            K::Hard,
            Some("5.1.1"),
        ),
        (
            daemon("failure notice"),
            "I'm afraid I wasn't able to deliver your message.\n\n<ann@example.org>:\n\
             192.0.2.7 failed after I sent the message.\nRemote host said: 550 user unknown\n\n\
             --- Below this line is a copy of the message.\n",
            K::Soft,
            None,
        ),
        // Exim
        (
            daemon("Mail delivery failed: returning message to sender"),
            "A message that you sent could not be delivered to one or more of its recipients.\n\n  ann@example.org\n\
             \u{20}   host mx.example.org [192.0.2.7]\n    SMTP error from remote mail server after RCPT TO:<ann@example.org>:\n\
             \u{20}   550 No such mailbox\n\n------ This is a copy of your message, including all the headers. ------\n",
            K::Hard,
            None,
        ),
        (
            daemon("Warning: message 1abc delayed 24 hours"),
            "A message that you sent has not yet been delivered to one or more of its recipients.\n\n  ann@example.org\n\
             \u{20}   Delay reason: SMTP error from remote mail server after RCPT TO:<ann@example.org>:\n    550 No such mailbox\n",
            K::Soft,
            None,
        ),
        // Exchange 5.5
        (
            from("System.Administrator", "Undeliverable: The bridge opens"),
            "Your message\n\n  To:      ann@example.org\n  Subject: The bridge opens\n\ndid not reach the following recipient(s):\n\n\
             ann@example.org on Fri, 1 May 2026 07:00:01 -0000\n    The recipient name is not recognized\n",
            K::Hard,
            None,
        ),
        // James
        (
            from("postmaster", "Re:The bridge opens"),
            "I'm afraid I wasn't able to deliver your message to the following addresses.\n\nMessage details:\n\
             \u{20} MAIL FROM: news@daily.example\n  RCPT TO: ann@example.org\n\nError message below:\n\
             550 - 5.2.2 mailbox full\n",
            K::MailboxFull,
            Some("5.2.2"),
        ),
        // Domino
        (
            from("Postmaster", "DELIVERY FAILURE: User Ann (ann@example.org) not listed in Domino Directory"),
            "Your message\n\n  Subject: The bridge opens\n\nwas not delivered to:\n\n  ann@example.org\n\nbecause:\n\n\
             \u{20} User Ann (ann@example.org) not listed in Domino Directory\n",
            K::Hard,
            None,
        ),
        // IMail
        (
            from("postmaster", "Undeliverable Mail"),
            "Unknown user: ann@example.org\n\n\nOriginal message follows.\n\nReceived: from daily\n",
            K::Hard,
            None,
        ),
        // MailMarshal
        (
            from("postmaster", "Undeliverable message"),
            "Your message could not be delivered because of\n\n550 5.1.1 Mailbox does not exist\n\n\
             The following recipients were affected:\n    ann@example.org\n",
            K::Hard,
            Some("5.1.1"),
        ),
        // InterScan
        (
            from("postmaster", "Mail could not be delivered"),
            "Sent >>> RCPT TO:<ann@example.org>\nReceived <<< 550 no such user\nUnable to deliver message to <ann@example.org>\n",
            K::Hard,
            None,
        ),
        // Sendmail 5
        (
            daemon("Returned mail: User unknown"),
            "   ----- Transcript of session follows -----\nWhile talking to mx.example.org:\n>>> RCPT To:<ann@example.org>\n\
             <<< 550 <ann@example.org>... User unknown\n550 <ann@example.org>... User unknown\n\n\
             \u{20}  ----- Unsent message follows -----\n",
            K::Hard,
            None,
        ),
        // Exim, about a local address
        (
            daemon("Mail delivery failed: returning message to sender"),
            "A message that you sent could not be delivered to one or more of its recipients.\n\n  ann@example.org\n\
             \u{20}   unknown local-part \"ann\" in domain \"example.org\"\n\n------ This is a copy of your message ------\n",
            K::Hard,
            None,
        ),
        // GMX
        (
            daemon("Mail delivery failed: returning message to sender"),
            "The following address failed:\n\n\"ann@example.org\":\nSMTP error from remote server after RCPT command:\n\
             host: mx.example.org\nno such mailbox\n",
            K::Hard,
            None,
        ),
        // A refusal of the sender
        (
            daemon("failure notice"),
            "I wasn't able to deliver your message.\n\n<ann@example.org>:\nConnected to 192.0.2.7 but sender was rejected.\n\
             Remote host said: 550 5.1.0 user unknown\n",
            K::Soft,
            Some("5.1.0"),
        ),
        // A mailing list
        (
            "From: list-admin@lists.example\nSubject: You are not a member\nX-MLServer: fml".to_owned(),
            "Your address ann@example.org is not a member of this list.\n",
            K::Policy,
            None,
        ),
        // OpenSMTPD
        (
            daemon("Delivery status notification: failed"),
            "    Hi!\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\n\
             ann@example.org: 550 5.7.1 Blocked by policy\n\n    Below is a copy of the original message:\n",
            K::Policy,
            Some("5.7.1"),
        ),
    ] {
        assert_read(&plain(&headers, body), kind, status);
    }
}

#[test]
fn fields_inside_prose_and_json_are_read() {
    let headers = "From: MAILER-DAEMON@mx.example\nSubject: Delivery Status Notification (Failure)";
    let body = format!("Technical report:\n\n{}\n", fields("failed", "5.1.1", "550 5.1.1 unknown"));
    assert_read(&plain(headers, &body), K::Hard, Some("5.1.1"));
    let headers = "From: no-reply@sns.example\nSubject: Notification";
    let bounce = r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"ann@example.org","action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]},"mail":{}}"#;
    assert_read(&plain(headers, &format!("{bounce}\n\n--\nUnsubscribe here\n")), K::Hard, Some("5.1.1"));
    let complaint = r#"{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"ann@example.org"}],"complaintFeedbackType":"abuse"}}"#;
    assert_read(&plain(headers, complaint), K::Complaint, None);
}

#[test]
fn complaints_are_read_and_failed_authentication_is_none() {
    let feedback = |kind: &str| {
        format!(
            "From: fbl@mailbox.example\nTo: fbl@daily.example\nSubject: Report\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nA reader complained.\n\n\
             --b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: FBL/1\nVersion: 1\n\
             Original-Mail-From: <bounce+k3y@daily.example>\nOriginal-Rcpt-To: ann@example.org\n\n--b\n\
             Content-Type: message/rfc822\n\nFrom: news@daily.example\nTo: ann@example.org\n\
             Message-ID: <key.7@daily.example>\nSubject: The bridge opens\n\nHello\n\n--b--\n"
        )
    };
    for kind in ["abuse", "fraud", "opt-out"] {
        assert_read(&feedback(kind), K::Complaint, None);
    }
    assert_read(&feedback("auth-failure"), K::Authentication, None);
    assert_read(&feedback("not-spam"), K::Other, None);
    let traces = found(&feedback("abuse")).traces;
    assert_eq!(traces.message_id.as_deref(), Some("key.7@daily.example"));
    assert!(traces.addresses.contains(&"bounce+k3y@daily.example".to_owned()), "{traces:?}");
    let old = "From: staff@mailbox.example\nTo: fbl@daily.example\nSubject: complaint about message from 192.0.2.1\n\
               MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\
               X-HmXmrOriginalRecipient: <ann@example.org>\nFrom: news@daily.example\nSubject: The bridge opens\n\nHello\n\n--b--\n";
    assert_read(old, K::Complaint, None);
}

#[test]
fn messages_that_only_look_like_bounces_are_none() {
    let quoted = "550 5.1.1 <ann@example.org>... User unknown\nThe mail could not be delivered.";
    for (headers, body, kind) in [
        ("From: ann@example.org\nSubject: Re: The bridge opens", "Nice issue!", K::Other),
        // A newsletter that quotes a bounce.
        ("From: ops@weekly.example\nSubject: How to read a bounce", quoted, K::Other),
        (
            "From: ops@weekly.example\nSubject: Undelivered mail explained\nReturn-Path: <ops@weekly.example>",
            quoted,
            K::Other,
        ),
        (
            "From: Mail System Weekly <news@weekly.example>\nSubject: Delivery failed? Read on\n\
             List-Unsubscribe: <https://weekly.example/u>",
            quoted,
            K::Other,
        ),
        (
            "From: System Administrator <it@corp.example>\nSubject: New printers",
            "Old ones were not delivered.",
            K::Other,
        ),
        ("From: ann@example.org\nSubject: Fwd: Undelivered Mail Returned to Sender", quoted, K::Other),
        (
            "From: ann@example.org\nSubject: Out of office\nAuto-Submitted: auto-replied\nReturn-Path: <>",
            "I am away until Monday. Mail to me is not delivered to anybody else.",
            K::AutoReply,
        ),
        (
            "From: ann@example.org\nSubject: Automatic reply: The bridge opens",
            "I no longer work here.",
            K::AutoReply,
        ),
        (
            "From: ann@example.org\nSubject: Abwesenheit: Urlaub\nPrecedence: auto_reply",
            "Ich bin nicht da.",
            K::AutoReply,
        ),
        (
            "From: ann@example.org\nSubject: Re: The bridge opens\nAuto-Submitted: auto-replied\nReturn-Path: <>",
            "Your message is being held. Follow this link to prove that you are a person.",
            K::Challenge,
        ),
        ("From: ann@example.org\nSubject: unsubscribe", "", K::Unsubscribe),
        ("From: ann@example.org\nSubject: Hello", "Unsubscribe me, please", K::Unsubscribe),
        (
            "From: ann@example.org\nSubject: unsubscribe\nAuto-Submitted: auto-replied\nX-Apple-Unsubscribe: true",
            "Mail sent this message",
            K::Unsubscribe,
        ),
    ] {
        let reading = found(&plain(headers, body));
        assert_eq!(reading.kind, kind, "{headers}\n{body}\n{reading:#?}");
    }
    let receipt = "From: ann@example.org\nTo: news@daily.example\nSubject: Read: The bridge opens\nMIME-Version: 1.0\n\
                   Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nIt was deleted.\n\n\
                   --b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ann@example.org\n\
                   Disposition: automatic-action/MDN-sent-automatically; deleted\n\n--b--\n";
    assert_eq!(found(receipt).kind, K::Other);
    assert_eq!(read(b""), None);
}

#[test]
fn deeply_nested_messages_are_not_taken_apart() {
    let mut message = "From: MAILER-DAEMON@mx.example\nSubject: failure notice\n".to_owned();
    message.push_str(&"Content-Type: message/rfc822\n\n".repeat(100_000));
    assert!(
        !found(&message).kind.is_bounce() || found(&message).failures.iter().all(|it| it.kind != K::Hard)
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2000)) {
        let _ = read(&bytes);
    }

    #[test]
    fn any_altered_report_can_be_read(at in 0_usize..1200, with in "\\PC{0,6}") {
        let mut message = report("Sorry", &fields("failed", "5.1.1", "550 5.1.1 no such user"));
        let at = at.min(message.len());
        message.insert_str(at, &with);
        let _ = read(message.as_bytes());
    }
}
