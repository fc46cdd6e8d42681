//! What operators are told about signups that look like an attack.

use crate::{
    db::{DbError, Tx, signups::alarm},
    delivery::email_content::{Content, Making, clock},
    domain::{
        delivery::email::EmailKind,
        signup::{alarm::Alarm, challenge::ChallengePolicy},
    },
};
use email_templates::notice::{Matter, SuspiciousSignups};

pub(super) async fn content(making: &Making<'_>, tx: &mut Tx) -> Result<Content, DbError> {
    let record = alarm::get(tx).await?;
    let Some(attack) = record.attack else {
        return Ok(Content::Unwanted(crate::delivery::email_content::GONE));
    };
    let newsletter = &making.newsletter.newsletter;
    let until = match (making.mail.kind, record.is_on()) {
        (EmailKind::SignupAlarm, Some(_)) => None,
        (EmailKind::SignupAlarm, None) => return Ok(Content::Unwanted("it is over already")),
        (_, Some(_)) => return Ok(Content::Unwanted("it has begun again")),
        (_, None) => Some(clock::civil(newsletter, attack.seen_at)),
    };
    let sign = match attack.alarm {
        Alarm::LimitReached => "The limit of signups from everybody is reached",
        Alarm::Flood => "Many signups wait for their confirmation",
        Alarm::FewConfirm => "Far fewer signups than usual are confirmed",
    };
    let defence = match making.context.settings.signup.proof_of_work {
        ChallengePolicy::Never => {
            "The limits on signups hold. With signup.proof_of_work = \"under_attack\" browsers would solve a small puzzle"
        }
        ChallengePolicy::UnderAttack => {
            "Until it is over, browsers solve a small puzzle, and signups without a solution are held back"
        }
    };
    Ok(making.letter(Matter::Signups(SuspiciousSignups {
        sign,
        since: clock::civil(newsletter, attack.since),
        until,
        clock: &clock::name(newsletter, making.now),
        waiting: record.waiting,
        defence,
    })))
}
