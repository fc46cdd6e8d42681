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
        content::{articles, pictures},
        deliveries::emails,
        issues::welcomes::{self, BriefStory, LatestIssue},
        subscribers::{self, SubscriptionRecord},
    },
    delivery::email_content::{Content, EmailRequest, clock},
    domain::{
        issue::schedule,
        newsletter::Archive,
        subscriber::{cadence::Cadence, subscription::SubscriptionStatus},
    },
    issues::{
        render::{tagged_url, web_view_url},
        story_pictures::{ShownPicture, StoryPictures, story_pictures},
    },
};
use email_templates::{
    digest::{Picture, Story},
    welcome::{self, NextIssue, Welcome},
};

/// Fewest sections that are worth a choice.
const MIN_TOPICS: usize = 2;

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
    let web_url = shown
        .as_ref()
        .filter(|_| newsletter.archive != Archive::None)
        .map(|(latest, _)| web_view_url(request.public_url(), newsletter, latest.issue_date.0, 1));
    let story_url =
        shown.as_ref().map(|(latest, lead)| tagged_url(newsletter, &lead.url, latest.issue_date.0));
    let made = match &shown {
        Some((latest, lead)) => {
            pictures::made(tx, Some(latest.issue), &[lead.article]).await?.remove(&lead.article)
        }
        None => None,
    };
    let made = made.map(|made| story_pictures(&made, &request.context.settings.pictures_url()));
    let latest = shown.as_ref().zip(story_url.as_deref()).map(|((latest, lead), url)| welcome::LatestIssue {
        date: latest.issue_date.0,
        language: &newsletter.language,
        lead: story(lead, url, made.as_ref()),
        web_url: web_url.as_deref(),
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
        has_topics: articles::recent_sections(tx).await?.len() >= MIN_TOPICS,
        can_be_weekly: Cadence::Weekly.is_meaningful(newsletter.days),
        unsubscribe_url: &links.unsubscribe,
        preferences_url: &links.preferences,
    });
    Ok(Content::Email { email, unsubscribe_url: Some(links.unsubscribe), revision: None })
}

fn story<'a>(story: &'a BriefStory, url: &'a str, made: Option<&'a StoryPictures>) -> Story<'a> {
    let pixels = |length: Option<i64>| length.and_then(|it| u32::try_from(it).ok());
    Story {
        title: &story.title,
        dek: story.dek.as_deref(),
        url,
        section: story.section.as_deref(),
        picture: story.image_url.as_deref().map(|url| Picture {
            url,
            alt: story.image_alt.as_deref(),
            size: pixels(story.image_width).zip(pixels(story.image_height)),
            lead: made.map(|made| &made.lead).map(ShownPicture::crop),
            ..Picture::default()
        }),
        ..Story::default()
    }
}

/// Selects the issue to show and records it. Returns it with its first story.
async fn shown(
    request: &EmailRequest<'_>,
    tx: &mut Tx,
    subscription: &SubscriptionRecord,
) -> Result<Option<(LatestIssue, BriefStory)>, DbError> {
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
    let Some(lead) = stories.into_iter().next() else { return Ok(None) };
    welcomes::insert(tx, reader, latest.variant, request.now).await?;
    emails::set_issue(tx, request.mail.id, latest.issue).await?;
    Ok(Some((latest, lead)))
}
