//! A set of vectors that anybody can make, to the bit: 1000 clusters, of integers that splitmix64 counts off (four lanes
//! of 16 bits are added, which is nearly normal), divided by their length.

pub(super) const DIMENSIONS: usize = 384;
const CLUSTERS: u64 = 1000;

fn mix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn noise(seed: u64, at: u64) -> i64 {
    let bits = mix(mix(at) ^ seed);
    let lanes = [bits, bits >> 16, bits >> 32, bits >> 48].map(|lane| i64::from(lane as u16));
    lanes.iter().sum::<i64>() - 131_070
}

/// The first rows of the set of a seed: 1 the vectors, 2 the queries.
pub(super) fn rows(count: usize, seed: u64) -> Vec<Vec<f32>> {
    (0..count as u64).map(|row| self::row(row, seed)).collect()
}

/// The first rows of a few clusters, so that there are as many of each as in the whole set.
pub(super) fn dense(count: usize, seed: u64) -> Vec<Vec<f32>> {
    let is_meant = |row: &u64| cluster(*row, seed) < 24;
    (0..).filter(is_meant).take(count).map(|row| self::row(row, seed)).collect()
}

fn cluster(row: u64, seed: u64) -> u64 {
    mix(row ^ (seed * 7919)) % CLUSTERS
}

fn row(row: u64, seed: u64) -> Vec<f32> {
    let cluster = cluster(row, seed);
    let number = |at: u64| {
        10 * noise(0xc0ffee, cluster * DIMENSIONS as u64 + at) + 8 * noise(seed, row * DIMENSIONS as u64 + at)
    };
    let numbers: Vec<i64> = (0..DIMENSIONS as u64).map(number).collect();
    let length = (numbers.iter().map(|x| x * x).sum::<i64>() as f64).sqrt();
    numbers.iter().map(|x| (*x as f64 / length) as f32).collect()
}

#[test]
fn the_set_is_the_known_one() {
    use sha2::{Digest, Sha256};
    let digest = |rows: &[Vec<f32>]| {
        let bytes: Vec<u8> = rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
        let hex = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        hex[..16].to_owned()
    };
    assert_eq!(digest(&rows(2000, 1)), "1f976bbd787d82a0");
    assert_eq!(digest(&rows(100, 2)), "28f8604c7784d28f");
}
