//! Which permission each route asks for, tried by every role and by nobody.

use crate::support::{Engine, TestApp, on_both_engines, operator::csrf_in};
use daily::domain::operator::role::{Permission as P, Role};
use std::collections::BTreeSet;

on_both_engines!(each_route_asks_for_its_permission);

/// The source of the routes.
const ROUTES: &str = include_str!("../../src/web/admin/mod.rs");

/// Routes that need no account, or check one in their own way.
const OPEN: [(&str, &str); 13] = [
    ("GET", "/admin/sign-in"),
    ("POST", "/admin/sign-in"),
    ("GET", "/admin/sign-in/code"),
    ("POST", "/admin/sign-in/code"),
    ("GET", "/admin/sign-in/second-factor"),
    ("POST", "/admin/sign-in/second-factor"),
    ("GET", "/admin/sign-in/oidc"),
    ("GET", "/admin/sign-in/oidc/callback"),
    ("POST", "/admin/sign-out"),
    ("GET", "/admin/welcome/{token}"),
    ("POST", "/admin/welcome/{token}"),
    ("GET", "/admin/demo/{token}"),
    ("GET", "/admin/assets/{name}"),
];

/// Method, route, a field that says which action it is, and the permission.
type Row = (&'static str, &'static str, Option<(&'static str, &'static str)>, P);

const TABLE: &[Row] = &[
    ("GET", "/admin", None, P::See),
    ("GET", "/admin/me", None, P::See),
    ("POST", "/admin/me", None, P::See),
    ("GET", "/admin/keys", None, P::See),
    ("GET", "/admin/review/{token}", None, P::See),
    ("GET", "/admin/n/{slug}", None, P::See),
    ("GET", "/admin/n/{slug}/issues", None, P::See),
    ("GET", "/admin/n/{slug}/issues/{date}", None, P::See),
    ("POST", "/admin/n/{slug}/issues/{date}", Some(("seen", "1")), P::See),
    ("POST", "/admin/n/{slug}/issues/{date}", Some(("pin", "1")), P::EditIssue),
    ("POST", "/admin/n/{slug}/issues/{date}", Some(("drop", "1")), P::EditIssue),
    ("POST", "/admin/n/{slug}/issues/{date}", Some(("undo", "1")), P::EditIssue),
    ("POST", "/admin/n/{slug}/issues/{date}", Some(("revert", "1")), P::EditIssue),
    ("POST", "/admin/n/{slug}/issues/{date}", Some(("up", "1")), P::EditIssue),
    ("POST", "/admin/n/{slug}/issues/{date}", Some(("down", "1")), P::EditIssue),
    ("POST", "/admin/n/{slug}/issues/{date}", Some(("url", "no address")), P::EditStories),
    ("GET", "/admin/n/{slug}/issues/{date}/edit", None, P::EditIssue),
    ("POST", "/admin/n/{slug}/issues/{date}/edit", None, P::EditIssue),
    ("GET", "/admin/n/{slug}/issues/{date}/email", None, P::See),
    ("GET", "/admin/n/{slug}/issues/{date}/preview", None, P::See),
    ("GET", "/admin/n/{slug}/issues/{date}/send", None, P::See),
    ("GET", "/admin/n/{slug}/issues/{date}/send/events", None, P::See),
    ("POST", "/admin/n/{slug}/issues/{date}/check", None, P::See),
    ("POST", "/admin/n/{slug}/issues/{date}/test", None, P::SendTest),
    ("POST", "/admin/n/{slug}/issues/{date}/groups", None, P::SendTest),
    ("POST", "/admin/n/{slug}/issues/{date}/approve", None, P::SendIssue),
    ("POST", "/admin/n/{slug}/issues/{date}/now", None, P::SendIssue),
    ("POST", "/admin/n/{slug}/issues/{date}/anyway", None, P::SendIssue),
    ("POST", "/admin/n/{slug}/issues/{date}/skip", None, P::SendIssue),
    ("POST", "/admin/n/{slug}/issues/{date}/pause", None, P::SendIssue),
    ("POST", "/admin/n/{slug}/issues/{date}/resume", None, P::SendIssue),
    ("POST", "/admin/n/{slug}/issues/{date}/cancel", None, P::SendIssue),
    ("GET", "/admin/n/{slug}/issues/{date}/report", None, P::See),
    ("GET", "/admin/n/{slug}/issues/{date}/report/figures.csv", None, P::See),
    ("POST", "/admin/n/{slug}/issues/{date}/settle", Some(("as", "sent")), P::SendIssue),
    ("POST", "/admin/n/{slug}/issues/{date}/resend", None, P::SendIssue),
    ("GET", "/admin/n/{slug}/live", None, P::See),
    ("GET", "/admin/n/{slug}/issues/{date}/live", None, P::See),
    ("GET", "/admin/n/{slug}/issues/{date}/live/events", None, P::See),
    ("GET", "/admin/notice/{token}", None, P::See),
    ("GET", "/admin/n/{slug}/reports", None, P::See),
    ("GET", "/admin/n/{slug}/calendar", None, P::See),
    ("GET", "/admin/n/{slug}/search", None, P::SeeReaders),
    ("GET", "/admin/n/{slug}/readers", None, P::SeeReaders),
    ("POST", "/admin/n/{slug}/readers", None, P::ChangeReaders),
    ("GET", "/admin/n/{slug}/readers/{id}", None, P::SeeReaders),
    ("POST", "/admin/n/{slug}/readers/{id}", Some(("do", "pause")), P::ChangeReaders),
    ("POST", "/admin/n/{slug}/readers/{id}", Some(("do", "resume")), P::ChangeReaders),
    ("POST", "/admin/n/{slug}/readers/{id}", Some(("do", "leave")), P::ChangeReaders),
    ("POST", "/admin/n/{slug}/readers/{id}", Some(("do", "unsubscribe")), P::ChangeReaders),
    ("POST", "/admin/n/{slug}/readers/{id}", Some(("do", "suppress")), P::ChangeReaders),
    ("POST", "/admin/n/{slug}/readers/{id}", Some(("do", "unsuppress")), P::ChangeReaders),
    ("POST", "/admin/n/{slug}/readers/{id}", Some(("do", "erase")), P::ChangeReaders),
    ("GET", "/admin/n/{slug}/suppressions", None, P::SeeReaders),
    ("POST", "/admin/n/{slug}/suppressions", Some(("do", "suppress")), P::ChangeReaders),
    ("POST", "/admin/n/{slug}/suppressions", Some(("do", "lift")), P::ChangeReaders),
    ("GET", "/admin/n/{slug}/import", None, P::ChangeReaders),
    ("POST", "/admin/n/{slug}/import", None, P::ChangeReaders),
    ("GET", "/admin/n/{slug}/import/{id}", None, P::ChangeReaders),
    ("POST", "/admin/n/{slug}/import/{id}", None, P::ChangeReaders),
    ("GET", "/admin/n/{slug}/import/{id}/events", None, P::ChangeReaders),
    ("GET", "/admin/n/{slug}/import/{id}/left-out.csv", None, P::ChangeReaders),
    ("GET", "/admin/n/{slug}/feeds", None, P::See),
    ("POST", "/admin/n/{slug}/feeds", Some(("feed", "no address")), P::EditStories),
    ("POST", "/admin/n/{slug}/feeds", Some(("story", "no address")), P::EditStories),
    ("POST", "/admin/n/{slug}/feeds", Some(("do", "pin")), P::EditStories),
    ("POST", "/admin/n/{slug}/feeds", Some(("do", "unpin")), P::EditStories),
    ("POST", "/admin/n/{slug}/feeds", Some(("do", "hide")), P::EditStories),
    ("POST", "/admin/n/{slug}/feeds", Some(("do", "show")), P::EditStories),
    ("POST", "/admin/n/{slug}/feeds", Some(("do", "try")), P::EditStories),
    ("POST", "/admin/n/{slug}/feeds", Some(("do", "accept")), P::EditStories),
    ("POST", "/admin/n/{slug}/feeds", Some(("do", "remove")), P::EditStories),
    ("GET", "/admin/n/{slug}/settings", None, P::See),
    ("POST", "/admin/n/{slug}/settings", None, P::ChangeNewsletter),
    ("GET", "/admin/n/{slug}/settings/look", None, P::See),
    ("POST", "/admin/n/{slug}/settings/look", None, P::ChangeNewsletter),
    ("GET", "/admin/people", None, P::ManagePeople),
    ("POST", "/admin/people", Some(("do", "invite")), P::ManagePeople),
    ("POST", "/admin/people", Some(("do", "change")), P::ManagePeople),
    ("POST", "/admin/people", Some(("do", "link")), P::ManagePeople),
    ("POST", "/admin/people", Some(("do", "end")), P::ManagePeople),
    ("POST", "/admin/people", Some(("do", "end-one")), P::ManagePeople),
    ("POST", "/admin/people", Some(("do", "reset")), P::ManagePeople),
    ("POST", "/admin/people", Some(("do", "unlink")), P::ManagePeople),
    ("POST", "/admin/people", Some(("do", "remove")), P::ManagePeople),
    ("GET", "/admin/system", None, P::SeeSystem),
    ("POST", "/admin/system", None, P::SeeSystem),
];

/// Returns the methods and paths of all routes in the source.
fn routes() -> BTreeSet<(&'static str, &'static str)> {
    let mut found = BTreeSet::new();
    for route in ROUTES.split(".route(").skip(1) {
        let (path, handlers) = route.split_once('"').unwrap().1.split_once('"').unwrap();
        let handlers = handlers.split(".layer(").next().unwrap();
        for (method, sign) in [("GET", "get("), ("POST", "post(")] {
            if handlers.contains(&format!(" {sign}")) || handlers.contains(&format!(".{sign}")) {
                found.insert((method, path));
            }
        }
    }
    found
}

#[test]
fn the_table_has_every_route() {
    let routes = routes();
    let table: BTreeSet<(&str, &str)> =
        TABLE.iter().map(|(method, path, ..)| (*method, *path)).chain(OPEN).collect();
    assert_eq!(routes.difference(&table).collect::<Vec<_>>(), [&("", ""); 0], "not in the table");
    assert_eq!(table.difference(&routes).collect::<Vec<_>>(), [&("", ""); 0], "no such route");
    assert!(routes.len() > 60, "{}", routes.len());
}

fn place(path: &str) -> String {
    let path = path.replace("{slug}", "daily").replace("{date}", "2026-05-02");
    path.replace("{id}", "999").replace("{token}", "x")
}

async fn each_route_asks_for_its_permission(engine: Engine) {
    let app = TestApp::start(engine).await;
    for role in Role::ALL {
        let desk = app.operator(role.as_str(), role.as_str()).await;
        let token = csrf_in(&desk.opens("/admin/me").await);
        for (method, path, action, permission) in TABLE {
            let what = format!("{role}: {method} {path} {action:?}");
            let place = place(path);
            let status = if *method == "GET" {
                desk.status(&place).await
            } else {
                let fields: Vec<(&str, &str)> =
                    [("csrf", token.as_str())].into_iter().chain(*action).collect();
                let page = desk.posts(&place, &fields).await.page;
                // A form that its own page didn't send is refused with 403, too, and no role changes that.
                if page.status == 403 && page.contains("This form is too old") { 400 } else { page.status }
            };
            assert_eq!(status != 403, role.allows(*permission), "{what}: {status}");
            assert!(status < 500, "{what}: {status}");
        }
    }
    let nobody = app.desk("nobody@example.org");
    for (method, path, action, _) in TABLE {
        let fields: Vec<(&str, &str)> = action.iter().copied().collect();
        let place = place(path);
        let reply =
            if *method == "GET" { nobody.get(&place).await } else { nobody.posts(&place, &fields).await };
        let location = reply.location.unwrap_or_default();
        assert!(location.starts_with("/admin/sign-in?"), "{method} {path}: {location} {}", reply.page);
    }
}
