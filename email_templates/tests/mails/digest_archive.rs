use email_templates::digest::{Archive, Digest, web_view};

use crate::fixtures::{STORIES, digest, html_lines};

const ARCHIVE: Archive<'_> = Archive {
    page: "https://news.example.org/issues/2026-11-23?newsletter=daily",
    feed: Some("https://news.example.org/issues.xml?newsletter=daily"),
};

#[test]
fn the_archive_page_has_the_stories_and_none_of_the_readers_links() {
    let html = web_view(&digest(STORIES), &ARCHIVE).into_string();
    let spaced = html.replace('\u{a0}', " ");
    for story in STORIES {
        assert!(spaced.contains(story.title), "{} is missing", story.title);
    }
    for private in ["{{", "Unsubscribe", "View online", "because you signed up", "forward you this"] {
        assert!(!html.contains(private), "{private:?} is the reader's own");
    }
    assert!(html.contains("Get Daily in your inbox"));
    for told in
        [r#"<link rel="canonical" href=""#, r#"property="og:title""#, r#"type="application/atom+xml""#]
    {
        assert!(html.contains(told), "{told:?} is missing");
    }
    insta::assert_snapshot!("archive_page_html", html_lines(&html));
}

#[test]
fn a_preview_of_the_archive_page_can_be_marked_as_a_test() {
    let html = web_view(&Digest { is_test: true, ..digest(STORIES) }, &ARCHIVE).into_string();
    assert!(html.contains("This is a test of Daily."));
}
