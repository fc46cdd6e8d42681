//! Every page of operators in every view: phone and desktop, light and dark. No barriers, nothing wider than the
//! window, and a screenshot each in cargo's `target/tmp/screenshots/admin`.

use super::{
    axe::{AXE, check_page},
    bootstrapped,
    operators::{fill, newsroom, shows},
};
use crate::support::{
    TestApp,
    browser::{Browser, VIEWS},
    eventually,
    operator::{Desk, PASSWORD, hidden, key_in},
};
use daily::{
    actions::operator::links::{make_demo_link, make_link},
    domain::operator::totp,
};
use fantoccini::Client;

/// A browser that looks at each page in all views.
struct Looker<'a> {
    app: &'a TestApp,
    browser: Browser,
    axe: String,
    problems: Vec<String>,
}

impl Looker<'_> {
    fn client(&self) -> &Client {
        self.browser.client()
    }

    async fn goto(&self, path: &str) {
        self.client().goto(&format!("{}{path}", self.app.url)).await.unwrap();
    }

    /// Looks at the present page in all views.
    async fn look(&mut self, name: &str) {
        for view in VIEWS {
            self.browser.look_as(view).await;
            let wide = "return document.documentElement.scrollWidth";
            let width = self.client().execute(wide, vec![]).await.unwrap().as_u64().unwrap();
            if width > u64::from(view.width) {
                self.problems.push(format!("{name}: {width} pixels wide at {}", view.width));
            }
            check_page(&self.browser, &self.axe, &format!("{name} {view:?}"), &mut self.problems).await;
            self.browser.whole_page(&format!("admin/{name}"), view).await;
        }
        self.browser.look_as(VIEWS[2]).await;
    }

    async fn open(&mut self, name: &str, path: &str) {
        self.goto(path).await;
        self.look(name).await;
    }

    /// Signs an operator in, as the link of `daily demo` does.
    async fn sign_in(&self, address: &str) {
        let operator = self.app.operator_record(address).await.id;
        let token = make_demo_link(&self.app.app.actions, operator).await.unwrap();
        self.goto(&format!("/admin/demo/{token}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_no_barriers_and_fit_every_screen() {
    let app = newsroom().await;
    let ada = app.operator("Ada", "editor,sender,admin").await;
    let tom = app.operator("Tom", "editor").await;
    app.account("new@example.org", "editor").await;
    prepare(&app, &ada).await;
    let axe = std::fs::read_to_string(bootstrapped(AXE)).unwrap();
    let mut looker = Looker { app: &app, browser: Browser::start().await, axe, problems: Vec::new() };
    first_sign_in(&mut looker).await;
    looker.sign_in("ada@example.org").await;
    let issue = "/admin/n/daily/issues/2026-05-02";
    for (name, path) in [
        ("today", "/admin/n/daily"),
        ("today-blocked", "/admin/n/evening"),
        ("issue", issue),
        ("edit", &*format!("{issue}/edit")),
        ("edit-story", &*format!("{issue}/edit?story=4")),
        ("preview", &*format!("{issue}/preview")),
        ("preview-text", &*format!("{issue}/preview?view=text")),
        ("send", &*format!("{issue}/send")),
        ("send-blocked", "/admin/n/evening/issues/2026-05-02/send"),
        ("live", "/admin/n/daily/live"),
        ("report", "/admin/n/daily/issues/2026-05-01/report"),
        ("calendar", "/admin/n/daily/calendar"),
        ("readers", "/admin/n/daily/readers"),
        ("readers-none", "/admin/n/daily/readers?q=nobody%40example.org"),
        ("reader", "/admin/n/daily/readers/1"),
        ("suppressions", "/admin/n/daily/suppressions"),
        ("import", "/admin/n/daily/import"),
        ("import-columns", "/admin/n/daily/import/1"),
        ("import-result", "/admin/n/daily/import/2"),
        ("feeds", "/admin/n/daily/feeds"),
        ("newsletter", "/admin/n/daily/settings"),
        ("people", "/admin/people"),
        ("system", "/admin/system"),
        ("me", "/admin/me"),
        ("keys", "/admin/keys"),
        ("missing", "/admin/n/nowhere"),
    ] {
        looker.open(name, path).await;
    }
    conflicts(&mut looker, &tom).await;
    looker.sign_in("tom@example.org").await;
    looker.open("may-not", "/admin/people").await;
    assert!(
        looker.problems.is_empty(),
        "{} problems:\n{}",
        looker.problems.len(),
        looker.problems.join("\n")
    );
}

/// Makes what the pages show: copies that failed, a suppressed address, imports, a newsletter that can't go out.
async fn prepare(app: &TestApp, ada: &Desk<'_>) {
    app.add_newsletter("evening", |it| it.title = "The Evening Lamp".into()).await;
    let store = app.store().await;
    store.set_deliveries("failed").await;
    store.set_relays_answer("ann@example.org", "5.2.2 The mailbox of ann@example.org is full").await;
    let suppressions = "/admin/n/daily/suppressions";
    let fields = [("do", "suppress"), ("address", "eve@example.org"), ("why", "asked by phone")];
    ada.does(suppressions, suppressions, &fields).await;
    let import = "/admin/n/daily/import";
    let list = "email,status\nben@example.org,confirmed\nnobody,confirmed\n";
    for _ in 0..2 {
        ada.uploads(import, None, "readers.csv", list).await;
    }
    let second = "/admin/n/daily/import/2";
    for verb in ["try", "import"] {
        ada.submits_on(second, second, &[("do", verb)]).await;
        eventually("the list is read", || async {
            (!ada.opens(second).await.contains("data-part=\"progress\"")).then_some(())
        })
        .await;
    }
}

/// Looks at the pages before and after a password, for an account that is new.
async fn first_sign_in(looker: &mut Looker<'_>) {
    let app = looker.app;
    looker.open("sign-in", "/admin/sign-in").await;
    let operator = app.operator_record("new@example.org").await.id;
    let token = make_link(&app.app.actions, &crate::support::OPERATOR, operator).await.unwrap();
    looker.open("welcome", &format!("/admin/welcome/{token}")).await;
    for (field, text) in [("#name", "Nele"), ("#password", PASSWORD), ("#again", PASSWORD)] {
        fill(looker.client(), field, text).await;
    }
    looker.browser.press("button.filled").await;
    looker.look("second-factor").await;
    let key = key_in(&looker.client().source().await.unwrap());
    fill(looker.client(), "#code", &totp::code(&key, app.clock.now())).await;
    looker.browser.press("button.filled").await;
    looker.look("recovery-codes").await;
    looker.client().delete_all_cookies().await.unwrap();
    looker.goto("/admin/sign-in").await;
    fill(looker.client(), "#address", "new@example.org").await;
    fill(looker.client(), "#password", PASSWORD).await;
    looker.browser.press("button.filled").await;
    looker.look("code").await;
}

/// Looks at conflicts: a text, and a story, that a colleague has changed since the form was opened.
async fn conflicts(looker: &mut Looker<'_>, tom: &Desk<'_>) {
    let issue = "/admin/n/daily/issues/2026-05-02";
    let edit = format!("{issue}/edit");
    looker.goto(&edit).await;
    let revision = hidden(&tom.opens(&edit).await, "revision");
    let fields =
        [("revision", revision.as_str()), ("subject", "Rain at last"), ("preheader", ""), ("note", "")];
    assert_eq!(tom.submits_on(&edit, &edit, &fields).await.page.status, 303);
    fill(looker.client(), "#subject", "Rain, and a mayor").await;
    looker.browser.press("main button.filled").await;
    shows(looker.client(), "Two people changed the same text").await;
    looker.look("conflict-text").await;
    looker.goto(issue).await;
    let decided = hidden(&tom.opens(issue).await, "decided");
    tom.does(issue, issue, &[("decided", &decided), ("drop", "4")]).await;
    looker.browser.press("button[name=pin][value='4']").await;
    shows(looker.client(), "Two people decided about the same story").await;
    looker.look("conflict-story").await;
}
