//! `/mailbox/…`: the emails of a `mailbox:` relay, for trying things out. Only local clients that know the random
//! part of the address may see them, because their links can confirm and unsubscribe any reader. A proxy on this
//! machine makes every client look local, so the address is printed at start and nowhere else.

use super::{
    AppError, Site,
    client_address::is_on_this_machine,
    layout::{PageInfo, page_response},
};
use axum::{
    extract::{ConnectInfo, Path as UrlPath, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use mail_parser::{Message, MessageParser};
use maud::{Markup, html};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The built-in mailbox.
#[derive(Debug)]
pub struct Mailbox {
    pub folder: PathBuf,
    /// Path of its pages, which nobody can guess.
    pub path: Arc<str>,
}

/// Most emails on the list.
const LISTED: usize = 200;
/// Bytes read of each email on the list.
const HEAD_BYTES: u64 = 16 * 1024;

/// The part of an email to show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    #[default]
    Html,
    Text,
    Headers,
    Source,
}

#[derive(Debug, serde::Deserialize)]
pub struct ShowQuery {
    #[serde(default)]
    view: View,
}

/// Lists the emails, latest first.
pub async fn list(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let Mailbox { folder, path } = mailbox(&site, peer, &headers)?;
    let names = names(folder).await.map_err(AppError::Mailbox)?;
    let mut rows = Vec::new();
    for name in names.iter().take(LISTED) {
        let bytes = head(&folder.join(name)).await.map_err(AppError::Mailbox)?;
        rows.push((name, summary(&bytes)));
    }
    let content = html! {
        h1 { "Mailbox" }
        p.fine-print { (names.len()) (if names.len() == 1 { " email in " } else { " emails in " }) code { (folder.display()) } }
        table.mailbox {
            thead { tr { th { "To" } th { "Subject" } th { "Date" } } }
            tbody {
                @for (name, (to, subject, date)) in &rows {
                    tr { td { (to) } td { a href={ (path) "/" (name) } { (subject) } } td { time { (date) } } }
                }
            }
        }
    };
    Ok(page_response(StatusCode::OK, page_info("Mailbox"), &content))
}

/// Shows an email: its HTML, text, headers or source.
pub async fn show(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    UrlPath(name): UrlPath<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Response, AppError> {
    let Mailbox { folder, path } = mailbox(&site, peer, &headers)?;
    let bytes = read(folder, &name).await?;
    let (to, subject, date) = summary(&bytes);
    let message = MessageParser::default().parse(&bytes);
    let content = html! {
        p { a href=(path) { "← All emails" } }
        h1 { (subject) }
        p.fine-print { "To " (to) ", " time { (date) } }
        nav.tabs aria-label="Parts" {
            @for (view, label) in [(View::Html, "html"), (View::Text, "text"), (View::Headers, "headers"),
                                   (View::Source, "source")] {
                a href={ "?view=" (label) } aria-current=[(view == query.view).then_some("page")] { (label) }
            }
        }
        (body(query.view, &format!("{path}/{name}/html"), &bytes, message.as_ref()))
    };
    Ok(page_response(StatusCode::OK, page_info(&subject), &content))
}

fn body(view: View, html_path: &str, bytes: &[u8], message: Option<&Message<'_>>) -> Markup {
    let source = || String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    match view {
        View::Html => html! {
            iframe.mail src=(html_path) title="The email as HTML"
                sandbox="allow-popups allow-popups-to-escape-sandbox" {}
        },
        View::Text => {
            let text = message.and_then(|message| message.body_text(0)).unwrap_or_default();
            html! { pre.source { (text) } }
        }
        View::Headers => html! { pre.source { (source().split("\n\n").next().unwrap_or_default()) } },
        View::Source => html! { pre.source { (source()) } },
    }
}

/// Returns the HTML part, for the frame.
pub async fn html(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    UrlPath(name): UrlPath<String>,
) -> Result<Response, AppError> {
    let bytes = read(&mailbox(&site, peer, &headers)?.folder, &name).await?;
    let message = MessageParser::default().parse(&bytes);
    let part = message.as_ref().and_then(|message| message.body_html(0)).unwrap_or_default();
    // Links open in a new tab, as from a mail program.
    let part = part.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; frame-ancestors 'self'; \
                  sandbox allow-popups allow-popups-to-escape-sandbox";
    Ok(([(header::CONTENT_SECURITY_POLICY, policy)], Html(part)).into_response())
}

fn page_info(title: &str) -> PageInfo<'_> {
    PageInfo { title, name: "Daily", language: "en" }
}

/// Returns the mailbox for a local client. Requests through a proxy are refused, and so are those for other
/// host names, which may come from DNS rebinding.
fn mailbox<'a>(site: &'a Site, peer: SocketAddr, headers: &HeaderMap) -> Result<&'a Mailbox, AppError> {
    let local = is_on_this_machine(peer, headers)
        && headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(is_this_machine);
    match &site.mailbox {
        Some(mailbox) if local => Ok(mailbox),
        _ => Err(AppError::NoPage),
    }
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn read(folder: &Path, name: &str) -> Result<Vec<u8>, AppError> {
    let missing = || AppError::NoPage;
    if !is_name(name) {
        return Err(missing());
    }
    let path = folder.join(name);
    if !tokio::fs::symlink_metadata(&path).await.is_ok_and(|it| it.is_file()) {
        return Err(missing());
    }
    match tokio::fs::read(path).await {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing()),
        Err(error) => Err(AppError::Mailbox(error)),
    }
}

/// Accepts only file names that the mailbox relay makes, none of which leads out of the folder.
fn is_name(name: &str) -> bool {
    name.strip_suffix(".eml").is_some_and(|stem| {
        !stem.is_empty()
            && stem.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte.is_ascii_lowercase())
    })
}

async fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
        Err(error) => return Err(error),
    };
    while let Some(entry) = entries.next_entry().await? {
        if entry.file_type().await?.is_file() {
            names.extend(entry.file_name().into_string().ok().filter(|name| is_name(name)));
        }
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

async fn head(path: &Path) -> io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    tokio::fs::File::open(path).await?.take(HEAD_BYTES).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// Returns recipient, subject and date.
fn summary(bytes: &[u8]) -> (String, String, String) {
    let Some(message) = MessageParser::default().parse(bytes) else {
        return (String::new(), "(not an email)".into(), String::new());
    };
    let to =
        message.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default().to_owned();
    let subject =
        message.subject().filter(|subject| !subject.is_empty()).unwrap_or("(no subject)").to_owned();
    let date = message.date().map(mail_parser::DateTime::to_rfc3339).unwrap_or_default();
    (to, subject, date)
}
