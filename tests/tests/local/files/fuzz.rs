//! A bounded run of what cargo-fuzz runs without bounds: files that are nearly right, and anything else.

use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::file::{from_bytes, open};
#[cfg(unix)]
use typewright_tests::bench::alloc::requested;
use typewright_tests::fuzz::files;
use typewright_tests::local::gguf::{Data, Gguf};
use typewright_tests::local::safetensors::{Safetensors, index};

use super::{Folder, numbers};

/// Numbers that counts, lengths and offsets become.
const ODD: [u64; 14] = [
    0,
    1,
    2,
    31,
    32,
    255,
    65_537,
    1 << 31,
    (1 << 32) - 1,
    1 << 60,
    (1 << 61) + 8,
    1 << 63,
    u64::MAX - 31,
    u64::MAX,
];

/// Pieces of headers in JSON.
const PIECES: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "-1",
    "1e99",
    "null",
    "99999999999999999999",
    "\\ud800",
    "\"shape\":",
    "\"data_offsets\":[0,0]",
    "\"dtype\":\"F16\"",
    "\"__metadata__\"",
];

/// A seed turned into a sequence.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let nested = Data::Array(Box::new(Data::ints([])), vec![Data::ints([1, 2]), Data::ints([3])]);
    let small = Gguf::default()
        .entry("general.architecture", "tiny")
        .entry("a.flag", true)
        .entry("a.nested", nested)
        .entry("a.tokens", Data::strings(["a", "bc", "", "é"]))
        .entry("a.scores", Data::floats([0.5, -1.0]))
        .tensor("one", Dtype::F32, &[2, 4], &numbers(1, 8))
        .tensor("two", Dtype::Q8_0, &[2, 32], &numbers(2, 64))
        .tensor("three", Dtype::BF16, &[5], &numbers(3, 5));
    let all = Dtype::ALL.into_iter().fold(Gguf { alignment: 8, ..Gguf::default() }, |gguf, dtype| {
        gguf.tensor(dtype.name(), dtype, &[256], &numbers(4, 256))
    });
    let safetensors = Safetensors::default()
        .f32("one", &[2, 2], &numbers(5, 4))
        .raw("two", "BF16", &[3], &[0; 6])
        .raw("three", "I64", &[1], &[0; 8]);
    vec![small.bytes(), Gguf { version: 2, ..small }.bytes(), all.bytes(), safetensors.bytes()]
}

#[test]
fn files_that_are_nearly_right_are_survived() {
    let mut random = Numbers(20_261_121);
    let (mut read, mut refused) = (0, 0);
    for seed in seeds() {
        assert!(files(&seed));
        for _ in 0..6000 {
            let mut bytes = seed.clone();
            (0..=random.below(3)).for_each(|_| mutate(&mut bytes, &mut random));
            match files(&bytes) {
                true => read += 1,
                false => refused += 1,
            }
        }
    }
    assert!(read > 1000 && refused > 10_000, "{read} read, {refused} refused");
}

#[test]
fn each_field_of_a_header_may_be_any_number() {
    for seed in seeds() {
        let header = seed.len().min(700);
        for at in 0..header.saturating_sub(8) {
            for odd in ODD {
                let mut bytes = seed.clone();
                bytes[at..at + 8].copy_from_slice(&odd.to_le_bytes());
                files(&bytes);
            }
        }
    }
}

#[test]
fn anything_else_is_survived_too() {
    let mut random = Numbers(7);
    for _ in 0..3000 {
        let noise: Vec<u8> = (0..random.below(300)).map(|_| random.next() as u8).collect();
        files(&noise);
        let header = [&b"GGUF\x03\0\0\0\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"[..], &noise].concat();
        files(&header);
        let pieces: String = (0..random.below(40)).map(|_| PIECES[random.below(PIECES.len())]).collect();
        files(&typewright_tests::local::safetensors::file(&format!("{{{pieces}"), &noise));
    }
}

/// The most entries and the most tensors that fit into few bytes.
#[test]
fn many_small_things_ask_for_memory_in_proportion() {
    let empty = Gguf { alignment: 1, ..Gguf::default() };
    let entries =
        (0..60_000).fold(empty.clone(), |gguf, number| gguf.entry(&format!("{number:x}"), Data::U8(1)));
    assert!(files(&entries.bytes()));
    let tensors =
        (0..60_000).fold(empty, |gguf, number| gguf.raw(&format!("{number:x}"), 0, &[], vec![0; 4]));
    assert!(files(&tensors.bytes()));
    let lists = Data::Array(Box::new(Data::ints([])), vec![Data::ints([]); 200_000]);
    assert!(files(&Gguf::default().entry("lists", lists).bytes()));
    let field = |number| format!("\"{number:x}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    let fields: Vec<String> = (0..60_000).map(field).collect();
    let header = format!("{{{}}}", fields.join(","));
    assert!(files(&typewright_tests::local::safetensors::file(&header, &[])));
}

/// A vocabulary stays where it is until it is iterated.
#[test]
#[cfg(unix)]
fn a_vocabulary_costs_nothing_to_open() {
    let tokens = || (0..128_000).map(|number| format!("token {number}"));
    let bytes = Gguf::default().entry("tokenizer.ggml.tokens", Data::strings(tokens())).bytes();
    let before = requested();
    let weights = from_bytes(bytes).unwrap();
    let array = weights.metadata().get("tokenizer.ggml.tokens").unwrap().as_array().unwrap();
    assert_eq!(array.len(), 128_000);
    assert!(array.strings().zip(tokens()).all(|(found, token)| found == token.as_bytes()));
    let iterated = requested() - before;
    let before = requested();
    tokens().for_each(drop);
    let made = requested() - before;
    assert!(iterated - made < 4096, "{iterated} bytes, {made} of them for what is compared with");
}

#[test]
fn reasons_are_short_however_long_names_are() {
    let long = "\u{1}".repeat(60_000);
    assert!(!files(&Gguf::default().entry(&long, Data::String(vec![0xFF])).bytes()));
    assert!(!files(&Gguf::default().entry(&long, 1).entry(&long, 2).bytes()));
    let name = "\u{1}".repeat(1000);
    assert!(!files(&Safetensors::default().raw(&name, "F9", &[1], &[0]).bytes()));
}

#[test]
fn indexes_that_are_nearly_right_are_survived() {
    let (folder, mut random) = (Folder::new("fuzz"), Numbers(3));
    folder
        .write("a.safetensors", Safetensors::default().f32("a", &[1], &[1.0]).f32("b", &[1], &[2.0]).bytes());
    let seed = index(&[("a", "a.safetensors"), ("b", "a.safetensors")]);
    let mut read = 0;
    for _ in 0..1000 {
        let mut bytes = seed.clone().into_bytes();
        mutate(&mut bytes, &mut random);
        bytes.push(b' ');
        read += usize::from(open(&folder.write("model.safetensors.index.json", bytes)).is_ok());
    }
    assert!(read > 0 && read < 900, "{read}");
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Numbers) {
    let at = random.below(bytes.len());
    match random.below(7) {
        0 => bytes.truncate(at),
        1 if !bytes.is_empty() => bytes[at] = random.next() as u8,
        2 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        3 if at + 8 <= bytes.len() => {
            bytes[at..at + 8].copy_from_slice(&ODD[random.below(ODD.len())].to_le_bytes());
        }
        4 => {
            let piece = PIECES[random.below(PIECES.len())].bytes();
            bytes.splice(at..at, piece);
        }
        5 => {
            let end = (at + random.below(40)).min(bytes.len());
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        _ => drop(bytes.drain(at..(at + random.below(20)).min(bytes.len()))),
    }
}
