//! The greeting of a reader who has confirmed, or taken a newsletter on their page, with the latest issue.
//!
//! Which issue, if any, is a plain rule. It is the newsletter's latest one that went out or is going out, and it is shown if it
//! can reach this reader in no other way: its deliveries have all been made, none of them is theirs, and no earlier welcome
//! showed it to them. Of its stories those are told that they had in no other issue, of whatever newsletter. The issue, once
//! shown, counts as had, whole: it goes into `welcomes` and, in the same transaction, into the mail's own row, so
//! that a second attempt shows the same.

use crate::{
    db::{
        DbError, Tx,
        deliveries::emails,
        issues::welcomes::{self, BriefStory, LatestIssue},
        subscribers::{self, SubscriptionRecord},
    },
    delivery::email_content::{Content, Making, clock},
    domain::{issue::schedule, subscriber::subscription::SubscriptionStatus},
};
use email_templates::welcome::{self, Headline, NextIssue, Welcome};

/// Most stories told in the mail; the others are on the web.
const MOST_STORIES: usize = 6;

pub(super) async fn content(
    making: &Making<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    let joined = subscribers::came_by_preferences(tx, subscription.id).await?;
    // Whoever holds a mail of the reader's can join and take a break at once; the reader is told of it all the same.
    let is_wanted = match subscription.status {
        SubscriptionStatus::Active => true,
        SubscriptionStatus::Paused => joined,
        _ => false,
    };
    if !is_wanted {
        return Ok(Content::Unwanted("the reader is not subscribed any more"));
    }
    let shown = shown(making, tx, subscription).await?;
    let newsletter = &making.newsletter.newsletter;
    let (_, due_at) = schedule::next_slot(newsletter, making.now);
    let links = making.own_links(subscription.id);
    let headlines: Vec<Headline<'_>> = shown
        .iter()
        .flat_map(|(_, stories)| stories.iter().take(MOST_STORIES))
        .map(|story| Headline { title: &story.title, dek: story.dek.as_deref(), url: &story.url })
        .collect();
    let web_url = shown.as_ref().map(|(latest, _)| {
        format!("{}/issues/{}?newsletter={}", making.public_url(), latest.issue_date.0, newsletter.slug)
    });
    let latest =
        shown.as_ref().zip(web_url.as_deref()).map(|((latest, stories), web_url)| welcome::LatestIssue {
            date: latest.issue_date.0,
            language: &newsletter.language,
            headlines: &headlines,
            more: stories.len().saturating_sub(MOST_STORIES),
            web_url,
        });
    let email = welcome::render(&Welcome {
        masthead: making.masthead_for(subscription),
        address: making.mail.recipient.as_str(),
        next: NextIssue {
            at: clock::civil(newsletter, due_at),
            today: schedule::date_at(newsletter, making.now),
            clock: clock::whose(newsletter, due_at).spoken(),
        },
        joined,
        latest,
        unsubscribe_url: &links.unsubscribe,
        preferences_url: &links.preferences,
    });
    Ok(Content::Mail { email, unsubscribe_url: Some(links.unsubscribe) })
}

/// What the welcome shows; it is written down.
async fn shown(
    making: &Making<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Option<(LatestIssue, Vec<BriefStory>)>, DbError> {
    let reader = subscription.subscriber_id;
    let latest = match making.mail.issue_id {
        // An earlier attempt decided.
        Some(issue) => welcomes::for_issue(tx, issue).await?,
        None => match welcomes::latest(tx, making.newsletter.id).await? {
            Some(latest) if !latest.is_fanning_out && !welcomes::has(tx, reader, latest.issue).await? => {
                Some(latest)
            }
            _ => None,
        },
    };
    let Some(latest) = latest else { return Ok(None) };
    let stories = welcomes::stories(tx, latest.variant, reader).await?;
    if stories.is_empty() {
        return Ok(None);
    }
    welcomes::insert(tx, reader, latest.variant, making.now).await?;
    emails::set_issue(tx, making.mail.id, latest.issue).await?;
    Ok(Some((latest, stories)))
}
