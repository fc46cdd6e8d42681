//! Findings about the address that readers reach Daily at: whether the links in emails, unsubscribing included, lead to
//! it.

use super::Finding;
use crate::{
    app::App,
    domain::issue::readiness::PublicUrl,
    jobs::periodic::watch_public_url::{Answer, ask},
};

/// Asks the public address for what only Daily answers.
pub(super) async fn finding(app: &App) -> Finding {
    const WHAT: &str = "links";
    let (setup, url) = (app.settings.setup(), &app.settings.http.public_url);
    if setup.public_url == PublicUrl::Loopback && !setup.has_real_relay {
        return Finding::ok(WHAT, format!("{url}, for trials on this machine"));
    }
    match ask(&app.jobs.issues.http, url).await {
        Answer::Daily => {
            Finding::ok(WHAT, format!("{url} leads to Daily, so readers can confirm and unsubscribe"))
        }
        Answer::SomethingElse => Finding::failed(WHAT, format!("{url} answers, but not as Daily does"))
            .because("readers could neither confirm nor unsubscribe, so no issue goes out")
            .cured_by("see docs/guides/behind-a-proxy.md"),
        Answer::Nothing(why) => {
            Finding::warning(WHAT, format!("{url} can't be reached from this machine ({why})"))
                .because("readers may not be able to confirm and unsubscribe")
                .cured_by("open it in a browser elsewhere")
        }
    }
}
