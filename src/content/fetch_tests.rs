//! Fetches from a scripted local server. Loopback is allowed in tests of other features.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const LIMIT_BYTES: u64 = 10_000;

fn policy(allow: &[&str]) -> FetchPolicy {
    FetchPolicy {
        allow_networks: allow.iter().map(|network| network.parse().unwrap()).collect(),
        timeout: Duration::from_secs(10),
        max_bytes: LIMIT_BYTES,
        max_redirects: 3,
        user_agent: "Daily test".into(),
        host_pause: Duration::ZERO,
    }
}

fn fetcher() -> Fetcher {
    Fetcher::new(policy(&["127.0.0.0/8"]))
}

async fn get(url: &str) -> Result<Fetched, FetchError> {
    fetcher().fetch(&Url::parse(url).unwrap(), &Validators::default()).await
}

fn page(fetched: Result<Fetched, FetchError>) -> Document {
    match fetched.unwrap() {
        Fetched::Page(document) => document,
        Fetched::NotModified(_) => panic!("not modified"),
    }
}

async fn server(answers: Vec<(&str, ResponseTemplate)>) -> MockServer {
    let server = MockServer::start().await;
    for (at, answer) in answers {
        Mock::given(path(at)).respond_with(answer).mount(&server).await;
    }
    server
}

fn to(status: u16, location: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("location", location)
}

/// Starts a server that sends exactly `bytes` to each client, and closes the connection after `pause`.
async fn raw_server(bytes: &'static [u8], pause: Duration) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(bytes).await;
            tokio::time::sleep(pause).await;
        }
    });
    url
}

#[tokio::test]
async fn a_document_comes_with_its_type_and_validators() {
    let answer = ResponseTemplate::new(200)
        .set_body_raw("<rss/>", "application/rss+xml; charset=utf-8")
        .insert_header("etag", "\"v1\"")
        .insert_header("last-modified", "Wed, 01 May 2024 10:00:00 GMT");
    let server = server(vec![("/feed", answer)]).await;
    let document = page(get(&format!("{}/feed#top", server.uri())).await);
    assert_eq!(document.body, b"<rss/>");
    assert_eq!(document.url.as_str(), format!("{}/feed", server.uri()));
    assert_eq!(document.permanent_url, None);
    assert_eq!(document.content_type.as_deref(), Some("application/rss+xml; charset=utf-8"));
    assert_eq!(document.validators.etag.as_deref(), Some("\"v1\""));
    assert_eq!(document.validators.last_modified.as_deref(), Some("Wed, 01 May 2024 10:00:00 GMT"));
}

#[tokio::test]
async fn an_unchanged_document_is_not_sent_again() {
    let server = MockServer::start().await;
    Mock::given(header("if-none-match", "\"v1\""))
        .and(header("if-modified-since", "yesterday"))
        .and(header("user-agent", "Daily test"))
        .respond_with(ResponseTemplate::new(304))
        .mount(&server)
        .await;
    let validators = Validators { etag: Some("\"v1\"".into()), last_modified: Some("yesterday".into()) };
    let fetched = fetcher().fetch(&Url::parse(&server.uri()).unwrap(), &validators).await;
    assert_eq!(fetched, Ok(Fetched::NotModified(Unchanged::default())));
}

#[tokio::test]
async fn a_move_is_permanent_as_far_as_every_hop_says_so() {
    let server = server(vec![
        ("/a", to(301, "/b")),
        ("/b", to(308, "end#part")),
        ("/t", to(301, "/u")),
        ("/u", to(302, "/end")),
        ("/v", to(307, "/a")),
        ("/end", ResponseTemplate::new(200)),
    ])
    .await;
    let end = format!("{}/end", server.uri());
    let moved = page(get(&format!("{}/a", server.uri())).await);
    assert_eq!(moved.permanent_url.unwrap().as_str(), end);
    let detour = page(get(&format!("{}/t", server.uri())).await);
    assert_eq!(detour.permanent_url.unwrap().as_str(), format!("{}/u", server.uri()));
    assert_eq!(detour.url.as_str(), end);
    assert_eq!(page(get(&format!("{}/v", server.uri())).await).permanent_url, None);
}

#[tokio::test]
async fn a_redirect_loop_is_reported_with_its_chain() {
    let server = server(vec![("/a", to(302, "/b")), ("/b", to(302, "/a#x"))]).await;
    let uri = server.uri();
    let error = get(&format!("{uri}/a")).await.unwrap_err().to_string();
    assert!(error.contains(&format!("{uri}/a -> {uri}/b -> {uri}/a")), "{error}");
}

#[tokio::test]
async fn too_many_redirects_are_reported_with_their_chain() {
    let server = server(
        (0..9)
            .map(|n| {
                (["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8"][n], to(302, &format!("/{}", n + 1)))
            })
            .collect(),
    )
    .await;
    let error = get(&format!("{}/0", server.uri())).await.unwrap_err();
    assert!(
        matches!(&error, FetchError::TooManyRedirects { chain, limit: 3 } if chain.len() == 5),
        "{error}"
    );
}

#[tokio::test]
async fn a_redirect_into_a_private_network_is_refused() {
    for target in [
        "http://10.0.0.1/feed",
        "http://169.254.169.254/latest/",
        "file:///etc/passwd",
        "http://u:p@127.0.0.1/",
    ] {
        let server = server(vec![("/", to(302, target))]).await;
        let error = get(&server.uri()).await.unwrap_err();
        assert!(error.to_string().starts_with("refused to fetch "), "{error}");
        assert!(!error.to_string().contains("u:p@"), "{error}");
    }
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_with_the_cure() {
    let fetcher = Fetcher::new(policy(&[]));
    for url in [
        "http://10.0.0.1/feed",
        "http://127.1/",
        "http://0x7f000001/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://0/",
    ] {
        let error = fetcher.fetch(&Url::parse(url).unwrap(), &Validators::default()).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused { .. }), "{url}: {error}");
    }
    let error = fetcher.fetch(&Url::parse("http://10.0.0.1/feed").unwrap(), &Validators::default()).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "refused to fetch http://10.0.0.1/feed: 10.0.0.1 is in a private network; if this is meant, add it to \
         feeds.allow_networks"
    );
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_refused() {
    let fetcher = Fetcher::new(policy(&[]));
    let error =
        fetcher.fetch(&Url::parse("http://localhost:9/").unwrap(), &Validators::default()).await.unwrap_err();
    assert!(matches!(&error, FetchError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("loopback network; if this is meant, add it"), "{error}");
}

#[tokio::test]
async fn addresses_with_credentials_or_other_schemes_are_refused() {
    for (url, named) in [
        ("ftp://127.0.0.1/x", "not ftp"),
        ("http://me:secret@127.0.0.1/", "user name"),
        ("data:text/html,x", "not data"),
    ] {
        let error = get(url).await.unwrap_err().to_string();
        assert!(error.contains(named) && !error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn gone_and_other_answers_are_told_apart() {
    let busy = ResponseTemplate::new(503).insert_header("retry-after", "120");
    let server = server(vec![("/gone", ResponseTemplate::new(410)), ("/busy", busy)]).await;
    let gone = get(&format!("{}/gone", server.uri())).await.unwrap_err();
    assert!(matches!(gone, FetchError::Gone { .. }) && gone.is_absent() && !gone.is_temporary());
    let busy = get(&format!("{}/busy", server.uri())).await.unwrap_err();
    assert!(
        matches!(busy, FetchError::Status { status: 503, retry_after: Some(wait), .. } if wait.as_secs() == 120)
    );
    assert!(busy.is_temporary());
    let missing = get(&format!("{}/nowhere", server.uri())).await.unwrap_err();
    assert!(missing.is_absent() && missing.to_string().contains("answered 404 (Not Found)"), "{missing}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read_to_its_end() {
    let whole = "x".repeat(usize::try_from(LIMIT_BYTES).unwrap());
    let server = server(vec![
        ("/fits", ResponseTemplate::new(200).set_body_string(whole.clone())),
        ("/over", ResponseTemplate::new(200).set_body_string(whole + "y")),
    ])
    .await;
    assert_eq!(page(get(&format!("{}/fits", server.uri())).await).body.len() as u64, LIMIT_BYTES);
    let error = get(&format!("{}/over", server.uri())).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit_bytes: LIMIT_BYTES, .. }), "{error}");
}

#[tokio::test]
async fn a_gzip_bomb_is_stopped_by_its_decompressed_size() {
    // Fifty thousand zeros, compressed by hand. Stored blocks would be too long, and one run-length block
    // needs no compressor.
    let bomb = gzip_of_zeros();
    assert!((bomb.len() as u64) < LIMIT_BYTES / 10);
    let answer = ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(bomb);
    let server = server(vec![("/", answer)]).await;
    let error = get(&server.uri()).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
}

/// Returns a gzip stream of one fixed-Huffman block: a zero byte, then 200 back references of 258 bytes to
/// it.
fn gzip_of_zeros() -> Vec<u8> {
    let mut stream = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut bits: Vec<bool> = vec![true, true, false]; // last block, fixed codes
    let mut code = |value: u16, length: u8| bits.extend((0..length).rev().map(|at| value >> at & 1 == 1));
    code(0x30, 8); // the literal 0
    for _ in 0..200 {
        code(0b1100_0101, 8); // length 258
        code(0, 5); // distance 1
    }
    code(0, 7); // end of block
    for byte in bits.chunks(8) {
        stream.push(byte.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << at));
    }
    stream.extend([0; 8]); // checksum and length, never read
    stream
}

#[tokio::test]
async fn a_content_length_that_promises_too_much_is_a_broken_answer() {
    let url = raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nshort", Duration::ZERO).await;
    let error = get(&url).await.unwrap_err();
    assert!(matches!(error, FetchError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_content_length_that_promises_too_little_ends_the_body_there() {
    let url = raw_server(
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nshort and more",
        Duration::ZERO,
    )
    .await;
    assert_eq!(page(get(&url).await).body, b"short");
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_after_the_total_time() {
    let url = raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\ndrip", Duration::from_mins(1)).await;
    let slow = Fetcher::new(FetchPolicy { timeout: Duration::from_millis(300), ..policy(&["127.0.0.0/8"]) });
    let error = slow.fetch(&Url::parse(&url).unwrap(), &Validators::default()).await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut { .. }), "{error}");
    assert!(error.to_string().contains("after 0.3 s"), "{error}");
}

#[tokio::test]
async fn a_closed_port_is_reported_as_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = get(&url).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }) && error.is_temporary(), "{error}");
}

#[tokio::test]
async fn a_redirect_to_nowhere_says_so() {
    let server = server(vec![("/", to(302, "http://[bad"))]).await;
    let error = get(&server.uri()).await.unwrap_err();
    assert!(matches!(error, FetchError::BadRedirect { .. }), "{error}");
}
