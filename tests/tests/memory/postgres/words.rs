//! Words are those of the store in one file, and so are their scores.

use typewright_runtime::memory::store::{Filter, Match, Store};
use typewright_tests::memory::history::History;

use super::{adding, namespace, node, open, schema, server};
use crate::store::{Folder, open as open_file, settings};

fn scores(found: &[Match]) -> Vec<(u128, String)> {
    found.iter().map(|one| (one.id.as_u128(), format!("{:.12}", one.score))).collect()
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
