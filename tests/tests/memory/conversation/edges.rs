//! What a conversation has to bear: questions without words, places far away, instructions that go, results within results.

use std::sync::Arc;
use std::time::Duration;

use typewright_runtime::chat::{Citation, Message, Part, Role, Text, ToolResult};
use typewright_runtime::json::RawJson;
use typewright_runtime::memory::conversation::{Budget, ByQuery, ByVector, Conversation, Recall, Start};
use typewright_runtime::memory::embed::{self, Batching, Embedder};
use typewright_runtime::memory::recall::{Query, Strategy};
use typewright_runtime::memory::store::{Filter, Search};
use typewright_runtime::memory::tokens::CountTokens;
use typewright_runtime::memory::{
    Clock, Error, Id, Interval, Kind, MemoryDraft, Namespace, Policy, Random, Settings,
};

use super::{Bytes, Counts, Room, assistant, config, orders, remember, room, user};
use crate::embed::Letters;
use crate::store::{Engine, on_each_store};

on_each_store!(
    an_instruction_that_goes_leaves_the_others_where_they_are,
    what_could_not_be_read_again_is_refused;
    async a_question_without_words_recalls_nothing,
    what_belongs_into_each_request_is_there_and_cited,
    what_was_recalled_is_judged_again,
    places_far_away_are_reached_and_not_walked_to
);

fn by_query(room: &Room, embedder: Option<Arc<Embedder>>) -> ByQuery {
    let (store, settings) = (Arc::clone(&room.store), Arc::clone(&room.settings));
    let query = Query::new(Namespace::new("a/facts").unwrap(), 1);
    ByQuery { store, settings, planner: Arc::default(), query, embedder, reranker: None }
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
    let (store, filter) = (Arc::clone(&room.store), Filter::of(Namespace::new("a/facts").unwrap()));
    let embedder = Arc::new(Embedder::new(model.clone(), embed::Config::default()));
    let by_vector = ByVector { store, filter, embedder, search: Search::Exact };
    assert_eq!(by_vector.recall("who likes figs", usize::MAX).await.unwrap().len(), 2);
    // Of what is too long for a model the beginning is asked.
    let batching = Batching { tokens: 4, ..Batching::default() };
    let short = Embedder::new(model.clone(), embed::Config { batching, ..embed::Config::default() });
    let near = by_query(&room, Some(Arc::new(short)));
    conversation.append(&[user("who likes figs, and why? \u{1f44d}")]).unwrap();
    let context = conversation.context(&budget(5), &counter, Some(&near)).await.unwrap();
    assert_eq!(context.recollection.cited.len(), 2);
    assert_eq!(*model.asked.lock().unwrap().last().unwrap(), ["who likes f"]);
    // What its strategy cannot ask by these words is nothing; a vector that nobody makes is a mistake.
    let of = |strategy| ByQuery { query: plain.query.clone().strategy(strategy), ..plain.clone() };
    for strategy in [Strategy::ExactId, Strategy::Temporal] {
        assert!(of(strategy).recall("who likes figs", 5).await.unwrap().is_empty(), "{strategy:?}");
    }
    let mistake = of(Strategy::Vector).recall("who likes figs", 5).await;
    assert!(matches!(mistake, Err(Error::Invalid { .. })), "{mistake:?}");
}

async fn what_was_recalled_is_judged_again(on: Engine) {
    let room = room(on);
    remember(&room, &[("Ada likes figs", Kind::Fact), ("Bob likes plums", Kind::Fact)]);
    let plain = by_query(&room, None);
    let texts = async |by: &ByQuery| {
        let found = by.recall("who likes what", 2).await.unwrap();
        found.iter().map(|found| found.node.content.words().into_owned()).collect::<Vec<_>>()
    };
    let before = texts(&plain).await;
    let last = before[1].clone();
    let judge = move |query: &str, documents: &[&str]| {
        assert_eq!((query, documents.len()), ("who likes what", 2));
        Ok(documents.iter().map(|text| if *text == last { 0.9 } else { 0.1 }).collect::<Vec<f64>>())
    };
    let judged = ByQuery { reranker: Some(Arc::new(judge)), ..plain };
    assert_eq!(texts(&judged).await, [before[1].clone(), before[0].clone()]);
    let fails = |_: &str, _: &[&str]| Err(Error::model("judge", "no line"));
    let failed = ByQuery { reranker: Some(Arc::new(fails)), ..judged }.recall("who likes what", 2).await;
    assert!(matches!(failed, Err(Error::Model { .. })), "{failed:?}");
}

async fn what_belongs_into_each_request_is_there_and_cited(on: Engine) {
    let room = room(on);
    let facts = remember(&room, &[("Ada likes figs", Kind::Fact)]);
    let counter: Arc<dyn CountTokens> = Arc::new(Bytes);
    let recall = by_query(&room, None);
    let conversation = room.conversation("a/s1");
    conversation.append(&[user("who likes figs")]).unwrap();
    let of = |space: &str, kind, text: &str, importance| {
        MemoryDraft::new(Namespace::new(space).unwrap(), kind, text).importance(importance)
    };
    let mut transaction = room.begin();
    let mut add = |draft| transaction.add(draft).unwrap();
    let rule = add(of("a/s1", Kind::Procedural, "answer in French", 0.4));
    let note = add(of("a/s1", Kind::Working, "the third step is done", 0.9));
    // Of another kind, of another conversation, over in the world, and over in a day.
    let fact = add(of("a/s1", Kind::Fact, "it rains", 1.0));
    add(of("a/s2", Kind::Working, "the first step is done", 1.0));
    let now = room.clock.now();
    let over = Interval { from: None, to: Some(now) };
    add(of("a/s1", Kind::Working, "the second step is done", 1.0).valid(over));
    transaction.commit().unwrap();
    let budget = Budget { window: config(1000, Start::User), recall_tokens: 800, recall: 5 };
    let cited = async |conversation: &Arc<Conversation>, budget: &Budget, recall: Option<&dyn Recall>| {
        let context = conversation.context(budget, &counter, recall).await.unwrap();
        assert!(context.tokens <= budget.window.tokens);
        context.recollection.cited.iter().map(|cited| cited.id).collect::<Vec<_>>()
    };
    assert_eq!(cited(&conversation, &budget, Some(&recall)).await, [note, rule, facts[0]]);
    assert_eq!(cited(&conversation, &budget, None).await, [note, rule], "whatever is recalled");
    let context = conversation.context(&budget, &counter, None).await.unwrap();
    let text = &context.recollection.text[context.recollection.cited[0].range.clone()];
    assert_eq!(text, "[m1] working, 2026-01-01: the third step is done");
    // What takes too much is passed over, and what comes after may fit.
    let first = Bytes.text(&context.recollection.text[..context.recollection.cited[0].range.end]);
    let small = Budget { recall_tokens: first - 1, ..budget };
    assert_eq!(cited(&conversation, &small, None).await, [rule]);
    assert!(cited(&conversation, &Budget { recall_tokens: 0, ..budget }, None).await.is_empty());
    // After its lifetime, though nobody has ended it.
    room.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(cited(&conversation, &budget, None).await, [rule]);
    // The policies of the store say which kinds.
    let mut settings = Settings::new(Arc::clone(&room.clock) as Arc<dyn Clock>, Random::new(2));
    let policy = |kind: Kind, in_context| (kind, Policy { in_context, ..kind.policy() });
    settings.policies.extend([policy(Kind::Procedural, false), policy(Kind::Fact, true)]);
    let (store, space) = (Arc::clone(&room.store), conversation.namespace().clone());
    let conversation = Arc::new(Conversation::open(store, Arc::new(settings), space).unwrap());
    assert_eq!(cited(&conversation, &budget, None).await, [fact]);
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
