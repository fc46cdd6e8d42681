//! [`Submitted`] reads a request's fields from JSON or a form. Errors become problems that don't quote the
//! input.

use crate::{
    domain::validation::{Code, Problem},
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
    collections::{BTreeMap, HashMap},
    fmt,
};
use url::form_urlencoded;

/// The media type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Fields read from a body of JSON or a form, not validated yet.
#[derive(Debug)]
pub struct Submitted<T> {
    pub fields: T,
    /// Whether the body was JSON.
    pub json: bool,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Submitted<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        let kind = media_type(request.headers(), &header::CONTENT_TYPE);
        let body = Bytes::from_request(request, state).await.map_err(|refused| match refused.status() {
            StatusCode::PAYLOAD_TOO_LARGE => AppError::TooLong,
            status => AppError::Other(status),
        })?;
        match kind.as_str() {
            "application/json" => Ok(Self { fields: read_json(&body)?, json: true }),
            FORM => Ok(Self { fields: read_form(&body)?, json: false }),
            _ => Err(AppError::UnknownBody),
        }
    }
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    // Requires an object, because serde would also read the fields from a list.
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let problem = Code::JsonSyntax.of_all().with("line", error.line()).with("column", error.column());
        AppError::Invalid(StatusCode::BAD_REQUEST, problem.into())
    })?;
    let Value::Object(object) = value else { return Err(invalid(Code::WrongType.of_all())) };
    let fields = object.into_iter().map(|(name, value)| (name, FieldValue::Json(value)));
    from_fields(fields).map_err(invalid)
}

/// Reads a form. A field may be repeated if its type is a list.
pub fn read_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        fields.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    from_fields(fields.into_iter().map(|(name, values)| (name, FieldValue::Form(values)))).map_err(invalid)
}

/// Reads fields without repetitions.
pub fn from_texts<T: DeserializeOwned>(fields: HashMap<String, String>) -> Result<T, AppError> {
    from_fields(fields.into_iter().map(|(name, text)| (name, FieldValue::Form(vec![text])))).map_err(invalid)
}

fn invalid(problem: Problem) -> AppError {
    AppError::Invalid(StatusCode::UNPROCESSABLE_ENTITY, problem.into())
}

fn from_fields<T: DeserializeOwned>(
    fields: impl Iterator<Item = (String, FieldValue)>,
) -> Result<T, Problem> {
    let named = fields.map(|(name, value)| (name.clone(), Field { name, value }));
    T::deserialize(MapDeserializer::new(named)).map_err(|ShapeError(problem)| problem)
}

/// A deserialization error. serde's own errors would quote the input.
#[derive(Debug)]
struct ShapeError(Problem);

impl de::Error for ShapeError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(Code::WrongType.of_all())
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        Self(Code::UnknownField.of_all().with("fields", known.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self(Code::MissingField.at(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(Code::RepeatedField.at(field))
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.pointer, self.0.code)
    }
}

impl std::error::Error for ShapeError {}

/// A field with its name, for the pointer of an error.
struct Field {
    name: String,
    value: FieldValue,
}

enum FieldValue {
    Json(Value),
    /// The values; at least one.
    Form(Vec<String>),
}

impl Field {
    /// Returns a problem with this field. Quoting the name is safe, because only values of known fields are
    /// deserialized.
    fn wrong(&self, code: Code) -> ShapeError {
        ShapeError(code.at(&self.name))
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
        visitor.visit_some(self).map_err(|error| if error.0.pointer == "#" { wrong } else { error })
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
            (json(r#"{"email":"SECRET","newsletter":[1]}"#), "#/newsletter", Code::WrongType),
            (json(r#"{"email":"a","SECRET":"SECRET"}"#), "#", Code::UnknownField),
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
}
