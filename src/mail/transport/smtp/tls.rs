//! TLS towards relays: certificates are always checked, against the system's authorities and those configured.

use super::Stream;
use std::{io, path::Path, sync::Arc};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

/// What a connection to one relay needs for TLS.
#[derive(Clone)]
pub(in crate::mail::transport) struct Tls {
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
        if let Some(file) = ca_file {
            let unusable = |error: String| format!("{} holds no usable certificate: {error}", file.display());
            let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
            let mut added = 0;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
                added += 1;
            }
            if added == 0 {
                return Err(unusable("it has no CERTIFICATE section".into()));
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Agrees on TLS over a connection: from its first byte (RFC 8314), or after STARTTLS (RFC 3207).
    pub async fn wrap(&self, stream: Stream) -> io::Result<Stream> {
        let protected = self.connector.connect(self.name.clone(), stream).await?;
        Ok(Box::new(protected))
    }
}
