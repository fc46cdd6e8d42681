//! The forms about the reader rather than one newsletter: their address and their data.

use crate::{
    domain::subscriber::email_address::MAX_ADDRESS_BYTES, i18n::Preferences,
    web::public::preferences::view::Page,
};
use maud::{Markup, html};

pub(super) fn forms(page: &Page<'_>) -> Markup {
    let say = page.speech.say;
    html! {
        form.choices method="post" action=(page.action()) {
            fieldset {
                legend { (say.address) }
                p.hint #address-hint { (say.address_hint) }
                (page.message("address"))
                label for="address" { (say.new_address) }
                input #address type="email" name="address" required autocomplete="email"
                    maxlength=(MAX_ADDRESS_BYTES) aria-invalid=[page.is_invalid("address")]
                    aria-describedby=[page.description("address", Some("address-hint"))];
            }
            button.quiet type="submit" name="do" value="address" { (say.change_address) }
        }
        (data_export_form(say, Some(&page.action())))
    }
}

/// Asks for a data export. Without an action the form posts to its own page.
pub(super) fn data_export_form(say: &Preferences, action: Option<&str>) -> Markup {
    html! {
        form.choices method="post" action=[action] {
            fieldset {
                legend { (say.data_export) }
                p.hint { (say.data_export_hint) }
            }
            button.quiet type="submit" name="do" value="data_export" { (say.ask_data_export) }
        }
    }
}
