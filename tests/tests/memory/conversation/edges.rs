//! What a conversation has to bear: questions without words, places far away, instructions that go, results within results.

use std::sync::Arc;

use typewright_runtime::chat::{Citation, Message, Part, Role, Text, ToolResult};
use typewright_runtime::json::RawJson;
use typewright_runtime::memory::conversation::{Budget, ByQuery, Conversation, Recall, Start};
use typewright_runtime::memory::embed::{self, Embedder};
use typewright_runtime::memory::recall::{Query, Strategy};
use typewright_runtime::memory::tokens::CountTokens;
use typewright_runtime::memory::{Error, Id, Kind, MemoryDraft, Namespace};

use super::{Bytes, Counts, Room, assistant, config, orders, remember, room, user};
use crate::embed::Letters;
use crate::store::{Engine, on_each_store};

on_each_store!(
    an_instruction_that_goes_leaves_the_others_where_they_are,
    what_could_not_be_read_again_is_refused;
    async a_question_without_words_recalls_nothing,
    places_far_away_are_reached_and_not_walked_to
);

fn by_query(room: &Room, embedder: Option<Arc<Embedder>>) -> ByQuery {
    let (store, settings) = (Arc::clone(&room.store), Arc::clone(&room.settings));
    let query = Query::new(Namespace::new("a/facts").unwrap(), 1);
    ByQuery { store, settings, planner: Arc::default(), query, embedder }
}

async fn a_question_without_words_recalls_nothing(on: Engine) {
    let room = room(on);
    let facts = remember(&room, &[("Ada likes figs", Kind::Fact), ("Bob likes plums", Kind::Fact)]);
    let counter: Arc<dyn CountTokens> = Arc::new(Bytes);
    let model = Arc::new(Letters::default());
    let embedder = Arc::new(Embedder::new(model.clone(), embed::Config::default()));
    let (plain, near) = (by_query(&room, None), by_query(&room, Some(embedder)));
    let budget = |recall| Budget { window: config(1000, Start::User), recall_tokens: 500, recall };
    let conversation = room.conversation("a/s1");
    for said in ["\u{1f44d}", "?", " \n "] {
        conversation.append(&[user(said)]).unwrap();
        let context = conversation.context(&budget(5), &counter, Some(&plain)).await.unwrap();
        assert!(context.recollection.cited.is_empty(), "{said:?}");
        assert_eq!(context.messages.last().unwrap(), &user(said));
    }
    // It has a vector all the same.
    conversation.append(&[user("?")]).unwrap();
    let context = conversation.context(&budget(5), &counter, Some(&near)).await.unwrap();
    assert_eq!(context.recollection.cited.len(), 2);
    // More than can be asked for is as much as can be; of none nobody is asked.
    conversation.append(&[user("who likes figs")]).unwrap();
    let context = conversation.context(&budget(5000), &counter, Some(&plain)).await.unwrap();
    assert_eq!(context.recollection.cited[0].id, facts[0]);
    let asked = model.asked.lock().unwrap().len();
    let context = conversation.context(&budget(0), &counter, Some(&near)).await.unwrap();
    assert!(context.recollection.cited.is_empty());
    assert!(near.recall("who likes figs", 0).await.unwrap().is_empty());
    assert_eq!(model.asked.lock().unwrap().len(), asked);
    // What its strategy cannot ask by these words is nothing; a vector that nobody makes is a mistake.
    let of = |strategy| ByQuery { query: plain.query.clone().strategy(strategy), ..plain.clone() };
    for strategy in [Strategy::ExactId, Strategy::Temporal] {
        assert!(of(strategy).recall("who likes figs", 5).await.unwrap().is_empty(), "{strategy:?}");
    }
    let mistake = of(Strategy::Vector).recall("who likes figs", 5).await;
    assert!(matches!(mistake, Err(Error::Invalid { .. })), "{mistake:?}");
}

/// Stores a message at a place of a conversation that has a first one, as an import would.
fn import(room: &Room, conversation: &Conversation, place: u32, text: &str) {
    let first = conversation.read(1..2).unwrap()[0].id;
    let id = Id::from_u128(first.as_u128() - 1 + u128::from(place));
    let draft = MemoryDraft::new(conversation.namespace().clone(), Kind::Episode, text);
    let mut transaction = room.begin();
    transaction.add(draft.id(id).metadata("role", RawJson::string("user"))).unwrap();
    transaction.commit().unwrap();
}

async fn places_far_away_are_reached_and_not_walked_to(on: Engine) {
    const FAR: u32 = 3_000_000_000;
    let room = room(on);
    let all = config(1000, Start::Anywhere);
    let conversation = room.conversation("a/s1");
    conversation.append(&[user("one"), assistant("two")]).unwrap();
    import(&room, &conversation, FAR, "far");
    import(&room, &conversation, 5000, "near");
    let conversation = room.conversation("a/s1");
    assert_eq!(conversation.last().unwrap(), FAR);
    assert_eq!(orders(&conversation.window(&all, &Bytes).unwrap().said), [1, 2, 5000, FAR]);
    assert_eq!(orders(&conversation.read(1..u32::MAX).unwrap()), [1, 2, 5000, FAR]);
    assert_eq!(orders(&conversation.read(3..FAR).unwrap()), [5000]);
    assert_eq!(conversation.append(&[user("next")]).unwrap(), FAR + 1..FAR + 2);
    let model = Counts::default();
    let summary = conversation.summarise(u32::MAX, &model, 10, &Bytes).await.unwrap().unwrap();
    assert_eq!((summary.covers, summary.text.as_str()), (FAR + 1, "5 "));
    // Of ranges the end is not a part: the last number is no place, and the one before is the last.
    import(&room, &conversation, u32::MAX, "no place");
    let conversation = room.conversation("a/s1");
    assert_eq!(conversation.last().unwrap(), FAR + 1);
    import(&room, &conversation, u32::MAX - 1, "last");
    let conversation = room.conversation("a/s1");
    assert_eq!(conversation.last().unwrap(), u32::MAX - 1);
    let full = conversation.append(&[user("one more")]);
    assert!(matches!(full, Err(Error::Limit { most: 0, .. })), "{full:?}");
    assert_eq!(conversation.append(&[]).unwrap(), u32::MAX..u32::MAX);
    let window = conversation.window(&all, &Bytes).unwrap();
    assert_eq!(orders(&window.said), [1, 2, 5000, FAR, FAR + 1, u32::MAX - 1]);
    let summary = conversation.summarise(u32::MAX, &model, 10, &Bytes).await.unwrap().unwrap();
    assert_eq!((summary.covers, summary.text.as_str()), (u32::MAX - 1, "5 1 "));
}

fn an_instruction_that_goes_leaves_the_others_where_they_are(on: Engine) {
    let room = room(on);
    let system = |text: &str| Message::text(Role::System, text);
    let pinned = |conversation: &Conversation| {
        orders(&conversation.window(&config(4, Start::Anywhere), &Bytes).unwrap().pinned)
    };
    let conversation = room.conversation("a/s1");
    conversation.append(&[system("a"), system("b"), system("c"), user("u"), system("d"), user("v")]).unwrap();
    assert_eq!(pinned(&conversation), [1, 2, 3]);
    conversation.forget(1).unwrap();
    assert_eq!(pinned(&conversation), [2, 3]);
    conversation.forget(3).unwrap();
    assert_eq!(pinned(&conversation), [2]);
    // Many of them, and one that has ended.
    let conversation = room.conversation("a/s2");
    let many: Vec<Message> = (0..80).map(|_| system("a")).collect();
    conversation.append(&many).unwrap();
    conversation.append(&[system("b"), system("c"), user("u")]).unwrap();
    for place in 1..=80 {
        conversation.forget(place).unwrap();
    }
    let ended = conversation.read(81..82).unwrap()[0].id;
    let mut transaction = room.begin();
    transaction.expire(ended).unwrap();
    transaction.commit().unwrap();
    assert_eq!(pinned(&conversation), [82]);
    // A user who has ended was no instruction.
    let conversation = room.conversation("a/s3");
    conversation.append(&[user("u"), system("a"), user("v")]).unwrap();
    let ended = conversation.read(1..2).unwrap()[0].id;
    let mut transaction = room.begin();
    transaction.expire(ended).unwrap();
    transaction.commit().unwrap();
    assert!(pinned(&conversation).is_empty());
}

/// Results within results, and in the innermost what is deepest of all parts.
fn nested(levels: usize) -> Message {
    let raw = RawJson::new("{}").unwrap();
    let citation = Citation { url: None, title: None, start: None, end: None, raw };
    let text = Text { text: "t".to_owned(), citations: vec![citation], ..Text::default() };
    let mut part = Part::Text(text);
    for _ in 0..levels {
        part = Part::ToolResult(ToolResult { content: vec![part], ..ToolResult::default() });
    }
    Message { role: Role::Tool, name: None, parts: vec![part] }
}

fn what_could_not_be_read_again_is_refused(on: Engine) {
    let room = room(on);
    let conversation = room.conversation("a/s1");
    let mut kept = Vec::new();
    for levels in [0, 1, 2, 30, 38, 39, 40, 41, 42, 43, 60, 500] {
        let message = nested(levels);
        match conversation.append(std::slice::from_ref(&message)) {
            Ok(_) => kept.push((levels, message)),
            Err(error) => assert!(levels > 40 && matches!(error, Error::Limit { .. }), "{levels}: {error:?}"),
        }
    }
    assert_eq!(kept.iter().map(|(levels, _)| *levels).collect::<Vec<_>>(), [0, 1, 2, 30, 38, 39, 40]);
    let read = conversation.read(1..100).unwrap();
    let read: Vec<_> = read.into_iter().map(|said| said.message).collect();
    assert_eq!(read, kept.into_iter().map(|(_, message)| message).collect::<Vec<_>>());
}
