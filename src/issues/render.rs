//! Renders an issue's edition as an email and as a web page.

use crate::{
    db::{content::articles::ArticleRecord, newsletters::NewsletterRecord},
    domain::{
        issue::page::{Crops, IssuePage, PagePicture},
        newsletter::{Archive, Newsletter, SelectionKind},
    },
    issues::{
        edition::Edition,
        note,
        page::issue_page,
        story_pictures::{ShownPicture, StoryPictures, story_pictures},
    },
};
use email_templates::{
    Brand, Email, Masthead, SocialLink,
    digest::{self, Digest, Links, Note, Period, Picture, Section, Story},
};
use jiff::{civil::Date, tz::TimeZone};

/// Fewest issues a week of a newsletter whose issues are named after their day.
const DAILY_MIN_ISSUES: u32 = 4;
/// Age in days of the oldest story of such an issue.
const DAILY_MAX_AGE_DAYS: i32 = 3;

/// The parts that all emails of a newsletter share: header, footer, colours.
pub struct Letterhead<'a> {
    newsletter: &'a Newsletter,
    /// The newsletter's signup page.
    pub sign_up_url: String,
    social: Vec<SocialLink<'a>>,
}

impl<'a> Letterhead<'a> {
    pub fn new(newsletter: &'a Newsletter, public_url: &str) -> Self {
        let social = newsletter.brand.social.iter();
        Self {
            newsletter,
            sign_up_url: format!("{public_url}/?newsletter={}", newsletter.slug),
            social: social.map(|it| SocialLink { name: &it.name, url: it.url.as_str() }).collect(),
        }
    }

    /// Returns it as the templates take it.
    pub fn masthead(&self) -> Masthead<'_> {
        let newsletter = self.newsletter;
        let brand = &newsletter.brand;
        Masthead {
            title: &newsletter.title,
            tagline: &newsletter.tagline,
            sender_address: newsletter.sender_address.as_str(),
            postal_address: &newsletter.postal_address,
            sign_up_url: &self.sign_up_url,
            language: &newsletter.language,
            theme: theme(&newsletter.theme),
            brand: Brand {
                site_url: brand.site_url.as_ref().map(url::Url::as_str),
                privacy_url: brand.privacy_url.as_ref().map(url::Url::as_str),
                takes_replies: newsletter.reply_to.is_some(),
                footer: brand.footer.as_deref().unwrap_or_default(),
                social: &self.social,
            },
        }
    }
}

/// Returns a story's URL with the newsletter's link tags, for the issue of a date.
pub fn tagged_url(newsletter: &Newsletter, url: &str, date: Date) -> String {
    match &newsletter.brand.link_tags {
        Some(tags) => tags.add_to(url, &newsletter.slug, date),
        None => url.to_owned(),
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
    /// URL of the folder with made pictures.
    pub pictures_url: &'a str,
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
        let newsletter = &self.newsletter.newsletter;
        let minutes = self.with_digest(digest::reading_minutes);
        let url_of = |article: &ArticleRecord| tagged_url(newsletter, &article.url, self.date);
        let mut page = issue_page(self.edition, minutes, url_of);
        for (story, made) in page.stories.iter_mut().zip(self.pictures()) {
            let alt = story.picture.as_ref().map(|it| it.alt.clone()).unwrap_or_default();
            story.crops = made.map(|made| crops(&made, &alt));
        }
        page
    }

    /// Returns the pictures that Daily made for each story.
    fn pictures(&self) -> Vec<Option<StoryPictures>> {
        let stories = self.edition.stories.iter();
        stories
            .map(|article| Some(story_pictures(self.edition.made.get(&article.id)?, self.pictures_url)))
            .collect()
    }

    fn with_digest<T>(&self, render: impl FnOnce(&Digest<'_>) -> T) -> T {
        let newsletter = &self.newsletter.newsletter;
        let pictures = self.pictures();
        let links: Vec<String> =
            self.edition.stories.iter().map(|it| tagged_url(newsletter, &it.url, self.date)).collect();
        let stories: Vec<Story<'_>> = (self.edition.stories.iter().zip(&links).zip(&pictures))
            .map(|((article, url), made)| story(article, url, made.as_ref(), &newsletter.time_zone))
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
        let letterhead = Letterhead::new(newsletter, url);
        let unsubscribe = format!("{url}/unsubscribe/{token}");
        let preferences = format!("{url}/preferences/{token}");
        let web_view = web_view_url(url, newsletter, self.date, self.number);
        let web_view = (newsletter.archive != Archive::None).then_some(web_view.as_str());
        let words = &self.edition.words;
        let note = words.note.as_deref().map(|note| (note::to_html(note), note::to_text(note)));
        render(&Digest {
            masthead: letterhead.masthead(),
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

/// Returns a story's made pictures for the archive's page.
fn crops(made: &StoryPictures, alt: &str) -> Crops {
    let crop = |it: &ShownPicture| PagePicture {
        url: it.url.clone(),
        alt: alt.to_owned(),
        width: Some(it.width.into()),
        height: Some(it.height.into()),
    };
    Crops { lead: crop(&made.lead), card: crop(&made.card), thumbnail: crop(&made.thumbnail) }
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
fn story<'a>(
    article: &'a ArticleRecord,
    url: &'a str,
    made: Option<&'a StoryPictures>,
    zone: &TimeZone,
) -> Story<'a> {
    let pixels = |length: Option<i64>| length.and_then(|it| u32::try_from(it).ok());
    let picture = article.image_url.as_deref().map(|url| Picture {
        url,
        alt: article.image_alt.as_deref(),
        size: pixels(article.image_width).zip(pixels(article.image_height)),
        lead: made.map(|made| made.lead.crop()),
        card: made.map(|made| made.card.crop()),
        thumbnail: made.map(|made| made.thumbnail.crop()),
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
