//! Search along relations: trees whose best path is known, ranks against a system of equations that is solved.

use std::collections::BTreeMap;
use std::sync::Arc;

use typewright_runtime::memory::cognition::search::beam::Beam;
use typewright_runtime::memory::cognition::search::pagerank::PageRank;
use typewright_runtime::memory::cognition::search::tree::{Rule, Tree, TreeSearch};
use typewright_runtime::memory::cognition::search::{Edge, Graph, StoreGraph};
use typewright_runtime::memory::store::Filter;
use typewright_runtime::memory::{
    Error, Id, Interval, Kind, MemoryDraft, Namespace, Random, RelationDraft, RelationKind,
};

use super::{Engine, at, id, near, on_each_store};

on_each_store!(a_store_is_a_graph_of_what_is_meant);

type Written = BTreeMap<Id, Vec<Edge>>;

const UCT: Rule = Rule::Uct { c: std::f64::consts::SQRT_2 };
const PUCT: Rule = Rule::Puct { c: 1.5 };

/// A tree of this depth in which each memory leads to `width` others: that of number n to n·width + 1 and on.
fn tree(width: u128, depth: u32) -> Written {
    let mut graph = BTreeMap::new();
    let inner = (0..depth).map(|level| width.pow(level)).sum::<u128>();
    for number in 0..inner {
        let edges = (1..=width).map(|step| Edge { to: id(number * width + step), weight: 1.0 });
        graph.insert(id(number), edges.collect());
    }
    graph
}

/// Each path counts itself once, and what begins with it.
fn check(tree: &Tree, budget: usize) {
    let nodes = tree.nodes();
    assert_eq!(nodes[0].visits, budget as u64);
    assert_eq!(nodes.iter().map(|node| node.own).sum::<u64>(), budget as u64);
    for (at, node) in nodes.iter().enumerate() {
        let below: u64 = node.children.iter().map(|child| nodes[*child].visits).sum();
        assert_eq!(node.visits, node.own + below);
        assert!(node.own >= 1 && (node.own == 1 || node.children.is_empty()), "{at}");
        let sum: f64 = node.children.iter().map(|child| nodes[*child].sum).sum();
        assert!(near(node.sum, node.own_sum + sum));
        assert!(node.children.iter().all(|child| nodes[*child].parent == Some(at)));
        let path = tree.path(at);
        let mut names = path.clone();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), path.len(), "no memory is come to twice");
    }
}

/// Nine leaves pay 1 or nothing, one of them most often.
#[test]
fn a_bandit_tree_is_searched_where_it_pays() {
    let graph = tree(3, 2);
    for (rule, seed) in [UCT, PUCT].into_iter().flat_map(|rule| (0..5).map(move |seed| (rule, seed))) {
        let mut chance = fastrand::Rng::with_seed(seed);
        let best = 4 + chance.u128(..9);
        let mut pays = |path: &[Id]| -> Result<f64, Error> {
            let share = match path.last().unwrap().as_u128() {
                leaf if leaf == best => 0.8,
                leaf if leaf >= 4 => 0.3,
                _ => 0.0,
            };
            Ok(f64::from(u8::from(chance.f64() < share)))
        };
        let search = TreeSearch { budget: 4000, depth: 5, rule };
        let found = search.search(&graph, id(0), &mut pays, &mut Random::new(seed)).unwrap();
        check(&found, 4000);
        assert_eq!(found.nodes().len(), 13);
        let path = found.most_visited();
        assert_eq!(path.ids, [id(0), id((best - 1) / 3), id(best)], "{rule:?} {seed}");
        assert!((path.reward - 0.8).abs() < 0.05, "{rule:?} {seed}: {}", path.reward);
        let visits = found.nodes().iter().find(|node| node.id == id(best)).unwrap().visits;
        assert!(visits > 2400, "{rule:?} {seed}: {visits} of 4000");
    }
}

/// Where the way to the best leaf can be felt, the tree finds it long before all paths are tried.
#[test]
fn a_tree_finds_in_few_tries_what_a_hint_leads_to() {
    let graph = tree(4, 6);
    let goal: Vec<Id> = [0, 3, 14, 58, 235, 941, 3766].map(id).to_vec();
    let mut reward = |path: &[Id]| {
        let common = path.iter().zip(&goal).take_while(|(a, b)| a == b).count();
        Ok(common as f64 / goal.len() as f64)
    };
    for rule in [Rule::Uct { c: 0.3 }, Rule::Puct { c: 0.3 }] {
        let search = TreeSearch { budget: 400, depth: 6, rule };
        let found = search.search(&graph, id(0), &mut reward, &mut Random::new(1)).unwrap();
        check(&found, 400);
        assert_eq!(found.best().ids, goal, "{rule:?}");
        assert!(near(found.best().reward, 1.0));
    }
    let beam = Beam { width: 1, depth: 6, budget: 400 };
    let (found, spent) = beam.search(&graph, id(0), &mut reward).unwrap();
    // One, and four for each of six steps.
    assert_eq!((found.ids, spent), (goal, 25));
}

#[test]
fn the_same_numbers_give_the_same_tree() {
    let graph = tree(3, 4);
    let run = |seed, rule| {
        let mut reward = |path: &[Id]| Ok((path.last().unwrap().as_u128() % 7) as f64 / 7.0);
        let search = TreeSearch { budget: 90, depth: 4, rule };
        search.search(&graph, id(0), &mut reward, &mut Random::new(seed)).unwrap()
    };
    assert_eq!(run(1, UCT), run(1, UCT));
    assert_ne!(run(1, UCT), run(2, UCT));
    // A prior decides for itself.
    assert_eq!(run(1, PUCT), run(2, PUCT));
}

#[test]
fn the_first_steps_are_those_of_the_formulas() {
    let mut graph = Written::new();
    let edges = [(1, 0.2), (2, 0.6), (3, 0.2)].map(|(to, weight)| Edge { to: id(to), weight });
    graph.insert(id(0), edges.to_vec());
    let mut reward = |path: &[Id]| Ok([0.0, 0.9, 0.1, 0.5][path.last().unwrap().as_u128() as usize]);
    // c P √N / (1 + n): first the prior alone, 2. Then with N = 2: 2 has 0.1 + 0.6 √2 / 2 = 0.524, 1 has 0.2 √2 = 0.283.
    // N = 3: 0.1 + 0.6 √3 / 3 = 0.446 for 2, 0.346 for 1. N = 4: 0.1 + 0.6 · 2 / 4 = 0.4, and 0.4 for 1 and 3: the least
    // name. Then 1 has 0.9 and more.
    let search = TreeSearch { budget: 6, depth: 1, rule: Rule::Puct { c: 1.0 } };
    let found = search.search(&graph, id(0), &mut reward, &mut Random::new(0)).unwrap();
    let visits = |found: &Tree, number| {
        found.nodes().iter().find(|node| node.id == id(number)).map_or(0, |node| node.visits)
    };
    assert_eq!([1, 2, 3].map(|number| visits(&found, number)), [2, 3, 0]);
    // Each once; then with N = 4 the best of 0.9, 0.5 and 0.1 with the same bonus; it stays the best at N = 5, where
    // 0.9 + √2 √(ln 5 / 2) = 2.169, and 0.5 + √2 √ln 5 = 2.294 is more.
    let search = TreeSearch { budget: 5, depth: 1, rule: UCT };
    let found = search.search(&graph, id(0), &mut reward, &mut Random::new(0)).unwrap();
    assert_eq!([1, 2, 3].map(|number| visits(&found, number)), [2, 1, 1]);
    let search = TreeSearch { budget: 6, ..search };
    let found = search.search(&graph, id(0), &mut reward, &mut Random::new(0)).unwrap();
    assert_eq!([1, 2, 3].map(|number| visits(&found, number)), [2, 1, 2]);
}

#[test]
fn searches_keep_to_their_bounds() {
    // All lead to all.
    let mut graph = Written::new();
    for from in 0..6 {
        let edges = (0..6).filter(|to| *to != from).map(|to| Edge { to: id(to), weight: 1.0 });
        graph.insert(id(from), edges.collect());
    }
    for (budget, depth) in [(1, 3), (2, 3), (50, 1), (500, 9)] {
        let mut asked = 0;
        let mut reward = |path: &[Id]| {
            asked += 1;
            assert!(path.len() <= depth + 1 && path.len() <= 6);
            Ok(0.5)
        };
        let search = TreeSearch { budget, depth, rule: UCT };
        check(&search.search(&graph, id(0), &mut reward, &mut Random::new(3)).unwrap(), budget);
        assert_eq!(asked, budget);
        let mut asked = 0;
        let mut reward = |path: &[Id]| {
            asked += 1;
            assert!(path.len() <= depth + 1);
            Ok(1.0 / path.len() as f64)
        };
        let (best, spent) = Beam { width: 2, depth, budget }.search(&graph, id(0), &mut reward).unwrap();
        assert_eq!((best.ids, spent), (vec![id(0)], asked));
        assert!(asked <= budget);
    }
    let search = TreeSearch { budget: 9, depth: 2, rule: UCT };
    for wrong in [-0.1, 1.1, f64::NAN] {
        let failed = search.search(&graph, id(0), &mut |_: &[Id]| Ok(wrong), &mut Random::new(3));
        assert!(matches!(failed, Err(Error::Answer { .. })), "{wrong}");
    }
    let none = TreeSearch { budget: 0, ..search };
    assert!(none.search(&graph, id(0), &mut |_: &[Id]| Ok(0.0), &mut Random::new(3)).is_err());
}

/// Solves `A x = b` by elimination with pivots.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|x, y| a[*x][column].abs().total_cmp(&a[*y][column].abs())).unwrap();
        a.swap(column, pivot);
        b.swap(column, pivot);
        for row in column + 1..n {
            let factor = a[row][column] / a[column][column];
            let pivot = a[column].clone();
            a[row].iter_mut().zip(&pivot).skip(column).for_each(|(x, above)| *x -= factor * above);
            b[row] -= factor * b[column];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|other| a[row][other] * b[other]).sum();
        b[row] = (b[row] - known) / a[row][row];
    }
    b
}

#[test]
fn ranks_solve_their_equations() {
    let mut random = fastrand::Rng::with_seed(12);
    for round in 0..40 {
        let n = random.usize(2..25);
        let mut graph = Written::new();
        for from in 0..n {
            // Some lead nowhere.
            let edges = (0..n).filter(|to| *to != from && random.usize(..4) == 0);
            let targets: Vec<usize> = edges.collect();
            let edges = targets.into_iter().map(|to| Edge { to: id(to as u128), weight: 0.1 + random.f64() });
            graph.insert(id(from as u128), edges.collect());
        }
        let starts = [(id(0), 1.0), (id(1), 3.0)];
        let restart = 0.1 + 0.8 * random.f64();
        let found = PageRank { restart, ..PageRank::default() }.from(&graph, &starts).unwrap();
        assert!(found.is_settled && !found.is_cut, "{round}");
        assert!(near(found.ranks.iter().map(|(_, share)| share).sum(), 1.0));
        // x = restart s + (1 - restart) (P x + s · what is stuck): I - (1 - restart) P with s in the columns of dead ends.
        let start = |at: usize| [0.25, 0.75].get(at).copied().unwrap_or_default();
        let mut a = vec![vec![0.0; n]; n];
        for from in 0..n {
            a[from][from] += 1.0;
            let edges = &graph[&id(from as u128)];
            let sum: f64 = edges.iter().map(|edge| edge.weight).sum();
            for edge in edges {
                a[edge.to.as_u128() as usize][from] -= (1.0 - restart) * edge.weight / sum;
            }
            if edges.is_empty() {
                (0..n).for_each(|to| a[to][from] -= (1.0 - restart) * start(to));
            }
        }
        let expected = solve(a, (0..n).map(|at| restart * start(at)).collect());
        let ranks: BTreeMap<Id, f64> = found.ranks.iter().copied().collect();
        for (at, expected) in expected.iter().enumerate() {
            // What cannot be come to has nothing.
            let found = ranks.get(&id(at as u128)).copied().unwrap_or_default();
            assert!((found - expected).abs() < 1e-9, "{round}: {found} {expected}");
        }
        let order =
            |pair: &[(Id, f64)]| pair[0].1 > pair[1].1 || pair[0].1 == pair[1].1 && pair[0].0 < pair[1].0;
        assert!(found.ranks.windows(2).all(order));
    }
}

#[test]
fn ranks_of_two_are_known_by_hand() {
    // There and back: x0 = r + (1 - r) x1, x1 = (1 - r) x0, so x0 = 1 / (2 - r).
    let edge = |to| vec![Edge { to: id(to), weight: 0.4 }];
    let graph = Written::from([(id(0), edge(1)), (id(1), edge(0))]);
    let ranks = PageRank { restart: 0.2, ..PageRank::default() };
    let found = ranks.from(&graph, &[(id(0), 5.0)]).unwrap().ranks;
    assert!(near(found[0].1, 1.0 / 1.8) && near(found[1].1, 0.8 / 1.8));
    let cut = PageRank { most: 1, ..ranks }.from(&graph, &[(id(0), 1.0)]).unwrap();
    assert_eq!((cut.ranks, cut.is_cut), (vec![(id(0), 1.0)], true));
    for starts in [vec![], vec![(id(0), 0.0)], vec![(id(0), -1.0), (id(1), 2.0)], vec![(id(0), f64::NAN)]] {
        assert!(ranks.from(&graph, &starts).is_err());
    }
    for restart in [0.0, 1.1, f64::NAN] {
        assert!(PageRank { restart, ..ranks }.from(&graph, &[(id(0), 1.0)]).is_err());
    }
}

fn a_store_is_a_graph_of_what_is_meant(on: Engine) {
    let room = on.place("cognition");
    let (mine, other) = (Namespace::new("mine").unwrap(), Namespace::new("other").unwrap());
    let mut t = room.begin();
    let of = |space: &Namespace, text: &str| MemoryDraft::new(space.clone(), Kind::Fact, text);
    let [a, b, c] = ["a", "b", "c"].map(|text| t.add(of(&mine, text)).unwrap());
    let foreign = t.add(of(&other, "foreign")).unwrap();
    let relate = |from, kind, to, weight| RelationDraft::new(from, kind, to).weight(weight);
    t.relate(relate(a, RelationKind::PartOf, b, 0.5)).unwrap();
    t.relate(relate(b, RelationKind::RelatedTo, a, 0.75)).unwrap();
    t.relate(relate(a, RelationKind::Contradicts, c, 1.0)).unwrap();
    t.relate(relate(a, RelationKind::RelatedTo, foreign, 1.0)).unwrap();
    t.relate(relate(b, RelationKind::RelatedTo, c, 1.0).valid(Interval::since(at(100)))).unwrap();
    t.commit().unwrap();
    let graph = |filter: Filter, kinds: &[RelationKind]| {
        StoreGraph::new(Arc::clone(&room.store), filter, kinds.to_vec()).unwrap()
    };
    let all = graph(Filter::of(mine.clone()), &[]);
    // Both ways, the strongest of several, and nothing of others.
    let told = |graph: &StoreGraph, from| {
        graph.edges(from).unwrap().into_iter().map(|edge| (edge.to, edge.weight)).collect::<Vec<_>>()
    };
    assert_eq!(told(&all, a), [(b, 0.75), (c, 1.0)]);
    assert_eq!(told(&all, b), [(a, 0.75), (c, 1.0)]);
    assert_eq!(told(&all, foreign), []);
    assert_eq!(told(&graph(Filter::of(mine.clone()), &[RelationKind::HasPart]), b), [(a, 0.5)]);
    assert_eq!(told(&graph(Filter::of(mine.clone()).valid_at(at(99)), &[]), b), [(a, 0.75)]);
    assert_eq!(told(&graph(Filter::of(mine).valid_at(at(100)), &[]), b), [(a, 0.75), (c, 1.0)]);
    // It shows what was there, whatever comes after.
    let mut t = room.begin();
    let later = t.add(of(&Namespace::new("mine").unwrap(), "later")).unwrap();
    t.relate(relate(a, RelationKind::RelatedTo, later, 1.0)).unwrap();
    t.commit().unwrap();
    assert_eq!(told(&all, a), [(b, 0.75), (c, 1.0)]);
    let ranks = PageRank::default().from(&all, &[(a, 1.0)]).unwrap().ranks;
    assert_eq!(ranks.len(), 3);
}
