//! A role sees and changes what it was admitted to, and nothing else, whatever it asks.

use typewright_runtime::memory::postgres::PostgresStore;
use typewright_runtime::memory::store::{Batch, Change, Commit, Direction, Filter, Nearest, Search, Store};
use typewright_runtime::memory::{Clock, Embedding, Error, Id, Interval, Relation, RelationKind};

use super::{adding, config, embedded, namespace, node, open, schema, server};
use crate::store::settings;

const TABLES: [&str; 10] =
    ["namespaces", "nodes", "states", "contents", "blobs", "vectors", "tally", "words", "relations", "log"];

fn related(number: u128, from: u128, to: u128) -> Change {
    Change::Relate(Box::new(Relation {
        id: Id::from_u128(number),
        from: Id::from_u128(from),
        kind: RelationKind::RelatedTo,
        to: Id::from_u128(to),
        weight: 1.0,
        valid: Interval::ALWAYS,
        created: settings().0.now(),
        provenance: None,
    }))
}

fn large(number: u128, path: &str) -> typewright_runtime::memory::MemoryNode {
    let content = typewright_runtime::memory::Content::Blob(typewright_runtime::memory::content::Blob {
        media: typewright_runtime::memory::content::Media::Audio,
        mime: "audio/wav".to_owned(),
        bytes: vec![7; 100_000].into(),
        caption: Some("a secret song".to_owned()),
    });
    typewright_runtime::memory::MemoryNode { content, ..node(number, path, "x") }
}

/// Two tenants, `t/a` with the memories 1 to 3 and `t/b` with 4 to 6, and what relates them.
fn filled(owner: &PostgresStore) {
    let mut batch = adding([
        embedded(node(1, "t/a", "the secret of ada"), vec![1.0, 0.0]),
        embedded(node(2, "t/a/sub", "the secret of charles"), vec![0.9, 0.1]),
        large(3, "t/a"),
        embedded(node(4, "t/b", "the secret of george"), vec![1.0, 0.05]),
        embedded(node(5, "t/ab", "the secret of mary"), vec![1.0, 0.02]),
        large(6, "t/b"),
    ]);
    batch.changes.extend([related(11, 1, 2), related(12, 4, 5), related(13, 1, 4)]);
    batch.note = Some("a note of both".to_owned());
    owner.commit(&batch).unwrap();
}

fn seen(store: &PostgresStore) -> Vec<u128> {
    let ids: Vec<Id> = (1..=6).map(Id::from_u128).collect();
    let head = store.head().unwrap();
    let mut seen: Vec<u128> = store.nodes(&ids, head).unwrap().iter().map(|node| node.id.as_u128()).collect();
    let everywhere = Filter::of(namespace("t")).below();
    let to = Embedding { model: "m".to_owned(), vector: vec![1.0, 0.0] };
    let asked = Nearest { to: &to, filter: &everywhere, most: 10, search: Search::Exact };
    let words = store.matches("secret", &everywhere, 10).unwrap();
    let near = store.nearest(&asked).unwrap();
    let (mut vectors, mut logged) = (Vec::new(), Vec::new());
    store
        .vectors("m", &mut |stored| {
            vectors.push(stored.id.as_u128());
            Ok(())
        })
        .unwrap();
    store
        .log(Commit(0), &mut |entry| {
            logged.extend(entry.change.touches().map(|id| id.as_u128()));
            Ok(())
        })
        .unwrap();
    let relations = store.relations(&ids, &[], Direction::Both, head).unwrap();
    let ends = relations.iter().flat_map(|one| [one.from.as_u128(), one.to.as_u128()]);
    let found = store.find(&everywhere, head).unwrap();
    for more in [
        words.iter().map(|one| one.id.as_u128()).collect::<Vec<_>>(),
        near.iter().map(|one| one.id.as_u128()).collect(),
        vectors,
        logged,
        ends.collect(),
        found.iter().map(|node| node.id.as_u128()).collect(),
        store.ids(&everywhere).unwrap().iter().map(|id| id.as_u128()).collect(),
    ] {
        assert!(more.iter().all(|number| seen.contains(number)), "{more:?} beside {seen:?}");
    }
    seen.sort_unstable();
    seen
}

#[test]
fn a_role_sees_its_namespace_and_nothing_else() {
    let Some(server) = server() else { return };
    let (name, settings) = (schema(), settings().1);
    let owner = open(server, &name, &settings);
    filled(&owner);
    server
        .sql(&format!(
            "CREATE ROLE tenant_{name} LOGIN; CREATE ROLE all_{name} LOGIN; CREATE ROLE none_{name} LOGIN"
        ))
        .unwrap();
    let [tenant, all, none] = ["tenant", "all", "none"].map(|role| format!("{role}_{name}"));
    owner.admit(&tenant, Some(&namespace("t/a"))).unwrap();
    owner.admit(&all, None).unwrap();
    owner.admit(&none, None).unwrap();
    server.sql(&format!("DELETE FROM {name}.members WHERE role = '{none}'")).unwrap();
    let as_role = |role: &str, path: Option<&str>| {
        let mut config = config(server, role, &name);
        config.namespace = path.map(namespace);
        PostgresStore::open(config, std::sync::Arc::clone(&settings))
    };
    assert_eq!(seen(&owner), [1, 2, 3, 4, 5, 6]);
    assert_eq!(seen(&as_role(&tenant, None).unwrap()), [1, 2, 3]);
    assert_eq!(seen(&as_role(&tenant, Some("t/a/sub")).unwrap()), [2]);
    assert_eq!(seen(&as_role(&tenant, Some("t/b")).unwrap()), []);
    assert_eq!(seen(&as_role(&all, None).unwrap()), [1, 2, 3, 4, 5, 6]);
    assert_eq!(seen(&as_role(&all, Some("t/b")).unwrap()), [4, 6]);
    assert_eq!(seen(&as_role(&none, None).unwrap()), []);
    // Who owns the tables would only believe to be held.
    assert!(matches!(as_role("tester", Some("t/a")), Err(Error::Invalid { .. })));
    let census = as_role(&tenant, None).unwrap().census().unwrap();
    assert_eq!((census.nodes[0], census.relations, census.blobs), (3, 1, 1));
    tables(server, &name, [&tenant, &none]);
    changes(&owner, &as_role(&tenant, None).unwrap(), &settings);
}

/// Whatever statement a role sends, and whatever it sets.
fn tables(server: &typewright_tests::memory::server::Server, name: &str, [tenant, none]: [&str; 2]) {
    for table in TABLES {
        let count = |role: &str, path: &str| {
            let asked = format!(
                "SET SESSION AUTHORIZATION {role}; SET typewright.namespace = '{path}'; SELECT count(*) FROM {name}.{table}"
            );
            server.sql(&asked).unwrap().parse::<u64>().unwrap()
        };
        let (owner, tenant) = (count("tester", ""), count(tenant, ""));
        assert!(tenant > 0 && tenant < owner, "{table}: {tenant} of {owner}");
        assert_eq!(count(none, "t/a"), 0, "{table}");
    }
    for table in ["members", "notes"] {
        let asked = format!("SET SESSION AUTHORIZATION {tenant}; SELECT count(*) FROM {name}.{table}");
        assert!(server.sql(&asked).is_err(), "{table}");
    }
    // Nor by setting what it is not admitted to.
    let asked = format!(
        "SET SESSION AUTHORIZATION {tenant}; SET typewright.namespace = 't/b'; SELECT count(*) FROM {name}.nodes"
    );
    assert_eq!(server.sql(&asked).unwrap(), "0");
}

/// A role changes what is its own, and cannot touch the rest.
fn changes(
    owner: &PostgresStore,
    tenant: &PostgresStore,
    settings: &std::sync::Arc<typewright_runtime::memory::Settings>,
) {
    tenant.commit(&adding([embedded(node(20, "t/a/new", "mine"), vec![0.3, 0.7])])).unwrap();
    let refused = tenant.commit(&adding([node(21, "t/b", "not mine")])).unwrap_err();
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused:?}");
    for change in [
        Change::Forget { id: Id::from_u128(4) },
        Change::Expire { id: Id::from_u128(5) },
        Change::Touch { id: Id::from_u128(4), at: settings.clock.now() },
        Change::Unrelate { id: Id::from_u128(12) },
        related(14, 1, 4),
    ] {
        let refused = tenant.commit(&Batch { changes: vec![change], ..Batch::default() }).unwrap_err();
        assert!(matches!(refused, Error::NotFound { .. }), "{refused:?}");
    }
    assert!(tenant.compact(std::time::Duration::ZERO).is_err());
    tenant
        .commit(&Batch { changes: vec![Change::Forget { id: Id::from_u128(3) }], ..Batch::default() })
        .unwrap();
    let there = owner.nodes(&[3, 4, 6, 20].map(Id::from_u128), owner.head().unwrap()).unwrap();
    assert_eq!(
        there.iter().map(|node| node.status.name()).collect::<Vec<_>>(),
        ["forgotten", "live", "live", "live"]
    );
    // What another tenant has under the same digest is still there.
    assert_eq!(there[2].content.len(), 100_000);
    assert_eq!(owner.check().unwrap().0, Vec::<String>::new());
}
