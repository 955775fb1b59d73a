//! All that goes into the next request: instructions, the summary of what has left the window, what belongs into each
//! request, what was recalled, and the window.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::{Conversation, Recall, Recalled, Recollection, Summary, Window, WindowConfig, codec};
use crate::chat::{ChatRequest, Message, Part, Role};
use crate::memory::kind::KINDS;
use crate::memory::pending::blocking;
use crate::memory::store::{Filter, Order, Page};
use crate::memory::tokens::CountTokens;
use crate::memory::{Error, Id, Kind};

/// How the tokens of a request are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// All of it together, and how the window is cut.
    pub window: WindowConfig,
    /// The most of it that is for memories: those that belong into each request, and what was recalled. What of that is not
    /// needed stays free.
    pub recall_tokens: usize,
    /// The most memories that are recalled.
    pub recall: usize,
}

/// What goes into a request, and where it is from.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// All messages, in order.
    pub messages: Vec<Message>,
    /// Memories, and what each mark in them stands for: first those that belong into each request, the most important first,
    /// with their importance as their score; then what was recalled.
    pub recollection: Recollection,
    /// What stands for messages that have left the window.
    pub summary: Option<Summary>,
    /// What of the conversation fits.
    pub window: Window,
    /// The places that neither the window has nor the summary covers.
    pub missing: Range<u32>,
    /// What all messages take.
    pub tokens: usize,
}

impl Context {
    /// Puts its messages before those of a request.
    pub fn begin(&self, request: &mut ChatRequest) {
        request.messages.splice(0..0, self.messages.iter().cloned());
    }
}

/// So much of a long message is the query; what was pasted into it says little about what matters.
const QUERY_BYTES: usize = 4096;
/// Before the text of a summary.
const EARLIER: &str = "What was said earlier in this conversation, in short:\n";

impl Conversation {
    /// What goes into the next request. What matters is recalled by the last words of the user. Live memories of this
    /// namespace that hold now are in it anyway where [their kind](crate::memory::Policy::in_context) says so, as many as fit
    /// into what is for memories.
    ///
    /// # Errors
    /// [`Error::Limit`] when the last message does not fit; else as the store and `recall` say.
    pub async fn context(
        self: &Arc<Self>,
        budget: &Budget,
        counter: &Arc<dyn CountTokens>,
        recall: Option<&dyn Recall>,
    ) -> Result<Context, Error> {
        let (this, counting, budget) = (Arc::clone(self), Arc::clone(counter), *budget);
        let (summary, window, mut recalled) = blocking(move || this.parts(&budget, &*counting)).await?;
        let query = window.said.iter().rev().find(|said| said.message.role == Role::User);
        let mut query = query.map(|said| codec::words(&said.message)).unwrap_or_default();
        codec::shorten(&mut query, QUERY_BYTES);
        recalled.extend(match recall {
            Some(recall) if !query.trim().is_empty() && budget.recall > 0 => {
                recall.recall(&query, budget.recall).await?
            }
            _ => Vec::new(),
        });
        // What is in the request anyway is not said twice.
        let there = window.pinned.iter().chain(&window.said).map(|said| said.id);
        let there: BTreeSet<Id> = there.chain(summary.iter().map(|summary| summary.id)).collect();
        let recollection = Recollection::new(&recalled, &there, budget.recall_tokens, &**counter);
        Ok(Context::new(summary, window, recollection, &**counter))
    }

    /// The summary, the window in what is left of the budget, and what belongs into each request.
    fn parts(
        &self,
        budget: &Budget,
        counter: &dyn CountTokens,
    ) -> Result<(Option<Summary>, Window, Vec<Recalled>), Error> {
        let summary = self.summary()?;
        let note = note(summary.as_ref(), None).map_or(0, |note| counter.message(&note));
        let reserved = note + budget.recall_tokens + 4;
        let Some(tokens) = budget.window.tokens.checked_sub(reserved) else {
            return Err(Error::limit("context", reserved, budget.window.tokens));
        };
        let window = self.window(&WindowConfig { tokens, ..budget.window }, counter)?;
        let standing = if budget.recall_tokens > 0 { self.standing()? } else { Vec::new() };
        Ok((summary, window, standing))
    }

    /// What belongs into each request, the most important first.
    fn standing(&self) -> Result<Vec<Recalled>, Error> {
        let now = self.settings.clock.now();
        let kinds = KINDS.into_iter().chain(self.settings.policies.keys().copied());
        let kinds: BTreeSet<Kind> = kinds.filter(|kind| self.settings.policy(*kind).in_context).collect();
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        let page = Page { order: Order::Importance, ..Page::default() };
        let filter = Filter::of(self.namespace.clone()).kinds(kinds).valid_at(now).page(page);
        let nodes = self.store.find(&filter, self.store.head()?)?;
        Ok(nodes.into_iter().map(|node| Recalled { score: node.importance.into(), node }).collect())
    }
}

impl Context {
    fn new(
        summary: Option<Summary>,
        window: Window,
        recollection: Recollection,
        counter: &dyn CountTokens,
    ) -> Self {
        let recalled = (!recollection.text.is_empty()).then_some(recollection.text.as_str());
        let said = |said: &super::Said| said.message.clone();
        let mut messages: Vec<Message> = window.pinned.iter().map(said).collect();
        messages.extend(note(summary.as_ref(), recalled));
        messages.extend(window.said.iter().map(said));
        let tokens = messages.iter().map(|message| counter.message(message)).sum();
        let covered = summary.as_ref().map_or(0, |summary| summary.covers);
        let missing = window.left.start.max(covered.saturating_add(1)).min(window.left.end)..window.left.end;
        Self { messages, recollection, summary, window, missing, tokens }
    }
}

/// One message of the system with what is not said by anybody.
fn note(summary: Option<&Summary>, recalled: Option<&str>) -> Option<Message> {
    let summary = summary.map(|summary| Part::text(format!("{EARLIER}{}", summary.text)));
    let parts: Vec<Part> = summary.into_iter().chain(recalled.map(Part::text)).collect();
    (!parts.is_empty()).then_some(Message { role: Role::System, name: None, parts })
}
