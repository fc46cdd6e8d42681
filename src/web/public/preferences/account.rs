//! The cards about the reader rather than one newsletter: address, language and data.

use crate::{
    domain::subscriber::email_address::MAX_ADDRESS_BYTES,
    i18n,
    web::public::preferences::{card::Card, view::PageView},
};
use maud::{Markup, html};

pub(super) fn address(page: &PageView<'_>) -> Markup {
    let t = &page.locale.texts.preferences;
    page.card(
        Card::Address,
        &html! {
            h2 { (t.address) }
            p.hint #address-hint { (t.address_hint) }
            div.field {
                label for="address" { (t.new_address) }
                input #address type="email" name="address" autocomplete="email" value=(page.address())
                    maxlength=(MAX_ADDRESS_BYTES) aria-invalid=[page.is_invalid("address")]
                    aria-describedby=[page.description("address", Some("address-hint"))];
                (page.message("address"))
            }
        },
        &page.quiet_button(Card::Address, &t.change_address),
    )
}

/// Renders the choice of language. Until a choice is saved, that of the page is selected.
pub(super) fn language(page: &PageView<'_>) -> Markup {
    let t = &page.locale.texts.preferences;
    page.card(
        Card::Language,
        &html! {
            h2 { (t.language) }
            div.field {
                label for="language" { (t.language_hint) }
                select #language name="language" autocomplete="off" aria-invalid=[page.is_invalid("language")]
                    aria-describedby=[page.description("language", None)] {
                    @for (tag, name) in i18n::languages() {
                        option value=(tag) lang=(tag) selected[tag == page.language()] { (name) }
                    }
                }
                (page.message("language"))
            }
        },
        &page.save_button(Card::Language),
    )
}

pub(super) fn data_export(page: &PageView<'_>) -> Markup {
    let t = &page.locale.texts.preferences;
    page.card(
        Card::DataExport,
        &html! { h2 { (t.data_export) } p.hint { (t.data_export_hint) } },
        &page.quiet_button(Card::DataExport, &t.request_data_export),
    )
}

/// Renders the form of a reader who has unsubscribed. Without an action it posts to its own page.
pub(super) fn data_export_form(t: &i18n::Preferences) -> Markup {
    html! {
        form.apart method="post" {
            h2 { (t.data_export) }
            p.hint { (t.data_export_hint) }
            p.actions {
                button.quiet type="submit" name="do" value="data_export" { (t.request_data_export) }
            }
        }
    }
}
