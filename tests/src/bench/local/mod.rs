//! Inference on this machine's processor, beside programs that run the same files. What is measured runs in a child that
//! is built for it, for it alone needs local inference.
//!
//! Models are `1b-q4_k_m.gguf`, `1b-q8_0.gguf` and `1b-f16.gguf` in the folder that `TYPEWRIGHT_MODELS` names; what is not
//! there is written with random weights, which are as fast as others, and removed afterwards.

mod peers;
mod sentences;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use super::process::{cargo_into, printed, results, said};
use super::row::Report;
use super::sample::Pairs;
use super::{Failure, Options};
use crate::corpus::workspace_root;
use peers::{PEERS, Peer, Speed};

const CHILD: &str = "local_child";
const MODELS: &str = "TYPEWRIGHT_MODELS";
/// What runs computes on this many threads.
pub const THREADS: &str = "2";
/// Names in rows and in names of files.
const FORMATS: [(&str, &str); 3] = [("Q4_K_M", "q4_k_m"), ("Q8_0", "q8_0"), ("F16", "f16")];
/// Its products are exact.
const EXACT: &str = "F16";
/// Writes logits of llama.cpp.
const LOGITS: &str = "llama-logits";
/// Tokens that probabilities are compared after.
const COMPARED: usize = 256;

/// Runs the section.
pub fn run(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let child = built()?;
    let peers: Vec<&Peer> = PEERS.iter().filter(|peer| peer.program(options).is_some()).collect();
    for (format, file) in FORMATS {
        let (model, own) = model(&child, file)?;
        let told = measure(options, &child, &model, &peers)
            .and_then(|runs| tell(format, &runs, &peers, report))
            .and_then(|()| diverge(options, &child, format, &model, report));
        if own {
            fs::remove_file(&model)?;
        }
        told?;
    }
    let sampled = said(Command::new(&child).arg("samplers"))?;
    report.value("sampling, top-k and top-p", &[number(&sampled, "top_k_top_p_us")?])?;
    report.value("sampling, top-p", &[number(&sampled, "top_p_us")?])?;
    sentences::run(options, &child, report)
}

/// The child, beside this program in the target folder.
fn built() -> Result<PathBuf, Failure> {
    let program = env::current_exe()?;
    let target = program.parent().and_then(Path::parent).unwrap_or(Path::new("target"));
    let build = ["build", "--release", "--quiet", "--package", "typewright-tests", "--features", "local"];
    cargo_into(target, &workspace_root(), &[&build[..], &["--bin", CHILD]].concat())?;
    Ok(target.join("release").join(CHILD))
}

/// A file, and whether it was made here.
fn model(child: &Path, format: &str) -> Result<(PathBuf, bool), Failure> {
    let name = format!("1b-{format}.gguf");
    let kept = env::var_os(MODELS).map(|folder| Path::new(&folder).join(&name)).filter(|file| file.is_file());
    if let Some(kept) = kept {
        return Ok((kept, false));
    }
    fs::create_dir_all(results())?;
    let file = results().join(name);
    said(Command::new(child).args(["write", format]).arg(&file))?;
    Ok((file, true))
}

/// What the child and each peer said, run after run.
struct Runs {
    ours: Vec<Value>,
    peers: Vec<Vec<Speed>>,
}

fn measure(options: &Options, child: &Path, model: &Path, peers: &[&Peer]) -> Result<Runs, Failure> {
    let mut runs = Runs { ours: Vec::new(), peers: vec![Vec::new(); peers.len()] };
    for _ in 0..options.pairs(5) {
        runs.ours.push(said(Command::new(child).arg("model").arg(model).arg(THREADS))?);
        for (peer, speeds) in peers.iter().zip(&mut runs.peers) {
            speeds.push(peer.speed(options, model)?);
        }
    }
    Ok(runs)
}

fn tell(format: &str, runs: &Runs, peers: &[&Peer], report: &mut Report<'_>) -> Result<(), Failure> {
    let ours = |key: &str| runs.ours.iter().map(|run| number(run, key)).collect::<Result<Vec<f64>, _>>();
    for (what, key) in [("prefill", "prefill_ms"), ("decode", "decode_ms")] {
        let (ours, name) = (ours(key)?, format!("{format}: {what}"));
        let of = |speed: &Speed| if what == "prefill" { speed.prefill_ms } else { speed.decode_ms };
        let speeds: Vec<f64> = ours.iter().map(|ms| 1e3 / ms).collect();
        report.value(&format!("{name}, tokens"), &speeds)?;
        let mut best = vec![f64::INFINITY; ours.len()];
        for peer in &PEERS {
            let name = format!("{name}, {}", peer.name);
            let Some(at) = peers.iter().position(|there| there.name == peer.name) else {
                report.missing(&name, peer.missing())?;
                continue;
            };
            let theirs: Vec<f64> = runs.peers[at].iter().map(of).collect();
            best.iter_mut().zip(&theirs).for_each(|(best, theirs)| *best = best.min(*theirs));
            report.pairs(&name, &Pairs { ours: ours.clone(), theirs })?;
        }
        if peers.is_empty() {
            report.missing(&name, "no peer is there: run with --peers DIR")?;
        } else {
            report.pairs(&name, &Pairs { ours, theirs: best })?;
        }
    }
    report.value(&format!("{format}: load to first token"), &ours("first_ms")?)?;
    match ours("peak") {
        Ok(peaks) => report.value(&format!("{format}: peak memory"), &peaks)?,
        Err(_) => report.missing(&format!("{format}: peak memory"), "the system does not tell it")?,
    }
    Ok(report.value(&format!("{format}: 16 streams"), &ours("streams")?)?)
}

/// How far probabilities are from those of exact products, beside llama.cpp's.
fn diverge(
    options: &Options,
    child: &Path,
    format: &str,
    model: &Path,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    if format == EXACT {
        return Ok(());
    }
    let name = format!("{format}: divergence from exact products");
    let program =
        options.peers.as_ref().map(|folder| folder.join(LOGITS)).filter(|program| program.is_file());
    let Some(program) = program else {
        return Ok(
            report.missing(&name, format!("not measured: run with --peers DIR, where DIR/{LOGITS} is"))?
        );
    };
    let tokens: Vec<String> = (0..COMPARED).map(|at| (1 + at * 7919 % 30_000).to_string()).collect();
    let tokens = tokens.join(",");
    fs::create_dir_all(results())?;
    let logits = results().join(format!("{format}.logits"));
    printed(LOGITS, Command::new(program).arg(model).arg(&tokens).arg(&logits).output()?)?;
    let told = said(Command::new(child).arg("divergence").arg(model).arg(&tokens).arg(&logits));
    fs::remove_file(&logits)?;
    let told = told?;
    Ok(report.pairs(
        &name,
        &Pairs { ours: vec![number(&told, "ours")?], theirs: vec![number(&told, "theirs")?] },
    )?)
}

fn number(value: &Value, key: &str) -> Result<f64, Failure> {
    value[key].as_f64().ok_or_else(|| Failure::Program(format!("no number {key} in {value}")))
}
