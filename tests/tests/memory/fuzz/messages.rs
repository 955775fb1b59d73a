//! Memories where a conversation has its messages.

use typewright_tests::memory::fuzz::messages;

use super::{changed, run};

/// A document for a message, of the user.
const DOCUMENT: u8 = 0b0000_0110;

const SEEDS: [&str; 6] = [
    "{\"version\":1,\"parts\":[{\"text\":{\"text\":\"x\",\"citations\":[{\"url\":\"u\",\"title\":null,\"start\":1,\"end\":2,\"raw\":\"{\\\"a\\\":1e5}\"}],\"signature\":null,\"cache\":{\"ttl\":\"5m\"}}}]}",
    "{\"parts\":[{\"reasoning\":{\"text\":\"t\",\"signature\":\"s\",\"redacted\":\"r\",\"item_id\":\"i\",\"origin\":\"o\"}},{\"call\":{\"id\":\"1\",\"name\":\"n\",\"arguments\":\"{}\",\"cache\":null}}]}",
    "{\"parts\":[{\"result\":{\"call_id\":\"1\",\"content\":[{\"result\":{\"call_id\":\"2\",\"content\":[]}},{\"text\":{\"text\":\"\",\"citations\":[]}}],\"is_error\":true}}]}",
    "{\"parts\":[{\"image\":{\"source\":{\"url\":\"https://x\"},\"detail\":\"low\"}},{\"file\":{\"source\":{\"mime\":\"a/b\",\"data\":\"YWJj\"},\"filename\":\"f\"}},{\"audio\":{\"source\":{\"id\":\"7\"}}}]}",
    "{\"parts\":[{\"refusal\":{\"text\":\"no\",\"citations\":[]}},{\"raw\":\"{\\\"k\\\":[1,null]}\"}]}",
    "{\"parts\":[]}",
];

/// Memories one after the other.
fn together(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.join(&0)
}

/// A result within a result, and so on.
fn nested(depth: usize) -> String {
    let (begin, end) = ("{\"result\":{\"call_id\":\"1\",\"content\":[", "]}}");
    format!("{{\"parts\":[{}{}]}}", begin.repeat(depth), end.repeat(depth))
}

#[test]
fn whatever_stands_where_messages_do_is_read_or_refused() {
    for seed in SEEDS {
        for places in 0..4 {
            let whole = [&[DOCUMENT], seed.as_bytes()].concat();
            assert!(messages(places, &together(&[whole.clone(), whole])), "{places} {seed}");
        }
    }
    for depth in [40, 41, 42, 43, 5000, 100_000] {
        messages(0, &[&[DOCUMENT], nested(depth).as_bytes()].concat());
    }
    let taken = run(15, 400, |random, round| {
        let part = |random: &mut fastrand::Rng| {
            let seed = SEEDS[(round + random.usize(..2)) % SEEDS.len()];
            let text = if random.bool() { seed.as_bytes().to_vec() } else { changed(random, seed) };
            let how = if random.u8(..3) == 0 { random.u8(..) } else { DOCUMENT };
            [&[how], text.as_slice()].concat()
        };
        let parts: Vec<Vec<u8>> = (0..random.usize(1..4)).map(|_| part(random)).collect();
        messages(random.u8(..), &together(&parts))
    });
    assert!(taken > 0, "{taken}");
}
