//! `/unsubscribe/{token}`: GET shows a button and changes nothing; POST leaves at once, without cookie, login or redirect: the
//! button's, and that of mail programs (RFC 8058). Whoever has left may say why, with another POST.

use crate::{
    actions::subscription::unsubscribe::{self, Leaving},
    db::newsletters::NewsletterRecord,
    domain::subscriber::consent::{MAX_REMARK_CHARS, UnsubscribeReason},
    i18n::{Unsubscribe, around, fill},
    web::{
        AppError, Site,
        layout::{Place, respond_for},
        negotiate::{AskedLanguage, evidence, media_type},
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
    Query(query): Query<AskedLanguage>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    Ok(show(unsubscribe::look(&site.subscription, &token).await?, &query, &headers))
}

/// Leaves, or keeps why a reader who has left did.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(query): Query<AskedLanguage>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, AppError> {
    let fields = UnsubscribeFields::read(&headers, body).await;
    if let Some(reason) = fields.reason() {
        let remark = fields.remark.as_deref().unwrap_or_default();
        let state = unsubscribe::give_reason(&site.subscription, &token, reason, remark).await?;
        return Ok(show(state, &query, &headers));
    }
    let method = if fields.is_one_click() { "one_click" } else { "link" };
    let evidence = evidence(peer, &headers, None);
    let state = unsubscribe::unsubscribe(&site.subscription, &token, method, &evidence).await?;
    if fields.is_one_click() {
        return Ok(match state {
            Leaving::Unknown => (StatusCode::NOT_FOUND, "unknown link\n").into_response(),
            _ => "unsubscribed\n".into_response(),
        });
    }
    Ok(show(state, &query, &headers))
}

/// The fields of the page's forms and of mail programs' requests. All of them pass: a POST to this page unsubscribes, or says why.
#[derive(Debug, Default, PartialEq, Eq, serde::Deserialize, Validate, JsonSchema)]
#[schemars(rename = "Unsubscribe")]
pub struct UnsubscribeFields {
    /// `One-Click` from a mail program (RFC 8058): the answer is a line of text instead of a page.
    #[serde(rename = "List-Unsubscribe")]
    #[schemars(with = "String", extend("examples" = ["One-Click"]))]
    one_click: Option<String>,
    /// Why: too_many, not_interested, elsewhere, hard_to_read or never_asked. Anything else is another reason.
    #[schemars(with = "String", extend("examples" = ["too_many"]))]
    reason: Option<String>,
    /// In the reader's words. Only the beginning of a long text is kept.
    #[schemars(with = "String", extend("examples" = ["Thank you"]))]
    remark: Option<String>,
}

/// Most fields of a form that are looked at.
const MAX_FIELDS: usize = 16;

impl UnsubscribeFields {
    /// Reads a form of either encoding: mail programs send both. A body that can't be read is an empty one.
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

    /// The reason. An unknown one is one all the same: the reader has not asked to unsubscribe.
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
    // The body is here, and bounded by the router.
    let body = futures_util::stream::once(async { Ok::<_, Infallible>(body) });
    let mut parts = multer::Multipart::new(body, boundary);
    for _ in 0..MAX_FIELDS {
        let Some(part) = parts.next_field().await? else { break };
        let name = part.name().unwrap_or_default().to_owned();
        fields.insert(name, part.text().await?);
    }
    Ok(())
}

fn show(state: Leaving, query: &AskedLanguage, headers: &HeaderMap) -> Response {
    match state {
        Leaving::Unknown => AppError::BrokenLink.into_response(),
        Leaving::Test => AppError::TestLink.into_response(),
        Leaving::Subscribed { newsletter, language, shown_address } => {
            let (language, words) = query.spoken(language.as_deref(), &newsletter, headers);
            let say = &words.unsubscribe;
            let (before, after) = around(&say.no_more, "address");
            page(
                (&newsletter, language),
                &of_newsletter(&say.ready, &newsletter),
                &html! {
                    @if let Some(address) = &shown_address {
                        p { (before) strong { (address) } (after) }
                    }
                    form.signup method="post" { button type="submit" { (say.button) } }
                },
            )
        }
        Leaving::Gone { newsletter, language, has_said_why } => {
            let (language, words) = query.spoken(language.as_deref(), &newsletter, headers);
            let say = &words.unsubscribe;
            page(
                (&newsletter, language),
                &say.done,
                &html! {
                    p { (of_newsletter(&say.gone, &newsletter)) }
                    @if has_said_why {
                        p.notice role="status" { strong { (say.thanks) } " " (say.helps) }
                    } @else {
                        (why(say))
                    }
                    p {
                        (say.by_mistake) " "
                        a href={ "/?newsletter=" (newsletter.newsletter.slug) } { (say.again) }
                    }
                },
            )
        }
    }
}

/// Asks why. Nothing depends on the answer: the reader is gone already.
fn why(say: &Unsubscribe) -> Markup {
    html! {
        form.choices method="post" {
            fieldset {
                legend { (say.why) }
                p.hint { (say.either_way) }
                @for reason in UnsubscribeReason::ALL {
                    label.choice {
                        input type="radio" name="reason" value=(reason) required;
                        span { (in_words(*reason, say)) }
                    }
                }
            }
            label for="remark" { (say.remark) " " span.hint { (say.optional) } }
            textarea #remark name="remark" rows="3" maxlength=(MAX_REMARK_CHARS) {}
            button type="submit" { (say.send) }
        }
    }
}

fn in_words(reason: UnsubscribeReason, say: &Unsubscribe) -> &str {
    match reason {
        UnsubscribeReason::TooMany => &say.too_many,
        UnsubscribeReason::NotInterested => &say.not_interested,
        UnsubscribeReason::Elsewhere => &say.elsewhere,
        UnsubscribeReason::HardToRead => &say.hard_to_read,
        UnsubscribeReason::NeverAsked => &say.never_asked,
        UnsubscribeReason::Other => &say.other,
    }
}

fn of_newsletter(text: &str, newsletter: &NewsletterRecord) -> String {
    fill(text, &[("newsletter", &newsletter.newsletter.title)])
}

fn page((newsletter, language): (&NewsletterRecord, &str), title: &str, content: &Markup) -> Response {
    let content = html! { h1 { (title) } (content) };
    respond_for(Place::Window, StatusCode::OK, &newsletter.newsletter, (title, language), &content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::validation::Problems;
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    fn read(body: Bytes) -> UnsubscribeFields {
        let headers = HeaderMap::new();
        UnsubscribeFields::read(&headers, body).now_or_never().expect("it waits for nothing")
    }

    proptest! {
        #[test]
        fn whatever_is_posted_passes(body in prop::collection::vec(any::<u8>(), 0..200)) {
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
