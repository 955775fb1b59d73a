//! The laws of the state machine, one test each, and all of them over random operations.

use super::{At, Class, Failure, Fields, Fold, Key, MINTED, Text};
use crate::chat::{ChatEvent, ChatResponse, Collector, FinishReason, Part};
use crate::wire::v1::sample::{CHUNKS, LINES, at, text};

type Events = Vec<ChatEvent<'static>>;

/// What `steps` make, each in a frame of its own, and the completion.
fn events(steps: &[&dyn Fn(&mut Fold)]) -> Events {
    let mut fold = Fold::new(&CHUNKS);
    let mut events = Events::new();
    for step in steps {
        fold.begin(b"{\"frame\":true}");
        step(&mut fold);
        drain(&mut fold, &mut events);
    }
    fold.complete();
    drain(&mut fold, &mut events);
    events
}

fn drain(fold: &mut Fold, events: &mut Events) {
    while let Some(event) = fold.pop(b"{\"frame\":true}") {
        events.push(event.into_owned());
    }
}

fn collect(events: Events) -> ChatResponse {
    let mut collector = Collector::new("acme");
    events.into_iter().for_each(|event| collector.add(event));
    collector.into_response()
}

fn named<'a>(id: &'a str, name: &'a str) -> Fields<'a> {
    Fields { id: Some(text(id)), name: Some(text(name)), ..Fields::default() }
}

fn words(words: &str) -> Fields<'_> {
    Fields { text: Some(text(words)), ..Fields::default() }
}

fn append(class: Class, at: At<'static>, delta: &'static str) -> impl Fn(&mut Fold) {
    move |fold| fold.append(class, at, text(delta)).unwrap()
}

fn told(delta: &str) -> ChatEvent<'_> {
    ChatEvent::Text(delta.into())
}

fn json_of(events: &[ChatEvent<'_>]) -> Vec<(String, bool)> {
    let raw = |event: &ChatEvent<'_>| match event {
        ChatEvent::Raw { json, part } => Some((json.to_string(), *part)),
        _ => None,
    };
    events.iter().filter_map(raw).collect()
}

#[test]
fn fragments_of_one_part_join_and_another_class_ends_it() {
    let none = At::default();
    let events = events(&[
        &append(Class::Reasoning, none, "hm"),
        &append(Class::Reasoning, none, ""),
        &append(Class::Reasoning, none, "m"),
        &append(Class::Text, none, "So"),
        &append(Class::Reasoning, none, "wait"),
    ]);
    let thought = |words: &'static str| ChatEvent::Reasoning(words.into());
    let end = ChatEvent::PartEnd;
    assert_eq!(
        events,
        [thought("hm"), thought("m"), end.clone(), told("So"), end.clone(), thought("wait"), end]
    );
}

#[test]
fn an_empty_fragment_opens_nothing() {
    let events = events(&[
        &append(Class::Text, At::default(), "a"),
        &append(Class::Reasoning, At::default(), ""),
        &append(Class::Text, At::default(), "b"),
    ]);
    assert_eq!(events, [told("a"), told("b"), ChatEvent::PartEnd]);
}

#[test]
fn a_call_is_opened_once_and_closed_once() {
    let events = events(&[
        &|fold| {
            fold.open(Class::ToolCall, at(0), Fields { delta: Some(text("{}")), ..named("a", "look") })
                .unwrap()
        },
        &append(Class::ToolCall, at(0), "{\"x\""),
        &|fold| fold.open(Class::ToolCall, at(0), named("a", "look")).unwrap(),
        &append(Class::ToolCall, at(0), ":1}"),
        &|fold| fold.close(&[], at(0)).unwrap(),
        &|fold| fold.close(&[], at(0)).unwrap(),
        &|fold| fold.open(Class::ToolCall, at(0), named("a", "look")).unwrap(),
    ]);
    let starts = events.iter().filter(|event| matches!(event, ChatEvent::ToolCallStart { .. })).count();
    assert_eq!((starts, events.len()), (1, 4), "{events:?}");
    let calls: Vec<_> = collect(events).tool_calls().cloned().collect();
    assert_eq!((calls[0].id.as_str(), calls[0].arguments.as_str()), ("a", "{\"x\":1}"));
}

#[test]
fn another_id_under_the_same_key_is_another_call() {
    let response = collect(events(&[
        &|fold| fold.open(Class::ToolCall, at(0), named("a", "look")).unwrap(),
        &append(Class::ToolCall, at(0), "{\"x\":1}"),
        &|fold| fold.open(Class::ToolCall, at(0), named("b", "look")).unwrap(),
        &append(Class::ToolCall, at(0), "{\"x\":2}"),
    ]));
    let calls: Vec<_> =
        response.tool_calls().map(|call| (call.id.as_str(), call.arguments.as_str())).collect();
    assert_eq!(calls, [("a", "{\"x\":1}"), ("b", "{\"x\":2}")]);
}

#[test]
fn a_call_waits_for_its_name_and_gets_an_id_if_there_is_none() {
    let events = events(&[
        &|fold| fold.open(Class::ToolCall, at(3), Fields::default()).unwrap(),
        &append(Class::ToolCall, at(3), "[1"),
        &|fold| {
            fold.set(Class::ToolCall, at(3), Fields { name: Some(text("look")), ..Fields::default() })
                .unwrap()
        },
        &append(Class::ToolCall, at(3), "]"),
        &|fold| fold.open(Class::ToolCall, at(4), named("", "again")).unwrap(),
    ]);
    let ids = [format!("{MINTED}0_0"), format!("{MINTED}0_1")];
    assert_eq!(events[0], ChatEvent::ToolCallStart { index: 0, id: (&ids[0]).into(), name: "look".into() });
    assert_eq!(events[1], ChatEvent::ToolCallDelta { index: 0, arguments: "[1".into() });
    let calls: Vec<_> = collect(events).tool_calls().cloned().collect();
    assert_eq!((calls[0].arguments.as_str(), calls[1].arguments.as_str()), ("[1]", "{}"));
    assert_eq!((&calls[0].id, &calls[1].id), (&ids[0], &ids[1]));
}

#[test]
fn arguments_that_announce_others_give_way_to_them() {
    let response = collect(events(&[
        &|fold| fold.open(Class::ToolCall, at(0), named("a", "look")).unwrap(),
        &append(Class::ToolCall, at(0), "{}"),
        &append(Class::ToolCall, at(0), "{\"x\":1}"),
        &|fold| fold.open(Class::ToolCall, at(1), named("b", "look")).unwrap(),
        &append(Class::ToolCall, at(1), "{}"),
    ]));
    assert_eq!(
        response.tool_calls().map(|call| call.arguments.as_str()).collect::<Vec<_>>(),
        ["{\"x\":1}", "{}"]
    );
}

#[test]
fn what_is_for_no_call_is_kept_and_is_no_call() {
    let events =
        events(&[&append(Class::ToolCall, at(0), "{\"x\":1}"), &append(Class::Text, At::default(), "a")]);
    assert_eq!(json_of(&events), [("{\"frame\":true}".to_owned(), false)]);
    assert_eq!(collect(events).tool_calls().count(), 0);
}

#[test]
fn a_kept_part_takes_what_comes_for_its_key() {
    let opened = "{\"type\":\"server_search\",\"id\":\"s\",\"input\":{}}";
    let events = events(&[
        &|fold| fold.raw(at(1), opened, true).unwrap(),
        &append(Class::ToolCall, at(1), "{\"q\":"),
        &append(Class::ToolCall, at(1), "\"x\"}"),
        &|fold| fold.close(&[], at(1)).unwrap(),
    ]);
    let whole = "{\"type\":\"server_search\",\"id\":\"s\",\"input\":{\"q\":\"x\"}}".to_owned();
    assert_eq!(json_of(&events), [(whole, true)]);
    assert_eq!(events.len(), 1);
}

#[test]
fn a_kept_part_that_is_told_again_is_told_once() {
    let (begun, done) = ("{\"type\":\"t\",\"s\":1}", "{\"type\":\"t\",\"s\":2,\"r\":[]}");
    let events = events(&[
        &|fold| fold.raw(at(1), begun, true).unwrap(),
        &|fold| fold.raw(at(1), "{\"type\":\"t_delta\",\"s\":1}", true).unwrap(),
        &|fold| fold.raw(at(1), "{\"type\":\"t\"}", true).unwrap(),
        &|fold| fold.raw(at(1), done, true).unwrap(),
        &|fold| fold.close(&[Class::ToolCall], at(1)).unwrap(),
        &|fold| fold.raw(at(1), done, true).unwrap(),
        &|fold| fold.fill(Class::Raw, at(7), Fields { raw: Some(done), ..Fields::default() }).unwrap(),
    ]);
    let expected = [("{\"type\":\"t_delta\",\"s\":1}", false), ("{\"type\":\"t\"}", false), (done, true)];
    assert_eq!(json_of(&events), expected.map(|(json, part)| (json.to_owned(), part)));
}

#[test]
fn a_known_item_takes_the_place_of_a_kept_part() {
    let events = events(&[&|fold| fold.raw(at(1), "{\"type\":\"custom\"}", true).unwrap(), &|fold| {
        let fields = Fields { arguments: Some(text("[]")), ..named("c", "run") };
        fold.restate(Class::ToolCall, at(1), fields).unwrap();
    }]);
    assert!(json_of(&events).is_empty());
    assert_eq!(collect(events).tool_calls().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["run"]);
}

#[test]
fn a_kept_part_in_front_of_a_known_one_goes_without_moving_it() {
    let response = collect(events(&[
        &|fold| fold.raw(at(1), "{\"type\":\"custom\"}", true).unwrap(),
        &|fold| fold.open(Class::Text, at(1), words("a")).unwrap(),
        &|fold| fold.open(Class::Text, at(2), words("b")).unwrap(),
        &|fold| fold.whole(Class::Text, at(1), words("aa")).unwrap(),
    ]));
    assert_eq!(response.parts, ["a", "b", "a"].map(Part::text));
}

#[test]
fn a_restatement_tells_only_what_is_new() {
    let restate = |words_: &'static str| {
        move |fold: &mut Fold| fold.restate(Class::Text, at(0), words(words_)).unwrap()
    };
    let events = events(&[
        &|fold| fold.open(Class::Text, at(0), Fields::default()).unwrap(),
        &append(Class::Text, at(0), "Hel"),
        &restate("Hel"),
        &restate("Hello"),
        &restate(""),
        &restate("Bye"),
        &|fold| fold.close(&[Class::Text], at(0)).unwrap(),
        &restate("Bye"),
    ]);
    let replaced = ChatEvent::Replaced("Bye".into());
    assert_eq!(events, [told("Hel"), told("lo"), replaced, ChatEvent::PartEnd]);
    assert_eq!(collect(events).text(), "Bye");
}

#[test]
fn a_final_object_fills_only_what_was_not_streamed() {
    let fill = |class: Class| move |fold: &mut Fold| fold.fill(class, at(9), words("all")).unwrap();
    let events = events(&[&append(Class::Text, at(0), "all"), &fill(Class::Text), &fill(Class::Reasoning)]);
    let response = collect(events);
    assert_eq!((response.text().as_str(), response.reasoning().as_str()), ("all", "all"));
}

#[test]
fn a_whole_part_completes_an_open_one() {
    let events = events(&[
        &append(Class::Text, at(0), "al"),
        &|fold| fold.whole(Class::Text, at(0), words("all")).unwrap(),
        &|fold| fold.whole(Class::Text, At::default(), words("more")).unwrap(),
        &|fold| fold.whole(Class::Text, At::default(), words("")).unwrap(),
    ]);
    let end = ChatEvent::PartEnd;
    assert_eq!(events, [told("al"), told("l"), end.clone(), told("more"), end]);
}

#[test]
fn interleaved_parts_of_one_class_are_told_apart() {
    let open = |key: u64| move |fold: &mut Fold| fold.open(Class::Text, at(key), Fields::default()).unwrap();
    let parts =
        [append(Class::Text, at(0), "a"), append(Class::Text, at(1), "b"), append(Class::Text, at(0), "c")];
    let response = collect(events(&[&open(0), &open(1), &parts[0], &parts[1], &parts[2]]));
    assert_eq!(response.parts, ["a", "b", "c"].map(Part::text));
}

#[test]
fn proofs_and_sources_find_their_part() {
    let signature = |proof| Fields { signature: Some(text(proof)), ..Fields::default() };
    let source =
        || Fields { url: Some(text("https://example.com")), raw: Some("{\"n\":1}"), ..Fields::default() };
    let response = collect(events(&[
        &|fold| fold.open(Class::Reasoning, at(0), words("")).unwrap(),
        &append(Class::Reasoning, at(0), "hm"),
        &|fold| fold.set(Class::Reasoning, at(0), signature("p")).unwrap(),
        &|fold| fold.close(&[], at(0)).unwrap(),
        &|fold| fold.open(Class::Text, at(1), words("first")).unwrap(),
        &|fold| fold.close(&[], at(1)).unwrap(),
        &|fold| fold.open(Class::Text, at(2), words("")).unwrap(),
        &|fold| fold.cite(at(2), source()).unwrap(),
        &append(Class::Text, at(2), "second"),
        &|fold| fold.cite(At::default(), source()).unwrap(),
        &|fold| fold.append_with(Class::Text, at(2), text(""), signature("q")).unwrap(),
    ]));
    let Part::Reasoning(reasoning) = &response.parts[0] else { panic!("{response:?}") };
    assert_eq!((reasoning.signature.as_deref(), reasoning.origin.as_deref()), (Some("p"), Some("acme")));
    let texts =
        response.parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
    let citations: Vec<_> = texts.map(|text| (text.citations.len(), text.signature.as_deref())).collect();
    assert_eq!(citations, [(0, None), (2, Some("q"))]);
}

#[test]
fn pictures_come_as_a_whole_or_in_pieces() {
    let picture = Fields { mime: Some(text("image/png")), data: Some(text("AAEC")), ..Fields::default() };
    let sound = Fields { mime: Some(text("audio/wav")), data: Some(text("AA==")), ..Fields::default() };
    let response = collect(events(&[
        &|fold| fold.whole(Class::Image, At::default(), picture).unwrap(),
        &|fold| fold.open(Class::Audio, at(0), sound).unwrap(),
        &append(Class::Audio, at(0), "_w"),
    ]));
    let bytes = |part: &Part| match part {
        Part::Image(media) | Part::Audio(media) => media.source.clone(),
        other => panic!("{other:?}"),
    };
    let sources: Vec<_> = response.parts.iter().map(bytes).collect();
    let expected = [("image/png", vec![0, 1, 2]), ("audio/wav", vec![0, 0xFF])];
    let expected =
        expected.map(|(mime, data)| crate::chat::Source::Bytes { mime: mime.into(), data: data.into() });
    assert_eq!(sources, expected);
}

#[test]
fn one_finish_and_usage_that_is_not_counted_twice() {
    let finish =
        |word: &'static str| move |fold: &mut Fold| fold.finish(0, text(word), Some(text("\n"))).unwrap();
    let usage = |input, output| {
        move |fold: &mut Fold| fold.usage(&[(0, input), (1, output)], Some("{\"u\":1}")).unwrap()
    };
    let events = events(&[
        &usage(Some(7), Some(1)),
        &append(Class::Text, At::default(), "a"),
        &finish("length"),
        &usage(None, Some(5)),
        &finish("stop"),
        &finish(""),
        &finish("unspecified"),
    ]);
    let tail = &events[events.len() - 3..];
    let ChatEvent::Usage(usage) = &tail[1] else { panic!("{events:?}") };
    assert_eq!((usage.input, usage.output), (Some(7), Some(5)));
    assert_eq!((&tail[0], &tail[2]), (&ChatEvent::PartEnd, &ChatEvent::Finish(FinishReason::Stop)));
    assert_eq!(events.len(), 4);
}

#[test]
fn the_answer_is_named_once() {
    let meta = |id, model| {
        move |fold: &mut Fold| fold.meta(Some(text(id)), Some(text(model)), Some(3), None).unwrap()
    };
    let events = events(&[&meta("", ""), &meta("x", ""), &meta("y", "m"), &meta("z", "n")]);
    let [ChatEvent::Start { id: Some(id), model: None }, ChatEvent::Start { id: None, model: Some(model) }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((id.as_ref(), model.as_ref()), ("x", "m"));
}

#[test]
fn nothing_comes_after_the_frame_of_a_failure_but_usage() {
    let events = events(&[
        &append(Class::Text, At::default(), "a"),
        &|fold| {
            fold.fail(Failure { message: Some(text("no")), ..Failure::default() }).unwrap();
            fold.append(Class::Text, At::default(), text("b")).unwrap();
            fold.finish(0, text("stop"), None).unwrap();
        },
        &append(Class::Text, At::default(), "c"),
        &|fold| fold.usage(&[(0, Some(7))], None).unwrap(),
    ]);
    let [first, second, ChatEvent::Usage(usage)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(([first, second], usage.input), ([&told("a"), &told("b")], Some(7)));
}

#[test]
fn other_answers_are_told_as_such() {
    let second = At { choice: 1, ..At::default() };
    let response = collect(events(&[
        &append(Class::Text, second, "b"),
        &append(Class::Text, At::default(), "a"),
        &|fold| fold.finish(1, text("length"), None).unwrap(),
        &append(Class::Text, second, "b"),
    ]));
    assert_eq!((response.text().as_str(), response.alternatives[0].text().as_str()), ("a", "bb"));
    assert_eq!((response.finish, &response.alternatives[0].finish), (None, &Some(FinishReason::Length)));
}

/// One random operation.
fn random(fold: &mut Fold, rng: &mut fastrand::Rng) {
    const CLASSES: [Class; 7] = [
        Class::Text,
        Class::Reasoning,
        Class::Refusal,
        Class::ToolCall,
        Class::Image,
        Class::Audio,
        Class::Raw,
    ];
    const TEXTS: [&str; 8] = ["", "{}", "a", "ö\\u00e9", "{\"x\":", "1}", "AAEC", "{\"x\":1}"];
    let some = |rng: &mut fastrand::Rng| rng.bool().then(|| Text::plain(TEXTS[rng.usize(..TEXTS.len())]));
    let class = CLASSES[rng.usize(..CLASSES.len())];
    let key = [None, Some(Key::Index(0)), Some(Key::Index(1)), Some(Key::Name(text("k")))][rng.usize(..4)];
    let key2 = key.filter(|_| rng.u8(..4) == 0);
    let at = At { choice: u64::from(rng.u8(..8) == 0), key, key2 };
    let raw =
        ["{\"type\":\"t\",\"input\":{}}", "{\"type\":\"t\",\"input\":{},\"more\":1}", "[]"][rng.usize(..3)];
    let fields = Fields {
        text: some(rng),
        id: some(rng),
        name: some(rng),
        arguments: some(rng),
        signature: some(rng),
        data: some(rng),
        mime: some(rng),
        delta: some(rng),
        raw: rng.bool().then_some(raw),
        ..Fields::default()
    };
    let delta = some(rng).unwrap_or_default();
    match rng.u8(..20) {
        0..=1 => fold.open(class, at, fields),
        2..=6 => fold.append(class, at, delta),
        7 => fold.append_with(class, at, delta, fields),
        8 => fold.set(class, at, fields),
        9 => fold.whole(class, at, fields),
        10 => fold.fill(class, at, fields),
        11 => fold.restate(class, at, fields),
        12 => fold.close(&[class], at),
        13 => fold.close(&[], at),
        14 => fold.cite(at, fields),
        15 => fold.raw(at, raw, rng.bool()),
        16 => fold.usage(&[(0, Some(3)), (9, Some(1))], Some("{}")),
        17 => fold.finish(at.choice, delta, None),
        18 => fold.meta(fields.id, fields.name, None, None),
        _ if rng.u8(..50) == 0 => fold.fail(Failure::default()),
        _ => fold.event(delta.decode().unwrap().as_bytes()),
    }
    .unwrap();
}

/// Whatever comes in, what goes out is an answer.
#[test]
fn any_operations_in_any_order_make_an_answer() {
    for seed in 0..4_000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut fold, mut events) = (Fold::new(&LINES), Events::new());
        for _ in 0..rng.usize(..40) {
            fold.begin(b"{\"frame\":true}");
            (0..rng.usize(1..4)).for_each(|_| random(&mut fold, &mut rng));
            drain(&mut fold, &mut events);
        }
        let failed = fold.failure().is_some();
        fold.complete();
        drain(&mut fold, &mut events);
        check(&events, failed, seed);
    }
}

fn check(events: &Events, failed: bool, seed: u64) {
    for choice in 0..2 {
        let of_choice = |event: &ChatEvent<'static>| match event {
            ChatEvent::Choice { choice: number, event } => (choice == *number).then(|| (**event).clone()),
            event => (choice == 0).then(|| event.clone()),
        };
        let events: Events = events.iter().filter_map(of_choice).collect();
        check_calls(&events, failed, seed);
        check_end(&events, seed);
    }
}

/// Each call is started once, in order, its fragments come in between, and it is completed once.
fn check_calls(events: &Events, failed: bool, seed: u64) {
    let mut started = Vec::new();
    for event in events {
        match event {
            ChatEvent::ToolCallStart { index, .. } => {
                assert_eq!(*index, started.len(), "seed {seed}: {events:#?}");
                started.push(false);
            }
            ChatEvent::ToolCallDelta { index, arguments } => {
                assert!(!started[*index] && !arguments.is_empty(), "seed {seed}: {events:#?}");
            }
            ChatEvent::ToolCall { index, call } => {
                assert!(!started[*index] && !call.id.is_empty(), "seed {seed}: {events:#?}");
                assert!(!call.arguments.is_empty(), "seed {seed}");
                started[*index] = true;
            }
            _ => {}
        }
    }
    assert!(failed || started.iter().all(|done| *done), "seed {seed}: {events:#?}");
}

/// Parts end where they went on, no fragment is empty, and usage and finish come once and last.
fn check_end(events: &Events, seed: u64) {
    let (mut told, mut last) = (false, 0);
    for event in events {
        let rank = match event {
            ChatEvent::Usage(_) => 1,
            ChatEvent::Finish(_) => 2,
            _ => 0,
        };
        assert!(rank > last || (rank, last) == (0, 0), "seed {seed}: {events:#?}");
        last = rank;
        match event {
            ChatEvent::Text(text) | ChatEvent::Reasoning(text) | ChatEvent::Refusal(text) => {
                assert!(!text.is_empty(), "seed {seed}");
                told = true;
            }
            ChatEvent::TextSignature(_) | ChatEvent::ReasoningSignature(_) => told = true,
            ChatEvent::PartEnd => assert!(std::mem::take(&mut told), "seed {seed}: {events:#?}"),
            _ => {}
        }
    }
}
