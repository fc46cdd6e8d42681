//! A backup made in the middle of an issue is restored, and sends nothing until an operator arms it.
//!
//! `DAILY_TORTURE_RESTORES` sets the number of restores.

use super::{Dice, Measure, Scene, Step, Uncertain};
use crate::support::{
    Engine, command::Environment, eventually, on_both_engines, store::Store, supervisor::ReservedPort,
};
use std::path::Path;

/// A new, empty installation that sends through the same relay.
struct Restored {
    environment: Environment,
    store: Store,
    url: String,
    // Dropped in this order.
    _database: Option<crate::support::postgres::TestDatabase>,
    folder: tempfile::TempDir,
    _port: ReservedPort,
}

async fn restore(engine: Engine, scene: &Scene, backup: &Path) -> Restored {
    let (folder, database) = (tempfile::tempdir().unwrap(), engine.database().await);
    let port = ReservedPort::reserve();
    let address = format!("127.0.0.1:{}", port.number());
    let sqlite = format!("sqlite://{}", folder.path().join("daily.db").display());
    let url = database.as_ref().map_or(sqlite.as_str(), |it| it.url()).to_owned();
    let environment = scene
        .environment
        .clone()
        .set("DAILY__DATABASE__URL", &url)
        .set("DAILY__DATA__FOLDER", &folder.path().display().to_string())
        .set("DAILY__HTTP__LISTEN", &address);
    let restored = environment.run(&["restore", backup.to_str().unwrap()]).await;
    assert_eq!(restored.code, 0, "{restored:?}");
    assert!(restored.stdout.contains("disarmed"), "{restored:?}");
    let store = Store::open(&url).await;
    Restored {
        environment,
        store,
        url: format!("http://{address}"),
        _database: database,
        folder,
        _port: port,
    }
}

/// Waits until the service runs and says that it is disarmed.
async fn is_disarmed(url: &str) {
    eventually("the service says that it is disarmed", || async {
        let answer = reqwest::get(format!("{url}/readyz")).await.ok()?;
        answer.text().await.ok()?.contains("disarmed").then_some(())
    })
    .await;
}

on_both_engines!(a_restored_database_sends_nothing_before_it_is_armed_and_repeats_nothing_then);

async fn a_restored_database_sends_nothing_before_it_is_armed_and_repeats_nothing_then(engine: Engine) {
    let restores = std::env::var("DAILY_TORTURE_RESTORES").map_or(1, |text| text.parse().unwrap());
    let Measure { readers, seed, .. } = Measure::from_environment();
    let mut dice = Dice(seed);
    for round in 0..restores {
        let scene = Scene::set(engine, Uncertain::Retry, readers).await;
        let mut running = scene.serve();
        scene.workers_are_alive(1).await;
        let watching = scene.send();
        let moment = 1 + dice.below(readers * 8 / 10);
        scene.reached(moment, Step::Taken).await;
        let backup = scene.folder().join("backup.tar");
        let made = scene.environment.run(&["backup", backup.to_str().unwrap()]).await;
        assert_eq!(made.code, 0, "{made:?}");
        scene.at_rest(&mut [&mut running]).await;
        drop(watching);
        running.kill();
        let sent = scene.sink.tally().messages().len();

        let new = restore(engine, &scene, &backup).await;
        let log = new.folder.path().join("daily.log");
        let mut running = new.environment.start_logging(&["serve"], &log);
        is_disarmed(&new.url).await;
        let refused = new.environment.run(&["issue", "send", "--date", "today", "--yes"]).await;
        assert!(refused.code == 1 && refused.stderr.contains("daily arm"), "{refused:?}");
        let asked = new.environment.run(&["arm"]).await;
        assert_eq!(asked.code, 2, "{asked:?}");
        assert_eq!(
            scene.sink.tally().messages().len(),
            sent,
            "nothing was sent before the database is armed"
        );

        let armed = new.environment.run(&["arm", "--yes", "--json"]).await;
        assert_eq!(armed.code, 0, "{armed:?}");
        let open = &armed.json()["open"]["issues"];
        let open_deliveries = open[0]["deliveries"].as_i64().unwrap();
        let waiting = new.store.deliveries().await;
        assert!(
            waiting.iter().all(|(status, _)| status == "sent" || status == "uncertain"),
            "what was open is uncertain: {waiting:?}"
        );
        let uncertain =
            waiting.iter().find(|(status, _)| status == "uncertain").map_or(0, |(_, count)| *count);
        assert_eq!(uncertain, open_deliveries, "everything open is listed");
        println!(
            "{engine:?} restore {round} at message {moment}: {uncertain} open of {readers}, {sent} sent before"
        );
        let status = new.store.issue_status().await;
        if status == "held" {
            assert_eq!(new.environment.run(&["issue", "resume"]).await.code, 0);
        }
        eventually("the service sends again", || async {
            reqwest::get(format!("{}/readyz", new.url)).await.ok()?.status().is_success().then_some(())
        })
        .await;
        let resolved = new.environment.run(&["issue", "resolve", "--as", "sent"]).await;
        assert_eq!(resolved.code, 0, "{resolved:?}");
        eventually("the issue ends", || async { (new.store.issue_status().await == "sent").then_some(()) })
            .await;
        if status == "sending" {
            assert_eq!(scene.sink.tally().messages().len(), sent, "nothing was repeated");
        }
        assert!(!running.has_ended());
        running.terminate().await;
        new.store.close().await;
    }
}
