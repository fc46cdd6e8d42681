//! The digest as plain text.

use super::{
    Digest,
    told::{Issue, Told},
};
use crate::layout::postal_lines;
use crate::text::TextPart;
use crate::theme::Look;
use crate::wording::tidy;
use crate::words::{self, capitalised, fill};

pub(super) fn mail(digest: &Digest<'_>, issue: &Issue) -> String {
    let masthead = &digest.masthead;
    let words = words::of(masthead.language);
    let say = &words.digest;
    let title = tidy(masthead.title);
    let (at_site, _) = masthead.at_site(&Look::of(&masthead.theme), words);
    let values = &[("title", title.as_str()), ("at_site", &at_site)];
    let mut part = TextPart::default();
    if digest.is_test {
        part.paragraph(0, &format!("*** {} ***", fill(&say.test, values))).gap();
    }
    part.paragraph(0, &title);
    part.paragraph(0, &tidy(masthead.tagline));
    part.paragraph(0, &capitalised(&words.date.long(digest.date)));
    part.rule('=').gap();

    if let Some(note) = digest.note {
        part.lines_of(note.text).gap().rule('-').gap();
    }
    let widest = format!("{}. ", digest.stories.len()).len();
    match &issue.hero {
        None => part.paragraph(0, &say.no_stories).gap(),
        Some(hero) => story(&mut part, hero, hero.section.as_deref(), widest),
    };
    for group in &issue.groups {
        if let Some(heading) = &group.heading {
            part.heading(heading).gap();
        }
        for told in &group.stories {
            let section = told.section.as_deref().filter(|_| group.heading.is_none());
            story(&mut part, told, section, widest);
        }
    }

    part.rule('-').gap();
    part.paragraph(0, &fill(&say.why, values)).gap();
    part.paragraph(0, &words.label(&words.letter.unsubscribe)).link(0, digest.links.unsubscribe).gap();
    part.paragraph(0, &words.label(&say.preferences)).link(0, digest.links.preferences).gap();
    if let Some(web_view) = digest.links.web_view {
        part.paragraph(0, &words.label(&say.web)).link(0, web_view).gap();
    }
    part.paragraph(0, &title);
    for line in postal_lines(masthead) {
        part.paragraph(0, &line);
    }
    part.finish()
}

fn story<'a>(part: &'a mut TextPart, told: &Told, section: Option<&str>, widest: usize) -> &'a mut TextPart {
    part.hanging(&format!("{:<widest$}", format!("{}.", told.number)), &told.title);
    let about: Vec<&str> = section.into_iter().chain(told.byline.iter().map(String::as_str)).collect();
    part.paragraph(widest, &about.join(" · "));
    part.gap();
    if let Some(dek) = &told.dek {
        part.paragraph(widest, dek);
    }
    if let Some(url) = &told.url {
        part.link(widest, url);
    }
    part.gap()
}
