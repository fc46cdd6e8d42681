//! A reader: what they get, what they agreed to, and what became of each copy and each other email.

use super::{
    desk::{Answer, Desk, Flash, Posted, Refused},
    layout::{Tab, state},
    live::consequence,
    readers::{status, subject},
    suppressions as suppressions_page,
    words::{counted, full_moment, long_day, short_day, weekday},
};
use crate::{
    actions::{
        privacy::erase::{ErasureOutcome, erase},
        subscription::{
            by_operator::{pause_reader, resume_reader, suppress_readers, unsubscribe_reader},
            unsuppress::{Suppressed, unsuppress},
        },
    },
    db::{
        bounces,
        deliveries::{
            self, DeliveryRecord,
            emails::{self, SentEmail},
        },
        subscribers::{self, ConsentRecord, SubscriptionRecord, search::FoundReader},
        suppressions::{self, Suppression},
    },
    domain::{
        delivery::{email::EmailStatus, status::DeliveryStatus},
        ids::{EmailId, IssueId, SubscriptionId},
        operator::role::Permission,
        subscriber::{pause, subscription::SubscriptionStatus},
    },
};
use axum::extract::{Path, Query};
use maud::{Markup, html};
use std::{collections::HashMap, fmt::Display};

/// Copies on a page.
const COPIES: i64 = 30;
/// Other emails on a page.
const EMAILS: i64 = 10;
const BOUNCES: i64 = 10;
/// Longest reason, in characters.
const MAX_REASON_CHARS: usize = 200;

/// The places in the lists of copies and other emails.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Before {
    copy: Option<i64>,
    email: Option<i64>,
}

pub async fn get(
    desk: Desk,
    Path(path): Path<HashMap<String, String>>,
    Query(before): Query<Before>,
) -> Answer {
    desk.require(Permission::SeeReaders)?;
    let reader = subject(&desk, &path).await?;
    let mut tx = desk.db().read().await?;
    let subscriptions = subscribers::for_subscriber(&mut tx, reader.id).await?;
    let copies = deliveries::for_subscriber(&mut tx, reader.id, before.copy.map(IssueId), COPIES).await?;
    let before_email = EmailId(before.email.unwrap_or(i64::MAX));
    let single = emails::to_address(&mut tx, &reader.address, before_email, EMAILS).await?;
    let suppressed = suppressions::get_by_address(&mut tx, &reader.address).await?;
    let bounced = bounces::for_address(&mut tx, &reader.address, BOUNCES).await?;
    let mut entries = Vec::new();
    for it in &subscriptions {
        for entry in subscribers::consent_history(&mut tx, it.id).await? {
            entries.push((it.newsletter.clone(), entry));
        }
    }
    drop(tx);
    entries.sort_by_key(|(_, entry)| entry.occurred_at);
    let content = html! {
        div.opening { div { p.over { a href=(desk.path("readers")) { "Readers" } " · since " (full_moment(reader.created_at.0, desk.newsletter())) }
            h1 { (reader.address) } p.lede { (summary(&subscriptions, &copies, before.copy.is_none(), suppressed.as_ref())) } } }
        @if let Some(it) = &suppressed { div.notice.wait.ends { p { b { "Suppressed" } " since " (full_moment(it.created_at.0, desk.newsletter())) ": " (it.reason) ". Nothing is sent to this address." }
            @if desk.may(Permission::ChangeReaders) { (desk.form(&desk.path(&format!("readers/{}", reader.id)), &html! { button.row name="do" value="unsuppress" { "Allow it again" } })) } } }
        div.split {
            div.stack {
                section.sheet aria-labelledby="copies" {
                    header { h2 id="copies" { "Copies, and what the relay said" } p.soft { @if before.copy.is_some() { "earlier ones" } @else { "the last " (copies.len()) } } }
                    @if copies.is_empty() { p.small.soft { @if before.copy.is_some() { "There are no earlier ones." } @else { "No issue has been sent to this reader yet." } } } @else { (copies_table(&desk, &copies)) }
                    @if let Some(last) = copies.last().filter(|_| is_full(&copies, COPIES)) { (earlier(&desk, &reader, "copy", last.issue_id, "copies")) }
                    @if !bounced.is_empty() { div.after { table.cards { caption { "Came back later" } tbody { @for it in &bounced {
                        tr { th.keep scope="row" { (full_moment(it.occurred_at.0, desk.newsletter())) } td { (it.kind.as_str().replace('_', " ")) } }
                    } } } } }
                }
                (emails_sheet(&desk, &reader, &single))
                (ledger(&desk, &entries))
            }
            div.stack {
                section.sheet aria-labelledby="subscriptions" { header { h2 id="subscriptions" { "Newsletters" } }
                    ul.list { @for it in &subscriptions { (subscription(&desk, &reader, it)) } }
                    @if subscriptions.is_empty() { p.small.soft { "None." } } }
                @if desk.may(Permission::ChangeReaders) { (actions(&desk, &reader, &subscriptions, suppressed.is_some())) }
            }
        }
    };
    desk.page(Tab::Readers, reader.address.as_str(), &content).await
}

fn summary(
    subscriptions: &[SubscriptionRecord],
    copies: &[DeliveryRecord],
    are_latest: bool,
    suppressed: Option<&Suppression>,
) -> Markup {
    let gets: Vec<&str> = subscriptions
        .iter()
        .filter(|it| it.status == SubscriptionStatus::Active)
        .map(|it| it.newsletter.as_str())
        .collect();
    let delivered = copies.iter().filter(|it| it.status == DeliveryStatus::Sent).count();
    let failed = copies.iter().find(|it| it.status == DeliveryStatus::Failed).filter(|_| are_latest);
    html! {
        b { @if suppressed.is_some() { "Gets nothing: the address is suppressed." } @else if gets.is_empty() { "Gets nothing at present." } @else { "Gets " (gets.join(" and ")) "." } }
        @if are_latest && !copies.is_empty() { " Copies delivered: " (delivered) " of the last " (copies.len()) "." }
        @if let Some(it) = failed { " That of " (long_day(it.issue_date.0)) " failed" @if let Some(text) = &it.reply_text { ": " (text) } "." }
    }
}

fn copies_table(desk: &Desk, copies: &[DeliveryRecord]) -> Markup {
    html! {
        table.cards {
            thead { tr { th scope="col" { "Issue" } th scope="col" { "The relay said" } th.end scope="col" { "Tries" } th.end scope="col" { "At" } th scope="col" { "State" } } }
            tbody { @for it in copies {
                @let (class, word) = consequence(it.status);
                tr { th.keep scope="row" { a href={ "/admin/n/" (it.newsletter) "/issues/" (it.issue_date) "/report" } { (short_day(it.issue_date.0)) } @if desk.newsletters.len() > 1 { small.soft { (it.newsletter) } } }
                    td.full { span.said { @if let Some(code) = it.reply_code { (code) " " } (it.reply_text.as_deref().unwrap_or("—")) } }
                    td.end.wide { (it.attempts) }
                    td.end.wide { @if let Some(at) = it.finished_at { (super::words::clock(at.0, desk.newsletter())) } }
                    td { (state(class, word)) } }
            } }
        }
    }
}

fn is_full<T>(rows: &[T], page: i64) -> bool {
    i64::try_from(rows.len()).is_ok_and(|rows| rows == page)
}

/// Leads to the page before a row.
fn earlier(desk: &Desk, reader: &FoundReader, list: &str, before: impl Display, anchor: &str) -> Markup {
    let path = desk.path(&format!("readers/{}?{list}={before}#{anchor}", reader.id));
    html! { div.acts.after { a.btn.row href=(path) { "Earlier" } } }
}

/// Confirmations, welcomes and other emails than issues, with the relay's words.
fn emails_sheet(desk: &Desk, reader: &FoundReader, emails: &[SentEmail]) -> Markup {
    html! {
        section.sheet aria-labelledby="emails" {
            header { h2 id="emails" { "Other emails" } p.soft { "confirmations, welcomes and the like" } }
            @if emails.is_empty() { p.small.soft { "There are none, or they are erased by now." } } @else {
                table.cards {
                    thead { tr { th scope="col" { "Email" } th scope="col" { "The relay said" } th.end scope="col" { "Tries" } th scope="col" { "State" } } }
                    tbody { @for it in emails {
                        tr { th scope="row" { (super::words::sentence(&it.kind.as_str().replace('_', " "))) small.soft { (full_moment(it.created_at.0, desk.newsletter())) @if desk.newsletters.len() > 1 { " · " (it.newsletter) } } }
                            td.full { span.said { @if let Some(code) = it.reply_code { (code) " " } (it.reply_text.as_deref().filter(|text| !text.is_empty()).unwrap_or("no answer yet")) } }
                            td.end.wide { (it.attempts) }
                            td { @match it.status {
                                EmailStatus::Sent => (state("fine", "Taken")),
                                EmailStatus::Failed => (state("alarm", "Refused")),
                                EmailStatus::Uncertain => (state("wait", "In doubt")),
                                _ if it.attempts > 1 => (state("wait", "To try again")),
                                _ => (state("move", "On its way")),
                            } } }
                    } }
                }
                @if let Some(last) = emails.last().filter(|_| is_full(emails, EMAILS)) { (earlier(desk, reader, "email", last.id, "emails")) }
            }
        }
    }
}

fn ledger(desk: &Desk, consent: &[(String, ConsentRecord)]) -> Markup {
    html! {
        section.sheet aria-labelledby="consent" {
            header { h2 id="consent" { "Consent" } }
            @if consent.is_empty() { p.small.soft { "Nothing is recorded." } } @else {
                table.cards {
                    thead { tr { th scope="col" { "When" } th scope="col" { "What, and by what means" } th scope="col" { "From where" } } }
                    tbody { @for (newsletter, it) in consent {
                        tr { th.keep scope="row" { (full_moment(it.occurred_at.0, desk.newsletter())) }
                            td.full { b { (super::words::sentence(&it.kind)) } " " (newsletter) small.soft { "by " (it.method.replace('_', " ")) @if let Some(version) = it.wording_version { " · text " (version) } @if let Some(page) = &it.source_url { " · " (page) } } }
                            td.wide.small.soft { (it.client_address.as_deref().unwrap_or("—")) } }
                    } }
                }
                p.hint { "Entries are added, never changed. " code { "daily consent verify" } " proves the chain." }
            }
        }
    }
}

fn subscription(desk: &Desk, reader: &FoundReader, it: &SubscriptionRecord) -> Markup {
    let sections = if it.sections.is_all() { "all sections".into() } else { it.sections.keys().join(", ") };
    let path = desk.path(&format!("readers/{}", reader.id));
    html! {
        li { div { h3 { (it.newsletter) }
                p.small.soft { (sections) " · " (it.cadence.as_str().replace('_', " ")) @if let Some(time) = &it.send_time { " · " (time) } @if let Some(zone) = &it.time_zone { " · " (zone) } }
                p { (status(it.status)) @if let Some(until) = it.paused_until { " " span.small { "until " (until) } } } }
            @if desk.may(Permission::ChangeReaders) {
                @if it.status == SubscriptionStatus::Paused { (desk.form(&path, &html! { input type="hidden" name="subscription" value=(it.id); button.row name="do" value="resume" { "Resume" } })) }
                @if it.status == SubscriptionStatus::Active {
                    @let (first, last) = pause::bounds(&desk.newsletter().time_zone, desk.now);
                    (desk.form(&path, &html! { input type="hidden" name="subscription" value=(it.id); label for={ "until" (it.id) } { "Pause until" }
                        p.join { input type="date" id={ "until" (it.id) } name="until" min=(first) max=(last) required; button name="do" value="pause" { "Pause" } } }))
                }
                @if is_running(it.status) {
                    details.fold { summary { "Unsubscribe from " (it.newsletter) " …" }
                        (desk.form(&path, &html! { input type="hidden" name="subscription" value=(it.id);
                            p.small.soft { "It is entered in the ledger. Only the reader can join again." }
                            div.acts { button name="do" value="leave" { "Unsubscribe" } } })) }
                }
            } }
    }
}

/// Whether a subscription can be ended.
const fn is_running(status: SubscriptionStatus) -> bool {
    matches!(status, SubscriptionStatus::Active | SubscriptionStatus::Paused | SubscriptionStatus::Pending)
}

fn actions(
    desk: &Desk,
    reader: &FoundReader,
    subscriptions: &[SubscriptionRecord],
    is_suppressed: bool,
) -> Markup {
    let path = desk.path(&format!("readers/{}", reader.id));
    let running = subscriptions.iter().filter(|it| is_running(it.status)).count();
    html! {
        section.sheet aria-labelledby="do" {
            header { h2 id="do" { "For this reader" } }
            @if running > 1 { details.fold { summary { "Unsubscribe from all …" }
                (desk.form(&path, &html! { p.small.soft { "From " (counted(running, "newsletter")) ". It is entered in the ledger. Only the reader can join again." } div.acts { button name="do" value="unsubscribe" { "Unsubscribe" } } })) } }
            @if !is_suppressed { details.fold { summary { "Suppress …" }
                (desk.form(&path, &html! { div.field { label for="why" { "Why" } input id="why" name="why" maxlength=(MAX_REASON_CHARS) placeholder="asked by phone" required; p.hint { "Nothing is sent to this address, whoever signs it up. You can undo it." } } div.acts { button name="do" value="suppress" { "Suppress" } } })) } }
            details.fold { summary { "Erase …" }
                (desk.form(&path, &html! { p.small.soft { "Address, places and programs are forgotten; that somebody joined, and when, stays provable. This can’t be undone." }
                    div.field { label for="address" { "Type the address" } input id="address" name="address" autocomplete="off" required; } div.acts { button.danger name="do" value="erase" { "Erase this reader" } } })) }
        }
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    r#do: String,
    subscription: Option<String>,
    until: String,
    why: String,
    address: String,
}

pub async fn post(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Fields>,
) -> Answer {
    desk.require(Permission::ChangeReaders)?;
    let reader = subject(&desk, &path).await?;
    let page = desk.path(&format!("readers/{}", reader.id));
    let (context, actor) = (desk.admin.actions(), desk.actor());
    let own = async || -> Result<SubscriptionRecord, Refused> {
        let id = fields.subscription.as_deref().and_then(|id| id.parse().ok()).map(SubscriptionId);
        let all = subscribers::for_subscriber(&mut desk.db().read().await?, reader.id).await?;
        all.into_iter()
            .find(|it| Some(it.id) == id)
            .ok_or_else(|| Refused::Failed("This subscription isn’t the reader’s.".into()))
    };
    let flash = match fields.r#do.as_str() {
        "pause" => {
            let bounds = pause::bounds(&desk.newsletter().time_zone, desk.now);
            match pause::parse_until(&fields.until, bounds) {
                None => Flash::alarm("Not paused.", "Choose a day within the next year."),
                Some(until) if pause_reader(context, &actor, own().await?.id, until).await? => {
                    Flash::fine("Paused.", format!("The next issue comes on {} or after it.", weekday(until)))
                }
                Some(_) => Flash::alarm("Not paused.", "The subscription has ended."),
            }
        }
        "resume" if resume_reader(context, &actor, own().await?.id).await? => {
            Flash::fine("Resumed.", "The next issue comes again.")
        }
        "resume" => Flash::alarm("Not resumed.", "It isn’t paused any more."),
        "leave" => {
            let it = own().await?;
            match unsubscribe_reader(context, &actor, &reader.address, Some(it.newsletter_id)).await? {
                0 => Flash::alarm("Not unsubscribed.", "The subscription has ended already."),
                _ => Flash::wait("Unsubscribed.", format!("From {}.", it.newsletter)),
            }
        }
        "unsubscribe" => {
            let ended = unsubscribe_reader(context, &actor, &reader.address, None).await?;
            Flash::wait("Unsubscribed.", format!("{} ended.", counted(ended, "subscription")))
        }
        "suppress" => {
            let why = suppressions_page::reason(&fields.why);
            suppress_readers(context, &actor, std::slice::from_ref(&reader.address), &why).await?;
            let mut flash = Flash::wait("Suppressed.", "Nothing is sent to this address.");
            flash.undo = Some((page.clone(), vec![("do".into(), "unsuppress".into())]));
            flash
        }
        "unsuppress" => {
            let lifted =
                unsuppress(context, &actor, Suppressed::Addresses(std::slice::from_ref(&reader.address)))
                    .await?;
            Flash::fine(
                "Allowed again.",
                format!(
                    "{} active again.",
                    counted(i64::try_from(lifted.subscriptions).unwrap_or(0), "subscription")
                ),
            )
        }
        "erase" if !fields.address.trim().eq_ignore_ascii_case(reader.address.as_str()) => {
            Flash::alarm("Nothing was erased.", "The typed address is another one.")
        }
        "erase" => match erase(context, &actor, &reader.address).await? {
            ErasureOutcome::Done => {
                let text = "All data is erased. Backups and the logs of your relays may still contain some.";
                return desk.done(&desk.path("readers"), Flash::wait("Erased.", text)).await;
            }
            ErasureOutcome::InFlight => {
                Flash::alarm("Not erased yet.", "A copy is being sent right now. Try again in a minute.")
            }
            ErasureOutcome::Unknown => Flash::alarm("Not erased.", "There is no data about this address."),
        },
        _ => return Err(Refused::Failed("The form names no action.".into())),
    };
    desk.done(&page, flash).await
}
