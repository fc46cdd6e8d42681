//! The result of a request on the preferences page.

use crate::web::layout::Page;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use jiff::SignedDuration;
use maud::{Markup, html};

/// The result of a request, shown in its card or above the cards.
pub(super) enum Notice {
    None,
    Done(String),
    Problem(String),
    /// A rate limit was reached. The next request is accepted after this time.
    TooMany(SignedDuration, String),
}

impl Notice {
    const fn status(&self) -> StatusCode {
        match self {
            Self::None | Self::Done(_) => StatusCode::OK,
            Self::Problem(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany(..) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Renders the notice above the cards.
    pub(super) fn on_top(&self) -> Markup {
        html! {
            @match self {
                Self::None => {}
                Self::Done(text) => p.note role="status" { (text) },
                Self::Problem(text) | Self::TooMany(_, text) => p.note."note--alarm" role="alert" { (text) },
            }
        }
    }

    /// Renders the notice beside a card's button.
    pub(super) fn in_card(&self) -> Markup {
        html! {
            @match self {
                Self::None => {}
                Self::Done(text) => p.done role="status" { (text) },
                Self::Problem(text) | Self::TooMany(_, text) => p.problem role="alert" { (text) },
            }
        }
    }

    /// Makes the response with this notice's status.
    pub(super) fn respond(&self, page: &Page<'_>, content: &Markup) -> Response {
        let mut response = page.respond(self.status(), content);
        if let Self::TooMany(wait, _) = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}
