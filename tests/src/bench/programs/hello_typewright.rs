//! Streams one answer of the server at the first argument; with a second argument, says what it took to begin: the
//! microseconds that the client's construction took, and those until the first text. Built by the benchmark.

use std::time::Instant;

use typewright_openai::{ChatEvent, Error, OpenAi, models};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).unwrap_or_default();
    let start = Instant::now();
    let openai = OpenAi::builder().api_key("a-key").base_url(url).build()?;
    let (made, mut first) = (start.elapsed(), None);
    let mut events = openai.chat(models::GPT_4_1).user("hi").stream().await?;
    while let Some(event) = events.next().await {
        if let ChatEvent::Text(text) = event? {
            first.get_or_insert_with(|| start.elapsed());
            print!("{text}");
        }
    }
    println!();
    if std::env::args().nth(2).is_some() {
        println!("{} {}", made.as_nanos(), first.unwrap_or_default().as_nanos());
    }
    Ok(())
}
