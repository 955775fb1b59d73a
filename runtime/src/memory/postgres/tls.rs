//! TLS to a server: rustls on ring, as for HTTP, and what binds a login to the certificate of the server.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::client;

use crate::memory::Error;

/// Makes connections secret.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

/// A connection that is.
pub(super) struct Stream<S>(client::TlsStream<S>);

/// One that is about to be.
pub(super) struct Connector(Arc<ClientConfig>, ServerName<'static>);

impl Tls {
    pub(super) fn new(pem: &[u8]) -> Result<Self, Error> {
        let wrong = |error: String| Error::invalid("the certificates", error);
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        #[cfg(feature = "native-roots")]
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Stream<S>;
    type TlsConnect = Connector;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Connector, Self::Error> {
        Ok(Connector(Arc::clone(&self.0), ServerName::try_from(domain)?.to_owned()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Connector {
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let connector = tokio_rustls::TlsConnector::from(self.0);
        Box::pin(async move { connector.connect(self.1, stream).await.map(Stream) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        let certificates = self.0.get_ref().1.peer_certificates();
        let end_point = certificates.and_then(|certificates| end_point(certificates.first()?));
        end_point.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// The digest of a certificate by the function that its signature uses (RFC 5929, section 4.1); none where that is not one.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    // An object identifier, as the certificate has it: PKCS #1 ends in one byte, ECDSA with SHA-2 in two.
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    let (_, inside, _) = element(certificate)?;
    let (_, _, after) = element(inside)?;
    let (_, algorithm, _) = element(after)?;
    let (_, name, _) = element(algorithm)?;
    let is_rsa = |last: u8| name.strip_prefix(RSA) == Some(&[last]);
    let is_ecdsa = |last: &[u8]| name.strip_prefix(ECDSA) == Some(last);
    // Instead of MD5 and SHA-1: SHA-256.
    if is_rsa(4) || is_rsa(5) || is_rsa(11) || is_ecdsa(&[1]) || is_ecdsa(&[3, 2]) {
        return Some(Sha256::digest(certificate).to_vec());
    }
    if is_rsa(12) || is_ecdsa(&[3, 3]) {
        return Some(Sha384::digest(certificate).to_vec());
    }
    (is_rsa(13) || is_ecdsa(&[3, 4])).then(|| Sha512::digest(certificate).to_vec())
}

/// The first element of DER: its tag, what is in it, and what comes after.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..0x80 => (usize::from(*first), rest),
        _ => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let is_long = bytes.len() > size_of::<usize>();
            let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            ((!is_long).then_some(length)?, rest)
        }
    };
    let (inside, after) = rest.split_at_checked(length)?;
    Some((*tag, inside, after))
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate is a sequence of what is certified, the algorithm and the signature.
    fn certificate(algorithm: &[u8]) -> Vec<u8> {
        let within = |tag: u8, inside: &[u8]| [&[tag, u8::try_from(inside.len()).unwrap()], inside].concat();
        let name = within(0x30, &within(0x06, algorithm));
        within(0x30, &[within(0x30, b"what is certified"), name, within(0x03, &[0, 1, 2])].concat())
    }

    #[test]
    fn a_login_is_bound_by_the_digest_of_the_signature() {
        let length = |algorithm: &[u8]| end_point(&certificate(algorithm)).map(|digest| digest.len());
        let rsa = |last: u8| [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last];
        let ecdsa = |last: u8| [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last];
        assert_eq!([5, 11, 12, 13].map(|last| length(&rsa(last))), [32, 32, 48, 64].map(Some));
        assert_eq!([2, 3, 4].map(|last| length(&ecdsa(last))), [32, 48, 64].map(Some));
        // Ed25519 has no digest, and what is no certificate has none either.
        assert_eq!(length(&[0x2b, 0x65, 0x70]), None);
        let whole = certificate(&rsa(11));
        assert!((0..whole.len() - 8).all(|end| end_point(&whole[..end]).is_none()));
        assert_eq!(end_point(&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]), None);
    }
}
