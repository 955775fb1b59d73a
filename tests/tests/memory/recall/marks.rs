//! Letters whose marks are written after them are found, however who asks writes them.

use typewright_runtime::memory::recall::{Query, Reading, Rest, Strategy};
use typewright_runtime::memory::store::Filter;
use typewright_runtime::memory::{Id, Kind, MemoryDraft, Namespace};

use super::by;
use crate::store::{Engine, Place, on_each_store};

on_each_store!(
    latin_letters_are_found_however_their_marks_are_written,
    of_all_scripts_the_same_words_are_found_either_way
);

fn namespace() -> Namespace {
    Namespace::new("a").unwrap()
}

fn filled(on: Engine, texts: &[&str]) -> Place {
    let place = on.place("marks");
    let mut transaction = place.begin();
    for (text, number) in texts.iter().zip(1..) {
        let draft = MemoryDraft::new(namespace(), Kind::Fact, *text).id(Id::from_u128(number));
        transaction.add(draft).unwrap();
    }
    transaction.commit().unwrap();
    place
}

/// What the index of words has for it, and what is recalled by it either way, by the numbers of the texts.
fn found(place: &Place, asked: &str) -> [Vec<u128>; 3] {
    let query = Query::new(namespace(), 10).text(asked).strategy(Strategy::Words).rest(Rest::Leave);
    let recalled = |reading| by(&*place.store, &place.settings, &query, reading).unwrap().ids();
    let matches = place.store.matches(asked, &Filter::of(namespace()), 10).unwrap();
    let ids = matches.into_iter().map(|one| one.id).collect();
    [ids, recalled(Reading::Each), recalled(Reading::Indexed)].map(|ids: Vec<Id>| {
        let mut numbers: Vec<u128> = ids.into_iter().map(Id::as_u128).collect();
        numbers.sort_unstable();
        numbers
    })
}

fn latin_letters_are_found_however_their_marks_are_written(on: Engine) {
    let place = filled(
        on,
        &[
            "my résumé is here",
            "my re\u{301}sume\u{301} is there",
            "Tiếng of Việt",
            "Tie\u{302}\u{301}ng of Vie\u{323}\u{302}t",
            "Ada sums up",
        ],
    );
    for asked in ["résumé", "re\u{301}sume\u{301}", "resume", "RÉSUME\u{301}"] {
        assert_eq!(found(&place, asked), [[1, 2], [1, 2], [1, 2]], "{asked}");
    }
    for asked in ["tiếng", "tie\u{302}\u{301}ng", "tieng", "VIE\u{302}\u{323}T"] {
        assert_eq!(found(&place, asked), [[3, 4], [3, 4], [3, 4]], "{asked}");
    }
    // A mark without a letter is no word.
    for asked in ["sume", "re", "\u{301} sums"] {
        let expected: &[u128] = if asked.contains("sums") { &[5] } else { &[] };
        assert_eq!(found(&place, asked), [expected, expected, expected], "{asked}");
    }
}

fn of_all_scripts_the_same_words_are_found_either_way(on: Engine) {
    let texts = [
        "е\u{308}лка in the room",
        "τη\u{342}ς οδου\u{301} one",
        "नमस्ते दुनिया two",
        "が\u{3099}くせい three",
        "ก็ไม่เป็นไร four",
        "שָׁלוֹם five",
    ];
    let place = filled(on, &texts);
    for (text, number) in texts.iter().zip(1..) {
        let word = text.split(' ').next().unwrap();
        assert_eq!(found(&place, word), [[number], [number], [number]], "{word}");
    }
}
