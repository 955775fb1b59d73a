//! The tensors of a model by their place in it, in f32 on a device.

use std::collections::HashMap;

use candle_core::{Device, Tensor};

use super::ops;
use crate::local::Error;
use crate::local::arch::{self, Norm, NormKind, Role, Slot, Wanted};

/// All tensors.
pub(super) struct Weights {
    tensors: HashMap<Slot, Tensor>,
    device: Device,
}

impl Weights {
    pub(super) fn load(
        wanted: &[Wanted],
        device: &Device,
        numbers: &mut dyn FnMut(&Wanted) -> Result<Vec<f32>, Error>,
    ) -> Result<Self, Error> {
        let mut tensors = HashMap::with_capacity(wanted.len());
        for one in wanted {
            let tensor = Tensor::from_vec(numbers(one)?, one.shape.as_slice(), device)?;
            tensors.insert(one.slot, tensor);
        }
        Ok(Self { tensors, device: device.clone() })
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// The tensors of a layer, or with 0 those outside of layers.
    pub(super) fn at(&self, layer: usize) -> At<'_> {
        At { weights: self, layer, expert: 0 }
    }
}

/// The tensors of one layer, and within it of one expert.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    weights: &'a Weights,
    layer: usize,
    expert: usize,
}

impl<'a> At<'a> {
    pub(super) fn expert(self, expert: usize) -> Self {
        Self { expert, ..self }
    }

    pub(super) fn find(self, role: Role, bias: bool) -> Option<&'a Tensor> {
        self.weights.tensors.get(&Slot { role, layer: self.layer, expert: self.expert, bias })
    }

    pub(super) fn tensor(self, role: Role) -> Result<&'a Tensor, Error> {
        let missing = || arch::Error::Missing { key: format!("{role:?} of layer {}", self.layer) };
        Ok(self.find(role, false).ok_or_else(missing)?)
    }

    pub(super) fn numbers(self, role: Role) -> Result<Vec<f32>, Error> {
        Ok(self.tensor(role)?.to_vec1()?)
    }

    /// Rows of a matrix.
    pub(super) fn rows(self, role: Role, rows: &[u32]) -> Result<Tensor, Error> {
        let rows = Tensor::new(rows, &self.weights.device)?;
        Ok(self.tensor(role)?.index_select(&rows, 0)?)
    }

    /// `x [n, inputs]` through a matrix `[outputs, inputs]`, and its bias if it has one.
    pub(super) fn linear(self, x: &Tensor, role: Role) -> Result<Tensor, Error> {
        let product = x.matmul(&self.tensor(role)?.t()?)?;
        Ok(match self.find(role, true) {
            Some(bias) => product.broadcast_add(bias)?,
            None => product,
        })
    }

    /// `x` normalised over its last dimension.
    pub(super) fn norm(self, x: &Tensor, role: Role, norm: &Norm) -> Result<Tensor, Error> {
        let weight = (self.tensor(role)? + norm.offset)?;
        match norm.kind {
            NormKind::Rms => ops::rms_norm(x, &weight, norm.eps),
            NormKind::Layer => ops::layer_norm(x, &weight, self.find(role, true), norm.eps),
        }
    }

    /// The same by the root of the mean square, whatever the model has elsewhere.
    pub(super) fn rms_norm(self, x: &Tensor, role: Role, norm: &Norm) -> Result<Tensor, Error> {
        self.norm(x, role, &Norm { kind: NormKind::Rms, ..*norm })
    }
}
