//! Maximal marginal relevance (Carbonell, Goldstein: SIGIR 1998), in its greedy form: one after the other, that which is most
//! relevant and least like those that were taken before.
//!
//! Likeness counts from a cosine on that is given, from there to 1 as from 0 to 1. With 0 it is the published form; but two
//! memories about one thing are alike without saying the same, and the published form then prefers what is about nothing.

use crate::memory::store::likeness;

/// What may be taken, best first.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// How relevant it is.
    pub relevance: f64,
    /// Its vector, and the model that made it. What has none is like nothing.
    pub vector: Option<(&'a str, &'a [f32])>,
}

/// What was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taken {
    /// Which, as a position in what was given.
    pub at: usize,
    /// Its likeness to the one that it is most like of those before; 0 if there is none.
    pub likeness: f64,
    /// `lambda * relevance - (1 - lambda) * likeness`, by which it was chosen.
    pub value: f64,
}

/// What counts how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// How much relevance counts against being unlike: 1 is relevance alone.
    pub lambda: f64,
    /// The cosine from which on two are alike: below 1.
    pub alike: f64,
}

/// Takes up to `most`. Of equal values that which stands first.
pub fn mmr(items: &[Item<'_>], balance: Balance, most: usize) -> Vec<Taken> {
    let Balance { lambda, alike } = balance;
    let mut likeness = vec![None::<f64>; items.len()];
    let mut is_taken = vec![false; items.len()];
    let mut taken: Vec<Taken> = Vec::new();
    while taken.len() < most.min(items.len()) {
        let mut best: Option<Taken> = None;
        for (at, item) in items.iter().enumerate().filter(|(at, _)| is_taken.get(*at) == Some(&false)) {
            let like = likeness.get(at).copied().flatten().unwrap_or(0.0);
            let value = lambda * item.relevance - (1.0 - lambda) * like;
            if best.is_none_or(|best| value > best.value) {
                best = Some(Taken { at, likeness: like, value });
            }
        }
        let Some(best) = best else { break };
        taken.push(best);
        if let Some(is_taken) = is_taken.get_mut(best.at) {
            *is_taken = true;
        }
        let last = items.get(best.at).and_then(|item| item.vector);
        for (item, most) in items.iter().zip(&mut likeness) {
            if let Some(like) = last.and_then(|last| likeness_of(last, item.vector)) {
                let like = if alike > 0.0 { ((like - alike) / (1.0 - alike)).max(0.0) } else { like };
                *most = Some(most.map_or(like, |most| most.max(like)));
            }
        }
    }
    taken
}

/// The cosine of two vectors of one model.
fn likeness_of(a: (&str, &[f32]), b: Option<(&str, &[f32])>) -> Option<f64> {
    let b = b.filter(|b| b.0 == a.0 && b.1.len() == a.1.len())?;
    Some(likeness(a.1, b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_gives_way_to_something_else() {
        let [x, y, none]: [&[f32]; 3] = [&[1.0, 0.0], &[0.0, 2.0], &[]];
        let item = |relevance: f64, vector: &'static str, of: &'static [f32]| Item {
            relevance,
            vector: (!of.is_empty()).then_some((vector, of)),
        };
        let items = [item(1.0, "m", x), item(0.9, "m", x), item(0.5, "m", y), item(0.4, "m", none)];
        let order = |lambda: f64, most: usize| -> Vec<usize> {
            mmr(&items, Balance { lambda, alike: 0.0 }, most).iter().map(|taken| taken.at).collect()
        };
        let published = Balance { lambda: 0.7, alike: 0.0 };
        // By hand with 0.7: 0.7; then 0.63 - 0.3 = 0.33, 0.35, 0.28; then 0.33, 0.28.
        assert_eq!(order(0.7, 4), [0, 2, 1, 3]);
        let values: Vec<f64> = mmr(&items, published, 4).iter().map(|taken| taken.value).collect();
        for (value, expected) in values.iter().zip([0.7, 0.35, 0.33, 0.28]) {
            assert!((value - expected).abs() < 1e-12, "{values:?}");
        }
        assert_eq!(order(1.0, 4), [0, 1, 2, 3]);
        assert_eq!(order(0.5, 2), [0, 2]);
        assert_eq!(order(0.7, 0), [0; 0]);
        // Vectors of another model are not compared.
        let others = [item(1.0, "m", x), item(0.9, "n", x), item(0.5, "m", y)];
        assert_eq!(mmr(&others, published, 3).iter().map(|taken| taken.at).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn what_is_a_little_alike_is_not() {
        // Cosines to the first: 0.8, 0.96, 1.
        let vectors: [&[f32]; 4] = [&[1.0, 0.0], &[0.8, 0.6], &[0.96, 0.28], &[2.0, 0.0]];
        let items = vectors.map(|vector| Item { relevance: 0.5, vector: Some(("m", vector)) });
        let taken = mmr(&items, Balance { lambda: 0.7, alike: 0.8 }, 4);
        assert_eq!(taken.iter().map(|one| one.at).collect::<Vec<_>>(), [0, 1, 2, 3]);
        // The third is like the second by 0.936, and like the first by 0.96: (0.96 - 0.8) / 0.2.
        for (one, likeness) in taken.iter().zip([0.0, 0.0, 0.8, 1.0]) {
            assert!((one.likeness - likeness).abs() < 1e-6, "{taken:?}");
        }
    }

    #[test]
    fn equal_ones_keep_their_order() {
        let items = [Item { relevance: 0.5, vector: None }; 5];
        assert_eq!(
            mmr(&items, Balance { lambda: 0.7, alike: 0.0 }, 9)
                .iter()
                .map(|taken| taken.at)
                .collect::<Vec<_>>(),
            [0, 1, 2, 3, 4]
        );
    }
}
