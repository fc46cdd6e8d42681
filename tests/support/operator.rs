//! Operators, who sign in to their pages with a browser that keeps cookies.

use super::{
    address as parsed,
    app::TestApp,
    web::{Page, URLENCODED},
};
use daily::{
    actions::operator::{change_operator::change_operator, links::make_link},
    db::operators::{self, OperatorRecord},
    domain::{
        operator::{role::Roles, totp},
        token::KeyRing,
    },
};
use std::{collections::BTreeMap, sync::Mutex};

pub const PASSWORD: &str = "gravel lantern otter quay";

/// An operator's browser.
pub struct Desk<'a> {
    pub app: &'a TestApp,
    pub address: String,
    /// The host name that the browser asks for, if it is not that of the connection.
    host: Option<&'static str>,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// An answer with the address it redirects to.
pub struct Reply {
    pub page: Page,
    pub location: Option<String>,
    pub headers: reqwest::header::HeaderMap,
}

impl TestApp {
    /// Returns a browser in which nobody is signed in.
    pub fn desk(&self, address: &str) -> Desk<'_> {
        Desk { app: self, address: address.to_owned(), host: None, cookies: Mutex::default() }
    }

    /// Makes an account with these roles, and signs it in with a password and a code.
    pub async fn operator(&self, name: &str, roles: &str) -> Desk<'_> {
        let address = format!("{}@example.org", name.to_lowercase());
        self.account(&address, roles).await;
        let desk = self.desk(&address);
        desk.chooses_password(name).await;
        desk.sets_up_second_factor().await;
        desk
    }

    /// Makes an account that can't sign in yet.
    pub async fn account(&self, address: &str, roles: &str) -> OperatorRecord {
        self.add_operator(address).await;
        let record = self.operator_record(address).await;
        let roles: Roles = roles.parse().expect("roles");
        change_operator(&self.app.actions, &super::OPERATOR, record.id, "", &roles, true)
            .await
            .expect("an account");
        self.operator_record(address).await
    }

    pub async fn operator_record(&self, address: &str) -> OperatorRecord {
        let mut tx = self.app.db.read().await.expect("a transaction");
        operators::get_by_address(&mut tx, &parsed(address)).await.expect("a query").expect("the operator")
    }

    /// Returns the code that an operator's authenticator program shows now.
    pub async fn code_of(&self, address: &str) -> String {
        let record = self.operator_record(address).await;
        let nonce = record.totp_nonce.expect("a second factor");
        let keys: &KeyRing = &self.app.operators.keys;
        let key = keys.derived_keys(&format!("totp {} {nonce}", record.id)).next().expect("a key");
        totp::code(&key, self.clock.now())
    }
}

impl Desk<'_> {
    fn cookie(&self) -> String {
        let cookies = self.cookies.lock().expect("a lock");
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Returns the session's token.
    pub fn token(&self) -> Option<String> {
        self.cookies.lock().expect("a lock").get("daily-desk").cloned()
    }

    /// Replaces the session's token.
    pub fn set_token(&self, token: &str) {
        self.cookies.lock().expect("a lock").insert("daily-desk".into(), token.into());
    }

    /// Asks for another host name than that of the connection, as behind a proxy.
    pub fn at_host(self, host: &'static str) -> Self {
        Self { host: Some(host), ..self }
    }

    /// Returns the status of a page, without waiting for its end.
    pub async fn status(&self, place: &str) -> u16 {
        let request = self.app.getting(place).header("cookie", self.cookie());
        request.send().await.expect("an answer").status().as_u16()
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Reply {
        if let Some(host) = self.host {
            request = request.header("host", host);
        }
        let answer = request.header("cookie", self.cookie()).send().await.expect("an answer");
        for set in answer.headers().get_all("set-cookie") {
            let text = set.to_str().expect("a text");
            let (name, value) = text.split(';').next().and_then(|it| it.split_once('=')).expect("a cookie");
            self.cookies.lock().expect("a lock").insert(name.to_owned(), value.to_owned());
        }
        let headers = answer.headers().clone();
        let location = headers.get("location").map(|it| it.to_str().expect("a text").to_owned());
        Reply { page: Page::read(answer).await, location, headers }
    }

    pub async fn get(&self, place: &str) -> Reply {
        self.send(self.app.getting(place)).await
    }

    /// Opens a page, following redirects.
    pub async fn opens(&self, place: &str) -> Page {
        let mut reply = self.get(place).await;
        for _ in 0..5 {
            let Some(location) = reply.location.clone() else { break };
            reply = self.get(&location).await;
        }
        reply.page
    }

    /// Submits a form of a page, with the page's token.
    pub async fn submits_on(&self, page: &str, place: &str, fields: &[(&str, &str)]) -> Reply {
        let page = self.opens(page).await;
        let token = csrf_in(&page);
        self.posts(place, &[&[("csrf", token.as_str())], fields].concat()).await
    }

    /// Posts fields, and nothing else.
    pub async fn posts(&self, place: &str, fields: &[(&str, &str)]) -> Reply {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        self.send(self.app.posting(place).header("content-type", URLENCODED).body(body)).await
    }

    /// Uploads a file with the form of a page, as browsers do. Without a token, the page's is used.
    pub async fn uploads(&self, place: &str, token: Option<&str>, name: &str, text: &str) -> Reply {
        let token = match token {
            Some(token) => token.to_owned(),
            None => csrf_in(&self.opens(place).await),
        };
        let body = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n--edge\r\n\
             Content-Disposition: form-data; name=\"list\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n\
             {text}\r\n--edge--\r\n"
        );
        let request = self.app.posting(place).header("content-type", "multipart/form-data; boundary=edge");
        self.send(request.body(body)).await
    }

    /// Submits a form and opens the page that follows.
    pub async fn does(&self, page: &str, place: &str, fields: &[(&str, &str)]) -> Page {
        let reply = self.submits_on(page, place, fields).await;
        match &reply.location {
            Some(location) => self.opens(location).await,
            None => reply.page,
        }
    }

    /// Opens a new link of the account and chooses a password.
    pub async fn chooses_password(&self, name: &str) -> Reply {
        let record = self.app.operator_record(&self.address).await;
        let token = make_link(&self.app.app.actions, &super::OPERATOR, record.id).await.expect("a link");
        let link = format!("/admin/welcome/{token}");
        self.submits_on(&link, &link, &[("name", name), ("password", PASSWORD), ("again", PASSWORD)]).await
    }

    /// Sets up the second factor. Returns the page with the recovery codes.
    pub async fn sets_up_second_factor(&self) -> Page {
        let place = "/admin/sign-in/second-factor";
        let page = self.opens(place).await;
        let code = totp::code(&key_in(&page), self.app.clock.now());
        self.submits_on(place, place, &[("code", &code)]).await.page
    }

    /// Enters address and password.
    pub async fn signs_in(&self, password: &str) -> Reply {
        self.signs_in_as(&self.address, password).await
    }

    /// Enters somebody's address and a password.
    pub async fn signs_in_as(&self, address: &str, password: &str) -> Reply {
        let fields = [("address", address), ("password", password)];
        self.submits_on("/admin/sign-in", "/admin/sign-in", &fields).await
    }
}

/// Returns the key that a page shows for an authenticator program.
pub fn key_in(page: &str) -> [u8; totp::KEY_BYTES] {
    let (_, rest) = page.split_once("enter this key: <code>").unwrap_or_else(|| panic!("no key in {page}"));
    let written = rest.split('<').next().expect("its end").replace(' ', "");
    let key = data_encoding::BASE32_NOPAD.decode(written.as_bytes()).expect("a key");
    key.try_into().expect("its length")
}

/// Returns the token of the forms in a page.
pub fn csrf_in(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form in {page}"));
    rest.split('"').next().expect("its end").to_owned()
}

/// Returns the value of a hidden field.
pub fn hidden(page: &str, name: &str) -> String {
    let sign = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&sign).unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split('"').next().expect("its end").to_owned()
}
