//! The random histories of every store.

use super::{open, schema, server};
use crate::model::run_all;

#[test]
fn random_histories_say_what_the_simplest_store_says() {
    let Some(server) = server() else { return };
    // Each history has a folder of its own: its name is that of the tables.
    let first = schema();
    run_all(
        &|path, settings| {
            let folder = path.parent().and_then(|folder| folder.file_name()).unwrap().to_string_lossy();
            let name = format!("{first}_{}", folder.rsplit('-').next().unwrap());
            Box::new(open(server, &name, settings))
        },
        0..6,
    );
}
