//! Mutants of wires: what the compiler makes of a seed. Whether tests notice them is for `cargo xtask mutants` to tell,
//! which builds them.

use std::collections::BTreeSet;

use typewright_codegen::compiler::{Compiler, Runtime};
use typewright_codegen::mutate::{self, Draw, Plan};
use typewright_tests::corpus::workspace_root;

fn plan(draw: Draw, without: &BTreeSet<String>) -> Plan {
    let root = workspace_root();
    let compiler = Compiler::new()
        .providers(root.join("providers"))
        .templates(root.join("templates"))
        .out(root.join("target/mutants/generated"))
        .runtime(Runtime::Path(root.join("runtime")));
    mutate::plan(&compiler, draw, without).unwrap()
}

#[test]
fn a_seed_draws_the_same_mutants_each_time() {
    let draw = Draw { count: 12, seed: 7 };
    let (one, two) = (plan(draw, &BTreeSet::new()), plan(draw, &BTreeSet::new()));
    assert_eq!(one.mutants, two.mutants);
    assert!(one.files == two.files, "the files differ");
    assert!(one.enumerated > 2000, "only {} places to change", one.enumerated);
    assert_eq!(one.mutants.len() + one.same, 12);

    let other = plan(Draw { seed: 8, ..draw }, &BTreeSet::new());
    assert_ne!(one.mutants, other.mutants);
}

#[test]
fn a_mutant_is_code_behind_a_choice() {
    let plan = plan(Draw { count: 12, seed: 7 }, &BTreeSet::new());
    let names: BTreeSet<&str> = plan.mutants.iter().map(|mutant| mutant.name.as_str()).collect();
    assert_eq!(names.len(), plan.mutants.len(), "two have one name");
    for mutant in &plan.mutants {
        assert!(!mutant.sites.is_empty() && !mutant.providers.is_empty(), "{mutant:?}");
        let (path, line) = mutant.place.rsplit_once(':').unwrap();
        assert!(std::path::Path::new(path).is_file() && line.parse::<usize>().unwrap() > 0, "{mutant:?}");
        for provider in &mutant.providers {
            let wire = &plan.files[&format!("generated/{provider}/src/wire.rs")];
            assert!(
                wire.contains(&format!("__m{}", mutant.id)),
                "{mutant:?} is not in the wire of {provider}"
            );
        }
    }
    for (path, text) in plan.files.iter().filter(|(path, _)| path.ends_with(".rs")) {
        assert!(syn::parse_file(text).is_ok(), "{path} is no Rust");
    }
}

#[test]
fn a_mutant_that_does_not_build_is_left_out_and_no_other() {
    let draw = Draw { count: 12, seed: 7 };
    let all = plan(draw, &BTreeSet::new());
    let first = all.mutants[0].name.clone();
    let rest = plan(draw, &BTreeSet::from([first.clone()]));
    let names = |plan: &Plan| plan.mutants.iter().map(|mutant| mutant.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&rest), names(&all)[1..]);
}
