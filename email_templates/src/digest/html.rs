//! The digest as HTML.

use jiff::civil::Date;
use maud::{Markup, PreEscaped, html};

use super::{Digest, Story, Told, told};
use crate::layout::{Page, footer, inline_link, paragraph, row, row_end};
use crate::theme::{ACCENT, BREAK, INK, MUTED, SANS, SERIF, light};
use crate::wording::{tidy, tidy_some};
use crate::{Masthead, href};

/// The width of the sheet without its margins.
const COLUMN_PX: u16 = 536;
const THUMBNAIL_PX: u16 = 128;

/// The mail: with the hidden preheader and the reader's own links.
pub(super) fn mail(digest: &Digest<'_>, subject: &str, preheader: &str) -> Markup {
    let title = tidy(digest.masthead.title);
    let own_links = [
        why(&digest.masthead),
        html! {
            (inline_link(digest.links.unsubscribe, "Unsubscribe"))
            " · "
            (inline_link(digest.links.web_view, "Read on the web"))
        },
    ];
    let notice = format!("This is a test of {title}. It went to nobody else.");
    page(digest, subject, Some(preheader), &notice, footer(&digest.masthead, &own_links))
}

/// The page of the archive: anybody may read it, so nothing in it is anybody's own.
pub(super) fn archive_page(digest: &Digest<'_>, subject: &str) -> Markup {
    let title = tidy(digest.masthead.title);
    let sign_up = href::web(digest.masthead.site_url)
        .map(|url| html! { (inline_link(url, &format!("Get {title} in your inbox every day"))) });
    let notice = format!("This is a test of {title}. It is not in the archive.");
    page(digest, subject, None, &notice, footer(&digest.masthead, sign_up.as_slice()))
}

fn page(digest: &Digest<'_>, subject: &str, preheader: Option<&str>, notice: &str, footer: Markup) -> Markup {
    Page {
        masthead: &digest.masthead,
        title: subject,
        preheader,
        date: Some(digest.date),
        notice: digest.is_test.then_some(notice),
        rows: stories(digest),
        footer,
    }
    .render()
}

fn why(masthead: &Masthead<'_>) -> Markup {
    html! {
        "You get " (tidy(masthead.title)) " because you signed up for it"
        @if let Some(url) = href::web(masthead.site_url) { " at " (inline_link(url, href::spoken(url))) }
        " and confirmed your address."
    }
}

fn stories(digest: &Digest<'_>) -> Markup {
    html! {
        @match digest.stories.split_first() {
            None => (row(paragraph(html! { "There are no stories today. We will be back tomorrow." }))),
            Some((lead, others)) => {
                (lead_story(lead, digest.date))
                @if !others.is_empty() { (also_today()) }
                @for (index, story) in others.iter().enumerate() {
                    (other_story(story, index + 2, index == 0, digest.date))
                }
            }
        }
        (row_end())
    }
}

fn lead_story(story: &Story<'_>, issue: Date) -> Markup {
    let told = told(story, issue);
    let url = href::web(story.url);
    let image = picture(story, COLUMN_PX, "width:100%;max-width:536px;");
    html! {
        tr { td.pad style="padding:22px 32px 0;" {
            @if let Some(image) = image {
                (linked_picture(story, url, &image))
                div style="height:18px;font-size:0;line-height:18px;" { (PreEscaped("&nbsp;")) }
            }
            (section_label(&told, None))
            h1.ink.hero dir="auto" style={ (SERIF) (INK) (BREAK) "margin:6px 0 0;font-size:34px;line-height:40px;font-weight:700;letter-spacing:-0.4px;" } {
                (headline(&told.title, url))
            }
            @if let Some(dek) = &told.dek {
                p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:12px 0 0;font-size:17px;line-height:26px;" } { (dek) }
            }
            (byline(&told))
            @if let Some(url) = url {
                p style={ (SANS) "margin:14px 0 0;font-size:15px;line-height:22px;font-weight:600;" } {
                    (inline_link(url, "Read the story"))
                }
            }
        } }
    }
}

/// The line between the lead and the rest.
fn also_today() -> Markup {
    html! {
        tr { td.pad style="padding:34px 32px 0;" {
            h2.ink.thick style={ (SANS) (INK) "margin:0;padding:8px 0 0;border-top:2px solid " (light::INK) ";font-size:14px;line-height:20px;font-weight:700;" } {
                "Also today"
            }
        } }
    }
}

fn other_story(story: &Story<'_>, number: usize, first: bool, issue: Date) -> Markup {
    let told = told(story, issue);
    let url = href::web(story.url);
    let image = picture(story, THUMBNAIL_PX, "width:128px;");
    let border = if first { String::new() } else { format!("border-top:1px solid {};", light::HAIRLINE) };
    let above = if first { "14px" } else { "20px" };
    html! {
        tr { td.pad style="padding:0 32px;" {
            table.line role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style=(border) {
                tr {
                    td valign="top" style={ "padding:" (above) " 0 20px;" } {
                        (section_label(&told, Some(number)))
                        h3.ink dir="auto" style={ (SERIF) (INK) (BREAK) "margin:4px 0 0;font-size:21px;line-height:27px;font-weight:700;" } {
                            (headline(&told.title, url))
                        }
                        @if let Some(dek) = &told.dek {
                            p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:6px 0 0;font-size:15px;line-height:23px;" } { (dek) }
                        }
                        (byline(&told))
                    }
                    @if let Some(image) = image {
                        td.gutter width="20" style="width:20px;font-size:0;" { (PreEscaped("&nbsp;")) }
                        td.thumb valign="top" width="128" style={ "width:128px;padding:" (above) " 0 20px;" } {
                            (linked_picture(story, url, &image))
                        }
                    }
                }
            }
        } }
    }
}

/// "2 · Science": the number is the one the text part gives the story.
fn section_label(told: &Told, number: Option<usize>) -> Markup {
    html! {
        @if told.section.is_some() || number.is_some() {
            p.accent style={ (SANS) (ACCENT) (BREAK) "margin:0;font-size:13px;line-height:18px;font-weight:700;" } {
                @if let Some(number) = number { (number) @if told.section.is_some() { " · " } }
                @if let Some(section) = &told.section { (section) }
            }
        }
    }
}

fn headline(title: &str, url: Option<&str>) -> Markup {
    html! {
        @match url {
            Some(url) => a.head.ink href=(url) style={ (INK) "text-decoration:none;" } { (title) },
            None => (title),
        }
    }
}

fn byline(told: &Told) -> Markup {
    html! {
        @if let Some(byline) = &told.byline {
            p.muted style={ (SANS) (MUTED) (BREAK) "margin:8px 0 0;font-size:13px;line-height:19px;" } { (byline) }
        }
    }
}

/// The picture, as wide as it is shown. No height: Outlook would squeeze a picture of another shape into it.
fn picture(story: &Story<'_>, width_px: u16, size: &str) -> Option<Markup> {
    let source = story.image_url.and_then(href::web)?;
    let alt = tidy_some(story.image_alt).unwrap_or_default();
    Some(html! {
        img.muted src=(source) alt=(alt) width=(width_px) border="0"
            style={ (SANS) (MUTED) (size) "height:auto;display:block;border:0;font-size:13px;line-height:19px;" };
    })
}

/// A picture that opens its story. Without a description it says nothing that the headline's own link doesn't, and
/// screen readers and the keyboard pass it by.
fn linked_picture(story: &Story<'_>, url: Option<&str>, image: &Markup) -> Markup {
    let described = tidy_some(story.image_alt).is_some();
    html! {
        @match url {
            None => (image),
            Some(url) if described => a href=(url) style="text-decoration:none;" { (image) },
            Some(url) => a href=(url) tabindex="-1" aria-hidden="true" style="text-decoration:none;" { (image) },
        }
    }
}
