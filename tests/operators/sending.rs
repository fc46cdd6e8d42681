//! Operators approve, send, watch and stop issues on their pages.

use crate::support::{
    Engine, OPERATOR, TestApp,
    mailbox::Mail,
    on_both_engines,
    operator::{Desk, csrf_in, hidden},
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    actions::{
        issue::{
            cancel_issue::skip_issue,
            edit_issue::{StoryChange, edit_issue},
            send_issue::send_approved,
        },
        subscription::{
            by_operator::suppress_readers,
            unsuppress::{Suppressed, unsuppress},
        },
    },
    db::{
        deliveries,
        engine::processes,
        issues::{self, IssueWords},
    },
    domain::{issue::status::IssueStatus, token::Purpose},
};

on_both_engines!(
    an_issue_is_approved_by_its_revision_and_the_newsletters_name,
    contents_that_share_the_shown_digits_are_told_apart,
    an_alerts_link_approves_for_the_set_time_without_the_name,
    an_editor_may_not_approve_and_a_second_person_is_asked,
    choosing_stories_and_feeds_counts_as_editing,
    decisions_count_for_the_state_in_which_they_were_made,
    a_test_is_sent_and_its_answer_is_shown,
    addresses_in_relays_answers_are_for_those_who_see_readers,
    copies_in_doubt_are_sent_again_only_by_name_and_number,
    a_group_of_addresses_is_kept_for_tests,
    an_issue_is_sent_now_and_the_next_is_skipped,
    an_issue_on_its_way_is_paused_resumed_and_cancelled,
    nothing_is_done_under_a_wrong_name,
    an_alerts_link_replaces_the_name_only_for_its_issue_before_its_time,
    an_issue_goes_out_although_not_everything_is_set_up,
    an_earlier_issue_that_waits_hides_nothing,
    tests_are_listed_with_the_issue_and_the_revision_they_showed,
);

const SEND: &str = "/admin/n/daily/issues/2026-05-02/send";
const APPROVE: &str = "/admin/n/daily/issues/2026-05-02/approve";

/// Stories run workers and pages. This makes a scheduler look alive, too.
async fn with_scheduler(app: &TestApp) {
    let mut tx = app.app.db.begin().await.unwrap();
    processes::heartbeat(&mut tx, "scheduler", "scheduler", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn newsroom(engine: Engine, change: impl FnOnce(&mut daily::settings::Settings)) -> TestApp {
    let app = TestApp::start_with(engine, change).await;
    app.reader("ann@example.org").await;
    app.change_newsletter(|it| {
        it.needs_approval = true;
        it.title = "The Lamp".into();
    })
    .await;
    for title in ["The bridge opens", "The market moves", "The ferry sails"] {
        app.article(title).await;
    }
    with_scheduler(&app).await;
    app
}

async fn approve(desk: &Desk<'_>, revision: &str, name: &str) -> String {
    desk.does(SEND, APPROVE, &[("revision", revision), ("name", name)]).await.to_string()
}

async fn an_issue_is_approved_by_its_revision_and_the_newsletters_name(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "sender").await;
    let sheet = desk.opens(SEND).await;
    assert!(
        sheet.contains("Tomorrow is ready to send") && sheet.contains("Approve for tomorrow, 07:00"),
        "{sheet}"
    );
    let seen = hidden(&sheet, "revision");
    let page = approve(&desk, &seen, "The Evening Tide").await;
    assert!(page.contains("Nothing was done.") && page.contains("The Lamp"), "{page}");
    app.article("A whale").await;
    let page = approve(&desk, &seen, "the lamp").await;
    assert!(page.contains("Not approved.") && page.contains("changed while you looked"), "{page}");
    let page = approve(&desk, &hidden(&desk.opens(SEND).await, "revision"), "the lamp").await;
    assert!(page.contains("<b>Approved.</b>"), "{page}");
    let issue = app.latest_issue().await;
    assert!(issue.approved_at.is_some() && issue.status == IssueStatus::Planned);
    assert!(desk.opens("/admin").await.contains("Tomorrow goes out at 07:00."));
}

async fn contents_that_share_the_shown_digits_are_told_apart(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "sender").await;
    let seen = hidden(&desk.opens(SEND).await, "revision");
    let other = app.store().await.forge_revision(&seen, ("The bridge opens", "The bridge falls")).await;
    assert_eq!(seen[..8], other[..8]);
    let page = approve(&desk, &other, "The Lamp").await;
    assert!(page.contains("Not approved."), "another content was shown as {other}: {page}");
    let reply = desk.submits_on(SEND, APPROVE, &[("revision", &seen[..8]), ("name", "The Lamp")]).await;
    assert_eq!(reply.page.status, 403, "eight digits are not enough: {}", reply.page);
    let page = approve(&desk, &seen, "The Lamp").await;
    assert!(page.contains("<b>Approved.</b>"), "{page}");
    assert_eq!(app.latest_issue().await.approved_revision.unwrap().full(), seen);
}

async fn an_alerts_link_approves_for_the_set_time_without_the_name(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "editor,sender").await;
    let article = app.articles().await[0].id.to_string();
    let page = "/admin/n/daily/issues/2026-05-02";
    desk.does(page, page, &[("pin", &article)]).await;
    let revision = hidden(&desk.opens(SEND).await, "revision");
    app.run_due_twice().await;
    let alerts = app.emails_to("ines@example.org");
    let alert = alerts.iter().map(Mail::text).find(|text| text.contains("/admin/review/")).unwrap();
    let (_, token) = alert.split_once("/admin/review/").unwrap();
    let token = token.split_whitespace().next().unwrap().to_owned();
    let stranger = app.desk("eve@example.org").get(&format!("/admin/review/{token}")).await;
    assert!(
        stranger.location.unwrap().starts_with("/admin/sign-in?next="),
        "it is worth nothing without an account"
    );
    let sheet = desk.opens(&format!("/admin/review/{token}")).await;
    assert!(!sheet.contains("id=\"name\""), "no name is asked for");
    let fields = [("revision", revision.as_str()), ("review", token.as_str())];
    let page = desk.does(SEND, APPROVE, &fields).await;
    assert!(page.contains("<b>Approved.</b>"), "{page}");
    let forged = app.app.operators.keys.sign(Purpose::Test, 1);
    assert_eq!(desk.opens(&format!("/admin/review/{forged}")).await.status, 404);
}

async fn an_editor_may_not_approve_and_a_second_person_is_asked(engine: Engine) {
    let app = newsroom(engine, |settings| settings.admin.second_person = true).await;
    let (ines, tom) = (app.operator("Ines", "editor,sender").await, app.operator("Tom", "sender").await);
    let eva = app.operator("Eva", "editor").await;
    let article = app.articles().await[0].id.to_string();
    let page = "/admin/n/daily/issues/2026-05-02";
    ines.does(page, page, &[("pin", &article)]).await;
    let sheet = ines.opens(SEND).await;
    assert!(sheet.contains("another person has to approve it"), "{sheet}");
    let revision = hidden(&ines.opens(page).await, "revision");
    let token = csrf_in(&sheet);
    let fields = [("csrf", token.as_str()), ("revision", revision.as_str()), ("name", "The Lamp")];
    ines.posts(APPROVE, &fields).await;
    assert!(app.latest_issue().await.approved_at.is_none(), "a forged form is refused, too");
    let token = csrf_in(&eva.opens(SEND).await);
    let fields = [("csrf", token.as_str()), ("revision", revision.as_str()), ("name", "The Lamp")];
    assert_eq!(eva.posts(APPROVE, &fields).await.page.status, 403, "editing doesn't include sending");
    assert!(approve(&tom, &revision, "The Lamp").await.contains("<b>Approved.</b>"));
}

async fn choosing_stories_and_feeds_counts_as_editing(engine: Engine) {
    let app = newsroom(engine, |settings| settings.admin.second_person = true).await;
    let articles = app.articles().await;
    let feeds = "/admin/n/daily/feeds";
    let mut revision = String::new();
    for (name, deed, article) in [("Ines", "pin", &articles[0]), ("Tom", "hide", &articles[1])] {
        let desk = app.operator(name, "editor,sender").await;
        let id = article.id.to_string();
        desk.does(feeds, feeds, &[("do", deed), ("id", &id)]).await;
        assert!(app.issues().await.is_empty(), "there is no issue to edit yet");
        let sheet = desk.opens(SEND).await;
        assert!(sheet.contains("another person has to approve it"), "{deed}: {sheet}");
        revision = hidden(&desk.opens("/admin/n/daily/issues/2026-05-02").await, "revision");
        let token = csrf_in(&sheet);
        let fields = [("csrf", token.as_str()), ("revision", revision.as_str()), ("name", "The Lamp")];
        desk.posts(APPROVE, &fields).await;
        assert!(app.issues().await.iter().all(|issue| issue.approved_at.is_none()), "{deed}");
    }
    app.clock.advance(jiff::SignedDuration::from_secs(2));
    let eva = app.operator("Eva", "sender").await;
    assert!(approve(&eva, &revision, "The Lamp").await.contains("<b>Approved.</b>"));
    // Changes made for one issue don't count for the next one.
    app.run_due_at("2026-05-02T07:01:00Z").await;
    app.settle().await;
    assert_eq!(app.latest_issue().await.status, IssueStatus::Sent);
    app.article("A whale").await;
    let tom = app.desk("tom@example.org");
    tom.signs_in(crate::support::operator::PASSWORD).await;
    let code = app.code_of("tom@example.org").await;
    let place = "/admin/sign-in/code";
    tom.submits_on(place, place, &[("code", &code)]).await;
    let sheet = tom.opens("/admin/n/daily/issues/2026-05-03/send").await;
    assert!(!sheet.contains("another person has to approve it"), "{sheet}");
}

async fn decisions_count_for_the_state_in_which_they_were_made(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "sender").await;
    let seen = hidden(&desk.opens(SEND).await, "revision");
    approve(&desk, &seen, "The Lamp").await;
    let issue = app.latest_issue().await;
    let (actions, newsletter) = (&app.app.actions, app.newsletter().await);
    let approved = issue.approved_revision.clone().unwrap();
    // An edit after an approved issue was sent at once doesn't go out unseen.
    let mut tx = app.app.db.begin().await.unwrap();
    issues::set_at_once(&mut tx, issue.id, app.clock.now()).await.unwrap();
    issues::set_edited(&mut tx, issue.id).await.unwrap();
    let edited = issues::get(&mut tx, issue.id).await.unwrap().unwrap();
    assert!(edited.by_hand && !edited.at_once);
    drop(tx);
    // An editor is quicker than the sender.
    let pin = [StoryChange::Pin(app.articles().await[0].id)];
    edit_issue(actions, &OPERATOR, issue.id, &IssueWords::default(), &pin).await.unwrap();
    let sent = send_approved(actions, &OPERATOR, &newsletter, issue.date(), &approved).await.unwrap();
    assert!(sent.is_none(), "{sent:?}");
    assert!(!app.issue(issue.id).await.at_once);
    // Another sender is quicker than the one who skips the day.
    app.change_newsletter(|it| it.needs_approval = false).await;
    let sent = app.send(&app.newsletter().await).await;
    assert_eq!(app.issue(sent).await.status, IssueStatus::Sent);
    assert_eq!(skip_issue(actions, &OPERATOR, sent, "a holiday").await.unwrap(), IssueStatus::Sent);
}

async fn a_test_is_sent_and_its_answer_is_shown(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "editor").await;
    let place = "/admin/n/daily/issues/2026-05-02/test";
    let page = desk.does(SEND, place, &[("to", "not an address")]).await;
    assert!(page.contains("“not” is not an email address"), "{page}");
    let (actions, phone) = (&app.app.actions, crate::support::address("phone@example.net"));
    let phone = std::slice::from_ref(&phone);
    suppress_readers(actions, &OPERATOR, phone, "asked by phone").await.unwrap();
    let page = desk.does(SEND, place, &[("to", "desk@example.net, phone@example.net")]).await;
    assert!(page.contains("Not sent.") && page.contains("suppression list"), "{page}");
    app.settle().await;
    assert!(app.emails_to("desk@example.net").is_empty(), "all get it, or none");
    unsuppress(actions, &OPERATOR, Suppressed::Addresses(phone)).await.unwrap();
    desk.does(SEND, place, &[("to", "desk@example.net, phone@example.net")]).await;
    app.settle().await;
    let page = desk.opens(SEND).await;
    assert!(page.contains("desk@example.net") && page.contains("Taken"), "{page}");
    assert_eq!(app.emails_to("phone@example.net").len(), 1);
}

async fn addresses_in_relays_answers_are_for_those_who_see_readers(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    app.change_newsletter(|it| it.needs_approval = false).await;
    app.send_issue().await;
    let store = app.store().await;
    store.set_relays_answer("ann@example.org", "5.1.1 <ann@example.org> is unknown").await;
    store.set_deliveries("failed").await;
    for (name, role, answer) in [
        ("Ada", "admin", "&lt;ann@example.org&gt; is unknown"),
        ("Vera", "viewer", "&lt;a***@example.org&gt; is unknown"),
    ] {
        let desk = app.operator(name, role).await;
        for page in ["/admin/n/daily/live", "/admin/n/daily/issues/2026-05-01/report"] {
            let page = desk.opens(page).await;
            assert!(page.contains(answer), "{role}: {page}");
            assert_eq!(page.contains("ann@example.org"), role == "admin", "{role}: {page}");
        }
    }
}

async fn copies_in_doubt_are_sent_again_only_by_name_and_number(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    app.change_newsletter(|it| it.needs_approval = false).await;
    app.send_issue().await;
    let (store, issue) = (app.store().await, app.latest_issue().await.id);
    store.set_deliveries("uncertain").await;
    let desk = app.operator("Ines", "sender").await;
    let (page, settle) =
        ("/admin/n/daily/issues/2026-05-01/report", "/admin/n/daily/issues/2026-05-01/settle");
    let report = desk.opens(page).await;
    assert!(
        report.contains("1 in doubt") && !report.contains(" checked"),
        "nothing is preselected: {report}"
    );
    for (fields, answer) in [
        (&[("as", "retry"), ("count", "1"), ("name", "")][..], "Type that name to send again."),
        (&[("as", "retry"), ("count", "0"), ("name", "The Lamp")], "In doubt by now: 1 copy."),
        (&[("as", "failed"), ("count", "0")], "In doubt by now: 1 copy."),
    ] {
        let refused = desk.does(page, settle, fields).await;
        assert!(refused.contains(answer), "{refused}");
        assert_eq!(app.counts(issue).await.uncertain, 1);
    }
    let settled = desk.does(page, settle, &[("as", "failed"), ("count", "1")]).await;
    assert!(settled.contains("<b>Settled.</b>"), "{settled}");
    assert_eq!((app.counts(issue).await.uncertain, app.counts(issue).await.failed), (0, 1));
    let plan = store.query_plan(deliveries::UNCERTAIN, ["1"; 4]).await;
    assert!(
        engine == Engine::Postgres || plan.iter().any(|step| step.contains("deliveries_unsent")),
        "{plan:?}"
    );
}

async fn a_group_of_addresses_is_kept_for_tests(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "editor").await;
    let groups = "/admin/n/daily/issues/2026-05-02/groups";
    let fields =
        [("name", "the desk"), ("addresses", "desk@example.net\r\nphone@example.net, desk@example.net")];
    let page = desk.does(SEND, groups, &fields).await;
    assert!(page.contains("“the desk” has 2 addresses.") && page.contains("the desk (2)"), "{page}");
    let wrong = desk.does(SEND, groups, &[("name", " "), ("addresses", "desk@example.net")]).await;
    assert!(wrong.contains("Not saved."), "{wrong}");
    let test = "/admin/n/daily/issues/2026-05-02/test";
    desk.does(SEND, test, &[("group", "the desk")]).await;
    app.settle().await;
    for address in ["desk@example.net", "phone@example.net"] {
        assert_eq!(app.emails_to(address).len(), 1, "{address}");
    }
    assert!(desk.opens(SEND).await.contains("Taken"));
    let viewer = app.operator("Vera", "viewer").await;
    assert_eq!(viewer.submits_on(SEND, groups, &fields).await.page.status, 403);
    let removed = desk.does(SEND, groups, &[("name", "the desk"), ("addresses", "")]).await;
    assert!(removed.contains("<b>Removed.</b>") && !removed.contains("the desk (2)"), "{removed}");
}

async fn an_issue_is_sent_now_and_the_next_is_skipped(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "sender").await;
    let today = "/admin/n/daily/issues/2026-05-01";
    let sheet = format!("{today}/send");
    let revision = hidden(&desk.opens(&sheet).await, "revision");
    let now = format!("{today}/now");
    let page = desk.does(&sheet, &now, &[("revision", &revision), ("name", "The Lamp")]).await;
    assert!(page.contains("Going out."), "{page}");
    app.wait_for_status(app.latest_issue().await.id, IssueStatus::Sent).await;
    let live = desk.opens("/admin/n/daily/live").await;
    assert!(live.contains("Its one reader has it."), "{live}");
    let page = desk.does("/admin/n/daily/live", &format!("{today}/pause"), &[]).await;
    assert!(page.contains("Not paused.") && page.contains("The issue is sent"), "{page}");
    let report = desk.opens(&format!("{today}/report")).await;
    assert!(report.contains("Every copy") && report.contains("Against the last issues"), "{report}");
    assert_eq!(
        app.emails_to("ann@example.org")
            .iter()
            .filter(|mail| mail.text().contains("The bridge opens"))
            .count(),
        1
    );
    // Tomorrow's issue is skipped with a reason.
    app.article("A whale").await;
    let skip = "/admin/n/daily/issues/2026-05-02/skip";
    let page = desk.does(SEND, skip, &[("name", "The Lamp"), ("reason", "a holiday")]).await;
    assert!(page.contains("Skipped.") && page.contains("a holiday"), "{page}");
}

async fn an_issue_on_its_way_is_paused_resumed_and_cancelled(engine: Engine) {
    let server = SmtpServer::start(Script::accept().always(Step::EndOfData, Action::Hold)).await;
    let app = TestApp::with_ports(engine, &[server.port()], |_| {}).await;
    app.change_newsletter(|it| it.title = "The Lamp".into()).await;
    app.readers(3, "example.org").await;
    let desk = app.operator("Ines", "sender").await;
    let issue = app.begin_issue().await;
    server.wait_until(|record| record.on_hold == 1).await;
    let status = async || app.issue(issue).await.status;
    let today = "/admin/n/daily/issues/2026-05-01";
    let live = "/admin/n/daily/live";
    let press =
        async |verb: &str, fields: &[(&str, &str)]| desk.does(live, &format!("{today}/{verb}"), fields).await;
    let paused = press("pause", &[]).await;
    assert!(paused.contains("<b>Paused.</b>") && paused.contains("Paused by Ines."), "{paused}");
    assert_eq!(status().await, IssueStatus::Paused);
    let resumed = press("resume", &[]).await;
    assert!(resumed.contains("<b>Resumed.</b>"), "{resumed}");
    assert_eq!(status().await, IssueStatus::Sending);
    let again = press("resume", &[]).await;
    assert!(again.status == 200, "{again}");
    for name in ["", "The Evening Tide"] {
        let refused = press("cancel", &[("name", name), ("reason", "wrong edition")]).await;
        assert!(refused.contains("Nothing was cancelled.") && refused.contains("The Lamp"), "{refused}");
        assert_eq!(status().await, IssueStatus::Sending);
    }
    let cancelled = press("cancel", &[("name", "The Lamp"), ("reason", "wrong edition")]).await;
    assert!(cancelled.contains("<b>Cancelled.</b>") && cancelled.contains("wrong edition"), "{cancelled}");
    assert_eq!(status().await, IssueStatus::Cancelled);
    server.release();
    app.settle().await;
    let counts = app.counts(issue).await;
    assert_eq!((counts.sent + counts.skipped, counts.total()), (3, 3), "{counts:?}");
    assert!(counts.skipped >= 2, "{counts:?}");
    assert!(press("resume", &[]).await.contains("Not resumed."));
    assert!(press("cancel", &[("name", "The Lamp")]).await.contains("Cancelled"), "it stays so");
}

async fn nothing_is_done_under_a_wrong_name(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "sender").await;
    let revision = hidden(&desk.opens(SEND).await, "revision");
    for verb in ["now", "skip", "anyway", "approve"] {
        for name in ["", "The Evening Tide", "2026-05-02"] {
            let place = format!("/admin/n/daily/issues/2026-05-02/{verb}");
            let fields = [("revision", revision.as_str()), ("name", name), ("reason", "a holiday")];
            let refused = desk.does(SEND, &place, &fields).await;
            assert!(
                refused.contains("Nothing was done.") && refused.contains("The Lamp"),
                "{verb}: {refused}"
            );
            assert!(app.issues().await.is_empty(), "{verb} under “{name}”");
        }
    }
}

async fn an_alerts_link_replaces_the_name_only_for_its_issue_before_its_time(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "editor,sender").await;
    app.add_newsletter("evening", |it| it.title = "The Evening Lamp".into()).await;
    let article = app.articles().await[0].id.to_string();
    let page = "/admin/n/daily/issues/2026-05-02";
    desk.does(page, page, &[("pin", &article)]).await;
    let revision = hidden(&desk.opens(SEND).await, "revision");
    app.run_due_twice().await;
    let alerts = app.emails_to("ines@example.org");
    let alert = alerts.iter().map(Mail::text).find(|text| text.contains("/admin/review/")).unwrap();
    let (_, token) = alert.split_once("/admin/review/").unwrap();
    let token = token.split_whitespace().next().unwrap().to_owned();
    let fields = [("revision", revision.as_str()), ("review", token.as_str())];
    let is_refused = async |what: &str, place: &str| {
        let page = desk.does(SEND, place, &fields).await;
        assert!(!page.contains("<b>Approved.</b>") && !page.contains("Going out."), "{what}: {page}");
        assert!(app.latest_issue().await.approved_at.is_none(), "{what}");
    };
    is_refused("it sends nothing at once", "/admin/n/daily/issues/2026-05-02/now").await;
    is_refused("it skips no day", "/admin/n/daily/issues/2026-05-02/skip").await;
    is_refused("it is for this newsletter", "/admin/n/evening/issues/2026-05-02/approve").await;
    is_refused("it is for this day", "/admin/n/daily/issues/2026-05-03/approve").await;
    app.clock.set("2026-05-02T07:00:00Z".parse().unwrap());
    let asked = desk.get("/admin/me").await;
    assert!(asked.location.is_some(), "the session has ended overnight");
    let desk = app.operator("Tom", "sender").await;
    let page = desk.does(SEND, APPROVE, &fields).await;
    assert!(page.contains("Nothing was done."), "its time has come, so the name is asked for: {page}");
    assert!(app.issues().await.iter().all(|issue| issue.approved_at.is_none()));
}

async fn an_issue_goes_out_although_not_everything_is_set_up(engine: Engine) {
    let app = newsroom(engine, |settings| settings.schedule.require_ready = true).await;
    let desk = app.operator("Ines", "sender").await;
    let anyway = "/admin/n/daily/issues/2026-05-02/anyway";
    let check = "/admin/n/daily/issues/2026-05-02/check";
    let again = desk.submits_on(SEND, check, &[]).await;
    assert_eq!(again.location.as_deref(), Some("/admin/n/daily/issues/2026-05-02/send#checks"));
    let noted = desk.does(SEND, anyway, &[("name", "The Lamp")]).await;
    assert!(noted.contains("<b>Noted.</b>"), "{noted}");
    assert!(app.latest_issue().await.anyway);
    skip_issue(&app.app.actions, &OPERATOR, app.latest_issue().await.id, "a holiday").await.unwrap();
    let late = desk.submits_on("/admin/me", anyway, &[("name", "The Lamp")]).await;
    assert_eq!(late.page.status, 303);
    assert!(desk.opens("/admin/me").await.contains("Nothing was done."));
}

async fn an_earlier_issue_that_waits_hides_nothing(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    app.change_newsletter(|it| it.needs_approval = false).await;
    app.send_issue().await;
    let yesterday = app.latest_issue().await.id;
    app.clock.set("2026-05-02T07:00:00Z".parse().unwrap());
    for title in ["Rain at last", "A new mayor", "The whale"] {
        app.article(title).await;
    }
    let today = app.send(&app.newsletter().await).await;
    with_scheduler(&app).await;
    // As if relays had stopped in the middle of both.
    app.store().await.set_deliveries("queued").await;
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    for (issue, status) in [(yesterday, IssueStatus::Held), (today, IssueStatus::Sending)] {
        let why = Some("6 in 100 were refused");
        assert!(issues::advance(&mut tx, issue, IssueStatus::Sent, status, why, now).await.unwrap());
    }
    tx.commit().await.unwrap();
    let desk = app.operator("Ines", "sender").await;
    let page = desk.opens("/admin").await;
    assert!(page.contains("Saturday 2 May") && page.contains("The first copies are leaving"), "{page}");
    assert!(page.contains("Fri 1 May’s issue has stopped"), "{page}");
    for date in ["2026-05-01", "2026-05-02"] {
        assert!(page.contains(&format!("href=\"/admin/n/daily/issues/{date}/live\"")), "{date}: {page}");
    }
    let live = "/admin/n/daily/issues/2026-05-02/live";
    assert_eq!(desk.get("/admin/n/daily/live").await.location.as_deref(), Some(live));
    let page = desk.opens(live).await;
    assert!(page.contains("Also on its way") && page.contains("/issues/2026-05-01/live"), "{page}");
    let page = desk.does(live, "/admin/n/daily/issues/2026-05-02/pause", &[]).await;
    assert!(page.contains("<b>Paused.</b>"), "{page}");
    assert_eq!(app.issue(today).await.status, IssueStatus::Paused);
    let fields = [("name", "The Lamp"), ("reason", "a wrong picture")];
    let page = desk.does(live, "/admin/n/daily/issues/2026-05-02/cancel", &fields).await;
    assert!(page.contains("<b>Cancelled.</b>") && page.contains("a wrong picture"), "{page}");
    // Nothing is left of today's, so the next one is what counts again.
    let page = desk.opens("/admin").await;
    assert!(!page.contains("The first copies are leaving") && page.contains("Sunday 3 May"), "{page}");
    let held = "/admin/n/daily/issues/2026-05-01/live";
    assert_eq!(desk.get("/admin/n/daily/live").await.location.as_deref(), Some(held));
    let page = desk.does(held, "/admin/n/daily/issues/2026-05-01/resume", &[]).await;
    assert!(page.contains("<b>Resumed.</b>"), "{page}");
    app.wait_for_status(yesterday, IssueStatus::Sent).await;
}

async fn tests_are_listed_with_the_issue_and_the_revision_they_showed(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "editor").await;
    let group: Vec<String> = (1..=20).map(|number| format!("desk{number}@example.net")).collect();
    let test = |date: &str| format!("/admin/n/daily/issues/{date}/test");
    let first = hidden(&desk.opens("/admin/n/daily/issues/2026-05-02").await, "revision");
    desk.does(SEND, &test("2026-05-02"), &[("to", &group.join(","))]).await;
    app.settle().await;
    let page = desk.opens(SEND).await;
    for address in &group {
        assert!(page.contains(&format!(">{address}<")), "every answer is shown, also {address}'s: {page}");
    }
    app.article("A whale").await;
    let second = hidden(&desk.opens("/admin/n/daily/issues/2026-05-02").await, "revision");
    assert_ne!(first[..8], second[..8]);
    desk.does(SEND, &test("2026-05-02"), &[("to", "phone@example.net")]).await;
    let later = "/admin/n/daily/issues/2026-05-04/send";
    desk.does(later, &test("2026-05-04"), &[("to", "tablet@example.net")]).await;
    app.settle().await;
    assert!(app.issues().await.is_empty(), "a test begins no issue");
    let tests_on = async |place: &str| {
        let page = desk.opens(place).await;
        page.split_once("data-part=\"tests\"").unwrap().1.split_once("</section>").unwrap().0.to_owned()
    };
    let list = tests_on(SEND).await;
    assert!(list.contains("phone@example.net") && !list.contains("tablet@example.net"), "{list}");
    assert_eq!((list.matches(&first[..8]).count(), list.matches(&second[..8]).count()), (20, 1), "{list}");
    let list = tests_on(later).await;
    assert!(list.contains("tablet@example.net") && !list.contains("phone@example.net"), "{list}");
}
