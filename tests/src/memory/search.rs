//! What the oracle finds by words and by vectors: computed anew from all that there is, by the formulas as they are
//! written down.

use std::collections::BTreeMap;

use typewright_runtime::memory::store::{Filter, Match};
use typewright_runtime::memory::{Embedding, Id, MemoryNode, Status};

use super::oracle::{Oracle, is_meant};

/// The words of a text, as an index has them: letters and digits, small, without the accents that histories use.
fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word.to_lowercase().replace(['é', 'è', 'ê'], "e")).collect()
}

/// The cosine of the angle between two vectors, by its definition.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

impl Oracle {
    fn live(&self) -> impl Iterator<Item = &MemoryNode> {
        self.now().nodes.values().filter(|node| node.status == Status::Live)
    }

    /// Memories at the head that a filter means and that have one of these words, by BM25 over all that is indexed.
    pub fn with_words(&self, words: &str, filter: &Filter) -> Vec<Match> {
        const K1: f64 = 1.2;
        const B: f64 = 0.75;
        let indexed = self.live().filter(|node| node.kind.policy().is_indexed);
        let texts: BTreeMap<Id, (&MemoryNode, Vec<String>)> =
            indexed.map(|node| (node.id, (node, words_of(&node.content.words())))).collect();
        let all = texts.len() as f64;
        let average = texts.values().map(|(_, words)| words.len() as f64).sum::<f64>() / all;
        let wanted: Vec<(String, f64)> = words_of(words)
            .into_iter()
            .map(|word| {
                let with = texts.values().filter(|(_, words)| words.contains(&word)).count() as f64;
                let weight = ((all - with + 0.5) / (with + 0.5)).ln();
                (word, if weight > 0.0 { weight } else { 1e-6 })
            })
            .collect();
        let score = |words: &[String]| {
            let term = |(word, weight): &(String, f64)| {
                let count = words.iter().filter(|one| *one == word).count() as f64;
                let length = words.len() as f64 / average;
                weight * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length))
            };
            wanted.iter().map(term).sum::<f64>()
        };
        let has_one = |words: &[String]| wanted.iter().any(|(word, _)| words.contains(word));
        let meant = texts.values().filter(|(node, words)| is_meant(filter, node) && has_one(words));
        let mut found: Vec<Match> =
            meant.map(|(node, words)| Match { id: node.id, score: score(words) }).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        found
    }

    /// The vectors of live memories of a model.
    pub fn vectors(&self, model: &str) -> BTreeMap<Id, Vec<f32>> {
        let of = |node: &MemoryNode| {
            let embedding = node.embedding.clone().filter(|embedding| embedding.model == model)?;
            Some((node.id, embedding.vector))
        };
        self.live().filter_map(of).collect()
    }

    /// The memories at the head that a filter means whose vectors are nearest, by their cosine.
    pub fn nearest(&self, to: &Embedding, filter: &Filter, most: usize) -> Vec<Match> {
        let vectors = self.vectors(&to.model);
        let meant = vectors.iter().filter(|(id, _)| is_meant(filter, &self.now().nodes[id]));
        let mut found: Vec<Match> =
            meant.map(|(id, vector)| Match { id: *id, score: cosine(&to.vector, vector) }).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        found.truncate(most);
        found
    }
}
