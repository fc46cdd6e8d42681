//! The layout of every email: head, hidden preheader, nameplate, footer, and the button.
//!
//! It uses tables and inline styles, because Outlook for Windows renders email with Word. The sheet is 600
//! pixels wide there, by a table that only Outlook sees, and fluid everywhere else. Texts may be in another
//! language than the newsletter, so `dir="auto"` gives each paragraph its own direction, while its lines stay
//! aligned with the page.

use jiff::civil::Date;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::theme::{BREAK, INK, Look, MUTED, SANS, light};
use crate::wording::{Direction, tidy};
use crate::{Masthead, href, i18n};

/// Outlook for Windows scales by the screen's resolution and ignores `max-width`.
const OUTLOOK_HEAD: &str = "<!--[if mso]><noscript><xml>\
<o:OfficeDocumentSettings xmlns:o=\"urn:schemas-microsoft-com:office:office\">\
<o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml></noscript><![endif]-->";
const OUTLOOK_OPEN: &str = "<!--[if mso]><table role=\"presentation\" align=\"center\" width=\"600\" \
cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr><td><![endif]-->";
const OUTLOOK_CLOSE: &str = "<!--[if mso]></td></tr></table><![endif]-->";

/// Invisible characters that keep an inbox from showing the text after the preheader in its preview line.
const PREHEADER_PADDING: &str = "&#8199;&#65279;&#847; ";
const PREHEADER_PADDING_TIMES: usize = 40;

/// A document. `rows` are the rows of the sheet, `footer` the rows below it.
pub(crate) struct Page<'a> {
    pub(crate) masthead: &'a Masthead<'a>,
    pub(crate) title: &'a str,
    pub(crate) preheader: Option<&'a str>,
    /// Further elements of the head, for a page on the web.
    pub(crate) meta_tags: Option<&'a Markup>,
    pub(crate) date: Option<Date>,
    pub(crate) notice: Option<&'a str>,
    pub(crate) rows: Markup,
    pub(crate) footer: Markup,
}

impl Page<'_> {
    pub(crate) fn render(self) -> Markup {
        let look = Look::from_theme(&self.masthead.theme);
        let direction = Direction::of_language(self.masthead.language);
        let start = direction.start();
        let desk = html! {
            table.desk role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
                bgcolor=(light::DESK) lang=(self.masthead.language) dir=(direction.dir())
                style={ "background:" (light::DESK) ";" } {
                tr { td.desk-pad align="center" style="padding:24px 12px;" {
                    (PreEscaped(OUTLOOK_OPEN))
                    table.sheet role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
                        bgcolor=(light::SHEET) align="center"
                        style={ "max-width:600px;margin:0 auto;background:" (light::SHEET) ";text-align:" (start) ";" } {
                        @if let Some(notice) = self.notice { (notice_row(notice)) }
                        (nameplate(self.masthead, &look, self.date, direction))
                        (self.rows)
                    }
                    table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
                        align="center" style={ "max-width:600px;margin:0 auto;text-align:" (start) ";" } {
                        (self.footer)
                    }
                    (PreEscaped(OUTLOOK_CLOSE))
                } }
            }
        };
        // Screen readers need a landmark on a web page. In email, the mail program provides one.
        html! {
            (DOCTYPE)
            html lang=(self.masthead.language) dir=(direction.dir()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width,initial-scale=1";
                    meta name="x-apple-disable-message-reformatting";
                    meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no";
                    meta name="color-scheme" content="light dark";
                    meta name="supported-color-schemes" content="light dark";
                    title { (self.title) }
                    @if let Some(tags) = self.meta_tags { (tags) }
                    (PreEscaped(OUTLOOK_HEAD))
                    @for sheet in look.style_sheets() { style { (PreEscaped(sheet)) } }
                }
                body.desk dir=(direction.dir()) style={ "margin:0;padding:0;background:" (light::DESK) ";" } {
                    @if let Some(preheader) = self.preheader { (hidden(preheader)) }
                    @if self.meta_tags.is_some() { main { (desk) } } @else { (desk) }
                }
            }
        }
    }
}

/// Renders an email that is not an issue. `below` are paragraphs of the footer.
pub(crate) fn transactional(
    masthead: &Masthead<'_>,
    subject: &str,
    preheader: &str,
    rows: Markup,
    below: &[Markup],
) -> String {
    let footer = footer(masthead, below);
    let page = Page {
        masthead,
        title: subject,
        preheader: Some(preheader),
        meta_tags: None,
        date: None,
        notice: None,
        rows,
        footer,
    };
    page.render().into_string()
}

fn hidden(preheader: &str) -> Markup {
    html! {
        div style="display:none;max-height:0;max-width:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px;" {
            (preheader) " " (PreEscaped(PREHEADER_PADDING.repeat(PREHEADER_PADDING_TIMES)))
        }
    }
}

fn notice_row(notice: &str) -> Markup {
    html! {
        tr { td.notice.pad bgcolor=(light::NOTICE)
            style={ (SANS) "background:" (light::NOTICE) ";color:#4a3600;font-size:14px;line-height:20px;font-weight:600;padding:12px 32px;" } {
            (notice)
        } }
    }
}

/// The newsletter's name. In an issue the day of the month is beside it in the same type, as on a
/// tear-off calendar.
fn nameplate(masthead: &Masthead<'_>, look: &Look, date: Option<Date>, direction: Direction) -> Markup {
    let title = tidy(masthead.title);
    let tagline = tidy(masthead.tagline);
    let size = match title.chars().count() {
        0..=12 => "font-size:52px;line-height:56px;letter-spacing:-1.5px;",
        13..=22 => "font-size:36px;line-height:42px;letter-spacing:-0.5px;",
        _ => "font-size:27px;line-height:33px;",
    };
    let logo = masthead.theme.logo_url.and_then(href::web_url);
    let name = logo.map_or_else(|| html! { (title) }, |logo| logo_picture(logo, &title, look));
    html! {
        tr { td.pad.thick style={ "padding:22px 32px 0;border-top:6px solid " (light::INK) ";" } {
            table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" {
                tr {
                    td.ink valign="bottom" style={ (look.headlines) (INK) (BREAK) (size) "font-weight:700;" } {
                        @match href::web_url(masthead.site_url) {
                            Some(url) => a.head.ink href=(url) style={ (INK) "text-decoration:none;" } { (name) },
                            None => (name),
                        }
                    }
                    @if let Some(date) = date {
                        td.accent valign="bottom" align=(direction.end()) width="90" aria-hidden="true"
                            style={ (look.headlines) (look.accent_text()) "font-size:52px;line-height:56px;letter-spacing:-1.5px;text-align:" (direction.end()) ";" } {
                            (date.day())
                        }
                    }
                }
            }
            @if !tagline.is_empty() || date.is_some() {
                p.muted style={ (SANS) (MUTED) (BREAK) "margin:6px 0 0;font-size:14px;line-height:20px;" } {
                    @if let Some(date) = date {
                        span.ink style={ (INK) "font-weight:600;" } { (i18n::capitalize(&i18n::texts_in(masthead.language).date.long(date))) }
                        @if !tagline.is_empty() { span.dot { " · " } }
                    }
                    @if !tagline.is_empty() { span.tagline { (tagline) } }
                }
            }
            (double_rule())
        } }
    }
}

/// The logo, as high as the title would be. Its description is styled like the title, for clients that block
/// pictures. Dark mode gives it a white background, because most logos are drawn for one.
fn logo_picture(url: &str, title: &str, look: &Look) -> Markup {
    html! {
        // Outlook for Windows uses the attribute, other clients the style.
        img.logo src=(url) alt=(title) height="56" border="0"
            style={ (look.headlines) (INK) "display:block;width:auto;height:auto;max-width:100%;max-height:56px;border:0;border-radius:3px;font-size:30px;line-height:36px;font-weight:700;" };
    }
}

/// A thick line over a thin one, as under a newspaper's name.
fn double_rule() -> Markup {
    html! {
        table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:14px 0 0;" {
            tr { td.thick height="3"
                style={ "height:3px;font-size:0;line-height:3px;border-top:2px solid " (light::INK) ";border-bottom:1px solid " (light::INK) ";" } {
                (PreEscaped("&nbsp;"))
            } }
        }
    }
}

/// A row of the sheet, with the page's margins.
pub(crate) fn row(content: Markup) -> Markup {
    html! { tr { td.pad style="padding:24px 32px 0;" { (content) } } }
}

/// White space at the end of a sheet.
pub(crate) fn row_end() -> Markup {
    html! { tr { td height="36" style="height:36px;font-size:0;line-height:36px;" { (PreEscaped("&nbsp;")) } } }
}

pub(crate) fn headline(look: &Look, text: &str) -> Markup {
    html! {
        h1.ink.hero dir="auto" style={ (look.headlines) (INK) (BREAK) "margin:0;font-size:32px;line-height:38px;font-weight:700;letter-spacing:-0.3px;" } { (text) }
    }
}

pub(crate) fn paragraph(content: Markup) -> Markup {
    html! { p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:14px 0 0;font-size:17px;line-height:26px;" } { (content) } }
}

pub(crate) fn small_print(content: Markup) -> Markup {
    html! { p.muted dir="auto" style={ (SANS) (MUTED) (BREAK) "margin:14px 0 0;font-size:14px;line-height:21px;" } { (content) } }
}

/// A link in running text. The URL must be trusted: it is used verbatim and may be a placeholder.
pub(crate) fn inline_link(look: &Look, url: &str, label: &str) -> Markup {
    html! { a.accent href=(url) style={ (look.accent_text()) (BREAK) "text-decoration:underline;" } { (label) } }
}

/// The email's main action. It is drawn by the cell's background and the link's border, both of which Outlook
/// supports.
pub(crate) fn button(look: &Look, url: &str, label: &str) -> Markup {
    html! {
        table.button role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:24px 0 0;" {
            tr { td bgcolor=(look.accent) align="center" style={ "background:" (look.accent) ";border-radius:3px;mso-padding-alt:13px 28px;" } {
                a href=(url) style={
                    (SANS) "display:inline-block;color:#ffffff;font-size:17px;line-height:22px;font-weight:600;text-align:center;"
                    "text-decoration:none;padding:13px 28px;border:1px solid " (look.accent) ";border-radius:3px;"
                } { (label) }
            } }
        }
    }
}

/// The space below the sheet: paragraphs, then the publisher's name and postal address.
pub(crate) fn footer(masthead: &Masthead<'_>, paragraphs: &[Markup]) -> Markup {
    let direction = Direction::of_language(masthead.language);
    let style = format!("{SANS}{MUTED}{BREAK}margin:0 0 10px;font-size:13px;line-height:20px;");
    html! {
        tr { td.pad style="padding:22px 32px 28px;" {
            @for paragraph in paragraphs { p.muted dir="auto" style=(style) { (paragraph) } }
            p.muted dir="auto" style=(style) {
                (tidy(masthead.title))
                @for line in postal_lines(masthead) { br; (isolated(&line, direction)) }
            }
        } }
    }
}

/// Isolates a text that runs against the page's direction, so that it keeps its place among the texts around
/// it.
pub(crate) fn isolated(text: &str, direction: Direction) -> Markup {
    html! {
        @if direction.is_crossed_by(text) { span dir="auto" { (text) } } @else { (text) }
    }
}

pub(crate) fn postal_lines<'a>(masthead: &Masthead<'a>) -> impl Iterator<Item = String> + use<'a> {
    masthead.postal_address.lines().map(tidy).filter(|line| !line.is_empty())
}
