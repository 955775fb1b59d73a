//! Files of stores, and those of graphs beside them.

use fastrand::Rng;
use typewright_tests::memory::fuzz::{database, graph};

use super::{bytes, run};

/// Changes of a file, each of four bytes: most of them at its beginning, and small.
fn patches(random: &mut Rng, most: usize) -> Vec<u8> {
    let patch = |random: &mut Rng| {
        let how = random.u8(..) & if random.u8(..8) == 0 { 0xff } else { 0xfc };
        let place = if random.bool() { [0, random.u8(..120)] } else { [random.u8(..), random.u8(..)] };
        let how = if place[0] == 0 { how | 0x80 } else { how & 0x7f };
        [place[0], place[1], how, [0, 1, 255, random.u8(..)][random.usize(..4)]]
    };
    (0..random.usize(1..=most)).flat_map(|_| patch(random)).collect()
}

#[test]
fn whatever_stands_beside_a_store_what_is_near_is_found() {
    graph(3, &[]);
    // Links everywhere that lead to what there is not, and to what is somewhere else.
    for to in [200, 100, 7] {
        graph(3, &(0x70..0xf0).flat_map(|place| [place, 0, place << 2 & 0x7c, to]).collect::<Vec<u8>>());
    }
    run(11, 300, |random, round| {
        let choice = random.u8(..) & 0xfc | (round % 8).min(3) as u8;
        let file = if choice & 2 > 0 { patches(random, 4) } else { bytes(random, 200) };
        graph(choice, &file);
        true
    });
}

#[test]
fn whatever_a_store_is_it_is_asked_without_harm() {
    assert!(database(2, &[]));
    let opened = run(12, 400, |random, round| {
        let file = if round % 8 < 2 { bytes(random, 9000) } else { patches(random, 6) };
        database(random.u8(..) & 0xfc | (round % 8).min(2) as u8, &file)
    });
    assert!(opened > 0, "{opened}");
}
