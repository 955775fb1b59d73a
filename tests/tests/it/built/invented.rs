//! Talks to the server at the address given, over a wire that was made by a YAML file alone, and tells what came.

use typewright_kestrel::chat::{ChatEvent, Effort, FunctionTool, Media, Message, Part, Role, ToolDefinition};
use typewright_kestrel::json::RawJson;
use typewright_kestrel::{Error, Kestrel, Options, models};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (way, url) = (arguments.next().unwrap(), arguments.next().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = runtime.block_on(async {
        let client = Kestrel::builder().environment(false).api_key("k-7").base_url(url).build()?;
        match way.as_str() {
            "stream" => stream(client).await,
            "whole" => whole(client).await,
            "history" => history(client).await,
            _ => models_and_embeddings(client).await,
        }
    });
    if let Err(error) = told {
        fail(&error);
    }
}

async fn stream(client: Kestrel) -> Result<(), Error> {
    let weather = ToolDefinition::Function(FunctionTool {
        name: "weather".to_owned(),
        description: Some("Weather of a town".to_owned()),
        schema: RawJson::new(r#"{"type":"object"}"#).ok(),
        strict: None,
        cache: None,
    });
    let call = client.chat(models::TALON_1);
    let call = call.system("Be brief.").user("What is this, and how is the weather there?");
    let call =
        call.image(Media::bytes("image/png", &b"\x89PNG"[..])).image(Media::url("https://x.example/y.png"));
    let call = call.tool_def(weather).reasoning(Effort::High).max_tokens(64).stop("\n\n");
    let call = call.temperature(0.5).options(Options::new().feathers(3));
    let mut events = call.extra("song", RawJson::string("la")).stream().await?;
    println!("warnings {:?}", events.warnings().iter().map(|w| w.feature.as_str()).collect::<Vec<_>>());
    println!("request id {:?}", events.request_id());
    println!("limits {:?}", events.rate_limits());
    while let Some(event) = events.next().await {
        match event? {
            ChatEvent::Usage(usage) => {
                println!("usage {:?}", (usage.input, usage.cache_read, usage.output, usage.reasoning))
            }
            event => println!("{event:?}"),
        }
    }
    tell(&events.into_reply());
    Ok(())
}

async fn whole(client: Kestrel) -> Result<(), Error> {
    tell(&client.chat("talon-1").user("Hello.").send().await?);
    Ok(())
}

/// Everything that a wire has to send back: reasoning with its seal, a call, what it gave.
async fn history(client: Kestrel) -> Result<(), Error> {
    let reply = client.chat("talon-1").user("How is the weather?").stream().await?.collect().await?;
    let result = typewright_kestrel::chat::ToolResult {
        call_id: reply.tool_calls().next().unwrap().id.clone(),
        content: vec![Part::text("4 °C")],
        is_error: Some(false),
        cache: None,
    };
    let answer = Message { role: Role::Assistant, name: None, parts: reply.parts.clone() };
    let results = Message { role: Role::Tool, name: None, parts: vec![Part::ToolResult(result)] };
    let call = client.chat("talon-1").user("How is the weather?").messages([answer, results]);
    tell(&call.stream().await?.collect().await?);
    Ok(())
}

/// What the wire does not have is refused by name.
async fn models_and_embeddings(client: Kestrel) -> Result<(), Error> {
    println!(
        "{}",
        client
            .chat("wing-1")
            .user("Hi.")
            .image(Media::url("https://x.example/y.png"))
            .send()
            .await
            .unwrap_err()
    );
    println!("{}", client.chat("talon-1").user("Hi.").n(2).send().await.unwrap_err());
    println!(
        "{}",
        client
            .chat("talon-1")
            .user("Hi.")
            .document(Media::url("https://x.example/y.pdf"))
            .send()
            .await
            .unwrap_err()
    );
    println!(
        "{}",
        client.chat("talon-1").user("Hi.").options(Options::new().feathers(10)).send().await.unwrap_err()
    );
    Ok(())
}

fn tell(reply: &typewright_kestrel::client::Reply) {
    println!("id {:?} model {:?}", reply.id, reply.model);
    println!("text {:?}", reply.text());
    println!("reasoning {:?}", reply.reasoning());
    for call in reply.tool_calls() {
        println!("call {} {} {}", call.id, call.name, call.arguments);
    }
    println!("finish {:?} ({:?})", reply.finish, reply.finish_raw);
    println!("cost {}", reply.cost().map_or("unknown".to_owned(), |cost| cost.to_string()));
}

fn fail(error: &Error) {
    println!("error {:?} {:?} retryable {}", error.kind(), error.to_string(), error.is_retryable());
    println!("wait {:?}", error.retry_after());
    println!("partial {:?}", error.partial().map(|partial| partial.text()));
}
