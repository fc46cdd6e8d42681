//! Pictures of emails: made when a story enters a plan, named by its revision, and served for years.

use crate::{
    feeds::start_with,
    support::{
        DAY, Engine, OPERATOR, TestApp, on_both_engines,
        reader::anything,
        site::{respond, respond_once},
    },
};
use daily::{
    actions::issue::{
        approve_issue::{SeenPlan, approve_issue},
        send_issue::{begin_issue, send_issue},
    },
    db::{
        content::articles::{self, FoundPicture},
        issues::revisions,
    },
    domain::{
        content::made_picture::MadePictures,
        ids::{ArticleId, IssueId},
        issue::{revision::Content, status::IssueStatus},
    },
    issues::forecast::forecast,
    jobs::periodic::apply_retention::{Erased, apply_retention},
    settings::Settings,
};
use image::{ImageFormat, Rgb, RgbImage};
use jiff::SignedDuration;
use reqwest::{Method, StatusCode, header};
use std::{collections::BTreeSet, io::Cursor, time::Duration};
use wiremock::{MockServer, ResponseTemplate};

const TOMORROW: &str = "2026-05-02";

/// Returns a grainy picture. Different levels give different files.
fn photo(width: u32, height: u32, level: u8) -> Vec<u8> {
    let shade = |place: u32, of: u32| u8::try_from(place * 255 / of).unwrap();
    let photo = RgbImage::from_fn(width, height, |x, y| {
        let grain = u8::try_from((x * 7919 + y * 104_729 + x * y) % 61).unwrap();
        Rgb([shade(x, width) / 2 + grain, shade(y, height) / 2 + grain, level / 2 + grain])
    });
    let mut bytes = Cursor::new(Vec::new());
    photo.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// Returns a picture that is harder to compress than photographs: shades, under patches and grain of all sizes.
fn hard_photo(width: u32, height: u32, number: u32) -> Vec<u8> {
    let patch = |x: u32, y: u32, size: u32| {
        let mut hash = (x / size).wrapping_mul(0x9e37_79b1) ^ (y / size).wrapping_mul(0x85eb_ca77);
        hash = (hash ^ (number * 8 + size)).wrapping_mul(0x2c1b_3c6d);
        (hash ^ (hash >> 13)).wrapping_mul(0x297a_2d39) >> 24
    };
    let photo = RgbImage::from_fn(width, height, |x, y| {
        let texture = patch(x, y, 1) / 8 + patch(x, y, 3) / 8 + patch(x, y, 11) / 4 + patch(x, y, 47) / 4;
        let level = |shade: u32| u8::try_from(texture + shade / 4).unwrap();
        Rgb([level(x * 255 / width), level(y * 255 / height), level(patch(x, y, 29))])
    });
    let mut bytes = Cursor::new(Vec::new());
    photo.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn picture(bytes: Vec<u8>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(bytes, "image/jpeg")
}

async fn start(engine: Engine, change: impl FnOnce(&mut Settings)) -> (TestApp, MockServer) {
    let app = start_with(engine, change).await;
    app.reader_of(&app.newsletter().await, "ann@example.org", &anything()).await;
    (app, MockServer::start().await)
}

/// Gives an article a picture that was found fit before.
async fn set_picture(app: &TestApp, id: ArticleId, url: &str) {
    let found = FoundPicture { url: url.parse().unwrap(), alt: None, size: Ok((640, 400)) };
    let mut tx = app.app.db.begin().await.unwrap();
    articles::set_picture(&mut tx, id, &found, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Adds an article with a picture of this name on the site.
async fn story(app: &TestApp, site: &MockServer, title: &str, name: &str) -> ArticleId {
    let id = app.article(title).await;
    set_picture(app, id, &format!("{}/{name}", site.uri())).await;
    id
}

/// Creates tomorrow's issue early, and waits for its plan.
async fn begin(app: &TestApp) -> IssueId {
    let date = TOMORROW.parse().unwrap();
    let daily = app.newsletter().await;
    let issue = begin_issue(&app.app.actions, &OPERATOR, &daily, date).await.unwrap().id;
    app.run_due().await;
    issue
}

/// Returns what operators see of tomorrow's issue.
async fn shown(app: &TestApp) -> Content {
    let mut tx = app.app.db.read().await.unwrap();
    let planning = app.app.jobs.issues.planning();
    let newsletter = app.newsletter().await;
    forecast(planning, &mut tx, &newsletter, TOMORROW.parse().unwrap()).await.unwrap().content
}

/// Returns the pictures that the revision of tomorrow's issue names, by story.
async fn made(app: &TestApp) -> Vec<Option<MadePictures>> {
    let pictures = shown(app).await.stories.into_iter().map(|story| story.picture);
    pictures.map(|picture| picture.expect("a story with a picture").made).collect()
}

fn address(app: &TestApp, file: impl std::fmt::Display) -> String {
    format!("{}/pictures/{file}", app.url)
}

/// Sends tomorrow's issue as an operator does.
async fn send_now(app: &TestApp, issue: IssueId) {
    let date = TOMORROW.parse().unwrap();
    send_issue(&app.app.actions, &OPERATOR, &app.newsletter().await, date).await.unwrap();
    app.wait_for_status(issue, IssueStatus::Sent).await;
}

on_both_engines!(
    a_plan_makes_pictures_which_its_revision_names_and_emails_show,
    pictures_are_served_for_caches_that_keep_them_for_good,
    previews_of_shared_pages_show_the_lead,
    stories_keep_their_sites_pictures_where_none_can_be_made,
    a_failed_picture_is_made_by_a_later_plan,
    an_approved_issue_keeps_its_pictures_whatever_the_site_does,
    only_pictures_that_were_never_sent_are_dropped,
    pictures_can_be_served_from_elsewhere_or_not_made_at_all,
    an_email_of_twelve_stories_is_light,
);

async fn a_plan_makes_pictures_which_its_revision_names_and_emails_show(engine: Engine) {
    let (app, site) = start(engine, |_| {}).await;
    respond(&site, "/ferry.jpg", picture(photo(640, 400, 10))).await;
    respond(&site, "/quay.jpg", picture(photo(400, 400, 90))).await;
    story(&app, &site, "The ferry is back", "ferry.jpg").await;
    story(&app, &site, "The quay is closed", "quay.jpg").await;
    let before = shown(&app).await;
    assert!(before.stories.iter().all(|it| it.picture.as_ref().is_some_and(|it| it.made.is_none())));
    let issue = begin(&app).await;
    let content = shown(&app).await;
    assert_ne!(content.revision(), before.revision());
    assert!(content.changes_since(&before).is_empty(), "{:?}", content.changes_since(&before));
    let made: Vec<MadePictures> = made(&app).await.into_iter().map(Option::unwrap).collect();
    let mut leads: Vec<_> = made.iter().map(|it| (it.lead.width, it.lead.height)).collect();
    leads.sort_unstable();
    assert_eq!(leads, [(400, 200), (640, 320)], "none is enlarged");
    assert!(made.iter().all(|it| (it.thumbnail.width, it.thumbnail.height) == (192, 192)));
    // Another plan makes nothing again.
    let fetched = site.received_requests().await.unwrap().len();
    app.clock.advance(SignedDuration::from_mins(1));
    app.article("A story without a picture").await;
    app.run_due_after(SignedDuration::from_mins(15)).await;
    assert_eq!(site.received_requests().await.unwrap().len(), fetched);
    send_now(&app, issue).await;
    let email = app.emails_to("ann@example.org").pop().unwrap();
    // The story without a picture leads, and the others stand side by side.
    let shown = |it: &MadePictures| email.html().contains(&address(&app, &it.second_tier.file));
    assert!(made.iter().all(shown), "{}", email.html());
    assert!(!email.html().contains(&site.uri()));
}

async fn pictures_are_served_for_caches_that_keep_them_for_good(engine: Engine) {
    let (app, site) = start(engine, |_| {}).await;
    respond(&site, "/ferry.jpg", picture(photo(1500, 900, 10))).await;
    story(&app, &site, "The ferry is back", "ferry.jpg").await;
    begin(&app).await;
    let file = made(&app).await[0].clone().unwrap().lead.file;
    let answer = app.get(&address(&app, &file)).await;
    let headers = answer.headers().clone();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(headers[header::CONTENT_TYPE], "image/jpeg");
    assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(headers["cross-origin-resource-policy"], "cross-origin");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let body = answer.bytes().await.unwrap();
    let picture = image::load_from_memory(&body).unwrap();
    assert_eq!((picture.width(), picture.height()), (1200, 600));
    let head = app.client.request(Method::HEAD, address(&app, &file)).send().await.unwrap();
    assert_eq!(
        (head.status(), &head.headers()[header::CONTENT_LENGTH]),
        (StatusCode::OK, &headers[header::CONTENT_LENGTH])
    );
    assert!(head.bytes().await.unwrap().is_empty());
    let known = app.client.get(address(&app, &file)).header(header::IF_NONE_MATCH, &headers[header::ETAG]);
    let known = known.send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(known.headers()[header::CACHE_CONTROL], headers[header::CACHE_CONTROL]);
    assert!(known.bytes().await.unwrap().is_empty());
    let other = "0".repeat(32);
    for name in [
        format!("{other}.jpg"),
        format!("{}.png", file.hash),
        format!("{}.JPG", file.hash),
        "x".into(),
        "..%2fetc".into(),
    ] {
        let missing =
            app.client.get(address(&app, &name)).header(header::IF_NONE_MATCH, "*").send().await.unwrap();
        assert_eq!(missing.status(), StatusCode::NOT_FOUND, "{name}");
        assert_eq!(missing.headers()[header::CACHE_CONTROL], "no-store", "{name}");
    }
}

async fn previews_of_shared_pages_show_the_lead(engine: Engine) {
    let (app, site) = start(engine, |_| {}).await;
    respond(&site, "/ferry.jpg", picture(photo(1300, 700, 10))).await;
    story(&app, &site, "The ferry is back", "ferry.jpg").await;
    let issue = begin(&app).await;
    let lead = made(&app).await[0].clone().unwrap().lead.file;
    let before = app.page("/?newsletter=daily").await;
    assert!(!before.contains("og:image") && before.contains("content=\"summary\""), "{before}");
    send_now(&app, issue).await;
    let image = format!("<meta property=\"og:image\" content=\"{}\">", address(&app, &lead));
    for path in ["/?newsletter=daily", "/issues?newsletter=daily", "/issues/2026-05-02?newsletter=daily"] {
        let page = app.page(path).await;
        assert!(page.contains(&image) && page.contains("content=\"summary_large_image\""), "{path}: {page}");
    }
}

async fn stories_keep_their_sites_pictures_where_none_can_be_made(engine: Engine) {
    let (app, site) = start(engine, |settings| {
        settings.feeds.timeout_seconds = 3;
        settings.digest.max_per_source = 0;
    })
    .await;
    // A host gets one request at a time, so the slow one is apart.
    let slow = MockServer::start().await;
    let jpeg = photo(640, 400, 10);
    let mut heavy = jpeg.clone();
    heavy.resize(5_000_001, 0);
    let answers = [
        ("cut.jpg", picture(jpeg[..jpeg.len() / 4].to_vec())),
        ("page.jpg", picture(b"<html><title>Not found".to_vec())),
        ("heavy.jpg", picture(heavy)),
        ("gone.jpg", ResponseTemplate::new(404)),
        ("broken.jpg", ResponseTemplate::new(500)),
        ("inside.jpg", ResponseTemplate::new(302).insert_header("location", "http://10.0.0.1/secret.jpg")),
        ("slow.jpg", picture(jpeg.clone()).set_delay(Duration::from_mins(5))),
        ("fine.jpg", picture(jpeg)),
    ];
    let mut names = Vec::new();
    for (name, answer) in answers {
        let site = if name == "slow.jpg" { &slow } else { &site };
        respond(site, format!("/{name}"), answer).await;
        story(&app, site, &format!("The story of {name}"), name).await;
        names.push(name);
    }
    begin(&app).await;
    let content = shown(&app).await;
    assert_eq!(content.stories.len(), names.len());
    for story in content.stories {
        let picture = story.picture.unwrap();
        assert_eq!(picture.made.is_some(), picture.url.ends_with("/fine.jpg"), "{}", picture.url);
    }
}

async fn a_failed_picture_is_made_by_a_later_plan(engine: Engine) {
    let (app, site) = start(engine, |_| {}).await;
    respond_once(&site, "/ferry.jpg", ResponseTemplate::new(503)).await;
    respond(&site, "/ferry.jpg", picture(photo(640, 400, 10))).await;
    story(&app, &site, "The ferry is back", "ferry.jpg").await;
    begin(&app).await;
    assert_eq!(made(&app).await, [None]);
    app.clock.advance(SignedDuration::from_mins(20));
    app.article("A newer story").await;
    app.run_due_after(SignedDuration::from_mins(20)).await;
    let content = shown(&app).await;
    let pictures: Vec<_> = content.stories.into_iter().filter_map(|story| story.picture?.made).collect();
    assert_eq!(pictures.len(), 1);
}

async fn an_approved_issue_keeps_its_pictures_whatever_the_site_does(engine: Engine) {
    let (app, site) = start(engine, |_| {}).await;
    app.change_newsletter(|it| it.needs_approval = true).await;
    respond(&site, "/ferry.jpg", picture(photo(640, 400, 10))).await;
    respond(&site, "/other.jpg", picture(photo(640, 400, 200))).await;
    let article = story(&app, &site, "The ferry is back", "ferry.jpg").await;
    let issue = begin(&app).await;
    let content = shown(&app).await;
    let lead = made(&app).await[0].clone().unwrap().lead.file;
    let (seen, now) = (SeenPlan::of(&app.issue(issue).await, content.revision()), app.clock.now());
    let mut tx = app.app.db.begin().await.unwrap();
    let date = TOMORROW.parse().unwrap();
    revisions::keep(&mut tx, app.newsletter().await.id, date, &content, now).await.unwrap();
    tx.commit().await.unwrap();
    approve_issue(&app.app.actions, &OPERATOR, issue, Some(seen)).await.unwrap();
    set_picture(&app, article, &format!("{}/other.jpg", site.uri())).await;
    send_now(&app, issue).await;
    let email = app.emails_to("ann@example.org").pop().unwrap();
    assert!(email.html().contains(&address(&app, &lead)), "{}", email.html());
    assert_eq!(app.get(&address(&app, &lead)).await.status(), StatusCode::OK);
}

async fn only_pictures_that_were_never_sent_are_dropped(engine: Engine) {
    let (app, site) = start(engine, |settings| {
        settings.retention.picture_days = 30;
        settings.retention.mail_days = 0;
        settings.digest.max_stories = 1;
    })
    .await;
    respond(&site, "/sent.jpg", picture(photo(640, 400, 10))).await;
    respond(&site, "/unsent.jpg", picture(photo(640, 400, 200))).await;
    let sent = story(&app, &site, "A story that is sent", "sent.jpg").await;
    let issue = begin(&app).await;
    let of_sent = made(&app).await[0].clone().unwrap();
    // A second story takes its place in the plan, and leaves it again.
    app.clock.advance(SignedDuration::from_mins(1));
    let mut tx = app.app.db.begin().await.unwrap();
    articles::set_hidden(&mut tx, sent, true).await.unwrap();
    tx.commit().await.unwrap();
    let unsent = story(&app, &site, "A story that is not sent", "unsent.jpg").await;
    app.run_due_after(SignedDuration::from_mins(15)).await;
    let of_unsent = made(&app).await[0].clone().unwrap();
    assert_ne!(of_sent.lead.file, of_unsent.lead.file);
    let mut tx = app.app.db.begin().await.unwrap();
    articles::set_hidden(&mut tx, sent, false).await.unwrap();
    articles::set_hidden(&mut tx, unsent, true).await.unwrap();
    tx.commit().await.unwrap();
    send_now(&app, issue).await;
    let readers = &app.app.jobs.readers;
    app.clock.advance(DAY * 30);
    assert_eq!(apply_retention(readers).await.unwrap(), Erased::default());
    // The time of the last plan may look a day older than it is.
    app.clock.advance(DAY * 2);
    assert_eq!(apply_retention(readers).await.unwrap(), Erased { pictures: 3, ..Erased::default() });
    app.clock.advance(DAY * 10_000);
    assert_eq!(apply_retention(readers).await.unwrap(), Erased { deliveries: 1, ..Erased::default() });
    assert_eq!(app.get(&address(&app, &of_unsent.lead.file)).await.status(), StatusCode::NOT_FOUND);
    for hash in of_sent.hashes() {
        assert_eq!(app.get(&address(&app, format!("{hash}.jpg"))).await.status(), StatusCode::OK);
    }
}

async fn pictures_can_be_served_from_elsewhere_or_not_made_at_all(engine: Engine) {
    for (make, expected) in [(true, "https://cdn.example/news/"), (false, "/ferry.jpg")] {
        let (app, site) = start(engine, |settings| {
            settings.pictures.make = make;
            settings.pictures.base_url = "https://cdn.example/news".into();
        })
        .await;
        respond(&site, "/ferry.jpg", picture(photo(640, 400, 10))).await;
        story(&app, &site, "The ferry is back", "ferry.jpg").await;
        assert_eq!(app.send_issue().await, IssueStatus::Sent);
        let email = app.emails_to("ann@example.org").pop().unwrap();
        assert!(email.html().contains(expected), "{}", email.html());
    }
}

async fn an_email_of_twelve_stories_is_light(engine: Engine) {
    let (app, site) = start(engine, |settings| settings.digest.max_per_source = 0).await;
    // The rest in brief shows no pictures, so those of the oldest stories are left out here.
    for n in 0..5 {
        app.article(&format!("A short story, number {n}")).await;
    }
    for n in 0..7 {
        respond(&site, format!("/{n}.jpg"), picture(hard_photo(1210, 640, n))).await;
        story(&app, &site, &format!("Story number {n}"), &format!("{n}.jpg")).await;
    }
    let issue = begin(&app).await;
    let made = shown(&app).await.stories.into_iter().filter_map(|story| story.picture?.made);
    let sizes: Vec<_> = made.map(|it| (it.lead.width, it.thumbnail.width)).collect();
    assert_eq!(sizes, [(1200, 192); 7], "hard pictures are not made smaller");
    send_now(&app, issue).await;
    let email = app.emails_to("ann@example.org").pop().unwrap();
    // A mail program loads the HTML, and each picture once.
    let html = email.html();
    let pictures: BTreeSet<&str> =
        html.split(" src=\"").skip(1).filter_map(|it| it.split('"').next()).collect();
    assert_eq!(pictures.len(), 7, "the lead, a pair, four rows, and the rest in brief: {html}");
    let mut weight = html.len();
    for url in pictures {
        let answer = app.get(url).await;
        assert_eq!(answer.status(), StatusCode::OK, "{url}");
        weight += answer.bytes().await.unwrap().len();
    }
    assert!(weight < 600_000, "{weight} bytes");
}
