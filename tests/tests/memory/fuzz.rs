//! Hostile bytes where memory has its own, and where it is answered: bounded, seeded runs of what cargo-fuzz does without
//! bounds. Files that are imported are in `exchange::fuzz`.

#[cfg(feature = "postgres")]
mod addresses;
mod answers;
mod files;
mod messages;
mod router;

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::exchange::fuzz::{mutated, reworded};

/// How long each run may take, whatever the machine.
const BUDGET: Duration = Duration::from_millis(2500);

/// Tries until time is over, or so often; how often something was taken. The first tries there are on any machine.
fn run(seed: u64, rounds: usize, mut one: impl FnMut(&mut Rng, usize) -> bool) -> usize {
    let (begun, mut random, mut tried, mut taken) = (Instant::now(), Rng::with_seed(seed), 0, 0);
    while tried < rounds && (tried < 20 || begun.elapsed() < BUDGET) {
        taken += usize::from(one(&mut random, tried));
        tried += 1;
    }
    println!("{taken} of {tried} taken in {:?}", begun.elapsed());
    taken
}

/// A text, changed in one way or the other.
fn changed(random: &mut Rng, seed: &str) -> Vec<u8> {
    let change = if random.bool() { mutated } else { reworded };
    change(random, seed.as_bytes())
}

fn bytes(random: &mut Rng, most: usize) -> Vec<u8> {
    (0..random.usize(..=most)).map(|_| random.u8(..)).collect()
}
