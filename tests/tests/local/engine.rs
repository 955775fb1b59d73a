//! The engine: against the references of other implementations, against the reference executor on quantised weights, and
//! against itself, to the bit, however tokens are cut into steps.

mod quantised;
mod sequences;

use std::path::Path;

use typewright_runtime::local::Error;
use typewright_runtime::local::arch::{self, Opened};
use typewright_runtime::local::engine::{CacheNumber, Config, Engine, Item, Logits, SequenceId};
use typewright_runtime::local::file;
use typewright_runtime::local::kernels::Level;

use crate::architectures::container;
use crate::architectures::reference::Reference;
use crate::architectures::{DECODERS, ENCODERS};
use crate::files::Folder;

/// Of the deviation of the logits.
const TOLERANCE: f32 = 1e-3;

fn config() -> Config {
    let cache_number = CacheNumber::F32;
    Config { threads: 2, cache_bytes: 4 << 20, cache_number, ..Config::default() }
}

/// The model of a reference, as published.
fn opened(reference: &Reference) -> Opened {
    let folder = Folder::new("engine");
    container::safetensors(reference, folder.path());
    arch::open(folder.path()).unwrap()
}

fn for_reference(reference: &Reference) -> Config {
    Config { context: Some(reference.context()), ..config() }
}

/// The logits of tokens of one sequence.
fn run(engine: &mut Engine, sequence: SequenceId, tokens: &[u32], want: Logits) -> Vec<Vec<f32>> {
    let rows = engine.step(&[Item { sequence, tokens, want }]).unwrap();
    rows.iter().map(<[f32]>::to_vec).collect()
}

fn best(row: &[f32]) -> u32 {
    (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap() as u32
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// How far the logits are from those of a reference, in deviations. The tokens must be the same.
fn distance(name: &str, engine: &mut Engine, reference: &Reference) -> f32 {
    let sequence = engine.create();
    let found = run(engine, sequence, &reference.prompt, Logits::All);
    let distances = reference.rows.iter().map(|(at, expected)| furthest(&found[*at], expected));
    let distance = distances.fold(0.0, f32::max) / reference.deviation;
    let all: Vec<u32> = found.iter().map(|row| best(row)).collect();
    assert_eq!(all, reference.best, "{name}");
    let mut said = vec![all[all.len() - 1]];
    while said.len() < reference.greedy.len() {
        let last = said[said.len() - 1];
        said.push(best(&run(engine, sequence, &[last], Logits::Last)[0]));
    }
    assert_eq!(said, reference.greedy, "{name}");
    distance
}

#[test]
fn decoders_say_what_the_reference_says() {
    for name in DECODERS {
        let reference = Reference::read(name);
        let opened = opened(&reference);
        for (number, tolerance) in [(CacheNumber::F32, TOLERANCE), (CacheNumber::F16, 10.0 * TOLERANCE)] {
            let config = Config { cache_number: number, ..for_reference(&reference) };
            let found = distance(name, &mut Engine::load(&opened, &config).unwrap(), &reference);
            println!("{name}, cache {number:?}: {found:.2e} of the deviation");
            assert!(found <= tolerance, "{name}, {number:?}: {found}");
        }
    }
}

#[test]
fn keys_and_values_of_eight_bits_are_near() {
    for name in DECODERS {
        let reference = Reference::read(name);
        let opened = opened(&reference);
        let config = Config { cache_number: CacheNumber::Q8, ..for_reference(&reference) };
        let mut engine = Engine::load(&opened, &config).unwrap();
        let sequence = engine.create();
        let found = run(&mut engine, sequence, &reference.prompt, Logits::All);
        let far =
            reference.rows.iter().map(|(at, expected)| furthest(&found[*at], expected)).fold(0.0, f32::max);
        let far = far / reference.deviation;
        println!("{name}, cache of eight bits: {far:.2e} of the deviation");
        assert!(far <= 0.2, "{name}: {far}");
        // In as much memory there is the room for almost four times as many positions.
        let wide = Engine::load(&opened, &for_reference(&reference)).unwrap().pages().1;
        assert!(engine.pages().1 * 10 > wide * 34, "{name}: {} pages for {wide}", engine.pages().1);
    }
    let reference = Reference::read(DECODERS[0]);
    let config = Config { cache_number: CacheNumber::Q8, ..for_reference(&reference) };
    is_the_same_however(DECODERS[0], &opened(&reference), &config, &long(&reference));
}

#[test]
fn gguf_files_of_all_decoders_say_the_same() {
    for name in DECODERS {
        let reference = Reference::read(name);
        for split in [false, true] {
            if !reference.has_gguf() {
                continue;
            }
            let Some(gguf) = container::gguf(&reference, split) else { continue };
            let weights = file::from_bytes(gguf.bytes()).unwrap();
            let opened = arch::describe(weights, Path::new("")).unwrap();
            let mut engine = Engine::load(&opened, &for_reference(&reference)).unwrap();
            let found = distance(name, &mut engine, &reference);
            assert!(found <= TOLERANCE, "{name}: {found}");
        }
    }
}

/// Tokens enough for more than a page of the cache.
fn long(reference: &Reference) -> Vec<u32> {
    reference.prompt.iter().cycle().take(reference.context().min(90)).copied().collect()
}

/// The same tokens in pieces of `size`.
fn by(engine: &mut Engine, tokens: &[u32], size: usize) -> Vec<Vec<f32>> {
    let sequence = engine.create();
    let rows = tokens.chunks(size).flat_map(|piece| run(engine, sequence, piece, Logits::All)).collect();
    engine.remove(sequence);
    rows
}

/// All pieces, threads, levels and neighbours that a sequence can have: `expected` is what it says alone and whole.
fn is_the_same_however(name: &str, opened: &Opened, config: &Config, tokens: &[u32]) {
    let mut engine = Engine::load(opened, config).unwrap();
    let expected = by(&mut engine, tokens, tokens.len());
    for size in [1, 7, 33] {
        assert!(by(&mut engine, tokens, size) == expected, "{name} by {size}");
    }
    beside_others(name, &mut engine, tokens, &expected);
    let alone = Config { threads: 1, batch: 13, ..config.clone() };
    assert!(by(&mut Engine::load(opened, &alone).unwrap(), tokens, 40) == expected, "{name} on one thread");
    let more = Config { threads: 3, ..config.clone() };
    assert!(by(&mut Engine::load(opened, &more).unwrap(), tokens, 40) == expected, "{name} on three threads");
    for level in Level::all().filter(|level| *level != config.level) {
        let other = Config { level, ..config.clone() };
        assert!(
            by(&mut Engine::load(opened, &other).unwrap(), tokens, 40) == expected,
            "{name} by {level:?}"
        );
    }
}

/// A prompt in pieces, with others that decode or begin meanwhile.
fn beside_others(name: &str, engine: &mut Engine, tokens: &[u32], expected: &[Vec<f32>]) {
    let [own, fast, slow] = [(); 3].map(|()| engine.create());
    let mut found = Vec::new();
    for (at, piece) in tokens.chunks(11).enumerate() {
        let start = at * 11;
        let neighbours = [
            Item { sequence: fast, tokens: &tokens[..17][at % 17..], want: Logits::Last },
            Item { sequence: slow, tokens: &tokens[start..=start], want: Logits::Last },
        ];
        let own = Item { sequence: own, tokens: piece, want: Logits::All };
        let rows = engine.step(&[neighbours[0], own, neighbours[1]]).unwrap();
        assert_eq!(rows.len(), piece.len() + 2);
        found.extend(rows.iter().skip(1).take(piece.len()).map(<[f32]>::to_vec));
        engine.truncate(fast, at).unwrap();
    }
    assert!(found == expected, "{name} beside others");
    for sequence in [own, fast, slow] {
        assert!(engine.remove(sequence));
    }
}

#[test]
fn cuts_neighbours_threads_and_instructions_change_no_bit() {
    for name in DECODERS {
        let reference = Reference::read(name);
        let config = Config { cache_number: CacheNumber::F16, ..for_reference(&reference) };
        is_the_same_however(name, &opened(&reference), &config, &long(&reference));
    }
}

#[test]
fn what_cannot_be_run_is_refused_before_it_is_loaded() {
    let refused = |opened: &Opened, config: &Config| match Engine::load(opened, config) {
        Ok(_) => panic!("not refused"),
        Err(error) => error,
    };
    for name in ENCODERS {
        let error = refused(&opened(&Reference::read(name)), &config());
        assert!(matches!(&error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("an encoder"), "{error}");
    }
    let llama = opened(&Reference::read("llama"));
    let error = refused(&llama, &Config { cache_bytes: 1 << 60, ..config() });
    assert!(matches!(&error, Error::TooLarge { .. }), "{error}");
    let error = refused(&llama, &Config { cache_bytes: 1000, ..config() });
    assert!(error.to_string().contains("1000 bytes of cache hold no page"), "{error}");
}
