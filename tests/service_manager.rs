//! Daily under a service manager such as systemd.

use crate::support::{
    Engine, in_time,
    service::{Installation, serve},
};
use tokio::net::UnixDatagram;

#[tokio::test(flavor = "multi_thread")]
async fn the_service_reports_that_it_is_ready_and_alive() {
    let installation = Installation::new(Engine::Sqlite).await;
    let socket = installation.folder().join("notify.socket");
    let manager = UnixDatagram::bind(&socket).expect("a socket");
    let daily = installation.daily.clone().set("NOTIFY_SOCKET", socket.to_str().expect("a path"));
    let (running, ..) = serve(daily).await;
    let mut missing = vec!["READY=1", "WATCHDOG=1"];
    in_time(async {
        while !missing.is_empty() {
            let mut message = [0; 100];
            let length = manager.recv(&mut message).await.expect("a message");
            let message = String::from_utf8_lossy(&message[..length]).into_owned();
            missing.retain(|it| !message.lines().any(|line| line == *it));
        }
    })
    .await;
    assert_eq!(running.terminate().await, 0);
}
