//! Vectors that are searched: arrays in files as numpy writes them (`.npy`), the set that comes out the same to the bit in
//! any language, which ten are nearest, and how many of them were found. Nothing is timed here.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::thread;

use crate::bench::Failure;

/// How many vectors a query is to find.
pub const NEAREST: usize = 10;
/// Numbers of a vector of the set.
const LENGTH: usize = 384;
/// Vectors of the set.
const COUNT: usize = 100_000;
/// Queries of the set.
const QUERIES: usize = 1000;
/// What the set's vectors lie around.
const CENTRES: u64 = 1000;
const CENTRES_SEED: u64 = 0x00C0_FFEE;
/// Vectors as near as the last of the nearest are as good. More than products of floats differ by.
const EQUAL: f32 = 1e-6;

/// Vectors of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// Numbers of each.
    pub length: usize,
    /// One after another.
    pub numbers: Vec<f32>,
}

/// The set: vectors and queries of unit length around a thousand centres, each sum of four 16-bit numbers of a counted
/// splitmix64.
pub fn exact_to_the_bit() -> (Vectors, Vectors) {
    let centres: Vec<i64> = (0..CENTRES * LENGTH as u64).map(|at| noise(CENTRES_SEED, at)).collect();
    (rows(&centres, COUNT, 1), rows(&centres, QUERIES, 2))
}

fn rows(centres: &[i64], count: usize, seed: u64) -> Vectors {
    let mut numbers = Vec::with_capacity(count * LENGTH);
    for row in 0..count as u64 {
        let centre = (splitmix(row ^ (seed * 7919)) % CENTRES) as usize * LENGTH;
        let places = (row * LENGTH as u64..).zip(&centres[centre..centre + LENGTH]);
        let whole: Vec<i64> = places.map(|(at, centre)| 10 * centre + 8 * noise(seed, at)).collect();
        let norm = (whole.iter().map(|x| x * x).sum::<i64>() as f64).sqrt();
        numbers.extend(whole.iter().map(|x| (*x as f64 / norm) as f32));
    }
    Vectors { length: LENGTH, numbers }
}

fn splitmix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The sum of the four lanes of a random number, about zero.
fn noise(seed: u64, at: u64) -> i64 {
    let random = splitmix(splitmix(at) ^ seed);
    (0..4).map(|lane| ((random >> (16 * lane)) & 0xFFFF) as i64).sum::<i64>() - 131_070
}

impl Vectors {
    /// An array of floats in a file, row after row.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(path)?;
        Self::parse(&bytes)
            .ok_or_else(|| Failure::Program(format!("{}: no array of floats (<f4) in rows", path.display())))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let length: [u8; 2] = bytes.strip_prefix(b"\x93NUMPY\x01\x00")?.get(..2)?.try_into().ok()?;
        let (head, numbers) = bytes[10..].split_at_checked(usize::from(u16::from_le_bytes(length)))?;
        let head = str::from_utf8(head).ok()?;
        let shape = head.split(['(', ')']).nth(1)?;
        let [count, length] = shape.split(',').collect::<Vec<_>>().try_into().ok()?;
        let (count, length) = (count.trim().parse::<usize>().ok()?, length.trim().parse::<usize>().ok()?);
        let is_plain = head.contains("'<f4'") && head.contains("'fortran_order': False") && length > 0;
        let numbers: Vec<f32> = numbers.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
        (is_plain && numbers.len() == count * length).then_some(Self { length, numbers })
    }

    /// Writes them so that [`read`](Self::read) reads them.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let head = format!(
            "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}",
            self.count(),
            self.length
        );
        // The numbers begin at a multiple of 64.
        let length = (head.len() + 11).next_multiple_of(64) - 10;
        let mut file = BufWriter::new(fs::File::create(path)?);
        file.write_all(b"\x93NUMPY\x01\x00")?;
        file.write_all(&(length as u16).to_le_bytes())?;
        writeln!(file, "{head:<0$}", length - 1)?;
        self.numbers.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))?;
        file.flush()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.numbers.len() / self.length
    }

    /// Each of them.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.length)
    }

    /// The first of them.
    pub fn first(&self, count: usize) -> Self {
        let numbers = self.numbers[..count.min(self.count()) * self.length].to_vec();
        Self { length: self.length, numbers }
    }

    fn row(&self, at: usize) -> Option<&[f32]> {
        self.numbers.get(at.checked_mul(self.length)?..)?.get(..self.length)
    }
}

/// How near the last of the nearest is to each query, by comparing all, on two threads.
pub fn farthest(base: &Vectors, queries: &Vectors) -> Vec<f32> {
    let all: Vec<&[f32]> = queries.rows().collect();
    let (first, second) = all.split_at(all.len() / 2);
    let of = |part: &[&[f32]]| part.iter().map(|query| last(base, query)).collect::<Vec<f32>>();
    thread::scope(|scope| {
        let other = scope.spawn(|| of(second));
        let mut near = of(first);
        near.extend(other.join().unwrap_or_default());
        near
    })
}

fn last(base: &Vectors, query: &[f32]) -> f32 {
    let mut near: Vec<f32> = base.rows().map(|row| product(row, query)).collect();
    let at = NEAREST.min(near.len()) - 1;
    *near.select_nth_unstable_by(at, |a, b| b.total_cmp(a)).1
}

/// Which share of the nearest were found: different ones, none of them farther than the last of the nearest. Each query
/// has found so many as are looked for.
pub fn recall(base: &Vectors, queries: &Vectors, farthest: &[f32], found: &[u64]) -> f64 {
    let mut hits = 0;
    let asked = queries.rows().zip(farthest).zip(found.chunks(NEAREST));
    for ((query, farthest), found) in asked {
        let mut found = found.to_vec();
        found.sort_unstable();
        found.dedup();
        let is_near = |id: &u64| {
            let row = usize::try_from(*id).ok().and_then(|at| base.row(at));
            row.is_some_and(|row| product(row, query) >= farthest - EQUAL)
        };
        hits += found.iter().filter(|id| is_near(id)).count();
    }
    hits as f64 / (queries.count() * NEAREST) as f64
}

fn product(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 32;
    let mut sums = [0.0_f32; LANES];
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> (Vectors, Vectors) {
        let centres: Vec<i64> = (0..CENTRES * LENGTH as u64).map(|at| noise(CENTRES_SEED, at)).collect();
        (rows(&centres, 200, 1), rows(&centres, 3, 2))
    }

    #[test]
    fn the_set_is_the_same_to_the_bit() {
        let (base, queries) = small();
        let bits = |vectors: &Vectors| vectors.numbers[..4].iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&base), [0x3de2_ec78, 0x3dd6_64af, 0xbce0_b030, 0x3b5e_7f49]);
        assert_eq!(bits(&queries), [0xbc2b_74dd, 0x3de8_bec1, 0xbcbb_c2d6, 0xbd32_96a1]);
    }

    #[test]
    fn an_array_is_read_as_it_was_written() {
        let (base, _) = small();
        let path = std::env::temp_dir().join(format!("typewright-vectors-{}.npy", std::process::id()));
        base.write(&path).unwrap();
        let (read, bytes) = (Vectors::read(&path).unwrap(), fs::read(&path).unwrap());
        fs::remove_file(&path).unwrap();
        assert_eq!(read, base);
        assert_eq!(bytes.len(), 128 + 4 * base.numbers.len());
        assert!(Vectors::parse(&bytes[..bytes.len() - 4]).is_none());
    }

    #[test]
    fn only_what_is_near_is_a_hit_and_only_once() {
        let (base, queries) = small();
        let far = farthest(&base, &queries);
        let found = |query: &[f32]| {
            let mut ids: Vec<u64> = (0..base.count() as u64).collect();
            let near = |id: &u64| product(base.row(*id as usize).unwrap(), query);
            ids.sort_by(|a, b| near(b).total_cmp(&near(a)));
            ids
        };
        let best: Vec<u64> = queries.rows().flat_map(|query| found(query)[..NEAREST].to_vec()).collect();
        assert_eq!(recall(&base, &queries, &far, &best), 1.0);
        let same: Vec<u64> = best.chunks(NEAREST).flat_map(|ids| [ids[0]; NEAREST]).collect();
        assert!((recall(&base, &queries, &far, &same) - 0.1).abs() < 1e-9);
        let worst: Vec<u64> = queries.rows().flat_map(|query| found(query)[190..].to_vec()).collect();
        assert_eq!(recall(&base, &queries, &far, &worst), 0.0);
    }
}
