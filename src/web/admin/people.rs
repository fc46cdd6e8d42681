//! People: who may do what, where they are signed in, and what they changed.

use super::{
    account::agent,
    desk::{Answer, Desk, Flash, Posted, Refused},
    layout::{Tab, state},
    who::name_of,
    words::{counted, from_now, full_moment},
};
use crate::{
    actions::operator::{
        add_operator::{AddOutcome, add_operator},
        address::OperatorAddress,
        change_operator::{ChangeError, change_operator, change_seen_operator},
        links::make_link,
        oidc::forget_identity,
        remove_operator::remove_operator,
        second_factor::reset_second_factor,
        sessions::{end_session, end_sessions},
    },
    db::{
        DbError,
        audit::{self, AuditRecord},
        operators::{self, OperatorRecord, sessions},
    },
    domain::{
        ids::{AuditId, OperatorId, OperatorSessionId},
        operator::role::{Permission, Role, Roles},
        subscriber::email_address::EmailAddress,
    },
    i18n,
};
use axum::{extract::Query, http::StatusCode};
use maud::{Markup, html};

/// Entries of the audit log on a page.
const ENTRIES: i64 = 30;
/// Longest text of changed values.
const MAX_VALUES_CHARS: usize = 160;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Before {
    before: Option<i64>,
}

/// The roles with what they allow, in words.
const ROLES: [(Role, &str); 4] = [
    (Role::Viewer, "looks, and changes nothing"),
    (Role::Editor, "edits issues, stories and feeds, sends tests"),
    (Role::Sender, "approves, sends and stops issues"),
    (Role::Admin, "readers, newsletters, people"),
];

pub async fn get(desk: Desk, Query(query): Query<Before>) -> Answer {
    desk.require(Permission::ManagePeople)?;
    page(&desk, query.before, None, None).await
}

/// A change of a person that was not saved, as it was typed.
struct Unsaved<'a> {
    id: OperatorId,
    name: &'a str,
    roles: &'a Roles,
    gets_alerts: bool,
    why: String,
}

/// A link to choose a password. It is shown in the answer that makes it, and stored as a hash alone.
struct NewLink {
    url: String,
    address: EmailAddress,
}

async fn page(
    desk: &Desk,
    before: Option<i64>,
    link: Option<&NewLink>,
    unsaved: Option<&Unsaved<'_>>,
) -> Answer {
    let mut tx = desk.db().read().await?;
    let all = operators::list(&mut tx).await?;
    let mut open = Vec::new();
    for it in &all {
        let alive = sessions::for_operator(&mut tx, it.id)
            .await?
            .into_iter()
            .filter(|it| it.is_alive(desk.now))
            .count();
        open.push(alive);
    }
    let entries = audit::page(&mut tx, before.map(AuditId), ENTRIES).await?;
    let mut named = Vec::new();
    for entry in &entries {
        named.push(name_of(&mut tx, &entry.actor).await?);
    }
    drop(tx);
    let signed_in = sessions_sheet(desk, &all).await?;
    let accounts = all.iter().filter(|it| !it.roles.is_empty()).count();
    let content = html! {
        @if let Some(link) = link { (new_link(link)) }
        @if let Some(unsaved) = unsaved { div.notice.alarm role="alert" { b { "Not saved." } " " (unsaved.why) " What you entered is below." } }
        div.opening { div { p.over { "People" } h1 { (counted(accounts, "person").replace("persons", "people")) " may sign in." } } }
        div.split {
            div.stack {
                section.sheet aria-labelledby="people" { header { h2 id="people" { "Who may do what" } }
                    ul.list { @for (it, open) in all.iter().zip(&open) { (person(desk, it, *open, unsaved.filter(|unsaved| unsaved.id == it.id))) } } }
                (log(desk, &entries, &named))
            }
            div.stack {
                section.sheet aria-labelledby="invite" { header { h2 id="invite" { "Invite somebody" } }
                    (desk.form("/admin/people", &html! {
                        div.field { label for="address" { "Email address" } input type="email" id="address" name="address" required autocomplete="off"; }
                        (role_boxes("new", &Roles::default()))
                        div.acts { button name="do" value="invite" { "Make a link" } }
                        p.hint { "You get a link to pass on. It lets them choose a password, once, within three days."
                            @if let Some(label) = desk.admin.operators.provider_label() { " They don’t need it if their account at " (label) " has this address." } } })) }
                (signed_in)
                section.sheet aria-labelledby="roles" { header { h2 id="roles" { "Roles" } }
                    dl.terms { @for (role, what) in ROLES { div { dt { (role) } dd { (what) } } } }
                    p.hint { "Editing doesn’t include sending, and neither includes managing. People may have several roles." } }
            }
        }
    };
    let status = if unsaved.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    desk.page_with(status, Tab::People, "People", &content).await
}

fn new_link(link: &NewLink) -> Markup {
    html! {
        section.sheet.decision aria-labelledby="link" {
            header { h2 id="link" { "Pass this link on" } (state("wait", "Shown once")) }
            p.small.soft { "It lets " (link.address) " choose a password, once, within three days. Daily keeps a hash of it alone, so copy it now." }
            div.field.after { label.unseen for="new-link" { "The link" } input id="new-link" readonly value=(link.url) autocomplete="off"; }
        }
        div.apart {}
    }
}

fn role_boxes(prefix: &str, roles: &Roles) -> Markup {
    html! {
        fieldset { legend { "Roles" }
            @for (role, what) in ROLES {
                label.check { input type="checkbox" id={ (prefix) "-" (role) } name="role" value=(role) checked[roles.has(role)]; span { (role) " " small { (what) } } }
            } }
    }
}

fn person(desk: &Desk, it: &OperatorRecord, open: usize, unsaved: Option<&Unsaved<'_>>) -> Markup {
    let (name, roles, gets_alerts) = match unsaved {
        Some(unsaved) => (unsaved.name, unsaved.roles, unsaved.gets_alerts),
        None => (it.name.as_str(), &it.roles, it.gets_alerts),
    };
    let is_self = it.id == desk.who.operator.id;
    html! {
        li { div { h3 { (it.called()) @if is_self { " (you)" } }
                p.small.soft { (it.address) " · " @if it.roles.is_empty() { "alerts only" } @else { (it.roles.in_words()) } @if it.gets_alerts && !it.roles.is_empty() { " · gets alerts" } }
                p { @if it.roles.is_empty() { (state("rest", "No account")) } @else { (ways_in(it)) }
                    @if open > 0 { " " span.small.soft { "signed in at " (counted(open, "browser")) } } } }
            details.fold open[unsaved.is_some()] { summary { "Change …" }
                (desk.form("/admin/people", &html! {
                    input type="hidden" name="id" value=(it.id);
                    input type="hidden" name="seen" value=(it.profile());
                    div.field { label for={ "name" (it.id) } { "Name" } input id={ "name" (it.id) } name="name" value=(name) maxlength="80"; }
                    (role_boxes(&format!("p{}", it.id), roles))
                    label.check { input type="checkbox" name="alerts" value="yes" checked[gets_alerts]; span { "Gets alerts by email" } }
                    div.acts { button name="do" value="change" { "Save" }
                        @if !it.roles.is_empty() { button name="do" value="link" { "New link" } button name="do" value="end" { "End sessions" } }
                        @if it.totp_step.is_some() { button name="do" value="reset" { "Reset second factor" } }
                        @if it.oidc_issuer.is_some() { button name="do" value="unlink" { "Unlink provider" } }
                        @if !is_self { button.danger name="do" value="remove" { "Remove" } } } })) } }
    }
}

/// How an operator signs in.
fn ways_in(it: &OperatorRecord) -> Markup {
    let (has_password, is_linked) = (it.password_hash.is_some(), it.oidc_issuer.is_some());
    match (has_password, it.totp_step.is_some(), is_linked) {
        (false, _, false) => state("wait", "Invited"),
        (false, _, true) => state("fine", "Provider"),
        (true, true, false) => state("fine", "Password and second factor"),
        (true, true, true) => state("fine", "Password and second factor, or provider"),
        (true, false, false) => state("wait", "Password alone"),
        (true, false, true) => state("wait", "Password alone, or provider"),
    }
}

/// The browsers in which others are signed in.
async fn sessions_sheet(desk: &Desk, all: &[OperatorRecord]) -> Result<Markup, DbError> {
    let mut tx = desk.db().read().await?;
    let mut found = Vec::new();
    for it in all.iter().filter(|it| it.id != desk.who.operator.id) {
        let alive = sessions::for_operator(&mut tx, it.id).await?;
        found.extend(
            alive.into_iter().filter(|session| session.is_alive(desk.now)).map(|session| (it, session)),
        );
    }
    Ok(html! {
        section.sheet aria-labelledby="sessions" { header { h2 id="sessions" { "Where others are signed in" } }
            @if found.is_empty() { p.small.soft { "Nobody else is." } }
            ul.list { @for (it, session) in &found {
                li.ask { div { h3 { (it.called()) }
                        p.small.soft { (agent(&session.user_agent)) " from " (session.client) ", last seen " (from_now(session.seen_at.0, desk.now)) } }
                    (desk.form("/admin/people", &html! {
                        input type="hidden" name="id" value=(it.id);
                        input type="hidden" name="session" value=(session.id);
                        button.row.danger name="do" value="end-one" aria-label={ "End the session of " (it.called()) } { "End" } })) }
            } } }
    })
}

fn log(desk: &Desk, entries: &[AuditRecord], named: &[String]) -> Markup {
    let values = |value: &serde_json::Value| -> String {
        if value.is_null() {
            "—".into()
        } else {
            value.to_string().chars().take(MAX_VALUES_CHARS).collect()
        }
    };
    html! {
        section.sheet aria-labelledby="log" id="audit" { header { h2 id="log" { "What was changed" } p.soft { "the latest first" } }
            table.cards { thead { tr { th scope="col" { "When" } th scope="col" { "Who, and what" } th scope="col" { "Before and after" } } }
                tbody { @for (entry, name) in entries.iter().zip(named) {
                    tr { th.keep scope="row" { (full_moment(entry.occurred_at.0, desk.newsletter())) } td { b { (name) } small { (entry.action.replace(['.', '_'], " ")) @if let Some(id) = entry.subject_id { " " (id) } } }
                        td.full { span.said { (values(&entry.before)) " → " (values(&entry.after)) } } }
                } } }
            @if let Some(last) = entries.last().filter(|_| i64::try_from(entries.len()).unwrap_or(0) == ENTRIES) { div.acts.after { a.btn.row href={ "/admin/people?before=" (last.id) "#audit" } { "Earlier" } } }
        }
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    r#do: String,
    id: Option<String>,
    address: String,
    name: String,
    #[serde(deserialize_with = "crate::web::submission::one_or_many")]
    role: Vec<String>,
    alerts: Option<String>,
    /// The profile that was shown.
    seen: Option<String>,
    /// A session to end.
    session: Option<String>,
}

pub async fn post(Posted { desk, fields }: Posted<Fields>) -> Answer {
    desk.require(Permission::ManagePeople)?;
    let (context, actor) = (desk.admin.actions(), desk.actor());
    let roles: Roles =
        fields.role.join(",").parse().map_err(|_| Refused::Failed("There is no such role.".into()))?;
    let link = async |id: OperatorId, address: &EmailAddress| -> Answer {
        let token = make_link(context, &actor, id).await?;
        let link =
            NewLink { url: format!("{}/admin/welcome/{token}", desk.admin.url), address: address.clone() };
        page(&desk, None, Some(&link), None).await
    };
    if fields.r#do == "invite" {
        let address = match (OperatorAddress { address: fields.address }).checked() {
            Ok(address) => address,
            Err(problems) => {
                let why = i18n::texts_in("en").summary(&problems);
                return desk.done("/admin/people", Flash::alarm("Not invited.", why)).await;
            }
        };
        if roles.is_empty() {
            return desk
                .done("/admin/people", Flash::alarm("Not invited.", "Choose at least one role."))
                .await;
        }
        if add_operator(context, &actor, &address).await? == AddOutcome::TooMany {
            return desk
                .done("/admin/people", Flash::alarm("Not invited.", "There are too many operators."))
                .await;
        }
        let found = operators::get_by_address(&mut desk.db().read().await?, &address).await?;
        let operator = found.ok_or_else(|| Refused::Missing("The operator is gone.".into()))?;
        if operator.has_signed_in() && !operator.roles.is_empty() {
            return desk
                .done(
                    "/admin/people",
                    Flash::alarm(
                        "Not invited.",
                        format!("{address} has an account already; change its roles below."),
                    ),
                )
                .await;
        }
        changed(
            change_operator(context, &actor, operator.id, &operator.name, &roles, operator.gets_alerts).await,
        )?;
        return link(operator.id, &address).await;
    }
    let id = fields.id.as_deref().and_then(|id| id.parse().ok()).map(OperatorId);
    let found = match id {
        Some(id) => operators::get(&mut desk.db().read().await?, id).await?,
        None => None,
    };
    let operator = found.ok_or_else(|| Refused::Missing("The operator is gone.".into()))?;
    let called = operator.called().to_owned();
    let flash = match fields.r#do.as_str() {
        "change" => {
            let seen = (operator.id, fields.seen.as_deref());
            let gets_alerts = fields.alerts.is_some();
            match change_seen_operator(context, &actor, seen, &fields.name, &roles, gets_alerts).await {
                Ok(()) => Flash::fine("Saved.", called),
                Err(ChangeError::Db(error)) => return Err(error.into()),
                Err(other) => {
                    let (name, why) = (fields.name.as_str(), other.to_string());
                    let unsaved = Unsaved { id: operator.id, name, roles: &roles, gets_alerts, why };
                    return page(&desk, None, None, Some(&unsaved)).await;
                }
            }
        }
        "link" => return link(operator.id, &operator.address).await,
        "end" => {
            let ended =
                end_sessions(&desk.admin.operators, &actor, operator.id, Some(desk.who.session.id)).await?;
            Flash::wait(
                "Ended.",
                format!("{} of {called}.", counted(i64::try_from(ended).unwrap_or(0), "session")),
            )
        }
        "end-one" => {
            let session = fields.session.as_deref().and_then(|id| id.parse().ok()).map(OperatorSessionId);
            let session = session.ok_or(Refused::Form)?;
            if end_session(&desk.admin.operators, &actor, operator.id, session).await? {
                Flash::wait("Ended.", format!("A session of {called}."))
            } else {
                Flash::wait("Nothing to end.", "The session has ended already.")
            }
        }
        "reset" => {
            reset_second_factor(&desk.admin.operators, &actor, operator.id, Some(desk.who.session.id))
                .await?;
            Flash::wait("Reset.", format!("{called} sets up a new second factor at the next sign-in."))
        }
        "unlink" => {
            forget_identity(&desk.admin.operators, &actor, operator.id, Some(desk.who.session.id)).await?;
            Flash::wait(
                "Unlinked.",
                format!("{called}’s next sign-in through the provider links the account with this address."),
            )
        }
        "remove" if operator.id != desk.who.operator.id => {
            remove_operator(context, &actor, &operator.address).await?;
            Flash::wait("Removed.", format!("{called} can’t sign in any more, and gets no alerts."))
        }
        _ => return Err(Refused::Failed("The form names no action.".into())),
    };
    desk.done("/admin/people", flash).await
}

fn changed(result: Result<(), ChangeError>) -> Result<(), Refused> {
    result.map_err(|error| match error {
        ChangeError::Db(error) => Refused::Db(error),
        other => Refused::Failed(other.to_string()),
    })
}
