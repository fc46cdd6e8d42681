//! Operators look at issues and edit them on their pages.

use crate::support::{
    Engine, OPERATOR, TestApp, eventually, on_both_engines,
    operator::{Desk, csrf_in, hidden},
};
use daily::{
    actions::{
        feed::add_feed::add_feed,
        issue::{approve_issue::approve_issue, cancel_issue::cancel_issue},
        operator::change_operator::change_operator,
    },
    db::{engine::processes, issues},
};

on_both_engines!(
    today_says_what_goes_out_next,
    an_editor_pins_drops_and_moves_stories,
    buttons_keep_edited_texts_and_say_when_an_approval_ends,
    two_editors_of_one_text_see_both_versions,
    two_editors_of_one_story_are_asked,
    a_storys_picture_is_replaced_and_removed,
    looking_far_ahead_leaves_nothing_behind,
    no_typed_text_is_lost,
    titles_from_feeds_are_only_text,
    a_large_issue_is_counted_by_domain_in_the_background,
    words_of_relays_feeds_files_and_people_are_only_text,
);

const ISSUE: &str = "/admin/n/daily/issues/2026-05-02";
const EDIT: &str = "/admin/n/daily/issues/2026-05-02/edit";

/// Stories run workers and pages. This makes a scheduler look alive, too.
async fn with_scheduler(app: &TestApp) {
    let mut tx = app.app.db.begin().await.unwrap();
    processes::heartbeat(&mut tx, "scheduler", "scheduler", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn today_says_what_goes_out_next(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ines", "editor,sender").await;
    let today = desk.opens("/admin").await;
    assert!(today.contains("can’t go out: no scheduler is running"), "{today}");
    with_scheduler(&app).await;
    let today = desk.opens("/admin").await;
    assert!(today.contains("there are no stories for it"), "{today}");
    app.reader("ann@example.org").await;
    for title in ["The bridge opens", "The market moves", "The ferry sails"] {
        app.article(title).await;
    }
    app.send_issue().await;
    app.clock.advance(jiff::SignedDuration::from_secs(2));
    for title in ["Rain at last", "A new mayor", "The whale"] {
        app.article(title).await;
    }
    let today = desk.opens("/admin").await;
    assert!(today.contains("Tomorrow goes out by itself at 07:00, with 3 stories so far."), "{today}");
    assert!(today.contains("The last one") && today.contains("Nothing needs you."), "{today}");
    app.change_newsletter(|it| it.needs_approval = true).await;
    let today = desk.opens("/admin").await;
    assert!(today.contains("Tomorrow is ready, and waits for your approval."), "{today}");
}

async fn an_editor_pins_drops_and_moves_stories(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let bridge = app.article("The bridge opens").await.to_string();
    let market = app.article("The market moves").await.to_string();
    let desk = app.operator("Ines", "editor").await;
    let titles = async || {
        let page = desk.opens(ISSUE).await;
        ["The bridge opens", "The market moves"].map(|title| page.find(&format!("target=\"_blank\">{title}")))
    };
    let page = desk.does(ISSUE, ISSUE, &[("pin", &bridge)]).await;
    assert!(page.contains("<b>Pinned.</b> “The bridge opens”") && page.contains("Undo"), "{page}");
    let [first, second] = titles().await;
    assert!(first < second);
    desk.does(ISSUE, ISSUE, &[("up", &market)]).await;
    let [first, second] = titles().await;
    assert!(first > second, "it moved above the pinned one");
    let page = desk.does(ISSUE, ISSUE, &[("drop", &market)]).await;
    assert!(
        page.contains("dropped from this issue by an operator") || page.contains("Dropped from this issue"),
        "{page}"
    );
    assert_eq!(titles().await[1], None);
    desk.does(ISSUE, ISSUE, &[("undo", &market)]).await;
    assert!(titles().await[1].is_some());
}

async fn buttons_keep_edited_texts_and_say_when_an_approval_ends(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let bridge = app.article("The bridge opens").await.to_string();
    app.article("The market moves").await;
    let desk = app.operator("Ines", "editor").await;
    let form = format!("{EDIT}?story={bridge}");
    let seen = hidden(&desk.opens(&form).await, "revision");
    let fields =
        [("revision", seen.as_str()), ("story", &bridge), ("title", "The new bridge"), ("summary", "")];
    desk.does(&form, EDIT, &fields).await;
    for button in ["pin", "undo", "drop", "undo"] {
        let page = desk.does(ISSUE, ISSUE, &[(button, &bridge)]).await;
        assert!(!page.contains("The approval has ended"), "{page}");
    }
    let page = desk.opens(ISSUE).await;
    assert!(page.contains("target=\"_blank\">The new bridge"), "the headline is kept: {page}");
    let approve = async || {
        let issue = app.latest_issue().await.id;
        approve_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    };
    let is_approved = async || app.latest_issue().await.approved_at.is_some();
    desk.does(ISSUE, ISSUE, &[("pin", &bridge)]).await;
    approve().await;
    desk.does(ISSUE, ISSUE, &[("pin", &bridge)]).await;
    assert!(is_approved().await, "it was pinned already");
    let page = desk.does(ISSUE, ISSUE, &[("undo", &bridge)]).await;
    assert!(page.contains("The approval has ended") && !is_approved().await, "{page}");
    let page = desk.does(&form, ISSUE, &[("revert", &bridge)]).await;
    assert!(page.contains("Reverted.") && page.contains("target=\"_blank\">The bridge opens"), "{page}");
}

async fn two_editors_of_one_text_see_both_versions(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let story = app.article("Council tax up").await.to_string();
    let (ines, tom) = (app.operator("Ines", "editor").await, app.operator("Tom", "editor").await);
    let form = format!("{EDIT}?story={story}");
    let seen = hidden(&ines.opens(&form).await, "revision");
    let fields = |revision: &str, title: &str| {
        [
            ("revision", revision.to_owned()),
            ("story", story.clone()),
            ("title", title.to_owned()),
            ("summary", "About Council tax up.".to_owned()),
        ]
    };
    let save = async |desk: &Desk<'_>, revision: &str, title: &str| {
        let fields = fields(revision, title);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        desk.submits_on(ISSUE, EDIT, &fields).await
    };
    assert_eq!(save(&tom, &seen, "Council tax to rise 3.9 per cent").await.page.status, 303);
    let conflict = save(&ines, &seen, "Council tax up 3.9%").await.page;
    assert_eq!(conflict.status, 409, "{conflict}");
    assert!(
        conflict.contains("Council tax up 3.9%") && conflict.contains("Council tax to rise 3.9 per cent"),
        "{conflict}"
    );
    assert!(conflict.contains("Keep Tom’s"), "{conflict}");
    assert!(ines.opens(ISSUE).await.contains("Council tax to rise"), "nothing of Tom's is lost");
    let newest = hidden(&conflict, "revision");
    assert_eq!(save(&ines, &newest, "Council tax up 3.9%").await.page.status, 303);
    assert!(ines.opens(ISSUE).await.contains("Council tax up 3.9%"));
    // Other texts of the same issue don't conflict.
    let note = [("revision", seen.as_str()), ("subject", "Taxes"), ("preheader", ""), ("note", "")];
    assert_eq!(tom.submits_on(ISSUE, EDIT, &note).await.page.status, 303);
    let page = tom.opens(ISSUE).await;
    assert!(page.contains("Taxes") && page.contains("Council tax up 3.9%"), "{page}");
}

async fn two_editors_of_one_story_are_asked(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let bridge = app.article("The bridge opens").await.to_string();
    let market = app.article("The market moves").await.to_string();
    let (ines, tom) = (app.operator("Ines", "editor").await, app.operator("Tom", "editor").await);
    let seen = ines.opens(ISSUE).await;
    let (revision, decided) = (hidden(&seen, "revision"), hidden(&seen, "decided"));
    tom.does(ISSUE, ISSUE, &[("decided", &decided), ("drop", &bridge)]).await;
    let press = async |decided: &str, button: &str, story: &str| {
        let fields = [("revision", revision.as_str()), ("decided", decided), (button, story)];
        ines.submits_on(ISSUE, ISSUE, &fields).await
    };
    let conflict = press(&decided, "pin", &bridge).await.page;
    assert_eq!(conflict.status, 409, "{conflict}");
    assert!(
        conflict.contains("<b>Tom</b> dropped it") && conflict.contains("The bridge opens"),
        "{conflict}"
    );
    assert!(conflict.contains("Pin it") && conflict.contains("Leave it to Tom"), "{conflict}");
    assert!(!ines.opens(ISSUE).await.contains(&format!("id=\"story{bridge}\"")), "Tom's decision stays");
    // Other stories don't conflict.
    let other = press(&decided, "pin", &market).await;
    assert_eq!(other.location.as_deref(), Some(&*format!("{ISSUE}#story{market}")), "{}", other.page);
    assert!(ines.opens(ISSUE).await.contains("both changes are in"));
    // Asked, she decides.
    let newest = hidden(&conflict, "decided");
    let mine = press(&newest, "pin", &bridge).await;
    assert_eq!(mine.location.as_deref(), Some(&*format!("{ISSUE}#story{bridge}")), "{}", mine.page);
    assert!(ines.opens(ISSUE).await.contains(&format!("id=\"story{bridge}\"")));
    // Tom's page is old now; so is his Undo.
    for button in ["up", "down", "undo", "drop"] {
        let asked = tom
            .submits_on(ISSUE, ISSUE, &[("revision", &revision), ("decided", &newest), (button, &bridge)])
            .await
            .page;
        assert!(asked.status == 409 && asked.contains("<b>Ines</b> pinned it"), "{button}: {asked}");
    }
}

async fn a_storys_picture_is_replaced_and_removed(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let story = app.article("The bridge opens").await.to_string();
    let desk = app.operator("Ines", "editor").await;
    let form = format!("{EDIT}?story={story}");
    let save = async |picture: &str| {
        let page = desk.opens(&form).await;
        let revision = hidden(&page, "revision");
        let fields = [
            ("revision", revision.as_str()),
            ("story", &story),
            ("title", "The bridge opens"),
            ("summary", "About The bridge opens."),
            ("picture", picture),
        ];
        desk.does(&form, EDIT, &fields).await
    };
    let own = async || {
        let mut tx = app.app.db.read().await.unwrap();
        issues::edits(&mut tx, app.latest_issue().await.id).await.unwrap().remove(0).picture
    };
    let url = "https://courier.example/bridge.jpg";
    let saved = save(url).await;
    assert!(saved.contains("<b>Saved.</b> Picture."), "{saved}");
    assert_eq!(own().await.as_deref(), Some(url));
    assert!(desk.opens(&form).await.contains(&format!("value=\"{url}\"")));
    let wrong = save("javascript:alert(1)").await;
    assert!(wrong.status == 422 && wrong.contains("Enter a web address"), "{wrong}");
    assert!(save(url).await.contains("Unchanged."));
    assert!(save("").await.contains("<b>Saved.</b> Picture."));
    assert_eq!(own().await.as_deref(), Some(""), "none");
}

async fn no_typed_text_is_lost(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let story = app.article("Council tax up").await;
    app.article("The bridge opens").await;
    let (ines, tom) = (app.operator("Ines", "editor").await, app.operator("Tom", "editor").await);
    let form = format!("{EDIT}?story={story}");
    let id = story.to_string();
    let seen = hidden(&ines.opens(&form).await, "revision");
    let save = async |desk: &Desk<'_>, revision: &str, title: &str| {
        let fields =
            [("revision", revision), ("story", &id), ("title", title), ("summary", "About Council tax up.")];
        desk.submits_on(ISSUE, EDIT, &fields).await.page
    };
    assert_eq!(save(&tom, &seen, "Council tax to rise").await.status, 303);
    // The form with the mistake keeps what it began with, so Tom's headline is not overwritten unseen.
    let summary = "x".repeat(2_000);
    let fields =
        [("revision", seen.as_str()), ("story", &id), ("title", "Council tax up"), ("summary", &summary)];
    let wrong = ines.submits_on(ISSUE, EDIT, &fields).await.page;
    assert!(wrong.status == 422 && wrong.contains(&summary), "{wrong}");
    // Each problem is beside its field.
    let newest = hidden(&ines.opens(&form).await, "revision");
    let fields = [("revision", newest.as_str()), ("story", &id), ("title", " "), ("summary", &summary)];
    let both = ines.submits_on(ISSUE, EDIT, &fields).await.page;
    for (id, says) in [("title-hint", "This can’t be empty."), ("summary-hint", "Shorten this to")] {
        let (_, hint) = both.split_once(&format!("id=\"{id}\"")).expect(id);
        assert!(hint.split("</p>").next().unwrap().contains(says), "{id}: {both}");
    }
    assert_eq!(both.matches("aria-invalid=\"true\"").count(), 2, "{both}");
    assert_eq!(hidden(&wrong, "revision"), seen);
    let conflict = save(&ines, &seen, "Council tax up by 3.9%").await;
    assert!(conflict.status == 409 && conflict.contains("Council tax to rise"), "{conflict}");
    // The story is dropped, then the issue is frozen.
    tom.does(ISSUE, ISSUE, &[("drop", &id)]).await;
    let late = save(&ines, &seen, "Council tax up by 3.9%").await;
    assert!(late.status == 409 && late.contains("value=\"Council tax up by 3.9%\""), "{late}");
    let note =
        [("revision", seen.as_str()), ("subject", "Taxes"), ("preheader", ""), ("note", "A long note")];
    let issue = app.latest_issue().await.id;
    cancel_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    let token = csrf_in(&ines.opens("/admin/me").await);
    let late = ines.posts(EDIT, &[&[("csrf", token.as_str())], &note[..]].concat()).await.page;
    assert!(late.status == 409 && late.contains("A long note") && late.contains("cancelled"), "{late}");
    app.clock.advance(jiff::SignedDuration::from_hours(13));
    let ended = ines.posts(EDIT, &[&[("csrf", token.as_str())], &note[..]].concat()).await;
    let page = ines.opens(&ended.location.unwrap()).await;
    assert!(page.contains("You were signed out, so what you sent was not saved."), "{page}");
}

async fn looking_far_ahead_leaves_nothing_behind(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Vera", "viewer").await;
    for date in ["2027-05-03", "9999-01-01"] {
        for rest in ["", "/send"] {
            let page = desk.opens(&format!("/admin/n/daily/issues/{date}{rest}")).await;
            assert!(page.status == 404 && page.contains("more than a year ahead"), "{page}");
        }
    }
    let store = app.store().await;
    assert_eq!((store.rows_in("issue_revisions").await, store.rows_in("operator_views").await), (0, 0));
    assert_eq!(desk.opens("/admin/n/daily/issues/2027-05-02").await.status, 200);
}

async fn titles_from_feeds_are_only_text(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("<script>alert(1)</script>\"'><img src=x onerror=alert(2)>").await;
    let desk = app.operator("Ines", "editor").await;
    for place in ["/admin", ISSUE, EDIT] {
        let page = desk.opens(place).await;
        assert_eq!(page.status, 200, "{page}");
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
    }
    let frame = desk.get("/admin/n/daily/issues/2026-05-02/email").await;
    let policy = frame.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("sandbox")
            && policy.contains("frame-ancestors 'self'")
            && !policy.contains("script-src"),
        "{policy}"
    );
    assert!(!frame.page.contains("<script>alert"), "{}", frame.page);
}

async fn a_large_issue_is_counted_by_domain_in_the_background(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ines", "editor,sender").await;
    app.readers(3, "example.org").await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    app.store().await.set_recipients(60_000).await;
    let live = desk.opens("/admin/n/daily/live").await;
    assert!(live.contains("They are being counted."), "{live}");
    app.clock.advance(jiff::SignedDuration::from_mins(1));
    let live = eventually("the copies are counted", || async {
        let live = desk.opens("/admin/n/daily/live").await;
        (!live.contains("They are being counted.")).then_some(live)
    })
    .await;
    assert!(live.contains("example.org") && live.contains("as of "), "{live}");
}

/// A text that no page may take for markup, wherever it comes from.
const ATTACK: &str = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

async fn words_of_relays_feeds_files_and_people_are_only_text(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    let store = app.store().await;
    store.set_relays_answer("ann@example.org", ATTACK).await;
    store.set_deliveries("failed").await;
    let feed = add_feed(&app.app.actions, &OPERATOR, "https://lamp.example/feed.xml").await.unwrap();
    store.set_feed_trouble(feed, ATTACK).await;
    app.clock.advance(jiff::SignedDuration::from_secs(2));
    app.article("Rain at last").await;
    app.change_newsletter(|it| {
        it.title = ATTACK.into();
        it.tagline = ATTACK.into();
        it.postal_address = ATTACK.into();
    })
    .await;
    let desk = app.operator("Ada", "editor,sender,admin").await;
    let ada = app.operator_record("ada@example.org").await;
    change_operator(&app.app.actions, &OPERATOR, ada.id, ATTACK, &ada.roles, true).await.unwrap();
    let list = "email,status\nben@example.org,confirmed\n";
    let upload = desk.uploads("/admin/n/daily/import", None, "a<img src=x onerror=alert(2)>.csv", list).await;
    let import = upload.location.expect("a page about the list");
    let mut seen = 0;
    for place in [
        "/admin/n/daily",
        ISSUE,
        EDIT,
        "/admin/n/daily/issues/2026-05-02/preview",
        "/admin/n/daily/issues/2026-05-02/send",
        "/admin/n/daily/issues/2026-05-01/live",
        "/admin/n/daily/issues/2026-05-01/report",
        "/admin/n/daily/calendar",
        "/admin/n/daily/readers",
        "/admin/n/daily/readers/1",
        &import,
        "/admin/n/daily/feeds",
        "/admin/n/daily/settings",
        "/admin/people",
        "/admin/system",
        "/admin/me",
    ] {
        let page = desk.opens(place).await;
        assert_eq!(page.status, 200, "{place}: {page}");
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{place}: {page}");
        seen += page.matches("&lt;img src=x onerror=alert(2)&gt;").count();
    }
    assert!(seen >= 16, "the words are there, as text: {seen}");
}
