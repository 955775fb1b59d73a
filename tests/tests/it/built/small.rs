//! Streams from the server at the address given, by a provider of ten lines and by the smallest one of the docs.

use typewright_magpie::{ChatEvent, Magpie, models};
use typewright_openai::OpenAi;

fn main() {
    let [first, second] = [1, 2].map(|at| std::env::args().nth(at).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let magpie = Magpie::builder().environment(false).api_key("k-1").base_url(&first).build().unwrap();
        let mut events =
            magpie.chat(models::SHINY_1).system("Be brief.").user("Hello?").stream().await.unwrap();
        while let Some(event) = events.next().await {
            if let ChatEvent::Text(text) = event.unwrap() {
                print!("[{text}]");
            }
        }
        let reply = events.into_reply();
        println!(" {:?} {}", reply.finish.as_ref().unwrap(), reply.cost().unwrap());
        let model = typewright_openai::models::GPT_4_1;
        let openai = OpenAi::builder().environment(false).api_key("k-2").base_url(&second).build().unwrap();
        let reply = openai.chat(model).user("Hello?").stream().await.unwrap().collect().await.unwrap();
        println!("{} {}", reply.text(), reply.cost().unwrap());
    });
}
