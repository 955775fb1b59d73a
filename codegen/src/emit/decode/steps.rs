//! What fires when a value has ended: tests on locals, then operations on the target.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::ident;
use crate::ir::decode::{Decode, LocalId, Op, Place, PlaceKey, Row, Step, Test, Value, Visit};

/// What the steps of one visit are written with.
struct Writer<'a> {
    decode: &'a Decode,
    visit: &'a Visit,
    returns_failure: bool,
    /// The place bound to `at` in front of the steps.
    shared: Option<Place>,
}

/// All steps of a visit.
pub(super) fn all(decode: &Decode, visit: &Visit, returns_failure: bool) -> TokenStream {
    let mut places = Vec::new();
    visit.steps.iter().for_each(|step| collect_places(step, &mut places));
    let shared = match places.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    };
    let writer = Writer { decode, visit, returns_failure, shared: None };
    let bind = shared.as_ref().map(|place| {
        let place = writer.place(place);
        quote!(let at = #place;)
    });
    let writer = Writer { shared, ..writer };
    let steps = visit.steps.iter().map(|step| writer.step(step));
    quote!(#bind #(#steps)*)
}

/// The places other than the caller's that operations name.
fn collect_places(step: &Step, places: &mut Vec<Place>) {
    let mut add = |place: &Place| {
        if *place != Place::default() && !places.contains(place) {
            places.push(place.clone());
        }
    };
    match step {
        Step::Fire(row) if uses_place(&row.op) => add(&row.at),
        Step::Fire(_) => {}
        Step::First(arms) => {
            arms.iter().flat_map(|(_, steps)| steps).for_each(|step| collect_places(step, places))
        }
        Step::Each { at, .. } => add(at),
    }
}

fn uses_place(op: &Op) -> bool {
    matches!(
        op,
        Op::Open(_)
            | Op::Append(_)
            | Op::Set(_)
            | Op::Whole(_)
            | Op::Fill(_)
            | Op::Restate(_)
            | Op::Close(_)
            | Op::Cite
            | Op::Logprobs
            | Op::Finish
            | Op::Raw { .. }
    )
}

impl Writer<'_> {
    fn step(&self, step: &Step) -> TokenStream {
        match step {
            Step::Fire(row) => {
                let (tests, call) = (self.tests(&row.tests, row), self.call(row));
                if tests.is_empty() {
                    return call;
                }
                let tests = all_of(&tests, &row.tests);
                quote!(if #tests { #call })
            }
            Step::First(arms) => self.first(arms),
            Step::Each { list, visit, at, indexed } => {
                let (list, visit) = (self.local(*list), ident(&self.decode.visits[visit.0].name));
                let takes_place = self
                    .decode
                    .visits
                    .iter()
                    .find(|known| visit == known.name)
                    .is_some_and(|known| known.takes_place);
                self.each(&list, &visit, takes_place.then_some(at), *indexed)
            }
        }
    }

    fn first(&self, arms: &[(Vec<Test>, Vec<Step>)]) -> TokenStream {
        let mut out = TokenStream::new();
        for (index, (tests, steps)) in arms.iter().enumerate() {
            let all: Vec<Test> = match steps.as_slice() {
                [Step::Fire(row)] => tests.iter().chain(&row.tests).cloned().collect(),
                _ => tests.clone(),
            };
            let (conditions, body) = match steps.as_slice() {
                // One row: its arguments are unwrapped by the condition itself. The tests of a row within a group join
                // those of the group only where no alternative comes after it.
                [Step::Fire(row)] if row.tests.is_empty() || index + 1 == arms.len() => {
                    (self.tests(&all, row), self.call(row))
                }
                steps => {
                    let steps = steps.iter().map(|step| self.step(step));
                    (tests.iter().map(|test| self.test(test)).collect(), quote!(#(#steps)*))
                }
            };
            let keyword = (index > 0).then(|| quote!(else));
            let conditions = all_of(&conditions, &all);
            out.extend(if conditions.is_empty() {
                quote!(#keyword { #body })
            } else {
                quote!(#keyword if #conditions { #body })
            });
        }
        out
    }

    fn each(&self, list: &syn::Ident, visit: &syn::Ident, at: Option<&Place>, indexed: bool) -> TokenStream {
        let place = at.map(|at| self.place(at));
        let call = match (&place, indexed) {
            (Some(place), true) => quote! {
                #visit(c, fold, At { key: Some(Key::Index(index)), ..#place })?;
                index += 1;
            },
            (Some(place), false) => quote!(#visit(c, fold, #place)?;),
            (None, _) => quote!(#visit(c, fold)?;),
        };
        let index = indexed.then(|| quote!(let mut index = 0;));
        quote! {
            if let Some(list) = #list {
                let c = &mut Cursor::within(list);
                #index
                if c.array()? {
                    while c.element()? {
                        #call
                    }
                }
            }
        }
    }

    fn local(&self, id: LocalId) -> syn::Ident {
        ident(&self.visit.locals[id.0].name)
    }

    fn value(&self, value: &Value) -> TokenStream {
        match value {
            Value::Local(id) => {
                let name = self.local(*id);
                quote!(#name)
            }
            Value::First(ids) => {
                let mut names = ids.iter().map(|id| self.local(*id));
                let first = names.next();
                quote!(#first #(.or(#names))*)
            }
        }
    }

    /// The tests of a row. An argument that the operation takes by value is unwrapped by its own test.
    fn tests(&self, tests: &[Test], row: &Row) -> Vec<TokenStream> {
        let direct = direct_argument(&row.op).and_then(|name| argument(row, name));
        let unwraps =
            |test: &Test| matches!(test, Test::Has(value) | Test::Filled(value) if Some(value) == direct);
        let mut out: Vec<TokenStream> =
            tests.iter().filter(|test| !unwraps(test)).map(|test| self.test(test)).collect();
        if let Some(value) = direct {
            let (name, value) = (self.unwrapped(value), self.value(value));
            out.push(quote!(let Some(#name) = #value));
            let is_filled = |test: &&Test| matches!(test, Test::Filled(value) if Some(value) == direct);
            out.extend(tests.iter().find(is_filled).map(|_| quote!(!#name.is_empty())));
        }
        out
    }

    fn unwrapped(&self, value: &Value) -> syn::Ident {
        match value {
            Value::Local(id) => self.local(*id),
            Value::First(ids) => self.local(ids[0]),
        }
    }

    fn test(&self, test: &Test) -> TokenStream {
        match test {
            Test::Has(value) => {
                let value = self.value(value);
                quote!(#value.is_some())
            }
            Test::Filled(value) => {
                let value = self.value(value);
                quote!(filled(#value))
            }
            Test::Any(ids) => {
                let names = ids.iter().map(|id| self.local(*id));
                quote!(#(#names.is_some())||*)
            }
            Test::Is(id, word) => {
                let name = self.local(*id);
                quote!(is(#name, #word))
            }
            Test::NonEmpty(id) => {
                let name = self.local(*id);
                quote!(has_items(#name))
            }
            Test::Flag(id, value) => {
                let name = self.local(*id);
                quote!(#name == Some(#value))
            }
        }
    }

    fn place(&self, place: &Place) -> TokenStream {
        let base = if self.visit.takes_place { quote!(at) } else { quote!(At::default()) };
        if self.shared.as_ref() == Some(place) {
            return quote!(at);
        }
        if *place == Place::default() {
            return base;
        }
        let choice = place.choice.map(|id| {
            let name = self.local(id);
            quote!(choice: #name.unwrap_or_default(),)
        });
        let key = |field: &str, key: &Option<PlaceKey>| {
            let field = format_ident!("{field}");
            key.as_ref().map(|key| match key {
                PlaceKey::Local(id) => {
                    let name = self.local(*id);
                    quote!(#field: #name,)
                }
                PlaceKey::Fixed(word) => quote!(#field: Some(Key::Name(Text::plain(#word))),),
            })
        };
        let (key, key2) = (key("key", &place.key), key("key2", &place.key2));
        quote!(At { #choice #key #key2 ..#base })
    }

    fn call(&self, row: &Row) -> TokenStream {
        let at = self.place(&row.at);
        let optional =
            |name: &str| argument(row, name).map_or_else(|| quote!(None), |value| self.value(value));
        let direct = |name: &str| argument(row, name).map(|value| self.unwrapped(value));
        match &row.op {
            Op::Meta => {
                let (id, model, created, tier) =
                    (optional("id"), optional("model"), optional("created"), optional("tier"));
                quote!(fold.meta(#id, #model, #created, #tier)?;)
            }
            Op::Served => {
                let model = direct("model");
                quote!(fold.served(#model)?;)
            }
            Op::Append(class) => self.append(row, class, &at),
            Op::Open(class) => self.part("open", row, class, &at),
            Op::Set(class) => self.part("set", row, class, &at),
            Op::Whole(class) => self.part("whole", row, class, &at),
            Op::Fill(class) => self.part("fill", row, class, &at),
            Op::Restate(class) => self.part("restate", row, class, &at),
            Op::Close(classes) => {
                let classes = classes.iter().map(|class| self.class(class));
                quote!(fold.close(&[#(#classes),*], #at)?;)
            }
            Op::Cite => {
                let fields = self.fields(row, None);
                quote!(fold.cite(#at, #fields)?;)
            }
            Op::Logprobs => {
                let tokens = direct("tokens");
                quote!(fold.logprobs(#at, #tokens)?;)
            }
            Op::Usage(leaves) => {
                let leaves = leaves.iter().map(|(index, id)| {
                    let name = self.local(*id);
                    {
                        let index = proc_macro2::Literal::usize_unsuffixed(*index);
                        quote!((#index, #name))
                    }
                });
                let raw = optional("raw");
                quote!(fold.usage(&[#(#leaves),*], #raw)?;)
            }
            Op::Finish => {
                let (reason, stop) = (direct("reason"), optional("stop_sequence"));
                quote!(fold.finish(#at.choice, #reason, #stop)?;)
            }
            Op::End => quote!(fold.end()?;),
            Op::Beat => quote!(fold.beat()?;),
            Op::Fail => self.fail(row),
            Op::Raw { part } => {
                let raw = direct("raw");
                quote!(fold.raw(#at, #raw, #part)?;)
            }
            Op::Embedding => {
                let (index, vector) = (optional("index"), direct("vector"));
                quote!(fold.embedding(#index, #vector)?;)
            }
            Op::Model => {
                let listed = self.literal("Listed", 5, row);
                quote!(fold.model(#listed)?;)
            }
            Op::Next => {
                let cursor = direct("cursor");
                quote!(fold.next(Some(#cursor))?;)
            }
            Op::Tokens => {
                let input = direct("input");
                quote!(fold.tokens(#input)?;)
            }
        }
    }

    fn class(&self, class: &str) -> TokenStream {
        let variant = ident(&crate::emit::camel(class));
        quote!(Class::#variant)
    }

    fn append(&self, row: &Row, class: &str, at: &TokenStream) -> TokenStream {
        let class = self.class(class);
        let delta = argument(row, "delta").map(|value| self.unwrapped(value));
        if row.args.len() == 1 && !self.is_compared(row) {
            return quote!(fold.append(#class, #at, #delta)?;);
        }
        let fields = self.fields(row, Some("delta"));
        quote!(fold.append_with(#class, #at, #delta, #fields)?;)
    }

    /// Whether a test depends on what the fragment says. The runtime takes it that a plain `append` does the same
    /// with any fragment.
    fn is_compared(&self, row: &Row) -> bool {
        let ids = match argument(row, "delta") {
            Some(Value::Local(id)) => std::slice::from_ref(id),
            Some(Value::First(ids)) => ids,
            None => &[],
        };
        self.visit.steps.iter().any(|step| compares(step, ids))
    }

    fn part(&self, method: &str, row: &Row, class: &str, at: &TokenStream) -> TokenStream {
        let (method, class, fields) = (ident(method), self.class(class), self.fields(row, None));
        quote!(fold.#method(#class, #at, #fields)?;)
    }

    fn fields(&self, row: &Row, except: Option<&str>) -> TokenStream {
        let fields = row
            .args
            .iter()
            .filter(|(name, _)| Some(name.as_str()) != except)
            .map(|(name, value)| field(name, &self.value(value)));
        quote!(Fields { #(#fields,)* ..Fields::default() })
    }

    /// All arguments as a struct of `count` fields, the others at their default.
    fn literal(&self, name: &str, count: usize, row: &Row) -> TokenStream {
        let fields = row.args.iter().map(|(name, value)| field(name, &self.value(value)));
        let name = ident(name);
        let rest = (row.args.len() < count).then(|| quote!(..#name::default()));
        quote!(#name { #(#fields,)* #rest })
    }

    fn fail(&self, row: &Row) -> TokenStream {
        let failure = self.literal("Failure", 7, row);
        if self.returns_failure { quote!(return Ok(Some(#failure));) } else { quote!(fold.fail(#failure)?;) }
    }
}

/// Whether a test in the step compares one of the locals with a word.
fn compares(step: &Step, ids: &[LocalId]) -> bool {
    let any = |tests: &[Test]| tests.iter().any(|test| matches!(test, Test::Is(id, _) if ids.contains(id)));
    match step {
        Step::Fire(row) => any(&row.tests),
        Step::First(arms) => {
            arms.iter().any(|(tests, steps)| any(tests) || steps.iter().any(|step| compares(step, ids)))
        }
        Step::Each { .. } => false,
    }
}

/// Conditions joined; an alternative of several gets its parentheses only beside others.
fn all_of(conditions: &[TokenStream], tests: &[Test]) -> TokenStream {
    let has_or = tests.iter().any(|test| matches!(test, Test::Any(ids) if ids.len() > 1));
    if conditions.len() < 2 || !has_or {
        return quote!(#(#conditions)&&*);
    }
    let wrapped = conditions.iter().map(|condition| {
        let is_or = condition.to_string().contains("||");
        if is_or { quote!((#condition)) } else { condition.clone() }
    });
    quote!(#(#wrapped)&&*)
}

/// A field of a struct literal, short where the value has its name.
fn field(name: &str, value: &TokenStream) -> TokenStream {
    let ident = ident(name);
    if value.to_string() == name { quote!(#ident) } else { quote!(#ident: #value) }
}

/// The argument that an operation takes by value rather than as an option.
fn direct_argument(op: &Op) -> Option<&'static str> {
    match op {
        Op::Append(_) => Some("delta"),
        Op::Served => Some("model"),
        Op::Logprobs => Some("tokens"),
        Op::Finish => Some("reason"),
        Op::Raw { .. } => Some("raw"),
        Op::Embedding => Some("vector"),
        Op::Next => Some("cursor"),
        Op::Tokens => Some("input"),
        _ => None,
    }
}

fn argument<'a>(row: &'a Row, name: &str) -> Option<&'a Value> {
    row.args.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}
