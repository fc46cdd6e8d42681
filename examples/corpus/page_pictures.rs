//! Finds the pictures that a page declares for sharing, without Daily's own parser.

use dom_query::Document;
use serde_json::Value;
use url::Url;

const NAMES: [&str; 5] =
    ["og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"];

/// Returns the URLs of these pictures, the page's first choice first.
pub fn declared(html: &[u8]) -> Vec<Url> {
    let page = Document::from(String::from_utf8_lossy(html).as_ref());
    let mut pictures = Vec::new();
    for name in NAMES {
        let selector = format!("meta[property='{name}'], meta[name='{name}']");
        pictures
            .extend(page.select(&selector).iter().filter_map(|meta| meta.attr("content")).map(String::from));
    }
    for script in &page.select("script[type='application/ld+json']") {
        // Some pages wrap the data into CDATA.
        let facts = script.text().replace("<![CDATA[", "").replace("]]>", "");
        if let Ok(facts) = serde_json::from_str(&facts) {
            images(&facts, &mut pictures);
        }
    }
    let canonical = page.select("link[rel='canonical']").attr("href");
    let base = canonical.and_then(|href| Url::parse(&href).ok());
    let address = |text: &String| Url::options().base_url(base.as_ref()).parse(text.trim()).ok();
    pictures.iter().filter(|text| !text.trim().is_empty()).filter_map(address).collect()
}

/// Collects the images of all objects in structured data.
fn images(facts: &Value, pictures: &mut Vec<String>) {
    match facts {
        Value::Array(all) => all.iter().for_each(|it| images(it, pictures)),
        Value::Object(object) => {
            for (name, value) in object {
                if matches!(name.as_str(), "image" | "thumbnailUrl") {
                    addresses(value, pictures);
                } else {
                    images(value, pictures);
                }
            }
        }
        _ => {}
    }
}

/// Collects the URLs of an image, which is a URL, an object with one, or a list of these.
fn addresses(image: &Value, pictures: &mut Vec<String>) {
    match image {
        Value::String(address) => pictures.push(address.clone()),
        Value::Array(all) => all.iter().for_each(|it| addresses(it, pictures)),
        Value::Object(object) => {
            pictures.extend(
                ["url", "contentUrl"].iter().filter_map(|name| Some(object.get(*name)?.as_str()?.to_owned())),
            );
        }
        _ => {}
    }
}
