//! Stories about the configuration: layers, checks, messages.

use super::*;
use crate::domain::delivery::relay::{OauthToken, RelayUrl};
use jiff::SignedDuration;
use proptest::prelude::*;
use serde::{Deserializer, de::Visitor, forward_to_deserialize_any};
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
            "feeds.poll_minutes: `soon` is not a whole number; give a whole number from 1 to 1440",
            "http.allowed_origins: a list is not a text; write each as https://www.example.org, without a path",
            "http.forwarded_header: `via` is not one of the choices; write \"x-forwarded-for\" or \"forwarded\"",
            "http.listen: `true` is not a text; write an IP address and a port, such as 127.0.0.1:8080",
            "log: a text is not a section; write it as [log]",
            "relays: a text is not a list of sections; add a section [[relays]] with a url",
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
fn the_environment_is_read_in_any_case_and_must_be_utf_8() {
    use std::os::unix::ffi::OsStringExt as _;
    assert_eq!(load("", &[("daily__http__Listen", "127.0.0.1:1")]).unwrap().http.listen.port(), 1);
    assert_eq!(problems("", &[("DAILY__HTTP", "x"), ("DAILY__HTTP__LISTEN", "y")]).len(), 1);
    let wrong = [("DAILY__LOG__FILTER".into(), OsString::from_vec(vec![0xff]))];
    let error = Settings::from_layers(None, wrong).unwrap_err().to_string();
    assert!(error.contains("log.filter: its environment variable is not UTF-8"), "{error}");
}

/// Takes the names of a struct's fields from what serde's derive asks for.
struct FieldNames<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.extend(fields);
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn field_names<T: for<'de> Deserialize<'de>>() -> Vec<&'static str> {
    let mut names = Vec::new();
    assert!(T::deserialize(FieldNames(&mut names)).is_err());
    names.sort_unstable();
    names
}

#[test]
fn the_defaults_have_exactly_the_keys_of_the_structs() {
    let model = model();
    assert_eq!(model.keys().collect::<Vec<_>>(), field_names::<Settings>());
    for (section, names) in [
        ("data", field_names::<Data>()),
        ("database", field_names::<Database>()),
        ("digest", field_names::<Digest>()),
        ("dkim", field_names::<Dkim>()),
        ("feeds", field_names::<Feeds>()),
        ("http", field_names::<Http>()),
        ("log", field_names::<Log>()),
        ("relays", field_names::<Relay>()),
        ("retention", field_names::<Retention>()),
        ("schedule", field_names::<Schedule>()),
        ("sending", field_names::<Sending>()),
        ("signup", field_names::<Signup>()),
        ("tokens", field_names::<Tokens>()),
    ] {
        match &model[section] {
            Value::Table(section) => assert_eq!(section.keys().collect::<Vec<_>>(), names),
            list => {
                assert_eq!(list[0].as_table().unwrap().keys().collect::<Vec<_>>(), names);
                // Comments show the keys that are in no default section.
                for name in names {
                    assert!(
                        DEFAULT_TOML.lines().any(|line| line
                            .trim_start_matches(['#', ' '])
                            .starts_with(&format!("{name} = "))),
                        "config/default.toml lacks {section}.{name}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_key_has_a_cure() {
    let model = model();
    let mut keys = Vec::new();
    model.iter().for_each(|(name, value)| shape::leaves(value, name.clone(), &mut keys));
    for key in keys {
        let mut tree = Value::from(model.clone());
        *at(&mut tree, &key).unwrap() = Table::from_iter([("x".to_owned(), Value::from(1))]).into();
        let Err(SettingsError::Problems(problems)) =
            Settings::checked(tree.as_table().unwrap().clone(), Problems::default())
        else {
            panic!("{key} may be a section")
        };
        let problem = problems.iter().find(|problem| problem.key == key).expect(&key);
        assert!(!problem.cure.is_empty(), "{problem}");
    }
}

#[test]
fn a_relay_in_a_file_has_the_defaults_of_a_new_one() {
    let relay = &load("[[relays]]\nurl = \"mailbox:x\"", &[]).unwrap().relays[0];
    assert_eq!(format!("{relay:?}"), format!("{:?}", Relay::new(RelayUrl::Mailbox("x".into()))));
}

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
    ];
    let settings = format!("{:?}", load("", &environment).unwrap());
    assert!(!settings.contains("hunter2") && !settings.contains("c0ffee"), "{settings}");
}

fn any_value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..400_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        "(true|12|retry|hold|ask|json|10\\.0\\.0\\.0/8|a\\.example=5|::1|smtps://a:b@c\\.example)"
            .prop_map(Value::from),
    ];
    plain.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("(url|0|1|[a-z]{1,3})", inner, 0..3)
                .prop_map(|map| Value::Table(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_tree_is_read_or_has_problems_and_what_is_valid_can_be_converted(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 0..6)
    ) {
        let model = model();
        let mut keys: Vec<String> = model.keys().cloned().collect();
        model.iter().for_each(|(name, value)| shape::leaves(value, name.clone(), &mut keys));
        let mut changed = Table::new();
        for (index, value) in changes {
            let mut sections: Vec<&str> = index.get(&keys).split('.').collect();
            let name = sections.pop().unwrap();
            let place = sections.into_iter().try_fold(&mut changed, |section, name| {
                section.entry(name).or_insert_with(|| Table::new().into()).as_table_mut()
            });
            if let Some(place) = place {
                place.insert(name.to_owned(), value);
            }
        }
        let mut tree = defaults();
        layers::merge(&mut tree, changed);
        match Settings::checked(tree, Problems::default()) {
            Ok(settings) => {
                let (rules, pace) = (settings.digest.rules(), settings.feeds.pace());
                prop_assert!((1..=rules.max_stories).contains(&rules.min_stories));
                prop_assert!(pace.fastest.is_positive() && pace.fastest <= pace.slowest);
                prop_assert!(settings.schedule.margins().grace.is_positive());
                prop_assert!(settings.sending.lease().is_positive());
                prop_assert!(!settings.sending.timeout().is_zero() && !settings.feeds.timeout().is_zero());
                let (limits, signup) = (settings.signup.limits(), &settings.signup);
                prop_assert_eq!(limits.client.map_or(0, |limit| limit.max), signup.client_per_hour);
                prop_assert_eq!(signup.erase_after().is_none(), signup.pending_days == 0);
                prop_assert!(!settings.http.public_url.is_empty());
                prop_assert!(!settings.relays.is_empty());
            }
            Err(SettingsError::Problems(problems)) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.iter().all(|it| !it.problem.is_empty() && !it.cure.is_empty()), "{problems:?}");
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}
