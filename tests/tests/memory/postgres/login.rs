//! Logins by SCRAM-SHA-256 through TLS: the password is never sent, and a login that is bound to its connection is of no use
//! on another one.
//!
//! The server of the tests knows no TLS, and so binds nothing: who stands before it shows a certificate, and asks for logins
//! that are bound to it, as a pooler does. It knows the password, and checks all that RFC 5802, 5929 and 7677 say.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{hmac, pbkdf2};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use typewright_runtime::memory::Settings;
use typewright_runtime::memory::postgres::{Config, PostgresStore};
use typewright_runtime::memory::store::{Commit, Filter, Store};
use typewright_tests::memory::server::{Server, programs};

use super::tls::{Shown, before, chain, secret, serve, shown};
use super::{adding, namespace, node, schema, server};
use crate::store::{Folder, settings};

const PASSWORD: &str = "s3cret";

/// Where a login goes: the port, who logs in and by what, what the address says besides, and whom it trusts.
struct Login<'a> {
    port: u16,
    who: &'a str,
    rest: &'a str,
    pem: &'a [u8],
}

fn log_in(login: &Login<'_>, schema: &str, settings: &Arc<Settings>) -> Result<PostgresStore, String> {
    let Login { port, who, rest, pem } = login;
    let address = format!("postgres://{who}@localhost:{port}/postgres?sslmode=require{rest}");
    let mut config = Config::new(&address).unwrap().schema(schema);
    config.root_certificates = pem.to_vec();
    PostgresStore::open(config, Arc::clone(settings)).map_err(|error| chain(&error))
}

#[test]
fn a_password_proves_itself_through_tls() {
    let Some(bin) = programs() else { return };
    let (folder, settings) = (Folder::new("login"), settings().1);
    let rules = folder.path().join("rules");
    std::fs::write(&rules, "host all tester all trust\nhost all all all scram-sha-256\n").unwrap();
    let server = Server::start(&bin, &[&format!("hba_file={}", rules.display())]).unwrap();
    let sql = format!(
        "CREATE EXTENSION vector SCHEMA public; CREATE ROLE ada LOGIN PASSWORD '{PASSWORD}'; \
         GRANT CREATE ON DATABASE postgres TO ada"
    );
    server.sql(&sql).unwrap();
    let kept = server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'ada'").unwrap();
    assert!(kept.starts_with("SCRAM-SHA-256$"), "{kept}");

    let Shown { acceptor, pem, .. } = shown();
    let (port, name) = (before(server.port(), acceptor), schema());
    let login = |who: &str, rest: &str| log_in(&Login { port, who, rest, pem: &pem }, &name, &settings);
    let store = login(&format!("ada:{PASSWORD}"), "").unwrap();
    assert_eq!(store.commit(&adding([node(1, "a", "one")])).unwrap().commit, Commit(1));
    drop(store);
    let again = login(&format!("ada:{PASSWORD}"), "&channel_binding=disable").unwrap();
    assert_eq!(again.ids(&Filter::of(namespace("a"))).unwrap().len(), 1);
    for (who, rest, reason) in [
        ("ada:wrong", "", "password authentication failed"),
        ("ada", "", "password missing"),
        ("bob:s3cret", "", "password authentication failed"),
        // It has none to bind a login to, and who insists on that does not log in.
        ("ada:s3cret", "&channel_binding=require", "channel binding"),
    ] {
        let told = login(who, rest).unwrap_err();
        assert!(told.contains(reason) && !told.contains(PASSWORD), "{who}{rest}: {told}");
    }
}

#[test]
fn a_login_is_bound_to_the_certificate_that_was_shown() {
    let Some(server) = server() else { return };
    let (name, settings, shown) = (schema(), settings().1, shown());
    let bound = |certificate: &[u8]| {
        let gate = Gate {
            acceptor: shown.acceptor.clone(),
            binding: [&b"p=tls-server-end-point,,"[..], &Sha256::digest(certificate)[..]].concat(),
            port: server.port(),
        };
        let gate = Arc::new(gate);
        serve(move |client| {
            let gate = Arc::clone(&gate);
            async move { gate.pass(client).await }
        })
    };
    let login = |port: u16, password: &str| {
        let who = format!("tester:{password}");
        let login = Login { port, who: &who, rest: "&channel_binding=require", pem: &shown.pem };
        log_in(&login, &name, &settings)
    };
    let store = login(bound(&shown.der), PASSWORD).unwrap();
    assert_eq!(store.commit(&adding([node(1, "a", "one")])).unwrap().commit, Commit(1));
    assert_eq!(store.ids(&Filter::of(namespace("a"))).unwrap().len(), 1);
    let told = login(bound(&shown.der), "wrong").unwrap_err();
    assert!(told.contains("another password"), "{told}");
    // As somebody in between would pass it on, who has shown another certificate than the server.
    let told = login(bound(&super::tls::shown().der), PASSWORD).unwrap_err();
    assert!(told.contains("bound to another connection"), "{told}");
}

/// Who asks for logins that are bound, and lets pass who logs in.
struct Gate {
    acceptor: TlsAcceptor,
    /// What a login has to be bound to.
    binding: Vec<u8>,
    port: u16,
}

impl Gate {
    async fn pass(&self, client: TcpStream) {
        let Some(mut client) = secret(client, &self.acceptor).await else { return };
        let length = client.read_u32().await.unwrap();
        let mut begin = vec![0; length as usize - 4];
        client.read_exact(&mut begin).await.unwrap();
        if let Err(reason) = self.log_in(&mut client).await {
            let error = format!("SFATAL\0C28P01\0M{reason}\0\0");
            send(&mut client, b'E', error.as_bytes()).await;
            return;
        }
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        server.write_u32(length).await.unwrap();
        server.write_all(&begin).await.unwrap();
        // That the server trusts the role is said by it as well: the client hears it once, from there.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }

    async fn log_in(&self, client: &mut TlsStream<TcpStream>) -> Result<(), &'static str> {
        const SALT: &[u8] = b"0123456789abcdef";
        const ROUNDS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
        send(client, b'R', b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0").await;
        let first = receive(client).await;
        let first = first.strip_prefix("SCRAM-SHA-256-PLUS\0").ok_or("a login that is not bound")?;
        let (head, bare) = first[4..].split_once(",,").unwrap();
        assert_eq!(head, "p=tls-server-end-point");
        let nonce = format!("{}gate", bare.split_once(",r=").unwrap().1);
        let asked = format!("r={nonce},s={},i={ROUNDS}", STANDARD.encode(SALT));
        send(client, b'R', &[b"\0\0\0\x0b", asked.as_bytes()].concat()).await;
        let last = receive(client).await;
        let (said, proof) = last.rsplit_once(",p=").unwrap();
        let (binding, echoed) = said.strip_prefix("c=").unwrap().split_once(",r=").unwrap();
        assert_eq!(echoed, nonce);
        if STANDARD.decode(binding).unwrap() != self.binding {
            return Err("bound to another connection");
        }
        let salted = salted(PASSWORD.as_bytes(), SALT, ROUNDS);
        let (key, all) = (signed(&salted, b"Client Key"), format!("{bare},{asked},{said}"));
        let signature = signed(&Sha256::digest(key), all.as_bytes());
        let both = key.as_ref().iter().zip(signature.as_ref());
        let expected: Vec<u8> = both.map(|(key, signature)| key ^ signature).collect();
        if STANDARD.decode(proof).unwrap() != expected {
            return Err("by another password");
        }
        let own = signed(signed(&salted, b"Server Key").as_ref(), all.as_bytes());
        let proven = format!("\0\0\0\x0cv={}", STANDARD.encode(own));
        send(client, b'R', proven.as_bytes()).await;
        Ok(())
    }
}

async fn send(client: &mut TlsStream<TcpStream>, kind: u8, body: &[u8]) {
    client.write_u8(kind).await.unwrap();
    client.write_u32(body.len() as u32 + 4).await.unwrap();
    client.write_all(body).await.unwrap();
    client.flush().await.unwrap();
}

/// What a client says in the course of a login. Lengths are no text: they come out as something else.
async fn receive(client: &mut TlsStream<TcpStream>) -> String {
    assert_eq!(client.read_u8().await.unwrap(), b'p');
    let mut body = vec![0; client.read_u32().await.unwrap() as usize - 4];
    client.read_exact(&mut body).await.unwrap();
    body.iter().map(|byte| char::from(*byte)).collect()
}

fn signed(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

fn salted(password: &[u8], salt: &[u8], rounds: NonZeroU32) -> [u8; 32] {
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password, &mut salted);
    salted
}
