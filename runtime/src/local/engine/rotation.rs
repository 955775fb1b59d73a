//! Rotary positions of the rows of a pass: cosines and sines once a pass, for all layers.

use crate::local::arch::{Rope, RopeKind};
use crate::local::kernels::{Level, math};

/// How vectors of a rope are turned, and for the rows of a pass by how much.
#[derive(Clone)]
pub(in crate::local) struct Rotation {
    kind: RopeKind,
    magnitude: f64,
    /// A pair each.
    frequencies: Vec<f32>,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rotation {
    pub(in crate::local) fn new(rope: &Rope, context: usize, divisors: Option<&[f32]>) -> Self {
        let frequencies = rope.frequencies(context, divisors);
        Self { kind: rope.kind, magnitude: rope.magnitude(), frequencies, cos: Vec::new(), sin: Vec::new() }
    }

    /// Begins a pass.
    pub(in crate::local) fn clear(&mut self) {
        self.cos.clear();
        self.sin.clear();
    }

    /// The next row stands at this position.
    pub(in crate::local) fn push(&mut self, position: usize) {
        for frequency in &self.frequencies {
            let (sin, cos) = f64::from(position as f32 * frequency).sin_cos();
            self.cos.push((cos * self.magnitude) as f32);
            self.sin.push((sin * self.magnitude) as f32);
        }
    }

    /// Turns the head of a row; what lies behind the pairs stays.
    pub(in crate::local) fn turn(&self, level: Level, row: usize, head: &mut [f32]) {
        let pairs = self.frequencies.len();
        let (cos, sin) = (&self.cos[row * pairs..][..pairs], &self.sin[row * pairs..][..pairs]);
        match self.kind {
            RopeKind::Adjacent => math::rope_adjacent(level, head, cos, sin),
            RopeKind::Half => math::rope_halves(level, head, cos, sin),
        }
    }
}
