//! `daily demo` as somebody meets it who tries Daily: it runs on, and its link opens the operators' pages.

use crate::support::{command::Environment, eventually_within};
use std::collections::BTreeSet;

/// Seconds until the demo has read articles, made pictures and invented a month, in a build without optimizations.
const UNTIL_IT_IS_READY: u64 = 180;

/// Returns the address that the demo printed behind these words.
fn address_after(output: &str, words: &str) -> Option<String> {
    let (_, rest) = output.split_once(words)?;
    Some(rest.split_whitespace().next()?.to_owned())
}

#[tokio::test]
async fn the_demos_link_opens_pages_with_an_issue_on_its_way_and_a_month_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("output"));
    let arguments = ["demo", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let running = Environment::default().start_logging(&arguments, &log);
    let link = eventually_within(UNTIL_IT_IS_READY, "the demo prints its links", || async {
        let output = std::fs::read_to_string(&log).ok()?;
        output.contains("Running on;").then(|| address_after(&output, "signed in")).flatten()
    })
    .await;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let opened = client.get(&link).send().await.unwrap();
    let cookie = opened.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let base = link.split_once("/admin").unwrap().0;
    let page = async |place: &str| {
        let mut path = place.to_owned();
        for _ in 0..5 {
            let answer = client.get(format!("{base}{path}")).header("cookie", &cookie).send().await.unwrap();
            match answer.headers().get("location") {
                Some(location) => path = location.to_str().unwrap().to_owned(),
                None => return (path, answer.text().await.unwrap()),
            }
        }
        panic!("{place} leads nowhere");
    };
    let (path, today) = page("/admin").await;
    assert_eq!(path, "/admin/n/daily", "{today}");
    assert!(today.contains("Going out now") && today.contains("Robin of the desk"), "{today}");
    assert!(today.contains("council/minutes.xml"), "a feed is in trouble: {today}");
    let (path, live) = page("/admin/n/daily/live").await;
    assert!(path.ends_with("/live") && path.contains("/issues/"), "{path}");
    assert!(live.contains("Sending") && live.contains("harbour.example"), "{live}");
    let (path, issue) = page("/admin/n/daily/issues").await;
    assert!(issue.contains("waits for your approval") && issue.contains("Unpin"), "{path}: {issue}");
    let (path, report) = page("/admin/n/daily/reports").await;
    assert!(report.contains("Every copy") && report.contains("% of readers have it"), "{report}");
    let (_, csv) = page(&format!("{path}/figures.csv")).await;
    let sent = csv.lines().filter(|line| line.split(',').nth(1) == Some("sent")).count();
    assert!(sent >= 24, "an issue is compared with those before it: {csv}");
    let (_, archive) = page("/issues").await;
    let dates: BTreeSet<&str> = archive
        .split("/issues/")
        .skip(1)
        .filter_map(|rest| rest.get(..10))
        .filter(|date| date.starts_with("20"))
        .collect();
    assert!(dates.len() >= 29, "a month without a holiday has 29 issues: {dates:?}");
    assert_eq!(running.terminate().await, 0);
}
