//! Operators look after readers, feeds, newsletters and people on their pages.

use crate::support::{
    Engine, TestApp, on_both_engines,
    operator::{Desk, PASSWORD, csrf_in, hidden},
    reader::anything,
};
use daily::{
    actions::subscription::by_operator::unsubscribe_reader,
    db::content::feeds,
    domain::{actor::Actor, subscriber::subscription::SubscriptionStatus},
};
use std::collections::BTreeMap;

on_both_engines!(
    readers_are_found_by_address_beginning_and_domain,
    a_reader_is_paused_suppressed_and_erased,
    a_readers_emails_are_shown_and_one_subscription_is_ended,
    earlier_copies_are_on_pages_of_their_own,
    an_address_that_never_signed_up_is_suppressed,
    a_reader_is_added_with_and_without_evidence,
    stories_and_feeds_are_looked_after,
    feeds_are_read_again_accepted_and_removed,
    a_newsletter_is_changed_and_wrong_fields_are_named,
    the_look_is_shown_before_it_is_saved,
    two_admins_dont_overwrite_each_others_settings,
    people_are_invited_and_the_last_admin_stays,
    people_get_links_lose_sessions_and_set_up_their_second_factor_again,
    every_page_opens_and_addresses_are_only_text,
);

const READERS: &str = "/admin/n/daily/readers";

async fn readers_are_found_by_address_beginning_and_domain(engine: Engine) {
    let app = TestApp::start(engine).await;
    for address in ["ann@example.org", "anna@example.net", "ben@example.org"] {
        app.reader(address).await;
    }
    let desk = app.operator("Ada", "admin").await;
    let find = async |text: &str| desk.opens(&format!("{READERS}?q={}", text.replace('@', "%40"))).await;
    assert!(find("ann@example.org").await.contains("Copies, and what the relay said"));
    let found = find("ann").await;
    assert!(
        found.contains("ann@example.org") && found.contains("anna@example.net") && !found.contains("ben@"),
        "{found}"
    );
    let found = find("@example.org").await;
    assert!(
        found.contains("ann@example.org") && found.contains("ben@example.org") && !found.contains("anna@"),
        "{found}"
    );
    let missed = find("ann@example.com").await;
    assert!(missed.status == 404 && missed.contains("ann@example.org"), "{missed}");
    assert!(find("100%_x").await.contains("No reader is found"));
    let viewer = app.operator("Vera", "viewer").await;
    assert_eq!(viewer.opens(READERS).await.status, 403, "addresses are for those who look after readers");
}

async fn a_reader_is_paused_suppressed_and_erased(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader("ann@example.org").await;
    let desk = app.operator("Ada", "admin").await;
    let subscription = ann.subscription().await;
    let page = format!("{READERS}/{}", subscription.subscriber_id);
    let id = subscription.id.to_string();
    let fields = [("do", "pause"), ("subscription", id.as_str()), ("until", "2026-06-01")];
    assert!(desk.does(&page, &page, &fields).await.contains("<b>Paused.</b>"));
    assert_eq!(ann.subscription().await.status, SubscriptionStatus::Paused);
    let fields = [("do", "resume"), ("subscription", id.as_str())];
    assert!(desk.does(&page, &page, &fields).await.contains("<b>Resumed.</b>"));
    let suppressed = desk.does(&page, &page, &[("do", "suppress"), ("why", "asked by phone")]).await;
    assert!(suppressed.contains("asked by phone") && suppressed.contains("Undo"), "{suppressed}");
    assert!(desk.does(&page, &page, &[("do", "unsuppress")]).await.contains("Allowed again."));
    let wrong = desk.does(&page, &page, &[("do", "erase"), ("address", "ben@example.org")]).await;
    assert!(wrong.contains("Nothing was erased."), "{wrong}");
    let erased = desk.does(&page, &page, &[("do", "erase"), ("address", "Ann@example.org")]).await;
    assert!(erased.contains("<b>Erased.</b>"), "{erased}");
    assert_eq!(desk.opens(&page).await.status, 404);
}

async fn a_readers_emails_are_shown_and_one_subscription_is_ended(engine: Engine) {
    let app = TestApp::start(engine).await;
    let evening = app.add_newsletter("evening", |it| it.title = "The Evening Lamp".into()).await;
    let ann = app.reader("ann@example.org").await;
    app.reader_of(&evening, "ann@example.org", &anything()).await;
    app.visitor("ben@example.org").signs_up().await;
    let store = app.store().await;
    store.answer_emails(450, "4.2.0 try <again> later").await;
    let desk = app.operator("Ada", "admin").await;
    let ben = app.visitor("ben@example.org").subscription().await.subscriber_id;
    let shown = desk.opens(&format!("{READERS}/{ben}")).await;
    assert!(shown.contains("Confirmation") && shown.contains("450 4.2.0 try &lt;again&gt; later"), "{shown}");
    let subscription = ann.subscription_to("evening").await;
    let page = format!("{READERS}/{}", subscription.subscriber_id);
    assert!(desk.opens(&page).await.contains("Unsubscribe from evening"));
    let id = subscription.id.to_string();
    let ended = desk.does(&page, &page, &[("do", "leave"), ("subscription", &id)]).await;
    assert!(ended.contains("<b>Unsubscribed.</b> From evening."), "{ended}");
    assert_eq!(ann.status_at("evening").await, Some(SubscriptionStatus::Unsubscribed));
    assert_eq!(ann.status_at("daily").await, Some(SubscriptionStatus::Active), "the other one stays");
    // The ledger says by what means.
    assert!(ended.contains("by operator") && !ended.contains("by command"), "{ended}");
    let entry = ann.ledger().await.into_iter().find(|it| it.kind == "unsubscribed").expect("an entry");
    assert_eq!(entry.method, "operator");
    let command = Actor::Command { os_user: "daily".into(), sudo_user: None, host: "news1".into() };
    unsubscribe_reader(&app.app.actions, &command, &ann.subscription().await.address, None).await.unwrap();
    let methods: Vec<String> =
        ann.ledger().await.into_iter().filter(|it| it.kind == "unsubscribed").map(|it| it.method).collect();
    assert!(methods.contains(&"command".to_owned()), "{methods:?}");
    let again = desk.does(&page, &page, &[("do", "leave"), ("subscription", &id)]).await;
    assert!(again.contains("Not unsubscribed."), "{again}");
    let ben_page = format!("{READERS}/{ben}");
    let all = desk.does(&ben_page, &ben_page, &[("do", "unsubscribe")]).await;
    assert!(all.contains("1 subscription ended."), "{all}");
    let foreign = desk.does(&ben_page, &ben_page, &[("do", "leave"), ("subscription", &id)]).await;
    assert_eq!(foreign.status, 409, "the subscription is another reader's: {foreign}");
}

async fn earlier_copies_are_on_pages_of_their_own(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader("ann@example.org").await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    app.store().await.repeat_issues(40).await;
    let desk = app.operator("Ada", "admin").await;
    let page = format!("{READERS}/{}", ann.subscription().await.subscriber_id);
    let first = desk.opens(&page).await;
    assert_eq!(first.matches("class=\"state fine\">Delivered").count(), 30, "{first}");
    let (_, rest) = first.split_once("?copy=").unwrap();
    let before = rest.split('#').next().unwrap();
    let second = desk.opens(&format!("{page}?copy={before}")).await;
    assert_eq!(second.matches("class=\"state fine\">Delivered").count(), 11, "{second}");
    assert!(!second.contains("?copy="), "{second}");
}

async fn an_address_that_never_signed_up_is_suppressed(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let list = "/admin/n/daily/suppressions";
    let missed = desk.opens(&format!("{READERS}?q=eve%40example.org")).await;
    assert!(missed.contains("/suppressions?q=eve%40example.org"), "{missed}");
    assert!(desk.opens(&format!("{list}?q=eve%40example.org")).await.contains("is not suppressed"));
    let fields = [("do", "suppress"), ("address", "Eve@example.org"), ("why", "asked by phone")];
    let page = desk.does(list, list, &fields).await;
    assert!(page.contains("<b>Suppressed.</b>") && page.contains("Undo"), "{page}");
    assert!(page.contains("eve@example.org") && page.contains("asked by phone"), "{page}");
    assert!(desk.does(list, list, &fields).await.contains("Suppressed already."));
    app.visitor("eve@example.org").signs_up().await;
    assert!(app.emails_to("eve@example.org").len() <= 1, "at most the one confirmation a month");
    let wrong = desk.does(list, list, &[("do", "suppress"), ("address", "eve"), ("why", "x")]).await;
    assert!(wrong.contains("Nothing was changed."), "{wrong}");
    let lifted = desk.does(list, list, &[("do", "lift"), ("address", "eve@example.org")]).await;
    assert!(lifted.contains("<b>Allowed again.</b>") && lifted.contains("There are none."), "{lifted}");
    assert!(app.suppressed("eve@example.org").await.is_none());
    for n in 0..51 {
        app.suppress(&format!("reader{n}@example.net"), "bounced").await;
    }
    let first = desk.opens(list).await;
    assert!(first.contains("51 addresses get no email") && first.contains("Earlier"), "{first}");
    let (_, rest) = first.split_once("suppressions?before=").unwrap();
    let query = rest.split('"').next().unwrap().replace("&amp;", "&");
    let second = desk.opens(&format!("{list}?before={query}")).await;
    assert_eq!(second.matches("Allow it again:").count(), 1, "{second}");
}

async fn a_reader_is_added_with_and_without_evidence(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let page = desk
        .does(READERS, READERS, &[("address", "ann@example.org"), ("evidence", "signed card, 1 May")])
        .await;
    assert!(page.contains("<b>Added.</b>"), "{page}");
    let wrong = desk.does(READERS, READERS, &[("address", "ben@localhost"), ("evidence", "")]).await;
    assert!(wrong.contains("Not added.") && wrong.contains("The part after the @"), "{wrong}");
    let page = desk.does(READERS, READERS, &[("address", "ben@example.org"), ("evidence", "")]).await;
    assert!(page.contains("<b>Asked.</b>"), "{page}");
    app.settle().await;
    assert_eq!(app.emails_to("ben@example.org").len(), 1);
    let entries = daily::db::audit::page(&mut app.app.db.read().await.unwrap(), None, 50).await.unwrap();
    assert!(entries.iter().all(|entry| !entry.after.to_string().contains("ann@example.org")), "{entries:?}");
}

async fn stories_and_feeds_are_looked_after(engine: Engine) {
    let app = TestApp::start(engine).await;
    let article = app.article("The bridge opens").await.to_string();
    let desk = app.operator("Ed", "editor").await;
    let page = "/admin/n/daily/feeds";
    assert!(desk.opens(page).await.contains("No feeds yet."));
    assert!(desk.does(page, page, &[("do", "hide"), ("id", &article)]).await.contains("<b>Hidden.</b>"));
    assert!(app.articles().await[0].hidden);
    let wrong = desk.does(page, page, &[("feed", "javascript:alert(1)")]).await;
    assert!(wrong.contains("begins with https://"), "{wrong}");
    let added = desk.does(page, page, &[("feed", "https://courier.example/feed.xml")]).await;
    assert!(added.contains("https://courier.example/feed.xml"), "{added}");
    let refused = desk.submits_on(page, page, &[("story", "http://127.0.0.1:1/secret")]).await.page;
    assert_eq!(refused.status, 409, "addresses inside the network are not fetched: {refused}");
}

async fn feeds_are_read_again_accepted_and_removed(engine: Engine) {
    let app = TestApp::start(engine).await;
    let article = app.article("The bridge opens").await.to_string();
    let desk = app.operator("Ed", "editor").await;
    let page = "/admin/n/daily/feeds";
    let url = "https://courier.example/feed.xml";
    desk.does(page, page, &[("feed", url)]).await;
    let feed = async || feeds::list(&mut app.app.db.read().await.unwrap()).await.unwrap().remove(0);
    let id = feed().await.id.to_string();
    let press = async |verb: &str, id: &str| desk.does(page, page, &[("do", verb), ("id", id)]).await;
    assert!(press("try", &id).await.contains("<b>Soon.</b>"));
    assert!(press("accept", &id).await.contains("<b>Nothing to take.</b>"), "it isn't held");
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    feeds::hold(&mut tx, feed().await.id, now).await.unwrap();
    tx.commit().await.unwrap();
    assert!(press("accept", &id).await.contains("<b>Taken.</b>"));
    assert!(feed().await.held_since.is_none());
    assert!(press("remove", &id).await.contains("<b>Stopped.</b>"));
    assert_ne!(feed().await.status, "active");
    for (verb, said) in [("pin", "Pinned."), ("unpin", "Unpinned."), ("hide", "Hidden."), ("show", "Shown.")]
    {
        let shown = press(verb, &article).await;
        assert!(shown.contains(&format!("<b>{said}</b>")), "{verb}: {shown}");
        let it = app.articles().await.remove(0);
        assert_eq!((it.pinned, it.hidden), (verb == "pin", verb == "hide"), "{verb}");
    }
    for verb in ["pin", "unpin", "hide", "show", "try", "accept", "remove"] {
        assert_eq!(press(verb, "999").await.status, 404, "{verb}: it is gone");
    }
}

async fn a_newsletter_is_changed_and_wrong_fields_are_named(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let page = "/admin/n/daily/settings";
    let saved =
        desk.does(page, page, &[("title", "The Lamp"), ("days", "mon,fri"), ("approval", "required")]).await;
    assert!(saved.contains("The Lamp goes out on"), "{saved}");
    assert!(app.newsletter().await.newsletter.needs_approval);
    let wrong = desk.does(page, page, &[("title", "The Lantern"), ("send_time", "25:00")]).await;
    assert!(
        wrong.status == 422 && wrong.contains("aria-invalid") && wrong.contains("value=\"25:00\""),
        "{wrong}"
    );
    assert_eq!(app.newsletter().await.newsletter.title, "The Lamp");
}

async fn the_look_is_shown_before_it_is_saved(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let (page, look) = ("/admin/n/daily/settings", "/admin/n/daily/settings/look");
    let form = desk.opens(page).await;
    for part in ["formaction=\"/admin/n/daily/settings/look\"", "formtarget=\"look\"", "name=\"look\""] {
        assert!(form.contains(part), "{part}: {form}");
    }
    let saved = desk.get(look).await;
    assert!(saved.page.contains("The first story of the day"), "examples stand in: {}", saved.page);
    let policy = saved.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("sandbox") && policy.contains("frame-ancestors 'self'"), "{policy}");
    let title = app.newsletter().await.newsletter.title;
    let fields =
        [("title", "The <Lantern>"), ("accent", "#b00020"), ("fonts", "sans"), ("footer", "Made by hand")];
    let shown = desk.submits_on(page, look, &fields).await;
    assert_eq!(shown.page.status, 200, "{}", shown.page);
    for part in ["The &lt;Lantern&gt;", "Made by hand", "#b00020", "The first story of the day"] {
        assert!(shown.page.contains(part), "{part}: {}", shown.page);
    }
    assert!(shown.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    assert_eq!(app.newsletter().await.newsletter.title, title, "nothing is saved");
    let wrong = desk.submits_on(page, look, &[("accent", "reddish"), ("send_time", "25:00")]).await.page;
    assert!(wrong.status == 422 && wrong.contains("Colour of links and labels:"), "{wrong}");
    app.article("A whale in the harbour").await;
    let real = desk.submits_on(page, look, &[("title", "The Lantern")]).await.page;
    assert!(
        real.contains("A whale in the harbour") && !real.contains("The first story of the day"),
        "{real}"
    );
    let viewer = app.operator("Vera", "viewer").await;
    assert!(!viewer.opens(page).await.contains("formaction"));
    assert_eq!(viewer.submits_on(page, look, &[("title", "x")]).await.page.status, 403);
}

async fn two_admins_dont_overwrite_each_others_settings(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ada, tom) = (app.operator("Ada", "admin").await, app.operator("Tom", "admin").await);
    let page = "/admin/n/daily/settings";
    let form = ada.opens(page).await;
    let shown = hidden(&form, "shown").replace("&quot;", "\"");
    let all: BTreeMap<String, String> = serde_json::from_str(&shown).unwrap();
    // A browser sends every field, with what was changed.
    let send = async |desk: &Desk<'_>, shown: &str, changes: &[(&str, &str)]| {
        let mut fields: BTreeMap<&str, &str> = all.iter().map(|(name, text)| (&**name, &**text)).collect();
        fields.extend(changes.iter().copied());
        fields.insert("shown", shown);
        let fields: Vec<(&str, &str)> = fields.into_iter().collect();
        desk.submits_on(page, page, &fields).await.page
    };
    assert_eq!(send(&tom, &shown, &[("title", "The Lantern"), ("fonts", "sans")]).await.status, 303);
    let wrong =
        send(&ada, &shown, &[("archive", "none"), ("approval", "required"), ("send_time", "25:00")]).await;
    assert_eq!(wrong.status, 422, "{wrong}");
    for kept in ["value=\"none\" selected", "value=\"required\" selected", "value=\"sans\" selected"] {
        assert!(wrong.contains(kept), "{kept}: {wrong}");
    }
    assert_eq!(send(&ada, &shown, &[("tagline", "Light")]).await.status, 303);
    let it = app.newsletter().await.newsletter;
    assert_eq!((it.title.as_str(), it.tagline.as_str()), ("The Lantern", "Light"), "both changes are in");
    let conflict = send(&ada, &shown, &[("title", "The Lamp")]).await;
    assert!(conflict.status == 409 && conflict.contains("Title: The Lantern"), "{conflict}");
    let newer = hidden(&conflict, "shown").replace("&quot;", "\"");
    assert_eq!(send(&ada, &newer, &[("title", "The Lamp"), ("tagline", "Light")]).await.status, 303);
    assert_eq!(app.newsletter().await.newsletter.title, "The Lamp");
    // People are changed in the same way.
    let page = "/admin/people";
    let id = app.operator_record("tom@example.org").await.id.to_string();
    let seen = app.operator_record("tom@example.org").await.profile();
    let change = async |desk: &Desk<'_>, role: &str| {
        let fields = [("do", "change"), ("id", &*id), ("seen", &*seen), ("name", "Thomas"), ("role", role)];
        desk.submits_on(page, page, &fields).await.page
    };
    assert_eq!(change(&ada, "editor").await.status, 303);
    let refused = change(&ada, "sender").await;
    assert!(refused.status == 409 && refused.contains("Thomas: editor"), "{refused}");
    let box_of = format!("id=\"p{id}-sender\" name=\"role\" value=\"sender\" checked");
    assert!(refused.contains(&box_of), "what was chosen is kept: {refused}");
}

async fn people_are_invited_and_the_last_admin_stays(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ada", "admin").await;
    let page = "/admin/people";
    let wrong = desk.does(page, page, &[("do", "invite"), ("address", "tom"), ("role", "editor")]).await;
    assert!(wrong.contains("Not invited.") && wrong.contains("Enter a full email address"), "{wrong}");
    let fields = [("do", "invite"), ("address", "tom@example.org"), ("role", "editor"), ("role", "sender")];
    let invited = desk.does(page, page, &fields).await;
    let (_, link) = invited.split_once("/admin/welcome/").unwrap();
    let token = link.split('"').next().unwrap();
    assert!(app.store().await.columns_naming(token).await.is_empty(), "the link is kept as a hash alone");
    assert!(!desk.opens(page).await.contains(token), "it is shown once");
    let link = format!("/admin/welcome/{token}");
    let tom = app.desk("tom@example.org");
    tom.submits_on(&link, &link, &[("name", "Tom"), ("password", PASSWORD), ("again", PASSWORD)]).await;
    tom.sets_up_second_factor().await;
    assert!(tom.opens("/admin").await.contains("editor, may send"));
    assert_eq!(tom.opens(page).await.status, 403);
    let id = app.operator_record("ada@example.org").await.id.to_string();
    let fields = [("do", "change"), ("id", id.as_str()), ("name", "Ada"), ("role", "viewer")];
    let kept = desk.does(page, page, &fields).await;
    assert!(kept.contains("Nobody could manage people any more"), "{kept}");
    let token = csrf_in(&kept);
    let tom_id = app.operator_record("tom@example.org").await.id.to_string();
    desk.posts(page, &[("csrf", token.as_str()), ("do", "remove"), ("id", tom_id.as_str())]).await;
    assert!(tom.get("/admin/n/daily").await.location.is_some(), "Tom is signed out");
}

async fn people_get_links_lose_sessions_and_set_up_their_second_factor_again(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ada, tom) = (app.operator("Ada", "admin").await, app.operator("Tom", "editor").await);
    let page = "/admin/people";
    let id = app.operator_record("tom@example.org").await.id.to_string();
    let press = async |verb: &str| ada.does(page, page, &[("do", verb), ("id", &id)]).await;
    let linked = press("link").await;
    let (_, link) = linked.split_once("/admin/welcome/").unwrap();
    let link = format!("/admin/welcome/{}", link.split('"').next().unwrap());
    assert_eq!(app.desk("tom@example.org").opens(&link).await.status, 200);
    assert_eq!(tom.get("/admin/me").await.page.status, 200);
    let ended = press("end").await;
    assert!(ended.contains("<b>Ended.</b> 1 session of Tom."), "{ended}");
    assert!(tom.get("/admin/me").await.location.unwrap().starts_with("/admin/sign-in?"));
    let reset = press("reset").await;
    assert!(reset.contains("<b>Reset.</b>"), "{reset}");
    let again = app.desk("tom@example.org");
    let asked = again.signs_in(PASSWORD).await;
    assert_eq!(asked.location.as_deref(), Some("/admin/sign-in/second-factor?next=%2Fadmin"));
    assert!(ada.get("/admin/me").await.location.is_none(), "Ada stays signed in");
    for verb in ["link", "end", "reset", "remove"] {
        let gone = ada.does(page, page, &[("do", verb), ("id", "999")]).await;
        assert_eq!(gone.status, 404, "{verb}: {gone}");
    }
}

async fn every_page_opens_and_addresses_are_only_text(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("o'hara+x@example.org").await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    app.clock.advance(jiff::SignedDuration::from_secs(2));
    app.article("A whale").await;
    let desk = app.operator("Ada", "editor,sender,admin").await;
    for page in [
        "",
        "/issues/2026-05-01",
        "/issues/2026-05-02",
        "/issues/2026-05-02/preview",
        "/issues/2026-05-02/preview?view=text",
        "/issues/2026-05-02/preview?view=desktop&scheme=dark",
        "/issues/2026-05-02/edit",
        "/issues/2026-05-02/send",
        "/issues/2026-05-01/report",
        "/import",
        "/live",
        "/reports",
        "/calendar",
        "/readers",
        "/suppressions",
        "/suppressions?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/readers?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/feeds",
        "/settings",
    ] {
        let opened = desk.opens(&format!("/admin/n/daily{page}")).await;
        assert_eq!(opened.status, 200, "{page}: {opened}");
        assert!(!opened.contains("<script>alert"), "{page}");
        assert!(
            !opened.contains(" style=\"") && !opened.contains("onclick"),
            "{page} has inline styles or scripts"
        );
    }
    for page in ["/admin/people", "/admin/system", "/admin/me", "/admin/keys"] {
        assert_eq!(desk.opens(page).await.status, 200, "{page}");
    }
    let email = desk.opens("/admin/n/daily/issues/2026-05-02/email?scheme=dark").await;
    assert!(email.contains("@media all{") && !email.contains("prefers-color-scheme"), "{email}");
    let figures = desk.opens("/admin/n/daily/issues/2026-05-01/report/figures.csv").await;
    assert!(figures.contains("\n2026-05-01,sent,1,1,0,0,0,0,"), "{figures}");
    assert_eq!(desk.opens("/admin/n/nowhere").await.status, 404);
    assert_eq!(desk.opens("/admin/n/daily/issues/yesterday").await.status, 404);
}
