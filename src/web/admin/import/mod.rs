//! Import: a list is uploaded, its columns are chosen, a dry run shows what would happen, then it is imported.

mod choose;
mod result;
mod upload;

pub use upload::post as upload;

use super::{
    desk::{Answer, Desk, Flash, Posted, Refused},
    layout::{Tab, state},
    sse::{self, Look},
    words::{counted, moment},
};
use crate::{
    actions::subscription::{
        import_subscribers::Summary,
        uploaded_list::{self, MAX_FILE_BYTES, StartError},
    },
    db::imports::{self, ImportRecord},
    domain::{
        ids::ImportId,
        import::uploaded::{ImportStatus, ListOptions},
        operator::role::Permission,
    },
};
use axum::{
    extract::{Path, Query},
    http::{StatusCode, header},
    response::IntoResponse as _,
};
use maud::{Markup, html};
use std::{collections::HashMap, sync::Arc};

/// Imports that are listed.
const LISTED: i64 = 12;

/// Shows the form for a file, and the latest imports.
pub async fn get(desk: Desk) -> Answer {
    desk.require(Permission::ChangeReaders)?;
    let before = imports::latest(&mut desk.db().read().await?, desk.record().id, LISTED).await?;
    let content = html! {
        div.opening { div { p.over { a href=(desk.path("readers")) { "Readers" } } h1 { "Bring readers from another system" }
            p.lede { "Choose a list, say what its columns mean, and see what would happen. Nothing changes until then, and nobody gets an email about it." } } }
        div.split {
            div.stack {
                section.sheet aria-labelledby="file" { header { h2 id="file" { "The list" } }
                    form method="post" action=(desk.path("import")) enctype="multipart/form-data" {
                        (desk.csrf())
                        div.field { label for="list" { "A CSV file" } input type="file" id="list" name="list" accept=".csv,.tsv,.txt,text/csv,text/plain" required aria-describedby="list-hint";
                            p.hint id="list-hint" { "Up to " (MAX_FILE_BYTES >> 20) " MB, in any encoding, separated by commas, semicolons or tabs. "
                                "Larger lists come in by the command " code { "daily subscriber import" } "." } }
                        div.acts { button.filled { "Upload it" } }
                    } }
                @if !before.is_empty() { (list(&desk, &before)) }
            }
            div.stack { (rules()) }
        }
    };
    desk.page(Tab::Readers, "Import", &content).await
}

/// The rules of an import, as in the guide.
fn rules() -> Markup {
    html! {
        section.sheet aria-labelledby="rules" { header { h2 id="rules" { "What happens to whom" } }
            dl.terms {
                div { dt { "Confirmed" } dd { "there is confirmed here. The consent ledger gets the time and the file’s name." } }
                div { dt { "Unconfirmed" } dd { "stays out, and is counted." } }
                div { dt { "Left" } dd { "there has left here, too. Only the reader can come back." } }
                div { dt { "Bounced" } dd { "or complained: the address gets nothing more." } }
                div { dt { "Twice" } dd { "in the list: the strictest row counts. Importing a list again changes nothing." } }
            }
            p.hint { "Lists of Mailchimp, Substack, Ghost, Buttondown, listmonk and Daily are recognized by their columns." } }
    }
}

fn list(desk: &Desk, before: &[ImportRecord]) -> Markup {
    html! {
        section.sheet aria-labelledby="before" { header { h2 id="before" { "Latest imports" } p.soft { "kept for a week" } }
            table.cards { thead { tr { th scope="col" { "File" } th scope="col" { "When" } th scope="col" { "State" } } }
                tbody { @for it in before {
                    tr { th scope="row" { a href=(desk.path(&format!("import/{}", it.id))) { (it.file_name) } } td.wide { (moment(it.created_at.0, desk.now, desk.newsletter())) }
                        td { (status(desk, it)) } }
                } } } }
    }
}

fn status(desk: &Desk, it: &ImportRecord) -> Markup {
    match it.status {
        ImportStatus::Receiving | ImportStatus::Received => state("wait", "Columns to choose"),
        ImportStatus::Checked => state("wait", "Tried, not imported"),
        ImportStatus::Checking | ImportStatus::Importing if !it.is_running(desk.now) => {
            state("alarm", "Stopped")
        }
        ImportStatus::Checking => state("move", "Is being tried"),
        ImportStatus::Importing => state("move", "Is being imported"),
        ImportStatus::Done => state("fine", "Imported"),
        ImportStatus::Failed => state("alarm", "Failed"),
    }
}

/// Returns the import of a path.
async fn subject(desk: &Desk, path: &HashMap<String, String>) -> Result<ImportRecord, Refused> {
    desk.require(Permission::ChangeReaders)?;
    let id = path.get("id").and_then(|id| id.parse().ok()).map(ImportId);
    let found = match id {
        Some(id) => imports::get(&mut desk.db().read().await?, id).await?,
        None => None,
    };
    found
        .filter(|it| it.newsletter_id == desk.record().id && it.status != ImportStatus::Receiving)
        .ok_or_else(|| Refused::Missing("This list was discarded, or is older than a week.".into()))
}

/// Returns the options of the last reading.
fn options(record: &ImportRecord) -> ListOptions {
    serde_json::from_str(&record.options).unwrap_or_default()
}

/// Returns the result of the last reading.
fn summary(record: &ImportRecord) -> Option<Summary> {
    serde_json::from_str(record.summary.as_deref()?).ok()
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct View {
    /// Shows the columns of a list that was tried.
    columns: Option<String>,
}

/// Shows an uploaded list: its columns, its progress, or its result.
pub async fn show(desk: Desk, Path(path): Path<HashMap<String, String>>, Query(view): Query<View>) -> Answer {
    let record = subject(&desk, &path).await?;
    let chooses = match record.status {
        ImportStatus::Receiving | ImportStatus::Received => true,
        ImportStatus::Checked | ImportStatus::Failed => view.columns.is_some(),
        ImportStatus::Checking | ImportStatus::Importing | ImportStatus::Done => false,
    };
    if chooses {
        return choose::page(&desk, &record, &options(&record), &[], StatusCode::OK).await;
    }
    if record.is_running(desk.now) {
        let content = html! { div data-events=(desk.path(&format!("import/{}/events", record.id))) { (result::progress(&desk, &record)) } };
        return desk.page(Tab::Readers, "Import", &content).await;
    }
    result::page(&desk, &record).await
}

/// Streams the progress.
pub async fn events(desk: Desk, Path(path): Path<HashMap<String, String>>) -> Answer {
    let id = subject(&desk, &path).await?.id;
    let desk = Arc::new(desk);
    let look = move || {
        let desk = desk.clone();
        async move {
            let now = desk.admin.actions().clock.now();
            let record = imports::get(&mut desk.db().read().await.ok()?, id).await.ok()??;
            if !record.is_running(now) {
                return Some(Look::Over);
            }
            Some(Look::Parts(result::progress(&desk, &record).into_string()))
        }
    };
    Ok(sse::stream(look).into_response())
}

/// Sends the rows that were left out as CSV.
pub async fn report(desk: Desk, Path(path): Path<HashMap<String, String>>) -> Answer {
    let record = subject(&desk, &path).await?;
    let body = result::csv(&desk, record.id).await?;
    let name = format!("attachment; filename=\"left-out-{}.csv\"", record.id);
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

/// Tries, imports or discards a list.
pub async fn post(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<HashMap<String, String>>,
) -> Answer {
    let record = subject(&desk, &path).await?;
    let page = desk.path(&format!("import/{}", record.id));
    let is_running = record.is_running(desk.now);
    match fields.get("do").map(String::as_str) {
        Some("try") if record.status != ImportStatus::Done => {
            start(&desk, &record, choose::read(&fields), true).await
        }
        // Nobody imports a list without having seen what happens, except to go on with it.
        Some("import") if matches!(record.status, ImportStatus::Checked | ImportStatus::Importing) => {
            start(&desk, &record, options(&record), false).await
        }
        Some("again") if record.status == ImportStatus::Checking => {
            start(&desk, &record, options(&record), true).await
        }
        Some("discard") if !is_running => {
            uploaded_list::discard(desk.admin.actions(), record.id).await?;
            let flash = Flash::wait("Discarded.", format!("{} was removed.", record.file_name));
            desk.done(&desk.path("import"), flash).await
        }
        _ => desk.done(&page, Flash::alarm("Nothing was done.", "The list is in another state now.")).await,
    }
}

async fn start(desk: &Desk, record: &ImportRecord, options: ListOptions, dry_run: bool) -> Answer {
    let page = desk.path(&format!("import/{}", record.id));
    let context = desk.admin.actions();
    if choose::head(desk, record, &options).await?.is_none() {
        let text = "Files are removed after a day. Upload the list again.";
        return desk.done(&page, Flash::alarm("The file is gone.", text)).await;
    }
    match uploaded_list::start(context, &desk.actor(), record, &options, dry_run).await {
        Ok(()) => Ok(axum::response::Redirect::to(&page).into_response()),
        Err(StartError::Options(problems)) => {
            choose::page(desk, record, &options, &problems, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(StartError::Busy) => {
            let text = "Another list is being read. Wait until it is done.";
            desk.done(&page, Flash::alarm("Not yet.", text)).await
        }
        Err(StartError::Db(error)) => Err(error.into()),
    }
}

/// "34 KB" or "2 MB".
fn size(bytes: i64) -> String {
    match bytes {
        ..1024 => counted(bytes, "byte"),
        1024..1_048_576 => format!("{} KB", bytes / 1024),
        _ => format!("{} MB", bytes / 1_048_576),
    }
}
