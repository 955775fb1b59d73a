//! The client against a server on the loopback interface that speaks a small wire made up here.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::chat::{ChatEvent, FinishReason, Usage};
use crate::error::{Clock, ErrorKind};
use crate::http::{Limits, RetryPolicy, RetryReason};
#[cfg(feature = "schemars")]
use crate::json::RawJson;
use crate::model::{Capabilities, Capability, TypedModel};
use crate::price::{Price, Prices};
use crate::wire::v1::{
    At, Class, Corrupt, Cursor, Cx, ErrorWire, Failure, Fold, Frame, Framing, JsonWriter, Needs, Policies,
    RateLimitHeaders, Refused, Unit,
};

static CHAT: ChatWire = ChatWire {
    provider: "acme",
    dialect: "acme",
    method: "POST",
    framing: Framing::Sse,
    sentinel: Some("[DONE]"),
    needs: Needs::Finish,
    implicit: &[Class::Text],
    policies: Policies::PLAIN,
    adjust: |_, _, _, _| Ok(()),
    path: |_, path| path.push_str("/chat"),
    query: |_, _| (),
    headers: |_, _| (),
    encode,
    event: |frame: Frame<'_>, fold: &mut Fold| read(frame.data, fold),
    response: read,
    finish: |reason, _| (reason == "stop").then_some(FinishReason::Stop),
    usage: |leaves| {
        let leaf = |at: usize| leaves.get(at).copied().flatten().and_then(|value| value.try_into().ok());
        Usage { input: leaf(0), output: leaf(1), ..Usage::default() }
    },
    usage_leaves: 2,
    errors: ERRORS,
};

const ERRORS: ErrorWire = ErrorWire {
    body: error_body,
    request_id: &["x-id"],
    retry_after: &[("x-wait-ms", Unit::Milliseconds)],
    rate_limits: Some(RateLimitHeaders { pattern: "x-limit-${what}-${resource}", reset: Unit::Seconds }),
    ..ErrorWire::UNKNOWN
};

static MODEL: Model = Model {
    prices: Prices {
        input: Some(Price(2_000_000_000)),
        output: Some(Price(8_000_000_000)),
        ..Prices::UNKNOWN
    },
    capabilities: Capabilities::ALL.without(Capability::Vision),
    ..Model::new("acme", "small")
};

static PROVIDER: ProviderWire = ProviderWire {
    name: "acme",
    base_url: "https://acme.invalid/v1",
    base_url_env: None,
    auth: AuthScheme::Bearer { env: &[], optional: false },
    headers: &[("x-version", "7")],
    chat: Some(&CHAT),
    embed: None,
    models: None,
    count: None,
    catalog: &[&MODEL],
};

static QUERY_KEY: ProviderWire =
    ProviderWire { auth: AuthScheme::Query { name: "key", env: &[] }, ..PROVIDER };

struct Small;

impl TypedModel for Small {
    const MODEL: Model = MODEL;
}

/// `{"text":…}`, `{"finish":…,"input":…,"output":…}` or `{"error":…}`.
fn read(data: &[u8], fold: &mut Fold) -> Result<(), Corrupt> {
    let mut cursor = Cursor::new(data);
    cursor.object()?;
    let (mut input, mut output) = (None, None);
    while let Some(key) = cursor.key()? {
        match key {
            b"id" => fold.meta(cursor.text()?, None, None, None)?,
            b"text" => {
                if let Some(text) = cursor.text()? {
                    fold.append(Class::Text, At::default(), text)?;
                }
            }
            b"finish" => {
                if let Some(reason) = cursor.text()? {
                    fold.finish(0, reason, None)?;
                }
            }
            b"error" => {
                let message = cursor.text()?;
                fold.fail(Failure { message, status: Some(529), ..Failure::default() })?;
            }
            b"input" => input = cursor.int()?,
            b"output" => output = cursor.int()?,
            _ => cursor.skip()?,
        }
    }
    fold.usage(&[(0, input), (1, output)], None)?;
    cursor.finish()
}

fn error_body(body: &[u8]) -> Result<Option<Failure<'_>>, Corrupt> {
    let mut cursor = Cursor::new(body);
    let mut found = None;
    if cursor.object()? {
        while let Some(key) = cursor.key()? {
            match key {
                b"error" => found = cursor.text()?,
                _ => cursor.skip()?,
            }
        }
    }
    Ok(found.map(|message| Failure { message: Some(message), ..Failure::default() }))
}

fn encode(cx: &Cx<'_>, body: &mut JsonWriter) -> Result<(), Refused> {
    body.lit("{\"model\":");
    body.str(&cx.request.model);
    body.lit(if cx.stream { ",\"stream\":true}" } else { "}" });
    Ok(())
}

/// One answer of the server: pieces, and pauses between them.
enum Piece {
    Bytes(String),
    Pause(Duration),
}

fn http(status: &str, headers: &str, body: &str) -> Vec<Piece> {
    let length = body.len();
    vec![Piece::Bytes(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))]
}

fn sse(body: &str) -> Vec<Piece> {
    http("200 OK", "content-type: text/event-stream\r\nx-id: r-1\r\nx-limit-remaining-tokens: 5\r\n", body)
}

fn json(body: &str) -> Vec<Piece> {
    http("200 OK", "content-type: application/json\r\n", body)
}

/// Answers one connection after the other with what is given; returns the address and the requests to come.
async fn serve(answers: Vec<Vec<Piece>>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            requests.push(read_request(&mut socket).await);
            for piece in answer {
                match piece {
                    Piece::Bytes(bytes) => socket.write_all(bytes.as_bytes()).await.unwrap(),
                    Piece::Pause(length) => tokio::time::sleep(length).await,
                }
            }
        }
        requests
    });
    (address, task)
}

async fn read_request(socket: &mut tokio::net::TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let length = socket.read(&mut buffer).await.unwrap();
        request.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

fn client(base: &str) -> Client {
    let policy = RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() };
    Client::builder(&PROVIDER).api_key("sk-secret-key").base_url(base).retry(policy).build().unwrap()
}

async fn texts(stream: &mut ChatStream) -> String {
    let mut all = String::new();
    while let Some(event) = stream.next().await {
        if let ChatEvent::Text(text) = event.unwrap() {
            all.push_str(&text);
        }
    }
    all
}

const HELLO: &str = "data: {\"id\":\"a-1\"}\n\ndata: {\"text\":\"Hel\"}\n\ndata: {\"text\":\"lo\"}\n\n\
    data: {\"finish\":\"stop\",\"input\":1000,\"output\":100}\n\ndata: [DONE]\n\n";

#[tokio::test]
async fn a_stream_comes_event_by_event() {
    let (base, server) = serve(vec![sse(HELLO)]).await;
    let mut stream = client(&base).chat("small").user("hi").stream().await.unwrap();
    assert_eq!(stream.request_id(), Some("r-1"));
    assert_eq!(stream.rate_limits().of("tokens").and_then(|limit| limit.remaining), Some(5));
    assert_eq!(texts(&mut stream).await, "Hello");
    let reply = stream.into_reply();
    assert_eq!((reply.text().as_str(), reply.id.as_deref()), ("Hello", Some("a-1")));
    assert_eq!(reply.finish, Some(FinishReason::Stop));
    assert_eq!(reply.cost().map(|cost| cost.to_string()).as_deref(), Some("0.0028"));
    let request = server.await.unwrap().remove(0);
    assert!(request.starts_with("POST /v1/chat HTTP/1.1\r\n"), "{request}");
    assert!(
        request.contains("authorization: Bearer sk-secret-key\r\n") && request.contains("x-version: 7\r\n")
    );
    assert!(request.ends_with("{\"model\":\"small\",\"stream\":true}"));
}

#[tokio::test]
async fn a_whole_answer_is_read_with_its_cost() {
    let body = "{\"text\":\"Hi\",\"finish\":\"stop\",\"input\":1,\"output\":1}";
    let (base, _server) = serve(vec![json(body)]).await;
    let reply = client(&base).chat(Small).user("hi").send().await.unwrap();
    assert_eq!(reply.text(), "Hi");
    assert_eq!(reply.cost().map(|cost| cost.to_string()).as_deref(), Some("0.00001"));
    assert!(reply.attempts().is_empty());
}

#[tokio::test]
async fn the_owned_stream_gives_the_same_events() {
    use futures_core::Stream;
    let (base, _server) = serve(vec![sse(HELLO)]).await;
    let mut events = std::pin::pin!(client(&base).chat("small").stream().await.unwrap().into_stream());
    let mut all = Vec::new();
    while let Some(event) = std::future::poll_fn(|cx| events.as_mut().poll_next(cx)).await {
        all.push(event.unwrap());
    }
    let told: Vec<&ChatEvent<'_>> = all.iter().filter(|event| matches!(event, ChatEvent::Text(_))).collect();
    assert_eq!(told, [&ChatEvent::Text("Hel".into()), &ChatEvent::Text("lo".into())]);
    assert!(matches!(all.last(), Some(ChatEvent::Finish(FinishReason::Stop))));
}

#[tokio::test]
async fn what_fails_before_the_first_output_is_sent_again() {
    let overloaded = http("503 Busy", "x-wait-ms: 3\r\nx-id: r-0\r\n", "{\"error\":\"busy\"}");
    let in_stream = sse("data: {\"id\":\"a\"}\n\ndata: {\"error\":\"overloaded\"}\n\n");
    let (base, server) = serve(vec![overloaded, in_stream, sse(HELLO)]).await;
    let mut stream = client(&base).chat("small").stream().await.unwrap();
    assert_eq!(texts(&mut stream).await, "Hello");
    let [first, second] = stream.attempts() else { panic!("{:?}", stream.attempts()) };
    let busy = RetryReason::Api { kind: ErrorKind::Overloaded, status: 503, request_id: Some("r-0".into()) };
    assert_eq!((&first.reason, first.wait), (&busy, Duration::from_millis(3)));
    assert!(matches!(second.reason, RetryReason::Api { kind: ErrorKind::Overloaded, status: 529, .. }));
    assert_eq!(server.await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_fails_after_output_is_not_sent_again_and_keeps_what_came() {
    let failing = sse("data: {\"text\":\"Hel\"}\n\ndata: {\"error\":\"overloaded\"}\n\n");
    let cut = sse("data: {\"text\":\"Hel\"}\n\n");
    let (base, _server) = serve(vec![failing, cut]).await;
    let failed = client(&base).chat("small").stream().await.unwrap().collect().await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Overloaded);
    assert_eq!(failed.partial().map(|partial| partial.text()).as_deref(), Some("Hel"));
    let cut = client(&base).chat("small").stream().await.unwrap().collect().await.unwrap_err();
    assert!(matches!(&cut, Error::Truncated { partial } if partial.text() == "Hel"), "{cut:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_error_unless_all_has_come() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n";
    let broken = vec![Piece::Bytes(format!("{head}data: {{\"text\":\"Hel\"}}\n\n"))];
    let done = vec![Piece::Bytes(format!("{head}data: {{\"text\":\"Hi\",\"finish\":\"stop\"}}\n\n"))];
    let (base, _server) = serve(vec![broken, done]).await;
    let broken = client(&base).chat("small").stream().await.unwrap().collect().await.unwrap_err();
    assert!(matches!(&broken, Error::Interrupted { partial, .. } if partial.text() == "Hel"), "{broken:?}");
    assert_eq!(client(&base).chat("small").stream().await.unwrap().collect().await.unwrap().text(), "Hi");
}

#[tokio::test]
async fn json_in_place_of_a_stream_is_read_for_what_it_is() {
    let whole = json("{\"text\":\"Hi\",\"finish\":\"stop\",\"input\":1,\"output\":1}");
    let refusal = json("{\"error\":\"no such thing\"}");
    let (base, _server) = serve(vec![whole, refusal]).await;
    let client = Client::builder(&PROVIDER).api_key("k-1234").base_url(&base).max_retries(0).build().unwrap();
    let reply = client.chat("small").stream().await.unwrap().collect().await.unwrap();
    assert_eq!((reply.text().as_str(), reply.finish.as_ref()), ("Hi", Some(&FinishReason::Stop)));
    let refused = client.chat("small").stream().await.unwrap_err();
    assert!(refused.api().is_some_and(|api| api.message == "no such thing"), "{refused:?}");
}

#[tokio::test]
async fn clocks_and_limits_end_a_call() {
    let head = || Piece::Bytes("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".into());
    let pause = || Piece::Pause(Duration::from_secs(5));
    let slow_head = vec![pause()];
    let stalled = vec![head(), Piece::Bytes("data: {\"text\":\"Hel\"}\n\n".into()), pause()];
    let (base, server) = serve(vec![slow_head]).await;
    let build = |base: &str| Client::builder(&PROVIDER).api_key("k-1234").base_url(base).max_retries(0);
    let short = Duration::from_millis(50);
    let error =
        build(&base).first_byte_timeout(short).build().unwrap().chat("small").send().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { clock: Clock::FirstByte, .. }), "{error:?}");
    server.abort();
    let (base, server) = serve(vec![stalled]).await;
    let stream = build(&base).idle_timeout(short).build().unwrap().chat("small").stream().await.unwrap();
    let error = stream.collect().await.unwrap_err();
    assert!(matches!(&error, Error::Timeout { clock: Clock::Idle, partial, .. } if partial.text() == "Hel"));
    server.abort();
    let (base, server) =
        serve(vec![vec![head(), Piece::Bytes("data: {\"text\":\"a\"}\n\n".into()), pause()]]).await;
    let stream = build(&base).total_timeout(short * 4).build().unwrap().chat("small").stream().await.unwrap();
    let error = stream.collect().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { clock: Clock::Total, .. }), "{error:?}");
    server.abort();
    let (base, _server) = serve(vec![sse(HELLO)]).await;
    let limits = Limits { body: 100, ..Limits::default() };
    let error = build(&base).limits(limits).build().unwrap().chat("small").stream().await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { what: "body", limit: 100, .. }), "{error:?}");
}

#[tokio::test]
async fn a_refusal_says_everything_but_the_key() {
    let body = "{\"error\":\"wrong key sk-secret-key\"}";
    let (base, _server) = serve(vec![http("401 No", "x-id: r-9\r\n", body)]).await;
    let error = client(&base).chat("small").send().await.unwrap_err();
    let api = error.api().unwrap();
    assert_eq!(
        (api.kind, api.status, api.request_id.as_deref()),
        (ErrorKind::Authentication, 401, Some("r-9"))
    );
    assert_eq!(api.message, "wrong key [redacted]");
    assert_eq!(error.to_string(), "acme: wrong key [redacted] (Authentication, status 401)");
    assert!(!format!("{error:?}").contains("sk-secret"));
}

#[tokio::test]
async fn a_key_in_the_address_is_shown_nowhere() {
    let builder = || Client::builder(&QUERY_KEY).api_key("sk-secret-key").max_retries(0);
    let (base, server) = serve(vec![json("{\"finish\":\"stop\"}")]).await;
    builder().base_url(format!("{base}?a=b")).build().unwrap().chat("small").send().await.unwrap();
    assert!(server.await.unwrap()[0].starts_with("POST /v1/chat?a=b&key=sk-secret-key HTTP/1.1"));
    let client = builder().base_url("http://127.0.0.1:1").build().unwrap();
    let error = client.chat("small").send().await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)) && error.is_retryable());
    assert!(!format!("{error} {error:?} {client:?}").contains("sk-secret"), "{error:?} {client:?}");
}

#[tokio::test]
async fn nothing_is_sent_that_the_model_cannot_do() {
    let client = client("http://127.0.0.1:1");
    let image = crate::chat::Media::url("https://x/y.png");
    let error = client.chat("small").user("look").image(image).send().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "acme cannot do this with `small`: image: the model does not accept images"
    );
    let options = ProviderOptions::new("other");
    let error = client.chat("small").options(options).send().await.unwrap_err();
    assert!(matches!(&error, Error::Unsupported(refusal) if refusal.feature == "options"), "{error:?}");
    let error = client.models().await.unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (base, server) = serve(vec![http("302 Found", "location: http://127.0.0.1:1/\r\n", "")]).await;
    let error = client(&base).chat("small").send().await.unwrap_err();
    assert_eq!(error.api().map(|api| api.status), Some(302));
    assert_eq!(server.await.unwrap().len(), 1);
}

#[cfg(feature = "schemars")]
#[test]
fn a_schema_can_be_derived() {
    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct City {
        name: String,
    }
    let call = client("http://127.0.0.1:1").chat("small").output::<City>();
    let Some(crate::chat::Format::Schema(format)) = &call.as_request().format else { panic!("no schema") };
    assert_eq!(format.name.as_deref(), Some("City"));
    assert!(format.schema.as_str().contains("\"name\""));
    assert!(RawJson::new(format.schema.as_str()).is_ok());
}
