//! Lowering policies: the closed set of transformations that no shape can say.

use super::Lower;
use crate::diagnostic::Diagnostic;
use crate::dialect::ast::Spanned;
use crate::ir::encode::{Policies, Step};
use crate::source::{Node, Value};

/// A policy: its name and its values, each with the runtime's name of it. The first is the default.
type Policy = (&'static str, &'static [(&'static str, &'static str)]);

/// Policies with a closed list of values. Those without a field in the runtime have values that are all the same there:
/// a medium that has no row is refused by name whatever `media` says, and schemas pass through.
const POLICIES: &[Policy] = &[
    ("system", &[("inline", "Inline"), ("hoist", "Hoist")]),
    ("roles", &[("as_is", "AsIs"), ("alternate", "Alternate")]),
    ("tool_results", &[("message", "Message"), ("user_first", "UserFirst")]),
    ("tool_ids", &[("provider", "Provider"), ("optional", "Optional")]),
    ("schema", &[("passthrough", "")]),
    ("media", &[("inline", ""), ("inline_only", "")]),
];

const REPLAY: &[Policy] = &[
    ("reasoning", &[("never", "Never"), ("verbatim", "Verbatim"), ("field", "Field")]),
    ("foreign", &[("drop", "")]),
];

/// Policies that are not in the tables above.
const OTHERS: &[&str] = &["replay", "cache_breakpoints"];

impl Lower<'_> {
    /// The policies of the operation, or of `chat` for an operation that borrows its tables.
    pub(super) fn policies(&mut self) -> Policies {
        let op = self.chat.filter(|_| self.op.policies.is_empty()).unwrap_or(self.op);
        for (name, node) in &op.policies {
            self.check_policy(name, node);
        }
        let value =
            |name: &str| op.policies.iter().find(|(known, _)| known.value == name).map(|(_, node)| node);
        let replay = value("replay").and_then(|replay| replay.get("reasoning"));
        Policies {
            system: chosen(POLICIES, "system", value("system")),
            roles: chosen(POLICIES, "roles", value("roles")),
            tool_results: chosen(POLICIES, "tool_results", value("tool_results")),
            tool_ids: chosen(POLICIES, "tool_ids", value("tool_ids")),
            replay_reasoning: chosen(REPLAY, "reasoning", replay),
        }
    }

    fn check_policy(&mut self, name: &Spanned<String>, node: &Node) {
        if let Some(policy) = POLICIES.iter().find(|(known, _)| *known == name.value) {
            return self.check_value(policy, node);
        }
        match name.value.as_str() {
            "cache_breakpoints" => self.check_count(node),
            "replay" => self.check_replay(node),
            other => self.report(
                Diagnostic::error("TW0514", name.span, format!("there is no policy `{other}`"))
                    .label("unknown policy")
                    .note("policies are a closed set; what a shape can say is no policy")
                    .suggest(other, POLICIES.iter().map(|(name, _)| *name).chain(OTHERS.iter().copied())),
            ),
        }
    }

    fn check_value(&mut self, policy: &Policy, node: &Node) {
        let (name, values) = policy;
        let word = node.as_str().unwrap_or_default();
        if values.iter().any(|(value, _)| *value == word) {
            return;
        }
        self.report(
            Diagnostic::error("TW0514", node.span, format!("`{name}` cannot be `{word}`"))
                .label("unknown value")
                .suggest(word, values.iter().map(|(value, _)| *value)),
        );
    }

    fn check_replay(&mut self, node: &Node) {
        for entry in node.as_map().unwrap_or_default() {
            match REPLAY.iter().find(|(known, _)| *known == entry.key) {
                Some(policy) => self.check_value(policy, &entry.value),
                None => self.report(
                    Diagnostic::error("TW0514", entry.key_span, format!("`replay` has no `{}`", entry.key))
                        .label("unknown")
                        .suggest(&entry.key, REPLAY.iter().map(|(name, _)| *name)),
                ),
            }
        }
        if node.as_map().is_none() {
            let problem =
                Diagnostic::error("TW0514", node.span, format!("`replay` is a mapping, not {}", node.kind()));
            self.report(problem.label("should be a mapping").help("write `replay: {reasoning: verbatim}`"));
        }
    }

    fn check_count(&mut self, node: &Node) {
        if count(node).is_none() {
            let problem = Diagnostic::error("TW0514", node.span, "`cache_breakpoints` is a number");
            self.report(problem.label("not a whole number").help("write how many markers the wire allows"));
        }
    }

    /// How many prompt-cache markers the wire allows, as a step of adjusting.
    pub(super) fn breakpoints(&self) -> Option<Step> {
        let (name, node) = self.op.policies.iter().find(|(name, _)| name.value == "cache_breakpoints")?;
        Some(Step::CacheMarkers { most: count(node)?, span: name.span })
    }
}

fn count(node: &Node) -> Option<u64> {
    if let Value::Number(text) = &node.value { text.parse().ok() } else { None }
}

/// The runtime's names of the values of a policy, or of what is replayed.
pub(crate) fn policy_values(name: &str) -> Vec<&'static str> {
    let found = POLICIES.iter().chain(REPLAY).find(|(known, _)| *known == name);
    found.map_or_else(Vec::new, |(_, values)| values.iter().map(|(_, rust)| *rust).collect())
}

fn chosen(policies: &[Policy], name: &str, node: Option<&Node>) -> &'static str {
    let values = policies.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, values)| values);
    let word = node.and_then(Node::as_str);
    let found = values.iter().find(|(value, _)| Some(*value) == word).or(values.first());
    found.map_or("", |(_, rust)| rust)
}
