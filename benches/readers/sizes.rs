//! Sizes of the signup page and the form's script on the wire.

use crate::support::installation::{Installation, client};

pub async fn print(one: &Installation) {
    for path in ["/", "/daily.css", "/time-zone.js", "/embed.js"] {
        for encoding in ["identity", "gzip", "br"] {
            let url = format!("{}{path}", one.url);
            let answer = client().get(url).header("accept-encoding", encoding).send().await.unwrap();
            if !answer.status().is_success() {
                continue;
            }
            let said = answer
                .headers()
                .get("content-encoding")
                .map_or("identity", |it| it.to_str().unwrap())
                .to_owned();
            if said == encoding {
                println!("{path} {encoding}: {} bytes", answer.bytes().await.unwrap().len());
            }
        }
    }
}
