//! The settings of a newsletter that operators enter, with the same names on the command line, in forms and
//! in JSON.

use crate::{
    actions::listed_values::ListedValues,
    domain::{
        brand::{LinkTags, MAX_FOOTER_CHARS, SocialLinks, parse_publisher_url},
        issue::{days::Days, sections::SectionOrder},
        newsletter::{
            MAX_NAME_CHARS, MAX_POSTAL_ADDRESS_CHARS, Newsletter, parse_accent, parse_line, parse_logo_url,
            parse_newsletter_language, parse_send_time, parse_stories, parse_time_zone,
        },
        subscriber::email_address::EmailAddress,
        validation::{Code, Problem, Problems, rules},
    },
};
use validator::{Validate, ValidationError};

const MAX_TAGLINE_CHARS: usize = MAX_NAME_CHARS * 2;

const CLOCKS: &[&str] = &["newsletter", "reader"];
const SELECTIONS: &[&str] = &["news", "round-up"];
const APPROVALS: &[&str] = &["required", "none"];
const FONTS: &[&str] = &["serif", "sans"];
const ARCHIVES: &[&str] = &["public", "unlisted", "none"];

/// A new newsletter.
#[derive(Debug, Default, Clone, clap::Args, serde::Deserialize, Validate)]
#[command(mut_arg("title", |arg| arg.required(true)))]
#[validate(schema(function = has_title, skip_on_field_errors = false))]
pub struct NewNewsletter {
    /// Short name: lower-case letters, digits and hyphens
    #[validate(custom(function = rules::short_name))]
    pub slug: String,
    #[command(flatten)]
    #[serde(flatten)]
    #[validate(nested)]
    pub details: NewsletterDetails,
}

/// The settings to change. Settings without a value stay unchanged.
#[derive(Debug, Default, Clone, clap::Args, serde::Deserialize, Validate)]
#[serde(default)]
#[validate(schema(function = fewest_and_most, skip_on_field_errors = false))]
pub struct NewsletterDetails {
    /// Title of the newsletter
    #[arg(long)]
    #[validate(custom(function = rules::line::<MAX_NAME_CHARS>))]
    pub title: Option<String>,
    /// Line below the title
    #[arg(long)]
    #[validate(custom(function = rules::line::<MAX_TAGLINE_CHARS>))]
    pub tagline: Option<String>,
    /// Name that emails come from
    #[arg(long)]
    #[validate(custom(function = rules::line::<MAX_NAME_CHARS>))]
    pub sender_name: Option<String>,
    /// Address that emails come from
    #[arg(long)]
    #[validate(custom(function = rules::address))]
    pub sender_address: Option<String>,
    /// Address that replies go to
    #[arg(long, value_name = "ADDRESS|none")]
    #[validate(custom(function = self::reply_to))]
    pub reply_to: Option<String>,
    /// Days with an issue: daily, weekdays, or such as mon,fri
    #[arg(long)]
    #[validate(custom(function = rules::days))]
    pub days: Option<String>,
    /// Time at which issues go out, such as 07:00
    #[arg(long)]
    #[validate(custom(function = rules::time_of_day))]
    pub send_time: Option<String>,
    /// Time zone, such as Europe/Berlin
    #[arg(long)]
    #[validate(custom(function = rules::time_zone))]
    pub time_zone: Option<String>,
    /// Clock of the send time: the newsletter's or the reader's
    #[arg(long, value_parser = ListedValues(CLOCKS))]
    #[validate(custom(function = self::clock))]
    pub clock: Option<String>,
    /// Choice of articles: new ones, or the best of the week
    #[arg(long, value_parser = ListedValues(SELECTIONS))]
    #[validate(custom(function = self::selection))]
    pub selection: Option<String>,
    /// Fewest stories in an issue
    #[arg(long, value_name = "N|default")]
    #[validate(custom(function = rules::story_count))]
    pub min_stories: Option<String>,
    /// Most stories in an issue
    #[arg(long, value_name = "N|default")]
    #[validate(custom(function = rules::story_count))]
    pub max_stories: Option<String>,
    /// Sections of an issue in order, such as Local,Science
    #[arg(long, value_name = "NAMES|none")]
    #[validate(custom(function = rules::section_order))]
    pub sections: Option<String>,
    /// Whether an issue waits for an operator's approval
    #[arg(long, value_parser = ListedValues(APPROVALS))]
    #[validate(custom(function = self::approval))]
    pub approval: Option<String>,
    /// Site that the title links to
    #[arg(long, value_name = "URL|none")]
    #[validate(custom(function = rules::publisher_url))]
    pub site: Option<String>,
    /// Privacy policy that pages and emails link to
    #[arg(long, value_name = "URL|none")]
    #[validate(custom(function = rules::publisher_url))]
    pub privacy_url: Option<String>,
    /// Line in the footer of pages and emails
    #[arg(long, value_name = "TEXT|none")]
    #[validate(custom(function = rules::footer))]
    pub footer: Option<String>,
    /// Profiles, as Name=URL, separated by commas
    #[arg(long, value_name = "LINKS|none")]
    #[validate(custom(function = rules::social))]
    pub social: Option<String>,
    /// Tags of story links; {date} and {newsletter} vary
    #[arg(long, value_name = "TAGS|none")]
    #[validate(custom(function = rules::link_tags))]
    pub utm: Option<String>,
    /// Picture in place of the title
    #[arg(long, value_name = "URL|none")]
    #[validate(custom(function = rules::logo))]
    pub logo: Option<String>,
    /// Color of buttons, links and labels
    #[arg(long, value_name = "#rrggbb|none")]
    #[validate(custom(function = rules::accent))]
    pub accent: Option<String>,
    /// Typeface of headlines
    #[arg(long, value_parser = ListedValues(FONTS))]
    #[validate(custom(function = self::fonts))]
    pub fonts: Option<String>,
    /// Postal address of the publisher
    #[arg(long)]
    #[validate(custom(function = rules::line::<MAX_POSTAL_ADDRESS_CHARS>))]
    pub postal_address: Option<String>,
    /// Language: en, de, es, fr or pt, or such as en-US
    #[arg(long)]
    #[validate(custom(function = rules::language))]
    pub language: Option<String>,
    /// Visibility of past issues
    #[arg(long, value_parser = ListedValues(ARCHIVES))]
    #[validate(custom(function = self::archive))]
    pub archive: Option<String>,
}

fn reply_to(text: &str) -> Result<(), ValidationError> {
    if text == "none" { Ok(()) } else { rules::address(text) }
}

fn clock(text: &str) -> Result<(), ValidationError> {
    rules::choice(text, CLOCKS)
}

fn selection(text: &str) -> Result<(), ValidationError> {
    rules::choice(text, SELECTIONS)
}

fn approval(text: &str) -> Result<(), ValidationError> {
    rules::choice(text, APPROVALS)
}

fn fonts(text: &str) -> Result<(), ValidationError> {
    rules::choice(text, FONTS)
}

fn archive(text: &str) -> Result<(), ValidationError> {
    rules::choice(text, ARCHIVES)
}

fn has_title(it: &NewNewsletter) -> Result<(), ValidationError> {
    it.details.title.as_ref().map(drop).ok_or_else(|| Code::TextRequired.error_at("title"))
}

fn fewest_and_most(it: &NewsletterDetails) -> Result<(), ValidationError> {
    let number = |text: &Option<String>| parse_stories("", text.as_deref()?).ok();
    match (number(&it.min_stories), number(&it.max_stories)) {
        (Some(min), Some(max)) if min > max => Err(Code::StoryOrder.error_at("min_stories")),
        _ => Ok(()),
    }
}

impl NewNewsletter {
    /// Checks the fields and makes the newsletter. Other settings are copied from `model`, except those
    /// specific to one newsletter.
    pub fn create(&self, model: &Newsletter) -> Result<Newsletter, Problems> {
        Problems::check(self)?;
        let new = Newsletter::default();
        let mut newsletter = Newsletter {
            slug: self.slug.clone(),
            tagline: String::new(),
            days: new.days,
            clock: new.clock,
            selection: new.selection,
            min_stories: None,
            max_stories: None,
            needs_approval: false,
            ..model.clone()
        };
        self.details.apply(&mut newsletter)?;
        Ok(newsletter)
    }
}

impl NewsletterDetails {
    /// Checks the fields and applies them to the newsletter. Valid fields can still conflict with the
    /// newsletter's own numbers of stories.
    pub fn apply(&self, newsletter: &mut Newsletter) -> Result<(), Problems> {
        Problems::check(self)?;
        let it = newsletter;
        set("title", self.title.as_ref(), &mut it.title, |text| parse_line("", text, MAX_NAME_CHARS))?;
        set("tagline", self.tagline.as_ref(), &mut it.tagline, |text| {
            parse_line("", text, MAX_TAGLINE_CHARS)
        })?;
        set("sender_name", self.sender_name.as_ref(), &mut it.sender_name, |text| {
            parse_line("", text, MAX_NAME_CHARS)
        })?;
        set("postal_address", self.postal_address.as_ref(), &mut it.postal_address, |text| {
            parse_line("", text, MAX_POSTAL_ADDRESS_CHARS)
        })?;
        set("language", self.language.as_ref(), &mut it.language, parse_newsletter_language)?;
        set("sender_address", self.sender_address.as_ref(), &mut it.sender_address, EmailAddress::parse)?;
        set("reply_to", self.reply_to.as_ref(), &mut it.reply_to, none_if("none", EmailAddress::parse))?;
        set("days", self.days.as_ref(), &mut it.days, Days::parse)?;
        set("send_time", self.send_time.as_ref(), &mut it.send_time, parse_send_time)?;
        set("time_zone", self.time_zone.as_ref(), &mut it.time_zone, parse_time_zone)?;
        set("clock", self.clock.as_ref(), &mut it.clock, str::parse)?;
        set("selection", self.selection.as_ref(), &mut it.selection, |text| text.replace('-', "_").parse())?;
        set("fonts", self.fonts.as_ref(), &mut it.theme.fonts, str::parse)?;
        set("archive", self.archive.as_ref(), &mut it.archive, str::parse)?;
        if let Some(approval) = &self.approval {
            it.needs_approval = approval == "required";
        }
        let stories = |text: &str| parse_stories("", text);
        set("min_stories", self.min_stories.as_ref(), &mut it.min_stories, none_if("default", stories))?;
        set("max_stories", self.max_stories.as_ref(), &mut it.max_stories, none_if("default", stories))?;
        set("sections", self.sections.as_ref(), &mut it.sections, |text| {
            if text == "none" { Ok(SectionOrder::default()) } else { SectionOrder::parse(text) }
        })?;
        set("logo", self.logo.as_ref(), &mut it.theme.logo_url, none_if("none", parse_logo_url))?;
        set("accent", self.accent.as_ref(), &mut it.theme.accent, none_if("none", parse_accent))?;
        let url = |text: &str| parse_publisher_url("", text);
        set("site", self.site.as_ref(), &mut it.brand.site_url, none_if("none", url))?;
        set("privacy_url", self.privacy_url.as_ref(), &mut it.brand.privacy_url, none_if("none", url))?;
        let line = |text: &str| parse_line("", text, MAX_FOOTER_CHARS);
        set("footer", self.footer.as_ref(), &mut it.brand.footer, none_if("none", line))?;
        set("social", self.social.as_ref(), &mut it.brand.social, |text| {
            if text == "none" { Ok(SocialLinks::default()) } else { SocialLinks::parse(text) }
        })?;
        set("utm", self.utm.as_ref(), &mut it.brand.link_tags, none_if("none", LinkTags::parse))?;
        it.check().map_err(|_| Code::StoryOrder.at("min_stories"))?;
        Ok(())
    }
}

/// Sets a value if a text is given. The rules have checked the text.
fn set<T, E>(
    field: &str,
    text: Option<&String>,
    value: &mut T,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<(), Problem> {
    if let Some(text) = text {
        *value = parse(text).map_err(|_| Code::Other.at(field))?;
    }
    Ok(())
}

/// Returns a parser that maps one word to `None`.
fn none_if<T, E>(
    none: &'static str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(&str) -> Result<Option<T>, E> {
    move |text| if text == none { Ok(None) } else { parse(text).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::select};

    /// Generates fields, most of them valid.
    fn details() -> impl Strategy<Value = NewsletterDetails> {
        let right: &[(&str, &[&str])] = &[
            ("title", &["The Weekly"]),
            ("tagline", &["All that happened"]),
            ("sender_name", &["The Example"]),
            ("sender_address", &["news@example.org"]),
            ("reply_to", &["none", "editor@example.org"]),
            ("days", &["daily", "weekdays", "mon,Fri"]),
            ("send_time", &["06:30", "6:5"]),
            ("time_zone", &["Europe/Berlin", "UTC"]),
            ("clock", CLOCKS),
            ("selection", SELECTIONS),
            ("min_stories", &["default", "1", "9"]),
            ("max_stories", &["default", "5", "50"]),
            ("sections", &["none", "Local, Science"]),
            ("approval", APPROVALS),
            ("site", &["none", "https://www.example.org"]),
            ("privacy_url", &["none", "https://www.example.org/privacy"]),
            ("footer", &["none", "The Example Company"]),
            ("social", &["none", "Forum=https://forum.example.org"]),
            ("utm", &["none", "utm_source=daily&utm_campaign={date}"]),
            ("logo", &["none", "https://www.example.org/logo.png"]),
            ("accent", &["none", "#0a6048"]),
            ("fonts", FONTS),
            ("postal_address", &["1 High Street"]),
            ("language", &["en", "pt-BR"]),
            ("archive", ARCHIVES),
        ];
        let field = select(right).prop_flat_map(|(name, right)| {
            let text = prop_oneof![9 => select(right).prop_map(str::to_owned), 1 => "[\\PC\\n]{0,110}"];
            (Just(name.to_owned()), text)
        });
        prop::collection::vec(field, 0..12).prop_map(|fields| {
            let fields: serde_json::Map<_, _> =
                fields.into_iter().map(|(name, text)| (name, text.into())).collect();
            serde_json::from_value(fields.into()).expect("texts by their names")
        })
    }

    proptest! {
        #[test]
        fn details_that_pass_the_rules_can_be_applied(details in details()) {
            let mut newsletter = Newsletter::default();
            match Problems::check(&details) {
                Ok(()) => prop_assert_eq!(details.apply(&mut newsletter), Ok(())),
                Err(problems) => prop_assert!(problems.iter().all(|it| it.code != Code::Other), "{problems:?}"),
            }
        }

        #[test]
        fn a_new_newsletter_that_passes_the_rules_can_be_made(details in details(), slug in "[a-z-]{0,9}|\\PC{0,9}") {
            let new = NewNewsletter { slug, details };
            prop_assert_eq!(Problems::check(&new).is_ok(), new.create(&Newsletter::default()).is_ok());
        }
    }

    #[test]
    fn the_numbers_of_stories_must_not_conflict() {
        let details = NewsletterDetails {
            min_stories: Some("9".into()),
            max_stories: Some("3".into()),
            title: Some(" ".into()),
            ..NewsletterDetails::default()
        };
        let problems = Problems::check(&details).unwrap_err();
        let found: Vec<_> = problems.iter().map(|it| (it.field(), it.code)).collect();
        assert_eq!(found, [("min_stories", Code::StoryOrder), ("title", Code::TextRequired)]);
        let details = NewsletterDetails { max_stories: Some("3".into()), ..NewsletterDetails::default() };
        let mut newsletter = Newsletter { min_stories: Some(5), ..Newsletter::default() };
        assert!(details.apply(&mut newsletter).is_err());
    }
}
