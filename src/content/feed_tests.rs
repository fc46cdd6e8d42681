//! Feeds of every format, from minimal to unusual.

use url::Url;

use super::*;
use crate::{content::parsed_feed::MAX_ENTRIES, domain::content::article::FoundArticle};

fn parsed(text: &str) -> ParsedFeed {
    parse_feed(text.as_bytes(), None, Url::parse("https://site.example/feeds/main.xml").ok().as_ref())
        .unwrap()
}

fn refused(text: &str) -> FeedError {
    parse_feed(text.as_bytes(), None, Url::parse("https://site.example/feeds/").ok().as_ref()).unwrap_err()
}

fn rss(items: &str) -> String {
    format!(
        "<?xml version='1.0'?>\n<rss version='2.0' xmlns:media='http://search.yahoo.com/mrss/' \
         xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:content='http://purl.org/rss/1.0/modules/content/'>\
         <channel><title>Site &amp; Co</title><link>https://site.example/</link><language>en-GB</language>\
         <ttl>30</ttl>{items}</channel></rss>"
    )
}

fn url(found: &FoundArticle) -> &str {
    found.url.as_ref().unwrap().as_str()
}

fn image(found: &FoundArticle) -> &str {
    found.image_url.as_ref().map_or("", Url::as_str)
}

#[test]
fn an_rss_2_feed_is_read_in_full() {
    let feed = parsed(&rss(
        "<item><title>Why &amp;lt;b&amp;gt; &lt;i&gt;matters&lt;/i&gt;</title><link>/a?id=1&amp;utm_source=rss</link>\
         <guid isPermaLink='false'>id-1</guid><pubDate>Wed, 01 May 2024 10:00:00 +0200</pubDate>\
         <dc:creator><![CDATA[Ann Lee]]></dc:creator><category>World</category><category>Asia</category>\
         <description><![CDATA[<p>Short &amp; sweet.</p>]]></description>\
         <content:encoded><![CDATA[<p>One.</p><img src='pic.jpg'><p>Two.</p>\
         <p>The post X appeared first on Y.</p>]]></content:encoded></item>",
    ));
    assert_eq!(feed.title, "Site & Co");
    assert_eq!(feed.site_url.unwrap().as_str(), "https://site.example/");
    assert_eq!((feed.language.as_deref(), feed.ttl), (Some("en-GB"), Some(Duration::from_mins(30))));
    assert_eq!(feed.skipped, Vec::<String>::new());
    let [found] = feed.articles.as_slice() else { panic!("one article") };
    assert_eq!(found.title, "Why <b> matters");
    assert_eq!(url(found), "https://site.example/a?id=1&utm_source=rss");
    assert_eq!(found.guid.as_deref(), Some("id-1"));
    assert_eq!(found.author.as_deref(), Some("Ann Lee"));
    assert_eq!(found.section.as_deref(), Some("World"));
    assert_eq!(found.dek.as_deref(), Some("Short & sweet."));
    assert_eq!(found.text.as_deref(), Some("One.\n\nTwo."));
    assert_eq!(image(found), "https://site.example/pic.jpg");
    assert_eq!(found.published_at.unwrap().to_string(), "2024-05-01T08:00:00Z");
}

#[test]
fn an_atom_feed_is_read_with_its_bases_and_kinds_of_text() {
    let feed = parsed(
        "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://other.example/' xml:lang='de'>\
         <title type='html'>Caf&amp;eacute;</title><author><name>House</name></author>\
         <link rel='self' href='feed'/><link href='/'/>\
         <entry xml:base='2024/'><id>tag:x,1</id><title>Vec&lt;String&gt; is fine</title>\
         <link rel='replies' href='c'/><link rel='alternate' type='text/html' href='one'/>\
         <link rel='enclosure' type='image/png' href='e.png'/>\
         <updated>2024-05-01T10:00:00Z</updated><category term='t1' label='Politik'/>\
         <content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>Hallo <b>Welt</b></p></div></content></entry></feed>",
    );
    assert_eq!(feed.title, "Café");
    assert_eq!(feed.site_url.unwrap().as_str(), "https://other.example/");
    let found = &feed.articles[0];
    assert_eq!(found.title, "Vec<String> is fine");
    assert_eq!(url(found), "https://other.example/2024/one");
    assert_eq!(image(found), "https://other.example/2024/e.png");
    assert_eq!((found.author.as_deref(), found.language.as_deref()), (Some("House"), Some("de")));
    assert_eq!((found.section.as_deref(), found.text.as_deref()), (Some("Politik"), Some("Hallo Welt")));
    assert_eq!(found.published_at.unwrap().to_string(), "2024-05-01T10:00:00Z");
}

#[test]
fn old_rss_and_rdf_feeds_are_read() {
    for text in [
        "<rss version='0.91'><channel><title>Old</title><link>https://o.example</link><item><title>T</title><link>https://o.example/1</link></item></channel></rss>",
        "<rss><channel><title>Old</title><link>https://o.example</link><item><title>T</title><link>https://o.example/1</link></item></channel></rss>",
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'><channel><title>Old</title><link>https://o.example</link></channel><item><title>T</title><link>https://o.example/1</link></item></rdf:RDF>",
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://my.netscape.com/rdf/simple/0.9/'><channel><title>Old</title><link>https://o.example</link></channel><item><title>T</title><link>https://o.example/1</link></item></rdf:RDF>",
        "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title>Old</title><entry><title>T</title><link rel='alternate' href='https://o.example/1'/></entry></feed>",
    ] {
        let feed = parsed(text);
        assert_eq!(feed.title, "Old", "{text}");
        assert_eq!(feed.articles.iter().map(url).collect::<Vec<_>>(), ["https://o.example/1"], "{text}");
    }
}

#[test]
fn a_json_feed_is_read_leniently() {
    let feed = parsed(
        r#"{"version":"https://jsonfeed.org/version/1.1","title":"J &#8211; F","home_page_url":"/","language":"en",
        "authors":[{"name":"House"}],"items":[
        {"id":7,"url":"/a","title":"A &amp; B","content_html":"<p>x</p><p>y</p>","image":"/i.jpg",
         "date_published":"Wed, 01 May 2024 10:00:00 +0000","attachments":[{"url":"x"}],"tags":["Tech"]},
        {"id":"8","external_url":"https://e.example/","title":"B","content_text":"plain <b>","authors":[{"name":"Ann"},{"name":"Bo"}]},
        {"id":"9","content_text":"no title"}]}"#,
    );
    assert_eq!(feed.title, "J – F");
    let [a, b] = feed.articles.as_slice() else { panic!("two articles") };
    assert_eq!((a.title.as_str(), a.guid.as_deref(), url(a)), ("A & B", Some("7"), "https://site.example/a"));
    assert_eq!((a.author.as_deref(), a.section.as_deref()), (Some("House"), Some("Tech")));
    assert_eq!((image(a), a.text.as_deref()), ("https://site.example/i.jpg", Some("x\n\ny")));
    assert_eq!(a.published_at.unwrap().to_string(), "2024-05-01T10:00:00Z");
    assert_eq!((b.author.as_deref(), b.text.as_deref()), (Some("Ann, Bo"), Some("plain <b>")));
    assert_eq!(feed.skipped, ["entry 3 (9): it has no link"]);
}

#[test]
fn a_feed_in_latin_1_keeps_its_accents() {
    let text = rss("<item><title>Inova\u{e7}\u{e3}o</title><link>/a</link></item>")
        .replace("'1.0'", "'1.0' encoding='ISO-8859-1'");
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let feed =
        parse_feed(&bytes, Some("text/xml"), Url::parse("https://site.example/").ok().as_ref()).unwrap();
    assert_eq!(feed.articles[0].title, "Inovação");
}

#[test]
fn pictures_come_from_media_then_enclosures_then_the_text() {
    let feed = parsed(&rss(
        "<item><title>1</title><link>/1</link><media:content url='https://i.example/s.jpg' type='image/jpeg' width='100'/>\
         <media:content url='https://i.example/l.jpg' type='image/jpeg' width='900'/><description>&lt;img src='t.jpg'&gt;</description></item>\
         <item><title>2</title><link>/2</link><media:thumbnail url='https://i.example/t.jpg' width='240'/></item>\
         <item><title>3</title><link>/3</link><enclosure url='https://i.example/a.mp3' type='audio/mpeg' length='1'/>\
         <description>&lt;img src='https://t.example/1x1.gif'&gt;&lt;img src='/ok.jpg'&gt;</description></item>\
         <item><title>4</title><link>/4</link><enclosure url='https://i.example/e.jpg' type='image/jpeg' length='1'/></item>",
    ));
    let images: Vec<&str> = feed.articles.iter().map(image).collect();
    assert_eq!(
        images,
        [
            "https://i.example/l.jpg",
            "https://i.example/t.jpg",
            "https://site.example/ok.jpg",
            "https://i.example/e.jpg"
        ]
    );
}

#[test]
fn entries_without_title_or_link_are_skipped_and_named() {
    let feed = parsed(&rss("<item><link>/1</link><guid>g1</guid></item><item><title>No link</title></item>\
         <item><title>Odd link</title><link>javascript:alert(1)</link></item>\
         <item><title>By its guid</title><guid>https://site.example/4</guid></item>"));
    assert_eq!(feed.articles.iter().map(url).collect::<Vec<_>>(), ["https://site.example/4"]);
    assert_eq!(
        feed.skipped,
        [
            "entry 1 (g1): it has neither a title nor a text",
            "entry 2 (No link): it has no link",
            "entry 3 (Odd link): its link \"javascript:alert(1)\" is no web address"
        ]
    );
}

#[test]
fn markup_in_a_description_is_read_escaped_or_not() {
    let feed = parsed(&rss(
        "<item><title>It <b>is</b> so</title><link>/1</link><description>One <em>two</em> &lt;q&gt;three&lt;/q&gt;.</description></item>",
    ));
    assert_eq!(feed.articles[0].title, "It is so");
    assert_eq!(feed.articles[0].dek.as_deref(), Some("One two three."));
}

#[test]
fn malformed_xml_is_refused_with_line_and_column() {
    let error = refused("<rss version='2.0'>\n<channel>\n<title>Cut</title>");
    assert_eq!(
        error.to_string(),
        "the feed is not well-formed XML: line 3, column 19: the document ends here, but <channel> opened at line 2 is \
         not closed; the site has to mend this"
    );
}

#[test]
fn bare_ampersands_and_html_entities_are_read_as_readers_do() {
    let feed =
        parsed(&rss("<item><title>Fish & chips&nbsp;caf&eacute;</title><link>/a?b=1&c=2</link></item>"));
    assert_eq!(feed.articles[0].title, "Fish & chips café");
    assert_eq!(url(&feed.articles[0]), "https://site.example/a?b=1&c=2");
}

#[test]
fn a_web_page_is_refused_naming_the_feeds_it_offers() {
    let error = refused(
        "<!DOCTYPE html><html><head><link rel='alternate' type='application/rss+xml' href='/rss'>\
         <link rel='stylesheet' href='x'><link rel='ALTERNATE home' type='application/atom+xml' href='https://o.example/atom'>",
    );
    let said = error.to_string();
    assert_eq!(
        said,
        "this is a web page, not a feed; it offers https://site.example/rss and https://o.example/atom; add that instead"
    );
    assert!(refused("<html><body>hello").to_string().contains("names no feed"));
}

#[test]
fn what_is_no_feed_is_told_apart() {
    assert_eq!(refused(" \n"), FeedError::Empty);
    assert!(refused("<urlset xmlns='x'><url/></urlset>").to_string().contains("kind <urlset>"));
    assert!(refused("{\"a\": 1}").to_string().contains("without the version"));
    assert!(matches!(refused("{\"a\": 1,\n ]"), FeedError::Json { line: 2, .. }));
    assert!(matches!(refused("hello"), FeedError::NotAFeed { .. }));
    assert!(matches!(refused("%PDF-1.4"), FeedError::NotAFeed { .. }));
}

#[test]
fn an_entity_bomb_does_not_go_off() {
    let bomb = "<?xml version='1.0'?><!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>\
                <!ENTITY x SYSTEM 'file:///etc/passwd'>]><rss version='2.0'><channel><title>&b;&x;</title>\
                <item><title>Title &b;</title><link>https://site.example/1</link></item></channel></rss>";
    let feed = parsed(bomb);
    assert_eq!((feed.title.as_str(), feed.articles[0].title.as_str()), ("&b;&x;", "Title &b;"));
}

#[test]
fn of_a_huge_feed_the_newest_entries_are_kept() {
    let items: String = (0..MAX_ENTRIES + 10)
        .map(|n| (n, 1_700_000_000 + n))
        .map(|(n, at)| format!("<item><title>n{n}</title><link>/{n}</link><pubDate>{at}</pubDate></item>"))
        .collect::<Vec<_>>()
        .concat();
    let feed = parsed(&rss(&items));
    assert_eq!(feed.articles.len(), MAX_ENTRIES);
    assert_eq!(feed.articles[0].title, "n10");
    assert_eq!(feed.skipped, ["the 10 oldest entries: at most 2000 are read"]);
}

#[test]
fn a_feed_without_a_title_is_named_after_its_host() {
    assert_eq!(parsed("<rss version='2.0'><channel></channel></rss>").title, "site.example");
}

#[test]
fn pictures_keep_what_they_show() {
    let feed = parsed(&rss(
        "<item><title>1</title><link>/1</link><media:content url='https://i.example/a.jpg' type='image/jpeg'>\
         <media:description>A ferry &amp;amp; gulls</media:description></media:content></item>\
         <item><title>2</title><link>/2</link><description>&lt;img src='t.jpg' alt='IMG_1.jpg'&gt;</description></item>\
         <item><title>3</title><link>/3</link><description>&lt;img src='t.jpg' alt='Two \"loaves\"'&gt;</description></item>",
    ));
    let alts: Vec<Option<&str>> = feed.articles.iter().map(|it| it.image_alt.as_deref()).collect();
    assert_eq!(alts, [Some("A ferry & gulls"), None, Some("Two \"loaves\"")]);
}

#[test]
fn how_often_a_feed_is_updated_is_told_in_two_ways() {
    let every = |more: &str| {
        parsed(
            &rss(more)
                .replace("<channel>", "<channel xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'>"),
        )
        .ttl
    };
    assert_eq!(every(""), Some(Duration::from_mins(30)));
    let twice_daily = "<sy:updatePeriod> daily </sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>";
    assert_eq!(every(twice_daily), Some(Duration::from_hours(12)));
    assert_eq!(every("<sy:updatePeriod>sometimes</sy:updatePeriod>"), Some(Duration::from_mins(30)));
    assert_eq!(
        every("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>"),
        Some(Duration::from_hours(1))
    );
}

#[test]
fn what_was_escaped_twice_reads_as_it_was_meant() {
    let feed = parsed(&rss(
        "<item><title>Fish &amp;amp;amp; chips &amp;amp;#8211; it&amp;amp;rsquo;s on</title><link>/1</link>\
         <description>&amp;lt;p&amp;gt;Salt &amp;amp;amp; vinegar&amp;lt;/p&amp;gt;</description></item>",
    ));
    assert_eq!(feed.articles[0].title, "Fish & chips – it’s on");
    assert_eq!(feed.articles[0].dek.as_deref(), Some("Salt & vinegar"));
}

#[test]
fn no_markup_gets_through() {
    let hostile = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)><p>",
        "<a href='javascript:alert(1)'>click</a>",
        "<iframe src='https://evil.example'></iframe>",
        "<style>*{display:none}</style>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<form action=https://evil.example><input name=password></form>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<plaintext><b>",
        "<!--><img src=x onerror=alert(1)>-->",
    ];
    for markup in hostile {
        let escaped = markup.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let item = format!(
            "<item><title>Safe {escaped} title</title><link>/1</link><dc:creator>Ann {escaped}</dc:creator>\
             <category>News {escaped}</category><description>Dek {escaped} end</description>\
             <content:encoded>{escaped} body</content:encoded></item>"
        );
        let feed = parsed(&rss(&item));
        let found = &feed.articles[0];
        assert!(found.title.starts_with("Safe"), "{found:?}");
        for (field, text) in [("dek", &found.dek), ("text", &found.text)] {
            let text = text.as_deref().unwrap_or_default().to_lowercase();
            let inside = [
                "<script",
                "<img",
                "<svg",
                "<a ",
                "<iframe",
                "<style",
                "<form",
                "onerror",
                "javascript:",
                "alert",
            ];
            let through: Vec<&&str> = inside.iter().filter(|it| text.contains(**it)).collect();
            assert!(through.is_empty(), "{markup} in {field}: {text}");
        }
        assert!(found.image_url.is_none() || found.image_url.as_ref().unwrap().scheme() == "https");
    }
}
