//! The columns of an uploaded list, and what shows that its readers agreed.

use super::{
    super::{
        desk::{Answer, Desk},
        layout::Tab,
    },
    size,
};
use crate::{
    actions::subscription::{
        import_subscribers::{ListError, ListHead},
        uploaded_list,
    },
    db::{DbError, imports::ImportRecord},
    domain::import::{
        Field, Layout, LayoutError, LayoutOptions, Source,
        uploaded::{ListOptions, Proof},
    },
};
use axum::http::StatusCode;
use maud::{Markup, html};
use std::collections::HashMap;

/// Columns that can be chosen.
const MOST_COLUMNS: usize = 60;
/// Longest text of a cell, in characters.
const MAX_CELL_CHARS: usize = 48;
/// Longest text of an option, in characters.
const MAX_OPTION_CHARS: usize = 200;

/// Fields that are chosen most, with their names. The others are folded.
const FIRST: [(Field, &str); 4] = [
    (Field::Email, "Email address"),
    (Field::Status, "Status"),
    (Field::ConfirmedAt, "Confirmed on"),
    (Field::RequestedAt, "Signed up on"),
];
const MORE: [(Field, &str); 9] = [
    (Field::EndedAt, "Left on"),
    (Field::ConfirmedIp, "Confirmed from (IP address)"),
    (Field::RequestedIp, "Signed up from (IP address)"),
    (Field::Cadence, "How often"),
    (Field::Sections, "Sections"),
    (Field::Language, "Language"),
    (Field::TimeZone, "Time zone"),
    (Field::SendTime, "Time of day"),
    (Field::PausedUntil, "Paused until"),
];

const SOURCES: [(Source, &str); 7] = [
    (Source::Mailchimp, "Mailchimp"),
    (Source::Substack, "Substack"),
    (Source::Ghost, "Ghost"),
    (Source::Buttondown, "Buttondown"),
    (Source::Listmonk, "listmonk"),
    (Source::Daily, "Daily"),
    (Source::Csv, "another system"),
];

const ENCODINGS: [(&str, &str); 4] = [
    ("", "Recognized by itself (UTF-8, UTF-16)"),
    ("windows-1252", "Windows, western Europe"),
    ("windows-1250", "Windows, central Europe"),
    ("macintosh", "Mac Roman"),
];

const PROOFS: [(Proof, &str, &str); 3] = [
    (Proof::List, "The list itself", "by a status or a date of confirmation; rows without it stay out"),
    (Proof::AllConfirmed, "I can show it for all", "except for rows that the list marks as left or bounced"),
    (Proof::AllUnsubscribed, "Nothing: they have left", "nobody in the list gets anything"),
];

/// The name of a system.
pub fn source_name(source: Source) -> &'static str {
    SOURCES.iter().find(|(it, _)| *it == source).map_or("another system", |(_, name)| name)
}

/// Reads the options of the form.
pub fn read(fields: &HashMap<String, String>) -> ListOptions {
    let text = |name: &str| -> String {
        let text = fields.get(name).map(String::as_str).unwrap_or_default().trim();
        text.chars().filter(|c| !c.is_control()).take(MAX_OPTION_CHARS).collect()
    };
    let chosen = |field: &Field| {
        let column = fields.get(&format!("column-{field}"))?;
        (!column.is_empty()).then(|| (*field, column.clone()))
    };
    ListOptions {
        source: text("source").parse().ok(),
        columns: Field::ALL.iter().filter_map(chosen).collect(),
        proof: text("proof").parse().unwrap_or(Proof::List),
        evidence: text("evidence"),
        encoding: text("encoding"),
        date_format: text("date_format"),
        time_zone: text("time_zone"),
    }
}

/// Returns the beginning of a list. `None`: the file has been removed.
pub async fn head(
    desk: &Desk,
    record: &ImportRecord,
    options: &ListOptions,
) -> Result<Option<Result<ListHead, ListError>>, DbError> {
    uploaded_list::head(desk.admin.actions(), record.id, options).await
}

/// Finds the columns. Whether the list shows who confirmed doesn't matter for that.
fn layout(head: &ListHead, options: &ListOptions) -> Result<Layout, LayoutError> {
    let options = LayoutOptions {
        source: options.source,
        mapping: options.columns.clone(),
        all_confirmed: true,
        all_unsubscribed: false,
    };
    match head.addresses {
        Some(column) => Layout::without_names(head.columns.len(), column, &options),
        None => Layout::of(head.columns.iter().map(String::as_str), &options),
    }
}

pub async fn page(
    desk: &Desk,
    record: &ImportRecord,
    options: &ListOptions,
    problems: &[(&'static str, String)],
    code: StatusCode,
) -> Answer {
    let path = desk.path(&format!("import/{}", record.id));
    let discard = desk.form(&path, &html! { button.danger name="do" value="discard" { "Discard it" } });
    let opening = |title: &str, lede: Markup| {
        html! { div.opening { div { p.over { a href=(desk.path("import")) { "Import" } " · " (record.file_name) " · " (size(record.file_bytes)) }
        h1 { (title) } p.lede { (lede) } } } }
    };
    let head = match head(desk, record, options).await? {
        Some(Ok(head)) => head,
        Some(Err(error)) => {
            let lede = html! { (error) "." };
            let content =
                html! { (opening("This file is not a list", lede)) div.sheet { div.acts { (discard) } } };
            return desk.page_with(code, Tab::Readers, "Import", &content).await;
        }
        None => {
            let lede = html! { "Files are removed after a day. " a href=(desk.path("import")) { "Upload it again" } "." };
            return desk.page_with(code, Tab::Readers, "Import", &opening("The file is gone", lede)).await;
        }
    };
    let layout = layout(&head, options);
    let lede = match &layout {
        Ok(layout) if layout.source == Source::Csv => {
            html! { "Check what its columns mean, then try it. Trying changes nothing." }
        }
        Ok(layout) => html! { b { "It looks like a list of " (source_name(layout.source)) "." }
        " Its columns are known. Trying it changes nothing." },
        Err(LayoutError::NoSuchColumn { wanted, .. }) => html! { b { "It has no column “" (wanted) "”." } },
        Err(LayoutError::NotFrom { source_name: of, missing, .. }) => {
            html! { b { "It is no list of " (source_name(*of)) ":" } " there is no column “" (missing) "”." }
        }
        Err(_) => html! { b { "Say which column has the addresses." } },
    };
    let found = layout.as_ref().ok();
    let content = html! {
        (opening("What do its columns mean?", lede))
        div.split {
            div.stack {
                (sample(&head, found))
                (form(desk, &path, &head, found, options, problems))
            }
            div.stack { section.sheet aria-labelledby="not-this" { header { h2 id="not-this" { "Not this one?" } }
                p.small.soft { "The file is removed once it is imported, or after a day." } div.acts.after { (discard) } } }
        }
    };
    desk.page_with(code, Tab::Readers, "Import", &content).await
}

/// The first rows, with what Daily takes each column for.
fn sample(head: &ListHead, layout: Option<&Layout>) -> Markup {
    let meaning = |place: usize| {
        let fields = FIRST.iter().chain(&MORE);
        layout.and_then(|layout| {
            fields.into_iter().find(|(field, _)| layout.place(*field) == Some(place)).map(|it| it.1)
        })
    };
    let short = |text: &str| -> String {
        let short: String = text.chars().take(MAX_CELL_CHARS).collect();
        if short.len() < text.len() { format!("{short}…") } else { short }
    };
    html! {
        section.sheet aria-labelledby="rows" { header { h2 id="rows" { "Its first rows" } p.soft { (head.columns.len()) " columns" } }
            div.wide-scroll tabindex="0" role="region" aria-label="First rows" { table {
                thead { tr { @for (name, place) in head.columns.iter().zip(0..).take(MOST_COLUMNS) {
                    th.keep scope="col" { (short(name)) @if let Some(meaning) = meaning(place) { small { b.fine { (meaning) } } } } } } }
                tbody { @for row in &head.rows { tr { @for cell in row.iter().take(MOST_COLUMNS) { td.keep { (short(cell)) } } } } }
            } } }
    }
}

fn column(head: &ListHead, layout: Option<&Layout>, options: &ListOptions, of: (Field, &str)) -> Markup {
    let (field, name) = of;
    let id = format!("column-{field}");
    let chosen = options.columns.iter().find(|(it, _)| *it == field).map(|(_, column)| column.as_str());
    let found = layout.and_then(|layout| layout.place(field)).filter(|_| chosen.is_none());
    let found = found.and_then(|place| head.columns.get(place));
    html! {
        div.field { label for=(id) { (name) }
            select id=(id) name=(id) {
                option value="" { @if let Some(found) = found { "As found: " (found) } @else { "Not in this list" } }
                @for it in head.columns.iter().filter(|it| !it.trim().is_empty()).take(MOST_COLUMNS) {
                    option value=(it) selected[chosen == Some(it.as_str())] { (it) }
                }
            } }
    }
}

fn form(
    desk: &Desk,
    path: &str,
    head: &ListHead,
    layout: Option<&Layout>,
    options: &ListOptions,
    problems: &[(&'static str, String)],
) -> Markup {
    let problem = |field: &str| problems.iter().find(|(it, _)| *it == field).map(|(_, text)| text.as_str());
    let text = |name: &'static str, label: &str, value: &str, hint: &str| {
        html! { div.field { label for=(name) { (label) }
        input id=(name) name=(name) value=(value) maxlength=(MAX_OPTION_CHARS) autocomplete="off" aria-describedby={ (name) "-hint" } aria-invalid=[problem(name).map(|_| "true")];
        @if let Some(problem) = problem(name) { p.hint.alarm id={ (name) "-hint" } { (problem) } } @else { p.hint id={ (name) "-hint" } { (hint) } } } }
    };
    let folded = problem("encoding").is_some()
        || problem("date_format").is_some()
        || problem("time_zone").is_some()
        || !options.encoding.is_empty()
        || !options.date_format.is_empty();
    html! {
        section.sheet aria-labelledby="columns" { header { h2 id="columns" { "Columns" } }
            (desk.form(path, &html! {
                div.field { label for="source" { "The list comes from" } select id="source" name="source" {
                    option value="" { "Recognized: " (layout.map_or("another system", |it| source_name(it.source))) }
                    @for (source, name) in SOURCES { option value=(source) selected[options.source == Some(source)] { (name) } } } }
                div.pair.after { @for it in FIRST { (column(head, layout, options, it)) } }
                details.fold { summary { "More columns" } div.pair { @for it in MORE { (column(head, layout, options, it)) } } }
                details.fold open[folded] { summary { "Encoding and dates" }
                    div.field { label for="encoding" { "Encoding" } select id="encoding" name="encoding" {
                        @for (label, name) in ENCODINGS { option value=(label) selected[options.encoding == label] { (name) } } }
                        @if let Some(problem) = problem("encoding") { p.hint.alarm { (problem) } } }
                    (text("date_format", "Dates are written like", &options.date_format, "Empty: like 2026-05-01 07:00. Otherwise a pattern such as %d.%m.%Y."))
                    (text("time_zone", "Time zone of dates without one", &options.time_zone, "Empty: UTC.")) }
                div.after { fieldset { legend { "What shows that these readers agreed?" }
                    @for (proof, name, what) in PROOFS { label.check { input type="radio" name="proof" value=(proof) checked[options.proof == proof]; span { (name) " " small { (what) } } } } } }
                div.apart { (text("evidence", "If you can show it for all: how?", &options.evidence, "Such as “signed cards at the fair, 2024”. It is kept in the consent ledger.")) }
                div.acts.apart { button.filled name="do" value="try" { "Try it" } span.small.soft { "Nothing is changed yet." } }
            })) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_and_source_has_a_name() {
        assert_eq!(FIRST.len() + MORE.len(), Field::ALL.len());
        assert!(Field::ALL.iter().all(|field| FIRST.iter().chain(&MORE).any(|(it, _)| it == field)));
        assert!(Source::ALL.iter().all(|source| SOURCES.iter().any(|(it, _)| it == source)));
    }

    #[test]
    fn the_form_is_read() {
        let fields =
            [("column-email", "E-Mail"), ("column-status", ""), ("proof", "all_confirmed"), ("x", "y")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let options = read(&HashMap::from(fields));
        assert_eq!(options.columns, [(Field::Email, "E-Mail".to_owned())]);
        assert_eq!((options.proof, options.source), (Proof::AllConfirmed, None));
    }
}
