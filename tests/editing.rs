//! What an operator does to an issue before it goes out, and what waits for them.

use crate::support::{
    Engine,
    app::{TestApp, at},
    desk::anything,
    on_both_engines,
};
use daily::{
    actions::{
        add_article::{hide_article, pin_article},
        add_operator::add_operator,
        approve_issue::{ApproveError, approve_issue},
        edit_issue::{EditError, MAX_NOTE_CHARS, StoryChange as Change, edit_issue},
        send_issue::begin_issue,
    },
    db::issues::IssueWords,
    domain::{
        article::MAX_TITLE_CHARS,
        email_address::EmailAddress,
        ids::{ArticleId, IssueId},
        issue::IssueStatus,
        mail::MailKind,
        selection::TooFew,
    },
};
use jiff::SignedDuration;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

const DESK: &str = "desk@courier.example";

/// Tomorrow's issue, begun early, with a reader and an operator.
async fn begun(app: &TestApp) -> IssueId {
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    add_operator(&app.app.actions, &EmailAddress::parse(DESK).unwrap()).await.unwrap();
    let issue = begin_issue(&app.app.actions, &daily, "2026-05-02".parse().unwrap()).await.unwrap();
    issue.id
}

/// Brings the newsletter's time, and what follows of it.
async fn due(app: &TestApp) {
    app.clock.set(at("2026-05-02T07:00:00Z"));
    app.tick().await;
    app.tick().await;
}

fn notices(app: &TestApp, subject: &str) -> usize {
    app.mails_to(DESK).iter().filter(|mail| mail.subject().contains(subject)).count()
}

fn page(headline: &str) -> ResponseTemplate {
    let html = format!(
        "<!doctype html><html lang=en><head><title>{headline}</title><meta property=og:title content=\"{headline}\">\
         </head><body><article><h1>{headline}</h1><p>It was a long day at the harbour, and everybody came.</p></article></body></html>"
    );
    ResponseTemplate::new(200).set_body_raw(html, "text/html; charset=utf-8")
}

on_both_engines!(
    edits_outlive_new_articles_and_reach_readers,
    an_edit_is_taken_whole_or_not_at_all,
    nothing_goes_out_without_the_approval_that_is_required,
    what_was_approved_goes_out_and_an_edit_takes_the_approval_back,
    what_is_hidden_after_the_approval_stays_out_and_nothing_unseen_comes_in,
    operators_hear_of_an_approval_that_an_edit_took_back,
    an_issue_that_the_last_look_made_too_short_asks_as_well,
    a_pin_is_for_one_issue,
    an_issue_that_nobody_approved_in_time_is_skipped_and_says_so,
    too_few_stories_wait_for_an_operator_where_that_is_wanted,
    a_second_story_ends_the_wait,
    too_few_stories_are_sent_or_skipped_as_configured,
    the_last_look_drops_what_is_gone_and_follows_what_moved_or_was_renamed,
);

async fn edits_outlive_new_articles_and_reach_readers(engine: Engine) {
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
    edit_issue(&app.app.actions, issue, &words, &changes).await.unwrap();
    app.settle().await;
    app.clock.advance(SignedDuration::from_mins(5));
    for index in 0..3 {
        app.clock.advance(SignedDuration::from_secs(1));
        app.story(&format!("News {index}"), "").await;
    }
    app.tick().await;
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let mail = app.mails_to("ann@example.org").pop().unwrap();
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

async fn an_edit_is_taken_whole_or_not_at_all(engine: Engine) {
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
        let refused = edit_issue(&app.app.actions, issue, &words, &changes).await;
        assert!(refused.is_err(), "{changes:?}");
    }
    due(&app).await;
    assert_eq!(app.told("ann@example.org", &["A good story"]), [1], "nothing of it was kept");
    let late = edit_issue(&app.app.actions, issue, &none, &[Change::Drop(story)]).await;
    assert!(matches!(late, Err(EditError::TooLate(IssueStatus::Sent))), "{late:?}");
}

async fn nothing_goes_out_without_the_approval_that_is_required(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.needs_approval = true).await;
    let issue = begun(&app).await;
    assert!(matches!(approve_issue(&app.app.actions, issue).await, Err(ApproveError::NotPlanned)));
    app.story("A good story", "").await;
    app.tick().await;
    app.tick().await;
    assert_eq!(notices(&app, "approv"), 1, "at once: {:?}", app.mails_to(DESK));
    app.clock.set(at("2026-05-02T06:30:00Z"));
    app.tick().await;
    app.tick().await;
    assert_eq!(notices(&app, "approv"), 2, "and half an hour before its time");
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Planned);
    assert!(app.mails_to("ann@example.org").is_empty());
    app.clock.advance(SignedDuration::from_hours(1));
    approve_issue(&app.app.actions, issue).await.unwrap();
    app.settle().await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    assert_eq!(app.mails_to("ann@example.org").len(), 1);
    assert_eq!(notices(&app, "approv"), 2);
}

async fn what_was_approved_goes_out_and_an_edit_takes_the_approval_back(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.needs_approval = true).await;
    let issue = begun(&app).await;
    let good = app.story("A good story", "").await;
    app.tick().await;
    approve_issue(&app.app.actions, issue).await.unwrap();
    edit_issue(&app.app.actions, issue, &IssueWords::default(), &[Change::Pin(good)]).await.unwrap();
    assert!(app.issue(issue).await.approved_at.is_none());
    app.tick().await;
    approve_issue(&app.app.actions, issue).await.unwrap();
    app.clock.advance(SignedDuration::from_mins(10));
    app.story("A later story", "").await;
    app.tick().await;
    due(&app).await;
    assert_eq!(app.told("ann@example.org", &["A good story", "A later story"]), [1, 0]);
    // What came too late for the approved issue is in the next one.
    app.clock.set(at("2026-05-03T06:10:00Z"));
    app.tick().await;
    let next = app.issue_of(&app.newsletter().await, "2026-05-03").await.unwrap();
    app.tick().await;
    approve_issue(&app.app.actions, next.id).await.unwrap();
    app.clock.set(at("2026-05-03T07:00:00Z"));
    app.tick().await;
    assert_eq!(app.told("ann@example.org", &["A good story", "A later story"]), [1, 1]);
}

async fn what_is_hidden_after_the_approval_stays_out_and_nothing_unseen_comes_in(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.digest.max_stories = 2).await;
    app.change_newsletter(|it| it.needs_approval = true).await;
    let issue = begun(&app).await;
    app.story("A spare story", "").await;
    app.clock.advance(SignedDuration::from_secs(1));
    let wrong = app.story("A wrong story", "").await;
    app.story("A good story", "").await;
    app.tick().await;
    approve_issue(&app.app.actions, issue).await.unwrap();
    hide_article(&app.app.actions, wrong, true).await.unwrap();
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let told = app.told("ann@example.org", &["A good story", "A wrong story", "A spare story"]);
    assert_eq!(told, [1, 0, 0]);
}

async fn operators_hear_of_an_approval_that_an_edit_took_back(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.needs_approval = true).await;
    let issue = begun(&app).await;
    let good = app.story("A good story", "").await;
    app.clock.set(at("2026-05-02T06:31:00Z"));
    app.tick().await;
    app.tick().await;
    let before = notices(&app, "approv");
    approve_issue(&app.app.actions, issue).await.unwrap();
    edit_issue(&app.app.actions, issue, &IssueWords::default(), &[Change::Pin(good)]).await.unwrap();
    app.tick().await;
    app.tick().await;
    assert_eq!(notices(&app, "approv"), before + 1);
}

async fn an_issue_that_the_last_look_made_too_short_asks_as_well(engine: Engine) {
    let site = MockServer::start().await;
    let app = TestApp::start_with(engine, |settings| {
        settings.recheck_seconds = 10;
        settings.feeds.allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
        settings.digest.too_few = TooFew::Ask;
        settings.digest.min_stories = 2;
    })
    .await;
    let issue = begun(&app).await;
    let store = app.store().await;
    for slug in ["good", "gone"] {
        let id = app.story(&format!("The {slug} story"), "").await;
        let address = format!("url = '{0}/{slug}', url_key = '{slug}'", site.uri());
        store.execute(&format!("UPDATE articles SET {address} WHERE id = {id}")).await;
    }
    Mock::given(path("/good")).respond_with(page("The good story")).mount(&site).await;
    Mock::given(path("/gone")).respond_with(ResponseTemplate::new(404)).mount(&site).await;
    due(&app).await;
    let record = app.issue(issue).await;
    assert_eq!((record.status, record.waits_for.as_deref()), (IssueStatus::Planned, Some("stories")));
    assert!(app.mails_to("ann@example.org").is_empty());
}

async fn a_pin_is_for_one_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "ann@example.org", &anything()).await;
    let story = app.story("A pinned story", "").await;
    pin_article(&app.app.actions, story, true).await.unwrap();
    app.send(&daily).await;
    assert_eq!(app.store().await.number("SELECT count(*) FROM articles WHERE pinned").await, 0);
}

async fn an_issue_that_nobody_approved_in_time_is_skipped_and_says_so(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.needs_approval = true).await;
    let issue = begun(&app).await;
    app.story("A good story", "").await;
    app.tick().await;
    due(&app).await;
    app.clock.set(at("2026-05-02T13:00:31Z"));
    app.tick().await;
    let record = app.issue(issue).await;
    assert_eq!(record.status, IssueStatus::Skipped);
    assert_eq!(record.reason.as_deref(), Some("no operator approved it in time"));
    assert!(app.mails_to("ann@example.org").is_empty());
}

async fn too_few_stories_wait_for_an_operator_where_that_is_wanted(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.digest.too_few = TooFew::Ask;
        settings.digest.min_stories = 2;
    })
    .await;
    let issue = begun(&app).await;
    app.story("A good story", "").await;
    app.tick().await;
    app.tick().await;
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Planned);
    assert_eq!(app.issue(issue).await.waits_for.as_deref(), Some("stories"));
    let store = app.store().await;
    let asked = format!("SELECT count(*) FROM mails WHERE kind = '{}'", MailKind::TooFewStories);
    assert!(store.number(&asked).await >= 1);
    approve_issue(&app.app.actions, issue).await.unwrap();
    app.settle().await;
    assert_eq!(app.told("ann@example.org", &["A good story"]), [1], "shorter, as the operator said");
}

async fn a_second_story_ends_the_wait(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.digest.too_few = TooFew::Ask;
        settings.digest.min_stories = 2;
    })
    .await;
    let issue = begun(&app).await;
    app.story("A good story", "").await;
    app.tick().await;
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Planned);
    app.clock.advance(SignedDuration::from_mins(2));
    app.story("Another story", "").await;
    app.tick().await;
    app.tick_after(SignedDuration::from_secs(31)).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
}

async fn too_few_stories_are_sent_or_skipped_as_configured(engine: Engine) {
    for (too_few, status) in [(TooFew::Send, IssueStatus::Sent), (TooFew::Skip, IssueStatus::Skipped)] {
        let app = TestApp::start_with(engine, |settings| {
            settings.digest.too_few = too_few;
            settings.digest.min_stories = 2;
        })
        .await;
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

async fn the_last_look_drops_what_is_gone_and_follows_what_moved_or_was_renamed(engine: Engine) {
    let site = MockServer::start().await;
    let app = TestApp::start_with(engine, |settings| {
        settings.recheck_seconds = 10;
        settings.feeds.allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
        settings.digest.max_stories = 3;
    })
    .await;
    let issue = begun(&app).await;
    let store = app.store().await;
    for (index, slug) in ["spare", "renamed", "moved", "gone"].iter().enumerate() {
        app.clock.advance(SignedDuration::from_secs(1));
        let id = app.story(&format!("The {slug} story"), "").await;
        store
            .execute(&format!(
                "UPDATE articles SET url = '{0}/{slug}', url_key = 'key{index}', page_title = 'The {slug} story' WHERE id = {id}",
                site.uri()
            ))
            .await;
    }
    Mock::given(path("/spare")).respond_with(page("The spare story")).mount(&site).await;
    Mock::given(path("/renamed")).respond_with(page("A better headline")).mount(&site).await;
    Mock::given(path("/moved"))
        .respond_with(ResponseTemplate::new(301).insert_header("location", "/new-place"))
        .mount(&site)
        .await;
    Mock::given(path("/new-place")).respond_with(page("The moved story")).mount(&site).await;
    Mock::given(path("/gone")).respond_with(ResponseTemplate::new(410)).mount(&site).await;
    due(&app).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
    let text = app.mails_to("ann@example.org").pop().unwrap().text();
    for says in ["A better headline", "The moved story", "/new-place", "The spare story"] {
        assert!(text.contains(says), "{says} is missing in {text}");
    }
    assert!(!text.contains("The gone story") && !text.contains("The renamed story"), "{text}");
    let fate = "SELECT reason FROM issue_stories t JOIN articles a ON a.id = t.article_id WHERE a.title = 'The gone story'";
    assert_eq!(store.texts(fate).await, ["gone"]);
}
