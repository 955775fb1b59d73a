//! Safetensors: what a writer writes is read back, and each thing that can be wrong is said.

use typewright_runtime::local::Error;
use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::file::quantize::quantize;
use typewright_runtime::local::file::{Format, from_bytes, open};
use typewright_tests::local::safetensors::{Safetensors, file, index};

use super::{Folder, floats, numbers};

fn said(bytes: Vec<u8>) -> String {
    match from_bytes(bytes) {
        Ok(weights) => panic!("{weights:?}"),
        Err(error) => error.to_string(),
    }
}

fn sample() -> Safetensors {
    let half = |dtype| quantize(dtype, &numbers(2, 6)).unwrap();
    Safetensors::default()
        .f32("model.norm.weight", &[6], &numbers(1, 6))
        .raw("model.up.weight", "F16", &[2, 3], &half(Dtype::F16))
        .raw("model.positions", "I64", &[1, 2], &[0; 16])
        .raw("model.down.weight", "BF16", &[3, 2], &half(Dtype::BF16))
        .f32("scalar", &[], &[7.0])
        .f32("none", &[0, 4], &[])
}

#[test]
fn tensors_are_read_back() {
    let folder = Folder::new("safetensors");
    let weights = open(&folder.write("model.safetensors", sample().bytes())).unwrap();
    assert_eq!(weights.format(), Format::Safetensors);
    assert!(weights.metadata().is_empty());
    assert_eq!(floats(weights.shaped("model.norm.weight", &[6]).unwrap()), numbers(1, 6));
    let down = weights.shaped("model.down.weight", &[3, 2]).unwrap();
    assert_eq!((down.dtype, down.bytes), (Dtype::BF16, &*quantize(Dtype::BF16, &numbers(2, 6)).unwrap()));
    assert_eq!(floats(weights.get("scalar").unwrap()), [7.0]);
    assert_eq!(weights.get("none").unwrap().bytes, b"");
    assert_eq!(weights.total_bytes(), 24 + 12 + 12 + 4);
}

#[test]
fn a_format_that_is_not_read_is_an_error_where_it_is_asked_for() {
    let weights = from_bytes(sample().bytes()).unwrap();
    assert_eq!(weights.foreign().collect::<Vec<_>>(), [("model.positions", "I64")]);
    assert!(weights.contains("model.positions") && weights.names().all(|name| name != "model.positions"));
    let error = weights.get("model.positions").unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }));
    assert_eq!(error.to_string(), "memory: tensor \"model.positions\" is stored as I64");
    let unknown = Safetensors::default().raw("x", "F3", &[1], &[0]).bytes();
    assert!(said(unknown).contains("tensor \"x\" is stored as \"F3\", which is not known"));
}

#[test]
fn headers_that_cannot_be_are_refused() {
    let one = |header: &str| said(file(header, &[0; 8]));
    let tensor = |fields: &str| one(&format!("{{\"x\":{{{fields}}}}}"));
    assert!(one("{\"x\":[]}").contains("tensor \"x\": not an object"));
    assert!(one("{\"x\"").contains("the header is no JSON"));
    assert!(one("{} {}").contains("no JSON at byte 3"));
    assert!(one("{}").contains("tensors take 0 bytes, but 8 follow the header"));
    assert!(tensor("\"dtype\":7").contains("`dtype` is not a string"));
    assert!(tensor("\"shape\":[-1]").contains("`shape` is not a list of sizes"));
    assert!(tensor("\"shape\":[1.5]").contains("`shape` is not a list of sizes"));
    assert!(tensor("\"shape\":[1e30]").contains("`shape` is not a list of sizes"));
    assert!(tensor("\"data_offsets\":[0,1,2]").contains("`data_offsets` is not a list of places"));
    assert!(tensor("\"dtype\":\"F32\",\"dtype\":\"F32\"").contains("a field appears twice"));
    assert!(tensor("\"dtype\":\"F32\",\"shape\":[2]").contains("no two `data_offsets`"));
    assert!(tensor("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0]").contains("no two `data_offsets`"));
    let f32 = |shape: &str, offsets: &str| {
        tensor(&format!("\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}"))
    };
    assert!(f32("[3]", "[0,8]").contains("bytes 0 to 8 are not the 12 of F32 [3]"));
    assert!(f32("[2]", "[8,0]").contains("bytes 8 to 0 are not the 8 of F32 [2]"));
    assert!(f32("[2]", "[18446744073709551615,7]").contains("are not the 8 of F32 [2]"));
    assert!(f32("[4294967296,4294967296]", "[0,8]").contains("more numbers than can be counted"));
    assert!(f32("[2]", "[4,12]").contains("starts at 4 and leaves a gap behind"));
    assert!(f32("[1]", "[0,4]").contains("tensors take 4 bytes, but 8 follow"));
    let two = |name: &str, start: usize| {
        let field = |name: &str, start: usize| {
            format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{start},{}]}}", start + 4)
        };
        one(&format!("{{{},{}}}", field("x", 0), field(name, start)))
    };
    assert!(two("y", 2).contains("tensor \"y\" starts at 2 and overlaps the one that ends at 4"));
    assert!(two("x", 4).contains("tensor \"x\" appears twice"));
    assert!(two("", 4).contains("a name of 0 bytes"));
}

#[test]
fn lengths_of_headers_are_checked() {
    let with = |len: u64| {
        let mut bytes = sample().bytes();
        bytes[..8].copy_from_slice(&len.to_le_bytes());
        said(bytes)
    };
    assert!(with(u64::MAX).contains("at most 100000000 are read"));
    assert!(with(99_999_999).contains("a header of 99999999 bytes in a file of"));
    assert!(with(0).contains("the header does not start with `{`"));
    let deep = format!("{{\"x\":{}", "[".repeat(100_000));
    assert!(said(file(&deep, &[])).contains("no JSON"));
}

#[test]
fn every_cut_is_an_error() {
    let bytes = sample().bytes();
    for end in 0..bytes.len() {
        assert!(from_bytes(bytes[..end].to_vec()).is_err(), "{end}");
    }
}

#[test]
fn a_model_in_several_files_is_put_together() {
    let folder = Folder::new("shards");
    folder.write(
        "m-1.safetensors",
        Safetensors::default().f32("a", &[1], &[1.0]).f32("b", &[1], &[9.0]).bytes(),
    );
    folder.write("m-2.safetensors", Safetensors::default().f32("b", &[2], &[2.0, 3.0]).bytes());
    let places = [("a", "m-1.safetensors"), ("b", "m-2.safetensors")];
    let path = folder.write("model.safetensors.index.json", index(&places));
    for path in [&*path, folder.path()] {
        let weights = open(path).unwrap();
        assert_eq!(weights.path(), path);
        assert_eq!(weights.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(floats(weights.get("b").unwrap()), [2.0, 3.0], "from where the index says");
        weights.check().unwrap();
    }
}

#[test]
fn indexes_that_are_wrong_are_refused() {
    let folder = Folder::new("indexes");
    folder.write("a.safetensors", Safetensors::default().f32("a", &[1], &[1.0]).bytes());
    let opened = |text: &str| {
        let path = folder.write("model.safetensors.index.json", text);
        open(&path).unwrap_err()
    };
    let missing = opened(&index(&[("a", "a.safetensors"), ("b", "a.safetensors")])).to_string();
    assert!(
        missing.ends_with("a.safetensors: 1 tensors are not in it that the index places here: \"b\""),
        "{missing}"
    );
    let no_file = opened(&index(&[("a", "b.safetensors")]));
    assert!(matches!(&no_file, Error::Read { path, .. } if path.ends_with("b.safetensors")), "{no_file}");
    for outside in
        ["../a.safetensors", "/a.safetensors", "x\\a.safetensors", "C:a.safetensors", ".safetensors", "a.bin"]
    {
        let error = opened(&index(&[("a", outside)])).to_string();
        assert!(error.contains("is not the name of a safetensors file in the same folder"), "{error}");
    }
    for empty in ["{}", "[]", "{\"weight_map\":{}}", "{\"weight_map\":[1]}"] {
        assert!(opened(empty).to_string().contains("no `weight_map` with tensors"), "{empty}");
    }
    assert!(opened("{\"weight_map\":{\"a\":1}}").to_string().contains("the file of \"a\" is not a string"));
    assert!(opened("{\"weight_map\":").to_string().contains("no JSON"));
    let both = "{\"weight_map\":{\"a\":\"a.safetensors\",\"a\":\"a.safetensors\"}}";
    assert!(opened(both).to_string().contains("one of them twice"));
}
