//! Whose word counts for what, learned from what judges said of many questions without knowing the right answers: the
//! confusion of each judge and the answers at once, by expectation and maximisation (Dawid & Skene 1979).

use crate::memory::Error;

/// How it is learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Learning {
    /// How many different answers there are; they are 0, 1, 2 …
    pub classes: usize,
    /// So much is added to each count, so that nothing is impossible.
    pub smoothing: f64,
    /// The most rounds.
    pub rounds: usize,
    /// It ends when no probability changes by more than this.
    pub tolerance: f64,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    /// How likely each answer is before anybody has said anything.
    pub prior: Vec<f64>,
    /// For each judge, by the right answer, how likely it says which.
    pub confusion: Vec<Vec<Vec<f64>>>,
    /// For each question that it was learned from, how likely each answer is right.
    pub answers: Vec<Vec<f64>>,
    /// How many rounds it took.
    pub rounds: usize,
}

impl Learning {
    /// With the usual for all but the number of answers.
    pub fn new(classes: usize) -> Self {
        Self { classes, smoothing: 0.01, rounds: 200, tolerance: 1e-9 }
    }

    /// Learns from votes, one row for each question and one column for each judge. It begins with the share of each answer.
    ///
    /// # Errors
    /// When there is no vote, rows have different lengths, or an answer is none of the classes.
    pub fn learn(&self, votes: &[Vec<Option<usize>>]) -> Result<Reliability, Error> {
        self.check(votes)?;
        let judges = votes.first().map_or(0, Vec::len);
        let mut answers: Vec<Vec<f64>> = votes.iter().map(|row| self.shares(row)).collect();
        for round in 1..=self.rounds.max(1) {
            let mut learned = self.maximise(votes, &answers, judges);
            learned.rounds = round;
            let next: Vec<Vec<f64>> = votes.iter().map(|row| learned.posterior(row)).collect();
            let change = |(a, b): (&Vec<f64>, &Vec<f64>)| {
                a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
            };
            let most = answers.iter().zip(&next).map(change).fold(0.0, f64::max);
            answers = next;
            if most <= self.tolerance || round == self.rounds.max(1) {
                return Ok(Reliability { answers, ..learned });
            }
        }
        Err(Error::invalid("votes", "nothing was learned"))
    }

    fn check(&self, votes: &[Vec<Option<usize>>]) -> Result<(), Error> {
        let judges = votes.first().map_or(0, Vec::len);
        let cast = || votes.iter().flatten().flatten();
        if cast().next().is_none() || votes.iter().any(|row| row.len() != judges) {
            return Err(Error::invalid("votes", "there are none, or not a column for each judge"));
        }
        match cast().find(|vote| **vote >= self.classes) {
            Some(vote) => Err(Error::invalid("votes", format!("{vote} is none of {}", self.classes))),
            None => Ok(()),
        }
    }

    fn shares(&self, row: &[Option<usize>]) -> Vec<f64> {
        let mut shares = vec![0.0; self.classes];
        row.iter().flatten().for_each(|vote| shares[*vote] += 1.0);
        normalised(shares)
    }

    /// What is likeliest if the answers are this likely.
    fn maximise(&self, votes: &[Vec<Option<usize>>], answers: &[Vec<f64>], judges: usize) -> Reliability {
        let mut prior = vec![self.smoothing; self.classes];
        let mut confusion = vec![vec![vec![self.smoothing; self.classes]; self.classes]; judges];
        for (row, answer) in votes.iter().zip(answers) {
            for (right, probability) in answer.iter().enumerate() {
                prior[right] += probability;
                for (judge, vote) in row.iter().enumerate() {
                    if let Some(vote) = vote {
                        confusion[judge][right][*vote] += probability;
                    }
                }
            }
        }
        let confusion =
            confusion.into_iter().map(|rows| rows.into_iter().map(normalised).collect()).collect();
        Reliability { prior: normalised(prior), confusion, answers: Vec::new(), rounds: 0 }
    }
}

impl Reliability {
    /// How likely each answer is right after what judges said, one vote for each judge; also of a question that nothing was
    /// learned from.
    pub fn posterior(&self, votes: &[Option<usize>]) -> Vec<f64> {
        let logs = self.prior.iter().enumerate().map(|(right, prior)| {
            let said = self.confusion.iter().zip(votes).filter_map(|(judge, vote)| {
                let said = judge.get(right)?.get((*vote)?)?;
                Some(said.ln())
            });
            prior.ln() + said.sum::<f64>()
        });
        let logs: Vec<f64> = logs.collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        normalised(logs.into_iter().map(|log| (log - most).exp()).collect())
    }
}

/// Shares that make up one; of nothing, equal ones.
fn normalised(shares: Vec<f64>) -> Vec<f64> {
    let sum: f64 = shares.iter().sum();
    let equal = 1.0 / shares.len().max(1) as f64;
    shares.into_iter().map(|share| if sum > 0.0 { share / sum } else { equal }).collect()
}
