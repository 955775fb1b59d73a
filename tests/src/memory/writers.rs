//! Writers that say what they have done, and what has to be there then.
//!
//! Each transaction of a writer stores three memories and two relations between them, by names that are computed from the
//! writer and the number of the transaction. Now and then a memory of an earlier one is revised, or forgotten.

use std::thread;

use fastrand::Rng;
use typewright_runtime::memory::store::{Batch, Change, Commit, Direction, Revision, Store};
use typewright_runtime::memory::{
    Content, Embedding, Error, Id, Kind, MemoryNode, Namespace, Provenance, Relation, RelationKind, Status,
    Timestamp,
};

/// The memories of a transaction.
const NODES: u64 = 3;

fn id(writer: u64, number: u64, part: u64) -> Id {
    Id::from_u128(u128::from(writer + 1) << 96 | u128::from(number) << 16 | u128::from(part))
}

fn node(writer: u64, number: u64, part: u64, random: &mut Rng) -> MemoryNode {
    let now = Timestamp::from_micros(1_767_225_600_000_000).unwrap_or_default();
    let words: Vec<String> = (0..random.usize(1..200)).map(|_| format!("{:x}", random.u64(..))).collect();
    MemoryNode {
        id: id(writer, number, part),
        namespace: Namespace::new(format!("w{writer}")).unwrap_or_else(|error| unreachable!("{error}")),
        kind: Kind::Semantic,
        content: Content::Text(format!("{writer} {number} {part} {}", words.join(" "))),
        embedding: Some(Embedding {
            model: "m".to_owned(),
            vector: (0..64).map(|_| random.f32() + 0.1).collect(),
        }),
        importance: 0.5,
        valid: Default::default(),
        created: now,
        updated: now,
        ended: None,
        expires: None,
        last_access: now,
        accesses: 0,
        status: Status::Live,
        version: 1,
        provenance: Some(Provenance::new(format!("writer {writer}"))),
        metadata: Default::default(),
    }
}

fn batch(writer: u64, number: u64, random: &mut Rng) -> Batch {
    let mut changes: Vec<Change> =
        (0..NODES).map(|part| Change::Add(Box::new(node(writer, number, part, random)))).collect();
    for part in 1..NODES {
        changes.push(Change::Relate(Box::new(Relation {
            id: id(writer, number, NODES + part),
            from: id(writer, number, part - 1),
            kind: RelationKind::Precedes,
            to: id(writer, number, part),
            weight: 1.0,
            valid: Default::default(),
            created: Timestamp::MIN,
            provenance: None,
        })));
    }
    if number > 0 {
        let content = Some(Content::Text(format!("revised by {number}")));
        let revision = Revision { content, ..Revision::default() };
        changes.push(Change::Revise { id: id(writer, number - 1, 0), revision });
    }
    Batch { changes, ..Batch::default() }
}

/// Commits for ever, in several threads, after what is there already; says `begin WRITER NUMBER` before each transaction
/// and `done WRITER NUMBER` after it.
///
/// # Errors
/// The first error of the store.
pub fn run(store: &dyn Store, seed: u64, threads: u64, say: fn(String)) -> Result<(), Error> {
    let write = |writer: u64| -> Result<(), Error> {
        let mut random = Rng::with_seed(seed << 8 | writer);
        let mut number = 0;
        while !store.nodes(&[id(writer, number, 0)], store.head()?)?.is_empty() {
            number += 1;
        }
        loop {
            say(format!("begin {writer} {number}"));
            store.commit(&batch(writer, number, &mut random))?;
            say(format!("done {writer} {number}"));
            number += 1;
        }
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..threads).map(|writer| scope.spawn(move || write(writer))).collect();
        writers.into_iter().try_for_each(|writer| writer.join().unwrap_or(Ok(())))
    })
}

/// Whether all of a transaction is there, or nothing of it.
///
/// # Errors
/// When it is there in part, or the store cannot be read.
pub fn is_there(store: &dyn Store, writer: u64, number: u64) -> Result<bool, String> {
    let (ids, head) = read(store, writer, number)?;
    let nodes = store.nodes(&ids, head).map_err(|error| error.to_string())?;
    let relations =
        store.relations(&ids, &[], Direction::Out, head).map_err(|error| error.to_string())?.len() as u64;
    let before = id(writer, number.saturating_sub(1), 0);
    let before = store.nodes(&[before], head).map_err(|error| error.to_string())?;
    let revised = Content::Text(format!("revised by {number}"));
    let is_revised = number == 0 || before.first().is_some_and(|node| node.content == revised);
    match (nodes.len() as u64, relations) {
        (NODES, found) if found == NODES - 1 && is_revised => Ok(true),
        (0, 0) if !is_revised || number == 0 => Ok(false),
        found => Err(format!("of {writer} {number} there are {found:?}, and it revised: {is_revised}")),
    }
}

fn read(store: &dyn Store, writer: u64, number: u64) -> Result<(Vec<Id>, Commit), String> {
    let ids = (0..NODES).map(|part| id(writer, number, part)).collect();
    Ok((ids, store.head().map_err(|error| error.to_string())?))
}

/// Stores memories, and forgets one of them; says `forgotten` when that is done.
///
/// # Errors
/// When the store fails.
pub fn forget(store: &dyn Store, seed: u64, say: fn(String)) -> Result<(), Error> {
    let mut random = Rng::with_seed(seed);
    for number in 0..4 {
        store.commit(&batch(0, number, &mut random))?;
    }
    let secret = MemoryNode { content: Content::Text(secret(seed)), ..node(1, 0, 0, &mut random) };
    store.commit(&Batch { changes: vec![Change::Add(Box::new(secret))], ..Batch::default() })?;
    store.commit(&batch(0, 4, &mut random))?;
    say("stored".to_owned());
    let forget = Change::Forget { id: secret_id() };
    store.commit(&Batch { changes: vec![forget], ..Batch::default() })?;
    say("forgotten".to_owned());
    Ok(())
}

/// The name of what [`forget`] forgets.
pub fn secret_id() -> Id {
    id(1, 0, 0)
}

/// What it says: words of their own.
pub fn secret(seed: u64) -> String {
    let mut random = Rng::with_seed(!seed);
    let words: Vec<String> = (0..300).map(|_| format!("{:016x}", random.u64(..))).collect();
    words.join(" ")
}
