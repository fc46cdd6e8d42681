//! Minimal pages as publishers write them.

use url::Url;

use super::*;

const PROSE: &str = "<article><h1>The heading shown</h1><p>The harbour was quiet when the first of the boats came in, and nobody \
    on the quay expected what it carried, least of all the harbour master, who had slept badly.</p><p>By noon, everyone \
    in the village had seen it, and by evening, the ferry brought people from the mainland, with cameras and \
    questions, and more than one of them had brought a tent, to stay.</p></article>";

fn read(head: &str) -> Result<FoundArticle, PageError> {
    let html = format!("<!doctype html><html lang='en-GB'><head>{head}</head><body>{PROSE}</body></html>");
    read_page(
        html.as_bytes(),
        Some("text/html"),
        Url::parse("https://www.site.example/a/1?utm_source=x").ok().as_ref(),
    )
}

fn found(head: &str) -> FoundArticle {
    read(head).unwrap()
}

#[test]
fn json_ld_comes_first() {
    let found = found(
        r#"<title>Plain - Site</title><meta property="og:title" content="Open"><meta property="og:site_name" content="Site">
        <script type="application/ld+json"><![CDATA[ {"@context":"https://schema.org","@graph":[
        {"@type":"WebSite","@id":"site","name":"The Site","description":"All the harbour news"},
        {"@type":"Person","@id":"bo","name":"Bo Ek"},
        {"@type":["NewsArticle"],"headline":"From data &amp; graph","description":"What it carried.",
         "author":[{"@type":"Person","name":"By Ann Lee"},{"@id":"bo"},"https://site.example/profile"],
         "image":{"@list":["/i/first.jpg","/i/second.jpg"]},"datePublished":"2024-05-01T10:00:00+02:00",
         "articleSection":["Harbour","News"],"inLanguage":"en","publisher":{"name":"Site News"},
         "mainEntityOfPage":{"@id":"https://site.example/a/1"}}]} ]]></script>"#,
    );
    assert_eq!(found.title, "From data & graph");
    assert_eq!(found.author.as_deref(), Some("Ann Lee, Bo Ek"));
    assert_eq!(found.image_url.unwrap().as_str(), "https://www.site.example/i/first.jpg");
    assert_eq!(found.published_at.unwrap().to_string(), "2024-05-01T08:00:00Z");
    assert_eq!((found.section.as_deref(), found.site_name.as_deref()), (Some("Harbour"), Some("Site News")));
    assert_eq!((found.dek.as_deref(), found.language.as_deref()), (Some("What it carried."), Some("en")));
    assert_eq!(found.url.unwrap().as_str(), "https://site.example/a/1");
}

#[test]
fn json_ld_of_a_video_or_broken_json_is_passed_over() {
    let found = found(
        r#"<script type="application/ld+json">{"@type":"VideoObject","name":"A video"}</script>
        <script type="application/ld+json">{"@type":"NewsArticle","headline":</script>
        <script type="application/ld+json">[{"@type":"http://schema.org/BlogPosting","headline":"With a raw
 line break","author":"Ann Lee","image":[{"url":"https://i.example/o.png"}]}];</script>"#,
    );
    assert_eq!((found.title.as_str(), found.author.as_deref()), ("With a raw line break", Some("Ann Lee")));
    assert_eq!(found.image_url.unwrap().as_str(), "https://i.example/o.png");
}

#[test]
fn meta_of_every_school_is_understood() {
    let found = found(
        "<title>T | Site</title><meta property='og:title' content='Open title | Site'><meta property='og:site_name' content='Site'>\
         <meta name='parsely-author' content='Ann Lee'><meta property='article:author' content='https://facebook.example/ann'>\
         <meta property='og:article:section' content='World'><meta name='parsely-pub-date' content='2024-05-01 10:00:00'>\
         <meta name='twitter:image' content='//i.example/t.jpg'><meta name='DC.description' content='Boats &amp;amp; tents.'>\
         <link rel='canonical' href='/a/one'>",
    );
    assert_eq!(found.title, "Open title");
    assert_eq!((found.author.as_deref(), found.section.as_deref()), (Some("Ann Lee"), Some("World")));
    assert_eq!(found.published_at.unwrap().to_string(), "2024-05-01T10:00:00Z");
    assert_eq!(found.image_url.unwrap().as_str(), "https://i.example/t.jpg");
    assert_eq!(found.dek.as_deref(), Some("Boats & tents."));
    assert_eq!(found.url.unwrap().as_str(), "https://www.site.example/a/one");
    let text = found.text.unwrap();
    assert!(text.starts_with("The harbour was quiet") && text.contains("slept badly.\n\nBy noon"), "{text}");
}

#[test]
fn the_site_name_leaves_the_title_whichever_side_it_is_on() {
    for (title, wanted) in [
        ("A tale - of two - Site", "A tale - of two"),
        ("Site | A tale", "A tale"),
        ("A tale — site.example", "A tale"),
        ("A tale - of two", "A tale - of two"),
        ("Site", "Site"),
    ] {
        let found = found(
            &format!("<title>{title}</title><meta property=og:site_name content=Site>")
                .replace("<title>Site</title>", "<title>Site</title><meta property=og:title content=Site>"),
        );
        let wanted = if title == "Site" { "The heading shown" } else { wanted };
        assert_eq!(found.title, wanted, "{title}");
    }
}

#[test]
fn the_sites_slogan_is_no_dek() {
    let found = found(
        "<title>T</title><meta property=og:site_name content='Harbour Post'>\
         <meta property=og:description content='Harbour Post brings opinions, culture and sports since 1901'>\
         <meta name=twitter:description content='What the boats brought in.'>",
    );
    assert_eq!(found.dek.as_deref(), Some("What the boats brought in."));
}

#[test]
fn a_visible_byline_and_time_are_better_than_nothing() {
    let html = format!(
        "<html><head><title>T</title></head><body>{}</body></html>",
        PROSE.replace(
            "</h1>",
            "</h1><p class='byline'>By Ann Lee May 1, 2024</p><time datetime='2024-05-01T10:00Z'>1 May</time>"
        )
    );
    let found = read_page(html.as_bytes(), None, None).unwrap();
    assert_eq!(found.author.as_deref(), Some("Ann Lee"));
    assert_eq!(found.published_at.unwrap().to_string(), "2024-05-01T10:00:00Z");
}

#[test]
fn a_canonical_link_to_the_front_page_is_a_mistake() {
    let found = found("<title>T</title><link rel=canonical href='https://www.site.example/'>");
    assert_eq!(found.url.unwrap().as_str(), "https://www.site.example/a/1?utm_source=x");
}

#[test]
fn a_page_without_a_title_says_what_was_looked_for() {
    let error = read_page(b"<html><body><p>Just this.</p></body></html>", None, None).unwrap_err();
    assert_eq!(error, PageError::NoTitle);
    assert!(error.to_string().contains("give the article a title by hand"));
}

#[test]
fn what_is_no_page_is_told_apart() {
    assert_eq!(read_page(b"  \n", None, None), Err(PageError::Empty));
    for (body, kind) in [
        (b"%PDF-1.7".as_slice(), None),
        (b"\x89PNG\r\n".as_slice(), None),
        (b"x".as_slice(), Some("image/webp")),
        (
            b"<?xml version=\"1.0\"?>\n<rss version=\"2.0\"><channel><title>Feed</title></channel></rss>"
                .as_slice(),
            None,
        ),
        (&(0..=255).cycle().take(5_000).collect::<Vec<u8>>(), None),
    ] {
        assert!(matches!(read_page(body, kind, None), Err(PageError::NotAPage { .. })));
    }
}

#[test]
fn a_page_saved_as_text_is_recognised() {
    let text =
        "Skip to content\n\n    A Title Of Words\n\n    First paragraph, long enough.\n\n    Second < first.";
    let found = read_page(text.as_bytes(), None, Url::parse("https://s.example/1").ok().as_ref()).unwrap();
    assert_eq!(found.title, "A Title Of Words");
    assert_eq!(found.url.unwrap().as_str(), "https://s.example/1");
}

#[test]
fn hostile_nesting_is_read_in_reasonable_time() {
    let html = format!("<title>Deep</title>{}{PROSE}", "<div><b>".repeat(20_000));
    assert_eq!(read_page(html.as_bytes(), Some("text/html"), None).unwrap().title, "Deep");
}
