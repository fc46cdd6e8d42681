//! One campaign of listmonk to as many subscribers, on a database of the benchmark's own PostgreSQL.
//!
//! Its tables are filled directly, because its API and its login changed between versions. Concurrency, batches
//! and connections are as large as Daily's, and its rate limit is off in effect.

use crate::{
    Bench,
    support::{
        eventually_within,
        installation::new_database,
        processes::{cpu_seconds, cpu_seconds_of_server, peak_rss},
        sinks::{OurSink, SinkArguments},
        store::Store,
        supervisor::ReservedPort,
    },
    throughput::{Figures, time_limit},
};
use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

/// Largest number of messages per second and connection that listmonk may send.
const MESSAGE_RATE: u32 = 100_000;

/// Installs listmonk and measures one campaign.
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub async fn once(bench: &Bench) -> Figures {
    let program = bench.arguments.listmonk.as_deref().expect("listmonk's program is named");
    let cluster = bench.cluster.as_ref().expect("listmonk needs PostgreSQL: leave --engine as it is");
    let readers = bench.arguments.readers;
    let round_trip = bench.arguments.round_trip;
    let mut sink = OurSink::start(&SinkArguments { round_trip, ..SinkArguments::default() }).await;
    let folder = tempfile::Builder::new().prefix("daily-bench-").tempdir().expect("a temporary folder");
    let url = new_database(cluster).await;
    let port = ReservedPort::reserve();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, config_toml(&url, port.number())).expect("the folder is writable");
    let installed = command(program, &config, folder.path())
        .args(["--install", "--idempotent", "--yes"])
        .status()
        .expect("listmonk starts");
    assert!(installed.success(), "listmonk can't be installed");
    let store = Store::open(&url).await;
    for statement in campaign(sink.port(), bench.arguments.connections, readers, bench.octets) {
        store.execute(&statement).await;
    }
    let listmonk =
        Running(command(program, &config, folder.path()).spawn().expect("listmonk starts once more"));
    let data = bench.data_folder();
    let cpu = || (cpu_seconds(listmonk.0.id()), cpu_seconds_of_server(&data));
    let before = cpu();
    eventually_within(time_limit(readers), "listmonk finishes", || async {
        let status = store.texts("SELECT CAST(status AS TEXT) FROM campaigns WHERE name = 'bench'").await;
        (status == ["finished"]).then_some(())
    })
    .await;
    let after = cpu();
    let report = sink.report().await;
    assert_eq!(report.messages, readers, "each subscriber's message arrived once");
    let thousands = readers as f64 / 1000.0;
    let figures = Figures {
        rate: report.rate(),
        cpu_per_1000: (after.0 - before.0) / thousands,
        server_cpu_per_1000: Some((after.1 - before.1) / thousands),
        peak_rss: peak_rss(listmonk.0.id()),
    };
    drop(listmonk);
    store.close().await;
    figures
}

/// A process that is ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(program: &Path, config: &Path, folder: &Path) -> Command {
    let program = program.canonicalize().expect("listmonk's program is there");
    let mut command = Command::new(program);
    command.arg("--config").arg(config).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn config_toml(url: &str, port: u16) -> String {
    let url: url::Url = url.parse().expect("a URL");
    format!(
        "[app]\naddress = \"127.0.0.1:{port}\"\n\n[db]\nhost = \"{}\"\nport = {}\nuser = \"{}\"\npassword = \"\"\n\
         database = \"{}\"\nssl_mode = \"disable\"\nmax_open = 25\nmax_idle = 25\nmax_lifetime = \"300s\"\n",
        url.host_str().unwrap_or_default(),
        url.port().unwrap_or_default(),
        url.username(),
        url.path().trim_start_matches('/'),
    )
}

/// Returns the statements that configure the relay and start a campaign.
fn campaign(relay: u16, connections: u64, readers: u64, octets: u64) -> Vec<String> {
    let smtp = serde_json::json!([{
        "uuid": "6f0a2b2e-5d0c-4a6e-9c5b-0f1d3a7c9e11", "name": "", "enabled": true, "host": "127.0.0.1", "port": relay,
        "auth_protocol": "none", "username": "", "password": "", "hello_hostname": "", "email_headers": [],
        "max_conns": connections, "max_msg_retries": 2, "idle_timeout": "15s", "wait_timeout": "5s",
        "tls_type": "none", "tls_enabled": false, "tls_skip_verify": false,
    }]);
    let line = "The old lighthouse on the northern pier is to shine again before the winter storms.\n";
    let body = line.repeat(usize::try_from(octets).unwrap_or_default() / line.len());
    let set = |key: &str, value: &str| format!("UPDATE settings SET value = '{value}' WHERE key = '{key}'");
    vec![
        set("smtp", &smtp.to_string()),
        set("app.concurrency", &connections.to_string()),
        set("app.message_rate", &MESSAGE_RATE.to_string()),
        set("app.batch_size", "5000"),
        "INSERT INTO lists (uuid, name, type, optin) VALUES (gen_random_uuid(), 'bench', 'private', 'single')".to_owned(),
        "DELETE FROM subscribers".to_owned(),
        format!(
            "INSERT INTO subscribers (uuid, email, name) SELECT gen_random_uuid(), 'reader' || n || '@d' || (n % 50) || '.example', '' \
             FROM generate_series(1, {readers}) n"
        ),
        "INSERT INTO subscriber_lists (subscriber_id, list_id, status) SELECT s.id, l.id, 'confirmed' \
         FROM subscribers s, lists l WHERE l.name = 'bench'"
            .to_owned(),
        "ANALYZE".to_owned(),
        format!(
            "INSERT INTO campaigns (uuid, name, subject, from_email, body, content_type, status, messenger, template_id) \
             SELECT gen_random_uuid(), 'bench', 'The lighthouse shines again', 'The Daily Example <news@newsletter.example>', \
             '{body}', 'plain', 'running', 'email', id FROM templates WHERE is_default LIMIT 1"
        ),
        "INSERT INTO campaign_lists (campaign_id, list_id, list_name) SELECT c.id, l.id, l.name FROM campaigns c, lists l \
         WHERE c.name = 'bench' AND l.name = 'bench'"
            .to_owned(),
    ]
}
