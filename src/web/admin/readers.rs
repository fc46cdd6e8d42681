//! Readers: found by address, by its beginning or by domain, and added one by one.

use super::{
    desk::{Answer, Desk, Flash, Posted, Refused},
    issue::date_of,
    layout::{Tab, state},
    words::{counted, number},
};
use crate::{
    actions::{
        signup::{
            request::{Proof, Signup, SubscribeError},
            subscribe::subscribe,
        },
        subscription::by_operator::{add_with_evidence, method_of},
    },
    db::{
        DbError, Tx,
        subscribers::{
            self, Evidence, SubscriptionRecord,
            search::{self, FoundReader},
        },
    },
    domain::{
        ids::SubscriberId,
        operator::role::Permission,
        subscriber::{email_address::EmailAddress, subscription::SubscriptionStatus},
        validation::{Problems, rules},
    },
    i18n,
};
use axum::{
    extract::Query,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};
use maud::{Markup, html};
use std::collections::HashMap;
use url::form_urlencoded;
use validator::Validate;

/// Readers on a page.
const PAGE: i64 = 50;
/// Longest evidence, in characters.
const MAX_EVIDENCE_CHARS: usize = 200;

/// A search by the box at the top of every page.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Search {
    q: String,
    after: Option<i64>,
}

/// Leads to an issue of a date, or to readers.
pub async fn find(desk: Desk, Query(search): Query<Search>) -> Answer {
    let text = search.q.trim().to_owned();
    let path: HashMap<String, String> = HashMap::from([("date".to_owned(), text.clone())]);
    if let Ok(date) = date_of(&path) {
        return Ok(Redirect::to(&desk.issue_path(date, "")).into_response());
    }
    desk.require(Permission::SeeReaders)?;
    Ok(Redirect::to(&format!("{}?{}", desk.path("readers"), as_query(&text))).into_response())
}

/// Returns the query of a search.
fn as_query(text: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("q", text).finish()
}

/// Where a search looks.
enum Wanted {
    Exactly(EmailAddress),
    Domain(String),
    Beginning(String),
}

fn wanted(text: &str) -> Option<Wanted> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() {
        return None;
    }
    if let Some(domain) = text.strip_prefix('@') {
        return Some(Wanted::Domain(domain.to_owned()));
    }
    match EmailAddress::parse(&text) {
        Ok(address) => Some(Wanted::Exactly(address)),
        Err(_) if text.contains('.') && !text.contains('@') && !text.contains(' ') => {
            Some(Wanted::Domain(text))
        }
        Err(_) => Some(Wanted::Beginning(text)),
    }
}

pub async fn get(desk: Desk, Query(search): Query<Search>) -> Answer {
    desk.require(Permission::SeeReaders)?;
    let mut tx = desk.db().read().await?;
    let after = SubscriberId(search.after.unwrap_or(0));
    let (found, how) = match wanted(&search.q) {
        None => (search::latest(&mut tx, PAGE).await?, "the latest"),
        Some(Wanted::Exactly(address)) => match search::by_address(&mut tx, &address).await? {
            Some(reader) => {
                return Ok(Redirect::to(&desk.path(&format!("readers/{}", reader.id))).into_response());
            }
            None => (
                search::by_beginning(&mut tx, address.as_str().split('@').next().unwrap_or_default(), PAGE)
                    .await?,
                "similar",
            ),
        },
        Some(Wanted::Domain(domain)) => {
            let found = search::by_domain(&mut tx, &domain, after, PAGE).await?;
            if found.is_empty() && after.0 == 0 {
                (search::by_beginning(&mut tx, &domain, PAGE).await?, "by their beginning")
            } else {
                (found, "at this domain")
            }
        }
        Some(Wanted::Beginning(text)) => {
            (search::by_beginning(&mut tx, &text, PAGE).await?, "by their beginning")
        }
    };
    let active = subscribers::count_active(&mut tx, desk.record().id).await?;
    let paused = subscribers::count_paused(&mut tx, desk.record().id).await?;
    let pending = subscribers::count_pending(&mut tx, desk.record().id).await?;
    let rows = with_subscriptions(&mut tx, found).await?;
    drop(tx);
    let is_exact = matches!(wanted(&search.q), Some(Wanted::Exactly(_)));
    let headline = match (search.q.trim(), rows.len(), is_exact) {
        ("", _, _) => format!("{} get {}", counted(active, "reader"), desk.newsletter().title),
        (_, _, true) => "No reader has this address".to_owned(),
        (_, 0, _) => "No reader is found".to_owned(),
        (_, found, _) if i64::try_from(found).unwrap_or(0) == PAGE => {
            format!("The first {PAGE} readers {how}")
        }
        (_, found, _) => format!("{} {how}", counted(found, "reader")),
    };
    let content = html! {
        div.opening { div { p.over { "Readers" @if !search.q.trim().is_empty() { " · “" (search.q) "”" } } h1 { (headline) }
            @if is_exact { p.lede { "“" (search.q) "” has never signed up. " @if !rows.is_empty() { "These are near it. " } a href={ (desk.path("suppressions")) "?" (as_query(&search.q)) } { "Suppress it …" } } } } }
        div.split {
            div.stack {
                section.sheet aria-labelledby="found" {
                    header { h2 id="found" { @if search.q.trim().is_empty() { "Who came last" } @else { "Found" } } }
                    (search_form(&desk, &search.q))
                    @if !rows.is_empty() { div.after { (table(&desk, &rows)) } }
                    @if let Some((last, _)) = rows.last().filter(|_| i64::try_from(rows.len()).unwrap_or(0) == PAGE && how == "at this domain") {
                        @let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("q", &search.q).append_pair("after", &last.id.to_string()).finish();
                        div.acts.after { a.btn href={ (desk.path("readers")) "?" (query) } { "More" } }
                    }
                }
            }
            div.stack {
                section.sheet aria-labelledby="all" { header { h2 id="all" { (desk.newsletter().title) } }
                    table.ledger { tbody {
                        tr { th scope="row" { "Get it" } td.end { (number(active)) } }
                        tr { th scope="row" { "Paused" } td.end { (number(paused)) } }
                        tr { th scope="row" { "Have not confirmed yet" } td.end { (number(pending)) } } }
                        tfoot { tr.total { th scope="row" { "Together" } td.end { (number(active + paused + pending)) } } } } }
                (add_form(&desk))
                @if desk.may(Permission::ChangeReaders) {
                    section.sheet aria-labelledby="import" { header { h2 id="import" { "Import" } }
                        p.small.soft { "Bring readers from another system, with the evidence that they agreed." }
                        div.acts.after { a.btn href=(desk.path("import")) { "Import a list …" } } }
                }
                section.sheet aria-labelledby="suppressed" { header { h2 id="suppressed" { "Suppressed addresses" } }
                    p.small.soft { "They bounce, complained, or asked for no email." }
                    div.acts.after { a.btn href=(desk.path("suppressions")) { "Look at them" } } }
            }
        }
    };
    let status = if is_exact { StatusCode::NOT_FOUND } else { StatusCode::OK };
    desk.page_with(status, Tab::Readers, "Readers", &content).await
}

fn search_form(desk: &Desk, text: &str) -> Markup {
    html! {
        form method="get" action=(desk.path("readers")) role="search" aria-label="Readers" {
            label for="address" { "Address, its beginning, or @domain" }
            p.join { input id="address" name="q" type="search" value=(text) autocomplete="off"; button { "Find" } }
        }
    }
}

async fn with_subscriptions(
    tx: &mut Tx,
    found: Vec<FoundReader>,
) -> Result<Vec<(FoundReader, Vec<SubscriptionRecord>)>, DbError> {
    let mut rows = Vec::new();
    for reader in found {
        let subscriptions = subscribers::for_subscriber(tx, reader.id).await?;
        rows.push((reader, subscriptions));
    }
    Ok(rows)
}

/// The state of a subscription in a word.
pub fn status(status: SubscriptionStatus) -> Markup {
    match status {
        SubscriptionStatus::Active => state("fine", "Gets it"),
        SubscriptionStatus::Paused => state("rest", "Paused"),
        SubscriptionStatus::Pending => state("wait", "Not confirmed"),
        SubscriptionStatus::Unsubscribed => state("rest", "Unsubscribed"),
        SubscriptionStatus::Undeliverable => state("alarm", "Can’t be reached"),
        SubscriptionStatus::Complained => state("alarm", "Complained"),
    }
}

fn table(desk: &Desk, rows: &[(FoundReader, Vec<SubscriptionRecord>)]) -> Markup {
    html! {
        table.cards {
            thead { tr { th scope="col" { "Reader" } th scope="col" { "Since" } th scope="col" { "State" } } }
            tbody { @for (reader, subscriptions) in rows {
                tr { th scope="row" { a href=(desk.path(&format!("readers/{}", reader.id))) { (reader.address) } }
                    td.wide { (super::words::full_moment(reader.created_at.0, desk.newsletter())) }
                    td { @for it in subscriptions { div { (status(it.status)) @if desk.newsletters.len() > 1 { small { (it.newsletter) } } } }
                        @if subscriptions.is_empty() { (state("rest", "None")) } } }
            } }
        }
    }
}

fn add_form(desk: &Desk) -> Markup {
    html! {
        section.sheet aria-labelledby="add" {
            header { h2 id="add" { "Add a reader" } }
            @if desk.may(Permission::ChangeReaders) {
                (desk.form(&desk.path("readers"), &html! {
                    div.field { label for="new" { "Email address" } input type="email" id="new" name="address" required autocomplete="off"; }
                    div.field { label for="evidence" { "How can you show that they agreed?" } input id="evidence" name="evidence" maxlength=(MAX_EVIDENCE_CHARS) aria-describedby="evidence-hint" placeholder="signed card, 1 May";
                        p.hint id="evidence-hint" { "With evidence they are active at once. Without it they get an email, and confirm." } }
                    div.acts { button { "Add" } }
                }))
            } @else { p.small.soft { "Your roles don’t include it." } }
        }
    }
}

#[derive(Debug, Default, serde::Deserialize, Validate)]
#[serde(default)]
pub struct NewReader {
    #[validate(custom(function = rules::address))]
    address: String,
    evidence: String,
}

pub async fn post(Posted { desk, fields }: Posted<NewReader>) -> Answer {
    desk.require(Permission::ChangeReaders)?;
    let page = desk.path("readers");
    if let Err(problems) = Problems::check(&fields) {
        let why = i18n::texts_in("en").summary(&problems);
        return desk.done(&page, Flash::alarm("Not added.", why)).await;
    }
    let address = EmailAddress::parse(&fields.address).map_err(|_| Refused::Form)?;
    let evidence: String = fields
        .evidence
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_EVIDENCE_CHARS)
        .collect();
    let flash = if evidence.is_empty() {
        let signup = Signup {
            address: address.clone(),
            newsletters: vec![desk.newsletter().slug.clone()],
            method: method_of(&desk.actor()),
            language: None,
            wording: None,
            time_zone: None,
            evidence: Evidence::default(),
            proof: Proof::NotRequired,
        };
        match subscribe(&desk.admin.signup, signup).await {
            Ok(()) => Flash::fine("Asked.", format!("{address} gets an email that asks to confirm.")),
            Err(SubscribeError::Db(error)) => return Err(error.into()),
            Err(other) => Flash::alarm("Not added.", format!("{other}.")),
        }
    } else {
        match add_with_evidence(desk.admin.actions(), &desk.actor(), desk.record().id, &address, &evidence)
            .await
        {
            Ok(true) => Flash::fine(
                "Added.",
                format!("{address} gets {} from the next issue on.", desk.newsletter().title),
            ),
            Ok(false) => Flash::wait("Known already.", format!("{address} was subscribed before.")),
            Err(why) => Flash::alarm("Not added.", format!("{why}.")),
        }
    };
    desk.done(&page, flash).await
}

/// Returns the reader of a path.
pub async fn subject(desk: &Desk, path: &HashMap<String, String>) -> Result<FoundReader, Refused> {
    let id = path.get("id").and_then(|id| id.parse().ok()).map(SubscriberId);
    let found = match id {
        Some(id) => search::by_id(&mut desk.db().read().await?, id).await?,
        None => None,
    };
    found.ok_or_else(|| Refused::Missing("There is no such reader, or they were erased.".into()))
}
