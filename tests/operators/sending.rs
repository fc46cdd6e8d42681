//! Operators approve, send, watch and stop issues on their pages.

use crate::support::{
    Engine, TestApp, on_both_engines,
    operator::{Desk, csrf_in, hidden},
};
use daily::{
    db::engine::processes,
    domain::{issue::status::IssueStatus, token::Purpose},
};

on_both_engines!(
    an_issue_is_approved_by_its_revision_and_the_newsletters_name,
    an_alerts_link_approves_for_the_set_time_without_the_name,
    an_editor_may_not_approve_and_a_second_person_is_asked,
    a_test_is_sent_and_its_answer_is_shown,
    a_group_of_addresses_is_kept_for_tests,
    an_issue_is_sent_now_paused_resumed_and_cancelled,
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

async fn an_alerts_link_approves_for_the_set_time_without_the_name(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "editor,sender").await;
    let article = app.articles().await[0].id.to_string();
    let page = "/admin/n/daily/issues/2026-05-02";
    desk.does(page, page, &[("pin", &article)]).await;
    let issue = app.latest_issue().await;
    let revision = hidden(&desk.opens(SEND).await, "revision");
    let packed =
        daily::domain::issue::revision::Revision::parse(&revision).unwrap().pack(issue.id.0).unwrap();
    let token = app.app.operators.keys.sign(Purpose::ReviewIssue, packed);
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
    let forged = app.app.operators.keys.sign(Purpose::Test, packed);
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

async fn a_test_is_sent_and_its_answer_is_shown(engine: Engine) {
    let app = newsroom(engine, |_| {}).await;
    let desk = app.operator("Ines", "editor").await;
    let place = "/admin/n/daily/issues/2026-05-02/test";
    let page = desk.does(SEND, place, &[("to", "not an address")]).await;
    assert!(page.contains("“not” is not an email address"), "{page}");
    desk.does(SEND, place, &[("to", "desk@example.net, phone@example.net")]).await;
    app.settle().await;
    let page = desk.opens(SEND).await;
    assert!(page.contains("desk@example.net") && page.contains("Taken"), "{page}");
    assert_eq!(app.emails_to("phone@example.net").len(), 1);
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

async fn an_issue_is_sent_now_paused_resumed_and_cancelled(engine: Engine) {
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
