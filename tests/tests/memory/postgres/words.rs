//! Words are those of the store in one file, and so are their scores.

use std::sync::Arc;

use fastrand::Rng;
use typewright_runtime::memory::MemoryNode;
use typewright_runtime::memory::postgres::PostgresStore;
use typewright_runtime::memory::store::{Filter, Match, Store};
use typewright_tests::memory::history::History;

use super::{adding, config, namespace, node, open, schema, server};
use crate::store::{Folder, open as open_file, settings};

fn scores(found: &[Match]) -> Vec<(u128, String)> {
    rounded(found, 12)
}

/// Sums of many numbers, which both stores do not add in the same way, differ in their last digits.
fn rounded(found: &[Match], digits: usize) -> Vec<(u128, String)> {
    found.iter().map(|one| (one.id.as_u128(), format!("{:.digits$}", one.score))).collect()
}

#[test]
fn scores_are_those_of_the_store_in_one_file() {
    let Some(server) = server() else { return };
    let (folder, (_, settings)) = (Folder::new("scores"), settings());
    let file = open_file(&folder.path().join("store.db"), &settings).unwrap();
    let here = open(server, &schema(), &settings);
    let mut history = History::new(7);
    let nodes: Vec<_> = (1..400)
        .map(|number| node(number, ["a", "a/b", "c"][number as usize % 3], &history.words(40)))
        .collect();
    for part in nodes.chunks(50) {
        file.commit(&adding(part.to_vec())).unwrap();
        here.commit(&adding(part.to_vec())).unwrap();
    }
    let mut filter = Filter::of(namespace("a"));
    for round in 0..60 {
        filter.below = round % 2 == 0;
        let (words, most) = (history.words(1 + round % 5), [5, 1000][round % 2]);
        let found = here.matches(&words, &filter, most).unwrap();
        assert!(!found.is_empty(), "{words}");
        assert_eq!(scores(&found), scores(&file.matches(&words, &filter, most).unwrap()), "{words}");
    }
    // A word that most have weighs next to nothing, and one that is asked twice counts twice.
    for words in ["ada", "ada ada loom", "nothing", "", "\"' & | ! :* \\ ("] {
        let found = here.matches(words, &filter, 10).unwrap();
        assert_eq!(scores(&found), scores(&file.matches(words, &filter, 10).unwrap()), "{words}");
    }
}

/// So many of a hundred words, some of them more often than others.
fn said(random: &mut Rng, count: usize) -> String {
    let words: Vec<String> =
        (0..count).map(|_| format!("word{}", random.u8(..100) & random.u8(..))).collect();
    words.join(" ")
}

/// Memories in two namespaces, of which every third matters more.
fn memories(random: &mut Rng) -> Vec<MemoryNode> {
    let one = |number: u128| {
        let (path, count) = (["t/a", "t/b"][number as usize % 2], random.usize(1..60));
        let importance = if number.is_multiple_of(3) { 0.75 } else { 0.25 };
        MemoryNode { importance, ..node(number, path, &said(random, count)) }
    };
    (1..=600).map(one).collect()
}

#[test]
fn questions_of_many_words_have_the_same_answers() {
    let Some(server) = server() else { return };
    let (folder, (_, settings)) = (Folder::new("many"), settings());
    let file = open_file(&folder.path().join("store.db"), &settings).unwrap();
    let here = open(server, &schema(), &settings);
    let mut random = Rng::with_seed(3);
    let batch = adding(memories(&mut random));
    file.commit(&batch).unwrap();
    here.commit(&batch).unwrap();
    // One word after another, as many as are looked for, and more; and words that nobody has.
    for count in (1..=20).chain([63, 64, 65, 200]) {
        let words = format!("{} nobody none", said(&mut random, count));
        for (path, importance, most) in
            [("t/a", None, 10), ("t/b", Some(0.5), 1), ("t/b", Some(0.5), 1000), ("t/c", None, 10)]
        {
            let filter = Filter { importance, ..Filter::of(namespace(path)) };
            let found = here.matches(&words, &filter, most).unwrap();
            let expected = file.matches(&words, &filter, most).unwrap();
            assert_eq!(rounded(&found, 9), rounded(&expected, 9), "{words}");
        }
    }
}

/// What others have is not counted for who does not see it.
#[test]
fn scores_of_a_role_are_those_of_what_it_sees() {
    let Some(server) = server() else { return };
    let (folder, (_, settings), name) = (Folder::new("seen"), settings(), schema());
    let file = open_file(&folder.path().join("store.db"), &settings).unwrap();
    let owner = open(server, &name, &settings);
    let (role, mut random) = (format!("reader_of_{name}"), Rng::with_seed(4));
    let nodes = memories(&mut random);
    owner.commit(&adding(nodes.clone())).unwrap();
    file.commit(&adding(nodes.into_iter().filter(|node| node.namespace == namespace("t/a")))).unwrap();
    server.sql(&format!("CREATE ROLE {role} LOGIN")).unwrap();
    owner.admit(&role, Some(&namespace("t/a"))).unwrap();
    let here = PostgresStore::open(config(server, &role, &name), Arc::clone(&settings)).unwrap();
    let everywhere = Filter::of(namespace("t")).below();
    for count in 1..20 {
        let words = said(&mut random, count);
        let found = here.matches(&words, &everywhere, 10).unwrap();
        assert!(!found.is_empty(), "{words}");
        assert_eq!(scores(&found), scores(&file.matches(&words, &everywhere, 10).unwrap()), "{words}");
    }
}

#[test]
fn words_of_all_scripts_are_found_as_in_one_file() {
    let Some(server) = server() else { return };
    let (folder, (_, settings)) = (Folder::new("scripts"), settings());
    let file = open_file(&folder.path().join("store.db"), &settings).unwrap();
    let here = open(server, &schema(), &settings);
    let texts = [
        "Ångström, naïve café – ÉCOLE; Straße STRASSE",
        "Ελληνικά ΣΊΣΥΦΟΣ σίσυφος",
        "Привет МИР, ёлка й",
        "日本語のテキスト 한국어 ไทย",
        "e\u{301}te\u{301} cafe\u{301}s",
        "x\u{0}y null between, tab\tand\nline",
        "snake_case kebab-case a.b.c C++ 3.14 1843",
        "Ⓐ ﬁne Ⅷ ½ ² İstanbul ıssız",
        "the quick brown fox 🦊 emoji",
    ];
    let long = "w".repeat(3000);
    let nodes = texts.iter().copied().chain([long.as_str()]).zip(1..);
    let batch = adding(nodes.map(|(text, number)| node(number, "a", text)));
    file.commit(&batch).unwrap();
    here.commit(&batch).unwrap();
    let filter = Filter::of(namespace("a"));
    let single = texts.iter().flat_map(|text| text.split_whitespace());
    let folded =
        ["angstrom", "ecole", "strasse", "ΣΙΣΥΦΟΣ", "σίσυφοσ", "привет", "ete", "cafes", "case", "fine"];
    for words in single.chain(folded).chain([long.as_str()]) {
        let found = here.matches(words, &filter, 10).unwrap();
        assert_eq!(scores(&found), scores(&file.matches(words, &filter, 10).unwrap()), "{words}");
    }
    let read = here.nodes(
        &batch.changes.iter().filter_map(|one| one.touches()).collect::<Vec<_>>(),
        here.head().unwrap(),
    );
    assert_eq!(read.unwrap()[5].content.words(), texts[5]);
}
