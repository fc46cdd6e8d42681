use super::*;
use crate::domain::subscriber::cadence::Cadence;
use csv::StringRecord;
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn dates() -> Dates {
    Dates { format: None, zone: TimeZone::UTC, now: at("2026-05-01T12:00:00Z") }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn layout(header: &str) -> Layout {
    Layout::of(header.split(','), &LayoutOptions::default()).unwrap()
}

fn read(header: &str, row: &str) -> Result<Row, Refusal> {
    layout(header).read(&StringRecord::from(row.split(',').collect::<Vec<_>>()), &dates())
}

const LISTMONK: &str = "uuid,email,name,attributes,status,created_at,updated_at";
const MAILCHIMP: &str = "Email Address,First Name,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP";
const LEFT_MAILCHIMP: &str = "Email Address,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,UNSUB_REASON";
const CLEANED: &str = "Email Address,OPTIN_TIME,CONFIRM_TIME,CLEAN_TIME";
const SUBSTACK: &str = "email,active_subscription,email_disabled,created_at";
const LONG_SUBSTACK: &str = "Email,Subscription type,Subscription date,Receiving emails for";
const GHOST: &str = "id,email,subscribed_to_emails,created_at,deleted_at";
const BUTTONDOWN: &str = "email,subscriber_type,creation_date,unsubscription_date";

#[test]
fn the_first_line_tells_who_wrote_a_list() {
    for (header, source) in [
        (LISTMONK, Source::Listmonk),
        (MAILCHIMP, Source::Mailchimp),
        (CLEANED, Source::Mailchimp),
        (SUBSTACK, Source::Substack),
        (LONG_SUBSTACK, Source::Substack),
        (GHOST, Source::Ghost),
        (BUTTONDOWN, Source::Buttondown),
        ("E-Mail,Status", Source::Csv),
    ] {
        assert_eq!(layout(header).source, source, "{header}");
    }
}

#[test]
fn each_system_has_its_own_way_to_say_who_wants_mail() {
    use Standing as S;
    for (header, row, expected) in [
        // `enabled` includes users who unsubscribed from the list or never confirmed.
        (LISTMONK, "1,a@example.org,A,{},enabled,2024-03-01T08:11:12.123456Z,", S::Unconfirmed),
        (LISTMONK, "1,a@example.org,A,{},disabled,,", S::Unsubscribed),
        (LISTMONK, "1,a@example.org,A,{},blocklisted,,", S::Blocked),
        (
            MAILCHIMP,
            "a@example.org,A,2021-05-04 10:22:31,203.0.113.7,2021-05-04 10:24:02,203.0.113.7",
            S::Confirmed,
        ),
        (MAILCHIMP, "a@example.org,A,2021-05-04 10:22:31,203.0.113.7,,", S::Unconfirmed),
        (LEFT_MAILCHIMP, "a@example.org,,,2020-08-01 06:00:00,NORMAL (enough)", S::Unsubscribed),
        (LEFT_MAILCHIMP, "a@example.org,,,2020-08-01 06:00:00,SPAM (unwanted)", S::Complained),
        (CLEANED, "a@example.org,,,2020-08-01 06:00:00", S::Undeliverable),
        (SUBSTACK, "a@example.org,false,false,2023-11-05T12:00:00.000Z", S::Confirmed),
        (SUBSTACK, "a@example.org,true,true,2023-11-05T12:00:00.000Z", S::Unsubscribed),
        (LONG_SUBSTACK, "a@example.org,Free,2023-11-05,everything", S::Confirmed),
        (LONG_SUBSTACK, "a@example.org,Free,2023-11-05,", S::Unsubscribed),
        (GHOST, "6,a@example.org,true,2022-08-08T10:00:00.000Z,", S::Confirmed),
        (GHOST, "6,a@example.org,false,2022-08-08T10:00:00.000Z,", S::Unsubscribed),
        (GHOST, "6,a@example.org,true,2022-08-08T10:00:00.000Z,2023-08-08T10:00:00.000Z", S::Unsubscribed),
        (BUTTONDOWN, "a@example.org,regular,2024-02-02T02:02:02Z,", S::Confirmed),
        (BUTTONDOWN, "a@example.org,unactivated,2024-02-02T02:02:02Z,", S::Unconfirmed),
        (BUTTONDOWN, "a@example.org,unsubscribed,2024-02-02T02:02:02Z,2024-03-02T02:02:02Z", S::Unsubscribed),
    ] {
        assert_eq!(read(header, row).unwrap().standing, expected, "{row}");
    }
}

#[test]
fn dates_are_read_as_listmonk_writes_them() {
    for (text, expected) in [
        ("2024-03-01 08:11:12.123456 +0000 UTC", "2024-03-01T08:11:12.123456Z"),
        ("2024-03-01 08:11:12 +0000 UTC", "2024-03-01T08:11:12Z"),
        ("2024-03-01 09:11:12.5 +0100 CET", "2024-03-01T08:11:12.5Z"),
        ("2024-03-01 02:41:12 -0530 -0530", "2024-03-01T08:11:12Z"),
        ("2024-03-01 08:11:12 +00:00", "2024-03-01T08:11:12Z"),
        ("2024-03-01 08:11:12 UTC", "2024-03-01T08:11:12Z"),
    ] {
        let row = read(LISTMONK, &format!("1,a@example.org,A,{{}},enabled,{text},")).unwrap();
        assert_eq!(row.requested_at, Some(at(expected)), "{text}");
    }
    for text in
        ["2024-03-01 08:11:12 +9999 UTC", "2024-03-01 noon +0000 UTC", "2024-03-01 08:11:12 +0000 U T C"]
    {
        assert!(read(LISTMONK, &format!("1,a@example.org,A,{{}},enabled,{text},")).is_err(), "{text}");
    }
}

#[test]
fn who_left_or_must_not_be_mailed_is_taken_whatever_else_can_not_be_read() {
    for (header, row, standing) in [
        (LISTMONK, "1,a@example.org,A,{},disabled,05/31/2026 9:12am,", Standing::Unsubscribed),
        (LISTMONK, "1,a@example.org,A,{},blocklisted,05/31/2026 9:12am,", Standing::Blocked),
        (LEFT_MAILCHIMP, "a@example.org,,,last summer,SPAM (unwanted)", Standing::Complained),
        ("email,status,cadence", "a@example.org,unsubscribed,hourly", Standing::Unsubscribed),
        ("email,status,ended_at", "a@example.org,bounced,2031-01-01", Standing::Undeliverable),
    ] {
        let row = read(header, row).unwrap();
        assert_eq!((row.standing, row.requested_at, row.ended_at), (standing, None, None));
        assert!(row.unread.is_some());
    }
    for (header, row) in [
        ("email,confirmed_at,ended_at", "a@example.org,2020-01-01,last summer"),
        ("email,status,ended_at", "a@example.org,active,last summer"),
        (GHOST, "6,a@example.org,true,,last summer"),
    ] {
        assert!(read(header, row).is_err(), "{row}");
        let record = StringRecord::from(row.split(',').collect::<Vec<_>>());
        assert_eq!(layout(header).address(&record).unwrap().as_str(), "a@example.org");
    }
}

#[test]
fn by_the_operators_word_all_in_a_list_left_but_who_must_not_be_mailed_at_all() {
    use Standing as S;
    let options = LayoutOptions { all_unsubscribed: true, ..LayoutOptions::default() };
    for (header, row, expected) in [
        (LISTMONK, "1,a@example.org,A,{},enabled,,", S::Unsubscribed),
        (LISTMONK, "1,a@example.org,A,{},blocklisted,,", S::Blocked),
        (MAILCHIMP, "a@example.org,A,2021-05-04 10:22:31,,2021-05-04 10:24:02,", S::Unsubscribed),
        (LEFT_MAILCHIMP, "a@example.org,,,2020-08-01 06:00:00,SPAM (unwanted)", S::Complained),
        ("email,unsub_reason", "a@example.org,ABUSE", S::Complained),
        ("email,name", "a@example.org,Ann", S::Unsubscribed),
        ("email,status", "a@example.org,asleep", S::Unsubscribed),
    ] {
        let layout = Layout::of(header.split(','), &options).unwrap();
        let row = layout.read(&StringRecord::from(row.split(',').collect::<Vec<_>>()), &dates()).unwrap();
        assert_eq!(row.standing, expected, "{header}");
    }
}

#[test]
fn evidence_is_taken_as_far_as_it_is_there() {
    let row =
        read(MAILCHIMP, "a@example.org,A,2021-05-04 10:22:31,not an ip,2021-05-04 10:24:02,2001:DB8::7");
    let row = row.unwrap();
    assert_eq!(row.requested_at, Some(at("2021-05-04T10:22:31Z")));
    assert_eq!(row.requested_from, None);
    assert_eq!(row.confirmed_at, Some(at("2021-05-04T10:24:02Z")));
    assert_eq!(row.confirmed_from.as_deref(), Some("2001:db8::7"));
}

#[test]
fn dates_are_read_on_the_clock_and_in_the_form_that_is_named() {
    let options = LayoutOptions {
        mapping: parse_mapping("email=e-mail,confirmed_at=inscrit le").unwrap(),
        ..LayoutOptions::default()
    };
    let layout = Layout::of(["E-Mail", "Inscrit le"], &options).unwrap();
    let row = StringRecord::from(vec!["a@example.fr", "04/05/2021 10:22"]);
    assert!(matches!(layout.read(&row, &dates()), Err(Refusal::Date { field: "confirmed_at", .. })));
    let format = DateFormat::parse("%d/%m/%Y %H:%M").unwrap();
    let dates = Dates { format: Some(format), zone: TimeZone::get("Europe/Paris").unwrap(), ..dates() };
    assert_eq!(layout.read(&row, &dates).unwrap().confirmed_at, Some(at("2021-05-04T08:22:00Z")));
    assert!(DateFormat::parse("%H:%M").is_err() && DateFormat::parse("%").is_err());
}

#[test]
fn what_can_not_be_read_is_refused_with_its_reason() {
    for (header, row, expected) in [
        (LISTMONK, "1,not-an-address,A,{},enabled,,", "`not-an-address`: an email address has the form"),
        (LISTMONK, "1,a@example.org,A,{},asleep,,", "the status `asleep` is unknown"),
        (LISTMONK, "1,a@example.org,A,{},enabled,last week,", "requested_at: `last week` is not a date"),
        (
            LISTMONK,
            "1,a@example.org,A,{},enabled,2031-01-01,",
            "requested_at: `2031-01-01` lies in the future",
        ),
        (LISTMONK, "1", "the row ends before the column of addresses"),
        (GHOST, "6,a@example.org,perhaps,,", "the status `perhaps` is unknown"),
        ("email,status,cadence", "a@example.org,active,hourly", "cadence: "),
    ] {
        let error = read(header, row).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_list_that_does_not_tell_who_confirmed_needs_the_operators_word() {
    let of = |header: &str, options| Layout::of(header.split(','), &options).map(|_| ());
    let plain = LayoutOptions::default;
    assert_eq!(of("Email,Name", plain()), Err(LayoutError::NobodyConfirmed));
    assert_eq!(of("Email,Name", LayoutOptions { all_confirmed: true, ..plain() }), Ok(()));
    assert_eq!(of("Name,City", plain()), Err(LayoutError::NoAddresses("name, city".into())));
    assert_eq!(of("", plain()), Err(LayoutError::Empty));
    let wrong = LayoutOptions { source: Some(Source::Ghost), ..plain() };
    assert!(matches!(of("email,name", wrong), Err(LayoutError::NotFrom { .. })));
    let mapping = parse_mapping("status=Zustand").unwrap();
    assert!(matches!(
        of("email", LayoutOptions { mapping, ..plain() }),
        Err(LayoutError::NoSuchColumn { .. })
    ));
    assert!(parse_mapping("colour=red").is_err() && parse_mapping("email").is_err());
}

#[test]
fn a_cell_kept_from_spreadsheets_is_read_as_it_was() {
    let row = read("email,status", "'=cmd@example.org,active").unwrap();
    assert_eq!(row.address.as_str(), "=cmd@example.org");
    assert_eq!(read("email,status", "'ann@example.org,active").unwrap().address.as_str(), "'ann@example.org");
}

#[test]
fn the_operators_word_goes_before_no_rule_of_the_list() {
    use Standing as S;
    let options = LayoutOptions { all_confirmed: true, ..LayoutOptions::default() };
    let read = |header: &str, row: &str| {
        let layout = Layout::of(header.split(','), &options).unwrap();
        layout.read(&StringRecord::from(row.split(',').collect::<Vec<_>>()), &dates()).map(|it| it.standing)
    };
    for (header, row, expected) in [
        (LISTMONK, "1,a@example.org,A,{},enabled,,", S::Confirmed),
        (LISTMONK, "1,a@example.org,A,{},disabled,,", S::Unsubscribed),
        (LISTMONK, "1,a@example.org,A,{},blocklisted,,", S::Blocked),
        (MAILCHIMP, "a@example.org,A,2021-05-04 10:22:31,203.0.113.7,,", S::Confirmed),
        (LEFT_MAILCHIMP, "a@example.org,,,2020-08-01 06:00:00,SPAM (unwanted)", S::Complained),
        (CLEANED, "a@example.org,,,2020-08-01 06:00:00", S::Undeliverable),
        (SUBSTACK, "a@example.org,true,true,2023-11-05T12:00:00.000Z", S::Unsubscribed),
        (GHOST, "6,a@example.org,false,2022-08-08T10:00:00.000Z,", S::Unsubscribed),
        (BUTTONDOWN, "a@example.org,unactivated,2024-02-02T02:02:02Z,", S::Confirmed),
        ("email,status", "a@example.org,bounced", S::Undeliverable),
        ("email,confirmed_at,unsubscribed_at", "a@example.org,,2024-02-02", S::Unsubscribed),
        ("email,name", "a@example.org,Ann", S::Confirmed),
        ("email,unsubscribed_at", "a@example.org,2024-02-02", S::Unsubscribed),
    ] {
        assert_eq!(read(header, row), Ok(expected), "{row}");
    }
    assert!(read("email,status", "a@example.org,asleep").is_err());
}

fn row(standing: Standing, ended_at: Option<Timestamp>) -> Row {
    Row {
        address: EmailAddress::parse("ann@example.org").unwrap(),
        is_tidied: false,
        standing,
        requested_at: None,
        requested_from: None,
        confirmed_at: None,
        confirmed_from: None,
        ended_at,
        choices: Preferences {
            cadence: Cadence::EveryIssue,
            sections: crate::domain::subscriber::sections::Sections::ALL,
            time_zone: None,
            send_time: None,
        },
        paused_until: None,
        language: None,
        unread: None,
    }
}

#[test]
fn a_pause_has_a_day_within_a_year_and_only_who_rests_has_one() {
    let until = |text: &str| {
        let row = read("email,status,paused_until", text)?;
        Ok(row.paused_until.map(|date| date.to_string()))
    };
    assert_eq!(until("a@example.org,paused,2026-08-15"), Ok(Some("2026-08-15".into())));
    for none in
        ["a@example.org,paused,", "a@example.org,active,2026-08-15", "a@example.org,unsubscribed,soon"]
    {
        assert_eq!(until(none), Ok(None), "{none}");
    }
    for wrong in ["a@example.org,paused,soon", "a@example.org,paused,9999-12-31"] {
        assert!(matches!(until(wrong), Err(Refusal::Choice { field: "paused_until", .. })), "{wrong}");
    }
}

#[test]
fn nobody_who_left_or_must_not_be_mailed_becomes_active() {
    use SubscriptionStatus as S;
    let statuses = [None].into_iter().chain(S::ALL.iter().copied().map(Some));
    for status in statuses {
        for (suppressed, forgotten) in [(false, false), (true, false), (false, true), (true, true)] {
            for standing in Standing::ALL {
                for has_left in [false, true] {
                    let known = Known { status, has_left, suppressed, forgotten, ..Known::default() };
                    if decide(&row(*standing, None), &known) == Outcome::Added {
                        assert!(matches!(standing, Standing::Confirmed | Standing::Paused));
                        assert!(matches!(status, None | Some(S::Pending)));
                        assert!(!suppressed && !forgotten && !has_left);
                    }
                }
            }
        }
    }
}

#[test]
fn who_left_elsewhere_ends_here_unless_they_came_back_later() {
    let (early, late) = (at("2020-01-01T00:00:00Z"), at("2024-01-01T00:00:00Z"));
    let active = |confirmed_here_at| Known {
        status: Some(SubscriptionStatus::Active),
        confirmed_here_at,
        ..Known::default()
    };
    let left = |ended| row(Standing::Unsubscribed, ended);
    assert_eq!(decide(&left(Some(late)), &active(Some(early))), Outcome::Ended);
    assert_eq!(decide(&left(Some(early)), &active(Some(late))), Outcome::Known);
    assert_eq!(decide(&left(None), &active(Some(late))), Outcome::Ended);
    assert_eq!(decide(&left(Some(early)), &active(None)), Outcome::Ended);
    let pending = |requested_here_at| Known {
        status: Some(SubscriptionStatus::Pending),
        requested_here_at,
        ..Known::default()
    };
    assert_eq!(decide(&left(Some(late)), &pending(Some(early))), Outcome::Left);
    assert_eq!(decide(&left(None), &pending(Some(late))), Outcome::Left);
    // A reader who signed up here after unsubscribing elsewhere decides by their own link. Until then no list
    // does.
    let (row_of, known) = (left(Some(early)), pending(Some(late)));
    assert_eq!(decide(&row_of, &known), Outcome::Known);
    assert!(keeps_out(&row_of, &known, Outcome::Known));
    assert!(!keeps_out(&left(Some(early)), &active(Some(late)), Outcome::Known));
    // The suppression of an address may be lifted later. The reader unsubscribed all the same.
    let suppressed = Known { suppressed: true, ..Known::default() };
    assert_eq!(decide(&row_of, &suppressed), Outcome::Known);
    assert!(keeps_out(&row_of, &suppressed, Outcome::Known));
    let bounced = row(Standing::Undeliverable, Some(early));
    assert_eq!(decide(&bounced, &active(Some(late))), Outcome::Known);
    assert_eq!(decide(&bounced, &active(None)), Outcome::Suppressed);
    assert_eq!(decide(&bounced, &Known::default()), Outcome::Suppressed);
}

proptest! {
    #[test]
    fn no_header_and_no_row_makes_it_panic(
        header in proptest::collection::vec("\\PC{0,20}|email|status|confirmed_at", 0..6),
        row in proptest::collection::vec("\\PC{0,40}|[0-9:TZ./ +-]{0,30}", 0..8),
        all_confirmed in proptest::bool::ANY,
    ) {
        let options = LayoutOptions { all_confirmed, ..LayoutOptions::default() };
        if let Ok(layout) = Layout::of(header.iter().map(String::as_str), &options) {
            let _ = layout.read(&StringRecord::from(row), &dates());
        }
    }

    #[test]
    fn no_format_of_dates_makes_it_panic(format in "[%a-zA-Z/ .:0-9-]{0,20}", text in "\\PC{0,30}") {
        if let Ok(format) = DateFormat::parse(&format) {
            let dates = Dates { format: Some(format), ..dates() };
            let cells = StringRecord::from(vec!["a@example.org".to_owned(), text]);
            let _ = layout("email,confirmed_at").read(&cells, &dates);
        }
    }
}
