//! `daily issue show`

use crate::{
    actions::issue::decide,
    app::App,
    cli::{
        CliError, CliResult,
        issue::{
            Which,
            figures::{counted, number},
        },
        output::{Output, local_time, utc_time},
    },
    db::{
        DbError, Tx,
        content::articles,
        issues::{self, IssueRecord, WaveRecord, variants},
        newsletters::NewsletterRecord,
    },
    domain::{
        content::article::one_line,
        ids::{ArticleId, IssueId},
        issue::{plan::PlannedVariant, schedule, selection::Choice, status::IssueStatus},
    },
    issues::forecast::Forecast,
};
use jiff::civil::Date;
use serde_json::json;
use std::{collections::HashMap, fmt::Write as _};

/// Most waves that are listed individually.
const MAX_WAVES: usize = 50;
/// Characters of a note that are shown.
const MAX_NOTE_CHARS: usize = 100;

/// Titles of articles.
pub struct Titles(HashMap<ArticleId, String>);

impl Titles {
    /// Loads the titles of a plan's articles as this issue shows them.
    pub async fn load(tx: &mut Tx, issue: Option<IssueId>, choices: &[Choice]) -> Result<Self, DbError> {
        let ids: Vec<ArticleId> = choices.iter().map(|choice| choice.article).collect();
        let mut titles = articles::titles(tx, &ids).await?;
        if let Some(issue) = issue {
            for edit in issues::edits(tx, issue).await? {
                titles.extend(edit.title.map(|title| (edit.article_id, title)));
            }
        }
        Ok(Self(titles))
    }

    pub fn title(&self, id: ArticleId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| format!("article {id}"))
    }
}

/// Shows an issue as it was sent, or a forecast of one that is not frozen.
pub async fn run(app: &App, which: &Which, output: Output) -> CliResult {
    let (newsletter, date) = which.find(app).await?;
    let today = schedule::date_at(&newsletter.newsletter, app.actions.clock.now());
    let mut tx = app.db.read().await?;
    let issue = issues::get_by_date(&mut tx, newsletter.id, date).await?;
    match issue {
        Some(issue) if issue.status != IssueStatus::Planned => {
            print_issue(&mut tx, &newsletter, &issue, output).await
        }
        None if date < today => {
            Err(CliError::Failed(format!("there is no issue of {date}; see `daily issue list`")))
        }
        _ => {
            drop(tx);
            let it = shown_forecast(app, &newsletter, date).await?;
            print_forecast(&mut app.db.read().await?, &newsletter, &it, output).await
        }
    }
}

/// Forecasts an issue for an operator, and keeps its revision, so that a later one can be compared with it.
pub async fn shown_forecast(
    app: &App,
    newsletter: &NewsletterRecord,
    date: Date,
) -> Result<Forecast, DbError> {
    decide::shown_forecast(&app.actions, app.jobs.issues.plan_rules(), newsletter, date).await
}

fn title(newsletter: &NewsletterRecord) -> &str {
    &newsletter.newsletter.title
}

/// Prints an issue that is past planning.
async fn print_issue(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    issue: &IssueRecord,
    output: Output,
) -> CliResult {
    let stories = issues::stories(tx, issue.id).await?;
    let waves = issues::waves(tx, issue.id).await?;
    let kept = variants::for_issue(tx, issue.id).await?;
    let unserved = issues::unserved(tx, issue.id).await?;
    let record = json!({
        "issue": issue, "stories": stories, "waves": waves, "unserved": unserved,
        "variants": kept.iter().map(|it| json!({ "number": it.number, "subject": it.subject })).collect::<Vec<_>>(),
    });
    output.record(&record, || {
        let mut text = format!("{} of {}: {}", title(newsletter), issue.issue_date, issue.status);
        let _ = writeln!(text, ", due {}", utc_time(Some(issue.due_at)));
        if let Some(reason) = &issue.reason {
            let _ = writeln!(text, "{reason}");
        }
        write_waves(&mut text, &waves);
        for story in &stories {
            let place = story.position.map_or("  -".into(), |place| format!("{place:3}"));
            let _ = writeln!(text, "{place}  {:16} {}", story.reason, story.article.title);
        }
        for variant in kept.iter().skip(1) {
            let _ = writeln!(text, "variant {}: {}", variant.number, variant.subject);
        }
        if unserved > 0 {
            let _ = writeln!(
                text,
                "{} got nothing, because they had had all stories",
                counted(unserved, "reader")
            );
        }
        text
    })?;
    Ok(())
}

/// Prints the forecast of an issue.
pub async fn print_forecast(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    it: &Forecast,
    output: Output,
) -> CliResult {
    let named = Titles::load(tx, it.issue.as_ref().map(|issue| issue.id), &it.plan.choices).await?;
    let waves: Vec<WaveRecord> = it
        .waves
        .iter()
        .map(|wave| WaveRecord { due_at: wave.due_at.into(), readers: wave.readers })
        .collect();
    let unserved: i64 = it.plan.unserved.iter().map(|group| group.readers).sum();
    let record = json!({
        "date": it.date, "revision": it.content.revision(), "due_at": it.due_at, "as_of": it.as_of,
        "issue": it.issue, "waits_for": it.waits_for, "waves": waves,
        "readers": it.plan.readers(), "unserved": unserved,
        "subject": it.content.subject, "preheader": it.content.preheader, "note": it.content.note,
        "stories": it.plan.choices.iter().map(|choice| json!({
            "article_id": choice.article, "title": named.title(choice.article), "in": choice.reason.is_in(),
            "reason": choice.reason,
            "heading": it.content.stories.iter().find(|story| story.article == choice.article.0)
                .and_then(|story| story.heading.as_ref()),
        })).collect::<Vec<_>>(),
        "variants": it.plan.variants.iter().map(|variant| json!({
            "readers": variant.readers(), "stories": variant.stories, "groups": variant.groups,
        })).collect::<Vec<_>>(),
    });
    output.record(&record, || describe_forecast(newsletter, it, &named, &waves, unserved))?;
    Ok(())
}

fn describe_forecast(
    newsletter: &NewsletterRecord,
    it: &Forecast,
    named: &Titles,
    waves: &[WaveRecord],
    unserved: i64,
) -> String {
    let state = it.issue.as_ref().map_or("not begun yet", |issue| issue.status.as_str());
    let clock = newsletter.newsletter.time_zone_name();
    let due = local_time(it.due_at, &newsletter.newsletter);
    let weekday = it.date.strftime("%A");
    let mut text = format!("{} of {weekday}, {}: {state}, due {due} ({clock})\n", title(newsletter), it.date);
    let _ = writeln!(
        text,
        "revision {}, as planned at {}",
        it.content.revision(),
        local_time(it.as_of, &newsletter.newsletter)
    );
    for (name, words) in [("subject", &it.content.subject), ("preheader", &it.content.preheader)] {
        if let Some(words) = words {
            let _ = writeln!(text, "{name}: {words}");
        }
    }
    if let Some(note) = &it.content.note {
        let _ = writeln!(text, "note: {}", one_line(note, MAX_NOTE_CHARS));
    }
    let approved = it.issue.as_ref().and_then(|issue| issue.approved_at);
    let command = format!(
        "daily issue approve --newsletter {} --date {} --revision {}",
        newsletter.newsletter.slug,
        it.date,
        it.content.revision()
    );
    match (it.waits_for, approved) {
        (Some(crate::issues::plan::WAITS_FOR_APPROVAL), _) => {
            let _ = writeln!(text, "Nothing goes out until an operator approves it: {command}");
        }
        (Some(crate::issues::plan::WAITS_FOR_SEND), _) => {
            let slug = &newsletter.newsletter.slug;
            let _ = writeln!(
                text,
                "Its time has passed, so it goes out only by hand: daily issue send --newsletter {slug} --date {}",
                it.date
            );
        }
        (Some(crate::issues::plan::WAITS_FOR_SETUP), _) => {
            let _ = writeln!(
                text,
                "It doesn’t go out before everything is set up: daily check, or {command} --anyway"
            );
        }
        (Some(_), _) => {
            let _ = writeln!(text, "It has too few stories, and waits for an operator: {command}");
        }
        (None, Some(at)) => {
            let _ = writeln!(text, "Approved {}: no later article changes it", utc_time(Some(at)));
        }
        (None, None) => {}
    }
    if it.plan.variants.is_empty() {
        let _ = writeln!(text, "Nothing would go out now: there are too few stories");
    }
    write_waves(&mut text, waves);
    let (chosen, left): (Vec<&Choice>, Vec<&Choice>) =
        it.plan.choices.iter().partition(|choice| choice.reason.is_in());
    for (choice, place) in chosen.iter().zip(1_usize..) {
        let story = it.content.stories.iter().find(|story| story.article == choice.article.0);
        if let Some(heading) = story.and_then(|story| story.heading.as_deref()) {
            let _ = writeln!(text, "     {heading}");
        }
        let _ = writeln!(
            text,
            "{place:3}  {:5} {} ({})",
            choice.article.0,
            named.title(choice.article),
            choice.reason.explanation()
        );
    }
    write_variants(&mut text, &it.plan.variants, named);
    if unserved > 0 {
        let _ = writeln!(
            text,
            "{} will get nothing, because they have had too many of the stories",
            counted(unserved, "reader")
        );
    }
    let _ =
        writeln!(text, "{} left out; `daily issue plan --explain` shows why", counted(left.len(), "article"));
    text
}

/// Lists the differences of the other variants from the first.
fn write_variants(text: &mut String, variants: &[PlannedVariant], named: &Titles) {
    if let [only] = variants {
        let _ = writeln!(text, "for {}, in one variant", counted(only.readers(), "reader"));
        return;
    }
    for (variant, place) in variants.iter().zip(1_usize..) {
        let _ = write!(text, "variant {place}: {}", counted(variant.readers(), "reader"));
        let first = variants.first().map(|it| it.stories.as_slice()).unwrap_or_default();
        let without = first.iter().filter(|id| !variant.stories.contains(id));
        let with = variant.stories.iter().filter(|id| !first.contains(id));
        for (sign, ids) in [("without", without.collect::<Vec<_>>()), ("with", with.collect())] {
            if !ids.is_empty() {
                let titles: Vec<String> = ids.into_iter().map(|id| named.title(*id)).collect();
                let _ = write!(text, "; {sign} {}", titles.join(" / "));
            }
        }
        text.push('\n');
    }
}

fn write_waves(text: &mut String, waves: &[WaveRecord]) {
    match waves {
        [] | [_] => {}
        waves => {
            for wave in waves.iter().take(MAX_WAVES) {
                let _ =
                    writeln!(text, "  {}  {:>10} readers", utc_time(Some(wave.due_at)), number(wave.readers));
            }
            if waves.len() > MAX_WAVES {
                let _ = writeln!(text, "  and {} more waves; --json lists all", waves.len() - MAX_WAVES);
            }
        }
    }
}
