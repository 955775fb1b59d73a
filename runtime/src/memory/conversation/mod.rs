//! What was said in a conversation, and what of it and of all else goes into the next request.
//!
//! A [`Conversation`] is the episodes of one namespace: each message is a memory whose name says its place, so that two who
//! append at once cannot both be the next; `places` says which are taken. `codec` turns messages into contents and back
//! without loss, `window` says which of the last messages fit, `recall` brings other memories and cites them, `summary` keeps
//! the sense of what has left the window, `context` puts it all into a [`ChatRequest`](crate::chat::ChatRequest).

mod codec;
mod context;
mod names;
mod places;
mod recall;
mod summary;
mod window;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::store::{Commit, Seen, Store, Transaction};
use super::tokens::CountTokens;
use super::{Error, Id, Kind, MemoryDraft, MemoryNode, Namespace, Settings, Status, Timestamp, lineage};
use crate::chat::{Message, Role};
use crate::json::RawJson;

pub use context::{Budget, Context};
pub use recall::{ByQuery, ByVector, ByWords, Cited, Recall, Recalled, Recollection};
pub use summary::{Summarise, Summary};
pub use window::{Start, Window, WindowConfig};

/// How many messages are read at once.
const PAGE: u32 = 64;
/// How often appending begins again when others append, too. Who is overtaken was overtaken by a message that is there
/// now; on a server that may happen for as long as others go on, because who has lost begins a round trip later.
const ATTEMPTS: usize = 256;

/// A conversation in a store: the messages of one namespace.
#[derive(Debug)]
pub struct Conversation {
    store: Arc<dyn Store>,
    settings: Arc<Settings>,
    namespace: Namespace,
    /// The last message, as far as it is known. Held while messages are appended.
    last: Mutex<u32>,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Its place: 1, 2, 3 …
    pub order: u32,
    /// The memory that it is.
    pub id: Id,
    /// When it was appended.
    pub at: Timestamp,
    /// The message.
    pub message: Message,
}

impl Conversation {
    /// The conversation of a namespace, which it should have for itself.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(store: Arc<dyn Store>, settings: Arc<Settings>, namespace: Namespace) -> Result<Self, Error> {
        let last = places::taken(&*store, &namespace)?.last().copied().unwrap_or_default();
        Ok(Self { store, settings, namespace, last: Mutex::new(last) })
    }

    /// Whose it is.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The place of the last message; 0 if there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last(&self) -> Result<u32, Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.catch_up(&mut last)?;
        Ok(*last)
    }

    /// Counts what others have appended meanwhile.
    fn catch_up(&self, last: &mut u32) -> Result<(), Error> {
        loop {
            let found = self.nodes(*last + 1..last.saturating_add(1 + PAGE), self.store.head()?)?;
            let Some(furthest) = found.iter().filter_map(|node| self.order(node)).max() else {
                return Ok(());
            };
            *last = furthest;
        }
    }

    /// Appends messages, together; the places that they have. A message that is nothing but text is remembered as that,
    /// any other with all of its parts.
    ///
    /// # Errors
    /// When a message is larger than the store allows, has more results within results than could be read again, or has no
    /// place any more; or the store cannot be written. [`Error::Conflict`] when others have been faster hundreds of times in
    /// a row.
    pub fn append(&self, messages: &[Message]) -> Result<Range<u32>, Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 1..ATTEMPTS {
            match self.try_append(&mut last, messages) {
                Err(error) if error.is_conflict() => {}
                done => return done,
            }
        }
        self.try_append(&mut last, messages)
    }

    fn try_append(&self, last: &mut u32, messages: &[Message]) -> Result<Range<u32>, Error> {
        self.catch_up(last)?;
        let free = names::LAST - *last;
        let Some(count) = u32::try_from(messages.len()).ok().filter(|count| *count <= free) else {
            return Err(Error::limit("messages of a conversation", messages.len(), free as usize));
        };
        let places = *last + 1..*last + count + 1;
        let mut transaction = Transaction::begin(Arc::clone(&self.store), Arc::clone(&self.settings))?;
        for (order, message) in places.clone().zip(messages) {
            let draft = self.draft(order, message)?;
            // Read, so that it is a conflict when somebody else takes the place.
            if let Some(node) = transaction.get(names::message(&self.namespace, order))? {
                let found = Seen::Version(node.version);
                return Err(Error::Conflict { id: node.id, expected: Seen::Nothing, found });
            }
            transaction.add(draft)?;
        }
        if !messages.is_empty() {
            transaction.commit()?;
        }
        *last += count;
        Ok(places)
    }

    fn draft(&self, order: u32, message: &Message) -> Result<MemoryDraft, Error> {
        let content = codec::content(message, self.settings.limits.text_bytes)?;
        let draft = MemoryDraft::new(self.namespace.clone(), Kind::Episode, content)
            .id(names::message(&self.namespace, order))
            .metadata("role", RawJson::string(codec::role_name(message.role)));
        Ok(match &message.name {
            Some(name) => draft.metadata("name", RawJson::string(name)),
            None => draft,
        })
    }

    /// Messages by their places, in order. What is not live any more is left out.
    ///
    /// # Errors
    /// When the store cannot be read, or what is there is no message.
    pub fn read(&self, places: Range<u32>) -> Result<Vec<Said>, Error> {
        self.live(self.places(places)?, self.store.head()?)
    }

    fn live(&self, places: impl IntoIterator<Item = u32>, at: Commit) -> Result<Vec<Said>, Error> {
        let nodes = self.nodes(places, at)?;
        nodes.into_iter().filter(|node| node.status == Status::Live).map(|node| self.said(node)).collect()
    }

    fn nodes(&self, places: impl IntoIterator<Item = u32>, at: Commit) -> Result<Vec<MemoryNode>, Error> {
        let ids: Vec<Id> = places.into_iter().map(|order| names::message(&self.namespace, order)).collect();
        self.store.nodes(&ids, at)
    }

    fn order(&self, node: &MemoryNode) -> Option<u32> {
        names::order(&self.namespace, node.id)
    }

    fn said(&self, node: MemoryNode) -> Result<Said, Error> {
        let message = codec::message(&node)?;
        Ok(Said { order: self.order(&node).unwrap_or_default(), id: node.id, at: node.created, message })
    }

    /// Erases a message, and every memory that was concluded from it, summaries among them. How many were erased.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such message; else as [`Store::commit`].
    pub fn forget(&self, order: u32) -> Result<usize, Error> {
        let message = names::message(&self.namespace, order);
        let mut count = 0;
        // Until nothing is left: something may be concluded from it while it is erased, though not after.
        loop {
            let mut transaction = Transaction::begin(Arc::clone(&self.store), Arc::clone(&self.settings))?;
            let mut ids = lineage::derived(&*self.store, &[message], transaction.base())?;
            ids.push(message);
            let mut nodes = self.store.nodes(&ids, transaction.base())?;
            if nodes.last().is_none_or(|node| node.id != message) {
                return Err(Error::NotFound { id: message });
            }
            nodes.retain(|node| node.status != Status::Forgotten);
            if nodes.is_empty() {
                return Ok(count);
            }
            nodes.iter().for_each(|node| transaction.forget(node.id));
            transaction.commit()?;
            count += nodes.len();
        }
    }

    /// The messages of the system that the conversation begins with: instructions, which stay whatever leaves the window.
    /// That one of them was forgotten, or has ended, does not change the others.
    fn pinned(&self) -> Result<Vec<Said>, Error> {
        let (mut pinned, mut next, mut most) = (Vec::new(), 1_u32, 1);
        loop {
            // One by one: there is seldom more than one, and what follows may be large.
            let page = self.nodes(next..next.saturating_add(most), self.store.head()?)?;
            if page.is_empty() {
                return Ok(pinned);
            }
            for node in page {
                let role = codec::role(&node);
                // Of what is forgotten it is not known who said it.
                let is_instruction = role == Some(Role::System) || node.status == Status::Forgotten;
                if self.order(&node) != Some(next) || !is_instruction {
                    return Ok(pinned);
                }
                next += 1;
                if node.status == Status::Live {
                    pinned.push(self.said(node)?);
                } else {
                    // Many may be gone.
                    most = PAGE;
                }
            }
        }
    }

    /// As many of the last messages as fit, after the instructions that the conversation begins with. No tool call is cut
    /// from its result.
    ///
    /// # Errors
    /// [`Error::Limit`] when not even the last message fits, with what cannot be cut from it; or the store cannot be read.
    pub fn window(&self, config: &WindowConfig, counter: &dyn CountTokens) -> Result<Window, Error> {
        let pinned = self.pinned()?;
        let first = pinned.last().map_or(1, |said| said.order + 1);
        let mut pages = self.backwards(first..self.last()? + 1);
        let mut walk = window::Walk::new(config, counter, pinned)?;
        while !walk.is_full() {
            let Some(nodes) = pages.page()? else { break };
            for node in nodes.into_iter().rev().filter(|node| node.status == Status::Live) {
                if !walk.back(self.said(node)?) {
                    break;
                }
            }
        }
        walk.finish(first)
    }
}
