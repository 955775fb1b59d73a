//! What a program writes into a folder, call by call: its files are real ones, and its calls to the system are watched.
//!
//! The program has one thread, and waits at its start for a line. It is stopped at each call; what is written is read from
//! its memory. Files that are mapped and written so are not seen: the index of the log of a database is such a one, and is
//! made anew after a crash.

use std::ffi::OsString;
use std::io::{self, IoSliceMut, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::libc::{self, c_long, user_regs_struct};
use nix::sys::ptrace::{self, Options};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A file came to be.
    Create(String),
    /// Bytes of a file were written.
    Write {
        /// The file.
        file: String,
        /// From where on.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A file has this length now.
    Cut {
        /// The file.
        file: String,
        /// The length.
        len: u64,
    },
    /// What was written to a file is on disk now.
    Sync(String),
    /// The names of the folder are on disk now.
    SyncFolder,
    /// A name is gone.
    Remove(String),
    /// The program said this.
    Said(String),
}

/// Runs a program to its end, and tells what it did in a folder.
///
/// # Errors
/// When it cannot be watched, does what is not understood, or fails.
pub fn record(program: &mut Command, folder: &Path) -> io::Result<Vec<Event>> {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACECLONE;
    ptrace::seize(pid, options)?;
    ptrace::interrupt(pid)?;
    let mut watched = Watched { pid, folder: folder.canonicalize()?, entered: None, events: Vec::new() };
    let told = watched.follow(&mut child);
    if told.is_err() {
        child.kill()?;
    }
    child.wait().ok();
    told.map(|()| watched.events)
}

struct Watched {
    pid: Pid,
    folder: PathBuf,
    /// The call under way, and what it will have done if it succeeds.
    entered: Option<(user_regs_struct, Option<Event>)>,
    events: Vec<Event>,
}

fn other(reason: String) -> io::Error {
    io::Error::other(reason)
}

impl Watched {
    fn follow(&mut self, child: &mut Child) -> io::Result<()> {
        let mut line = child.stdin.take();
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::__WALL))? {
                WaitStatus::PtraceSyscall(_) => self.call()?,
                WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_STOP) => {
                    if let Some(mut line) = line.take() {
                        line.write_all(b"go\n")?;
                    }
                }
                WaitStatus::PtraceEvent(..) => return Err(other("it has begun a second thread".to_owned())),
                WaitStatus::Stopped(_, signal) => {
                    ptrace::syscall(self.pid, signal)?;
                    continue;
                }
                WaitStatus::Exited(_, 0) => return Ok(()),
                ended => return Err(other(format!("it ended otherwise: {ended:?}"))),
            }
            ptrace::syscall(self.pid, None)?;
        }
    }

    /// A call begins, or has ended.
    fn call(&mut self) -> io::Result<()> {
        let registers = ptrace::getregs(self.pid)?;
        let Some((begun, event)) = self.entered.take() else {
            let event = self.event(&registers)?;
            self.entered = Some((registers, event));
            return Ok(());
        };
        let result = registers.rax.cast_signed();
        match event {
            _ if result < 0 => {}
            Some(Event::Write { file, offset, mut bytes }) => {
                bytes.truncate(result as usize);
                self.events.push(Event::Write { file, offset, bytes });
            }
            Some(Event::Create(file)) if self.is_new(&file) => self.events.push(Event::Create(file)),
            Some(Event::Create(_)) | None => {}
            Some(event) => self.events.push(event),
        }
        debug_assert_eq!(begun.orig_rax, registers.orig_rax);
        Ok(())
    }

    /// What a call does, if it is of matter.
    fn event(&self, registers: &user_regs_struct) -> io::Result<Option<Event>> {
        let (first, second, third) = (registers.rdi, registers.rsi, registers.rdx);
        let file = || self.file(first);
        let call = registers.orig_rax as c_long;
        Ok(match call {
            libc::SYS_write if first == 1 => {
                let said = String::from_utf8_lossy(&self.bytes(second, third)?).trim_end().to_owned();
                Some(Event::Said(said))
            }
            libc::SYS_pwrite64 => match file() {
                Some(file) => {
                    Some(Event::Write { file, offset: registers.r10, bytes: self.bytes(second, third)? })
                }
                None => None,
            },
            libc::SYS_ftruncate => file().map(|file| Event::Cut { file, len: second }),
            libc::SYS_fsync | libc::SYS_fdatasync => file().map(|file| match file.is_empty() {
                true => Event::SyncFolder,
                false => Event::Sync(file),
            }),
            libc::SYS_openat if third as i32 & libc::O_CREAT != 0 => {
                self.inside(&self.path(second)?).map(Event::Create)
            }
            libc::SYS_unlink => self.inside(&self.path(first)?).map(Event::Remove),
            libc::SYS_unlinkat => self.inside(&self.path(second)?).map(Event::Remove),
            libc::SYS_write | libc::SYS_writev | libc::SYS_pwritev | libc::SYS_fallocate => match file() {
                Some(file) => return Err(other(format!("call {call} writes {file}"))),
                None => None,
            },
            libc::SYS_rename | libc::SYS_renameat | libc::SYS_renameat2 => {
                return Err(other("it renames a file".to_owned()));
            }
            _ => None,
        })
    }

    /// Whether a file was not there, by what was done until now.
    fn is_new(&self, file: &str) -> bool {
        let last = self.events.iter().rev().find_map(|event| match event {
            Event::Create(name) if name == file => Some(true),
            Event::Remove(name) if name == file => Some(false),
            _ => None,
        });
        last != Some(true)
    }

    /// The name of an open file, if it is in the folder and of matter. The folder itself has an empty one.
    fn file(&self, number: u64) -> Option<String> {
        let path = std::fs::read_link(format!("/proc/{}/fd/{number}", self.pid)).ok()?;
        self.inside(&path)
    }

    fn inside(&self, path: &Path) -> Option<String> {
        let name = path.strip_prefix(&self.folder).ok()?.to_string_lossy().into_owned();
        let is_made_anew = name.ends_with("-shm") || name.ends_with(".lock");
        (!is_made_anew).then_some(name)
    }

    fn bytes(&self, at: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len as usize];
        let remote = [RemoteIoVec { base: at as usize, len: len as usize }];
        let read = process_vm_readv(self.pid, &mut [IoSliceMut::new(&mut bytes)], &remote)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    fn path(&self, at: u64) -> io::Result<PathBuf> {
        let mut bytes = Vec::new();
        loop {
            let word = ptrace::read(self.pid, (at as usize + bytes.len()) as ptrace::AddressType)?;
            let word = word.to_ne_bytes();
            let end = word.iter().position(|byte| *byte == 0);
            bytes.extend_from_slice(&word[..end.unwrap_or(word.len())]);
            if end.is_some() {
                return Ok(PathBuf::from(OsString::from_vec(bytes)));
            }
        }
    }
}
