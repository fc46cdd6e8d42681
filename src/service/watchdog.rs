//! Tells systemd that the service is ready and alive (`Type=notify`, `WatchdogSec`). Without systemd, nothing
//! happens.

use sd_notify::NotifyState;

/// Reports that the service has started.
pub fn report_ready() {
    notify(NotifyState::Ready);
}

/// Reports that the process is alive. systemd restarts a service that stays silent for `WatchdogSec`.
pub fn report_alive() {
    notify(NotifyState::Watchdog);
}

/// Reports that the service is shutting down.
pub fn report_stopping() {
    notify(NotifyState::Stopping);
}

fn notify(state: NotifyState) {
    if let Err(error) = sd_notify::notify(false, &[state]) {
        tracing::debug!(%error, "could not notify systemd");
    }
}
