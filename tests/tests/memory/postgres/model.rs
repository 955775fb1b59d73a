//! The random histories of every store.

use super::{open, schema, server};
use crate::model::run;

#[test]
fn random_histories_say_what_the_simplest_store_says() {
    let Some(server) = server() else { return };
    for seed in 0..8 {
        let name = schema();
        run(&|_, settings| Box::new(open(server, &name, settings)), seed, 150);
    }
}
