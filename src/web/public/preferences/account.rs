//! The forms about the reader rather than one newsletter: change of address and data export.

use crate::{
    domain::subscriber::email_address::MAX_ADDRESS_BYTES, i18n::Preferences,
    web::public::preferences::view::PageView,
};
use maud::{Markup, html};

pub(super) fn forms(page: &PageView<'_>) -> Markup {
    let t = &page.locale.texts.preferences;
    html! {
        form.choices method="post" action=(page.action()) {
            fieldset {
                legend { (t.address) }
                p.hint #address-hint { (t.address_hint) }
                (page.message("address"))
                label for="address" { (t.new_address) }
                input #address type="email" name="address" required autocomplete="email"
                    maxlength=(MAX_ADDRESS_BYTES) aria-invalid=[page.is_invalid("address")]
                    aria-describedby=[page.description("address", Some("address-hint"))];
            }
            button.quiet type="submit" name="do" value="address" { (t.change_address) }
        }
        (data_export_form(t, Some(&page.action())))
    }
}

/// Renders the form that requests a data export. Without an action it posts to its own page.
pub(super) fn data_export_form(t: &Preferences, action: Option<&str>) -> Markup {
    html! {
        form.choices method="post" action=[action] {
            fieldset {
                legend { (t.data_export) }
                p.hint { (t.data_export_hint) }
            }
            button.quiet type="submit" name="do" value="data_export" { (t.request_data_export) }
        }
    }
}
