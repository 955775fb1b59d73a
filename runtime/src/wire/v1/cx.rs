//! What an encoder sees: the request, and its conversation rearranged by the wire's policies.
//!
//! Nothing is copied and nothing is allocated: a turn is a range of messages, its parts are filtered as they are
//! walked over. Rewriting of fields (rules, limits) happens before, in generated code.

use super::chat::{ChatWire, Policies, Replay, Roles, SystemPolicy, ToolIds, ToolResults};
use super::fold::is_minted;
use crate::chat::{ChatRequest, Message, Part, Role, ToolCall, Warning};
use crate::model::Model;

/// A request on its way into bytes.
#[derive(Debug, Clone, Copy)]
pub struct Cx<'a> {
    /// The request.
    pub request: &'a ChatRequest,
    /// What is known of the model.
    pub model: &'a Model,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Who will read it.
    pub provider: &'static str,
    /// How the conversation is rearranged.
    pub policies: Policies,
}

/// One turn of the conversation as it goes on the wire: one message, or neighbours that became one.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    messages: &'a [Message],
    role: Role,
    view: View,
}

/// What of a conversation is seen.
#[derive(Debug, Clone, Copy)]
struct View {
    provider: &'static str,
    policies: Policies,
}

impl<'a> Cx<'a> {
    /// The request as `wire` sees it.
    pub fn new(wire: &ChatWire, request: &'a ChatRequest, model: &'a Model, stream: bool) -> Self {
        Self { request, model, stream, provider: wire.provider, policies: wire.policies }
    }

    /// The parts of all system messages, where they leave the conversation; nothing where they stay in it.
    pub fn system(&self) -> impl Iterator<Item = &'a Part> + use<'a> {
        let view = self.view();
        self.request
            .messages
            .iter()
            .filter(move |message| view.hoists(message))
            .flat_map(|message| &message.parts)
    }

    /// The turns of the conversation. A message of which nothing is left to send is left out.
    pub fn turns(&self) -> impl Iterator<Item = Turn<'a>> + use<'a> {
        let (view, mut rest) = (self.view(), self.request.messages.as_slice());
        std::iter::from_fn(move || {
            let (turn, behind) = view.first_turn(rest)?;
            rest = behind;
            Some(turn)
        })
    }

    /// The name of the tool that the call `call_id` of the history asked for.
    pub fn call_name(&self, call_id: &str) -> Option<&'a str> {
        self.call(call_id).map(|call| call.name.as_str())
    }

    /// The latest call of the history with this id.
    pub fn call(&self, call_id: &str) -> Option<&'a ToolCall> {
        let parts = self.request.messages.iter().rev().flat_map(|message| message.parts.iter().rev());
        parts
            .filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None })
            .find(|call| call.id == call_id)
    }

    /// The id of a call as it goes on the wire: none where the provider gave none and needs none.
    pub fn tool_id<'b>(&self, id: &'b str) -> Option<&'b str> {
        let hidden = self.policies.tool_ids == ToolIds::Optional && (id.is_empty() || is_minted(id));
        (!hidden).then_some(id)
    }

    fn view(&self) -> View {
        View { provider: self.provider, policies: self.policies }
    }
}

impl<'a> Turn<'a> {
    /// Who speaks.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The name of the speaker.
    pub fn name(&self) -> Option<&'a str> {
        self.messages.iter().find_map(|message| message.name.as_deref())
    }

    /// What is said, in order; results of tools come first where the wire wants them so.
    pub fn parts(&self) -> impl Iterator<Item = &'a Part> + Clone + use<'a> {
        let results_first =
            self.role == Role::User && self.view.policies.tool_results == ToolResults::UserFirst;
        let first = self.visible().filter(move |part| results_first && is_result(part));
        first.chain(self.visible().filter(move |part| !(results_first && is_result(part))))
    }

    fn visible(&self) -> impl Iterator<Item = &'a Part> + Clone + use<'a> {
        let view = self.view;
        let messages = self.messages.iter().filter(move |message| !view.hoists(message));
        messages.flat_map(|message| &message.parts).filter(move |part| view.sends(part))
    }
}

impl View {
    /// The first turn of `messages` and the messages behind it.
    fn first_turn<'a>(self, messages: &'a [Message]) -> Option<(Turn<'a>, &'a [Message])> {
        let start = messages.iter().position(|message| self.is_present(message))?;
        let messages = messages.get(start..)?;
        let role = self.role(messages.first()?);
        let goes_on =
            |message: &&Message| self.policies.roles == Roles::Alternate && self.belongs(message, role);
        let length = 1 + messages.iter().skip(1).take_while(goes_on).count();
        let (own, behind) = messages.split_at_checked(length)?;
        Some((Turn { messages: own, role, view: self }, behind))
    }

    /// Whether the message goes into a turn of `role`; one that is not sent at all goes anywhere.
    fn belongs(self, message: &Message, role: Role) -> bool {
        !self.is_present(message) || self.role(message) == role
    }

    fn is_present(self, message: &Message) -> bool {
        let says_something = message.parts.is_empty() || message.parts.iter().any(|part| self.sends(part));
        !self.hoists(message) && says_something
    }

    fn role(self, message: &Message) -> Role {
        let to_user = message.role == Role::Tool && self.policies.tool_results == ToolResults::UserFirst;
        if to_user { Role::User } else { message.role }
    }

    fn hoists(self, message: &Message) -> bool {
        message.role == Role::System && self.policies.system == SystemPolicy::Hoist
    }

    fn sends(self, part: &Part) -> bool {
        let Part::Reasoning(reasoning) = part else { return true };
        match self.policies.replay_reasoning {
            Replay::Verbatim | Replay::Field => !is_foreign(reasoning.origin.as_deref(), self.provider),
            Replay::Never => false,
        }
    }
}

/// Notes that reasoning of other providers stays behind. Reasoning that a wire never sends back is no loss that
/// the caller could have meant to avoid, and is not noted.
pub fn warn_foreign_reasoning(request: &ChatRequest, wire: &ChatWire, warnings: &mut Vec<Warning>) {
    if wire.policies.replay_reasoning == Replay::Never {
        return;
    }
    let foreign = request.parts().find_map(|part| match part {
        Part::Reasoning(reasoning) if is_foreign(reasoning.origin.as_deref(), wire.provider) => {
            reasoning.origin.as_deref()
        }
        _ => None,
    });
    if let Some(origin) = foreign {
        let message = format!("reasoning of {origin} was left out: {} would not recognise it", wire.provider);
        warnings.push(Warning { feature: "reasoning".to_owned(), message });
    }
}

fn is_foreign(origin: Option<&str>, provider: &str) -> bool {
    origin.is_some_and(|origin| origin != provider)
}

fn is_result(part: &Part) -> bool {
    matches!(part, Part::ToolResult(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Reasoning, ToolResult};
    use crate::wire::v1::sample::CHUNKS;

    const ALTERNATE: Policies = Policies {
        system: SystemPolicy::Hoist,
        roles: Roles::Alternate,
        tool_results: ToolResults::UserFirst,
        ..Policies::PLAIN
    };

    fn result(id: &str) -> Part {
        Part::ToolResult(ToolResult { call_id: id.to_owned(), ..ToolResult::default() })
    }

    fn call(id: &str, name: &str) -> Part {
        Part::ToolCall(ToolCall { id: id.to_owned(), name: name.to_owned(), ..ToolCall::default() })
    }

    fn thought(origin: Option<&str>) -> Part {
        Part::Reasoning(Reasoning { origin: origin.map(str::to_owned), ..Reasoning::default() })
    }

    fn message(role: Role, parts: Vec<Part>) -> Message {
        Message { role, name: None, parts }
    }

    /// Each turn as its role's first letter and its parts in short.
    fn turns(policies: Policies, messages: Vec<Message>) -> Vec<String> {
        let request = ChatRequest { messages, ..ChatRequest::default() };
        let (wire, model) = (ChatWire { policies, ..CHUNKS }, Model::unknown("acme"));
        let cx = Cx::new(&wire, &request, &model, false);
        let short = |part: &Part| match part {
            Part::Text(text) => text.text.clone(),
            Part::ToolResult(result) => format!("<{}", result.call_id),
            Part::ToolCall(call) => format!(">{}", call.id),
            Part::Reasoning(_) => "~".to_owned(),
            _ => "?".to_owned(),
        };
        let joined = |parts: &mut dyn Iterator<Item = &Part>| parts.map(short).collect::<Vec<_>>().join(" ");
        let system = joined(&mut cx.system());
        let turns = cx.turns().map(|turn| {
            let role = format!("{:?}", turn.role()).chars().next().unwrap_or_default();
            format!("{role}:{}", joined(&mut turn.parts()))
        });
        (!system.is_empty()).then_some(system).into_iter().chain(turns).collect()
    }

    #[test]
    fn a_plain_conversation_goes_as_it_is() {
        let messages = vec![
            Message::text(Role::System, "s"),
            Message::text(Role::User, "a"),
            Message::text(Role::User, "b"),
            message(Role::Tool, vec![result("1")]),
            message(Role::Assistant, vec![]),
        ];
        assert_eq!(turns(Policies::PLAIN, messages), ["S:s", "U:a", "U:b", "T:<1", "A:"]);
    }

    #[test]
    fn neighbours_become_one_turn_with_results_first() {
        let messages = vec![
            Message::text(Role::System, "s"),
            Message::text(Role::User, "a"),
            Message::text(Role::System, "t"),
            Message::text(Role::User, "b"),
            message(Role::Assistant, vec![call("1", "f"), call("2", "g")]),
            message(Role::Tool, vec![result("1")]),
            Message::text(Role::User, "c"),
            message(Role::Tool, vec![result("2")]),
            message(Role::Assistant, vec![thought(Some("other"))]),
            Message::text(Role::User, "d"),
        ];
        assert_eq!(turns(ALTERNATE, messages), ["s t", "U:a b", "A:>1 >2", "U:<1 <2 c d"]);
    }

    #[test]
    fn reasoning_goes_back_to_where_it_came_from() {
        let messages = || {
            let parts = vec![thought(None), thought(Some("acme")), thought(Some("other")), Part::text("x")];
            vec![message(Role::Assistant, parts)]
        };
        let with = |replay_reasoning| turns(Policies { replay_reasoning, ..Policies::PLAIN }, messages());
        assert_eq!(with(Replay::Verbatim), ["A:~ ~ x"]);
        assert_eq!(with(Replay::Field), ["A:~ ~ x"]);
        assert_eq!(with(Replay::Never), ["A:x"]);
        let request = ChatRequest { messages: messages(), ..ChatRequest::default() };
        let mut warnings = Vec::new();
        warn_foreign_reasoning(&request, &CHUNKS, &mut warnings);
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0].message, "reasoning of other was left out: acme would not recognise it");
    }

    #[test]
    fn calls_are_found_by_id_and_minted_ids_stay_here() {
        let messages = vec![message(Role::Assistant, vec![call("1", "old"), call("1", "f")])];
        let request = ChatRequest { messages, ..ChatRequest::default() };
        let model = Model::unknown("acme");
        let cx = Cx::new(&CHUNKS, &request, &model, false);
        assert_eq!((cx.call_name("1"), cx.call_name("2")), (Some("f"), None));
        assert_eq!(cx.tool_id("twcall_0_0"), Some("twcall_0_0"));
        let optional = Cx { policies: Policies { tool_ids: ToolIds::Optional, ..Policies::PLAIN }, ..cx };
        assert_eq!((optional.tool_id("twcall_0_0"), optional.tool_id("c")), (None, Some("c")));
    }
}
