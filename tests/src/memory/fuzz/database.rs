//! The file of a store: any bytes. It is refused, or what is wrong is an error or a finding.

use std::sync::{Arc, OnceLock};

use typewright_runtime::json::RawJson;
use typewright_runtime::memory::content::{Blob, Media};
use typewright_runtime::memory::store::{
    Batch, Change, Commit, Direction, Filter, Nearest, Search, Store, Transaction,
};
use typewright_runtime::memory::{
    Content, Embedding, Error, Id, Kind, MemoryDraft, Namespace, Provenance, RelationDraft, RelationKind,
    Status, Timestamp,
};

use super::{Folder, config, ended, opened, patched};

/// What a file can be that is no store, or none of ours.
const MAY: [&str; 3] = ["Damaged", "Newer", "ReadOnly"];

/// Opens a file and asks it everything: `bytes`, or by the choice changes of that of a store, or that store with `bytes` as
/// the log of the database. Whether it was opened.
pub fn database(choice: u8, bytes: &[u8]) -> bool {
    let (Some(whole), Some(folder)) = (whole(), Folder::new()) else { return false };
    let file = match choice % 4 {
        0 => bytes.to_vec(),
        1 => whole.clone(),
        _ => patched(whole, bytes),
    };
    if choice % 4 == 1 {
        let written = std::fs::write(folder.0.join("store.db-wal"), bytes);
        assert!(written.is_ok(), "{written:?}");
    }
    let Some(store) = ended(opened(&file, &folder, config()), &MAY) else { return false };
    asked(&store);
    true
}

/// A store with something of everything, made once.
fn whole() -> Option<&'static Vec<u8>> {
    static WHOLE: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let whole = WHOLE.get_or_init(|| make().ok());
    assert!(whole.is_some(), "no store could be made");
    whole.as_ref()
}

fn make() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let folder = Folder::new().ok_or("no folder")?;
    let settings = Arc::new(super::settings());
    let store: Arc<dyn Store> = Arc::new(opened(&[], &folder, config())?);
    let mut transaction = Transaction::begin(Arc::clone(&store), settings)?;
    for at in 0..24 {
        transaction.add(draft(at)?)?;
    }
    for at in 1..12 {
        let (from, to) = (Id::from_u128(at), Id::from_u128(at + 1));
        transaction.relate(RelationDraft::new(from, RelationKind::PartOf, to))?;
    }
    transaction.commit()?;
    let changes = vec![
        Change::Expire { id: Id::from_u128(20) },
        Change::Touch { id: Id::from_u128(3), at: Timestamp::MAX },
        Change::Forget { id: Id::from_u128(21) },
    ];
    store.commit(&Batch { changes, ..Batch::default() })?;
    drop(store);
    Ok(std::fs::read(folder.path())?)
}

fn draft(at: u128) -> Result<MemoryDraft, Box<dyn std::error::Error>> {
    let content = match at % 3 {
        0 => Content::text(format!("what was said about figs, {at}")),
        1 => Content::Json(RawJson::new(format!("{{\"figs\":{at}}}"))?),
        _ => {
            let bytes = format!("a picture {at}").into_bytes().into();
            Content::Blob(Blob { media: Media::Image, mime: "image/png".to_owned(), bytes, caption: None })
        }
    };
    let namespace = Namespace::new(if at.is_multiple_of(2) { "a" } else { "a/b" })?;
    let vector = (0..6_u8).map(|number| (at as f32 * 3.0 + f32::from(number)).sin()).collect();
    Ok(MemoryDraft::new(namespace, Kind::Fact, content)
        .id(Id::from_u128(at + 1))
        .embedding("m", vector)
        .metadata("k", RawJson::string("v"))
        .provenance(Provenance::new("somebody")))
}

/// Asks a store all that it can be asked, and writes to it.
fn asked(store: &dyn Store) {
    let Ok(namespace) = Namespace::new("a") else { return };
    let filter = Filter::of(namespace).below().statuses(Status::ALL);
    let to = Embedding { model: "m".to_owned(), vector: vec![0.5; 6] };
    let nearest = Nearest { to: &to, filter: &filter, most: 9, search: Search::Exact };
    let may = |tried: Result<(), Error>| {
        ended(tried, &MAY);
    };
    may(store.check().map(drop));
    may(store.nearest(&nearest).map(drop));
    may(store.matches("figs", &filter, 9).map(drop));
    may(store.head().and_then(|head| store.all(head, &mut |_| Ok(()))));
    may(store.head().and_then(|head| store.find(&filter, head)).map(drop));
    let ids: Vec<Id> = (1..24).map(Id::from_u128).collect();
    may(store.head().and_then(|head| store.relations(&ids, &[], Direction::Both, head)).map(drop));
    may(store.log(Commit(0), &mut |_| Ok(())));
    may(store.census().map(drop));
    may(store.namespaces().map(drop));
    let changes = vec![Change::Expire { id: Id::from_u128(2) }];
    let may = [&MAY[..], &["NotFound", "Ended"]].concat();
    ended(store.commit(&Batch { changes, ..Batch::default() }), &may);
}
