//! Transactions: they see what they have changed, go back to savepoints, and are refused when what they read has changed.

use typewright_runtime::memory::node::MemoryDraft;
use typewright_runtime::memory::relation::RelationDraft;
use typewright_runtime::memory::store::{Batch, Change, Revision, Transaction};
use typewright_runtime::memory::{Error, Id, Kind, MemoryNode, Namespace, RelationKind};
use typewright_tests::memory::history::History;
use typewright_tests::memory::oracle::Oracle;

use crate::model::check_world;
use crate::store::{Engine, on_each_store};

on_each_store!(
    random_transactions_do_what_is_left_of_them,
    the_second_of_two_is_a_conflict,
    kinds_that_do_not_change_are_superseded
);

fn draft(history: &mut History) -> MemoryDraft {
    let MemoryNode {
        id, namespace, kind, content, embedding, importance, valid, provenance, metadata, ..
    } = history.node();
    MemoryDraft {
        id: Some(id),
        namespace,
        kind,
        content,
        embedding,
        importance: Some(importance),
        valid,
        expires: None,
        provenance,
        metadata,
    }
}

/// Something, to something that is there, or was added by the transaction, or is not there at all.
fn act(transaction: &mut Transaction, history: &mut History, ids: &mut Vec<Id>) -> Result<(), Error> {
    let draft = draft(history);
    let one = |history: &mut History, ids: &[Id]| match history.random.usize(..ids.len() + 1) {
        at if at < ids.len() => ids[at],
        _ => Id::from_u128(7),
    };
    let (id, other) = (one(history, ids), one(history, ids));
    match history.random.u32(..12) {
        0..3 => ids.push(transaction.add(draft)?),
        3 => ids.push(transaction.supersede(id, draft)?),
        4 => transaction.invalidate(id, history.now())?,
        5 => transaction.expire(id)?,
        6 => transaction.forget(id),
        7 => transaction.embed(id, draft.embedding)?,
        8 => transaction.revise(id, Revision { content: Some(draft.content), ..Revision::default() })?,
        9 => drop(transaction.relate(RelationDraft::new(id, RelationKind::PartOf, other))?),
        10 => transaction.unrelate(other),
        _ => drop(transaction.get(id)?),
    }
    Ok(())
}

/// What it sees is what there would be if it were committed alone.
fn check_seen(transaction: &mut Transaction, oracle: &Oracle, ids: &[Id], context: &str) {
    let mut after = oracle.clone();
    let batch = Batch { expected: Vec::new(), ..transaction.batch() };
    if after.commit(&batch, batch.at.unwrap()).is_err() {
        return;
    }
    for id in ids {
        let expected = after.now().nodes.get(id);
        assert_eq!(transaction.get(*id).unwrap().as_ref(), expected, "{context}: {id}");
    }
}

fn random_transactions_do_what_is_left_of_them(on: Engine) {
    let (mut conflicts, mut rolled_back, mut refused, mut done) = (0, 0, 0, 0);
    let seeds = on.count(6, 3) as u32;
    for seed in 0..u64::from(seeds) {
        let place = on.place("transaction");
        let store = &place.store;
        let (mut oracle, mut history, mut ids) = (Oracle::default(), History::new(seed), Vec::new());
        let mut latest = history.now();
        for round in 0..40 {
            let context = format!("seed {seed}, round {round}");
            history.pass();
            // A commit is never earlier than the one before, which a transaction cannot know of.
            latest = latest.max(history.now());
            place.clock.set(latest);
            let base = oracle.clone();
            let mut transaction = place.begin();
            for _ in 0..history.random.usize(1..6) {
                refused += u32::from(act(&mut transaction, &mut history, &mut ids).is_err());
                let (point, before) = (transaction.savepoint(), transaction.batch().changes);
                if history.random.u32(..3) == 0 {
                    let _ = act(&mut transaction, &mut history, &mut ids);
                    transaction.roll_back(point);
                    assert_eq!(transaction.batch().changes, before, "{context}");
                    rolled_back += 1;
                }
            }
            check_seen(&mut transaction, &base, &ids, &context);
            if history.random.u32(..3) == 0 {
                let meanwhile = Batch { at: Some(latest), ..history.batch(&oracle) };
                let told = store.commit(&meanwhile).is_ok();
                assert_eq!(told, oracle.commit(&meanwhile, history.now()).is_ok(), "{context}");
            }
            let batch = transaction.batch();
            let told = transaction.commit().map(drop).map_err(|error| error.name());
            assert_eq!(told, oracle.commit(&batch, history.now()), "{context}: {batch:?}");
            conflicts += u32::from(told == Err("Conflict"));
            done += u32::from(told.is_ok());
            check_world(&**store, &oracle, oracle.head(), &context);
        }
    }
    println!("{done} done, {conflicts} conflicts, {rolled_back} rolled back, {refused} acts refused");
    assert!(done >= 9 * seeds && conflicts >= seeds && rolled_back >= 9 * seeds && refused >= 4 * seeds);
}

/// Two that change one memory: the second is told, and nothing of it is done.
fn the_second_of_two_is_a_conflict(on: Engine) {
    let place = on.place("conflict");
    let (store, begin) = (&place.store, || place.begin());
    let of = |text: &str| MemoryDraft::new(Namespace::new("a").unwrap(), Kind::Semantic, text);
    let mut first = begin();
    let id = first.add(of("one")).unwrap();
    first.commit().unwrap();
    let (mut one, mut other) = (begin(), begin());
    let revision = |text: &str| Revision { content: Some(text.into()), ..Revision::default() };
    one.revise(id, revision("two")).unwrap();
    other.revise(id, revision("three")).unwrap();
    other.add(of("another")).unwrap();
    one.commit().unwrap();
    assert!(other.commit().unwrap_err().is_conflict());
    let head = store.head().unwrap();
    assert_eq!((head.0, store.nodes(&[id], head).unwrap()[0].content.words().as_ref()), (2, "two"));
    assert_eq!(store.census().unwrap().nodes[0], 1);
}

fn kinds_that_do_not_change_are_superseded(on: Engine) {
    let place = on.place("immutable");
    let mut transaction = place.begin();
    let of = |text: &str| MemoryDraft::new(Namespace::new("a").unwrap(), Kind::Fact, text);
    let id = transaction.add(of("Ada was born in 1814")).unwrap();
    let revision = Revision { importance: Some(1.0), ..Revision::default() };
    assert!(matches!(transaction.revise(id, revision), Err(Error::Immutable { .. })));
    let by = transaction.supersede(id, of("Ada was born in 1815")).unwrap();
    let changes = transaction.batch().changes;
    assert!(changes.iter().any(
        |change| matches!(change, Change::Supersede { id: one, by: other, .. } if (*one, *other) == (id, by))
    ));
    transaction.commit().unwrap();
}
