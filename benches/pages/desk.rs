//! An operator who is signed in, and the pages they open.

use crate::installation::Installation;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{Request, header},
};
use daily::{
    actions::{
        issue::{approve_issue::approve_issue, send_issue::begin_issue},
        operator::{add_operator::add_operator, change_operator::change_operator, links::make_demo_link},
    },
    db::operators,
    domain::{actor::Actor, ids::OperatorId, subscriber::email_address::EmailAddress},
    jobs::plan_issue,
    service::run::site,
    web,
};
use jiff::civil::date;
use std::net::SocketAddr;
use tower::ServiceExt as _;

static OPERATOR: Actor = Actor::Operator { id: OperatorId(1) };

/// Before this page, tomorrow's issue is planned and approved.
pub const APPROVED: &str = "Today, approved";

/// Name and path of each page. The newsletter is the first one, and an issue is being sent today.
pub const PAGES: [(&str, &str); 33] = [
    ("Today", "/admin/n/daily"),
    ("Issue", "/admin/n/daily/issues/2026-05-05"),
    ("Edit", "/admin/n/daily/issues/2026-05-05/edit"),
    ("Preview", "/admin/n/daily/issues/2026-05-05/preview"),
    ("Email in its frame", "/admin/n/daily/issues/2026-05-05/email"),
    ("Send", "/admin/n/daily/issues/2026-05-05/send"),
    (APPROVED, "/admin/n/daily"),
    ("Issue, approved", "/admin/n/daily/issues/2026-05-05"),
    ("Send, approved", "/admin/n/daily/issues/2026-05-05/send"),
    ("Live", "/admin/n/daily/issues/2026-05-04/live"),
    ("Live, one look by events", "/admin/n/daily/issues/2026-05-04/live/events"),
    ("Issue under way", "/admin/n/daily/issues/2026-05-04"),
    ("Report of the issue under way", "/admin/n/daily/issues/2026-05-04/report"),
    ("Report of yesterday", "/admin/n/daily/issues/2026-05-03/report"),
    ("Report of a folded issue", "/admin/n/daily/issues/2026-03-30/report"),
    ("Figures as CSV", "/admin/n/daily/issues/2026-05-03/report/figures.csv"),
    ("Calendar", "/admin/n/daily/calendar"),
    ("Readers", "/admin/n/daily/readers"),
    ("Readers by beginning", "/admin/n/daily/readers?q=reader5"),
    ("Readers at a domain", "/admin/n/daily/readers?q=%40d7.example"),
    ("Readers at a domain, paged", "/admin/n/daily/readers?q=%40d7.example&after=500007"),
    ("Readers, nobody found", "/admin/n/daily/readers?q=nobody%40nowhere.example"),
    ("Reader", "/admin/n/daily/readers/500"),
    ("Import", "/admin/n/daily/import"),
    ("Stories and feeds", "/admin/n/daily/feeds"),
    ("Stories, earlier", "/admin/n/daily/feeds?before=5000"),
    ("Newsletter", "/admin/n/daily/settings"),
    ("People and audit", "/admin/people"),
    ("Audit, earlier", "/admin/people?before=20000"),
    ("System", "/admin/system"),
    ("Account", "/admin/me"),
    ("Keys", "/admin/keys"),
    ("Latest report", "/admin/n/daily/reports"),
];

pub struct Desk<'a> {
    installation: &'a Installation,
    router: Router,
    cookie: String,
}

impl<'a> Desk<'a> {
    /// Makes an account with all roles, and signs it in.
    pub async fn open(installation: &'a Installation) -> Self {
        let app = &installation.app;
        // An earlier run of the benchmark left it.
        installation.store.execute("DELETE FROM issues WHERE issue_date = '2026-05-05'").await;
        let address = EmailAddress::parse("ada@example.org").expect("an address");
        let _known = add_operator(&app.actions, &OPERATOR, &address).await.expect("an operator");
        let mut tx = app.db.read().await.expect("a transaction");
        let operator =
            operators::get_by_address(&mut tx, &address).await.expect("a query").expect("the operator");
        drop(tx);
        let roles = "viewer,editor,sender,admin".parse().expect("roles");
        change_operator(&app.actions, &OPERATOR, operator.id, "Ada", &roles, true).await.expect("an account");
        let token = make_demo_link(&app.actions, operator.id).await.expect("a link");
        let mut desk = Self { installation, router: web::router(site(app)), cookie: String::new() };
        desk.cookie = desk.get(&format!("/admin/demo/{token}")).await;
        desk
    }

    /// Opens a page. Returns the cookie that it sets.
    pub async fn get(&self, path: &str) -> String {
        let answer = self.router.clone().oneshot(self.request(path)).await.expect("an answer");
        let status = answer.status();
        let cookies = answer.headers().get_all(header::SET_COOKIE).iter().filter_map(|it| it.to_str().ok());
        let cookies: Vec<String> = cookies.filter_map(|it| it.split(';').next()).map(str::to_owned).collect();
        let cookie = cookies.join("; ");
        if path.ends_with("/events") {
            // A stream sends its first look at once.
            use futures_util::StreamExt as _;
            answer.into_body().into_data_stream().next().await.expect("a look").expect("bytes");
            return cookie;
        }
        let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a page");
        let is_elsewhere = path.ends_with("/reports") || path.contains("/demo/");
        let is_page = status.is_success()
            || status.is_redirection() && is_elsewhere
            || status == 404 && path.contains("nobody");
        assert!(is_page, "{path}: {status}: {}", String::from_utf8_lossy(&body));
        cookie
    }

    /// Waits until the copies of the issue under way are counted, which goes on in the background.
    pub async fn wait_for_tally(&self) {
        while String::from_utf8_lossy(&self.body("/admin/n/daily/issues/2026-05-04/live").await)
            .contains("being counted")
        {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }

    async fn body(&self, path: &str) -> axum::body::Bytes {
        let answer = self.router.clone().oneshot(self.request(path)).await.expect("an answer");
        to_bytes(answer.into_body(), usize::MAX).await.expect("a page")
    }

    fn request(&self, path: &str) -> Request<Body> {
        let peer = SocketAddr::from(([127, 0, 0, 1], 40_000));
        Request::get(path)
            .header(header::HOST, "localhost")
            .header(header::COOKIE, &self.cookie)
            .extension(ConnectInfo(peer))
            .body(Body::empty())
            .expect("a request")
    }

    /// Plans and approves tomorrow's issue.
    pub async fn approve_tomorrow(&self) {
        let app = &self.installation.app;
        let newsletter = self.installation.newsletter("daily").await;
        let issue =
            begin_issue(&app.actions, &OPERATOR, &newsletter, date(2026, 5, 5)).await.expect("an issue");
        plan_issue::run(&app.jobs.issues, &app.jobs.feeds, issue.id).await.expect("a plan");
        approve_issue(&app.actions, &OPERATOR, issue.id, None).await.expect("an approval");
    }
}
