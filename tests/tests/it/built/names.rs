//! Uses a provider whose models and options have the names that a generator stumbles over, and lists what became of
//! them.

use typewright_obstacles::options::Kind;
use typewright_obstacles::{Obstacles, Options, models};

fn main() {
    // Every name that was changed is still reached by its own name on the wire.
    for model in models::ALL {
        println!("{:?} {:?}", model.id, model.can(typewright_obstacles::model::Capability::Vision));
    }
    let options =
        Options::new().kind(Kind::from("Self")).function("f").option(true).result(-3).vec(["v"]).number(0.5);
    let url = std::env::args().nth(1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Obstacles::builder().environment(false).api_key("k-1").base_url(url).build().unwrap();
        let call = client.chat(models::OPTION).user("Hello?").options(options);
        println!("{}", call.send().await.unwrap().text());
    });
}
