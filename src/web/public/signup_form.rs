//! What a signup brings, from our form, another site's or a program.

use crate::{
    actions::signup::request::MOST_NEWSLETTERS,
    db::newsletters::NewsletterRecord,
    domain::signup::form_token::FilledIn,
    i18n::Spoken,
    web::{AppError, Site, layout::Place, negotiate::media_type},
};
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize as _;
use serde_json::Value;
use url::form_urlencoded;

/// Short name of the newsletter that a signup without one is for.
pub(super) const DEFAULT_NEWSLETTER: &str = "daily";

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    pub email: String,
    /// Short names. A form has the field once for each; JSON may have a list.
    #[serde(default, deserialize_with = "one_or_many")]
    pub newsletter: Vec<String>,
    /// The page the form stands on.
    pub source: Option<String>,
    /// The zone of the reader's clock, by its IANA name. It comes from a browser: one that is unknown is no error.
    pub time_zone: Option<String>,
    /// The language of the page the form stands on. It may be any: one that is not spoken here is no error.
    pub lang: Option<String>,
    /// The mark of our own form.
    pub started: Option<String>,
    /// The field that no person sees.
    pub website: Option<String>,
    /// The reader was asked about a slip, and insists.
    pub as_typed: Option<String>,
    /// The solution of a challenge.
    pub proof: Option<String>,
}

/// How an answer is asked for.
pub(super) struct Asked<'a> {
    /// By JSON.
    pub json: bool,
    /// In a window or a frame.
    pub place: Place,
    /// The chosen newsletters, by short name.
    pub newsletters: &'a [String],
    /// In whose name the answer is given.
    pub slug: &'a str,
    /// That one, if it is known already.
    pub newsletter: Option<NewsletterRecord>,
    /// In what language.
    pub spoken: Spoken,
    /// By whom, as far as the form tells.
    pub filled_in: FilledIn,
}

impl Asked<'_> {
    /// In whose name the answer is given.
    pub async fn newsletter(&self, site: &Site) -> Result<NewsletterRecord, AppError> {
        match &self.newsletter {
            Some(newsletter) => Ok(newsletter.clone()),
            None => site.newsletter(Some(self.slug)).await,
        }
    }
}

/// The newsletters a signup is for: those named, each once, or the usual one. None, if our own form asked and nothing is ticked. Of
/// more than there may be one more is kept: enough to refuse them.
pub(super) fn newsletters_of(fields: &Fields) -> Vec<String> {
    let mut named: Vec<String> = Vec::new();
    for slug in fields.newsletter.iter().filter(|slug| !slug.is_empty()) {
        if named.len() <= MOST_NEWSLETTERS && !named.contains(slug) {
            named.push(slug.clone());
        }
    }
    let was_asked = fields.started.is_some() && !fields.newsletter.is_empty();
    if named.is_empty() && !was_asked { vec![DEFAULT_NEWSLETTER.to_owned()] } else { named }
}

pub(super) fn read(json: bool, headers: &HeaderMap, body: &[u8]) -> Result<Fields, Box<Response>> {
    if json {
        // An object first: a list would do for the fields one by one.
        let object: Result<serde_json::Map<String, Value>, _> = serde_json::from_slice(body);
        return object.and_then(|object| serde_json::from_value(object.into())).map_err(|why| {
            let status =
                if why.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
            Box::new(AppError::Unreadable(status, why.to_string()).into_response())
        });
    }
    if media_type(headers, &header::CONTENT_TYPE) != "application/x-www-form-urlencoded" {
        return Err(Box::new(AppError::UnknownBody.into_response()));
    }
    read_form(body).map_err(|why| {
        Box::new(AppError::Unreadable(StatusCode::UNPROCESSABLE_ENTITY, why.to_string()).into_response())
    })
}

/// A form as JSON would be: `newsletter` may come several times, everything else once.
fn read_form(body: &[u8]) -> Result<Fields, serde_json::Error> {
    use serde::de::Error as _;
    let mut object = serde_json::Map::new();
    let mut newsletters = Vec::new();
    for (name, value) in form_urlencoded::parse(body) {
        if name == "newsletter" {
            newsletters.push(Value::String(value.into_owned()));
        } else if object.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
            return Err(serde_json::Error::custom(format_args!("duplicate field `{name}`")));
        }
    }
    object.insert("newsletter".into(), newsletters.into());
    serde_json::from_value(object.into())
}

/// A text, a list of texts, or nothing.
fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged, expecting = "a newsletter's short name, or a list of them")]
    enum Named {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::<Named>::deserialize(from)? {
        None => Vec::new(),
        Some(Named::One(slug)) => vec![slug],
        Some(Named::Many(slugs)) => slugs,
    })
}
