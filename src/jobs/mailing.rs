//! An issue on its way out: what all its copies share, and each reader's copy.

use super::{Context, freeze_issue::token_place};
use crate::{
    db::{
        DbError,
        deliveries::ClaimedDelivery,
        issues::{self, IssueRecord},
        newsletters::{self, NewsletterRecord},
        variants::{self, Encoding},
    },
    domain::{
        ids::{IssueId, VariantId},
        issue::IssueStatus,
        token::Purpose,
    },
    mail::{self, ComposeError, Frozen, Personal, Signers, encode_part},
};
use std::collections::HashMap;

/// An issue that is being sent, ready to be written for each of its readers.
#[derive(Debug)]
pub struct Mailing {
    /// The issue.
    pub issue: IssueRecord,
    /// Whose it is.
    pub newsletter: NewsletterRecord,
    /// What all copies of each variant share.
    frozen: HashMap<VariantId, Frozen>,
    /// Who signs them.
    pub signers: Signers,
}

impl Mailing {
    /// Reads an issue and gets it ready; `None` if it is not being sent (any more).
    pub async fn load(context: &Context, issue: IssueId) -> Result<Option<Self>, DbError> {
        let mut tx = context.db.read().await?;
        let Some(issue) = issues::get(&mut tx, issue).await? else { return Ok(None) };
        if issue.status != IssueStatus::Sending {
            return Ok(None);
        }
        let newsletter = newsletters::get(&mut tx, issue.newsletter_id).await?;
        let variants = variants::of_issue(&mut tx, issue.id).await?;
        drop(tx);
        let place = token_place(&issue.message_key);
        let mut frozen = HashMap::new();
        for mut variant in variants {
            if variant.encoding == Encoding::Plain {
                variant.text = encode_part(&variant.text, &place);
                variant.html = encode_part(&variant.html, &place);
            }
            let shared = mail::Issue {
                newsletter: &newsletter.newsletter,
                subject: &variant.subject,
                text: &variant.text,
                html: &variant.html,
                place: &place,
                message_key: &issue.message_key,
                date: issue.frozen_at.map_or(issue.due_at.0, |at| at.0),
            };
            frozen.insert(variant.id, Frozen::new(&shared));
        }
        let signers = context.dkim.for_sender(&newsletter.newsletter.sender_address);
        Ok(Some(Self { issue, newsletter, frozen, signers }))
    }

    /// Writes a reader's copy, in place of whatever `out` holds.
    pub fn message(
        &self,
        context: &Context,
        delivery: &ClaimedDelivery,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        // A delivery names a variant of its issue: the table says so.
        let frozen = self.frozen.get(&delivery.variant_id).ok_or(ComposeError::NoVariant)?;
        let token = context.keys.sign(Purpose::Unsubscribe, delivery.subscription_id.0);
        let mailto = context.rules.unsubscribe_mailto.as_ref().map(|it| it.url(&token));
        let domain = self.newsletter.newsletter.sender_address.domain();
        let personal = Personal {
            recipient: &delivery.address,
            message_id: &format!("{}.{}@{domain}", self.issue.message_key, delivery.id),
            unsubscribe_url: &format!("{}/unsubscribe/{token}", context.rules.public_url),
            unsubscribe_mailto: mailto.as_deref(),
            token: &token,
        };
        frozen.message(&personal, &self.signers, context.clock.now(), out)
    }
}
