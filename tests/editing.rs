//! Operators edit an issue before it is sent, and approve it.

use crate::support::{Engine, OPERATOR, TestApp, on_both_engines, reader::anything, site::respond};
use daily::{
    actions::{
        feed::add_article::{hide_article, pin_article},
        issue::{
            approve_issue::{ApproveError, SeenPlan, approve_issue},
            decide::{approve_seen, left_out, shown_forecast},
            edit_issue::{EditError, MAX_NOTE_CHARS, StoryChange as Change, edit_issue},
            send_issue::begin_issue,
        },
    },
    db::{
        content::articles,
        issues::{self, IssueWords},
    },
    domain::{
        content::article::{FoundArticle, MAX_TITLE_CHARS},
        delivery::email::EmailKind,
        ids::{ArticleId, IssueId},
        issue::{revision::Story, selection::TooFew, status::IssueStatus},
    },
    issues::forecast::forecast,
    settings::Settings,
};
use jiff::SignedDuration;
use wiremock::{MockServer, ResponseTemplate};

const DESK: &str = "desk@courier.example";

/// Creates tomorrow's issue early, with a reader and an operator.
async fn begun(app: &TestApp) -> IssueId {
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.add_operator(DESK).await;
    let issue =
        begin_issue(&app.app.actions, &OPERATOR, &daily, "2026-05-02".parse().unwrap()).await.unwrap();
    issue.id
}

/// Advances the clock to the send time, and sends the issue.
async fn due(app: &TestApp) {
    app.run_due_at("2026-05-02T07:00:00Z").await;
    app.run_due().await;
}

/// Returns an app whose newsletter needs an operator's approval, with an issue.
async fn with_approval(engine: Engine) -> (TestApp, IssueId) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.needs_approval = true).await;
    let issue = begun(&app).await;
    (app, issue)
}

/// Requires two stories, with this rule for fewer.
fn two_stories(too_few: TooFew) -> impl FnOnce(&mut Settings) {
    move |settings| (settings.digest.too_few, settings.digest.min_stories) = (too_few, 2)
}

/// Turns on the recheck before issues are frozen.
fn rechecking(settings: &mut Settings) {
    settings.schedule.recheck_seconds = 10;
    settings.feeds.allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
}

/// Adds an article whose page is on this site.
async fn story_at(app: &TestApp, site: &MockServer, slug: &str) -> ArticleId {
    let url = Some(format!("{}/{slug}", site.uri()).parse().unwrap());
    app.add_article(FoundArticle { url, ..FoundArticle::titled(format!("The {slug} story")) }).await
}

fn notices(app: &TestApp, subject: &str) -> usize {
    app.emails_to(DESK).iter().filter(|mail| mail.subject().contains(subject)).count()
}

fn page(headline: &str) -> ResponseTemplate {
    let html = format!(
        "<!doctype html><html lang=en><head><title>{headline}</title><meta property=og:title content=\"{headline}\">\
         </head><body><article><h1>{headline}</h1><p>It was a long day at the harbour, and everybody came.</p></article></body></html>"
    );
    ResponseTemplate::new(200).set_body_raw(html, "text/html; charset=utf-8")
}

on_both_engines!(
    edits_survive_new_articles_and_reach_readers,
    an_edit_is_made_completely_or_not_at_all,
    nothing_is_sent_without_a_required_approval,
    the_approved_issue_is_sent_and_an_edit_revokes_the_approval,
    an_article_hidden_after_approval_stays_out_and_none_replaces_it,
    operators_are_told_of_an_approval_that_an_edit_revoked,
    operators_are_told_of_a_changed_plan_at_most_once_an_hour,
    what_was_approved_goes_out_whatever_the_feed_says_later,
    replacements_for_readers_with_a_past_are_approved_as_well,
    an_issue_that_the_recheck_made_too_short_asks_as_well,
    a_pin_is_for_one_issue,
    an_issue_not_approved_in_time_is_skipped_with_the_reason,
    an_issue_with_too_few_stories_waits_for_an_operator_if_configured,
    a_second_story_ends_the_wait,
    too_few_stories_are_sent_or_skipped_as_configured,
    the_recheck_drops_removed_articles_and_follows_moved_and_renamed_ones,
    pages_that_stand_in_for_articles_change_nothing_and_operators_are_told,
);

async fn edits_survive_new_articles_and_reach_readers(engine: Engine) {
    let app = TestApp::start(engine).await;
    let issue = begun(&app).await;
    let old = app.story("An old story", "").await;
    let dull = app.story("A dull story", "").await;
    let good = app.story("A good story", "").await;
    let words = IssueWords {
        subject: Some("The bridge is open".into()),
        preheader: Some("And what else happened".into()),
        note: Some("Good morning, **readers**. See the [map](https://news.example/map).".into()),
    };
    let changes = [
        Change::Drop(dull),
        Change::Place(old, 2),
        Change::Title(good, "A very good story".into()),
        Change::Summary(good, "In our own words.".into()),
    ];
    edit_issue(&app.app.actions, &OPERATOR, issue, &words, &changes).await.unwrap();
    app.settle().await;
    app.clock.advance(SignedDuration::from_mins(5));
    for index in 0..3 {
        app.clock.advance(SignedDuration::from_secs(1));
        app.story(&format!("News {index}"), "").await;
    }
    app.run_due().await;
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let mail = app.visitor("ann@example.org").last_email();
    assert_eq!(mail.subject(), "The bridge is open");
    let text = mail.text();
    let order: Vec<_> = ["News 2", "An old story", "News 1", "News 0", "A very good story"]
        .iter()
        .map(|title| text.find(title).unwrap_or_else(|| panic!("{title} is missing in {text}")))
        .collect();
    assert!(order.is_sorted(), "{text}");
    assert!(!text.contains("A dull story") && text.contains("In our own words."));
    assert!(text.contains("Good morning, readers. See the map (https://news.example/map)."), "{text}");
    assert!(
        mail.html().contains("And what else happened")
            && mail.html().contains("href=\"https://news.example/map\"")
    );
}

async fn an_edit_is_made_completely_or_not_at_all(engine: Engine) {
    let app = TestApp::start(engine).await;
    let issue = begun(&app).await;
    let story = app.story("A good story", "").await;
    let none = IssueWords::default();
    let long = IssueWords { note: Some("x".repeat(MAX_NOTE_CHARS + 1)), ..IssueWords::default() };
    let wrong = [
        (none.clone(), vec![Change::Drop(story), Change::Pin(ArticleId(999))]),
        (none.clone(), vec![Change::Drop(story), Change::Place(story, 0)]),
        (none.clone(), vec![Change::Drop(story), Change::Title(story, "x".repeat(MAX_TITLE_CHARS + 1))]),
        (none.clone(), vec![Change::Drop(story), Change::Title(story, " ".into())]),
        (long, vec![Change::Drop(story)]),
    ];
    for (words, changes) in wrong {
        let refused = edit_issue(&app.app.actions, &OPERATOR, issue, &words, &changes).await;
        assert!(refused.is_err(), "{changes:?}");
    }
    due(&app).await;
    assert_eq!(app.count_titles("ann@example.org", &["A good story"]), [1], "nothing of it was kept");
    let late = edit_issue(&app.app.actions, &OPERATOR, issue, &none, &[Change::Drop(story)]).await;
    assert!(matches!(late, Err(EditError::TooLate(IssueStatus::Sent))), "{late:?}");
}

async fn nothing_is_sent_without_a_required_approval(engine: Engine) {
    let (app, issue) = with_approval(engine).await;
    assert!(matches!(
        approve_issue(&app.app.actions, &OPERATOR, issue, None).await,
        Err(ApproveError::NotPlanned)
    ));
    app.story("A good story", "").await;
    app.run_due_twice().await;
    assert_eq!(notices(&app, "approv"), 1, "at once: {:?}", app.emails_to(DESK));
    app.run_due_at("2026-05-02T06:30:00Z").await;
    app.run_due().await;
    assert_eq!(notices(&app, "approv"), 2, "and half an hour before its time");
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Planned);
    assert!(app.emails_to("ann@example.org").is_empty());
    app.clock.advance(SignedDuration::from_hours(1));
    approve_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    app.settle().await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    assert_eq!(app.emails_to("ann@example.org").len(), 1);
    assert_eq!(notices(&app, "approv"), 2);
}

async fn the_approved_issue_is_sent_and_an_edit_revokes_the_approval(engine: Engine) {
    let (app, issue) = with_approval(engine).await;
    let good = app.story("A good story", "").await;
    app.run_due().await;
    approve_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    edit_issue(&app.app.actions, &OPERATOR, issue, &IssueWords::default(), &[Change::Pin(good)])
        .await
        .unwrap();
    assert!(app.issue(issue).await.approved_at.is_none());
    app.run_due().await;
    approve_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    app.clock.advance(SignedDuration::from_mins(10));
    app.story("A later story", "").await;
    app.run_due().await;
    due(&app).await;
    assert_eq!(app.count_titles("ann@example.org", &["A good story", "A later story"]), [1, 0]);
    // The later story is in the next issue.
    app.run_due_at("2026-05-03T06:10:00Z").await;
    let next = app.issue_of(&app.newsletter().await, "2026-05-03").await.unwrap();
    app.run_due().await;
    approve_issue(&app.app.actions, &OPERATOR, next.id, None).await.unwrap();
    app.run_due_at("2026-05-03T07:00:00Z").await;
    assert_eq!(app.count_titles("ann@example.org", &["A good story", "A later story"]), [1, 1]);
}

async fn an_article_hidden_after_approval_stays_out_and_none_replaces_it(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.digest.max_stories = 2).await;
    app.change_newsletter(|it| it.needs_approval = true).await;
    let issue = begun(&app).await;
    app.story("A spare story", "").await;
    app.clock.advance(SignedDuration::from_secs(1));
    let wrong = app.story("A wrong story", "").await;
    app.story("A good story", "").await;
    app.run_due().await;
    approve_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    hide_article(&app.app.actions, &OPERATOR, wrong, true).await.unwrap();
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let told = app.count_titles("ann@example.org", &["A good story", "A wrong story", "A spare story"]);
    assert_eq!(told, [1, 0, 0]);
}

async fn operators_are_told_of_an_approval_that_an_edit_revoked(engine: Engine) {
    let (app, issue) = with_approval(engine).await;
    let good = app.story("A good story", "").await;
    app.run_due_at("2026-05-02T06:31:00Z").await;
    app.run_due().await;
    let before = notices(&app, "approv");
    approve_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    edit_issue(&app.app.actions, &OPERATOR, issue, &IssueWords::default(), &[Change::Pin(good)])
        .await
        .unwrap();
    app.run_due_twice().await;
    assert_eq!(notices(&app, "approv"), before + 1);
}

async fn an_issue_that_the_recheck_made_too_short_asks_as_well(engine: Engine) {
    let site = MockServer::start().await;
    let app = TestApp::start_with(engine, |settings| {
        rechecking(settings);
        two_stories(TooFew::Ask)(settings);
    })
    .await;
    let issue = begun(&app).await;
    for slug in ["good", "gone"] {
        story_at(&app, &site, slug).await;
    }
    respond(&site, "/good", page("The good story")).await;
    respond(&site, "/gone", ResponseTemplate::new(404)).await;
    due(&app).await;
    let record = app.issue(issue).await;
    assert_eq!((record.status, record.waits_for.as_deref()), (IssueStatus::Planned, Some("stories")));
    assert!(app.emails_to("ann@example.org").is_empty());
}

async fn a_pin_is_for_one_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    let story = app.story("A pinned story", "").await;
    pin_article(&app.app.actions, &OPERATOR, story, true).await.unwrap();
    app.send(&daily).await;
    assert!(app.articles().await.iter().all(|it| !it.pinned));
}

async fn an_issue_not_approved_in_time_is_skipped_with_the_reason(engine: Engine) {
    let (app, issue) = with_approval(engine).await;
    app.story("A good story", "").await;
    app.run_due().await;
    due(&app).await;
    app.run_due_at("2026-05-02T13:00:31Z").await;
    let record = app.issue(issue).await;
    assert_eq!(record.status, IssueStatus::Skipped);
    assert_eq!(record.reason.as_deref(), Some("no operator approved it in time"));
    assert!(app.emails_to("ann@example.org").is_empty());
}

async fn an_issue_with_too_few_stories_waits_for_an_operator_if_configured(engine: Engine) {
    let app = TestApp::start_with(engine, two_stories(TooFew::Ask)).await;
    let issue = begun(&app).await;
    app.story("A good story", "").await;
    app.run_due_twice().await;
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Planned);
    assert_eq!(app.issue(issue).await.waits_for.as_deref(), Some("stories"));
    assert!(app.count_emails(EmailKind::TooFewStories).await >= 1);
    approve_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    app.settle().await;
    assert_eq!(app.count_titles("ann@example.org", &["A good story"]), [1], "shorter, as the operator said");
}

async fn a_second_story_ends_the_wait(engine: Engine) {
    let app = TestApp::start_with(engine, two_stories(TooFew::Ask)).await;
    let issue = begun(&app).await;
    app.story("A good story", "").await;
    app.run_due().await;
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Planned);
    app.clock.advance(SignedDuration::from_mins(2));
    app.story("Another story", "").await;
    app.run_due().await;
    app.run_due_after(SignedDuration::from_secs(31)).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
}

async fn too_few_stories_are_sent_or_skipped_as_configured(engine: Engine) {
    for (too_few, status) in [(TooFew::Send, IssueStatus::Sent), (TooFew::Skip, IssueStatus::Skipped)] {
        let app = TestApp::start_with(engine, two_stories(too_few)).await;
        let issue = begun(&app).await;
        app.story("A good story", "").await;
        due(&app).await;
        let record = app.issue(issue).await;
        assert_eq!(record.status, status, "{:?}", record.reason);
        if status == IssueStatus::Skipped {
            assert_eq!(record.reason.as_deref(), Some("there were 1 stories, and an issue needs 2"));
        }
    }
}

async fn the_recheck_drops_removed_articles_and_follows_moved_and_renamed_ones(engine: Engine) {
    let site = MockServer::start().await;
    let app = TestApp::start_with(engine, |settings| {
        rechecking(settings);
        settings.digest.max_stories = 3;
    })
    .await;
    let issue = begun(&app).await;
    for slug in ["spare", "renamed", "moved", "gone"] {
        app.clock.advance(SignedDuration::from_secs(1));
        let id = story_at(&app, &site, slug).await;
        let mut tx = app.app.db.begin().await.unwrap();
        articles::set_title(&mut tx, id, &format!("The {slug} story")).await.unwrap();
        tx.commit().await.unwrap();
    }
    respond(&site, "/spare", page("The spare story")).await;
    respond(&site, "/renamed", page("The story, renamed and better")).await;
    respond(&site, "/moved", ResponseTemplate::new(301).insert_header("location", "/new-place")).await;
    respond(&site, "/new-place", page("The moved story")).await;
    respond(&site, "/gone", ResponseTemplate::new(410)).await;
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let text = app.visitor("ann@example.org").last_email().text();
    for says in ["The story, renamed and better", "The moved story", "/new-place", "The spare story"] {
        assert!(text.contains(says), "{says} is missing in {text}");
    }
    assert!(!text.contains("The gone story") && !text.contains("The renamed story"), "{text}");
    let stories = app.stories(issue).await;
    let gone = stories.iter().find(|it| it.article.title == "The gone story").unwrap();
    assert_eq!(gone.reason, "gone");
}

/// Starts an issue with two stories on each of two sites: at one site all pages are gone, at the other all
/// pages get the same headline.
async fn pages_that_stand_in_for_articles_change_nothing_and_operators_are_told(engine: Engine) {
    let (gone, notice) = (MockServer::start().await, MockServer::start().await);
    let app = TestApp::start_with(engine, rechecking).await;
    let issue = begun(&app).await;
    for (site, slug) in [(&gone, "ferry"), (&gone, "quay"), (&notice, "market"), (&notice, "bridge")] {
        app.clock.advance(SignedDuration::from_secs(1));
        let id = story_at(&app, site, slug).await;
        let mut tx = app.app.db.begin().await.unwrap();
        articles::set_title(&mut tx, id, &format!("The {slug} story")).await.unwrap();
        tx.commit().await.unwrap();
    }
    for slug in ["market", "bridge"] {
        respond(&notice, &format!("/{slug}"), page("The story behind our new terms")).await;
    }
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let text = app.visitor("ann@example.org").last_email().text();
    for slug in ["ferry", "quay", "market", "bridge"] {
        assert!(text.contains(&format!("The {slug} story")), "{text}");
    }
    let mut tx = app.app.db.read().await.unwrap();
    let history = issues::history(&mut tx, issue).await.unwrap();
    let frozen = history.iter().find(|event| event.status == IssueStatus::Frozen).unwrap();
    let findings = frozen.reason.as_deref().unwrap();
    assert!(findings.contains("answers that none of its pages exist"), "{findings}");
    assert!(
        findings.contains("several pages of its site are called “The story behind our new terms”"),
        "{findings}"
    );
    assert_eq!(notices(&app, "could not be confirmed"), 1);
}

async fn operators_are_told_of_a_changed_plan_at_most_once_an_hour(engine: Engine) {
    let (app, _) = with_approval(engine).await;
    app.story("A good story", "").await;
    app.run_due_at("2026-05-02T01:00:00Z").await;
    app.run_due_twice().await;
    assert_eq!(notices(&app, "approv"), 1);
    app.story("A better story", "").await;
    app.run_due_at("2026-05-02T01:30:00Z").await;
    app.run_due_twice().await;
    assert_eq!(notices(&app, "approv"), 1, "not within an hour");
    app.story("The best story", "").await;
    app.run_due_at("2026-05-02T03:31:00Z").await;
    app.run_due_twice().await;
    assert_eq!(notices(&app, "approv"), 2, "the plan is another");
    app.run_due_at("2026-05-02T05:45:00Z").await;
    app.run_due_twice().await;
    assert_eq!(notices(&app, "approv"), 2, "nothing has changed");
    app.run_due_at("2026-05-02T06:31:00Z").await;
    app.run_due_twice().await;
    assert_eq!(notices(&app, "approv"), 3, "the reminder");
}

async fn what_was_approved_goes_out_whatever_the_feed_says_later(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.needs_approval = true).await;
    let issue = begun(&app).await;
    let story = app.story("A good story", "").await;
    app.run_due().await;
    let newsletter = app.newsletter().await;
    let planning = app.app.jobs.issues.planning();
    let mut tx = app.app.db.begin().await.unwrap();
    let record = issues::get(&mut tx, issue).await.unwrap().unwrap();
    let shown = forecast(planning, &mut tx, &newsletter, record.date()).await.unwrap().content;
    issues::revisions::keep(&mut tx, newsletter.id, record.date(), &shown, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let seen = SeenPlan::of(&record, shown.revision());
    approve_issue(&app.app.actions, &OPERATOR, issue, Some(seen.clone())).await.unwrap();
    let mut tx = app.app.db.begin().await.unwrap();
    articles::set_title(&mut tx, story, "A story that was changed").await.unwrap();
    tx.commit().await.unwrap();
    due(&app).await;
    assert_eq!(app.count_titles("ann@example.org", &["A good story", "A story that was changed"]), [1, 0]);
    let program = app.program().set("DAILY__HTTP__PUBLIC_URL", &app.app.settings.http.public_url);
    let verified = program.run(&["issue", "verify"]).await;
    let equals = format!("equals revision {} in 1 variant", shown.revision());
    assert!(verified.stdout.contains(&equals), "{verified:?}");
    app.change_newsletter(|it| it.tagline = "Another".into()).await;
    assert_eq!(program.run(&["issue", "verify"]).await.code, 1, "it shows any difference");
    let late = approve_issue(&app.app.actions, &OPERATOR, issue, Some(seen)).await;
    assert!(matches!(late, Err(ApproveError::TooLate(_))), "{late:?}");
}

async fn replacements_for_readers_with_a_past_are_approved_as_well(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.digest.max_stories = 2).await;
    let daily = app.newsletter().await;
    let weekly = app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    let spare = app.article("The third story").await;
    app.clock.advance(SignedDuration::from_mins(1));
    app.article("The second story").await;
    // Ann has had the newest story in another newsletter, so she gets the third instead.
    app.reader_of(&weekly, "ann@example.org", &anything()).await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    app.reader_of(&daily, "ben@example.org", &anything()).await;
    app.reader_of(&daily, "zoe@example.org", &anything()).await;
    app.clock.advance(SignedDuration::from_mins(1));
    app.article("The newest story").await;
    app.change_newsletter_named("weekly", |it| it.max_stories = Some(1)).await;
    app.send(&app.newsletter_named("weekly").await).await;
    app.change_newsletter(|it| it.needs_approval = true).await;
    let daily = app.newsletter().await;
    let issue =
        begin_issue(&app.app.actions, &OPERATOR, &daily, "2026-05-02".parse().unwrap()).await.unwrap().id;
    app.run_due().await;

    let rules = app.app.jobs.issues.plan_rules();
    let context = &app.app.actions;
    let seen = shown_forecast(context, rules, &daily, "2026-05-02".parse().unwrap()).await.unwrap();
    let titles = |stories: &[Story]| stories.iter().map(|it| it.title.clone()).collect::<Vec<_>>();
    assert_eq!(titles(&seen.content.stories), ["The newest story", "The second story"]);
    assert_eq!(titles(&seen.content.replacements), ["The third story"]);
    app.article("A story that is too late").await;
    let left_out = left_out(context, rules, &daily, &seen).await.unwrap();
    assert_eq!(left_out.iter().map(|it| it.title.as_str()).collect::<Vec<_>>(), ["A story that is too late"]);
    approve_seen(context, rules, &OPERATOR, &daily, &seen).await.unwrap().unwrap();

    let mut tx = app.app.db.begin().await.unwrap();
    articles::set_title(&mut tx, spare, "A story that was changed").await.unwrap();
    tx.commit().await.unwrap();
    due(&app).await;
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_secs(31)).await;
    let titles = ["The newest story", "The second story", "The third story", "A story that was changed"];
    let of_daily = |address: &str| app.emails_to(address).last().unwrap().text();
    let counted = |address| titles.map(|title| usize::from(of_daily(address).contains(title)));
    assert_eq!(counted("ann@example.org"), [0, 1, 1, 0]);
    assert_eq!(counted("ben@example.org"), [1, 1, 0, 0]);
    let program = app.program().set("DAILY__HTTP__PUBLIC_URL", &app.app.settings.http.public_url);
    let verified = program.run(&["issue", "verify", "--newsletter", "daily"]).await;
    assert!(verified.stdout.contains("in 2 variants"), "{verified:?}");
}
