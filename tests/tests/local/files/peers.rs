//! Files that other writers made: the Python packages `gguf` 0.19.0 and `safetensors` 0.8.0, numpy, seed 20261121.

use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::file::from_bytes;

use super::floats;

const GGUF: &[u8] = include_bytes!("peer.gguf");
const SAFETENSORS: &[u8] = include_bytes!("peer.safetensors");

/// The tensor of six floats that is in both files.
const SIX: [f32; 6] = [0.179_001_57, 0.654_990_85, 0.425_283_43, -1.933_894_5, 0.128_029_63, -0.160_558_36];
/// Five others, rounded to half precision.
const HALF: [f32; 5] = [0.178_955_08, 0.654_785_16, 0.425_292_97, 0.847_656_25, 0.534_667_97];

#[test]
fn a_gguf_file_of_another_writer_is_read() {
    let weights = from_bytes(GGUF.to_vec()).unwrap();
    assert_eq!(weights.names().collect::<Vec<_>>(), ["f16", "f32", "q8"]);
    assert_eq!(floats(weights.shaped("f32", &[2, 3]).unwrap()), SIX);
    assert_eq!(floats(weights.shaped("f16", &[1, 5]).unwrap()), HALF);
    let q8 = weights.shaped("q8", &[2, 32]).unwrap();
    assert_eq!(q8.dtype, Dtype::Q8_0);
    let sum: f64 = floats(q8).iter().map(|x| f64::from(*x)).sum();
    assert!((sum + 20.861_434_936_523_438).abs() < 1e-9, "{sum}");
}

#[test]
fn metadata_of_another_writer_is_read() {
    let weights = from_bytes(GGUF.to_vec()).unwrap();
    let get = |key: &str| weights.metadata().get(key).unwrap();
    assert_eq!(get("general.architecture").as_str(), Some("tiny"));
    assert_eq!(get("tiny.block_count").as_u64(), Some(2));
    assert_eq!((get("tiny.flag").as_bool(), get("tiny.i8").as_i64()), (Some(true), Some(-3)));
    assert_eq!((get("tiny.eps").as_f64(), get("tiny.f64").as_f64()), (Some(f64::from(1e-5_f32)), Some(0.1)));
    assert_eq!(get("tiny.u64").as_u64(), Some((1 << 63) + 5));
    assert_eq!(get("tiny.text").as_str(), Some("größe"));
    let ints = get("tiny.ints").as_array().unwrap();
    assert_eq!(ints.iter().filter_map(|int| int.as_i64()).collect::<Vec<_>>(), [1, -2, 3]);
    let tokens = get("tokenizer.ggml.tokens").as_array().unwrap();
    assert_eq!(tokens.strings().collect::<Vec<_>>(), ["a".as_bytes(), "ü".as_bytes(), b"<0x0A>"]);
    let scores = get("tokenizer.ggml.scores").as_array().unwrap();
    assert_eq!(scores.iter().filter_map(|score| score.as_f64()).collect::<Vec<_>>(), [0.5, -1.0, 0.0]);
}

#[test]
fn a_safetensors_file_of_another_writer_is_read() {
    let weights = from_bytes(SAFETENSORS.to_vec()).unwrap();
    assert_eq!(floats(weights.shaped("b.weight", &[2, 3]).unwrap()), SIX);
    assert_eq!(floats(weights.shaped("a.half", &[5]).unwrap()), HALF);
    assert_eq!(weights.foreign().collect::<Vec<_>>(), [("ids", "I64")]);
}
