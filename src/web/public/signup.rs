//! `GET /`: the signup page. `GET /embed`: the same form for a frame, for sites that allow no script.

use crate::{
    actions::signup::request::MOST_NEWSLETTERS,
    db::newsletters::{self, NewsletterRecord},
    domain::{
        signup::form_token::form_token, signup_wording::signup_wording,
        subscriber::email_address::MAX_ADDRESS_BYTES, validation::Problems,
    },
    i18n::{self, Locale, interpolate},
    web::{
        AppError, Site,
        layout::{DisplayMode, newsletter_page_response},
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

#[derive(Debug, serde::Deserialize)]
pub struct SignupQuery {
    newsletter: Option<String>,
    lang: Option<String>,
}

/// The signup form.
pub(super) struct Form<'a> {
    pub mode: DisplayMode,
    /// The newsletter whose name is on the page.
    pub newsletter: &'a NewsletterRecord,
    /// Short names of the chosen newsletters.
    pub chosen: &'a [String],
    pub locale: Locale,
    /// The entered address.
    pub entered: &'a str,
    /// URL of the page around the form.
    pub source: Option<&'a str>,
    /// The form's token, if it was shown before.
    pub started: Option<&'a str>,
    /// Problems with the submitted form.
    pub problems: Option<&'a Problems>,
}

/// Shows an empty form.
pub async fn get(
    State(site): State<Site>,
    uri: Uri,
    Query(query): Query<SignupQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let newsletter = site.newsletter(query.newsletter.as_deref()).await?;
    let mode = DisplayMode::from_path(uri.path());
    let form = Form {
        mode,
        newsletter: &newsletter,
        chosen: std::slice::from_ref(&newsletter.newsletter.slug),
        locale: i18n::negotiate_locale(
            [query.lang.as_deref(), Some(&newsletter.newsletter.language)],
            &headers,
        ),
        entered: "",
        // Only in a frame is the referring page the one around the form.
        source: if mode == DisplayMode::Frame { referring_page(&headers) } else { None },
        started: None,
        problems: None,
    };
    form.show(&site, StatusCode::OK).await
}

impl Form<'_> {
    /// Makes the page with the form.
    pub async fn show(&self, site: &Site, status: StatusCode) -> Result<Response, AppError> {
        let all = newsletters::list(&mut site.signup.db.read().await?).await?;
        let (it, Locale { language, texts }) = (&self.newsletter.newsletter, self.locale);
        let t = &texts.signup;
        let wrong_address = error_id(self.problems, "email");
        let new_token = form_token(&site.signup.keys, site.signup.clock.now());
        let content = html! {
            h1 { (interpolate(&t.headline, &[("newsletter", &it.title)])) }
            form.signup method="post" action=(self.mode.form_action()) data-challenge="/challenge" {
                (message(self.problems, "email", texts))
                label for="email" { (t.address) }
                input #email type="email" name="email" value=(self.entered) required autocomplete="email"
                    maxlength=(MAX_ADDRESS_BYTES) placeholder="you@example.org"
                    aria-invalid=[wrong_address.as_ref().map(|_| "true")] aria-describedby=[wrong_address];
                @if all.len() > 1 {
                    (self.newsletter_choice(&all))
                } @else {
                    input type="hidden" name="newsletter" value=(it.slug);
                }
                input type="hidden" name="lang" value=(language);
                input type="hidden" name="time_zone" value="";
                @if let Some(source) = self.source { input type="hidden" name="source" value=(source); }
                input type="hidden" name="started" value=(self.started.unwrap_or(&new_token));
                // A honeypot: people don't see this field, but automated signups fill it in.
                div hidden {
                    label for="website" { "Leave this empty" }
                    input #website type="text" name="website" tabindex="-1" autocomplete="off";
                }
                button type="submit" { (t.button) }
            }
            (challenge::script(texts))
            script src="/assets/time-zone.js" defer {}
            p.fine-print { (signup_wording(Some(language)).text) }
        };
        Ok(newsletter_page_response(self.mode, status, it, (&it.title, language), &content))
    }

    /// Renders the list of newsletters.
    fn newsletter_choice(&self, all: &[NewsletterRecord]) -> Markup {
        html! {
            // Tells a form with no newsletter ticked from one without this list.
            input type="hidden" name="newsletter" value="";
            fieldset aria-describedby=[error_id(self.problems, "newsletter")] {
                legend { (self.locale.texts.signup.which) }
                (message(self.problems, "newsletter", self.locale.texts))
                @for it in all.iter().take(MOST_NEWSLETTERS).map(|it| &it.newsletter) {
                    label.choice {
                        input type="checkbox" name="newsletter" value=(it.slug) checked[self.chosen.contains(&it.slug)];
                        // Titles may be in another language than the page.
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
