//! What is told of a recall, what judges it again, and what is marked as used.

use std::time::Duration;

use typewright_runtime::memory::recall::router::{Config, Outcome, Router, ask};
use typewright_runtime::memory::recall::{
    Plan, Planner, Query, Reading, Rest, Scoring, Statistics, Strategy, recall, recall_by,
};
use typewright_runtime::memory::{
    Error, Id, Interval, Kind, MemoryDraft, Namespace, RelationDraft, RelationKind, Status, Timestamp,
};

use super::by;
use crate::store::{Engine, Place, on_each_store};

on_each_store!(
    every_number_is_told,
    what_has_ended_is_told_when_it_is_asked_for,
    what_has_expired_is_not_recalled,
    a_model_judges_again,
    what_was_used_counts_as_recent,
    a_router_falls_back_on_hybrid,
    what_is_told_of_a_choice_adds_up,
    of_what_was_stored_at_once_the_same_is_found_either_way
);

fn namespace() -> Namespace {
    Namespace::new("a").unwrap()
}

/// Ada's engine, Bob's loom, a wheel that belongs to the loom, and what was said of the loom before.
fn told(on: Engine) -> (Place, [Id; 4]) {
    let place = on.place("told");
    let mut transaction = place.begin();
    let draft = |number: u128, kind: Kind, text: &str, vector: [f32; 2]| {
        MemoryDraft::new(namespace(), kind, text).embedding("m", vector.to_vec()).id(Id::from_u128(number))
    };
    let ids = [1, 2, 3, 4].map(Id::from_u128);
    transaction.add(draft(1, Kind::Episode, "Ada wrote of the engine", [1.0, 0.0]).importance(1.0)).unwrap();
    transaction.add(draft(4, Kind::Fact, "Bob has no loom", [0.6, 0.8])).unwrap();
    transaction.supersede(ids[3], draft(2, Kind::Fact, "Bob has a loom", [0.6, 0.8])).unwrap();
    transaction.add(draft(3, Kind::Fact, "a wheel of brass", [-1.0, 0.0])).unwrap();
    transaction.relate(RelationDraft::new(ids[2], RelationKind::PartOf, ids[1])).unwrap();
    transaction.commit().unwrap();
    place.clock.advance(Duration::from_secs(7 * 24 * 3600));
    (place, ids)
}

fn every_number_is_told(on: Engine) {
    let (Place { store, settings, .. }, ids) = &told(on);
    let query = Query::new(namespace(), 3).text("who has a loom?").vector("m", vec![1.0, 0.0]);
    let found = by(&**store, settings, &query, Reading::Each).unwrap();
    let expected = "\
Hybrid at commit 1, 2026-01-08T00:00:00.000000Z
read one by one: 5401 µs from indexes, 0 µs one by one, with 0 of 0 memories in scope
  vector: up to 64, weight 1, exact, from a cosine of 0.1 on
  words: up to 64, weight 1, from 0.4 of the best on, cover ^ 0.5
  graph: up to 64, weight 0.5
3 of 3 candidates, k = 2, lambda = 0.7
";
    let text = found.explain().to_string();
    let (plan, rest) = text.split_at(text.find("1. ").unwrap());
    assert_eq!(plan, expected.replace("5401", &format!("{:.0}", found.plan.estimate.unwrap().indexed)));
    println!("{rest}");
    assert_eq!(found.ids(), [ids[1], ids[0], ids[2]]);
    // The loom: second by its vector, first by its words, of which `who` stands nowhere, and `a` in the wheel, too. Ada:
    // first by its vector. The wheel: by its relation, as far as what that leads from is found.
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}\n{rest}");
    let [loom, ada, wheel] = [0, 1, 2].map(|at| found.found[at].terms.clone());
    let there = 2.0 * 2.0_f64.ln() + 1.2_f64.ln();
    let share = (there / (there + 6.0_f64.ln())).sqrt();
    let most = 2.5 / 3.0;
    close(loom.rrf, 1.0 / 4.0 + share / 3.0);
    close(loom.rrf_n, loom.rrf / most);
    close(loom.factor, 1.0 + 0.3 * 0.5);
    close(ada.rrf, 1.0 / 3.0);
    close(ada.recency, 0.5);
    close(ada.factor, 1.0 + 0.3 * 0.5);
    close(wheel.rrf, 0.5 * loom.rrf / (2.0 / 3.0) / 3.0);
    close(wheel.score, wheel.rrf / most * 1.15);
    for (term, name) in
        [(loom.rrf, "rrf"), (loom.rrf_n, "most"), (wheel.score, "score"), (ada.recency, "recency")]
    {
        assert!(
            rest.contains(&format!("{term:.4}")) || rest.contains(&format!("{term:.6}")),
            "{name} {term}: {rest}"
        );
    }
}

fn what_has_ended_is_told_when_it_is_asked_for(on: Engine) {
    let (Place { store, settings, .. }, ids) = &told(on);
    let query = Query::new(namespace(), 10).text("loom").strategy(Strategy::Words).rest(Rest::Leave);
    let ask = |query: &Query| recall_by(&Planner::default(), &**store, settings, query, None).unwrap();
    assert_eq!(ask(&query).ids(), [ids[1]]);
    let all = ask(&query.clone().ended());
    assert_eq!(all.ids().len(), 2);
    assert!(all.found.iter().any(|found| found.node.status == Status::Superseded && found.node.id == ids[3]));
    // Of the present nothing is found before there was anything.
    assert!(ask(&query.clone().valid_at(Timestamp::MIN)).ids() == [ids[1]], "it always holds");
    let wrong = recall_by(&Planner::default(), &**store, settings, &Query::new(namespace(), 10), None);
    assert!(matches!(wrong, Err(Error::Invalid { .. })), "{wrong:?}");
}

fn what_has_expired_is_not_recalled(on: Engine) {
    let place = on.place("told");
    let hour = Duration::from_secs(3600);
    let start = place.settings.clock.now();
    let mut transaction = place.begin();
    let draft = || MemoryDraft::new(namespace(), Kind::Fact, "plums").embedding("m", vec![1.0, 0.0]);
    let lasting = transaction.add(draft().expires(start.plus(9 * hour))).unwrap();
    let passing = transaction.add(draft().expires(start.plus(hour))).unwrap();
    transaction.commit().unwrap();
    let (store, settings) = (&*place.store, &place.settings);
    let words = Query::new(namespace(), 5).text("plums");
    let near = Query::new(namespace(), 5).vector("m", vec![1.0, 0.0]).strategy(Strategy::Vector);
    let newest = words.clone().strategy(Strategy::Temporal).created(Interval { from: Some(start), to: None });
    let queries = [words, near, newest];
    let found = |query: &Query| {
        let ways = [Reading::Each, Reading::Indexed].map(|reading| {
            let mut ids = by(store, settings, query, reading).unwrap().ids();
            ids.sort_unstable();
            ids
        });
        assert_eq!(ways[0], ways[1], "{query:?}");
        ways[0].clone()
    };
    let mut both = vec![lasting, passing];
    both.sort_unstable();
    for query in &queries {
        assert_eq!(found(query), both);
    }
    place.clock.advance(hour);
    // Whether somebody has looked for what has expired, or not yet.
    for expired in [0, 1] {
        for query in &queries {
            assert_eq!(found(query), [lasting], "{expired}");
            assert_eq!(found(&query.clone().valid_at(start.plus(9 * hour))), [], "{expired}");
        }
        assert_eq!(found(&queries[2].clone().ended()), both, "{expired}");
        let was = if expired == 0 { both.clone() } else { vec![lasting] };
        assert_eq!(found(&queries[0].clone().valid_at(start)), was, "{expired}");
        assert_eq!(found(&queries[0].clone().any_time()), was, "{expired}");
        assert_eq!(store.expire(10).unwrap(), 1 - expired);
    }
}

fn a_model_judges_again(on: Engine) {
    let (Place { store, settings, .. }, ids) = &told(on);
    let query = Query::new(namespace(), 3).text("who has the loom?").vector("m", vec![1.0, 0.0]);
    let plan = Plan::of(&query, Statistics::default(), &Default::default());
    let judge = |asked: &str, documents: &[&str]| {
        assert_eq!(asked, "who has the loom?");
        Ok(documents.iter().map(|one| if one.contains("brass") { 0.9 } else { 0.1 }).collect())
    };
    let found = recall(&**store, settings, &query, &plan, Some(&judge)).unwrap();
    assert_eq!(found.ids(), [ids[2], ids[0], ids[1]]);
    assert_eq!(found.found[0].terms.reranked, Some(0.9));
    assert!(found.explain().to_string().contains("judged 0.9000"));
    for wrong in [vec![0.5], vec![f64::NAN; 3], vec![2.0; 3]] {
        let judge = |_: &str, _: &[&str]| Ok(wrong.clone());
        assert!(recall(&**store, settings, &query, &plan, Some(&judge)).is_err(), "{wrong:?}");
    }
}

fn what_was_used_counts_as_recent(on: Engine) {
    let (Place { clock, store, settings, .. }, ids) = &told(on);
    let query = Query::new(namespace(), 3).vector("m", vec![1.0, 0.0]);
    let ask = || by(&**store, settings, &query, Reading::Indexed).unwrap();
    let recency = || ask().found.iter().find(|found| found.node.id == ids[0]).unwrap().terms.recency;
    assert!((recency() - 0.5).abs() < 1e-9);
    let batch = ask().used(&[ids[0], ids[3]]);
    assert_eq!(batch.changes.len(), 1);
    store.commit(&batch).unwrap();
    assert_eq!(recency(), 1.0);
    clock.advance(Duration::from_secs(14 * 24 * 3600));
    assert!((recency() - 0.25).abs() < 1e-9);
    let node = store.nodes(&[ids[0]], store.head().unwrap()).unwrap().remove(0);
    assert_eq!((node.accesses, node.version), (1, 1));
}

fn a_router_falls_back_on_hybrid(on: Engine) {
    let (Place { store, settings, .. }, ids) = &told(on);
    let config = Config { explore: 1.0, control: 0.0, entropy: 9.0, ..Config::default() };
    let (mut router, planner) = (Router::new(config), Planner::default());
    // A name that stands nowhere, beside words that do.
    let query = Query::new(namespace(), 3).text("who has loom LX-17?").rest(Rest::Leave);
    let (mut failed, mut served) = (0, 0);
    for _ in 0..300 {
        let routed = ask(&mut router, &planner, &**store, settings, &query, None).unwrap();
        assert_eq!(routed.recalled.ids().first(), Some(&ids[1]));
        assert_eq!(routed.has_fallen_back, routed.choice.strategy == Strategy::ExactId);
        assert_eq!(routed.has_fallen_back, routed.recalled.plan.strategy != routed.choice.strategy);
        match routed.has_fallen_back {
            true => failed += 1,
            false => {
                served += 1;
                router.learn(&routed.choice, Outcome::Reward(1.0));
            }
        }
    }
    assert!((3..20).contains(&failed) && served > 280, "{failed} of {}", failed + served);
    assert_eq!(router.log().len(), 300);
    assert!(ask(&mut router, &planner, &**store, settings, &Query::new(namespace(), 3), None).is_err());
    assert_eq!(router.log().len(), 300);
}

/// `chosen by LAMBDA * SCORE - ROOM * LIKENESS = VALUE` is so.
fn what_is_told_of_a_choice_adds_up(on: Engine) {
    let (Place { store, settings, .. }, _) = &told(on);
    for lambda in [0.75, 0.7, 0.999, 0.125, 1.0] {
        let scoring = Scoring { lambda, alike: 0.0, floor: -1.0, ..Scoring::default() };
        let query = Query::new(namespace(), 3).vector("m", vec![1.0, 0.5]).scoring(scoring);
        let text = by(&**store, settings, &query, Reading::Each).unwrap().explain().to_string();
        let choices: Vec<Vec<f64>> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("chosen by "))
            .map(|sum| sum.split(' ').filter_map(|part| part.parse().ok()).collect())
            .collect();
        assert_eq!(choices.len(), 3, "{text}");
        assert!(choices.iter().any(|choice| choice[3] > 0.1), "{text}");
        for choice in choices {
            let [told, score, room, likeness, value] = choice[..] else { panic!("{text}") };
            assert_eq!(told, lambda);
            assert!((told * score - room * likeness - value).abs() < 2e-4, "{text}");
        }
    }
}

fn of_what_was_stored_at_once_the_same_is_found_either_way(on: Engine) {
    let place = on.place("at once");
    let mut transaction = place.begin();
    for number in 1..=200 {
        transaction.add(MemoryDraft::new(namespace(), Kind::Fact, "x").id(Id::from_u128(number))).unwrap();
    }
    transaction.commit().unwrap();
    let query = Query::new(namespace(), 200).created(Interval::ALWAYS).valid_at(place.settings.clock.now());
    for most in [5, 16, 20] {
        let query = Query { most, ..query.clone() }.strategy(Strategy::Temporal);
        let ids = [Reading::Each, Reading::Indexed]
            .map(|reading| by(&*place.store, &place.settings, &query, reading).unwrap().ids());
        assert_eq!(ids[0], ids[1], "{most}");
        assert_eq!(ids[0].first(), Some(&Id::from_u128(200)));
    }
}
