//! The limit of open files (`nofile`), and the part of it that web clients may use.

use crate::settings::Settings;
use rustix::process::{Resource, getrlimit};

/// Open files for everything but clients and relays: databases, feeds and pages, logs, `daily` commands.
const RESERVE: usize = 128;
/// Fewest connections of clients, however low the limit is.
const MIN_CONNECTIONS: usize = 16;

/// Returns the limit of open files of this process. `None`: unlimited.
pub fn limit() -> Option<usize> {
    getrlimit(Resource::Nofile).current.and_then(|limit| limit.try_into().ok())
}

/// Returns how many files a process needs that serves `http.max_connections` clients.
pub fn needed(settings: &Settings) -> usize {
    settings.http.max_connections + reserved(settings)
}

/// Returns how many clients may be connected at the same time, so that files remain for mail and database.
pub fn max_connections(settings: &Settings, limit: Option<usize>) -> usize {
    let wanted = settings.http.max_connections;
    limit.map_or(wanted, |limit| limit.saturating_sub(reserved(settings)).clamp(MIN_CONNECTIONS, wanted))
}

fn reserved(settings: &Settings) -> usize {
    RESERVE + settings.relays.iter().map(|relay| relay.connections).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_files_for_mail_and_database() {
        let mut settings = Settings::defaults().unwrap();
        settings.http.max_connections = 2000;
        settings.relays[0].connections = 10;
        assert_eq!(max_connections(&settings, Some(1024)), 1024 - 128 - 10);
        assert_eq!(max_connections(&settings, Some(65_536)), 2000);
        assert_eq!(max_connections(&settings, None), 2000);
        assert_eq!(max_connections(&settings, Some(64)), 16);
        assert_eq!(needed(&settings), 2138);
    }
}
