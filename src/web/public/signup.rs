//! `GET /`: the signup page. `GET /embed`: the same form for a frame, for sites that allow no script.

use crate::{
    actions::signup::request::MOST_NEWSLETTERS,
    db::newsletters::{self, NewsletterRecord},
    domain::{
        newsletter::Archive, signup::form_token::form_token, signup_wording::signup_wording,
        subscriber::email_address::MAX_ADDRESS_BYTES, validation::Problems,
    },
    i18n::{self, Locale, interpolate},
    web::{
        AppError, Site,
        layout::{DisplayMode, Page, PageKind, PageMetadata, feed_path, privacy_link},
        negotiate::referring_page,
        public::{
            challenge,
            field_errors::{error_id, message},
            latest::LatestIssue,
        },
    },
};
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use email_templates::dates::single_full_stops;
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
    let locale =
        i18n::negotiate_locale([query.lang.as_deref(), Some(&newsletter.newsletter.language)], &headers);
    // Only in a frame is the referring page the one around the form.
    let source = if mode == DisplayMode::Frame { referring_page(&headers) } else { None };
    let form = Form { mode, source, ..Form::empty(&newsletter, locale) };
    form.show(&site, StatusCode::OK).await
}

/// Returns the promise of a newsletter: `One email every weekday at 6.30 am`.
pub(super) fn promise(newsletter: &NewsletterRecord, locale: Locale) -> String {
    let frequency = locale.frequency(&newsletter.newsletter);
    interpolate(&locale.texts.signup.promise, &[("frequency", &frequency)])
}

/// Returns the promise as a sentence.
pub(super) fn promise_sentence(newsletter: &NewsletterRecord, locale: Locale) -> String {
    single_full_stops(&format!("{}.", promise(newsletter, locale)))
}

impl<'a> Form<'a> {
    /// Returns an empty form for one newsletter.
    pub(super) fn empty(newsletter: &'a NewsletterRecord, locale: Locale) -> Self {
        Self {
            mode: DisplayMode::Window,
            newsletter,
            chosen: std::slice::from_ref(&newsletter.newsletter.slug),
            locale,
            entered: "",
            source: None,
            started: None,
            problems: None,
        }
    }

    /// Makes the page with the form.
    pub async fn show(&self, site: &Site, status: StatusCode) -> Result<Response, AppError> {
        let all = newsletters::list(&mut site.signup.db.read().await?).await?;
        match self.mode {
            DisplayMode::Frame => Ok(self.frame(site, &all, status)),
            DisplayMode::Window => self.page(site, &all, status).await,
        }
    }

    /// Makes the page for a window: the form, with the latest issue beside it.
    async fn page(
        &self,
        site: &Site,
        all: &[NewsletterRecord],
        status: StatusCode,
    ) -> Result<Response, AppError> {
        let it = &self.newsletter.newsletter;
        let t = &self.locale.texts.signup;
        let latest = LatestIssue::find(site, self.newsletter).await?;
        let title = interpolate(&t.get, &[("newsletter", &it.title)]);
        let promise = promise(self.newsletter, self.locale);
        let content = html! {
            div.columns.opening."columns--side"[latest.is_some()] {
                section {
                    h1 { (headline(&t.headline, &it.title)) }
                    @if !it.tagline.is_empty() { p.lede lang=(it.language) { (it.tagline) } }
                    (self.form(site, all))
                    ul.ticks {
                        li { (promise) }
                        @if let Some(latest) = &latest { li { (latest.reading_time(self.locale)) } }
                    }
                }
                @if let Some(latest) = &latest { (latest.card(it, self.locale, true)) }
            }
        };
        let address = format!("{}/?newsletter={}", site.public_url, it.slug);
        let feed = feed_path(it);
        // A publisher who hides the archive hides the newsletter from search engines too.
        let is_indexed = it.archive == Archive::Public && status == StatusCode::OK;
        let metadata = PageMetadata {
            address: &address,
            description: if it.tagline.is_empty() { &promise } else { &it.tagline },
            feed: feed.as_deref(),
            picture: latest.as_ref().and_then(LatestIssue::picture),
            is_article: false,
        };
        let pictures: Vec<&str> = metadata.picture.into_iter().collect();
        let page = Page {
            kind: PageKind::Signup,
            metadata: is_indexed.then_some(metadata),
            pictures: &pictures,
            ..Page::new(it, &title, self.locale)
        };
        Ok(page.respond(status, &content))
    }

    /// Makes the page for a frame.
    fn frame(&self, site: &Site, all: &[NewsletterRecord], status: StatusCode) -> Response {
        let it = &self.newsletter.newsletter;
        let title = interpolate(&self.locale.texts.signup.get, &[("newsletter", &it.title)]);
        let content = html! {
            h1 { (title) }
            p { (promise_sentence(self.newsletter, self.locale)) }
            (self.form(site, all))
        };
        let page = Page { mode: DisplayMode::Frame, ..Page::new(it, &title, self.locale) };
        page.respond(status, &content)
    }

    /// Renders a card that offers the next issue.
    pub(super) fn card(&self, site: &Site) -> Markup {
        html! {
            section.card {
                h2 { (self.locale.texts.signup.get_next) }
                p { (promise_sentence(self.newsletter, self.locale)) }
                (self.form(site, &[]))
            }
        }
    }

    /// Renders the form. With several newsletters in `all`, it lists them.
    fn form(&self, site: &Site, all: &[NewsletterRecord]) -> Markup {
        let (it, Locale { language, texts, .. }) = (&self.newsletter.newsletter, self.locale);
        let t = &texts.signup;
        let wrong_address = error_id(self.problems, "email");
        let new_token = form_token(&site.signup.keys, site.signup.clock.now());
        html! {
            form.signup method="post" action=(self.mode.form_action()) data-challenge="/challenge" {
                @if all.len() > 1 {
                    (self.newsletter_choice(all))
                } @else {
                    input type="hidden" name="newsletter" value=(it.slug);
                    (message(self.problems, "newsletter", texts))
                }
                label for="email" { (t.address) }
                input #email type="email" name="email" value=(self.entered) required autocomplete="email"
                    maxlength=(MAX_ADDRESS_BYTES)
                    aria-invalid=[wrong_address.as_ref().map(|_| "true")] aria-describedby=[wrong_address];
                button.big type="submit" { (t.button) }
                (message(self.problems, "email", texts))
                input type="hidden" name="lang" value=(language);
                input type="hidden" name="time_zone" value="";
                @if let Some(source) = self.source { input type="hidden" name="source" value=(source); }
                input type="hidden" name="started" value=(self.started.unwrap_or(&new_token));
                // A honeypot: people don't see this field, but automated signups fill it in.
                div hidden {
                    label for="website" { "Leave this empty" }
                    input #website type="text" name="website" tabindex="-1" autocomplete="off";
                }
                (challenge::script(texts))
                p.fine-print { (signup_wording(Some(language)).text) (privacy_link(it, self.locale)) }
            }
            script src="/assets/time-zone.js" defer {}
        }
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
                            @if !it.tagline.is_empty() { small { (it.tagline) } }
                        }
                    }
                }
            }
        }
    }
}

/// Renders a headline whose newsletter title breaks only if it doesn't fit on a line.
fn headline(text: &str, title: &str) -> Markup {
    let (before, after) = i18n::split_at(text, "newsletter");
    html! {
        @if !before.trim().is_empty() { span.whole { (before.trim()) } " " }
        span.whole { (title) }
        @if !after.trim().is_empty() { " " span.whole { (after.trim()) } }
    }
}
