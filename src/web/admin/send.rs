//! The sheet before an issue goes out: checks, a test, who gets it, and the approval of one revision.

use super::{
    checks::{self, Check},
    desk::{Answer, Desk, Flash, Posted, Refused},
    issue::{News, date_of, email, news, outlook, seen_forecast},
    layout::{Tab, rev, state},
    sse::{self, Look},
    words::{clock, counted, day_word, from_now, long_day, moment, number, weekday},
};
use crate::{
    actions::{
        issue::{
            approve_issue::send_anyway,
            cancel_issue::skip_issue,
            decide::{DecideError, approve_seen, changes_since},
            send_issue::{BeginError, begin_issue, send_approved},
            test_send::{TestSendError, test_send_to},
        },
        operator::second_person::has_edited,
    },
    db::{
        DbDate, DbError,
        deliveries::emails,
        issues::{self, IssueRecord, revisions},
        subscribers,
    },
    domain::{
        delivery::email::EmailStatus,
        ids::NewsletterId,
        issue::{revision::Revision, status::IssueStatus},
        operator::role::Permission,
        subscriber::email_address::EmailAddress,
        token::Purpose,
    },
    issues::{forecast::Forecast, next::next_date},
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse as _, Redirect},
};
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::HashMap;

/// Addresses that one test goes to.
const TESTS: usize = 10;
/// Tests that are listed.
const SHOWN_TESTS: i64 = 12;
/// Longest reason, in characters.
const MAX_REASON_CHARS: usize = 500;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Shown {
    /// The token of a link in an alert, which names a revision that was shown.
    review: Option<String>,
}

/// Returns the newsletter, the date and the revision that an alert's link names.
async fn reviewed(desk: &Desk, token: &str) -> Result<Option<(NewsletterId, DbDate, Revision)>, DbError> {
    match desk.admin.operators.keys.verify(Purpose::ReviewIssue, token) {
        Some(id) => revisions::get_by_id(&mut desk.db().read().await?, id).await,
        None => Ok(None),
    }
}

/// Opens the issue that an alert's link names.
pub async fn go(desk: Desk, Path(path): Path<HashMap<String, String>>) -> Answer {
    let token = path.get("token").cloned().unwrap_or_default();
    let (newsletter, date, _) = reviewed(&desk, &token)
        .await?
        .ok_or_else(|| Refused::Missing("This link is broken or very old.".into()))?;
    let issue = issues::get_by_date(&mut desk.db().read().await?, newsletter, date.0).await?;
    let issue = issue.ok_or_else(|| Refused::Missing("This issue doesn’t exist any more.".into()))?;
    let newsletter = desk.newsletters.iter().find(|it| it.id == issue.newsletter_id);
    let slug = newsletter.map(|it| it.newsletter.slug.as_str()).unwrap_or_default();
    let date = issue.date();
    let to = if issue.status == IssueStatus::Planned {
        format!("/admin/n/{slug}/issues/{date}/send?review={token}")
    } else {
        format!("/admin/n/{slug}/issues/{date}")
    };
    Ok(Redirect::to(&to).into_response())
}

/// Returns the open issue's forecast, or where to look at one that is not open.
async fn open(desk: &Desk, date: Date) -> Result<Result<Forecast, String>, Refused> {
    let issue = issues::get_by_date(&mut desk.db().read().await?, desk.record().id, date).await?;
    match issue {
        Some(issue) if issue.status == IssueStatus::Skipped && date == desk.today() => {
            Ok(Ok(seen_forecast(desk, date).await?))
        }
        Some(issue) if issue.status != IssueStatus::Planned => Ok(Err(desk.issue_path(date, ""))),
        None if date < desk.today() => {
            Err(Refused::Missing(format!("There was no issue on {}.", long_day(date))))
        }
        _ => Ok(Ok(seen_forecast(desk, date).await?)),
    }
}

pub async fn get(
    desk: Desk,
    Path(path): Path<HashMap<String, String>>,
    Query(query): Query<Shown>,
) -> Answer {
    let date = date_of(&path)?;
    let it = match open(&desk, date).await? {
        Ok(it) => it,
        Err(elsewhere) => return Ok(Redirect::to(&elsewhere).into_response()),
    };
    let news = news(&desk, &it).await?;
    let size = email::size(&desk, date).await?;
    let checks = checks::of_issue(&desk, &it, size).await?;
    let audience = Audience::load(&desk, &it).await?;
    let is_editor = is_own_edit(&desk, &it).await?;
    let review = match query.review {
        Some(token) if is_reviewed(&desk, &it, &token).await? => Some(token),
        _ => None,
    };
    let mut tx = desk.db().read().await?;
    let verdict = outlook(&desk, &mut tx, &it).await?;
    drop(tx);
    let blocked = checks::blockers(&checks);
    let to_know = checks.iter().filter(|check| check.outcome == checks::Outcome::ToKnow).count();
    let is_approved = it.issue.as_ref().is_some_and(|issue| issue.approved_at.is_some());
    let headline = match blocked.len() {
        0 if is_approved => format!("{} is approved", day_word(date, desk.today())),
        0 => format!("{} is ready to send", day_word(date, desk.today())),
        1 => format!("{} can’t go out yet", day_word(date, desk.today())),
        count => {
            format!("{} can’t go out yet: {} block it", day_word(date, desk.today()), counted(count, "thing"))
        }
    };
    let content = html! {
        div.opening { div {
            p.over { a href=(desk.issue_path(date, "")) { (long_day(date)) } " · due " (clock(it.due_at, desk.newsletter())) ", " (from_now(it.due_at, desk.now))
                (state(verdict.state, verdict.word)) }
            h1 { (headline) }
            p.lede { @if blocked.is_empty() { "Nothing blocks it" } @else { (blocked.join(", ")) }
                @if to_know > 0 { ". " a href="#checks" { (counted(to_know, "thing")) " to know" } }
                @if let Some(news) = &news { ", and " (counted(news.changes.len(), "change")) " since you looked" } "." }
        } }
        div.split.half data-events=(desk.issue_path(date, "send/events")) {
            div.stack {
                (decision(&desk, &it, &checks, is_editor, review.as_deref()))
                section.sheet aria-labelledby="checks" {
                    header { h2 id="checks" { "Checks" }
                        (desk.form(&desk.issue_path(date, "check"), &html! { button.row { "Check again" } })) }
                    (checks::render(&checks))
                }
            }
            div.stack {
                (audience.render(&desk, &it))
                @if let Some(news) = &news { (changes(&desk, news)) }
                (test_form(&desk, &it))
                (tests(&desk).await?)
            }
        }
    };
    desk.page(Tab::Issue, "Review", &content).await
}

/// Whether another person has to approve an issue, because this operator edited it.
async fn is_own_edit(desk: &Desk, it: &Forecast) -> Result<bool, DbError> {
    Ok(desk.admin.second_person && has_edited(&mut desk.db().read().await?, &desk.actor(), it).await?)
}

/// How the readers of an issue come about.
struct Audience {
    rows: Vec<(&'static str, i64)>,
    total: i64,
}

impl Audience {
    async fn load(desk: &Desk, it: &Forecast) -> Result<Self, DbError> {
        let mut tx = desk.db().read().await?;
        let active = subscribers::count_active(&mut tx, desk.record().id).await?;
        let paused = subscribers::count_paused(&mut tx, desk.record().id).await?;
        let readers = it.plan.readers();
        let unserved: i64 = it.plan.unserved.iter().map(|group| group.readers).sum();
        let others = active - readers - unserved;
        let mut rows = vec![("Signed up and confirmed", active + paused), ("Paused by themselves", -paused)];
        if it.plan.variants.is_empty() {
            rows.push(("There is nothing for them", -active));
        } else {
            rows.push(("Chose other days", -others.max(0)));
            rows.push(("Have had its stories", -unserved));
            if others < 0 {
                rows.push(("Came since the plan was made", -others));
            }
        }
        Ok(Self { rows, total: readers })
    }

    fn render(&self, desk: &Desk, it: &Forecast) -> Markup {
        html! {
            section.sheet aria-labelledby="who" {
                header { h2 id="who" { "Who gets it" } }
                table.ledger {
                    tbody { @for (name, count) in &self.rows {
                        tr { th scope="row" { (name) } td.end { @if *count < 0 { "− " (number(-count)) } @else { (number(*count)) } } }
                    } }
                    tfoot { tr.total { th scope="row" { "Get " (weekday(it.date)) "’s issue" } td.end { (number(self.total)) } } }
                }
                @if it.waves.len() > 1 {
                    p.hint { "In " (counted(it.waves.len(), "wave")) ": "
                        @for (wave, place) in it.waves.iter().take(6).zip(0..) { @if place > 0 { ", " } (number(wave.readers)) " at " (moment(wave.due_at, desk.now, desk.newsletter())) }
                        @if it.waves.len() > 6 { " and others" } "." }
                }
            }
        }
    }
}

fn changes(desk: &Desk, news: &News) -> Markup {
    html! {
        section.sheet aria-labelledby="changed" {
            header { h2 id="changed" { "Since you looked at " (moment(news.at, desk.now, desk.newsletter())) } }
            div { @for change in news.changes.iter().take(20) { span.change { (change) } }
                @if news.changes.len() > 20 { span.change.soft { "and " (news.changes.len() - 20) " more" } } }
        }
    }
}

fn lower(day: &str) -> String {
    if matches!(day, "Today" | "Tomorrow") { day.to_lowercase() } else { day.to_owned() }
}

/// Returns whether a link of an alert may approve this revision for its set time, without the typed name.
async fn is_reviewed(desk: &Desk, it: &Forecast, token: &str) -> Result<bool, DbError> {
    let Some((newsletter, date, revision)) = reviewed(desk, token).await? else { return Ok(false) };
    if newsletter != desk.record().id || date.0 != it.date || it.due_at <= desk.now {
        return Ok(false);
    }
    let changes = changes_since(desk.admin.actions(), desk.record(), it, &revision).await?;
    Ok(changes.is_some_and(|changes| changes.is_empty()))
}

fn decision(desk: &Desk, it: &Forecast, checks: &[Check], is_editor: bool, review: Option<&str>) -> Markup {
    let blocked = checks::blockers(checks);
    let newsletter = desk.newsletter();
    let revision = it.content.revision();
    let is_approved = it.issue.as_ref().is_some_and(|issue| issue.approved_at.is_some());
    let when = if it.due_at <= desk.now {
        "and send it now".to_owned()
    } else {
        format!("for {}, {}", lower(&day_word(it.date, desk.today())), clock(it.due_at, newsletter))
    };
    let why_not = if !desk.may(Permission::SendIssue) {
        Some(format!("You may not approve or send: your roles are {}.", desk.who.operator.roles.in_words()))
    } else if is_editor {
        Some("You edited this issue, so another person has to approve it.".to_owned())
    } else if !blocked.is_empty() {
        Some(format!("Blocked: {}.", blocked.join(", ")))
    } else {
        None
    };
    html! {
        section.sheet.decision.first-on-phones aria-labelledby="approve" {
            header { h2 id="approve" { @if is_approved { "Approved" } @else { "Approve" } } (rev(revision.as_str())) }
            p.title { (it.content.subject.as_deref().or(it.content.stories.first().map(|it| it.title.as_str())).unwrap_or("No stories yet")) }
            p.soft { (counted(it.content.stories.len(), "story")) ", " @if it.content.note.is_some() { "with" } @else { "without" } " a note, to "
                (counted(it.plan.readers(), "reader")) ". What you approve is what goes out: later stories wait for the next issue." }
            @if is_approved {
                p.after { (state("fine", "Approved")) " It goes out at " (clock(it.due_at, newsletter)) ". An edit ends the approval." }
            } @else if let Some(why) = &why_not {
                p.after { button.filled.big disabled aria-describedby="why-not" { "Approve " (when) } }
                p.hint id="why-not" { (why) }
            } @else {
                div.after { (desk.form(&desk.issue_path(it.date, "approve"), &html! {
                    input type="hidden" name="revision" value=(revision.full());
                    @if let Some(review) = review { input type="hidden" name="review" value=(review); } @else {
                        div.field { label for="name" { "Type the newsletter’s name" }
                            input id="name" name="name" autocomplete="off" placeholder=(newsletter.title) required aria-describedby="name-hint";
                            p.hint id="name-hint" { "So that no issue ever goes to another newsletter’s readers." } }
                    }
                    div.acts { button.filled.big { "Approve " (when) } }
                })) }
            }
            @if desk.may(Permission::SendIssue) {
                details.fold.after { summary { "Other ways" }
                    @if why_not.is_none() || is_approved {
                        (desk.form(&desk.issue_path(it.date, "now"), &html! {
                            input type="hidden" name="revision" value=(revision.full());
                            p.small.soft { "Sends this revision to all " (counted(it.plan.readers(), "reader")) " now, whatever its time." }
                            div.field { label for="now-name" { "Type the newsletter’s name" } p.join { input id="now-name" name="name" autocomplete="off" required; button { "Send it now" } } }
                        }))
                    }
                    @if checks.iter().any(|check| check.is_setup && check.outcome == checks::Outcome::Blocks) {
                        div.after { (desk.form(&desk.issue_path(it.date, "anyway"), &html! {
                            p.small.soft { "Lets it go out although not everything is set up that readers need." }
                            div.field { label for="anyway-name" { "Type the newsletter’s name" } p.join { input id="anyway-name" name="name" autocomplete="off" required; button.danger { "Do without it" } } }
                        })) }
                    }
                    div.after { (desk.form(&desk.issue_path(it.date, "skip"), &html! {
                        p.small.soft { "Nobody gets anything on this day. Its stories wait for the next issue." }
                        div.field { label for="why" { "Why" } input id="why" name="reason" maxlength=(MAX_REASON_CHARS) required; }
                        div.field { label for="skip-name" { "Type the newsletter’s name" } p.join { input id="skip-name" name="name" autocomplete="off" required; button.danger { "Skip " (weekday(it.date)) } } }
                    })) }
                }
            }
        }
    }
}

fn test_form(desk: &Desk, it: &Forecast) -> Markup {
    html! {
        section.sheet aria-labelledby="test" {
            header { h2 id="test" { "Test send" } p.soft { "Nobody but these addresses gets it" } }
            @if desk.may(Permission::SendTest) {
                (desk.form(&desk.issue_path(it.date, "test"), &html! {
                    label for="to" { "To" }
                    p.join { input id="to" name="to" value=(desk.who.operator.address) required autocomplete="off" data-key="t" aria-describedby="to-hint"; button { "Send the test" } }
                    p.hint id="to-hint" { "Up to " (TESTS) " addresses, separated by commas." }
                }))
            } @else { p.small.soft { "Your roles don’t include sending tests." } }
        }
    }
}

/// The latest tests, with what the relays said.
async fn tests(desk: &Desk) -> Result<Markup, DbError> {
    let all = emails::tests(&mut desk.db().read().await?, desk.record().id, SHOWN_TESTS).await?;
    Ok(html! {
        section.sheet data-part="tests" hidden[all.is_empty()] aria-label="Latest tests" {
            table.cards {
                caption { "Latest tests" }
                thead { tr { th scope="col" { "Address" } th scope="col" { "The relay said" } th.end scope="col" { "At" } th scope="col" { "State" } } }
                tbody { @for it in &all {
                    tr { th scope="row" { (it.recipient) }
                        td.full { span.said { @if let Some(code) = it.reply_code { (code) " " } (it.reply_text.as_deref().unwrap_or("nothing yet")) } }
                        td.end.wide { (moment(it.created_at.0, desk.now, desk.newsletter())) }
                        td { @match it.status {
                            EmailStatus::Sent => (state("fine", "Taken")),
                            EmailStatus::Failed => (state("alarm", "Refused")),
                            _ if it.attempts > 1 => (state("wait", "To try again")),
                            _ => (state("move", "On its way")),
                        } } }
                } }
            }
        }
    })
}

/// Streams the answers to tests.
pub async fn events(desk: Desk) -> Answer {
    let desk = std::sync::Arc::new(desk);
    let look = move || {
        let desk = desk.clone();
        async move { Some(Look::Parts(tests(&desk).await.ok()?.into_string())) }
    };
    Ok(sse::stream(look).into_response())
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    revision: String,
    name: String,
    review: Option<String>,
    reason: String,
    to: String,
}

pub async fn check_again(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, .. }: Posted<Fields>,
) -> Answer {
    desk.admin.relays.refresh(&desk).await;
    Ok(Redirect::to(&format!("{}#checks", desk.issue_path(date_of(&path)?, "send"))).into_response())
}

pub async fn test(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Fields>,
) -> Answer {
    desk.require(Permission::SendTest)?;
    let date = date_of(&path)?;
    let page = format!("{}#test", desk.issue_path(date, "send"));
    let texts: Vec<&str> = fields.to.split([',', ' ', ';', '\n']).filter(|it| !it.is_empty()).collect();
    let parsed: Result<Vec<EmailAddress>, _> = texts.iter().map(|text| EmailAddress::parse(text)).collect();
    let Ok(addresses) = parsed else {
        return desk.done(&page, Flash::alarm("Not sent.", "One of these is not an email address.")).await;
    };
    if addresses.is_empty() || addresses.len() > TESTS {
        return desk.done(&page, Flash::alarm("Not sent.", format!("Write one to {TESTS} addresses."))).await;
    }
    let record = desk.record();
    let mut tx = desk.db().read().await?;
    let known = issues::get_by_date(&mut tx, record.id, date).await?;
    let next = next_date(&mut tx, record, desk.admin.margins.grace, desk.now).await?;
    drop(tx);
    let issue = match known {
        Some(issue) => Some(issue.id),
        None if date == next => None,
        None => Some(begun(&desk, date).await?.id),
    };
    match test_send_to(desk.admin.actions(), &desk.actor(), record, issue, &addresses).await {
        Ok(_) => {}
        Err(TestSendError::Db(error)) => return Err(error.into()),
        Err(other) => return desk.done(&page, Flash::alarm("Not sent.", format!("{other}."))).await,
    }
    let text = format!("To {}. The relay’s answers appear below.", counted(addresses.len(), "address"));
    desk.done(&page, Flash::fine("On its way.", text)).await
}

async fn begun(desk: &Desk, date: Date) -> Result<IssueRecord, Refused> {
    begin_issue(desk.admin.actions(), &desk.actor(), desk.record(), date).await.map_err(|error| match error {
        BeginError::Db(error) => Refused::Db(error),
        other => Refused::Failed(format!("{other}.")),
    })
}

/// Whether a typed name is the newsletter's title or short name.
pub fn is_named(desk: &Desk, typed: &str) -> bool {
    let typed = typed.trim();
    !typed.is_empty()
        && [&desk.newsletter().title, &desk.newsletter().slug]
            .iter()
            .any(|name| name.to_lowercase() == typed.to_lowercase())
}

fn wrong_name(desk: &Desk) -> Flash {
    Flash::alarm(
        "Nothing was done.",
        format!("This issue is {}’s. Type that name to go on.", desk.newsletter().title),
    )
}

/// Approves the revision that the operator saw, and nothing else.
async fn approve_revision(
    desk: &Desk,
    date: Date,
    revision: &Revision,
) -> Result<Result<IssueRecord, Flash>, Refused> {
    let mut it = seen_forecast(desk, date).await?;
    let changes = changes_since(desk.admin.actions(), desk.record(), &it, revision).await?;
    if changes.is_none_or(|changes| !changes.is_empty()) {
        let text = format!(
            "The issue changed while you looked: it is revision {} now. See what, then decide.",
            it.content.revision()
        );
        return Ok(Err(Flash::alarm("Not approved.", text)));
    }
    let checks: Vec<Check> = checks::of_issue(desk, &it, None).await?;
    if let [first, ..] = checks::blockers(&checks)[..] {
        return Ok(Err(Flash::alarm("Not approved.", format!("{first}."))));
    }
    if is_own_edit(desk, &it).await? {
        return Ok(Err(Flash::alarm(
            "Not approved.",
            "You edited this issue, so another person has to approve it.",
        )));
    }
    if it.issue.as_ref().is_none_or(|issue| issue.planned_at.is_none()) {
        let issue = begun(desk, date).await?;
        desk.admin.work.plan(issue.id).await.map_err(Refused::Failed)?;
        let now = seen_forecast(desk, date).await?;
        if !now.content.changes_since(&it.content).is_empty() {
            let text =
                format!("The issue changed while you looked: it is revision {} now.", now.content.revision());
            return Ok(Err(Flash::alarm("Not approved.", text)));
        }
        it = now;
    }
    match approve_seen(desk.admin.actions(), desk.admin.rules, &desk.actor(), desk.record(), &it).await {
        Ok(Some(issue)) => Ok(Ok(issue)),
        Ok(None) => Err(Refused::Failed("There is no issue to approve.".into())),
        Err(DecideError::Db(error)) => Err(error.into()),
        Err(other) => {
            Ok(Err(Flash::alarm("Not approved.", format!("{}.", super::words::sentence(&other.to_string())))))
        }
    }
}

pub async fn approve(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Fields>,
) -> Answer {
    desk.require(Permission::SendIssue)?;
    let date = date_of(&path)?;
    let page = desk.issue_path(date, "send");
    let it = seen_forecast(&desk, date).await?;
    let revision = Revision::parse(&fields.revision).map_err(|_| Refused::Form)?;
    let is_reviewed = match &fields.review {
        Some(token) => is_reviewed(&desk, &it, token).await?,
        None => false,
    };
    if !is_reviewed && !is_named(&desk, &fields.name) {
        return desk.done(&page, wrong_name(&desk)).await;
    }
    match approve_revision(&desk, date, &revision).await? {
        Ok(issue) => {
            let when = if issue.due_at.0 <= desk.now {
                "now".to_owned()
            } else {
                format!("at {}", moment(issue.due_at.0, desk.now, desk.newsletter()))
            };
            desk.done(
                &desk.path(""),
                Flash::fine("Approved.", format!("Revision {revision} goes out {when}.")),
            )
            .await
        }
        Err(flash) => desk.done(&page, flash).await,
    }
}

/// Sends a revision at once.
pub async fn now(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Fields>,
) -> Answer {
    desk.require(Permission::SendIssue)?;
    let date = date_of(&path)?;
    let page = desk.issue_path(date, "send");
    if !is_named(&desk, &fields.name) {
        return desk.done(&page, wrong_name(&desk)).await;
    }
    let revision = Revision::parse(&fields.revision).map_err(|_| Refused::Form)?;
    let issue = issues::get_by_date(&mut desk.db().read().await?, desk.record().id, date).await?;
    let mut approved = issue.and_then(|issue| issue.approved_revision);
    if approved.as_ref() != Some(&revision) {
        approved = match approve_revision(&desk, date, &revision).await? {
            Ok(issue) => issue.approved_revision,
            Err(flash) => return desk.done(&page, flash).await,
        };
    }
    let sent = match &approved {
        Some(approved) => {
            send_approved(desk.admin.actions(), &desk.actor(), desk.record(), date, approved).await?
        }
        None => None,
    };
    if sent.is_none() {
        let text = "The issue was changed or cancelled while you decided. See what, then decide.";
        return desk.done(&page, Flash::alarm("Nothing was sent.", text)).await;
    }
    desk.done(&desk.path("live"), Flash::fine("Going out.", format!("Revision {revision} leaves now."))).await
}

/// Lets an issue go out although not everything is set up.
pub async fn anyway(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Fields>,
) -> Answer {
    desk.require(Permission::SendIssue)?;
    let date = date_of(&path)?;
    let page = desk.issue_path(date, "send");
    if !is_named(&desk, &fields.name) {
        return desk.done(&page, wrong_name(&desk)).await;
    }
    let issue = begun(&desk, date).await?;
    let flash = if send_anyway(desk.admin.actions(), &desk.actor(), issue.id).await? {
        Flash::wait("Noted.", "It may go out as things are. Review and approve it.")
    } else {
        Flash::alarm("Nothing was done.", "The issue is past planning.")
    };
    desk.done(&page, flash).await
}

/// Returns a reason on one line.
pub fn reason(text: &str) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.chars().take(MAX_REASON_CHARS).collect()
}

/// Skips a day.
pub async fn skip(
    Path(path): Path<HashMap<String, String>>,
    Posted { desk, fields }: Posted<Fields>,
) -> Answer {
    desk.require(Permission::SendIssue)?;
    let date = date_of(&path)?;
    if !is_named(&desk, &fields.name) {
        return desk.done(&desk.issue_path(date, "send"), wrong_name(&desk)).await;
    }
    let issue = begun(&desk, date).await?;
    let status = skip_issue(desk.admin.actions(), &desk.actor(), issue.id, &reason(&fields.reason)).await?;
    if status != IssueStatus::Cancelled {
        return Err(Refused::Failed(format!("The issue is already {status}.")));
    }
    desk.done(
        &desk.path("calendar"),
        Flash::wait("Skipped.", format!("Nothing goes out on {}.", long_day(date))),
    )
    .await
}
