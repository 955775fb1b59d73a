//! Everything at once, drawn from a seed: answers that come, are read slowly or not at all, and are dropped, in little
//! memory. Who stays to the end hears what it hears alone, and in the end nothing is left over.

use std::collections::HashMap;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use typewright_runtime::chat::{ChatRequest, ChatResponse};
use typewright_runtime::local::serve::{Answers, Config, Guessing, Server};

use super::{PAGE, alone, loaded, said, until, varied};

struct Reader {
    which: usize,
    answers: Answers,
    /// Of a hundred rounds, in about how many it reads.
    pace: u32,
}

/// Answers of a storm, and how many of them are under way at once.
const ANSWERS: usize = 24;
const TOGETHER: usize = 12;

/// Runs a storm; how many answers were heard to their end.
fn storm(seed: u64, config: Config, pages: u64, expected: &HashMap<usize, ChatResponse>) -> usize {
    let requests: Vec<ChatRequest> = varied(expected.len() as u64);
    let server = Server::start(loaded(pages * PAGE), config).unwrap();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut cx = Context::from_waker(Waker::noop());
    let (mut readers, mut begun, mut whole): (Vec<Reader>, usize, usize) = (Vec::new(), 0, 0);
    while begun < ANSWERS || !readers.is_empty() {
        if begun < ANSWERS && readers.len() < TOGETHER && random.u32(..10) == 0 {
            let which = random.usize(..requests.len());
            let answers = server.try_answer(&requests[which]).unwrap();
            readers.push(Reader { which, answers, pace: random.u32(5..100) });
            begun += 1;
        }
        for at in (0..readers.len()).rev() {
            if random.u32(..100) >= readers[at].pace {
                continue;
            }
            match readers[at].answers.poll_next(&mut cx) {
                Poll::Pending => std::thread::yield_now(),
                Poll::Ready(Some(event)) => {
                    event.unwrap();
                    // Some go away in the middle.
                    if random.u32(..80) == 0 {
                        drop(readers.swap_remove(at));
                    }
                }
                Poll::Ready(None) => {
                    let reader = readers.swap_remove(at);
                    let response = reader.answers.answer().unwrap().response.clone();
                    assert_eq!(said(response), expected[&reader.which], "seed {seed}");
                    whole += 1;
                }
            }
        }
        if random.u32(..4) == 0 {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    let left = until(&server, |statistics| statistics.running + statistics.waiting == 0);
    assert_eq!(left.failed, 0, "seed {seed}: {left:?}");
    if left.kept == 0 {
        assert_eq!(left.pages_free, left.pages, "seed {seed}: {left:?}");
    }
    whole
}

#[test]
fn whoever_stays_hears_all_of_it() {
    let expected: HashMap<usize, ChatResponse> =
        varied(12).iter().enumerate().map(|(at, request)| (at, said(alone(request)))).collect();
    let guessing = Some(Guessing { streams: 12, ..Guessing::default() });
    let mut whole = 0;
    for seed in 0..6 {
        let config = Config {
            streams: [3, 12][seed as usize % 2],
            events: [1, 5, 64][seed as usize % 3],
            kept: [0, 4][seed as usize / 3],
            prompt_rows: [3, 40][seed as usize % 2],
            guessing: guessing.filter(|_| seed % 2 == 0),
            ..Config::default()
        };
        whole += storm(seed, config, [4, 9, 60][seed as usize % 3], &expected);
    }
    assert!((60..6 * ANSWERS).contains(&whole), "{whole} answers were heard to their end");
}
