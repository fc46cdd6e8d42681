//! `/preferences/{token}`: how often, about what and when a newsletter comes, and a break from it. GET shows what is chosen; POST
//! does what the form says, without cookie, login or script. The token is the one of the link to leave.

mod choices;
mod form;
mod page;
mod pause;

use crate::{
    actions::{
        pause_subscription::{pause_subscription, resume_subscription},
        set_preferences::{self, Choice, Choosing},
    },
    web::{
        Site, WebError,
        negotiate::media_type,
        words::{self, fill},
    },
};
use axum::{
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use form::Wish;
use page::{Notice, Page, Speech};

/// What the address asks for.
#[derive(Debug, serde::Deserialize)]
pub struct Asked {
    /// The language to show the page in.
    lang: Option<String>,
}

/// Shows what is chosen.
pub async fn get(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let state = set_preferences::look(&site.actions, &token).await?;
    let speech = speech(&asked, &state, &headers);
    Ok(match state {
        Choosing::Open(choice) => page(&site, &choice, &token, speech).show(StatusCode::OK, &Notice::None),
        other => page::closed(speech, other),
    })
}

/// Does what the form says.
pub async fn post(
    State(site): State<Site>,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let state = set_preferences::look(&site.actions, &token).await?;
    let speech = speech(&asked, &state, &headers);
    let mut choice = match state {
        Choosing::Open(choice) => choice,
        other => return Ok(page::closed(speech, other)),
    };
    if media_type(&headers, &header::CONTENT_TYPE) != "application/x-www-form-urlencoded" {
        let (title, what) = (&speech.say.bad_body, &speech.say.send_form);
        return Ok(page::plain(speech, StatusCode::UNSUPPORTED_MEDIA_TYPE, title, what));
    }
    let wish = match form::read(&body, &choice, site.actions.clock.now()) {
        Ok(wish) => wish,
        Err(problem) => {
            let notice = Notice::Problem(problem.in_words(speech));
            return Ok(page(&site, &choice, &token, speech).show(StatusCode::UNPROCESSABLE_ENTITY, &notice));
        }
    };
    let (id, actions) = (choice.subscription, &site.actions);
    let (done, notice) = match wish {
        Wish::Choose(preferences) => {
            let kept = set_preferences::set_preferences(actions, id, &preferences).await?;
            choice.preferences = preferences;
            let summary = choices::summary(&choice.newsletter.newsletter, &choice.preferences, speech.say);
            (kept, Notice::Done(speech.say.saved.clone(), summary))
        }
        Wish::Pause(until) => {
            choice.paused = Some(Some(until));
            // What there is to say the page says.
            (pause_subscription(actions, id, until).await?, Notice::None)
        }
        Wish::Resume => {
            // Doing it again does no harm.
            resume_subscription(actions, id).await?;
            choice.paused = None;
            (true, Notice::Done(String::new(), speech.say.resumed.clone()))
        }
    };
    if !done {
        // The reader left in another window.
        return Ok(page::closed(speech, Choosing::Gone { newsletter: Box::new(choice.newsletter) }));
    }
    Ok(page(&site, &choice, &token, speech).show(StatusCode::OK, &notice))
}

fn page<'a>(site: &Site, choice: &'a Choice, token: &'a str, speech: Speech) -> Page<'a> {
    Page { choice, token, speech, now: site.actions.clock.now() }
}

/// The language of the page: what its address asks for, else the newsletter's, else the browser's.
fn speech(asked: &Asked, state: &Choosing, headers: &HeaderMap) -> Speech {
    let newsletter = match state {
        Choosing::Open(choice) => choice.newsletter.newsletter.language.as_str(),
        Choosing::Gone { newsletter } => newsletter.newsletter.language.as_str(),
        Choosing::Unknown | Choosing::Test => "",
    };
    let (language, words) = words::choose(asked.lang.as_deref(), newsletter, headers);
    Speech { language, words, say: &words.preferences }
}

/// A text about a newsletter.
fn of(text: &str, newsletter: &str) -> String {
    fill(text, &[("newsletter", newsletter)])
}
