//! Malformed feeds, one kind of fault at a time. They are read as a browser would show them.

use super::*;
use proptest::prelude::*;

const SITE: &str = "https://lamp.example/feed";

fn read(text: &str) -> ParsedFeed {
    parse_feed(text.as_bytes(), None, Url::parse(SITE).ok().as_ref())
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn refused(text: &str) -> FeedError {
    parse_feed(text.as_bytes(), None, Url::parse(SITE).ok().as_ref()).unwrap_err()
}

fn titles(feed: &ParsedFeed) -> Vec<&str> {
    feed.articles.iter().map(|it| it.title.as_str()).collect()
}

fn links(feed: &ParsedFeed) -> Vec<&str> {
    feed.articles.iter().map(|it| it.url.as_ref().unwrap().as_str()).collect()
}

fn items(first: &str) -> String {
    format!(
        "<item>{first}<link>https://lamp.example/1</link><guid>1</guid><pubDate>Fri, 01 May 2026 08:00:00 GMT</pubDate></item>\
         <item><title>Two</title><link>https://lamp.example/2</link><guid>2</guid></item>"
    )
}

fn rss(items: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Lamp</title><link>https://lamp.example/</link>{items}</channel></rss>"
    )
}

/// Returns an RSS feed whose first entry has these elements before its link.
fn with(first: &str) -> String {
    rss(&items(first))
}

fn atom(title: &str, more: &str) -> String {
    format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Lamp</title><entry>{title}<link href=\"https://lamp.example/1\"/>\
         <id>1</id><updated>2026-05-01T08:00:00Z</updated>{more}</entry><entry><title>Two</title><link href=\"https://lamp.example/2\"/>\
         <id>2</id></entry></feed>"
    )
}

#[test]
fn every_type_of_text_is_read_by_what_it_holds() {
    for kind in [
        "",
        "text",
        "TEXT",
        "plain",
        "text/plain",
        "text/markdown",
        "xml",
        "x-unknown",
        "application/xml",
        "  ",
    ] {
        let feed = read(&atom(&format!("<title type=\"{kind}\">One &amp;amp; all</title>"), ""));
        assert_eq!(titles(&feed), ["One & all", "Two"], "{kind}");
        let feed =
            read(&atom("<title>One</title>", &format!("<content type=\"{kind}\">Plain words.</content>")));
        assert_eq!(feed.articles[0].text.as_deref(), Some("Plain words."), "{kind}");
    }
    for kind in [
        "xhtml",
        "application/xhtml+xml",
        "text/xhtml",
        "XHTML",
        "application/xml",
        "text/xml",
        "",
        "html",
        "text/html",
    ] {
        let inner = "<p xmlns=\"http://www.w3.org/1999/xhtml\">One <b>bold</b> word</p><p>More</p>";
        let feed = read(&atom("<title>One</title>", &format!("<content type=\"{kind}\">{inner}</content>")));
        assert_eq!(feed.articles[0].text.as_deref(), Some("One bold word\n\nMore"), "{kind}");
        let feed = read(&atom(&format!("<title type=\"{kind}\"><span>One</span> all</title>"), ""));
        assert_eq!(titles(&feed), ["One all", "Two"], "{kind}");
    }
    for kind in ["image/png", "application/octet-stream"] {
        let feed = read(&atom("<title>One</title>", &format!("<content type=\"{kind}\">aGVsbG8=</content>")));
        assert_eq!(feed.articles[0].text, None, "{kind}");
    }
}

#[test]
fn slips_in_markup_are_lived_with() {
    for (first, title) in [
        ("<title>Boats < 10 m pay less</title>", "Boats < 10 m pay less"),
        ("<title>5 <6 and 7> 3</title>", "5 <6 and 7> 3"),
        ("<title>We <3 boats & fish</title>", "We <3 boats & fish"),
        ("<title>Vec<String> is fine</title>", "Vec<String> is fine"),
        ("<title>A&nbsp;B &copy; C&unknown;</title>", "A B © C&unknown;"),
        ("<title>A &#xD83D;&#xDE00; &#146;s</title>", "A 😀 ’s"),
        ("<title>A &#0;&#x1; &#xFFFFFFF; b</title>", "A \u{fffd} \u{fffd} b"),
        ("<title>One<br>two</title>", "One two"),
        ("<title>One <b>bold</title>", "One bold"),
        ("<title>One</b></title>", "One"),
        ("<title>One</Title>", "One"),
        ("<TITLE>One</TITLE>", "One"),
        ("<title >One</title >", "One"),
        ("<title><![CDATA[One & <i>two</i>]]></title>", "One & two"),
        ("<title>One</title></content></p>", "One"),
        ("<title>One</title><description><p>open<img src=x><br></description>", "One"),
        ("<title>One</title><description><b><i>x</b></i></description>", "One"),
        ("<title>One</title><br><hr/><img src=\"x.png\">", "One"),
        ("<title>One</title><description>never closed ", "One"),
        ("<title>One", "One"),
        ("<title>One</title><category>News<category>World</category>", "One"),
        ("<title>One</title><enclosure url=\"a.mp3\" type=\"audio/mpeg\">", "One"),
        ("<title>One</title><media:thumbnail url=\"t.jpg\">", "One"),
        ("<title>One</title><x:unknown>y", "One"),
        ("<title>One</title><description x=\"y>text</description>", "One"),
    ] {
        let feed = read(&with(first));
        assert_eq!(titles(&feed), [title, "Two"], "{first}");
        assert_eq!(links(&feed), ["https://lamp.example/1", "https://lamp.example/2"], "{first}");
    }
}

#[test]
fn junk_around_a_feed_is_passed_over() {
    let feed = with("<title>One</title>");
    for text in [
        format!("Notice: cache is stale\n{feed}"),
        format!("<br />\n<b>Warning</b>: undefined $x in <b>/feed.php</b> on line <b>3</b><br />\n{feed}"),
        format!("<!DOCTYPE html><html><head><title>Error</title></head><body><p>Oops</body></html>{feed}"),
        format!("<!-- cached --><!-- 1 -->{feed}"),
        format!("\u{feff}\n\n  {feed}"),
        format!("{feed}\n<!-- served in 0.1 s --><br>"),
        format!("{feed}<script>track()</script><p>Bye"),
        format!("{feed}\nFatal error: out of memory"),
        format!("{feed}{}", "\0".repeat(9)),
        feed.replace("?>", ">"),
        feed.replace(
            "<?xml version=\"1.0\"?>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"><?xml-stylesheet href=\"x\">",
        ),
        feed.replace("<rss", "<!DOCTYPE rss PUBLIC \"-//Netscape//DTD RSS 0.91//EN\" \"rss.dtd\"><rss"),
        feed.replace("<rss", "<!DOCTYPE rss [ <!ENTITY x \"y\"> ]\n><rss"),
        feed.replace("<channel>", "<channel><!-- <item> -->"),
    ] {
        assert_eq!(titles(&read(&text)), ["One", "Two"], "{text}");
    }
}

#[test]
fn an_end_that_is_missing_costs_at_most_the_last_entry() {
    let whole = with("<title>One</title>");
    let second = whole.find("<item><title>Two").unwrap();
    for end in second..whole.len() {
        let feed = read(&whole[..end]);
        assert!(titles(&feed).starts_with(&["One"]), "{}", &whole[..end]);
        assert!(end < whole.rfind("</link>").unwrap() || titles(&feed).len() == 2, "{}", &whole[..end]);
    }
    for text in [whole.replace("</channel>", ""), whole.replace("</rss>", ""), whole.replace("</item>", "")] {
        let feed = read(&text);
        assert_eq!(titles(&feed), ["One", "Two"], "{text}");
        assert!(feed.repairs.is_some(), "{text}");
    }
}

#[test]
fn places_of_faults_are_those_of_the_publishers_document() {
    let text = "\u{feff}\n<?xml version='1.0'?>\n<rss><channel>\n<item><title>é < b</title><link>/1</link></item></channel></rss>";
    let repairs = read(text).repairs.unwrap();
    assert_eq!((repairs.line, repairs.column, repairs.count), (4, 16, 1), "{repairs:?}");
    assert_eq!(read(&with("<title>One</title>")).repairs, None);
    assert!(refused("<rss>\n<channel>").to_string().contains("line 2, column 10"));
    let error =
        refused(&rss("<item><description></description></item><item><guid>x</guid></item>")).to_string();
    assert!(
        error.starts_with("none of the feed's 2 entries is understood: entry 1 : it has no link; entry 2"),
        "{error}"
    );
}

#[test]
fn names_and_namespaces_may_be_odd() {
    let plain = with("<title>One</title>");
    let atom_feed = atom("<title>One</title>", "");
    for text in [
        plain.replace("<rss version=\"2.0\">", "<rss version=\"2.0\" xmlns=\"http://www.w3.org/2005/Atom\">"),
        plain.replace("<rss version=\"2.0\">", "<rss xmlns=\"http://backend.userland.com/rss2\">"),
        plain.replace("<rss version=\"2.0\">", "<rss version=\"0.92\" xmlns=\"urn:x\">"),
        plain.replace("<rss version=\"2.0\">", "<RSS VERSION=\"2.0\">").replace("</rss>", "</RSS>"),
        plain.replace("item>", "Item>").replace("title>", "Title>").replace("link>", "LINK>"),
        plain.replace("<rss version=\"2.0\"><channel>", "<rss version=\"2.0\">").replace("</channel>", ""),
        plain.replace("<item>", "</channel><item>").replace("</channel></rss>", "</rss>"),
        plain.replace("<item>", "<items><item>").replace("</item>", "</item></items>"),
        plain
            .replace(
                "<rss version=\"2.0\">",
                "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">",
            )
            .replace("</rss>", "</rdf:RDF>"),
        plain.replace("rss", "rdf"),
        plain.replace("<rss version=\"2.0\">", "").replace("</rss>", ""),
        atom_feed.replace(" xmlns=\"http://www.w3.org/2005/Atom\"", ""),
        atom_feed.replace("http://www.w3.org/2005/Atom", "http://www.w3.org/2005/atom/"),
        atom_feed.replace("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"),
        atom_feed.replace("<feed ", "<Feed ").replace("</feed>", "</Feed>").replace("entry>", "Entry>"),
        ["feed", "title", "entry", "link", "id", "updated"].iter().fold(
            atom_feed.replace("xmlns=", "xmlns:a="),
            |text, name| {
                text.replace(&format!("<{name}"), &format!("<a:{name}"))
                    .replace(&format!("</{name}"), &format!("</a:{name}"))
            },
        ),
    ] {
        let feed = read(&text);
        assert_eq!(titles(&feed), ["One", "Two"], "{text}");
        assert_eq!(links(&feed), ["https://lamp.example/1", "https://lamp.example/2"], "{text}");
        assert_eq!(feed.title, "Lamp", "{text}");
    }
    // An undeclared prefix has its usual meaning.
    let feed = read(&with(
        "<dc:title>One</dc:title><dc:creator>Ann Lee</dc:creator><content:encoded>Words</content:encoded>",
    ));
    let one = &feed.articles[0];
    assert_eq!(
        (one.title.as_str(), one.author.as_deref(), one.text.as_deref()),
        ("One", Some("Ann Lee"), Some("Words"))
    );
}

#[test]
fn titles_come_from_where_they_are() {
    for (first, title) in [
        ("<dc:title>One</dc:title>", "One"),
        ("<media:title>One</media:title>", "One"),
        ("<media:group><media:title>One</media:title></media:group>", "One"),
        (
            "<media:content url=\"https://lamp.example/a.mp4\"><media:title type=\"plain\">One</media:title></media:content>",
            "One",
        ),
        ("<itunes:title>One</itunes:title>", "One"),
        (
            "<title/><description>The ferry is late again. Nobody minds.</description>",
            "The ferry is late again",
        ),
        (
            "<title></title><description>&lt;p&gt;A toot without &lt;b&gt;end&lt;/b&gt; or point&lt;/p&gt;</description>",
            "A toot without end or point",
        ),
        (
            "<content:encoded><![CDATA[<p>Only a text!</p><p>And more.</p>]]></content:encoded>",
            "Only a text!",
        ),
        ("<itunes:summary>About a lighthouse that moved</itunes:summary>", "About a lighthouse that moved"),
        (
            "<description>&lt;img src=\"/1.jpg\" alt=\"A goat on a ramp\"&gt;</description>",
            "A goat on a ramp",
        ),
        ("<title>One<link>https://lamp.example/0</link>", "One"),
        ("<title>One<link rel=\"self\" href=\"https://lamp.example/0\"/>", "One"),
        ("<title>One<summary>Text</summary>", "One"),
    ] {
        assert_eq!(titles(&read(&with(first))), [title, "Two"], "{first}");
    }
    let long = "word ".repeat(60);
    let feed = read(&with(&format!("<description>{long}</description>")));
    let title = &feed.articles[0].title;
    assert!(title.chars().count() <= 110 && title.ends_with("word…"), "{title}");
    let feed = read(&with("<description>The ferry is late again. Nobody minds.</description>"));
    assert_eq!(feed.articles[0].dek.as_deref(), Some("Nobody minds."));
}

#[test]
fn links_come_from_where_they_are() {
    let of = |inner: &str| {
        let text = rss(&format!(
            "<item><title>One</title>{inner}</item><item><title>Two</title><link>/2</link></item>"
        ));
        let feed = read(&text.replace("<rss ", "<rss xmlns:a=\"http://www.w3.org/2005/Atom\" "));
        (feed.articles.len() == 2).then(|| links(&feed)[0].to_owned())
    };
    for (inner, link) in [
        ("<a:link href=\"https://lamp.example/1\"/>", "https://lamp.example/1"),
        ("<link href=\"https://lamp.example/1\"/>", "https://lamp.example/1"),
        ("<link></link><guid>https://lamp.example/1</guid>", "https://lamp.example/1"),
        ("<guid isPermaLink=\"true\">https://lamp.example/1</guid>", "https://lamp.example/1"),
        ("<link>\n https://lamp.example/1 \n</link>", "https://lamp.example/1"),
        ("<link><![CDATA[https://lamp.example/?a=1&b=2]]></link>", "https://lamp.example/?a=1&b=2"),
        ("<link>https://lamp.example/?a=1&copy=2</link>", "https://lamp.example/?a=1&copy=2"),
        ("<link>www.lamp.example/1</link>", "https://www.lamp.example/1"),
        ("<link>/1#place</link>", "https://lamp.example/1#place"),
        ("<enclosure url=\"https://lamp.example/1.mp3\" type=\"audio/mpeg\"/>", "https://lamp.example/1.mp3"),
        (
            "<media:content url=\"https://lamp.example/1.mp4\" type=\"video/mp4\"/>",
            "https://lamp.example/1.mp4",
        ),
        (
            "<media:group><media:player url=\"https://lamp.example/play\"/></media:group>",
            "https://lamp.example/play",
        ),
        ("<feedburner:origLink>https://lamp.example/1</feedburner:origLink>", "https://lamp.example/1"),
        ("<link>https://lamp.example/a\n   b/1\n</link>", "https://lamp.example/ab/1"),
        ("<link>https://lamp.example/?a=1&amp;amp;b=2</link>", "https://lamp.example/?a=1&b=2"),
        ("<link>lamp.example/1</link>", "https://lamp.example/1"),
        ("<link><a href=\"https://lamp.example/1\">read</a></link>", "https://lamp.example/1"),
        ("<url>https://lamp.example/1</url>", "https://lamp.example/1"),
        ("<comments>https://lamp.example/1#comments</comments>", "https://lamp.example/1#comments"),
        (
            "<guid isPermaLink=\"false\">https://lamp.example/g</guid><link>/1</link>",
            "https://lamp.example/1",
        ),
    ] {
        assert_eq!(of(inner).as_deref(), Some(link), "{inner}");
    }
    for inner in [
        "<guid isPermaLink=\"false\">https://lamp.example/g</guid>",
        "<guid>boat-1</guid>",
        "<guid>1</guid>",
        "",
    ] {
        assert_eq!(of(inner), None, "{inner}");
    }
    let links_of = |inner: &str| {
        let text =
            atom("<title>One</title>", inner).replacen("<link href=\"https://lamp.example/1\"/>", "", 1);
        links(&read(&text))[0].to_owned()
    };
    for (inner, link) in [
        (
            "<link rel=\"self\" href=\"/1.atom\"/><link rel=\"edit\" href=\"/1/edit\"/>",
            "https://lamp.example/1.atom",
        ),
        (
            "<link rel=\"alternate\" type=\"application/json\" href=\"/1.json\"/><link rel=\"alternate\" type=\"text/html\" href=\"/1\"/>",
            "https://lamp.example/1",
        ),
        (
            "<link rel=\"alternate\" type=\"application/json\" href=\"/1.json\"/>",
            "https://lamp.example/1.json",
        ),
        (
            "<link rel=\"http://www.iana.org/assignments/relation/alternate\" href=\"/1\"/>",
            "https://lamp.example/1",
        ),
        ("<link rel=\"enclosure\" type=\"audio/mpeg\" href=\"/1.mp3\"/>", "https://lamp.example/1.mp3"),
        ("<link>https://lamp.example/1</link>", "https://lamp.example/1"),
        ("<link rel=\"related\" href=\"/1\">", "https://lamp.example/1"),
        ("<link rel=\"Alternate\" href=\"/1\"/>", "https://lamp.example/1"),
        ("<link rel=\"alternate nofollow\" href=\"/1\"/>", "https://lamp.example/1"),
        ("<link rel=\"https://lamp.example/rel\" href=\"/1\"/>", "https://lamp.example/1"),
        ("<link rel=\"replies\" href=\"/1#c\"/>", "https://lamp.example/1#c"),
        ("<link url=\"/1\"/>", "https://lamp.example/1"),
        ("<content src=\"/1\" type=\"text/html\"/>", "https://lamp.example/1"),
    ] {
        assert_eq!(links_of(inner), link, "{inner}");
    }
}

#[test]
fn json_feeds_may_have_slips_too() {
    let item = r#"{"id":"1","url":"https://lamp.example/1","title":"One","content_text":"x"}"#;
    let whole = format!(
        r#"{{"version":"https://jsonfeed.org/version/1.1","title":"Lamp","items":[{item},{}]}}"#,
        item.replace('1', "2").replace("One", "Two")
    );
    for text in [
        whole.clone(),
        whole.replace("}]}", "},]}"),
        whole.replace("\"x\"}", "\"x\",}"),
        whole.replace("\"x\"", "\"x\ny\tz\""),
        whole.replace("},{", "}{"),
        whole.replace(",\"title\":\"Lamp\"", ""),
        whole.replace("\"version\":\"https://jsonfeed.org/version/1.1\",", ""),
        whole.replace("https://jsonfeed.org/version/1.1", "1"),
        whole.replace("\"id\":\"1\"", "\"id\":1"),
        format!("\u{feff} {whole} trailing"),
        format!("// a comment\n{whole}"),
        format!("Warning: x\n{whole}"),
        format!("callback({whole});"),
        whole.replace('"', "'"),
        whole.replace("\"x\"", "\"an \"x\" here\""),
        whole[..whole.len() - 2].to_owned(),
        whole[..whole.len() - 5].to_owned(),
    ] {
        assert_eq!(titles(&read(&text)), ["One", "Two"], "{text}");
    }
    let untitled = whole.replace("\"title\":\"One\",", "").replace("\"x\"", "\"The ferry is late again.\"");
    assert_eq!(titles(&read(&untitled))[0], "The ferry is late again");
    assert!(matches!(refused("{\"a\": 1,\n ]"), FeedError::Json { line: 2, .. }));
    assert!(matches!(refused("{\"items\": [{\"a\": 1}]}"), FeedError::NotAFeed { .. }));
}

#[test]
fn dates_that_are_not_understood_are_counted() {
    let dated =
        |date: &str| format!("<item><title>{date}</title><link>/x</link><pubDate>{date}</pubDate></item>");
    let feed = read(&rss(&["soon", "2026-05-01", "in the year of the ox", "0000-00-00 00:00:00", ""]
        .map(dated)
        .concat()));
    assert_eq!((feed.unreadable_dates, feed.unreadable_date.as_deref()), (2, Some("soon")));
    let two = "<pubDate>soon</pubDate><dc:date>2026-05-01</dc:date>";
    assert_eq!(read(&with(&format!("<title>One</title>{two}"))).unreadable_dates, 0);
    assert!(
        read(&with("<title>One</title><updated>01/05/2026 08:00</updated>")).articles[0]
            .published_at
            .is_some()
    );
}

/// Returns the parser's steps per byte.
fn steps_for_each_byte(text: &str) -> u64 {
    let budget = Budget::for_bytes(text.len());
    let _ = parse_within(text.as_bytes(), None, Url::parse(SITE).ok().as_ref(), &budget);
    budget.taken() / u64::try_from(text.len()).unwrap()
}

#[test]
fn work_grows_no_faster_than_the_document() {
    let shapes: &[(&str, &str, &str)] = &[
        ("<rss><item><title>", "<", ""),
        ("<rss><item><title>", "&", ""),
        ("<rss><item><title>", "&#xD800;&", ""),
        ("<rss><item><title>", "<b", ""),
        ("<rss><item><title>", "<b>", ""),
        ("<rss><item><description>", "&lt;b", ""),
        ("<rss><item>", "<category>x", ""),
        ("<rss><item>", "<author>a</author>", "<title>t</title><link>/1</link></item></rss>"),
        ("<rss><item>", "<a b='", ""),
        ("<rss><item>", "<a b=\"></x", ""),
        ("<rss>", "<item>", ""),
        ("<rss>", "<item><title>x</title><link>/1</link>", ""),
        ("<rss>", "</item>", ""),
        ("", "<rss>", ""),
        ("<rss>", "<?x", ""),
        ("<rss>", "<?x ?>", ""),
        ("<rss>", "<!-- ", ""),
        ("<rss>", "<!", ""),
        ("<rss>", "<![CDATA[", ""),
        ("<rss>", "<!DOCTYPE [", ""),
        ("<rss>", "<a ", ""),
        ("<rss><x ", "a=b ", "></x></rss>"),
        ("<rss ", "xmlns:a='b' ", "></rss>"),
        ("<rss>", "<x xmlns:a='b'>", ""),
        ("{\"items\":[", "{\"a\":[", ""),
        ("{\"items\":[{\"title\":\"", "\\ud83d", ""),
        ("{", "\"a\":1,", ""),
        ("{\"items\":[{\"title\":\"", "\" a", ""),
        ("{\"items\":[{\"title\":\"", "\"  ", ""),
        ("<rss><item><title>t</title><pubDate>", "1 May ", "</pubDate></item></rss>"),
        ("<rss><item><title>t</title><pubDate>", "&amp;", "</pubDate></item></rss>"),
        ("<rss><item><title>t</title><link>/", "&amp;", "</link></item></rss>"),
        ("<rss><item><title>t</title><link>&", "amp;", "</link></item></rss>"),
        ("<rss><item><title>t</title><link rel='", "a ", "' href='/1'/></item></rss>"),
        (
            "<rss><item><title>t</title><description>&lt;img srcset='",
            "/a.png 1w, ",
            "'&gt;</description></item></rss>",
        ),
    ];
    for (before, unit, after) in shapes {
        let of = |times: usize| format!("{before}{}{after}", unit.repeat(times));
        let (small, large) = (steps_for_each_byte(&of(500)), steps_for_each_byte(&of(10_000)));
        assert!(
            large <= 2 * small + 2,
            "{before}{unit}: {small} steps for each byte of little, {large} of much"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_document_makes_it_panic(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("<item>"), Just("</item>"), Just("<title>"), Just("</title>"), Just("<link>"), Just("/x"), Just("</link>"),
                Just("<rss>"), Just("<feed>"), Just("<entry>"), Just("</entry>"), Just("<![CDATA["), Just("]]>"), Just("<!--"),
                Just("-->"), Just("<"), Just(">"), Just("&"), Just("&#x"), Just(";"), Just("\""), Just("'"), Just(" é"), Just("<?"),
                Just("<!DOCTYPE"), Just("["), Just("<content type='xhtml'>"), Just("<dc:date>2026"), Just("{"), Just("\"items\":["),
            ],
            0..40,
        ),
    ) {
        let text = pieces.concat();
        let _ = parse_feed(text.as_bytes(), None, Url::parse(SITE).ok().as_ref());
        let _ = parse_feed(format!("<rss>{text}").as_bytes(), None, None);
    }
}
