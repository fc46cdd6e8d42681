//! The fields of requests to unsubscribe.

use crate::{
    domain::{
        subscriber::{consent::UnsubscribeReason, pause},
        validation::{
            Code, Problems,
            rules::{self, PauseBounds},
        },
    },
    web::{negotiate::media_type, submission::from_texts},
};
use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use jiff::civil::Date;
use schemars::JsonSchema;
use std::{collections::HashMap, convert::Infallible};
use url::form_urlencoded;
use validator::{Validate, ValidationError};

/// The fields of the page's forms and of mail programs' requests. Only those of an alternative are checked, because
/// unsubscribing must always work.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Deserialize, Validate, JsonSchema)]
#[validate(context = PauseBounds)]
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
    /// Something other than unsubscribing: a request with it never unsubscribes. `pause` needs `until`.
    #[validate(custom(function = self::alternative))]
    #[schemars(with = "String", extend("enum" = ALTERNATIVES))]
    instead: Option<String>,
    /// Day whose issue is the first one after a break.
    #[validate(custom(function = rules::pause_until, use_context))]
    #[schemars(with = "String", extend("examples" = ["2026-06-01"]))]
    until: Option<String>,
}

/// The values of `instead`.
const ALTERNATIVES: [&str; 3] = ["weekly", "pause", "undo"];

fn alternative(text: &str) -> Result<(), ValidationError> {
    rules::choice(text, &ALTERNATIVES)
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

    /// Whether the request asks for something other than unsubscribing.
    pub(super) fn has_alternative(&self) -> bool {
        self.instead.is_some()
    }

    /// Whether the request takes an unsubscribe back.
    pub(super) fn is_undo(&self) -> bool {
        self.instead.as_deref() == Some("undo")
    }

    /// Checks the request for something other than unsubscribing.
    pub(super) fn alternative(&self, bounds: &PauseBounds) -> Result<Alternative, Problems> {
        let until = self.until.as_deref().unwrap_or_default();
        let is_pause = self.instead.as_deref() == Some("pause");
        let until_of_pause = is_pause.then(|| until.to_owned());
        let own = Self { instead: self.instead.clone(), until: until_of_pause, ..Self::default() };
        Problems::check_with(&own, bounds)?;
        Ok(match self.instead.as_deref() {
            Some("weekly") => Alternative::Weekly,
            Some("undo") => Alternative::Undo,
            _ => {
                let until = pause::parse_until(until, (bounds.0, bounds.1));
                Alternative::Pause(until.ok_or_else(|| Code::PauseUntil.at("until"))?)
            }
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
    /// A break until a day.
    Pause(Date),
    /// The unsubscribe was taken back.
    Undo,
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn read(body: Bytes) -> UnsubscribeFields {
        let headers = HeaderMap::new();
        UnsubscribeFields::read(&headers, body).now_or_never().expect("no I/O to wait for")
    }

    const BOUNDS: PauseBounds = PauseBounds(date(2026, 5, 2), date(2027, 5, 1));

    proptest! {
        #[test]
        fn any_body_unsubscribes_or_asks_for_something_that_is_checked(
            body in prop::collection::vec(any::<u8>(), 0..200),
            instead in prop::option::of("weekly|pause|undo|\\PC{0,4}"),
            until in prop::option::of("2026-0[1-9]-[0-3][0-9]|\\PC{0,9}"),
        ) {
            let _any_body_is_read = read(body.into());
            let fields = UnsubscribeFields { instead, until, ..UnsubscribeFields::default() };
            match fields.alternative(&BOUNDS) {
                Ok(Alternative::Pause(until)) => prop_assert!((BOUNDS.0..=BOUNDS.1).contains(&until)),
                Ok(Alternative::Weekly | Alternative::Undo) => {}
                Err(problems) => prop_assert!(problems.iter().all(|it| it.code != Code::Other)),
            }
        }
    }

    #[test]
    fn one_click_and_a_reason_are_told_apart() {
        let read = |body: &'static str| read(Bytes::from_static(body.as_bytes()));
        assert!(read("List-Unsubscribe=One-Click\r\n").is_one_click());
        assert_eq!(read("reason=aliens&reason=too_many").reason(), Some(UnsubscribeReason::TooMany));
        assert_eq!(read("reason=aliens").reason(), Some(UnsubscribeReason::Other));
        assert_eq!(read("\0=&%%%"), UnsubscribeFields::default());
        assert!(!read("List-Unsubscribe=One-Click&until=x").has_alternative());
        for (body, expected) in [
            ("instead=weekly&until=x", Ok(Alternative::Weekly)),
            ("instead=undo", Ok(Alternative::Undo)),
            ("instead=pause&until=2026-05-02", Ok(Alternative::Pause(date(2026, 5, 2)))),
            ("instead=pause&until=2026-05-01", Err(("#/until", Code::PauseUntil))),
            ("instead=pause", Err(("#/until", Code::PauseUntil))),
            ("instead=x&until=x", Err(("#/instead", Code::Choice))),
        ] {
            let found = read(body).alternative(&BOUNDS).map_err(Problems::into_vec);
            let found =
                found.map_err(|problems| (problems[0].pointer.clone(), problems[0].code, problems.len()));
            assert_eq!(found, expected.map_err(|(at, code)| (at.to_owned(), code, 1)), "{body}");
        }
    }
}
