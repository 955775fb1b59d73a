//! Dumps of Graphiti: `AddBulkEpisodeResults.model_dump(mode="json")`, from `graphiti_core/graphiti.py`, `nodes.py` and
//! `edges.py` of getzep/graphiti.

use typewright_runtime::memory::exchange::graphiti::{Import, import};
use typewright_runtime::memory::{Content, Interval, Kind, RelationKind};

use super::*;

on_each_store!(
    a_graph_becomes_memories_with_their_times,
    what_was_true_then_is_found_then,
    vectors_need_to_know_their_model,
    one_episode_is_a_dump_as_well,
    what_has_no_place_is_kept_or_counted
);

const EPISODE: &str = "00000000-0000-4000-8000-0000000000e1";
const ADA: &str = "00000000-0000-4000-8000-0000000000a1";
const ENGINE: &str = "00000000-0000-4000-8000-0000000000a2";
const FACT: &str = "00000000-0000-4000-8000-0000000000f1";
const OLD: &str = "00000000-0000-4000-8000-0000000000f2";
const GROUP: &str = "00000000-0000-4000-8000-0000000000c1";

/// Edges stand before what they join, as they do in `AddBulkEpisodeResults`.
fn dump() -> String {
    format!(
        r#"{{
"episodic_edges": [
  {{"uuid": "x1", "group_id": "g", "source_node_uuid": "{EPISODE}", "target_node_uuid": "{ADA}", "created_at": "2026-01-01T00:00:00Z"}}
],
"edges": [
  {{"uuid": "{FACT}", "group_id": "g", "source_node_uuid": "{ADA}", "target_node_uuid": "{ENGINE}",
    "created_at": "2026-01-01T00:00:01Z", "name": "WROTE_FOR", "fact": "Ada wrote for the engine",
    "fact_embedding": [0.1, 0.25], "episodes": ["{EPISODE}"], "expired_at": null,
    "valid_at": "1843-01-01T00:00:00Z", "invalid_at": null, "reference_time": "2026-01-01T00:00:00Z", "attributes": {{"where": "London"}}}},
  {{"uuid": "{OLD}", "group_id": "g", "source_node_uuid": "{ADA}", "target_node_uuid": "{ENGINE}",
    "created_at": "2026-01-01T00:00:01Z", "name": "KNOWS", "fact": "Ada knows the engine",
    "fact_embedding": null, "episodes": [], "expired_at": "2026-02-01T00:00:00Z",
    "valid_at": "1833-01-01T00:00:00Z", "invalid_at": "1852-11-27T00:00:00Z", "attributes": {{}}}},
  {{"uuid": "f3", "group_id": "g", "source_node_uuid": "{ADA}", "target_node_uuid": "nobody",
    "created_at": "2026-01-01T00:00:01Z", "name": "KNOWS", "fact": "Ada knows nobody", "episodes": [],
    "valid_at": "1833-01-01T00:00:00Z", "invalid_at": "1833-01-01T00:00:00Z"}}
],
"episodes": [
  {{"uuid": "{EPISODE}", "name": "a letter", "group_id": "g", "labels": [], "created_at": "2026-01-01T00:00:00Z",
    "source": "json", "source_description": "letters", "content": "{{\"from\": \"Ada\", \"n\": 1.50}}",
    "valid_at": "1843-07-10T00:00:00Z", "entity_edges": ["{FACT}"]}}
],
"nodes": [
  {{"uuid": "{ADA}", "name": "Ada", "group_id": "g", "labels": ["Person"], "created_at": "2026-01-01T00:00:00Z",
    "name_embedding": [1.0, 0.5], "summary": "a mathematician", "attributes": {{}}}},
  {{"uuid": "{ENGINE}", "name": "the engine", "group_id": "g", "labels": [], "created_at": "2026-01-01T00:00:00Z",
    "name_embedding": null, "summary": "", "attributes": {{}}}}
],
"communities": [
  {{"uuid": "{GROUP}", "name": "computing", "group_id": "", "labels": [], "created_at": "2026-01-01T00:00:00Z", "summary": "early"}}
],
"community_edges": [
  {{"uuid": "x2", "group_id": "g", "source_node_uuid": "{GROUP}", "target_node_uuid": "{ADA}", "created_at": "2026-01-01T00:00:00Z"}}
],
"sagas": [{{"uuid": "s"}}, {{"uuid": "t"}}]
}}"#
    )
}

fn read(place: &Place, dump: &str, model: Option<&str>, mode: Mode) -> Result<Report, Error> {
    let import_ = Import { namespace: namespace("kg"), model: model.map(str::to_owned), mode };
    import(&*place.store, &place.settings, &mut Cursor::new(dump), &import_)
}

fn a_graph_becomes_memories_with_their_times(on: Engine) {
    let place = Place::new(on);
    let dry = read(&place, &dump(), Some("m"), Mode::DryRun).unwrap();
    assert!(place.all("kg").is_empty());
    let report = read(&place, &dump(), Some("m"), Mode::Store).unwrap();
    assert_eq!(dry, report);
    assert_eq!((report.memories.added, report.relations.added), (7, 8));
    let episode = place.node(id(EPISODE));
    assert_eq!((episode.kind, episode.namespace.as_str()), (Kind::Episode, "kg/group:g"));
    assert!(
        matches!(&episode.content, Content::Json(json) if json.as_str() == "{\"from\": \"Ada\", \"n\": 1.50}")
    );
    assert_eq!(episode.valid, Interval::since(time("1843-07-10T00:00:00Z")));
    assert_eq!(episode.provenance.unwrap().source, "letters");
    let ada = place.node(id(ADA));
    assert_eq!((ada.kind, &ada.content), (Kind::Semantic, &Content::text("Ada: a mathematician")));
    assert_eq!(ada.embedding.unwrap().vector, [1.0, 0.5]);
    assert_eq!(ada.metadata["graphiti:labels"].as_str(), "[\"Person\"]");
    assert_eq!(place.node(id(ENGINE)).content, Content::text("the engine"));
    assert_eq!(place.node(id(GROUP)).namespace.as_str(), "kg");

    let fact = place.node(id(FACT));
    assert_eq!((fact.kind, fact.status), (Kind::Fact, Status::Live));
    assert_eq!(fact.valid, Interval::since(time("1843-01-01T00:00:00Z")));
    assert_eq!(fact.embedding.unwrap().vector, [0.1, 0.25]);
    assert_eq!(fact.provenance.unwrap().derived_from, [id(EPISODE)]);
    assert_eq!(fact.metadata["graphiti:name"].as_str(), "\"WROTE_FOR\"");
    assert_eq!(fact.metadata["graphiti:attributes"].as_str(), "{\"where\": \"London\"}");
    let mut ends: Vec<_> = place.from(id(FACT)).into_iter().map(|one| (one.kind.name(), one.to)).collect();
    ends.sort();
    let expected = [
        ("custom:object".to_owned(), id(ENGINE)),
        ("custom:subject".to_owned(), id(ADA)),
        ("derived_from".to_owned(), id(EPISODE)),
    ];
    assert_eq!(ends, expected);
    let old = place.node(id(OLD));
    assert_eq!((old.status, old.ended), (Status::Invalidated, Some(time("2026-02-01T00:00:00Z"))));
    let valid = Interval::between(time("1833-01-01T00:00:00Z"), time("1852-11-27T00:00:00Z")).unwrap();
    assert_eq!(old.valid, valid);
    let mut ada: Vec<_> = place.from(id(ADA)).into_iter().map(|one| (one.kind, one.to)).collect();
    ada.sort();
    assert_eq!(ada, [(RelationKind::PartOf, id(GROUP)), (RelationKind::DerivedFrom, id(EPISODE))]);

    let told: Vec<_> = report.left_out.iter().map(|(what, count)| (what.as_str(), *count)).collect();
    let expected = [
        ("`entity_edges` of episodes, as their facts name the episodes", 1),
        ("`invalid_at` that is not after `valid_at`, kept as metadata", 1),
        ("records in `sagas`", 2),
        ("relations of memories that are not there", 1),
    ];
    assert_eq!(told, expected);
    let again = read(&place, &dump(), Some("m"), Mode::Store).unwrap();
    assert_eq!((again.memories.present, again.memories.differing), (7, 0));
    assert_eq!((again.relations.present, again.relations.added), (8, 0));
    // And it can be exported like anything else.
    let other = Place::new(on);
    other.import(&place.jsonl(), Mode::Store).unwrap();
    assert_eq!(other.jsonl(), place.jsonl());
}

fn what_was_true_then_is_found_then(on: Engine) {
    let place = Place::new(on);
    read(&place, &dump(), None, Mode::Store).unwrap();
    let at = |when: &str| -> Vec<String> {
        let filter = Filter::of(namespace("kg")).below().kinds([Kind::Fact]).statuses(Status::ALL);
        let found = place.store.find(&filter.valid_at(time(when)), place.store.head().unwrap()).unwrap();
        let mut found: Vec<String> =
            found.into_iter().map(|node| node.content.words().into_owned()).collect();
        found.sort();
        found
    };
    assert_eq!(at("1840-01-01T00:00:00Z"), ["Ada knows nobody", "Ada knows the engine"]);
    assert_eq!(at("1852-11-27T00:00:00Z"), ["Ada knows nobody", "Ada wrote for the engine"]);
}

fn vectors_need_to_know_their_model(on: Engine) {
    let place = Place::new(on);
    let report = read(&place, &dump(), None, Mode::Store).unwrap();
    assert_eq!(report.left_out["`fact_embedding`, whose model is not said"], 1);
    assert_eq!(report.left_out["`name_embedding`, whose model is not said"], 1);
    assert!(place.all("kg").iter().all(|node| node.embedding.is_none()));
}

fn one_episode_is_a_dump_as_well(on: Engine) {
    let place = Place::new(on);
    let one = format!(
        "{{\"episode\": {{\"uuid\": \"{EPISODE}\", \"group_id\": \"\", \"source\": \"message\", \"content\": \"ada: hello\"}}, \"nodes\": []}}"
    );
    assert_eq!(read(&place, &one, None, Mode::Store).unwrap().memories.added, 1);
    assert_eq!(place.node(id(EPISODE)).content, Content::text("ada: hello"));
    let wrong = "{\"nodes\": [\n{\"uuid\": \"a\", \"name\": 7}]}";
    let (line, column, reason) = super::place(&read(&place, wrong, None, Mode::Store).unwrap_err());
    assert_eq!((line, column, reason.as_str()), (2, 23, "expected a string"));
}

fn what_has_no_place_is_kept_or_counted(on: Engine) {
    let place = Place::new(on);
    // Some programs write a byte order mark.
    let dump = format!(
        "\u{feff}{{\"episodes\": [{{\"uuid\": \"{EPISODE}\", \"group_id\": \"a b\", \"source\": \"message\", \"content\": \"ada: hello\", \
         \"entity_edges\": [\"f\"]}}], \"nodes\": [{{\"uuid\": \"{ADA}\", \"name\": \"Ada\"}}], \"episodic_edges\": [{{\"uuid\": \"x\", \
         \"source_node_uuid\": \"{EPISODE}\", \"target_node_uuid\": \"{ADA}\", \"colour\": \"red\"}}]}}"
    );
    let report = read(&place, &dump, None, Mode::Store).unwrap();
    let told: Vec<_> = report.left_out.keys().map(String::as_str).collect();
    assert_eq!(
        told,
        ["`entity_edges` of episodes, as their facts name the episodes", "field `colour` of edges"]
    );
    let metadata = place.node(id(EPISODE)).metadata;
    let kept: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(kept, [("graphiti:group_id", "\"a b\""), ("graphiti:source", "\"message\"")]);
    // Half a character is none.
    for dump in [
        "{\"nodes\": [{\"uuid\": \"a\", \"name\": \"x\\ud83d\"}]}",
        "{\"nodes\": [{\"uuid\": \"a\", \"name\": \"\\ude00\\ud83d\"}]}",
        "{\"nodes\": [{\"uuid\": \"a\", \"na\\ud83dme\": 1}]}",
    ] {
        let (_, column, reason) = super::place(&read(&place, dump, None, Mode::Store).unwrap_err());
        assert_eq!(reason, "half of a surrogate pair stands for no character", "{dump}");
        assert_eq!(column, dump.find('\\').unwrap() as u64 + 1, "{dump}");
    }
    let whole = "{\"nodes\": [{\"uuid\": \"a\", \"name\": \"\\\\ud83d \\ud83d\\ude00\"}]}";
    read(&place, whole, None, Mode::Store).unwrap();
    assert!(place.all("kg").iter().any(|node| node.content == Content::text("\\ud83d 😀")));
}
