//! Stories about passwords and secrets: no message shows one.

use super::*;

#[test]
fn a_file_that_is_not_toml_says_where_and_shows_no_password() {
    let error = load("[http\nlisten = 1", &[]).unwrap_err().to_string();
    assert!(error.contains("line 1, column 6"), "{error}");
    let file =
        "[[relays]]\nurl = \"smtps://ann:hunter2@mail.example.org\" # x\n[tokens]\nsecrets = [\"hunter2\"]\n";
    for at in 0..=file.len() {
        let (before, after) = file.split_at(at);
        for error in ["", "\"", "'", "\n", "=", "]", "\\", "\u{0}", "\u{feff}", "é"]
            .iter()
            .flat_map(|between| [format!("{before}{between}{after}"), format!("{before}{between}")])
            .filter_map(|text| layers::toml(Path::new("daily.toml"), &text).err())
        {
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}

#[test]
fn a_password_in_an_odd_place_is_not_quoted() {
    for text in
        ["hunter2", "hunter2 = hunter2", "url = hunter2", "a = 1\na.hunter2 = 2", "hunter2=1\nhunter2=2"]
    {
        let error = load(text, &[]).unwrap_err().to_string();
        assert!(!error.contains("hunter2") || !error.contains("is not TOML"), "{error}");
    }
}

#[test]
fn passwords_are_in_no_message() {
    for (key, value) in [
        ("DATABASE__URL", "mysql://ann:hunter2@db.example.org"),
        ("DATABASE__URL", "postgres://ann:hunter2@[db/x"),
        ("DATABASE__URL", "hunter2"),
        ("RELAYS__0__URL", "smtps://ann:hunter2#x@mail.example.org"),
        ("RELAYS__0__URL", "smtps://ann:hunter2@mail.example.org/hunter2"),
        ("RELAYS__0__URL", "smtps://ann:hunter2@mail example.org"),
        ("RELAYS__0__URL", "smtp://ann:hunter2@mail.example.org"),
        ("RELAYS", "smtps://ann:hunter2@mail.example.org"),
        ("HTTP__PUBLIC_URL", "https://ann:hunter2@news.example.org"),
        ("HTTP__PUBLIC_URL", "https://ann:hunter2@news example.org"),
        ("HTTP__PUBLIC_URL", "ftp://ann:hunter2@news.example.org"),
        ("ADMIN__OIDC__CLIENT_SECRET", "hunter2"),
        ("ADMIN__OIDC__ISSUER", "https://ann:hunter2@login.example.org"),
        ("TOKENS__SECRETS", "hunter2"),
        ("TOKENS", "hunter2"),
    ] {
        let error = load("", &[(&format!("DAILY__{key}"), value)]).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let secret = "c0ffee".repeat(11);
    let environment = [
        ("DAILY__DATABASE__URL", "postgres://ann:hunter2@db.example.org/daily"),
        ("DAILY__RELAYS__0__URL", "smtps://ann:hunter2@mail.example.org"),
        ("DAILY__TOKENS__SECRETS", secret.as_str()),
        ("DAILY__ADMIN__OIDC__ISSUER", "https://login.example.org"),
        ("DAILY__ADMIN__OIDC__CLIENT_ID", "daily"),
        ("DAILY__ADMIN__OIDC__CLIENT_SECRET", "hunter2"),
    ];
    let settings = format!("{:?}", load("", &environment).unwrap());
    assert!(!settings.contains("hunter2") && !settings.contains("c0ffee"), "{settings}");
}
