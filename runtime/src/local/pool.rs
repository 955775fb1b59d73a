//! One pool of threads for numeric work: regions of equal parts, started and joined in about a microsecond.
//!
//! Not a scheduler: a region is split in advance, and nothing is queued or stolen. Waiting threads spin for a moment,
//! because the next product of a forward pass follows at once, and sleep when it does not.

use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long a thread spins before it offers its processor to others: the one it waits for may need it.
const SPIN: Duration = Duration::from_micros(10);
/// How long it waits at all before it sleeps.
const AWAKE: Duration = Duration::from_micros(60);

thread_local! {
    /// Whether this thread is inside a region. Regions within regions run where they are.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// A part of a region panicked. The pool is still good; what the region wrote is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a part of a parallel region panicked")]
pub struct Panicked;

/// Threads that wait for regions. The thread that calls [`run`](Self::run) is one of them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// One region at a time.
    turn: Mutex<()>,
}

/// What a region runs: called with a part and with the number of the thread.
type Body<'a> = dyn Fn(usize, usize) + Sync + 'a;

#[derive(Clone, Copy)]
struct Job {
    body: *const Body<'static>,
    parts: usize,
}

struct Shared {
    threads: usize,
    /// Counts regions. A worker that sees it change reads `job`.
    epoch: AtomicU64,
    job: UnsafeCell<Option<Job>>,
    /// Workers that have not finished the region.
    left: AtomicUsize,
    panicked: AtomicBool,
    stop: AtomicBool,
    sleeping: Box<[AtomicBool]>,
    caller: Mutex<Option<Thread>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("threads", &self.threads).finish_non_exhaustive()
    }
}

// SAFETY: `job` is the only field that is not `Sync` (and not `Send`, for its pointer). It is written by the caller
// of a region while no worker reads it (`left` is zero), and read by workers after the `epoch` that publishes it.
// What the pointer names is `Sync` and lives until `left` is zero again.
#[expect(unsafe_code, reason = "a job lives on the stack of the thread that waits for it")]
unsafe impl Sync for Shared {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "a job lives on the stack of the thread that waits for it")]
unsafe impl Send for Shared {}

impl Pool {
    /// A pool of `threads`, the caller's among them. As many as there are physical cores is best. Threads that the
    /// system refuses are done without.
    pub fn new(threads: usize) -> Self {
        let wanted = threads.max(1);
        let mut sleeping = Vec::with_capacity(wanted);
        sleeping.resize_with(wanted, || AtomicBool::new(false));
        let gate = Arc::new(Mutex::new(None::<Arc<Shared>>));
        let held = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let workers: Vec<_> = (1..wanted).map_while(|index| spawn(index, &gate)).collect();
        let shared = Arc::new(Shared::new(workers.len() + 1, sleeping.into()));
        let mut held = held;
        *held = Some(Arc::clone(&shared));
        drop(held);
        Self { shared, workers, turn: Mutex::new(()) }
    }

    /// How many threads work on a region.
    pub fn threads(&self) -> usize {
        self.shared.threads
    }

    /// How many threads would work on a region that begins here: one inside of a region.
    pub fn at_hand(&self) -> usize {
        if INSIDE.get() { 1 } else { self.shared.threads }
    }

    /// Calls `body(piece, part)` once for each part of each piece, as one region; `parts` says how many a piece has.
    pub fn run_each<T: Sync>(
        &self,
        pieces: &[T],
        parts: impl Fn(&T) -> usize + Sync,
        body: impl Fn(&T, usize) + Sync,
    ) -> Result<(), Panicked> {
        self.run(pieces.iter().map(&parts).sum(), |mut part, _| {
            for piece in pieces {
                let own = parts(piece);
                if part < own {
                    return body(piece, part);
                }
                part -= own;
            }
        })
    }

    /// Calls `body(part, thread)` once for each of `parts`, and returns when all are done. Each thread has one run
    /// of neighbouring parts. From inside a region all parts run on the thread that asks.
    pub fn run(&self, parts: usize, body: impl Fn(usize, usize) + Sync) -> Result<(), Panicked> {
        if parts == 0 {
            return Ok(());
        }
        if parts == 1 || self.workers.is_empty() || INSIDE.get() {
            return caught(|| (0..parts).for_each(|part| body(part, 0)));
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        INSIDE.set(true);
        let result = self.region(parts, &body);
        INSIDE.set(false);
        result
    }

    #[expect(unsafe_code, reason = "the job borrows from this frame, and workers hold it without a lifetime")]
    fn region(&self, parts: usize, body: &Body<'_>) -> Result<(), Panicked> {
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes. No worker uses the pointer after it counted itself out of `left`, and
        // this frame waits for that below, whatever `body` does here.
        let body_static: *const Body<'static> = unsafe { std::mem::transmute(std::ptr::from_ref(body)) };
        *shared.caller.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::thread::current());
        shared.panicked.store(false, Ordering::Relaxed);
        // SAFETY: `turn` is held and `left` is zero, so that no other thread reads or writes the cell.
        unsafe { *shared.job.get() = Some(Job { body: body_static, parts }) };
        shared.left.store(self.workers.len(), Ordering::Relaxed);
        shared.epoch.fetch_add(1, Ordering::SeqCst);
        self.wake();
        let own = caught(|| shared.share(0, parts, body));
        wait(|| shared.left.load(Ordering::Acquire) == 0, std::thread::park);
        if shared.panicked.load(Ordering::Relaxed) { Err(Panicked) } else { own }
    }

    /// Wakes those that went to sleep. Those that spin see the epoch.
    fn wake(&self) {
        for (worker, sleeping) in self.workers.iter().zip(&self.shared.sleeping[1..]) {
            if sleeping.swap(false, Ordering::SeqCst) {
                worker.thread().unpark();
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
        self.wake();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

/// Starts a worker, which waits at `gate` until the number of its fellows is known.
fn spawn(index: usize, gate: &Arc<Mutex<Option<Arc<Shared>>>>) -> Option<JoinHandle<()>> {
    let gate = Arc::clone(gate);
    let work = move || {
        let shared = gate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(shared) = shared {
            shared.work(index);
        }
    };
    std::thread::Builder::new().name(format!("kernels-{index}")).spawn(work).ok()
}

impl Shared {
    fn new(threads: usize, sleeping: Box<[AtomicBool]>) -> Self {
        Self {
            threads,
            epoch: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            left: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            sleeping,
            caller: Mutex::new(None),
        }
    }

    /// The life of a worker.
    fn work(&self, index: usize) {
        INSIDE.set(true);
        let mut seen = 0;
        loop {
            wait(|| self.epoch.load(Ordering::Acquire) != seen, || self.sleep(index, seen));
            seen = self.epoch.load(Ordering::SeqCst);
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            self.take(index);
        }
    }

    /// Sleeps unless a region began since `seen`.
    fn sleep(&self, index: usize, seen: u64) {
        self.sleeping[index].store(true, Ordering::SeqCst);
        if self.epoch.load(Ordering::SeqCst) == seen {
            std::thread::park();
        }
        self.sleeping[index].store(false, Ordering::SeqCst);
    }

    /// Runs this worker's share of the region, and counts itself out.
    #[expect(unsafe_code, reason = "reads the job of the region")]
    fn take(&self, index: usize) {
        // SAFETY: the epoch changed, so that the caller wrote the cell before and waits for `left` to write again.
        let job = unsafe { *self.job.get() };
        let done = job.map_or(Ok(()), |job| {
            // SAFETY: the caller keeps what the pointer names alive until this worker counts itself out below.
            let body = unsafe { &*job.body };
            caught(|| self.share(index, job.parts, body))
        });
        if done.is_err() {
            self.panicked.store(true, Ordering::Relaxed);
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let caller = self.caller.lock().unwrap_or_else(PoisonError::into_inner);
            caller.as_ref().inspect(|thread| thread.unpark());
        }
    }

    fn share(&self, index: usize, parts: usize, body: &Body<'_>) {
        let range = parts * index / self.threads..parts * (index + 1) / self.threads;
        range.for_each(|part| body(part, index));
    }
}

/// Spins until `ready`, and after a while calls `sleep` between looks.
fn wait(ready: impl Fn() -> bool, sleep: impl Fn()) {
    let mut began = None::<Instant>;
    while !ready() {
        (0..64).for_each(|_| std::hint::spin_loop());
        let waited = began.get_or_insert_with(Instant::now).elapsed();
        if waited > AWAKE && !ready() {
            sleep();
        } else if waited > SPIN {
            std::thread::yield_now();
        }
    }
}

fn caught(work: impl FnOnce()) -> Result<(), Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_runs_once_for_any_number_of_threads() {
        for threads in [1, 2, 3, 7] {
            let pool = Pool::new(threads);
            for parts in [0, 1, 2, 5, 64, 1000] {
                let seen: Vec<_> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                pool.run(parts, |part, thread| {
                    assert!(thread < threads);
                    seen[part].fetch_add(1, Ordering::Relaxed);
                })
                .unwrap();
                assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn workers_that_slept_are_woken() {
        let pool = Pool::new(3);
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(2));
            let sum = AtomicUsize::new(0);
            pool.run(30, |part, _| {
                sum.fetch_add(part, Ordering::Relaxed);
            })
            .unwrap();
            assert_eq!(sum.into_inner(), 435);
        }
    }

    #[test]
    fn a_panic_is_an_error_and_the_pool_goes_on() {
        let pool = Pool::new(3);
        for bad in [0, 4, 8] {
            assert_eq!(pool.run(9, |part, _| assert_ne!(part, bad)), Err(Panicked));
            assert_eq!(pool.run(9, |_, _| ()), Ok(()));
        }
        assert_eq!(Pool::new(1).run(1, |_, _| panic!("on purpose")), Err(Panicked));
    }

    #[test]
    fn regions_within_regions_and_from_many_callers_run() {
        let pool = Pool::new(2);
        let sum = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let inner = |_, _| {
                            sum.fetch_add(1, Ordering::Relaxed);
                        };
                        pool.run(3, |_, _| pool.run(2, inner).unwrap()).unwrap();
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), 4 * 200 * 6);
    }
}
