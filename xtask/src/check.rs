//! `check`: all problems of provider and dialect files; nothing is written.

use crate::flags::Check;
use crate::{Failure, Outcome, paths, print};

pub fn run(flags: &Check) -> Result<Outcome, Failure> {
    let compiler = paths::compiler(&flags.folders).files(flags.files.iter().cloned());
    let compilation = compiler.compile()?;
    print::diagnostics(&compilation, flags.json);
    if compilation.has_errors() {
        return Ok(Outcome::Found);
    }
    if !flags.json {
        println!("providers: {}, no errors", compilation.providers);
    }
    Ok(Outcome::Done)
}
