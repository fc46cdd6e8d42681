//! The look of a newsletter's email, with settings that are not saved yet.

use super::{Values, details_of, label, touched, values};
use crate::{
    db::{DbTime, content::articles::ArticleRecord, issues, newsletters::NewsletterRecord},
    domain::{ids::ArticleId, operator::role::Permission, token::Purpose, validation::Problems},
    i18n,
    issues::{
        edition::{Edition, load_edition},
        next::next_date,
        render::Rendering,
    },
    web::admin::{
        desk::{Answer, Desk, Posted},
        issue::email,
    },
};
use axum::http::StatusCode;
use maud::{DOCTYPE, html};
use std::collections::BTreeMap;

/// The name of the frame that shows the email.
pub const FRAME: &str = "look";

/// Stories that stand in until there are real ones: headline, summary, section.
const EXAMPLES: [(&str, &str, &str); 3] = [
    (
        "The first story of the day",
        "A summary of two lines says what it is about, and why it matters.",
        "Local",
    ),
    ("A second story, shorter", "Its summary is one line.", "Local"),
    ("And one from another section", "Sections have their own headings in the email.", "Science"),
];

/// Shows the look as it is saved.
pub async fn saved(desk: Desk) -> Answer {
    let record = desk.record().clone();
    show(&desk, &record).await
}

/// Shows the look with the form's fields. Nothing is saved.
pub async fn post(Posted { desk, fields: entered }: Posted<BTreeMap<String, String>>) -> Answer {
    desk.require(Permission::ChangeNewsletter)?;
    let mut record = desk.record().clone();
    let now: Values = values(&record.newsletter);
    let now: BTreeMap<String, String> = now.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    let touched: Vec<(&'static str, &String)> = touched(&entered, &now).collect();
    match details_of(&touched)?.apply(&mut record.newsletter) {
        Ok(()) => show(&desk, &record).await,
        Err(problems) => Ok(not_yet(&problems)),
    }
}

/// Says in the frame which fields keep the email from being shown.
fn not_yet(problems: &Problems) -> axum::response::Response {
    let texts = i18n::texts_in("en");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { title { "Not shown yet" } style { "body{font:16px/1.5 sans-serif;margin:24px}" } }
            body {
                p { b { "The look appears when these are right:" } }
                ul { @for problem in problems.iter() { li { (label(problem.field())) ": " (texts.problem(problem)) } } }
            }
        }
    };
    let mut answer = email::answer(&page.into_string(), false);
    *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    answer
}

/// Renders the next issue, or examples if it has no stories.
async fn show(desk: &Desk, record: &NewsletterRecord) -> Answer {
    let mut tx = desk.db().read().await?;
    let date = next_date(&mut tx, record, desk.admin.margins.grace, desk.now).await?;
    let issue = issues::get_by_date(&mut tx, record.id, date).await?;
    let mut edition = load_edition(desk.admin.planning(), &mut tx, record, date, issue.as_ref(), 1).await?;
    drop(tx);
    if edition.stories.is_empty() {
        edition = Edition { words: edition.words, ..examples(desk) };
    }
    let token = desk.admin.operators.keys.sign(Purpose::Test, 0);
    let rendering = Rendering {
        newsletter: record,
        date,
        edition: &edition,
        number: 1,
        public_url: &desk.admin.public_url,
        pictures_url: &desk.admin.pictures_url,
        reader_token: &token,
        is_test: false,
        revision: None,
    };
    Ok(email::answer(&rendering.email().html, true))
}

fn examples(desk: &Desk) -> Edition {
    let stories = EXAMPLES.iter().zip(1_i64..).map(|((title, dek, section), number)| ArticleRecord {
        // No article has this number.
        id: ArticleId(-number),
        url: desk.admin.public_url.to_string(),
        title: (*title).to_owned(),
        dek: Some((*dek).to_owned()),
        author: None,
        section: Some((*section).to_owned()),
        site_name: None,
        image_url: None,
        image_alt: None,
        image_width: None,
        image_height: None,
        published_at: Some(DbTime(desk.now)),
        first_seen_at: DbTime(desk.now),
        page_title: None,
        checked_at: None,
        pinned: false,
        hidden: false,
    });
    Edition { stories: stories.collect(), ..Edition::default() }
}
