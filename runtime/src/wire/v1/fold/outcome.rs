//! How an answer ends: why it stopped, what it cost, whether it failed, whether all of it came.

use super::queue::Item;
use super::{Choice, Failure, Fold, Text};
use crate::chat::{ChatResponse, Collector, FinishReason, Usage};
use crate::json::RawJson;
use crate::wire::v1::{ChatWire, Corrupt, Needs};

/// What a provider says about a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderFailure {
    /// Its word for the kind.
    pub kind: Option<String>,
    /// Its code.
    pub code: Option<String>,
    /// Its message.
    pub message: Option<String>,
    /// The parameter that is to blame.
    pub param: Option<String>,
    /// The HTTP status that it would have had.
    pub status: Option<u16>,
    /// When to come back.
    pub retry_after: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
}

impl ProviderFailure {
    /// Keeps what is borrowed from a frame or body.
    pub fn of(failure: &Failure<'_>) -> Self {
        let owned = |text: Option<Text<'_>>| {
            text.filter(|text| !text.is_empty()).map(|text| text.to_cow().into_owned())
        };
        Self {
            kind: owned(failure.kind),
            code: owned(failure.code),
            message: owned(failure.message),
            param: owned(failure.param),
            status: failure.status.and_then(|status| status.try_into().ok()),
            retry_after: owned(failure.retry_after),
            request_id: owned(failure.request_id),
        }
    }
}

/// What is known of the answer as a whole.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) has_id: bool,
    pub(super) has_model: bool,
    pub(super) created: Option<i64>,
    pub(super) tier: Option<String>,
    leaves: Vec<Option<i64>>,
    usage_raw: String,
    has_usage: bool,
    has_finish: bool,
    ended: bool,
    failure: Option<Box<ProviderFailure>>,
    /// Nothing more is taken.
    over: bool,
    /// Nothing more is taken but what was used.
    drains: bool,
}

impl Outcome {
    pub(super) fn new(wire: &ChatWire) -> Self {
        Self {
            has_id: false,
            has_model: false,
            created: None,
            tier: None,
            leaves: vec![None; wire.usage_leaves],
            usage_raw: String::new(),
            has_usage: false,
            has_finish: false,
            ended: false,
            failure: None,
            over: false,
            drains: false,
        }
    }

    /// Keeps what is known and was not known yet, or is newer.
    fn add_usage(&mut self, leaves: &[(usize, Option<i64>)], raw: Option<&str>) {
        for (leaf, value) in leaves {
            if let (Some(own), Some(value)) = (self.leaves.get_mut(*leaf), value) {
                *own = Some(*value);
                self.has_usage = true;
            }
        }
        if let Some(raw) = raw {
            raw.clone_into(&mut self.usage_raw);
        }
    }
}

impl Fold {
    /// What was used so far, by leaf of the wire. A known value overwrites, an unknown one does not.
    pub fn usage(&mut self, leaves: &[(usize, Option<i64>)], raw: Option<&str>) -> Result<(), Corrupt> {
        if !self.is_closed() || self.outcome.drains {
            self.outcome.add_usage(leaves, raw);
        }
        Ok(())
    }

    /// Why an answer stopped, in the provider's word. The last that says something counts.
    pub fn finish(
        &mut self,
        choice: u64,
        reason: Text<'_>,
        stop_sequence: Option<Text<'_>>,
    ) -> Result<(), Corrupt> {
        if self.is_closed() {
            return Ok(());
        }
        if self.choice_mut(choice).is_none() {
            self.add_choice(choice)?;
        }
        let finish = self.wire.finish;
        let Some(own) = self.choice_mut(choice) else { return Ok(()) };
        if let Some(stop) = stop_sequence.filter(|stop| !stop.is_empty()) {
            own.stop_sequence = Some(stop.to_cow().into_owned());
        }
        let reason = reason.to_cow();
        if !reason.is_empty() && finish(&reason, own.calls > 0).is_some() {
            own.finish.clear();
            own.finish.push_str(&reason);
            self.outcome.has_finish = true;
        }
        Ok(())
    }

    /// The provider says that the answer is complete.
    pub fn end(&mut self) -> Result<(), Corrupt> {
        self.outcome.ended |= !self.is_closed() || self.outcome.drains;
        Ok(())
    }

    /// The provider failed. What has come stays, and so does what its own frame says; nothing comes after that.
    pub fn fail(&mut self, failure: Failure<'_>) -> Result<(), Corrupt> {
        if !self.is_closed() && self.outcome.failure.is_none() {
            self.outcome.failure = Some(Box::new(ProviderFailure::of(&failure)));
        }
        Ok(())
    }

    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.outcome.over
    }

    /// The same, asked by what a frame must not do if it is to be taken for the pattern of others.
    #[inline]
    pub(super) fn is_closed(&mut self) -> bool {
        self.frame_so_far.more = true;
        self.outcome.over
    }

    /// Whether the provider said that the answer is complete.
    pub(crate) fn has_ended(&self) -> bool {
        self.outcome.ended
    }

    /// What the provider said about its failure.
    pub(crate) fn failure(&self) -> Option<&ProviderFailure> {
        self.outcome.failure.as_deref()
    }

    /// Whether bytes may end here.
    pub(crate) fn is_satisfied(&self) -> bool {
        self.outcome.ended || self.wire.needs == Needs::Finish && self.outcome.has_finish
    }

    /// Behind the frame of a failure only what was used is taken.
    pub(super) fn drain_after_failure(&mut self) {
        if self.outcome.failure.is_some() && !self.outcome.over {
            self.outcome.over = true;
            self.outcome.drains = true;
        }
    }

    /// The answer is cut off: nothing is complete that was not, but what was used is known.
    pub(crate) fn stop(&mut self) {
        let over = std::mem::replace(&mut self.outcome.over, true);
        if !over || std::mem::take(&mut self.outcome.drains) {
            self.tell_usage();
        }
    }

    /// The answer is complete: closes every part, then tells what it cost and why it stopped.
    pub(crate) fn complete(&mut self) {
        if self.outcome.failure.is_some() {
            self.stop();
        }
        if self.is_over() {
            return;
        }
        // Nothing that is told from here on lies in the frame, which may be gone.
        self.queue.begin(&[]);
        while let Some(slot) = self.slots.iter().position(|slot| slot.open) {
            self.close_slot(slot);
        }
        self.outcome.over = true;
        self.tell_usage();
        for index in 0..self.choices.len() {
            self.tell_finish(index);
        }
    }

    fn tell_usage(&mut self) {
        let raw = match self.outcome.usage_raw.as_str() {
            "" => None,
            raw => Some(RawJson::trusted(raw)),
        };
        if self.outcome.has_usage || raw.is_some() {
            let usage = Usage { raw, ..(self.wire.usage)(&self.outcome.leaves) };
            self.queue.push(0, Item::Usage(Box::new(usage)));
        }
    }

    fn tell_finish(&mut self, index: usize) {
        let Some(choice) = self.choices.get(index) else { return };
        if let Some(reason) = self.reason(choice) {
            let id = choice.id;
            self.queue.push(id, Item::Finish(reason));
        }
    }

    fn reason(&self, choice: &Choice) -> Option<FinishReason> {
        if choice.finish.is_empty() { None } else { (self.wire.finish)(&choice.finish, choice.calls > 0) }
    }

    /// Adds to a response what no event tells: the provider's own words.
    pub(crate) fn describe(&self, collector: &mut Collector) {
        let response = collector.response_mut(0);
        response.created = self.outcome.created;
        response.service_tier.clone_from(&self.outcome.tier);
        for choice in self.choices.iter().filter(|choice| choice.id == 0 || choice.says_something()) {
            let reason = self.reason(choice);
            choice.describe(reason, collector.response_mut(choice.id));
        }
    }
}

impl Choice {
    fn says_something(&self) -> bool {
        !self.finish.is_empty() || self.stop_sequence.is_some()
    }

    fn describe(&self, reason: Option<FinishReason>, response: &mut ChatResponse) {
        // A failure keeps the reason from being told; it was said all the same.
        response.finish = response.finish.take().or(reason);
        response.finish_raw = Some(&self.finish).filter(|finish| !finish.is_empty()).cloned();
        response.stop_sequence.clone_from(&self.stop_sequence);
    }
}
