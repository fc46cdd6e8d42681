//! `/unsubscribe/{token}`: GET shows a button and changes nothing; POST leaves at once, without cookie, login or redirect: the
//! button's, and that of mail programs (RFC 8058). Whoever has left may say why, with another POST.

use crate::{
    actions::subscription::unsubscribe::{self, Leaving},
    db::newsletters::NewsletterRecord,
    domain::subscriber::consent::{LeavingReason, MAX_REMARK_CHARS},
    i18n::{Unsubscribe, around, fill},
    web::{
        AppError, Site,
        layout::{Place, respond_for},
        negotiate::{AskedLanguage, evidence, media_type},
    },
};
use axum::{
    body::Bytes,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use std::{convert::Infallible, net::SocketAddr};
use url::form_urlencoded;

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
    let form = Form::read(&headers, body).await;
    if let Some(reason) = form.reason {
        let state = unsubscribe::give_reason(&site.subscription, &token, reason, &form.remark).await?;
        return Ok(show(state, &query, &headers));
    }
    let method = if form.one_click { "one_click" } else { "link" };
    let evidence = evidence(peer, &headers, None);
    let state = unsubscribe::unsubscribe(&site.subscription, &token, method, &evidence).await?;
    if form.one_click {
        return Ok(match state {
            Leaving::Unknown => (StatusCode::NOT_FOUND, "unknown link\n").into_response(),
            _ => "unsubscribed\n".into_response(),
        });
    }
    Ok(show(state, &query, &headers))
}

/// What was posted. Whatever it is, a POST to this page is a wish to leave, or the answer to why: a body that can't be read is an
/// empty one.
#[derive(Default)]
struct Form {
    /// `List-Unsubscribe=One-Click`: from a mail program (RFC 8058 section 3.2), which sends a form of either encoding.
    one_click: bool,
    reason: Option<LeavingReason>,
    remark: String,
}

/// Most fields of a form that are looked at.
const MAX_FIELDS: usize = 16;

impl Form {
    async fn read(headers: &HeaderMap, body: Bytes) -> Self {
        let mut form = Self::default();
        if media_type(headers, &header::CONTENT_TYPE) == "multipart/form-data" {
            let _unreadable_is_empty = form.read_multipart(headers, body).await;
        } else {
            for (name, value) in form_urlencoded::parse(body.trim_ascii()).take(MAX_FIELDS) {
                form.field(&name, &value);
            }
        }
        form
    }

    async fn read_multipart(&mut self, headers: &HeaderMap, body: Bytes) -> Result<(), multer::Error> {
        let content_type =
            headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(content_type)?;
        // The body is here, and bounded by the router.
        let body = futures_util::stream::once(async { Ok::<_, Infallible>(body) });
        let mut parts = multer::Multipart::new(body, boundary);
        for _ in 0..MAX_FIELDS {
            let Some(part) = parts.next_field().await? else { break };
            let name = part.name().unwrap_or_default().to_owned();
            let value = part.text().await?;
            self.field(&name, &value);
        }
        Ok(())
    }

    fn field(&mut self, name: &str, value: &str) {
        match name {
            "List-Unsubscribe" => self.one_click |= value.trim() == "One-Click",
            // A reason that is unknown is one all the same: the reader has not asked to leave.
            "reason" => self.reason = Some(value.parse().unwrap_or(LeavingReason::Other)),
            "remark" => value.clone_into(&mut self.remark),
            _ => {}
        }
    }
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
                @for reason in LeavingReason::ALL {
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

fn in_words(reason: LeavingReason, say: &Unsubscribe) -> &str {
    match reason {
        LeavingReason::TooMany => &say.too_many,
        LeavingReason::NotInterested => &say.not_interested,
        LeavingReason::Elsewhere => &say.elsewhere,
        LeavingReason::HardToRead => &say.hard_to_read,
        LeavingReason::NeverAsked => &say.never_asked,
        LeavingReason::Other => &say.other,
    }
}

fn of_newsletter(text: &str, newsletter: &NewsletterRecord) -> String {
    fill(text, &[("newsletter", &newsletter.newsletter.title)])
}

fn page((newsletter, language): (&NewsletterRecord, &str), title: &str, content: &Markup) -> Response {
    let content = html! { h1 { (title) } (content) };
    respond_for(Place::Window, StatusCode::OK, &newsletter.newsletter, (title, language), &content)
}
