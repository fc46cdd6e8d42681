//! All pages: headers, errors, and the mailbox pages.

use crate::support::{Engine, TestApp, eventually};
use daily::{
    db::engine::processes,
    domain::{brand::SocialLinks, theme::Colour},
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn pages_load_nothing_from_elsewhere_and_keep_tokens_to_themselves() {
    let app = TestApp::start(Engine::Sqlite).await;
    for path in ["/", "/issues", "/confirm/x", "/unsubscribe/x", "/nowhere", &app.app.mailbox_path] {
        let answer = app.get(path).await;
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let policy = header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header("referrer-policy").as_deref(), Some("no-referrer"));
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
        assert!(header("set-cookie").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_pages_for_people_and_problem_json_for_programs() {
    let app = TestApp::start(Engine::Sqlite).await;
    let page = app.page("/nowhere").await;
    assert!(page.status == 404 && page.contains("<h1>"), "{page}");
    let answer = app.getting("/nowhere").header("accept", "application/json").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(problem["status"], 404);
    assert_eq!(app.get("/subscribe").await.status(), 405);
    let odd = app.get("/issues?before=x").await;
    assert_eq!(
        (odd.status().as_u16(), &odd.headers()["content-type"] == "text/html; charset=utf-8"),
        (400, true)
    );
    let long = app.post_json("/subscribe", &json!({ "email": "a".repeat(20_000) })).await;
    assert_eq!(
        (long.status().as_u16(), &long.headers()["content-type"] == "application/problem+json"),
        (413, true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_input_is_shown_as_text() {
    let app = TestApp::start(Engine::Sqlite).await;
    let page = app.submit("/subscribe", &[("email", "\"><script>alert(1)</script>")]).await;
    assert_eq!(page.status, 422);
    assert!(!page.contains("<script>"), "{page}");
    assert!(page.contains("&lt;script&gt;"));
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_needs_a_live_worker() {
    let app = TestApp::start(Engine::Sqlite).await;
    assert_eq!(app.get("/healthz").await.status(), 200);
    eventually("the worker is found", || async {
        app.page("/readyz").await.contains("no scheduler").then_some(())
    })
    .await;
    // Only this machine gets the reason.
    let proxied = app.getting("/readyz").header("x-forwarded-for", "203.0.113.9").send().await.unwrap();
    assert_eq!((proxied.status().as_u16(), &*proxied.text().await.unwrap()), (503, "not ready\n"));
    let mut tx = app.app.db.begin().await.unwrap();
    processes::heartbeat(&mut tx, "another", "scheduler", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let ready = app.page("/readyz").await;
    assert_eq!((ready.status, &*ready), (200, "ready\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_shows_every_email_in_four_ways() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    let mailbox = &app.app.mailbox_path;
    let list = app.page(mailbox).await;
    assert!(list.contains("ann@example.org"));
    let start = list.find(&format!("href=\"{mailbox}/")).expect("a mail") + "href=\"".len();
    let mail = &list[start..start + list[start..].find('"').unwrap()];
    for (view, shows) in [
        ("html", "<iframe"),
        ("text", "/confirm/"),
        ("headers", "Message-ID:"),
        ("source", "Content-Transfer-Encoding"),
    ] {
        let page = app.page(&format!("{mail}?view={view}")).await;
        assert!(page.contains(shows), "{view}");
    }
    let framed = app.get(&format!("{mail}/html")).await;
    let policy = framed.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
    assert!(framed.text().await.unwrap().contains("/confirm/"));
    for (name, value) in
        [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=x"), ("host", "evil.example")]
    {
        let answer = app.getting(mailbox).header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{name}");
    }
    // A proxy without headers of its own makes every client look local, but the address is a secret.
    for guess in ["/mailbox", "/mailbox/0123456789abcdef0123456789abcdef", "/mailbox/1-a.eml"] {
        assert_eq!(app.get(guess).await.status(), 404, "{guess}");
    }
    for outside in ["..%2Fsecret.key", "x", ".eml", "..eml"] {
        assert_eq!(app.get(&format!("{mailbox}/{outside}")).await.status(), 404, "{outside}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_service_shows_no_mailbox() {
    let app = TestApp::start_with(Engine::Sqlite, |settings| {
        settings.http.public_url = "https://news.example.org".into();
    })
    .await;
    assert_eq!(app.get(&app.app.mailbox_path).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mailbox_relay_there_is_no_mailbox_page() {
    let app = TestApp::with_relay(Engine::Sqlite, "smtp://127.0.0.1:1").await;
    assert_eq!(app.get(&app.app.mailbox_path).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_carry_the_publishers_brand() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.change_newsletter(|it| {
        it.theme.accent = Colour::parse("#ffd400");
        it.theme.logo_url = Some("https://pictures.example/logo.png".parse().unwrap());
        it.brand.site_url = Some("https://www.lamp.example/".parse().unwrap());
        it.brand.privacy_url = Some("https://www.lamp.example/privacy".parse().unwrap());
        it.brand.footer = Some("The Lamp Company".into());
        it.brand.social = SocialLinks::parse("Mastodon=https://social.example/@lamp").unwrap();
    })
    .await;
    let answer = app.get("/").await;
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        policy.contains("img-src 'self' https://pictures.example; ") && policy.contains("style-src 'self';"),
        "{policy}"
    );
    let page = answer.text().await.unwrap();
    for part in [
        "href=\"https://www.lamp.example/\" lang=\"en\"><img src=\"https://pictures.example/logo.png\" alt=\"Daily\"",
        ">lamp.example</a>",
        "https://www.lamp.example/privacy",
        "The Lamp Company",
        "https://social.example/@lamp",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("style=") && !page.contains("<style"), "{page}");
    // Style sheets and icons are kept forever: their addresses change with them.
    for start in ["/assets/style/", "/assets/brand/ffd400-serif-", "/assets/icon/ffd400-D"] {
        let from = page.find(&format!("href=\"{start}")).expect(start) + "href=\"".len();
        let path = page[from..].split('"').next().unwrap();
        let file = app.get(path).await;
        assert_eq!(
            (
                file.status().as_u16(),
                &file.headers()["cache-control"] == "public, max-age=31536000, immutable"
            ),
            (200, true),
            "{path}"
        );
    }
    // Browsers ask for this one by themselves.
    let favicon = app.get("/favicon.ico").await;
    assert_eq!(
        (favicon.status().as_u16(), &favicon.headers()["location"] == "/assets/icon/ffd400-D.svg"),
        (307, true)
    );
    let other = app.get("/assets/brand/ffd400-serif-older.css").await;
    assert_eq!(
        (other.status().as_u16(), &other.headers()["cache-control"] == "public, max-age=300"),
        (200, true)
    );
    for wrong in [
        "/assets/brand/x.css",
        "/assets/brand/ffd400-comic-x.css",
        "/assets/icon/ffd400-%3C.svg",
        "/assets/icon/x.svg",
    ] {
        assert_eq!(app.get(wrong).await.status(), 404, "{wrong}");
    }
    // Errors have the brand, too, and search engines may read what is public.
    assert!(app.page("/nowhere").await.contains("pictures.example/logo.png"));
    let robots = app.page("/robots.txt").await;
    assert!(
        robots.contains("Disallow: /embed") && robots.contains(&format!("Sitemap: {}/sitemap.xml", app.url))
    );
    assert!(!app.page("/").await.contains("noindex") && app.page("/embed").await.contains("noindex"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_in_the_language_of_the_query_or_the_browser() {
    let app = TestApp::start(Engine::Sqlite).await;
    let german = app.getting("/nowhere?lang=de-AT").header("accept-language", "fr").send().await.unwrap();
    assert_eq!(german.headers()["content-language"], "de");
    let page = german.text().await.unwrap();
    assert!(page.contains("<html lang=\"de\"") && page.contains("Nicht gefunden"), "{page}");
    let french =
        app.getting("/nowhere?lang=xx").header("accept-language", "fr").header("accept", "application/json");
    let problem: Value = serde_json::from_str(&french.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!((&problem["status"], &problem["title"]), (&json!(404), &json!("Introuvable")));
    app.change_newsletter(|it| it.language = "es".into()).await;
    let page = app.page("/confirm/x").await;
    assert!(page.contains("<html lang=\"es\""), "a browser that asks for none gets the newsletter's: {page}");
}
