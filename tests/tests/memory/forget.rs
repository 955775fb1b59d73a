//! What is forgotten is nowhere: not in the files or tables, not in what the store tells, and not after it was undone.
//! What the files of tables have is for `postgres::faults`.

use std::collections::HashSet;
use std::path::Path;

use bytes::Bytes;
use fastrand::Rng;
use typewright_runtime::json::RawJson;
use typewright_runtime::memory::content::{Blob, Media};
use typewright_runtime::memory::sqlite::SqliteStore;
use typewright_runtime::memory::store::{
    Batch, Change, Commit, Direction, Filter, Order, Page, Revision, Store,
};
use typewright_runtime::memory::{
    Content, Error, Id, Kind, MemoryDraft, MemoryNode, Namespace, Provenance, Relation, RelationKind, Status,
    Timestamp,
};

use crate::store::{Engine, Folder, Place, on_each_store, open, settings};

on_each_store!(
    nothing_is_left_of_what_is_forgotten,
    a_medium_of_two_memories_stays_with_the_other,
    what_was_undone_can_be_forgotten
);

/// Every eight bytes in a row of what is secret.
#[derive(Debug)]
pub(crate) struct Secrets {
    windows: HashSet<u64>,
    /// Which of so many classes a window is in: most bytes of a file are ruled out by it.
    classes: Vec<bool>,
}

fn class(window: u64) -> usize {
    (window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 42) as usize
}

pub(crate) fn secrets_of(secrets: &[&[u8]]) -> Secrets {
    let mut found = Secrets { windows: HashSet::new(), classes: vec![false; 1 << 22] };
    for secret in secrets {
        for window in secret.windows(8) {
            let window = u64::from_be_bytes(window.try_into().unwrap());
            found.windows.insert(window);
            found.classes[class(window)] = true;
        }
    }
    found
}

/// How often eight bytes of a secret stand somewhere.
pub(crate) fn traces(bytes: &[u8], secrets: &Secrets) -> usize {
    let (mut window, mut count) = (0_u64, 0);
    for (at, byte) in bytes.iter().enumerate() {
        window = window << 8 | u64::from(*byte);
        if at >= 7 && secrets.classes[class(window)] && secrets.windows.contains(&window) {
            count += 1;
        }
    }
    count
}

/// All files of a folder, and those that have no name any more and are open in this process.
fn in_files(folder: &Path, secrets: &Secrets) -> Vec<(String, usize)> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        let path = |entry: std::io::Result<std::fs::DirEntry>| entry.ok().map(|entry| entry.path());
        let is_temporary = |path: &std::path::PathBuf| {
            std::fs::read_link(path).is_ok_and(|to| to.to_string_lossy().contains("etilqs"))
        };
        paths.extend(open.filter_map(path).filter(is_temporary));
    }
    let count = |path: &std::path::PathBuf| {
        (path.display().to_string(), std::fs::read(path).map_or(0, |bytes| traces(&bytes, secrets)))
    };
    paths.iter().map(count).filter(|(_, count)| *count > 0).collect()
}

/// All that a store has written.
fn written(on: Engine, folder: &Folder, secrets: &Secrets) -> Vec<(String, usize)> {
    match on {
        Engine::Sqlite => in_files(folder.path(), secrets),
        #[cfg(all(feature = "postgres", unix))]
        Engine::Postgres(server) => {
            let tables = server.rows(&folder.schema()).unwrap().into_iter();
            let found = tables.map(|(table, rows)| (table, traces(&rows, secrets)));
            found.filter(|(_, count)| *count > 0).collect()
        }
    }
}

fn words(random: &mut Rng, count: usize) -> String {
    let words: Vec<String> = (0..count).map(|_| (0..12).map(|_| random.lowercase()).collect()).collect();
    words.join(" ")
}

/// Something to remember, all parts of which are as no others.
fn draft(random: &mut Rng, content: Content) -> MemoryDraft {
    let namespace = Namespace::new("a").unwrap();
    let provenance = Provenance::new(words(random, 2)).reference(words(random, 2));
    MemoryDraft::new(namespace, Kind::Semantic, content)
        .embedding("m", (0..32).map(|_| random.f32() - 0.5).collect())
        .metadata(words(random, 1), RawJson::string(&words(random, 3)))
        .provenance(provenance)
}

fn contents(random: &mut Rng) -> Vec<Content> {
    let mut bytes = |len: usize| Bytes::from((0..len).map(|_| random.u8(..)).collect::<Vec<_>>());
    let (small, large) = (bytes(3000), bytes(200_000));
    let blob = |bytes, caption| {
        Content::Blob(Blob {
            media: Media::Image,
            mime: "image/png".to_owned(),
            bytes,
            caption: Some(caption),
        })
    };
    let json =
        format!("{{\"{}\": [\"{}\", {}]}}", words(random, 1), words(random, 50), random.u64(1 << 60..));
    vec![
        Content::Text(words(random, 400)),
        Content::Json(RawJson::new(json).unwrap()),
        blob(small, words(random, 5)),
        blob(large, words(random, 5)),
    ]
}

/// All bytes of a memory that are to be nowhere.
fn bytes_of(draft: &MemoryDraft) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    match &draft.content {
        Content::Text(text) => all.push(text.clone().into_bytes()),
        Content::Json(json) => all.push(json.as_str().as_bytes().to_vec()),
        Content::Blob(blob) => {
            all.push(blob.bytes.to_vec());
            all.push(blob.caption.clone().unwrap().into_bytes());
        }
    }
    let vector = &draft.embedding.as_ref().unwrap().vector;
    // As files have numbers, and as a server sends them.
    all.push(vector.iter().flat_map(|x| x.to_le_bytes()).collect());
    all.push(vector.iter().flat_map(|x| x.to_be_bytes()).collect());
    for (key, value) in &draft.metadata {
        all.extend([key.clone().into_bytes(), value.as_str().as_bytes().to_vec()]);
    }
    let provenance = draft.provenance.as_ref().unwrap();
    all.push(provenance.source.clone().into_bytes());
    all.push(provenance.reference.clone().unwrap().into_bytes());
    all
}

/// Everything that a store tells to anybody.
fn told(store: &dyn Store) -> String {
    let mut told = String::new();
    let head = store.head().unwrap();
    let page = Page { order: Order::Oldest, skip: 0, most: Page::MOST };
    let all = Filter::of(Namespace::new("a").unwrap()).below().statuses(Status::ALL).page(page);
    for at in (head.0.saturating_sub(12)..=head.0).map(Commit) {
        let nodes = store.find(&all, at).unwrap();
        let ids: Vec<Id> = nodes.iter().map(|node| node.id).collect();
        told += &format!("{nodes:?} {:?}", store.relations(&ids, &[], Direction::Both, at).unwrap());
    }
    let mut log = |logged| {
        told += &format!("{logged:?}");
        Ok(())
    };
    store.log(Commit(0), &mut log).unwrap();
    told + &format!("{:?} {:?}", store.census().unwrap(), store.namespaces().unwrap())
}

fn commit(store: &dyn Store, changes: Vec<Change>) -> Commit {
    store.commit(&Batch { changes, ..Batch::default() }).unwrap().commit
}

fn add(id: u128, draft: &MemoryDraft) -> Change {
    let MemoryDraft { namespace, kind, content, embedding, provenance, metadata, .. } = draft.clone();
    let time = Timestamp::default();
    Change::Add(Box::new(MemoryNode {
        id: Id::from_u128(id),
        namespace,
        kind,
        content,
        embedding,
        importance: 0.5,
        valid: Default::default(),
        created: time,
        updated: time,
        ended: None,
        expires: None,
        last_access: time,
        accesses: 0,
        status: Status::Live,
        version: 1,
        provenance,
        metadata,
    }))
}

fn relate(id: u128, from: u128, to: u128, provenance: &str) -> Change {
    Change::Relate(Box::new(Relation {
        id: Id::from_u128(id),
        from: Id::from_u128(from),
        kind: RelationKind::Supports,
        to: Id::from_u128(to),
        weight: 1.0,
        valid: Default::default(),
        created: Timestamp::default(),
        provenance: Some(Provenance::new(provenance)),
    }))
}

fn forget(id: u128) -> Change {
    Change::Forget { id: Id::from_u128(id) }
}

/// A store with memories that stay: enough that the index of words has many pages.
fn filled(store: &dyn Store, random: &mut Rng) -> MemoryDraft {
    for batch in 0..20 {
        let one = |at: u128| {
            let content = Content::Text(words(random, 20));
            add(1000 + batch * 20 + at, &draft(random, content))
        };
        commit(store, (0..20).map(one).collect());
    }
    let content = Content::Text(words(random, 20));
    let stays = draft(random, content);
    commit(store, vec![add(999, &stays)]);
    stays
}

fn nothing_is_left_of_what_is_forgotten(on: Engine) {
    for seed in 0..on.count(3, 1) as u64 {
        let (Place { folder, store, .. }, mut random) = (on.place("forget"), Rng::with_seed(seed));
        let stays = filled(&*store, &mut random);
        let mut secrets: Vec<Vec<u8>> = Vec::new();
        let contents = contents(&mut random);
        for (id, content) in (1..).zip(&contents) {
            let first = draft(&mut random, content.clone());
            commit(&*store, vec![add(id, &first)]);
            // Every earlier version is part of it, and the vectors that it had.
            let content = contents[random.usize(..contents.len())].clone();
            let second = draft(&mut random, content);
            let revision = Revision {
                content: Some(second.content.clone()),
                metadata: Some(second.metadata.clone()),
                ..Revision::default()
            };
            commit(&*store, vec![Change::Revise { id: Id::from_u128(id), revision }]);
            let embedding = second.embedding.clone().unwrap();
            commit(&*store, vec![Change::Embed { id: Id::from_u128(id), embedding: Some(embedding) }]);
            let said = words(&mut random, 2);
            commit(&*store, vec![relate(100 + id, id, 999, &said)]);
            secrets.extend(bytes_of(&first).into_iter().chain(bytes_of(&second)));
            secrets.push(said.into_bytes());
        }
        let secrets: Vec<&[u8]> = secrets.iter().map(Vec::as_slice).collect();
        let secrets = secrets_of(&secrets);
        let found: usize = written(on, &folder, &secrets).iter().map(|(_, count)| count).sum();
        assert!(found > 200_000, "seed {seed}: only {found} traces before");
        // The second provenances were never stored; what is told is shortened, and not of media.
        assert!(traces(told(&*store).as_bytes(), &secrets) > 5_000, "seed {seed}");

        let forgotten = commit(&*store, (1..=4).map(forget).collect());
        assert_eq!(written(on, &folder, &secrets), [], "seed {seed}");
        assert_eq!(traces(told(&*store).as_bytes(), &secrets), 0, "seed {seed}");
        assert!(matches!(store.undo(forgotten), Err(Error::NotUndone { .. })));
        for node in store.nodes(&[1, 2, 3, 4].map(Id::from_u128), forgotten).unwrap() {
            assert_eq!(
                (node.status, node.content, node.embedding),
                (Status::Forgotten, Content::text(""), None)
            );
        }
        // What stays is as it was.
        let there = store.nodes(&[Id::from_u128(999)], forgotten).unwrap().remove(0);
        assert_eq!((&there.content, &there.embedding), (&stays.content, &stays.embedding));
        let words = stays.content.words().into_owned();
        assert_eq!(store.matches(&words, &Filter::of(stays.namespace.clone()), 10).unwrap().len(), 1);
        assert_eq!(store.check().unwrap().0, Vec::<String>::new());
        drop(store);
        assert_eq!(written(on, &folder, &secrets), [], "seed {seed}, closed");
    }
}

/// What two memories have in common stays as long as one of them does.
fn a_medium_of_two_memories_stays_with_the_other(on: Engine) {
    let (Place { folder, store, .. }, mut random) = (on.place("shared"), Rng::with_seed(1));
    filled(&*store, &mut random);
    let large = contents(&mut random).remove(3);
    let (one, other) = (draft(&mut random, large.clone()), draft(&mut random, large.clone()));
    commit(&*store, vec![add(1, &one), add(2, &other)]);
    assert_eq!(store.census().unwrap().blobs, 1);
    let head = commit(&*store, vec![forget(1)]);
    assert_eq!(store.nodes(&[Id::from_u128(2)], head).unwrap()[0].content, large);
    commit(&*store, vec![forget(2)]);
    assert_eq!(store.census().unwrap().blobs, 0);
    let Content::Blob(blob) = &large else { panic!("{large:?}") };
    assert_eq!(written(on, &folder, &secrets_of(&[&blob.bytes])), []);
}

/// What was added and undone is in no state that is told, but in earlier ones.
fn what_was_undone_can_be_forgotten(on: Engine) {
    let (Place { folder, store, .. }, mut random) = (on.place("undone"), Rng::with_seed(1));
    filled(&*store, &mut random);
    let content = Content::Text(words(&mut random, 50));
    let secret = draft(&mut random, content);
    let added = commit(&*store, vec![add(1, &secret)]);
    let undone = store.undo(added).unwrap().commit;
    let bytes = bytes_of(&secret);
    let secrets = secrets_of(&bytes.iter().map(Vec::as_slice).collect::<Vec<_>>());
    assert!(!written(on, &folder, &secrets).is_empty());
    let forgotten = commit(&*store, vec![forget(1)]);
    assert_eq!(written(on, &folder, &secrets), []);
    assert_eq!(store.nodes(&[Id::from_u128(1)], forgotten).unwrap()[0].status, Status::Forgotten);
    for commit in [added, undone, forgotten] {
        assert!(store.undo(commit).is_err());
    }
}

/// Somebody who reads hinders erasing: that is told, and made up for.
#[test]
fn what_is_hindered_is_finished_later() {
    let (folder, mut random) = (Folder::new("hindered"), Rng::with_seed(1));
    let path = folder.path().join("store.db");
    let store = open(&path, &settings().1).unwrap();
    filled(&store, &mut random);
    let content = Content::Text(words(&mut random, 50));
    let secret = draft(&mut random, content);
    commit(&store, vec![add(1, &secret)]);
    let bytes = bytes_of(&secret);
    let secrets = secrets_of(&bytes.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut hindered = None;
    store
        .vectors("m", &mut |_| {
            if hindered.is_none() {
                hindered = Some(store.commit(&Batch { changes: vec![forget(1)], ..Batch::default() }));
            }
            Ok(())
        })
        .unwrap();
    assert!(matches!(hindered, Some(Err(Error::NotErased { .. }))), "{hindered:?}");
    let status =
        |store: &SqliteStore| store.nodes(&[Id::from_u128(1)], store.head().unwrap()).unwrap()[0].status;
    assert_eq!(status(&store), Status::Forgotten);
    // The next that is forgotten takes this one with it.
    commit(&store, vec![forget(1000)]);
    assert_eq!(in_files(folder.path(), &secrets), []);

    let content = Content::Text(words(&mut random, 50));
    let secret = draft(&mut random, content);
    commit(&store, vec![add(2, &secret)]);
    let bytes = bytes_of(&secret);
    let secrets = secrets_of(&bytes.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut is_done = false;
    store
        .vectors("m", &mut |_| {
            if !std::mem::replace(&mut is_done, true) {
                let _ = store.commit(&Batch { changes: vec![forget(2)], ..Batch::default() });
            }
            Ok(())
        })
        .unwrap();
    drop(store);
    let (_clock, settings) = settings();
    let store = open(&path, &settings).unwrap();
    assert_eq!(in_files(folder.path(), &secrets), []);
    drop(store);
}
