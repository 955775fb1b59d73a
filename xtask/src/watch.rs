//! `gen --watch`: generate again whenever something is saved.

use std::io::{Write, stdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::{Event, RecursiveMode, Watcher};
use typewright_codegen::compiler::Compiler;

use crate::flags::Gen;
use crate::{Failure, Outcome, generate, print};

/// Editors save in several steps: a run waits until this long nothing has happened …
const QUIET: Duration = Duration::from_millis(40);
/// … but never longer than this.
const PATIENCE: Duration = Duration::from_millis(500);

/// Generates once and then again with every change, until the program is stopped.
pub fn run(flags: &Gen, compiler: &Compiler) -> Result<Outcome, Failure> {
    let (sender, events) = channel();
    // Whoever no longer listens has ended.
    let mut watcher = notify::recommended_watcher(move |event| drop(sender.send(event)))?;
    for folder in compiler.input_folders().iter().filter(|folder| folder.is_dir()) {
        watcher.watch(folder, RecursiveMode::Recursive)?;
    }
    loop {
        clear(flags);
        if let Err(error) = generate::once(flags) {
            // A file that is gone may be back with the next save.
            print::failure(error.as_ref());
        }
        wait(&events)?;
    }
}

/// Diagnostics stand where those of the last run stood; only for a person who watches.
fn clear(flags: &Gen) {
    if print::is_watched() && !flags.json {
        print!("\x1b[2J\x1b[H");
        // A terminal that went away is no reason to stop.
        let _ = stdout().flush();
    }
}

/// Waits for a change, and then until there are no more.
fn wait(events: &Receiver<notify::Result<Event>>) -> Result<(), Failure> {
    while !is_change(&events.recv()??) {}
    let first = Instant::now();
    while first.elapsed() < PATIENCE {
        match events.recv_timeout(QUIET) {
            Ok(event) => drop(event?),
            Err(RecvTimeoutError::Timeout) => break,
            Err(error @ RecvTimeoutError::Disconnected) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether a file was written, made, moved or removed; that somebody read one is no change.
fn is_change(event: &Event) -> bool {
    !event.kind.is_access()
}
