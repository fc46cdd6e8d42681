//! The layout of every email: head, hidden preheader, masthead, boxes, buttons, footer.
//!
//! It uses tables and inline styles, because Outlook for Windows renders email with Word. The sheet is 600
//! pixels wide there, by a table that only Outlook sees, and fluid everywhere else. Texts may be in another
//! language than the newsletter, so `dir="auto"` gives each paragraph its own direction, while its lines stay
//! aligned with the page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::theme::{BREAK, INK, Look, MUTED, SANS, light};
use crate::typography::unbroken;
use crate::wording::{Direction, tidy};
use crate::{Masthead, href, i18n};

/// The width of the sheet.
pub(crate) const SHEET_PX: u32 = 600;

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

/// A document. `rows` are the rows of the sheet, `footer` the paragraphs below it.
pub(crate) struct Page<'a> {
    pub(crate) masthead: &'a Masthead<'a>,
    pub(crate) look: &'a Look,
    pub(crate) title: &'a str,
    pub(crate) preheader: &'a str,
    /// The line below the name.
    pub(crate) dateline: Option<Markup>,
    pub(crate) notice: Option<&'a str>,
    pub(crate) rows: Markup,
    pub(crate) footer: &'a [Markup],
}

impl Page<'_> {
    pub(crate) fn render(self) -> Markup {
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
                        (bar(self.look))
                        @if let Some(notice) = self.notice { (notice_row(notice)) }
                        (masthead(self.masthead, self.look, self.dateline.as_ref()))
                        (self.rows)
                        (space_row(36))
                    }
                    table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
                        align="center" style={ "max-width:600px;margin:0 auto;text-align:" (start) ";" } {
                        (footer(self.masthead, self.footer))
                    }
                    (PreEscaped(OUTLOOK_CLOSE))
                } }
            }
        };
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
                    (PreEscaped(OUTLOOK_HEAD))
                    @for sheet in self.look.style_sheets() { style { (PreEscaped(sheet)) } }
                }
                body.desk dir=(direction.dir()) style={ "margin:0;padding:0;background:" (light::DESK) ";" } {
                    (hidden(self.preheader))
                    (desk)
                }
            }
        }
    }
}

/// Renders an email that is not an issue. `below` are paragraphs of the footer.
pub(crate) fn transactional(
    masthead: &Masthead<'_>,
    look: &Look,
    subject: &str,
    preheader: &str,
    rows: Markup,
    below: &[Markup],
) -> String {
    let page =
        Page { masthead, look, title: subject, preheader, dateline: None, notice: None, rows, footer: below };
    page.render().into_string()
}

fn hidden(preheader: &str) -> Markup {
    html! {
        div style="display:none;max-height:0;max-width:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px;" {
            (preheader) " " (PreEscaped(PREHEADER_PADDING.repeat(PREHEADER_PADDING_TIMES)))
        }
    }
}

/// The thin bar in the accent at the top of the sheet.
fn bar(look: &Look) -> Markup {
    html! {
        tr { td.bar height="6" bgcolor=(look.fill)
            style={ "background:" (look.fill) ";height:6px;font-size:0;line-height:6px;" } { (PreEscaped("&nbsp;")) } }
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

/// The newsletter's name or logo, the line below it, and a rule.
fn masthead(masthead: &Masthead<'_>, look: &Look, dateline: Option<&Markup>) -> Markup {
    let title = tidy(masthead.title);
    // Phones show the larger sizes smaller.
    let (class, size) = match title.chars().count() {
        0..=14 => (" name", "font-size:40px;line-height:46px;letter-spacing:-.6px;"),
        15..=22 => (" name", "font-size:34px;line-height:40px;letter-spacing:-.6px;"),
        23..=34 => ("", "font-size:28px;line-height:34px;letter-spacing:-.4px;"),
        _ => ("", "font-size:22px;line-height:28px;"),
    };
    let logo = masthead.theme.logo_url.and_then(href::web_url);
    let name = logo.map_or_else(|| html! { (title) }, |logo| logo_picture(logo, &title, look));
    html! {
        tr { td.pad style="padding:22px 32px 14px;" {
            div class={ "accent" (class) } dir="auto" style={ (look.headlines) (look.accent) (BREAK) (size) "font-weight:700;" } {
                @match masthead.home() {
                    Some(url) => a.accent href=(url) style={ (look.accent) "text-decoration:none;" } { (name) },
                    None => (name),
                }
            }
            @if let Some(dateline) = dateline { (dateline) }
        } }
        tr { td.pad style="padding:0 32px;" { (rule()) } }
    }
}

/// The logo, at most 52 pixels high. Its description is styled like the title, for clients that block
/// pictures. Most logos are drawn for white paper, so it keeps a white plate in the dark: dark mode's style
/// sheet gives it one with a margin, and programs that invert colours leave a gradient as it is.
fn logo_picture(url: &str, title: &str, look: &Look) -> Markup {
    html! {
        // Outlook for Windows uses the attribute, other clients the style.
        img.logo src=(url) alt=(title) height="52" border="0"
            style={ (look.headlines) (INK) "display:block;width:auto;height:auto;max-width:100%;max-height:52px;border:0;background-image:linear-gradient(#ffffff,#ffffff);font-size:28px;line-height:34px;font-weight:700;" };
    }
}

/// The line below the name: date and reading time at the start, a short link at the end.
pub(crate) fn dateline(starts: &[String], link: Option<(&str, &str)>, direction: Direction) -> Markup {
    let style = format!("{SANS}{MUTED}font-size:13px;line-height:18px;");
    html! {
        table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:6px 0 0;" {
            tr {
                td.muted valign="top" style=(style) {
                    @for (index, text) in starts.iter().enumerate() {
                        @if index > 0 { " \u{a0}·\u{a0} " }
                        (unbroken(text))
                    }
                }
                @if let Some((url, label)) = link {
                    td.muted valign="top" align=(direction.end())
                        style={ (style) "padding-" (direction.start()) ":12px;white-space:nowrap;" } {
                        (quiet_link(url, label))
                    }
                }
            }
        }
    }
}

/// A dark line across the column.
fn rule() -> Markup {
    html! {
        table.rule role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
            style={ "border-top:1px solid " (light::INK) ";" } {
            tr { td height="1" style="height:1px;font-size:0;line-height:1px;" { (PreEscaped("&nbsp;")) } }
        }
    }
}

/// The dark line above the end of an issue.
pub(crate) fn closing_rule(space: u32) -> Markup {
    html! { tr { td.pad style={ "padding:" (space) "px 32px 0;" } { (rule()) } } }
}

/// A row of the sheet with the page's margins, and space above it.
pub(crate) fn row(space: u32, content: Markup) -> Markup {
    html! { tr { td.pad style={ "padding:" (space) "px 32px 0;" } { (content) } } }
}

/// White space between the rows of a sheet.
pub(crate) fn space_row(height: u32) -> Markup {
    html! {
        tr { td height=(height) style={ "height:" (height) "px;font-size:0;line-height:" (height) "px;mso-line-height-rule:exactly;" } { (PreEscaped("&nbsp;")) } }
    }
}

/// White space between the parts of a row.
pub(crate) fn space(height: u32) -> Markup {
    html! { div style={ "height:" (height) "px;line-height:" (height) "px;font-size:0;mso-line-height-rule:exactly;" } { (PreEscaped("&nbsp;")) } }
}

pub(crate) fn headline(look: &Look, text: Markup) -> Markup {
    html! {
        h1.ink.hero dir="auto" style={ (look.headlines) (INK) (BREAK) "margin:0;font-size:32px;line-height:37px;font-weight:700;" (look.tight) } { (text) }
    }
}

/// The headline of a part of the email.
pub(crate) fn small_headline(look: &Look, text: &str) -> Markup {
    html! {
        h2.ink dir="auto" style={ (look.headlines) (INK) (BREAK) "margin:0;font-size:20px;line-height:25px;font-weight:700;" } { (text) }
    }
}

pub(crate) fn paragraph(content: Markup) -> Markup {
    html! { p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:10px 0 0;font-size:17px;line-height:26px;" } { (content) } }
}

pub(crate) fn small_print(content: Markup) -> Markup {
    html! { p.muted dir="auto" style={ (SANS) (MUTED) (BREAK) "margin:8px 0 0;font-size:14px;line-height:21px;" } { (content) } }
}

/// The words above a story: its section, in small capitals.
pub(crate) fn kicker(look: &Look, content: Markup) -> Markup {
    html! {
        p.accent dir="auto" style={ (SANS) (look.accent) (BREAK) "margin:0;font-size:12px;line-height:16px;font-weight:700;letter-spacing:.06em;text-transform:uppercase;" } { (content) }
    }
}

/// A name that stays on one line if it fits on one.
pub(crate) fn whole(name: &str) -> Markup {
    html! { span style="display:inline-block;" { (name) } }
}

/// A link in running text. The URL must be trusted: it is used verbatim and may be a placeholder.
pub(crate) fn inline_link(look: &Look, url: &str, label: &str) -> Markup {
    html! { a.accent href=(url) style={ (look.accent) (BREAK) (look.underline) } { (label) } }
}

/// A link of the dateline or the footer.
pub(crate) fn quiet_link(url: &str, label: &str) -> Markup {
    html! { a.muted href=(url) style={ (MUTED) (BREAK) "text-decoration:underline;" } { (label) } }
}

/// Links in one line, with dots between them.
pub(crate) fn quiet_links<'a>(links: impl IntoIterator<Item = (&'a str, &'a str)>) -> Markup {
    html! {
        @for (index, (url, label)) in links.into_iter().enumerate() {
            @if index > 0 { " · " }
            (quiet_link(url, label))
        }
    }
}

/// The email's main action, 44 pixels high. It is drawn by the cell's background and the link's border, both
/// of which Outlook supports. `beside` is a short text next to it.
pub(crate) fn button(
    look: &Look,
    url: &str,
    label: &str,
    beside: Option<Markup>,
    direction: Direction,
) -> Markup {
    html! {
        table role="presentation" cellpadding="0" cellspacing="0" border="0" {
            tr {
                td.btn bgcolor=(look.fill) style={ "background:" (look.fill) ";border-radius:4px;mso-padding-alt:11px 22px;" } {
                    a href=(url) style={
                        (SANS) "display:inline-block;" (look.on_fill) "font-size:16px;line-height:22px;font-weight:600;"
                        "text-decoration:none;padding:10px 22px;border:1px solid " (look.edge) ";border-radius:4px;"
                    } { (label) }
                }
                @if let Some(text) = beside {
                    td.muted style={ (SANS) (MUTED) (BREAK) "font-size:13px;line-height:18px;padding-" (direction.start()) ":16px;" } { (text) }
                }
            }
        }
    }
}

/// A second action: an outline without a fill.
pub(crate) fn outline_button(look: &Look, url: &str, label: &str) -> Markup {
    let edge = look.accent.trim_start_matches("color:");
    html! {
        table role="presentation" cellpadding="0" cellspacing="0" border="0" {
            tr { td.ghost style="border-radius:4px;mso-padding-alt:11px 22px;" {
                a href=(url) style={
                    (SANS) "display:inline-block;" (look.accent) "font-size:16px;line-height:22px;font-weight:600;"
                    "text-decoration:none;padding:10px 22px;border-radius:4px;border:1px solid " (edge)
                } { (label) }
            } }
        }
    }
}

/// A box with a little of the accent in its background.
pub(crate) fn tinted_box(look: &Look, content: Markup) -> Markup {
    html! {
        table.tint role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
            bgcolor=(look.tint) style={ "background:" (look.tint) ";border-radius:6px;" } {
            tr { td style="padding:14px 20px 16px;" { (content) } }
        }
    }
}

/// The heading of a box.
pub(crate) fn box_title(text: &str) -> Markup {
    html! { p.ink dir="auto" style={ (SANS) (INK) (BREAK) "margin:0 0 4px;font-size:14px;line-height:20px;font-weight:700;" } { (text) } }
}

/// A list whose items have a sign in the accent before them. Screen readers skip the sign.
pub(crate) fn marked_list(look: &Look, sign: &str, items: &[Markup]) -> Markup {
    html! {
        table role="presentation" cellpadding="0" cellspacing="0" border="0" {
            @for item in items {
                tr {
                    td.accent valign="top" width="22" aria-hidden="true" style={ (SANS) (look.accent) "width:22px;font-size:15px;line-height:22px;padding:4px 0;font-weight:700;" } { (sign) }
                    td.ink style={ (SANS) (INK) (BREAK) "font-size:15px;line-height:22px;padding:4px 0;" } { (item) }
                }
            }
        }
    }
}

/// The space below the sheet: paragraphs, then the publisher's own words and postal address.
fn footer(masthead: &Masthead<'_>, paragraphs: &[Markup]) -> Markup {
    let direction = Direction::of_language(masthead.language);
    let style = format!("{SANS}{MUTED}{BREAK}margin:0 0 8px;font-size:13px;line-height:20px;");
    html! {
        tr { td.pad style="padding:22px 32px 40px;" {
            @for paragraph in paragraphs { p.muted dir="auto" style=(style) { (paragraph) } }
            p.muted dir="auto" style=(style) {
                @for (index, line) in imprint(masthead).iter().enumerate() {
                    @if index > 0 { br; }
                    (isolated(line, direction))
                }
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

/// The lines about the publisher: its own footer and the postal address, or the newsletter's name if there is
/// neither.
pub(crate) fn imprint(masthead: &Masthead<'_>) -> Vec<String> {
    let lines = masthead.brand.footer.lines().chain(masthead.postal_address.lines());
    let lines: Vec<String> = lines.map(tidy).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { vec![tidy(masthead.title)] } else { lines }
}

/// The links to the publisher's site, its privacy policy and its accounts elsewhere.
pub(crate) fn publisher_links<'a>(
    masthead: &Masthead<'a>,
    texts: &'static i18n::Texts,
) -> Vec<(&'a str, String)> {
    let site = masthead.home().map(|url| (url, href::host(url).to_owned()));
    let privacy = masthead.brand.privacy_url.and_then(href::web_url);
    let privacy = privacy.map(|url| (url, texts.shared.privacy.clone()));
    let social = masthead.brand.social.iter().filter_map(|it| {
        let url = href::web_url(it.url)?;
        let name = tidy(it.name);
        Some((url, if name.is_empty() { href::host(url).to_owned() } else { name }))
    });
    site.into_iter().chain(privacy).chain(social).collect()
}
