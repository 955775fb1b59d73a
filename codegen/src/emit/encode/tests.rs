//! What the emitter makes of each construct, on the small wire of the lowering tests.

use super::{items, policies};
use crate::lower::encode::tests::{WIRE, lowered, provider};

/// The generated functions as text.
fn generated(text: &str) -> String {
    let (encode, problems) = lowered(text, &provider());
    assert!(problems.is_empty(), "{problems:#?}");
    let file = syn::parse2(items(&encode)).expect("the items are Rust");
    prettyplease::unparse(&file)
}

/// The text of one function, without white space.
fn function(text: &str, name: &str) -> String {
    let start = text.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("no function {name}"));
    let end = text[start..].find("\n}").map_or(text.len(), |end| start + end);
    dense(&text[start..end])
}

fn dense(text: &str) -> String {
    text.split_whitespace().collect()
}

#[track_caller]
fn has(text: &str, wanted: &str) {
    assert!(text.contains(&dense(wanted)), "no `{wanted}` in\n{text}");
}

#[test]
fn constants_run_together_and_optional_fields_bring_their_comma() {
    let all = generated(WIRE);
    let encode = function(&all, "encode");
    has(
        &encode,
        r##"w.lit(r#"{"messages":["#); for turn in cx.turns() { message(cx, w, &turn)?; } w.lit("]");"##,
    );
    has(&encode, r##"if let Some(user) = &r.user { w.lit(r#","user":"#); w.str(user); }"##);
    has(&encode, r##"w.lit(r#","live":"#); w.bool(cx.stream);"##);
    let tool = function(&all, "tool_function");
    has(&tool, r##"w.lit(r#"{"name":"#); w.str(&function.name);"##);
    has(&tool, r##"if let Some(schema) = &function.schema { w.lit(r#","schema":"#); w.raw(schema); }"##);
}

#[test]
fn an_object_that_lost_everything_is_dropped() {
    let encode = function(&generated(WIRE), "encode");
    has(
        &encode,
        r##"let mark = w.mark(); w.lit(r#","sampling":{"#); if let Some(temperature) = r.temperature { w.lit(r#""heat":"#);
            w.float(temperature); } if let Some(top_p) = r.top_p { w.key(r#","p":"#); w.float(top_p); }"##,
    );
    has(&encode, "w.close_or_drop(mark);");
    has(
        &encode,
        r##"w.lit(r#","penalties":["#); if let Some(frequency_penalty) = r.frequency_penalty { w.float(frequency_penalty); }"##,
    );
    has(
        &encode,
        r#"if let Some(presence_penalty) = r.presence_penalty { w.comma(); w.float(presence_penalty); }"#,
    );
    has(&encode, "w.close_list_or_drop(mark);");
}

#[test]
fn an_object_with_constants_goes_with_its_last_slot() {
    let encode = function(&generated(WIRE), "encode");
    has(&encode, r##"if r.logprobs == Some(true) && r.top_logprobs.is_some() { w.lit(r#","logs":{"#);"##);
    has(&encode, r##"w.key(r#","kind":"full"}"#);"##);
}

#[test]
fn droppable_objects_nest() {
    let text = WIRE.replacen("seed: $seed", "inner: {seed: $seed}", 1);
    let encode = function(&generated(&text), "encode");
    has(&encode, r##"let inner_1 = w.mark(); w.key(r#","inner":{"#);"##);
    has(&encode, "w.close_or_drop(inner_1); w.close_or_drop(mark);");
}

#[test]
fn a_fallback_is_a_chain() {
    let all = generated(WIRE);
    has(
        &function(&all, "encode"),
        r##"if let Some(max_tokens) = r.max_tokens { w.lit(r#","limit":"#); w.uint(max_tokens); }
            else if let Some(max_output) = cx.model.limits.max_output {"##,
    );
    has(
        &function(&all, "format_schema"),
        r##"w.lit(r#","name":"#); if let Some(name) = &form.name { w.str(name); } else { w.lit(r#""answer""#); }"##,
    );
}

#[test]
fn a_row_that_writes_nothing_takes_its_key_back() {
    let all = generated(WIRE);
    has(
        &function(&all, "encode"),
        r##"if let Some(choice) = &r.tool_choice { let mark = w.mark(); w.lit(r#","tool_choice":"#);
            if !tool_choice(w, choice)? { w.rewind(mark); } }"##,
    );
    has(&function(&all, "tool_choice"), "ToolChoice::None => { return Ok(false); }");
}

#[test]
fn parts_collapse_and_are_refused_by_name() {
    let user = function(&generated(WIRE), "message");
    has(
        &user,
        r#"only(turn.parts(), "user messages", |piece| matches!(piece, Part::File(_) | Part::Image(_) | Part::Text(_)),)?;"#,
    );
    has(
        &user,
        r##"w.key(r#",{"role":"usr""#); if let Some(name) = turn.name() { w.lit(r#","name":"#); w.str(name); }"##,
    );
    has(
        &user,
        r##"match lone(turn.parts()) { Lone::Nothing => {} Lone::Part(Part::Text(text)) if text.cache.is_none() => {"##,
    );
}

#[test]
fn selectors_filter_and_texts_are_joined() {
    let all = generated(WIRE);
    let assistant = function(&all, "message_assistant");
    has(
        &assistant,
        "for piece in turn.parts().filter(|piece| matches!(piece, Part::ToolCall(_))) { w.comma(); part(w, piece)?; }",
    );
    has(
        &function(&all, "message"),
        "for piece in turn.parts() { if let Part::Text(text) = piece { w.str_part(&text.text); } }",
    );
}

#[test]
fn runs_write_one_object_a_part() {
    let message = function(&generated(WIRE), "message_tool");
    has(
        &message,
        r##"for piece in turn.parts() { if let Part::ToolResult(result) = piece { w.key(r#",{"role":"tool","id":"#);"##,
    );
    has(&message, r#"if let Some(name) = cx.call_name(&result.call_id) {"#);
    has(
        &message,
        r#"only(result.content.iter(), "tool results", |piece| matches!(piece, Part::Text(_)),)?;"#,
    );
}

#[test]
fn runs_of_several_parts_are_cut() {
    let text = WIRE.replacen(
        "assistant: {role: bot, content: $parts.text|collapse, calls: $parts.tool_call}",
        "assistant: {$runs: {said: {kind: said, parts: $parts.text+file}, tool_call: {$use: part}}}",
        1,
    );
    let assistant = function(&generated(&text), "message_assistant");
    has(
        &assistant,
        "let parts: Vec<&Part> = turn.parts().collect(); for run in parts.chunk_by(|first, second| {",
    );
    has(&assistant, "for piece in run.iter().copied() { w.comma(); part(w, piece)?; }");
    has(&assistant, "[piece @ Part::ToolCall(_)] =>");
}

#[test]
fn sources_choose_the_row_and_the_rest_is_refused() {
    let image = function(&generated(WIRE), "part_image");
    has(&image, r##"if let Source::Url(url) = &image.source { w.lit(r#"{"image":{"url":"#);"##);
    has(
        &image,
        r##"} else if let Source::Bytes { mime, data } = &image.source { w.lit(r#"{"image":"data:"#); w.str_part(mime);
            w.lit(";base64,"); w.base64(data); w.lit(r#""}"#); } else { return Err("##,
    );
    has(&function(&generated(WIRE), "part"), r#"Part::Audio(_) => { return Err(Refused::new("audio", "#);
}

#[test]
fn guards_become_conditions() {
    let reasoning = function(&generated(WIRE), "reasoning");
    has(&reasoning, "ReasoningConfig::Budget(budget) => { if cx.model.can(Capability::ReasoningBudget) {");
    has(&reasoning, "w.uint(*budget);");
    let text = WIRE.replacen(
        "live: $stream",
        "live: {$if: has tools and not has stop or tool_choice is tool, $is: $stream}",
        1,
    );
    has(
        &function(&generated(&text), "encode"),
        "if (!r.tools.is_empty() && r.stop.is_empty()) || matches!(r.tool_choice, Some(ToolChoice::Tool(_))) {",
    );
}

#[test]
fn the_role_reaches_the_parts_that_ask_for_it() {
    let text = WIRE.replacen(
        "text: {text: $text, cache: $cache}",
        "text/out: {$if: role is assistant, said: $text}\n      text: {text: $text, cache: $cache}",
        1,
    );
    let all = generated(&text);
    has(&function(&all, "part"), "w: &mut JsonWriter, piece: &Part, role: Role");
    has(&function(&all, "part_text"), "if role == Role::Assistant {");
    has(&function(&all, "message_assistant"), "part(w, piece, turn.role())?;");
}

#[test]
fn options_and_extra_fields_come_last() {
    let encode = function(&generated(WIRE), "encode");
    assert!(encode.ends_with(&dense(
        r##"if let Some(option) = r.option("store") { w.lit(r#","store":"#); w.raw(option); }
            append_extra(w, &r.extra)?; w.lit("}"); Ok(())"##
    )));
}

#[test]
fn paths_queries_and_headers_are_text() {
    let all = generated(WIRE);
    has(&function(&all, "path"), r#"out.push('/'); out.push_str(&cx.request.model); out.push_str("/say");"#);
    has(&function(&all, "query"), r#"if cx.stream { value.push_str("live"); }"#);
    has(
        &function(&all, "headers"),
        r#"if uses_files(cx.request) { separate(&mut value); value.push_str("files"); }
           if let Some(flags) = cx.request.option("flags") { separate(&mut value); value.push_str(&option_text(flags)); }"#,
    );
}

#[test]
fn adjusting_drops_sets_clamps_and_refuses_in_order() {
    let adjust = function(&generated(WIRE), "adjust");
    let order = [
        "known_options(&r.options, &[\"flags\", \"store\"])?;",
        "if !model.can(Capability::Sampling) { if r.top_p.take().is_some() {",
        "if !std::mem::take(&mut r.logit_bias).is_empty() {",
        "let value = max_tokens.saturating_add(budget); r.max_tokens = Some(value);",
        "if let Some(max_output) = model.limits.max_output && value > max_output {",
        "if r.top_k.take().is_some() {",
        "if r.n.is_some() { return Err(Refused::new(\"n\",",
        "finite(r)?;",
        "if let Some(temperature) = r.temperature && !(0.0..=2.0).contains(&temperature) { return Err(",
        "if r.stop.len() > 4 { r.stop.truncate(4);",
        "if let Some(max_tokens) = r.max_tokens && max_tokens < 16 { r.max_tokens = Some(16);",
    ];
    let mut at = 0;
    for step in order {
        let step = dense(step);
        at += adjust[at..].find(&step).unwrap_or_else(|| panic!("no `{step}` behind {at} in\n{adjust}"));
    }
}

#[test]
fn lost_details_are_warned_of() {
    let lost = function(&generated(WIRE), "lost");
    has(&lost, "Part::Image(image) => image.cache.is_some(),");
    has(&lost, "matches!(message.role, Role::System | Role::Assistant | Role::Tool)");
    assert!(!lost.contains("text.cache"));
}

#[test]
fn keys_of_a_table_can_be_merged() {
    let text = WIRE
        .replacen("        format: $format\n", "        form: {a: $seed, $use: format}\n", 1)
        .replacen("seed: $seed}", "x: true}", 1);
    let text = text.replacen("json: json,", "json: {json: true},", 1);
    let all = generated(&text);
    has(&function(&all, "encode"), "if let Some(wanted) = &r.format { format_keys(w, wanted)?; }");
    has(&function(&all, "format_keys"), r##"Format::Json => { w.key(r#","json":true"#); }"##);
}

#[test]
fn efforts_can_be_renamed() {
    let all = generated(&format!("{WIRE}    effort: {{SLOW: high, _: other}}\n"));
    has(&function(&all, "effort_word"), r#"match level.as_str() { "high" => "SLOW", other => other, }"#);
    has(&function(&all, "reasoning"), "w.str(effort_word(effort))");
}

#[test]
fn policies_are_an_expression() {
    let (encode, _) = lowered(WIRE, &provider());
    let text = policies(&encode).to_string();
    assert!(syn::parse_str::<syn::Expr>(&text).is_ok());
    assert!(dense(&text).contains("replay_reasoning:wire::Replay::Never"));
}
