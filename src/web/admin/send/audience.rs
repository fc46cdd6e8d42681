//! How the readers of an issue come about, as an account.

use crate::{
    db::{DbError, reader_counts, subscribers},
    domain::subscriber::cadence::Cadence,
    issues::forecast::Forecast,
    web::admin::{
        desk::Desk,
        words::{counted, moment, number, weekday},
    },
};
use maud::{Markup, html};

/// The readers of an issue: those who signed up, less those who don't get it.
pub struct Audience {
    rows: Vec<(&'static str, i64)>,
    total: i64,
}

impl Audience {
    pub async fn load(desk: &Desk, it: &Forecast) -> Result<Self, DbError> {
        let mut tx = desk.db().read().await?;
        let active = subscribers::count_active(&mut tx, desk.record().id).await?;
        let paused = subscribers::count_paused(&mut tx, desk.record().id).await?;
        let readers = it.plan.readers();
        let unserved: i64 = it.plan.unserved.iter().map(|group| group.readers).sum();
        let served: Vec<Cadence> = it.inputs.served.iter().map(|served| served.cadence).collect();
        let others: Vec<Cadence> = Cadence::ALL.iter().copied().filter(|it| !served.contains(it)).collect();
        let other_days = if others.is_empty() {
            0
        } else {
            let clocks = reader_counts::by_clock(&mut tx, desk.record().id, &others).await?;
            clocks.iter().map(|(_, readers)| readers).sum()
        };
        // The plan was made for the readers of its time, and suppressed ones get nothing.
        let changed = active - readers - unserved - other_days;
        let mut rows = vec![("Signed up and confirmed", active + paused), ("Paused by themselves", -paused)];
        if it.plan.variants.is_empty() {
            rows.push(("There is nothing for them", -active));
        } else {
            rows.push(("Chose other days", -other_days));
            rows.push(("Have had its stories", -unserved));
            match changed {
                0 => {}
                1.. => rows.push(("Suppressed, or came since the plan was made", -changed)),
                _ => rows.push(("Left since the plan was made", -changed)),
            }
        }
        Ok(Self { rows, total: readers })
    }

    pub fn render(&self, desk: &Desk, it: &Forecast) -> Markup {
        html! {
            section.sheet aria-labelledby="who" {
                header { h2 id="who" { "Who gets it" } }
                table.ledger {
                    tbody { @for (name, count) in &self.rows {
                        tr { th scope="row" { (name) } td.end { @if *count < 0 { "− " (number(-count)) } @else { (number(*count)) } } }
                    } }
                    tfoot { tr.total { th scope="row" { "Get " (weekday(it.date)) "’s issue" } td.end { (number(self.total)) } } }
                }
                @if it.waves.len() > 1 {
                    p.hint { "In " (counted(it.waves.len(), "wave")) ": "
                        @for (wave, place) in it.waves.iter().take(6).zip(0..) { @if place > 0 { ", " } (number(wave.readers)) " at " (moment(wave.due_at, desk.now, desk.newsletter())) }
                        @if it.waves.len() > 6 { " and others" } "." }
                }
            }
        }
    }
}
