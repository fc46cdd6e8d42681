//! Pages whose sources contradict each other, one kind at a time.

use super::*;

const PROSE: &str = "The lamp burned all night, because the keeper had forgotten to put it out, and nobody minded before noon. ";

fn page(head: &str, body: &str) -> FoundArticle {
    let text = format!("<p>{}</p>", PROSE.repeat(2)).repeat(3);
    let html = format!("<!doctype html><head>{head}</head><body><article>{body}{text}</article></body>");
    read_page(html.as_bytes(), Some("text/html"), Url::parse("https://lamp.example/s/1").ok().as_ref())
        .unwrap()
}

fn json_ld(fields: &str) -> String {
    format!(
        "<script type=\"application/ld+json\">{{\"@context\":\"https://schema.org\",\"@type\":\"NewsArticle\",{fields}}}</script>"
    )
}

#[test]
fn titles_are_what_sources_agree_on() {
    let h1 = |title: &str| format!("<h1>{title}</h1>");
    for (head, body, wanted) in [
        (
            format!("<title>The lamp burns - Lamp</title>{}", json_ld("\"headline\":\"10 facts on lamps\"")),
            h1("The lamp burns"),
            "The lamp burns",
        ),
        (
            format!(
                "<title>The lamp burns - Lamp</title><meta property=og:title content='The lamp burns'>{}",
                json_ld("\"headline\":\"island\",\"name\":\"Lamp\"")
            ),
            h1("The lamp burns"),
            "The lamp burns",
        ),
        ("<title>The lamp burns | Some site</title>".into(), h1("The lamp burns"), "The lamp burns"),
        (
            "<title>Some site: news » The lamp burns all night</title>".into(),
            h1("The lamp burns all night"),
            "The lamp burns all night",
        ),
        (
            "<title>The lamp burns all night – Lamp post</title>".into(),
            h1("Lamp post"),
            "The lamp burns all night",
        ),
        (
            "<title>Home</title><meta property=og:title content='The lamp burns'>".into(),
            h1("The lamp burns"),
            "The lamp burns",
        ),
        (
            format!("<title>X</title>{}", json_ld("\"headline\":\"The lamp burns\"")),
            h1("The lamp burns"),
            "The lamp burns",
        ),
        ("<title>The lamp burns</title>".into(), h1("<a href=/>Lamp</a>"), "The lamp burns"),
        ("<title>The lamp burns › Lamp post</title>".into(), h1("The lamp burns"), "The lamp burns"),
        ("<title>The lamp burns: Lamp post</title>".into(), h1("The lamp burns"), "The lamp burns"),
        ("<title>News: The lamp burns | Lamp post</title>".into(), h1("The lamp burns"), "The lamp burns"),
        ("<title>Untitled Document</title>".into(), h1("The lamp burns"), "The lamp burns"),
        (
            "<title>The lamp burns - Lamp post</title>".into(),
            h1("<img src=/logo.png alt='Lamp post'>"),
            "The lamp burns",
        ),
        (String::new(), "<h2>The lamp burns</h2>".into(), "The lamp burns"),
        (
            "<title>The lamp &amp;amp; the keeper</title>".into(),
            h1("The lamp &amp; the keeper"),
            "The lamp & the keeper",
        ),
    ] {
        assert_eq!(page(&head, &body).title, wanted, "{head}{body}");
    }
}

#[test]
fn bylines_are_names() {
    let title = "<title>The lamp burns</title>";
    for (head, body, wanted) in [
        ("", "<div class=byline><em>Last Updated:</em> January 7, 2025</div>", None),
        ("", "<div class=byline>Published on 14 May 2024</div>", None),
        ("", "<p class=byline>5 min read</p>", None),
        ("", "<p class=byline>Posted by Ann Lee</p>", Some("Ann Lee")),
        ("", "<span class='author vcard'>by <a rel=author href=/ann>Ann Lee</a></span>", Some("Ann Lee")),
        ("", "<p class=byline>Written by Ann Lee on May 14, 2024</p>", Some("Ann Lee")),
        ("", "<p class=byline>Von Ann Lee, dpa</p>", Some("Ann Lee")),
        ("", "<p class=byline>Par Ann Lee · Publié le 14 mai 2024</p>", Some("Ann Lee")),
        ("", "<p class=byline>Por Ann Lee | 14/05/2024</p>", Some("Ann Lee")),
        ("", "<p class=byline>Ann Lee, Senior Reporter</p>", Some("Ann Lee")),
        ("", "<div itemprop=author><span itemprop=name>Ann Lee</span> in Oslo</div>", Some("Ann Lee")),
        (
            &json_ld("\"author\":\"AL7567\""),
            "<p class=byline>By <a rel=author>Ann Lee</a></p>",
            Some("Ann Lee"),
        ),
        (
            &json_ld("\"author\":{\"@type\":\"Person\",\"name\":\"admin\"}"),
            "<p class=byline>By Ann Lee</p>",
            Some("Ann Lee"),
        ),
        ("<meta name=author content=ann_lee>", "<p class=byline>By Ann Lee</p>", Some("Ann Lee")),
        ("<meta name=author content='By Ann Lee, May 14, 2024'>", "", Some("Ann Lee")),
        (
            "<meta name=author content='Lamp'><meta property=og:site_name content=Lamp>",
            "<p class=byline>By Ann Lee</p>",
            Some("Ann Lee"),
        ),
        ("<meta name=author content='Lamp'><meta property=og:site_name content=Lamp>", "", Some("Lamp")),
        ("", "<p class=byline><span>By Ann Lee</span><span>Science editor</span></p>", Some("Ann Lee")),
        ("", "<p class=byline>By Ann Lee<br>Lamp News</p>", Some("Ann Lee")),
        ("", "<p><a rel=author>Ann Lee</a><a rel=author>Bo Ek</a></p>", Some("Ann Lee, Bo Ek")),
        (&json_ld("\"author\":{\"givenName\":\"Ann\",\"familyName\":\"Lee\"}"), "", Some("Ann Lee")),
        (&json_ld("\"author\":\"ANN LEE\""), "<p class=byline>By Ann Lee</p>", Some("Ann Lee")),
        (&json_ld("\"author\":\"Ann Lee\","), "", Some("Ann Lee")),
        (&json_ld("/* x */ \"author\":\"Ann Lee\", \"description\":\"a \"b\" c\""), "", Some("Ann Lee")),
        (
            &json_ld("\"author\":\"Ann Lee\"")
                .replace('"', "&quot;")
                .replace("&quot;application/ld+json&quot;", "application/ld+json"),
            "",
            Some("Ann Lee"),
        ),
        (
            "<script type='application/ld+json'>{\"@type\":\"WebPage\",\"mainEntity\":{\"@type\":\"Article\",\"author\":\"Ann Lee\"}}</script>",
            "",
            Some("Ann Lee"),
        ),
        (
            "<link rel=canonical href='/s/1'><script type='application/ld+json'>[{\"@type\":\"Article\",\"url\":\"/s/2\",\"author\":\"Bo Ek\"},{\"@type\":\"Article\",\"url\":\"/s/1\",\"author\":\"Ann Lee\"}]</script>",
            "",
            Some("Ann Lee"),
        ),
        ("", "<aside><p class=byline>By Bo Ek</p></aside><p class=byline>By Ann Lee</p>", Some("Ann Lee")),
    ] {
        let found = page(&format!("{title}{head}"), &format!("<h1>The lamp burns</h1>{body}"));
        assert_eq!(found.author.as_deref(), wanted, "{head}{body}");
    }
}

#[test]
fn dates_are_read_wherever_they_stand() {
    let day = "2024-05-14T00:00:00Z";
    for (head, body, wanted) in [
        ("<meta name=date content='14 mai 2024'>", "", Some(day)),
        (
            "<meta property=article:published_time content='Tue, 14 May 2024 10:00:00 +02:00'>",
            "",
            Some("2024-05-14T08:00:00Z"),
        ),
        ("<meta name=pubdate content='14.05.2024 10:00'>", "", Some("2024-05-14T10:00:00Z")),
        ("<meta name=publish-date content='05/14/2024'>", "", Some(day)),
        ("<meta name=date content='1. Mai 2024'>", "", Some("2024-05-01T00:00:00Z")),
        (&json_ld("\"datePublished\":\"May 14, 2024 10:00 AM\""), "", Some("2024-05-14T10:00:00Z")),
        ("", "<time>May 14, 2024</time>", Some(day)),
        ("", "<time datetime='14 de mayo de 2024'>ayer</time>", Some(day)),
        (
            "",
            "<time itemprop=datePublished content='2024-05-14T10:00:00+0200'>May 14</time>",
            Some("2024-05-14T08:00:00Z"),
        ),
        ("", "<span class=entry-date>14 mei 2024</span>", Some(day)),
        ("", "<p class=byline>By Ann Lee | May 14, 2024</p>", Some(day)),
        ("", "<div class=date>Publié le 14 mai 2024 à 10h30</div>", Some("2024-05-14T10:30:00Z")),
        ("", "<div class=comment><time>May 1, 2020</time></div>", None),
        ("<meta name=publish_date content='2024-05-14'>", "", Some(day)),
        ("<meta property=og:pubdate content='2024-05-14'>", "", Some(day)),
        ("<meta name=citation_publication_date content='2024/05/14'>", "", Some(day)),
        ("<meta name=date content='May 14, 2024 by Ann'>", "", Some(day)),
        ("", "<p>Published: May 14, 2024</p>", Some(day)),
        ("", "<p>Updated: June 1, 2024</p><p>Published: May 14, 2024</p>", Some(day)),
        ("", "<div><span>Ann Lee</span><span>14. Mai 2024</span></div>", Some(day)),
        ("", "<span class=timestamp data-timestamp=1715644800>today</span>", Some(day)),
        ("", "<div class=datum>14. Mai 2024</div>", Some(day)),
        (&json_ld("\"datePublished\":1715644800"), "", Some(day)),
        (&json_ld("\"uploadDate\":\"2024-05-14\""), "", Some(day)),
        (
            "<meta name=date content='2024-05-14'>",
            "<time datetime='2024-05-14T10:00:00Z'>x</time>",
            Some("2024-05-14T10:00:00Z"),
        ),
        (
            &json_ld("\"datePublished\":\"2004-01-01\""),
            "<time datetime='2024-05-14'>x</time><i></i>",
            Some("2004-01-01T00:00:00Z"),
        ),
        (
            &format!(
                "{}<meta property=article:published_time content='2024-05-14T10:00:00Z'>",
                json_ld("\"datePublished\":\"2004-01-01\"")
            ),
            "<time datetime='2024-05-14'>x</time>",
            Some("2024-05-14T10:00:00Z"),
        ),
    ] {
        let found =
            page(&format!("<title>The lamp burns</title>{head}"), &format!("<h1>The lamp burns</h1>{body}"));
        assert_eq!(found.published_at.map(|at| at.to_string()).as_deref(), wanted, "{head}{body}");
    }
    let slashes = "<html lang=fr><title>T</title><meta name=date content='05/06/2024'><p>x</p>";
    let found = read_page(slashes.as_bytes(), Some("text/html"), None).unwrap();
    assert_eq!(found.published_at.unwrap().to_string(), "2024-06-05T00:00:00Z");
    for path in [
        "2024/05/14/the-lamp",
        "2024/5/14/the-lamp",
        "2024/may/14/lamp",
        "news/2024-05-14-the-lamp",
        "20240514/x",
    ] {
        let at = Url::parse(&format!("https://lamp.example/{path}")).ok();
        let found = read_page(b"<html><title>T</title><p>x</p>", Some("text/html"), at.as_ref()).unwrap();
        assert_eq!(found.published_at.map(|at| at.to_string()).as_deref(), Some(day), "{path}");
    }
}

#[test]
fn several_pictures_are_candidates() {
    let share = "<meta property=og:image content=/share.jpg>";
    for (head, body, wanted) in [
        (format!("{share}{}", json_ld("\"image\":\"/flag.svg\"")), "", vec!["share.jpg", "flag.svg"]),
        (
            format!("{share}{}", json_ld("\"thumbnailUrl\":\"/small.jpg\"")),
            "",
            vec!["share.jpg", "small.jpg"],
        ),
        (
            format!("{share}{}", json_ld("\"image\":{\"url\":\"/placeholder.png\",\"width\":1200}")),
            "",
            vec!["share.jpg", "placeholder.png"],
        ),
        (
            format!("{share}{}", json_ld("\"image\":{\"url\":\"/tiny.jpg\",\"width\":\"96\"}")),
            "",
            vec!["share.jpg", "tiny.jpg"],
        ),
        (json_ld("\"image\":[\"/a.jpg\",\"/b.jpg\"]"), "", vec!["a.jpg", "b.jpg"]),
        (
            "<meta property=og:image content=/site-logo.png>".into(),
            "<figure><img src=/boat.jpg width=900></figure>",
            vec!["boat.jpg", "site-logo.png"],
        ),
        (String::new(), "<p><img src=/boat.jpg></p>", vec!["boat.jpg"]),
        (String::new(), "<p><img srcset='/s.jpg 320w, /boat.jpg 1200w'></p>", vec!["boat.jpg"]),
        (
            String::new(),
            "<p><img src='data:image/gif;base64,R0' data-srcset='/boat.jpg 2x, /s.jpg'></p>",
            vec!["boat.jpg"],
        ),
        (
            String::new(),
            "<picture><source srcset=/boat.jpg><img src='data:image/gif;base64,R0'></picture>",
            vec!["boat.jpg"],
        ),
        ("<meta itemprop=image content=/boat.jpg>".into(), "", vec!["boat.jpg"]),
        (
            "<meta property=og:image content=/s.jpg><meta property=og:image:width content=100>\
             <meta property=og:image content=/boat.jpg><meta property=og:image:width content=1200>"
                .into(),
            "",
            vec!["boat.jpg", "s.jpg"],
        ),
        (
            format!("<meta property=og:image content=/no-image.png>{}", json_ld("\"image\":\"/boat.jpg\"")),
            "",
            vec!["boat.jpg", "no-image.png"],
        ),
        (
            "<meta property=og:image content='https://lamp.example/portrait-681x1024.jpg'>".into(),
            "",
            vec!["portrait-681x1024.jpg"],
        ),
    ] {
        let found =
            page(&format!("<title>The lamp burns</title>{head}"), &format!("<h1>The lamp burns</h1>{body}"));
        let files: Vec<&str> =
            found.image_url.iter().chain(&found.other_images).map(|url| &url.path()[1..]).collect();
        assert_eq!(files, wanted, "{head}{body}");
    }
}

#[test]
fn a_page_without_a_description_has_its_first_sentences() {
    let found =
        page("<title>The lamp burns</title>", "<h1>The lamp burns</h1><p class=byline>By Ann Lee</p>");
    assert!(found.dek.unwrap().starts_with("The lamp burned all night"));
    let found = page(
        "<title>The lamp burns</title><meta name=description content='The lamp burns'>",
        "<h1>The lamp burns</h1>",
    );
    assert!(found.dek.unwrap().starts_with("The lamp burned all night"));
    let found = page(
        "<title>The lamp burns</title><meta name=description content=undefined>",
        "<h1>The lamp burns</h1><figure><img src=/a.png><figcaption>The keeper, on the stairs of the lamp tower.</figcaption></figure>",
    );
    assert!(found.dek.unwrap().starts_with("The lamp burned all night"));
    let found = page("<title>The lamp burns</title><meta name=description content='A keeper forgets.'>", "");
    assert_eq!(found.dek.as_deref(), Some("A keeper forgets."));
}

#[test]
fn one_bad_byte_leaves_the_rest_of_a_page() {
    let html = b"<!doctype html><meta charset=utf-8><title>Caf\xc3\xa9 closes</title><p>na\xc3\xafve fa\xc3\xa7ade \x96 end</p>";
    assert_eq!(read_page(html, Some("text/html; charset=utf-8"), None).unwrap().title, "Café closes");
    let old = b"<!doctype html><meta charset=utf-8><title>Caf\xe9 closes</title><p>na\xefve fa\xe7ade</p>";
    assert_eq!(read_page(old, Some("text/html"), None).unwrap().title, "Café closes");
}

#[test]
fn an_address_above_the_page_is_not_the_pages() {
    let of = |canonical: &str, url: &str| {
        let html = format!("<title>T</title><link rel=canonical href='{canonical}'><p>x</p>");
        read_page(html.as_bytes(), Some("text/html"), Url::parse(url).ok().as_ref())
            .unwrap()
            .url
            .unwrap()
            .to_string()
    };
    let story = "https://lamp.example/news/2024/the-lamp-burns";
    assert_eq!(of("/news", story), story);
    assert_eq!(of("/", story), story);
    assert_eq!(of("/news/2024/the-lamp-burns", &format!("{story}/amp")), story);
    assert_eq!(of("/news/2024/the-lamp-burns", &format!("{story}/2")), story);
    assert_eq!(of("/other/the-lamp", story), "https://lamp.example/other/the-lamp");
}

#[test]
fn structured_data_that_turns_in_circles_ends() {
    let circle = "<title>T</title><script type='application/ld+json'>[{\"@id\":\"a\",\"@type\":\"Article\",\"headline\":\"T\",\"author\":{\"@id\":\"b\"},\
                  \"image\":{\"@id\":\"b\"}},{\"@id\":\"b\",\"name\":{\"@id\":\"b\"},\"url\":{\"@id\":\"b\"}}]</script><p>x</p>";
    assert_eq!(read_page(circle.as_bytes(), Some("text/html"), None).unwrap().title, "T");
    let many: Vec<String> =
        (0..3_000).map(|n| format!("{{\"@id\":\"{n}\",\"name\":\"Name {n}\"}}")).collect();
    let authors: Vec<String> = (0..3_000).map(|n| format!("{{\"@id\":\"{n}\"}}")).collect();
    let html = format!(
        "<title>T</title><script type='application/ld+json'>[{{\"@type\":\"Article\",\"headline\":\"T\",\"author\":[{}]}},{}]</script><p>x</p>",
        authors.join(","),
        many.join(",")
    );
    assert!(read_page(html.as_bytes(), Some("text/html"), None).is_ok());
}

#[test]
fn work_grows_no_faster_than_the_page() {
    let data = "<script type='application/ld+json'>";
    let shapes: &[(&str, &str, &str)] = &[
        ("<title>", "<", "</title>"),
        ("<title>", "&lt;b", "</title>"),
        ("<title>", "a - ", "</title>"),
        ("<title>T</title><meta property=og:title content='", "<b", "'>"),
        ("<title>T</title>", "<meta name=author content='Ann Lee'>", ""),
        ("<title>T</title>", "<meta property=og:image content=/a.png>", ""),
        ("<title>T</title>", "<p class=byline>By Ann Lee</p>", ""),
        ("<title>T</title>", "<p class=byline>", ""),
        ("<title>T</title><p class=byline>", "By Ann ", "</p>"),
        ("<title>T</title><p class=date>", "1 May ", "</p>"),
        ("<title>T</title>", "<time>1 May 2024</time>", ""),
        ("<title>T</title><article>", "<img alt='<b' src=/a.png>", "</article>"),
        ("<title>T</title>", "<h1>x</h1>", ""),
        ("<title>T</title><h1>x</h1>", "<p>1 May 2024</p>", ""),
        ("<title>T</title><h1>x</h1><div>", "<b>1 May 2024</b>", "</div>"),
        ("<title>T</title><h1>", "<i></i>", "</h1>"),
        ("", "<h2></h2>", ""),
        ("<title>T</title><img srcset='", "/a.png 1w, ", "'>"),
        ("<title>T</title><picture>", "<source srcset=/a.png>", "<img></picture>"),
        ("<title>T</title>", "<meta name=a1 content=1>", ""),
        ("<title>T</title><p class=byline>", "Ann photos by ", "</p>"),
        ("<title>T</title><p class=byline>", "<b>Ann</b>", "</p>"),
        ("<title>T</title><article>", "<p>words</p>", "</article>"),
        (&format!("<title>T</title>{data}{{\"a\":\""), "\" b", "</script>"),
        (&format!("<title>T</title>{data}"), "{\"@type\":\"Article\"}", "</script>"),
        (&format!("<title>T</title>{data}"), "{\"mainEntity\":", "</script>"),
        ("<title>T</title>", "<div>", ""),
        ("<title>T</title>", "<script>", ""),
        ("<title>T</title>", "<!--", ""),
        ("<title>T</title>", "<textarea>", ""),
        ("<title>T</title><x ", "a=\"b ", ">"),
        ("<title>T</title><x ", "a = ' ", ">"),
        (
            &format!("<title>T</title>{data}{{\"@type\":\"Article\",\"headline\":\"T\",\"author\":["),
            "{\"@id\":\"x\"},",
            "{}]}</script>",
        ),
        (
            &format!(
                "<title>T</title>{data}[{{\"@type\":\"Article\",\"headline\":\"T\",\"author\":{{\"@id\":\"y\"}}}}"
            ),
            ",{\"@id\":\"x\",\"name\":\"X\"}",
            "]</script>",
        ),
        (&format!("<title>T</title>{data}"), "[", "</script>"),
        ("<title>T</title>", &format!("{data}{{\"@type\":\"WebSite\",\"description\":\"x\"}}</script>"), ""),
    ];
    let steps = |html: &str| {
        let budget = Budget::for_bytes(html.len());
        let _ = read_page(html.as_bytes(), Some("text/html"), None);
        budget.taken() / u64::try_from(html.len()).unwrap()
    };
    for (before, unit, after) in shapes {
        let of = |times: usize| format!("{before}{}{after}", unit.repeat(times));
        let (small, large) = (steps(&of(200)), steps(&of(4_000)));
        assert!(
            large <= 2 * small + 2,
            "{before}{unit}: {small} steps for each byte of little, {large} of much"
        );
    }
}
