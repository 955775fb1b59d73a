//! What the last run saw and made, so that the next one can tell what it need not do again.
//!
//! One index a configuration, below a folder that may be deleted at any time: nothing but time is lost. It lists every
//! folder and file that was read and every file that was made, each with its [`stamp`] and fingerprint, and for every
//! output the fingerprint of what it was made of. [`Cache::open`] maps it, [`settled`] and [`reuse`] compare it with the
//! disk, [`store`] writes the next one. An index that is damaged, of another compiler or of another configuration is as good
//! as none.
//!
//! What the files mean is not looked at here: which output is made of what, is for the emitters to say.

mod delta;
mod index;
mod map;
mod reuse;
mod stamp;
mod store;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::fingerprint::{self, Fingerprint};

pub(crate) use delta::{Listing, Places, Seen};
pub(crate) use reuse::{Reuse, Settled, look, reuse, settled};
pub(crate) use stamp::Trust;
pub(crate) use store::{Facts, UnitFacts, agree, refresh, store};

use index::View;
use map::Map;

/// The folder of indexes below the one that is given.
const FOLDER: &str = "typewright";
/// How many indexes are kept: one a configuration, the latest used.
const KEPT: usize = 8;
/// The largest index that is written or read.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Where the index of a configuration is, and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    path: PathBuf,
    key: Fingerprint,
    /// When this run began, in nanoseconds: what changes from here on is not trusted to be seen.
    now: u64,
}

/// What a configuration is: everything outside of the files that outputs depend on.
#[derive(Debug, Hash)]
pub(crate) struct Configuration<'a> {
    /// The folders and files that are named, as they are named.
    pub paths: [Option<&'a Path>; 5],
    /// The runtime that is linked.
    pub runtime: &'a str,
}

impl Cache {
    /// The cache of a configuration. `None` if it cannot be told whose it would be.
    pub(crate) fn of(folder: &Path, configuration: &Configuration<'_>) -> Option<Self> {
        let here = std::env::current_dir().ok()?;
        let program = std::env::current_exe().ok()?;
        // A compiler that was built anew may make other files of the same input.
        let compiler = (&program, stamp::of(&program), env!("CARGO_PKG_VERSION"), index::VERSION);
        let place = fingerprint::of_value(&(configuration, &here));
        let key = fingerprint::of_value(&(configuration, &here, compiler));
        Some(Self { path: folder.join(FOLDER).join(format!("{place}.index")), key, now: now() })
    }

    /// The index, if there is a whole one of this configuration and compiler.
    pub(crate) fn open(&self) -> Option<Open> {
        let open = Open(Map::open(&self.path, MAX_BYTES)?);
        (View::new(open.0.bytes())?.key() == self.key).then_some(open)
    }
}

/// An index that was found to be whole.
pub(crate) struct Open(Map);

impl Open {
    /// What it says. `None` only if the file was changed in place since it was opened.
    pub(crate) fn view(&self) -> Option<View<'_>> {
        View::of_checked(self.0.bytes())
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
