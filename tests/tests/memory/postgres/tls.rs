//! Connections over TLS: by a certificate that is trusted, or not at all.
//!
//! The server of the tests knows no TLS, so that somebody stands before it who does.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use typewright_runtime::memory::postgres::{Config, PostgresStore};
use typewright_runtime::memory::store::{Commit, Store};

use super::{adding, node, schema, server};
use crate::store::settings;

/// What a client sends that wants TLS.
const WANTED: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Who stands before the server on this port: its port, and the certificate to trust.
fn before(port: u16, has_tls: bool) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, port, acceptor.clone(), has_tls));
            }
        });
    });
    (own, made.cert.pem())
}

async fn pass(mut client: TcpStream, port: u16, acceptor: tokio_rustls::TlsAcceptor, has_tls: bool) {
    let mut asked = [0; 8];
    client.read_exact(&mut asked).await.unwrap();
    assert_eq!(asked, WANTED);
    client.write_all(if has_tls { b"S" } else { b"N" }).await.unwrap();
    if !has_tls {
        return;
    }
    // Who does not trust the certificate goes away.
    let Ok(mut client) = acceptor.accept(client).await else { return };
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

#[test]
fn tls_is_by_a_certificate_that_is_trusted_or_not_at_all() {
    let Some(server) = server() else { return };
    let (name, settings) = (schema(), settings().1);
    let (port, pem) = before(server.port(), true);
    let config = |port: u16| {
        let address = format!("postgres://tester@localhost:{port}/postgres?sslmode=require");
        Config::new(&address).unwrap().schema(&name)
    };
    let mut trusting = config(port);
    trusting.root_certificates = pem.clone().into_bytes();
    let store = PostgresStore::open(trusting, Arc::clone(&settings)).unwrap();
    assert_eq!(store.commit(&adding([node(1, "a", "one")])).unwrap().commit, Commit(1));
    let chain = |error: &dyn std::error::Error| {
        let mut told = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            told = format!("{told}: {error}");
            cause = error.source();
        }
        told
    };
    let unknown = PostgresStore::open(config(port), Arc::clone(&settings)).unwrap_err();
    assert!(chain(&unknown).contains("UnknownIssuer"), "{}", chain(&unknown));
    // A certificate of another name.
    let mut other =
        Config::new(&format!("postgres://tester@127.0.0.1:{port}/postgres?sslmode=require")).unwrap();
    other.root_certificates = pem.into_bytes();
    let other = PostgresStore::open(other, Arc::clone(&settings)).unwrap_err();
    assert!(chain(&other).contains("not valid for name"), "{}", chain(&other));
    // A server that has no TLS is not spoken to without it.
    let refused = PostgresStore::open(config(before(server.port(), false).0), settings).unwrap_err();
    assert!(chain(&refused).contains("TLS"), "{}", chain(&refused));
}
