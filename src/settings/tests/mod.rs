//! Stories about the configuration: layers, checks, messages.

mod keys;
mod secrets;

use super::*;
use crate::domain::{
    delivery::relay::{OauthToken, RelayUrl},
    operator::oidc::client_secret::ClientSecret,
};
use jiff::SignedDuration;
use std::io::Write as _;

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let mut toml = tempfile::NamedTempFile::new().unwrap();
    toml.write_all(file.as_bytes()).unwrap();
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
    Settings::from_layers(Some(toml.path()), environment)
}

/// The problems of a configuration as lines.
fn problems(file: &str, environment: &[(&str, &str)]) -> Vec<String> {
    match load(file, environment) {
        Err(SettingsError::Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("no problems: {other:?}"),
    }
}

#[test]
fn the_defaults_are_complete_and_right() {
    let settings = load("", &[]).unwrap();
    assert_eq!(settings.database.url.to_string(), "sqlite://data/daily.db");
    assert_eq!(settings.data.folder, Path::new("data"));
    assert_eq!(settings.relays.len(), 1);
    let relay = &settings.relays[0];
    assert_eq!((relay.connections, relay.messages_per_connection, relay.rate_per_minute), (10, 500, 0));
    assert_eq!((settings.sending.timeout_seconds, settings.sending.answer_timeout_seconds), (60, 300));
    assert_eq!(settings.sending.hello_name.to_string(), "[127.0.0.1]");
    assert_eq!(settings.http.public_url, "http://127.0.0.1:8080");
}

#[test]
fn without_a_public_url_links_lead_to_where_daily_listens() {
    for (listen, url) in [("127.0.0.1:9123", "http://127.0.0.1:9123"), ("0.0.0.0:80", "http://127.0.0.1:80")]
    {
        assert_eq!(load("", &[("DAILY__HTTP__LISTEN", listen)]).unwrap().http.public_url, url);
    }
}

#[test]
fn a_port_for_operators_needs_the_host_by_which_they_reach_it() {
    let file = |public_url: &str, host: &str| {
        format!(
            "[http]\npublic_url = \"{public_url}\"\n[admin]\nlisten = \"127.0.0.1:8081\"\nhost = \"{host}\"\n"
        )
    };
    let found = problems(&file("https://news.example.org", ""), &[]);
    assert!(found.len() == 1 && found[0].contains("admin.host"), "{found:?}");
    for (public_url, host) in [
        ("https://news.example.org", "desk.example.org"),
        ("https://news.example.org", "127.0.0.1:8081"),
        ("http://127.0.0.1:8080", ""),
    ] {
        assert!(load(&file(public_url, host), &[]).is_ok(), "{public_url} {host}");
    }
}

#[test]
fn a_provider_is_complete_or_says_what_it_lacks() {
    let lines = |keys: &str| problems(&format!("[admin.oidc]\n{keys}"), &[]);
    let issuer = "issuer = \"https://login.example.org/realms/desk\"";
    let found = lines(issuer);
    assert!(
        found.len() == 2
            && found[0].starts_with("admin.oidc.client_id: it is missing")
            && found[1].starts_with("admin.oidc.client_secret: it is missing"),
        "{found:?}"
    );
    let found =
        lines("client_id = \"daily\"\nclient_secret = \"x\"\nclient_secret_file = \"/nowhere/secret\"");
    assert!(
        found.len() == 2
            && found[0].starts_with("admin.oidc.client_secret_file: there is")
            && found[1].starts_with("admin.oidc.issuer: it is missing"),
        "{found:?}"
    );
    for issuer in ["http://login.example.org", "login.example.org", "https://login.example.org?x"] {
        let found = lines(&format!("issuer = \"{issuer}\"\nclient_id = \"daily\"\nclient_secret = \"x\""));
        assert!(found.len() == 1 && found[0].starts_with("admin.oidc.issuer: it "), "{found:?}");
    }
    let long = lines(&format!("label = \"{}\"", "x".repeat(41)));
    assert!(long.len() == 1 && long[0].starts_with("admin.oidc.label: "), "{long:?}");
    let file = format!("[admin.oidc]\n{issuer}\nclient_id = \"daily\"\n");
    let secret = [("DAILY__ADMIN__OIDC__CLIENT_SECRET", "x")];
    let oidc = load(&file, &secret).unwrap().admin.oidc;
    assert_eq!(oidc.secret(), Some(ClientSecret::Text("x".into())));
    assert!(load("", &[]).unwrap().admin.oidc.issuer.is_none(), "passwords alone");
}

#[test]
fn the_environment_overrides_the_file_and_the_file_the_defaults() {
    let file = "[http]\nlisten = \"127.0.0.1:9000\"\npublic_url = \"https://news.example.org/\"\n\
                [[relays]]\nurl = \"smtp://127.0.0.1:25\"";
    let environment = [
        ("DAILY__HTTP__LISTEN", "127.0.0.1:9100"),
        ("DAILY__RELAYS__0__URL", "smtp+starttls://u:p@a.example"),
        ("DAILY__RELAYS__0__CONNECTIONS", "25"),
        ("DAILY__RELAYS__0__RATE_PER_MINUTE", "600"),
        ("DAILY__RELAYS__1__URL", "mailbox:/var/mail/daily"),
        ("DAILY__SENDING__ANSWER_TIMEOUT_SECONDS", "600"),
        ("DAILY__DKIM__0__DOMAIN", "Example.org"),
        ("DAILY__DKIM__0__SELECTOR", "daily"),
        ("DAILY__DKIM__0__KEY_FILE", "/etc/daily/dkim.pem"),
        ("DAILY__FEEDS__POLL_MINUTES", "5"),
        ("DAILY__FEEDS__ALLOW_NETWORKS", "127.0.0.0/8, ::1"),
        ("DAILY__HTTP__TRUSTED_PROXIES__0", "10.0.0.0/8"),
    ];
    let settings = load(file, &environment).unwrap();
    assert_eq!(settings.http.listen.port(), 9100);
    assert_eq!(settings.http.public_url, "https://news.example.org");
    assert_eq!(settings.sending.hello_name.to_string(), "news.example.org");
    assert_eq!(settings.relays.len(), 2);
    let first = &settings.relays[0];
    assert_eq!((first.connections, first.messages_per_connection, first.rate_per_minute), (25, 500, 600));
    assert_eq!(settings.relays[1].connections, 10, "each has its own");
    assert_eq!(settings.sending.answer_timeout_seconds, 600);
    assert_eq!(settings.relays[1].url, RelayUrl::Mailbox("/var/mail/daily".into()));
    assert_eq!(settings.dkim.len(), 1);
    assert_eq!(
        (settings.dkim[0].domain.as_str(), settings.dkim[0].selector.as_str()),
        ("example.org", "daily")
    );
    assert_eq!(settings.feeds.pace().fastest, SignedDuration::from_mins(5));
    assert_eq!(settings.feeds.allow_networks.len(), 2);
    assert_eq!(settings.http.trusted_proxies, ["10.0.0.0/8".parse().unwrap()]);
}

#[test]
fn a_login_is_complete_or_says_what_it_lacks() {
    let relay = |keys: &str| load(&format!("[[relays]]\n{keys}"), &[]);
    let one = "url = \"smtps://ann@mail.example.org\"";
    let settings = relay(&format!("{one}\noauth_token_command = \"token ann\"")).unwrap();
    assert_eq!(settings.relays[0].oauth_token(), Some(OauthToken::Command("token ann".into())));
    let settings = relay(&format!("{one}\noauth_token_file = \"/run/token\"")).unwrap();
    assert_eq!(settings.relays[0].oauth_token(), Some(OauthToken::File("/run/token".into())));
    for (keys, says) in [
        (one.to_owned(), "relays.0.url: it has a user name without a password"),
        (
            "url = \"smtps://ann:x@mail.example.org\"\noauth_token_file = \"t\"".to_owned(),
            "relays.0.url: it has a password, and there is a token as well",
        ),
        (
            "url = \"sendmail:/usr/sbin/sendmail\"\noauth_token_file = \"t\"".to_owned(),
            "relays.0.url: there is an OAuth token, but no user",
        ),
        (
            format!("{one}\noauth_token_file = \"t\"\noauth_token_command = \"t\""),
            "relays.0.oauth_token_command: there is a file with the token as well",
        ),
        (format!("{one}\noauth_token_file = \"\""), "relays.0.oauth_token_file: it is empty"),
    ] {
        let error = relay(&keys).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_wrong_file_reports_every_problem_with_key_problem_and_cure() {
    let file = r#"
        [database]
        url = "mysql://x"
        [http]
        listen = "everywhere"
        public_url = "news.example.org"
        lisen = "127.0.0.1:1"
        [[relays]]
        url = "smtp://ann:secret@mail.example.org"
        color = "red"
        connections = 0
        [[dkim]]
        domain = "example"
        selector = "a_b"
        key = "x.pem"
        [sending]
        connections = 4
        answer_timeout_seconds = 5
        uncertain = "maybe"
        [feeds]
        allow_networks = ["all"]
        [tokens]
        secrets = ["abcd"]
        [unheard]
        of = 1
    "#;
    let SettingsError::Problems(problems) = load(file, &[]).unwrap_err() else { panic!("not read at all") };
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    for key in [
        "database.url",
        "http.listen",
        "http.public_url",
        "http.lisen",
        "relays.0.url",
        "relays.0.color",
        "relays.0.connections",
        "dkim.0.domain",
        "dkim.0.selector",
        "dkim.0.key_file",
        "dkim.0.key",
        "sending.connections",
        "sending.answer_timeout_seconds",
        "sending.uncertain",
        "feeds.allow_networks",
        "tokens.secrets",
        "unheard.of",
    ] {
        assert!(keys.contains(&key), "{key} is missing in {keys:?}");
    }
    assert_eq!(keys.len(), 17, "{problems:#?}");
    let text = SettingsError::Problems(problems).to_string();
    assert!(text.contains("http.lisen: there is no such key; did you mean `http.listen`?"), "{text}");
    assert!(!text.contains("secret@"), "a password is shown: {text}");
}

#[test]
fn values_of_the_wrong_kind_are_reported_with_all_others() {
    let file = r#"
        log = "debug"
        relays = "smtp://127.0.0.1"
        [digest]
        min_stories = 13
        max_stories = 12
        max_variants = "many"
        [signup]
        confirmation_days = 1000
        welcome_mail = "perhaps"
        reminder_hours = -1
        dns_server = "localhost"
        blocked_domains_file = "/nowhere"
        check_mx = 1
        [http]
        listen = true
        allowed_origins = [["https://www.example.org"]]
        forwarded_header = "via"
    "#;
    assert_eq!(
        problems(file, &[("DAILY__FEEDS__POLL_MINUTES", "soon"), ("DAILY__SENDING__CANARY", "1e3")]),
        [
            "digest.max_variants: `many` is not a whole number; give a whole number from 2 to 100",
            "digest.min_stories: it is more than digest.max_stories; make it smaller",
            "feeds.poll_minutes: `soon` is not a whole number; give a whole number from 1 to 1440",
            "http.allowed_origins: a list is not a text; write each as https://www.example.org, without a path",
            "http.forwarded_header: `via` is not one of the choices; write \"x-forwarded-for\" or \"forwarded\"",
            "http.listen: `true` is not a text; write an IP address and a port, such as 127.0.0.1:8080",
            "log: a text is not a section; write it as [log]",
            "relays: a text is not a list; add a section [[relays]] with a url",
            "sending.canary: `1e3` is not a whole number; give a whole number from 0 to 1000000",
            "signup.blocked_domains_file: there is no file `/nowhere`; give the path of a file with a domain a line, or \
             nothing",
            "signup.check_mx: `1` is neither; write true or false",
            "signup.confirmation_days: 1000 is out of range; give a whole number from 1 to 365",
            "signup.dns_server: `localhost` is not an address; write an IP address, with a port if it is not 53, such as \
             192.0.2.53 or 127.0.0.1:5353; or nothing",
            "signup.reminder_hours: -1 is out of range; give a whole number from 0 to 336",
            "signup.welcome_mail: `perhaps` is neither; write true or false",
        ]
    );
    assert_eq!(
        problems("[digest]\nmin_stories = 13\n[feeds]\nmax_poll_minutes = 5", &[]),
        [
            "digest.min_stories: it is more than digest.max_stories; make it smaller",
            "feeds.max_poll_minutes: 5 is less than feeds.poll_minutes, 15; give the longest pause between two \
             readings of a feed",
        ]
    );
    assert_eq!(
        problems(
            "[feeds]\nallow_networks = [\"all\", \"::1\", \"many\", \"all\"]\n[tokens]\nsecrets = [\"x\", \"abcd\"]",
            &[]
        ),
        [
            "feeds.allow_networks: `all` is not a network, `many` is not a network; write each as 10.1.0.0/16 or as a \
             single address",
            "tokens.secrets: one is not hexadecimal, one is 2 bytes long, which can be guessed; give each as 64 or more \
             hexadecimal characters, such as `openssl rand -hex 32` prints",
        ]
    );
    assert_eq!(
        problems("[receive]\ntls_key_file = \"Cargo.toml\"", &[]),
        ["receive.tls_certificate_file: only the other TLS file is given; give both files, or neither"]
    );
}

#[test]
fn sections_of_a_list_are_checked_one_by_one() {
    let file = "relays = [{ connections = 5 }, 7, { url = \"mailbox:x\", conections = 5 }]\n[[dkim]]\nselector = \"\"";
    assert_eq!(
        problems(file, &[]),
        [
            "dkim.0.domain: it is missing; give the domain of the sender's address, such as example.org",
            "dkim.0.key_file: it is missing; give the path of the file that `daily dkim new` made",
            "dkim.0.selector: `` is not a selector; give a name of letters, digits and hyphens, such as daily",
            "relays.0.url: it is missing; write smtp://host:25, smtp+starttls://user:password@host:587, \
             smtps://user:password@host:465, sendmail:/usr/sbin/sendmail or mailbox:DIR",
            "relays.1: `7` is not a section; write it as [[relays]]",
            "relays.2.conections: there is no such key; did you mean `relays.2.connections`?",
        ]
    );
    assert_eq!(problems("relays = []", &[]), ["relays: there is none; add a section [[relays]] with a url"]);
}

#[test]
fn rules_about_several_keys_are_checked_beside_other_problems() {
    let file = r#"
        relays = []
        [http]
        public_url = "https://news.example.org"
        [admin]
        listen = "127.0.0.1:8081"
        [digest]
        min_stories = 13
        max_stories = 12
        max_variants = 1
        [feeds]
        poll_minutes = 60
        max_poll_minutes = 5
        timeout_seconds = 0
    "#;
    let found: Vec<String> =
        problems(file, &[]).iter().map(|it| it.split(':').next().unwrap().into()).collect();
    let keys = [
        "admin.host",
        "digest.max_variants",
        "digest.min_stories",
        "feeds.max_poll_minutes",
        "feeds.timeout_seconds",
        "relays",
    ];
    assert_eq!(found, keys);
    // A value that is replaced or out of range is compared with nothing, and a key has one problem.
    for (file, expected) in [
        (
            "[digest]\nmax_stories = 0",
            "digest.max_stories: 0 is out of range; give a whole number from 1 to 50",
        ),
        (
            "[digest]\nmin_stories = 60",
            "digest.min_stories: 60 is out of range; give a whole number from 1 to 50",
        ),
        (
            "[feeds]\npoll_minutes = \"soon\"",
            "feeds.poll_minutes: `soon` is not a whole number; give a whole number from 1 to 1440",
        ),
        (
            "[feeds]\npoll_minutes = 1441",
            "feeds.poll_minutes: 1441 is out of range; give a whole number from 1 to 1440",
        ),
    ] {
        assert_eq!(problems(file, &[]), [expected]);
    }
}

#[test]
fn the_environment_is_read_in_any_case_and_must_be_utf_8() {
    use std::os::unix::ffi::OsStringExt as _;
    assert_eq!(load("\u{feff}[http]\r\nlisten = \"127.0.0.1:2\"", &[]).unwrap().http.listen.port(), 2);
    assert_eq!(load("", &[("daily__http__Listen", "127.0.0.1:1")]).unwrap().http.listen.port(), 1);
    assert_eq!(problems("", &[("DAILY__HTTP", "x"), ("DAILY__HTTP__LISTEN", "y")]).len(), 1);
    let wrong = [("DAILY__LOG__FILTER".into(), OsString::from_vec(vec![0xff]))];
    let error = Settings::from_layers(None, wrong).unwrap_err().to_string();
    assert!(error.contains("log.filter: its environment variable is not UTF-8"), "{error}");
}
