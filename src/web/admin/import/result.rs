//! The progress and the result of reading a list.

use super::{
    super::{
        desk::{Answer, Desk, Refused},
        layout::Tab,
        words::{counted, number},
    },
    choose::source_name,
    size, summary,
};
use crate::{
    actions::subscription::{import_subscribers::Summary, uploaded_list::MOST_ROWS},
    db::{
        DbError,
        imports::{self, ImportRecord, ImportRow},
    },
    domain::{
        ids::ImportId,
        import::{Outcome, Source, spreadsheet::escape_formula, uploaded::ImportStatus},
    },
};
use maud::{Markup, html};

/// Rows that are listed.
const LISTED: i64 = 25;
/// Rows of a report that are read at once.
const AT_ONCE: i64 = 5_000;

/// The account of an import: each outcome with its words.
const ACCOUNT: [(Outcome, &str); 10] = [
    (Outcome::Added, "Become readers"),
    (Outcome::Known, "Known already, unchanged"),
    (Outcome::Left, "Left there: recorded, get nothing"),
    (Outcome::Ended, "Active here, left there: end"),
    (Outcome::Suppressed, "Can’t or must not get email: suppressed"),
    (Outcome::Unconfirmed, "Out: no confirmation is shown"),
    (Outcome::LeftHere, "Out: they left here"),
    (Outcome::SuppressedHere, "Out: suppressed here"),
    (Outcome::Forgotten, "Out: erased, or at another address"),
    (Outcome::Duplicate, "Out: an earlier row has the address"),
];

/// The words for a kind of refused rows.
fn refused(kind: &str) -> &str {
    match kind {
        "address" => "no valid address",
        "status" => "an unknown status",
        "date" => "a date that can’t be read",
        "choice" => "a choice that can’t be read",
        "encoding" => "not in this encoding",
        "short row" => "too few columns",
        other => other,
    }
}

/// The page's answer in a sentence.
fn sentence(status: ImportStatus, summary: Option<&Summary>) -> String {
    let count = |outcome| {
        let rows = summary.map(|it| it.count(outcome)).unwrap_or_default();
        i64::try_from(rows).unwrap_or(i64::MAX)
    };
    let ended = count(Outcome::Ended) + count(Outcome::Suppressed) + count(Outcome::Left);
    match (status, count(Outcome::Added)) {
        (ImportStatus::Failed, _) => "The list can’t be imported as it is.".into(),
        (ImportStatus::Checking | ImportStatus::Importing, _) => "Reading the list stopped.".into(),
        (ImportStatus::Done, 0) if ended == 0 => "The list brought nothing new.".into(),
        (ImportStatus::Done, 0) => "The list brought no new readers.".into(),
        (ImportStatus::Done, 1) => "One reader was added.".into(),
        (ImportStatus::Done, added) => format!("{} were added.", counted(added, "reader")),
        (_, 0) if ended == 0 => "This list would change nothing.".into(),
        (_, 0) => "This list would bring no new readers.".into(),
        (_, 1) => "One reader would be added.".into(),
        (_, added) => format!("{} would be added.", counted(added, "reader")),
    }
}

/// The part of the page that shows how far a list is read.
pub fn progress(desk: &Desk, record: &ImportRecord) -> Markup {
    let percent = (record.read_bytes.saturating_mul(100) / record.file_bytes.max(1)).clamp(0, 100);
    let (title, word) = match record.status {
        ImportStatus::Importing => ("The list is being imported.", "imported"),
        _ => ("The list is being tried.", "read"),
    };
    html! {
        section.verdict data-part="progress" aria-live="polite" {
            p.over { a href=(desk.path("import")) { "Import" } " · " (record.file_name) }
            h1 { (title) }
            p.lede { "About " (percent) " % of " (size(record.file_bytes)) " is " (word) ". You may leave this page." }
            svg.strip.tall viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={ (percent) " percent" } {
                @if percent > 0 { rect.f-done x="0" width=(percent) height="10" {} }
            }
            div.acts { a.btn href=(desk.path(&format!("import/{}", record.id))) { "Look again" } }
        }
    }
}

pub async fn page(desk: &Desk, record: &ImportRecord) -> Answer {
    let rows = imports::rows(&mut desk.db().read().await?, record.id, 0, LISTED).await?;
    let summary = summary(record);
    let path = desk.path(&format!("import/{}", record.id));
    let content = html! {
        div.opening { div {
            p.over { a href=(desk.path("import")) { "Import" } " · " (record.file_name) " · " (size(record.file_bytes))
                @if let Some(source) = summary.as_ref().and_then(|it| it.source) { " · " (source_name(source)) } }
            h1 { (sentence(record.status, summary.as_ref())) }
            p.lede { (detail(record, summary.as_ref())) }
        } }
        div.split {
            div.stack {
                @if let Some(summary) = &summary { (account(summary)) }
                @if !rows.is_empty() { (left_out(&path, record, &rows)) }
            }
            div.stack { (next(desk, &path, record, summary.as_ref())) }
        }
    };
    desk.page(Tab::Readers, "Import", &content).await
}

fn detail(record: &ImportRecord, summary: Option<&Summary>) -> Markup {
    html! {
        @match record.status {
            ImportStatus::Checked => "Nothing was changed. This is what an import does.",
            ImportStatus::Done => "The consent ledger names this file for each of them.",
            ImportStatus::Failed => { (record.error.as_deref().unwrap_or("It could not be read.")) },
            _ => "The server was stopped meanwhile. Rows that were imported stay, and going on changes nothing about them.",
        }
        @if let Some(count) = summary.map(|it| it.tidied).filter(|count| *count > 0) {
            " " (counted(count, "address")) " had invisible characters or full-width signs, which were replaced."
        }
        @if summary.is_some_and(|it| it.source == Some(Source::Listmonk) && it.count(Outcome::Unconfirmed) > 0) {
            " listmonk’s “enabled” says nothing about confirmations: export the confirmed and the unsubscribed readers as separate files, and say for each what it is."
        }
    }
}

fn account(summary: &Summary) -> Markup {
    let row = |name: &str, count: u64, always: bool| {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        html! { @if always || count > 0 { tr { th scope="row" { (name) } td.end { (number(count)) } } } }
    };
    html! {
        section.sheet aria-labelledby="account" { header { h2 id="account" { "Every row" } }
            table.ledger {
                tbody {
                    @for (outcome, name) in ACCOUNT { (row(name, summary.count(outcome), matches!(outcome, Outcome::Added))) }
                    @for (kind, count) in &summary.refused { (row(&format!("Refused: {}", refused(kind)), *count, false)) }
                }
                tfoot { tr.total { th scope="row" { "Rows" } td.end { (number(i64::try_from(summary.rows).unwrap_or(i64::MAX))) } } }
            } }
    }
}

fn left_out(path: &str, record: &ImportRecord, rows: &[ImportRow]) -> Markup {
    let kept = i64::try_from(MOST_ROWS).unwrap_or(i64::MAX);
    html! {
        section.sheet aria-labelledby="left-out" {
            header { h2 id="left-out" { "Rows that were left out" } p.soft { (number(rows.len().try_into().unwrap_or(0))) " of " (number(record.left_out)) } }
            table.cards { thead { tr { th scope="col" { "Address" } th scope="col" { "Why" } th.end scope="col" { "Line" } } }
                tbody { @for it in rows { tr { th scope="row" { (it.address.as_deref().unwrap_or("—")) } td.full { span.said { (it.reason) } } td.end { (it.line) } } } } }
            div.acts.after { a.btn href={ (path) "/left-out.csv" } download="left-out.csv" { "Download all" }
                @if record.left_out > kept { span.small.soft { "the first " (number(kept)) } } }
        }
    }
}

/// The decision beside a result.
fn next(desk: &Desk, path: &str, record: &ImportRecord, summary: Option<&Summary>) -> Markup {
    let added = summary.map(|it| it.count(Outcome::Added)).unwrap_or_default();
    let changes = summary.is_some_and(|it| {
        [Outcome::Added, Outcome::Left, Outcome::Ended, Outcome::Suppressed]
            .iter()
            .any(|outcome| it.count(*outcome) > 0)
    });
    let act = |verb: &str, class: &str, label: &str| {
        desk.form(path, &html! { button class=(class) name="do" value=(verb) { (label) } })
    };
    html! {
        section.sheet.decision.first-on-phones aria-labelledby="next" {
            @match record.status {
                ImportStatus::Checked => {
                    header { h2 id="next" { "Import it" } }
                    @if changes {
                        p.small.soft { "Who becomes a reader gets " (desk.newsletter().title) " from the next issue on, and no email before." }
                        div.after { @if added > 0 { (act("import", "filled big", &format!("Import {}", counted(added, "reader")))) } @else { (act("import", "filled big", "Record it")) } }
                    } @else { p.small.soft { "There is nothing to import." } }
                }
                ImportStatus::Done => {
                    header { h2 id="next" { "Done" } }
                    p.small.soft { "The file was removed. This page stays for a week." }
                    div.acts.after { a.btn href=(desk.path("readers")) { "To the readers" } a.btn href=(desk.path("import")) { "Another list" } }
                }
                ImportStatus::Checking => { header { h2 id="next" { "Go on" } } div.acts { (act("again", "filled", "Try it again")) } }
                ImportStatus::Importing => { header { h2 id="next" { "Go on" } } div.acts { (act("import", "filled", "Go on")) } }
                _ => { header { h2 id="next" { "Mend it" } } p.small.soft { "Choose other columns, or mend the file and upload it again." } }
            }
            @if matches!(record.status, ImportStatus::Checked | ImportStatus::Failed) {
                div.acts.after { a.btn href={ (path) "?columns" } { "Choose the columns again" } (act("discard", "danger", "Discard it")) }
            }
        }
    }
}

/// Renders the rows that were left out as CSV. Cells can't run as formulas.
pub async fn csv(desk: &Desk, id: ImportId) -> Result<Vec<u8>, Refused> {
    let encode = |error: csv::Error| Refused::Db(DbError::Encode(Box::new(error)));
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(["line", "outcome", "address", "reason"]).map_err(encode)?;
    let mut after = 0;
    loop {
        let rows = imports::rows(&mut desk.db().read().await?, id, after, AT_ONCE).await?;
        let Some(last) = rows.last() else { break };
        after = last.line;
        for it in &rows {
            let (address, reason) = (it.address.as_deref().unwrap_or_default(), escape_formula(&it.reason));
            file.write_record([&it.line.to_string(), &it.outcome, &escape_formula(address), &reason])
                .map_err(encode)?;
        }
    }
    file.into_inner().map_err(|error| Refused::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn counts(outcomes: &[(Outcome, u64)]) -> Summary {
        Summary { outcomes: outcomes.iter().copied().collect::<BTreeMap<_, _>>(), ..Summary::default() }
    }

    #[test]
    fn the_sentence_says_what_the_list_does() {
        let two = counts(&[(Outcome::Added, 2), (Outcome::Known, 1)]);
        assert_eq!(sentence(ImportStatus::Checked, Some(&two)), "2 readers would be added.");
        assert_eq!(sentence(ImportStatus::Done, Some(&two)), "2 readers were added.");
        let left = counts(&[(Outcome::Left, 3)]);
        assert_eq!(sentence(ImportStatus::Checked, Some(&left)), "This list would bring no new readers.");
        let known = counts(&[(Outcome::Known, 3)]);
        assert_eq!(sentence(ImportStatus::Checked, Some(&known)), "This list would change nothing.");
        assert_eq!(sentence(ImportStatus::Failed, None), "The list can’t be imported as it is.");
    }

    #[test]
    fn every_outcome_is_in_the_account() {
        assert!(Outcome::ALL.iter().all(|outcome| ACCOUNT.iter().any(|(it, _)| it == outcome)));
    }
}
