//! How the vectors of an index become codes and signs: rotated, without the mean of all, on one scale.
//!
//! Mean and scale are chosen for what is there, and chosen anew when that has become another set.

use super::codes::Scale;
use super::rotation::Rotation;
use super::signs;

/// What codes and signs of an index mean.
#[derive(Debug)]
pub(super) struct Coding {
    rotation: Rotation,
    /// Of each number, of rotated vectors.
    means: Vec<f32>,
    scale: Scale,
}

impl Coding {
    pub(super) fn new(dimensions: usize) -> Self {
        Self { rotation: Rotation::new(dimensions), means: vec![0.0; dimensions], scale: Scale { clip: 1.0 } }
    }

    /// Takes the means and the scale of a sample: all vectors are to be encoded anew.
    pub(super) fn suit<'a>(&mut self, sample: impl Iterator<Item = &'a [f32]>) {
        let sample: Vec<Vec<f32>> = sample.map(|vector| self.rotated(vector)).collect();
        self.means = means(&sample, self.means.len());
        let sample: Vec<Vec<f32>> = sample.into_iter().map(|rotated| self.centred(rotated)).collect();
        // Room for all but a few of the sample, since each wider scale is one more time to encode everything.
        self.scale = Scale::of(&sample).with_room(&sample, sample.len() / 1024 + 2);
    }

    /// Takes a scale on which fewer vectors lose much: all are to be encoded anew.
    pub(super) fn widen(&mut self) {
        self.scale = self.scale.wider();
    }

    /// A vector rotated.
    pub(super) fn rotated(&self, vector: &[f32]) -> Vec<f32> {
        self.rotation.of(vector)
    }

    /// Writes codes and signs of a vector; whether the codes lost much.
    pub(super) fn encode(&self, vector: &[f32], codes: &mut [u8], signs: &mut [u64]) -> bool {
        let centred = self.centred(self.rotated(vector));
        signs::encode(&centred, signs);
        self.scale.encode(&centred, codes)
    }

    /// Writes the signs of a rotated vector.
    pub(super) fn signs(&self, rotated: Vec<f32>, signs: &mut [u64]) {
        signs::encode(&self.centred(rotated), signs);
    }

    /// A rotated vector without the means.
    fn centred(&self, mut rotated: Vec<f32>) -> Vec<f32> {
        rotated.iter_mut().zip(&self.means).for_each(|(x, mean)| *x -= mean);
        rotated
    }
}

/// Of each number of these vectors, the mean.
fn means(vectors: &[Vec<f32>], dimensions: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; dimensions];
    for vector in vectors {
        sums.iter_mut().zip(vector).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sums.into_iter().map(|sum| (sum / vectors.len().max(1) as f64) as f32).collect()
}
