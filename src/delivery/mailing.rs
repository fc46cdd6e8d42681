//! An issue that is being sent: a message template per variant, and each reader's copy.

use super::context::Context;
use crate::{
    db::{
        DbError,
        deliveries::ClaimedDelivery,
        issues::{self, IssueRecord, variants},
        newsletters::{self, NewsletterRecord},
    },
    domain::{
        ids::{IssueId, VariantId},
        issue::status::IssueStatus,
        token::{Purpose, token_placeholder},
    },
    mail::{ComposeError, Content, MessageTemplate, Recipient, Signers},
};
use std::collections::HashMap;

/// An issue that is being sent, with its prepared templates.
#[derive(Debug)]
pub struct Mailing {
    pub issue: IssueRecord,
    pub newsletter: NewsletterRecord,
    /// A template per variant. If one can't be composed, its deliveries fail.
    templates: HashMap<VariantId, Result<MessageTemplate, ComposeError>>,
    /// The keys that sign the copies.
    pub signers: Signers,
}

impl Mailing {
    /// Loads an issue and prepares its templates; `None` if it is not being sent (any more).
    pub async fn load(context: &Context, issue: IssueId) -> Result<Option<Self>, DbError> {
        let mut tx = context.db.read().await?;
        let Some(issue) = issues::get(&mut tx, issue).await? else { return Ok(None) };
        if issue.status != IssueStatus::Sending {
            return Ok(None);
        }
        let mut newsletter = newsletters::get(&mut tx, issue.newsletter_id).await?;
        issues::restore_sender(&mut tx, issue.id, &mut newsletter.newsletter).await?;
        let variants = variants::for_issue(&mut tx, issue.id).await?;
        drop(tx);
        let placeholder = token_placeholder(&issue.message_key);
        let feedback_id = newsletter.newsletter.feedback_id("issue", Some(issue.id));
        let templates = variants.iter().map(|variant| {
            let template = MessageTemplate::new(&Content {
                newsletter: &newsletter.newsletter,
                subject: &variant.subject,
                language: &newsletter.newsletter.language,
                text: &variant.text,
                html: &variant.html,
                placeholder: Some(&placeholder),
                message_key: &issue.message_key,
                date: issue.frozen_at.map_or(issue.due_at.0, |at| at.0),
                one_click: true,
                feedback_id: &feedback_id,
                auto_submitted: None,
                revision: None,
            });
            (variant.id, template)
        });
        let templates = templates.collect();
        let signers = context.dkim.for_sender(&newsletter.newsletter.sender_address);
        Ok(Some(Self { issue, newsletter, templates, signers }))
    }

    /// Writes a reader's copy into `out`, replacing its content.
    pub fn message(
        &self,
        context: &Context,
        delivery: &ClaimedDelivery,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        let template = match self.templates.get(&delivery.variant_id) {
            Some(Ok(template)) => template,
            Some(Err(error)) => return Err(error.clone()),
            None => return Err(ComposeError::NoVariant),
        };
        let token = context.keys.sign(Purpose::Unsubscribe, delivery.subscription_id.0);
        let mailto = context.settings.sending.unsubscribe_mailto.as_ref().map(|address| address.url(&token));
        let domain = self.newsletter.newsletter.sender_address.domain();
        let recipient = Recipient {
            address: &delivery.address,
            message_id: &format!("{}.{}@{domain}", self.issue.message_key, delivery.id),
            unsubscribe_url: Some(&format!("{}/unsubscribe/{token}", context.settings.http.public_url)),
            unsubscribe_mailto: mailto.as_deref(),
            token: &token,
        };
        template.write(&recipient, &self.signers, context.clock.now(), out)
    }
}
