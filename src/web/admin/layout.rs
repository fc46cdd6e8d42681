//! The frame of every page: nameplate, tabs, keys.

pub use super::bare::bare;

use super::{
    bare::head,
    desk::{Answer, Desk, Flash, FlashKind},
    words,
};
use crate::{
    actions::operator::sessions::set_flash,
    db::{DbError, issues},
    domain::operator::role::Permission,
};
use axum::{http::StatusCode, response::IntoResponse as _};
use maud::{DOCTYPE, Markup, html};

/// The pages in the row below the nameplate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Today,
    Issue,
    Live,
    Reports,
    Calendar,
    Readers,
    Feeds,
    Newsletter,
    People,
    System,
    /// None of the row.
    Own,
}

impl Tab {
    const ROW: [(Self, &'static str, &'static str, Permission); 10] = [
        (Self::Today, "Today", "", Permission::See),
        (Self::Issue, "Issue", "issues", Permission::See),
        (Self::Live, "Live", "live", Permission::See),
        (Self::Reports, "Reports", "reports", Permission::See),
        (Self::Calendar, "Calendar", "calendar", Permission::See),
        (Self::Readers, "Readers", "readers", Permission::SeeReaders),
        (Self::Feeds, "Stories and feeds", "feeds", Permission::See),
        (Self::Newsletter, "Newsletter", "settings", Permission::See),
        (Self::People, "People", "/admin/people", Permission::ManagePeople),
        (Self::System, "System", "/admin/system", Permission::SeeSystem),
    ];

    /// Whether a line divides it from the tab before it.
    const fn begins_group(self) -> bool {
        matches!(self, Self::Readers | Self::Newsletter)
    }
}

/// Whether one of the newsletter's issues is going out.
pub async fn is_sending(desk: &Desk) -> Result<bool, DbError> {
    let mut tx = desk.db().read().await?;
    Ok(!issues::under_way(&mut tx, Some(desk.record().id)).await?.is_empty())
}

impl Desk {
    /// Makes the response with a page. The last page's message is shown once.
    pub async fn page(&self, tab: Tab, title: &str, content: &Markup) -> Answer {
        self.page_with(StatusCode::OK, tab, title, content).await
    }

    pub async fn page_with(&self, status: StatusCode, tab: Tab, title: &str, content: &Markup) -> Answer {
        let flash = self.who.session.flash.as_deref().and_then(|flash| serde_json::from_str(flash).ok());
        if self.who.session.flash.is_some() {
            set_flash(&self.admin.operators, self.who.session.id, None).await?;
        }
        let is_sending = is_sending(self).await?;
        Ok((status, page(self, tab, title, flash.as_ref(), is_sending, content)).into_response())
    }
}

/// Renders a whole page.
pub fn page(
    desk: &Desk,
    tab: Tab,
    title: &str,
    flash: Option<&Flash>,
    is_sending: bool,
    content: &Markup,
) -> Markup {
    let newsletter = desk.newsletter();
    let operator = &desk.who.operator;
    let now = desk.now.to_zoned(newsletter.time_zone.clone());
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("{title} · {}", newsletter.title)))
            body {
                a.skip href="#main" { "Skip to the page" }
                header.top {
                    div.plate {
                        @if desk.newsletters.len() > 1 {
                            details.paper {
                                summary { (newsletter.title) span.unseen { ": choose another newsletter" } }
                                ul {
                                    @for it in &desk.newsletters {
                                        li { a href={ "/admin/n/" (it.newsletter.slug) }
                                            aria-current=[(it.id == desk.record().id).then_some("true")] { (it.newsletter.title) } }
                                    }
                                }
                            }
                        } @else { p.paper { (newsletter.title) } }
                        form.find role="search" aria-label="Everything" action=(desk.path("search")) method="get" {
                            label.unseen for="search" { "Search readers and issues" }
                            input type="search" id="search" name="q" autocomplete="off" required
                                placeholder=(if desk.may(Permission::SeeReaders) { "Reader, or date of an issue" } else { "Date of an issue" });
                            kbd aria-hidden="true" { "/" }
                        }
                        a.me href="/admin/me" { b { (operator.called()) } (operator.roles.in_words()) }
                    }
                    div.tabbar { nav.tabs aria-label="Pages" {
                        ul {
                            @for (it, name, path, permission) in Tab::ROW {
                                @if desk.may(permission) {
                                    li.group[it.begins_group()] {
                                        a.busy[it == Tab::Live && is_sending] href=(tab_path(desk, path))
                                            aria-current=[(it == tab).then_some("page")] {
                                            (name)
                                            @if it == Tab::Live && is_sending { span.unseen { " (an issue is going out)" } }
                                        }
                                    }
                                }
                            }
                        }
                        p.clock { time datetime=(now.strftime("%Y-%m-%dT%H:%M")) { (now.strftime("%A %-d %B, %H:%M")) } }
                    } }
                }
                main id="main" tabindex="-1" {
                    @if let Some(flash) = flash { (flash_notice(desk, flash)) }
                    (content)
                }
                footer.foot {
                    span { "Daily " (env!("CARGO_PKG_VERSION")) }
                    a href="/admin/keys" data-opens="keys" { "Keys " kbd { "?" } }
                    a href="/admin/me" { "Your account" }
                    (desk.form("/admin/sign-out", &html! { button.plain { "Sign out" } }))
                }
                dialog.sheet id="keys" { (keys()) form method="dialog" { button { "Close" } } }
            }
        }
    }
}

/// Returns the path of a tab. Some are the same for all newsletters.
fn tab_path(desk: &Desk, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { desk.path(path) }
}

/// The list of keys.
pub fn keys() -> Markup {
    html! {
        h2 { "Keys" }
        dl.terms {
            @for (key, what) in [
                ("/", "search"), ("?", "this list"), ("j k", "choose a story"), ("p", "pin it"), ("x", "drop it"),
                ("e", "edit it, or the subject and note"), ("t", "test"), ("a", "review and approve"),
            ] {
                div { dt { kbd { (key) } } dd { (what) } }
            }
        }
    }
}

fn flash_notice(desk: &Desk, flash: &Flash) -> Markup {
    let (class, role) = match flash.kind {
        FlashKind::Fine => ("notice fine ends", "status"),
        FlashKind::Wait => ("notice wait ends", "status"),
        FlashKind::Alarm => ("notice alarm ends", "alert"),
    };
    html! {
        div class=(class) role=(role) {
            p { b { (flash.title) } " " (flash.text) }
            @if let Some((path, fields)) = &flash.undo {
                (desk.form(path, &html! {
                    @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                    button.row { "Undo" }
                }))
            }
        }
    }
}

/// A state: its class, which stands for shape and colour, and its word.
pub fn state(class: &str, word: &str) -> Markup {
    html! { span class={ "state " (class) } { (word) } }
}

/// A revision as operators see it.
pub fn rev(revision: &(impl std::fmt::Display + ?Sized)) -> Markup {
    html! { span.rev { (revision) } }
}

/// "2 stories" with the figure in bold.
pub fn fact(count: i64, noun: &str) -> Markup {
    let text = words::counted(count, noun);
    let (figure, noun) = text.split_once(' ').unwrap_or((&text, ""));
    html! { span { b { (figure) } " " (noun) } }
}
