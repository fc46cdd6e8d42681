//! An address whose domain takes no mail, by the word of the name system: answered like any other wrong address.

use super::{
    did_you_mean,
    subscribe::{Fields, refuse},
};
use crate::{
    domain::{email_address::EmailAddress, mail_domains::suggestion, mail_exchange::Reach},
    web::{
        Site, WebError,
        words::{self, fill},
    },
};
use axum::response::Response;

/// What is wrong with the domain of an address. `None`: nothing that is known.
pub(super) async fn ask(
    site: &Site,
    json: bool,
    slug: &str,
    fields: &Fields,
    address: &EmailAddress,
) -> Result<Option<Response>, WebError> {
    let actions = &site.actions;
    if actions.mail_servers.reach(address.domain(), actions.clock.now()).await != Reach::No {
        return Ok(None);
    }
    let meant = suggestion(address);
    let language =
        if json { "en".to_owned() } else { site.newsletter(Some(slug)).await?.newsletter.language };
    let say = &words::of(&language).unreachable;
    let why = match &meant {
        Some(meant) => fill(&say.meant, &[("domain", address.domain()), ("address", meant.as_str())]),
        None => fill(&say.check, &[("domain", address.domain())]),
    };
    if json {
        return Ok(Some(did_you_mean::unreachable(&why, meant.as_ref())));
    }
    refuse(site, json, slug, fields, &why).await.map(Some)
}
