//! JSON Feed 1 and 1.1.
//!
//! Parsed with serde_json instead of feed-rs, which drops an item's `image`. It also rejects a whole feed for
//! one numeric `id` or an attachment without a type. The specification tells readers to accept both.

use serde_json::{Map, Value};
use url::Url;

use crate::{
    content::{
        dates, json_mend,
        markup::{self, Picture},
        parsed_feed::{FeedError, ParsedFeed, Repairs, dek_and_text, keep_newest, some, title_and_dek},
    },
    domain::content::article::FoundArticle,
};

type Object = Map<String, Value>;

/// Parses a JSON Feed.
pub fn parse(text: &str, base: Option<&Url>) -> Result<ParsedFeed, FeedError> {
    let (feed, repairs) = object(text)?;
    let is_said = string(&feed, "version").is_some_and(|version| version.contains("jsonfeed.org"));
    let items = feed.get("items").and_then(Value::as_array);
    let is_like_one = || items.is_some_and(|items| items.first().is_some_and(Value::is_object));
    let Some(items) = items.filter(|_| is_said || is_like_one()) else {
        return Err(match repairs {
            Some(Repairs { line, column, problem, .. }) => FeedError::Json { line, column, problem },
            None => {
                FeedError::NotAFeed { found: "JSON without the version and items of a JSON Feed".to_owned() }
            }
        });
    };
    let site_url = string(&feed, "home_page_url").and_then(|url| markup::web_address(&url, base));
    let base = base.or(site_url.as_ref());
    let language = string(&feed, "language");
    let author = authors(&feed);
    let (mut articles, mut skipped, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for (at, item) in items.iter().enumerate() {
        match item
            .as_object()
            .ok_or_else(|| "it is no object".to_owned())
            .and_then(|item| article(item, base))
        {
            Ok((mut found, unreadable_date)) => {
                found.author = found.author.or_else(|| author.clone());
                found.language = found.language.or_else(|| language.clone());
                articles.push(found.tidy());
                unreadable.extend(unreadable_date);
            }
            Err(why) => {
                let name =
                    item.as_object().and_then(|item| string(item, "title").or_else(|| string(item, "id")));
                let name = name.map(|name| format!("({name})")).unwrap_or_default();
                skipped.push(format!("entry {} {name}: {why}", at + 1));
            }
        }
    }
    if articles.is_empty() && !skipped.is_empty() {
        return Err(if is_said {
            FeedError::NothingUnderstood { count: items.len(), reasons: skipped }
        } else {
            FeedError::NotAFeed { found: "JSON without the version and items of a JSON Feed".to_owned() }
        });
    }
    keep_newest(&mut articles, &mut skipped);
    Ok(ParsedFeed {
        title: markup::plain(&string(&feed, "title").unwrap_or_default()),
        site_url: site_url.clone(),
        language,
        ttl: None,
        articles,
        skipped,
        unreadable_dates: unreadable.len(),
        unreadable_date: unreadable.into_iter().next(),
        repairs,
    })
}

/// Returns the JSON object in a text, and the repairs that it needed.
fn object(text: &str) -> Result<(Object, Option<Repairs>), FeedError> {
    let error = match serde_json::from_str(text) {
        Ok(object) => return Ok((object, None)),
        Err(error) => error,
    };
    let (line, column, problem) = (error.line(), error.column(), said(&error));
    match serde_json::from_str(&json_mend::mended(text)) {
        Ok(object) => Ok((object, Some(Repairs { count: 1, line, column, problem }))),
        Err(_) => Err(FeedError::Json { line, column, problem }),
    }
}

/// Converts an item into an article. Also returns the first date if no date could be parsed.
fn article(item: &Object, base: Option<&Url>) -> Result<(FoundArticle, Option<String>), String> {
    let guid = string(item, "id");
    let said = string(item, "url").or_else(|| string(item, "external_url"));
    let url = said.as_deref().and_then(|link| markup::web_address(link, base));
    let url = url.or_else(|| markup::web_address(guid.as_deref()?, None)).or_else(|| enclosed(item, base));
    let url = url.ok_or_else(|| match &said {
        Some(link) => format!("its link {link:?} is no web address"),
        None => "it has no link".to_owned(),
    })?;
    let (html, plain) = (string(item, "content_html"), string(item, "content_text"));
    let summary = string(item, "summary");
    let body =
        html.as_deref().map(|html| (html, false)).or_else(|| plain.as_deref().map(|text| (text, true)));
    let (dek, text) = dek_and_text(body, summary.as_deref().map(|summary| (summary, true)));
    let title = string(item, "title").and_then(|title| some(markup::mended(markup::plain(&title))));
    let picture =
        ["image", "banner_image"].iter().find_map(|name| markup::picture(&string(item, name)?, Some(&url)));
    let image = picture
        .or_else(|| enclosed_picture(item, &url))
        .map(|url| Picture { url, alt: None })
        .or_else(|| markup::first_picture(html.as_deref()?, Some(&url)));
    let (image_url, image_alt) = image.map(|image| (image.url, image.alt)).unzip();
    let image_alt: Option<String> = image_alt.flatten();
    let words = text.as_deref().or(image_alt.as_deref().filter(|_| dek.is_none()));
    let (title, dek) = title_and_dek(title, dek, words).ok_or("it has neither a title nor a text")?;
    let dates: Vec<String> =
        ["date_published", "date_modified"].iter().filter_map(|name| some(string(item, name)?)).collect();
    let published_at = dates.iter().find_map(|date| dates::parse(date));
    let unreadable_date = dates.into_iter().next().filter(|_| published_at.is_none());
    let tags = item.get("tags").and_then(Value::as_array);
    let article = FoundArticle {
        guid,
        dek,
        author: authors(item),
        section: tags
            .and_then(|tags| tags.iter().take(20).find_map(|tag| some(markup::plain(tag.as_str()?)))),
        image_url,
        image_alt,
        published_at,
        language: string(item, "language"),
        text,
        url: Some(url),
        ..FoundArticle::titled(title)
    };
    Ok((article, unreadable_date))
}

/// Returns the URL of the first attachment.
fn enclosed(item: &Object, base: Option<&Url>) -> Option<Url> {
    let attachments = item.get("attachments")?.as_array()?;
    attachments.iter().find_map(|it| markup::web_address(&string(it.as_object()?, "url")?, base))
}

fn enclosed_picture(item: &Object, base: &Url) -> Option<Url> {
    item.get("attachments")?.as_array()?.iter().find_map(|attachment| {
        let attachment = attachment.as_object()?;
        let kind = string(attachment, "mime_type")?;
        markup::picture(&string(attachment, "url").filter(|_| kind.starts_with("image/"))?, Some(base))
    })
}

/// Returns the names in `authors` (1.1) or `author` (1).
fn authors(object: &Object) -> Option<String> {
    let one = |author: &Value| some(markup::plain(&string(author.as_object()?, "name")?));
    let list = object.get("authors").and_then(Value::as_array);
    let mut names: Vec<String> = list.into_iter().flatten().take(20).filter_map(one).collect();
    if names.is_empty() {
        names.extend(object.get("author").and_then(one));
    }
    names.dedup();
    some(names.join(", "))
}

/// Returns a string, or a number as a string.
fn string(object: &Object, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Formats the error without its position, which is reported separately.
fn said(error: &serde_json::Error) -> String {
    let said = error.to_string();
    said.split(" at line ").next().unwrap_or(&said).to_owned()
}
