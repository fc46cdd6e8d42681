//! Stories about all keys: each is in the defaults, has a cure, and may hold anything without harm.

use super::*;
use proptest::prelude::*;
use serde::{Deserializer, de::Visitor, forward_to_deserialize_any};

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
    let oidc = model["admin"]["oidc"].as_table().unwrap();
    assert_eq!(oidc.keys().collect::<Vec<_>>(), field_names::<Oidc>());
    for (section, names) in [
        ("admin", field_names::<Admin>()),
        ("data", field_names::<Data>()),
        ("database", field_names::<Database>()),
        ("digest", field_names::<Digest>()),
        ("dkim", field_names::<Dkim>()),
        ("feeds", field_names::<Feeds>()),
        ("http", field_names::<Http>()),
        ("log", field_names::<Log>()),
        ("monitoring", field_names::<Monitoring>()),
        ("pictures", field_names::<Pictures>()),
        ("receive", field_names::<Receive>()),
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
