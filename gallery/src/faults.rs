//! Measures that no document may fail, in any view.

use serde_json::Value;

use crate::browser::Browser;
use crate::{Error, Medium};

/// Faults that any document may have. `faults`, `width`, `box` and `shown` are for the script that follows.
const ANY: &str = r"
const faults = [], width = document.documentElement.clientWidth;
const box = it => it.getBoundingClientRect();
const shown = it => box(it).width > 1 && box(it).height > 1;
if (document.documentElement.scrollWidth > width)
    faults.push(`it is ${document.documentElement.scrollWidth} px wide`);
";

/// Faults of emails.
const EMAIL: &str = r"
for (const it of document.querySelectorAll('h1, h2, h3, p, img, a'))
    if (shown(it) && (box(it).right > width + 1 || box(it).left < -1))
        faults.push(`${it.tagName} ends at ${box(it).right}: ${it.textContent.slice(0, 40)}`);
for (const it of document.querySelectorAll('.btn a, .ghost a'))
    if (box(it).height < 44) faults.push(`a button is ${box(it).height} px high`);
for (const it of document.querySelectorAll('.thumb img'))
    if (box(it).width > 112.5) faults.push(`a thumbnail is ${box(it).width} px wide`);
for (const it of document.querySelectorAll('.thumb')) {
    const words = it.parentElement.firstElementChild;
    if (box(words).width < 80) faults.push(`${box(words).width} px are left beside a thumbnail`);
}
// The eye reads in the order of the document. The stories of a pair may begin at the same height.
const tops = [...document.querySelectorAll('h1, h2, h3')].map(it => box(it).top);
tops.forEach((top, index) => { if (index > 0 && top < tops[index - 1] - 45) faults.push(`heading ${index + 1} is above the one before it`) });
const cols = [...document.querySelectorAll('.col')].map(box);
if (cols.length > 0) {
    const beside = Math.abs(cols[0].top - cols[1].top) < 2;
    if (beside !== (width >= 620)) faults.push(`the pair is ${beside ? 'side by side' : 'stacked'} at ${width} px`);
}
return faults;
";

/// Faults of pages. Links within text may be low, buttons and fields may not.
const PAGE: &str = r"
const within = document.querySelector('[data-box]')?.shadowRoot || document;
for (const it of within.querySelectorAll('h1, h2, h3, p, img, a, button, input, select, label'))
    if (shown(it) && !it.closest('.skip, .hidden') && (box(it).right > width + 1 || box(it).left < -1))
        faults.push(`${it.tagName} ends at ${box(it).right}: ${it.textContent.slice(0, 40)}`);
for (const it of within.querySelectorAll('button, .button, select, textarea, input:not([type=hidden], [type=checkbox], [type=radio])'))
    if (shown(it) && !it.closest('.fine') && box(it).height < 44)
        faults.push(`${it.tagName} is ${box(it).height} px high: ${it.textContent.slice(0, 40)}`);
for (const it of within.querySelectorAll('select')) {
    // The arrow takes 20 px.
    const style = getComputedStyle(it), letters = document.createElement('canvas').getContext('2d');
    letters.font = style.font;
    const words = letters.measureText(it.selectedOptions[0]?.text || '').width;
    const room = it.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 20;
    if (shown(it) && words > room) faults.push(`a choice is cut off: ${it.selectedOptions[0].text}`);
}
for (const it of document.images)
    if (shown(it) && it.complete && it.naturalWidth === 0 && !it.src.includes('blocked.invalid'))
        faults.push(`a picture is missing: ${it.src}`);
const levels = [...document.querySelectorAll('h1, h2, h3')].map(it => +it.tagName[1]);
levels.forEach((level, index) => { if (level > (levels[index - 1] || 0) + 1) faults.push(`heading ${index + 1} skips a level`) });
if (within === document && levels.filter(level => level === 1).length !== 1) faults.push('it has not one h1');
return faults;
";

/// Measures the open document. Returns a sentence for each fault.
pub async fn find(browser: &Browser, medium: Medium) -> Result<Vec<String>, Error> {
    let script = [ANY, if medium == Medium::Email { EMAIL } else { PAGE }].concat();
    let Value::Array(found) = browser.run(&script).await? else {
        return Err("the measures returned no list".into());
    };
    Ok(found.iter().filter_map(|fault| fault.as_str().map(str::to_owned)).collect())
}
