//! The changes of what comes in: a walk over [`Decode`].

use super::points::{Operator, Points, other};
use crate::ir::decode::{
    Arm, Decode, Errors, EventAction, FinishRow, List, Local, LocalId, Object, Op, Place, PlaceKey, Row,
    Step, Stream, Test, Usage, UsageField, Value, Visit,
};
use crate::vocabulary::ERROR_KINDS;

/// Asks at every place of the IR whether to change it there.
pub(super) fn walk(ir: &mut Decode, points: &mut Points) {
    for visit in &mut ir.visits {
        points
            .at(visit.span, |points| points.within(visit.what.clone(), |points| self::visit(visit, points)));
    }
    if let Some(stream) = &mut ir.stream {
        points.within("stream", |points| self::stream(stream, points));
    }
    points.within("finish", |points| finish(&mut ir.finish, points));
    points.within("usage", |points| usage(&mut ir.usage, points));
    points.within("errors", |points| errors(&mut ir.errors, points));
}

fn visit(visit: &mut Visit, points: &mut Points) {
    object(&mut visit.root, points);
    place(&mut visit.at, points);
    steps(&mut visit.steps, &visit.locals, points);
}

/// A key that is not read is one that is read under another name: what it is bound to stays.
fn object(object: &mut Object, points: &mut Points) {
    for arm in &mut object.arms {
        points.misspell(Operator::MisreadKey, &mut arm.key);
        points.within(arm.key.clone(), |points| self::arm(arm, points));
    }
}

fn arm(arm: &mut Arm, points: &mut Points) {
    let is_lone = arm.leaf.is_none() && arm.object.is_none();
    if let Some(List::Now(_)) = arm.list
        && !is_lone
    {
        points.drop_option(Operator::MisreadKey, &mut arm.list, "its list");
    }
    if let Some(inner) = &mut arm.object {
        object(inner, points);
    }
}

fn steps(steps: &mut Vec<Step>, locals: &[Local], points: &mut Points) {
    points.drop_one(Operator::DropRow, steps, |step| step_name(step, locals));
    for step in steps {
        match step {
            Step::Fire(row) => points.at(row.span, |points| fire(row, locals, points)),
            Step::First(alternatives) => first(alternatives, locals, points),
            Step::Each { at, indexed, .. } => {
                place(at, points);
                points.flip(Operator::SwapTarget, indexed, "indexed");
            }
        }
    }
}

fn first(alternatives: &mut Vec<(Vec<Test>, Vec<Step>)>, locals: &[Local], points: &mut Points) {
    let name = |(tests, steps): &(Vec<Test>, Vec<Step>)| {
        let tests = tests.iter().map(|test| test_name(test, locals)).collect::<Vec<_>>().join(" and ");
        format!(
            "{} if {tests}",
            steps.iter().map(|step| step_name(step, locals)).collect::<Vec<_>>().join(", ")
        )
    };
    points.drop_but_one(Operator::DropRow, alternatives, name);
    for (tests, inner) in alternatives {
        self::tests(tests, locals, points);
        steps(inner, locals, points);
    }
}

fn step_name(step: &Step, locals: &[Local]) -> String {
    match step {
        Step::Fire(row) => op_name(&row.op),
        Step::First(_) => "alternatives".to_owned(),
        Step::Each { list, .. } => format!("the list {}", local_name(*list, locals)),
    }
}

fn op_name(op: &Op) -> String {
    if let Op::Usage(_) = op { "Usage".to_owned() } else { format!("{op:?}") }
}

fn local_name(local: LocalId, locals: &[Local]) -> String {
    locals.get(local.0).map_or_else(|| local.0.to_string(), |local| local.name.clone())
}

fn value_name(value: &Value, locals: &[Local]) -> String {
    match value {
        Value::Local(local) => local_name(*local, locals),
        Value::First(all) => {
            all.iter().map(|local| local_name(*local, locals)).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn test_name(test: &Test, locals: &[Local]) -> String {
    match test {
        Test::Has(value) => format!("has {}", value_name(value, locals)),
        Test::Filled(value) => format!("{} is not empty", value_name(value, locals)),
        Test::Any(all) => format!("has any of {}", value_name(&Value::First(all.clone()), locals)),
        Test::Is(local, word) => format!("{} is {word}", local_name(*local, locals)),
        Test::Flag(local, flag) => format!("{} is {flag}", local_name(*local, locals)),
        Test::NonEmpty(local) => format!("{} has items", local_name(*local, locals)),
    }
}

fn fire(row: &mut Row, locals: &[Local], points: &mut Points) {
    points.within(op_name(&row.op), |points| {
        tests(&mut row.tests, locals, points);
        points.drop_one(Operator::DropArgument, &mut row.args, |(name, _)| name.clone());
        for (name, value) in &mut row.args {
            points.within(name.clone(), |points| self::value(value, locals, points));
        }
        op(&mut row.op, locals, points);
        place(&mut row.at, points);
    });
}

fn tests(tests: &mut Vec<Test>, locals: &[Local], points: &mut Points) {
    points.drop_one(Operator::LoosenCondition, tests, |test| test_name(test, locals));
    for test in tests {
        match test {
            Test::Is(_, word) => points.misspell(Operator::SwapValue, word),
            Test::Flag(_, flag) => points.flip(Operator::SwapValue, flag, "the flag"),
            Test::Filled(value) => {
                if points
                    .here(Operator::LoosenCondition, || format!("{} may be empty", value_name(value, locals)))
                {
                    *test = Test::Has(value.clone());
                }
            }
            Test::Any(all) => {
                points.drop_but_one(Operator::LoosenCondition, all, |local| local_name(*local, locals));
            }
            Test::Has(_) | Test::NonEmpty(_) => {}
        }
    }
}

fn value(value: &mut Value, locals: &[Local], points: &mut Points) {
    if let Value::First(all) = value {
        points.drop_but_one(Operator::DropArgument, all, |local| local_name(*local, locals));
    }
}

/// What an operation works on, and which operation it is where another one takes the same.
fn op(op: &mut Op, locals: &[Local], points: &mut Points) {
    if let Op::Close(classes) = op {
        points.drop_one(Operator::SwapTarget, classes, Clone::clone);
    }
    if let Op::Usage(leaves) = op {
        points.drop_one(Operator::LoseUsage, leaves, |(_, local)| local_name(*local, locals));
    }
    if let Op::Open(class)
    | Op::Append(class)
    | Op::Set(class)
    | Op::Whole(class)
    | Op::Fill(class)
    | Op::Restate(class) = op
    {
        let swapped = other(class, &["text", "reasoning", "refusal"]);
        if points.here(Operator::SwapTarget, || format!("{class} is {swapped}")) {
            swapped.clone_into(class);
        }
    }
    let instead = match op {
        Op::Whole(class) => Op::Restate(class.clone()),
        Op::Fill(class) | Op::Restate(class) => Op::Whole(class.clone()),
        _ => return,
    };
    if points.here(Operator::SwapTarget, || format!("it is {instead:?}")) {
        *op = instead;
    }
}

fn place(place: &mut Place, points: &mut Points) {
    points.drop_option(Operator::SwapTarget, &mut place.choice, "its choice");
    if place.key2.is_none() {
        points.drop_option(Operator::SwapTarget, &mut place.key, "its key");
    }
    if let Some(PlaceKey::Fixed(key)) = &mut place.key {
        points.misspell(Operator::SwapTarget, key);
    }
}

fn stream(stream: &mut Stream, points: &mut Points) {
    points.drop_option(Operator::SwapPolicy, &mut stream.sentinel, "a sentinel");
    if let Some(sentinel) = &mut stream.sentinel {
        points.misspell(Operator::SwapValue, sentinel);
    }
    for (word, set) in [(&mut stream.framing, ["sse", "ndjson"]), (&mut stream.needs, ["end", "finish"])] {
        let swapped = other(word, &set);
        if points.here(Operator::SwapPolicy, || format!("{word} is {swapped}")) {
            swapped.clone_into(word);
        }
    }
    points.drop_one(Operator::SwapPolicy, &mut stream.implicit, |class| format!("implicit {class}"));
    points.flip(Operator::SwapPolicy, &mut stream.by_frame, "by frame");
    points.drop_option(Operator::SwapPolicy, &mut stream.by_path, "names in the data");
    points.drop_one(Operator::DropRow, &mut stream.events, |(names, _)| names.join(", "));
    for (names, action) in &mut stream.events {
        if matches!(action, EventAction::Visit(_))
            && points.here(Operator::DropRow, || format!("{} is kept raw", names.join(", ")))
        {
            *action = EventAction::Raw;
        }
    }
    points.drop_option(Operator::DropRow, &mut stream.rest, "the rest");
}

fn finish(rows: &mut Vec<FinishRow>, points: &mut Points) {
    points.drop_one(Operator::ShiftFinish, rows, |row| row.wire.clone());
    let reasons: Vec<Option<String>> = rows.iter().map(|row| row.reason.clone()).collect();
    for (at, row) in rows.iter_mut().enumerate() {
        let after = reasons.iter().cycle().skip(at + 1).take(reasons.len());
        let shifted = after.flatten().find(|reason| Some(*reason) != row.reason.as_ref());
        if let Some(shifted) = shifted
            && points.here(Operator::ShiftFinish, || format!("{} means {shifted}", row.wire))
        {
            row.reason = Some(shifted.clone());
        }
        let what = format!("what {} means with calls", row.wire);
        points.drop_option(Operator::ShiftFinish, &mut row.with_calls, &what);
    }
}

fn usage(usage: &mut Usage, points: &mut Points) {
    points.drop_one(Operator::LoseUsage, &mut usage.fields, |field| field.name.clone());
    for UsageField { name, terms } in &mut usage.fields {
        points.within(name.clone(), |points| {
            points.drop_but_one(Operator::LoseUsage, terms, |(_, leaves)| format!("term {leaves:?}"));
            for (negative, leaves) in terms {
                points.flip(Operator::LoseUsage, negative, "subtracting");
                points.drop_but_one(Operator::LoseUsage, leaves, |leaf| format!("leaf {leaf}"));
            }
        });
    }
}

fn errors(errors: &mut Errors, points: &mut Points) {
    classes("code", &mut errors.code, points);
    classes("kind", &mut errors.kind, points);
    classes("status", &mut errors.status, points);
    let rest = other_kind(&errors.rest);
    if points.here(Operator::MisclassifyError, || format!("the rest is {rest}")) {
        errors.rest = rest;
    }
    points.drop_one(Operator::MisclassifyError, &mut errors.retry, |class| format!("a retry of {class}"));
    points.drop_one(Operator::MisclassifyError, &mut errors.request_id, Clone::clone);
    points.drop_one(Operator::MisclassifyError, &mut errors.retry_after, |(name, _)| name.clone());
    for (name, unit) in &mut errors.retry_after {
        let swapped = other(unit, &["seconds", "milliseconds"]);
        if points.here(Operator::MisclassifyError, || format!("{name} is in {swapped}")) {
            swapped.clone_into(unit);
        }
    }
    points.drop_option(
        Operator::MisclassifyError,
        &mut errors.should_retry,
        "the header that allows a retry",
    );
    points.drop_option(Operator::MisclassifyError, &mut errors.rate_limits, "the headers of rate limits");
}

fn classes<W: std::fmt::Display>(table: &str, rows: &mut Vec<(W, String)>, points: &mut Points) {
    points.drop_one(Operator::MisclassifyError, rows, |(wire, _)| format!("{table} {wire}"));
    for (wire, class) in rows {
        let swapped = other_kind(class);
        if points.here(Operator::MisclassifyError, || format!("{table} {wire} is {swapped}")) {
            *class = swapped;
        }
    }
}

/// An error class as the runtime spells it, and the one that follows it.
fn other_kind(class: &str) -> String {
    other(class, ERROR_KINDS).to_owned()
}
