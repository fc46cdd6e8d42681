//! Table `newsletters`.

use super::{DbError, Stamp, Tx, on};
use crate::domain::{
    email_address::EmailAddress,
    ids::NewsletterId,
    newsletter::{Newsletter, parse_send_time, parse_time_zone},
};
use jiff::Timestamp;

/// A newsletter and its row.
#[derive(Debug, Clone)]
pub struct NewsletterRecord {
    /// The row.
    pub id: NewsletterId,
    /// What it is.
    pub newsletter: Newsletter,
    /// Slots due before this moment have no issue: they were before the newsletter, or before its present schedule.
    pub scheduled_since: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    slug: String,
    title: String,
    tagline: String,
    sender_name: String,
    sender_address: String,
    time_zone: String,
    send_time: String,
    postal_address: String,
    language: String,
    scheduled_since: Stamp,
}

impl Row {
    fn read(self) -> Result<NewsletterRecord, DbError> {
        let decode = |column: &str, error: String| DbError::ColumnDecode {
            index: format!("newsletters.{column} of `{}`", self.slug),
            source: error.into(),
        };
        Ok(NewsletterRecord {
            id: NewsletterId(self.id),
            scheduled_since: self.scheduled_since.0,
            newsletter: Newsletter {
                sender_address: EmailAddress::parse(&self.sender_address)
                    .map_err(|e| decode("sender_address", e.to_string()))?,
                time_zone: parse_time_zone(&self.time_zone)
                    .map_err(|e| decode("time_zone", e.to_string()))?,
                send_time: parse_send_time(&self.send_time)
                    .map_err(|e| decode("send_time", e.to_string()))?,
                slug: self.slug,
                title: self.title,
                tagline: self.tagline,
                sender_name: self.sender_name,
                postal_address: self.postal_address,
                language: self.language,
            },
        })
    }
}

/// All newsletters, in the order they were made. There are a handful.
pub async fn list(tx: &mut Tx) -> Result<Vec<NewsletterRecord>, DbError> {
    let rows: Vec<Row> =
        on!(tx, |conn| sqlx::query_as("SELECT * FROM newsletters ORDER BY id").fetch_all(conn).await?);
    rows.into_iter().map(Row::read).collect()
}

/// The newsletter with this row.
pub async fn get(tx: &mut Tx, id: NewsletterId) -> Result<NewsletterRecord, DbError> {
    let row: Row = on!(tx, |conn| sqlx::query_as("SELECT * FROM newsletters WHERE id = $1")
        .bind(id.0)
        .fetch_one(conn)
        .await?);
    row.read()
}

/// The newsletter with this short name.
pub async fn by_slug(tx: &mut Tx, slug: &str) -> Result<Option<NewsletterRecord>, DbError> {
    let row: Option<Row> = on!(tx, |conn| sqlx::query_as("SELECT * FROM newsletters WHERE slug = $1")
        .bind(slug)
        .fetch_optional(conn)
        .await?);
    row.map(Row::read).transpose()
}

/// Adds a newsletter; does nothing where the short name is taken.
pub async fn insert_if_new(tx: &mut Tx, newsletter: &Newsletter, now: Timestamp) -> Result<(), DbError> {
    on!(tx, |conn| {
        sqlx::query(
        "INSERT INTO newsletters (slug, title, tagline, sender_name, sender_address, time_zone, send_time, \
         postal_address, language, created_at, scheduled_since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) \
         ON CONFLICT (slug) DO NOTHING",
    )
    .bind(&newsletter.slug)
    .bind(&newsletter.title)
    .bind(&newsletter.tagline)
    .bind(&newsletter.sender_name)
    .bind(newsletter.sender_address.as_str())
    .bind(newsletter.time_zone_name())
    .bind(newsletter.send_time.strftime("%H:%M").to_string())
    .bind(&newsletter.postal_address)
    .bind(&newsletter.language)
    .bind(Stamp(now))
    .execute(conn)
    .await
    .map(drop)
    })
}

/// Writes back what an operator changed.
pub async fn update(tx: &mut Tx, record: &NewsletterRecord) -> Result<(), DbError> {
    let newsletter = &record.newsletter;
    on!(tx, |conn| {
        sqlx::query(
        "UPDATE newsletters SET title = $2, tagline = $3, sender_name = $4, sender_address = $5, time_zone = $6, \
         send_time = $7, postal_address = $8, language = $9, scheduled_since = $10 WHERE id = $1",
    )
    .bind(record.id.0)
    .bind(&newsletter.title)
    .bind(&newsletter.tagline)
    .bind(&newsletter.sender_name)
    .bind(newsletter.sender_address.as_str())
    .bind(newsletter.time_zone_name())
    .bind(newsletter.send_time.strftime("%H:%M").to_string())
    .bind(&newsletter.postal_address)
    .bind(&newsletter.language)
    .bind(Stamp(record.scheduled_since))
    .execute(conn)
    .await
    .map(drop)
    })
}
