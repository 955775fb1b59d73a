//! Tables of an earlier version become those of this one, and what the server knows of their columns has nothing of
//! what memories say.

use typewright_runtime::json::RawJson;
use typewright_runtime::memory::postgres::PostgresStore;
use typewright_runtime::memory::store::{Batch, Change, Commit, Filter, Nearest, Search, Store};
use typewright_runtime::memory::{Embedding, Error, Id, MemoryNode, Provenance, RelationKind};
use typewright_tests::memory::server::Server;

use super::edges::{commit, forget, large, related};
use super::{adding, config, embedded, namespace, node, open, schema, server};
use crate::store::settings;

const VERSION_1: &str = include_str!("../../../../runtime/src/memory/postgres/schema.sql");
const TABLES: [&str; 16] = [
    "head",
    "commits",
    "notes",
    "namespaces",
    "models",
    "nodes",
    "states",
    "contents",
    "blobs",
    "vectors",
    "tally",
    "words",
    "relations",
    "log",
    "members",
    "meta",
];
/// What is told of no memory by a column's values as the planner keeps them.
const SECRET: &str = "xylograph";

fn secret(number: u128) -> MemoryNode {
    let text = format!("{SECRET} {number}");
    let metadata = [(SECRET.to_owned(), RawJson::string(&text))].into();
    let provenance = Some(Provenance::new(SECRET));
    let vector = vec![0.123, number as f32];
    MemoryNode { metadata, provenance, ..embedded(node(number, "a", &text), vector) }
}

/// How many columns of a store the planner has values of that are of a memory.
fn kept(server: &Server, name: &str) -> (String, String) {
    server
        .sql(&format!(
            "ANALYZE {name}.contents, {name}.states, {name}.words, {name}.vectors, {name}.blobs, \
        {name}.relations, {name}.notes, {name}.nodes, {name}.log"
        ))
        .unwrap();
    told(server, name)
}

fn told(server: &Server, name: &str) -> (String, String) {
    let of = |condition: &str| {
        server.sql(&format!(
            "SELECT string_agg(tablename || '.' || attname, ' ' ORDER BY tablename, attname) FROM pg_stats \
             WHERE schemaname = '{name}' AND ({condition})"
        )).unwrap()
    };
    let hex = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let values = "coalesce(most_common_vals::text, '') || coalesce(histogram_bounds::text, '') || \
                  coalesce(most_common_elems::text, '')";
    let secret = format!("{values} LIKE '%{SECRET}%' OR {values} LIKE '%{hex}%' OR {values} LIKE '%0.123%'");
    let named = "attname IN ('body', 'digest', 'bytes', 'mime', 'caption', 'terms', 'repeated', 'metadata', \
                 'provenance', 'data', 'note')";
    (of(&secret), of(named))
}

fn filled(store: &dyn Store) {
    let mut batch = adding((1..=40).map(secret).chain([large(41, "a")]));
    batch.note = Some(SECRET.to_owned());
    store.commit(&batch).unwrap();
    for number in 1..=20 {
        commit(store, vec![related(100 + number, number, RelationKind::Supports, number + 1)]);
    }
}

#[test]
fn the_planner_keeps_nothing_of_what_memories_say() {
    let Some(server) = server() else { return };
    let name = schema();
    let mut config = config(server, "tester", &name);
    config.indexed_from = 10;
    let store = PostgresStore::open(config, settings().1).unwrap();
    filled(&store);
    assert_eq!(store.index().unwrap(), 1);
    assert_eq!(kept(server, &name), (String::new(), String::new()));
    // It knows of the others all the same.
    let others = format!("SELECT count(*) > 20 FROM pg_stats WHERE schemaname = '{name}'");
    assert_eq!(server.sql(&others).unwrap(), "t");
    commit(&store, (1..=40).map(forget).collect());
    store.rewrite().unwrap();
    assert_eq!(told(server, &name), (String::new(), String::new()));
}

/// The tables of a store as version 1 had them, with what another has.
fn as_version_1(server: &Server, from: &str, to: &str) {
    let copied: Vec<String> = TABLES
        .iter()
        .map(|table| {
            let columns = server
                .sql(&format!(
                    "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) FROM \
                     information_schema.columns WHERE table_schema = '{to}' AND table_name = '{table}'"
                ))
                .unwrap();
            format!("DELETE FROM {to}.{table}; INSERT INTO {to}.{table} ({columns}) SELECT {columns} FROM {from}.{table}")
        })
        .collect();
    server.sql(&copied.join("; ")).unwrap();
    server.sql(&format!("UPDATE {to}.meta SET version = 1")).unwrap();
}

#[test]
fn tables_of_version_1_become_those_of_this_version() {
    let Some(server) = server() else { return };
    let (new, old, settings) = (schema(), schema(), settings().1);
    let store = open(server, &new, &settings);
    filled(&store);
    let last = store.commit(&adding([node(50, "b", "of another"), node(51, "a", "of one")])).unwrap().commit;
    drop(store);
    server.sql(&format!("CREATE SCHEMA {old}; SET search_path = {old}, public; {VERSION_1}")).unwrap();
    as_version_1(server, &new, &old);
    server
        .sql(&format!(
            "CREATE INDEX vectors_hnsw_1 ON {old}.vectors USING hnsw ((data::vector(2)) vector_cosine_ops) \
             WHERE m = 1 AND is_live"
        ))
        .unwrap();
    let (secrets, named) = kept(server, &old);
    assert!(secrets.contains("contents.body") && named.contains("words.terms"), "{secrets}, {named}");
    let tenant = format!("tenant_of_{old}");
    server.sql(&format!("CREATE ROLE {tenant} LOGIN; INSERT INTO {old}.members VALUES ('{tenant}', 'a'), \
        ('gone_{old}', 'a'); GRANT USAGE ON SCHEMA {old} TO {tenant}; GRANT ALL ON ALL TABLES IN SCHEMA {old} TO {tenant}; \
        REVOKE MAINTAIN ON ALL TABLES IN SCHEMA {old} FROM {tenant}")).unwrap();
    // Only the owner makes them.
    let refused = PostgresStore::open(config(server, &tenant, &old), settings.clone());
    assert!(matches!(refused, Err(Error::ReadOnly { .. })), "{refused:?}");

    let store = open(server, &old, &settings);
    assert_eq!(told(server, &old), (String::new(), String::new()));
    assert_eq!(kept(server, &old), (String::new(), String::new()));
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
    assert_eq!(store.nodes(&[Id::from_u128(7)], last).unwrap(), [MemoryNode { ..secret(7) }]);
    let to = Embedding { model: "m".to_owned(), vector: vec![0.123, 1.0] };
    let filter = Filter::of(namespace("a"));
    let asked = Nearest { to: &to, filter: &filter, most: 1, search: Search::Exact };
    assert_eq!(store.nearest(&asked).unwrap()[0].id, Id::from_u128(1));
    // The tables are those that are made anew.
    let columns = |name: &str| {
        server
            .sql(&format!(
                "SELECT string_agg(table_name || '.' || column_name || ' ' || data_type || is_nullable, ', ' \
                 ORDER BY table_name, column_name) FROM information_schema.columns WHERE table_schema = '{name}'"
            ))
            .unwrap()
    };
    let indexes = |name: &str| {
        let sql = format!("SELECT indexname FROM pg_indexes WHERE schemaname = '{name}' ORDER BY 1");
        server.sql(&sql).unwrap().replace("vectors_hnsw_1\n", "")
    };
    let targets = |name: &str| {
        let sql = format!(
            "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             WHERE c.relnamespace = '{name}'::regnamespace AND c.relkind = 'r' AND a.attstattarget = 0 ORDER BY 1, 2"
        );
        server.sql(&sql).unwrap()
    };
    assert_eq!((columns(&old), indexes(&old), targets(&old)), (columns(&new), indexes(&new), targets(&new)));
    // A role that was admitted then sees a part of the last commit, and knows it; and may erase what it forgets.
    let tenant = PostgresStore::open(config(server, &tenant, &old), settings).unwrap();
    let told = tenant.undo(last);
    assert!(matches!(told, Err(Error::NotUndone { .. })), "{told:?}");
    tenant.undo(Commit(5)).unwrap();
    tenant
        .commit(&Batch { changes: vec![Change::Forget { id: Id::from_u128(3) }], ..Batch::default() })
        .unwrap();
    store.undo(last).unwrap();
}
