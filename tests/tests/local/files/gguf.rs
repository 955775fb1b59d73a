//! GGUF: what a writer writes is read back, and each thing that can be wrong is said.

use typewright_runtime::local::Error;
use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::file::gguf::{Kind, Value};
use typewright_runtime::local::file::quantize::quantize;
use typewright_runtime::local::file::{Format, Weights, from_bytes, open};
use typewright_tests::local::gguf::{Data, Gguf};

use super::{Folder, floats, numbers};

fn sample() -> Gguf {
    let names = Dtype::ALL.into_iter().zip(1..);
    let gguf = Gguf::default()
        .entry("general.architecture", "tiny")
        .entry("tiny.block_count", 2)
        .entry("tokenizer.ggml.tokens", Data::strings(["a", "", "<0x0A>"]))
        .entry("tiny.nested", nested(2));
    names.fold(gguf, |gguf, (dtype, seed)| {
        gguf.tensor(&format!("blk.0.{dtype}.weight"), dtype, &[3, 256], &numbers(seed, 768))
    })
}

/// Arrays in arrays, around two numbers.
fn nested(depth: usize) -> Data {
    let flat = Data::ints([1, -2]);
    (1..depth).fold(flat, |inner, _| Data::Array(Box::new(inner.clone()), vec![inner.clone(), inner]))
}

fn said(bytes: Vec<u8>) -> String {
    match from_bytes(bytes) {
        Ok(weights) => panic!("{weights:?}"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn refused(gguf: &Gguf, why: &str) {
    let said = said(gguf.bytes());
    assert!(said.contains(why), "{said}");
}

#[test]
fn every_storage_format_is_read_back() {
    let folder = Folder::new("formats");
    for version in [2, 3] {
        let path = folder.write("tiny.gguf", Gguf { version, ..sample() }.bytes());
        let weights = open(&path).unwrap();
        assert_eq!((weights.format(), weights.path()), (Format::Gguf, &*path));
        for (dtype, seed) in Dtype::ALL.into_iter().zip(1..) {
            let view = weights.shaped(&format!("blk.0.{dtype}.weight"), &[3, 256]).unwrap();
            assert_eq!((view.dtype, view.bytes), (dtype, &*quantize(dtype, &numbers(seed, 768)).unwrap()));
            assert_eq!(view.bytes.as_ptr().align_offset(32), 0, "mapped where the file aligned it");
            let worst =
                numbers(seed, 768).iter().zip(floats(view)).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
            assert!(worst < 0.14, "{dtype}: {worst}");
        }
        let bytes: usize = Dtype::ALL.into_iter().map(|dtype| dtype.bytes(768).unwrap()).sum();
        assert_eq!((weights.total_bytes(), weights.names().len()), (bytes as u64, 8));
        assert!(weights.names().is_sorted());
        weights.release("blk.0.F32.weight");
        assert_eq!(
            floats(weights.get("blk.0.F32.weight").unwrap()),
            numbers(1, 768),
            "read from the file again"
        );
        weights.check().unwrap();
    }
}

#[test]
fn shapes_are_turned_outermost_first() {
    let data = numbers(5, 24);
    let weights = from_bytes(Gguf::default().tensor("x", Dtype::F32, &[2, 3, 4], &data).bytes()).unwrap();
    assert_eq!(weights.get("x").unwrap().shape, [2, 3, 4]);
    assert_eq!(floats(weights.get("x").unwrap()), data);
    let error = weights.shaped("x", &[4, 3, 2]).unwrap_err().to_string();
    assert_eq!(error, "memory: tensor \"x\" has shape [2, 3, 4], not [4, 3, 2]");
}

#[test]
fn metadata_of_every_kind_is_read_back() {
    let all = [
        ("u8", Data::U8(200)),
        ("i8", Data::I8(-2)),
        ("u16", Data::U16(60_000)),
        ("i16", Data::I16(-300)),
        ("u32", Data::U32(4_000_000_000)),
        ("i32", Data::I32(-70_000)),
        ("f32", Data::F32(0.5)),
        ("bool", Data::Bool(true)),
        ("text", "größe".into()),
        ("u64", Data::U64(u64::MAX)),
        ("i64", Data::I64(i64::MIN)),
        ("f64", Data::F64(1e-300)),
        ("floats", Data::floats([0.5, -1.0])),
        ("flags", Data::Array(Box::new(Data::Bool(false)), vec![Data::Bool(true), Data::Bool(false)])),
        ("tokens", Data::Array(Box::new("".into()), vec![Data::String(vec![0xFF, 0xC3]), "b".into()])),
        ("nested", nested(4)),
        ("empty", Data::strings::<&str>([])),
    ];
    let gguf = all.iter().fold(Gguf::default(), |gguf, (key, data)| gguf.entry(key, data.clone()));
    let weights = from_bytes(gguf.bytes()).unwrap();
    let metadata = weights.metadata();
    assert_eq!((metadata.len(), weights.names().len()), (all.len(), 0));
    for (key, data) in &all {
        same(metadata.get(key).unwrap(), data);
    }
    assert_eq!(metadata.iter().count(), all.len());
    assert!(metadata.iter().map(|(key, _)| key).is_sorted());
    assert_eq!(metadata.get("none"), None);
    let get = |key: &str| metadata.get(key).unwrap();
    assert_eq!((get("u64").as_u64(), get("u64").as_i64(), get("i8").as_u64()), (Some(u64::MAX), None, None));
    assert_eq!(
        (get("f32").as_f64(), get("u8").as_f64(), get("bool").as_bool()),
        (Some(0.5), None, Some(true))
    );
    assert_eq!((get("text").as_str(), get("u8").as_str()), (Some("größe"), None));
    let tokens = get("tokens").as_array().unwrap();
    assert_eq!((tokens.len(), tokens.kind()), (2, Kind::String));
    assert_eq!(tokens.strings().collect::<Vec<_>>(), [&[0xFF, 0xC3][..], b"b"]);
}

fn same(value: Value<'_>, data: &Data) {
    match (value, data) {
        (Value::Array(array), Data::Array(_, elements)) => {
            assert_eq!((array.len(), array.is_empty()), (elements.len(), elements.is_empty()));
            assert_eq!(array.iter().len(), elements.len());
            array.into_iter().zip(elements).for_each(|(value, data)| same(value, data));
        }
        (Value::String(bytes), Data::String(data)) => assert_eq!(bytes, data),
        (Value::U8(number), Data::U8(data)) => assert_eq!(number, *data),
        (Value::I8(number), Data::I8(data)) => assert_eq!(number, *data),
        (Value::U16(number), Data::U16(data)) => assert_eq!(number, *data),
        (Value::I16(number), Data::I16(data)) => assert_eq!(number, *data),
        (Value::U32(number), Data::U32(data)) => assert_eq!(number, *data),
        (Value::I32(number), Data::I32(data)) => assert_eq!(number, *data),
        (Value::F32(number), Data::F32(data)) => assert_eq!(number, *data),
        (Value::Bool(flag), Data::Bool(data)) => assert_eq!(flag, *data),
        (Value::U64(number), Data::U64(data)) => assert_eq!(number, *data),
        (Value::I64(number), Data::I64(data)) => assert_eq!(number, *data),
        (Value::F64(number), Data::F64(data)) => assert_eq!(number, *data),
        _ => panic!("{value:?} is not {data:?}"),
    }
}

#[test]
fn a_name_that_is_nearly_right_is_told() {
    let weights: Weights = from_bytes(sample().bytes()).unwrap();
    let error = weights.get("blk.0.Q40.weight").unwrap_err();
    assert!(matches!(&error, Error::NoTensor { nearest: Some(name), .. } if name == "blk.0.Q4_0.weight"));
    assert_eq!(
        error.to_string(),
        "memory: no tensor \"blk.0.Q40.weight\"; did you mean \"blk.0.Q4_0.weight\"?"
    );
    assert!(matches!(weights.get("output"), Err(Error::NoTensor { nearest: None, .. })));
}

#[test]
fn versions_and_byte_orders_that_are_not_read_are_told() {
    refused(&Gguf { version: 1, ..sample() }, "GGUF version 1, which newer files replaced");
    refused(&Gguf { version: 4, ..sample() }, "GGUF version 4; versions 2 and 3 are read");
    refused(&Gguf { version: 3u32.swap_bytes(), ..sample() }, "big-endian");
    refused(&Gguf { version: 0, ..sample() }, "version 0 does not exist");
    assert!(said(b"GGML1234".to_vec()).contains("neither a GGUF nor a safetensors file"));
    assert!(matches!(from_bytes(Gguf { version: 1, ..sample() }.bytes()), Err(Error::Unsupported { .. })));
}

#[test]
fn storage_formats_that_are_not_read_are_told_by_name_and_number() {
    let gguf = |format| Gguf::default().raw("x", format, &[256], vec![0; 84]);
    refused(&gguf(10), "tensor \"x\" is stored as Q2_K (number 10)");
    assert!(matches!(from_bytes(gguf(39).bytes()), Err(Error::Unsupported { .. })));
    refused(&gguf(99), "tensor \"x\" is stored in format 99, which does not exist");
}

#[test]
fn tensors_that_cannot_be_are_refused() {
    let raw = |shape: &[usize], len| Gguf::default().raw("x", 8, shape, vec![0; len]);
    refused(&raw(&[2, 48], 102), "rows of 48 numbers, not a multiple of the 32 of a Q8_0 block");
    refused(&raw(&[1 << 31, 1 << 31, 32], 34), "more numbers than can be counted");
    refused(&raw(&[usize::MAX / 64 * 32], 34), "behind the end of a file");
    refused(&raw(&[1, 1, 1, 1, 32], 34), "5 dimensions; at most 4 exist");
    refused(&raw(&[2, 32], 34), "takes 68 bytes at offset 0, behind the end");
    let twice = raw(&[32], 34).raw("x", 8, &[32], vec![0; 34]);
    refused(&twice, "tensor \"x\" appears twice");
    refused(
        &Gguf::default().raw("", 0, &[1], vec![0; 4]),
        "the name of a tensor at byte 24 is empty or not UTF-8",
    );
    refused(&Gguf::default().raw(&"n".repeat(257), 0, &[1], vec![0; 4]), "has 257 bytes, but at most 256");
}

#[test]
fn places_of_tensors_are_checked() {
    let gguf = Gguf::default().raw("a", 0, &[16], vec![1; 64]).raw("b", 0, &[16], vec![2; 64]);
    let bytes = gguf.bytes();
    // The offset of `b` is the last field of the header; 24 bytes, one tensor of 33, one of 25 and its offset.
    let moved = |offset: u64| {
        let mut bytes = bytes.clone();
        let at = 24 + 33 + 25;
        assert_eq!(bytes[at..at + 8], 64u64.to_le_bytes());
        bytes[at..at + 8].copy_from_slice(&offset.to_le_bytes());
        said(bytes)
    };
    assert!(moved(32).contains("tensors \"a\" and \"b\" overlap"), "{}", moved(32));
    assert!(moved(65).contains("lies at 65, not a multiple of the alignment 32"));
    assert!(moved(96).contains("behind the end of a file"));
    assert!(moved(u64::MAX - 31).contains("behind the end of a file"));
    let cut = bytes[..bytes.len() - 1].to_vec();
    assert!(said(cut).contains("was it copied completely?"));
}

#[test]
fn alignment_is_a_power_of_two() {
    for alignment in [1, 8, 4096] {
        let gguf = Gguf { alignment, ..Gguf::default() };
        let gguf = gguf.tensor("a", Dtype::F32, &[1], &[1.0]).tensor("b", Dtype::F32, &[1], &[2.0]);
        let weights = from_bytes(gguf.bytes()).unwrap();
        assert_eq!(floats(weights.get("b").unwrap()), [2.0], "{alignment}");
    }
    for alignment in [0u32, 24, 1 << 31] {
        refused(&Gguf::default().entry("general.alignment", alignment), "not a power of two");
    }
    refused(&Gguf::default().entry("general.alignment", 0.5f32), "`general.alignment` is a f32, not a u32");
}

#[test]
fn metadata_that_cannot_be_is_refused() {
    refused(&Gguf::default().entry("a", 1).entry("b", 2).entry("a", 3), "key \"a\" appears twice");
    refused(
        &Gguf::default().entry("deep", nested(5)),
        "key \"deep\": arrays within arrays, more than 4 deep",
    );
    refused(&Gguf::default().entry("", 1), "the key at byte 24 is empty or not UTF-8");
    refused(
        &Gguf::default().entry("text", Data::String(vec![0xFF])),
        "key \"text\": the string at byte 40 is not UTF-8",
    );
    refused(&Gguf::default().entry(&"k".repeat(70_000), 1), "has 70000 bytes, but at most 65535");
    let mut odd = Gguf::default().entry("flag", true).bytes();
    *odd.last_mut().unwrap() = 2;
    assert!(said(odd).contains("key \"flag\": a truth value that is neither 0 nor 1"));
}

#[test]
fn counts_and_lengths_that_no_file_can_hold_cost_nothing() {
    let mut bytes = sample().bytes();
    bytes[8..16].copy_from_slice(&(1u64 << 60).to_le_bytes());
    assert!(said(bytes).contains("1152921504606846976 tensors, but at most 65536 are read"));
    let mut bytes = Gguf::default().entry("k", 1).bytes();
    bytes[16..24].copy_from_slice(&60_000u64.to_le_bytes());
    assert!(said(bytes).contains("60000 metadata entries do not fit into the 17 bytes that follow"));
    let array = Gguf::default().entry("k", Data::strings(["a"])).bytes();
    let patched = |count: u64| {
        let mut bytes = array.clone();
        let at = 24 + 9 + 4 + 4;
        bytes[at..at + 8].copy_from_slice(&count.to_le_bytes());
        said(bytes)
    };
    assert!(patched(1 << 60).contains("but at most 16777216 are read"));
    assert!(patched(1 << 20).contains("key \"k\": 1048576 elements of an array do not fit into the 9 bytes"));
}

#[test]
fn every_cut_of_a_header_is_an_error() {
    let bytes = sample().bytes();
    for end in 0..bytes.len() {
        assert!(from_bytes(bytes[..end].to_vec()).is_err(), "{end}");
    }
    from_bytes(bytes).unwrap();
}
