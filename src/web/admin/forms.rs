//! Cookies and forms: how a browser shows whose it is.

use axum::http::{HeaderMap, HeaderValue, header};

/// The field of every form that shows that it came from our page.
pub const CSRF_FIELD: &str = "csrf";

/// A cookie for `/`, which scripts can't read.
#[derive(Debug, Clone, Copy)]
pub struct Cookie {
    bare: &'static str,
    /// Over HTTPS. Browsers accept such a name only without `Domain` and with `Secure`, so no other host can set it.
    prefixed: &'static str,
    same_site: &'static str,
    seconds: u32,
}

/// The session. Links in alerts lead to pages that know it, so it is not `Strict`.
pub const SESSION_COOKIE: Cookie =
    Cookie { bare: "daily-desk", prefixed: "__Host-daily-desk", same_site: "Lax", seconds: 14 * 24 * 3600 };

/// Ties the sign-in form to a browser, so that nobody can sign others in as themselves.
pub const FORM_COOKIE: Cookie = Cookie {
    bare: "daily-desk-form",
    prefixed: "__Host-daily-desk-form",
    same_site: "Strict",
    seconds: 3600,
};

/// Ties a sign-in at an OpenID provider to a browser. The provider's page leads back here, so it is not `Strict`.
pub const OIDC_COOKIE: Cookie =
    Cookie { bare: "daily-desk-oidc", prefixed: "__Host-daily-desk-oidc", same_site: "Lax", seconds: 600 };

/// Marks a browser in which an operator has signed in, whom others' attempts must not lock out.
pub const BROWSER_COOKIE: Cookie = Cookie {
    bare: "daily-desk-browser",
    prefixed: "__Host-daily-desk-browser",
    same_site: "Strict",
    seconds: 365 * 24 * 3600,
};

impl Cookie {
    pub const fn name(self, secure: bool) -> &'static str {
        if secure { self.prefixed } else { self.bare }
    }

    /// Returns the header that sets it, or removes it with an empty value.
    pub fn set(self, value: &str, secure: bool) -> HeaderValue {
        let age = if value.is_empty() { 0 } else { self.seconds };
        let (name, same_site) = (self.name(secure), self.same_site);
        let end = if secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite={same_site}{end}");
        // Values are hexadecimal or base64url, some with dots.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// Returns the value of a cookie.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned())
}

/// Whether a browser says that a request comes from our own page. Other clients and old browsers say nothing.
pub fn is_same_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none")
}

/// Returns a path of the operators' pages to continue at. Anything else could lead to another site.
pub fn own_path(path: &str) -> &str {
    let is_own = (path == "/admin" || path.starts_with("/admin/") || path.starts_with("/admin?"))
        && !path.contains(['\\', '\r', '\n'])
        && !path.starts_with("/admin/sign-in");
    if is_own { path } else { "/admin" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_set_and_read() {
        let set = SESSION_COOKIE.set("ab", true);
        assert_eq!(
            set.to_str().unwrap(),
            "__Host-daily-desk=ab; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(
            SESSION_COOKIE.set("", false).to_str().unwrap().starts_with("daily-desk=; Path=/; Max-Age=0")
        );
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=1; daily-desk=xy; b=2"));
        assert_eq!(cookie(&headers, "daily-desk").as_deref(), Some("xy"));
        assert_eq!(cookie(&headers, "desk"), None);
    }

    #[test]
    fn only_our_own_pages_are_continued_at() {
        for path in ["/admin", "/admin/n/daily/issues/2026-05-01?x=1"] {
            assert_eq!(own_path(path), path);
        }
        for path in [
            "//evil.example",
            "https://evil.example",
            "/",
            "/admin\\@evil",
            "/administrator",
            "/admin/sign-in?next=/admin",
        ] {
            assert_eq!(own_path(path), "/admin", "{path}");
        }
    }
}
