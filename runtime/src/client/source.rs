//! Where the events of a [`super::ChatStream`] come from: frames on their way, a whole answer that came although a
//! stream was asked for, or a backend that tells them.

use bytes::Bytes;

use super::backend::Told;
use crate::chat::{ChatEvent, ChatResponse, Collector};
use crate::http::random_bits;
use crate::wire::v1::{ChatWire, Decoder, Fold, Limits, WireError};

#[expect(clippy::large_enum_variant, reason = "it lies in a box as it is")]
pub(super) enum Source {
    Frames(Decoder),
    Whole(Box<Whole>),
    Told(Box<Told>),
}

/// A whole answer, its events waiting.
pub(super) struct Whole {
    fold: Fold,
    body: Bytes,
    error: Option<WireError>,
}

impl Source {
    pub(super) fn frames(wire: &'static ChatWire, limits: &crate::http::Limits) -> Self {
        let limits = Limits { line: limits.line, event: limits.event };
        Self::Frames(Decoder::new(wire, limits).seeded(random_bits()))
    }

    pub(super) fn whole(wire: &'static ChatWire, body: Bytes) -> Self {
        let mut fold = Fold::new(wire);
        fold.set_seed(random_bits());
        fold.begin(&body);
        let error = match (wire.response)(&body, &mut fold) {
            Err(corrupt) => Some(WireError::Corrupt(corrupt)),
            Ok(()) => fold.failure().map(|failure| WireError::Failed(Box::new(failure.clone()))),
        };
        if error.is_some() {
            fold.stop()
        } else {
            fold.complete()
        }
        Self::Whole(Box::new(Whole { fold, body, error }))
    }

    /// Goes to the next event. `false`: there is none before more bytes come, or none at all.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<bool, WireError> {
        match self {
            Self::Frames(decoder) => decoder.advance(),
            Self::Whole(whole) if whole.fold.is_idle() => whole.error.take().map_or(Ok(false), Err),
            Self::Whole(_) => Ok(true),
            Self::Told(told) => told.advance().map_err(|()| WireError::Truncated),
        }
    }

    /// The event that [`Self::advance`] went to.
    #[inline]
    pub(super) fn event(&mut self) -> Option<ChatEvent<'_>> {
        match self {
            Self::Frames(decoder) => decoder.event(),
            Self::Whole(whole) => whole.fold.pop(&whole.body),
            Self::Told(told) => told.take(),
        }
    }

    /// Whether output is among the events that wait. A request is not sent again after that.
    pub(super) fn has_output(&self) -> bool {
        match self {
            Self::Frames(decoder) => decoder.has_output(),
            Self::Whole(whole) => whole.fold.has_output(),
            Self::Told(told) => told.has_output(),
        }
    }

    /// Whether no bytes that may still come could say more.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Frames(decoder) => decoder.is_done(),
            Self::Whole(_) => true,
            Self::Told(told) => told.is_done(),
        }
    }

    /// Whether the provider has failed, and what is still to come can only tell what was used.
    pub(super) fn is_failing(&self) -> bool {
        matches!(self, Self::Frames(decoder) if decoder.is_failing())
    }

    pub(super) fn feed(&mut self, bytes: Bytes) {
        if let Self::Frames(decoder) = self {
            decoder.feed(bytes);
        }
    }

    /// No more bytes will come.
    pub(super) fn finish(&mut self) {
        if let Self::Frames(decoder) = self {
            decoder.finish();
        }
    }

    /// What the collected events add up to.
    pub(super) fn response(&self, mut collector: Collector) -> ChatResponse {
        match self {
            Self::Frames(decoder) => decoder.response(collector),
            Self::Whole(whole) => {
                whole.fold.describe(&mut collector);
                collector.into_response()
            }
            Self::Told(told) => {
                told.describe(collector.response_mut(0));
                collector.into_response()
            }
        }
    }
}
