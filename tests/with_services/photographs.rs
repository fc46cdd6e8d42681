//! Photographs of every page of readers, for people to look at: two widths, light and dark, three brands. They are
//! saved as `pages/…png` in cargo's `target/tmp/screenshots`. Each page must fit its width.

use crate::support::{Engine, TestApp, browser::Browser};
use daily::domain::{
    brand::SocialLinks,
    content::article::FoundArticle,
    issue::days::Days,
    newsletter::{Newsletter, SendClock, parse_send_time},
    theme::{Colour, Fonts},
};
use jiff::SignedDuration;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path_regex};

const STORIES: &[(&str, &str, &str)] = &[
    (
        "The night boat runs again from March, after a close vote",
        "Council",
        "The last one leaves the pier at 1.40 am. A ticket stays at 2.80, and the town covers the loss for two years.",
    ),
    (
        "Rents went up by a tenth. See where, street by street",
        "Housing",
        "We looked at thousands of listings. The steepest climb was along the new tram line.",
    ),
    (
        "Schools will start later. What changes for your bus",
        "Schools",
        "Most routes run earlier, the rest run later. Here is the timetable.",
    ),
    (
        "The bakery that sells yesterday's bread at half price",
        "Food",
        "The queue starts at seven. The owner says business is good.",
    ),
    (
        "A boat builder moves into the old cannery",
        "Business",
        "The first keel will be laid where sardines were packed.",
    ),
    (
        "Missing cat found after nine years, far away",
        "People",
        "A story about two households and one very calm animal.",
    ),
    (
        "The lighthouse that learned to count whales",
        "Science",
        "A retired radar, two students and a great deal of tea.",
    ),
    ("The library forgives every fine", "Culture", "Hundreds of books came home in the first week."),
    ("Streetlights go out so you can see the stars", "Outdoors", "Where to park and what to bring."),
];

fn brand(name: &str, it: &mut Newsletter) {
    let url = |path: &str| Some(format!("https://www.{name}.example{path}").parse().unwrap());
    it.brand.site_url = url("/");
    it.brand.privacy_url = url("/privacy");
    it.brand.social =
        SocialLinks::parse("Mastodon=https://social.example/@paper,Instagram=https://pictures.example/paper")
            .unwrap();
    it.postal_address = "Paper Media Ltd, 1 Quay Street, Springfield SP1 2AA".into();
    it.days = Days::WEEKDAYS;
    it.send_time = parse_send_time("06:30").unwrap();
    it.tagline = "What happened on the water and up the hill, before your first coffee.".into();
    let (title, accent, fonts, language) = match name {
        "green" => ("The Quay Courier", "#0b5d4a", Fonts::Serif, "en-GB"),
        "orange" => ("Northern Dispatch", "#c2410c", Fonts::Sans, "en-US"),
        _ => ("Das Gelbe Blatt", "#ffd400", Fonts::Serif, "de"),
    };
    it.title = title.into();
    it.theme.accent = Colour::parse(accent);
    it.theme.fonts = fonts;
    it.language = language.into();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_photographed_in_three_brands() {
    let pictures = MockServer::start().await;
    let sea = r##"<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="800" viewBox="0 0 12 8"><rect width="12" height="8" fill="#124"/><circle cx="9" cy="2" r="1" fill="#fec"/><rect y="5" width="12" height="3" fill="#276"/><path d="M3 5h6l-1 1H4z" fill="#a52"/></svg>"##;
    let answer = ResponseTemplate::new(200).set_body_raw(sea, "image/svg+xml");
    Mock::given(path_regex(".*")).respond_with(answer).mount(&pictures).await;
    for name in ["green", "orange", "yellow"] {
        let app = TestApp::start_with(Engine::Sqlite, |settings| {
            settings.http.allowed_origins = vec![pictures.uri()];
        })
        .await;
        app.change_newsletter(|it| brand(name, it)).await;
        app.add_newsletter("weekend", |it| {
            brand(name, it);
            it.title = "The Weekend".into();
            it.clock = SendClock::Reader;
        })
        .await;
        let ann = app.reader("ann@example.org").await;
        for (day, lead) in [(0, 0), (1, 3), (3, 5)] {
            if day > 0 {
                app.clock.advance(SignedDuration::from_hours(24 * day));
            }
            for (number, (title, section, dek)) in
                STORIES.iter().cycle().skip(lead).take(STORIES.len()).enumerate()
            {
                let title = if day == 0 { (*title).to_owned() } else { format!("{title} ({day})") };
                let url = format!("https://www.{name}.example/{day}-{number}").parse().ok();
                let image_url =
                    (number != 5).then(|| format!("{}/{number}.svg", pictures.uri()).parse().unwrap());
                let story = FoundArticle {
                    url,
                    dek: Some((*dek).into()),
                    section: Some((*section).into()),
                    author: Some("Noor Bellamy".into()),
                    image_url,
                    image_alt: Some("A boat on the water".into()),
                    ..FoundArticle::titled(title)
                };
                app.add_article(story).await;
            }
            app.store().await.accept_pictures().await;
            app.send_issue().await;
        }
        let eve = app.visitor("eve@example.org");
        eve.signs_up().await;
        let (preferences, leave) = (ann.preferences().await, ann.unsubscribe_link().await);
        let newsletter = app.newsletter().await;
        let latest = app.issues_of(&newsletter).await.remove(0);
        let issue = format!("/issues/{}?newsletter=daily", latest.issue_date);
        let confirm = eve.confirmation_link();
        let pages: &[(&str, &str, Option<&str>)] = &[
            ("signup", "/?newsletter=daily", None),
            ("signup-problem", "/?newsletter=daily", Some("form.signup")),
            ("frame", "/embed?newsletter=daily", None),
            ("archive", "/issues?newsletter=daily", None),
            ("archives", "/issues", None),
            ("issue", &issue, None),
            ("error", "/nowhere", None),
            ("preferences", &preferences, None),
            ("preferences-saved", &preferences, Some("#topics")),
            ("unsubscribe", &leave, None),
        ];
        let ends: &[(&str, &str, &str)] =
            &[("confirm", &confirm, "confirmed"), ("unsubscribe", &leave, "unsubscribed")];
        for (looks, phone) in
            [("light-390", true), ("dark-390", true), ("light-1280", false), ("dark-1280", false)]
        {
            let browser = match (phone, looks.starts_with("dark")) {
                (true, true) => Browser::dark_phone().await,
                (true, false) => Browser::phone().await,
                (false, dark) => Browser::desktop(dark).await,
            };
            for (page, path, pressed) in pages {
                browser.client().goto(&absolute(&app, path)).await.unwrap();
                if let Some(pressed) = pressed {
                    let script = "const within = document.querySelector(arguments[0]), form = within.closest('form') || within; \
                                  form.noValidate = true; form.requestSubmit(within.querySelector('button'))";
                    browser
                        .turn_page(async |client: &fantoccini::Client| {
                            client.execute(script, vec![(*pressed).into()]).await.unwrap();
                        })
                        .await;
                }
                browser.photograph(&format!("pages/{name}-{page}-{looks}")).await;
            }
            // The check-your-inbox page, by a form that is submitted.
            browser.client().goto(&absolute(&app, "/?newsletter=daily")).await.unwrap();
            let script = "document.querySelector('#email').value = 'zoe@example.org'; document.querySelector('form.signup').requestSubmit()";
            browser
                .turn_page(async |client: &fantoccini::Client| {
                    client.execute(script, vec![]).await.unwrap();
                })
                .await;
            browser.photograph(&format!("pages/{name}-inbox-{looks}")).await;
            if looks != "dark-1280" {
                continue;
            }
            for (page, path, after) in ends {
                browser.client().goto(&absolute(&app, path)).await.unwrap();
                browser.photograph(&format!("pages/{name}-{page}-{looks}")).await;
                browser
                    .press(if *page == "confirm" { "form button" } else { "form.unsubscribe button" })
                    .await;
                browser.photograph(&format!("pages/{name}-{after}-{looks}")).await;
            }
            let again = Browser::phone().await;
            for (page, path) in [("confirmed", &confirm), ("unsubscribed", &leave)] {
                again.client().goto(&absolute(&app, path)).await.unwrap();
                again.photograph(&format!("pages/{name}-{page}-light-390")).await;
            }
        }
    }
}

fn absolute(app: &TestApp, path: &str) -> String {
    if path.starts_with('/') { format!("{}{path}", app.url) } else { path.to_owned() }
}
