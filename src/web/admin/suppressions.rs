//! Addresses that get no email: the list of them, any address added to it, and taken off again.

use super::{
    desk::{Answer, Desk, Flash, Posted, Refused},
    layout::Tab,
    words::{counted, full_moment},
};
use crate::{
    actions::subscription::{
        by_operator::suppress_readers,
        unsuppress::{Suppressed, unsuppress},
    },
    db::suppressions::{self, SuppressedAddress},
    domain::{operator::role::Permission, subscriber::email_address::EmailAddress},
};
use axum::extract::Query;
use jiff::Timestamp;
use maud::{Markup, html};
use url::form_urlencoded;

/// Addresses on a page.
const PAGE: i64 = 50;
/// Longest reason, in characters.
const MAX_REASON_CHARS: usize = 200;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Shown {
    /// The address that is looked for, or that is to be added.
    q: String,
    /// The place of the page: microseconds and address of the row before it.
    before: Option<i64>,
    key: String,
}

pub async fn get(desk: Desk, Query(shown): Query<Shown>) -> Answer {
    desk.require(Permission::SeeReaders)?;
    let wanted = EmailAddress::parse(shown.q.trim()).ok();
    let before = shown.before.and_then(|at| Timestamp::from_microsecond(at).ok());
    let before = before.map(|at| (at, shown.key.clone()));
    let mut tx = desk.db().read().await?;
    let found =
        match &wanted {
            Some(address) => suppressions::get_by_address(&mut tx, address).await?.map(|it| {
                SuppressedAddress { address_key: address.key(), reason: it.reason, created_at: it.created_at }
            }),
            None => None,
        };
    let rows: Vec<SuppressedAddress> = match &wanted {
        Some(_) => found.into_iter().collect(),
        None => suppressions::page(&mut tx, before, PAGE).await?,
    };
    let all = suppressions::count(&mut tx).await?;
    drop(tx);
    let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows == PAGE);
    let headline = match (&wanted, rows.len()) {
        (Some(_), 0) => "This address is not suppressed".to_owned(),
        (Some(_), _) => "This address is suppressed".to_owned(),
        (None, _) if all == 0 => "No address is suppressed".to_owned(),
        (None, _) if all == 1 => "One address gets no email".to_owned(),
        (None, _) => format!("{} get no email", counted(all, "address")),
    };
    let content = html! {
        div.opening { div { p.over { a href=(desk.path("readers")) { "Readers" } " · suppressed" @if let Some(address) = &wanted { " · “" (address) "”" } }
            h1 { (headline) }
            p.lede { "Addresses that bounce or complained, or that an operator or an import put here. Nothing is sent to them, whoever signs them up." } } }
        div.split {
            section.sheet aria-labelledby="list" {
                header { h2 id="list" { "Suppressed" } p.soft { "the latest first" } }
                form method="get" action=(desk.path("suppressions")) role="search" aria-label="Suppressed addresses" {
                    label for="address" { "Address" }
                    p.join { input id="address" name="q" type="search" value=(shown.q) autocomplete="off"; button { "Find" } }
                }
                @if rows.is_empty() { p.small.soft.after { @if wanted.is_some() { "It is not on the list." } @else { "There are none." } } }
                @else { div.after { (table(&desk, &rows)) } }
                @if let Some(last) = rows.last().filter(|_| is_full && wanted.is_none()) {
                    @let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("before", &last.created_at.0.as_microsecond().to_string()).append_pair("key", &last.address_key).finish();
                    div.acts.after { a.btn.row href={ (desk.path("suppressions")) "?" (query) } { "Earlier" } }
                }
                p.hint { "Addresses of erased readers are suppressed, too, but kept as hashes, so they can’t be listed." }
            }
            (form(&desk, wanted.as_ref().map_or("", EmailAddress::as_str)))
        }
    };
    desk.page(Tab::Readers, "Suppressed addresses", &content).await
}

fn table(desk: &Desk, rows: &[SuppressedAddress]) -> Markup {
    html! {
        table.cards {
            thead { tr { th scope="col" { "Address, and why" } th scope="col" { "Since" } th scope="col" { span.unseen { "Undo" } } } }
            tbody { @for it in rows {
                tr { th scope="row" { (it.address_key) small.soft { (it.reason) } }
                    td.wide { (full_moment(it.created_at.0, desk.newsletter())) }
                    td.end { @if desk.may(Permission::ChangeReaders) { (desk.form(&desk.path("suppressions"), &html! {
                        input type="hidden" name="address" value=(it.address_key);
                        button.row name="do" value="lift" aria-label={ "Allow it again: " (it.address_key) } { "Allow it again" }
                    })) } } }
            } }
        }
    }
}

fn form(desk: &Desk, address: &str) -> Markup {
    html! {
        section.sheet aria-labelledby="suppress" {
            header { h2 id="suppress" { "Suppress an address" } }
            @if desk.may(Permission::ChangeReaders) {
                (desk.form(&desk.path("suppressions"), &html! {
                    div.field { label for="new" { "Email address" } input type="email" id="new" name="address" value=(address) required autocomplete="off"; }
                    div.field { label for="why" { "Why" } input id="why" name="why" maxlength=(MAX_REASON_CHARS) placeholder="asked by phone" required;
                        p.hint { "It need not be a reader’s. Subscriptions of its reader end; undoing it makes them active again." } }
                    div.acts { button name="do" value="suppress" { "Suppress" } }
                }))
            } @else { p.small.soft { "Your roles don’t include it." } }
        }
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    r#do: String,
    address: String,
    why: String,
}

pub async fn post(Posted { desk, fields }: Posted<Fields>) -> Answer {
    desk.require(Permission::ChangeReaders)?;
    let page = desk.path("suppressions");
    let Ok(address) = EmailAddress::parse(fields.address.trim()) else {
        let flash = Flash::alarm("Nothing was changed.", "That is not an email address.");
        return desk.done(&page, flash).await;
    };
    let (context, actor) = (desk.admin.actions(), desk.actor());
    let addresses = std::slice::from_ref(&address);
    let flash = match fields.r#do.as_str() {
        "suppress" => {
            let why = reason(&fields.why);
            if suppress_readers(context, &actor, addresses, &why).await? == 0 {
                Flash::wait("Suppressed already.", format!("{address} was on the list before."))
            } else {
                let mut flash = Flash::wait("Suppressed.", format!("Nothing is sent to {address}."));
                let undo = [("do", "lift"), ("address", address.as_str())];
                let undo = undo.map(|(name, value)| (name.to_owned(), value.to_owned()));
                flash.undo = Some((page.clone(), undo.into()));
                flash
            }
        }
        "lift" => {
            let lifted = unsuppress(context, &actor, Suppressed::Addresses(addresses)).await?;
            let active = counted(i64::try_from(lifted.subscriptions).unwrap_or(0), "subscription");
            match lifted.addresses {
                0 => Flash::wait("Nothing to undo.", format!("{address} was not suppressed.")),
                _ => {
                    Flash::fine("Allowed again.", format!("{address} may get email; {active} active again."))
                }
            }
        }
        _ => return Err(Refused::Failed("The form names no action.".into())),
    };
    desk.done(&page, flash).await
}

/// Returns a reason on one line.
pub fn reason(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(MAX_REASON_CHARS).collect()
}
