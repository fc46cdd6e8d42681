//! The preferences page, and the pages shown in its place.

use crate::{
    actions::subscription::set_preferences::PreferencesLink,
    db::newsletters::NewsletterRecord,
    i18n::{self, Locale, split_at},
    web::{
        layout::{PageInfo, page_response},
        public::preferences::{account, choices, newsletters, pause, view::PageView, with_newsletter},
    },
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use jiff::SignedDuration;
use maud::{Markup, html};

/// The result of a request, shown above the forms.
pub(super) enum Notice {
    None,
    /// An emphasized word, which may be empty, and sentences.
    Done(String, String),
    Problem(String),
    /// A rate limit was reached. The next request is accepted after this time.
    TooMany(SignedDuration, String),
}

impl Notice {
    fn status(&self) -> StatusCode {
        match self {
            Self::None | Self::Done(..) => StatusCode::OK,
            Self::Problem(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany(..) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn markup(&self) -> Markup {
        html! {
            @match self {
                Self::None => {}
                Self::Done(word, text) => p.notice role="status" {
                    @if !word.is_empty() { strong { (word) } " " }
                    (text)
                },
                Self::Problem(text) | Self::TooMany(_, text) => p.notice."notice--error" role="alert" { (text) },
            }
        }
    }

    /// Makes the response with this notice's status.
    fn respond(&self, info: PageInfo<'_>, content: &Markup) -> Response {
        let mut response = page_response(self.status(), info, content);
        if let Self::TooMany(wait, _) = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

/// Makes the preferences page with a notice on top.
pub(super) fn preferences_page(page: &PageView<'_>, notice: &Notice) -> Response {
    let (t, it) = (&page.locale.texts.preferences, &page.reader.newsletter.newsletter);
    let title = with_newsletter(&t.title, &it.title);
    let (before, after) = split_at(&t.for_address, "address");
    let content = html! {
        h1 { (title) }
        (notice.markup())
        (pause::notice(page))
        @if page.reader.emails_came_back { p.notice."notice--error" { (t.came_back) } }
        @if let Some(address) = &page.reader.shown_address {
            p { (before) strong { (address) } (after) }
        }
        (choices::form(page))
        (pause::form(page))
        (newsletters::form(page, page.keys))
        (account::forms(page))
        p.fine-print {
            (with_newsletter(&t.unsubscribe_question, &it.title)) " "
            a href={ "/unsubscribe/" (page.token) } { (t.unsubscribe) }
        }
        (languages(page.locale))
    };
    let info = PageInfo { title: &title, brand: (&it.title, &it.tagline), language: page.locale.language };
    notice.respond(info, &content)
}

/// Renders links to the page in each language.
fn languages(locale: Locale) -> Markup {
    html! {
        nav.languages aria-label=(locale.texts.preferences.languages) {
            @for (tag, name) in i18n::languages() {
                a href={ "?lang=" (tag) } lang=(tag) hreflang=(tag)
                    aria-current=[(tag == locale.language).then_some("true")] { (name) }
                " "
            }
        }
    }
}

/// Makes the page for a link that opens no preferences.
pub(super) fn closed_page(locale: Locale, link: &PreferencesLink, notice: &Notice) -> Response {
    let t = &locale.texts.preferences;
    match link {
        PreferencesLink::Test => message_page(locale, StatusCode::OK, &t.test, &t.test_hint),
        PreferencesLink::Unsubscribed(it) => {
            unsubscribed_page(locale, &it.newsletter, it.is_undeliverable, notice)
        }
        PreferencesLink::Unknown | PreferencesLink::Subscribed(_) => {
            message_page(locale, StatusCode::NOT_FOUND, &t.broken_link, &t.cut_off)
        }
    }
}

/// Makes the page of a reader who is not subscribed, who may still request a data export.
pub(super) fn unsubscribed_page(
    locale: Locale,
    newsletter: &NewsletterRecord,
    is_undeliverable: bool,
    notice: &Notice,
) -> Response {
    let (t, it) = (&locale.texts.preferences, &newsletter.newsletter);
    let title = &t.not_subscribed;
    let info = PageInfo { title, brand: (&it.title, &it.tagline), language: locale.language };
    let content = html! {
        h1 { (title) }
        (notice.markup())
        @if is_undeliverable {
            p { (t.came_back_stopped) }
        } @else {
            p { (with_newsletter(&t.not_subscribed_hint, &it.title)) }
        }
        p { a href={ "/?newsletter=" (it.slug) } { (t.sign_up_again) } }
        (account::data_export_form(t, None))
    };
    notice.respond(info, &content)
}

/// Makes a page of a headline and one paragraph.
pub(super) fn message_page(locale: Locale, status: StatusCode, title: &str, text: &str) -> Response {
    let info = PageInfo { title, brand: ("Daily", ""), language: locale.language };
    page_response(status, info, &html! { h1 { (title) } p { (text) } })
}
