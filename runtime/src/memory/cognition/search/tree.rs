//! Tree search within a budget (Kocsis & Szepesvári 2006; with a prior as in Silver 2017): where rewards were good, and where
//! little was tried, the next path is tried. A state is a path from the first memory, a step follows a relation to a memory
//! that is not on it.
//!
//! Each round evaluates one path: a new one, or once more one that leads nowhere, whose reward may depend on chance. So
//! many rounds are the budget.

use super::{Edge, Evaluate, Graph, Path, evaluate};
use crate::memory::{Error, Id, Random};

/// Which step is tried next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Every step once, in an order by chance; then the greatest `Q + c √(ln N / n)`.
    Uct {
        /// As a rule √2.
        c: f64,
    },
    /// The greatest `Q + c P √N / (1 + n)`, where the prior P of a step is the share of its relation's weight, and Q of a
    /// step that was not tried is 0.
    Puct {
        /// As a rule 1 to 2.
        c: f64,
    },
}

/// How far it is searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreeSearch {
    /// So many paths are evaluated.
    pub budget: usize,
    /// The most steps of a path.
    pub depth: usize,
    /// Which step is tried next.
    pub rule: Rule,
}

/// A path that was tried, in a [`Tree`].
#[derive(Debug, Clone, PartialEq)]
pub struct Visited {
    /// The memory at its end.
    pub id: Id,
    /// The path without its last step.
    pub parent: Option<usize>,
    /// How often it was come by.
    pub visits: u64,
    /// How often it was evaluated itself: once, if it leads on.
    pub own: u64,
    /// The rewards of it and of all that begin with it.
    pub sum: f64,
    /// Its own rewards.
    pub own_sum: f64,
    /// How likely it seemed.
    pub prior: f64,
    /// Longer ones that were tried, in the order of trying.
    pub children: Vec<usize>,
    depth: usize,
    /// What was not tried; nothing is known before it is come by a second time.
    untried: Option<Vec<(Id, f64)>>,
}

/// All that was tried. The first is the memory that it began with.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    nodes: Vec<Visited>,
}

impl Visited {
    /// The mean of all rewards.
    pub fn mean(&self) -> f64 {
        self.sum / self.visits.max(1) as f64
    }

    fn own_mean(&self) -> f64 {
        self.own_sum / self.own.max(1) as f64
    }
}

impl TreeSearch {
    /// Searches from a memory. The same random numbers give the same tree.
    ///
    /// # Errors
    /// When the graph cannot be read, the evaluator fails, or there is no budget.
    pub fn search(
        &self,
        graph: &dyn Graph,
        from: Id,
        evaluator: Evaluate<'_>,
        random: &mut Random,
    ) -> Result<Tree, Error> {
        if self.budget == 0 {
            return Err(Error::invalid("tree search", "there is no budget"));
        }
        let mut tree = Tree { nodes: vec![Visited::new(from, None, 1.0, 0)] };
        tree.try_out(0, evaluator)?;
        for _ in 1..self.budget {
            let at = self.select(&mut tree, graph, random)?;
            tree.try_out(at, evaluator)?;
        }
        Ok(tree)
    }

    /// The path to evaluate next.
    fn select(&self, tree: &mut Tree, graph: &dyn Graph, random: &mut Random) -> Result<usize, Error> {
        let mut at = 0;
        loop {
            self.open(tree, at, graph, random)?;
            match self.step(tree, at) {
                Step::Down(child) => at = child,
                Step::Try(place) => return Ok(tree.grow(at, place)),
                Step::Stay => return Ok(at),
            }
        }
    }

    /// Reads where a path leads, when that is needed for the first time.
    fn open(&self, tree: &mut Tree, at: usize, graph: &dyn Graph, random: &mut Random) -> Result<(), Error> {
        let node = &tree.nodes[at];
        if node.untried.is_some() {
            return Ok(());
        }
        let mut edges = Vec::new();
        if node.depth < self.depth {
            let path = tree.path(at);
            edges = graph.edges(node.id)?;
            edges.retain(|edge| !path.contains(&edge.to));
        }
        let mut steps = priors(&edges);
        if matches!(self.rule, Rule::Uct { .. }) {
            shuffle(&mut steps, random);
        }
        tree.nodes[at].untried = Some(steps);
        Ok(())
    }

    fn step(&self, tree: &Tree, at: usize) -> Step {
        let node = &tree.nodes[at];
        let untried = node.untried.as_deref().unwrap_or_default();
        let visits = node.visits as f64;
        let value = |child: &Visited| match self.rule {
            Rule::Uct { c } => child.mean() + c * (visits.ln() / child.visits as f64).sqrt(),
            Rule::Puct { c } => child.mean() + c * child.prior * visits.sqrt() / (1.0 + child.visits as f64),
        };
        let tried = node.children.iter().map(|child| {
            let visited = &tree.nodes[*child];
            (value(visited), visited.id, Step::Down(*child))
        });
        let new: Vec<(f64, Id, Step)> = match self.rule {
            Rule::Uct { .. } if !untried.is_empty() => return Step::Try(untried.len() - 1),
            Rule::Uct { .. } => Vec::new(),
            Rule::Puct { c } => {
                let told =
                    |(at, (id, prior)): (usize, &(Id, f64))| (c * prior * visits.sqrt(), *id, Step::Try(at));
                untried.iter().enumerate().map(told).collect()
            }
        };
        // The greatest; of equal ones the least name.
        let best = tried.chain(new).max_by(|(a, x, _), (b, y, _)| a.total_cmp(b).then(y.cmp(x)));
        best.map_or(Step::Stay, |(_, _, step)| step)
    }
}

/// What to do at a path.
enum Step {
    /// Go on with a longer one that was tried.
    Down(usize),
    /// Try a longer one, by its place among those that were not.
    Try(usize),
    /// It leads nowhere.
    Stay,
}

fn priors(edges: &[Edge]) -> Vec<(Id, f64)> {
    let sum: f64 = edges.iter().map(|edge| edge.weight).sum();
    let share = |edge: &Edge| if sum > 0.0 { edge.weight / sum } else { 1.0 / edges.len() as f64 };
    edges.iter().map(|edge| (edge.to, share(edge))).collect()
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for end in (1..items.len()).rev() {
        let other = (random.unit() * (end + 1) as f64) as usize;
        items.swap(end, other.min(end));
    }
}

impl Visited {
    fn new(id: Id, parent: Option<usize>, prior: f64, depth: usize) -> Self {
        Self {
            id,
            parent,
            visits: 0,
            own: 0,
            sum: 0.0,
            own_sum: 0.0,
            prior,
            children: Vec::new(),
            depth,
            untried: None,
        }
    }
}

impl Tree {
    /// All paths that were tried, in the order of trying.
    pub fn nodes(&self) -> &[Visited] {
        &self.nodes
    }

    /// The memories of a path.
    pub fn path(&self, at: usize) -> Vec<Id> {
        let mut ids = Vec::new();
        let mut next = Some(at);
        while let Some(node) = next.and_then(|at| self.nodes.get(at)) {
            ids.push(node.id);
            next = node.parent;
        }
        ids.reverse();
        ids
    }

    /// The path with the best rewards of its own, by their mean; of equal ones what was tried first.
    pub fn best(&self) -> Path {
        let mut best = 0;
        for (at, node) in self.nodes.iter().enumerate() {
            if self.nodes.get(best).is_some_and(|best| node.own_mean() > best.own_mean()) {
                best = at;
            }
        }
        Path { ids: self.path(best), reward: self.nodes.get(best).map_or(0.0, Visited::own_mean) }
    }

    /// The path that is come to by always going where it was gone most often; of equal ones the better, then by name.
    pub fn most_visited(&self) -> Path {
        let (mut at, mut next) = (0, Some(0));
        while let Some(found) = next {
            at = found;
            let children = self.nodes.get(at).map(|node| node.children.as_slice()).unwrap_or_default();
            let nodes = children.iter().filter_map(|child| Some((*child, self.nodes.get(*child)?)));
            let most = nodes.max_by(|(_, a), (_, b)| {
                a.visits.cmp(&b.visits).then(a.mean().total_cmp(&b.mean())).then(b.id.cmp(&a.id))
            });
            next = most.map(|(child, _)| child);
        }
        Path { ids: self.path(at), reward: self.nodes.get(at).map_or(0.0, Visited::own_mean) }
    }

    /// A longer path, the one at a place among those that were not tried.
    fn grow(&mut self, at: usize, place: usize) -> usize {
        let child = self.nodes.len();
        let parent = &mut self.nodes[at];
        let depth = parent.depth + 1;
        let Some((id, prior)) = parent.untried.as_mut().map(|untried| untried.remove(place)) else {
            return at;
        };
        parent.children.push(child);
        self.nodes.push(Visited::new(id, Some(at), prior, depth));
        child
    }

    /// Evaluates a path, and tells all that it begins with.
    fn try_out(&mut self, at: usize, evaluator: Evaluate<'_>) -> Result<(), Error> {
        let reward = evaluate(evaluator, &self.path(at))?;
        if let Some(node) = self.nodes.get_mut(at) {
            node.own += 1;
            node.own_sum += reward;
        }
        let mut next = Some(at);
        while let Some(node) = next.and_then(|at| self.nodes.get_mut(at)) {
            node.visits += 1;
            node.sum += reward;
            next = node.parent;
        }
        Ok(())
    }
}
