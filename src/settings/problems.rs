//! Problems of a configuration, each with its cure.

use crate::settings::CURES;
use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
    path::Path,
};
use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

/// validator's name for rules about several fields.
const SEVERAL_FIELDS: &str = "__all__";
/// The parameter of an error with the field that another one is compared with.
const OTHER_KEY: &str = "other";

/// A problem with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, such as `http.listen` or `relays.0.url`.
    pub key: String,
    pub problem: String,
    /// The right way to write the value.
    pub cure: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}; {}", self.key, self.problem, self.cure)
    }
}

/// All problems, one a key.
#[derive(Default)]
pub(super) struct Problems(BTreeMap<String, Problem>);

impl Problems {
    /// Notes a problem, with the usual cure of its key. Returns false if the key already has a problem, which
    /// then stays.
    pub fn note(&mut self, key: &str, problem: impl Into<String>) -> bool {
        self.note_with(key, problem, cure_of(key))
    }

    /// Notes a problem. The first problem of a key stays, and so does its cure unless that is empty.
    pub fn note_with(&mut self, key: &str, problem: impl Into<String>, cure: impl Into<String>) -> bool {
        match self.0.entry(key.to_owned()) {
            Entry::Vacant(place) => {
                place.insert(Problem { key: key.into(), problem: problem.into(), cure: cure.into() });
                true
            }
            Entry::Occupied(mut noted) => {
                if noted.get().cure.is_empty() {
                    noted.get_mut().cure = cure.into();
                }
                false
            }
        }
    }

    /// Notes what validation found in a section. `within` is the section's key with a dot after it.
    pub fn note_invalid(&mut self, errors: &ValidationErrors, within: &str) {
        // Rules about several fields come last: a field's own problem explains more.
        let mut kinds: Vec<_> = errors.errors().iter().collect();
        kinds.sort_by_key(|(field, _)| (*field == SEVERAL_FIELDS, *field));
        for (field, kind) in kinds {
            let key = format!("{within}{field}");
            match kind {
                ValidationErrorsKind::Struct(errors) => self.note_invalid(errors, &format!("{key}.")),
                ValidationErrorsKind::List(sections) => {
                    for (index, errors) in sections {
                        self.note_invalid(errors, &format!("{key}.{index}."));
                    }
                }
                ValidationErrorsKind::Field(errors) => {
                    for error in errors {
                        self.note_rule(error, key.clone(), within);
                    }
                }
            }
        }
    }

    fn note_rule(&mut self, error: &ValidationError, key: String, within: &str) {
        let number = |name| error.params.get(name).map(ToString::to_string);
        let text = |name| error.params.get(name).and_then(|value| value.as_str());
        if text(OTHER_KEY).is_some_and(|other| self.0.contains_key(&format!("{within}{other}"))) {
            return;
        }
        // A rule about several fields names the one to blame.
        let key = text("key").map_or(key, |field| format!("{within}{field}"));
        if error.code == "range" {
            let [value, min, max] =
                ["value", "min", "max"].map(|name| number(name).unwrap_or_else(|| "0".into()));
            let cure = format!("give a whole number from {min} to {max}");
            self.note_with(&key, format!("{value} is out of range"), cure);
        } else {
            let problem = error.message.as_deref().unwrap_or("it is empty");
            self.note_with(&key, problem, text("cure").unwrap_or_else(|| cure_of(&key)));
        }
    }

    pub fn into_list(self) -> Vec<Problem> {
        self.0.into_values().collect()
    }
}

/// Returns the usual cure of a key. Sections of a list share theirs.
fn cure_of(key: &str) -> &'static str {
    let names: Vec<&str> = key.split('.').filter(|part| part.parse::<usize>().is_err()).collect();
    let names = names.join(".");
    let mut cures = CURES.into_iter().flatten();
    cures.find(|(key, _)| *key == names).map_or("", |(_, cure)| cure)
}

/// The error of a validation rule about the field `key`. Without a `cure`, the key's usual one is shown.
pub(super) fn wrong(
    key: &'static str,
    problem: impl Into<Cow<'static, str>>,
    cure: Option<&'static str>,
) -> ValidationError {
    let mut error = ValidationError::new("wrong").with_message(problem.into());
    error.add_param("key".into(), &key);
    if let Some(cure) = cure {
        error.add_param("cure".into(), &cure);
    }
    error
}

/// Names the field that a rule compares its own with. If `other` has a problem itself, its value may be only a
/// replacement, so the comparison says nothing.
pub(super) fn compared_with(other: &'static str, mut error: ValidationError) -> ValidationError {
    error.add_param(OTHER_KEY.into(), &other);
    error
}

/// A rule: the file exists.
pub(super) fn is_file(file: &Path) -> Result<(), ValidationError> {
    if file.is_file() {
        return Ok(());
    }
    Err(ValidationError::new("file").with_message(format!("there is no file `{}`", file.display()).into()))
}

/// A rule: the path is not empty.
pub(super) fn is_named(file: &Path) -> Result<(), ValidationError> {
    if file.as_os_str().is_empty() { Err(ValidationError::new("empty")) } else { Ok(()) }
}
