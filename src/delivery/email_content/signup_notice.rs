//! Notices to operators about a suspected signup attack.

use crate::{
    db::{DbError, Tx, signups::alarm},
    delivery::email_content::{Content, EmailRequest, clock},
    domain::{
        delivery::email::EmailKind,
        signup::{alarm::Alarm, challenge::ChallengePolicy},
    },
};
use email_templates::notice::{NoticeKind, SuspiciousSignups};

pub(super) async fn content(request: &EmailRequest<'_>, tx: &mut Tx) -> Result<Content, DbError> {
    let record = alarm::get(tx).await?;
    let Some(attack) = record.attack else {
        return Ok(Content::NotNeeded(crate::delivery::email_content::GONE));
    };
    let newsletter = &request.newsletter.newsletter;
    let until = match (request.mail.kind, record.is_on()) {
        (EmailKind::SignupAlarm, Some(_)) => None,
        (EmailKind::SignupAlarm, None) => return Ok(Content::NotNeeded("it is over already")),
        (_, Some(_)) => return Ok(Content::NotNeeded("it has begun again")),
        (_, None) => Some(clock::local_time(newsletter, attack.seen_at)),
    };
    let sign = match attack.alarm {
        Alarm::LimitReached => "The overall signup limit was reached",
        Alarm::Flood => "Many signups are waiting to be confirmed",
        Alarm::FewConfirm => "Far fewer signups than usual are being confirmed",
    };
    let defence = match request.context.settings.signup.proof_of_work {
        ChallengePolicy::Never => {
            "Signups are limited as usual. Set signup.proof_of_work = \"under_attack\" to make browsers solve a small puzzle"
        }
        ChallengePolicy::UnderAttack => {
            "Until it's over, browsers must solve a small puzzle, and signups without a solution are held back"
        }
    };
    Ok(request.operator_email(NoticeKind::Signups(SuspiciousSignups {
        sign,
        since: clock::local_time(newsletter, attack.since),
        until,
        clock: &clock::display_name(newsletter, request.now),
        waiting: record.waiting,
        defence,
    })))
}
