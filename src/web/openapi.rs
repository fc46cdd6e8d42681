//! `/openapi.json`: paths and responses from a file, and schemas generated from the request types.

use crate::web::{
    cached,
    error::FieldError,
    public::{
        challenge::Offer, preferences::form::PreferencesFields, signup_form::SignupFields,
        subscribe::Accepted, unsubscribe::UnsubscribeFields,
    },
};
use axum::{http::HeaderMap, response::IntoResponse};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The short names of newsletters.
const SLUG_PATTERN: &str = "^[a-z0-9-]{1,64}$";

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    let mut description: Value =
        serde_json::from_str(include_str!("assets/openapi.json")).expect("tests read this file");
    let schemas = &mut description["components"]["schemas"];
    schemas["Slug"] = json!({ "type": "string", "pattern": SLUG_PATTERN });
    schemas["Challenge"] = schema::<Offer>();
    schemas["Signup"] = schema::<SignupFields>();
    schemas["SignupForm"] = form_schema::<SignupFields>();
    // In a form a list is a repeated field.
    schemas["SignupForm"]["properties"]["newsletter"] =
        json!({ "description": "The field may be repeated.", "$ref": "#/components/schemas/Slug" });
    schemas["Unsubscribe"] = form_schema::<UnsubscribeFields>();
    schemas["Preferences"] = form_schema::<PreferencesFields>();
    schemas["Accepted"] = schema::<Accepted>();
    schemas["FieldError"] = schema::<FieldError>();
    description.to_string()
});

/// Returns the description.
pub async fn get(headers: HeaderMap) -> impl IntoResponse {
    cached::answer(&headers, "application/json", DESCRIPTION.as_str())
}

fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.into()
}

/// Returns the schema of a form, which has no `null`.
fn form_schema<T: JsonSchema>() -> Value {
    let mut schema = schema::<T>();
    for property in schema["properties"].as_object_mut().into_iter().flatten().map(|(_, property)| property) {
        if property["type"].is_array() {
            property["type"] = "string".into();
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::newsletter::is_slug;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_pattern_of_short_names_is_the_rule(text in "[a-z0-9-]{0,70}|[a-zA-Z_-]{1,3}|\\PC{0,3}|[a-z]\n?") {
            let class = SLUG_PATTERN.strip_prefix("^[").and_then(|it| it.strip_suffix("]{1,64}$")).unwrap();
            prop_assert_eq!(class, "a-z0-9-");
            let matches = (1..=64).contains(&text.chars().count())
                && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
            prop_assert_eq!(matches, is_slug(&text));
        }
    }
}
