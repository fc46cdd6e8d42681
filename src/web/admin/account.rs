//! The operator's own account: name, password, second factor and sessions.

use super::{
    desk::{Answer, Desk, Flash, Posted, Refused},
    layout::{self, Tab},
    words::{counted, full_moment, moment},
};
use crate::{
    actions::operator::{
        account::{PasswordChange, change_password},
        links::ChooseError,
        sessions::end_session,
    },
    db::operators::{second_factor::count_recovery_codes, sessions},
    domain::ids::OperatorSessionId,
};
use maud::{Markup, html};

pub async fn get(desk: Desk) -> Answer {
    let operator = &desk.who.operator;
    let mut tx = desk.db().read().await?;
    let all = sessions::for_operator(&mut tx, operator.id).await?;
    let codes = count_recovery_codes(&mut tx, operator.id).await?;
    drop(tx);
    let has_factor = operator.totp_step.is_some();
    let label = desk.admin.operators.provider_label();
    let content = html! {
        div.opening { div { p.over { (operator.address) " · " (operator.roles.in_words()) } h1 { (operator.called()) } } }
        div.split {
            section.sheet aria-labelledby="sessions" {
                header { h2 id="sessions" { "Where you are signed in" } }
                (session_table(&desk, &all, "/admin/me"))
            }
            div.stack {
                section.sheet aria-labelledby="factor" {
                    header { h2 id="factor" { "Second factor" } }
                    @if has_factor { p { (layout::state("fine", "On")) } p.small.soft { (counted(codes, "recovery code")) " left. An admin can reset it." } }
                    @else if operator.password_hash.is_none() { p { (layout::state("rest", "Off")) } p.small.soft { "The provider through which you sign in has its own." } }
                    @else if desk.admin.operators.needs_second_factor { p { (layout::state("wait", "Off")) } p.small.soft { "You set it up when you sign in with your password." } }
                    @else { p { (layout::state("wait", "Off")) } p.small.soft { "It is not asked for: admin.second_factor is off." } }
                }
                @if let Some(label) = label {
                    section.sheet aria-labelledby="provider" {
                        header { h2 id="provider" { "Signing in with " (label) } }
                        @if let Some(identity) = operator.identity() { p { (layout::state("fine", "On")) } p.small.soft { "Your account at " (identity.issuer) " signs you in here. An admin can unlink it." } }
                        @else { p { (layout::state("rest", "Not used yet")) } p.small.soft { "Your first sign-in with it links the account there that has your email address." } }
                    }
                }
                section.sheet aria-labelledby="password" {
                    header { h2 id="password" { "Change your password" } }
                    @if operator.password_hash.is_none() { p.small.soft { "You have none. An admin can make you a link to choose one." } }
                    @else { (desk.form("/admin/me", &html! {
                        input.unseen type="text" name="username" value=(operator.address) autocomplete="username" readonly tabindex="-1" aria-hidden="true";
                        @for (name, label, kind) in [("old", "Present password", "current-password"), ("password", "New password", "new-password"), ("again", "The same again", "new-password")] {
                            div.field { label for=(name) { (label) } input type="password" id=(name) name=(name) autocomplete=(kind) required; }
                        }
                        div.acts { button { "Change it" } }
                        p.hint { "All your other sessions end." }
                    })) }
                }
            }
        }
    };
    desk.page(Tab::Own, "Your account", &content).await
}

/// Lists sessions, each with a button that ends it.
pub fn session_table(desk: &Desk, all: &[sessions::SessionRecord], path: &str) -> Markup {
    html! {
        table.cards {
            thead { tr { th scope="col" { "Browser" } th scope="col" { "Since" } th scope="col" { "Last seen" } th scope="col" { span.unseen { "Action" } } } }
            tbody { @for it in all.iter().filter(|it| it.is_alive(desk.now)) {
                tr { td.full { (agent(&it.user_agent)) small.soft { "from " (it.client) } }
                    td.wide { (full_moment(it.created_at.0, desk.newsletter())) }
                    td { (moment(it.seen_at.0, desk.now, desk.newsletter())) }
                    td.end { @if it.id == desk.who.session.id { (layout::state("fine", "This one")) } @else {
                        (desk.form(path, &html! { button.row.danger name="end" value=(it.id) { "End" } })) } } }
            } }
        }
    }
}

/// Shortens a browser's name to what people know.
pub fn agent(text: &str) -> String {
    let browser = ["Firefox", "Edg", "OPR", "Chrome", "Safari"].into_iter().find(|name| text.contains(name));
    let system = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux"]
        .into_iter()
        .find(|name| text.contains(name));
    match (browser, system) {
        (Some(browser), Some(system)) => {
            let browser = match browser {
                "Edg" => "Edge",
                "OPR" => "Opera",
                other => other,
            };
            format!("{browser} on {}", if system == "Mac OS X" { "macOS" } else { system })
        }
        _ if text.is_empty() => "Unknown".into(),
        _ => text.chars().take(60).collect(),
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    end: Option<String>,
    old: String,
    password: String,
    again: String,
}

pub async fn post(Posted { desk, fields }: Posted<Fields>) -> Answer {
    let operator = &desk.who.operator;
    if let Some(session) = fields.end.as_deref().and_then(|id| id.parse().ok()) {
        end_session(&desk.admin.operators, &desk.actor(), operator.id, OperatorSessionId(session)).await?;
        return desk.done("/admin/me", Flash::fine("Ended.", "That browser is signed out.")).await;
    }
    let change = PasswordChange { old: fields.old, new: fields.password, again: fields.again };
    let flash = match change_password(&desk.admin.operators, &desk.who, change).await {
        Ok(()) => Flash::fine("Changed.", "All your other sessions have ended."),
        Err(ChooseError::Db(error)) => return Err(Refused::Db(error)),
        Err(other) => Flash::alarm("Not changed.", other.to_string()),
    };
    desk.done("/admin/me", flash).await
}

/// The list of keys, for browsers without scripts.
pub async fn keys(desk: Desk) -> Answer {
    desk.page(Tab::Own, "Keys", &html! { h1.unseen { "Keys" } section.sheet { (layout::keys()) } }).await
}
