//! Brings a tree of values into the shape of its model: with no other keys, and each value of the model's
//! kind. A value that can't be brought into shape is noted as a problem and replaced, so that the rest can be
//! checked, too.
//!
//! The model is `config/default.toml`, with one section in each list of sections. In that section "" stands
//! for a key that may be left out, any other text for a required one, and a number is its key's default.

use crate::settings::problems::Problems;
use toml::{Table, Value};

/// A number out of every range. It replaces a value that is no number, so that validation adds the range to
/// the problem.
const NO_NUMBER: u32 = u32::MAX;

pub(super) struct Shaper<'a> {
    /// The keys of all values in the model.
    known: Vec<String>,
    problems: &'a mut Problems,
}

impl<'a> Shaper<'a> {
    pub fn new(model: &Table, problems: &'a mut Problems) -> Self {
        let mut known = Vec::new();
        model.iter().for_each(|(name, value)| leaves(value, name.clone(), &mut known));
        Self { known, problems }
    }

    /// Shapes a section. `within` is its key with a dot after it, empty for the whole tree.
    pub fn section(&mut self, section: Table, model: &Table, within: &str) -> Table {
        let mut shaped = Table::new();
        for (name, value) in section {
            let key = format!("{within}{name}");
            match model.get(&name) {
                Some(model) => drop(shaped.insert(name, self.value(value, model, &key))),
                None => self.report_unknown(&value, key, model, within),
            }
        }
        shaped
    }

    fn value(&mut self, value: Value, model: &Value, key: &str) -> Value {
        let within = format!("{key}.");
        let shaped = match (model, value) {
            (Value::Table(model), Value::Table(section)) => Ok(self.section(section, model, &within).into()),
            (Value::Table(_), other) => Err(format!("{} is not a section", shown(&other))),
            (Value::Array(models), value) if let Some(Value::Table(model)) = models.first() => items(value)
                .map(|list| {
                    let list = list.into_iter().enumerate();
                    Value::Array(list.map(|(index, it)| self.listed(it, model, key, index).into()).collect())
                }),
            (model, value) => converted(value, model),
        };
        shaped.unwrap_or_else(|problem| {
            match model {
                Value::Boolean(_) => self.problems.note_with(key, problem, "write true or false"),
                Value::Table(_) => self.problems.note_with(key, problem, format!("write it as [{key}]")),
                _ => self.problems.note(key, problem),
            };
            match model {
                Value::Integer(_) => NO_NUMBER.into(),
                Value::Array(_) => Value::Array(Vec::new()),
                model => model.clone(),
            }
        })
    }

    /// Shapes a section of a list and gives it the keys that it lacks.
    fn listed(&mut self, section: Value, model: &Table, list: &str, index: usize) -> Table {
        let key = format!("{list}.{index}");
        let is_section = section.is_table();
        let mut shaped = match section {
            Value::Table(section) => self.section(section, model, &format!("{key}.")),
            other => {
                let problem = format!("{} is not a section", shown(&other));
                self.problems.note_with(&key, problem, format!("write it as [[{list}]]"));
                Table::new()
            }
        };
        for (name, usual) in model {
            if shaped.contains_key(name) || usual.as_str() == Some("") {
                continue;
            }
            if usual.is_str() && is_section {
                self.problems.note(&format!("{key}.{name}"), "it is missing");
            }
            shaped.insert(name.clone(), usual.clone());
        }
        shaped
    }

    /// Notes each value at an unknown key, with the nearest known key.
    fn report_unknown(&mut self, value: &Value, key: String, model: &Table, within: &str) {
        let mut unknown = Vec::new();
        leaves(value, key, &mut unknown);
        let siblings = model.iter().filter(|(_, value)| !value.is_table());
        let siblings: Vec<String> = siblings.map(|(name, _)| format!("{within}{name}")).collect();
        for key in unknown {
            let nearest = siblings
                .iter()
                .chain(&self.known)
                .map(|candidate| (strsim::damerau_levenshtein(candidate, &key), candidate))
                .min()
                .filter(|(distance, _)| *distance <= 4);
            let cure = match nearest {
                Some((_, candidate)) => format!("did you mean `{candidate}`?"),
                None => "remove it; config/default.toml lists every key".to_owned(),
            };
            self.problems.note_with(&key, "there is no such key", cure);
        }
    }
}

/// Returns the items of a list. The environment can only write `relays.0.url`, a section with numbers for
/// names.
fn items(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(list) => Ok(list),
        Value::Table(numbered) if numbered.keys().all(|name| name.parse::<usize>().is_ok()) => {
            let mut list: Vec<(usize, Value)> =
                numbered.into_iter().filter_map(|(name, value)| Some((name.parse().ok()?, value))).collect();
            list.sort_by_key(|(index, _)| *index);
            Ok(list.into_iter().map(|(_, value)| value).collect())
        }
        other => Err(format!("{} is not a list", shown(&other))),
    }
}

/// Returns a value as one of the model's kind. The environment writes every value as text, and lists with
/// commas.
fn converted(value: Value, model: &Value) -> Result<Value, String> {
    match (model, value) {
        (Value::Boolean(_), value @ Value::Boolean(_)) => Ok(value),
        (Value::Boolean(_), Value::String(text)) => {
            text.parse::<bool>().map(Value::from).map_err(|_| format!("`{text}` is neither"))
        }
        (Value::Boolean(_), other) => Err(format!("{} is neither", shown(&other))),
        (Value::Integer(_), Value::Integer(number)) => match u32::try_from(number) {
            Ok(number) => Ok(number.into()),
            Err(_) => Err(format!("{number} is out of range")),
        },
        (model @ Value::Integer(_), Value::String(text)) => match text.trim().parse::<i64>() {
            Ok(number) => converted(number.into(), model),
            Err(_) => Err(format!("`{text}` is not a whole number")),
        },
        (Value::Integer(_), other) => Err(format!("{} is not a whole number", shown(&other))),
        (Value::Array(_), Value::String(text)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(Value::from).collect()))
        }
        (Value::Array(_), list) => {
            items(list)?.into_iter().map(text).collect::<Result<_, _>>().map(Value::Array)
        }
        (_, value) => text(value),
    }
}

fn text(value: Value) -> Result<Value, String> {
    match value {
        text @ Value::String(_) => Ok(text),
        Value::Integer(number) => Ok(number.to_string().into()),
        Value::Float(number) => Ok(number.to_string().into()),
        other => Err(format!("{} is not a text", shown(&other))),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Table(_) => "a section".into(),
        // It may hold a password.
        Value::String(_) => "a text".into(),
        Value::Integer(number) => format!("`{number}`"),
        Value::Float(number) => format!("`{number}`"),
        Value::Boolean(is_on) => format!("`{is_on}`"),
        Value::Datetime(time) => format!("`{time}`"),
    }
}

/// Collects the dotted keys of all values. A list of plain values counts as one, and so does an empty
/// section.
pub(super) fn leaves(value: &Value, key: String, found: &mut Vec<String>) {
    match value {
        Value::Table(section) if !section.is_empty() => {
            section.iter().for_each(|(name, value)| leaves(value, format!("{key}.{name}"), found));
        }
        Value::Array(list) if list.iter().any(Value::is_table) => {
            list.iter().enumerate().for_each(|(index, value)| leaves(value, format!("{key}.{index}"), found));
        }
        _ => found.push(key),
    }
}
