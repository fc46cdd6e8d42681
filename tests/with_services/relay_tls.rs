//! Relay certificates made with `openssl`, and what `daily check` says about them.

use crate::support::supervisor::assert_installed;
use daily::{clock::Clock, domain::delivery::relay::RelayUrl, mail::Mailer, settings};
use std::{path::Path, process::Command, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// Makes `relay.pem` and `relay.key`, self-signed.
fn certificate(folder: &Path, arguments: &[&str]) {
    assert_installed(&["openssl"]);
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-keyout", "relay.key", "-out", "relay.pem", "-subj", "/CN=relay"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// Serves one SMTP connection, over TLS if there is a certificate, and answers every command with 250.
async fn serve(folder: Option<&Path>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = folder.map(|folder| {
        let certificates = CertificateDer::pem_file_iter(folder.join("relay.pem")).unwrap();
        let certificates = certificates.map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(folder.join("relay.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key);
        TlsAcceptor::from(Arc::new(config.unwrap()))
    });
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        match acceptor {
            None => talk(stream).await,
            Some(acceptor) => {
                if let Ok(stream) = acceptor.accept(stream).await {
                    talk(stream).await;
                }
            }
        }
    });
    port
}

async fn talk(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
    let mut bytes = [0; 1_000];
    let mut answer = &b"220 relay ready\r\n"[..];
    while stream.write_all(answer).await.is_ok() && stream.read(&mut bytes).await.is_ok_and(|count| count > 0)
    {
        answer = b"250 ok\r\n";
    }
}

/// Checks a relay like `daily check` does.
async fn check(url: &str, ca_file: Option<&Path>) -> Result<(), String> {
    let relay = settings::Relay {
        ca_file: ca_file.map(Into::into),
        ..settings::Relay::new(RelayUrl::parse(url).unwrap())
    };
    let sending = settings::Settings::defaults().unwrap().sending;
    let mailer = Mailer::new(&[relay], &sending, Clock::system()).unwrap();
    mailer.check(None).await.remove(0).1.map(drop).map_err(|fault| fault.said)
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_once_it_is_the_ca_file() {
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("relay.pem");
    // With and without the CA flag, which `openssl req -x509` sets.
    for kind in ["CA:TRUE", "CA:FALSE"] {
        let constraints = format!("basicConstraints=critical,{kind}");
        certificate(
            folder.path(),
            &["-days", "2", "-addext", "subjectAltName=DNS:localhost", "-addext", &constraints],
        );
        let url = format!("smtps://localhost:{}", serve(Some(folder.path())).await);
        let error = check(&url, None).await.unwrap_err();
        assert!(
            error.contains("signed the certificate of localhost") && error.contains("`ca_file`"),
            "{error}"
        );
        let url = format!("smtps://localhost:{}", serve(Some(folder.path())).await);
        assert_eq!(check(&url, Some(&pem)).await, Ok(()), "{kind}");
        let url = format!("smtps://127.0.0.1:{}", serve(Some(folder.path())).await);
        let error = check(&url, Some(&pem)).await.unwrap_err();
        assert!(error.contains("the certificate is not for 127.0.0.1"), "{kind}: {error}");
    }
}

#[tokio::test]
async fn a_port_without_tls_is_named_as_such() {
    let url = format!("smtps://localhost:{}", serve(None).await);
    let error = check(&url, None).await.unwrap_err();
    assert!(
        error.contains("does not speak TLS from the first byte on this port; write smtp+starttls://"),
        "{error}"
    );
}

#[tokio::test]
async fn a_closed_port_names_every_address_that_was_tried() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = check(&format!("smtp://localhost:{port}"), None).await.unwrap_err();
    assert!(
        error.starts_with("can't connect: ") && error.contains(&format!("127.0.0.1:{port}: ")),
        "{error}"
    );
    let error = check("smtp://relay.invalid", None).await.unwrap_err();
    assert!(error.contains("the name relay.invalid can't be resolved"), "{error}");
}
