//! Hostile files: a bounded, seeded run of what cargo-fuzz does without bounds.

use std::time::{Duration, Instant};

use fastrand::Rng;
use typewright_tests::memory::fuzz::{FORMATS, STORED, files, sealed};

/// How long all of it may take, whatever the machine.
const BUDGET: Duration = Duration::from_secs(8);
const ROUNDS: usize = 12_000;

/// A small file of each format, whose parts are put together anew.
const SEEDS: [&str; 4] = [
    "{\"format\":\"typewright-memory\",\"version\":1}\n{\"data\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"part\":1,\"base64\":\"YWJj\"}\n{\"memory\":\"00000000-0000-0000-0000-000000000001\",\"namespace\":\"a/b\",\"kind\":1,\"kind_name\":\"fact\",\"status\":\"live\",\"version\":1,\"blob\":{\"media\":\"image\",\"mime\":\"image/png\",\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"bytes\":3},\"embedding\":{\"model\":\"m\",\"f32\":\"AACAPwAAAEA=\"},\"importance\":0.5,\"valid\":{\"from\":\"2026-01-01T00:00:00.000000Z\"},\"created\":\"2026-01-01T00:00:00.000000Z\",\"updated\":\"2026-01-01T00:00:00.000000Z\",\"last_access\":\"2026-01-01T00:00:00.000000Z\",\"accesses\":0,\"provenance\":{\"source\":\"x\",\"derived_from\":[]},\"metadata\":{\"k\":[1]},\"colour\":1}\n{\"memory\":\"00000000-0000-0000-0000-000000000002\",\"namespace\":\"a\",\"kind\":2,\"kind_name\":\"episode\",\"status\":\"live\",\"version\":3,\"json\":{\"a\":1e5},\"importance\":0.25,\"created\":\"2026-01-01T00:00:00.000000Z\",\"updated\":\"2026-01-01T00:00:00.000000Z\",\"last_access\":\"2026-01-01T00:00:00.000000Z\",\"accesses\":9007199254740992}\n{\"relation\":\"00000000-0000-0000-0000-000000000003\",\"from\":\"00000000-0000-0000-0000-000000000001\",\"kind\":\"part_of\",\"to\":\"00000000-0000-0000-0000-000000000002\",\"weight\":1,\"created\":\"2026-01-01T00:00:00.000000Z\"}\n{\"end\":true,\"memories\":2,\"relations\":1,\"sha256\":\"\"}\n",
    "id,namespace,kind,status,type,content,importance,valid_from,metadata\r\n,a,fact,live,text,\"x, \"\"y\"\"\n\",0.5,2026-01-01T00:00:00Z,\"{\"\"k\"\":1}\"\r\n,,,,json,[1],,,\r\n",
    "{\"results\":[{\"id\":\"a\",\"memory\":\"x\",\"metadata\":{\"k\":1.5},\"created_at\":\"2026-01-01 00:00:00\",\"user_id\":\"u/ /é\",\"run_id\":7}],\"relations\":[{\"source\":\"a\",\"relationship\":\"b_c\",\"target\":\"d\"}],\"next\":null}",
    "{\"episodic_edges\":[{\"source_node_uuid\":\"e\",\"target_node_uuid\":\"n\"}],\"edges\":[{\"uuid\":\"f\",\"source_node_uuid\":\"n\",\"target_node_uuid\":\"o\",\"fact\":\"x\",\"fact_embedding\":[1,2.5e-3],\"episodes\":[\"e\"],\"valid_at\":\"2026-01-01\",\"invalid_at\":\"2026-01-01\"}],\"episode\":{\"uuid\":\"e\",\"content\":\"{}\",\"source\":\"json\"},\"nodes\":[{\"uuid\":\"n\",\"name\":\"N\",\"group_id\":\"g\"}]}",
];

const WORDS: [&str; 18] = [
    "\"", "\\", "\\u", "\\ud800", "{", "}", "[", "]", ",", ":", "\n", "\r\n", "null", "-1", "1e999",
    "\u{feff}", "é", "\u{0}",
];

pub(crate) fn mutated(random: &mut Rng, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.usize(1..5) {
        let at = random.usize(..=bytes.len());
        let end = (at + random.usize(..20)).min(bytes.len());
        match random.u32(..5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.splice(at..end, WORDS[random.usize(..WORDS.len())].bytes())),
            2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            3 if at < bytes.len() => bytes[at] = random.u8(..),
            _ => {
                let repeated = WORDS[random.usize(..WORDS.len())].repeat(random.usize(1..300));
                drop(bytes.splice(at..at, repeated.bytes()));
            }
        }
    }
    bytes
}

/// With other letters and digits here and there, as most of what is said can have.
pub(crate) fn reworded(random: &mut Rng, seed: &[u8]) -> Vec<u8> {
    const SIGNS: [&str; 12] = ["0", "1", "7", "9", "a", "e", "f", "x", "é", "\\u00e9", "\\n", "日"];
    let mut bytes = seed.to_vec();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..bytes.len());
        if bytes[at].is_ascii_alphanumeric() {
            drop(bytes.splice(at..=at, SIGNS[random.usize(..SIGNS.len())].bytes()));
        }
    }
    bytes
}

#[test]
fn any_bytes_are_read_or_refused_with_their_place() {
    let (begun, mut random, mut count) = (Instant::now(), Rng::with_seed(5), 0);
    for seed in SEEDS {
        for format in 0..FORMATS {
            files(format, seed.as_bytes());
        }
    }
    while count < ROUNDS && begun.elapsed() < BUDGET {
        let format = random.u8(..FORMATS);
        files(format, &mutated(&mut random, SEEDS[usize::from(format)].as_bytes()));
        count += 1;
    }
    assert!(count >= 500, "only {count} in {:?}", begun.elapsed());
    println!("{count} files");
}

#[test]
fn what_is_accepted_can_be_lived_with() {
    let (begun, mut random, mut accepted) = (Instant::now(), Rng::with_seed(6), [0; FORMATS as usize]);
    for (format, seed) in (0..).zip(SEEDS) {
        let seed = if format == 0 { sealed(seed.as_bytes()) } else { seed.into() };
        assert!(files(format | STORED, &seed), "the seed of format {format}");
    }
    for round in 0..ROUNDS {
        if begun.elapsed() > BUDGET && accepted.iter().sum::<usize>() >= 12 {
            break;
        }
        let format = round % SEEDS.len();
        let change = if random.bool() { mutated } else { reworded };
        let mut file = change(&mut random, SEEDS[format].as_bytes());
        if format == 0 {
            file = sealed(&file);
        }
        accepted[format] += usize::from(files(format as u8 | STORED, &file));
    }
    assert!(accepted.iter().sum::<usize>() >= 12, "{accepted:?}");
    println!("accepted: {accepted:?} in {:?}", begun.elapsed());
}
