//! The digest as plain text.

use super::{Digest, Story, told};
use crate::href;
use crate::layout::postal_lines;
use crate::text::TextPart;
use crate::wording::{long_date, tidy};

pub(super) fn mail(digest: &Digest<'_>) -> String {
    let masthead = &digest.masthead;
    let title = tidy(masthead.title);
    let mut part = TextPart::default();
    if digest.is_test {
        part.paragraph(0, &format!("*** This is a test of {title}. It went to nobody else. ***")).gap();
    }
    part.paragraph(0, &title);
    part.paragraph(0, &tidy(masthead.tagline));
    part.paragraph(0, &long_date(digest.date));
    part.rule('=').gap();

    if digest.stories.is_empty() {
        part.paragraph(0, "There are no stories today. We will be back tomorrow.").gap();
    }
    let lead_width = format!("{}. ", digest.stories.len()).len();
    for (index, story) in digest.stories.iter().enumerate() {
        let lead = format!("{:<lead_width$}", format!("{}.", index + 1));
        self::story(&mut part, story, &lead, digest);
    }

    part.rule('-').gap();
    let site =
        href::web(masthead.site_url).map(|url| format!(" at {}", href::spoken(url))).unwrap_or_default();
    part.paragraph(
        0,
        &format!("You get {title} because you signed up for it{site} and confirmed your address."),
    )
    .gap();
    part.paragraph(0, "Unsubscribe:").link(0, digest.links.unsubscribe).gap();
    part.paragraph(0, "Read on the web:").link(0, digest.links.web_view).gap();
    part.paragraph(0, &title);
    for line in postal_lines(masthead) {
        part.paragraph(0, &line);
    }
    part.finish()
}

fn story(part: &mut TextPart, story: &Story<'_>, lead: &str, digest: &Digest<'_>) {
    let told = told(story, digest.date);
    let indent = lead.len();
    part.hanging(lead, &told.title);
    let about: Vec<String> = told.section.into_iter().chain(told.byline).collect();
    part.paragraph(indent, &about.join(" · "));
    part.gap();
    if let Some(dek) = &told.dek {
        part.paragraph(indent, dek);
    }
    if let Some(url) = href::web(story.url) {
        part.link(indent, url);
    }
    part.gap();
}
