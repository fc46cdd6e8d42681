//! Articles that are not in an issue, with the reasons.

use crate::{
    db::{DbError, Tx, content::articles},
    domain::{
        ids::ArticleId,
        issue::selection::{Choice, Reason},
        operator::role::Permission,
    },
    web::admin::{
        desk::Desk,
        words::{counted, sentence},
    },
};
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Titles that are shown below each reason.
const SHOWN_LEFT: usize = 5;
/// Titles that are shown of one reason alone.
const SHOWN_ALONE: usize = 200;

/// A reason, how many articles have it, and some of them with their titles.
type LeftGroup = (Reason, usize, Vec<(ArticleId, String)>);

/// Articles that are not in the issue, by reason.
pub struct LeftOut {
    total: usize,
    groups: Vec<LeftGroup>,
}

impl LeftOut {
    pub async fn load(tx: &mut Tx, left: &[&Choice], alone: Option<&str>) -> Result<Self, DbError> {
        let mut by_reason: BTreeMap<Reason, Vec<ArticleId>> = BTreeMap::new();
        for choice in left {
            by_reason.entry(choice.reason).or_default().push(choice.article);
        }
        let mut groups = Vec::new();
        for (reason, ids) in by_reason {
            let most = if alone == Some(reason.as_str()) { SHOWN_ALONE } else { SHOWN_LEFT };
            let shown: Vec<ArticleId> = ids.iter().copied().take(most).collect();
            let titles = articles::titles(tx, &shown).await?;
            let shown = shown.into_iter().filter_map(|id| Some((id, titles.get(&id)?.clone()))).collect();
            groups.push((reason, ids.len(), shown));
        }
        groups.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
        Ok(Self { total: left.len(), groups })
    }

    /// `decided` are the decisions about stories that the page shows.
    pub fn render(&self, desk: &Desk, date: Date, revision: &str, decided: &str) -> Markup {
        html! {
            section.sheet aria-labelledby="left" {
                header { h2 id="left" { "Left out, and why" } p.soft { (counted(self.total, "article")) } }
                @if self.total == 0 { p.small.soft { "Nothing was left out." } }
                (desk.form(&desk.issue_path(date, ""), &html! {
                    input type="hidden" name="revision" value=(revision);
                    input type="hidden" name="decided" value=(decided);
                    div.left {
                        @for (index, (reason, count, shown)) in self.groups.iter().enumerate() {
                            details open[index == 0] {
                                summary { span { (sentence(reason.explanation())) } span.soft { (count) } }
                                ul {
                                    @for (id, title) in shown {
                                        li { span.title { (title) }
                                            @if desk.may(Permission::EditIssue) && *reason != Reason::Hidden && *reason != Reason::Gone {
                                                button.row name=(if *reason == Reason::Dropped { "undo" } else { "pin" }) value=(id.0)
                                                    aria-label={ "Put in: " (title) } { "Put in" } } }
                                    }
                                    @if *count > shown.len() {
                                        li { a href={ (desk.issue_path(date, "")) "?reason=" (reason) "#left" } { "and " (count - shown.len()) " more" } }
                                    }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}
