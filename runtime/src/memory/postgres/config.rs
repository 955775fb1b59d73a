//! Which server a store is on, and how it is talked to.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

use crate::memory::{Error, Namespace};

/// Where a store is, and how it is reached. Its password is shown by nothing.
#[derive(Clone)]
pub struct Config {
    pub(super) server: tokio_postgres::Config,
    /// The schema that has the tables. Several stores may be in one database.
    pub schema: String,
    /// The most connections at once. Who needs one more waits.
    pub connections: usize,
    /// How long is waited for a connection, for another writer, and for an answer.
    pub patience: Duration,
    /// How often a transaction is done again that another one was in the way of.
    pub retries: u32,
    /// The certificates that are trusted beside the bundled ones, as PEM.
    pub root_certificates: Vec<u8>,
    /// All that this store shows and takes: a namespace, and what is below it. Only for roles that the owner of the tables
    /// has [admitted](super::PostgresStore::admit): owners are held to nothing.
    pub namespace: Option<Namespace>,
    /// A model with fewer live vectors than these gets no index: all of them are compared.
    pub indexed_from: u64,
}

impl Config {
    /// A server by its address, such as `postgres://ada@db.example/memories` or `host=db.example user=ada`. Several hosts
    /// are tried in turn; with `target_session_attrs=read-write`, the one that may be written is taken.
    ///
    /// Who is not on this machine is spoken to by TLS and has to show a certificate for its name, unless the address says
    /// `sslmode=disable`.
    ///
    /// In an address that begins with `postgres://`, an `@` of a name, a password or an option is written `%40`.
    ///
    /// # Errors
    /// When it is no such address.
    pub fn new(address: &str) -> Result<Self, Error> {
        // What is wrong is not repeated: it may be the password.
        let wrong = |reason: &str| Error::invalid("the address of the server", reason);
        if has_open_at(address) {
            return Err(wrong("an @ of a name, a password or an option is written %40"));
        }
        let server = address.parse::<tokio_postgres::Config>();
        let mut server = server.map_err(|_| wrong("it is not one of PostgreSQL"))?;
        if server.get_ssl_mode() == SslMode::Prefer && !is_here(&server) {
            server.ssl_mode(SslMode::Require);
        }
        server.connect_timeout(server.get_connect_timeout().copied().unwrap_or(Duration::from_secs(10)));
        if server.get_application_name().is_none() {
            server.application_name("typewright");
        }
        Ok(Self {
            server,
            schema: "typewright".to_owned(),
            connections: 8,
            patience: Duration::from_secs(30),
            retries: 8,
            root_certificates: Vec::new(),
            namespace: None,
            indexed_from: 20_000,
        })
    }

    /// The store in this schema.
    #[must_use]
    pub fn schema(self, schema: impl Into<String>) -> Self {
        Self { schema: schema.into(), ..self }
    }

    /// Whether it can be used.
    pub(super) fn check(&self) -> Result<(), Error> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=63).contains(&self.schema.len()) || !self.schema.bytes().all(is_plain) {
            let reason = format!("{:?} is not 1 to 63 lower-case letters, digits and _", self.schema);
            return Err(Error::invalid("the schema", reason));
        }
        match self.connections {
            0 => Err(Error::invalid("the connections", "there has to be one")),
            _ => Ok(()),
        }
    }

    /// Where the store is, in words that may be shown.
    pub(super) fn place(&self) -> String {
        let hosts: Vec<String> = self.server.get_hosts().iter().map(host).collect();
        let ports: Vec<String> = self.server.get_ports().iter().map(u16::to_string).collect();
        let database = self.server.get_dbname().or(self.server.get_user()).unwrap_or_default();
        format!("postgres {}:{} {database}.{}", hosts.join(","), ports.join(","), self.schema)
    }
}

/// Whether there is an `@` after the one that ends name and password. What follows the first of a password would be taken
/// for the host, which is shown.
fn has_open_at(address: &str) -> bool {
    let url = ["postgres://", "postgresql://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    url.is_some_and(|rest| rest.matches('@').count() > 1)
}

fn host(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

/// Whether the server is on this machine, so that nobody can listen on the way.
fn is_here(server: &tokio_postgres::Config) -> bool {
    let is_name = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    server.get_hosts().iter().all(is_name) && server.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("place", &self.place())
            .field("connections", &self.connections)
            .field("patience", &self.patience)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_show_no_password() {
        for address in [
            "postgres://ada:s3cret@db.example:5433/memories",
            "host=db.example port=5433 user=ada password=s3cret dbname=memories",
        ] {
            let config = Config::new(address).unwrap();
            assert!(!format!("{config:?}").contains("s3cret"));
            assert_eq!(config.place(), "postgres db.example:5433 memories.typewright");
        }
        for address in [
            "postgres://ada:s3cret@db.example/m?sslmode=s3cret",
            "postgres://ada:@s3cret@db.example/m",
            "postgresql://ada:x@y/s3cret@db.example/m",
        ] {
            let wrong = Config::new(address).unwrap_err();
            assert!(!format!("{wrong:?} {wrong}").contains("s3cret"));
        }
        assert!(Config::new("postgres://ada:%40s3cret@db.example/m").is_ok());
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted() {
        for (address, mode) in [
            ("postgres://ada@db.example/m", SslMode::Require),
            ("postgres://ada@127.0.0.1,db.example/m", SslMode::Require),
            ("postgres://ada@127.0.0.1/m", SslMode::Prefer),
            ("postgres://ada@localhost/m?sslmode=require", SslMode::Require),
            ("postgres://ada@db.example/m?sslmode=disable", SslMode::Disable),
        ] {
            assert_eq!(Config::new(address).unwrap().server.get_ssl_mode(), mode, "{address}");
        }
        assert!(Config::new("host=localhost").unwrap().schema("a;b").check().is_err());
    }
}
