//! What a role does where its namespace ends: relations that lead into others, transactions of which it sees a part, and
//! what it may not do itself.

use std::sync::Arc;

use typewright_runtime::memory::postgres::PostgresStore;
use typewright_runtime::memory::store::{Batch, Change, Direction, Revision, Store};
use typewright_runtime::memory::{Content, Error, Id, RelationKind, Settings};
use typewright_tests::memory::server::Server;

use super::edges::{commit, forget, related};
use super::{adding, config, namespace, node, open, schema, server};
use crate::store::settings;

/// A store with what two tenants have, `t/a` the memories 1 to 3 and `t/b` 4 to 6, and each of them.
struct Shared {
    name: String,
    settings: Arc<Settings>,
    owner: PostgresStore,
    tenants: [PostgresStore; 2],
}

fn role(name: &str, tenant: &str) -> String {
    format!("{tenant}_of_{name}")
}

fn shared(server: &Server) -> Shared {
    let (name, settings) = (schema(), settings().1);
    let owner = open(server, &name, &settings);
    let nodes = (1..=6).map(|number| node(number, if number < 4 { "t/a" } else { "t/b" }, "said"));
    owner.commit(&adding(nodes)).unwrap();
    let tenants = ["a", "b"].map(|tenant| {
        let role = role(&name, tenant);
        server.sql(&format!("CREATE ROLE {role} LOGIN")).unwrap();
        owner.admit(&role, Some(&namespace(&format!("t/{tenant}")))).unwrap();
        PostgresStore::open(config(server, &role, &name), Arc::clone(&settings)).unwrap()
    });
    Shared { name, settings, owner, tenants }
}

fn revised(number: u128, text: &str) -> Change {
    let revision = Revision { content: Some(Content::text(text)), ..Revision::default() };
    Change::Revise { id: Id::from_u128(number), revision }
}

fn content(store: &dyn Store, number: u128) -> Content {
    store.nodes(&[Id::from_u128(number)], store.head().unwrap()).unwrap().remove(0).content
}

#[test]
fn a_role_undoes_no_transaction_of_which_it_sees_a_part() {
    let Some(server) = server() else { return };
    let Shared { owner, tenants: [a, b], .. } = shared(server);
    let others = commit(&b, vec![revised(4, "of b alone")]);
    let both = commit(&owner, vec![revised(1, "of both"), revised(5, "of both")]);
    let own = commit(&a, vec![revised(2, "of a alone")]);
    let head = owner.head().unwrap();
    for one in [others, both] {
        let told = a.undo(one);
        assert!(matches!(told, Err(Error::NotUndone { .. })), "{one:?}: {told:?}");
    }
    assert_eq!(owner.head().unwrap(), head);
    assert_eq!(content(&owner, 1), Content::text("of both"));
    // Who sees all of it undoes it.
    a.undo(own).unwrap();
    owner.undo(both).unwrap();
    b.undo(others).unwrap();
    assert!([1, 2, 4, 5].iter().all(|number| content(&owner, *number) == Content::text("said")));
}

#[test]
fn forgetting_ends_relations_that_lead_elsewhere() {
    let Some(server) = server() else { return };
    let Shared { owner, tenants: [a, b], name, .. } = shared(server);
    let kind = || RelationKind::Supports;
    commit(&owner, vec![related(11, 1, kind(), 4), related(12, 5, kind(), 1), related(13, 2, kind(), 4)]);
    commit(&a, vec![forget(1)]);
    let ids: Vec<Id> = (1..=6).map(Id::from_u128).collect();
    let held = owner.relations(&ids, &[], Direction::Both, owner.head().unwrap()).unwrap();
    assert_eq!(held.iter().map(|one| one.id.as_u128()).collect::<Vec<_>>(), [13]);
    let left = format!("SELECT count(*) FROM {name}.relations WHERE provenance IS NOT NULL");
    assert_eq!(server.sql(&left).unwrap(), "1");
    // Nobody ends those of what it does not see, nor of what it has not forgotten.
    for gone in ["1, 2, 3, 4, 5, 6", "4", "2"] {
        let sql = format!(
            "SET SESSION AUTHORIZATION {}; SET search_path = {name}; SELECT apart(ARRAY[{gone}]::bigint[])",
            role(&name, "a")
        );
        server.sql(&sql).unwrap();
    }
    assert_eq!(owner.relations(&ids, &[], Direction::Both, owner.head().unwrap()).unwrap(), held);
    drop(b);
    assert_eq!(owner.check().unwrap().0, Vec::<String>::new());
}

#[test]
fn an_addition_to_which_others_lead_is_not_undone() {
    let Some(server) = server() else { return };
    let Shared { owner, tenants: [a, _b], name, .. } = shared(server);
    let added = a.commit(&adding([node(20, "t/a", "mine"), node(21, "t/a", "mine")])).unwrap().commit;
    let tied = commit(&owner, vec![related(11, 4, RelationKind::Supports, 20)]);
    let told = a.undo(added);
    assert!(matches!(told, Err(Error::NotUndone { .. })), "{told:?}");
    // It learns that of its own memories alone.
    let ends = |tenant: &str| {
        let sql = format!(
            "SET SESSION AUTHORIZATION {}; SET search_path = {name}; \
             SELECT count(*) FROM ends_elsewhere(ARRAY(SELECT generate_series(1, 100)::bigint))",
            role(&name, tenant)
        );
        server.sql(&sql).unwrap()
    };
    assert_eq!((ends("a"), ends("b")), ("1".to_owned(), "1".to_owned()));
    owner.undo(tied).unwrap();
    assert_eq!((ends("a"), ends("b")), ("0".to_owned(), "0".to_owned()));
    a.undo(added).unwrap();
}

#[test]
fn a_circle_through_what_is_not_seen_is_refused() {
    let Some(server) = server() else { return };
    let Shared { owner, tenants: [a, b], name, .. } = shared(server);
    let kind = || RelationKind::PartOf;
    // From 1 through 4 and 5 to 2, and on to 3.
    commit(&owner, vec![related(11, 1, kind(), 4), related(12, 4, kind(), 5), related(13, 5, kind(), 2)]);
    commit(&a, vec![related(14, 2, kind(), 3)]);
    let relate = |from, to| {
        a.commit(&Batch { changes: vec![related(15, from, kind(), to)], ..Batch::default() }).unwrap_err()
    };
    for (from, to) in [(2, 1), (3, 1)] {
        let told = relate(from, to);
        assert!(matches!(told, Error::Circle { .. }), "{from} to {to}: {told:?}");
    }
    // Another way, and after the seen part of it has ended in the same batch.
    commit(&a, vec![Change::Unrelate { id: Id::from_u128(14) }, related(16, 3, kind(), 1)]);
    let told = relate(2, 3);
    assert!(matches!(told, Error::Circle { .. }), "{told:?}");
    commit(&b, vec![Change::Unrelate { id: Id::from_u128(12) }]);
    commit(&a, vec![related(15, 2, kind(), 3)]);
    assert_eq!(owner.check().unwrap().0, Vec::<String>::new());
    // Nobody is told where from others it leads.
    let sql = format!(
        "SET SESSION AUTHORIZATION {}; SET search_path = {name}, public; SELECT count(*) FROM led(ARRAY['part_of'], \
         ARRAY['00000000-0000-0000-0000-000000000004']::uuid[])",
        role(&name, "a")
    );
    assert_eq!(server.sql(&sql).unwrap(), "0");
}

/// A function with the rights of the owner does not look where a role has put something.
#[test]
fn a_table_of_its_own_makes_nobody_a_member() {
    let Some(server) = server() else { return };
    let Shared { name, .. } = shared(server);
    let a = role(&name, "a");
    let sql = format!(
        "SET SESSION AUTHORIZATION {a}; CREATE TEMP TABLE members (role name, path text); \
         INSERT INTO pg_temp.members VALUES ('{a}', ''); GRANT SELECT ON pg_temp.members TO PUBLIC; \
         SELECT count(*) FROM {name}.nodes"
    );
    assert_eq!(server.sql(&sql).unwrap(), "3");
}

#[test]
fn a_role_that_may_not_vacuum_is_told_so() {
    let Some(server) = server() else { return };
    let Shared { owner, tenants: [a, b], name, settings } = shared(server);
    // As it was admitted, it may.
    commit(&a, vec![forget(1)]);
    let tables = "contents, blobs, vectors, words, states, relations, log, notes";
    let tables: Vec<String> = tables.split(", ").map(|table| format!("{name}.{table}")).collect();
    server.sql(&format!("REVOKE MAINTAIN ON {} FROM {}", tables.join(", "), role(&name, "b"))).unwrap();
    let told = b.commit(&Batch { changes: vec![forget(4)], ..Batch::default() });
    let Err(Error::NotErased { commit, .. }) = told else { panic!("{told:?}") };
    assert_eq!((owner.head().unwrap(), content(&owner, 4)), (commit, Content::text("")));
    drop(settings);
}
