//! What models say that summarise, conclude, compare and judge: any text. It is refused, and nothing has changed; or what
//! is kept of it is what was asked for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use typewright_runtime::chat::{FinishReason, Message, Role};
use typewright_runtime::memory::asked::Asked;
use typewright_runtime::memory::cognition::committee::{Committee, Decision, Judge, Outcome, Quorum};
use typewright_runtime::memory::cognition::consolidation::Consolidation;
use typewright_runtime::memory::cognition::contradiction::Detection;
use typewright_runtime::memory::conversation::Conversation;
use typewright_runtime::memory::store::{Direction, Search, Store};
use typewright_runtime::memory::tokens::{CountTokens, Estimate};
use typewright_runtime::memory::{Error, Id, Kind, MemoryDraft, Namespace, RelationKind};
use typewright_runtime::model::AnyModel;

use super::{Room, done, ended};
use crate::memory::provider::chatting;

/// A model that says the same whatever it is asked.
fn model(says: &str, is_cut: bool) -> Arc<Asked<AnyModel>> {
    let (says, finish) = (says.to_owned(), if is_cut { FinishReason::Length } else { FinishReason::Stop });
    let client = chatting(move |_| (says.clone(), finish.clone()));
    Arc::new(Asked::new("invented:m", client.chat("m")))
}

/// The most conclusions, and the most tokens of a summary.
const MOST: usize = 3;
const TOKENS: usize = 60;

/// A model answers every question with a text, or with its beginning, if the choice is odd; the rest of the choice says
/// which question that is. Whether anything of it was taken.
pub fn answers(choice: u8, text: &str) -> bool {
    let Some(case) = Case::new(text, choice & 1 == 1) else { return false };
    let taken = done(async {
        match choice >> 1 & 3 {
            0 => case.summarised().await,
            1 => case.concluded().await,
            2 => case.compared().await,
            _ => case.judged().await,
        }
    });
    taken == Some(true)
}

/// Two episodes, a model, and where what it says is kept.
struct Case {
    room: Room,
    namespace: Namespace,
    episodes: Vec<Id>,
    model: Arc<Asked<AnyModel>>,
}

impl Case {
    fn new(says: &str, is_cut: bool) -> Option<Self> {
        let (room, namespace) = (Room::new()?, Namespace::new("a").ok()?);
        let mut transaction = room.transaction()?;
        let draft = |text: &str| MemoryDraft::new(namespace.clone(), Kind::Episode, text);
        let ids = ["Ada ate figs", "Ada ate no figs"].map(|text| transaction.add(draft(text)).ok());
        transaction.commit().ok()?;
        let episodes = ids.into_iter().collect::<Option<_>>()?;
        Some(Self { room, namespace, episodes, model: model(says, is_cut) })
    }

    /// Whether an answer was taken. If not, it was refused as such, and nothing was done.
    fn taken<T>(&self, tried: Result<T, Error>, before: u64) -> Option<T> {
        let found = ended(tried, &["Answer"]);
        let head = self.room.store.head().map(|head| head.0);
        assert!(found.is_some() || head.as_ref().is_ok_and(|head| *head == before), "{head:?}");
        found
    }

    fn head(&self) -> u64 {
        self.room.store.head().map(|head| head.0).unwrap_or_default()
    }

    async fn summarised(&self) -> bool {
        let (settings, namespace) = (Arc::clone(&self.room.settings), self.namespace.clone());
        let Ok(conversation) = Conversation::open(self.room.store(), settings, namespace) else {
            return false;
        };
        let conversation = Arc::new(conversation);
        let appended = conversation.append(&["figs?", "no"].map(|text| Message::text(Role::User, text)));
        assert!(appended.is_ok(), "{appended:?}");
        let before = self.head();
        let tried = conversation.summarise(2, &*self.model, TOKENS, &Estimate).await;
        let Some(Some(summary)) = self.taken(tried, before) else { return false };
        assert!(!summary.text.trim().is_empty() && Estimate.text(&summary.text) <= TOKENS, "{summary:?}");
        let kept = conversation.summary();
        assert!(kept.as_ref().is_ok_and(|kept| kept.as_ref() == Some(&summary)), "{kept:?} {summary:?}");
        true
    }

    async fn concluded(&self) -> bool {
        let (settings, namespace) = (Arc::clone(&self.room.settings), self.namespace.clone());
        let model = Arc::clone(&self.model) as _;
        let asked = Consolidation { store: self.room.store(), settings, namespace, model, most: MOST };
        let before = self.head();
        let Some(kept) = self.taken(asked.run(&self.episodes).await, before) else { return false };
        let nodes = self.room.store.head().and_then(|head| self.room.store.nodes(&kept, head));
        assert!(
            nodes.as_ref().is_ok_and(|nodes| nodes.len() == kept.len() && kept.len() <= MOST),
            "{nodes:?}"
        );
        for node in nodes.into_iter().flatten() {
            let sources = node.provenance.map(|provenance| provenance.derived_from).unwrap_or_default();
            assert!(
                !sources.is_empty() && sources.iter().all(|id| self.episodes.contains(id)),
                "{sources:?}"
            );
            assert!((0.0..=1.0).contains(&node.importance) && !node.content.words().trim().is_empty());
        }
        !kept.is_empty()
    }

    async fn compared(&self) -> bool {
        let (settings, judge) = (Arc::clone(&self.room.settings), Arc::clone(&self.model) as _);
        let (store, search) = (self.room.store(), Search::Exact);
        let asked = Detection { store, settings, judge, least: 0.0, most: MOST, confidence: 0.5, search };
        let before = self.head();
        let Some(kept) = self.taken(asked.run(self.episodes[0]).await, before) else { return false };
        let kinds = [RelationKind::Contradicts];
        let store = &self.room.store;
        let there =
            store.head().and_then(|head| store.relations(&self.episodes, &kinds, Direction::Out, head));
        let there = there.unwrap_or_default();
        let names: BTreeSet<Id> = there.iter().map(|one| one.id).collect();
        assert_eq!(names, kept.iter().copied().collect());
        assert!(there.iter().all(|one| (0.5..=1.0).contains(&one.weight)), "{there:?}");
        !kept.is_empty()
    }

    async fn judged(&self) -> bool {
        let quorum = Quorum { votes: 2, agreement: 0.5 };
        let said = self.committee::<String>().decide("figs?", &quorum).await;
        check(&said, |said| !said.is_empty() && said.trim() == said);
        let scored = self.committee::<f64>().score("figs?", 2, 0.1).await;
        check(&scored, |score| (0.0..=1.0).contains(score));
        matches!(said.outcome, Outcome::Agreed(_)) || matches!(scored.outcome, Outcome::Agreed(_))
    }

    /// A committee of one who is asked thrice.
    fn committee<V>(&self) -> Committee<str, V>
    where
        Asked<AnyModel>: Judge<str, V>,
    {
        let judge = || Arc::clone(&self.model) as Arc<dyn Judge<str, V>>;
        Committee { judges: vec![judge(), judge(), judge()], patience: Duration::from_secs(60), at_once: 3 }
    }
}

/// Who says the same thrice agrees, and nobody says anything else.
fn check<V: std::fmt::Debug>(decision: &Decision<V>, is_fit: impl Fn(&V) -> bool) {
    match &decision.outcome {
        Outcome::Agreed(said) => assert!(is_fit(said), "{decision:?}"),
        other => assert!(matches!(other, Outcome::TooFew), "{decision:?}"),
    }
    assert!(decision.dissent.is_empty() && decision.ballots.len() == 3, "{decision:?}");
}
