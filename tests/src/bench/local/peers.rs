//! The programs that models are run by beside ours.
//!
//! `DIR/llama-bench` is known. Others are `DIR/NAME FILE THREADS`, which prefills 512 tokens, decodes 128 from nothing, and
//! prints JSON with the tokens a second as `pp512` and `tg128`; for encoders `DIR/sentences-NAME FOLDER THREADS`, which
//! prints JSON with the milliseconds of a batch as `1x32` and `32x128`; and `DIR/llama-logits FILE TOKENS LOGITS`, which
//! writes the logits after each token.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::THREADS;
use crate::bench::process::said;
use crate::bench::{Failure, Options};

/// A program that runs models.
pub(super) struct Peer {
    /// Its name in rows.
    pub(super) name: &'static str,
    program: &'static str,
}

/// All of them.
pub(super) const PEERS: [Peer; 3] = [
    Peer { name: "llama.cpp", program: LLAMA },
    Peer { name: "candle", program: "candle" },
    Peer { name: "mistral.rs", program: "mistralrs" },
];
const LLAMA: &str = "llama-bench";

/// Milliseconds a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speed {
    /// Of a prompt.
    pub(super) prefill_ms: f64,
    /// Of an answer.
    pub(super) decode_ms: f64,
}

impl Peer {
    /// Where its program is.
    pub(super) fn program(&self, options: &Options) -> Option<PathBuf> {
        options.peers.as_ref().map(|folder| folder.join(self.program)).filter(|program| program.is_file())
    }

    /// Why it is not measured.
    pub(super) fn missing(&self) -> String {
        format!("not measured: run with --peers DIR, where DIR/{} is", self.program)
    }

    /// Runs the model once.
    pub(super) fn speed(&self, options: &Options, model: &Path) -> Result<Speed, Failure> {
        let mut command = Command::new(self.program(options).unwrap_or_default());
        if self.program != LLAMA {
            let told = said(command.arg(model).arg(THREADS))?;
            return Ok(Speed { prefill_ms: ms(&told["pp512"])?, decode_ms: ms(&told["tg128"])? });
        }
        command.arg("-m").arg(model).args(["-p", "512", "-n", "128", "-t", THREADS, "-r", "1", "-o", "json"]);
        let told = said(&mut command)?;
        let of = |key: &str| {
            let test = told.as_array().into_iter().flatten().find(|test| test[key].as_u64() != Some(0));
            ms(test.map_or(&Value::Null, |test| &test["avg_ts"]))
        };
        Ok(Speed { prefill_ms: of("n_prompt")?, decode_ms: of("n_gen")? })
    }
}

fn ms(tokens_a_second: &Value) -> Result<f64, Failure> {
    let speed = tokens_a_second.as_f64().filter(|speed| *speed > 0.0);
    speed.map(|speed| 1e3 / speed).ok_or_else(|| Failure::Program("a peer told no speed".to_owned()))
}
