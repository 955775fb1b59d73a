//! Sequences and their pages: shared beginnings, memory that is given back, steps that are refused.

use typewright_runtime::local::Error;
use typewright_runtime::local::engine::{Config, Engine, Item, Logits};
use typewright_tests::bench::alloc::allocations;

use super::{best, by, config, opened, run};
use crate::architectures::reference::Reference;

const CONTEXT: usize = 128;

fn engine(pages: usize) -> Engine {
    let reference = Reference::read("llama");
    let one = Engine::load(&opened(&reference), &config()).unwrap();
    let page_bytes = config().cache_bytes / one.pages().1 as u64;
    let config = Config { cache_bytes: page_bytes * pages as u64 + page_bytes / 2, ..config() };
    let engine = Engine::load(&opened(&reference), &config).unwrap();
    assert_eq!(engine.pages(), (pages, pages));
    engine
}

fn tokens(seed: u32, len: usize) -> Vec<u32> {
    (1..=len as u32).map(|at| (at * 31 + seed * 17) % 128).collect()
}

#[test]
fn a_shared_beginning_is_stored_once_and_stays_as_it_is() {
    let mut engine = engine(8);
    let (prompt, ends) = (tokens(1, 100), [tokens(2, 20), tokens(3, 25)]);
    let expected = ends.each_ref().map(|end| {
        let whole: Vec<u32> = prompt.iter().chain(end).copied().collect();
        by(&mut engine, &whole, whole.len()).split_off(prompt.len())
    });
    let first = engine.create();
    run(&mut engine, first, &prompt, Logits::None);
    let second = engine.fork(first, prompt.len()).unwrap();
    assert_eq!(engine.pages().0, 6, "nothing was copied yet");
    assert_eq!(engine.pages_for(second, 1).unwrap(), 1, "the page that both would write");
    assert!(run(&mut engine, second, &ends[1], Logits::All) == expected[1]);
    assert_eq!(engine.pages().0, 5);
    assert!(run(&mut engine, first, &ends[0], Logits::All) == expected[0]);
    assert_eq!(engine.pages().0, 5);
    assert!(engine.remove(first));
    assert_eq!(engine.pages().0, 6, "the whole page is shared still");
    let third = engine.fork(second, 64).unwrap();
    assert_eq!(engine.pages_for(third, 1).unwrap(), 1);
    assert!(engine.remove(second) && engine.remove(third) && !engine.remove(third));
    assert_eq!(engine.pages(), (8, 8));
}

#[test]
fn what_is_forgotten_can_be_said_anew() {
    let mut engine = engine(4);
    let prompt = tokens(4, 90);
    let expected = by(&mut engine, &prompt, prompt.len());
    let sequence = engine.create();
    run(&mut engine, sequence, &tokens(5, 120), Logits::None);
    engine.truncate(sequence, 0).unwrap();
    assert_eq!((engine.len(sequence).unwrap(), engine.pages().0), (0, 4));
    run(&mut engine, sequence, &prompt, Logits::None);
    engine.truncate(sequence, 50).unwrap();
    assert_eq!((engine.len(sequence).unwrap(), engine.pages().0), (50, 3));
    assert!(run(&mut engine, sequence, &prompt[50..], Logits::All) == expected[50..]);
}

#[test]
fn a_step_that_is_refused_changes_nothing() {
    let mut engine = engine(3);
    let (first, second) = (engine.create(), engine.create());
    run(&mut engine, first, &tokens(1, 100), Logits::None);
    run(&mut engine, second, &tokens(2, 60), Logits::None);
    let (one, five, many) = (tokens(3, 1), tokens(3, 5), tokens(1, 29));
    let item = |sequence, tokens| Item { sequence, tokens, want: Logits::Last };
    let error = engine.step(&[item(first, &one), item(second, &five)]).unwrap_err();
    assert!(matches!(error, Error::CacheFull { needed: 1, free: 0 }), "{error}");
    let gone = engine.create();
    engine.remove(gone);
    let reused = engine.create();
    let refused: &[(&[Item<'_>], &str)] = &[
        (&[item(first, &[])], "no tokens"),
        (&[item(first, &[128])], "token 128 in a vocabulary of 128"),
        (&[item(first, &one), item(first, &one)], "a sequence is in a step twice"),
        (&[item(first, &many)], "100 + 29 tokens in a context of 128"),
        (&[item(first, &one), item(gone, &one)], "no such sequence"),
    ];
    for (items, expected) in refused {
        assert_eq!(engine.step(items).unwrap_err().to_string(), *expected);
    }
    assert_eq!((engine.len(first).unwrap(), engine.len(second).unwrap()), (100, 60));
    assert_eq!(engine.pages().0, 0);
    assert!(engine.fork(first, 101).is_err() && engine.fork(gone, 0).is_err() && engine.len(gone).is_err());
    assert_eq!(engine.len(reused).unwrap(), 0);
    assert!(engine.step(&[]).unwrap().is_empty());
    assert_eq!(engine.context(), CONTEXT);
    let whole: Vec<u32> = tokens(1, 100).into_iter().chain(one.clone()).collect();
    let found = run(&mut engine, first, &one, Logits::Last);
    engine.remove(first);
    engine.remove(second);
    assert!(found == by(&mut engine, &whole, whole.len())[100..]);
}

#[test]
fn a_steady_step_asks_for_no_memory() {
    for name in ["llama", "gemma3", "qwen3moe", "deepseek3"] {
        let mut engine = Engine::load(&opened(&Reference::read(name)), &config()).unwrap();
        let sequences = [(); 3].map(|()| engine.create());
        let mut said = [[1], [2], [3]];
        let mut step = |engine: &mut Engine| {
            let item = |at: usize| Item { sequence: sequences[at], tokens: &said[at], want: Logits::Last };
            let items = [item(0), item(1), item(2)];
            let before = allocations();
            let rows = engine.step(&items).unwrap();
            let asked = allocations() - before;
            let next: Vec<u32> = rows.iter().map(best).collect();
            said = [[next[0]], [next[1]], [next[2]]];
            asked
        };
        // Pages are taken at the first and at the 65th; lists of experts grow for a while.
        (0..10).for_each(|_| drop(step(&mut engine)));
        let asked: u64 = (0..40).map(|_| step(&mut engine)).sum();
        assert!(
            asked <= if name == "llama" || name == "gemma3" { 0 } else { 20 },
            "{name} asked {asked} times"
        );
    }
}
