//! Forgetting curves: how much of a memory is left when it is not used. They decide what might expire, and nothing else:
//! what expires is kept and can be found, and nothing is erased because it is old.

use std::time::Duration;

use crate::memory::store::Transaction;
use crate::memory::{Error, Id, MemoryNode, Policy, Settings, Status, Timestamp};

/// Ebbinghaus' curve as MemoryBank has it: `R = e^(-t/S)`, where the strength S is 1 and grows by 1 with each recall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    /// What t is counted in: after so long without any recall, 1/e is left.
    pub unit: Duration,
    /// What is left less than this might expire.
    pub least: f64,
    /// What is at least this important never does.
    pub important: f32,
}

/// A memory that might expire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fading {
    /// Which.
    pub id: Id,
    /// What is left of it: 0 to 1.
    pub retention: f64,
}

impl Default for Curve {
    fn default() -> Self {
        Self { unit: Duration::from_secs(24 * 60 * 60), least: 0.05, important: 0.8 }
    }
}

impl Curve {
    /// What is left of a memory.
    pub fn retention(&self, node: &MemoryNode, now: Timestamp) -> f64 {
        let units = now.since(node.last_access).as_secs_f64() / self.unit.as_secs_f64();
        let strength = 1.0 + node.accesses as f64;
        (-units / strength).exp()
    }

    /// Live memories that might expire, those of which least is left first, equal ones by name. Kinds that do not fade never
    /// do: those whose policy has no half-life.
    pub fn fading(&self, nodes: &[MemoryNode], settings: &Settings, now: Timestamp) -> Vec<Fading> {
        let fades = |policy: Policy| policy.half_life.is_some();
        let may = |node: &&MemoryNode| {
            node.status == Status::Live
                && node.importance < self.important
                && fades(settings.policy(node.kind))
        };
        let told = |node: &MemoryNode| Fading { id: node.id, retention: self.retention(node, now) };
        let mut found: Vec<Fading> = nodes.iter().filter(may).map(told).collect();
        found.retain(|one| one.retention < self.least);
        found.sort_by(|a, b| a.retention.total_cmp(&b.retention).then(a.id.cmp(&b.id)));
        found
    }

    /// Ends those of these memories whose time is over by this curve, as the transaction sees them. Which.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn expire(
        &self,
        transaction: &mut Transaction,
        ids: &[Id],
        settings: &Settings,
    ) -> Result<Vec<Id>, Error> {
        let mut nodes = Vec::new();
        for id in ids {
            nodes.extend(transaction.get(*id)?);
        }
        let ended: Vec<Id> =
            self.fading(&nodes, settings, settings.clock.now()).into_iter().map(|one| one.id).collect();
        ended.iter().try_for_each(|id| transaction.expire(*id))?;
        Ok(ended)
    }
}
