//! One recorded exchange through a generated client and the loopback server: the answer is decoded and graded, the
//! canonical request is encoded and compared. Which cases are run is [`crate::run`]'s business.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use serde_json::Value;
use typewright_runtime::chat::Part;
use typewright_runtime::client::Client;
use typewright_runtime::error::Error;
use typewright_runtime::wire::v1::Replay;

use crate::compare::{self, Embed, Outcome};
use crate::corpus::Case;
use crate::loopback::{self, Answer, Asked, Cuts};
use crate::openapi::Schemas;
use crate::request::{self, Canonical};
use crate::{body, outcome, providers};

/// A model that no catalog knows, so that nothing is refused before it is sent.
const ANY_MODEL: &str = "any-model";

/// What comes from memory has come by then, if it comes at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a canonical request compares with the recorded one.
#[derive(Debug, Default)]
pub struct RequestGrade {
    /// Whether there was something to compare.
    pub compared: bool,
    /// What differs.
    pub differences: Vec<String>,
    /// Fields that the client does not offer, with how often they occurred.
    pub dropped: BTreeMap<String, usize>,
}

/// Lets a client read the recorded answer, whole and cut in three ways, and grades what it made of it.
pub fn answer(case: &Case) -> Vec<String> {
    let whole = match replay(case, Cuts::Whole) {
        Ok(whole) => whole,
        Err(why) => return vec![why],
    };
    let mut why: Vec<String> =
        compare::compare(&case.expected, &whole).iter().map(ToString::to_string).collect();
    for (name, cuts) in cuts(case) {
        match replay(case, cuts) {
            Ok(outcome) if outcome == whole => {}
            Ok(outcome) => why.push(format!("cut {name}: {}", first_difference(&whole, &outcome))),
            Err(error) => why.push(format!("cut {name}: {error}")),
        }
    }
    why
}

/// As [`answer`], of the whole answer alone.
pub fn answer_whole(case: &Case) -> Vec<String> {
    match replay(case, Cuts::Whole) {
        Ok(whole) => compare::compare(&case.expected, &whole).iter().map(ToString::to_string).collect(),
        Err(why) => vec![why],
    }
}

/// Encodes the canonical request and compares what is sent with what was recorded.
pub fn request(case: &Case, schemas: &Schemas) -> RequestGrade {
    let Some(mut canonical) = request::read(case) else { return RequestGrade::default() };
    let mut grade = RequestGrade { compared: true, ..RequestGrade::default() };
    match send(case, &mut canonical) {
        Ok(sent) => {
            let compared = body::compare(case, &canonical, &sent);
            grade.dropped = compared.dropped;
            grade.differences.extend(compared.differences.into_iter().map(|line| format!("request {line}")));
            let objections = schemas.objections(&case.dialect, &case.provider, &case.request, &sent);
            grade.differences.extend(objections.into_iter().map(|line| format!("schema {line}")));
        }
        Err(why) => grade.differences.extend(why.map(|why| format!("request: {why}"))),
    }
    let raw = canonical.raw.into_iter().map(|kind| (format!("{kind} (sent as it stood)"), 1));
    grade.dropped.extend(raw);
    grade
}

/// The body that a client sends for a canonical request. `Err(None)`: the client refused what the provider refused.
fn send(case: &Case, canonical: &mut Canonical) -> Result<Value, Option<String>> {
    let result = with_client(case, Cuts::Whole, async |client| {
        claim_reasoning(&client, canonical);
        note_unsent_reasoning(&client, canonical);
        let call = client.chat(canonical.request.model.as_str()).request(canonical.request.clone());
        let sent = if canonical.stream { call.stream().await.map(drop) } else { call.send().await.map(drop) };
        if let Err(Error::Unsupported(unsupported)) = sent { Some(unsupported.to_string()) } else { None }
    });
    let (refused, asked) = result.map_err(Some)?;
    match (refused, asked.first()) {
        (Some(_), _) if case.expected["result"] == "error" => Err(None),
        (Some(refused), _) => Err(Some(refused)),
        (None, None) => Err(Some("nothing was sent".to_owned())),
        (None, Some(asked)) => serde_json::from_slice(&asked.body).map_err(|error| Some(error.to_string())),
    }
}

/// Reasoning of a recorded history is the provider's own, whoever speaks for it here.
fn claim_reasoning(client: &Client, canonical: &mut Canonical) {
    for part in canonical.request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::Reasoning(reasoning) = part {
            reasoning.origin = Some(client.provider().name.to_owned());
        }
    }
}

/// A wire that never sends reasoning back does not offer it.
fn note_unsent_reasoning(client: &Client, canonical: &mut Canonical) {
    let replay = client.provider().chat.map(|wire| wire.policies.replay_reasoning);
    let reasons = canonical.request.parts().any(|part| matches!(part, Part::Reasoning(_)));
    if reasons && replay == Some(Replay::Never) {
        let keys = ["message.reasoning", "message.reasoning_details"];
        canonical.dropped.extend(keys.map(str::to_owned));
    }
}

/// Further ways to cut the body: streams always, other bodies where the network is known to have cut them.
fn cuts(case: &Case) -> Vec<(&'static str, Cuts)> {
    let mut cuts = Vec::new();
    if case.is_stream() {
        cuts.push(("after every byte", Cuts::EveryByte));
    }
    if !case.meta.chunk_lengths.is_empty() {
        cuts.push(("as the network did", Cuts::Lengths(case.meta.chunk_lengths.clone())));
    }
    cuts
}

fn replay(case: &Case, cuts: Cuts) -> Result<Outcome, String> {
    with_client(case, cuts, async |client| match case.operation() {
        "chat" => chat(&client, case).await,
        "embed" => embed(&client, case).await,
        "models" => models(&client).await,
        "count_tokens" => count(&client).await,
        other => outcome::broken(format!("no operation `{other}`")),
    })
    .map(|(outcome, _)| outcome)
}

async fn chat(client: &Client, case: &Case) -> Outcome {
    let call = client.chat(ANY_MODEL).user("Hello.");
    let reply = if case.streamed() {
        match call.stream().await {
            Ok(stream) => stream.collect().await,
            Err(error) => Err(error),
        }
    } else {
        call.send().await
    };
    match reply {
        Ok(reply) => outcome::answered(&reply, reply.request_id()),
        Err(error) => outcome::failed(&error),
    }
}

async fn embed(client: &Client, case: &Case) -> Outcome {
    // What was asked may have been tokens or pictures; all that matters is for how many vectors.
    let count = case.expected["embed"]["count"].as_u64().and_then(|count| usize::try_from(count).ok());
    let texts = std::iter::repeat_n("Hello.", count.unwrap_or(1));
    match client.embed(ANY_MODEL).inputs(texts).send().await {
        Ok(reply) => Outcome {
            embed: Some(Embed {
                count: reply.vectors.len() as u64,
                dims: reply.vectors.first().map_or(0, Vec::len) as u64,
                head: reply.vectors.iter().flatten().take(4).map(|number| f64::from(*number)).collect(),
                input: reply.usage.as_ref().and_then(|usage| usage.input),
            }),
            request_id: reply.meta().request_id().map(str::to_owned),
            ..Outcome::default()
        },
        Err(error) => outcome::failed(&error),
    }
}

async fn models(client: &Client) -> Outcome {
    match client.models().await {
        Ok(models) => {
            Outcome { models: Some(models.into_iter().map(|model| model.id).collect()), ..Outcome::default() }
        }
        Err(error) => outcome::failed(&error),
    }
}

async fn count(client: &Client) -> Outcome {
    match client.count_tokens(ANY_MODEL).user("Hello.").send().await {
        Ok(count) => Outcome { count: Some(count), ..Outcome::default() },
        Err(error) => outcome::failed(&error),
    }
}

/// Runs `call` with a client of a server that answers as recorded; returns what it gave and what was asked.
fn with_client<T, F: Future<Output = T>>(
    case: &Case,
    cuts: Cuts,
    call: impl FnOnce(Client) -> F,
) -> Result<(T, Vec<Asked>), String> {
    let client = |url: &str| providers::client(&case.dialect, &case.provider, url);
    let (called, asked) = with_server(recorded(case, cuts), async |url: &str| match client(url) {
        Some(client) => Ok(call(client).await),
        None => Err("no client is built for this provider".to_owned()),
    })?;
    Ok((called?, asked))
}

/// Runs `call` with the address of a server that gives `answer`; returns what it gave and what was asked.
pub fn with_server<T>(answer: Answer, call: impl AsyncFnOnce(&str) -> T) -> Result<(T, Vec<Asked>), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let server = loopback::serve(answer).await.map_err(|error| error.to_string())?;
        let called = tokio::time::timeout(PATIENCE, call(&server.url)).await;
        let called = called.map_err(|_| format!("no end within {} s", PATIENCE.as_secs()))?;
        Ok((called, server.asked()))
    })
}

fn recorded(case: &Case, cuts: Cuts) -> Answer {
    Answer {
        status: case.meta.status,
        headers: loopback::sanitised(&case.meta.headers, &case.extension),
        body: case.body.clone(),
        cuts,
    }
}

fn first_difference(whole: &Outcome, cut: &Outcome) -> String {
    let (whole, cut) = (format!("{whole:?}"), format!("{cut:?}"));
    let at = whole.bytes().zip(cut.bytes()).take_while(|(a, b)| a == b).count();
    let from =
        |text: &str| text.get(at.saturating_sub(40)..).unwrap_or(text).chars().take(120).collect::<String>();
    format!("whole …{}…, cut …{}…", from(&whole), from(&cut))
}
