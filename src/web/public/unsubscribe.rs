//! `/unsubscribe/{token}`: GET shows a button and changes nothing. POST, from the button or from a mail
//! program (RFC 8058), unsubscribes at once, without cookie, login or redirect. A reader who has unsubscribed
//! may give a reason with another POST, or take it back within the hour. The page also offers an issue a week,
//! or a break.

use crate::{
    actions::subscription::{
        pause_subscription::pause_subscription,
        set_preferences::set_preferences,
        undo_unsubscribe::undo_unsubscribe,
        unsubscribe::{self, UnsubscribeLink},
    },
    db::{newsletters::NewsletterRecord, subscribers::Evidence},
    domain::{
        actor::Actor,
        issue::schedule,
        subscriber::{
            cadence::Cadence,
            consent::{MAX_REMARK_CHARS, UnsubscribeReason},
            pause,
            preferences::Preferences,
        },
    },
    i18n::{Locale, Unsubscribe, interpolate, split_at},
    web::{
        AppError, Site,
        layout::{Page, PageKind, sheet},
        negotiate::{LanguageQuery, evidence, media_type},
        public::pause_choices::{self, PauseChoice},
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
    let link = unsubscribe::inspect_link(&site.subscription, &token).await?;
    Ok(page_for(&site, &token, link, &query, &headers))
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
        return Ok(page_for(&site, &token, link, &query, &headers));
    }
    let evidence = evidence(peer, &headers, None);
    if let Some(alternative) = fields.alternative() {
        if let Some(response) = choose(&site, &token, alternative, &evidence, &query, &headers).await? {
            return Ok(response);
        }
        let link = unsubscribe::inspect_link(&site.subscription, &token).await?;
        return Ok(page_for(&site, &token, link, &query, &headers));
    }
    let method = if fields.is_one_click() { "one_click" } else { "link" };
    let link = unsubscribe::unsubscribe(&site.subscription, &token, method, &evidence).await?;
    if fields.is_one_click() {
        return Ok(match link {
            UnsubscribeLink::Unknown => (StatusCode::NOT_FOUND, "unknown link\n").into_response(),
            _ => "unsubscribed\n".into_response(),
        });
    }
    // Reads the state again, to know whether the reader may take it back.
    let link = match link {
        UnsubscribeLink::Unsubscribed { .. } => unsubscribe::inspect_link(&site.subscription, &token).await?,
        other => other,
    };
    Ok(page_for(&site, &token, link, &query, &headers))
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

    /// Returns the alternative to unsubscribing. An unknown value is a pause without a day, which changes nothing.
    fn alternative(&self) -> Option<Alternative> {
        Some(match self.instead.as_deref()? {
            "weekly" => Alternative::Weekly,
            "undo" => Alternative::Undo,
            "pause" => Alternative::Pause(self.until.clone().unwrap_or_default()),
            _ => Alternative::Pause(String::new()),
        })
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

/// Something other than unsubscribing that the page offers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Alternative {
    /// One issue a week.
    Weekly,
    /// A break until a day, as entered.
    Pause(String),
    /// Takes an unsubscribe back.
    Undo,
}

/// Carries out an alternative and shows the result. `None`: the link's page shows the current state.
async fn choose(
    site: &Site,
    token: &str,
    alternative: Alternative,
    evidence: &Evidence,
    query: &LanguageQuery,
    headers: &HeaderMap,
) -> Result<Option<Response>, AppError> {
    if alternative == Alternative::Undo && !undo_unsubscribe(&site.subscription, token, evidence).await? {
        return Ok(None);
    }
    let UnsubscribeLink::Subscribed { newsletter, language, subscription, preferences, .. } =
        unsubscribe::inspect_link(&site.subscription, token).await?
    else {
        return Ok(None);
    };
    let locale = query.locale(language.as_deref(), &newsletter, headers);
    let (t, it) = (&locale.texts.unsubscribe, &newsletter.newsletter);
    let now = site.subscription.clock.now();
    let today = schedule::date_at(it, now);
    let (title, text) = match alternative {
        Alternative::Undo => (t.undone.clone(), with_newsletter(&t.undone_hint, &newsletter)),
        Alternative::Weekly => {
            let weekly = Preferences { cadence: Cadence::Weekly, ..preferences };
            if !set_preferences(&site.actions, &Actor::Reader, subscription, &weekly).await? {
                return Ok(None);
            }
            let next = schedule::next_date_for(it, Cadence::Weekly, today);
            let text =
                interpolate(&locale.texts.preferences.next_issue, &[("day", &locale.coming(next, today))]);
            (t.less_done.clone(), text)
        }
        Alternative::Pause(until) => {
            let zone = pause::effective_zone(it, preferences.time_zone.as_ref());
            let Some(until) = pause::parse_until(&until, pause::bounds(zone, now)) else { return Ok(None) };
            if !pause_subscription(&site.actions, subscription, until).await? {
                return Ok(None);
            }
            let p = &locale.texts.preferences;
            let title = interpolate(&p.paused_until, &[("date", &locale.long_date(until))]);
            (title.trim_end_matches('.').to_owned(), with_newsletter(&p.paused_hint, &newsletter))
        }
    };
    let content = html! {
        h1 { (title) }
        p.lede role="status" { (text) }
        p { a href={ "/preferences/" (token) } { (t.preferences) } }
    };
    Ok(Some(page(&newsletter, locale, &title, PageKind::Subscriber, &content)))
}

fn page_for(
    site: &Site,
    token: &str,
    link: UnsubscribeLink,
    query: &LanguageQuery,
    headers: &HeaderMap,
) -> Response {
    match link {
        UnsubscribeLink::Unknown => AppError::BrokenLink.into_response(),
        UnsubscribeLink::Test => AppError::TestLink.into_response(),
        UnsubscribeLink::Subscribed {
            newsletter, language, shown_address, preferences, is_paused, ..
        } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.unsubscribe;
            let ways = Ways { site, newsletter: &newsletter, locale, preferences: &preferences, is_paused };
            let (before, after) = split_at(&t.ready_hint, "address");
            let content = html! {
                h1 { (t.ready) }
                p.lede {
                    @match &shown_address {
                        Some(address) => {
                            (with_newsletter(before, &newsletter)) b { (address) } (with_newsletter(after, &newsletter))
                        },
                        None => (newsletter.newsletter.title),
                    }
                }
                (ways.list())
                p.fine-print { (t.only_topics) " " a href={ "/preferences/" (token) "#topics" } { (t.choose_topics) } }
            };
            page(&newsletter, locale, &t.ready, PageKind::Subscriber, &content)
        }
        UnsubscribeLink::Unsubscribed { newsletter, language, gave_reason, can_undo } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.unsubscribe;
            let content = html! {
                h1 { (t.done) }
                p.lede role="status" { (with_newsletter(&t.done_hint, &newsletter)) }
                @if can_undo {
                    form.actions method="post" {
                        button.quiet type="submit" name="instead" value="undo" { (t.undo) }
                        p.hint { (t.undo_hint) }
                    }
                } @else {
                    p {
                        (t.mistake) " "
                        a href={ "/?newsletter=" (newsletter.newsletter.slug) } { (t.sign_up_again) }
                    }
                }
                @if gave_reason {
                    p.note role="status" { b { (t.thanks) } " " (t.thanks_hint) }
                } @else {
                    (reason_form(t))
                }
            };
            page(&newsletter, locale, &t.done, PageKind::Other, &content)
        }
    }
}

/// The ways to get a newsletter less often, later, or not at all.
struct Ways<'a> {
    site: &'a Site,
    newsletter: &'a NewsletterRecord,
    locale: Locale,
    preferences: &'a Preferences,
    is_paused: bool,
}

impl Ways<'_> {
    /// Renders them. Unsubscribing comes last, but only its button is filled.
    fn list(&self) -> Markup {
        let t = &self.locale.texts.unsubscribe;
        let it = &self.newsletter.newsletter;
        let can_be_weekly =
            self.preferences.cadence != Cadence::Weekly && Cadence::Weekly.is_meaningful(it.days);
        let weekly_hint = interpolate(&t.less_hint, &[("day", &self.locale.every_week(it.days.last()))]);
        html! {
            ul.ways {
                @if can_be_weekly {
                    li {
                        div { h2 { (t.less) } p { (weekly_hint) } }
                        form method="post" { button.quiet type="submit" name="instead" value="weekly" { (t.less_button) } }
                    }
                }
                @if !self.is_paused {
                    li {
                        div { h2 { (t.break_title) } p { (t.break_hint) } }
                        form method="post" {
                            label.hidden for="until" { (t.break_for) }
                            select #until name="until" { (pause_choices::options(&self.choices(), None)) }
                            button.quiet type="submit" name="instead" value="pause" { (t.break_button) }
                        }
                    }
                }
                li {
                    div { h2 { (t.stop) } p { (t.stop_hint) } }
                    // Without an action the form posts to the page's own URL.
                    form.unsubscribe method="post" { button type="submit" { (t.button) } }
                }
            }
        }
    }

    fn choices(&self) -> Vec<PauseChoice> {
        let now = self.site.subscription.clock.now();
        pause_choices::choices(&self.newsletter.newsletter, self.preferences, self.locale, now)
    }
}

/// Renders the form that asks for a reason. The reader is unsubscribed already.
fn reason_form(t: &Unsubscribe) -> Markup {
    html! {
        form.apart method="post" {
            fieldset {
                legend { h2 { (t.reason) } }
                p.hint { (t.reason_hint) }
                @for reason in UnsubscribeReason::ALL {
                    label.choice {
                        input type="radio" name="reason" value=(reason) required;
                        span { (reason_text(*reason, t)) }
                    }
                }
            }
            div.field {
                label for="remark" { (t.remark) " " span.hint { (t.optional) } }
                textarea #remark name="remark" rows="3" maxlength=(MAX_REMARK_CHARS) {}
            }
            p.actions { button.quiet type="submit" { (t.send) } }
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

fn page(
    newsletter: &NewsletterRecord,
    locale: Locale,
    title: &str,
    kind: PageKind,
    content: &Markup,
) -> Response {
    Page { kind, ..Page::new(&newsletter.newsletter, title, locale) }.respond(StatusCode::OK, &sheet(content))
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
