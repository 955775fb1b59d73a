//! Which mutant a thread runs, and which choices it has passed.

use std::cell::{Cell, RefCell};

thread_local! {
    static CHOSEN: Cell<usize> = const { Cell::new(0) };
    static PASSED: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
}

/// The mutant that runs, at a choice of this number. 0 is none.
pub fn chosen(site: usize) -> usize {
    PASSED.with_borrow_mut(|passed| {
        if passed.len() <= site {
            passed.resize(site + 1, false);
        }
        passed[site] = true;
    });
    CHOSEN.get()
}

/// Runs this mutant on this thread from now on.
pub fn choose(mutant: usize) {
    CHOSEN.set(mutant);
}

/// The choices that this thread has passed since it was last asked.
pub fn passed() -> Vec<usize> {
    let passed = PASSED.take();
    (0..passed.len()).filter(|site| passed[*site]).collect()
}
