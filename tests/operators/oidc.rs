//! Operators sign in through an OpenID provider, which may be down, or lie.

use crate::support::{
    Engine, OPERATOR, Page, TestApp, on_both_engines,
    openid_provider::{OpenIdProvider, Script, Signing},
    operator::{Desk, PASSWORD, Reply, csrf_in},
};
use daily::{
    actions::operator::{
        change_operator::change_operator, remove_operator::remove_operator,
        second_factor::reset_second_factor,
    },
    db::audit,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

on_both_engines!(
    an_operator_signs_in_through_the_provider,
    from_then_on_the_account_counts_and_no_address,
    nobody_is_added_and_every_refusal_is_the_same,
    a_second_factor_that_was_set_up_here_is_asked_for,
    forged_tokens_sign_nobody_in,
    an_answer_counts_once_in_the_browser_that_asked,
    new_keys_are_fetched_once,
    a_provider_in_trouble_leaves_passwords,
    nobody_is_led_to_another_site,
    attempts_through_the_provider_are_limited,
    an_admin_unlinks_an_account,
);

/// A lie of the provider.
type Change = Box<dyn Fn(&mut Script)>;

const DISCOVERY: &str = ".well-known/openid-configuration";

async fn start(engine: Engine) -> (TestApp, OpenIdProvider) {
    let provider = OpenIdProvider::start("ines@example.org").await;
    let app = TestApp::start_with(engine, |settings| provider.configure(settings)).await;
    (app, provider)
}

/// Follows the link on the sign-in page, and signs in at the provider.
async fn signs_in(desk: &Desk<'_>, provider: &OpenIdProvider) -> Reply {
    let begun = desk.get("/admin/sign-in/oidc").await;
    let callback = provider.signs_in(&begun.location.expect("the provider's page"));
    desk.get(&callback).await
}

/// The page without what differs each time.
fn told(page: &Page) -> (u16, String) {
    (page.status, page.replace(&csrf_in(page), "TOKEN"))
}

fn is_open(reply: &Reply) -> bool {
    reply.page.status == 303 && reply.location.as_deref() == Some("/admin")
}

async fn identity_of(app: &TestApp, address: &str) -> Option<String> {
    app.operator_record(address).await.identity().map(|it| it.subject)
}

async fn an_operator_signs_in_through_the_provider(engine: Engine) {
    let (app, provider) = start(engine).await;
    // She was invited, and has chosen no password.
    app.account("ines@example.org", "viewer").await;
    let desk = app.desk("ines@example.org");
    let page = desk.opens("/admin/n/daily?x=1").await;
    let link = "/admin/sign-in/oidc?next=%2Fadmin%2Fn%2Fdaily%3Fx%3D1";
    assert!(page.contains(&format!("href=\"{link}\"")) && page.contains("Sign in with Desk Login"), "{page}");
    let begun = desk.get(link).await;
    let set = begun.headers["set-cookie"].to_str().unwrap();
    assert!(
        set.starts_with("daily-desk-oidc=") && set.ends_with("; Max-Age=600; HttpOnly; SameSite=Lax"),
        "{set}"
    );
    let callback = provider.signs_in(&begun.location.unwrap());
    assert!(callback.starts_with(&format!("{}/admin/sign-in/oidc/callback?", app.url)), "{callback}");
    let done = desk.get(&callback).await;
    assert_eq!(
        (done.page.status, done.location.as_deref()),
        (303, Some("/admin/n/daily?x=1")),
        "{}",
        done.page
    );
    assert!(
        done.headers
            .get_all("set-cookie")
            .iter()
            .any(|it| it.to_str().unwrap().starts_with("daily-desk-oidc=;"))
    );
    assert!(desk.opens("/admin/n/daily").await.contains("ines@example.org"));
    let mine = desk.opens("/admin/me").await;
    assert!(mine.contains("signs you in here") && !mine.contains("Present password"), "{mine}");
    let record = app.operator_record("ines@example.org").await;
    assert_eq!(record.identity().unwrap().issuer, provider.issuer());
    let mut tx = app.app.db.read().await.unwrap();
    let entries = audit::for_subject(&mut tx, "operator.identity", record.id.0).await.unwrap();
    assert_eq!((entries.len(), &entries[0].after["issuer"]), (1, &json!(provider.issuer())));
    drop(tx);
    // Again, with other keys, and with the address at the UserInfo endpoint alone.
    let token = desk.token();
    for signing in [Signing::Rsa, Signing::Ecdsa, Signing::Ed25519] {
        provider.script().signing = signing;
        let elsewhere = app.desk("ines@example.org");
        assert!(is_open(&signs_in(&elsewhere, &provider).await), "{signing:?}");
        assert_ne!(elsewhere.token(), token, "each session has its own token");
    }
    assert_eq!(provider.requests("user"), 0);
    app.account("tom@example.org", "viewer").await;
    let change = |script: &mut Script| {
        script.subject = "account 2".into();
        script.email = "Tom@Example.org".into();
        script.email_in_token = false;
    };
    change(&mut provider.script());
    let tom = app.desk("tom@example.org");
    assert!(is_open(&signs_in(&tom, &provider).await));
    assert_eq!(
        (provider.requests("user"), provider.requests(DISCOVERY), provider.requests("keys")),
        (1, 1, 1)
    );
    assert!(is_open(&tom.get("/admin/sign-in/oidc").await), "he is signed in already");
}

async fn from_then_on_the_account_counts_and_no_address(engine: Engine) {
    let (app, provider) = start(engine).await;
    for address in ["ines@example.org", "tom@example.org"] {
        app.account(address, "viewer").await;
    }
    let enter = async |subject: &str, email: &str| {
        provider.script().subject = subject.into();
        provider.script().email = email.into();
        let desk = app.desk("");
        let reply = signs_in(&desk, &provider).await;
        let page = desk.opens("/admin/me").await;
        (reply.page.status, page.contains("ines@example.org"), page.contains("tom@example.org"))
    };
    assert_eq!(enter("account 1", "ines@example.org").await, (303, true, false));
    assert_eq!(enter("account 1", "tom@example.org").await, (303, true, false), "still the same person");
    assert_eq!(
        enter("account 2", "ines@example.org").await.0,
        422,
        "her address belongs to another account now"
    );
    assert_eq!(enter("account 2", "tom@example.org").await, (303, false, true));
    assert_eq!(enter("Account 1", "new@example.org").await.0, 422, "subjects differ in case");
}

async fn nobody_is_added_and_every_refusal_is_the_same(engine: Engine) {
    let (app, provider) = start(engine).await;
    app.add_operator("alerts@example.org").await;
    app.account("gone@example.org", "viewer").await;
    app.account("former@example.org", "viewer").await;
    let enter = async |email: &str| {
        provider.script().subject = format!("account of {email}");
        provider.script().email = email.into();
        let desk = app.desk(email);
        let reply = signs_in(&desk, &provider).await;
        (is_open(&reply), reply.page)
    };
    let unknown = enter("nobody@example.org").await;
    assert!(!unknown.0 && unknown.1.status == 422 && unknown.1.contains("didn’t work"), "{}", unknown.1);
    let unknown = told(&unknown.1);
    assert_eq!(told(&enter("alerts@example.org").await.1), unknown, "no role");
    assert!(enter("gone@example.org").await.0 && enter("former@example.org").await.0);
    let gone = app.operator_record("gone@example.org").await;
    remove_operator(&app.app.actions, &OPERATOR, &gone.address).await.unwrap();
    let former = app.operator_record("former@example.org").await.id;
    change_operator(&app.app.actions, &OPERATOR, former, "", &"".parse().unwrap(), true).await.unwrap();
    assert_eq!(told(&enter("gone@example.org").await.1), unknown);
    assert_eq!(told(&enter("former@example.org").await.1), unknown);
    assert_eq!(told(&enter("no address").await.1), unknown);
    let page = told(&app.desk("").opens("/admin/sign-in").await).1;
    assert_eq!(page.matches("<form").count(), unknown.1.matches("<form").count(), "passwords still work");
}

async fn a_second_factor_that_was_set_up_here_is_asked_for(engine: Engine) {
    let (app, provider) = start(engine).await;
    app.operator("Ines", "viewer").await;
    let desk = app.desk("ines@example.org");
    let place = "/admin/sign-in/code";
    let halfway = signs_in(&desk, &provider).await;
    assert_eq!(halfway.location.as_deref(), Some("/admin/sign-in/code?next=%2Fadmin"));
    assert_eq!(desk.get("/admin/n/daily").await.location.as_deref(), Some(place));
    assert_eq!(desk.submits_on(place, place, &[("code", "000000")]).await.page.status, 422);
    assert_eq!(identity_of(&app, "ines@example.org").await, None, "an address alone links nothing");
    app.clock.advance(SignedDuration::from_secs(60));
    let code = app.code_of("ines@example.org").await;
    let before = desk.token();
    assert!(is_open(&desk.submits_on(place, place, &[("code", &code)]).await));
    assert_ne!(desk.token(), before);
    assert_eq!(identity_of(&app, "ines@example.org").await.as_deref(), Some("account 1"));
    // Somebody else's account at the provider doesn't replace it, with the right code neither.
    provider.script().subject = "account 2".into();
    assert_eq!(signs_in(&app.desk(""), &provider).await.page.status, 422);
    provider.script().subject = "account 1".into();
    let again = signs_in(&app.desk(""), &provider).await;
    assert!(again.location.unwrap().starts_with(place), "the code is asked for each time");
    let id = app.operator_record("ines@example.org").await.id;
    reset_second_factor(&app.app.operators, &OPERATOR, id, None).await.unwrap();
    assert!(is_open(&signs_in(&desk, &provider).await), "the provider's own counts");
    let password = app.desk("ines@example.org").signs_in(PASSWORD).await;
    assert!(password.location.unwrap().starts_with("/admin/sign-in/second-factor"), "but not for passwords");
}

async fn forged_tokens_sign_nobody_in(engine: Engine) {
    let (app, provider) = start(engine).await;
    app.account("ines@example.org", "viewer").await;
    let now = app.clock.now().as_second();
    let claims =
        |claims: Value| -> Change { Box::new(move |script: &mut Script| script.claims = claims.clone()) };
    let signing =
        |signing: Signing| -> Change { Box::new(move |script: &mut Script| script.signing = signing) };
    let attacks: Vec<(&str, Change)> = vec![
        ("another nonce", claims(json!({ "nonce": "x" }))),
        ("no nonce", claims(json!({ "nonce": null }))),
        ("another client", claims(json!({ "aud": "other" }))),
        ("among others", claims(json!({ "aud": ["daily desk", "other"] }))),
        ("another party", claims(json!({ "azp": "other" }))),
        ("another issuer", claims(json!({ "iss": "https://evil.example" }))),
        ("expired", claims(json!({ "exp": now - 60 }))),
        ("no end", claims(json!({ "exp": null }))),
        ("old", claims(json!({ "iat": now - 3600 }))),
        ("from the future", claims(json!({ "iat": now + 3600 }))),
        ("no subject", claims(json!({ "sub": null }))),
        ("unverified", claims(json!({ "email_verified": false }))),
        ("verified by a word", claims(json!({ "email_verified": "true" }))),
        ("perhaps verified", claims(json!({ "email_verified": null }))),
        ("unsigned", signing(Signing::None)),
        ("signed with the public key as a secret", signing(Signing::Hmac)),
        ("signed with another key", signing(Signing::OtherRsa)),
        (
            "signed with another key, without a name",
            Box::new(|script: &mut Script| {
                script.signing = Signing::OtherRsa;
                script.key = None;
            }),
        ),
        (
            "under a name that nobody has",
            Box::new(|script: &mut Script| script.key = Some("../../dev/null".into())),
        ),
        (
            "changed",
            Box::new(|script: &mut Script| script.tamper = |token| token.replacen(".ey", ".eyJ4IjoxLC", 1)),
        ),
        (
            "without its signature",
            Box::new(|script: &mut Script| {
                script.tamper = |token| token.rsplit_once('.').unwrap().0.to_owned() + ".";
            }),
        ),
        ("no token", Box::new(|script: &mut Script| script.tamper = |_| "x".into())),
        (
            "somebody else's address",
            Box::new(|script: &mut Script| {
                script.email_in_token = false;
                script.user_info_subject = "account 2".into();
            }),
        ),
        (
            "unverified elsewhere",
            Box::new(|script: &mut Script| {
                script.email_in_token = false;
                script.email_verified = false.into();
            }),
        ),
        ("no address", Box::new(|script: &mut Script| script.email = Value::Null)),
    ];
    let mut refused = None;
    for (name, change) in attacks {
        app.clock.advance(SignedDuration::from_mins(1));
        // An honest provider, and one lie.
        provider.be_honest("ines@example.org", app.clock.now());
        change(&mut provider.script());
        let desk = app.desk("ines@example.org");
        let reply = signs_in(&desk, &provider).await;
        let page = told(&reply.page);
        assert!(page.0 == 422 && desk.token().is_none(), "{name}: {}", reply.page);
        assert_eq!(*refused.get_or_insert_with(|| page.clone()), page, "{name}");
    }
    assert_eq!(identity_of(&app, "ines@example.org").await, None);
    provider.be_honest("ines@example.org", app.clock.now());
    assert!(is_open(&signs_in(&app.desk(""), &provider).await), "the honest one still works");
}

async fn an_answer_counts_once_in_the_browser_that_asked(engine: Engine) {
    let (app, provider) = start(engine).await;
    app.account("ines@example.org", "viewer").await;
    let ines = app.desk("ines@example.org");
    let begin = async |desk: &Desk<'_>| desk.get("/admin/sign-in/oidc").await.location.unwrap();
    // Somebody sends Ines the address that signs them in.
    let eve = app.desk("eve@example.org");
    let callback = provider.signs_in(&begin(&eve).await);
    assert_eq!(ines.get(&callback).await.page.status, 422, "she has begun nothing");
    begin(&ines).await;
    assert_eq!(ines.get(&callback).await.page.status, 422, "she has begun something else");
    for change in [
        ("state=", "state=x"),
        ("&state=", "&nothing="),
        ("code=", "nothing="),
        ("iss=http", "iss=https"),
        ("&iss=", "&nothing="),
    ] {
        let callback = provider.signs_in(&begin(&ines).await).replacen(change.0, change.1, 1);
        assert_eq!(ines.get(&callback).await.page.status, 422, "{change:?}");
    }
    // An error comes with the right state. Its text is shown to nobody.
    let (callback, state) = provider.authorizes(&begin(&ines).await);
    let callback = callback.split('?').next().unwrap().to_owned();
    let denied = format!("{callback}?error=access_denied&error_description=call+0900+EVIL&state={state}");
    let denied = ines.get(&denied).await;
    assert!(denied.page.status == 422 && !denied.page.contains("EVIL"), "{}", denied.page);
    // The browser's cookie is kept, and the answer comes again.
    let opening = ines.get("/admin/sign-in/oidc").await;
    let kept = opening.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let callback = provider.signs_in(&opening.location.unwrap());
    assert!(is_open(&ines.get(&callback).await));
    let tokens = provider.requests("token");
    let again = app.getting(&callback).header("cookie", &kept).send().await.unwrap();
    assert_eq!((again.status().as_u16(), provider.requests("token")), (422, tokens), "nobody is asked");
    // A code that was used, in a sign-in of its own.
    let used = callback.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
    let (_, state) = provider.authorizes(&begin(&eve).await);
    let replayed = format!(
        "{}?code={used}&state={state}&iss={}",
        callback.split('?').next().unwrap(),
        callback.split_once("iss=").unwrap().1
    );
    assert_eq!(eve.get(&replayed).await.page.status, 422);
    assert_eq!(provider.requests("token"), tokens + 1);
    // A code for another sign-in doesn't fit the verifier.
    let (foreign, _) = provider.authorizes(&begin(&eve).await);
    let (own, state) = provider.authorizes(&begin(&eve).await);
    assert_ne!(own, foreign);
    let mixed = format!("{foreign}&state={state}&iss={}", callback.split_once("iss=").unwrap().1);
    assert_eq!(eve.get(&mixed).await.page.status, 422);
    // Ten minutes later, the browser's sign-in has ended.
    let slow = app.desk("ines@example.org");
    let callback = provider.signs_in(&begin(&slow).await);
    app.clock.advance(SignedDuration::from_mins(10));
    provider.script().now = app.clock.now();
    assert_eq!(slow.get(&callback).await.page.status, 422);
}

async fn new_keys_are_fetched_once(engine: Engine) {
    let (app, provider) = start(engine).await;
    app.account("ines@example.org", "viewer").await;
    let enter = async || {
        let reply = signs_in(&app.desk(""), &provider).await;
        (is_open(&reply), provider.requests("keys"))
    };
    let keys = |published: &str, signed: Option<&str>| {
        let mut script = provider.script();
        script.published = published.into();
        script.key = signed.map(str::to_owned);
    };
    assert_eq!(enter().await, (true, 1));
    assert_eq!(enter().await, (true, 1));
    keys("second", Some("second"));
    assert_eq!(enter().await, (true, 2));
    keys("second", Some("third"));
    assert_eq!(enter().await, (false, 3), "once, and no more");
    keys("second", None);
    assert_eq!(enter().await, (true, 3), "a token may leave the name out");
    app.clock.advance(SignedDuration::from_hours(1));
    provider.script().now = app.clock.now();
    assert_eq!(enter().await, (true, 4), "keys are kept for an hour");
    assert_eq!(provider.requests(DISCOVERY), 2);
}

async fn a_provider_in_trouble_leaves_passwords(engine: Engine) {
    let (app, provider) = start(engine).await;
    app.operator("Ines", "viewer").await;
    app.account("tom@example.org", "viewer").await;
    provider.script().email = "tom@example.org".into();
    let huge = format!("{{\"keys\": [\"{}\"]}}", "x".repeat(300_000));
    let troubles: [(&str, u16, &str); 7] = [
        (DISCOVERY, 500, "down"),
        (DISCOVERY, 200, "<html>"),
        (DISCOVERY, 302, ""),
        ("token", 502, "<html>"),
        ("token", 401, "{\"error\": \"invalid_client\"}"),
        ("token", 200, "{}"),
        ("keys", 200, &huge),
    ];
    for (path, status, body) in troubles {
        provider.script().answers.insert(path, (status, body.to_owned()));
        app.clock.advance(SignedDuration::from_secs(5));
        let tom = app.desk("tom@example.org");
        let begun = tom.get("/admin/sign-in/oidc").await;
        let page = match begun.location {
            Some(location) => tom.get(&provider.signs_in(&location)).await.page,
            None => begun.page,
        };
        assert!(page.status == 503 && page.contains("doesn’t work at the moment"), "{path} {status}: {page}");
        assert!(page.contains("name=\"password\""), "{page}");
        provider.script().answers.clear();
    }
    let asked = provider.requests(DISCOVERY);
    provider.script().discovery = json!({ "issuer": "https://other.example" });
    app.clock.advance(SignedDuration::from_hours(1));
    provider.script().now = app.clock.now();
    for _ in 0..3 {
        assert_eq!(app.desk("").get("/admin/sign-in/oidc").await.page.status, 503);
    }
    assert_eq!(provider.requests(DISCOVERY), asked + 1, "a failure is remembered");
    let check = app.program().set("DAILY__ADMIN__OIDC__ISSUER", provider.issuer());
    let check = check.set("DAILY__ADMIN__OIDC__CLIENT_ID", "x").set("DAILY__ADMIN__OIDC__CLIENT_SECRET", "x");
    let checked = check.run(&["check"]).await;
    assert!(checked.stdout.contains("is the document of “https://other.example”"), "{}", checked.stdout);
    assert!(checked.stdout.contains("only with passwords"), "{}", checked.stdout);
    let away = check.clone().set("DAILY__ADMIN__OIDC__ISSUER", "http://127.0.0.1:1").run(&["check"]).await;
    assert!(
        away.stdout.contains("http://127.0.0.1:1/.well-known/openid-configuration can't be reached"),
        "{}",
        away.stdout
    );
    provider.script().discovery = json!({});
    let fine = check.run(&["check"]).await;
    assert!(fine.stdout.contains("/admin/sign-in/oidc/callback"), "{}", fine.stdout);
    let password = app.desk("ines@example.org").signs_in(PASSWORD).await;
    assert_eq!(password.page.status, 303, "passwords work all the time");
    app.clock.advance(SignedDuration::from_secs(5));
    provider.script().now = app.clock.now();
    assert!(
        is_open(&signs_in(&app.desk("tom@example.org"), &provider).await),
        "and so does the provider again"
    );
}

async fn nobody_is_led_to_another_site(engine: Engine) {
    let (app, provider) = start(engine).await;
    app.account("ines@example.org", "viewer").await;
    for next in
        ["//evil.example", "https://evil.example/admin", "/admin\\@evil.example", "/admin/sign-in/oidc", ""]
    {
        let desk = app.desk("ines@example.org");
        let query = serde_urlencoded::to_string([("next", next)]).unwrap();
        let begun = desk.get(&format!("/admin/sign-in/oidc?{query}")).await;
        let callback = provider.signs_in(&begun.location.unwrap());
        let more =
            format!("{callback}&next=https%3A%2F%2Fevil.example&redirect_uri=https%3A%2F%2Fevil.example");
        assert!(is_open(&desk.get(&more).await), "{next}");
    }
    let plain = TestApp::start(engine).await;
    for place in ["/admin/sign-in/oidc", "/admin/sign-in/oidc/callback?code=x&state=x"] {
        assert_eq!(plain.page(place).await.status, 404, "without a provider there is no such page");
    }
    assert!(!plain.page("/admin/sign-in").await.contains("Sign in with"));
}

async fn attempts_through_the_provider_are_limited(engine: Engine) {
    let (app, provider) = start(engine).await;
    provider.script().email = "nobody@example.org".into();
    let desk = app.desk("");
    for _ in 0..30 {
        assert_eq!(signs_in(&desk, &provider).await.page.status, 422);
    }
    let asked = provider.requests("token");
    let limited = signs_in(&desk, &provider).await.page;
    assert!(limited.status == 429 && limited.contains("Too many attempts"), "{limited}");
    assert_eq!(provider.requests("token"), asked);
    assert_eq!(desk.signs_in(PASSWORD).await.page.status, 429, "passwords share the limit");
}

async fn an_admin_unlinks_an_account(engine: Engine) {
    let (app, provider) = start(engine).await;
    let ada = app.operator("Ada", "admin").await;
    app.account("ines@example.org", "editor").await;
    let ines = app.desk("ines@example.org");
    assert!(is_open(&signs_in(&ines, &provider).await));
    let id = app.operator_record("ines@example.org").await.id.to_string();
    let people = ada.opens("/admin/people").await;
    assert!(people.contains("Unlink provider") && people.contains("Provider</span>"), "{people}");
    provider.script().subject = "account 2".into();
    assert_eq!(signs_in(&app.desk(""), &provider).await.page.status, 422);
    let done = ada.does("/admin/people", "/admin/people", &[("id", &id), ("do", "unlink")]).await;
    assert!(done.contains("Unlinked."), "{done}");
    assert!(
        ines.get("/admin/n/daily").await.location.unwrap().starts_with("/admin/sign-in?"),
        "her sessions ended"
    );
    assert!(is_open(&signs_in(&ines, &provider).await));
    assert_eq!(identity_of(&app, "ines@example.org").await.as_deref(), Some("account 2"));
    let command = app.program().run(&["operator", "link", "ines@example.org", "--unlink-provider"]).await;
    assert_eq!(command.code, 0, "{command:?}");
    assert_eq!(identity_of(&app, "ines@example.org").await, None);
}
