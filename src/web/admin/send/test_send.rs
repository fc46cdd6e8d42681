//! Tests of an issue: to typed addresses or a saved group, each with the relay's answer.

use super::Fields;
use crate::{
    actions::{
        issue::test_send::{TestSendError, test_send_to},
        newsletter::test_groups::{MOST_ADDRESSES, MOST_GROUPS, parse_addresses, set_test_group},
    },
    db::{
        DbError,
        deliveries::emails,
        issues,
        test_groups::{self, TestGroup},
    },
    domain::{
        delivery::email::EmailStatus, operator::role::Permission, subscriber::email_address::EmailAddress,
    },
    issues::forecast::Forecast,
    web::admin::{
        desk::{Answer, Desk, Flash, Posted, Refused},
        issue::{date_of, require_open},
        layout::{rev, state},
        sse::{self, Look},
        words::{counted, moment},
    },
};
use axum::{extract::Path, response::IntoResponse as _};
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::HashMap;

/// Tests that are listed: more than one batch.
const SHOWN_TESTS: usize = 2 * MOST_ADDRESSES;

pub async fn form(desk: &Desk, it: &Forecast) -> Result<Markup, DbError> {
    let groups = test_groups::for_newsletter(&mut desk.db().read().await?, desk.record().id).await?;
    let path = desk.issue_path(it.date, "test");
    Ok(html! {
        section.sheet aria-labelledby="test" {
            header { h2 id="test" { "Test send" } p.soft { "Nobody but these addresses gets it" } }
            @if desk.may(Permission::SendTest) {
                (desk.form(&path, &html! {
                    label for="to" { "To" }
                    p.join { input id="to" name="to" value=(desk.who.operator.address) required autocomplete="off" data-key="t" aria-describedby="to-hint"; button { "Send the test" } }
                    p.hint id="to-hint" { "Up to " (MOST_ADDRESSES) " addresses, separated by commas." }
                }))
                @if !groups.is_empty() { div.after { (desk.form(&path, &html! {
                    p.small.soft { "Or to a group:" }
                    div.acts { @for it in &groups { button.row name="group" value=(it.name) { (it.name) " (" (it.addresses.len()) ")" } } }
                })) } }
                (groups_form(desk, it, &groups))
            } @else { p.small.soft { "Your roles don’t include sending tests." } }
        }
    })
}

/// The groups, to change.
fn groups_form(desk: &Desk, it: &Forecast, groups: &[TestGroup]) -> Markup {
    let path = desk.issue_path(it.date, "groups");
    let fields = |id: &str, name: &str, addresses: &str| {
        html! {
            @if name.is_empty() { div.field { label for={ "group-" (id) } { "Name" } input id={ "group-" (id) } name="name" maxlength="40" autocomplete="off" placeholder="the desk" required; } }
            @else { input type="hidden" name="name" value=(name); }
            div.field { label for={ "addresses-" (id) } { @if name.is_empty() { "Addresses" } @else { (name) } }
                textarea id={ "addresses-" (id) } name="addresses" rows="3" required[name.is_empty()] { (addresses) } }
            div.acts { button.row { @if name.is_empty() { "Save the group" } @else { "Save" } } }
        }
    };
    html! {
        details.fold.after { summary { "Groups …" }
            p.small.soft { "Addresses that get tests again and again. A group without addresses is removed." }
            @for (group, place) in groups.iter().zip(1..) {
                div.after { (desk.form(&path, &fields(&place.to_string(), &group.name, &group.addresses.iter().map(EmailAddress::as_str).collect::<Vec<_>>().join("\n")))) }
            }
            @if groups.len() < MOST_GROUPS { div.after { (desk.form(&path, &fields("new", "", ""))) } }
        }
    }
}

/// The latest tests of an issue, with what the relays said.
pub async fn latest(desk: &Desk, date: Date) -> Result<Markup, DbError> {
    let limit = i64::try_from(SHOWN_TESTS).unwrap_or(i64::MAX);
    let all = emails::tests(&mut desk.db().read().await?, desk.record().id, date, limit).await?;
    Ok(html! {
        section.sheet data-part="tests" hidden[all.is_empty()] aria-label="Latest tests" {
            table.cards {
                caption { "Latest tests" }
                thead { tr { th scope="col" { "Address" } th scope="col" { "The relay said" } th.wide scope="col" { "Revision" } th.end.wide scope="col" { "At" } th scope="col" { "State" } } }
                tbody { @for it in &all {
                    tr { th scope="row" { (it.recipient) }
                        td.full { span.said { @if let Some(code) = it.reply_code { (code) " " } (it.reply_text.as_deref().unwrap_or("nothing yet")) } }
                        td.wide { @match &it.revision { Some(revision) => (rev(revision.as_str())), None => span.soft { "—" } } }
                        td.end.wide { (moment(it.created_at.0, desk.now, desk.newsletter())) }
                        td { @match it.status {
                            EmailStatus::Sent => (state("fine", "Taken")),
                            EmailStatus::Failed => (state("alarm", "Refused")),
                            _ if it.attempts > 1 => (state("wait", "To try again")),
                            _ => (state("move", "On its way")),
                        } } }
                } }
            }
        }
    })
}

/// Streams the answers to tests.
pub async fn events(desk: Desk, Path(path): Path<HashMap<String, String>>) -> Answer {
    let date = date_of(&path)?;
    let desk = std::sync::Arc::new(desk);
    let look = move || {
        let desk = desk.clone();
        async move { Some(Look::Parts(latest(&desk, date).await.ok()?.into_string())) }
    };
    Ok(sse::stream(look).into_response())
}

/// Sends a test to the typed addresses, or to a group.
pub async fn send(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Fields>,
) -> Answer {
    desk.require(Permission::SendTest)?;
    let date = date_of(&path)?;
    let page = format!("{}#test", desk.issue_path(date, "send"));
    let record = desk.record();
    let addresses = if fields.group.is_empty() {
        match parse_addresses(&fields.to) {
            Ok(addresses) => addresses,
            Err(problem) => return desk.done(&page, Flash::alarm("Not sent.", format!("{problem}."))).await,
        }
    } else {
        let group = test_groups::get(&mut desk.db().read().await?, record.id, &fields.group).await?;
        group.ok_or_else(|| Refused::Missing("There is no such group any more.".into()))?.addresses
    };
    if addresses.is_empty() {
        return desk.done(&page, Flash::alarm("Not sent.", "Write an address.")).await;
    }
    let issue = issues::get_by_date(&mut desk.db().read().await?, record.id, date).await?;
    let issue = issue.map(|issue| issue.id);
    if issue.is_none() {
        require_open(&desk, date)?;
    }
    match test_send_to(desk.admin.actions(), &desk.actor(), record, (date, issue), &addresses).await {
        Ok(_) => {}
        Err(TestSendError::Db(error)) => return Err(error.into()),
        Err(other) => return desk.done(&page, Flash::alarm("Not sent.", format!("{other}."))).await,
    }
    let text = format!("To {}. The relay’s answers appear below.", counted(addresses.len(), "address"));
    desk.done(&page, Flash::fine("On its way.", text)).await
}

/// Fields of a group of addresses.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct GroupFields {
    name: String,
    addresses: String,
}

/// Saves a group, or removes one that has no addresses.
pub async fn save_group(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<GroupFields>,
) -> Answer {
    desk.require(Permission::SendTest)?;
    let page = format!("{}#test", desk.issue_path(date_of(&path)?, "send"));
    let saved = match parse_addresses(&fields.addresses) {
        Ok(addresses) => {
            set_test_group(desk.admin.actions(), &desk.actor(), desk.record(), &fields.name, &addresses)
                .await?
                .map(|()| addresses.len())
        }
        Err(problem) => Err(problem),
    };
    let flash = match saved {
        Ok(0) => Flash::wait("Removed.", format!("There is no group “{}” any more.", fields.name.trim())),
        Ok(count) => {
            Flash::fine("Saved.", format!("“{}” has {}.", fields.name.trim(), counted(count, "address")))
        }
        Err(problem) => Flash::alarm("Not saved.", format!("{problem}.")),
    };
    desk.done(&page, flash).await
}
