//! Indexes of the vectors of a store, one a model, made when it is first asked for.
//!
//! What an index has not seen, it learns from the log: which memories have changed, and what they are now. Where the log
//! of that time is compacted, it is compared with all that is there. An index with a graph has a file beside the store; a
//! thread of its own builds the graph.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::row;
use super::write::Fault;
use super::{SqliteStore, beside, log, read, sum};
use crate::memory::index::{Facts, Index, Settings, Update, saved};
use crate::memory::store::{Commit, Derived, Match, Nearest};
use crate::memory::{Error, Interval, Kind, Namespace};

type Result<T> = std::result::Result<T, Fault>;

/// The indexes of a store.
pub(super) struct Indexes {
    place: PathBuf,
    settings: Settings,
    by_model: Mutex<BTreeMap<String, Arc<Kept>>>,
    /// Held while a file is written, and while something is erased: no file is made of what is not to be there any more.
    saving: Arc<Mutex<()>>,
}

/// The index of a model.
struct Kept {
    model: String,
    index: Index,
    file: PathBuf,
    saving: Arc<Mutex<()>>,
    is_stopped: AtomicBool,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Indexes {
    pub(super) fn new(place: &Path, settings: Settings) -> Self {
        let (by_model, saving) = (Mutex::default(), Arc::default());
        Self { place: place.to_owned(), settings, by_model, saving }
    }

    fn of(&self, model: &str) -> Arc<Kept> {
        let mut by_model = self.by_model.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = by_model.get(model) {
            return Arc::clone(kept);
        }
        let kept = Arc::new(Kept {
            model: model.to_owned(),
            index: Index::new(self.settings.clone()),
            file: file_of(&self.place, model),
            saving: Arc::clone(&self.saving),
            is_stopped: AtomicBool::new(false),
            worker: Mutex::default(),
        });
        by_model.insert(model.to_owned(), Arc::clone(&kept));
        kept
    }

    /// How far the index of a model is. Makes none.
    fn derived(&self, model: String) -> Derived {
        let by_model = self.by_model.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = by_model.get(&model).cloned();
        drop(by_model);
        let seen = kept.and_then(|kept| kept.index.extent());
        Derived { seen, saved: saved(&file_of(&self.place, &model)), model }
    }

    fn all(&self) -> Vec<Arc<Kept>> {
        self.by_model.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Drop for Indexes {
    fn drop(&mut self) {
        for kept in self.all() {
            kept.is_stopped.store(true, Ordering::Relaxed);
            if let Some(worker) = kept.worker.lock().unwrap_or_else(PoisonError::into_inner).take() {
                // One that panicked has built nothing, which is no matter.
                let _ = worker.join();
            }
            kept.save();
        }
    }
}

impl Kept {
    /// Builds what is to be built, beside the searches.
    fn keep_building(self: &Arc<Self>) {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.as_ref().is_some_and(|worker| !worker.is_finished()) || !self.index.is_behind() {
            return;
        }
        let this = Arc::clone(self);
        let work = move || {
            loop {
                if this.is_stopped.load(Ordering::Relaxed) || !this.index.work() {
                    break;
                }
            }
            if this.index.is_worth_saving() {
                this.save();
            }
        };
        // Without a thread, searches compare all.
        *worker = std::thread::Builder::new().name("index".to_owned()).spawn(work).ok();
    }

    /// Writes the graph into its file, as far as that can be done: it can be made again.
    fn save(&self) {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = self.index.save(&self.model)
            && write(&self.file, &bytes).is_err()
        {
            self.index.unsaved();
        }
    }
}

/// The file of the graph of a model. Names of models may have characters that names of files may not have.
fn file_of(place: &Path, model: &str) -> PathBuf {
    use std::fmt::Write;
    let digest = Sha256::digest(model.as_bytes());
    let mut name = String::new();
    for byte in &digest[..8] {
        // Writing into a string does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    beside(place, &format!("{name}.index"))
}

/// Writes a file whole, or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = beside(path, "part");
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&part, path)
}

pub(super) fn nearest(store: &SqliteStore, asked: &Nearest<'_>) -> std::result::Result<Vec<Match>, Error> {
    let kept = store.indexes.of(&asked.to.model);
    store.read(|connection| {
        if bring_up(connection, &kept)? {
            kept.keep_building();
        }
        kept.index.nearest(asked, || read::ids(connection, asked.filter))
    })
}

pub(super) fn derived(store: &SqliteStore) -> std::result::Result<Vec<Derived>, Error> {
    let mut models = store.read(models)?;
    models.sort_unstable();
    Ok(models.into_iter().map(|model| store.indexes.derived(model)).collect())
}

/// Memories are going to be erased: files that tell of them are removed, and none is written while this is held.
pub(super) fn before_erasing(store: &SqliteStore) -> std::result::Result<MutexGuard<'_, ()>, Error> {
    let indexes = &store.indexes;
    let saving = indexes.saving.lock().unwrap_or_else(PoisonError::into_inner);
    indexes.all().iter().for_each(|kept| kept.index.unsaved());
    for model in store.read(models)? {
        let file = file_of(&indexes.place, &model);
        for path in [beside(&file, "part"), file] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::Store { place: path.display().to_string(), source: Box::new(error) });
                }
                _ => {}
            }
        }
    }
    Ok(saving)
}

/// What was erased is to be erased from indexes, too.
pub(super) fn erase(store: &SqliteStore) -> std::result::Result<(), Error> {
    let all = store.indexes.all();
    store.read(|connection| all.iter().try_for_each(|kept| bring_up(connection, kept).map(drop)))
}

fn models(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM models")?;
    let names = statement.query_map((), |row| row.get(0))?;
    Ok(names.collect::<std::result::Result<_, _>>()?)
}

/// Lets an index see what it has not seen; whether there was something.
fn bring_up(connection: &Connection, kept: &Kept) -> Result<bool> {
    let (head, model) = (read::head(connection)?, &kept.model);
    if kept.index.seen() >= Some(head) {
        return Ok(false);
    }
    kept.index.update(|update| {
        // Another thread may have done it meanwhile.
        match update.seen() {
            Some(seen) if seen >= head => return Ok(false),
            Some(seen) if seen >= read::horizon(connection)? => catch_up(connection, model, seen, update)?,
            _ => load(connection, kept, update)?,
        }
        update.see(head);
        Ok(true)
    })
}

/// What facts and vectors are read from.
fn columns() -> String {
    let is_whole = sum::is_whole("vectors", "v");
    format!(
        "k.id, k.ns, k.kind, k.created, s.importance, s.valid_from, s.valid_to, s.expires, v.data, {is_whole}"
    )
}

fn facts(row: &Row<'_>, namespaces: &Namespaces) -> Result<Facts> {
    let time = |column: usize| {
        let micros: Option<i64> = row.get(column)?;
        micros.map(|micros| row::timestamp(column, micros)).transpose()
    };
    Ok(Facts {
        namespace: namespaces.of(row.get(1)?)?,
        kind: Kind::of_number(row.get(2)?),
        created: row::timestamp(3, row.get(3)?)?,
        importance: row.get::<_, f64>(4)? as f32,
        valid: Interval { from: time(5)?, to: time(6)? },
        expires: time(7)?,
    })
}

/// The namespaces of a store, by their numbers.
struct Namespaces(HashMap<i64, Namespace>);

impl Namespaces {
    fn read(connection: &Connection) -> Result<Self> {
        let mut statement = connection.prepare_cached("SELECT ns, path FROM namespaces")?;
        let mut rows = statement.query(())?;
        let mut all = HashMap::new();
        while let Some(row) = rows.next()? {
            all.insert(row.get(0)?, Namespace::new(row.get::<_, String>(1)?)?);
        }
        Ok(Self(all))
    }

    fn of(&self, number: i64) -> Result<Namespace> {
        let found = self.0.get(&number).cloned();
        found.ok_or_else(|| row::wrong(1, "there is no such namespace").into())
    }
}

/// Puts all vectors of a model that there are, and removes all others.
fn load(connection: &Connection, kept: &Kept, update: &mut Update<'_>) -> Result<()> {
    let namespaces = Namespaces::read(connection)?;
    const MODEL: &str =
        "SELECT m, dimension, (SELECT count(*) FROM vectors v WHERE v.m = m.m) FROM models m WHERE name = ?1";
    let mut statement = connection.prepare_cached(MODEL)?;
    let mut rows = statement.query([&kept.model])?;
    let mut left: BTreeSet<_> = update.ids().collect();
    if let Some(found) = rows.next()? {
        let (number, dimensions, count): (i64, u64, u64) = (found.get(0)?, found.get(1)?, found.get(2)?);
        let extent = [count as usize, dimensions as usize];
        if update.seen().is_none()
            && let Ok(file) = fs::read(&kept.file)
        {
            update.restore(&file, &kept.model, extent, kept.index.settings());
        }
        update.reserve(extent[0], extent[1]);
        let query = format!(
            "SELECT {} FROM nodes k JOIN states s ON s.s = k.current JOIN vectors v ON v.v = s.v \
             WHERE v.m = ?1 AND s.status = 0",
            columns()
        );
        let mut statement = connection.prepare_cached(&query)?;
        let mut rows = statement.query([number])?;
        while let Some(found) = rows.next()? {
            let id = put(found, &namespaces, update)?;
            left.remove(&id);
        }
    }
    left.into_iter().for_each(|id| update.remove(id));
    update.restored();
    Ok(())
}

fn put(found: &Row<'_>, namespaces: &Namespaces, update: &mut Update<'_>) -> Result<crate::memory::Id> {
    row::whole(found, 9)?;
    let data = found.get_ref(8)?.as_blob().map_err(|error| row::wrong(8, error))?;
    let (id, vector) = (row::id(found.get(0)?), row::floats(data));
    update.put(id, &vector, &facts(found, namespaces)?)?;
    Ok(id)
}

/// Looks at what has changed.
fn catch_up(connection: &Connection, model: &str, seen: Commit, update: &mut Update<'_>) -> Result<()> {
    let namespaces = Namespaces::read(connection)?;
    let now = format!(
        "SELECT {} FROM nodes k JOIN states s ON s.s = k.current JOIN vectors v ON v.v = s.v \
         JOIN models m ON m.m = v.m WHERE k.n = ?1 AND m.name = ?2 AND s.status = 0",
        columns()
    );
    let mut now = connection.prepare_cached(&now)?;
    let mut names = connection.prepare_cached("SELECT id FROM nodes WHERE n = ?1")?;
    for n in log::changed(connection, seen)? {
        // What was compacted since is not there at all.
        let Some(id) = names.query_row([n], |found| found.get(0).map(row::id)).optional()? else { continue };
        let mut rows = now.query(params![n, model])?;
        match rows.next()? {
            Some(found) => {
                put(found, &namespaces, update)?;
            }
            None => update.remove(id),
        }
    }
    Ok(())
}
