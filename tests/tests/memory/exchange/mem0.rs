//! Dumps as `get_all` of mem0 gives them: `_get_all_from_vector_store` in `mem0/memory/main.py` of mem0ai/mem0.

use std::io::{BufReader, Read};

use typewright_runtime::json::RawJson;
use typewright_runtime::memory::exchange::mem0::import;
use typewright_runtime::memory::{Content, Kind, RelationKind};

use super::*;

on_each_store!(
    a_dump_becomes_facts_procedures_and_triples,
    a_list_alone_is_a_dump,
    fields_go_before_metadata_of_their_name,
    relations_are_stored_from_one_side,
    names_that_look_like_changed_ones_are_changed,
    what_is_told_is_bounded_and_plain,
    what_is_wrong_is_told_with_its_place
);

const DUMP: &str = r#"{
  "results": [
    {
      "id": "892db2ae-06d9-49e5-8b3e-585ef9b85b8e",
      "memory": "Loves \u00e9clairs",
      "hash": "1a271c007316c94377175ee80e746a19",
      "metadata": {"category": "food", "weight": 1.50, "nested": {"a": [1, 2]}},
      "created_at": "2024-07-20T01:30:36.275141-07:00",
      "updated_at": "2024-07-21T01:30:36",
      "user_id": "alex",
      "run_id": "chat 7/8",
      "role": "user"
    },
    {
      "id": "1b4f7c1e-63b1-4a55-8a5e-111111111111",
      "memory": "1. Open the file\n2. Save it",
      "hash": null,
      "metadata": {"memory_type": "procedural_memory"},
      "created_at": "2024-07-22T00:00:00+00:00",
      "updated_at": null,
      "agent_id": "writer",
      "actor_id": "bob", "role": "assistant",
      "expiration_date": "2030-01-02",
      "categories": ["work"], "score": 0.3, "immutable": false
    },
    {"id": "m1", "memory": "", "created_at": "2024-07-22T00:00:00Z"},
    {"id": 7, "memory": "has a number for a name", "created_at": "2024-07-22T00:00:00Z"}
  ],
  "relations": [
    {"source": "alex", "relationship": "works_at", "target": "acme"},
    {"source": "alex", "relation": "любит", "destination": "éclairs"},
    {"source": "alex", "relationship": "is", "target": "alex"}
  ],
  "count": 4,
  "next": "https://api.example/?page=2",
  "previous": null,
  "extra": {"a": 1}
}"#;

fn read(place: &Place, dump: &str, mode: Mode) -> Result<Report, Error> {
    import(&*place.store, &place.settings, dump.as_bytes(), &namespace("mem0"), mode)
}

fn a_dump_becomes_facts_procedures_and_triples(on: Engine) {
    let place = Place::new(on);
    let dry = read(&place, DUMP, Mode::DryRun).unwrap();
    assert!(place.all("mem0").is_empty());
    let report = read(&place, DUMP, Mode::Store).unwrap();
    assert_eq!(report.memories.added, 3 + 3);
    assert_eq!(dry.memories.added, report.memories.added);
    assert_eq!(report.relations.added, 2);
    let fact = place.node(id("892db2ae-06d9-49e5-8b3e-585ef9b85b8e"));
    assert_eq!((fact.kind, &fact.content), (Kind::Fact, &Content::text("Loves éclairs")));
    assert_eq!(fact.created, time("2024-07-20T08:30:36.275141Z"));
    assert_eq!(fact.updated, time("2024-07-21T01:30:36Z"));
    assert!(fact.namespace.as_str().starts_with("mem0/user:alex/run:chat_7_8-"), "{}", fact.namespace);
    assert_eq!(fact.provenance.unwrap().source, "user");
    let kept: Vec<_> = fact.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let expected = [
        ("category", "\"food\""),
        ("mem0:run_id", "\"chat 7/8\""),
        ("nested", "{\"a\": [1, 2]}"),
        ("weight", "1.50"),
    ];
    assert_eq!(kept, expected);
    let steps = place.node(id("1b4f7c1e-63b1-4a55-8a5e-111111111111"));
    assert_eq!((steps.kind, steps.namespace.as_str()), (Kind::Procedural, "mem0/agent:writer"));
    // It is there on that day.
    assert_eq!(steps.expires, Some(time("2030-01-03T00:00:00Z")));
    assert_eq!(steps.provenance.unwrap().source, "bob");
    let keys: Vec<_> = steps.metadata.keys().map(String::as_str).collect();
    assert_eq!(keys, ["mem0:categories", "mem0:immutable", "mem0:role", "memory_type"]);
    let entities: Vec<MemoryNode> =
        place.all("mem0").into_iter().filter(|node| node.kind == Kind::Associative).collect();
    let of = |name: &str| entities.iter().find(|node| node.content == Content::text(name)).unwrap().id;
    let relations = place.from(of("alex"));
    let works = relations.iter().find(|relation| relation.to == of("acme")).unwrap();
    assert_eq!(works.kind, RelationKind::custom("works-at", false).unwrap());
    let told: Vec<_> = report.left_out.iter().map(|(what, count)| (what.as_str(), *count)).collect();
    let expected = [
        ("field `extra` of the file", 1),
        ("field `hash` of memories", 1),
        ("field `score` of memories", 1),
        ("further pages, which `next` names", 1),
        ("memories without a text", 1),
        ("relation name `любит`, kept as `related_to`", 1),
        ("relations that do not join two entities", 1),
    ];
    assert_eq!(told, expected);
    let again = read(&place, DUMP, Mode::Store).unwrap();
    assert_eq!((again.memories.added, again.memories.differing, again.relations.added), (0, 0, 0));
}

fn a_list_alone_is_a_dump(on: Engine) {
    let place = Place::new(on);
    let report =
        read(&place, r#" [ {"id":"a","memory":"x"} , {"id":"b","memory":"y"} ] "#, Mode::Store).unwrap();
    assert_eq!(report.memories.added, 2);
    assert_eq!(read(&place, "[]", Mode::Store).unwrap(), Report::default());
    assert_eq!(read(&place, "{}", Mode::Store).unwrap(), Report::default());
}

fn what_is_wrong_is_told_with_its_place(on: Engine) {
    let cases = [
        ("", 1, 1, "expected an object or a list"),
        ("{\"results\": [\n {\"id\": \"a\"}\n]}", 2, 2, "`memory` is missing"),
        ("{\"results\": [\n {\"id\": \"a\", \"memory\":\n 7}\n]}", 3, 2, "expected a string"),
        ("[{\"id\":\"a\",\"memory\":\"x\",\"created_at\":\"soon\"}]", 1, 38, "time: "),
        ("[{\"id\":\"a\",\"memory\":\"x\"} {}]", 1, 26, "expected `,`"),
        ("[{\"id\":\"a\",\"memory\":\"x\"}", 1, 25, "the document ends too early"),
        ("[{\"id\":\"a\"", 1, 11, "the document ends within a value"),
        ("[{\"id\":\"a\",}]", 1, 12, "expected a key"),
        ("{\"results\": []} x", 1, 17, "something follows the document"),
        ("{results: []}", 1, 2, "expected a name"),
        ("[7]", 1, 2, "expected an object"),
        ("{\"count\":garbage,\"results\":[]}", 1, 10, "expected a value"),
        ("{\"extra\":[1,{\"a\":\n 01}]}", 2, 2, ""),
        ("\u{feff}{\"count\":1,}", 1, 12, ""),
    ];
    let place = Place::new(on);
    for (dump, line, column, reason) in cases {
        let found = super::place(&read(&place, dump, Mode::Store).unwrap_err());
        assert_eq!((found.0, found.1), (line, column), "{dump:?}: {}", found.2);
        assert!(found.2.starts_with(reason), "{dump:?}: {}", found.2);
    }
}

fn fields_go_before_metadata_of_their_name(on: Engine) {
    let place = Place::new(on);
    let dump = r#"[{"id":"a","memory":"x","user_id":"a b","actor_id":"bob","role":"user","categories":["c"],
        "metadata":{"mem0:user_id":1,"mem0:role":2,"mem0:categories":3,"other":4}}]"#;
    let report = read(&place, dump, Mode::Store).unwrap();
    let told: Vec<_> = report.left_out.into_iter().collect();
    assert_eq!(told, [("metadata that has the name of a field".to_owned(), 3)]);
    let metadata = place.all("mem0").remove(0).metadata;
    let kept: Vec<_> = metadata.values().map(RawJson::as_str).collect();
    assert_eq!(kept, ["[\"c\"]", "\"user\"", "\"a b\"", "4"]);
}

fn relations_are_stored_from_one_side(on: Engine) {
    let place = Place::new(on);
    let ways = [("a", "b"), ("b", "a"), ("c", "d"), ("d", "e"), ("e", "c")];
    let triple = |(from, to): (&str, &str)| {
        format!("{{\"source\":\"{from}\",\"relationship\":\"喜欢\",\"target\":\"{to}\"}}")
    };
    let dump = format!("{{\"relations\":[{}]}}", ways.map(triple).join(","));
    let report =
        import(&*place.store, &place.settings, dump.as_bytes(), &namespace("m"), Mode::Store).unwrap();
    // What holds from both sides is one.
    assert_eq!((report.relations.added, report.relations.present), (4, 1));
    let other = Place::new(on);
    other.import(&place.jsonl(), Mode::Store).unwrap();
    assert_eq!(other.jsonl(), place.jsonl());
}

/// The namespace of a user's only memory, and what is kept of the name.
fn of_user(place: &Place, user: &str) -> (String, Option<String>) {
    let dump = format!("[{{\"id\":\"{user}\",\"memory\":\"x\",\"user_id\":\"{user}\"}}]");
    let before: Vec<Id> = place.all("mem0").into_iter().map(|node| node.id).collect();
    read(place, &dump, Mode::Store).unwrap();
    let node = place.all("mem0").into_iter().find(|node| !before.contains(&node.id)).unwrap();
    let kept = node.metadata.get("mem0:user_id").map(|json| json.as_str().to_owned());
    (node.namespace.to_string(), kept)
}

fn names_that_look_like_changed_ones_are_changed(on: Engine) {
    let place = Place::new(on);
    place.commit(vec![Change::Add(Box::new(MemoryNode {
        namespace: namespace("mem0"),
        ..typewright_tests::memory::history::History::new(1).node()
    }))]);
    let (changed, kept) = of_user(&place, "ada lovelace");
    assert_eq!(kept.as_deref(), Some("\"ada lovelace\""));
    let name = changed.strip_prefix("mem0/user:").unwrap();
    let (other, kept) = of_user(&place, name);
    assert_ne!(other, changed);
    assert_eq!(kept, Some(format!("\"{name}\"")));
    assert_eq!(of_user(&place, "ada"), ("mem0/user:ada".to_owned(), None));
    assert_eq!(of_user(&place, "ada-0123").0, "mem0/user:ada-0123");
}

fn what_is_told_is_bounded_and_plain(on: Engine) {
    let place = Place::new(on);
    let fields: String = (0..300).map(|n| format!("\"\\u001b[31m{n}{}\":1,", "x".repeat(200))).collect();
    let report = read(&place, &format!("{{{fields}\"results\":[]}}"), Mode::Store).unwrap();
    assert_eq!((report.left_out.len(), report.left_out["others"]), (101, 200));
    assert_eq!(report.left_out.values().sum::<u64>(), 300);
    assert!(report.left_out.keys().all(|what| what.chars().count() < 100), "{report}");
    assert!(!report.to_string().contains('\u{1b}'), "{report}");
    let twice = "[{\"\\u001b[31m\":1,\"\\u001b[31m\":2}]";
    let error = read(&place, twice, Mode::Store).unwrap_err().to_string();
    assert!(error.contains("stands here twice") && !error.contains('\u{1b}'), "{error}");
}

#[test]
fn endless_documents_are_refused_in_bounded_memory() {
    let place = Place::new(Engine::Sqlite);
    for (start, endless) in [("[\"", b'x'), ("[", b'['), ("{\"", b'x'), ("[", b'7')] {
        let from = BufReader::new(start.as_bytes().chain(std::io::repeat(endless)));
        let error = import(&*place.store, &place.settings, from, &namespace("n"), Mode::Store).unwrap_err();
        let (_, _, reason) = super::place(&error);
        assert!(reason.contains("longer than") || reason == "nested too deeply", "{reason}");
    }
}
