//! TLS towards relays: certificates are always checked, against the system's authorities and those configured.

use lettre::transport::smtp::client::{AsyncTokioStream, Certificate, TlsParameters};
use std::{
    io,
    net::SocketAddr,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

/// What a connection to one relay needs for TLS.
#[derive(Clone)]
pub(super) struct Tls {
    /// For STARTTLS, which lettre negotiates.
    pub starttls: TlsParameters,
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Reads the authorities to trust and checks that `host` can be the name in a certificate.
    pub fn new(host: &str, ca_file: Option<&Path>) -> Result<Self, String> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is not a host name"))?;
        let mut roots = RootCertStore::empty();
        // Single certificates of the system's store may be odd; the others still count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let mut starttls = TlsParameters::builder(host.to_owned());
        if let Some(file) = ca_file {
            let unusable = |error: String| format!("{} holds no usable certificate: {error}", file.display());
            let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
            let mut added = 0;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                let for_starttls = Certificate::from_der(certificate.to_vec())
                    .map_err(|error| unusable(error.to_string()))?;
                starttls = starttls.add_root_certificate(for_starttls);
                roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
                added += 1;
            }
            if added == 0 {
                return Err(unusable("it has no CERTIFICATE section".into()));
            }
        }
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            starttls: starttls.build_rustls().map_err(|error| error.to_string())?,
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }

    /// Protects a connection from its first byte (RFC 8314).
    pub async fn wrap(&self, stream: TcpStream) -> io::Result<Wrapped> {
        self.connector.connect(self.name.clone(), stream).await.map(|stream| Wrapped(Box::new(stream)))
    }
}

/// A TLS connection that lettre can talk over.
#[derive(Debug)]
pub(super) struct Wrapped(Box<TlsStream<TcpStream>>);

impl AsyncTokioStream for Wrapped {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Wrapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}
