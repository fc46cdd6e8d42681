//! A reader signs up.
//!
//! What is not decided by who the address belongs to is answered at once: limits, blocked domains, newsletters that there are. The
//! signup itself is written down as it is, the same for every address; what becomes of it is a job's, behind the answer.

use crate::{
    actions::signup::{
        address_policy::AddressRejection,
        context::SignupContext,
        request::{MOST_NEWSLETTERS, Signup, SubscribeError},
    },
    domain::newsletter::is_slug,
};

/// Takes a signup: when this returns, it is kept for good. A job makes a pending subscription of it, with the consent event and the
/// confirmation mail.
pub async fn subscribe(context: &SignupContext, signup: Signup) -> Result<(), SubscribeError> {
    judge(context, &signup)?;
    context.batcher.enqueue(signup).await
}

/// What can be said of a signup without looking anything up.
pub fn judge(context: &SignupContext, signup: &Signup) -> Result<(), SubscribeError> {
    if signup.newsletters.is_empty() || signup.newsletters.len() > MOST_NEWSLETTERS {
        return Err(SubscribeError::NewsletterCount);
    }
    if let Some(slug) = signup.newsletters.iter().find(|slug| !is_slug(slug)) {
        return Err(SubscribeError::NoSuchNewsletter(slug.clone()));
    }
    context.address_policy.check(&signup.address, context.clock.now()).map_err(|why| match why {
        AddressRejection::Blocked => SubscribeError::Blocked(signup.address.domain().to_owned()),
        AddressRejection::RoleAccount => SubscribeError::RoleAccount,
    })
}
