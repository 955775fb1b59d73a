//! The file of a store: what comes back is what was there, to the byte; what is damaged is refused, and nothing done.

use std::io::{BufReader, Read};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use typewright_runtime::json::RawJson;
use typewright_runtime::memory::content::{Blob, Media};
use typewright_runtime::memory::exchange::jsonl::{check, longest};
use typewright_runtime::memory::store::{Commit, Item};
use typewright_runtime::memory::{Content, Embedding, Interval, Kind, Limits, Provenance, RelationKind};
use typewright_tests::memory::history::History;
use typewright_tests::memory::oracle::Oracle;

use super::*;

on_each_store!(
    what_comes_back_is_what_was_there,
    random_histories_come_back,
    nothing_is_left_of_what_was_forgotten,
    every_damage_is_refused_and_nothing_is_stored,
    what_is_wrong_is_told_with_its_place,
    what_nobody_knows_is_kept,
    json_without_words_is_kept_as_well,
    the_same_again_changes_nothing_and_half_is_completed,
    a_dry_run_tells_the_same_and_stores_nothing,
    vectors_of_another_length_are_refused_with_their_line
);

fn json(text: &str) -> RawJson {
    RawJson::new(text).unwrap()
}

/// A store with everything in it that is hard to write down.
fn full(on: Engine) -> Place {
    let place = Place::new(on);
    let mut history = History::new(7);
    let mut nodes: Vec<MemoryNode> = (0..40).map(|_| history.node()).collect();
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let media: Vec<u8> = (0..200_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let contents = [
        Content::text("line\nbreak \u{2028} \u{0} \u{1f} \"quotes\" \\ 日本 🦀"),
        Content::Json(json("{\"b\": 1.10, \"a\": 1e400,\n \"b\": null}")),
        Content::Json(json(" [1, 2] ")),
        Content::Json(json(r#"{"b": 1.10, "a":1E5, "b": "\u00e9\n"}"#)),
        Content::Json(json(&deep)),
        Content::Blob(Blob {
            media: Media::Video,
            mime: "video/mp4".to_owned(),
            bytes: Bytes::from(media.clone()),
            caption: Some("a \"film\"".to_owned()),
        }),
        Content::Blob(Blob {
            media: Media::Document,
            mime: "application/pdf".to_owned(),
            bytes: Bytes::from(media[..49_152].to_vec()),
            caption: None,
        }),
    ];
    for (node, content) in nodes.iter_mut().zip(contents) {
        node.content = content;
    }
    nodes[0].kind = Kind::Other(77);
    nodes[0].embedding = Some(Embedding {
        model: "exact".to_owned(),
        vector: vec![0.1, -0.0, f32::MIN_POSITIVE / 3.0, f32::MAX, 1.0 / 3.0],
    });
    nodes[0].importance = 0.1;
    nodes[1].importance = -0.0;
    nodes[2].importance = 1.0e-40;
    nodes[1].metadata = [
        ("plain", "{\"x\":[1, 2.50]}"),
        ("broken", "[1,\n2]"),
        ("deep", deep.as_str()),
        ("unknown:colour", "\"red\""),
        ("unknown:text", "\"has the name of a field\""),
        ("unknown:", "1"),
        ("unknown:deep", deep.as_str()),
    ]
    .map(|(key, value)| (key.to_owned(), json(value)))
    .into();
    nodes[2].provenance = Some(Provenance::new("").derived_from([]).reference(""));
    nodes[3].valid = Interval { from: None, to: Some(time("0001-01-01T00:00:00.000001Z")) };
    let ids: Vec<Id> = nodes.iter().map(|node| node.id).collect();
    place.commit(nodes.into_iter().map(|node| Change::Add(Box::new(node))).collect());
    let relation = |n: u128, from: usize, kind: RelationKind, to: usize| {
        Change::Relate(Box::new(Relation {
            id: Id::from_u128(n),
            from: ids[from],
            kind,
            to: ids[to],
            weight: 0.3,
            valid: Interval::since(time("2026-01-01T00:00:00Z")),
            created: time("2026-02-03T04:05:06.789012Z"),
            provenance: n.is_multiple_of(2).then(|| Provenance::new("a model").derived_from([ids[0]])),
        }))
    };
    let own = RelationKind::custom("met-at", true).unwrap();
    place.commit(vec![
        relation(9, 5, RelationKind::PartOf, 6),
        relation(8, 5, RelationKind::PartOf, 7),
        relation(7, 1, own, 2),
        relation(6, 8, RelationKind::SimilarTo, 9),
        relation(5, 10, RelationKind::Contradicts, 11),
    ]);
    place.commit(vec![
        Change::Expire { id: ids[20] },
        Change::Touch { id: ids[21], at: time("2030-01-01T00:00:00Z") },
    ]);
    place.commit(vec![Change::Supersede { id: ids[22], by: ids[23], relation: Id::from_u128(10) }]);
    place.commit(vec![Change::Forget { id: ids[10] }, Change::Forget { id: ids[24] }]);
    place
}

/// A file with another line in place of the one that begins so, and the digest that belongs to it.
pub(super) fn sealed(file: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let text = std::str::from_utf8(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut body: String = lines[..lines.len() - 1].iter().map(|line| change(line) + "\n").collect();
    let end = lines[lines.len() - 1];
    let digest: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    body.push_str(&end[..end.len() - 66]);
    (body + &digest + "\"}\n").into_bytes()
}

fn what_comes_back_is_what_was_there(on: Engine) {
    let place = full(on);
    let file = place.jsonl();
    let other = Place::new(on);
    let report = other.import(&file, Mode::Store).unwrap();
    assert_eq!((report.memories.added, report.relations.added), (40, 5));
    assert!(report.left_out.is_empty(), "{report}");
    assert_eq!(String::from_utf8(other.jsonl()).unwrap(), String::from_utf8(file).unwrap());
    for node in place.all("a").into_iter().chain(place.all("ab")).chain(place.all("a-b")) {
        let there = other.node(node.id);
        if node.status == Status::Forgotten {
            assert_eq!((there.status, there.content.is_empty()), (Status::Forgotten, true));
        } else {
            assert_eq!(there, node);
            let bits = |node: &MemoryNode| {
                node.embedding
                    .iter()
                    .flat_map(|e| e.vector.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
                    .collect::<Vec<_>>()
            };
            assert_eq!((bits(&there), there.importance.to_bits()), (bits(&node), node.importance.to_bits()));
        }
    }
    assert_eq!(other.store.check().unwrap().0, Vec::<String>::new());
}

fn random_histories_come_back(on: Engine) {
    for seed in 0..on.count(6, 3) as u64 {
        let (place, mut oracle, mut history) = (Place::new(on), Oracle::default(), History::new(seed));
        for _ in 0..60 {
            let batch = history.batch(&oracle);
            if oracle.commit(&batch, history.now()).is_ok() {
                place.store.commit(&batch).unwrap();
            }
        }
        let (file, other) = (place.jsonl(), Place::new(on));
        let report = other.import(&file, Mode::Store).unwrap();
        assert_eq!(report.memories.added as usize, oracle.at(oracle.head()).nodes.len(), "seed {seed}");
        assert_eq!(other.jsonl(), file, "seed {seed}");
        // What any store can do gives the same.
        for one in [&place, &other] {
            let (mut all, mut by_rows, head) = (Vec::new(), Vec::new(), one.store.head().unwrap());
            typewright_runtime::memory::store::all(&*one.store, head, &mut |item| {
                all.push(item);
                Ok(())
            })
            .unwrap();
            one.store
                .all(head, &mut |item| {
                    by_rows.push(item);
                    Ok(())
                })
                .unwrap();
            assert_eq!(all, by_rows, "seed {seed}");
        }
        // And what was there earlier.
        let then = oracle.head() / 2;
        let mut nodes = Vec::new();
        place
            .store
            .all(Commit(then as u64), &mut |item| {
                if let Item::Node(node) = item {
                    nodes.push(node.id);
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(nodes, oracle.at(then).nodes.keys().copied().collect::<Vec<_>>(), "seed {seed}");
    }
}

fn nothing_is_left_of_what_was_forgotten(on: Engine) {
    let place = Place::new(on);
    let mut node = History::new(1).node();
    node.content = Content::text("the secret of Babbage");
    node.metadata.insert("secret".to_owned(), json("\"Babbage\""));
    place.commit(vec![Change::Add(Box::new(node.clone()))]);
    let before = place.jsonl();
    assert!(String::from_utf8_lossy(&before).contains("Babbage"));
    place.commit(vec![Change::Forget { id: node.id }]);
    let file = place.jsonl();
    let text = String::from_utf8(file.clone()).unwrap();
    assert!(!text.contains("secret") && text.contains(&node.id.to_string()), "{text}");
    for field in ["text", "json", "embedding", "importance", "valid", "provenance", "metadata", "expires"] {
        assert!(!text.contains(&format!("\"{field}\"")), "{field}: {text}");
    }
    // An older file does not bring it back.
    let report = place.import(&before, Mode::Store).unwrap();
    assert_eq!((report.memories.added, report.memories.forgotten), (0, 1));
    assert_eq!(place.jsonl(), file);
    // A tombstone that carries something is none.
    let said = sealed(&file, |line| line.replace(",\"created\"", ",\"text\":\"secret\",\"created\""));
    let (line, _, reason) = super::place(&Place::new(on).import(&said, Mode::Store).unwrap_err());
    assert_eq!((line, reason.as_str()), (2, "`text` does not belong here"));
}

fn every_damage_is_refused_and_nothing_is_stored(on: Engine) {
    let place = Place::new(on);
    let mut history = History::new(3);
    let nodes: Vec<MemoryNode> =
        (0..5).map(|_| history.node()).filter(|node| node.content.len() < 1000).collect();
    place.commit(nodes.into_iter().map(|node| Change::Add(Box::new(node))).collect());
    let file = place.jsonl();
    let limits = Limits::default();
    assert_eq!(check(&mut &file[..], &limits).unwrap().memories, place.store.census().unwrap().nodes[0]);
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 1 << (at % 7);
        assert!(
            check(&mut &damaged[..], &limits).is_err(),
            "byte {at}: {}",
            String::from_utf8_lossy(&damaged)
        );
        assert!(check(&mut &file[..at], &limits).is_err(), "cut at {at}");
    }
    let last = file.len() - 80;
    let mut damaged = file.clone();
    damaged[last] ^= 1;
    let empty = Place::new(on);
    assert!(empty.import(&damaged, Mode::Store).is_err());
    assert_eq!(empty.store.head().unwrap(), Commit(0));
    let longer = [&file[..], b"\n"].concat();
    let lines = file.iter().filter(|byte| **byte == b'\n').count() as u64;
    let error = check(&mut &longer[..], &limits).unwrap_err();
    assert_eq!(super::place(&error), (lines + 1, 1, "something follows the end".to_owned()));
}

fn what_is_wrong_is_told_with_its_place(on: Engine) {
    let place = full(on);
    let (file, other) = (place.jsonl(), Place::new(on));
    let first = String::from_utf8(file.clone()).unwrap();
    let lines: Vec<String> = first.lines().map(str::to_owned).collect();
    let of = |start: &str| 1 + lines.iter().position(|line| line.starts_with(start)).unwrap() as u64;
    let (memory, data, relation) = (of("{\"memory\""), of("{\"data\""), of("{\"relation\""));
    let try_on = |number: u64, from: &str, to: &str| {
        let target = lines[number as usize - 1].clone();
        assert!(target.contains(from), "{target} has no {from}");
        let changed =
            sealed(&file, |line| if line == target { line.replacen(from, to, 1) } else { line.to_owned() });
        let found = super::place(&other.import(&changed, Mode::Store).unwrap_err());
        let column = target.find(from).unwrap() as u64 + 1;
        (found.0, found.1 as i64 - column as i64, found.2)
    };
    let cases = [
        (memory, "\"kind\":77", "\"kind\":277", 7, "a kind is a number up to 255"),
        (memory, "\"kind\":77", "\"kind\":7.5", 7, "expected a whole number that is not negative"),
        (memory, "\"status\":\"live\"", "\"status\":\"alive\"", 9, "there is no such status"),
        (memory, "\"importance\":0.1", "\"importance\":x", 13, "expected a value"),
        (memory, "\"importance\":0.1", "\"importance\":\"0.1\"", 13, "expected a number"),
        (memory, "\"f32\":\"", "\"f32\":\"AA", 6, "no base64"),
        (memory, "\"namespace\":\"a", "\"namespace\":\"a b", 12, "namespace: "),
        (memory, "\"created\":\"2", "\"created\":\"x", 10, "time: "),
        (memory, "\"kind_name\":\"other-77\"", "\"status\":\"live\"", 0, "`status` stands here twice"),
        (data, "\"part\":1", "\"part\":2", 7, "part 1 of the medium is missing"),
        (relation, "\"weight\":0.3", "\"weight\":null", 9, "expected a number"),
        (relation, "\"kind\":", "\"sort\":", 0, "`kind` is missing"),
    ];
    for (number, from, to, offset, reason) in cases {
        let (line, column, said) = try_on(number, from, to);
        assert_eq!(line, number, "{to}: {said}");
        assert!(said.contains(reason.trim_start_matches("expected a value")), "{to}: {said}");
        // What stands twice or is missing is told where the second is, or the object begins.
        if !reason.contains("twice") && !reason.contains("missing") {
            assert_eq!(column, offset, "{to}: {said}");
        }
    }
    let swapped = sealed(&file, |line| line.replace("\"version\":1}", "\"version\":2}"));
    assert!(matches!(check(&mut &swapped[..], &Limits::default()), Err(Error::Newer { found: 2, known: 1 })));
    let small = Limits { text_bytes: 10, ..Limits::default() };
    assert!(matches!(check(&mut &file[..], &small), Err(Error::Refused { .. } | Error::Malformed { .. })));
}

fn what_nobody_knows_is_kept(on: Engine) {
    let place = Place::new(on);
    let mut history = History::new(5);
    let nodes =
        [history.node(), history.node()].map(|node| MemoryNode { content: Content::text("x"), ..node });
    place.commit(nodes.iter().map(|node| Change::Add(Box::new(node.clone()))).collect());
    let [from, to] = [nodes[0].id, nodes[1].id];
    let relation = Relation {
        id: Id::from_u128(5),
        from,
        kind: RelationKind::PartOf,
        to,
        weight: 1.0,
        valid: Interval::ALWAYS,
        created: time("2026-01-01T00:00:00Z"),
        provenance: None,
    };
    place.commit(vec![Change::Relate(Box::new(relation))]);
    let later = sealed(&place.jsonl(), |line| match line.strip_suffix('}') {
        Some(line) if line.starts_with("{\"memory\"") => {
            let start = line.find("\"kind\":").unwrap();
            let end = start + line[start..].find(",\"status\"").unwrap();
            format!(
                "{}\"kind\":200,\"kind_name\":\"dream\"{},\"colour\":{{\"hue\": 1.50}},\"mood\":null}}",
                &line[..start],
                &line[end..]
            )
        }
        _ => line.to_owned(),
    });
    let other = Place::new(on);
    let report = other.import(&later, Mode::Store).unwrap();
    assert_eq!((report.memories.added, report.left_out.len()), (2, 0));
    let node = other.node(from);
    assert_eq!((node.kind, node.metadata["unknown:colour"].as_str()), (Kind::Other(200), "{\"hue\": 1.50}"));
    // A kind is called by its number where it has no name; all else is as it was.
    let again = String::from_utf8(other.jsonl()).unwrap();
    let expected = sealed(&later, |line| line.replace("\"dream\"", "\"other-200\""));
    assert_eq!(again, String::from_utf8(expected).unwrap());
    // Relations have no room for it.
    let strange = sealed(&place.jsonl(), |line| {
        line.replace("\"kind\":\"part_of\"", "\"kind\":\"inspired_by\"")
            .replace("\"weight\":1,", "\"weight\":1,\"colour\":1,")
    });
    let other = Place::new(on);
    let report = other.import(&strange, Mode::Store).unwrap();
    let told: Vec<_> = report.left_out.into_iter().collect();
    let expected = [
        ("field `colour` of relations".to_owned(), 1),
        ("kind `inspired_by` of relations, kept as `custom:inspired-by`".to_owned(), 1),
    ];
    assert_eq!(told, expected);
    assert_eq!(other.from(from)[0].kind, RelationKind::custom("inspired-by", false).unwrap());
}

fn json_without_words_is_kept_as_well(on: Engine) {
    let deep = |levels: usize| format!("{}\"Ada\"{}", "[".repeat(levels), "]".repeat(levels));
    let said = [
        r#"{"x": 1e400, "name": "Ada"}"#.to_owned(),
        r#"{"x": "\ud83d", "name": "Ada"}"#.to_owned(),
        deep(128),
        deep(127),
    ];
    let (place, mut history) = (Place::new(on), History::new(4));
    let nodes = said.map(|json| {
        let (content, kind) = (Content::Json(RawJson::new(json).unwrap()), Kind::Fact);
        MemoryNode { namespace: namespace("a"), content, kind, ..history.node() }
    });
    assert_eq!(nodes.each_ref().map(|node| node.content.words().into_owned()), ["", "", "", "Ada"]);
    place.commit(nodes.iter().map(|node| Change::Add(Box::new(node.clone()))).collect());
    let found = place.store.matches("Ada", &Filter::of(namespace("a")), 10).unwrap();
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [nodes[3].id]);
    let other = Place::new(on);
    other.import(&place.jsonl(), Mode::Store).unwrap();
    assert_eq!(other.jsonl(), place.jsonl());
    other.commit(nodes.iter().map(|node| Change::Forget { id: node.id }).collect());
    assert_eq!(other.store.check().unwrap().0, Vec::<String>::new());
}

fn the_same_again_changes_nothing_and_half_is_completed(on: Engine) {
    let place = full(on);
    let file = place.jsonl();
    let other = Place::new(on);
    // A part of it, as an import leaves that was interrupted.
    let mut part = Vec::new();
    place
        .store
        .all(place.store.head().unwrap(), &mut |item| {
            if let (Item::Node(node), true) = (item, part.len() < 17) {
                part.push(Change::Add(node));
            }
            Ok(())
        })
        .unwrap();
    other.commit(part);
    let report = other.import(&file, Mode::Store).unwrap();
    assert_eq!((report.memories.present, report.memories.added), (17, 23));
    assert_eq!(other.jsonl(), file);
    let head = other.store.head().unwrap();
    let report = other.import(&file, Mode::Store).unwrap();
    assert_eq!((report.memories.present, report.memories.added), (40, 0));
    assert_eq!((report.relations.present, report.relations.added), (5, 0));
    assert_eq!(other.store.head().unwrap(), head);
    // What has become another meanwhile stays so, and is told by its name.
    let live = other.all("a").into_iter().find(|node| node.status == Status::Live).unwrap();
    other.commit(vec![Change::Expire { id: live.id }]);
    let report = other.import(&file, Mode::Store).unwrap();
    assert_eq!((report.memories.differing, report.differing), (1, vec![live.id]));
    assert_eq!(other.node(live.id).status, Status::Expired);
}

fn a_dry_run_tells_the_same_and_stores_nothing(on: Engine) {
    let place = full(on);
    let (file, other) = (place.jsonl(), Place::new(on));
    let dry = other.import(&file, Mode::DryRun).unwrap();
    assert_eq!(other.store.head().unwrap(), Commit(0));
    assert_eq!(dry, other.import(&file, Mode::Store).unwrap());
    assert_eq!((dry.memories.added, dry.relations.added), (40, 5));
}

fn vectors_of_another_length_are_refused_with_their_line(on: Engine) {
    let place = Place::new(on);
    let mut node = History::new(2).node();
    node.embedding = Some(Embedding { model: "m".to_owned(), vector: vec![1.0, 2.0] });
    place.commit(vec![Change::Add(Box::new(node.clone()))]);
    let other = Place::new(on);
    let longer = MemoryNode {
        id: Id::from_u128(1),
        embedding: Some(Embedding { model: "m".to_owned(), vector: vec![1.0; 3] }),
        ..node
    };
    other.commit(vec![Change::Add(Box::new(longer))]);
    let error = other.import(&place.jsonl(), Mode::Store).unwrap_err();
    assert!(matches!(error, Error::Refused { line: 2.., .. }), "{error:?}");
    assert_eq!(other.store.census().unwrap().nodes[0], 1);
}

#[test]
fn endless_lines_are_refused_in_bounded_memory() {
    let limits = Limits::default();
    let header = &b"{\"format\":\"typewright-memory\",\"version\":1}\n"[..];
    let mut endless = BufReader::new(header.chain(std::io::repeat(b'[')));
    let error = check(&mut endless, &limits).unwrap_err();
    assert_eq!(super::place(&error).1, longest(&limits) as u64 + 1);
    let nested = [header, b"{\"memory\":", &b"[".repeat(100_000), b"\n"].concat();
    let (line, column, reason) = super::place(&check(&mut &nested[..], &limits).unwrap_err());
    assert_eq!((line, reason.as_str()), (2, "nested too deeply"), "column {column}");
}
