//! Keeps this machine's marker, and stops sending while the database is disarmed.

use crate::{
    app::App,
    db::{DbError, deliveries::emails, installation, issues},
    delivery::arming::{Judgement, judge_database, marker_file, write_marker},
    domain::installation::{GivenOut, Marker, Verdict},
};
use std::time::Duration;

/// How often the database is judged, and the marker written.
const EVERY: Duration = Duration::from_secs(10);
/// How often a process looks whether an operator has armed the database.
const EVERY_DISARMED: Duration = Duration::from_secs(1);

/// Judges the database for a process that sends.
#[derive(Debug, Clone, Default)]
pub struct Keeper {
    /// The numbers at the last look. The marker gets them at the next one, so that a standby server that takes
    /// over some seconds behind is not older than the marker.
    seen: Option<GivenOut>,
    written: Option<Marker>,
}

impl Keeper {
    /// Compares the database with this machine's marker. If it doesn't fit, disarms it for all processes.
    /// Otherwise brings the marker up to date. The first look must come before anything can be sent, and before
    /// this process counts as a live worker: until one succeeds, nothing is sent.
    pub async fn look(&mut self, app: &App) -> Result<(), DbError> {
        let looked = self.judge(app).await;
        let armed = &app.jobs.delivery.armed;
        armed.set_error(looked.as_ref().err().map(ToString::to_string));
        if looked.is_err() && self.seen.is_none() {
            armed.set(false);
        }
        looked
    }

    async fn judge(&mut self, app: &App) -> Result<(), DbError> {
        let now = app.actions.clock.now();
        let judgement = judge_database(&app.db, &app.settings, &app.jobs.delivery.process, now).await?;
        let armed = &app.jobs.delivery.armed;
        let is_first = self.seen.is_none();
        let before = self.seen.replace(judgement.given_out);
        if let Verdict::Disarmed(reason) = &judgement.verdict {
            if is_first || armed.get() {
                tracing::error!(reason, "the database is disarmed, and nothing is sent; see `daily arm`");
            }
            armed.set(false);
            if judgement.installation.disarmed_at.is_some() {
                return Ok(());
            }
            let mut tx = app.db.begin().await?;
            installation::disarm(&mut tx, reason, now).await?;
            return tx.commit().await;
        }
        let was_armed = armed.get();
        armed.set(true);
        if !was_armed {
            tracing::info!("the database was armed; sending");
            // Their jobs came to nothing until now.
            let mut tx = app.db.begin().await?;
            emails::reset_woken(&mut tx).await?;
            issues::reset_woken(&mut tx).await?;
            tx.commit().await?;
        }
        match (&judgement.verdict, before) {
            (Verdict::NewMarker, _) => self.write(app, &judgement, judgement.given_out),
            (_, Some(before)) => self.write(app, &judgement, before),
            (_, None) => {}
        }
        Ok(())
    }

    /// Returns the time until the next look.
    pub fn pause(app: &App) -> Duration {
        if app.jobs.delivery.armed.get() { EVERY } else { EVERY_DISARMED }
    }

    /// Writes the last numbers, once nothing more can be sent.
    pub async fn end(&mut self, app: &App) -> Result<(), DbError> {
        self.look(app).await?;
        self.look(app).await
    }

    fn write(&mut self, app: &App, judgement: &Judgement, given_out: GivenOut) {
        let marker = judgement.marker(given_out);
        if app.settings.sending.armed.is_some() || self.written.as_ref() == Some(&marker) {
            return;
        }
        let file = marker_file(&app.settings);
        match write_marker(&file, &marker) {
            Ok(()) => self.written = Some(marker),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "could not write this machine's marker; retrying");
            }
        }
    }
}
