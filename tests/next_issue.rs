//! Every command means the same next issue, and sends or approves only what was shown.

use crate::support::{
    Engine, on_both_engines,
    service::{Installation, write_feed},
    store::Store,
};
use daily::{clock::Clock, db::DatabaseUrl};
use jiff::{ToSpan as _, tz::TimeZone};
use serde_json::Value;

on_both_engines!(
    an_edit_of_todays_late_issue_is_in_what_send_sends,
    an_approval_names_the_revision_that_was_shown,
    what_nobody_would_get_cant_be_approved,
);

/// A newsletter whose time of today has passed, with one reader and one story.
async fn late(engine: Engine) -> Installation {
    let here = Installation::new(engine).await;
    // At local midnight, in a zone where it is noon now, today's issue was due twelve hours ago.
    let hour = i64::from(Clock::system().now().to_zoned(TimeZone::UTC).hour());
    let zone = if hour <= 12 { format!("Etc/GMT-{}", 12 - hour) } else { format!("Etc/GMT+{}", hour - 12) };
    run(&here, &["newsletter", "set", "daily", "--time-zone", &zone, "--send-time", "00:00"]).await;
    run(&here, &["feed", "add", &write_feed(here.folder())]).await;
    here
}

async fn run(here: &Installation, arguments: &[&str]) -> String {
    let ended = here.daily.run(arguments).await;
    assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
    ended.stdout
}

async fn refused(here: &Installation, arguments: &[&str]) -> String {
    let ended = here.daily.run(arguments).await;
    assert_ne!(ended.code, 0, "{arguments:?}: {}", ended.stdout);
    ended.stderr
}

async fn shown(here: &Installation, arguments: &[&str]) -> Value {
    serde_json::from_str(&run(here, &[&["--json"][..], arguments].concat()).await).unwrap()
}

async fn an_edit_of_todays_late_issue_is_in_what_send_sends(engine: Engine) {
    let here = late(engine).await;
    let before = shown(&here, &["issue", "show"]).await;
    assert_eq!(before["waits_for"], "send", "its time has passed");
    run(&here, &["issue", "edit", "--subject", "Lights!"]).await;
    let edited = shown(&here, &["issue", "show"]).await;
    assert_eq!(edited["date"], before["date"], "show and edit mean the same issue");
    assert_ne!(edited["revision"], before["revision"]);
    assert_eq!((edited["subject"].as_str(), edited["waits_for"].as_str()), (Some("Lights!"), Some("send")));
    let text = run(&here, &["issue", "show", "--date", "today"]).await;
    assert!(text.contains("goes out only by hand: daily issue send"), "{text}");

    let today: jiff::civil::Date = before["date"].as_str().unwrap().parse().unwrap();
    let tomorrow = today.checked_add(1.day()).unwrap();
    run(&here, &["issue", "cancel", "--date", "today", "--yes"]).await;
    assert_eq!(shown(&here, &["issue", "show"]).await["date"], tomorrow.to_string());
    let message = refused(&here, &["issue", "send", "--yes"]).await;
    let weekday = tomorrow.strftime("%A").to_string();
    assert!(
        message.contains(&format!("{weekday}'s issue is due tomorrow 00:00. `--date tomorrow`")),
        "{message}"
    );
    let message = refused(&here, &["issue", "send", "--date", "today", "--yes"]).await;
    assert!(message.contains("is cancelled already"), "{message}");
}

async fn an_approval_names_the_revision_that_was_shown(engine: Engine) {
    let here = late(engine).await;
    run(&here, &["newsletter", "set", "daily", "--approval", "required"]).await;
    run(&here, &["issue", "plan"]).await;
    let first = shown(&here, &["issue", "show"]).await["revision"].as_str().unwrap().to_owned();
    // Looking at an issue far ahead forgets nothing.
    run(&here, &["issue", "show", "--date", "2099-01-01"]).await;
    // A second editor changes the issue.
    run(&here, &["issue", "edit", "--subject", "Lights!", "--title", "1=The lights are back"]).await;
    let message = refused(&here, &["issue", "approve", "--revision", &first]).await;
    for says in
        [&format!("Since revision {first}:")[..], "subject: none → “Lights!”", "→ “The lights are back”"]
    {
        assert!(message.contains(says), "{says} is missing in {message}");
    }
    let message = refused(&here, &["issue", "approve", "--revision", "00000000"]).await;
    assert!(message.contains("never shown as revision 00000000"), "{message}");
    let second = shown(&here, &["issue", "show"]).await["revision"].as_str().unwrap().to_owned();
    let approved = run(&here, &["issue", "approve", "--revision", &second]).await;
    assert!(approved.contains(&format!("revision {second}, is approved and goes out now")), "{approved}");
    assert_eq!(shown(&here, &["issue", "show"]).await["revision"], second, "an approval changes nothing");
    // An editor can find another content whose revision begins with the same digits.
    let store = match here.database() {
        DatabaseUrl::Sqlite(path) => Store::open(&format!("sqlite://{}", path.display())).await,
        DatabaseUrl::Postgres(url) => Store::open(&url).await,
    };
    store.forge_revision(&second, ("Lights!", "Lamps!")).await;
    let message = refused(&here, &["issue", "approve", "--revision", &second]).await;
    assert!(message.contains("different contents of the issue"), "{message}");
}

async fn what_nobody_would_get_cant_be_approved(engine: Engine) {
    let here = late(engine).await;
    run(&here, &["issue", "edit", "--drop", "1"]).await;
    let message = refused(&here, &["issue", "approve"]).await;
    assert!(
        message.contains("nobody would get the issue") && message.contains("there are no stories for it"),
        "{message}"
    );
    run(&here, &["issue", "edit", "--undo", "1"]).await;
    run(&here, &["issue", "approve"]).await;
}
