//! The digest as plain text.

use super::{
    Digest,
    story_view::{Issue, StoryView},
};
use crate::i18n::{self, capitalize, interpolate};
use crate::layout::postal_lines;
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;

pub(super) fn render(digest: &Digest<'_>, issue: &Issue) -> String {
    let masthead = &digest.masthead;
    let texts = i18n::texts_in(masthead.language);
    let t = &texts.digest;
    let title = tidy(masthead.title);
    let (at_site, _) = masthead.at_site(&Look::from_theme(&masthead.theme), texts);
    let values = &[("title", title.as_str()), ("at_site", &at_site)];
    let mut part = TextPart::default();
    if digest.is_test {
        part.paragraph(0, &format!("*** {} ***", super::test_banner(digest, &t.test, values))).gap();
    }
    part.paragraph(0, &title);
    part.paragraph(0, &tidy(masthead.tagline));
    part.paragraph(0, &capitalize(&texts.date.long(digest.date)));
    part.rule('=').gap();

    if let Some(note) = digest.note {
        part.lines_of(note.text).gap().rule('-').gap();
    }
    let widest = format!("{}. ", digest.stories.len()).len();
    match &issue.hero {
        None => part.paragraph(0, &t.no_stories).gap(),
        Some(hero) => story(&mut part, hero, hero.section.as_deref(), widest),
    };
    for group in &issue.groups {
        if let Some(heading) = &group.heading {
            part.heading(heading).gap();
        }
        for view in &group.stories {
            let section = view.section.as_deref().filter(|_| group.heading.is_none());
            story(&mut part, view, section, widest);
        }
    }

    part.rule('-').gap();
    part.paragraph(0, &interpolate(&t.why, values)).gap();
    part.paragraph(0, &texts.label(&texts.shared.unsubscribe)).link(0, digest.links.unsubscribe).gap();
    part.paragraph(0, &texts.label(&t.preferences)).link(0, digest.links.preferences).gap();
    if let Some(web_view) = digest.links.web_view {
        part.paragraph(0, &texts.label(&t.web)).link(0, web_view).gap();
    }
    part.paragraph(0, &title);
    for line in postal_lines(masthead) {
        part.paragraph(0, &line);
    }
    part.finish()
}

fn story<'a>(
    part: &'a mut TextPart,
    view: &StoryView,
    section: Option<&str>,
    widest: usize,
) -> &'a mut TextPart {
    part.hanging(&format!("{:<widest$}", format!("{}.", view.number)), &view.title);
    let about: Vec<&str> = section.into_iter().chain(view.byline.iter().map(String::as_str)).collect();
    part.paragraph(widest, &about.join(" · "));
    part.gap();
    if let Some(dek) = &view.dek {
        part.paragraph(widest, dek);
    }
    if let Some(url) = &view.url {
        part.link(widest, url);
    }
    part.gap()
}
