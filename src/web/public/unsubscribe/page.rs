//! The page of a link to unsubscribe, before and after.

use crate::{
    actions::subscription::unsubscribe::UnsubscribeLink,
    db::newsletters::NewsletterRecord,
    domain::{
        subscriber::{
            cadence::Cadence,
            consent::{MAX_REMARK_CHARS, UnsubscribeReason},
            preferences::Preferences,
        },
        validation::Problems,
    },
    i18n::{Locale, Unsubscribe, interpolate, split_at},
    web::{
        AppError, Site,
        layout::{Page, PageKind, sheet},
        negotiate::LanguageQuery,
        public::{
            field_errors::{error_id, message},
            pause_choices::{self, PauseChoice},
        },
    },
};
use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

/// Makes the page for the state of a link.
pub(super) fn page_for(
    site: &Site,
    token: &str,
    link: UnsubscribeLink,
    query: &LanguageQuery,
    headers: &HeaderMap,
) -> Response {
    page_with(site, token, link, (query, headers), None)
}

/// Makes the page for the state of a link, with the problems of the form that was sent.
pub(super) fn page_with(
    site: &Site,
    token: &str,
    link: UnsubscribeLink,
    (query, headers): (&LanguageQuery, &HeaderMap),
    problems: Option<&Problems>,
) -> Response {
    match link {
        UnsubscribeLink::Unknown => AppError::BrokenLink.into_response(),
        UnsubscribeLink::Test => AppError::TestLink.into_response(),
        UnsubscribeLink::Subscribed {
            newsletter, language, shown_address, preferences, is_paused, ..
        } => {
            let locale = query.locale(language.as_deref(), &newsletter, headers);
            let t = &locale.texts.unsubscribe;
            let preferences = &preferences;
            let ways = Ways { site, newsletter: &newsletter, locale, preferences, is_paused, problems };
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
                (message(problems, "instead", locale.texts))
                @if is_paused { (message(problems, "until", locale.texts)) }
                (ways.list())
                p.fine-print { (t.only_topics) " " a href={ "/preferences/" (token) "#topics" } { (t.choose_topics) } }
            };
            let mut response = page(&newsletter, locale, &t.ready, PageKind::Subscriber, &content);
            if problems.is_some() {
                *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            }
            response
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
    problems: Option<&'a Problems>,
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
                            select #until name="until" aria-describedby=[error_id(self.problems, "until")] { (pause_choices::options(&self.choices(), None)) }
                            button.quiet type="submit" name="instead" value="pause" { (t.break_button) }
                            (message(self.problems, "until", self.locale.texts))
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

pub(super) fn with_newsletter(text: &str, newsletter: &NewsletterRecord) -> String {
    interpolate(text, &[("newsletter", &newsletter.newsletter.title)])
}

pub(super) fn page(
    newsletter: &NewsletterRecord,
    locale: Locale,
    title: &str,
    kind: PageKind,
    content: &Markup,
) -> Response {
    Page { kind, ..Page::new(&newsletter.newsletter, title, locale) }.respond(StatusCode::OK, &sheet(content))
}
