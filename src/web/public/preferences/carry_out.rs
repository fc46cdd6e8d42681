//! Carries out the requests of the preferences page.

use crate::{
    actions::{
        privacy::data_export::{self, ExportRequestOutcome},
        subscription::{
            change_address::{self, ChangeRequestOutcome},
            join_newsletter::{JoinOutcome, join_newsletter},
            pause_subscription::{ResumeOutcome, pause_subscription, resume_subscription},
            set_preferences::{ReaderPreferences, set_language, set_preferences},
            unsubscribe::unsubscribe,
        },
    },
    db::{DbError, subscribers::Evidence},
    domain::{actor::Actor, ids::SubscriptionId, token::Purpose},
    i18n::Locale,
    web::{
        Site,
        public::preferences::{
            card::Card, choices, form::PreferencesRequest, notice::Notice, with_newsletter,
        },
    },
};

/// Carries out a request, updates `reader`, and returns a notice about the result. `None`: the reader has
/// unsubscribed meanwhile.
pub(super) async fn carry_out(
    site: &Site,
    reader: &mut ReaderPreferences,
    (request, card): (PreferencesRequest, Option<Card>),
    locale: Locale,
    evidence: &Evidence,
) -> Result<Option<Notice>, DbError> {
    let (id, actions, context) = (reader.subscription, &site.actions, &site.subscription);
    let t = &locale.texts.preferences;
    Ok(match request {
        PreferencesRequest::Save { preferences, language } => {
            if !set_preferences(actions, &Actor::Reader, id, &preferences).await? {
                return Ok(None);
            }
            if let Some(language) = language {
                set_language(actions, id, language).await?;
                reader.language = Some(language.to_owned());
            }
            reader.preferences = preferences;
            let now = site.subscription.clock.now();
            let (it, chosen) = (&reader.newsletter.newsletter, &reader.preferences);
            let summary = choices::summary(it, chosen, locale, card, now);
            Some(done(format!("{} {summary}", t.saved).trim_end()))
        }
        PreferencesRequest::Pause(until) => {
            reader.paused = Some(Some(until));
            // The page shows the pause itself, so it needs no notice.
            pause_subscription(actions, id, until).await?.then_some(Notice::None)
        }
        PreferencesRequest::Resume => {
            let outcome = resume_subscription(actions, id).await?;
            reader.paused = None;
            match outcome {
                ResumeOutcome::Resumed => Some(done(&t.resumed)),
                ResumeOutcome::NotPaused => Some(Notice::None),
                ResumeOutcome::Unsubscribed => None,
            }
        }
        PreferencesRequest::Subscribe(slug) => {
            Some(match join_newsletter(context, id, &slug, locale.language, evidence).await? {
                JoinOutcome::Joined => done(&with_title(reader, &slug, &t.subscribed_to)),
                JoinOutcome::Refused => Notice::Problem(with_title(reader, &slug, &t.refused_newsletter)),
                JoinOutcome::TooMany(wait) => Notice::TooMany(wait, t.too_often.clone()),
                JoinOutcome::NoSuchNewsletter => Notice::None,
            })
        }
        PreferencesRequest::Unsubscribe(slug) => {
            let other = reader.others.iter().find(|it| it.newsletter.newsletter.slug == slug);
            match other.and_then(|it| it.subscription) {
                Some(other) => {
                    let token = context.keys.sign(Purpose::Unsubscribe, other.0);
                    unsubscribe(context, &token, "preferences", evidence).await?;
                    Some(done(&with_title(reader, &slug, &t.unsubscribed_from)))
                }
                // Already unsubscribed, or no such newsletter. The page shows the current state.
                None => Some(Notice::None),
            }
        }
        PreferencesRequest::ChangeAddress(new) => {
            match change_address::request_change(context, id, &new).await? {
                ChangeRequestOutcome::Sent => Some(done(&t.address_change_requested)),
                ChangeRequestOutcome::Same => Some(Notice::Problem(t.address_unchanged.clone())),
                ChangeRequestOutcome::Refused => Some(Notice::Problem(t.refused_address.clone())),
                ChangeRequestOutcome::TooMany(wait) => Some(Notice::TooMany(wait, t.too_often.clone())),
                ChangeRequestOutcome::Unsubscribed => None,
            }
        }
        PreferencesRequest::DataExport => request_data_export(site, id, locale).await?,
    })
}

/// Emails the link to a data export, and returns a notice. `None`: the reader's data was erased.
pub(super) async fn request_data_export(
    site: &Site,
    id: SubscriptionId,
    locale: Locale,
) -> Result<Option<Notice>, DbError> {
    let t = &locale.texts.preferences;
    Ok(match data_export::request_export(&site.subscription, id).await? {
        ExportRequestOutcome::Sent => Some(done(&t.data_export_requested)),
        ExportRequestOutcome::TooMany(wait) => Some(Notice::TooMany(wait, t.too_often.clone())),
        ExportRequestOutcome::Erased => None,
    })
}

fn done(text: &str) -> Notice {
    Notice::Done(text.to_owned())
}

/// Inserts another newsletter's title into a text. An unknown newsletter is not named.
fn with_title(reader: &ReaderPreferences, slug: &str, text: &str) -> String {
    let other = reader.others.iter().find(|it| it.newsletter.newsletter.slug == slug);
    with_newsletter(text, other.map_or("", |it| &it.newsletter.newsletter.title))
}
