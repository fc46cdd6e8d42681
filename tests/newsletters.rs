//! Newsletters side by side: their days, their clocks, their readers' clocks.

use crate::support::{app::TestApp, on_both_engines};
use daily::{
    db::subscriptions::{clock_counts, clocks},
    domain::cadence::Cadence,
};

on_both_engines! {
    async fn readers_are_counted_by_their_clock(engine: Engine) {
        let app = TestApp::start(engine).await;
        let newsletter = app.newsletter().await.id;
        let mut tx = app.app.db.read().await.unwrap();
        assert_eq!(clocks(&mut tx, newsletter).await.unwrap(), Vec::<String>::new());
        assert_eq!(clock_counts(&mut tx, newsletter, Cadence::ALL).await.unwrap(), []);
        drop(tx);
        app.readers(6, "example.org").await;
        let store = app.store().await;
        for (reader, zone, time, cadence) in [
            (1, "'Pacific/Auckland'", "NULL", "every_issue"),
            (2, "'Pacific/Auckland'", "NULL", "weekly"),
            (3, "'Europe/Berlin'", "'06:30'", "weekdays"),
            (4, "NULL", "'06:30'", "every_issue"),
        ] {
            store
                .execute(&format!(
                    "UPDATE subscriptions SET time_zone = {zone}, send_time = {time}, cadence = '{cadence}', \
                     sections = 'science' WHERE id = {reader}"
                ))
                .await;
        }
        store.execute("INSERT INTO suppressions (address_key, reason, created_at) \
            SELECT address_key, 'test', created_at FROM subscribers WHERE id = 5").await;
        let mut tx = app.app.db.read().await.unwrap();
        let mut found = clocks(&mut tx, newsletter).await.unwrap();
        found.sort();
        assert_eq!(found, ["Europe/Berlin|06:30", "Pacific/Auckland|", "|", "|06:30"]);
        let mut counts = async |cadences: &[Cadence]| {
            let mut counts = clock_counts(&mut tx, newsletter, cadences).await.unwrap();
            counts.sort();
            counts.into_iter().map(|(clock, readers)| format!("{readers} {clock}")).collect::<Vec<_>>()
        };
        let all = ["1 Europe/Berlin|06:30", "2 Pacific/Auckland|", "1 |", "1 |06:30"];
        assert_eq!(counts(Cadence::ALL).await, all);
        assert_eq!(counts(&[Cadence::Weekly]).await, ["1 Pacific/Auckland|"]);
        assert_eq!(
            counts(&[Cadence::EveryIssue, Cadence::Weekdays]).await,
            ["1 Europe/Berlin|06:30", "1 Pacific/Auckland|", "1 |", "1 |06:30"]
        );
        assert_eq!(counts(&[]).await, Vec::<String>::new());
        store.close().await;
    }
}
