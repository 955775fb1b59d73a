//! `schema`: the JSON Schemas of the YAML formats, written from the Rust types.

use typewright_codegen::schema::{Kind, json_schema};
use typewright_codegen::write::loose::{self, Loose};

use crate::flags::Schema;
use crate::{Failure, Outcome, paths};

pub fn run(flags: &Schema) -> Result<Outcome, Failure> {
    let folder = paths::in_repository("schema");
    let mut drift = 0;
    for kind in [Kind::Provider, Kind::Dialect] {
        let file = Loose { path: folder.join(kind.file_name()), text: json_schema(kind) };
        let Some(change) = loose::plan(&file)? else { continue };
        drift += 1;
        if flags.check {
            print!("{}", change.diff());
        } else {
            loose::commit(&file)?;
            println!("wrote {}", change.path);
        }
    }
    if flags.check && drift > 0 {
        eprintln!("{drift} schema(s) differ from the Rust types; run `cargo xtask schema`");
        return Ok(Outcome::Found);
    }
    Ok(Outcome::Done)
}
