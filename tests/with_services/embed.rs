//! The signup box on a page of another origin, in a real browser.

use crate::support::{Engine, app::TestApp, browser::Browser, eventually};
use daily::domain::{subscriber::subscription::SubscriptionStatus, theme::Colour};
use fantoccini::Locator;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

/// A publisher's server with one article, which carries the box as docs/guides/signup-box.md has it.
struct Publisher {
    server: MockServer,
}

impl Publisher {
    async fn start() -> Self {
        Self { server: MockServer::start().await }
    }

    fn origin(&self) -> String {
        self.server.uri()
    }

    /// Serves the article, with a policy that allows the box and nothing else.
    async fn publish(&self, daily: &str, language: &str, form_action: &str) {
        let policy = format!(
            "default-src 'none'; script-src {daily}; connect-src {daily}; form-action {form_action}; style-src 'self'; \
             base-uri 'none'"
        );
        let page = format!(
            r#"<!doctype html><html lang="{language}"><meta charset="utf-8"><title>The bridge</title>
<link rel="stylesheet" href="/aggressive.css">
<main><h1>The bridge</h1>
<form data-daily method="post" action="{daily}/subscribe">
  <label for="daily-email">Keep up with the latest daily buzz</label>
  <input id="daily-email" type="email" name="email" autocomplete="email" required maxlength="254">
  <button type="submit">Sign up</button>
</form></main>
<script src="{daily}/embed.js" async></script></html>"#
        );
        let answer = ResponseTemplate::new(200)
            .insert_header("content-security-policy", policy.as_str())
            .set_body_raw(page, "text/html");
        Mock::given(path("/article")).respond_with(answer).mount(&self.server).await;
        // A style sheet that overrides everything it can reach.
        let aggressive = "*, div, form, input, button { color: lime !important; background: red !important; \
                          padding: 0 !important; font: 9px/1 fantasy !important; display: inline !important }";
        let answer = ResponseTemplate::new(200).set_body_raw(aggressive, "text/css");
        Mock::given(path("/aggressive.css")).respond_with(answer).mount(&self.server).await;
    }
}

async fn app_for(origins: Vec<String>) -> TestApp {
    TestApp::start_with(Engine::Sqlite, |settings| settings.http.allowed_origins = origins).await
}

/// Returns the first element with this selector in the box, whose elements are in a shadow root.
const IN_BOX: &str = "const found = selector => [...document.querySelectorAll('div')].map(it => \
                      it.shadowRoot?.querySelector(selector)).find(it => it);";

/// Waits until the box is there.
async fn opens(browser: &Browser, article: &str) {
    browser.client().goto(article).await.unwrap();
    eventually("the box is there", || async {
        let script = format!("{IN_BOX} return Boolean(found('input'))");
        let there = browser.client().execute(&script, vec![]).await.ok()?;
        (there == true).then_some(())
    })
    .await;
}

async fn enter(browser: &Browser, address: &str) {
    let focus = format!("{IN_BOX} const field = found('input'); field.value = ''; field.focus();");
    browser.client().execute(&focus, vec![]).await.unwrap();
    // Keys go to the focused field, as on a keyboard.
    let body = browser.client().active_element().await.unwrap();
    body.send_keys(address).await.unwrap();
    body.send_keys("\u{e007}").await.unwrap(); // Enter
}

/// Waits until the box shows this text.
async fn says(browser: &Browser, words: &str) {
    eventually(&format!("the box says {words}"), || async {
        let script = format!("{IN_BOX} return found('[role=status]')?.textContent");
        let text = browser.client().execute(&script, vec![]).await.ok()?;
        text.as_str()?.contains(words).then_some(())
    })
    .await;
}

/// Presses a button of the box.
async fn press(browser: &Browser, label: &str) {
    let script = format!(
        "{IN_BOX} const root = found('section').getRootNode(); \
         [...root.querySelectorAll('button')].find(it => it.textContent === arguments[0]).click()"
    );
    browser.client().execute(&script, vec![label.into()]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_box_signs_up_from_another_origin_under_a_strict_policy() {
    let publisher = Publisher::start().await;
    let app = app_for(vec![publisher.origin()]).await;
    app.change_newsletter(|it| it.theme.accent = Colour::parse("#7a1f2b")).await;
    publisher.publish(&app.url, "de", &app.url).await;
    let browser = Browser::start().await;
    let page = browser.client();
    opens(&browser, &format!("{}/article?secret=1", publisher.origin())).await;
    browser.screenshot("box-idle").await;

    enter(&browser, "ann@localhost").await;
    says(&browser, "Der Teil nach dem @ ist kein Domainname").await;
    let script = format!(
        "{IN_BOX} const field = found('input'), button = found('button'), root = field.getRootNode(); \
         return [field.getAttribute('aria-invalid'), root.activeElement === field, \
         root.getElementById(field.getAttribute('aria-describedby')).textContent.length > 0, \
         getComputedStyle(button).backgroundColor, getComputedStyle(field).display !== 'inline', \
         root.getElementById(found('section').getAttribute('aria-labelledby')).textContent, document.cookie]"
    );
    let seen = page.execute(&script, vec![]).await.unwrap();
    let name = "Daily direkt ins Postfach";
    assert_eq!(seen, serde_json::json!(["true", true, true, "rgb(122, 31, 43)", true, name, ""]));
    browser.screenshot("box-error").await;

    enter(&browser, "ann@example.org").await;
    says(&browser, "Sehen Sie in Ihr Postfach").await;
    let script = format!(
        "{IN_BOX} const told = found('[role=status]'); return [told.getRootNode().activeElement === told, told.textContent.includes('ann@example.org'), Boolean(found('form'))]"
    );
    let seen = page.execute(&script, vec![]).await.unwrap();
    assert_eq!(
        seen,
        serde_json::json!([true, true, false]),
        "the answer replaces the form and takes the focus"
    );
    browser.screenshot("box").await;
    assert_eq!(page.current_url().await.unwrap().path(), "/article", "the reader stays on the article");
    assert_eq!(app.status_of("ann@example.org").await, Some(SubscriptionStatus::Pending));
    let mut tx = app.app.db.read().await.unwrap();
    let ann = daily::domain::subscriber::email_address::EmailAddress::parse("ann@example.org").unwrap();
    let found = daily::db::subscribers::for_address(&mut tx, &ann).await.unwrap();
    let history = daily::db::subscribers::consent_history(&mut tx, found[0].id).await.unwrap();
    let source = format!("{}/article", publisher.origin());
    assert_eq!(history[0].source_url.as_deref(), Some(source.as_str()), "without what follows the path");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_attack_the_box_solves_a_challenge_and_the_reader_stays() {
    let publisher = Publisher::start().await;
    let origins = vec![publisher.origin()];
    let app = TestApp::start_with(Engine::Sqlite, |settings| {
        settings.http.allowed_origins = origins;
    })
    .await;
    app.begin_attack().await;
    publisher.publish(&app.url, "en", &app.url).await;
    let browser = Browser::start().await;
    opens(&browser, &format!("{}/article", publisher.origin())).await;
    enter(&browser, "ann@example.org").await;
    says(&browser, "Check your inbox").await;
    assert_eq!(browser.client().current_url().await.unwrap().path(), "/article");
    assert_eq!(app.status_of("ann@example.org").await, Some(SubscriptionStatus::Pending));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_box_asks_about_a_slip_and_takes_either_answer() {
    let publisher = Publisher::start().await;
    let app = app_for(vec![publisher.origin()]).await;
    publisher.publish(&app.url, "fr", &app.url).await;
    let browser = Browser::start().await;
    for (label, signed_up) in
        [("Garder ma saisie", "ann@gmial.com"), ("Utiliser ann@gmail.com", "ann@gmail.com")]
    {
        opens(&browser, &format!("{}/article", publisher.origin())).await;
        enter(&browser, "ann@gmial.com").await;
        says(&browser, "Vouliez-vous dire ann@gmail.com\u{a0}?").await;
        browser.screenshot("box-slip").await;
        press(&browser, label).await;
        says(&browser, "Consultez votre boîte").await;
        assert_eq!(app.status_of(signed_up).await, Some(SubscriptionStatus::Pending), "{label}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_readers_who_prefer_the_dark_the_box_is_as_dark_as_its_page() {
    let publisher = MockServer::start().await;
    let app = app_for(vec![publisher.uri()]).await;
    let browser = Browser::dark_phone().await;
    for (name, style, is_dark) in [
        ("plain", "", false),
        ("light", "body{background:#fafafa}", false),
        ("dark", "html{background:#1b1b1b}", true),
        ("following", ":root{color-scheme:light dark}", true),
    ] {
        let article = format!(
            "<!doctype html><html lang=\"en\"><title>The bridge</title><style>{style}</style>\
             <form data-daily method=\"post\" action=\"{0}/subscribe\"><input type=\"email\" name=\"email\"></form>\
             <script src=\"{0}/embed.js\" async></script></html>",
            app.url
        );
        let answer = ResponseTemplate::new(200).set_body_raw(article, "text/html");
        Mock::given(path(format!("/{name}"))).respond_with(answer).mount(&publisher).await;
        opens(&browser, &format!("{}/{name}", publisher.uri())).await;
        let script = format!(
            "{IN_BOX} const [red] = getComputedStyle(found('section')).backgroundColor.match(/\\d+/g); return red < 128"
        );
        assert_eq!(browser.client().execute(&script, vec![]).await.unwrap(), is_dark, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_the_box_is_a_plain_form() {
    let publisher = Publisher::start().await;
    let app = app_for(vec![publisher.origin()]).await;
    publisher.publish(&app.url, "en", &app.url).await;
    let browser = Browser::without_scripts().await;
    browser.client().goto(&format!("{}/article", publisher.origin())).await.unwrap();
    let field = browser.client().find(Locator::Css("input[type=email]")).await.unwrap();
    field.send_keys("ann@example.org\u{e007}").await.unwrap();
    browser.client().wait().for_element(Locator::XPath("//h1[text()='Check your inbox']")).await.unwrap();
    assert_eq!(app.status_of("ann@example.org").await, Some(SubscriptionStatus::Pending));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_origin_that_is_not_allowed_the_box_hands_over_to_our_page() {
    let publisher = Publisher::start().await;
    let app = app_for(Vec::new()).await;
    publisher.publish(&app.url, "en", &app.url).await;
    let browser = Browser::start().await;
    let page = browser.client();
    opens(&browser, &format!("{}/article", publisher.origin())).await;
    enter(&browser, "ann@example.org").await;
    page.wait().for_element(Locator::XPath("//h1[text()='Check your inbox']")).await.unwrap();
    assert_eq!(app.status_of("ann@example.org").await, Some(SubscriptionStatus::Pending));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_lets_no_form_out_gets_a_link_to_our_page() {
    let publisher = Publisher::start().await;
    let app = app_for(Vec::new()).await;
    publisher.publish(&app.url, "en", "'none'").await;
    let browser = Browser::start().await;
    let page = browser.client();
    opens(&browser, &format!("{}/article", publisher.origin())).await;
    enter(&browser, "ann@example.org").await;
    says(&browser, "Sign up on our page instead").await;
    browser.client().execute(&format!("{IN_BOX} found('[role=status] a').click()"), vec![]).await.unwrap();
    page.wait().for_element(Locator::XPath("//h1[contains(., 'in your inbox')]")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_box_is_small_and_is_got_once() {
    let app = TestApp::start(Engine::Sqlite).await;
    let script = format!("{}/embed.js", app.url);
    let answer = app.get(&script).await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(header("cross-origin-resource-policy"), "cross-origin");
    assert!(header("cache-control").contains("public"));
    assert!(answer.headers().get("set-cookie").is_none());
    let tag = header("etag");
    let body = answer.text().await.unwrap();
    assert!(body.len() < 7_000, "{} bytes", body.len());
    for forbidden in ["innerHTML", "eval(", "cookie", "localStorage", "setAttribute(\"style", "//"] {
        assert!(!body.replace("://", "").contains(forbidden), "{forbidden}");
    }
    let again = app.client.get(&script).header("if-none-match", tag).send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.bytes().await.unwrap().len()), (304, 0));
    let page = app.get(&format!("{}/", app.url)).await.text().await.unwrap();
    let texts = app.get(&format!("{}/embed.json?lang=de", app.url)).await.text().await.unwrap();
    assert!(texts.contains("direkt ins Postfach") && texts.len() < 5_000, "{} bytes", texts.len());
    println!("transfer: box {} + {} bytes, signup page {} bytes", body.len(), texts.len(), page.len());
}
