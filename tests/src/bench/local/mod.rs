//! Inference on this machine's processor, beside programs that run the same files. What is measured runs in a child that
//! is built for it, for it alone needs local inference.
//!
//! Models are `1b-q4_k_m.gguf`, `1b-q8_0.gguf` and `1b-f16.gguf` in the folder that `TYPEWRIGHT_MODELS` names; what is not
//! there is written with random weights, which are as fast as others, and removed afterwards.

mod peers;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use super::process::{cargo_into, printed, results};
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
/// Sentences a second are the encoder's; it has no program to be measured by.
const SENTENCES: [&str; 2] = ["MiniLM, batches of 1 of 32 tokens", "MiniLM, batches of 32 of 128 tokens"];

/// Runs the section.
pub fn run(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let child = built()?;
    let peers: Vec<&Peer> = PEERS.iter().filter(|peer| peer.program(options).is_some()).collect();
    for (format, file) in FORMATS {
        let (model, own) = model(&child, file)?;
        let told =
            measure(options, &child, &model, &peers).and_then(|runs| tell(format, &runs, &peers, report));
        if own {
            fs::remove_file(&model)?;
        }
        told?;
    }
    let sampled = said(Command::new(&child).arg("samplers"))?;
    report.value("sampling, top-k and top-p", &[number(&sampled, "top_k_top_p_us")?])?;
    report.value("sampling, top-p", &[number(&sampled, "top_p_us")?])?;
    for name in SENTENCES {
        report.missing(name, "no program measures the encoder yet")?;
    }
    Ok(())
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

/// The line of JSON that a program prints.
fn said(command: &mut Command) -> Result<Value, Failure> {
    let what = command.get_program().display().to_string();
    Ok(serde_json::from_str(&printed(&what, command.output()?)?)?)
}

fn number(value: &Value, key: &str) -> Result<f64, Failure> {
    value[key].as_f64().ok_or_else(|| Failure::Program(format!("no number {key} in {value}")))
}
