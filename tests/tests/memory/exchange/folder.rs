//! The folder of files of a model's memory tool, as `_beta_builtin_memory_tool.py` of anthropics/anthropic-sdk-python keeps
//! it: text files below `/memories`.

use std::fs;

use typewright_runtime::memory::exchange::folder::import;
use typewright_runtime::memory::{Content, Kind};

use super::*;

on_each_store!(files_become_memories_named_by_their_paths);

fn files_become_memories_named_by_their_paths(on: Engine) {
    let place = Place::new(on);
    let root = place.folder.path().join("memories");
    fs::create_dir_all(root.join("customers/empty")).unwrap();
    fs::write(root.join("preferences.txt"), "Likes <b>tea</b>\nand quiet\n").unwrap();
    fs::write(root.join("customers/acme.xml"), "<notes>Acme pays late</notes>").unwrap();
    fs::write(root.join("customers/photo.png"), [0x89, b'P', 0xff]).unwrap();
    fs::write(root.join(".tmp-7-x"), "half").unwrap();
    fs::write(root.join("nothing.md"), "").unwrap();
    fs::write(root.join("large.md"), "x".repeat((1 << 20) + 1)).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", root.join("way-out")).unwrap();
    let read = |mode| import(&*place.store, &place.settings, &root, &namespace("ada"), mode).unwrap();
    let dry = read(Mode::DryRun);
    assert!(place.all("ada").is_empty());
    let report = read(Mode::Store);
    assert_eq!(dry, report);
    assert_eq!(report.memories.added, 2);
    let nodes = place.all("ada");
    let mut said: Vec<_> = nodes.iter().map(|node| (node.metadata["path"].as_str(), &node.content)).collect();
    said.sort_by_key(|(path, _)| *path);
    let expected = [
        ("\"/memories/customers/acme.xml\"", &Content::text("<notes>Acme pays late</notes>")),
        ("\"/memories/preferences.txt\"", &Content::text("Likes <b>tea</b>\nand quiet\n")),
    ];
    assert_eq!(said, expected);
    assert!(nodes.iter().all(|node| node.kind == Kind::Semantic));
    let told: Vec<_> = report.left_out.iter().map(|(what, count)| (what.as_str(), *count)).collect();
    let expected = [
        ("files and folders whose names begin with a dot", 1),
        ("files larger than 1048576 bytes", 1),
        ("files that are no UTF-8", 1),
        ("files without a text", 1),
        ("folders without files", 1),
        #[cfg(unix)]
        ("links and special files", 1),
    ];
    assert_eq!(told, expected);
    assert_eq!(read(Mode::Store).memories.present, 2);
    // A file that was changed is another memory than the one that is there.
    fs::write(root.join("preferences.txt"), "Likes coffee").unwrap();
    let report = read(Mode::Store);
    assert_eq!((report.memories.present, report.memories.differing), (1, 1));
    assert_eq!(place.all("ada").len(), 2);
    let missing = import(&*place.store, &place.settings, &root.join("no"), &namespace("ada"), Mode::Store);
    assert!(matches!(missing, Err(Error::Read { what, .. }) if what.ends_with("no")));
}
