//! Connections over TLS: by a certificate that is trusted, or not at all.
//!
//! The server of the tests knows no TLS, so that somebody stands before it who does.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use typewright_runtime::memory::postgres::{Config, PostgresStore};
use typewright_runtime::memory::store::{Commit, Store};

use super::{adding, node, schema, server};
use crate::store::settings;

/// What a client sends that wants TLS.
const WANTED: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A certificate for `localhost`, and who shows it.
pub(super) struct Shown {
    pub(super) acceptor: TlsAcceptor,
    pub(super) pem: Vec<u8>,
    pub(super) der: Vec<u8>,
}

pub(super) fn shown() -> Shown {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Shown { acceptor, pem: made.cert.pem().into_bytes(), der: made.cert.der().to_vec() }
}

/// Serves whoever comes; on which port.
pub(super) fn serve<F: Future<Output = ()> + Send + 'static>(
    pass: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client));
            }
        });
    });
    own
}

/// Who stands before the server on this port, and shows a certificate to whoever wants one.
pub(super) fn before(port: u16, acceptor: TlsAcceptor) -> u16 {
    serve(move |client| pass(client, port, acceptor.clone()))
}

/// Says that it has TLS, to who asks for it. Who does not trust the certificate goes away.
pub(super) async fn secret(mut client: TcpStream, acceptor: &TlsAcceptor) -> Option<TlsStream<TcpStream>> {
    let mut asked = [0; 8];
    client.read_exact(&mut asked).await.unwrap();
    assert_eq!(asked, WANTED);
    client.write_all(b"S").await.unwrap();
    acceptor.accept(client).await.ok()
}

async fn pass(client: TcpStream, port: u16, acceptor: TlsAcceptor) {
    let Some(mut client) = secret(client, &acceptor).await else { return };
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

/// An error, and why.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

#[test]
fn tls_is_by_a_certificate_that_is_trusted_or_not_at_all() {
    let Some(server) = server() else { return };
    let (name, settings) = (schema(), settings().1);
    let Shown { acceptor, pem, .. } = shown();
    let port = before(server.port(), acceptor);
    let config = |port: u16| {
        let address = format!("postgres://tester@localhost:{port}/postgres?sslmode=require");
        Config::new(&address).unwrap().schema(&name)
    };
    let mut trusting = config(port);
    trusting.root_certificates.clone_from(&pem);
    let store = PostgresStore::open(trusting, Arc::clone(&settings)).unwrap();
    assert_eq!(store.commit(&adding([node(1, "a", "one")])).unwrap().commit, Commit(1));
    let unknown = PostgresStore::open(config(port), Arc::clone(&settings)).unwrap_err();
    assert!(chain(&unknown).contains("UnknownIssuer"), "{}", chain(&unknown));
    // A certificate of another name.
    let mut other =
        Config::new(&format!("postgres://tester@127.0.0.1:{port}/postgres?sslmode=require")).unwrap();
    other.root_certificates = pem;
    let other = PostgresStore::open(other, Arc::clone(&settings)).unwrap_err();
    assert!(chain(&other).contains("not valid for name"), "{}", chain(&other));
    // A server that has no TLS is not spoken to without it.
    let without = serve(|mut client| async move {
        client.read_exact(&mut [0; 8]).await.unwrap();
        client.write_all(b"N").await.unwrap();
    });
    let refused = PostgresStore::open(config(without), settings).unwrap_err();
    assert!(chain(&refused).contains("TLS"), "{}", chain(&refused));
}
