//! A file that is not whole yet: `NAME.part`, its state beside it, and the checksum of what is there.
//!
//! All that is here waits for the disk, and is called where waiting is allowed.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::answer::Entity;
use super::error::Error;
use super::lock::Lock;
use super::state::{LONGEST, Range, State};

/// How much is read at once to compute a checksum.
const READ: usize = 1 << 20;
/// How long what was written stays without being made durable.
const UNSAVED: Duration = Duration::from_secs(2);

/// The names of a file on its way.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    pub(super) whole: PathBuf,
    pub(super) part: PathBuf,
    pub(super) state: PathBuf,
    /// The state before it takes the place of the one before.
    pub(super) new_state: PathBuf,
    pub(super) lock: PathBuf,
}

/// A file that is not whole yet.
#[derive(Debug)]
pub(super) struct Part {
    paths: Paths,
    checkpoint: u64,
    file: Mutex<File>,
    /// The same file, so that nobody who writes waits for what is made durable.
    durable: File,
    book: Mutex<Book>,
    /// Held while the state is written; `false` once the file was given up.
    current: Mutex<bool>,
    sum: Mutex<Sum>,
    lock: Arc<Lock>,
}

#[derive(Debug)]
struct Book {
    address: String,
    /// `None` before the first answer.
    state: Option<State>,
    claimed: usize,
    unsaved: u64,
    saved: Instant,
}

/// The checksum of the first `upto` bytes.
#[derive(Debug, Default)]
struct Sum {
    digest: Sha256,
    upto: u64,
}

impl Paths {
    pub(super) fn of(whole: &Path, lock: Option<&Path>) -> Self {
        let beside = |suffix: &str| {
            let mut name = whole.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        Self {
            whole: whole.to_owned(),
            part: beside(".part"),
            state: beside(".part.state"),
            new_state: beside(".part.state.new"),
            lock: lock.map_or_else(|| beside(".part.lock"), Path::to_owned),
        }
    }

    /// Removes the state of a file that is whole: the process ended between the two.
    pub(super) fn tidy(&self) {
        if !self.part.exists() {
            let _ = fs::remove_file(&self.state);
        }
    }
}

impl Part {
    /// What an earlier try left of the file at `address`, or nothing yet.
    pub(super) fn open(
        paths: Paths,
        address: String,
        checkpoint: u64,
        lock: Arc<Lock>,
    ) -> Result<Self, Error> {
        make_folder(&paths.part)?;
        let state = load(&paths, &address);
        if state.is_none() {
            discard(&paths)?;
        }
        let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&paths.part);
        let file = open.map_err(|source| Error::file("open", &paths.part, source))?;
        let durable = file.try_clone().map_err(|source| Error::file("open", &paths.part, source))?;
        let book = Book { address, state, claimed: 0, unsaved: 0, saved: Instant::now() };
        Ok(Self {
            paths,
            checkpoint,
            file: Mutex::new(file),
            durable,
            book: Mutex::new(book),
            current: Mutex::new(true),
            sum: Mutex::default(),
            lock,
        })
    }

    /// The final name.
    pub(super) fn whole(&self) -> &Path {
        &self.paths.whole
    }

    /// After how many bytes what was written is made durable.
    pub(super) fn checkpoint(&self) -> u64 {
        self.checkpoint
    }

    /// Gives up what is there, for good, and begins anew.
    pub(super) fn renewed(&self) -> Result<Self, Error> {
        *held(&self.current) = false;
        discard(&self.paths)?;
        let address = held(&self.book).address.clone();
        Self::open(self.paths.clone(), address, self.checkpoint, Arc::clone(&self.lock))
    }

    /// What is known, if there was an answer before.
    pub(super) fn state(&self) -> Option<State> {
        held(&self.book).state.clone()
    }

    /// The first answer is there: notes what it says and how the file is divided.
    pub(super) fn begin(&self, entity: Entity, ranges: Vec<Range>) -> Result<(), Error> {
        {
            let mut book = held(&self.book);
            book.state = Some(State { address: book.address.clone(), entity, ranges });
        }
        self.save()
    }

    /// The next range that nobody works at and that is not done, with its place.
    pub(super) fn claim(&self) -> Option<(usize, Range)> {
        let mut book = held(&self.book);
        let Book { state: Some(state), claimed, .. } = &mut *book else { return None };
        let open = state.ranges.iter().enumerate().skip(*claimed).find(|(_, range)| !range.is_done());
        let (at, range) = open.map(|(at, range)| (at, *range))?;
        *claimed = at + 1;
        Some((at, range))
    }

    /// The length of the file is known by now.
    pub(super) fn ends_at(&self, total: u64) {
        if let Some(state) = &mut held(&self.book).state
            && state.entity.total.is_none()
        {
            state.entity.total = Some(total);
            state.ranges.iter_mut().for_each(|range| range.end = Some(total));
        }
    }

    /// Writes the next bytes of the range `index`.
    pub(super) fn write(&self, index: usize, bytes: &[u8]) -> Result<(), Error> {
        let at = held(&self.book).range(index).map_or(0, |range| range.at());
        {
            let mut file = held(&self.file);
            let written = file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes));
            written.map_err(|source| Error::file("write", &self.paths.part, source))?;
        }
        self.add(at, bytes);
        let mut book = held(&self.book);
        if let Some(range) = book.range(index) {
            range.done += bytes.len() as u64;
        }
        book.unsaved += bytes.len() as u64;
        let due = book.unsaved >= self.checkpoint || book.saved.elapsed() >= UNSAVED;
        drop(book);
        if due { self.save() } else { Ok(()) }
    }

    /// Counts bytes at `at` in, if they are the next ones. If not, they are read again later.
    fn add(&self, at: u64, bytes: &[u8]) {
        if let Ok(mut sum) = self.sum.try_lock()
            && sum.upto == at
        {
            sum.digest.update(bytes);
            sum.upto += bytes.len() as u64;
        }
    }

    /// Reads what is there and not in the checksum yet.
    pub(super) fn catch_up(&self) -> Result<(), Error> {
        let front = self.state().map_or(0, |state| state.front());
        let mut sum = held(&self.sum);
        if sum.upto >= front {
            return Ok(());
        }
        let failed = |source| Error::file("read", &self.paths.part, source);
        let mut file = File::open(&self.paths.part).map_err(failed)?;
        file.seek(SeekFrom::Start(sum.upto)).map_err(failed)?;
        let mut buffer = vec![0; READ];
        while sum.upto < front {
            let most = usize::try_from(front - sum.upto).map_or(READ, |left| left.min(READ));
            file.read_exact(&mut buffer[..most]).map_err(failed)?;
            sum.digest.update(&buffer[..most]);
            sum.upto += most as u64;
        }
        Ok(())
    }

    /// Makes what is there survive a failure: first the data, then the state that speaks of it. Without a validator
    /// nothing can go on with it, and there is nothing to say.
    pub(super) fn save(&self) -> Result<(), Error> {
        let current = held(&self.current);
        let state = {
            let mut book = held(&self.book);
            (book.unsaved, book.saved) = (0, Instant::now());
            book.state.clone().filter(|state| state.entity.validator.is_some())
        };
        let Some(state) = state.filter(|_| *current) else { return Ok(()) };
        self.durable.sync_data().map_err(|source| Error::file("write", &self.paths.part, source))?;
        store(&self.paths.state, &self.paths.new_state, state.to_text().as_bytes())
    }

    /// The download ends before the file does: saves what another can go on with, and removes what nobody can.
    pub(super) fn leave(&self) -> Result<(), Error> {
        let resumable = self.state().is_some_and(|state| state.entity.validator.is_some());
        if resumable || !*held(&self.current) { self.save() } else { self.remove() }
    }

    /// The SHA-256 of the file, all of which is there.
    pub(super) fn sum(&self) -> Result<[u8; 32], Error> {
        self.catch_up()?;
        Ok(held(&self.sum).digest.clone().finalize().into())
    }

    /// Gives the file its name.
    pub(super) fn finish(&self) -> Result<(), Error> {
        let mut current = held(&self.current);
        self.durable.sync_all().map_err(|source| Error::file("write", &self.paths.part, source))?;
        rename(&self.paths.part, &self.paths.whole)?;
        *current = false;
        remove(&self.paths.new_state)?;
        remove(&self.paths.state)
    }

    /// Removes what is there.
    pub(super) fn remove(&self) -> Result<(), Error> {
        *held(&self.current) = false;
        discard(&self.paths)
    }
}

impl Book {
    fn range(&mut self, index: usize) -> Option<&mut Range> {
        self.state.as_mut()?.ranges.get_mut(index)
    }
}

/// The state of an earlier try, if it is one of this file and does not speak of more than is there.
fn load(paths: &Paths, address: &str) -> Option<State> {
    let mut text = Vec::new();
    File::open(&paths.state).ok()?.take(LONGEST + 1).read_to_end(&mut text).ok()?;
    let state = State::parse(&text).filter(|state| state.address == address)?;
    let length = fs::metadata(&paths.part).ok()?.len();
    (state.entity.validator.is_some() && length >= state.reach()).then_some(state)
}

/// The state goes first, so that it never speaks of what is gone.
fn discard(paths: &Paths) -> Result<(), Error> {
    remove(&paths.state)?;
    remove(&paths.new_state)?;
    remove(&paths.part)
}

/// Writes a file so that it is there as a whole or not at all, first under the name `new`.
pub(in crate::http) fn store(path: &Path, new: &Path, bytes: &[u8]) -> Result<(), Error> {
    let written = File::create(new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_data()
    });
    written.map_err(|source| Error::file("write", new, source))?;
    rename(new, path)
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|source| Error::file("rename to", to, source))?;
    sync_folder(to)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(Error::file("remove", path, source)),
        _ => Ok(()),
    }
}

/// Makes the folder of a file.
pub(in crate::http) fn make_folder(path: &Path) -> Result<(), Error> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|source| Error::file("make the folder", folder, source))
}

/// Makes names in the folder of `path` durable.
#[cfg(unix)]
fn sync_folder(path: &Path) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems over a network cannot, and do not have to.
        Err(source) if matches!(source.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        Err(source) => Err(Error::file("write the folder", folder, source)),
        Ok(()) => Ok(()),
    }
}

/// Elsewhere a folder cannot be opened, and renaming is durable by itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// The SHA-256 of a file.
pub(super) fn sum_of(path: &Path) -> Result<[u8; 32], Error> {
    let failed = |source| Error::file("read", path, source);
    let mut file = File::open(path).map_err(failed)?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; READ]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(digest.finalize().into()),
            read => digest.update(&buffer[..read]),
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
