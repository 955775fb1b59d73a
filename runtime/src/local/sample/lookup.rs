//! Guesses the next tokens from what the context already says, for the model to check several in one pass. A guess
//! costs no model; a wrong one costs the time of its check and changes nothing.

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// The longest tail of the context that is looked for.
    pub longest: usize,
    /// The shortest tail worth a guess.
    pub shortest: usize,
    /// The most tokens to guess.
    pub guesses: usize,
    /// How many of the last tokens are searched.
    pub window: usize,
}

impl Default for Lookup {
    fn default() -> Self {
        Self { longest: 4, shortest: 2, guesses: 8, window: 4096 }
    }
}

/// What followed the last time that the tail of the context occurred: the longest tail that did, the latest place.
/// Empty if none did. Linear in the window.
pub fn continuation<'a>(context: &'a [u32], lookup: &Lookup) -> &'a [u32] {
    let searched = &context[context.len().saturating_sub(lookup.window)..];
    let (mut best, mut best_length) = (searched.len(), 0);
    // From the latest place backwards; a longer tail wins, an equally long one does not.
    for end in (1..searched.len()).rev() {
        let tail = searched.iter().rev();
        let same =
            tail.zip(searched[..end].iter().rev()).take(lookup.longest).take_while(|(a, b)| a == b).count();
        if same > best_length {
            (best, best_length) = (end, same);
            if same == lookup.longest {
                break;
            }
        }
    }
    if best_length < lookup.shortest.max(1) {
        return &[];
    }
    &searched[best..(best + lookup.guesses).min(searched.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(context: &[u32], lookup: &Lookup) -> Vec<u32> {
        let searched = &context[context.len().saturating_sub(lookup.window)..];
        for length in (lookup.shortest..=lookup.longest).rev() {
            let Some(tail) = searched.len().checked_sub(length).map(|at| &searched[at..]) else { continue };
            for end in (length..searched.len()).rev() {
                if &searched[end - length..end] == tail {
                    return searched[end..].iter().take(lookup.guesses).copied().collect();
                }
            }
        }
        Vec::new()
    }

    #[test]
    fn it_finds_what_a_naive_search_finds() {
        let mut random = fastrand::Rng::with_seed(2);
        let mut found = 0;
        for _ in 0..20_000 {
            let shortest = random.usize(1..4);
            let lookup = Lookup {
                shortest,
                longest: shortest + random.usize(..3),
                guesses: random.usize(..5),
                window: random.usize(..50),
            };
            let context: Vec<u32> = (0..random.usize(..60)).map(|_| random.u32(..4)).collect();
            let expected = naive(&context, &lookup);
            assert_eq!(continuation(&context, &lookup), expected, "{context:?} {lookup:?}");
            found += usize::from(!expected.is_empty());
        }
        assert!(found > 5000);
    }

    #[test]
    fn a_context_without_repetition_gives_no_guess() {
        assert!(continuation(&[], &Lookup::default()).is_empty());
        assert!(continuation(&[1, 2, 3, 4], &Lookup::default()).is_empty());
        assert_eq!(continuation(&[1, 2, 3, 4, 1, 2], &Lookup::default()), [3, 4, 1, 2]);
    }
}
