//! The welcome email for a reader who confirmed, or added a newsletter on their preferences page, with the
//! latest issue.
//!
//! It shows the newsletter's latest issue that was or is being sent, if the reader can't get that issue in
//! another way: all its deliveries exist, none of them is the reader's, and no earlier welcome email showed
//! it. Stories that the reader received in any other issue are left out. The whole issue then counts as
//! received. It is recorded in `welcomes` and, in the same transaction, in the email's own row, so that a
//! second attempt shows the same issue.

use crate::{
    db::{
        DbError, Tx,
        deliveries::emails,
        issues::welcomes::{self, BriefStory, LatestIssue},
        subscribers::{self, SubscriptionRecord},
    },
    delivery::email_content::{Content, EmailRequest, clock},
    domain::{issue::schedule, subscriber::subscription::SubscriptionStatus},
};
use email_templates::welcome::{self, Headline, NextIssue, Welcome};

/// Maximum number of stories in the email; the others are on the web.
const MAX_STORIES: usize = 6;

pub(super) async fn content(
    request: &EmailRequest<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Content, DbError> {
    let joined = subscribers::came_by_preferences(tx, subscription.id).await?;
    // Anyone with one of the reader's emails can add a newsletter and pause it at once, so paused readers are
    // notified too.
    let is_wanted = match subscription.status {
        SubscriptionStatus::Active => true,
        SubscriptionStatus::Paused => joined,
        _ => false,
    };
    if !is_wanted {
        return Ok(Content::NotNeeded("the reader is not subscribed any more"));
    }
    let shown = shown(request, tx, subscription).await?;
    let newsletter = &request.newsletter.newsletter;
    let (_, due_at) = schedule::next_slot(newsletter, request.now);
    let links = request.reader_links(subscription.id);
    let headlines: Vec<Headline<'_>> = shown
        .iter()
        .flat_map(|(_, stories)| stories.iter().take(MAX_STORIES))
        .map(|story| Headline { title: &story.title, dek: story.dek.as_deref(), url: &story.url })
        .collect();
    let web_url = shown.as_ref().map(|(latest, _)| {
        format!("{}/issues/{}?newsletter={}", request.public_url(), latest.issue_date.0, newsletter.slug)
    });
    let latest =
        shown.as_ref().zip(web_url.as_deref()).map(|((latest, stories), web_url)| welcome::LatestIssue {
            date: latest.issue_date.0,
            language: &newsletter.language,
            headlines: &headlines,
            more: stories.len().saturating_sub(MAX_STORIES),
            web_url,
        });
    let email = welcome::render(&Welcome {
        masthead: request.masthead_for(subscription),
        address: request.mail.recipient.as_str(),
        next: NextIssue {
            at: clock::local_time(newsletter, due_at),
            today: schedule::date_at(newsletter, request.now),
            clock: clock::clock_name(newsletter, due_at).for_template(),
        },
        joined,
        latest,
        unsubscribe_url: &links.unsubscribe,
        preferences_url: &links.preferences,
    });
    Ok(Content::Email { email, unsubscribe_url: Some(links.unsubscribe) })
}

/// Selects the issue to show and records it.
async fn shown(
    request: &EmailRequest<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Option<(LatestIssue, Vec<BriefStory>)>, DbError> {
    let reader = subscription.subscriber_id;
    let latest = match request.mail.issue_id {
        // An earlier attempt chose the issue.
        Some(issue) => welcomes::for_issue(tx, issue).await?,
        None => match welcomes::latest(tx, request.newsletter.id).await? {
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
    welcomes::insert(tx, reader, latest.variant, request.now).await?;
    emails::set_issue(tx, request.mail.id, latest.issue).await?;
    Ok(Some((latest, stories)))
}
