//! A test copy of an issue as it stands, or of the next one as it would be planned now.

use crate::{
    db::{DbError, Tx, issues},
    delivery::email_content::{Content, EmailRequest},
    domain::{
        issue::{revision::Revision, status::IssueStatus},
        token::Purpose,
    },
    issues::{edition, forecast::forecast, next::next_date, plan::PlanRules, render::Rendering},
};

pub(super) async fn content(request: &EmailRequest<'_>, tx: &mut Tx) -> Result<Content, DbError> {
    let EmailRequest { context, mail, newsletter, now, .. } = *request;
    let next = match mail.issue_date {
        Some(date) => date.0,
        None => next_date(tx, newsletter, context.settings.schedule.margins().grace, now).await?,
    };
    let issue = match mail.issue_id {
        Some(id) => issues::get(tx, id).await?,
        None => issues::get_by_date(tx, newsletter.id, next).await?,
    };
    let planning =
        PlanRules { limits: context.settings.digest.rules(), setup: context.settings.setup() }.at(now);
    let date = issue.as_ref().map_or(next, issues::IssueRecord::date);
    let edition = edition::load_edition(planning, tx, newsletter, date, issue.as_ref(), 1).await?;
    if edition.stories.is_empty() {
        return Ok(Content::NotNeeded("the issue has no stories yet: add articles or feeds first"));
    }
    let revision = match &issue {
        Some(issue) if issue.status != IssueStatus::Planned => None,
        _ => Some(forecast(planning, tx, newsletter, date).await?.content.revision()),
    };
    let token = context.keys.sign(Purpose::Test, mail.id.0);
    let email = Rendering {
        newsletter,
        date,
        edition: &edition,
        number: 1,
        public_url: request.public_url(),
        pictures_url: &context.settings.pictures_url(),
        reader_token: &token,
        is_test: true,
        revision: revision.as_ref().map(Revision::as_str),
    }
    .email();
    let unsubscribe_url = format!("{}/unsubscribe/{token}", request.public_url());
    Ok(Content::Email { email, unsubscribe_url: Some(unsubscribe_url), revision })
}
