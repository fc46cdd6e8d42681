//! Stories and feeds: what can be read, what is held, and the newest stories.

use super::{
    desk::{Answer, Desk, Flash, Posted, Refused},
    issue::add_by_address,
    layout::{Tab, state},
    words::{counted, from_now, moment, sentence, small, span},
};
use crate::{
    actions::feed::{
        accept_feed::{Accepted, accept_feed},
        add_article::{hide_article, pin_article},
        add_feed::{add_feed, remove_feed},
        poll_soon::poll_soon,
    },
    db::content::{
        articles::{self, ArticleRecord},
        feeds::{self, FeedRecord},
    },
    domain::{
        content::feed_trouble::TroubleKind,
        ids::{ArticleId, FeedId},
        operator::role::Permission,
    },
};
use axum::extract::Query;
use jiff::SignedDuration;
use maud::{Markup, html};
use url::Url;

/// Stories on a page.
const STORIES: i64 = 20;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Before {
    before: Option<i64>,
}

pub async fn get(desk: Desk, Query(query): Query<Before>) -> Answer {
    let mut tx = desk.db().read().await?;
    let all = feeds::list(&mut tx).await?;
    let stories = articles::page(&mut tx, ArticleId(query.before.unwrap_or(i64::MAX)), STORIES).await?;
    drop(tx);
    let (troubled, rest): (Vec<&FeedRecord>, Vec<&FeedRecord>) =
        all.iter().partition(|feed| feed.trouble.is_some() || feed.held_since.is_some());
    let (well, retired): (Vec<&FeedRecord>, Vec<&FeedRecord>) =
        rest.into_iter().partition(|feed| feed.status == "active");
    let headline = match (troubled.len(), well.len()) {
        (0, 0) => "No feeds yet.".to_owned(),
        (0, 1) => "The feed is well.".to_owned(),
        (0, count) => format!("All {} feeds are well.", small(count)),
        (1, _) => {
            format!("{} of {} feeds wants a look.", sentence(&small(1)), small(troubled.len() + well.len()))
        }
        (count, _) => {
            format!("{} of {} feeds want a look.", sentence(&small(count)), small(count + well.len()))
        }
    };
    let may = desk.may(Permission::EditStories);
    let content = html! {
        div.opening { div { p.over { "Stories and feeds" } h1 { (headline) }
            @if let Some(newest) = stories.first() { p.lede { "The newest story came " (from_now(newest.first_seen_at.0, desk.now)) "." } } } }
        div.split {
            div.stack {
                @if !troubled.is_empty() { section.sheet aria-labelledby="trouble" { header { h2 id="trouble" { "In trouble" } }
                    ul.list { @for feed in &troubled { (troubled_feed(&desk, feed, may)) } } } }
                section.sheet aria-labelledby="well" { header { h2 id="well" { "Well" } p.soft { (counted(well.len(), "feed")) } }
                    @if well.is_empty() { div.empty { p.title { "No feed is read." } p.small.soft { "Daily makes issues from your site’s feeds. Give it a feed’s address." } } }
                    @else { (feed_table(&desk, &well, may)) } }
                @if !retired.is_empty() { section.sheet { details.fold { summary { (counted(retired.len(), "feed")) " no longer read" }
                    ul { @for feed in &retired { li.small { (name(feed)) " · " span.soft { (feed.url) } } } } } } }
            }
            div.stack {
                @if may { section.sheet aria-labelledby="add" { header { h2 id="add" { "Add a feed" } }
                    (desk.form(&desk.path("feeds"), &html! {
                        div.field { label for="url" { "Address of the feed" } input type="url" id="url" name="feed" placeholder="https://" required aria-describedby="url-hint"; p.hint id="url-hint" { "RSS, Atom or JSON Feed. It is read within a minute." } }
                        div.acts { button { "Add it" } } })) } }
                section.sheet id="stories" aria-labelledby="newest" { header { h2 id="newest" { @if query.before.is_some() { "Earlier stories" } @else { "Newest stories" } } }
                    ul.list { @for it in &stories { (story(&desk, it, may)) } }
                    @if stories.is_empty() { p.small.soft { "None yet." } }
                    @if let Some(last) = stories.last().filter(|_| i64::try_from(stories.len()).unwrap_or(0) == STORIES) { div.acts.after { a.btn.row href={ (desk.path("feeds")) "?before=" (last.id) "#stories" } { "Earlier" } } }
                    @if may { div.after { (desk.form(&desk.path("feeds"), &html! { label for="story" { "Add a story by its address" } p.join { input type="url" id="story" name="story" placeholder="https://" required; button { "Add" } } })) } } }
            }
        }
    };
    desk.page(Tab::Feeds, "Stories and feeds", &content).await
}

fn name(feed: &FeedRecord) -> &str {
    if feed.title.is_empty() { &feed.url } else { &feed.title }
}

fn button(desk: &Desk, feed: &FeedRecord, verb: &str, label: &str, class: &str) -> Markup {
    desk.form(
        &desk.path("feeds"),
        &html! {
            input type="hidden" name="id" value=(feed.id);
            button class=(class) name="do" value=(verb) aria-label={ (label) ": " (name(feed)) } { (label) }
        },
    )
}

fn troubled_feed(desk: &Desk, feed: &FeedRecord, may: bool) -> Markup {
    let (class, word) = match feed.trouble_kind {
        Some(TroubleKind::Failing) => ("alarm", "Failing"),
        Some(TroubleKind::Retired) => ("alarm", "Gone"),
        Some(TroubleKind::Silent) => ("wait", "Silent"),
        Some(TroubleKind::Undated) => ("wait", "No dates"),
        Some(TroubleKind::Flood) => ("wait", "Held"),
        None => ("wait", "Held"),
    };
    let is_held = feed.held_since.is_some();
    html! {
        li.ask id={ "feed" (feed.id) } { div { h3 { (state(class, word)) (name(feed)) }
                @if let Some(error) = &feed.last_error { p.said { (error) } }
                p.small.soft { (feed.trouble.as_deref().unwrap_or_default())
                    @if feed.failures > 0 { " " (counted(feed.failures, "failure")) " in a row" @if let Some(since) = feed.failing_since { ", since " (moment(since.0, desk.now, desk.newsletter())) } ". Next try " (from_now(feed.next_poll_at.0, desk.now)) "." }
                    @if let Some(at) = feed.last_item_at { " Last new story: " (moment(at.0, desk.now, desk.newsletter())) "." } }
                p.small.soft { (feed.url) } }
            @if may { div.acts { @if is_held { (button(desk, feed, "accept", "Take them", "row")) } (button(desk, feed, "try", "Try now", "row")) (button(desk, feed, "remove", "Stop reading", "row danger")) } } }
    }
}

fn feed_table(desk: &Desk, well: &[&FeedRecord], may: bool) -> Markup {
    html! {
        table.cards {
            thead { tr { th scope="col" { "Feed" } th scope="col" { "Usually" } th scope="col" { "Last story" } th scope="col" { "Read" } th scope="col" { "State" } } }
            tbody { @for feed in well {
                tr id={ "feed" (feed.id) } { th scope="row" { (name(feed)) small.soft { (feed.url) } }
                    td.wide { @if let Some(gap) = feed.usual_gap_seconds { "every " (span(SignedDuration::from_secs(gap))) } @else { "—" } }
                    td.wide { @if let Some(at) = feed.last_item_at { (moment(at.0, desk.now, desk.newsletter())) } @else { "—" } }
                    td.wide { @if let Some(at) = feed.succeeded_at { (moment(at.0, desk.now, desk.newsletter())) } @else { "not yet" } }
                    td { @if feed.failures > 0 { (state("wait", &format!("{} failed", feed.failures))) } @else if feed.succeeded_at.is_none() { (state("move", "Being read")) } @else { (state("fine", "Fine")) }
                        @if may { details { summary.small { "More" } div.acts { (button(desk, feed, "try", "Read now", "row")) (button(desk, feed, "remove", "Stop reading", "row danger")) } } } } }
            } }
        }
    }
}

fn story(desk: &Desk, it: &ArticleRecord, may: bool) -> Markup {
    let form = |verb: &str, label: &str| {
        desk.form(
            &desk.path("feeds"),
            &html! {
                input type="hidden" name="id" value=(it.id);
                button.row name="do" value=(verb) aria-label={ (label) ": " (it.title) } { (label) }
            },
        )
    };
    html! {
        li { div { a.title href=(it.url) rel="noreferrer" target="_blank" { (it.title) }
                p.small.soft { @if it.pinned { b { "Pinned" } " · " } @if it.hidden { b { "Hidden" } " · " } @if let Some(site) = &it.site_name { (site) " · " } @if let Some(section) = &it.section { (section) " · " } (moment(it.first_seen_at.0, desk.now, desk.newsletter())) } }
            @if may { div.acts { @if it.pinned { (form("unpin", "Unpin")) } @else { (form("pin", "Pin")) } @if it.hidden { (form("show", "Show")) } @else { (form("hide", "Hide")) } } } }
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    r#do: String,
    id: Option<String>,
    feed: Option<String>,
    story: Option<String>,
}

pub async fn post(Posted { desk, fields }: Posted<Fields>) -> Answer {
    desk.require(Permission::EditStories)?;
    let page = desk.path("feeds");
    let (context, actor) = (desk.admin.actions(), desk.actor());
    if let Some(text) = &fields.feed {
        let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = url else {
            return desk
                .done(&page, Flash::alarm("Not added.", "A feed’s address begins with https:// or http://."))
                .await;
        };
        add_feed(context, &actor, url.as_str()).await?;
        return desk
            .done(&page, Flash::fine("Added.", "It is read within a minute; its state appears below."))
            .await;
    }
    if let Some(url) = &fields.story {
        let id = add_by_address(&desk, url).await?;
        let found = articles::get(&mut desk.db().read().await?, id).await?;
        return desk
            .done(&page, Flash::fine("Added.", found.map(|it| format!("“{}”", it.title)).unwrap_or_default()))
            .await;
    }
    let id: i64 = fields
        .id
        .as_deref()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| Refused::Failed("The form names nothing.".into()))?;
    let article = ArticleId(id);
    let flash = match fields.r#do.as_str() {
        "pin" => (
            pin_article(context, &actor, article, true).await?,
            Flash::fine("Pinned.", "It comes first in the next issue."),
        ),
        "unpin" => (
            pin_article(context, &actor, article, false).await?,
            Flash::fine("Unpinned.", "The plan decides."),
        ),
        "hide" => (
            hide_article(context, &actor, article, true).await?,
            Flash::fine("Hidden.", "It is in no issue."),
        ),
        "show" => (
            hide_article(context, &actor, article, false).await?,
            Flash::fine("Shown.", "It may be in issues again."),
        ),
        verb => {
            let feed = feeds::get(&mut desk.db().read().await?, FeedId(id)).await?;
            let feed = feed.ok_or_else(|| Refused::Missing("There is no such feed.".into()))?;
            match verb {
                "try" => (true, {
                    poll_soon(context, feed.id).await?;
                    Flash::fine("Soon.", format!("{} is read within a minute.", name(&feed)))
                }),
                "accept" => match accept_feed(context, &actor, &feed.url).await? {
                    Accepted::Articles(count) => (
                        true,
                        Flash::fine(
                            "Taken.",
                            format!(
                                "{} can be in issues now.",
                                counted(i64::try_from(count).unwrap_or(0), "story")
                            ),
                        ),
                    ),
                    Accepted::NotHeld | Accepted::NoSuchFeed => {
                        (true, Flash::wait("Nothing to take.", "The feed isn’t held any more."))
                    }
                },
                "remove" => (
                    remove_feed(context, &actor, &feed.url).await?,
                    Flash::wait("Stopped.", format!("{} is no longer read. Its stories stay.", name(&feed))),
                ),
                _ => return Err(Refused::Failed("The form names no action.".into())),
            }
        }
    };
    let (found, flash) = flash;
    if !found {
        return Err(Refused::Missing("It is gone.".into()));
    }
    desk.done(&page, flash).await
}
