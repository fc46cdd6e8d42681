//! The fields of a signup, from our own form, another site's form or a JSON client.

use crate::{
    actions::signup::request::MOST_NEWSLETTERS,
    db::newsletters::NewsletterRecord,
    domain::{
        newsletter::is_slug,
        signup::form_token::SubmissionOrigin,
        subscriber::email_address::EmailAddress,
        validation::{Code, Problem, Problems, rules},
    },
    i18n::Locale,
    web::{
        layout::DisplayMode,
        submission::{RequestFields, one_or_many},
    },
};
use schemars::JsonSchema;
use validator::{Validate, ValidationError};

/// Short name of the newsletter for signups that name none.
const DEFAULT_NEWSLETTER: &str = "daily";

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

impl RequestFields for SignupFields {
    fn check(&self) -> Result<(), Problems> {
        Problems::check(self)
    }
}

/// The properties of a signup request that shape its response.
pub(super) struct SignupResponder<'a> {
    /// Whether the response is JSON.
    pub is_json: bool,
    pub mode: DisplayMode,
    /// Short names of the chosen newsletters.
    pub chosen: &'a [String],
    /// Also those that were not chosen.
    pub newsletters: &'a [NewsletterRecord],
    /// The newsletter whose name is on the page. `None`: there is none of the chosen ones.
    pub newsletter: Option<&'a NewsletterRecord>,
    pub locale: Locale,
    pub origin: SubmissionOrigin,
}

/// Returns the newsletter with a short name.
fn find<'a>(newsletters: &'a [NewsletterRecord], slug: &str) -> Option<&'a NewsletterRecord> {
    newsletters.iter().find(|it| it.newsletter.slug == slug)
}

/// Returns the newsletter whose name is on the page: the first of the chosen ones that there is.
pub(super) fn newsletter_of_page<'a>(
    newsletters: &'a [NewsletterRecord],
    chosen: &[String],
) -> Option<&'a NewsletterRecord> {
    match chosen {
        [] => find(newsletters, DEFAULT_NEWSLETTER).or(newsletters.first()),
        chosen => chosen.iter().find_map(|slug| find(newsletters, slug)),
    }
}

impl SignupResponder<'_> {
    /// Returns the titles of the chosen newsletters.
    pub fn titles(&self) -> String {
        let chosen = self.chosen.iter().filter_map(|slug| find(self.newsletters, slug));
        self.locale.list(chosen.map(|it| it.newsletter.title.as_str()))
    }

    /// Returns a problem for each chosen newsletter that there isn't.
    pub fn unknown_newsletters(&self, fields: &SignupFields) -> Vec<Problem> {
        let unknown =
            self.chosen.iter().filter(|slug| is_slug(slug) && find(self.newsletters, slug).is_none());
        let problem = |slug: &String| match fields.newsletter.iter().position(|it| it == slug) {
            Some(index) if fields.newsletter.len() > 1 => {
                Code::NewsletterUnknown.at("newsletter").of_item(index)
            }
            _ => Code::NewsletterUnknown.at("newsletter"),
        };
        unknown.map(problem).collect()
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
                    prop_assert!(fields.newsletters().iter().all(|it| is_slug(it)));
                }
                Err(problems) => prop_assert!(problems.iter().all(|it| it.code != Code::Other)),
            }
        }
    }
}
