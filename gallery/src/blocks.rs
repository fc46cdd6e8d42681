//! Records what a document looks like, so that a test notices a change: the blocks from top to bottom with their
//! places, sizes, type and colours. Widths of text depend on the fonts of a machine, so they are left out where they
//! follow the text.

use crate::browser::Browser;
use crate::{Error, Medium};

/// Blocks of emails and of pages.
const EMAIL: &str = ".bar, .name, h1, h2, h3, p, img, .tint, .btn a, .ghost a, .rule, .line";
const PAGE: &str = "h1, h2, h3, p, img, .card, .issue, .rows, .pair, button, .button, input, select";

/// Lists the blocks: kind, left edge and width, type, colours.
const BLOCKS: &str = r"
const hex = colour => { const [r, g, b] = colour.match(/[\d.]+/g).map(Number); return '#' + [r, g, b].map(it => it.toString(16).padStart(2, '0')).join('') };
const ground = it => { for (; it; it = it.parentElement) { const c = getComputedStyle(it).backgroundColor; if (!c.endsWith(', 0)')) return hex(c) } return '#ffffff' };
const lines = [];
for (const it of document.querySelectorAll(blocks)) {
    const { left, width, height } = it.getBoundingClientRect(), style = getComputedStyle(it);
    if (width === 0 || height === 0) continue;
    const fluid = it.matches('.btn a, .ghost a, button, .button, input, select'), kind = it.tagName.toLowerCase() + (it.className ? '.' + it.className.replaceAll(' ', '.') : '');
    const type = `${style.fontSize}/${style.lineHeight} ${hex(style.color)} on ${ground(it)}`.replaceAll('px', '');
    const size = it.tagName === 'IMG' ? `${Math.round(width)}x${Math.round(height)}` : fluid ? '*' : Math.round(width);
    lines.push(`${kind} at ${it.matches('button, .button, input, select') ? '*' : Math.round(left)} wide ${size}` + (it.tagName === 'IMG' || it.matches('.bar, .rule, .line, table, section, article, .rows, .pair') ? ` on ${ground(it)}` : ` ${type}`));
}
return lines.join('\n');
";

/// Describes the open document, a line for each block.
pub async fn record(browser: &Browser, medium: Medium) -> Result<String, Error> {
    let blocks = if medium == Medium::Email { EMAIL } else { PAGE };
    let found = browser.run(&format!("const blocks = '{blocks}';{BLOCKS}")).await?;
    found.as_str().map(str::to_owned).ok_or_else(|| "the record is no text".into())
}
