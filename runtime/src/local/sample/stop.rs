//! Stop sequences across the borders of tokens: text is handed out as soon as it can no longer be part of one.

use std::collections::VecDeque;

/// The most bytes that all sequences may have together.
const MOST_BYTES: usize = 1 << 16;

/// Looks for stop sequences in text that arrives in pieces.
///
/// The first match to end wins; of those that end at one place the longest, so that nothing of it is handed out.
/// Aho–Corasick over bytes: each byte is looked at once.
#[derive(Debug, Clone)]
pub struct Stops {
    nodes: Vec<Node>,
    /// Where in the trie the text so far ends.
    at: usize,
    /// Text that may be the start of a stop sequence.
    held: String,
    /// What was found.
    found: Option<usize>,
}

/// What a piece of text led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Text that is not part of a stop sequence.
    pub text: String,
    /// The number of the stop sequence that was met. No text follows.
    pub stop: Option<usize>,
}

/// Stop sequences that cannot be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStops {
    /// A sequence is empty: it would stop before anything.
    #[error("stop sequence {0} is empty")]
    Empty(usize),
    /// The sequences are too long.
    #[error("stop sequences of {found} bytes together, more than {MOST_BYTES}")]
    Long {
        /// How many bytes they have.
        found: usize,
    },
}

/// A prefix of a stop sequence.
#[derive(Debug, Clone, Default)]
struct Node {
    /// Longer prefixes, by the byte that they add, sorted.
    next: Vec<(u8, usize)>,
    /// The longest proper suffix that is a prefix as well.
    fall: usize,
    /// How long the prefix is.
    depth: usize,
    /// The longest sequence that ends here: its number and its length.
    ends: Option<(usize, usize)>,
}

impl Stops {
    /// Looks for these sequences.
    pub fn new<S: AsRef<str>>(sequences: &[S]) -> Result<Self, InvalidStops> {
        let bytes = sequences.iter().map(|sequence| sequence.as_ref().len()).sum();
        if bytes > MOST_BYTES {
            return Err(InvalidStops::Long { found: bytes });
        }
        let mut nodes = vec![Node::default()];
        for (number, sequence) in sequences.iter().enumerate() {
            if sequence.as_ref().is_empty() {
                return Err(InvalidStops::Empty(number));
            }
            insert(&mut nodes, number, sequence.as_ref().as_bytes());
        }
        link(&mut nodes);
        Ok(Self { nodes, at: 0, held: String::new(), found: None })
    }

    /// Takes the next piece of text in. After a stop sequence nothing comes out any more.
    pub fn push(&mut self, piece: &str) -> Passed {
        if self.found.is_some() {
            return Passed { text: String::new(), stop: self.found };
        }
        let before = self.held.len();
        self.held.push_str(piece);
        for end in before..self.held.len() {
            self.at = step(&self.nodes, self.at, self.held.as_bytes()[end]);
            if let Some((number, length)) = self.nodes[self.at].ends {
                self.found = Some(number);
                self.held.truncate(end + 1 - length);
                return Passed { text: std::mem::take(&mut self.held), stop: self.found };
            }
        }
        // A stop sequence begins with a whole character, so the text is cut between characters.
        let free = self.held.len() - self.nodes[self.at].depth;
        let rest = self.held.split_off(free);
        Passed { text: std::mem::replace(&mut self.held, rest), stop: None }
    }

    /// No more text follows: what was held back is text after all.
    pub fn finish(&mut self) -> String {
        self.at = 0;
        std::mem::take(&mut self.held)
    }
}

fn insert(nodes: &mut Vec<Node>, number: usize, sequence: &[u8]) {
    let mut at = 0;
    for (depth, &byte) in sequence.iter().enumerate() {
        at = match nodes[at].next.binary_search_by_key(&byte, |(byte, _)| *byte) {
            Ok(found) => nodes[at].next[found].1,
            Err(place) => {
                let new = nodes.len();
                nodes[at].next.insert(place, (byte, new));
                nodes.push(Node { depth: depth + 1, ..Node::default() });
                new
            }
        };
    }
    nodes[at].ends.get_or_insert((number, sequence.len()));
}

/// Sets where to fall back to, shorter prefixes first, and which sequences end as suffixes of others.
fn link(nodes: &mut [Node]) {
    let mut queue: VecDeque<usize> = nodes[0].next.iter().map(|(_, node)| *node).collect();
    while let Some(at) = queue.pop_front() {
        for (byte, child) in nodes[at].next.clone() {
            let fall = step(nodes, nodes[at].fall, byte);
            nodes[child].fall = fall;
            queue.push_back(child);
        }
        let fall = nodes[at].fall;
        nodes[at].ends = nodes[at].ends.or(nodes[fall].ends);
    }
}

fn step(nodes: &[Node], from: usize, byte: u8) -> usize {
    let mut at = from;
    loop {
        match nodes[at].next.binary_search_by_key(&byte, |(byte, _)| *byte) {
            Ok(found) => return nodes[at].next[found].1,
            Err(_) if at == 0 => return 0,
            Err(_) => at = nodes[at].fall,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The match that ends first, the longest of those; the text before it.
    fn naive(text: &str, stops: &[String]) -> (String, Option<usize>) {
        for end in 1..=text.len() {
            let longest = (0..stops.len())
                .filter(|&number| text.as_bytes()[..end].ends_with(stops[number].as_bytes()))
                .max_by_key(|&number| (stops[number].len(), std::cmp::Reverse(number)));
            if let Some(number) = longest {
                return (text[..end - stops[number].len()].to_owned(), Some(number));
            }
        }
        (text.to_owned(), None)
    }

    fn word(random: &mut fastrand::Rng, len: usize) -> String {
        (0..len).map(|_| ['a', 'b', 'é', '日'][random.usize(..4)]).collect()
    }

    #[test]
    fn borders_change_nothing() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut met = 0;
        for _ in 0..20_000 {
            let stops: Vec<String> = (0..random.usize(..4))
                .map(|_| {
                    let len = random.usize(1..5);
                    word(&mut random, len)
                })
                .collect();
            let len = random.usize(..30);
            let text = word(&mut random, len);
            let mut matcher = Stops::new(&stops).unwrap();
            let (mut out, mut stop, mut rest) = (String::new(), None, text.as_str());
            while !rest.is_empty() && stop.is_none() {
                let cut = (1..=rest.len().min(9)).filter(|&at| rest.is_char_boundary(at)).collect::<Vec<_>>();
                let (piece, after) = rest.split_at(cut[random.usize(..cut.len())]);
                let passed = matcher.push(piece);
                out += &passed.text;
                (stop, rest) = (passed.stop, after);
            }
            out += &matcher.finish();
            assert_eq!((out, stop), naive(&text, &stops), "{text:?} {stops:?}");
            met += usize::from(stop.is_some());
        }
        assert!(met > 5000);
    }

    #[test]
    fn only_what_may_become_a_stop_is_held_back() {
        let mut stops = Stops::new(&["</end>", "STOP"]).unwrap();
        assert_eq!(stops.push("a </e").text, "a ");
        assert_eq!(stops.push("m> ST").text, "</em> ");
        assert_eq!(stops.push("UFF").text, "STUFF");
        assert_eq!(stops.push("x</en"), Passed { text: "x".to_owned(), stop: None });
        assert_eq!(stops.push("d> more"), Passed { text: String::new(), stop: Some(0) });
        assert_eq!(stops.push("more"), Passed { text: String::new(), stop: Some(0) });
        assert_eq!(stops.finish(), "");
    }

    #[test]
    fn the_end_of_text_lets_go_of_what_was_held() {
        let mut stops = Stops::new(&["abc"]).unwrap();
        assert_eq!(stops.push("ab").text, "");
        assert_eq!(stops.finish(), "ab");
    }

    #[test]
    fn an_empty_sequence_is_refused() {
        assert_eq!(Stops::new(&["a", ""]).unwrap_err(), InvalidStops::Empty(1));
        assert!(matches!(Stops::new(&["x".repeat(70_000)]), Err(InvalidStops::Long { found: 70_000 })));
        assert_eq!(Stops::new::<&str>(&[]).unwrap().push("text").text, "text");
    }
}
