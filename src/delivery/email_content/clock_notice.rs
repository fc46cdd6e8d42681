//! The notice to operators that the clock was wrong.

use crate::{
    db::{DbError, Tx, engine::scheduler_clock},
    delivery::email_content::{Content, EmailRequest, GONE, clock},
};
use email_templates::notice::NoticeKind;

pub(super) async fn content(request: &EmailRequest<'_>, tx: &mut Tx) -> Result<Content, DbError> {
    let recorded = scheduler_clock::get(tx).await?;
    let Some((wrong, corrected)) = recorded.and_then(|it| it.wrong_at.zip(it.corrected_at)) else {
        return Ok(Content::NotNeeded(GONE));
    };
    let newsletter = &request.newsletter.newsletter;
    Ok(request.operator_email(NoticeKind::ClockWasWrong {
        showed: clock::local_time(newsletter, wrong.0),
        corrected: clock::local_time(newsletter, corrected.0),
        clock: &clock::display_name(newsletter, corrected.0),
    }))
}
