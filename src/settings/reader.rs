//! Reading a tree of values key by key, collecting every problem instead of stopping at the first.

use serde_json::Value;

/// What is wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, such as `http.listen`.
    pub key: String,
    /// What is wrong with its value.
    pub problem: String,
    /// What would be right.
    pub cure: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}; {}", self.key, self.problem, self.cure)
    }
}

/// Reads keys and remembers what was wrong.
pub(super) struct Reader<'tree> {
    tree: &'tree Value,
    pub problems: Vec<Problem>,
}

impl<'tree> Reader<'tree> {
    pub fn new(tree: &'tree Value) -> Self {
        Self { tree, problems: Vec::new() }
    }

    /// Notes a problem.
    pub fn report(&mut self, key: &str, problem: impl Into<String>, cure: impl Into<String>) {
        self.problems.push(Problem { key: key.into(), problem: problem.into(), cure: cure.into() });
    }

    /// The value at a dotted key; numbers index lists.
    pub fn value(&self, key: &str) -> Option<&'tree Value> {
        key.split('.').try_fold(self.tree, |value, part| match value {
            Value::Array(list) => list.get(part.parse::<usize>().ok()?),
            other => other.get(part),
        })
    }

    /// A text that `parse` understands.
    pub fn text<T>(
        &mut self,
        key: &str,
        cure: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = match self.value(key) {
            None => Err("it is missing".to_owned()),
            Some(Value::String(text)) => parse(text),
            Some(Value::Number(number)) => parse(&number.to_string()),
            Some(other) => Err(format!("{} is not a text", shown(other))),
        };
        parsed.map_err(|problem| self.report(key, problem, cure)).ok()
    }

    /// Yes or no. The environment gives them as text.
    pub fn switch(&mut self, key: &str) -> Option<bool> {
        let on = match self.value(key) {
            None => Err("it is missing".to_owned()),
            Some(Value::Bool(on)) => Ok(*on),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            Some(other) => Err(format!("{} is neither", shown(other))),
        };
        on.map_err(|problem| self.report(key, problem, "write true or false")).ok()
    }

    /// A whole number between two bounds. The environment gives numbers as text.
    pub fn number(&mut self, key: &str, least: u64, most: u64) -> Option<u64> {
        let number = match self.value(key) {
            None => Err("it is missing".to_owned()),
            Some(Value::Number(number)) => {
                number.as_u64().ok_or_else(|| format!("{number} is not a whole number"))
            }
            Some(Value::String(text)) => {
                text.trim().parse().map_err(|_| format!("`{text}` is not a whole number"))
            }
            Some(other) => Err(format!("{} is not a whole number", shown(other))),
        };
        let bounded = number.and_then(|number| match number {
            number if (least..=most).contains(&number) => Ok(number),
            number => Err(format!("{number} is out of range")),
        });
        let cure = format!("give a whole number from {least} to {most}");
        bounded.map_err(|problem| self.report(key, problem, cure)).ok()
    }

    /// A list of texts that `parse` understands. The environment gives lists as comma-separated text.
    pub fn list<T>(
        &mut self,
        key: &str,
        cure: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let items: Result<Vec<String>, String> = match self.value(key) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect()),
            Some(Value::Array(list)) => list
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or(format!("{} is not a text", shown(item))))
                .collect(),
            Some(other) => Err(format!("{} is not a list", shown(other))),
        };
        let parsed = items.and_then(|items| items.iter().map(|item| parse(item)).collect());
        parsed.map_err(|problem| self.report(key, problem, cure)).ok()
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a section".into(),
        other => format!("`{other}`"),
    }
}

/// Notes every key of `tree` that `known` does not have, with the nearest known one.
pub(super) fn report_unknown(reader: &mut Reader<'_>, known: &[String], lists: &[(&str, &[&str])]) {
    let mut keys = Vec::new();
    leaves(reader.tree, String::new(), &mut keys);
    for key in keys {
        let mut parts = key.splitn(3, '.');
        let (name, index, field) = (parts.next(), parts.next(), parts.next());
        let list = lists.iter().find(|(list, _)| Some(*list) == name);
        let in_list = list.is_some_and(|(_, fields)| {
            // An empty list has no fields.
            index.is_none() || field.is_some_and(|field| fields.contains(&field))
        });
        if in_list || known.contains(&key) || known.iter().any(|k| k.starts_with(&format!("{key}."))) {
            continue;
        }
        let nearest = known
            .iter()
            .map(|candidate| (strsim::damerau_levenshtein(candidate, &key), candidate))
            .min()
            .filter(|(distance, _)| *distance <= 4);
        let cure = match nearest {
            Some((_, candidate)) => format!("did you mean `{candidate}`?"),
            None => "remove it; config/default.toml lists every key".to_owned(),
        };
        reader.report(&key, "there is no such key", cure);
    }
}

/// The dotted names of all values in a tree; lists of plain values count as one.
pub(super) fn leaves(value: &Value, path: String, found: &mut Vec<String>) {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(value, join(name), found)),
        Value::Array(list) if list.iter().any(Value::is_object) => {
            list.iter().enumerate().for_each(|(index, value)| leaves(value, join(&index.to_string()), found));
        }
        _ => found.push(path),
    }
}
