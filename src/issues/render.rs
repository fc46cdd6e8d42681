//! Renders an issue's edition as an email and as a web page.

use crate::{
    db::{content::articles::ArticleRecord, newsletters::NewsletterRecord},
    domain::{
        issue::page::IssuePage,
        newsletter::{Archive, Newsletter},
    },
    issues::{edition::Edition, note, page::issue_page},
};
use email_templates::{
    Email, Masthead,
    digest::{self, Digest, Links, Note, Story},
};
use jiff::{civil::Date, tz::TimeZone};

/// Returns the header and footer that all emails of a newsletter share.
pub fn masthead<'a>(newsletter: &'a Newsletter, public_url: &'a str) -> Masthead<'a> {
    Masthead {
        title: &newsletter.title,
        tagline: &newsletter.tagline,
        sender_address: newsletter.sender_address.as_str(),
        postal_address: &newsletter.postal_address,
        site_url: newsletter.brand.site_url.as_ref().map_or(public_url, url::Url::as_str),
        language: &newsletter.language,
        theme: theme(&newsletter.theme),
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
        let (url, token) = (self.public_url, self.reader_token);
        let unsubscribe = format!("{url}/unsubscribe/{token}");
        let preferences = format!("{url}/preferences/{token}");
        let web_view = web_view_url(url, newsletter, self.date, self.number);
        let web_view = (newsletter.archive != Archive::None).then_some(web_view.as_str());
        let words = &self.edition.words;
        let note = words.note.as_deref().map(|note| (note::to_html(note), note::to_text(note)));
        render(&Digest {
            masthead: masthead(newsletter, url),
            date: self.date,
            subject: words.subject.as_deref(),
            preheader: words.preheader.as_deref(),
            note: note.as_ref().map(|(html, text)| Note { html, text }),
            stories: &stories,
            links: Links { unsubscribe: &unsubscribe, preferences: &preferences, web_view },
            is_test: self.is_test,
            revision: self.revision,
        })
    }
}

fn story<'a>(article: &'a ArticleRecord, url: &'a str, zone: &TimeZone) -> Story<'a> {
    Story {
        title: &article.title,
        dek: article.dek.as_deref(),
        url,
        image_url: article.image_url.as_deref(),
        image_alt: article.image_alt.as_deref(),
        image_width: article.image_width.and_then(|width| u32::try_from(width).ok()),
        image_height: article.image_height.and_then(|height| u32::try_from(height).ok()),
        author: article.author.as_deref(),
        section: article.section.as_deref(),
        site_name: article.site_name.as_deref(),
        published: article.published_at.map(|at| at.0.to_zoned(zone.clone()).date()),
    }
}
