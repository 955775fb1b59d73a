//! Beam search: from each of the best paths so far all steps are tried, and the best of what that gives are kept.

use super::{Evaluate, Graph, Path, evaluate};
use crate::memory::{Error, Id};

/// How far and how wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beam {
    /// So many paths are kept after each step.
    pub width: usize,
    /// The most steps.
    pub depth: usize,
    /// The most paths that are evaluated.
    pub budget: usize,
}

impl Beam {
    /// The best path that is found from a memory, and how many were evaluated. Of equal ones the shorter, then by names.
    ///
    /// # Errors
    /// When the graph cannot be read, the evaluator fails, or there is no budget.
    pub fn search(
        &self,
        graph: &dyn Graph,
        from: Id,
        evaluator: Evaluate<'_>,
    ) -> Result<(Path, usize), Error> {
        if self.budget == 0 {
            return Err(Error::invalid("beam", "there is no budget"));
        }
        let mut spent = 1;
        let mut best = Path { ids: vec![from], reward: evaluate(evaluator, &[from])? };
        let mut kept = vec![best.clone()];
        for _ in 0..self.depth {
            let mut next = Vec::new();
            for ids in steps(graph, &kept)? {
                if spent == self.budget {
                    break;
                }
                spent += 1;
                next.push(Path { reward: evaluate(evaluator, &ids)?, ids });
            }
            next.sort_by(|a, b| b.reward.total_cmp(&a.reward).then_with(|| a.ids.cmp(&b.ids)));
            next.truncate(self.width);
            match next.first() {
                Some(first) if first.reward > best.reward => best = first.clone(),
                Some(_) => {}
                None => break,
            }
            kept = next;
        }
        Ok((best, spent))
    }
}

/// All paths that are one step longer and come to no memory twice.
fn steps(graph: &dyn Graph, paths: &[Path]) -> Result<Vec<Vec<Id>>, Error> {
    let mut longer = Vec::new();
    for Path { ids, .. } in paths {
        let Some(last) = ids.last() else { continue };
        let edges = graph.edges(*last)?.into_iter().filter(|edge| !ids.contains(&edge.to));
        longer.extend(edges.map(|edge| ids.iter().copied().chain([edge.to]).collect()));
    }
    Ok(longer)
}
