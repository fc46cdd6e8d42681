//! Operators' pages on an address of their own, and over HTTPS.

use crate::support::{Engine, TestApp, on_both_engines, operator::PASSWORD, supervisor::ReservedPort};

on_both_engines!(
    pages_on_an_address_of_their_own_are_nowhere_else,
    cookies_over_https_are_for_one_host_alone,
);

async fn pages_on_an_address_of_their_own_are_nowhere_else(engine: Engine) {
    let port = ReservedPort::reserve();
    let address = format!("127.0.0.1:{}", port.number());
    let listen = address.parse().unwrap();
    let app = TestApp::start_with(engine, |settings| {
        settings.admin.listen = Some(listen);
        settings.admin.host = Some(address.clone());
    })
    .await;
    for place in ["/admin", "/admin/sign-in", "/admin/n/daily", "/admin/assets/admin.css"] {
        assert_eq!(app.page(place).await.status, 404, "{place} is not on the readers' address");
    }
    assert_eq!(app.page("/").await.status, 200);
    let own = format!("http://{address}");
    crate::support::eventually("the pages are served", || async {
        app.client.get(format!("{own}/admin/sign-in")).send().await.ok()
    })
    .await;
    let page = app.page(&format!("{own}/admin/sign-in")).await;
    assert!(page.status == 200 && page.contains("name=\"password\""), "{page}");
    assert_eq!(app.page(&format!("{own}/")).await.status, 404, "readers' pages are not there");
    for host in ["news.example.org", "127.0.0.1", "desk.example.org"] {
        let foreign = app.getting(&format!("{own}/admin/sign-in")).header("host", host).send().await.unwrap();
        assert_eq!(foreign.status(), 404, "{host}");
    }
}

async fn cookies_over_https_are_for_one_host_alone(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.http.public_url = "https://news.example.org".into();
        settings.admin.host = Some("desk.example.org".into());
    })
    .await;
    app.account("ines@example.org", "editor").await;
    let elsewhere = app.desk("ines@example.org").at_host("news.example.org");
    assert_eq!(elsewhere.get("/admin/sign-in").await.page.status, 404);
    let desk = app.desk("ines@example.org").at_host("DESK.example.org");
    let form = desk.get("/admin/sign-in").await;
    assert_eq!(form.page.status, 200, "{}", form.page);
    let cookie = form.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-daily-desk-form="), "{cookie}");
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Strict; Secure") && cookie.contains("; Path=/;"),
        "{cookie}"
    );
    desk.chooses_password("Ines").await;
    desk.sets_up_second_factor().await;
    assert!(desk.opens("/admin/n/daily").await.contains("Ines"));
    let again = app.desk("ines@example.org").at_host("desk.example.org");
    let asked = again.signs_in(PASSWORD).await;
    let cookies: Vec<&str> =
        asked.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap()).collect();
    let session = cookies.iter().find(|it| it.starts_with("__Host-daily-desk=")).expect("a session");
    assert!(
        session.ends_with("; HttpOnly; SameSite=Lax; Secure") && !session.contains("Domain"),
        "{session}"
    );
    // The name without the prefix, which another host could set, is worth nothing.
    let token = session.split(['=', ';']).nth(1).unwrap();
    let plain = app.getting("/admin/me").header("host", "desk.example.org");
    let plain = plain.header("cookie", format!("daily-desk={token}")).send().await.unwrap();
    assert!(plain.headers()["location"].to_str().unwrap().starts_with("/admin/sign-in?next="), "{plain:?}");
}
