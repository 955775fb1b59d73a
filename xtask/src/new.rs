//! `new`: the first file of a provider.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use typewright_codegen::scaffold::Scaffold;

use crate::flags::New;
use crate::{Failure, Outcome, paths};

pub fn run(flags: &New) -> Result<Outcome, Failure> {
    let folder = flags.providers.clone().unwrap_or_else(|| paths::in_repository("providers"));
    let path = folder.join(format!("{}.yaml", flags.name));
    let text = Scaffold::new(&flags.name, &flags.base_url, flags.dialect.as_deref()).yaml()?;
    std::fs::create_dir_all(&folder)?;
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => file.write_all(text.as_bytes())?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(format!("{} is there already", path.display()).into());
        }
        Err(error) => return Err(error.into()),
    }
    println!("{}: add models, then run `cargo xtask gen`", path.display());
    Ok(Outcome::Done)
}
