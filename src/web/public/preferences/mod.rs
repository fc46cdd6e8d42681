//! `/preferences/{token}`: how often, about what and when a newsletter comes, a break from it, and which others. The links in mails
//! that the page sends lead to `data_export` and `address_change`. GET shows what is chosen; POST
//! does what the form says, without cookie, login or script. The token is the one of the link to leave.

mod account;
pub mod address_change;
mod carry_out;
mod choices;
pub mod data_export;
mod form;
mod newsletters;
mod page;
mod pause;
mod view;

use crate::{
    actions::subscription::set_preferences::{self, Choice, Choosing},
    i18n::{self, fill},
    web::{
        AppError, Site,
        negotiate::{AskedLanguage, evidence, media_type},
        public::preferences::{
            carry_out::carry_out,
            form::Wish,
            page::Notice,
            view::{Page, Speech},
        },
    },
};
use axum::{
    body::Bytes,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use std::net::SocketAddr;

/// Shows what is chosen.
pub async fn get(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(asked): Query<AskedLanguage>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let state = set_preferences::look(&site.subscription, &token).await?;
    let speech = speech(&asked, &state, &headers);
    let is_asked = asked.lang.is_some();
    Ok(match state {
        Choosing::Open(choice) => page::show(&page(&site, &choice, &token, speech, is_asked), &Notice::None),
        other => page::closed(speech, &other, &Notice::None),
    })
}

/// Does what the form says.
pub async fn post(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    Query(asked): Query<AskedLanguage>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, AppError> {
    let state = set_preferences::look(&site.subscription, &token).await?;
    let speech = speech(&asked, &state, &headers);
    let is_asked = asked.lang.is_some();
    let is_ours = matches!(state, Choosing::Open(_) | Choosing::Gone(_));
    if is_ours && media_type(&headers, &header::CONTENT_TYPE) != "application/x-www-form-urlencoded" {
        let (title, what) = (&speech.say.bad_body, &speech.say.send_form);
        return Ok(page::plain(speech, StatusCode::UNSUPPORTED_MEDIA_TYPE, title, what));
    }
    let mut choice = match state {
        Choosing::Open(choice) => choice,
        Choosing::Gone(gone) => {
            // A reader who has unsubscribed can ask for this and nothing else.
            let notice = if form::is_for_data_export(&body) {
                carry_out::data_export(&site, gone.subscription, speech).await?
            } else {
                None
            };
            return Ok(page::gone(speech, &gone.newsletter, &notice.unwrap_or(Notice::None)));
        }
        other => return Ok(page::closed(speech, &other, &Notice::None)),
    };
    let wish = match form::read(&body, &choice, site.subscription.clock.now()) {
        Ok(wish) => wish,
        Err(problem) => {
            let notice = Notice::Problem(problem.in_words(speech));
            return Ok(page::show(&page(&site, &choice, &token, speech, is_asked), &notice));
        }
    };
    let evidence = evidence(peer, &headers, None);
    let changes_others = matches!(wish, Wish::Join(_) | Wish::Leave(_));
    // A language that was just chosen is that of the answer, and of what follows.
    let (speech, is_asked) = match &wish {
        Wish::Choose { language: Some(language), .. } => {
            (speech_in(Some(language), None, "", &headers), false)
        }
        _ => (speech, is_asked),
    };
    let done = carry_out(&site, &mut choice, wish, speech, &evidence).await?;
    let Some(notice) = done else {
        return Ok(page::gone(speech, &choice.newsletter, &Notice::None));
    };
    if changes_others {
        match set_preferences::look(&site.subscription, &token).await? {
            Choosing::Open(now) => choice = now,
            other => return Ok(page::closed(speech, &other, &notice)),
        }
    }
    Ok(page::show(&page(&site, &choice, &token, speech, is_asked), &notice))
}

fn page<'a>(site: &'a Site, choice: &'a Choice, token: &'a str, speech: Speech, is_asked: bool) -> Page<'a> {
    Page {
        choice,
        token,
        speech,
        now: site.subscription.clock.now(),
        is_asked,
        keys: &site.subscription.keys,
    }
}

/// The language of the page: what its address asks for, the reader's own, the newsletter's, the browser's.
fn speech(asked: &AskedLanguage, state: &Choosing, headers: &HeaderMap) -> Speech {
    let (own, newsletter) = match state {
        Choosing::Open(choice) => {
            (choice.language.as_deref(), choice.newsletter.newsletter.language.as_str())
        }
        Choosing::Gone(gone) => (gone.language.as_deref(), gone.newsletter.newsletter.language.as_str()),
        Choosing::Unknown | Choosing::Test => (None, ""),
    };
    speech_in(asked.lang.as_deref(), own, newsletter, headers)
}

fn speech_in(asked: Option<&str>, own: Option<&str>, newsletter: &str, headers: &HeaderMap) -> Speech {
    Speech::new(i18n::spoken([asked, own, Some(newsletter)], headers))
}

/// A text about a newsletter.
fn of(text: &str, newsletter: &str) -> String {
    fill(text, &[("newsletter", newsletter)])
}
