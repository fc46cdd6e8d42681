//! `daily serve`

use super::CliResult;
use crate::{
    app::App,
    service::{
        run::{Role, run},
        shutdown,
    },
};
use tokio::net::TcpListener;

/// Run the service: web, workers and scheduler
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily serve                    everything in one process\n  \
    daily serve --role web         pages only\n  \
    daily serve --role worker      jobs only\n  \
    daily serve --role scheduler   due work only; run at least one\n\n\
    docs/guides/several-machines.md explains the roles.")]
pub struct Serve {
    /// Run only this part of the service
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
}

impl Serve {
    pub(super) async fn run(self, app: App) -> CliResult {
        let stop = shutdown::on_signal()?;
        let listener = if self.role.does(Role::Web) {
            let address = app.settings.http.listen;
            Some(TcpListener::bind(address).await.map_err(|error| {
                super::CliError::Failed(format!("can't listen on {address}: {error}; see http.listen"))
            })?)
        } else {
            None
        };
        warn_about_setup(&app).await?;
        if run(app, self.role, listener, stop).await {
            Ok(())
        } else {
            Err(super::CliError::Failed("part of the service failed; see the log".into()))
        }
    }
}

/// Warns about what must be set up before an issue goes out.
async fn warn_about_setup(app: &App) -> CliResult {
    for problem in super::check::missing_setup(app).await? {
        tracing::warn!("{problem}");
    }
    Ok(())
}
