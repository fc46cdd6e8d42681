//! Rendering an issue: the stories as rows, the mail as text.

use crate::{
    db::{articles::ArticleRecord, newsletters::NewsletterRecord},
    domain::{newsletter::Newsletter, theme::Fonts},
};
use email_templates::{
    Email, Masthead, Theme,
    digest::{self, Digest, Links, Story},
};
use jiff::{civil::Date, tz::TimeZone};
use url::Url;

/// What every mail of a newsletter shares.
pub fn masthead<'a>(newsletter: &'a Newsletter, public_url: &'a str) -> Masthead<'a> {
    Masthead {
        title: &newsletter.title,
        tagline: &newsletter.tagline,
        postal_address: &newsletter.postal_address,
        site_url: public_url,
        language: &newsletter.language,
        theme: Theme {
            logo_url: newsletter.theme.logo_url.as_ref().map(Url::as_str),
            accent: newsletter.theme.accent.map(|colour| colour.0),
            fonts: match newsletter.theme.fonts {
                Fonts::Serif => email_templates::Fonts::Serif,
                Fonts::Sans => email_templates::Fonts::Sans,
            },
        },
    }
}

/// An issue in the making.
pub struct Rendering<'a> {
    /// Whose issue.
    pub newsletter: &'a NewsletterRecord,
    /// Its date.
    pub date: Date,
    /// Its stories, in order.
    pub stories: &'a [ArticleRecord],
    /// Where every link of ours begins.
    pub public_url: &'a str,
    /// What stands where the reader's own token will be.
    pub unsubscribe_token: &'a str,
    /// Whether it is a test.
    pub is_test: bool,
}

impl Rendering<'_> {
    /// The mail.
    pub fn email(&self) -> Email {
        self.with_digest(digest::render)
    }

    /// The page of the archive.
    pub fn web_view(&self) -> String {
        self.with_digest(|digest| digest::web_view(digest).into_string())
    }

    fn with_digest<T>(&self, render: impl FnOnce(&Digest<'_>) -> T) -> T {
        let zone = &self.newsletter.newsletter.time_zone;
        let stories: Vec<Story<'_>> = self.stories.iter().map(|article| story(article, zone)).collect();
        let unsubscribe = format!("{}/unsubscribe/{}", self.public_url, self.unsubscribe_token);
        let preferences = format!("{}/preferences/{}", self.public_url, self.unsubscribe_token);
        let web_view = format!("{}/issues/{}", self.public_url, self.date);
        render(&Digest {
            masthead: masthead(&self.newsletter.newsletter, self.public_url),
            date: self.date,
            subject: None,
            preheader: None,
            note: None,
            stories: &stories,
            links: Links { unsubscribe: &unsubscribe, preferences: &preferences, web_view: &web_view },
            is_test: self.is_test,
        })
    }
}

fn story<'a>(article: &'a ArticleRecord, zone: &TimeZone) -> Story<'a> {
    Story {
        title: &article.title,
        dek: article.dek.as_deref(),
        url: &article.url,
        image_url: article.image_url.as_deref(),
        image_alt: None,
        image_width: None,
        image_height: None,
        author: article.author.as_deref(),
        section: article.section.as_deref(),
        site_name: article.site_name.as_deref(),
        published: article.published_at.map(|at| at.0.to_zoned(zone.clone()).date()),
    }
}
