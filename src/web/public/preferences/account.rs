//! What is the reader's own, whatever they read: their address, and what is held about them.

use super::view::Page;
use crate::{domain::email_address::MAX_ADDRESS_BYTES, web::words::Preferences};
use maud::{Markup, html};

pub(super) fn forms(page: &Page<'_>) -> Markup {
    let say = page.speech.say;
    html! {
        form.choices method="post" action=(page.action()) {
            fieldset {
                legend { (say.address) }
                p.hint #address-hint { (say.address_hint) }
                label for="address" { (say.new_address) }
                input #address type="email" name="address" required autocomplete="email"
                    maxlength=(MAX_ADDRESS_BYTES) aria-describedby="address-hint";
            }
            button.quiet type="submit" name="do" value="address" { (say.change_address) }
        }
        (copy_form(say, Some(&page.action())))
    }
}

/// Asks for a copy; without an address it goes to the page it stands on.
pub(super) fn copy_form(say: &Preferences, action: Option<&str>) -> Markup {
    html! {
        form.choices method="post" action=[action] {
            fieldset {
                legend { (say.held) }
                p.hint { (say.held_hint) }
            }
            button.quiet type="submit" name="do" value="copy" { (say.ask_copy) }
        }
    }
}
