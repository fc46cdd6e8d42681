//! Problems with a signup, and their messages in a form.

use crate::{
    actions::signup::{
        address_policy::AddressRejection,
        request::{MOST_NEWSLETTERS, SubscribeError},
    },
    domain::validation::{Code, Problem, Problems},
    i18n::Texts,
};
use maud::{Markup, html};

/// Returns the problem behind a refused signup. `None`: the fields are not at fault.
pub fn problem(error: &SubscribeError) -> Option<Problem> {
    Some(match error {
        SubscribeError::NewsletterCount => {
            Code::NewsletterCount.at("newsletter").with("limit", MOST_NEWSLETTERS)
        }
        SubscribeError::NoSuchNewsletter => Code::NewsletterUnknown.at("newsletter"),
        SubscribeError::Blocked => address_problem(AddressRejection::Blocked),
        SubscribeError::RoleAccount => address_problem(AddressRejection::RoleAccount),
        SubscribeError::TooMany { .. } | SubscribeError::Redeemed | SubscribeError::Db(_) => return None,
    })
}

/// Returns the problem with an address that the operator's rules reject.
pub fn address_problem(rejection: AddressRejection) -> Problem {
    match rejection {
        AddressRejection::Blocked => Code::DisposableDomain.at("email"),
        AddressRejection::RoleAccount => Code::RoleAddress.at("email"),
    }
}

/// Renders the message of a field, with the identifier that [`error_id`] returns.
pub fn message(problems: Option<&Problems>, field: &str, texts: &Texts) -> Markup {
    html! {
        @if let Some(id) = error_id(problems, field) {
            p.problem id=(id) role="alert" {
                @let all = problems.into_iter().flat_map(|all| all.of(field));
                (all.map(|it| texts.problem(it)).collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// Returns the identifier of a field's message, for `aria-describedby`. `None` if the field has no problem.
pub fn error_id(problems: Option<&Problems>, field: &str) -> Option<String> {
    let has_problem = problems.is_some_and(|all| all.of(field).next().is_some());
    has_problem.then(|| format!("{field}-error"))
}
