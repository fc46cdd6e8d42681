//! What is said instead of what was asked for. Handlers say what it is; it is put into words in one place, where the request's
//! language is known.

use super::{
    error,
    negotiate::wants_json,
    words::{self, Errors, fill},
};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use url::form_urlencoded;

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No page has this address.
    NoPage,
    /// No newsletter has this short name, and so nothing is there.
    NoNewsletter(String),
    /// A signup names a newsletter that is not there.
    UnknownNewsletter(String),
    /// The newsletter of this title has no issue of the date.
    NoIssue(String),
    /// No newsletter with this short name has an archive.
    NoIssuesOf(String),
    /// No newsletter's issues are for everybody.
    NoFeed,
    /// A link out of a mail that is not ours, or not whole.
    BrokenLink,
    /// Likewise, one to confirm: signing up again helps.
    BrokenConfirmLink,
    /// The link to leave of a test mail.
    TestLink,
    /// Too many signups; the next one is taken after this time.
    TooMany(SignedDuration),
    /// Something on our side does not work.
    Trouble,
    /// The address is right, the method is not.
    Method(String),
    /// The body is too long.
    TooLong,
    /// A body of a kind that is not taken.
    UnknownBody,
    /// A body that can't be read, and why, for who wrote the program that sent it.
    Unreadable(StatusCode, String),
    /// Whatever the framework refuses by itself.
    Other(StatusCode),
}

/// The language a refusal is told in unless the request asks for another.
#[derive(Debug, Clone, Copy)]
struct Language(&'static str);

impl Refusal {
    /// The answer, without words yet, in a language that is known already.
    pub fn told_in(self, language: &'static str) -> Response {
        let mut answer = self.into_response();
        answer.extensions_mut().insert(Language(language));
        answer
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::NoPage
            | Self::NoNewsletter(_)
            | Self::NoIssue(_)
            | Self::NoIssuesOf(_)
            | Self::NoFeed
            | Self::BrokenLink
            | Self::BrokenConfirmLink => StatusCode::NOT_FOUND,
            Self::UnknownNewsletter(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TestLink => StatusCode::OK,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Trouble => StatusCode::SERVICE_UNAVAILABLE,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownBody => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unreadable(status, _) | Self::Other(status) => *status,
        }
    }

    /// Headline, and what to do.
    fn in_words<'a>(&self, say: &'a Errors) -> (&'a str, String) {
        let of = |text: &str, newsletter: &str| fill(text, &[("newsletter", newsletter)]);
        match self {
            Self::NoPage => (&say.not_found, say.no_page.clone()),
            Self::NoNewsletter(slug) => (&say.not_found, of(&say.no_newsletter, slug)),
            Self::UnknownNewsletter(slug) => (&say.no_newsletter_title, of(&say.no_newsletter, slug)),
            Self::NoIssue(title) => (&say.not_found, of(&say.no_issue, title)),
            Self::NoIssuesOf(slug) => (&say.not_found, of(&say.no_issues_of, slug)),
            Self::NoFeed => (&say.not_found, say.no_feed.clone()),
            Self::BrokenLink => (&say.broken_link, say.cut_off.clone()),
            Self::BrokenConfirmLink => (&say.broken_link, say.cut_off_confirm.clone()),
            Self::TestLink => (&say.test, say.test_leave.clone()),
            Self::TooMany(wait) => match seconds(*wait).div_ceil(60) {
                1 => (&say.later, say.too_many_minute.clone()),
                minutes => (&say.later, fill(&say.too_many, &[("minutes", &minutes.to_string())])),
            },
            Self::Trouble => (&say.moment, say.trouble.clone()),
            Self::Method(method) => (&say.not_so, fill(&say.method, &[("method", method)])),
            Self::TooLong => (&say.failed, say.too_long.clone()),
            Self::UnknownBody => (&say.failed, say.body_kind.clone()),
            Self::Unreadable(_, why) => (&say.no_signup, fill(&say.unreadable, &[("why", why)])),
            Self::Other(status) if status.is_server_error() => (&say.moment, say.trouble.clone()),
            Self::Other(_) => (&say.failed, say.not_understood.clone()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = self.status().into_response();
        if let Self::TooMany(wait) = &self {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds(*wait)));
        }
        answer.extensions_mut().insert(self);
        answer
    }
}

fn seconds(wait: SignedDuration) -> u64 {
    wait.as_secs().saturating_add(1).max(1).unsigned_abs()
}

/// Puts a refusal into words: a page, or a problem for programs. Other answers stay as they are.
pub fn in_words(address: &Uri, asked: &HeaderMap, mut answer: Response) -> Response {
    let Some(refusal) = answer.extensions_mut().remove::<Refusal>() else { return answer };
    let own = answer.extensions_mut().remove::<Language>().map(|it| it.0);
    let wished = asked_for(address);
    let (language, words) = words::spoken([wished.as_deref(), own], asked);
    let (title, what) = refusal.in_words(&words.errors);
    let status = refusal.status();
    let mut told = if wants_json(asked) {
        error::problem(status, title, &what, None)
    } else {
        error::page_in(language, status, title, &what)
    };
    told.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
    // What the answer says in its headers holds: when to come again, which methods there are, who may read it.
    for (name, value) in answer.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            told.headers_mut().append(name, value.clone());
        }
    }
    told
}

/// The language an address asks for.
fn asked_for(address: &Uri) -> Option<String> {
    let query = address.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang").map(|(_, tag)| tag.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn told(refusal: Refusal, address: &'static str, accept: &str) -> (StatusCode, String) {
        let mut asked = HeaderMap::new();
        asked.insert(header::ACCEPT, accept.parse().unwrap());
        asked.insert(header::ACCEPT_LANGUAGE, "fr".parse().unwrap());
        let answer = in_words(&Uri::from_static(address), &asked, refusal.into_response());
        assert!(answer.headers().contains_key(header::CONTENT_LANGUAGE));
        let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
        (answer_status(&body), String::from_utf8(body.to_vec()).unwrap())
    }

    fn answer_status(body: &[u8]) -> StatusCode {
        let problem: Result<serde_json::Value, _> = serde_json::from_slice(body);
        let status = problem.ok().and_then(|it| u16::try_from(it["status"].as_u64()?).ok());
        status.and_then(|it| StatusCode::from_u16(it).ok()).unwrap_or(StatusCode::OK)
    }

    #[tokio::test]
    async fn it_is_told_in_the_language_asked_for_then_the_browsers() {
        let (_, page) = told(Refusal::NoPage, "/nowhere?lang=de-AT", "text/html").await;
        assert!(page.contains("<html lang=\"de\"") && page.contains("Nicht gefunden"), "{page}");
        let (status, problem) = told(Refusal::NoPage, "/nowhere?lang=xx", "application/json").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(problem.contains("Introuvable"), "{problem}");
    }

    #[tokio::test]
    async fn times_are_rounded_up_and_one_minute_is_one() {
        for (seconds, says) in [(0, "dans une minute"), (59, "dans une minute"), (61, "dans 2 minutes")] {
            let wait = SignedDuration::from_secs(seconds);
            let (_, page) = told(Refusal::TooMany(wait), "/subscribe", "text/html").await;
            assert!(page.contains(says), "{seconds}: {page}");
        }
    }
}
