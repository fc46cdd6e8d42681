//! Operators import a list on their pages.

use crate::support::{
    Engine, OPERATOR, TestApp, eventually, on_both_engines,
    operator::{Desk, csrf_in},
    web::Page,
};
use daily::{
    actions::{
        privacy::erase::erase,
        subscription::uploaded_list::{MAX_FILE_BYTES, Upload, UploadError},
    },
    db::{audit, imports},
    domain::{actor::Actor, ids::ImportId, subscriber::subscription::SubscriptionStatus},
};
use jiff::SignedDuration;

on_both_engines!(
    a_list_is_uploaded_tried_and_imported,
    a_word_for_all_needs_its_evidence,
    a_list_that_is_broken_says_why,
    only_those_who_change_readers_upload_with_their_token,
    a_file_waits_for_a_day_and_a_report_for_a_week,
    an_import_that_stopped_can_go_on,
);

const IMPORT: &str = "/admin/n/daily/import";
const LIST: &str = "Adresse;Zustand\r\nann@example.org;confirmed\r\nben@example.org;unsubscribed\r\n\
                    nobody;confirmed\r\n=cyd@example.org;pending\r\n";

/// Uploads a list. Returns the path of its page.
async fn uploaded(desk: &Desk<'_>, text: &str) -> String {
    let reply = desk.uploads(IMPORT, None, "leser.csv", text).await;
    reply.location.unwrap_or_else(|| panic!("no redirect: {}", reply.page))
}

/// Submits a form of a list's page, and waits until the list is read.
async fn reads(desk: &Desk<'_>, place: &str, fields: &[(&str, &str)]) -> Page {
    desk.submits_on(place, place, fields).await;
    eventually("the list is read", || async {
        let page = desk.opens(place).await;
        (!page.contains("data-part=\"progress\"")).then_some(page)
    })
    .await
}

async fn a_list_is_uploaded_tried_and_imported(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let place = uploaded(&desk, LIST).await;
    let page = desk.opens(&place).await;
    assert!(
        page.contains("Say which column has the addresses.") && page.contains("ann@example.org"),
        "{page}"
    );
    let early = desk.does(&place, &place, &[("do", "import")]).await;
    assert!(early.contains("Nothing was done."), "nobody imports what was not tried: {early}");
    let columns = [("column-email", "Adresse"), ("column-status", "Zustand"), ("do", "try")];
    let tried = reads(&desk, &place, &columns).await;
    assert!(tried.contains("One reader would be added.") && tried.contains("Import 1 reader"), "{tried}");
    assert_eq!(app.store().await.rows_in("subscribers").await, 0, "a dry run changes nothing");
    let report = desk.opens(&format!("{place}/left-out.csv")).await;
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines.len(), 3, "{report}");
    assert!(lines[1].starts_with("4,refused,,") && lines[2].starts_with("5,unconfirmed,'=cyd@"), "{report}");
    let done = reads(&desk, &place, &[("do", "import")]).await;
    assert!(done.contains("One reader was added."), "{done}");
    assert_eq!(app.visitor("ann@example.org").subscription().await.status, SubscriptionStatus::Active);
    let id = ImportId(place.rsplit('/').next().unwrap().parse().unwrap());
    let mut tx = app.app.db.read().await.unwrap();
    assert!(imports::part(&mut tx, id, 0).await.unwrap().is_none(), "the file is removed");
    let entries = audit::page(&mut tx, None, 50).await.unwrap();
    drop(tx);
    let entry = entries.iter().find(|entry| entry.action == "subscriber.import").unwrap();
    assert!(matches!(entry.actor, Actor::Operator { .. }), "{entry:?}");
    let again = reads(&desk, &place, &[("do", "import")]).await;
    assert!(again.contains("One reader was added."), "nothing is imported twice: {again}");
    assert!(desk.opens(IMPORT).await.contains("leser.csv"));
    app.reader("=cyd@example.org").await;
    erase(&app.app.actions, &OPERATOR, &crate::support::address("=cyd@example.org")).await.unwrap();
    assert!(!desk.opens(&place).await.contains("cyd"), "an erased reader is in no report");
}

async fn a_word_for_all_needs_its_evidence(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let place = uploaded(&desk, "ann@example.org\nben@example.org\n").await;
    let unproven = reads(&desk, &place, &[("do", "try")]).await;
    assert!(unproven.contains("Nothing in this list tells who confirmed."), "{unproven}");
    let fields = [("do", "try"), ("proof", "all_confirmed"), ("time_zone", "Mars")];
    let wrong = desk.submits_on(&place, &place, &fields).await.page;
    assert_eq!(wrong.matches("aria-invalid").count(), 2, "{wrong}");
    let fields = [("do", "try"), ("proof", "all_confirmed"), ("evidence", "signed cards, 2024")];
    assert!(reads(&desk, &place, &fields).await.contains("2 readers would be added."));
    reads(&desk, &place, &[("do", "import")]).await;
    let ledger = app.visitor("ann@example.org").subscription().await.id;
    let mut tx = app.app.db.read().await.unwrap();
    let entries = daily::db::subscribers::consent_history(&mut tx, ledger).await.unwrap();
    let source = entries[0].source_url.as_deref().unwrap();
    assert!(source.starts_with("signed cards, 2024; leser.csv, read 2026-05-01T"), "{source}");
}

async fn a_list_that_is_broken_says_why(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let place =
        uploaded(&desk, "email,status\nann@example.org,\"confirmed\nben@example.org,confirmed\n").await;
    let page = reads(&desk, &place, &[("do", "try")]).await;
    assert!(page.contains("line 2: a quotation mark is opened here and never closed"), "{page}");
    let empty = desk.uploads(IMPORT, None, "empty.csv", "").await;
    assert!(desk.opens(&empty.location.unwrap()).await.contains("The file is empty"));
    assert!(desk.does(&place, &place, &[("do", "discard")]).await.contains("<b>Discarded.</b>"));
    assert_eq!(desk.opens(&place).await.status, 404);
    let newsletter = app.newsletter().await.id;
    let mut upload = Upload::begin(&app.app.actions, &OPERATOR, newsletter, "large.csv").await.unwrap();
    let large = vec![b'x'; usize::try_from(MAX_FILE_BYTES).unwrap() + 1];
    assert!(matches!(upload.write(&large).await, Err(UploadError::TooLarge)));
}

async fn only_those_who_change_readers_upload_with_their_token(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let tom = app.operator("Tom", "editor,sender").await;
    let foreign = csrf_in(&tom.opens("/admin/n/daily").await);
    assert_eq!(tom.uploads(IMPORT, Some(&foreign), "list.csv", LIST).await.page.status, 403);
    for token in ["", foreign.as_str()] {
        assert_eq!(desk.uploads(IMPORT, Some(token), "list.csv", LIST).await.page.status, 403, "{token}");
    }
    let place = uploaded(&desk, LIST).await;
    for page in [place.clone(), format!("{place}/left-out.csv"), IMPORT.to_owned()] {
        assert_eq!(tom.opens(&page).await.status, 403, "{page}");
    }
    let token = csrf_in(&tom.opens("/admin/n/daily").await);
    let fields = [("csrf", token.as_str()), ("do", "discard")];
    assert_eq!(tom.posts(&place, &fields).await.page.status, 403);
    assert_eq!(desk.opens(&place).await.status, 200);
}

async fn a_file_waits_for_a_day_and_a_report_for_a_week(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let place = uploaded(&desk, "email,status\nann@example.org,confirmed\nnobody,confirmed\n").await;
    reads(&desk, &place, &[("do", "try")]).await;
    app.clock.advance(SignedDuration::from_hours(11));
    desk.opens("/admin").await;
    app.clock.advance(SignedDuration::from_hours(11));
    desk.opens("/admin").await;
    app.clock.advance(SignedDuration::from_hours(3));
    uploaded(&desk, LIST).await;
    let gone = desk.does(&place, &place, &[("do", "import")]).await;
    assert!(gone.contains("The file is gone.") && gone.contains("nobody"), "the report stays: {gone}");
    let newsletter = app.newsletter().await.id;
    app.clock.advance(SignedDuration::from_hours(7 * 24));
    Upload::begin(&app.app.actions, &OPERATOR, newsletter, "next.csv").await.unwrap();
    let id = ImportId(place.rsplit('/').next().unwrap().parse().unwrap());
    assert!(imports::get(&mut app.app.db.read().await.unwrap(), id).await.unwrap().is_none());
}

async fn an_import_that_stopped_can_go_on(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let place = uploaded(&desk, "email,status\nann@example.org,confirmed\n").await;
    reads(&desk, &place, &[("do", "try")]).await;
    // A process began to import it, and was killed.
    let id = ImportId(place.rsplit('/').next().unwrap().parse().unwrap());
    let mut tx = app.app.db.begin().await.unwrap();
    let begun = imports::begin(
        &mut tx,
        id,
        daily::domain::import::uploaded::ImportStatus::Importing,
        "{}",
        app.clock.now(),
    );
    assert!(begun.await.unwrap());
    tx.commit().await.unwrap();
    assert!(desk.opens(&place).await.contains("The list is being imported."));
    let other = uploaded(&desk, LIST).await;
    let busy = desk.does(&other, &other, &[("do", "try"), ("column-email", "Adresse")]).await;
    assert!(busy.contains("Another list is being read."), "{busy}");
    app.clock.advance(SignedDuration::from_secs(61));
    assert!(desk.opens(&place).await.contains("Reading the list stopped."));
    assert!(reads(&desk, &place, &[("do", "import")]).await.contains("One reader was added."));
}
