//! `/openapi.json`: paths and responses from a file, and schemas generated from the request types.

use crate::web::{
    cached,
    error::FieldError,
    public::{
        preferences::form::PreferencesFields, signup_form::SignupFields, subscribe::Accepted,
        unsubscribe::UnsubscribeFields,
    },
};
use axum::{http::HeaderMap, response::IntoResponse};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};
use std::sync::LazyLock;

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    let mut description: Value =
        serde_json::from_str(include_str!("assets/openapi.json")).expect("tests read this file");
    let schemas = &mut description["components"]["schemas"];
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
