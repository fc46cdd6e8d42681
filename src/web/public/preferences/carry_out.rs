//! What a form asks for is done.

use crate::{
    actions::{
        privacy::data_export,
        subscription::{
            change_address,
            join_newsletter::{Joining, join_newsletter},
            pause_subscription::{Resuming, pause_subscription, resume_subscription},
            set_preferences::{Choice, set_language, set_preferences},
            unsubscribe::unsubscribe,
        },
    },
    db::{DbError, subscribers::Evidence},
    domain::{actor::Actor, ids::SubscriptionId, token::Purpose},
    web::{
        Site,
        public::preferences::{choices, form::Wish, of, page::Notice, view::Speech},
    },
};

/// Does it, and says so. The choice is as it is then. `None`: the reader left in another window.
pub(super) async fn carry_out(
    site: &Site,
    choice: &mut Choice,
    wish: Wish,
    speech: Speech,
    evidence: &Evidence,
) -> Result<Option<Notice>, DbError> {
    let (id, actions, readers, say) = (choice.subscription, &site.actions, &site.subscription, speech.say);
    Ok(match wish {
        Wish::Choose { preferences, language } => {
            if !set_preferences(actions, &Actor::Reader, id, &preferences).await? {
                return Ok(None);
            }
            if let Some(language) = language {
                set_language(actions, id, language).await?;
                choice.language = Some(language.to_owned());
            }
            choice.preferences = preferences;
            let summary = choices::summary(&choice.newsletter.newsletter, &choice.preferences, say);
            Some(Notice::Done(say.saved.clone(), summary))
        }
        Wish::Pause(until) => {
            choice.paused = Some(Some(until));
            // What there is to say the page says.
            pause_subscription(actions, id, until).await?.then_some(Notice::None)
        }
        Wish::Resume => {
            let resumed = resume_subscription(actions, id).await?;
            choice.paused = None;
            match resumed {
                Resuming::Resumed => Some(said(&say.resumed)),
                // Doing it again does no harm.
                Resuming::NotPaused => Some(Notice::None),
                Resuming::Gone => None,
            }
        }
        Wish::Join(slug) => {
            Some(match join_newsletter(readers, id, &slug, speech.language, evidence).await? {
                Joining::Joined => done(choice, &slug, &say.joined),
                Joining::Refused => Notice::Problem(about(choice, &slug, &say.refused)),
                Joining::TooMany(wait) => Notice::TooMany(wait, say.too_often.clone()),
                Joining::NoSuchNewsletter => Notice::None,
            })
        }
        Wish::Leave(slug) => {
            let other = choice.others.iter().find(|it| it.newsletter.newsletter.slug == slug);
            match other.and_then(|it| it.subscription) {
                Some(other) => {
                    let token = readers.keys.sign(Purpose::Unsubscribe, other.0);
                    unsubscribe(readers, &token, "preferences", evidence).await?;
                    Some(done(choice, &slug, &say.left))
                }
                // Left before, or nobody's: the page shows how it is.
                None => Some(Notice::None),
            }
        }
        Wish::ChangeAddress(new) => match change_address::ask(readers, id, &new).await? {
            change_address::Asked::Sent => Some(said(&say.address_asked)),
            change_address::Asked::Same => Some(Notice::Problem(say.same_address.clone())),
            change_address::Asked::Refused => Some(Notice::Problem(say.refused_address.clone())),
            change_address::Asked::TooMany(wait) => Some(Notice::TooMany(wait, say.too_often.clone())),
            change_address::Asked::Gone => None,
        },
        Wish::DataExport => data_export(site, id, speech).await?,
    })
}

/// Sends the link to a data export, and says so. `None`: the reader was forgotten.
pub(super) async fn data_export(
    site: &Site,
    id: SubscriptionId,
    speech: Speech,
) -> Result<Option<Notice>, DbError> {
    Ok(match data_export::ask(&site.subscription, id).await? {
        data_export::Asked::Sent => Some(said(&speech.say.data_export_sent)),
        data_export::Asked::TooMany(wait) => Some(Notice::TooMany(wait, speech.say.too_often.clone())),
        data_export::Asked::Gone => None,
    })
}

fn said(text: &str) -> Notice {
    Notice::Done(String::new(), text.to_owned())
}

fn done(choice: &Choice, slug: &str, text: &str) -> Notice {
    said(&about(choice, slug, text))
}

/// A text about another newsletter. One that nobody knows is not named.
fn about(choice: &Choice, slug: &str, text: &str) -> String {
    let other = choice.others.iter().find(|it| it.newsletter.newsletter.slug == slug);
    of(text, other.map_or("", |it| &it.newsletter.newsletter.title))
}
