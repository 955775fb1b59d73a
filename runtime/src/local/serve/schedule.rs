//! Who runs how many tokens in a step. Nothing here computes.

/// How many tokens each prompt runs of a budget: equal shares, so that a short one does not wait for a long one, and
/// what is left over to those who came first. `left`: tokens that each has still to run.
pub(super) fn shares(left: &[usize], budget: usize, shares: &mut Vec<usize>) {
    shares.clear();
    shares.resize(left.len(), 0);
    let mut budget = budget;
    let mut open = left.iter().filter(|left| **left > 0).count();
    // Each round gives an equal share, and takes out who needs no more: as many rounds as prompts at most.
    while open > 0 && budget >= open {
        let share = budget / open;
        for (left, given) in left.iter().zip(shares.iter_mut()) {
            let more = share.min(left - *given);
            *given += more;
            budget -= more;
        }
        open = left.iter().zip(shares.iter()).filter(|(left, given)| left > given).count();
    }
    for (left, given) in left.iter().zip(shares.iter_mut()) {
        let more = budget.min(left - *given);
        *given += more;
        budget -= more;
    }
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn prompts_share_and_the_first_has_what_is_left() {
        let of = |left: &[usize], budget: usize| {
            let mut given = vec![9; 7];
            shares(left, budget, &mut given);
            given
        };
        assert!(of(&[], 10).is_empty());
        assert_eq!(of(&[5], 10), [5]);
        assert_eq!(of(&[500, 20, 0, 500], 120), [50, 20, 0, 50]);
        assert_eq!(of(&[500, 500, 500], 2), [2, 0, 0]);
        assert_eq!(of(&[500, 500, 500], 11), [5, 3, 3]);
        assert_eq!(of(&[0, 1, 500], 100), [0, 1, 99]);
    }
}
