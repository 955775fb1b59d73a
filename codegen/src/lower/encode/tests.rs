//! Each construct and each mistake, on a small wire that nobody speaks.

use super::lower;
use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::parse;
use crate::emit::sample;
use crate::ir::encode::{Action, Bound, Cond, Encode, NodeKind, Otherwise, Step, Write};
use crate::ir::provider::{OptionType, Provider, ProviderOption};
use crate::source::{FileId, Span, yaml};

/// A wire with everything that a chat needs.
pub(crate) const WIRE: &str = r#"
dialect: toy
operations:
  chat:
    http:
      path: "/${model}/say"
      query: {mode: {$if: stream, $is: live}}
      headers: {x-flags: [{$if: uses.files, $is: files}, $options.flags]}
    policies: {system: inline, roles: as_is, replay: {reasoning: never}}
    unsupported: {top_k: warn_drop, n: error}
    limits: {temperature: 0..2, stop: {items: 4, else: clamp}, max_tokens: {range: 16.., else: clamp}}
    rules:
      - {if: not caps.sampling, drop: [top_p, logit_bias], why: no sampling}
      - {if: has reasoning.budget, set: {max_tokens: $max_tokens + $reasoning.budget}, clamp: $model.max_output, why: the budget counts}
    request:
      body:
        messages: $messages
        tools: $tools
        tool_choice: $tool_choice
        parallel: $parallel_tool_calls
        format: $format
        think: $reasoning
        limit: "$max_tokens ?? $model.max_output"
        sampling: {heat: $temperature, p: $top_p, seed: $seed}
        stop: $stop
        penalties: [$frequency_penalty, $presence_penalty]
        bias: $logit_bias
        logs: {$if: logprobs, most: $top_logprobs, kind: full}
        user: $user
        tier: $service_tier
        labels: $metadata
        depth: $options.depth
        live: $stream
    message:
      system: {role: sys, content: $parts.text|concat}
      user: {role: usr, name: $name, content: $parts.text+image+file|collapse}
      assistant: {role: bot, content: $parts.text|collapse, calls: $parts.tool_call}
      tool:
        $runs:
          tool_result: {role: tool, id: $call_id, name: $call.name, content: $content.text|collapse}
    part:
      text: {text: $text, cache: $cache}
      image/url: {image: {url: $url, detail: $detail}}
      image/bytes: {image: "data:${mime};base64,${data}"}
      file: {file: {id: $file_id!, name: $filename}}
      tool_call: {id: $id, name: $name, arguments: $arguments|json}
      raw: $raw
    cache: {kind: short, ttl: $ttl}
    tool: {name: $name, about: $description, schema: $schema, strict: $strict}
    tool_choice: {auto: auto, none: $absent, required: any, tool: {name: $name}}
    format: {text: $absent, json: json, schema: {schema: $schema, name: "$name ?? answer", strict: $strict, about: $description}}
    reasoning: {disabled: false, enabled: true, effort: $effort, budget: {$if: caps.reasoning_budget, tokens: $budget}}
"#;

fn option(name: &str, wire: Option<&str>) -> ProviderOption {
    let wire = wire.map(str::to_owned);
    ProviderOption { name: name.to_owned(), wire, ty: OptionType::Json, doc: None, span: sample::span(0) }
}

/// A provider with two options.
pub(crate) fn provider() -> Provider {
    // The file of the provider is another than that of the wire.
    let span = Span::new(FileId(1), 0, 1);
    let options = vec![option("flags", None), option("store", Some("store"))];
    Provider { options, span, ..sample::provider() }
}

/// The request side of the first operation of a dialect, and what is wrong with it.
pub(crate) fn lowered(text: &str, provider: &Provider) -> (Encode, Vec<Diagnostic>) {
    let mut sink = Sink::default();
    let node = yaml::parse(FileId(0), text, &mut sink).expect("the text is YAML");
    let dialect = parse::dialect(&node, &mut sink).expect("the text is a dialect");
    let encode = lower(&dialect, dialect.operations.last().expect("an operation"), provider, &mut sink);
    (encode, sink.into_sorted())
}

fn sound(text: &str) -> Encode {
    let (encode, problems) = lowered(text, &provider());
    assert!(problems.is_empty(), "{problems:#?}");
    encode
}

/// The codes that are reported when `from` becomes `to`.
fn codes(from: &str, to: &str) -> Vec<&'static str> {
    assert!(WIRE.contains(from), "{from}");
    let (_, problems) = lowered(&WIRE.replacen(from, to, 1), &provider());
    for problem in &problems {
        assert!(!problem.label.is_empty() && problem.help.is_some(), "{problem:?}");
    }
    problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn a_sound_wire_is_lowered_without_a_word() {
    let encode = sound(WIRE);
    let names: Vec<&str> = encode.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["message", "tool", "tool_choice", "format", "reasoning", "part", "cache"]);
    assert_eq!(encode.appended, [("store".to_owned(), "store".to_owned())]);
    assert_eq!(encode.options, ["flags", "store"]);
    assert_eq!(encode.policies.replay_reasoning, "Never");
}

#[test]
fn an_option_that_the_provider_lacks_is_absent() {
    let body = sound(WIRE).body.expect("a body");
    let NodeKind::Object(entries) = body.node.kind else { panic!("no object") };
    let depth = entries.iter().find(|entry| entry.key.as_deref() == Some("depth")).expect("the key");
    assert_eq!(depth.node.kind, NodeKind::Absent);
}

#[test]
fn rows_admit_what_their_selectors_take() {
    let encode = sound(WIRE);
    let message = &encode.tables[0];
    let admits =
        |role: &str| message.rows.iter().find(|row| row.variant == role).and_then(|row| row.admits.clone());
    assert_eq!(admits("assistant"), Some(vec!["text".to_owned(), "tool_call".to_owned()]));
    assert_eq!(admits("tool"), Some(vec!["tool_result".to_owned()]));
}

#[test]
fn sources_of_media_choose_their_row() {
    let encode = sound(WIRE);
    let part = encode.tables.iter().find(|table| table.name == "part").expect("the table");
    let image = part.rows.iter().find(|row| row.variant == "image").expect("the row");
    let musts: Vec<Vec<&str>> =
        image.alts.iter().map(|alt| alt.musts.iter().map(|field| field.name.as_str()).collect()).collect();
    assert_eq!(musts, [vec!["url"], vec!["mime", "data"]]);
}

#[test]
fn a_text_that_is_marked_is_not_plain() {
    let encode = sound(WIRE);
    let user = encode.tables[0].rows.iter().find(|row| row.variant == "user").expect("the row");
    let NodeKind::Object(entries) = &user.alts[0].node.kind else { panic!("no object") };
    let NodeKind::Value(value) = &entries[2].node.kind else { panic!("no value") };
    let Write::Collapse { plain, select, .. } = &value.write else { panic!("no collapse") };
    assert_eq!((plain.as_slice(), select.len()), (&["cache".to_owned()][..], 3));
}

#[test]
fn adjusting_goes_rules_then_unsupported_then_limits() {
    let steps = sound(WIRE).adjust;
    assert!(
        matches!(&steps[0], Step::Rule { cond: Cond::Not(_), action: Action::Drop(fields), .. } if fields.len() == 2)
    );
    assert!(
        matches!(&steps[1], Step::Rule { action: Action::Set(set), .. } if set.terms.len() == 2 && set.clamp.is_some())
    );
    assert!(matches!(&steps[2], Step::Unsupported { refuse: false, .. }));
    assert!(matches!(&steps[3], Step::Unsupported { refuse: true, .. }));
    let limits: Vec<_> = steps
        .iter()
        .filter_map(|step| if let Step::Limit(limit) = step { Some(limit) } else { None })
        .collect();
    assert_eq!(limits.len(), 3);
    assert_eq!((limits[1].bound.clone(), limits[1].otherwise), (Bound::Items(4), Otherwise::Clamp));
    assert_eq!(limits[2].bound, Bound::Range { min: Some(("16".to_owned(), true)), max: None });
}

#[test]
fn slots_are_checked() {
    assert_eq!(codes("heat: $temperature", "heat: $temprature"), ["TW0501"]);
    assert_eq!(codes("heat: $temperature", "heat: $temperature|json"), ["TW0502"]);
    assert_eq!(codes("heat: $temperature", "heat: $temperature|jsom"), ["TW0503"]);
    assert_eq!(codes("live: $stream", "live: $stream!"), ["TW0504"]);
    assert_eq!(codes("live: $stream", "live: $stream ?? true"), ["TW0504"]);
    assert_eq!(codes("$parts.text+image+file", "$parts.text+imag+file"), ["TW0505"]);
    assert_eq!(codes("content: $parts.text|concat", "content: $parts.tool_call|concat"), ["TW0502"]);
    assert_eq!(codes("think: $reasoning", "think: $reasoning.efort"), ["TW0501"]);
    assert_eq!(codes("data:${mime};base64,${data}", "data:${mime}${data}"), ["TW0507"]);
    assert_eq!(codes("/${model}/say", "/${metadata}/say"), ["TW0502", "TW0510"]);
    assert_eq!(codes("name: $call.name", "name: $call.nme"), ["TW0501"]);
    assert_eq!(
        codes("limit: \"$max_tokens ?? $model.max_output\"", "limit: \"$max_tokens ?? $model.most\""),
        ["TW0501"]
    );
}

#[test]
fn tables_are_checked() {
    assert_eq!(codes("    cache: {kind: short, ttl: $ttl}\n", ""), ["TW0506"]);
    assert_eq!(codes("image/url: {image: {url: $url, detail: $detail}}", "image: {image: x}"), ["TW0508"]);
    assert_eq!(codes("image: {url: $url, detail: $detail}", "image: {url: $url, id: $file_id}"), ["TW0508"]);
    assert_eq!(codes("labels: $metadata", "labels: {$runs: {text: $metadata}}"), ["TW0510", "TW0516"]);
    assert_eq!(codes("tool_result: {role: tool", "tool_reslt: {role: tool"), ["TW0505"]);
    assert_eq!(codes("depth: $options.depth", "depth: {$one: [a, b]}"), ["TW0508"]);
}

#[test]
fn predicates_are_checked() {
    assert_eq!(codes("$if: stream,", "$if: strem,"), ["TW0509"]);
    assert_eq!(codes("$if: stream,", "$if: calls,"), ["TW0509"]);
    assert_eq!(codes("caps.sampling", "caps.samplin"), ["TW0509"]);
    assert_eq!(codes("uses.files", "uses.filez"), ["TW0509"]);
    assert_eq!(codes("has reasoning.budget", "has reasoning.bugdet"), ["TW0501"]);
    assert_eq!(codes("has reasoning.budget", "has stream"), ["TW0509"]);
    assert_eq!(codes("has reasoning.budget", "reasoning is budge"), ["TW0505"]);
    assert_eq!(codes("has reasoning.budget", "role is user"), ["TW0509"]);
    assert_eq!(codes("has reasoning.budget", "temperature is hot"), ["TW0502"]);
}

#[test]
fn fields_that_go_nowhere_are_reported_one_by_one() {
    assert_eq!(codes("        user: $user\n        tier: $service_tier\n", ""), ["TW0510", "TW0510"]);
    assert_eq!(codes("system: inline", "system: hoist"), ["TW0510"]);
    assert_eq!(codes("user: $user", "user: $user\n        sys: $system|concat"), ["TW0510"]);
    assert_eq!(codes("top_k: warn_drop", "user: warn_drop"), ["TW0512", "TW0510"]);
}

#[test]
fn unsupported_limits_rules_and_policies_are_checked() {
    assert_eq!(codes("top_k: warn_drop", "top_k: warn_drp"), ["TW0512"]);
    assert_eq!(codes("top_k: warn_drop", "top_k: clamp"), ["TW0512"]);
    assert_eq!(codes("temperature: 0..2", "temperature: 2..0"), ["TW0511"]);
    assert_eq!(codes("temperature: 0..2", "temperature: {range: 0<..2, else: clamp}"), ["TW0511"]);
    assert_eq!(codes("temperature: 0..2", "temperature: {rang: 0..2}"), ["TW0511"]);
    assert_eq!(codes("temperature: 0..2", "temperature: {items: 2}"), ["TW0511"]);
    assert_eq!(codes("temperature: 0..2", "temperature: {range: 0..2, else: shrug}"), ["TW0511"]);
    assert_eq!(codes("drop: [top_p, logit_bias]", "drop: [top_p, messages]"), ["TW0513"]);
    assert_eq!(codes("set: {max_tokens: $max", "set: {temperature: $max"), ["TW0513"]);
    assert_eq!(codes("+ $reasoning.budget", "+ $temperature"), ["TW0502"]);
    assert_eq!(codes("roles: as_is", "roles: as_iz"), ["TW0514"]);
    assert_eq!(codes("roles: as_is", "rolls: as_is"), ["TW0514"]);
    assert_eq!(codes("replay: {reasoning: never}", "replay: {reasoning: sometimes}"), ["TW0514"]);
    assert_eq!(codes("roles: as_is", "cache_breakpoints: some"), ["TW0514"]);
}

#[test]
fn options_have_a_place() {
    let with = |option| Provider { options: vec![option], ..provider() };
    let codes =
        |option| lowered(WIRE, &with(option)).1.iter().map(|problem| problem.code).collect::<Vec<_>>();
    assert_eq!(codes(option("lost", None)), ["TW0515"]);
    assert_eq!(codes(option("user", Some("user"))), ["TW0517"]);
    assert_eq!(codes(option("flags", None)), [] as [&str; 0]);
}

#[test]
fn variants_that_no_slot_places_are_refused() {
    let text = WIRE.replacen("think: $reasoning", "think: $reasoning.effort", 1).replacen(
        "    reasoning: {disabled",
        "    ops: {x: {beat: {}}}\n    usage: {disabled",
        1,
    );
    let (encode, _) = lowered(&text, &provider());
    let refused: Vec<&str> = encode
        .adjust
        .iter()
        .filter_map(|step| match step {
            Step::Unsupported { field, refuse: true, .. } if field.via.is_some() => Some(field.name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(refused, ["reasoning.disabled", "reasoning.enabled", "reasoning.budget"]);
}

#[test]
fn counting_borrows_the_tables_of_chat() {
    let text = format!(
        "{WIRE}  count_tokens:\n    http: {{path: /count}}\n    request: {{body: {{messages: $messages, tools: $tools}}}}\n"
    );
    let encode = sound(&text);
    let names: Vec<&str> = encode.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(
        (encode.operation.as_str(), names),
        ("count_tokens", vec!["message", "tool", "part", "cache"])
    );
}

#[test]
fn counting_can_only_refuse() {
    let count = |unsupported: &str| {
        let sections = format!(
            "http: {{path: /count}}\n    unsupported: {unsupported}\n    request: {{body: {{messages: $messages}}}}"
        );
        format!("{WIRE}  count_tokens:\n    {sections}\n")
    };
    assert_eq!(sound(&count("{tools: error}")).adjust.len(), 1);
    let problems = lowered(&count("{tools: warn_drop}"), &provider()).1;
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["TW0513"]);
}

#[test]
fn embeddings_have_fields_of_their_own() {
    let embed = |body: &str| {
        let sections = format!(
            "http: {{path: /embed}}\n    unsupported: {{user: warn_drop}}\n    request: {{body: {body}}}"
        );
        format!("dialect: toy\noperations:\n  embed:\n    {sections}\n")
    };
    let whole = "{model: $model, texts: $input, size: $dimensions, kind: $input_type}";
    assert_eq!(sound(&embed(whole)).adjust.len(), 1);
    let problems =
        lowered(&embed("{model: $model, texts: $input, size: $dimensions, live: $stream}"), &provider()).1;
    let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
    // The slot that names nothing was meant for the field that has no place.
    assert_eq!(codes, ["TW0501"]);
}
