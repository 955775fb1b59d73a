//! The vocabulary against the runtime's sources, in both directions: whoever adds a field there adds it here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{
    CAPABILITIES, CLASSES, ERROR_KINDS, FINISH_REASONS, MODEL_LIMITS, NOT_SLOTS, Payload, Read, SUBJECTS,
    SUMS, Ty, USES, camel,
};

/// Every item of the runtime by name.
struct Runtime {
    structs: BTreeMap<String, syn::ItemStruct>,
    enums: BTreeMap<String, syn::ItemEnum>,
    functions: BTreeSet<String>,
    traits: BTreeSet<String>,
}

fn runtime() -> Runtime {
    let mut found = Runtime {
        structs: BTreeMap::new(),
        enums: BTreeMap::new(),
        functions: BTreeSet::new(),
        traits: BTreeSet::new(),
    };
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src");
    // Local models and memory have words of their own, and none that a wire speaks.
    let own = ["local", "memory"].map(|room| sources.join(room));
    for file in files(&sources).into_iter().filter(|file| !own.iter().any(|own| file.starts_with(own))) {
        let text = std::fs::read_to_string(&file).expect("a readable source");
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for item in parsed.items {
            match item {
                syn::Item::Struct(item) if is_public(&item.vis) && is_canonical(&file) => {
                    found.structs.insert(item.ident.to_string(), item);
                }
                syn::Item::Enum(item) if is_public(&item.vis) => {
                    found.enums.insert(item.ident.to_string(), item);
                }
                syn::Item::Fn(item) => {
                    found.functions.insert(item.sig.ident.to_string());
                }
                syn::Item::Trait(item) => {
                    found.traits.insert(item.ident.to_string());
                }
                _ => {}
            }
        }
    }
    found
}

/// The wire and the transport have structs of their own, some of them called like ours.
fn is_canonical(file: &Path) -> bool {
    !file.components().any(|part| matches!(part.as_os_str().to_str(), Some("wire" | "http" | "client")))
}

fn is_public(visibility: &syn::Visibility) -> bool {
    matches!(visibility, syn::Visibility::Public(_))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the runtime's sources");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn fields(item: &syn::ItemStruct) -> BTreeMap<String, String> {
    let named =
        item.fields.iter().filter_map(|field| Some((field.ident.as_ref()?.to_string(), text(&field.ty))));
    named.collect()
}

fn text(ty: &syn::Type) -> String {
    quote::ToTokens::to_token_stream(ty).to_string().replace(' ', "")
}

fn variants(item: &syn::ItemEnum) -> Vec<String> {
    item.variants.iter().map(|variant| variant.ident.to_string()).collect()
}

fn is_open(item: &syn::ItemEnum) -> bool {
    item.attrs.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"))
}

/// The runtime's type of a field.
fn rust_type(ty: Ty, optional: bool) -> String {
    let inner = match ty {
        Ty::Str | Ty::Mime | Ty::JsonText => "String",
        Ty::Uint => "u64",
        Ty::Int => "i64",
        Ty::Float => "f64",
        Ty::Bool => "bool",
        Ty::Json => "RawJson",
        Ty::Bytes => "Bytes",
        Ty::Effort => "Effort",
        Ty::StrList => return "Vec<String>".to_owned(),
        Ty::JsonList => return "Vec<Citation>".to_owned(),
        Ty::StrMap => return "Vec<(String,String)>".to_owned(),
        Ty::FloatMap => return "Vec<(String,f64)>".to_owned(),
        Ty::List(table) => return format!("Vec<{}>", named(table)),
        Ty::Table(table) => named(table),
    };
    if optional { format!("Option<{inner}>") } else { inner.to_owned() }
}

fn named(table: &str) -> &'static str {
    match table {
        "message" => "Message",
        "cache" => "Cache",
        table => super::sum(table).expect("a sum").rust,
    }
}

#[test]
fn subjects_are_the_structs_of_the_runtime() {
    let runtime = runtime();
    for subject in SUBJECTS {
        let item = runtime.structs.get(subject.rust).unwrap_or_else(|| panic!("no struct {}", subject.rust));
        let mut theirs = fields(item);
        for (_, name, why) in NOT_SLOTS.iter().filter(|(of, ..)| *of == subject.rust) {
            assert!(
                !why.is_empty() && theirs.remove(*name).is_some(),
                "{}.{name} is listed and not there",
                subject.rust
            );
        }
        let derived = |read| matches!(read, Read::Source(_) | Read::Stream | Read::Context("system"));
        let ours: BTreeMap<String, String> = subject
            .fields
            .iter()
            .filter(|field| !derived(field.read))
            .map(|field| (field.name.to_owned(), rust_type(field.ty, field.optional)))
            .collect();
        assert_eq!(ours, theirs, "{} is not {}", subject.name, subject.rust);
    }
}

#[test]
fn sums_are_the_enums_of_the_runtime() {
    let runtime = runtime();
    for sum in SUMS {
        let item = runtime.enums.get(sum.rust).unwrap_or_else(|| panic!("no enum {}", sum.rust));
        let ours: Vec<String> = sum.variants.iter().map(super::Variant::rust).collect();
        assert_eq!(ours, variants(item), "{}", sum.rust);
        assert_eq!(sum.open, is_open(item), "{} is open here or there", sum.rust);
        if sum.name == "message" {
            continue;
        }
        for (ours, theirs) in sum.variants.iter().zip(&item.variants) {
            let payload: Vec<String> = theirs.fields.iter().map(|field| text(&field.ty)).collect();
            let expected = match &ours.payload {
                Payload::Unit => vec![],
                Payload::Value(field) => vec![rust_type(field.ty, false)],
                Payload::Struct(subject) => vec![subject.rust.to_owned()],
            };
            assert_eq!(expected, payload, "{}::{}", sum.rust, ours.name);
        }
    }
}

#[test]
fn sources_of_media_are_three() {
    assert_eq!(variants(&runtime().enums["Source"]), ["Url", "Bytes", "Id"]);
}

#[test]
fn closed_lists_are_those_of_the_runtime() {
    let runtime = runtime();
    let camels = |names: &mut dyn Iterator<Item = &'static str>| names.map(camel).collect::<Vec<_>>();
    assert_eq!(
        camels(&mut CAPABILITIES.iter().map(|(name, _)| *name)),
        variants(&runtime.enums["Capability"])
    );
    assert_eq!(camels(&mut CLASSES.iter().copied()), variants(&runtime.enums["Class"]));
    let reasons = FINISH_REASONS.iter().copied().filter(|reason| *reason != "ignore");
    assert_eq!(camels(&mut { reasons }), variants(&runtime.enums["FinishReason"]));
    assert_eq!(ERROR_KINDS.to_vec(), variants(&runtime.enums["ErrorKind"]));
    assert_eq!(MODEL_LIMITS.to_vec(), fields(&runtime.structs["Limits"]).into_keys().collect::<Vec<_>>());
    for (name, _) in CAPABILITIES.iter().filter(|(_, is_marker)| *is_marker) {
        assert!(runtime.traits.contains(&camel(name)), "no marker trait for {name}");
    }
    for name in USES {
        assert!(runtime.functions.contains(&format!("uses_{name}")), "no function for uses.{name}");
    }
}
