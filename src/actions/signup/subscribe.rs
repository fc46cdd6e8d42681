//! A reader signs up.
//!
//! Checks that don't depend on the reader of the address, such as limits and blocked domains, are answered at
//! once. The signup is then saved in the same way for every address, and a job processes it after the
//! response.

use crate::{
    actions::signup::{
        address_policy::AddressRejection,
        context::SignupContext,
        request::{MOST_NEWSLETTERS, Signup, SubscribeError},
    },
    domain::newsletter::is_slug,
};

/// Saves a signup durably. A job makes it a pending subscription, with the consent event and the confirmation
/// email.
pub async fn subscribe(context: &SignupContext, signup: Signup) -> Result<(), SubscribeError> {
    let saved = async {
        check_signup(context, &signup)?;
        context.batcher.enqueue(signup).await
    };
    let saved = saved.await;
    context.metrics.count_signup(saved.is_ok());
    saved
}

/// Checks a signup without reading the database.
fn check_signup(context: &SignupContext, signup: &Signup) -> Result<(), SubscribeError> {
    if signup.newsletters.is_empty() || signup.newsletters.len() > MOST_NEWSLETTERS {
        return Err(SubscribeError::NewsletterCount);
    }
    if !signup.newsletters.iter().all(|slug| is_slug(slug)) {
        return Err(SubscribeError::NoSuchNewsletter);
    }
    context.address_policy.check(&signup.address, context.clock.now()).map_err(|rejection| match rejection {
        AddressRejection::Blocked => SubscribeError::Blocked,
        AddressRejection::RoleAccount => SubscribeError::RoleAccount,
    })
}
