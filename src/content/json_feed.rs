//! JSON Feed 1 and 1.1.
//!
//! Read here with serde_json, not by feed-rs: that drops an item's `image`, and refuses a whole feed for one numeric
//! `id` or an attachment without a type, both of which the format's own text tells readers to accept.

use serde_json::{Map, Value};
use url::Url;

use crate::{
    content::{
        dates,
        markup::{self, Picture},
        parsed_feed::{FeedError, ParsedFeed, dek_and_text, keep_newest, some},
    },
    domain::content::article::FoundArticle,
};

type Object = Map<String, Value>;

/// Reads the text of a JSON Feed.
pub fn parse(text: &str, base: Option<&Url>) -> Result<ParsedFeed, FeedError> {
    let feed: Object = serde_json::from_str(text).map_err(|error| FeedError::Json {
        line: error.line(),
        column: error.column(),
        problem: said(&error),
    })?;
    let version = string(&feed, "version").unwrap_or_default();
    let items = feed.get("items").and_then(Value::as_array);
    let Some(items) = items.filter(|_| version.contains("jsonfeed.org/version/1")) else {
        return Err(FeedError::NotAFeed {
            found: "JSON without the version and items of a JSON Feed".to_owned(),
        });
    };
    let site_url = string(&feed, "home_page_url").and_then(|url| markup::web_address(&url, base));
    let base = base.or(site_url.as_ref());
    let language = string(&feed, "language");
    let author = authors(&feed);
    let (mut articles, mut skipped) = (Vec::new(), Vec::new());
    for (at, item) in items.iter().enumerate() {
        match item
            .as_object()
            .ok_or_else(|| "it is no object".to_owned())
            .and_then(|item| article(item, base))
        {
            Ok(mut found) => {
                found.author = found.author.or_else(|| author.clone());
                found.language = found.language.or_else(|| language.clone());
                articles.push(found.tidy());
            }
            Err(why) => {
                let name =
                    item.as_object().and_then(|item| string(item, "title").or_else(|| string(item, "id")));
                let name = name.map(|name| format!("({name})")).unwrap_or_default();
                skipped.push(format!("entry {} {name}: {why}", at + 1));
            }
        }
    }
    keep_newest(&mut articles, &mut skipped);
    let title = markup::plain(&string(&feed, "title").unwrap_or_default());
    Ok(ParsedFeed { title, site_url: site_url.clone(), language, ttl: None, articles, skipped })
}

fn article(item: &Object, base: Option<&Url>) -> Result<FoundArticle, String> {
    let title = string(item, "title")
        .map(|title| markup::mended(markup::plain(&title)))
        .and_then(some)
        .ok_or("it has no title")?;
    let guid = string(item, "id");
    let link = string(item, "url").or_else(|| string(item, "external_url")).or_else(|| guid.clone());
    let link = link.ok_or("it has no link")?;
    let url =
        markup::web_address(&link, base).ok_or_else(|| format!("its link {link:?} is no web address"))?;
    let (html, plain) = (string(item, "content_html"), string(item, "content_text"));
    let summary = string(item, "summary");
    let body =
        html.as_deref().map(|html| (html, false)).or_else(|| plain.as_deref().map(|text| (text, true)));
    let (dek, text) = dek_and_text(body, summary.as_deref().map(|summary| (summary, true)));
    let picture =
        ["image", "banner_image"].iter().find_map(|name| markup::picture(&string(item, name)?, Some(&url)));
    let image = picture
        .or_else(|| enclosed_picture(item, &url))
        .map(|url| Picture { url, alt: None })
        .or_else(|| markup::first_picture(html.as_deref()?, Some(&url)));
    let (image_url, image_alt) = image.map(|image| (image.url, image.alt)).unzip();
    let date = |name: &str| dates::parse(&string(item, name)?);
    let tags = item.get("tags").and_then(Value::as_array);
    Ok(FoundArticle {
        guid,
        dek,
        author: authors(item),
        section: tags.and_then(|tags| tags.iter().find_map(|tag| some(markup::plain(tag.as_str()?)))),
        image_url,
        image_alt: image_alt.flatten(),
        published_at: date("date_published").or_else(|| date("date_modified")),
        language: string(item, "language"),
        text,
        url: Some(url),
        ..FoundArticle::titled(title)
    })
}

fn enclosed_picture(item: &Object, base: &Url) -> Option<Url> {
    item.get("attachments")?.as_array()?.iter().find_map(|attachment| {
        let attachment = attachment.as_object()?;
        let kind = string(attachment, "mime_type")?;
        markup::picture(&string(attachment, "url").filter(|_| kind.starts_with("image/"))?, Some(base))
    })
}

/// The names in `authors` (1.1), or in `author` (1).
fn authors(object: &Object) -> Option<String> {
    let one = |author: &Value| some(markup::plain(&string(author.as_object()?, "name")?));
    let list = object.get("authors").and_then(Value::as_array);
    let mut names: Vec<String> = list.into_iter().flatten().filter_map(one).collect();
    if names.is_empty() {
        names.extend(object.get("author").and_then(one));
    }
    names.dedup();
    some(names.join(", "))
}

/// A text, or a number as text.
fn string(object: &Object, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The error without the position, which is told apart.
fn said(error: &serde_json::Error) -> String {
    let said = error.to_string();
    said.split(" at line ").next().unwrap_or(&said).to_owned()
}
