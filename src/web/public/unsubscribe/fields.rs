//! The fields of requests to unsubscribe.

use crate::{
    domain::subscriber::consent::UnsubscribeReason,
    web::{negotiate::media_type, submission::from_texts},
};
use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use schemars::JsonSchema;
use std::{collections::HashMap, convert::Infallible};
use url::form_urlencoded;
use validator::Validate;

/// The fields of the page's forms and of mail programs' requests. All values are accepted, because
/// unsubscribing must always work.
#[derive(Debug, Default, PartialEq, Eq, serde::Deserialize, Validate, JsonSchema)]
#[schemars(rename = "Unsubscribe")]
pub struct UnsubscribeFields {
    /// `One-Click` from a mail program (RFC 8058). The response is then a line of text instead of a page.
    #[serde(rename = "List-Unsubscribe")]
    #[schemars(with = "String", extend("examples" = ["One-Click"]))]
    one_click: Option<String>,
    /// The reason: too_many, not_interested, elsewhere, hard_to_read or never_asked. Anything else counts as
    /// another reason.
    #[schemars(with = "String", extend("examples" = ["too_many"]))]
    reason: Option<String>,
    /// The reader's own words. A long text is cut.
    #[schemars(with = "String", extend("examples" = ["Thank you"]))]
    remark: Option<String>,
    /// Something other than unsubscribing: weekly, pause (with `until`) or undo. A page with an unknown value
    /// changes nothing.
    #[schemars(with = "String", extend("examples" = ["weekly"]))]
    instead: Option<String>,
    /// Day whose issue is the first one after a break.
    #[schemars(with = "String", extend("examples" = ["2026-06-01"]))]
    until: Option<String>,
}

/// Most fields of a form that are read.
const MAX_FIELDS: usize = 16;

impl UnsubscribeFields {
    /// Reads a form in either encoding, because mail programs use both. An unreadable body counts as empty.
    pub(super) async fn read(headers: &HeaderMap, body: Bytes) -> Self {
        let mut fields = HashMap::new();
        if media_type(headers, &header::CONTENT_TYPE) == "multipart/form-data" {
            let _unreadable_is_empty = read_multipart(headers, body, &mut fields).await;
        } else {
            fields.extend(form_urlencoded::parse(body.trim_ascii()).into_owned().take(MAX_FIELDS));
        }
        from_texts(fields).unwrap_or_default()
    }

    pub(super) fn is_one_click(&self) -> bool {
        self.one_click.as_deref().is_some_and(|value| value.trim() == "One-Click")
    }

    /// Returns the alternative to unsubscribing. An unknown value is a pause without a day, which changes nothing.
    pub(super) fn alternative(&self) -> Option<Alternative> {
        Some(match self.instead.as_deref()? {
            "weekly" => Alternative::Weekly,
            "undo" => Alternative::Undo,
            "pause" => Alternative::Pause(self.until.clone().unwrap_or_default()),
            _ => Alternative::Pause(String::new()),
        })
    }

    /// Returns the reason. An unknown value is [`UnsubscribeReason::Other`], because a request with a reason
    /// must not unsubscribe.
    pub(super) fn reason(&self) -> Option<UnsubscribeReason> {
        self.reason.as_deref().map(|reason| reason.parse().unwrap_or(UnsubscribeReason::Other))
    }

    /// Returns the reader's own words about it.
    pub(super) fn remark(&self) -> &str {
        self.remark.as_deref().unwrap_or_default()
    }
}

async fn read_multipart(
    headers: &HeaderMap,
    body: Bytes,
    fields: &mut HashMap<String, String>,
) -> Result<(), multer::Error> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type)?;
    // The router limits the size of the body.
    let body = futures_util::stream::once(async { Ok::<_, Infallible>(body) });
    let mut parts = multer::Multipart::new(body, boundary);
    for _ in 0..MAX_FIELDS {
        let Some(part) = parts.next_field().await? else { break };
        let name = part.name().unwrap_or_default().to_owned();
        fields.insert(name, part.text().await?);
    }
    Ok(())
}

/// Something other than unsubscribing that the page offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Alternative {
    /// One issue a week.
    Weekly,
    /// A break until a day, as entered.
    Pause(String),
    /// Takes an unsubscribe back.
    Undo,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::validation::Problems;
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    fn read(body: Bytes) -> UnsubscribeFields {
        let headers = HeaderMap::new();
        UnsubscribeFields::read(&headers, body).now_or_never().expect("no I/O to wait for")
    }

    proptest! {
        #[test]
        fn any_body_is_accepted(body in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Problems::check(&read(body.into())).is_ok());
        }
    }

    #[test]
    fn one_click_and_a_reason_are_told_apart() {
        let read = |body: &'static str| read(Bytes::from_static(body.as_bytes()));
        assert!(read("List-Unsubscribe=One-Click\r\n").is_one_click());
        assert_eq!(read("reason=aliens&reason=too_many").reason(), Some(UnsubscribeReason::TooMany));
        assert_eq!(read("reason=aliens").reason(), Some(UnsubscribeReason::Other));
        assert_eq!(read("\0=&%%%"), UnsubscribeFields::default());
        assert_eq!(read("instead=weekly").alternative(), Some(Alternative::Weekly));
        assert_eq!(read("instead=x").alternative(), Some(Alternative::Pause(String::new())));
        assert_eq!(read("List-Unsubscribe=One-Click").alternative(), None);
    }
}
