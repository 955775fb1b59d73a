//! What a generated crate costs those who compile it: counts that are the same on every machine, and their comparison
//! with a baseline.
//!
//! Models are data that grows by intent, so what is generated of them is counted by the model; everything else is
//! counted whole. Building and measuring is the caller's business: what it finds joins the counts here.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use serde::{Deserialize, Serialize};
use syn::{ImplItem, Item};

use crate::emit::output::Output;

/// The counts of one crate, by name.
pub type Counts = BTreeMap<String, u64>;

/// The counts of all crates, as a baseline keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// The compiler that built the crates, where sizes were measured.
    pub compiler: Option<String>,
    /// The crates, by name.
    pub crates: BTreeMap<String, Counts>,
}

/// A count that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Its name.
    pub name: &'static str,
    /// By how many percent it may grow before somebody has to accept it.
    pub percent: u64,
    /// Why so many.
    pub why: &'static str,
}

/// How many models a crate lists; shown, not compared.
pub const MODELS: &str = "models";
/// The crates that one brings along.
pub const DEPENDENCIES: &str = "dependencies";
/// The size of the compiled library. Compared only where the same compiler made it.
pub const RLIB: &str = "rlib_bytes";

/// Every count that is compared.
pub const LIMITS: &[Limit] = &[
    Limit {
        name: "lines",
        percent: 2,
        why: "a row of the wire or an option more is no change of the emitter",
    },
    Limit {
        name: "tokens",
        percent: 2,
        why: "a row of the wire or an option more is no change of the emitter",
    },
    Limit { name: "functions", percent: 2, why: "an option more is a function more" },
    Limit { name: "generic_functions", percent: 0, why: "each is compiled anew for every use" },
    Limit { name: "impls", percent: 0, why: "an impl more is a decision" },
    Limit { name: "types", percent: 0, why: "a type more, with what it derives, is a decision" },
    Limit { name: "tokens_a_model", percent: 5, why: "newer models list more than older ones" },
    Limit { name: DEPENDENCIES, percent: 0, why: "everybody pays for each" },
    Limit { name: RLIB, percent: 10, why: "models are in it, and nobody has to accept one model more" },
];

/// A crate that costs more than the baseline allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A count grew.
    Grew {
        /// The crate.
        name: String,
        /// Which.
        limit: Limit,
        /// What the baseline says.
        old: u64,
        /// What there is now.
        new: u64,
    },
    /// The baseline does not know the crate, or this count of it.
    Unknown {
        /// The crate.
        name: String,
        /// The count.
        count: &'static str,
    },
    /// The baseline knows a crate that there is no more.
    Gone {
        /// The crate.
        name: String,
    },
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Grew { name, limit: Limit { name: count, percent, why }, old, new } => {
                write!(
                    f,
                    "{name}: {count} was {old} and is {new}; at most {percent} % more is allowed ({why})"
                )
            }
            Self::Unknown { name, count } => write!(f, "{name}: {count} is not in the baseline"),
            Self::Gone { name } => write!(f, "{name}: is in the baseline, and is not generated any more"),
        }
    }
}

/// What `now` costs more than `baseline` allows. What was not measured now is not compared.
pub fn compare(baseline: &Costs, now: &Costs) -> Vec<Finding> {
    let same_compiler = now.compiler.is_some() && baseline.compiler == now.compiler;
    let mut findings = Vec::new();
    for (name, counts) in &now.crates {
        let known = baseline.crates.get(name);
        for limit in LIMITS {
            let Some(new) = counts.get(limit.name).copied() else { continue };
            let old = known.and_then(|known| known.get(limit.name)).copied();
            let Some(old) = old else {
                findings.push(Finding::Unknown { name: name.clone(), count: limit.name });
                continue;
            };
            let comparable = limit.name != RLIB || same_compiler;
            if comparable && u128::from(new) * 100 > u128::from(old) * u128::from(100 + limit.percent) {
                findings.push(Finding::Grew { name: name.clone(), limit: *limit, old, new });
            }
        }
    }
    let gone = baseline.crates.keys().filter(|name| !now.crates.contains_key(*name));
    findings.extend(gone.map(|name| Finding::Gone { name: name.clone() }));
    findings
}

/// Counts what was generated, by the folder of the crate.
pub fn counts(outputs: &[Output]) -> BTreeMap<String, Counts> {
    let mut found: BTreeMap<String, Tally> = BTreeMap::new();
    for output in
        outputs.iter().filter(|output| output.path.contains("/src/") && output.path.ends_with(".rs"))
    {
        found.entry(output.owner().to_owned()).or_default().file(&output.path, &output.text);
    }
    found.into_iter().map(|(folder, tally)| (folder, tally.counts())).collect()
}

#[derive(Default)]
struct Tally {
    models: u64,
    model_tokens: u64,
    lines: u64,
    tokens: u64,
    functions: u64,
    generic_functions: u64,
    impls: u64,
    types: u64,
}

impl Tally {
    fn file(&mut self, path: &str, text: &str) {
        let Ok(file) = syn::parse_file(text) else { return };
        let tokens = text.parse().map(tokens).unwrap_or_default();
        if path.ends_with("/models.rs") || path.contains("/catalog/") {
            self.models += text.matches("Model::new(").count() as u64;
            self.model_tokens += tokens;
            return;
        }
        self.tokens += tokens;
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
        self.lines += text.lines().filter(is_code).count() as u64;
        file.items.iter().for_each(|item| self.item(item));
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Mod(module) => {
                module.content.iter().flat_map(|(_, items)| items).for_each(|item| self.item(item));
            }
            Item::Fn(function) => self.function(&function.sig),
            Item::Struct(_) | Item::Enum(_) => self.types += 1,
            Item::Impl(block) => {
                self.impls += 1;
                for item in &block.items {
                    if let ImplItem::Fn(function) = item {
                        self.function(&function.sig);
                    }
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, signature: &syn::Signature) {
        self.functions += 1;
        let by_name = signature.generics.type_params().next().is_some();
        let by_argument = signature.inputs.iter().any(
            |input| matches!(input, syn::FnArg::Typed(input) if matches!(*input.ty, syn::Type::ImplTrait(_))),
        );
        self.generic_functions += u64::from(by_name || by_argument);
    }

    fn counts(&self) -> Counts {
        let a_model = self.model_tokens.checked_div(self.models);
        let counts = [
            (MODELS, Some(self.models)),
            ("lines", Some(self.lines)),
            ("tokens", Some(self.tokens)),
            ("functions", Some(self.functions)),
            ("generic_functions", Some(self.generic_functions)),
            ("impls", Some(self.impls)),
            ("types", Some(self.types)),
            ("tokens_a_model", a_model),
        ];
        counts.into_iter().filter_map(|(name, count)| Some((name.to_owned(), count?))).collect()
    }
}

/// The tokens of a file without its documentation.
fn tokens(stream: TokenStream) -> u64 {
    let mut count = 0;
    for tree in stream {
        count += match tree {
            TokenTree::Group(group) if is_doc(&group) => 0,
            // Its two delimiters.
            TokenTree::Group(group) => 2 + tokens(group.stream()),
            TokenTree::Punct(punct) if punct.as_char() == '#' => 0,
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => 1,
        };
    }
    count
}

fn is_doc(group: &proc_macro2::Group) -> bool {
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket && matches!(first, Some(TokenTree::Ident(name)) if name == "doc")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::output::Rendered;

    fn output(path: &str, text: &str) -> Output {
        Output::new(path, Rendered { text: text.to_owned(), ..Rendered::default() })
    }

    fn costs(counts: &[(&str, u64)]) -> Costs {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Costs { compiler: Some("rustc 1".to_owned()), crates: [("acme".to_owned(), counts)].into() }
    }

    #[test]
    fn code_is_counted_and_documentation_is_not() {
        let code =
            "pub struct A {}\n\nimpl A {\n    pub fn f<T>(&self, x: T) {}\n    fn g(x: impl Copy) {}\n}\n";
        let documented =
            code.replace("    pub fn", "    /// What it does, at length.\n    // And how.\n    pub fn");
        let of = |text: &str| counts(&[output("acme/src/lib.rs", text)])["acme"].clone();
        assert_eq!(of(code), of(&documented));
        let found = of(code);
        let count = |name: &str| found[name];
        assert_eq!((count("lines"), count("functions"), count("generic_functions")), (5, 2, 2));
        assert_eq!((count("impls"), count("types"), count("models")), (1, 1, 0));
    }

    #[test]
    fn another_model_makes_no_difference() {
        let model = "const A: Model = Model { name: \"a\", ..Model::new(\"acme\", \"a\") };\n";
        let of = |times: usize| counts(&[output("acme/src/models.rs", &model.repeat(times))])["acme"].clone();
        assert_eq!((of(1)["models"], of(9)["models"]), (1, 9));
        assert_eq!(of(1)["tokens_a_model"], of(9)["tokens_a_model"]);
        assert_eq!(of(9)["lines"], 0);
    }

    #[test]
    fn growth_beyond_what_is_allowed_is_found_and_nothing_else() {
        let old = costs(&[("tokens", 1000), (DEPENDENCIES, 50), (RLIB, 1000)]);
        let fine = costs(&[("tokens", 1020), (DEPENDENCIES, 49), (RLIB, 1100)]);
        assert_eq!(compare(&old, &fine), []);
        let worse = costs(&[("tokens", 1021), (DEPENDENCIES, 51), (RLIB, 1101)]);
        let found: Vec<String> = compare(&old, &worse).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("acme: tokens was 1000 and is 1021; at most 2 % more"), "{found:?}");
    }

    #[test]
    fn sizes_by_another_compiler_are_not_compared_and_unknown_crates_are_told() {
        let old = costs(&[(RLIB, 1000)]);
        let other = Costs { compiler: Some("rustc 2".to_owned()), ..costs(&[(RLIB, 9000)]) };
        assert_eq!(compare(&old, &other), []);
        let unknown = compare(&Costs::default(), &other);
        assert_eq!(unknown, [Finding::Unknown { name: "acme".to_owned(), count: RLIB }]);
        assert_eq!(compare(&old, &Costs::default()), [Finding::Gone { name: "acme".to_owned() }]);
    }
}
