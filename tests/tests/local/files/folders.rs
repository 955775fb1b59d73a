//! Which file of a folder is opened, models in several GGUF files, and digests.

use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::file::{Format, checksum, open};
use typewright_tests::local::gguf::{Data, Gguf};
use typewright_tests::local::safetensors::Safetensors;

use super::{Folder, floats};

fn gguf(name: &str, number: f32) -> Gguf {
    Gguf::default().tensor(name, Dtype::F32, &[1], &[number])
}

fn part(no: u16, count: u16, name: &str) -> Vec<u8> {
    let part =
        gguf(name, f32::from(no)).entry("split.no", Data::U16(no)).entry("split.count", Data::U16(count));
    part.entry("split.tensors.count", Data::I32(i32::from(count))).entry("from", u32::from(no)).bytes()
}

#[test]
fn parts_are_put_together_whichever_is_named() {
    let folder = Folder::new("parts");
    let paths: Vec<_> = (0..3)
        .map(|no| folder.write(&format!("m-0000{}-of-00003.gguf", no + 1), part(no, 3, &format!("t{no}"))))
        .collect();
    for path in [&*paths[0], &*paths[2], folder.path()] {
        let weights = open(path).unwrap();
        assert_eq!(weights.names().collect::<Vec<_>>(), ["t0", "t1", "t2"]);
        assert_eq!(floats(weights.get("t2").unwrap()), [2.0]);
        assert_eq!(weights.metadata().get("from").and_then(|from| from.as_u64()), Some(0));
    }
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let folder = Folder::new("odd-parts");
    let opened = |second: Option<Vec<u8>>| {
        let path = folder.write("m-00001-of-00002.gguf", part(0, 2, "a"));
        drop(std::fs::remove_file(folder.path().join("m-00002-of-00002.gguf")));
        if let Some(second) = second {
            folder.write("m-00002-of-00002.gguf", second);
        }
        open(&path).map(|_| ()).map_err(|error| error.to_string())
    };
    opened(Some(part(1, 2, "b"))).unwrap();
    let missing = opened(None).unwrap_err();
    assert!(missing.starts_with("cannot read") && missing.ends_with("m-00002-of-00002.gguf"), "{missing}");
    assert!(opened(Some(part(1, 2, "a"))).unwrap_err().contains("tensor \"a\" is in another file"));
    assert!(opened(Some(part(0, 2, "b"))).unwrap_err().contains("it is part 1 of 2, but its name says 2"));
    assert!(opened(Some(part(1, 3, "b"))).unwrap_err().contains("it is one of 3 parts, but its name says 2"));
    let more = gguf("b", 1.0).tensor("c", Dtype::F32, &[1], &[1.0]).entry("split.count", Data::U16(2));
    assert!(opened(Some(more.bytes())).unwrap_err().contains("hold 3 tensors, but should hold 2"));
    let lone = folder.write("lone.gguf", part(0, 2, "a"));
    assert!(open(&lone).unwrap_err().to_string().contains("it is one of 2 parts, but its name says 1"));
    for (name, why) in
        [("m-00003-of-00002.gguf", "part 3 of 2"), ("m-00001-of-99999.gguf", "part 1 of 99999")]
    {
        let path = folder.write(name, part(0, 2, "a"));
        assert!(open(&path).unwrap_err().to_string().contains(why), "{name}");
    }
}

#[test]
fn a_folder_has_one_model() {
    let folder = Folder::new("folder");
    let said = || open(folder.path()).unwrap_err().to_string();
    folder.write("config.json", "{}");
    assert!(said().contains("no file with weights"));
    folder.write("a.gguf", gguf("a", 1.0).bytes());
    assert_eq!(open(folder.path()).unwrap().format(), Format::Gguf);
    folder.write("b.gguf", gguf("b", 1.0).bytes());
    assert!(said().contains("name one of them: \"a.gguf\", \"b.gguf\""));
    folder.write("model.safetensors", Safetensors::default().f32("c", &[1], &[1.0]).bytes());
    let weights = open(folder.path()).unwrap();
    assert_eq!((weights.format(), weights.path()), (Format::Safetensors, folder.path()));
}

#[test]
fn parts_without_an_index_are_not_taken_for_a_whole() {
    let folder = Folder::new("no-index");
    for part in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
        folder.write(part, Safetensors::default().f32(part, &[1], &[1.0]).bytes());
    }
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("several files hold weights"), "{error}");
}

#[test]
fn a_file_is_what_its_bytes_are() {
    let folder = Folder::new("names");
    let path = folder.write("blob-without-ending", gguf("a", 1.0).bytes());
    assert_eq!(open(&path).unwrap().format(), Format::Gguf);
    let path = folder.write("b.gguf", Safetensors::default().f32("c", &[1], &[1.0]).bytes());
    assert_eq!(open(&path).unwrap().format(), Format::Safetensors);
}

#[test]
fn digests_are_compared() {
    let folder = Folder::new("digests");
    let path = folder.write("abc", "abc");
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    checksum::sha256(&path, digest).unwrap();
    checksum::sha256(&path, &digest.to_uppercase()).unwrap();
    let other = digest.replace('b', "c");
    let error = checksum::sha256(&path, &other).unwrap_err().to_string();
    assert!(error.ends_with(&format!("its SHA-256 is {digest}, not {other}")), "{error}");
    assert!(checksum::sha256(&path, "abc").unwrap_err().to_string().contains("64 hexadecimal digits"));
}
