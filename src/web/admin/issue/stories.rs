//! The stories of an issue with their reasons, and its texts.

use super::{News, change::decisions, email, left_out::LeftOut, news, outlook};
use crate::{
    db::{
        DbError, Tx, audit,
        content::articles::{self, ArticleRecord},
        issues::{self, IssueRecord, StoryEdit},
    },
    domain::{
        ids::ArticleId,
        issue::{
            revision::Story,
            selection::{Choice, Reason, Wish},
        },
        operator::role::Permission,
    },
    issues::forecast::Forecast,
    web::admin::{
        desk::Desk,
        layout::{fact, rev, state},
        who::name_of,
        words::{clock, counted, day_word, from_now, long_day, moment, number},
    },
};
use jiff::Timestamp;
use maud::{Markup, html};
use std::collections::HashMap;

/// The last edit of a story.
struct EditedBy {
    name: String,
    at: Timestamp,
}

pub async fn page(desk: &Desk, it: &Forecast, alone: Option<&str>) -> Result<Markup, DbError> {
    let date = it.date;
    let news = news::news(desk, it).await?;
    let verdict = outlook(desk, it).await?;
    let mut tx = desk.db().read().await?;
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
                p.over { b { (day_word(date, desk.today())) } " · due " (clock(it.due_at, desk.newsletter())) ", " (from_now(it.due_at, desk.now))
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
                @if let Some(news) = &news { (news::notice(desk, it, news)) }
                (texts(desk, it))
                (story_list(desk, it, &Listed { chosen: &chosen, articles: &articles, edits: &edits, edited_by: &edited_by, news: news.as_ref() }))
                (left_out.render(desk, date, revision.full(), &decisions(&edits)))
            }
            div.stack.stay { (email::aside(desk, it)) }
        }
    })
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
                input type="hidden" name="decided" value=(decisions(listed.edits));
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

fn row_button(name: &str, story: &Story, label: &str, sign: &str, disabled: bool) -> Markup {
    html! { button.row name=(name) value=(story.article) aria-label={ (label) ": " (story.title) } disabled[disabled] { (sign) } }
}

fn keyed(name: &str, story: &Story, label: &str, key: &str) -> Markup {
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
