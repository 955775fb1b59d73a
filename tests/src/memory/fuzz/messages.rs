//! What stands where a conversation has its messages and summaries: any content, and anything kept with it. It is read, or
//! refused; what is read can be said again.

use std::sync::{Arc, OnceLock};

use typewright_runtime::chat::{Message, Role};
use typewright_runtime::json::RawJson;
use typewright_runtime::memory::content::{Blob, Media};
use typewright_runtime::memory::conversation::{
    Budget, ByWords, Conversation, Said, Start, Summarise, WindowConfig,
};
use typewright_runtime::memory::store::Filter;
use typewright_runtime::memory::tokens::{CountTokens, Estimate};
use typewright_runtime::memory::{Content, Error, Id, Kind, MemoryDraft, Namespace, Pending};

use super::{Room, done, ended};

const MIME: &str = "application/vnd.typewright.message+json";
/// The last place of a conversation.
const LAST: u32 = u32::MAX - 1;
/// How what is no message, or does not fit, is refused.
const MAY: [&str; 2] = ["Invalid", "Limit"];

/// Puts memories where a conversation has its messages, as many as there are zeros in `bytes` and one; the choice says at
/// which places, and whether a summary is there, too. The first byte of each says what it is, and who says it. Whether all
/// of them were read.
pub fn messages(choice: u8, bytes: &[u8]) -> bool {
    let (Some(room), Some((message, summary))) = (Room::new(), names()) else { return false };
    let Ok(namespace) = namespace() else { return false };
    let mut added = Vec::new();
    for (at, bytes) in (0..).zip(bytes.split(|byte| *byte == 0).take(5)) {
        let place = place(choice, at);
        let id = Id::from_u128(message.as_u128() & !0xffff_ffff | u128::from(place));
        let Some(draft) = bytes.split_first().and_then(|(how, bytes)| draft(*how, bytes)) else { continue };
        // What has the name of a message and is none stays out of everything.
        let is_message = draft.kind == Kind::Episode;
        if room.add(draft.id(id)) && is_message {
            added.push(place);
        }
    }
    if choice & 0x80 > 0 {
        room.add(standing_for(choice, bytes, namespace.clone()).id(*summary));
    }
    let opened = Conversation::open(room.store(), Arc::clone(&room.settings), namespace);
    assert!(opened.is_ok(), "{opened:?}");
    opened.is_ok_and(|conversation| held(&room, &Arc::new(conversation), &added))
}

fn namespace() -> Result<Namespace, Error> {
    Namespace::new("fuzz")
}

/// The names of the first message and the first summary of the conversation, from which those of others follow.
fn names() -> Option<&'static (Id, Id)> {
    static NAMES: OnceLock<Option<(Id, Id)>> = OnceLock::new();
    let find = || {
        let room = Room::new()?;
        let conversation = Arc::new(room.conversation(namespace().ok()?)?);
        conversation.append(&[Message::text(Role::User, "x")]).ok()?;
        let id = conversation.read(1..2).ok()?.first()?.id;
        let summary = done(conversation.summarise(1, &Says, 9, &Estimate))?.ok()??;
        Some((id, summary.id))
    };
    let names = NAMES.get_or_init(find);
    assert!(names.is_some(), "no conversation could be held");
    names.as_ref()
}

impl Room {
    fn conversation(&self, namespace: Namespace) -> Option<Conversation> {
        Conversation::open(self.store(), Arc::clone(&self.settings), namespace).ok()
    }

    /// Whether the store takes it.
    fn add(&self, draft: MemoryDraft) -> bool {
        let Some(mut transaction) = self.transaction() else { return false };
        transaction.add(draft).and_then(|_| transaction.commit()).is_ok()
    }
}

fn place(choice: u8, at: u32) -> u32 {
    match choice % 4 {
        0 => at + 1,
        1 => 2 * at + 1,
        2 => LAST - at,
        _ => 1 + at * 700_000_000,
    }
}

/// A memory of any content that somebody says.
fn draft(how: u8, bytes: &[u8]) -> Option<MemoryDraft> {
    let text = String::from_utf8_lossy(bytes);
    let mime = if how & 3 == 3 { "text/plain" } else { MIME };
    let content = match how & 3 {
        0 => Content::text(text),
        1 => Content::Json(RawJson::new(text).ok()?),
        _ => {
            let (bytes, mime) = (bytes.to_vec().into(), mime.to_owned());
            Content::Blob(Blob { media: Media::Document, mime, bytes, caption: None })
        }
    };
    let kind = if how & 0xe0 == 0xe0 { Kind::Fact } else { Kind::Episode };
    let draft = MemoryDraft::new(namespace().ok()?, kind, content).metadata("name", said(how >> 5)?);
    let role = match how >> 2 & 7 {
        0 | 1 => RawJson::string("user"),
        2 => RawJson::string("assistant"),
        3 => RawJson::string("tool"),
        4 => RawJson::string("system"),
        5 => RawJson::new("[\"user\"]").ok()?,
        6 => RawJson::new(String::from_utf8_lossy(bytes)).ok()?,
        _ => return Some(draft),
    };
    Some(draft.metadata("role", role))
}

/// What a name can be.
fn said(how: u8) -> Option<RawJson> {
    let text = ["\"ada\"", "null", "7", "\"\\ud800\"", "{}", "\"\"", "\"\\u0000\"", "1e999"];
    RawJson::new(text[usize::from(how % 8)]).ok()
}

/// A summary of whatever.
fn standing_for(choice: u8, bytes: &[u8], namespace: Namespace) -> MemoryDraft {
    let places = ["1", "0", "4294967295", "4294967296", "-1", "\"1\"", "1e0", "3"];
    let covers = RawJson::new(places[usize::from(choice >> 2 & 7)]);
    let text = String::from_utf8_lossy(bytes).into_owned();
    let draft = MemoryDraft::new(namespace, Kind::Contextual, format!("s{text}"));
    covers.into_iter().fold(draft, |draft, covers| draft.metadata("covers", covers))
}

#[derive(Debug)]
struct Says;

impl Summarise for Says {
    fn name(&self) -> &str {
        "says"
    }

    fn summarise<'a>(&'a self, _: Option<&'a str>, _: &'a [Said], _: usize) -> Pending<'a, String> {
        Box::pin(async { Ok("in short".to_owned()) })
    }
}

/// Does with a conversation all that can be done. Whether all of it was read.
fn held(room: &Room, conversation: &Arc<Conversation>, added: &[u32]) -> bool {
    let last = ended(conversation.last(), &[]);
    assert!(last >= added.iter().copied().max(), "{last:?} {added:?}");
    let read = ended(conversation.read(0..u32::MAX), &MAY);
    if let Some(read) = &read {
        said_again(room, read);
    }
    for start in [Start::User, Start::Anywhere] {
        let config = WindowConfig { tokens: 2000, messages: 3, start };
        in_context(room, conversation, config);
    }
    ended(conversation.summary(), &[]);
    let summarised = done(conversation.summarise(LAST, &Says, 9, &Estimate));
    summarised.map(|summarised| ended(summarised, &MAY));
    // After the last place there is none.
    let appended = ended(conversation.append(&[Message::text(Role::User, "x")]), &MAY);
    assert!(appended.is_some() || last == Some(LAST), "{last:?}");
    for place in added {
        ended(conversation.forget(*place), &[]);
    }
    let left = ended(conversation.read(0..u32::MAX), &[]);
    assert!(left.is_some_and(|left| left.len() == usize::from(appended.is_some())));
    read.is_some_and(|read| !read.is_empty() && read.len() == added.len())
}

fn in_context(room: &Room, conversation: &Arc<Conversation>, window: WindowConfig) {
    let budget = Budget { window, recall_tokens: 500, recall: 4 };
    let filter = Filter::of(conversation.namespace().clone());
    let recall = ByWords { store: room.store(), filter };
    let counter: Arc<dyn CountTokens> = Arc::new(Estimate);
    let context = done(conversation.context(&budget, &counter, Some(&recall)));
    if let Some(context) = context.and_then(|context| ended(context, &MAY)) {
        assert!(context.tokens <= window.tokens && context.window.said.len() <= 3, "{context:?}");
    }
}

/// What was read can be said in another conversation, and is the same there.
fn said_again(room: &Room, read: &[Said]) {
    let Some(other) = Namespace::new("again").ok().and_then(|space| room.conversation(space)) else { return };
    let messages: Vec<Message> = read.iter().map(|said| said.message.clone()).collect();
    if ended(other.append(&messages), &["Limit"]).is_some() {
        let again = other.read(1..u32::MAX);
        let again = again.map(|again| again.into_iter().map(|said| said.message).collect::<Vec<_>>());
        assert!(again.as_ref().is_ok_and(|again| *again == messages), "{again:?} {messages:?}");
    }
}
