//! The changes of what goes out: a walk over [`Encode`].

use super::points::{Operator, Points};
use crate::ir::encode::{
    Action, Alt, Bound, Cond, Encode, Entry, Limit, Node, NodeKind, Otherwise, Piece, Policies, Row, Set,
    Step, Table, Term, Test, Write,
};
use crate::lower::encode::policy_values;

/// Asks at every place of the IR whether to change it there.
pub(super) fn walk(ir: &mut Encode, points: &mut Points) {
    let method = if ir.method == "GET" { "POST" } else { "GET" };
    if points.here(Operator::SwapPolicy, || format!("{} is {method}", ir.method)) {
        method.clone_into(&mut ir.method);
    }
    if let Some(path) = &mut ir.path {
        points.within("path", |points| node(path, points));
    }
    points.within("query", |points| entries(&mut ir.query, points));
    points.within("headers", |points| entries(&mut ir.headers, points));
    if let Some(body) = &mut ir.body {
        points.within("body", |points| node(&mut body.node, points));
    }
    for table in &mut ir.tables {
        points.at(table.span, |points| self::table(table, points));
    }
    points.within("words", |points| {
        points.drop_one(Operator::SwapValue, &mut ir.efforts, |(name, word)| format!("{name} {word}"));
        ir.efforts.iter_mut().for_each(|(_, word)| points.misspell(Operator::SwapValue, word));
    });
    points.within("adjust", |points| adjust(&mut ir.adjust, points));
    points.within("options", |points| {
        points.drop_one(Operator::DropField, &mut ir.appended, |(name, _)| name.clone());
        ir.appended.iter_mut().for_each(|(_, wire)| points.misspell(Operator::RenameField, wire));
    });
    points.within("lossy", |points| {
        points.drop_one(Operator::Silence, &mut ir.lossy, |loss| {
            format!("a warning of {}.{}.{}", loss.table, loss.variant, loss.field)
        });
    });
    points.within("policies", |points| policies(&mut ir.policies, points));
}

fn policies(policies: &mut Policies, points: &mut Points) {
    for (name, value) in [
        ("system", &mut policies.system),
        ("roles", &mut policies.roles),
        ("tool_results", &mut policies.tool_results),
        ("tool_ids", &mut policies.tool_ids),
        ("reasoning", &mut policies.replay_reasoning),
    ] {
        points.within(name, |points| points.replace(Operator::SwapPolicy, value, &policy_values(name)));
    }
}

fn table(table: &mut Table, points: &mut Points) {
    points.within(table.name.clone(), |points| {
        if table.rows.iter().any(|row| row.variant == "_") {
            points.drop_one(Operator::DropRow, &mut table.rows, |row| row.variant.clone());
        }
        for row in &mut table.rows {
            points.within(row.variant.clone(), |points| self::row(row, points));
        }
    });
}

fn row(row: &mut Row, points: &mut Points) {
    if let Some(admits) = &mut row.admits {
        points.drop_one(Operator::DropRow, admits, |part| format!("a place for {part}"));
    }
    points.drop_option(Operator::Silence, &mut row.admits, "its list of parts");
    alts(&mut row.alts, points);
}

fn alts(alts: &mut Vec<Alt>, points: &mut Points) {
    points.drop_but_one(Operator::DropRow, alts, |alt| format!("the alternative {}", alt_name(alt)));
    for at in 1..alts.len() {
        if points.here(Operator::DropRow, || format!("{} comes first", alt_name(&alts[at]))) {
            alts.swap(at - 1, at);
        }
    }
    alts.iter_mut().for_each(|alt| self::alt(alt, points));
}

fn alt_name(alt: &Alt) -> String {
    let musts: Vec<&str> = alt.musts.iter().map(|field| field.name.as_str()).collect();
    format!("[{}] {}", alt.conds.iter().map(cond_name).collect::<Vec<_>>().join(", "), musts.join(", "))
}

fn alt(alt: &mut Alt, points: &mut Points) {
    points.at(alt.span, |points| {
        points.drop_one(Operator::LoosenCondition, &mut alt.conds, cond_name);
        alt.conds.iter_mut().for_each(|cond| self::cond(cond, points));
        node(&mut alt.node, points);
    });
}

fn node(node: &mut Node, points: &mut Points) {
    points.at(node.span, |points| match &mut node.kind {
        NodeKind::Const(json) => constant(json, points),
        NodeKind::Value(value) => {
            points.within(value.field.name.clone(), |points| write(&mut value.write, points))
        }
        NodeKind::Template(pieces) => template(pieces, points),
        NodeKind::Object(keys) => entries(keys, points),
        NodeKind::List(items) => {
            points.drop_one(Operator::DropField, items, |_| "an element".to_owned());
            items.iter_mut().for_each(|item| self::node(item, points));
        }
        NodeKind::If { cond, then } => {
            let inner = (**then).clone();
            self::cond(cond, points);
            self::node(then, points);
            if points.here(Operator::LoosenCondition, || format!("always, not if {}", cond_name(cond))) {
                *node = inner;
            }
        }
        NodeKind::One(alternatives) => alts(alternatives, points),
        NodeKind::Runs(runs) => {
            points.drop_but_one(Operator::DropRow, runs, |run| run.variants.join(", "));
            runs.iter_mut().for_each(|run| alt(&mut run.alt, points));
        }
        NodeKind::Absent => {}
    });
}

fn entries(entries: &mut Vec<Entry>, points: &mut Points) {
    let name = |entry: &Entry| entry.key.clone().unwrap_or_else(|| "a table's fields".to_owned());
    points.drop_one(Operator::DropField, entries, name);
    for entry in entries {
        if let Some(key) = &mut entry.key {
            points.misspell(Operator::RenameField, key);
        }
        points.within(name(entry), |points| node(&mut entry.node, points));
    }
}

fn constant(json: &mut String, points: &mut Points) {
    let swapped = match json.as_str() {
        "null" => return,
        "true" => "false".to_owned(),
        "false" => "true".to_owned(),
        "[]" | "{}" => return,
        text => match text.strip_suffix('"') {
            Some(open) => format!("{open}_\""),
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => format!("{text}1"),
            None => return,
        },
    };
    if points.here(Operator::SwapValue, || format!("{json} is {swapped}")) {
        *json = swapped;
    }
}

fn template(pieces: &mut Vec<Piece>, points: &mut Points) {
    let is_text = |piece: &Piece| matches!(piece, Piece::Text(_));
    if pieces.iter().any(|piece| !is_text(piece)) {
        points.drop_but_one(Operator::SwapValue, pieces, |piece| match piece {
            Piece::Text(text) => format!("the text {text}"),
            Piece::Value(value) => format!("the field {}", value.field.name),
        });
    }
    for piece in pieces {
        if let Piece::Text(text) = piece {
            points.misspell(Operator::SwapValue, text);
        }
    }
}

fn write(write: &mut Write, points: &mut Points) {
    match write {
        Write::List { select, .. } => {
            points.drop_but_one(Operator::DropField, select, |part| format!("{part} parts"))
        }
        Write::Collapse { table, select, plain } => {
            points.drop_one(Operator::LoosenCondition, plain, |field| format!("{field} keeping it a list"));
            points.drop_but_one(Operator::DropField, select, |part| format!("{part} parts"));
            let list = Write::List { table: table.clone(), select: select.clone() };
            if points.here(Operator::SwapValue, || "a lone text is a list".to_owned()) {
                *write = list;
            }
        }
        Write::Concat { select } => {
            points.drop_but_one(Operator::DropField, select, |part| format!("{part} parts"));
        }
        Write::Bool if points.here(Operator::SwapValue, || "negated".to_owned()) => *write = Write::NotBool,
        Write::NotBool if points.here(Operator::SwapValue, || "not negated".to_owned()) => {
            *write = Write::Bool
        }
        _ => {}
    }
}

fn cond_name(cond: &Cond) -> String {
    let all = |conds: &[Cond], between: &str| conds.iter().map(cond_name).collect::<Vec<_>>().join(between);
    match cond {
        Cond::Stream => "stream".to_owned(),
        Cond::Cap(name) | Cond::Uses(name) | Cond::Role(name) => name.clone(),
        Cond::Has(field) => field.name.clone(),
        Cond::Is(field, Test::Variant { variant: value, .. } | Test::Str(value)) => {
            format!("{}={value}", field.name)
        }
        Cond::Is(field, Test::Bool(value)) => format!("{}={value}", field.name),
        Cond::Not(inner) => format!("not {}", cond_name(inner)),
        Cond::All(inner) => all(inner, " and "),
        Cond::Any(inner) => all(inner, " or "),
    }
}

fn cond(cond: &mut Cond, points: &mut Points) {
    let negated = match cond {
        Cond::Not(inner) => (**inner).clone(),
        _ => Cond::Not(Box::new(cond.clone())),
    };
    match cond {
        Cond::Is(_, Test::Str(word)) => points.misspell(Operator::SwapValue, word),
        Cond::Not(inner) => self::cond(inner, points),
        Cond::All(inner) | Cond::Any(inner) => {
            points.drop_but_one(Operator::LoosenCondition, inner, cond_name);
            inner.iter_mut().for_each(|cond| self::cond(cond, points));
        }
        _ => {}
    }
    if points.here(Operator::LoosenCondition, || format!("{} turned around", cond_name(cond))) {
        *cond = negated;
    }
}

fn adjust(steps: &mut Vec<Step>, points: &mut Points) {
    points.drop_one(Operator::LoosenLimit, steps, step_name);
    for step in steps {
        match step {
            Step::Rule { cond, action, span, .. } => points.at(*span, |points| {
                self::cond(cond, points);
                self::action(action, points);
            }),
            Step::Unsupported { refuse, span, field } => points.at(*span, |points| {
                points.flip(Operator::Silence, refuse, &format!("refusing {}", field.name));
            }),
            Step::Depends { on, .. } => {
                points.drop_but_one(Operator::LoosenCondition, on, |field| field.name.clone());
            }
            Step::CacheMarkers { most, span } => points.at(*span, |points| {
                if points.here(Operator::LoosenLimit, || "one more marker".to_owned()) {
                    *most += 1;
                }
            }),
            Step::Limit(limit) => points.at(limit.span, |points| self::limit(limit, points)),
        }
    }
}

fn step_name(step: &Step) -> String {
    match step {
        Step::Rule { cond, .. } => format!("the rule for {}", cond_name(cond)),
        Step::Unsupported { field, .. } => format!("the word on {}", field.name),
        Step::Depends { field, .. } => format!("what {} depends on", field.name),
        Step::CacheMarkers { .. } => "the limit of cache markers".to_owned(),
        Step::Limit(limit) => format!("the limit of {}", limit.field.name),
    }
}

fn action(action: &mut Action, points: &mut Points) {
    match action {
        Action::Drop(fields) => {
            points.drop_but_one(Operator::LoosenLimit, fields, |field| format!("dropping {}", field.name));
        }
        Action::Refuse(_) => {}
        Action::Set(set) => self::set(set, points),
    }
}

fn set(set: &mut Set, points: &mut Points) {
    let name = |term: &Term| match term {
        Term::Field(field) => field.name.clone(),
        Term::Number(number) => number.to_string(),
    };
    points.drop_but_one(Operator::SwapValue, &mut set.terms, |(_, term)| name(term));
    set.terms.iter_mut().for_each(|(negative, _)| points.flip(Operator::SwapValue, negative, "subtracting"));
    points.drop_option(Operator::LoosenLimit, &mut set.clamp, "its clamp");
}

fn limit(limit: &mut Limit, points: &mut Points) {
    points.within(limit.field.name.clone(), |points| {
        match &mut limit.bound {
            Bound::Range { min, max } => {
                points.drop_option(Operator::LoosenLimit, min, "a least value");
                points.drop_option(Operator::LoosenLimit, max, "a greatest value");
                for (_, inclusive) in [min, max].into_iter().flatten() {
                    points.flip(Operator::LoosenLimit, inclusive, "the bound allowed");
                }
            }
            Bound::Items(most) => {
                if points.here(Operator::LoosenLimit, || "one more item".to_owned()) {
                    *most += 1;
                }
            }
        }
        for other in [Otherwise::Refuse, Otherwise::Clamp, Otherwise::Drop] {
            if other != limit.otherwise && points.here(Operator::Silence, || format!("{other:?} outside")) {
                limit.otherwise = other;
                return;
            }
        }
    });
}
