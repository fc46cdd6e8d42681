//! `/unsubscribe/{token}`: GET shows a button and changes nothing. POST, from the button or from a mail
//! program (RFC 8058), unsubscribes at once, without cookie, login or redirect. A reader who has unsubscribed
//! may give a reason with another POST.

use crate::{
    actions::subscription::unsubscribe::{self, UnsubscribeLink},
    db::newsletters::NewsletterRecord,
    domain::subscriber::consent::{MAX_REMARK_CHARS, UnsubscribeReason},
    i18n::{Unsubscribe, interpolate, split_at},
    web::{
        AppError, Site,
        layout::{DisplayMode, newsletter_page_response},
        negotiate::{LanguageQuery, evidence, media_type},
        submission::from_texts,
    },
};
use axum::{
    body::Bytes,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use schemars::JsonSchema;
use std::{collections::HashMap, convert::Infallible, net::SocketAddr};
use url::form_urlencoded;
use validator::Validate;

/// Shows the button.
pub async fn get(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    Ok(page_for(unsubscribe::inspect_link(&site.subscription, &token).await?, &query, &headers))
}

/// Unsubscribes, or records the reason.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, AppError> {
    let fields = UnsubscribeFields::read(&headers, body).await;
    if let Some(reason) = fields.reason() {
        let remark = fields.remark.as_deref().unwrap_or_default();
        let link = unsubscribe::give_reason(&site.subscription, &token, reason, remark).await?;
        return Ok(page_for(link, &query, &headers));
    }
    let method = if fields.is_one_click() { "one_click" } else { "link" };
    let evidence = evidence(peer, &headers, None);
    let link = unsubscribe::unsubscribe(&site.subscription, &token, method, &evidence).await?;
    if fields.is_one_click() {
        return Ok(match link {
            UnsubscribeLink::Unknown => (StatusCode::NOT_FOUND, "unknown link\n").into_response(),
            _ => "unsubscribed\n".into_response(),
        });
    }
    Ok(page_for(link, &query, &headers))
}

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
}

/// Most fields of a form that are read.
const MAX_FIELDS: usize = 16;

impl UnsubscribeFields {
    /// Reads a form in either encoding, because mail programs use both. An unreadable body counts as empty.
    async fn read(headers: &HeaderMap, body: Bytes) -> Self {
        let mut fields = HashMap::new();
        if media_type(headers, &header::CONTENT_TYPE) == "multipart/form-data" {
            let _unreadable_is_empty = read_multipart(headers, body, &mut fields).await;
        } else {
            fields.extend(form_urlencoded::parse(body.trim_ascii()).into_owned().take(MAX_FIELDS));
        }
        from_texts(fields).unwrap_or_default()
    }

    fn is_one_click(&self) -> bool {
        self.one_click.as_deref().is_some_and(|value| value.trim() == "One-Click")
    }

    /// Returns the reason. An unknown value is [`UnsubscribeReason::Other`], because a request with a reason
    /// must not unsubscribe.
    fn reason(&self) -> Option<UnsubscribeReason> {
        self.reason.as_deref().map(|reason| reason.parse().unwrap_or(UnsubscribeReason::Other))
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

fn page_for(link: UnsubscribeLink, query: &LanguageQuery, headers: &HeaderMap) -> Response {
    match link {
        UnsubscribeLink::Unknown => AppError::BrokenLink.into_response(),
        UnsubscribeLink::Test => AppError::TestLink.into_response(),
        UnsubscribeLink::Subscribed { newsletter, language, shown_address } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.unsubscribe;
            let (before, after) = split_at(&t.ready_hint, "address");
            page(
                (&newsletter, locale.language),
                &with_newsletter(&t.ready, &newsletter),
                &html! {
                    @if let Some(address) = &shown_address {
                        p { (before) strong { (address) } (after) }
                    }
                    form.signup method="post" { button type="submit" { (t.button) } }
                },
            )
        }
        UnsubscribeLink::Unsubscribed { newsletter, language, gave_reason } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.unsubscribe;
            page(
                (&newsletter, locale.language),
                &t.done,
                &html! {
                    p { (with_newsletter(&t.done_hint, &newsletter)) }
                    @if gave_reason {
                        p.notice role="status" { strong { (t.thanks) } " " (t.thanks_hint) }
                    } @else {
                        (reason_form(t))
                    }
                    p {
                        (t.mistake) " "
                        a href={ "/?newsletter=" (newsletter.newsletter.slug) } { (t.sign_up_again) }
                    }
                },
            )
        }
    }
}

/// Renders the form that asks for a reason. The reader is unsubscribed already.
fn reason_form(t: &Unsubscribe) -> Markup {
    html! {
        form.choices method="post" {
            fieldset {
                legend { (t.reason) }
                p.hint { (t.reason_hint) }
                @for reason in UnsubscribeReason::ALL {
                    label.choice {
                        input type="radio" name="reason" value=(reason) required;
                        span { (reason_text(*reason, t)) }
                    }
                }
            }
            label for="remark" { (t.remark) " " span.hint { (t.optional) } }
            textarea #remark name="remark" rows="3" maxlength=(MAX_REMARK_CHARS) {}
            button type="submit" { (t.send) }
        }
    }
}

fn reason_text(reason: UnsubscribeReason, t: &Unsubscribe) -> &str {
    match reason {
        UnsubscribeReason::TooMany => &t.too_many,
        UnsubscribeReason::NotInterested => &t.not_interested,
        UnsubscribeReason::Elsewhere => &t.elsewhere,
        UnsubscribeReason::HardToRead => &t.hard_to_read,
        UnsubscribeReason::NeverAsked => &t.never_asked,
        UnsubscribeReason::Other => &t.other,
    }
}

fn with_newsletter(text: &str, newsletter: &NewsletterRecord) -> String {
    interpolate(text, &[("newsletter", &newsletter.newsletter.title)])
}

fn page((newsletter, language): (&NewsletterRecord, &str), title: &str, content: &Markup) -> Response {
    let content = html! { h1 { (title) } (content) };
    newsletter_page_response(
        DisplayMode::Window,
        StatusCode::OK,
        &newsletter.newsletter,
        (title, language),
        &content,
    )
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
    }
}
