//! `GET /`: the signup page. `GET /embed`: the same form, to be shown in a frame on sites that allow no script.

use crate::{
    actions::signup::request::MOST_NEWSLETTERS,
    db::newsletters::{self, NewsletterRecord},
    domain::{
        signup::form_token::form_token, signup_wording::signup_wording,
        subscriber::email_address::MAX_ADDRESS_BYTES, validation::Problems,
    },
    i18n::{self, Spoken, fill},
    web::{
        AppError, Site,
        layout::{Place, respond_for},
        negotiate::referring_page,
        public::{
            challenge,
            field_errors::{error_id, message},
        },
    },
};
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use maud::{Markup, html};

/// Which newsletter the page is for, and in which language it is.
#[derive(Debug, serde::Deserialize)]
pub struct Choice {
    newsletter: Option<String>,
    lang: Option<String>,
}

/// The form, and what is to be said with it.
pub(super) struct Form<'a> {
    /// Where it is shown.
    pub place: Place,
    /// In whose name.
    pub newsletter: &'a NewsletterRecord,
    /// What is chosen, by short names.
    pub chosen: &'a [String],
    /// In which language.
    pub spoken: Spoken,
    /// What was entered.
    pub entered: &'a str,
    /// The page that it stands on.
    pub source: Option<&'a str>,
    /// Its mark, if it was shown before.
    pub started: Option<&'a str>,
    /// Problems with it.
    pub problems: Option<&'a Problems>,
}

/// The page with an empty form.
pub async fn get(
    State(site): State<Site>,
    uri: Uri,
    Query(choice): Query<Choice>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let newsletter = site.newsletter(choice.newsletter.as_deref()).await?;
    let place = Place::of(uri.path());
    let form = Form {
        place,
        newsletter: &newsletter,
        chosen: std::slice::from_ref(&newsletter.newsletter.slug),
        spoken: i18n::choose(choice.lang.as_deref(), &newsletter.newsletter.language, &headers),
        entered: "",
        // In a frame our own page would be named.
        source: if place == Place::Frame { referring_page(&headers) } else { None },
        started: None,
        problems: None,
    };
    form.show(&site, StatusCode::OK).await
}

impl Form<'_> {
    /// The page with the form.
    pub async fn show(&self, site: &Site, status: StatusCode) -> Result<Response, AppError> {
        let all = newsletters::list(&mut site.signup.db.read().await?).await?;
        let (it, (language, words)) = (&self.newsletter.newsletter, self.spoken);
        let say = &words.signup;
        let wrong_address = error_id(self.problems, "email");
        let fresh = form_token(&site.signup.keys, site.signup.clock.now());
        let content = html! {
            h1 { (fill(&say.headline, &[("newsletter", &it.title)])) }
            form.signup method="post" action=(self.place.form_action()) data-challenge="/challenge" {
                (message(self.problems, "email", words))
                label for="email" { (say.address) }
                input #email type="email" name="email" value=(self.entered) required autocomplete="email"
                    maxlength=(MAX_ADDRESS_BYTES) placeholder="you@example.org"
                    aria-invalid=[wrong_address.as_ref().map(|_| "true")] aria-describedby=[wrong_address];
                // A single one needs no question.
                @if all.len() > 1 {
                    (self.choice(&all))
                } @else {
                    input type="hidden" name="newsletter" value=(it.slug);
                }
                input type="hidden" name="lang" value=(language);
                input type="hidden" name="time_zone" value="";
                @if let Some(source) = self.source { input type="hidden" name="source" value=(source); }
                input type="hidden" name="started" value=(self.started.unwrap_or(&fresh));
                // No person sees this field; programs fill in what they find.
                div hidden {
                    label for="website" { "Leave this empty" }
                    input #website type="text" name="website" tabindex="-1" autocomplete="off";
                }
                button type="submit" { (say.button) }
            }
            (challenge::script(words))
            script src="/assets/time-zone.js" defer {}
            p.fine-print { (signup_wording(Some(language)).text) }
        };
        Ok(respond_for(self.place, status, it, (&it.title, language), &content))
    }

    /// The newsletters there are, to choose from. There are a handful.
    fn choice(&self, all: &[NewsletterRecord]) -> Markup {
        html! {
            // It tells a form without a tick from one that asks no such question.
            input type="hidden" name="newsletter" value="";
            fieldset aria-describedby=[error_id(self.problems, "newsletter")] {
                legend { (self.spoken.1.signup.which) }
                (message(self.problems, "newsletter", self.spoken.1))
                @for it in all.iter().take(MOST_NEWSLETTERS).map(|it| &it.newsletter) {
                    label.choice {
                        input type="checkbox" name="newsletter" value=(it.slug) checked[self.chosen.contains(&it.slug)];
                        // What they are called may be in another language than the page.
                        span lang=(it.language) {
                            (it.title)
                            @if !it.tagline.is_empty() { span.tagline { (it.tagline) } }
                        }
                    }
                }
            }
        }
    }
}
