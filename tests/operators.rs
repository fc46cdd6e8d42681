//! Operators sign in, and may do what their roles allow.

mod checks;
mod desk;
mod elsewhere;
mod import;
mod missed;
mod notices;
mod oidc;
mod pages;
mod roles;
mod sending;

use crate::support::{
    Engine, OPERATOR, TestApp, on_both_engines,
    operator::{PASSWORD, csrf_in, key_in},
};
use daily::{
    actions::operator::{
        change_operator::change_operator,
        links::{make_first_link, make_link},
        second_factor::reset_second_factor,
    },
    db::{audit, operators::sessions},
    domain::operator::totp,
};
use jiff::SignedDuration;

on_both_engines!(
    the_first_account_is_made_with_a_link_once,
    signing_in_takes_a_password_and_a_code,
    a_second_factor_is_set_up_once_with_a_key_nobody_else_was_shown,
    a_recovery_code_works_once,
    wrong_passwords_tell_nothing_and_are_limited,
    nobody_can_lock_an_operator_out_of_a_browser_they_use,
    links_to_choose_a_password_end_with_what_they_were_made_for,
    sessions_are_rotated_listed_and_ended,
    an_open_page_does_not_keep_its_session_alive,
    forms_without_their_token_change_nothing,
    roles_decide_what_is_allowed,
);

async fn the_first_account_is_made_with_a_link_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    let token = make_first_link(&app.app.actions).await.unwrap().unwrap();
    let link = format!("/admin/welcome/{token}");
    let desk = app.desk("ines@example.org");
    let page = desk.opens(&link).await;
    assert!(page.contains("Make the first account"), "{page}");
    let fields = |password| {
        [("address", "ines@example.org"), ("name", "Ines"), ("password", password), ("again", password)]
    };
    let weak = desk.submits_on(&link, &link, &fields("password1234")).await;
    assert!(weak.page.status == 422 && weak.page.contains("aria-invalid"), "{}", weak.page);
    let made = desk.submits_on(&link, &link, &fields(PASSWORD)).await;
    assert_eq!(made.location.as_deref(), Some("/admin/sign-in/second-factor?next=%2Fadmin"));
    assert_eq!(desk.get("/admin/n/daily").await.location.as_deref(), Some("/admin/sign-in/second-factor"));
    let codes = desk.sets_up_second_factor().await;
    assert!(codes.contains("recovery codes"), "{codes}");
    let today = desk.opens("/admin").await;
    assert!(today.contains("admin, editor, may send"), "{today}");
    let again = app.desk("eve@example.org").opens(&link).await;
    assert_eq!(again.status, 404, "{again}");
    assert!(make_first_link(&app.app.actions).await.unwrap().is_none());
}

async fn signing_in_takes_a_password_and_a_code(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.operator("Ines", "viewer").await;
    let desk = app.desk("ines@example.org");
    let asked = desk.get("/admin/n/daily?x=1").await;
    assert_eq!(asked.location.as_deref(), Some("/admin/sign-in?next=%2Fadmin%2Fn%2Fdaily%3Fx%3D1"));
    let first = desk.signs_in(PASSWORD).await;
    assert_eq!(first.location.as_deref(), Some("/admin/sign-in/code?next=%2Fadmin"));
    let place = "/admin/sign-in/code";
    let used = app.code_of(&desk.address).await;
    assert_eq!(
        desk.submits_on(place, place, &[("code", &used)]).await.page.status,
        422,
        "it was used to set up"
    );
    app.clock.advance(SignedDuration::from_secs(60));
    let code = app.code_of(&desk.address).await;
    let done = desk.submits_on(place, place, &[("code", &code), ("next", "/admin/n/daily?x=1")]).await;
    assert_eq!(done.location.as_deref(), Some("/admin/n/daily?x=1"));
    assert!(desk.opens("/admin/n/daily").await.contains("Ines"));
    let elsewhere = app.desk("ines@example.org");
    elsewhere.signs_in(PASSWORD).await;
    let away = elsewhere.submits_on(place, place, &[("code", &code), ("next", "//evil.example")]).await;
    assert_eq!(away.page.status, 422, "a code counts once");
}

async fn a_second_factor_is_set_up_once_with_a_key_nobody_else_was_shown(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.account("ines@example.org", "viewer").await;
    let ines = app.desk("ines@example.org");
    ines.chooses_password("Ines").await;
    // Somebody else knows the password, and looks at the key first.
    let eve = app.desk("ines@example.org");
    eve.signs_in(PASSWORD).await;
    let place = "/admin/sign-in/second-factor";
    let foreign = key_in(&eve.opens(place).await);
    let own = key_in(&ines.opens(place).await);
    assert_ne!(own, foreign, "each session has a key of its own");
    assert_eq!(own, key_in(&ines.opens(place).await), "which stays the same when the page is loaded again");
    let codes = ines.sets_up_second_factor().await;
    assert!(codes.contains("recovery codes"), "{codes}");
    let late = eve.get(place).await;
    assert_eq!(late.location.as_deref(), Some("/admin/sign-in?next=%2Fadmin"), "{}", late.page);
    app.clock.advance(SignedDuration::from_secs(60));
    eve.signs_in(PASSWORD).await;
    let code = totp::code(&foreign, app.clock.now());
    let place = "/admin/sign-in/code";
    assert_eq!(eve.submits_on(place, place, &[("code", &code)]).await.page.status, 422);
    // A reset ends the sessions that the old factor opened.
    assert_eq!(ines.get("/admin/n/daily").await.page.status, 200);
    let record = app.operator_record("ines@example.org").await;
    reset_second_factor(&app.app.operators, &OPERATOR, record.id, None).await.unwrap();
    assert!(ines.get("/admin/n/daily").await.location.unwrap().starts_with("/admin/sign-in?"));
}

async fn a_recovery_code_works_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.account("ines@example.org", "viewer").await;
    let desk = app.desk("ines@example.org");
    desk.chooses_password("Ines").await;
    let page = desk.sets_up_second_factor().await;
    let (_, list) = page.split_once("<ul class=\"codes after\"><li>").unwrap();
    let code = list.split('<').next().unwrap().to_uppercase().replace('-', " ");
    let place = "/admin/sign-in/code";
    for expected in [303, 422] {
        let desk = app.desk("ines@example.org");
        desk.signs_in(PASSWORD).await;
        assert_eq!(desk.submits_on(place, place, &[("code", &code)]).await.page.status, expected);
    }
    let id = app.operator_record("ines@example.org").await.id;
    let mut tx = app.app.db.read().await.unwrap();
    let used = audit::for_subject(&mut tx, "operator.recovery_code", id.0).await.unwrap();
    assert_eq!(used.len(), 1, "{used:?}");
    assert_eq!(
        (&used[0].before["recovery_codes"], &used[0].after["recovery_codes"]),
        (&10.into(), &9.into())
    );
}

async fn wrong_passwords_tell_nothing_and_are_limited(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.operator("Ines", "viewer").await;
    app.add_operator("alerts@example.org").await;
    let answer = async |address: &str| {
        let reply = app.desk(address).signs_in("wrong horse battery").await;
        let page = reply.page.replace(address, "ADDRESS");
        let token = csrf_in(&page);
        (reply.page.status, page.replace(&token, "TOKEN"))
    };
    let known = answer("ines@example.org").await;
    assert_eq!(known.0, 422);
    assert_eq!(known, answer("nobody@example.org").await);
    assert_eq!(known, answer("alerts@example.org").await, "an address without an account");
    for _ in 0..9 {
        answer("ines@example.org").await;
    }
    assert_eq!(answer("ines@example.org").await.0, 429);
    let right = app.desk("ines@example.org").signs_in(PASSWORD).await;
    assert_eq!(right.page.status, 429, "the right password is refused, too");
    app.clock.advance(SignedDuration::from_mins(20));
    assert_eq!(app.desk("ines@example.org").signs_in(PASSWORD).await.page.status, 303);
}

async fn nobody_can_lock_an_operator_out_of_a_browser_they_use(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ines = app.operator("Ines", "viewer").await;
    ines.set_token("");
    let tom = app.operator("Tom", "viewer").await;
    tom.set_token("");
    let attempts = app.app.operators.keys.fingerprint("operator account ines@example.org");
    let until = app.clock.now() + SignedDuration::from_hours(1);
    app.store().await.use_up_limit(&attempts, until).await;
    assert_eq!(app.desk("ines@example.org").signs_in(PASSWORD).await.page.status, 429);
    let foreign = tom.signs_in_as("ines@example.org", PASSWORD).await;
    assert_eq!(foreign.page.status, 429, "Tom's browser is known for Tom only");
    assert_eq!(ines.signs_in(PASSWORD).await.page.status, 303);
    let known = app.app.operators.keys.fingerprint("operator browser ines@example.org");
    app.store().await.use_up_limit(&known, until).await;
    ines.set_token("");
    assert_eq!(ines.signs_in(PASSWORD).await.page.status, 429, "it has a limit of its own");
}

async fn links_to_choose_a_password_end_with_what_they_were_made_for(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ines = app.operator("Ines", "editor").await;
    let id = app.operator_record("ines@example.org").await.id;
    let link = async || {
        let token = make_link(&app.app.actions, &OPERATOR, id).await.unwrap();
        format!("/admin/welcome/{token}")
    };
    let status = async |link: &str| app.desk("ines@example.org").opens(link).await.status;
    let change = async |roles: &str| {
        let roles = roles.parse().unwrap();
        change_operator(&app.app.actions, &OPERATOR, id, "Ines", &roles, true).await.unwrap();
    };
    let first = link().await;
    change("editor").await;
    assert_eq!(status(&first).await, 200, "nothing was changed");
    change("viewer").await;
    assert_eq!(status(&first).await, 404, "it was made for an editor");
    let second = link().await;
    let new = "another lantern otter quay";
    let fields = [("old", PASSWORD), ("password", new), ("again", new)];
    let page = ines.does("/admin/me", "/admin/me", &fields).await;
    assert!(page.contains("All your other sessions have ended."), "{page}");
    assert_eq!(status(&second).await, 404, "a password was chosen since");
}

async fn sessions_are_rotated_listed_and_ended(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ines", "viewer").await;
    let other = app.desk("ines@example.org");
    other.signs_in(PASSWORD).await;
    let before = other.token().unwrap();
    app.clock.advance(SignedDuration::from_secs(60));
    let code = app.code_of("ines@example.org").await;
    let place = "/admin/sign-in/code";
    other.submits_on(place, place, &[("code", &code)]).await;
    assert_ne!(other.token().unwrap(), before, "a token from before the code is worth nothing");
    let stale = app.desk("ines@example.org");
    stale.set_token(&before);
    assert!(stale.get("/admin/n/daily").await.location.unwrap().starts_with("/admin/sign-in?"));
    let mine = desk.opens("/admin/me").await;
    let (_, rest) = mine.split_once("name=\"end\" value=\"").unwrap();
    let id = rest.split('"').next().unwrap();
    assert!(desk.does("/admin/me", "/admin/me", &[("end", id)]).await.contains("That browser is signed out"));
    assert!(other.get("/admin/n/daily").await.location.is_some());
    let reply = desk.get("/admin/n/daily").await;
    let policy = reply.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(reply.headers["cache-control"], "no-store");
    app.clock.advance(SignedDuration::from_hours(12));
    assert!(desk.get("/admin/n/daily").await.location.unwrap().starts_with("/admin/sign-in?"), "it was idle");
}

async fn an_open_page_does_not_keep_its_session_alive(engine: Engine) {
    let app = TestApp::start(engine).await;
    let desk = app.operator("Ines", "viewer").await;
    let stream = async || {
        let request = app.getting("/admin/n/daily/issues/2026-05-02/send/events");
        let cookie = format!("daily-desk={}", desk.token().unwrap());
        request.header("cookie", cookie).send().await.unwrap()
    };
    let seen = async || {
        let id = app.operator_record("ines@example.org").await.id;
        let mut tx = app.app.db.read().await.unwrap();
        sessions::for_operator(&mut tx, id).await.unwrap()[0].seen_at.0
    };
    let signed_in_at = seen().await;
    for _ in 0..11 {
        app.clock.advance(SignedDuration::from_hours(1));
        assert_eq!(stream().await.status(), 200, "the page is open");
    }
    assert_eq!(seen().await, signed_in_at, "nobody was at the desk");
    app.clock.advance(SignedDuration::from_hours(1));
    assert!(stream().await.status().is_redirection(), "twelve hours without a person are the end");
    assert!(desk.get("/admin/n/daily").await.location.unwrap().starts_with("/admin/sign-in?"));
}

async fn forms_without_their_token_change_nothing(engine: Engine) {
    let app = TestApp::start(engine).await;
    let article = app.article("The bridge opens").await.to_string();
    let ines = app.operator("Ines", "editor").await;
    let tom = app.operator("Tom", "editor").await;
    let place = "/admin/n/daily/issues/2026-05-02";
    let foreign = csrf_in(&tom.opens(place).await);
    for token in ["", "x", foreign.as_str()] {
        let reply = ines.posts(place, &[("csrf", token), ("drop", &article)]).await;
        assert_eq!(reply.page.status, 403, "{token}: {}", reply.page);
    }
    let token = csrf_in(&ines.opens(place).await);
    let body = serde_urlencoded::to_string([("csrf", token.as_str()), ("drop", &article)]).unwrap();
    let forged = app.posting(place).header("content-type", "application/x-www-form-urlencoded");
    let forged = forged.header("cookie", format!("daily-desk={}", ines.token().unwrap()));
    let forged = forged.header("sec-fetch-site", "cross-site").body(body).send().await.unwrap();
    assert_eq!(forged.status(), 403);
    assert!(app.issues().await.is_empty(), "nothing was begun");
    assert_eq!(ines.submits_on(place, place, &[("drop", &article)]).await.page.status, 303);
}

async fn roles_decide_what_is_allowed(engine: Engine) {
    let app = TestApp::start(engine).await;
    let article = app.article("The bridge opens").await.to_string();
    let place = "/admin/n/daily/issues/2026-05-02";
    let viewer = app.operator("Vera", "viewer").await;
    assert_eq!(viewer.opens(place).await.status, 200);
    assert_eq!(viewer.submits_on(place, place, &[("drop", &article)]).await.page.status, 403);
    assert!(!viewer.opens("/admin/n/daily").await.contains(">People<"));
    let record = app.operator_record("vera@example.org").await;
    let none = "".parse().unwrap();
    change_operator(&app.app.actions, &OPERATOR, record.id, "Vera", &none, true).await.unwrap();
    assert!(viewer.get("/admin/n/daily").await.location.is_some(), "without a role, they are signed out");
}
