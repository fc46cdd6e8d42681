//! The fields of a signup, from our own form, another site's form or a JSON client.

use crate::{
    actions::signup::request::MOST_NEWSLETTERS,
    db::newsletters::NewsletterRecord,
    domain::{
        signup::form_token::SubmissionOrigin,
        subscriber::email_address::EmailAddress,
        validation::{Code, Problems, rules},
    },
    i18n::Locale,
    web::{AppError, Site, layout::DisplayMode, submission::one_or_many},
};
use schemars::JsonSchema;
use validator::{Validate, ValidationError};

/// Short name of the newsletter for signups that name none.
pub(super) const DEFAULT_NEWSLETTER: &str = "daily";

/// The fields of a signup.
#[derive(Debug, Default, serde::Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = newsletter_count, skip_on_field_errors = false))]
#[schemars(rename = "Signup", extend("required" = ["email"]))]
pub struct SignupFields {
    /// The reader's address.
    #[serde(default)]
    #[validate(custom(function = rules::address))]
    #[schemars(extend("format" = "email", "maxLength" = 254))]
    pub email: String,
    /// Short names of newsletters; without any, `daily`. A form has the field once for each.
    #[serde(default, deserialize_with = "one_or_many")]
    #[validate(custom(function = rules::short_names))]
    #[schemars(schema_with = "newsletter_schema")]
    pub newsletter: Vec<String>,
    /// URL of the page with the form. Only HTTP(S) URLs are kept.
    #[schemars(extend("examples" = ["https://www.example.org/this/article"]))]
    pub source: Option<String>,
    /// The reader's time zone (IANA name). An unknown one is ignored, because browsers send it.
    #[schemars(extend("examples" = ["Europe/Paris"]))]
    pub time_zone: Option<String>,
    /// Language of the page with the form. Any is accepted.
    #[schemars(extend("examples" = ["fr"]))]
    pub lang: Option<String>,
    /// Token of our own form, with the time when the form was shown.
    pub started: Option<String>,
    /// Honeypot: people don't see this field of our own form.
    pub website: Option<String>,
    /// Any text: the reader was asked about a likely typo and keeps the address.
    #[schemars(extend("examples" = ["yes"]))]
    pub as_typed: Option<String>,
    /// Solution of a challenge, if one is needed.
    pub proof: Option<String>,
}

fn newsletter_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let slug = serde_json::json!({ "$ref": "#/components/schemas/Slug" });
    schemars::json_schema!({
        "anyOf": [slug, { "type": "array", "items": slug, "maxItems": MOST_NEWSLETTERS }, { "type": "null" }],
    })
}

fn newsletter_count(fields: &SignupFields) -> Result<(), ValidationError> {
    if (1..=MOST_NEWSLETTERS).contains(&fields.newsletters().len()) {
        return Ok(());
    }
    let mut error = Code::NewsletterCount.error_at("newsletter");
    error.add_param("limit".into(), &MOST_NEWSLETTERS);
    Err(error)
}

impl SignupFields {
    /// Returns the distinct short names of the newsletters, or the default one. Empty if nothing is ticked in
    /// our own form's list. At most one more than the limit is returned, which is enough to refuse the
    /// signup.
    pub(super) fn newsletters(&self) -> Vec<String> {
        let mut named: Vec<String> = Vec::new();
        for slug in self.newsletter.iter().filter(|slug| !slug.is_empty()) {
            if named.len() <= MOST_NEWSLETTERS && !named.contains(slug) {
                named.push(slug.clone());
            }
        }
        let had_a_choice = self.started.is_some() && !self.newsletter.is_empty();
        if named.is_empty() && !had_a_choice { vec![DEFAULT_NEWSLETTER.to_owned()] } else { named }
    }

    /// Checks all fields and returns the address.
    pub(super) fn checked(&self) -> Result<EmailAddress, Problems> {
        Problems::check(self)?;
        // A property test checks that each address passing the rules can be parsed.
        EmailAddress::parse(&self.email).map_err(|_| Code::AddressForm.at("email").into())
    }
}

/// The properties of a signup request that shape its response.
pub(super) struct SignupResponder<'a> {
    /// Whether the response is JSON.
    pub is_json: bool,
    pub mode: DisplayMode,
    /// Short names of the chosen newsletters.
    pub newsletters: &'a [String],
    /// Short name of the newsletter whose name is on the page.
    pub slug: &'a str,
    /// That newsletter, if it was read already.
    pub newsletter: Option<NewsletterRecord>,
    pub locale: Locale,
    pub origin: SubmissionOrigin,
}

impl SignupResponder<'_> {
    /// Returns the newsletter whose name is on the page.
    pub async fn newsletter(&self, site: &Site) -> Result<NewsletterRecord, AppError> {
        match &self.newsletter {
            Some(newsletter) => Ok(newsletter.clone()),
            None => site.newsletter(Some(self.slug)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_signup_that_passes_the_rules_can_be_converted(
            email in "(\\PC{0,20}@)?(\\PC{0,20}|[a-z]{1,9}\\.[a-z]{2,4})",
            newsletter in prop::collection::vec("[a-z0-9-]{0,4}|\\PC{0,4}", 0..24),
            started in prop::option::of("x"),
        ) {
            let fields = SignupFields { email, newsletter, started, ..SignupFields::default() };
            match Problems::check(&fields) {
                Ok(()) => {
                    prop_assert!(fields.checked().is_ok());
                    prop_assert!((1..=MOST_NEWSLETTERS).contains(&fields.newsletters().len()));
                    prop_assert!(fields.newsletters().iter().all(|it| crate::domain::newsletter::is_slug(it)));
                }
                Err(problems) => prop_assert!(problems.iter().all(|it| it.code != Code::Other)),
            }
        }
    }
}
