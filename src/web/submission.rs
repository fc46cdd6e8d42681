//! [`Submitted`] reads a request's fields from JSON or a form. Errors become problems that don't quote the
//! input.

use crate::{
    domain::validation::{Code, Problem, Problems},
    web::{AppError, negotiate::media_type},
};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use serde::{
    Deserializer,
    de::{self, DeserializeOwned, IntoDeserializer, Visitor, value::MapDeserializer, value::SeqDeserializer},
    forward_to_deserialize_any,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};
use url::form_urlencoded;

/// The media type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Fields that [`Submitted`] reads.
pub trait RequestFields: DeserializeOwned {
    /// Checks fields of which others can't be read, so that all problems are named at once.
    fn check(&self) -> Result<(), Problems>;
}

/// Fields read from a body of JSON or a form, not validated yet.
#[derive(Debug)]
pub struct Submitted<T> {
    pub fields: T,
    /// Whether the body was JSON.
    pub json: bool,
}

impl<S: Send + Sync, T: RequestFields> FromRequest<S> for Submitted<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        let kind = media_type(request.headers(), &header::CONTENT_TYPE);
        let body = Bytes::from_request(request, state).await.map_err(|refused| match refused.status() {
            StatusCode::PAYLOAD_TOO_LARGE => AppError::TooLong,
            status => AppError::Other(status),
        })?;
        match kind.as_str() {
            "application/json" => Ok(Self { fields: read_json(&body)?, json: true }),
            FORM => Ok(Self { fields: from_fields(form_fields(&body), T::check)?, json: false }),
            _ => Err(AppError::UnknownBody),
        }
    }
}

fn read_json<T: RequestFields>(body: &[u8]) -> Result<T, AppError> {
    // Requires an object, because serde would also read the fields from a list.
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let problem = Code::JsonSyntax.of_all().with("line", error.line()).with("column", error.column());
        AppError::Invalid(StatusCode::BAD_REQUEST, problem.into())
    })?;
    let Value::Object(object) = value else { return Err(rejected(vec![Code::WrongType.of_all()])) };
    let fields = object.into_iter().map(|(name, value)| (name, FieldValue::Json(value)));
    from_fields(fields, T::check)
}

/// Reads a form. A field may be repeated if its type is a list.
pub fn read_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    from_fields(form_fields(body), |_| Ok(()))
}

fn form_fields(body: &[u8]) -> impl Iterator<Item = (String, FieldValue)> + use<> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        fields.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    fields.into_iter().map(|(name, values)| (name, FieldValue::Form(values)))
}

/// Reads fields without repetitions.
pub fn from_texts<T: DeserializeOwned>(fields: HashMap<String, String>) -> Result<T, AppError> {
    from_fields(fields.into_iter().map(|(name, text)| (name, FieldValue::Form(vec![text]))), |_| Ok(()))
}

fn rejected(problems: Vec<Problem>) -> AppError {
    let problems = Problems::new(problems).unwrap_or_else(|| Code::WrongType.of_all().into());
    AppError::Invalid(StatusCode::UNPROCESSABLE_ENTITY, problems)
}

/// Reads the fields. serde stops at the first one that it can't read, so each such field is noted and taken out, or
/// filled in if it is required, until the others are read. Then `check` looks for problems with those.
fn from_fields<T: DeserializeOwned>(
    fields: impl Iterator<Item = (String, FieldValue)>,
    check: impl FnOnce(&T) -> Result<(), Problems>,
) -> Result<T, AppError> {
    let mut fields: BTreeMap<String, FieldValue> = fields.collect();
    let (mut problems, mut filled) = (Vec::<Problem>::new(), HashSet::new());
    loop {
        let named = fields
            .iter()
            .map(|(name, value)| (name.clone(), Field { name: name.clone(), value: value.clone() }));
        let ShapeError { problem, field } = match T::deserialize(MapDeserializer::new(named)) {
            Ok(read) if problems.is_empty() => return Ok(read),
            Ok(read) => {
                let others = check(&read).err().into_iter().flat_map(Problems::into_vec);
                let unread: HashSet<String> = problems.iter().map(|it| it.field().to_owned()).collect();
                problems.extend(others.filter(|it| !unread.contains(it.field())));
                return Err(rejected(problems));
            }
            Err(error) => error,
        };
        let Some(name) = field else {
            problems.push(problem);
            return Err(rejected(problems));
        };
        if filled.contains(&name) {
            // Not even an empty text can be read there.
            return Err(rejected(problems));
        }
        if fields.remove(&name).is_some() {
            problems.push(problem);
            continue;
        }
        if !problems.iter().any(|known| known.field() == name) {
            problems.push(problem);
        }
        fields.insert(name.clone(), FieldValue::Form(vec![String::new()]));
        filled.insert(name);
    }
}

/// A deserialization error. serde's own errors would quote the input.
#[derive(Debug)]
struct ShapeError {
    problem: Problem,
    /// The field that it is about.
    field: Option<String>,
}

impl ShapeError {
    fn at(code: Code, field: &str) -> Self {
        Self { problem: code.at(field), field: Some(field.to_owned()) }
    }
}

impl de::Error for ShapeError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self { problem: Code::WrongType.of_all(), field: None }
    }

    // The problem doesn't quote the field's name, which is the client's.
    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let problem = Code::UnknownField.of_all().with("fields", known.join(", "));
        Self { problem, field: Some(name.to_owned()) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::at(Code::MissingField, field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::at(Code::RepeatedField, field)
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.problem.pointer, self.problem.code)
    }
}

impl std::error::Error for ShapeError {}

/// A field with its name, for the pointer of an error.
struct Field {
    name: String,
    value: FieldValue,
}

#[derive(Clone)]
enum FieldValue {
    Json(Value),
    /// The values; at least one.
    Form(Vec<String>),
}

impl Field {
    /// Returns a problem with this field. Quoting the name is safe, because only values of known fields are
    /// deserialized.
    fn wrong(&self, code: Code) -> ShapeError {
        ShapeError::at(code, &self.name)
    }
}

impl<'de> Deserializer<'de> for Field {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        let wrong = self.wrong(match &self.value {
            FieldValue::Form(values) if values.len() > 1 => Code::RepeatedField,
            _ => Code::WrongType,
        });
        let read = match self.value {
            FieldValue::Form(values) if values.len() > 1 => {
                SeqDeserializer::<_, ShapeError>::new(values.into_iter()).deserialize_any(visitor)
            }
            FieldValue::Form(mut values) => visitor.visit_string(values.pop().unwrap_or_default()),
            FieldValue::Json(value) => value.deserialize_any(visitor).map_err(de::Error::custom),
        };
        read.map_err(|_: ShapeError| wrong)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        if let FieldValue::Json(Value::Null) = self.value {
            return visitor.visit_none();
        }
        // Untagged enums report errors without a pointer.
        let wrong = self.wrong(Code::WrongType);
        visitor.visit_some(self).map_err(|error| if error.field.is_none() { wrong } else { error })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, ShapeError> for Field {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads one text or a list of texts; `null` is an empty list.
pub fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Texts {
        One(String),
        Many(Vec<String>),
    }
    Ok(match serde::Deserialize::deserialize(from)? {
        None => Vec::new(),
        Some(Texts::One(text)) => vec![text],
        Some(Texts::Many(texts)) => texts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Request {
        email: String,
        lang: Option<String>,
        #[serde(default, deserialize_with = "one_or_many")]
        newsletter: Vec<String>,
    }

    impl RequestFields for Request {
        fn check(&self) -> Result<(), Problems> {
            let problem = |is_wrong: bool, field| is_wrong.then(|| Code::Other.at(field));
            let email = problem(!self.email.contains('@'), "email");
            let lang = problem(self.lang.as_deref() == Some("xx"), "lang");
            Problems::new(email.into_iter().chain(lang).collect()).map_or(Ok(()), Err)
        }
    }

    fn json(body: &str) -> Result<Request, AppError> {
        read_json(body.as_bytes())
    }

    #[test]
    fn json_and_forms_are_read_alike() {
        let expected = |newsletter: &[&str]| Request {
            email: "a@b".into(),
            lang: None,
            newsletter: newsletter.iter().map(|&it| it.to_owned()).collect(),
        };
        assert_eq!(
            json(r#"{"email":"a@b","lang":null,"newsletter":["x","y"]}"#).unwrap(),
            expected(&["x", "y"])
        );
        assert_eq!(json(r#"{"email":"a@b","newsletter":"x"}"#).unwrap(), expected(&["x"]));
        assert_eq!(json(r#"{"email":"a@b","newsletter":null}"#).unwrap(), expected(&[]));
        assert_eq!(
            read_form::<Request>(b"newsletter=x&email=a%40b&newsletter=y").unwrap(),
            expected(&["x", "y"])
        );
        assert_eq!(read_form::<Request>(b"email=a%40b&newsletter=").unwrap(), expected(&[""]));
    }

    #[test]
    fn a_problem_names_the_field_and_never_quotes_the_input() {
        let form = |body: &str| read_form::<Request>(body.as_bytes());
        for (result, pointer, code) in [
            (json("SECRET"), "#", Code::JsonSyntax),
            (json(r#"["SECRET"]"#), "#", Code::WrongType),
            (json(r#"{"email":{"SECRET":1}}"#), "#/email", Code::WrongType),
            (json(r#"{"email":7}"#), "#/email", Code::WrongType),
            (json(r#"{"email":null}"#), "#/email", Code::WrongType),
            (json(r#"{"email":"SECRET@b","newsletter":[1]}"#), "#/newsletter", Code::WrongType),
            (json(r#"{"email":"a@b","SECRET":"SECRET"}"#), "#", Code::UnknownField),
            (json("{}"), "#/email", Code::MissingField),
            (form("email=SECRET&email=b"), "#/email", Code::RepeatedField),
            (form("email=a&SECRET=1"), "#", Code::UnknownField),
        ] {
            let Err(AppError::Invalid(_, problems)) = result else { panic!("{pointer} {code}") };
            let found: Vec<_> = problems.iter().map(|it| (it.pointer.as_str(), it.code)).collect();
            assert_eq!(found, [(pointer, code)]);
            assert!(!format!("{problems:?}").contains("SECRET"), "{problems:?}");
        }
    }
    #[test]
    fn all_fields_that_cant_be_read_are_named_at_once() {
        for (body, expected) in [
            // Fields that can be read are checked beside those that can't.
            (r#"{"email":"SECRET","lang":7}"#, &["#/email", "#/lang"][..]),
            (r#"{"email":7,"lang":"xx","SECRET":1}"#, &["#", "#/email", "#/lang"]),
            (
                r#"{"email":7,"newsletter":[1],"SECRET":1,"lang":2}"#,
                &["#", "#/email", "#/lang", "#/newsletter"],
            ),
            (r#"{"SECRET":1,"OTHER":2}"#, &["#", "#/email"]),
            (r#"{"email":["SECRET"],"lang":"en"}"#, &["#/email"]),
        ] {
            let Err(AppError::Invalid(_, problems)) = json(body) else { panic!("{body}") };
            let found: Vec<_> = problems.iter().map(|it| it.pointer.as_str()).collect();
            assert_eq!(found, expected, "{body}");
        }
    }
}
