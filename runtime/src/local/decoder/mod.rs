//! What runs a decoder: the engine on this machine's processor, or tensors of candle on a graphics card. Both have the
//! same face, so that answers are made and served alike on either.
//!
//! The engine is what is fast here; `tensors` is the reference executor, one sequence after another and all numbers in
//! f32, for devices that the engine has no kernels for.

mod tensors;

use std::path::Path;

use super::Error;
use super::arch::Opened;
use super::engine::{self, Engine, Item, Rows, SequenceId};
use super::memory::Need;
use super::model::Device as Candle;
use tensors::Tensors;

/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// On this machine's processor, by the engine.
    #[default]
    Processor,
    /// On the processor, by tensors of candle: to compare with. It is slow.
    Tensors,
    /// On the graphics card of this number, by CUDA. Needs the feature `cuda`.
    Cuda(usize),
    /// On the graphics card of this number, by Metal. Needs the feature `metal`.
    Metal(usize),
}

impl Device {
    /// The device of candle; none where candle does not compute.
    fn candle(self) -> Result<Option<Candle>, Error> {
        Ok(match self {
            Self::Processor => None,
            Self::Tensors => Some(Candle::Cpu),
            Self::Cuda(number) => Some(Candle::new_cuda(number)?),
            Self::Metal(number) => Some(Candle::new_metal(number)?),
        })
    }
}

/// A decoder in memory, and its sequences.
pub(super) enum Decoder {
    Engine(Box<Engine>),
    Tensors(Box<Tensors>),
}

/// The memory of this machine that a model needs, without its file.
pub(super) fn need(opened: &Opened, config: &engine::Config, device: Device) -> Need {
    match device {
        Device::Processor => Engine::need(opened, config),
        // What lies on a card is the card's to refuse; on its way there a tensor is on this machine.
        Device::Cuda(_) | Device::Metal(_) => {
            Need { weights: tensors::largest(opened), cache: 0, scratch: 0 }
        }
        Device::Tensors => Need { weights: tensors::weights(opened), cache: config.cache_bytes, scratch: 0 },
    }
}

/// Loads a decoder. The caller has seen to it that there is the memory that it [needs](need).
pub(super) fn load(opened: &Opened, config: &engine::Config, device: Device) -> Result<Decoder, Error> {
    let Some(candle) = device.candle()? else {
        return Ok(Decoder::Engine(Box::new(Engine::load(opened, config)?)));
    };
    check(opened.weights.path(), opened)?;
    Ok(Decoder::Tensors(Box::new(Tensors::load(opened, config, &candle)?)))
}

fn check(path: &Path, opened: &Opened) -> Result<(), Error> {
    match opened.spec.output {
        Some(_) => Ok(()),
        None => Err(Error::unsupported(path, "an encoder says nothing")),
    }
}

/// Calls what both have.
macro_rules! either {
    ($decoder:expr, $one:ident => $call:expr) => {
        match $decoder {
            Self::Engine($one) => $call,
            Self::Tensors($one) => $call,
        }
    };
}

impl Decoder {
    /// The most positions of a sequence.
    pub(super) fn context(&self) -> usize {
        either!(self, one => one.context())
    }

    /// A sequence without positions.
    pub(super) fn create(&mut self) -> SequenceId {
        either!(self, one => one.create())
    }

    /// Gives the pages of a sequence back at once. Whether there was such a sequence.
    pub(super) fn remove(&mut self, sequence: SequenceId) -> bool {
        either!(self, one => one.remove(sequence))
    }

    /// A new sequence that begins with the first `len` positions of another.
    pub(super) fn fork(&mut self, sequence: SequenceId, len: usize) -> Result<SequenceId, Error> {
        either!(self, one => one.fork(sequence, len))
    }

    /// Forgets the positions of a sequence from `len` on.
    pub(super) fn truncate(&mut self, sequence: SequenceId, len: usize) -> Result<(), Error> {
        either!(self, one => one.truncate(sequence, len))
    }

    /// Positions of a page of the cache.
    pub(super) fn page_len(&self) -> usize {
        either!(self, one => one.page_len())
    }

    /// Pages that no sequence holds, and all pages.
    pub(super) fn pages(&self) -> (usize, usize) {
        either!(self, one => one.pages())
    }

    /// Free pages that these tokens would take.
    pub(super) fn pages_for(&self, sequence: SequenceId, tokens: usize) -> Result<usize, Error> {
        either!(self, one => one.pages_for(sequence, tokens))
    }

    /// Runs tokens of several sequences, each sequence once.
    pub(super) fn step(&mut self, items: &[Item<'_>]) -> Result<Rows<'_>, Error> {
        either!(self, one => one.step(items))
    }
}
