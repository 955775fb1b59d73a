//! TLS end to end: a client trusts the roots that it brings along and those it is given, and no others.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use typewright::openai::{Error, OpenAi};

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
    data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Safe.\"},\"finish_reason\":\"stop\"}]}\n\n\
    data: [DONE]\n\n";

/// A server on the loopback address that answers one connection with [`ANSWER`]; its port and certificate as PEM.
fn server() -> (u16, String, JoinHandle<std::io::Result<()>>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let (socket, _) = listener.accept()?;
        let connection = ServerConnection::new(Arc::new(config)).map_err(std::io::Error::other)?;
        let mut stream = StreamOwned::new(connection, socket);
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        while !request.ends_with(b"}") {
            let read = stream.read(&mut piece)?;
            request.extend_from_slice(&piece[..read]);
        }
        stream.write_all(ANSWER.as_bytes())?;
        stream.conn.send_close_notify();
        stream.flush()
    });
    (port, cert.pem(), served)
}

#[tokio::test]
async fn a_given_root_is_trusted() {
    let (port, pem, served) = server();
    let builder = OpenAi::builder().environment(false).no_proxy().api_key("key");
    let client =
        builder.base_url(format!("https://localhost:{port}/v1")).root_certificate(pem).build().unwrap();
    let reply = client.chat("any").user("Hello?").stream().await.unwrap().collect().await.unwrap();
    assert_eq!(reply.text(), "Safe.");
    served.join().unwrap().unwrap();
}

#[tokio::test]
async fn an_unknown_root_is_refused_before_the_key_is_sent() {
    let (port, _, served) = server();
    let builder = OpenAi::builder().environment(false).no_proxy().max_retries(0).api_key("key");
    let client = builder.base_url(format!("https://localhost:{port}/v1")).build().unwrap();
    let error = client.chat("any").user("Hello?").send().await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. } | Error::Tls { .. }), "{error:?}");
    assert!(served.join().unwrap().is_err(), "the server must not have read a request");
}
