//! Past issues on the web: pages, metadata, the feed, and their visibility.

use crate::support::{DAY, Engine, TestApp, on_both_engines};
use daily::domain::{issue::sections::SectionOrder, newsletter::Archive};

/// Opens a page, and returns its status, its `X-Robots-Tag` and its text.
async fn page(app: &TestApp, path: &str) -> (u16, Option<String>, String) {
    let answer = app.get(path).await;
    let robots = answer.headers().get("x-robots-tag").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), robots, answer.text().await.unwrap())
}

/// Sends an issue to Ann.
async fn send_bridge(app: &TestApp) {
    app.article("The bridge opens").await;
    app.reader("ann@example.org").await;
    app.send_issue().await;
}

on_both_engines!(
    the_feed_is_atom_and_has_the_newest_issues_first,
    an_issue_has_metadata_for_other_programs,
    the_publisher_chooses_the_visibility_of_past_issues,
    the_list_has_all_newsletters_when_there_are_several,
    the_sitemap_has_what_search_engines_may_index,
    an_issues_page_has_the_headings_of_its_email,
    the_archive_speaks_the_newsletters_language_or_the_one_asked_for,
);

async fn the_feed_is_atom_and_has_the_newest_issues_first(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge <opens> & closes").await;
    app.reader("ann@example.org").await;
    app.send_issue().await;
    app.clock.advance(DAY);
    app.article("The whale").await;
    app.send_issue().await;
    let answer = app.get("/issues.xml?newsletter=daily").await;
    assert_eq!(answer.headers()["content-type"], "application/atom+xml; charset=utf-8");
    let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
    let body = answer.bytes().await.unwrap();
    let feed = feed_rs::parser::parse(&body[..]).unwrap();
    assert_eq!(feed.feed_type, feed_rs::model::FeedType::Atom);
    assert_eq!(feed.title.unwrap().content, "Daily");
    assert!(feed.updated.is_some());
    let titles: Vec<String> = feed.entries.iter().map(|it| it.title.clone().unwrap().content).collect();
    assert_eq!(titles, ["The whale", "The bridge <opens> & closes"]);
    for entry in &feed.entries {
        assert_eq!(entry.authors[0].name.as_deref(), Some("Daily"));
        assert!(entry.updated.is_some() && entry.published.is_some() && entry.summary.is_some());
        assert_eq!(entry.links[0].href, entry.id);
        assert_eq!(app.get(&entry.id).await.status(), 200, "the link leads to the issue");
    }
    let again = app.getting("/issues.xml?newsletter=daily").header("if-none-match", tag);
    assert_eq!(again.send().await.unwrap().status(), 304);
}

async fn an_issue_has_metadata_for_other_programs(engine: Engine) {
    let app = TestApp::start(engine).await;
    send_bridge(&app).await;
    let path = "/issues/2026-05-01?newsletter=daily";
    let (status, robots, html) = page(&app, path).await;
    assert_eq!((status, robots), (200, None));
    assert!(html.contains(&format!(r#"<link rel="canonical" href="{}{path}">"#, app.url)), "{html}");
    assert!(html.contains(r#"<meta property="og:title" content="The bridge opens">"#));
    assert!(html.contains(r#"<meta property="og:description" content="About The bridge opens.">"#));
    let feed = format!(
        r#"type="application/atom+xml" title="Daily" href="{}/issues.xml?newsletter=daily""#,
        app.url
    );
    assert!(html.contains(&feed));
    let list = app.page("/issues").await;
    assert!(
        list.contains(r#"rel="canonical""#)
            && list.contains(r#"rel="alternate""#)
            && !list.contains("noindex")
    );
    let mail = app.visitor("ann@example.org").last_email();
    assert!(!mail.html().contains("og:title"), "the email does not need it");
}

async fn the_publisher_chooses_the_visibility_of_past_issues(engine: Engine) {
    let app = TestApp::start(engine).await;
    send_bridge(&app).await;
    let issue = "/issues/2026-05-01?newsletter=daily";
    app.change_newsletter(|it| it.archive = Archive::Unlisted).await;
    let (status, robots, _) = page(&app, issue).await;
    assert_eq!((status, robots.as_deref()), (200, Some("noindex")), "the link still works");
    let (status, _, list) = page(&app, "/issues").await;
    assert!(status == 200 && !list.contains("The bridge opens") && list.contains("noindex"));
    assert_eq!(app.page("/issues?newsletter=daily").await.status, 404);
    assert_eq!(app.page("/issues.xml?newsletter=daily").await.status, 404);
    assert_eq!(app.page("/issues.xml").await.status, 404);
    app.change_newsletter(|it| it.archive = Archive::None).await;
    assert_eq!(app.page(issue).await.status, 404);
    app.clock.advance(DAY);
    app.article("The whale").await;
    app.send_issue().await;
    let mail = app.visitor("ann@example.org").last_email();
    assert_eq!(mail.subject(), "The whale");
    assert!(
        !mail.html().contains("/issues/") && !mail.text().contains("/issues/"),
        "there are no links to the archive"
    );
}

async fn the_list_has_all_newsletters_when_there_are_several(engine: Engine) {
    let app = TestApp::start(engine).await;
    send_bridge(&app).await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    app.add_newsletter("secret", |it| {
        it.title = "The Secret".into();
        it.archive = Archive::Unlisted;
    })
    .await;
    let list = app.page("/issues").await;
    assert!(list.contains("The Weekly") && list.contains("The bridge opens") && !list.contains("The Secret"));
    let feed = app.page("/issues.xml").await;
    assert!(feed.contains("<title>Daily, The Weekly</title>") && feed.contains("The bridge opens"), "{feed}");
    let one = app.page("/issues?newsletter=weekly").await;
    assert!(one.contains("There are no issues yet") && !one.contains("The bridge opens"));
    assert_eq!(app.page("/issues?newsletter=secret").await.status, 404);
}

async fn the_archive_speaks_the_newsletters_language_or_the_one_asked_for(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("Die Brücke").await;
    app.reader("ann@example.org").await;
    app.send_issue().await;
    app.change_newsletter(|it| it.language = "de-AT".into()).await;
    let list = app.page("/issues").await;
    assert!(list.contains("<html lang=\"de\"") && list.contains("Frühere Ausgaben von Daily"), "{list}");
    assert!(list.contains("Mai 2026") && list.contains("Freitag, 1.") && list.contains("Anmelden"));
    let list = app.page("/issues?lang=fr").await;
    assert!(
        list.contains("<html lang=\"fr\"")
            && list.contains("Vendredi 1er")
            && list.contains("lang=\"de-AT\" dir=\"auto\"><a href=")
    );
    app.change_newsletter(|it| it.language = "ja".into()).await;
    let spanish = app.getting("/issues").header("accept-language", "xx, es;q=0.8");
    assert!(spanish.send().await.unwrap().text().await.unwrap().contains("Mayo de 2026"));
}

async fn the_sitemap_has_what_search_engines_may_index(engine: Engine) {
    let app = TestApp::start(engine).await;
    send_bridge(&app).await;
    app.add_newsletter("secret", |it| it.archive = Archive::Unlisted).await;
    let map = app.get("/sitemap.xml").await;
    assert_eq!(map.headers()["content-type"], "application/xml; charset=utf-8");
    let map = map.text().await.unwrap();
    for (path, changed) in [
        ("/?newsletter=daily", ""),
        ("/issues?newsletter=daily", "<lastmod>2026-05-01</lastmod>"),
        ("/issues/2026-05-01?newsletter=daily", "<lastmod>2026-05-01</lastmod>"),
    ] {
        let entry = format!("<url><loc>{}{path}</loc>{changed}</url>", app.url);
        assert!(map.contains(&entry), "{entry}: {map}");
        let page = app.page(path).await;
        assert!(page.status == 200 && !page.contains("noindex"), "{path}");
    }
    assert_eq!(map.matches("<url>").count(), 3, "{map}");
    app.change_newsletter(|it| it.archive = Archive::Unlisted).await;
    assert!(!app.page("/sitemap.xml").await.contains("<url>"));
}

/// Returns the places of texts in a document, which must have each of them.
fn places(document: &str, texts: &[&str]) -> Vec<usize> {
    texts
        .iter()
        .map(|text| document.find(text).unwrap_or_else(|| panic!("no {text} in {document}")))
        .collect()
}

async fn an_issues_page_has_the_headings_of_its_email(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.sections = SectionOrder::parse("Science, Food").unwrap()).await;
    // The story added last leads.
    let stories = [
        ("The bridge opens", "Local"),
        ("The whale", "Science"),
        ("A loaf", "Food"),
        ("The radar", "Science"),
        ("A pear", "Food"),
        ("A hat", "Culture"),
    ];
    for (title, section) in stories.into_iter().rev() {
        app.story(title, section).await;
    }
    let ann = app.reader("ann@example.org").await;
    app.send_issue().await;
    let email = ann.last_email().html();
    let (_, email) = email.split_once("<body").unwrap();
    let page = app.page("/issues/2026-05-01?newsletter=daily").await;
    let (_, page) = page.split_once("<article").unwrap();
    // The section's name stands above its stories, once, and not above each of them.
    let in_order = [
        "bridge opens",
        ">Science</h2>",
        "whale",
        "radar",
        ">Food</h2>",
        "loaf",
        "pear",
        ">In brief</h2>",
        "hat",
    ];
    let on_page = places(page, &in_order);
    assert!(on_page.is_sorted(), "{on_page:?}: {page}");
    assert_eq!(page.matches(">Science<").count(), 1, "{page}");
    assert!(page.contains(">Local<"), "the lead has no heading, so it keeps its section");
    // The email begins with a list of headlines.
    let from_lead = &email[email.find("<h1").expect("a lead")..];
    let in_email = places(from_lead, &in_order);
    assert!(in_email.is_sorted(), "{in_email:?}: {email}");
    assert!(email.contains(">Local<"), "{email}");
}
