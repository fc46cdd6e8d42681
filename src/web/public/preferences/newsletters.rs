//! The form of the other newsletters, to subscribe and unsubscribe.

use super::{view::PageView, with_newsletter};
use crate::domain::{
    join_wording::join_wording,
    token::{KeyRing, Purpose},
};
use maud::{Markup, html};

/// Renders the form. Empty if there are no other newsletters.
pub(super) fn form(page: &PageView<'_>, keys: &KeyRing) -> Markup {
    let t = &page.locale.texts.preferences;
    html! {
        @if !page.reader.others.is_empty() {
            form.choices method="post" action=(page.action()) {
                fieldset {
                    legend { (t.newsletters) }
                    p.hint { (t.newsletters_hint) }
                    ul.newsletters {
                        @for other in &page.reader.others {
                            @let it = &other.newsletter.newsletter;
                            li {
                                div {
                                    strong { (it.title) }
                                    @if !it.tagline.is_empty() { br; span.hint { (it.tagline) } }
                                }
                                @match other.subscription {
                                    Some(id) => div.actions {
                                        a href={ "/preferences/" (keys.sign(Purpose::Unsubscribe, id.0)) } {
                                            (with_newsletter(&t.choose, &it.title))
                                        }
                                        button.quiet type="submit" name="leave" value=(it.slug) {
                                            (with_newsletter(&t.unsubscribe_from, &it.title))
                                        }
                                    },
                                    None => div.actions {
                                        button.quiet type="submit" name="join" value=(it.slug)
                                            aria-describedby="joining" {
                                            (with_newsletter(&t.subscribe_to, &it.title))
                                        }
                                    },
                                }
                            }
                        }
                    }
                    @if page.reader.others.iter().any(|other| other.subscription.is_none()) {
                        p.hint #joining { (join_wording(Some(page.locale.language)).text) }
                    }
                }
            }
        }
    }
}
