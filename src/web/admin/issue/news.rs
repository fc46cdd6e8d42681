//! Changes of an issue since an operator looked at it.

use crate::{
    actions::operator::sessions::set_view,
    db::{DbError, issues::revisions, operators::views},
    domain::issue::revision::Content,
    issues::forecast::Forecast,
    web::admin::{
        desk::Desk,
        words::{counted, moment},
    },
};
use jiff::Timestamp;
use maud::{Markup, html};

/// The changes since the operator's last look, and its time.
pub struct News {
    pub at: Timestamp,
    pub changes: Vec<String>,
    /// Stories that were not there.
    pub new: Vec<i64>,
}

/// Compares an issue with what the operator looked at last. The first look is recorded.
pub async fn news(desk: &Desk, it: &Forecast) -> Result<Option<News>, DbError> {
    let (operator, record) = (desk.who.operator.id, desk.record());
    let mut tx = desk.db().read().await?;
    let view = views::get(&mut tx, operator, record.id, it.date).await?;
    let now = it.content.revision();
    let Some(view) = view else {
        drop(tx);
        set_view(&desk.admin.operators, operator, record.id, it.date, &now).await?;
        return Ok(None);
    };
    if view.revision == now {
        return Ok(None);
    }
    let earlier = revisions::get(&mut tx, record.id, it.date, &view.revision).await?;
    Ok(earlier.map(|earlier| News {
        at: view.seen_at.0,
        changes: it.content.changes_since(&earlier),
        new: new_stories(&it.content, &earlier),
    }))
}

fn new_stories(now: &Content, earlier: &Content) -> Vec<i64> {
    let is_new = |article: &i64| !earlier.stories.iter().any(|story| story.article == *article);
    now.stories.iter().map(|story| story.article).filter(is_new).collect()
}

pub fn notice(desk: &Desk, it: &Forecast, news: &News) -> Markup {
    let what = match news.new.len() {
        0 => format!(
            "{} since you looked at {}.",
            counted(news.changes.len(), "change"),
            moment(news.at, desk.now, desk.newsletter())
        ),
        1 => format!("1 story is new since you looked at {}.", moment(news.at, desk.now, desk.newsletter())),
        count => format!(
            "{count} stories are new since you looked at {}.",
            moment(news.at, desk.now, desk.newsletter())
        ),
    };
    html! {
        div.notice.ends {
            div { b { (what) } " New ones are marked below, and nothing of yours was moved."
                details { summary.small { "All changes" } ul.small { @for change in news.changes.iter().take(40) { li { (change) } } } } }
            (desk.form(&desk.issue_path(it.date, ""), &html! {
                input type="hidden" name="revision" value=(it.content.revision().full());
                button.row name="seen" value="1" { "Mark as seen" }
            }))
        }
    }
}
