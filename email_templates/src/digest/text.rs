//! The digest as plain text.

use super::{
    Digest,
    story_view::{Issue, StoryView},
};
use crate::dates::capitalize;
use crate::href;
use crate::i18n::{self, interpolate};
use crate::layout::{imprint, publisher_links};
use crate::text::TextPart;
use crate::wording::tidy;

pub(super) fn render(digest: &Digest<'_>, issue: &Issue) -> String {
    let masthead = &digest.masthead;
    let texts = i18n::texts_in(masthead.language);
    let t = &texts.digest;
    let title = tidy(masthead.title);
    let mut part = TextPart::default();
    if digest.is_test {
        let banner = super::test_banner(digest, &t.test, &[("title", &title)]);
        part.paragraph(0, &format!("*** {banner} ***")).gap();
    }
    part.paragraph(0, &title);
    part.paragraph(0, &tidy(masthead.tagline));
    let date = capitalize(&texts.date.day(digest.date));
    match issue.stories.first() {
        Some(_) => part.paragraph(0, &format!("{date} · {}", texts.minutes(issue.reading_minutes))),
        None => part.paragraph(0, &date),
    };
    part.rule('=').gap();

    if let Some(note) = digest.note {
        part.lines_of(note.text).gap().rule('-').gap();
    }
    let widest = format!("{}. ", issue.stories.len().max(1)).len();
    let arrangement = issue.arrangement();
    match arrangement.lead {
        None => part.paragraph(0, &t.no_stories).gap(),
        Some(lead) => story(&mut part, lead, widest),
    };
    for group in &arrangement.groups {
        if let Some(section) = group.start {
            part.heading(section.heading.unwrap_or(&t.brief)).gap();
        }
        for view in group.stories {
            story(&mut part, view, widest);
        }
    }

    part.rule('-').gap();
    part.paragraph(0, &super::farewell(digest, texts));
    if masthead.brand.takes_replies {
        part.paragraph(0, &t.tip);
    }
    part.gap();
    if let Some(url) = href::web_url(masthead.sign_up_url) {
        part.paragraph(0, &format!("{} {}", t.forwarded, texts.label(&t.get_own))).link(0, url).gap();
    }
    if let Some(web_view) = digest.links.web_view {
        part.paragraph(0, &texts.label(&t.web)).link(0, web_view).gap();
    }
    part.paragraph(0, &texts.label(&texts.shared.change)).link(0, digest.links.preferences).gap();
    part.paragraph(0, &texts.label(&texts.shared.unsubscribe)).link(0, digest.links.unsubscribe).gap();
    part.rule('-').gap();
    part.paragraph(0, &interpolate(&t.why, &[("at_site", &masthead.at_site(texts))]));
    for line in imprint(masthead) {
        part.paragraph(0, &line);
    }
    part.gap();
    for (url, label) in publisher_links(masthead, texts) {
        // A label such as a host's name says what its own URL says again.
        if !url.contains(&label) {
            part.paragraph(0, &texts.label(&label));
        }
        part.link(0, url);
    }
    part.finish()
}

fn story<'a>(part: &'a mut TextPart, view: &StoryView, widest: usize) -> &'a mut TextPart {
    part.hanging(&format!("{:<widest$}", format!("{}.", view.number)), &view.title);
    let about: Vec<&str> = [&view.section, &view.author, &view.site, &view.date]
        .into_iter()
        .filter_map(|it| it.as_deref())
        .collect();
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
