//! A stream from bytes to events: framing, decoding and folding in one pull.
//!
//! It reads no socket and knows no clock. Its state can be cloned at any point of a stream.

mod pattern;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use pattern::{Lesson, Pattern};

use super::fold::{Fold, ProviderFailure};
use super::frame::{Framer, Limits, Oversized};
use super::{ChatWire, Corrupt, Text, validate};
use crate::chat::{ChatEvent, ChatResponse, Collector};

/// Why there is no more of an answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WireError {
    /// The provider failed in the middle, or instead of an answer.
    #[error("the provider failed: {}", .0.message.as_deref().unwrap_or("no message"))]
    Failed(Box<ProviderFailure>),
    /// The bytes ended before the provider said that the answer was complete.
    #[error("the answer ended before it was complete")]
    Truncated,
    /// The bytes are not what the wire says.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// A piece of the stream is too large.
    #[error(transparent)]
    Oversized(#[from] Oversized),
}

/// The state of a stream.
#[derive(Debug, Clone)]
pub struct Decoder {
    wire: &'static ChatWire,
    framer: Framer,
    fold: Fold,
    pattern: Pattern,
    /// No more bytes will come.
    cut: bool,
    /// The provider failed. The frames behind the failure are read for what was used, and for nothing else.
    failed: Option<WireError>,
    /// The answer is complete or lost; what is told is told once the waiting events are taken.
    end: Option<Result<(), WireError>>,
    done: bool,
}

impl Decoder {
    /// A decoder before the first byte.
    pub fn new(wire: &'static ChatWire, limits: Limits) -> Self {
        let framer = Framer::new(wire.framing, limits);
        Self {
            wire,
            framer,
            fold: Fold::new(wire),
            pattern: Pattern::default(),
            cut: false,
            failed: None,
            end: None,
            done: false,
        }
    }

    /// Makes ids that are minted here differ from those of other answers.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.fold.set_seed(seed);
        self
    }

    /// Takes the next bytes. All events of the bytes before should have been taken.
    pub fn feed(&mut self, chunk: Bytes) {
        self.framer.feed(chunk);
    }

    /// No more bytes will come.
    pub fn finish(&mut self) {
        self.cut = true;
        self.framer.finish();
    }

    /// The next event. `None`: there is none before more bytes come, or, if [`Self::is_done`], none at all.
    /// After an error there is nothing more.
    #[expect(clippy::should_implement_trait, reason = "events are lent, which no iterator can")]
    pub fn next(&mut self) -> Option<Result<ChatEvent<'_>, WireError>> {
        match self.advance() {
            Ok(true) => self.event().map(Ok),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Goes to the next event, which [`Self::event`] takes; `false` where [`Self::next`] has none.
    pub fn advance(&mut self) -> Result<bool, WireError> {
        while self.fold.is_idle() {
            if let Some(end) = &self.end {
                let first = !std::mem::replace(&mut self.done, true);
                return if first { end.clone().map(|()| false) } else { Ok(false) };
            }
            match self.read_frame() {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => {
                    let error = self.failed.take().unwrap_or(error);
                    self.fail(error);
                }
            }
        }
        Ok(true)
    }

    /// The event that [`Self::advance`] went to.
    #[inline]
    pub fn event(&mut self) -> Option<ChatEvent<'_>> {
        self.fold.pop(self.framer.data())
    }

    /// Whether output is among the events that wait, and not only what announces or counts it.
    pub(crate) fn has_output(&self) -> bool {
        self.fold.has_output()
    }

    /// Whether the provider has failed. What is still to come tells at most what was used, so it is not worth a
    /// long wait.
    pub fn is_failing(&self) -> bool {
        self.failed.is_some()
    }

    /// Whether everything was told.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The response that the collected events add up to, with what no event tells.
    pub fn response(&self, mut collector: Collector) -> ChatResponse {
        self.fold.describe(&mut collector);
        collector.into_response()
    }

    /// Reads a frame; `false` if its last byte has not come.
    fn read_frame(&mut self) -> Result<bool, WireError> {
        if self.fold.has_ended() {
            self.complete();
            return Ok(true);
        }
        if self.repeat() {
            return Ok(true);
        }
        if !self.framer.advance()? {
            return if self.cut { self.bytes_ended().map(|()| true) } else { Ok(false) };
        }
        let frame = self.framer.frame();
        if self.wire.sentinel.is_some_and(|sentinel| frame.data.trim_ascii() == sentinel.as_bytes()) {
            self.complete();
        } else if self.framer.is_tail() && validate(frame.data).is_err() {
            self.bytes_ended()?;
        } else {
            self.fold.begin(frame.data);
            (self.wire.event)(frame, &mut self.fold)?;
            if !self.fold.knows_frame() {
                self.fold.event(frame.data)?;
            }
            self.learn();
            self.check_failure();
        }
        Ok(true)
    }

    /// Takes a frame that is the last one once more but for a text.
    #[inline]
    fn repeat(&mut self) -> bool {
        let Some(bytes) = self.framer.pending() else { return false };
        let Some(met) = self.pattern.meet(bytes, self.framer.limit()) else { return false };
        let frame = bytes.get(met.data.clone()).unwrap_or_default();
        self.fold.repeat(met.slot, frame, Text::checked(met.delta, met.escapes));
        self.framer.take(met.length, met.data);
        true
    }

    /// Keeps the frame that was read, if others may be met that do the same.
    fn learn(&mut self) {
        let lesson = self.framer.whole().and_then(|(bytes, data)| {
            let (slot, delta) = self.fold.lone_delta()?;
            Some(Lesson { bytes, data, slot, delta, skipped: self.fold.skipped() })
        });
        self.pattern.learn(lesson);
    }

    fn check_failure(&mut self) {
        if self.failed.is_none()
            && let Some(failure) = self.fold.failure()
        {
            self.failed = Some(WireError::Failed(Box::new(failure.clone())));
        }
    }

    fn bytes_ended(&mut self) -> Result<(), WireError> {
        if self.failed.is_some() || !self.fold.is_satisfied() {
            return Err(WireError::Truncated);
        }
        self.complete();
        Ok(())
    }

    fn complete(&mut self) {
        if let Some(error) = self.failed.take() {
            return self.fail(error);
        }
        self.fold.complete();
        self.end = Some(Ok(()));
    }

    fn fail(&mut self, error: WireError) {
        self.fold.stop();
        self.end = Some(Err(error));
    }
}
