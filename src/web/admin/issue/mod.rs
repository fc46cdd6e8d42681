//! An issue: its stories with their reasons, what was left out, and the email beside it.

pub mod edit;
pub mod email;

use super::{
    desk::{Answer, Desk, Flash, Posted, Refused},
    layout::{Tab, fact, rev, state},
    today::name_of,
    verdict::{Outlook, Verdict, of_sent},
    words::{clock, counted, from_now, long_day, moment, number},
};
use crate::{
    actions::{
        feed::add_article::add_article,
        issue::{
            decide::shown_forecast,
            edit_issue::{EditError, EditOutcome, StoryChange, edit_version},
            send_issue::{BeginError, begin_issue, is_too_far},
        },
        operator::sessions::set_view,
    },
    db::{
        DbError, Tx, audit,
        content::articles::{self, ArticleRecord, Stored},
        deliveries,
        engine::processes,
        issues::{self, IssueRecord, IssueWords, StoryEdit, revisions},
        operators::views,
    },
    domain::{
        ids::ArticleId,
        issue::{
            revision::{Content, Revision},
            selection::{Choice, Reason, Wish},
            status::IssueStatus,
        },
        operator::role::Permission,
    },
    issues::{forecast::Forecast, next::next_date},
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse as _, Redirect},
};
use jiff::{Timestamp, civil::Date};
use maud::{Markup, html};
use std::collections::{BTreeMap, HashMap};
use url::Url;

/// Titles that are shown below each reason.
const SHOWN_LEFT: usize = 5;
/// Titles that are shown of one reason alone.
const SHOWN_ALONE: usize = 200;

/// Opens the next issue.
pub async fn next(desk: Desk) -> Answer {
    let date =
        next_date(&mut desk.db().read().await?, desk.record(), desk.admin.margins.grace, desk.now).await?;
    Ok(Redirect::to(&desk.issue_path(date, "")).into_response())
}

/// Returns the date of a path.
pub fn date_of(path: &HashMap<String, String>) -> Result<Date, Refused> {
    let text = path.get("date").map(String::as_str).unwrap_or_default();
    text.parse().map_err(|_| Refused::Missing(format!("“{text}” is not a date.")))
}

/// Forecasts an issue as the operator sees it, and keeps its revision.
pub async fn seen_forecast(desk: &Desk, date: Date) -> Result<Forecast, Refused> {
    require_near(desk, date)?;
    Ok(shown_forecast(desk.admin.actions(), desk.admin.rules, desk.record(), date).await?)
}

/// Refuses dates that can have no issue, because looking at one is recorded.
fn require_near(desk: &Desk, date: Date) -> Result<(), Refused> {
    if is_too_far(desk.newsletter(), date, desk.now) {
        return Err(Refused::Missing(format!("{} is more than a year ahead.", long_day(date))));
    }
    Ok(())
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Shown {
    /// A reason whose left-out articles are all listed.
    reason: Option<String>,
}

/// The last edit of a story.
struct EditedBy {
    name: String,
    at: Timestamp,
}

pub async fn get(
    desk: Desk,
    Path(path): Path<HashMap<String, String>>,
    Query(query): Query<Shown>,
) -> Answer {
    let date = date_of(&path)?;
    let record = desk.record();
    let mut tx = desk.db().read().await?;
    let issue = issues::get_by_date(&mut tx, record.id, date).await?;
    drop(tx);
    if let Some(issue) = issue.filter(|issue| issue.status != IssueStatus::Planned) {
        return sent(&desk, &issue).await;
    }
    if date < desk.today() {
        return Err(Refused::Missing(format!("There was no issue on {}.", long_day(date))));
    }
    let it = seen_forecast(&desk, date).await?;
    let content = page(&desk, &it, query.reason.as_deref()).await?;
    desk.page(Tab::Issue, &format!("Issue of {}", long_day(date)), &content).await
}

/// Returns the verdict about an open issue.
pub async fn outlook(desk: &Desk, tx: &mut Tx, it: &Forecast) -> Result<Verdict, DbError> {
    let changed = match &it.issue {
        Some(issue) => super::today::changed_by(tx, issue).await?,
        None => None,
    };
    Ok(Outlook {
        newsletter: desk.newsletter(),
        forecast: it,
        today: desk.today(),
        now: desk.now,
        workers: processes::count_workers(tx, desk.now).await?,
        schedulers: processes::count_schedulers(tx, desk.now).await?,
        changed_by: changed.as_deref(),
        may_send: desk.may(Permission::SendIssue),
    }
    .verdict())
}

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

async fn page(desk: &Desk, it: &Forecast, alone: Option<&str>) -> Result<Markup, DbError> {
    let date = it.date;
    let news = news(desk, it).await?;
    let mut tx = desk.db().read().await?;
    let verdict = outlook(desk, &mut tx, it).await?;
    let edits = match &it.issue {
        Some(issue) => issues::edits(&mut tx, issue.id).await?,
        None => Vec::new(),
    };
    let edited_by = match &it.issue {
        Some(issue) => edited_by(&mut tx, issue).await?,
        None => HashMap::new(),
    };
    let (chosen, left): (Vec<&Choice>, Vec<&Choice>) =
        it.plan.choices.iter().partition(|choice| choice.reason.is_in());
    let mut articles = HashMap::new();
    for choice in &chosen {
        if let Some(article) = articles::get(&mut tx, choice.article).await? {
            articles.insert(choice.article, article);
        }
    }
    let left_out = LeftOut::load(&mut tx, &left, alone).await?;
    drop(tx);
    let revision = it.content.revision();
    let stories = i64::try_from(it.content.stories.len()).unwrap_or(i64::MAX);
    let candidates = it.plan.choices.len();
    Ok(html! {
        div.opening {
            div {
                p.over { b { (super::words::day_word(date, desk.today())) } " · due " (clock(it.due_at, desk.newsletter())) ", " (from_now(it.due_at, desk.now))
                    (state(verdict.state, verdict.word)) }
                h1 { (long_day(date)) }
                p.lede { b { (verdict.sentence) } " " (verdict.detail) }
                p.facts { (fact(stories, "story")) span { "of " (number(i64::try_from(candidates).unwrap_or(0))) }
                    (fact(it.plan.readers(), "reader")) (fact(i64::try_from(it.plan.variants.len()).unwrap_or(0), "variant"))
                    span { "revision " (rev(revision.as_str())) } }
            }
            div.acts {
                a.btn href=(desk.issue_path(date, "preview")) { "Preview" }
                a.btn href={ (desk.issue_path(date, "send")) "#test" } data-key="t" { "Test" kbd { "t" } }
                a.btn.filled href=(desk.issue_path(date, "send")) data-key="a" { "Review and approve" }
            }
        }
        div.split.with-mail {
            div.stack {
                @if let Some(news) = &news { (news_notice(desk, it, news)) }
                (texts(desk, it))
                (story_list(desk, it, &Listed { chosen: &chosen, articles: &articles, edits: &edits, edited_by: &edited_by, news: news.as_ref() }))
                (left_out.render(desk, date, revision.full()))
            }
            div.stack.stay { (email::aside(desk, it)) }
        }
    })
}

fn news_notice(desk: &Desk, it: &Forecast, news: &News) -> Markup {
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

fn texts(desk: &Desk, it: &Forecast) -> Markup {
    let content = &it.content;
    let lead = content.stories.first().map_or("none yet", |story| story.title.as_str());
    html! {
        section.sheet aria-labelledby="texts" {
            header { h2 id="texts" { "Subject and note" }
                @if desk.may(Permission::EditIssue) { a href=(desk.issue_path(it.date, "edit")) data-key="e" { "Edit" } } }
            dl.terms {
                div { dt { "Subject" } dd {
                    @match &content.subject {
                        Some(subject) => { b { (subject) } small { " " (counted(subject.chars().count(), "character")) } }
                        None => { (lead) small { " the first story’s headline" } }
                    } } }
                div { dt { "Preheader" } dd { @match &content.preheader { Some(text) => (text), None => small { "the other headlines" } } } }
                div { dt { "Note" } dd { @match &content.note { Some(text) => (text), None => small { "none" } } } }
            }
        }
    }
}

struct Listed<'a> {
    chosen: &'a [&'a Choice],
    articles: &'a HashMap<ArticleId, ArticleRecord>,
    edits: &'a [StoryEdit],
    edited_by: &'a HashMap<i64, EditedBy>,
    news: Option<&'a News>,
}

fn story_list(desk: &Desk, it: &Forecast, listed: &Listed<'_>) -> Markup {
    let path = desk.issue_path(it.date, "");
    let last = it.content.stories.len();
    let may = desk.may(Permission::EditIssue);
    html! {
        section.sheet aria-labelledby="stories" {
            header { h2 id="stories" { "Stories" }
                p.small.soft.wide { kbd { "j" } " " kbd { "k" } " choose · " kbd { "p" } " pin · " kbd { "x" } " drop · " kbd { "e" } " edit" } }
            @if it.content.stories.is_empty() {
                div.empty { p.title { "No stories yet." } p.small.soft { "Daily makes issues from your site’s feeds, or from addresses that you add." }
                    div.acts { a.btn href=(desk.path("feeds")) { "Stories and feeds" } } }
            }
            (desk.form(&path, &html! {
                input type="hidden" name="revision" value=(it.content.revision().full());
                ol.stories {
                    @for (story, place) in it.content.stories.iter().zip(1_usize..) {
                        @let id = ArticleId(story.article);
                        @let reason = listed.chosen.iter().find(|choice| choice.article == id).map(|choice| choice.reason);
                        @let edit = listed.edits.iter().find(|edit| edit.article_id == id);
                        @let article = listed.articles.get(&id);
                        @if let Some(heading) = &story.heading { li.bar { h3 { (heading) } } }
                        li id={ "story" (story.article) } data-row {
                            b { (place) }
                            div {
                                a.title href=(story.url) rel="noreferrer" target="_blank" { (story.title) }
                                p.why {
                                    @if listed.news.is_some_and(|news| news.new.contains(&story.article)) { span.tag { "New" } " " }
                                    (why(desk, reason, edit, article, listed.edited_by.get(&story.article)))
                                }
                            }
                            @if may { div.acts {
                                (row_button("up", story, "Move up", "↑", place == 1))
                                (row_button("down", story, "Move down", "↓", place == last))
                                @if edit.is_some_and(|edit| edit.wish == Some(Wish::Pin) || edit.place.is_some()) {
                                    (keyed("undo", story, "Unpin", "p"))
                                } @else { (keyed("pin", story, "Pin", "p")) }
                                (keyed("drop", story, "Drop", "x"))
                                a.btn.row data-key="e" href={ (desk.issue_path(it.date, "edit")) "?story=" (story.article) }
                                    aria-label={ "Edit: " (story.title) } { "Edit" }
                            } }
                        }
                    }
                }
            }))
            @if may {
                div.after {
                    (desk.form(&path, &html! {
                        input type="hidden" name="revision" value=(it.content.revision().full());
                        label for="add" { "Add a story by its address" }
                        p.join { input id="add" name="url" type="url" placeholder="https://" required; button { "Add" } }
                    }))
                }
            }
        }
    }
}

fn row_button(
    name: &str,
    story: &crate::domain::issue::revision::Story,
    label: &str,
    sign: &str,
    disabled: bool,
) -> Markup {
    html! { button.row name=(name) value=(story.article) aria-label={ (label) ": " (story.title) } disabled[disabled] { (sign) } }
}

fn keyed(name: &str, story: &crate::domain::issue::revision::Story, label: &str, key: &str) -> Markup {
    html! { button.row name=(name) value=(story.article) data-key=(key) aria-label={ (label) ": " (story.title) } { (label) } }
}

/// Says why a story is in, and what an editor changed of it.
fn why(
    desk: &Desk,
    reason: Option<Reason>,
    edit: Option<&StoryEdit>,
    article: Option<&ArticleRecord>,
    by: Option<&EditedBy>,
) -> Markup {
    let changed = edit.filter(|edit| edit.title.is_some() || edit.dek.is_some());
    let explanation = reason.map_or("in the plan", Reason::explanation);
    html! {
        @if let Some(by) = by { b { (by.name) ", " (moment(by.at, desk.now, desk.newsletter())) } ": " }
        @if changed.is_some() { "text edited · " }
        (explanation)
        @if let Some(article) = article {
            @for part in [&article.section, &article.site_name, &article.author] { @if let Some(part) = part { " · " (part) } }
            @if let Some(at) = article.published_at { " · " (moment(at.0, desk.now, desk.newsletter())) }
            @if let Some(title) = edit.and_then(|edit| edit.title.as_ref()) { @if *title != article.title { " · was " s { (article.title) } } }
        }
    }
}

/// Returns who edited each article of an issue last.
async fn edited_by(tx: &mut Tx, issue: &IssueRecord) -> Result<HashMap<i64, EditedBy>, DbError> {
    let mut found = HashMap::new();
    for entry in audit::for_subject(tx, "issue.edit", issue.id.0).await? {
        let fields = entry.after.as_object().into_iter().flatten();
        let ids: Vec<i64> =
            fields.filter_map(|(field, _)| field.strip_prefix("article ")?.parse().ok()).collect();
        if ids.iter().all(|id| found.contains_key(id)) {
            continue;
        }
        let name = name_of(tx, &entry.actor).await?;
        for id in ids {
            found.entry(id).or_insert(EditedBy { name: name.clone(), at: entry.occurred_at.0 });
        }
    }
    Ok(found)
}

/// A reason, how many articles have it, and some of them with their titles.
type LeftGroup = (Reason, usize, Vec<(ArticleId, String)>);

/// Articles that are not in the issue, by reason.
struct LeftOut {
    total: usize,
    groups: Vec<LeftGroup>,
}

impl LeftOut {
    async fn load(tx: &mut Tx, left: &[&Choice], alone: Option<&str>) -> Result<Self, DbError> {
        let mut by_reason: BTreeMap<Reason, Vec<ArticleId>> = BTreeMap::new();
        for choice in left {
            by_reason.entry(choice.reason).or_default().push(choice.article);
        }
        let mut groups = Vec::new();
        for (reason, ids) in by_reason {
            let most = if alone == Some(reason.as_str()) { SHOWN_ALONE } else { SHOWN_LEFT };
            let shown: Vec<ArticleId> = ids.iter().copied().take(most).collect();
            let titles = articles::titles(tx, &shown).await?;
            let shown = shown.into_iter().filter_map(|id| Some((id, titles.get(&id)?.clone()))).collect();
            groups.push((reason, ids.len(), shown));
        }
        groups.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
        Ok(Self { total: left.len(), groups })
    }

    fn render(&self, desk: &Desk, date: Date, revision: &str) -> Markup {
        html! {
            section.sheet aria-labelledby="left" {
                header { h2 id="left" { "Left out, and why" } p.soft { (counted(self.total, "article")) } }
                @if self.total == 0 { p.small.soft { "Nothing was left out." } }
                (desk.form(&desk.issue_path(date, ""), &html! {
                    input type="hidden" name="revision" value=(revision);
                    div.left {
                        @for (index, (reason, count, shown)) in self.groups.iter().enumerate() {
                            details open[index == 0] {
                                summary { span { (super::words::sentence(reason.explanation())) } span.soft { (count) } }
                                ul {
                                    @for (id, title) in shown {
                                        li { span.title { (title) }
                                            @if desk.may(Permission::EditIssue) && *reason != Reason::Hidden && *reason != Reason::Gone {
                                                button.row name=(if *reason == Reason::Dropped { "undo" } else { "pin" }) value=(id.0)
                                                    aria-label={ "Put in: " (title) } { "Put in" } } }
                                    }
                                    @if *count > shown.len() {
                                        li { a href={ (desk.issue_path(date, "")) "?reason=" (reason) "#left" } { "and " (count - shown.len()) " more" } }
                                    }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

/// Shows an issue whose content no longer changes.
async fn sent(desk: &Desk, issue: &IssueRecord) -> Answer {
    let mut tx = desk.db().read().await?;
    let stories = issues::stories(&mut tx, issue.id).await?;
    let counts = deliveries::counts(&mut tx, issue.id).await?;
    drop(tx);
    let verdict = of_sent(issue, &counts, desk.today(), None);
    let content = html! {
        div.opening {
            div { p.over { b { (long_day(issue.date())) } (state(verdict.state, verdict.word))
                    @if let Some(revision) = &issue.approved_revision { " · revision " (rev(revision)) } }
                h1 { (verdict.sentence) }
                p.lede { "Its content no longer changes." } }
            div.acts { a.btn href=(desk.issue_path(issue.date(), "preview")) { "As readers got it" }
                @if issue.status == IssueStatus::Skipped && issue.date() == desk.today() {
                    a.btn.filled href=(desk.issue_path(issue.date(), "send")) { "Send it now …" }
                } @else if issue.status.is_final() { a.btn href=(desk.issue_path(issue.date(), "report")) { "Report" } }
                @else { a.btn.filled href=(desk.path("live")) { "Watch" } } }
        }
        section.sheet { header { h2 { "Stories" } p.soft { (counted(stories.iter().filter(|it| it.position.is_some()).count(), "story")) } }
            ol.stories { @for story in stories.iter().filter(|it| it.position.is_some()) {
                li { b { (story.position.unwrap_or(0)) } div { a.title href=(story.article.url) rel="noreferrer" target="_blank" { (story.article.title) }
                    p.why { (story.reason.replace('_', " ")) } } }
            } } }
    };
    desk.page(Tab::Issue, &format!("Issue of {}", long_day(issue.date())), &content).await
}

/// A change of the stories. One of the fields after the revision is the button that was pressed.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Change {
    revision: String,
    pin: Option<String>,
    undo: Option<String>,
    /// Undoes the edits of its texts, too.
    revert: Option<String>,
    drop: Option<String>,
    up: Option<String>,
    down: Option<String>,
    url: Option<String>,
    seen: Option<String>,
}

pub async fn post(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Change>,
) -> Answer {
    let date = date_of(&path)?;
    let page = desk.issue_path(date, "");
    if fields.seen.is_some() {
        require_near(&desk, date)?;
        let revision = Revision::parse(&fields.revision).map_err(|_| Refused::Form)?;
        set_view(&desk.admin.operators, desk.who.operator.id, desk.record().id, date, &revision).await?;
        return Ok(Redirect::to(&page).into_response());
    }
    desk.require(Permission::EditIssue)?;
    let it = seen_forecast(&desk, date).await?;
    let id = |text: &Option<String>| text.as_deref().and_then(|id| id.parse().ok()).map(ArticleId);
    let titled = async |id: ArticleId| -> Result<String, DbError> {
        let found = articles::titles(&mut desk.db().read().await?, &[id]).await?;
        Ok(found.get(&id).map_or_else(|| "Article".to_owned(), |title| format!("“{title}”")))
    };
    let mut undo = None;
    let (changes, title, story) = if let Some(url) = &fields.url {
        desk.require(Permission::EditStories)?;
        let id = add_by_address(&desk, url).await?;
        (vec![StoryChange::Pin(id)], "Added.", id)
    } else if let Some(id) = id(&fields.pin) {
        undo = Some(("undo", id));
        (vec![StoryChange::Pin(id)], "Pinned.", id)
    } else if let Some(id) = id(&fields.drop) {
        undo = Some(("undo", id));
        (vec![StoryChange::Drop(id)], "Dropped.", id)
    } else if let Some(id) = id(&fields.undo) {
        (vec![StoryChange::Release(id)], "Undone.", id)
    } else if let Some(id) = id(&fields.revert) {
        (vec![StoryChange::Undo(id)], "Reverted.", id)
    } else if let Some(id) = id(&fields.up) {
        (moved(&it, id, -1), "Moved up.", id)
    } else if let Some(id) = id(&fields.down) {
        (moved(&it, id, 1), "Moved down.", id)
    } else {
        return Err(Refused::Failed("The form names no change.".into()));
    };
    let edited = apply(&desk, &it, None, &IssueWords::default(), &changes).await?;
    let text = format!("{}{}", titled(story).await?, meanwhile(&it, &fields.revision));
    let mut flash = match edited {
        Some(EditOutcome::ApprovalEnded) => Flash::wait(title, format!("{text} {APPROVAL_ENDED}")),
        _ => Flash::fine(title, text),
    };
    flash.undo = undo.map(|(name, id)| {
        let fields =
            vec![("revision".to_owned(), fields.revision.clone()), (name.to_owned(), id.to_string())];
        (page.clone(), fields)
    });
    desk.done(&page, flash).await
}

/// Says that others changed the issue since the page was shown. Changes of single stories don't conflict.
fn meanwhile(it: &Forecast, shown: &str) -> &'static str {
    if it.content.revision().full() == shown {
        ""
    } else {
        " Meanwhile others changed the issue, too; both changes are in."
    }
}

/// Moves a story by one place. Its neighbour makes room, even if it has a fixed place.
fn moved(it: &Forecast, id: ArticleId, by: i64) -> Vec<StoryChange> {
    let stories = &it.content.stories;
    let Some(index) = stories.iter().position(|story| story.article == id.0) else { return Vec::new() };
    let place = i64::try_from(index).unwrap_or(0) + 1;
    let target = (place + by).clamp(1, i64::try_from(stories.len()).unwrap_or(1));
    let mut changes = vec![StoryChange::Place(id, target)];
    let neighbour = usize::try_from(target - 1).ok().and_then(|index| stories.get(index));
    if let Some(neighbour) = neighbour.filter(|story| story.is_pinned && story.article != id.0) {
        changes.push(StoryChange::Place(ArticleId(neighbour.article), place));
    }
    changes
}

/// Reads an article from its page and adds it.
pub async fn add_by_address(desk: &Desk, url: &str) -> Result<ArticleId, Refused> {
    let url = Url::parse(url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url =
        url.ok_or_else(|| Refused::Failed("A story’s address begins with https:// or http://.".into()))?;
    let found =
        desk.admin.work.read_article(&url).await.map_err(|why| Refused::Failed(format!("{url}: {why}")))?;
    let stored = add_article(desk.admin.actions(), &desk.actor(), &found).await?;
    stored.map(Stored::id).ok_or_else(|| Refused::Failed(format!("{url} names no address for readers.")))
}

/// Tells an editor that the issue they edited was approved.
pub const APPROVAL_ENDED: &str = "The approval has ended: review and approve it again.";

/// Makes changes to an issue, begins it if needed, and plans it. With a version, only if it still has that one.
/// Returns `None` if it has not.
pub async fn apply(
    desk: &Desk,
    seen: &Forecast,
    version: Option<i64>,
    words: &IssueWords,
    changes: &[StoryChange],
) -> Result<Option<EditOutcome>, Refused> {
    let (context, actor) = (desk.admin.actions(), desk.actor());
    let issue =
        begin_issue(context, &actor, desk.record(), seen.date).await.map_err(|error| match error {
            BeginError::Db(error) => Refused::Db(error),
            other => Refused::Failed(format!("{other}.")),
        })?;
    let edited = match edit_version(context, &actor, (issue.id, version), words, changes).await {
        Ok(edited) => edited,
        Err(EditError::Changed) => return Ok(None),
        Err(EditError::Db(error)) => return Err(error.into()),
        Err(other) => {
            return Err(Refused::Failed(format!("{}.", super::words::sentence(&other.to_string()))));
        }
    };
    // The edit is saved, and a job plans the issue if this doesn't.
    if let Err(error) = desk.admin.work.plan(issue.id).await {
        tracing::warn!(issue = %issue.id, error, "could not plan an edited issue at once");
    }
    // An operator who had seen everything has also seen their own change.
    let view =
        views::get(&mut desk.db().read().await?, desk.who.operator.id, desk.record().id, seen.date).await?;
    let now = seen_forecast(desk, seen.date).await?;
    if view.is_none_or(|view| view.revision == seen.content.revision()) {
        let revision = now.content.revision();
        set_view(&desk.admin.operators, desk.who.operator.id, desk.record().id, seen.date, &revision).await?;
    }
    Ok(Some(edited))
}
