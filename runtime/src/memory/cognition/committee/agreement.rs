//! How far judges agree beyond what chance would bring: Krippendorff's alpha (K. Krippendorff, Computing Krippendorff's
//! Alpha-Reliability, 2011). Any number of judges, and any of them may be silent about any question.

/// What the difference of two answers means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// They are the same or not.
    Nominal,
    /// They have an order.
    Ordinal,
    /// They are numbers whose differences count.
    Interval,
}

/// Alpha of answers, one row for each question and one column for each judge: 1 if all agree, 0 if they agree as by chance,
/// less if they agree less than that. `None` where it is not defined: no question has two answers, or all answers are the
/// same. Answers that are no finite number count as silence.
pub fn alpha(questions: &[Vec<Option<f64>>], scale: Scale) -> Option<f64> {
    let questions: Vec<Vec<f64>> = questions
        .iter()
        .map(|answers| answers.iter().flatten().copied().filter(|answer| answer.is_finite()).collect())
        .filter(|answers: &Vec<f64>| answers.len() > 1)
        .collect();
    let mut values: Vec<f64> = questions.iter().flatten().map(|value| value + 0.0).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let place = |value: f64| values.partition_point(|other| *other < value);
    let mut pairs = vec![vec![0.0; values.len()]; values.len()];
    for answers in &questions {
        let weight = 1.0 / (answers.len() - 1) as f64;
        for (at, one) in answers.iter().enumerate() {
            for (_, other) in answers.iter().enumerate().filter(|(other, _)| *other != at) {
                pairs[place(*one)][place(*other)] += weight;
            }
        }
    }
    of_pairs(&values, &pairs, scale)
}

/// Alpha of how often each value stands beside each.
fn of_pairs(values: &[f64], pairs: &[Vec<f64>], scale: Scale) -> Option<f64> {
    let counts: Vec<f64> = pairs.iter().map(|row| row.iter().sum()).collect();
    let all: f64 = counts.iter().sum();
    let (mut observed, mut expected) = (0.0, 0.0);
    for one in 0..values.len() {
        for other in 0..one {
            let apart = apart(values, &counts, (other, one), scale);
            observed += pairs[one][other] * apart;
            expected += counts[one] * counts[other] * apart;
        }
    }
    (expected > 0.0).then(|| 1.0 - (all - 1.0) * observed / expected)
}

/// The square of the difference of two values, the lesser first.
fn apart(values: &[f64], counts: &[f64], (low, high): (usize, usize), scale: Scale) -> f64 {
    match scale {
        Scale::Nominal => 1.0,
        Scale::Interval => (values[high] - values[low]).powi(2),
        Scale::Ordinal => {
            let between: f64 = counts[low..=high].iter().sum();
            (between - f64::midpoint(counts[low], counts[high])).powi(2)
        }
    }
}
