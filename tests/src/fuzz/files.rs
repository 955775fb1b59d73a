//! Files of models. What is accepted must hold together to the last byte; what is refused must cost little.

use typewright_runtime::local::file::gguf::Value;
use typewright_runtime::local::file::{View, Weights, blocks, from_bytes};

/// Memory that a reader may ask for, in bytes for each byte of the file, beside a little.
pub const MODEL_LIMIT: u64 = 64;
const BESIDE: u64 = 64 << 10;
/// Longer than any reason is; a name within it is bounded.
const LONGEST_REASON: usize = 8192;

/// Reads `bytes` as a GGUF or safetensors file. Whether it was one.
pub fn files(bytes: &[u8]) -> bool {
    let (owned, len) = (bytes.to_vec(), bytes.len() as u64);
    let before = requested();
    let weights = from_bytes(owned);
    let asked = requested() - before;
    assert!(asked <= len * MODEL_LIMIT + BESIDE, "{asked} bytes asked for, to read {len}");
    match &weights {
        Ok(weights) => whole(weights),
        Err(error) => assert!(error.to_string().len() < LONGEST_REASON, "{error}"),
    }
    weights.is_ok()
}

fn whole(weights: &Weights) {
    let mut bytes = 0;
    for name in weights.names() {
        let view = weights.get(name);
        assert!(view.is_ok(), "{name}: {view:?}");
        let Ok(view) = view else { continue };
        bytes += view.bytes.len() as u64;
        numbers(name, view);
    }
    assert_eq!(bytes, weights.total_bytes());
    weights.foreign().for_each(|(name, _)| assert!(weights.get(name).is_err(), "{name}"));
    for (key, value) in weights.metadata().iter() {
        assert!(weights.metadata().get(key).is_some(), "{key}");
        walk(value);
    }
}

/// Shape, format and bytes fit, and every number can be read.
fn numbers(name: &str, view: View<'_>) {
    let count = view.shape.iter().product::<usize>();
    assert_eq!(view.dtype.bytes(count), Some(view.bytes.len()), "{name}");
    let mut out = vec![0.0; count];
    assert_eq!(blocks::dequantize(view.dtype, view.bytes, &mut out), Ok(()), "{name}");
}

/// An array has as many elements as it says.
fn walk(value: Value<'_>) {
    if let Value::Array(array) = value {
        let mut count = 0;
        for element in array {
            walk(element);
            count += 1;
        }
        assert_eq!(count, array.len());
    }
}

#[cfg(unix)]
fn requested() -> u64 {
    crate::bench::alloc::requested()
}

#[cfg(not(unix))]
fn requested() -> u64 {
    0
}
