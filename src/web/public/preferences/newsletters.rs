//! The card of the other newsletters, to subscribe and unsubscribe.

use super::{card::Card, view::PageView, with_newsletter};
use crate::domain::{join_wording::join_wording, token::Purpose};
use maud::{Markup, html};

/// Renders the card. Empty if there are no other newsletters.
pub(super) fn card(page: &PageView<'_>) -> Markup {
    let t = &page.locale.texts.preferences;
    let action = page.action_of(Card::Newsletters);
    html! {
        @if !page.reader.others.is_empty() {
            section.card id=(Card::Newsletters.id()) {
                h2 { (t.newsletters) }
                @for other in &page.reader.others {
                    @let it = &other.newsletter.newsletter;
                    div.offer {
                        p lang=(it.language) {
                            b { (it.title) }
                            @if !it.tagline.is_empty() { br; span.hint { (it.tagline) } }
                        }
                        @match other.subscription {
                            Some(id) => div.actions {
                                a href={ "/preferences/" (page.keys.sign(Purpose::Unsubscribe, id.0)) } {
                                    (with_newsletter(&t.choose, &it.title))
                                }
                                button.quiet type="submit" name="leave" value=(it.slug) formaction=(action) {
                                    (with_newsletter(&t.unsubscribe_from, &it.title))
                                }
                            },
                            None => button.quiet type="submit" name="join" value=(it.slug) formaction=(action)
                                aria-describedby="joining" {
                                (with_newsletter(&t.subscribe_to, &it.title))
                            },
                        }
                    }
                }
                @if page.reader.others.iter().any(|other| other.subscription.is_none()) {
                    p.fine-print #joining { (join_wording(Some(page.locale.language)).text) }
                }
                div.actions { (page.result(Card::Newsletters)) }
            }
        }
    }
}
