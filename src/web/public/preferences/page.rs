//! The page itself, and what is shown in its place.

use crate::{
    actions::subscription::set_preferences::Choosing,
    db::newsletters::NewsletterRecord,
    i18n::{self, around},
    web::{
        layout::{Frame, respond},
        public::preferences::{
            account, choices, newsletters, of, pause,
            view::{Page, Speech},
        },
    },
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use jiff::SignedDuration;
use maud::{Markup, html};

/// What is to be said about the form.
pub(super) enum Notice {
    None,
    /// A word and sentences.
    Done(String, String),
    Problem(String),
    /// It may be asked again after a while.
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
                Self::Done(word, what) => p.notice role="status" {
                    @if !word.is_empty() { strong { (word) } " " }
                    (what)
                },
                Self::Problem(problem) | Self::TooMany(_, problem) => p.notice."notice--error" role="alert" { (problem) },
            }
        }
    }

    /// The page that it stands on.
    fn respond(&self, frame: Frame<'_>, content: &Markup) -> Response {
        let mut answer = respond(self.status(), frame, content);
        if let Self::TooMany(wait, _) = self {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        answer
    }
}

/// The whole page, with a notice on top.
pub(super) fn show(page: &Page<'_>, notice: &Notice) -> Response {
    let (say, it) = (page.speech.say, &page.choice.newsletter.newsletter);
    let title = of(&say.title, &it.title);
    let (before, after) = around(&say.for_address, "address");
    let content = html! {
        h1 { (title) }
        (notice.markup())
        (pause::notice(page))
        @if let Some(address) = &page.choice.shown_address {
            p { (before) strong { (address) } (after) }
        }
        (choices::form(page))
        (pause::form(page))
        (newsletters::form(page, page.keys))
        (account::forms(page))
        p.fine-print { (of(&say.rather_not, &it.title)) " " a href={ "/unsubscribe/" (page.token) } { (say.leave) } }
        (languages(page.speech))
    };
    let frame = Frame { title: &title, brand: (&it.title, &it.tagline), language: page.speech.language };
    notice.respond(frame, &content)
}

/// The page in other languages.
fn languages(speech: Speech) -> Markup {
    html! {
        nav.languages aria-label=(speech.say.languages) {
            @for (tag, name) in i18n::languages() {
                a href={ "?lang=" (tag) } lang=(tag) hreflang=(tag)
                    aria-current=[(tag == speech.language).then_some("true")] { (name) }
                " "
            }
        }
    }
}

/// What is shown where there is nothing to choose.
pub(super) fn closed(speech: Speech, state: &Choosing, notice: &Notice) -> Response {
    let say = speech.say;
    match state {
        Choosing::Test => plain(speech, StatusCode::OK, &say.test, &say.test_hint),
        Choosing::Gone(it) => gone(speech, &it.newsletter, notice),
        Choosing::Unknown | Choosing::Open(_) => {
            plain(speech, StatusCode::NOT_FOUND, &say.bad_link, &say.cut_off)
        }
    }
}

/// The page of a reader who is not subscribed, who may still ask for a data export.
pub(super) fn gone(speech: Speech, newsletter: &NewsletterRecord, notice: &Notice) -> Response {
    let (say, it) = (speech.say, &newsletter.newsletter);
    let title = &say.not_subscribed;
    let frame = Frame { title, brand: (&it.title, &it.tagline), language: speech.language };
    let content = html! {
        h1 { (title) }
        (notice.markup())
        p { (of(&say.nothing_to_choose, &it.title)) }
        p { a href={ "/?newsletter=" (it.slug) } { (say.sign_up) } }
        (account::data_export_form(say, None))
    };
    notice.respond(frame, &content)
}

/// A page of one sentence.
pub(super) fn plain(speech: Speech, status: StatusCode, title: &str, what: &str) -> Response {
    let frame = Frame { title, brand: ("Daily", ""), language: speech.language };
    respond(status, frame, &html! { h1 { (title) } p { (what) } })
}
