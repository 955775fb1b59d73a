//! The chat program of the umbrella, as it stands there: over HTTP, and in the process, by another string.

use std::io::Write;
use std::process::{Command, Stdio};

use typewright_tests::loopback::{Answer, Cuts, serve};

use super::*;

/// Runs the program with a model, and with lines to say to it.
fn said(model: &str, lines: &str, variables: &[(&str, &str)]) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chat"))
        .arg(model)
        .envs(variables.iter().copied())
        .env("NO_PROXY", "*")
        .env("TYPEWRIGHT_THREADS", "1")
        .env("TYPEWRIGHT_CONTEXT", "200")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What stands below an answer: tokens in and out, and how fast it was.
fn is_summary(line: &str) -> bool {
    line.contains(" in, ") && line.contains(" out, ") && line.contains(", first after ")
}

#[tokio::test]
async fn a_program_moves_by_changing_a_string() {
    let frames = [
        r#"{"model":"m","message":{"role":"assistant","content":"Hel"},"done":false}"#,
        r#"{"model":"m","message":{"role":"assistant","content":"lo"},"done":false}"#,
        r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}"#,
    ];
    let answer = Answer {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/x-ndjson".to_owned())],
        body: format!("{}\n", frames.join("\n")).into_bytes(),
        cuts: Cuts::Whole,
    };
    let server = serve(answer).await.unwrap();
    let url = server.url.clone();
    let run = move || said("ollama:m", "hello\n/quit\n", &[("OLLAMA_HOST", &url)]);
    let hosted = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(
        hosted.contains("Hello") && hosted.lines().any(is_summary) && hosted.contains("3 in, 2 out"),
        "{hosted}"
    );

    let folder = Folder::new("client");
    let path = write(&folder, "tiny.gguf");
    let name = format!("candle:{}", path.display());
    let local = tokio::task::spawn_blocking(move || said(&name, "hello\n/quit\n", &[])).await.unwrap();
    assert_eq!(local.lines().filter(|line| is_summary(line)).count(), 1, "{local}");
    assert!(local.contains(" tokens/s"), "{local}");
}

#[test]
fn a_conversation_goes_on_with_another_model() {
    let folder = Folder::new("client");
    let [a, b] = ["a.gguf", "b.gguf"].map(|name| write(&folder, name));
    let lines = format!(
        "/system be brief\none\n/model candle:{}\n/model candle:\n/model candle:nothing\ntwo\n/clear\n/model candle:{}\nthree\n/quit\n",
        b.display(),
        a.display()
    );
    let said = said(&format!("candle:{}", a.display()), &lines, &[]);
    // The second is said to a model that is not there, and the third alone again: the first and the last are answered.
    assert_eq!(said.lines().filter(|line| is_summary(line)).count(), 2, "{said}");
    assert!(said.contains("`candle:` is no model") && said.contains("`nothing` is no model"), "{said}");
}
