//! Tables of memories.

use std::io::{BufReader, Read};

use typewright_runtime::json::RawJson;
use typewright_runtime::memory::exchange::csv::{COLUMNS, Exported, export, import};
use typewright_runtime::memory::store::Batch;
use typewright_runtime::memory::{Content, Embedding, Interval, Kind, MemoryDraft, Provenance};
use typewright_tests::memory::history::History;
use typewright_tests::memory::oracle::Oracle;

use super::*;

on_each_store!(
    a_row_says_what_the_columns_say,
    what_fits_into_a_table_comes_back_and_the_rest_is_counted,
    columns_may_be_few_and_stand_in_any_order,
    rows_without_names_are_named_by_all_that_they_say,
    metadata_that_a_row_cannot_hold_is_counted,
    what_is_wrong_is_told_with_its_place
);

fn table(place: &Place) -> (String, Exported) {
    let mut table = Vec::new();
    let exported = export(&*place.store, place.store.head().unwrap(), &mut table).unwrap();
    (String::from_utf8(table).unwrap(), exported)
}

fn read(place: &Place, table: &str) -> Result<Report, Error> {
    import(&*place.store, &place.settings, table.as_bytes(), Some(&namespace("n")), Mode::Store)
}

/// A memory of which everything is known.
fn node() -> MemoryNode {
    let mut node = History::new(1).node();
    node.id = Id::from_u128(1);
    node.namespace = namespace("acme/ada");
    (node.kind, node.embedding) = (Kind::Other(77), None);
    node.content = Content::text("a, \"b\"\r\n=1+2");
    (node.importance, node.valid) = (0.1, Interval::since(time("2026-01-02T00:00:00Z")));
    (node.created, node.updated) = (time("2026-01-01T00:00:00Z"), time("2026-01-03T00:00:00Z"));
    node.expires = Some(time("2027-01-01T00:00:00Z"));
    node.provenance = Some(Provenance::new("a person").reference("page 7"));
    node.metadata = [("k".to_owned(), RawJson::new("[1, 2.50]").unwrap())].into();
    node
}

fn a_row_says_what_the_columns_say(on: Engine) {
    let place = Place::new(on);
    place.commit(vec![Change::Add(Box::new(node()))]);
    let (table, exported) = table(&place);
    let row = "00000000-0000-0000-0000-000000000001,acme/ada,other-77,live,text,\"a, \"\"b\"\"\r\n=1+2\",0.1,\
        2026-01-02T00:00:00.000000Z,,2026-01-01T00:00:00.000000Z,2026-01-03T00:00:00.000000Z,,\
        2027-01-01T00:00:00.000000Z,a person,page 7,\"{\"\"k\"\":[1, 2.50]}\"\r\n";
    assert_eq!(table, format!("{}\r\n{row}", COLUMNS.join(",")));
    assert_eq!(exported, Exported { memories: 1, ..Exported::default() });
    let other = Place::new(on);
    assert_eq!(read(&other, &table).unwrap().memories.added, 1);
    assert_eq!(
        other.node(Id::from_u128(1)),
        MemoryNode { last_access: time("2026-01-01T00:00:00Z"), ..node() }
    );
    let again = read(&other, &table).unwrap();
    assert_eq!((again.memories.added, again.memories.present), (0, 1));
}

fn what_fits_into_a_table_comes_back_and_the_rest_is_counted(on: Engine) {
    let (place, mut oracle, mut history) = (Place::new(on), Oracle::default(), History::new(11));
    for _ in 0..150 {
        let batch: Batch = history.batch(&oracle);
        if oracle.commit(&batch, history.now()).is_ok() {
            place.store.commit(&batch).unwrap();
        }
    }
    let world = oracle.at(oracle.head());
    let (table_of, exported) = table(&place);
    let count = |is: &dyn Fn(&&MemoryNode) -> bool| world.nodes.values().filter(is).count() as u64;
    let is_there = |node: &&MemoryNode| node.status != Status::Forgotten;
    let media = count(&|node| matches!(node.content, Content::Blob(_)));
    assert_eq!(exported.memories, count(&is_there));
    let lost = |what: &str| exported.left_out.get(what).copied().unwrap_or_default();
    assert_eq!(lost("relations"), world.relations.len() as u64);
    assert_eq!(lost("forgotten memories"), count(&|node| node.status == Status::Forgotten));
    assert_eq!(lost("vectors"), count(&|node| node.embedding.is_some()));
    assert_eq!(lost("bytes of media"), media);
    assert!(media > 0 && lost("relations") > 0 && lost("vectors") > 0);
    let other = Place::new(on);
    let report = read(&other, &table_of).unwrap();
    assert_eq!(report.memories.added, exported.memories - media);
    let of_media: u64 = report
        .left_out
        .iter()
        .filter(|(what, _)| what.contains("media") || what.contains("without"))
        .map(|(_, n)| n)
        .sum();
    assert_eq!(of_media, media);
    // What could be read is the same table again.
    let (again, _) = table(&other);
    let without_media = |table: &str| -> Vec<String> {
        let rows = table.split("\r\n").filter(|row| !row.contains(",image,"));
        rows.map(str::to_owned).collect()
    };
    assert_eq!(without_media(&again), without_media(&table_of));
}

fn columns_may_be_few_and_stand_in_any_order(on: Engine) {
    let place = Place::new(on);
    let table = "\u{feff}Kind,mood,CONTENT\n,sad,first\nepisode,,\"second\"\n,,\n";
    let report = read(&place, table).unwrap();
    assert_eq!(report.memories.added, 2);
    let left_out: Vec<_> = report.left_out.into_iter().collect();
    assert_eq!(left_out, [("column `mood`".to_owned(), 1), ("rows without a content".to_owned(), 1)]);
    let mut said: Vec<_> = place.all("n").into_iter().map(|node| (node.kind, node.content)).collect();
    said.sort_by_key(|(kind, _)| *kind);
    assert_eq!(said, [(Kind::Fact, Content::text("first")), (Kind::Episode, Content::text("second"))]);
    // The same rows are the same memories.
    assert_eq!(read(&place, table).unwrap().memories.present, 2);
    let draft = MemoryDraft::new(namespace("n"), Kind::Fact, "x").embedding("m", vec![1.0]);
    assert_eq!(draft.embedding, Some(Embedding { model: "m".to_owned(), vector: vec![1.0] }));
}

fn rows_without_names_are_named_by_all_that_they_say(on: Engine) {
    let place = Place::new(on);
    let table =
        "type,content\njson,true\njson,false\ntext,true\njson,\"[\"\"a\"\",1]\"\njson,\"{\"\"a\"\":1}\"\n";
    let report = read(&place, table).unwrap();
    assert_eq!((report.memories.added, report.memories.differing), (5, 0));
    assert_eq!(read(&place, table).unwrap().memories.present, 5);
    // What texts were called before, they are called now.
    let text = place.all("n").into_iter().find(|node| node.content == Content::text("true")).unwrap();
    assert_eq!(text.id.to_string(), "ffe4b991-5b60-85d3-9233-26b5b62947cf");
}

fn metadata_that_a_row_cannot_hold_is_counted(on: Engine) {
    let place = Place::new(on);
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let metadata = [("fits", deep(127)), ("deep", deep(128))];
    let metadata = metadata.map(|(key, json)| (key.to_owned(), RawJson::new(json).unwrap()));
    place.commit(vec![Change::Add(Box::new(MemoryNode { metadata: metadata.into(), ..node() }))]);
    let (table, exported) = table(&place);
    assert_eq!(
        exported.left_out.into_iter().collect::<Vec<_>>(),
        [("metadata of more than 127 levels".to_owned(), 1)]
    );
    let other = Place::new(on);
    read(&other, &table).unwrap();
    let metadata = other.node(Id::from_u128(1)).metadata;
    assert_eq!(
        metadata.into_iter().map(|(key, json)| (key, json.as_str().to_owned())).collect::<Vec<_>>(),
        [("fits".to_owned(), deep(127))]
    );
}

fn what_is_wrong_is_told_with_its_place(on: Engine) {
    let cases = [
        ("", 1, 1, "there is no row of columns"),
        ("id,kind\n", 1, 1, "there is no column `content`"),
        ("content,kind,kind\n", 1, 14, "the column `kind` is there twice"),
        ("content,kind\nx\n", 2, 1, "it has 1 cells, and there are 2 columns"),
        ("content,kind\n\"x\ny\",dream\n", 3, 4, "no kind is called `dream`"),
        ("content\nx\"y\n", 2, 2, "a quote stands in a cell that does not begin with one"),
        ("content\n\"x\"y\n", 2, 4, "something follows the quote"),
        ("content\n\"x\n", 2, 1, "the quote does not end"),
        ("content,created\nx,yesterday\n", 2, 3, "time: "),
        ("content,status\nx,forgotten\n", 2, 3, "a memory cannot be `forgotten` here"),
        ("content,type\n[1,json\n", 2, 1, "not a JSON value"),
        ("content,metadata\nx,[]\n", 2, 3, "expected an object"),
        ("content,importance\nx,high\n", 2, 3, "the importance is a number from 0 to 1"),
        ("content,id\nx,7\n", 2, 3, "id: "),
    ];
    let place = Place::new(on);
    for (table, line, column, reason) in cases {
        let found = super::place(&read(&place, table).unwrap_err());
        assert_eq!((found.0, found.1), (line, column), "{table:?}: {}", found.2);
        assert!(found.2.starts_with(reason), "{table:?}: {}", found.2);
        assert_eq!(place.store.census().unwrap().nodes[0], 0);
    }
    let error = read(&place, "content,importance\nx,2\n").unwrap_err();
    assert!(matches!(error, Error::Refused { line: 2, .. }), "{error:?}");
    let error = import(&*place.store, &place.settings, &b"content\nx\n"[..], None, Mode::Store).unwrap_err();
    assert_eq!(super::place(&error).2, "it has no namespace");
}

#[test]
fn endless_cells_and_rows_are_refused_in_bounded_memory() {
    let place = Place::new(Engine::Sqlite);
    for (start, endless, reason) in [
        ("content\n", 'a', "longer than"),
        ("content\n\"", '"', "longer than"),
        ("", ',', "more than 1000 cells"),
    ] {
        let from = BufReader::new(start.as_bytes().chain(std::io::repeat(endless as u8)));
        let error = import(&*place.store, &place.settings, from, None, Mode::Store).unwrap_err();
        assert!(super::place(&error).2.contains(reason), "{error}");
    }
}
