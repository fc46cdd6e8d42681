//! The preferences page, and the pages shown in its place.

use crate::{
    actions::subscription::set_preferences::PreferencesLink,
    db::newsletters::NewsletterRecord,
    domain::newsletter::SendClock,
    i18n::{Locale, split_at},
    web::{
        AppError,
        layout::{Page, PageKind, sheet},
        public::preferences::{
            account, choices, newsletters, notice::Notice, pause, view::PageView, with_newsletter,
        },
    },
};
use axum::response::Response;
use maud::html;

/// Makes the preferences page: one form whose cards save by themselves.
pub(super) fn preferences_page(page: &PageView<'_>) -> Response {
    let (t, it) = (&page.locale.texts.preferences, &page.reader.newsletter.newsletter);
    let (before, after) = split_at(&t.goes_to, "address");
    let (notice, card) = page.notice;
    let content = html! {
        h1 { (t.title) }
        p.lede {
            @match &page.reader.shown_address {
                Some(address) => {
                    (with_newsletter(before, &it.title)) b { (address) } (with_newsletter(after, &it.title))
                },
                None => (it.title),
            }
        }
        // Without checks by the browser, so that a half-typed address doesn't block the other cards.
        form method="post" action=(page.action()) novalidate {
            // Enter presses the first button.
            button.hidden type="submit" name="do" value="save" tabindex="-1" aria-hidden="true" { (t.save) }
            @if card.is_none() { (notice.on_top()) }
            (pause::notice(page))
            @if page.reader.emails_came_back { p.note."note--alarm" { (t.came_back) } }
            div.columns."columns--even" {
                div.stack {
                    (choices::cadences(page))
                    (choices::sections(page))
                    @if it.clock == SendClock::Reader { (choices::clock(page)) }
                    (newsletters::card(page))
                }
                div.stack {
                    (pause::card(page))
                    (account::address(page))
                    (account::language(page))
                    (account::data_export(page))
                    section.card {
                        h2 { (t.unsubscribe) }
                        div.offer {
                            p.hint { (with_newsletter(&t.unsubscribe_hint, &it.title)) }
                            a.button.quiet href={ "/unsubscribe/" (page.token) } { (t.unsubscribe) }
                        }
                    }
                }
            }
        }
    };
    let frame = Page { kind: PageKind::Subscriber, ..Page::new(it, &t.title, page.locale) };
    notice.respond(&frame, &content)
}

/// Makes the page for a link that opens no preferences.
pub(super) fn closed_page(locale: Locale, link: &PreferencesLink, notice: &Notice) -> Response {
    match link {
        PreferencesLink::Test => AppError::TestPreferencesLink.in_language(locale.language),
        PreferencesLink::Unsubscribed(it) => {
            unsubscribed_page(locale, &it.newsletter, it.is_undeliverable, notice)
        }
        PreferencesLink::Unknown | PreferencesLink::Subscribed(_) => {
            AppError::BrokenLink.in_language(locale.language)
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
    let content = html! {
        h1 { (t.not_subscribed) }
        (notice.on_top())
        @if is_undeliverable {
            p { (t.came_back_stopped) }
        } @else {
            p { (with_newsletter(&t.not_subscribed_hint, &it.title)) }
        }
        p { a href={ "/?newsletter=" (it.slug) } { (t.sign_up_again) } }
        (account::data_export_form(t))
    };
    notice.respond(&Page::new(it, &t.not_subscribed, locale), &sheet(&content))
}
