//! An obstacle course for names: keywords, the prelude, names that collide, names without a letter, long names. What
//! comes of it builds, is used by a program, and is shown whole to whoever reviews it.

use std::process::Command;

use typewright_codegen::compiler::Compiler;
use typewright_tests::loopback::{self, Answer, Cuts};

use crate::built;
use crate::folder::Folder;

#[test]
fn every_obstacle_is_passed_and_still_called_by_its_own_name() {
    let mut command = Command::new(built::program("names"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (told, asked) = runtime.block_on(async {
        let body =
            r#"{"choices":[{"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}]}"#;
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let answer = Answer { status: 200, headers, body: body.into(), cuts: Cuts::Whole };
        let server = loopback::serve(answer).await.unwrap();
        command.arg(&server.url);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), server.asked().remove(0))
    });
    insta::assert_snapshot!("names_on_the_wire", told);
    let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body["model"], "Option");
    let fields: [(&str, serde_json::Value); 4] =
        [("type", "Self".into()), ("fn", "f".into()), ("Option", true.into()), ("nan", 0.5.into())];
    for (name, value) in fields.into_iter().chain([("a \"field\" with \\ signs", (-3).into())]) {
        assert_eq!(body[name], value, "{name}");
    }
    assert_eq!(body["🦀"], serde_json::json!(["v"]));
}

#[test]
fn what_became_of_the_names() {
    // The options alone: the models are a constant and a type each, which the listing shows.
    insta::assert_snapshot!("obstacles_options", built::generated("obstacles/src/options.rs"));
    insta::assert_snapshot!("obstacles_models", built::generated("obstacles/src/models.rs"));
    // Where the runtime is differs from one checkout to the next.
    let manifest = built::generated("obstacles/Cargo.toml");
    let (manifest, _) = manifest.split_once(", path = ").unwrap();
    insta::assert_snapshot!("obstacles_manifest", manifest);
}

#[test]
fn an_option_that_cannot_be_a_method_is_told_at_its_place() {
    let folder = Folder::new("options");
    let names = ["type", "fn", "self", "new", "Self", "1m", "clone", "a-b"];
    let mut text = "name: acme\nbase_url: https://acme.example/v1\noptions:\n".to_owned();
    names
        .iter()
        .for_each(|name| text.push_str(&format!("  {name}: {{type: boolean, wire: x_{}}}\n", name.len())));
    folder.write("providers/acme.yaml", &text);
    let found = codes(&folder.compiler());
    let wanted: Vec<_> = (0..names.len()).map(|at| ("TW0231", at + 4, 3)).collect();
    assert_eq!(found, wanted);
}

fn codes(compiler: &Compiler) -> Vec<(&'static str, usize, usize)> {
    let compilation = compiler.compile().unwrap();
    let place = |span| compilation.sources.locate(span);
    let found = compilation.diagnostics.iter();
    found.map(|one| (one.code, place(one.span).1, place(one.span).2)).collect()
}
