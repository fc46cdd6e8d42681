//! `/preferences/{token}`: how often, about what and when a newsletter comes, a break from it, and which others. The links in mails
//! that the page sends lead to `data_export` and `address_change`. GET shows what is chosen; POST
//! does what the form says, without cookie, login or script. The token is the one of the link to leave.

mod account;
pub mod address_change;
mod carry_out;
mod choices;
pub mod data_export;
pub mod form;
mod newsletters;
mod page;
mod pause;
mod view;

use crate::{
    actions::subscription::set_preferences::{self, Choice, Choosing},
    i18n::{self, fill},
    web::{
        AppError, Site,
        negotiate::{AskedLanguage, evidence},
        public::preferences::{
            carry_out::carry_out,
            form::{PreferencesFields, Wish},
            page::Notice,
            view::{Page, Speech},
        },
        submission::Submitted,
    },
};
use axum::{
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode},
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
    submitted: Result<Submitted<PreferencesFields>, AppError>,
) -> Result<Response, AppError> {
    let state = set_preferences::look(&site.subscription, &token).await?;
    let speech = speech(&asked, &state, &headers);
    let is_asked = asked.lang.is_some();
    let is_ours = matches!(state, Choosing::Open(_) | Choosing::Gone(_));
    let fields = match submitted {
        _ if !is_ours => PreferencesFields::default(),
        Ok(Submitted { fields, json: false }) => fields,
        Ok(_) | Err(AppError::UnknownBody) => {
            let (title, what) = (&speech.say.bad_body, &speech.say.send_form);
            return Ok(page::plain(speech, StatusCode::UNSUPPORTED_MEDIA_TYPE, title, what));
        }
        Err(error) => return Ok(error.in_language(speech.language)),
    };
    let mut choice = match state {
        Choosing::Open(choice) => choice,
        Choosing::Gone(gone) => {
            // A reader who has unsubscribed can ask for this and nothing else.
            let notice = if fields.is_for_data_export() {
                carry_out::data_export(&site, gone.subscription, speech).await?
            } else {
                None
            };
            return Ok(page::gone(speech, &gone.newsletter, &notice.unwrap_or(Notice::None)));
        }
        other => return Ok(page::closed(speech, &other, &Notice::None)),
    };
    let wish = match fields.checked(&choice, site.subscription.clock.now()) {
        Ok(wish) => wish,
        Err(problems) => {
            let notice = Notice::Problem(speech.words.errors.invalid.clone());
            let page = page(&site, &choice, &token, speech, is_asked);
            return Ok(page::show(&Page { problems: Some(&problems), ..page }, &notice));
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
        problems: None,
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
