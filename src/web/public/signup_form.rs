//! The fields of a signup, from our form, another site's or a program.

use crate::{
    actions::signup::request::MOST_NEWSLETTERS,
    db::newsletters::NewsletterRecord,
    domain::{
        signup::form_token::SubmissionOrigin,
        subscriber::email_address::EmailAddress,
        validation::{Code, Problems, rules},
    },
    i18n::Spoken,
    web::{AppError, Site, layout::Place, submission::one_or_many},
};
use schemars::JsonSchema;
use validator::{Validate, ValidationError};

/// Short name of the newsletter that a signup without one is for.
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
    /// The page the form stands on. It is kept if it is a web address.
    #[schemars(extend("examples" = ["https://www.example.org/this/article"]))]
    pub source: Option<String>,
    /// The zone of the reader's clock, by its IANA name. It comes from a browser, so an unknown one is no error.
    #[schemars(extend("examples" = ["Europe/Paris"]))]
    pub time_zone: Option<String>,
    /// The language of the page the form stands on. Any is accepted.
    #[schemars(extend("examples" = ["fr"]))]
    pub lang: Option<String>,
    /// The token of our own form, which says when it was shown.
    pub started: Option<String>,
    /// A field of our own form that no person sees.
    pub website: Option<String>,
    /// Any text: the reader was asked about a likely typo and keeps the address.
    #[schemars(extend("examples" = ["yes"]))]
    pub as_typed: Option<String>,
    /// The solution of a challenge, where one is needed.
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
    /// The newsletters a signup is for: those named, each once, or the usual one. None, if our own form asked and nothing is ticked.
    /// Of too many, one more than the limit is kept: enough to refuse them.
    pub(super) fn newsletters(&self) -> Vec<String> {
        let mut named: Vec<String> = Vec::new();
        for slug in self.newsletter.iter().filter(|slug| !slug.is_empty()) {
            if named.len() <= MOST_NEWSLETTERS && !named.contains(slug) {
                named.push(slug.clone());
            }
        }
        let was_asked = self.started.is_some() && !self.newsletter.is_empty();
        if named.is_empty() && !was_asked { vec![DEFAULT_NEWSLETTER.to_owned()] } else { named }
    }

    /// Checks all fields and returns the address.
    pub(super) fn checked(&self) -> Result<EmailAddress, Problems> {
        Problems::check(self)?;
        // A property test shows that an address that passed the rule is one.
        EmailAddress::parse(&self.email).map_err(|_| Code::AddressForm.at("email").into())
    }
}

/// How an answer is asked for.
pub(super) struct Asked<'a> {
    /// By JSON.
    pub json: bool,
    /// In a window or a frame.
    pub place: Place,
    /// The chosen newsletters, by short name.
    pub newsletters: &'a [String],
    /// In whose name the answer is given.
    pub slug: &'a str,
    /// That one, if it is known already.
    pub newsletter: Option<NewsletterRecord>,
    /// In what language.
    pub spoken: Spoken,
    /// By whom, as far as the form tells.
    pub submission_origin: SubmissionOrigin,
}

impl Asked<'_> {
    /// In whose name the answer is given.
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
