//! Validation problems of user input: their location and kind, never the input itself.
//!
//! Request types derive `validator::Validate`. [`Problems::check`] turns validation errors into a sorted list
//! of pointer, [`Code`] and parameters. The text for each code is in `i18n`.

pub mod rules;

use crate::domain::string_enum::string_enum;
use std::collections::BTreeMap;
use validator::{Validate, ValidateArgs, ValidationError, ValidationErrors, ValidationErrorsKind};

string_enum! {
    /// The kind of problem.
    Code {
        /// No address was entered.
        AddressRequired = "address_required",
        /// An address has too many characters; `{limit}`.
        AddressTooLong = "address_too_long",
        /// An address has no `@`.
        AddressForm = "address_form",
        /// Too many characters before the `@`; `{limit}`.
        LocalPartTooLong = "local_part_too_long",
        /// A character is not allowed before the `@`.
        LocalPart = "local_part",
        /// Letters beyond ASCII before the `@`.
        LocalPartNotAscii = "local_part_not_ascii",
        /// The part after the `@` is not a domain name.
        AddressDomain = "address_domain",
        /// A disposable address.
        DisposableDomain = "disposable_domain",
        /// An address such as `info@`.
        RoleAddress = "role_address",
        /// A domain that receives no email.
        NoMailServer = "no_mail_server",
        /// A domain that receives no email and resembles a common one; `{address}` is the likely one.
        NoMailServerMeant = "no_mail_server_meant",
        /// An address that looks mistyped; `{address}` is the likely one.
        AddressMistyped = "address_mistyped",
        /// No newsletter was chosen, or too many; `{limit}`.
        NewsletterCount = "newsletter_count",
        /// No newsletter has this short name.
        NewsletterUnknown = "newsletter_unknown",
        /// A text that can't be a short name.
        ShortName = "short_name",
        /// Not a cadence.
        Cadence = "cadence",
        /// A section's name without letters or digits.
        SectionName = "section_name",
        /// A section's name is too long; `{limit}`.
        SectionTooLong = "section_too_long",
        /// Too many sections; `{limit}`.
        SectionCount = "section_count",
        /// Not a time zone.
        TimeZone = "time_zone",
        /// Not a time of day.
        TimeOfDay = "time_of_day",
        /// Not a valid end date for a pause; `{first}`, `{last}`.
        PauseUntil = "pause_until",
        /// A required text is missing.
        TextRequired = "text_required",
        /// A text is too long; `{limit}`.
        TextTooLong = "text_too_long",
        /// A text has line breaks or control characters.
        OneLine = "one_line",
        /// Not one of a few words; `{choices}`.
        Choice = "choice",
        /// Not roles of an operator; `{choices}`.
        Roles = "roles",
        /// Not a language with texts; `{choices}`.
        Language = "language",
        /// Not days of the week.
        Days = "days",
        /// Not a number of stories; `{limit}`.
        StoryCount = "story_count",
        /// The minimum number of stories exceeds the maximum.
        StoryOrder = "story_order",
        /// Not the URL of an image.
        Logo = "logo",
        /// Not a colour.
        Accent = "accent",
        /// Not a web address.
        WebAddress = "web_address",
        /// Not profiles with their addresses; `{limit}`.
        Social = "social",
        /// Not a template of link tags; `{limit}`.
        LinkTags = "link_tags",
        /// Not a list of the names of sections.
        SectionOrder = "section_order",
        /// Not a story's number.
        StoryNumber = "story_number",
        /// Not a story's number with its position; `{limit}`.
        StoryPlace = "story_place",
        /// Not a story's number with a text.
        StoryText = "story_text",
        /// No change was requested.
        NothingToChange = "nothing_to_change",
        /// The body is not JSON; `{line}`, `{column}`.
        JsonSyntax = "json_syntax",
        /// A value has the wrong type.
        WrongType = "wrong_type",
        /// A field is unknown; `{fields}` are the known ones.
        UnknownField = "unknown_field",
        /// A field is missing.
        MissingField = "missing_field",
        /// A field is repeated.
        RepeatedField = "repeated_field",
        /// Rejected by a rule without its own code.
        Other = "other",
    }
}

/// The parameter with the field's name, for rules about several fields and for fields that serde renames.
const FIELD: &str = "field";
/// The parameter with the errors of a list's items: each with the item's index, or without one for the whole list.
const ITEMS: &str = "items";
/// Parameters that texts don't use. validator adds the input as `value` to every error.
const HIDDEN: [&str; 3] = ["value", FIELD, ITEMS];

impl Code {
    /// Returns validator's error with this code.
    pub fn error(self) -> ValidationError {
        ValidationError::new(self.as_str())
    }

    /// Returns the error with a parameter for its text.
    pub fn error_with(self, name: &'static str, value: impl ToString) -> ValidationError {
        let mut error = self.error();
        error.add_param(name.into(), &value.to_string());
        error
    }

    /// Returns the error of a rule about several fields, to be shown at one of them.
    pub fn error_at(self, field: &'static str) -> ValidationError {
        at_field(self.error(), field)
    }

    /// Returns a problem with a field that was found without a rule.
    pub fn at(self, field: &str) -> Problem {
        Problem { pointer: format!("#/{}", escaped(field)), code: self, params: BTreeMap::new() }
    }

    /// Returns a problem with the whole request.
    pub fn of_all(self) -> Problem {
        Problem { pointer: "#".into(), code: self, params: BTreeMap::new() }
    }
}

/// Names the field that an error is shown at.
pub fn at_field(mut error: ValidationError, field: &'static str) -> ValidationError {
    error.add_param(FIELD.into(), &field);
    error
}

/// Most problems of one list, so that a long list doesn't cause an answer many times its size.
const MAX_ITEMS: usize = 50;

/// Checks every item of a list by `rule`, and the list as a whole by `whole`. The error stands for all problems.
/// The problem of a single item has no index, because JSON and forms may give one item without a list.
pub fn check_list(
    list: &[String],
    rule: impl Fn(&str) -> Result<(), ValidationError>,
    whole: impl FnOnce() -> Result<(), ValidationError>,
) -> Result<(), ValidationError> {
    let index = |index| Some(index).filter(|_| list.len() > 1);
    let items = list.iter().enumerate().filter_map(|(place, item)| Some((index(place), rule(item).err()?)));
    let found: Vec<(Option<usize>, ValidationError)> =
        whole().err().map(|error| (None, error)).into_iter().chain(items).take(MAX_ITEMS).collect();
    if found.is_empty() {
        return Ok(());
    }
    let mut error = Code::Other.error();
    error.add_param(ITEMS.into(), &found);
    Err(error)
}

/// Checks every item of a list.
pub fn check_each(
    list: &[String],
    rule: impl Fn(&str) -> Result<(), ValidationError>,
) -> Result<(), ValidationError> {
    check_list(list, rule, || Ok(()))
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// A JSON pointer as a URI fragment (RFC 6901 section 6), such as `#/email`.
    pub pointer: String,
    pub code: Code,
    /// Parameters of the text.
    pub params: BTreeMap<String, String>,
}

impl Problem {
    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.params.insert(name.into(), value.to_string());
        self
    }

    /// Moves the problem from a list to one of its items.
    #[must_use]
    pub fn of_item(mut self, index: usize) -> Self {
        self.pointer = format!("{}/{index}", self.pointer);
        self
    }

    /// Returns the field's name; empty for the whole request.
    pub fn field(&self) -> &str {
        self.pointer.trim_start_matches('#').split('/').nth(1).unwrap_or_default()
    }

    /// Returns the index of the item in the field's list. `None`: the problem is with the whole field.
    pub fn item(&self) -> Option<usize> {
        self.pointer.split('/').nth(2)?.parse().ok()
    }
}

/// All problems of a request, sorted by pointer. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Validates a request.
    pub fn check(request: &impl Validate) -> Result<(), Self> {
        request.validate().map_err(|errors| Self::from(&errors))
    }

    /// Validates a request whose rules need context.
    pub fn check_with<'a, T: ValidateArgs<'a>>(request: &T, context: T::Args) -> Result<(), Self> {
        request.validate_with_args(context).map_err(|errors| Self::from(&errors))
    }

    /// Returns these problems; `None` if there are none.
    pub fn new(mut problems: Vec<Problem>) -> Option<Self> {
        problems.sort();
        problems.dedup();
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// Returns these problems together with others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self.0.sort();
        self.0.dedup();
        self
    }

    /// Returns the problems as a list.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }

    /// Iterates over the problems.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Iterates over the problems with a field.
    pub fn of(&self, field: &str) -> impl Iterator<Item = &Problem> {
        self.0.iter().filter(move |problem| problem.field() == field)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl From<&ValidationErrors> for Problems {
    fn from(errors: &ValidationErrors) -> Self {
        let mut found = Vec::new();
        collect(errors, "", &mut found);
        // validator returns fields in random order.
        found.sort();
        Self(found)
    }
}

fn collect(errors: &ValidationErrors, above: &str, found: &mut Vec<Problem>) {
    for (field, kind) in errors.errors() {
        match kind {
            // Nested structs are flattened (serde and clap), so their fields are siblings.
            ValidationErrorsKind::Struct(inner) => collect(inner, above, found),
            ValidationErrorsKind::List(items) => {
                for (index, item) in items {
                    collect(item, &format!("{above}/{}/{index}", escaped(field)), found);
                }
            }
            ValidationErrorsKind::Field(errors) => {
                for error in errors {
                    note(error, field, above, found);
                }
            }
        }
    }
}

/// Notes the problem of an error, or those of all the items it stands for.
fn note(error: &ValidationError, field: &str, above: &str, found: &mut Vec<Problem>) {
    // `__all__` is validator's name for rules about several fields.
    let own = (field != "__all__").then(|| field.to_owned());
    let field = error.params.get(FIELD).map(plain).or(own);
    let path = field.map(|field| format!("/{}", escaped(&field))).unwrap_or_default();
    let pointer = format!("#{above}{path}");
    let items = error.params.get(ITEMS).cloned().and_then(|items| serde_json::from_value(items).ok());
    let items: Option<Vec<(Option<usize>, ValidationError)>> = items;
    match items {
        None => found.push(problem(error, pointer)),
        Some(items) => found.extend(items.iter().map(|(index, error)| {
            let problem = problem(error, pointer.clone());
            match index {
                Some(index) => problem.of_item(*index),
                None => problem,
            }
        })),
    }
}

fn problem(error: &ValidationError, pointer: String) -> Problem {
    let params = error.params.iter().filter(|(name, _)| !HIDDEN.contains(&name.as_ref()));
    Problem {
        pointer,
        code: error.code.parse().unwrap_or(Code::Other),
        params: params.map(|(name, value)| (name.to_string(), plain(value))).collect(),
    }
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Escapes a name for a JSON pointer in a URI fragment.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Validate)]
    #[validate(schema(function = more_than_one, skip_on_field_errors = false))]
    struct Request {
        #[validate(custom(function = rules::address))]
        email: String,
        #[validate(custom(function = rules::short_names))]
        newsletter: Vec<String>,
        #[validate(nested)]
        more: More,
    }

    #[derive(Validate)]
    struct More {
        #[validate(length(max = 3, code = "text_too_long"))]
        title: String,
    }

    fn more_than_one(request: &Request) -> Result<(), ValidationError> {
        if request.newsletter.len() > 1 { Err(Code::NewsletterCount.error_at("newsletter")) } else { Ok(()) }
    }

    #[test]
    fn all_problems_are_listed_in_order_and_none_holds_the_input() {
        let request = Request {
            email: "secret@localhost".into(),
            newsletter: vec!["fine".into(), "SECRET!".into(), "Secret".into()],
            more: More { title: "secret".into() },
        };
        let problems = Problems::check(&request).unwrap_err();
        let listed: Vec<_> = problems
            .iter()
            .map(|problem| (problem.pointer.as_str(), problem.code, problem.field()))
            .collect();
        assert_eq!(
            listed,
            [
                ("#/email", Code::AddressDomain, "email"),
                ("#/newsletter", Code::NewsletterCount, "newsletter"),
                ("#/newsletter/1", Code::ShortName, "newsletter"),
                ("#/newsletter/2", Code::ShortName, "newsletter"),
                ("#/title", Code::TextTooLong, "title"),
            ]
        );
        assert!(!format!("{problems:?}").to_lowercase().contains("secret"), "{problems:?}");
        assert_eq!(problems.of("newsletter").count(), 3);
    }
}
