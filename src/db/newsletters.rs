//! Table `newsletters`.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{query, query_as},
        },
    },
    domain::{
        brand::{Brand, LinkTags, SocialLinks},
        ids::NewsletterId,
        issue::{days::Days, sections::SectionOrder},
        newsletter::{Archive, Newsletter, SelectionKind, SendClock, parse_send_time, parse_time_zone},
        subscriber::email_address::EmailAddress,
        theme::{Colour, Fonts, Theme},
    },
};
use jiff::Timestamp;
use std::collections::HashMap;

/// A newsletter and its row.
#[derive(Debug, Clone)]
pub struct NewsletterRecord {
    pub id: NewsletterId,
    pub newsletter: Newsletter,
    /// Slots due before this time get no issue. Set when the newsletter is created and when its schedule
    /// changes.
    pub scheduled_since: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: NewsletterId,
    slug: String,
    title: String,
    tagline: String,
    sender_name: String,
    sender_address: EmailAddress,
    reply_to: Option<EmailAddress>,
    time_zone: String,
    send_time: String,
    days: String,
    clock: SendClock,
    selection: SelectionKind,
    min_stories: Option<i64>,
    max_stories: Option<i64>,
    needs_approval: bool,
    site_url: Option<String>,
    privacy_url: Option<String>,
    footer: Option<String>,
    social: Option<String>,
    link_tags: Option<String>,
    section_order: String,
    logo_url: Option<String>,
    accent: Option<String>,
    fonts: Fonts,
    postal_address: String,
    language: String,
    archive: Archive,
    scheduled_since: DbTime,
}

impl Row {
    fn read(self) -> Result<NewsletterRecord, DbError> {
        let decode = |column: &str, error: String| DbError::ColumnDecode {
            index: format!("newsletters.{column} of `{}`", self.slug),
            source: error.into(),
        };
        Ok(NewsletterRecord {
            id: self.id,
            scheduled_since: self.scheduled_since.0,
            newsletter: Newsletter {
                sender_address: self.sender_address,
                reply_to: self.reply_to,
                time_zone: parse_time_zone(&self.time_zone)
                    .map_err(|e| decode("time_zone", e.to_string()))?,
                send_time: parse_send_time(&self.send_time)
                    .map_err(|e| decode("send_time", e.to_string()))?,
                days: Days::parse(&self.days).map_err(|e| decode("days", e.to_string()))?,
                clock: self.clock,
                selection: self.selection,
                min_stories: self.min_stories.and_then(|number| usize::try_from(number).ok()),
                max_stories: self.max_stories.and_then(|number| usize::try_from(number).ok()),
                needs_approval: self.needs_approval,
                sections: SectionOrder::parse(&self.section_order).map_err(|e| decode("section_order", e))?,
                theme: Theme {
                    logo_url: self.logo_url.as_deref().and_then(|url| url.parse().ok()),
                    accent: self.accent.as_deref().and_then(Colour::parse),
                    fonts: self.fonts,
                },
                brand: Brand {
                    site_url: self.site_url.as_deref().and_then(|url| url.parse().ok()),
                    privacy_url: self.privacy_url.as_deref().and_then(|url| url.parse().ok()),
                    footer: self.footer,
                    social: self
                        .social
                        .as_deref()
                        .map_or(Ok(SocialLinks::default()), SocialLinks::parse)
                        .map_err(|e| decode("social", e.to_string()))?,
                    link_tags: self
                        .link_tags
                        .as_deref()
                        .map(LinkTags::parse)
                        .transpose()
                        .map_err(|e| decode("link_tags", e.to_string()))?,
                },
                slug: self.slug,
                title: self.title,
                tagline: self.tagline,
                sender_name: self.sender_name,
                postal_address: self.postal_address,
                language: self.language,
                archive: self.archive,
            },
        })
    }
}

/// Returns all newsletters in the order they were created. There are a handful.
pub async fn list(tx: &mut Tx) -> Result<Vec<NewsletterRecord>, DbError> {
    let rows: Vec<Row> = query_as!(tx, "SELECT * FROM newsletters ORDER BY id").fetch_all().await?;
    rows.into_iter().map(Row::read).collect()
}

/// Returns the newsletter with this id.
pub async fn get(tx: &mut Tx, id: NewsletterId) -> Result<NewsletterRecord, DbError> {
    let row: Row = query_as!(tx, "SELECT * FROM newsletters WHERE id = $1", id).fetch_one().await?;
    row.read()
}

/// Returns the newsletter with this short name.
pub async fn get_by_slug(tx: &mut Tx, slug: &str) -> Result<Option<NewsletterRecord>, DbError> {
    let row: Option<Row> =
        query_as!(tx, "SELECT * FROM newsletters WHERE slug = $1", slug).fetch_optional().await?;
    row.map(Row::read).transpose()
}

/// Returns the ids of newsletters by their short names. Unknown names are left out.
pub async fn ids_by_slug(tx: &mut Tx, slugs: &[&str]) -> Result<HashMap<String, NewsletterId>, DbError> {
    let found: Vec<(String, NewsletterId)> =
        query_as!(tx, "SELECT slug, id FROM newsletters WHERE slug {in $1}", DbList(slugs))
            .fetch_all()
            .await?;
    Ok(found.into_iter().collect())
}

/// Adds a newsletter. Returns `false` if its short name is taken.
pub async fn insert_if_new(tx: &mut Tx, newsletter: &Newsletter, now: Timestamp) -> Result<bool, DbError> {
    query!(
        tx,
        "INSERT INTO newsletters (slug, title, tagline, sender_name, sender_address, time_zone, send_time, \
         postal_address, language, days, clock, selection, min_stories, max_stories, needs_approval, \
         logo_url, accent, fonts, archive, created_at, scheduled_since, reply_to, site_url, \
         privacy_url, footer, social, link_tags, section_order) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
         $20, $21, $22, $23, $24, $25, $26, $27) ON CONFLICT (slug) DO NOTHING",
        &newsletter.slug,
        &newsletter.title,
        &newsletter.tagline,
        &newsletter.sender_name,
        &newsletter.sender_address,
        newsletter.time_zone_name(),
        newsletter.send_time.strftime("%H:%M").to_string(),
        &newsletter.postal_address,
        &newsletter.language,
        newsletter.days,
        newsletter.clock,
        newsletter.selection,
        number(newsletter.min_stories),
        number(newsletter.max_stories),
        newsletter.needs_approval,
        newsletter.theme.logo_url.as_ref().map(url::Url::as_str),
        newsletter.theme.accent.map(|accent| accent.to_string()),
        newsletter.theme.fonts,
        newsletter.archive,
        DbTime(now),
        newsletter.reply_to.as_ref(),
        newsletter.brand.site_url.as_ref().map(url::Url::as_str),
        newsletter.brand.privacy_url.as_ref().map(url::Url::as_str),
        newsletter.brand.footer.as_deref(),
        social(&newsletter.brand),
        newsletter.brand.link_tags.as_ref().map(ToString::to_string),
        newsletter.sections.to_string()
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Saves an operator's changes.
pub async fn update(tx: &mut Tx, record: &NewsletterRecord) -> Result<(), DbError> {
    let newsletter = &record.newsletter;
    query!(
        tx,
        "UPDATE newsletters SET title = $2, tagline = $3, sender_name = $4, sender_address = $5, time_zone = \
         $6, send_time = $7, postal_address = $8, language = $9, scheduled_since = $10, days = $11, clock = \
         $12, selection = $13, min_stories = $14, max_stories = $15, needs_approval = $16, logo_url = $17, \
         accent = $18, fonts = $19, archive = $20, reply_to = $21, site_url = $22, privacy_url = $23, \
         footer = $24, social = $25, link_tags = $26, section_order = $27 WHERE id = $1",
        record.id,
        &newsletter.title,
        &newsletter.tagline,
        &newsletter.sender_name,
        &newsletter.sender_address,
        newsletter.time_zone_name(),
        newsletter.send_time.strftime("%H:%M").to_string(),
        &newsletter.postal_address,
        &newsletter.language,
        DbTime(record.scheduled_since),
        newsletter.days,
        newsletter.clock,
        newsletter.selection,
        number(newsletter.min_stories),
        number(newsletter.max_stories),
        newsletter.needs_approval,
        newsletter.theme.logo_url.as_ref().map(url::Url::as_str),
        newsletter.theme.accent.map(|accent| accent.to_string()),
        newsletter.theme.fonts,
        newsletter.archive,
        newsletter.reply_to.as_ref(),
        newsletter.brand.site_url.as_ref().map(url::Url::as_str),
        newsletter.brand.privacy_url.as_ref().map(url::Url::as_str),
        newsletter.brand.footer.as_deref(),
        social(&newsletter.brand),
        newsletter.brand.link_tags.as_ref().map(ToString::to_string),
        newsletter.sections.to_string()
    )
    .execute()
    .await
}

fn number(stories: Option<usize>) -> Option<i64> {
    stories.and_then(|number| i64::try_from(number).ok())
}

fn social(brand: &Brand) -> Option<String> {
    (!brand.social.is_empty()).then(|| brand.social.to_string())
}
