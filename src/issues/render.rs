//! Renders an issue's edition as an email and as a web page.

use crate::{
    db::{content::articles::ArticleRecord, newsletters::NewsletterRecord},
    domain::{
        issue::page::IssuePage,
        newsletter::{Archive, Newsletter, SelectionKind},
    },
    issues::{edition::Edition, note, page::issue_page},
};
use email_templates::{
    Brand, Email, Masthead,
    digest::{self, Digest, Links, Note, Period, Picture, Section, Story},
};
use jiff::{civil::Date, tz::TimeZone};

/// Fewest issues a week of a newsletter whose issues are named after their day.
const DAILY_MIN_ISSUES: u32 = 4;
/// Age in days of the oldest story of such an issue.
const DAILY_MAX_AGE_DAYS: i32 = 3;

/// Returns the URL of a newsletter's signup page.
pub fn sign_up_url(public_url: &str, newsletter: &Newsletter) -> String {
    format!("{public_url}/?newsletter={}", newsletter.slug)
}

/// Returns the header and footer that all emails of a newsletter share. `sign_up_url` is its signup page.
pub fn masthead<'a>(newsletter: &'a Newsletter, sign_up_url: &'a str) -> Masthead<'a> {
    Masthead {
        title: &newsletter.title,
        tagline: &newsletter.tagline,
        sender_address: newsletter.sender_address.as_str(),
        postal_address: &newsletter.postal_address,
        sign_up_url,
        language: &newsletter.language,
        theme: theme(&newsletter.theme),
        brand: Brand {
            site_url: newsletter.brand.site_url.as_ref().map(url::Url::as_str),
            takes_replies: newsletter.reply_to.is_some(),
            ..Brand::default()
        },
    }
}

fn theme(theme: &crate::domain::theme::Theme) -> email_templates::Theme<'_> {
    use crate::domain::theme::Fonts;
    email_templates::Theme {
        logo_url: theme.logo_url.as_ref().map(url::Url::as_str),
        accent: theme.accent.map(|accent| accent.0),
        fonts: match theme.fonts {
            Fonts::Serif => email_templates::Fonts::Serif,
            Fonts::Sans => email_templates::Fonts::Sans,
        },
    }
}

/// Returns the URL of an issue's web page. `number` is the variant; variant 1 has the issue's main URL.
pub fn web_view_url(public_url: &str, newsletter: &Newsletter, date: Date, number: i64) -> String {
    let variant = if number > 1 { format!("&variant={number}") } else { String::new() };
    format!("{public_url}/issues/{date}?newsletter={}{variant}", newsletter.slug)
}

pub struct Rendering<'a> {
    pub newsletter: &'a NewsletterRecord,
    pub date: Date,
    pub edition: &'a Edition,
    /// The variant's number, from 1.
    pub number: i64,
    pub public_url: &'a str,
    /// Placeholder for the recipient's token.
    pub reader_token: &'a str,
    pub is_test: bool,
    /// The revision that a test shows.
    pub revision: Option<&'a str>,
}

impl Rendering<'_> {
    pub fn email(&self) -> Email {
        self.with_digest(digest::render)
    }

    /// Returns the content of the archive's page.
    pub fn page(&self) -> IssuePage {
        issue_page(self.edition, |article| self.story_url(article))
    }

    /// Returns a story's URL with the newsletter's link tags.
    fn story_url(&self, article: &ArticleRecord) -> String {
        let newsletter = &self.newsletter.newsletter;
        newsletter.brand.link_tags.as_ref().map_or_else(
            || article.url.clone(),
            |tags| tags.add_to(&article.url, &newsletter.slug, self.date),
        )
    }

    fn with_digest<T>(&self, render: impl FnOnce(&Digest<'_>) -> T) -> T {
        let newsletter = &self.newsletter.newsletter;
        let links: Vec<String> = self.edition.stories.iter().map(|it| self.story_url(it)).collect();
        let stories: Vec<Story<'_>> = (self.edition.stories.iter().zip(&links))
            .map(|(article, url)| story(article, url, &newsletter.time_zone))
            .collect();
        let headings = &self.edition.headings;
        let first = headings.first().map_or(stories.len(), |heading| heading.at);
        let ends = headings.iter().skip(1).map(|heading| heading.at).chain([stories.len()]);
        let sections: Vec<Section<'_>> = (headings.iter().zip(ends))
            .map(|(heading, end)| Section {
                heading: heading.section.as_deref(),
                stories: &stories[heading.at..end],
            })
            .collect();
        let (url, token) = (self.public_url, self.reader_token);
        let sign_up = sign_up_url(url, newsletter);
        let unsubscribe = format!("{url}/unsubscribe/{token}");
        let preferences = format!("{url}/preferences/{token}");
        let web_view = web_view_url(url, newsletter, self.date, self.number);
        let web_view = (newsletter.archive != Archive::None).then_some(web_view.as_str());
        let words = &self.edition.words;
        let note = words.note.as_deref().map(|note| (note::to_html(note), note::to_text(note)));
        render(&Digest {
            masthead: masthead(newsletter, &sign_up),
            date: self.date,
            subject: words.subject.as_deref(),
            preheader: words.preheader.as_deref(),
            note: note.as_ref().map(|(html, text)| Note { html, text }),
            stories: &stories[..first],
            sections: &sections,
            period: period(newsletter, self.date, &stories),
            links: Links { unsubscribe: &unsubscribe, preferences: &preferences, web_view },
            is_test: self.is_test,
            revision: self.revision,
        })
    }
}

/// Returns the time that an issue covers.
fn period(newsletter: &Newsletter, date: Date, stories: &[Story<'_>]) -> Period {
    let issues_a_week = newsletter.days.count();
    if newsletter.selection == SelectionKind::RoundUp || issues_a_week == 1 {
        return Period::Week;
    }
    let is_recent =
        |published: Date| date.since(published).is_ok_and(|age| age.get_days() <= DAILY_MAX_AGE_DAYS);
    let are_recent = stories.iter().filter_map(|story| story.published).all(is_recent);
    if issues_a_week >= DAILY_MIN_ISSUES && are_recent { Period::Day } else { Period::Other }
}

/// Returns a story of an edition, as the templates show it.
fn story<'a>(article: &'a ArticleRecord, url: &'a str, zone: &TimeZone) -> Story<'a> {
    let pixels = |length: Option<i64>| length.and_then(|it| u32::try_from(it).ok());
    let picture = article.image_url.as_deref().map(|url| Picture {
        url,
        alt: article.image_alt.as_deref(),
        size: pixels(article.image_width).zip(pixels(article.image_height)),
        ..Picture::default()
    });
    Story {
        title: &article.title,
        dek: article.dek.as_deref(),
        url,
        picture,
        author: article.author.as_deref(),
        section: article.section.as_deref(),
        site_name: article.site_name.as_deref(),
        published: article.published_at.map(|at| at.0.to_zoned(zone.clone()).date()),
    }
}
