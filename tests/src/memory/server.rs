//! PostgreSQL servers for tests, from the folder that `TYPEWRIGHT_PG_BIN` names: on this machine alone, with a role that an
//! unprivileged user may be, gone when the tests are.
//!
//! A server refuses to run as root: then it runs as `nobody`. Who watches over it is a shell that waits for the end of its
//! input: whatever becomes of the tests, their end of it is closed.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The user that servers run as where the tests run as root.
const NOBODY: u32 = 65534;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The folder of the server's programs, if it is said.
pub fn programs() -> Option<PathBuf> {
    std::env::var_os("TYPEWRIGHT_PG_BIN").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The server that all tests of this process share, if there are programs of one.
///
/// # Panics
/// When it does not start.
#[expect(clippy::panic, reason = "a test fails by it")]
pub fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let start = || programs().map(|bin| Server::start(&bin, &[]).unwrap_or_else(|error| panic!("{error}")));
    SERVER.get_or_init(start).as_ref()
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    shell: Child,
}

impl Server {
    /// A new one, with these settings besides.
    ///
    /// # Errors
    /// When it cannot be made, or does not answer.
    pub fn start(bin: &Path, settings: &[&str]) -> io::Result<Self> {
        Self::run(bin, made(bin)?, settings)
    }

    /// A new one that keeps no checksums of pages.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn without_checksums(bin: &Path) -> io::Result<Self> {
        let folder = made(bin)?;
        run(&folder, &bin.join("pg_checksums"), &["--disable", "--no-sync", "-D", "data"])?;
        Self::run(bin, folder, &[])
    }

    /// A standby of this one, by this name, which begins with all that it has.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn standby(&self, name: &str, settings: &[&str]) -> io::Result<Self> {
        let folder = folder()?;
        let primary = format!("host=127.0.0.1 port={} user=tester application_name={name}", self.port);
        let arguments = ["-D", "data", "-d", &primary, "-R", "-X", "stream", "-c", "fast", "--no-sync"];
        run(&folder, &self.bin.join("pg_basebackup"), &arguments)?;
        Self::run(&self.bin, folder, settings)
    }

    fn run(bin: &Path, folder: PathBuf, settings: &[&str]) -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let shell = watched(bin, &folder, port, settings)?;
        let this = Self { bin: bin.to_owned(), folder, port, shell };
        this.wait(Duration::from_secs(30))?;
        Ok(this)
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// When it does not in time; with what it has told last.
    pub fn wait(&self, patience: Duration) -> io::Result<()> {
        let until = Instant::now() + patience;
        let port = self.port.to_string();
        while Instant::now() < until {
            let asked = ["-h", "127.0.0.1", "-p", &port, "-q", "-t", "1"];
            if Command::new(self.bin.join("pg_isready")).args(asked).status()?.success() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(io::Error::other(format!("no answer: {}", self.told())))
    }

    /// What it has told.
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Its address for a role.
    pub fn address(&self, role: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/postgres", self.port)
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its files are.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What a statement gives, as text: rows are lines, columns are separated by bars.
    ///
    /// # Errors
    /// When the server refuses it; with what it says.
    pub fn sql(&self, statement: &str) -> io::Result<String> {
        let output = self.psql(statement)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn psql(&self, statement: &str) -> io::Result<Output> {
        let port = self.port.to_string();
        let address = ["-h", "127.0.0.1", "-p", &port, "-U", "tester", "-d", "postgres"];
        let asked = ["-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement];
        let program = self.bin.join("psql");
        done(Command::new(program).args(address).args(asked).output()?)
    }

    /// All rows of each table of a schema, as the server sends them.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn rows(&self, schema: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
        let tables = self.sql(&format!("SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'"))?;
        let rows = |table: &str| {
            let copied = self.psql(&format!("COPY {schema}.{table} TO STDOUT WITH (FORMAT binary)"))?;
            Ok((table.to_owned(), copied.stdout))
        };
        tables.lines().map(rows).collect()
    }

    /// The process that all others of it come from.
    ///
    /// # Errors
    /// When it has none.
    pub fn process(&self) -> io::Result<u32> {
        let told = std::fs::read_to_string(self.data().join("postmaster.pid"))?;
        told.lines().next().and_then(|line| line.parse().ok()).ok_or_else(|| io::Error::other("no process"))
    }

    /// Ends it and all its processes at once, as when the machine is lost.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn lose(&self) -> io::Result<()> {
        let parent = self.process()?;
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &parent.to_string()]).output()?;
        let children = String::from_utf8_lossy(&children.stdout).into_owned();
        kill(
            &std::iter::once(parent.to_string())
                .chain(children.split_whitespace().map(str::to_owned))
                .collect::<Vec<_>>(),
        )
    }

    /// Makes a standby the primary.
    ///
    /// # Errors
    /// When it is none.
    pub fn promote(&self) -> io::Result<()> {
        self.sql("SELECT pg_promote(true, 30)").map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Ends processes without asking them.
///
/// # Errors
/// When there is no such process.
pub fn kill(processes: &[String]) -> io::Result<()> {
    done(Command::new("kill").arg("-9").args(processes).output()?).map(drop)
}

/// A folder of its own, which belongs to who the server runs as.
fn folder() -> io::Result<PathBuf> {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("typewright-postgres-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    if is_root() {
        std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY))?;
    }
    Ok(folder)
}

/// A folder with what a server needs. Checksums of pages are what the latest versions have unless they are told otherwise.
fn made(bin: &Path) -> io::Result<PathBuf> {
    let folder = folder()?;
    let arguments = ["-D", "data", "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    run(&folder, &bin.join("initdb"), &[&arguments[..], &["--data-checksums"]].concat())?;
    Ok(folder)
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// As somebody who may do nothing else.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.env("LC_ALL", "C").env("HOME", "/");
    command
}

fn run(folder: &Path, program: &Path, arguments: &[&str]) -> io::Result<()> {
    done(unprivileged(program).current_dir(folder).args(arguments).output()?).map(drop)
}

fn done(output: Output) -> io::Result<Output> {
    match output.status.success() {
        true => Ok(output),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

/// The server, and a shell that ends it when its input ends.
fn watched(bin: &Path, folder: &Path, port: u16, settings: &[&str]) -> io::Result<Child> {
    const SCRIPT: &str = "\"$@\" >log 2>&1 & server=$!; cat >/dev/null; kill -QUIT $server 2>/dev/null; \
         for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 $server 2>/dev/null || break; sleep 0.2; done; \
         kill -KILL $server 2>/dev/null; rm -rf data log";
    let mut shell = unprivileged(Path::new("/bin/sh"));
    shell.current_dir(folder).arg("-c").arg(SCRIPT).arg("sh").arg(bin.join("postgres"));
    shell.args([
        "-D",
        "data",
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
        "-k",
        "",
        "-c",
        "max_connections=200",
    ]);
    // It is thrown away afterwards, but what a crash of it leaves has to be what a disk would have.
    shell.args(["-c", "shared_buffers=64MB", "-c", "max_wal_senders=4", "-c", "wal_level=replica"]);
    for setting in settings {
        shell.args(["-c", setting]);
    }
    // Not with the signals that the terminal gives the tests.
    shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}
