//! TLS to relays. Certificates are always verified, against the system's authorities and the configured ones.

use super::Stream;
use crate::domain::delivery::relay::Security;
use std::{io, path::Path, sync::Arc};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        client::{
            WebPkiServerVerifier,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
            verify_server_name,
        },
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
        server::ParsedCertificate,
    },
};

#[derive(Clone)]
pub(in crate::mail::transport) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Loads the trusted authorities and checks that `host` can be the name in a certificate.
    pub fn new(host: &str, ca_file: Option<&Path>) -> Result<Self, String> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("`{host}` is not a valid host name"))?;
        let mut roots = RootCertStore::empty();
        // Ignore invalid certificates in the system's store.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let pinned = ca_file.map(read_certificates).transpose()?.unwrap_or_default();
        for certificate in &pinned {
            let file = ca_file.unwrap_or(Path::new("")).display();
            roots
                .add(certificate.clone())
                .map_err(|error| format!("{file} contains no usable certificate: {error}"))?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| format!("this machine has no certificate authorities to trust: {error}"))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { verifier, pinned }))
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Negotiates TLS: from the first byte (RFC 8314), or after STARTTLS (RFC 3207).
    pub async fn wrap(&self, stream: Stream) -> io::Result<Stream> {
        let protected = self.connector.connect(self.name.clone(), stream).await?;
        Ok(Box::new(protected))
    }

    /// Explains a handshake error and its fix.
    pub fn explain(&self, error: &io::Error, security: Security) -> String {
        use CertificateError as C;
        let host = self.name.to_str();
        match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(problem))
                if *problem == C::UnknownIssuer || is_authority(problem) =>
            {
                format!(
                    "no authority that this machine trusts signed the certificate of {host}; if it is your own \
                 (self-signed, or from an authority of yours), save it as a PEM file and name that in `ca_file`"
                )
            }
            Some(Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. })) => {
                format!(
                    "the certificate is not for {host} ({error}); write the name that it is for into the relay's url"
                )
            }
            Some(Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. })) => {
                format!("the certificate of {host} has expired ({error}); have it renewed")
            }
            Some(Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. })) => {
                format!("the certificate of {host} is not valid yet ({error}); check this machine's clock")
            }
            Some(Error::InvalidMessage(_)) if security == Security::Tls => format!(
                "{host} does not speak TLS from the first byte on this port; write smtp+starttls:// (mostly port 587), \
                 or the port for smtps:// (mostly 465)"
            ),
            _ => error.to_string(),
        }
    }
}

/// Whether a server presents an authority's certificate as its own, like one from `openssl req -x509`.
fn is_authority(problem: &CertificateError) -> bool {
    // rustls doesn't export webpki's error.
    matches!(problem, CertificateError::Other(error) if error.to_string().contains("CaUsedAsEndEntity"))
}

fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unusable = |error: String| format!("{} contains no usable certificate: {error}", file.display());
    let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| unusable(error.to_string()))?;
    if certificates.is_empty() {
        Err(unusable("it has no CERTIFICATE section".into()))
    } else {
        Ok(certificates)
    }
}

/// Accepts what webpki accepts, and a relay's own certificate that is itself in `ca_file`.
///
/// webpki rejects authority certificates as server certificates, although `openssl req -x509` creates such
/// ones. Name and validity are still checked.
#[derive(Debug)]
struct Verifier {
    verifier: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // At this point webpki has checked the validity dates, but not the name.
            Err(Error::InvalidCertificate(problem))
                if is_authority(&problem) && self.pinned.contains(end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_rustls::rustls::InvalidMessage;

    #[test]
    fn every_error_is_explained_with_its_fix() {
        use CertificateError as C;
        let tls = Tls::new("relay.example", None).unwrap();
        let explain = |error| tls.explain(&io::Error::new(io::ErrorKind::InvalidData, error), Security::Tls);
        for (error, says) in [
            (Error::InvalidCertificate(C::UnknownIssuer), "name that in `ca_file`"),
            (
                Error::InvalidCertificate(C::NotValidForName),
                "write the name that it is for into the relay's url",
            ),
            (Error::InvalidCertificate(C::Expired), "has expired"),
            (Error::InvalidCertificate(C::NotValidYet), "check this machine's clock"),
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), "write smtp+starttls://"),
        ] {
            let explained = explain(error);
            assert!(explained.contains("relay.example") && explained.contains(says), "{explained}");
        }
        let closed = io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof");
        assert_eq!(tls.explain(&closed, Security::Tls), "tls handshake eof");
    }
}
