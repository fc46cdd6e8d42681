//! The other newsletters: which of them come, and those that do not yet.

use super::{of, view::Page};
use crate::domain::{
    join_wording::join_wording,
    token::{KeyRing, Purpose},
};
use maud::{Markup, html};

/// The form; nothing, where there is but one newsletter.
pub(super) fn form(page: &Page<'_>, keys: &KeyRing) -> Markup {
    let say = page.speech.say;
    html! {
        @if !page.choice.others.is_empty() {
            form.choices method="post" action=(page.action()) {
                fieldset {
                    legend { (say.newsletters) }
                    p.hint { (say.newsletters_hint) }
                    ul.newsletters {
                        @for other in &page.choice.others {
                            @let it = &other.newsletter.newsletter;
                            li {
                                div {
                                    strong { (it.title) }
                                    @if !it.tagline.is_empty() { br; span.hint { (it.tagline) } }
                                }
                                @match other.subscription {
                                    Some(id) => div.actions {
                                        a href={ "/preferences/" (keys.sign(Purpose::Unsubscribe, id.0)) } {
                                            (of(&say.choose, &it.title))
                                        }
                                        button.quiet type="submit" name="leave" value=(it.slug) {
                                            (of(&say.leave_it, &it.title))
                                        }
                                    },
                                    None => div.actions {
                                        button.quiet type="submit" name="join" value=(it.slug)
                                            aria-describedby="joining" {
                                            (of(&say.get_it, &it.title))
                                        }
                                    },
                                }
                            }
                        }
                    }
                    @if page.choice.others.iter().any(|other| other.subscription.is_none()) {
                        p.hint #joining { (join_wording(Some(page.speech.language)).text) }
                    }
                }
            }
        }
    }
}
