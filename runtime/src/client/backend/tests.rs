//! A client over a backend that is made up here: what it passes on, what it checks, and what it does with one that breaks
//! its promises.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::auth::AuthScheme;
use crate::chat::{FinishReason, Usage};
use crate::client::ProviderWire;
use crate::error::ErrorKind;
use crate::model::Model;

static WIRE: ProviderWire = ProviderWire {
    name: "acme",
    base_url: "",
    base_url_env: None,
    auth: AuthScheme::None,
    headers: &[],
    chat: None,
    embed: None,
    models: None,
    count: None,
    catalog: &[&SMALL],
};
static SMALL: Model = Model::new("acme", "small-1");

/// What happens next: an event, a wait without end, or a failure.
#[derive(Clone)]
enum Step {
    Tell(ChatEvent<'static>),
    Stall,
    Fail,
}

#[derive(Debug)]
struct Scripted {
    steps: Mutex<Vec<Step>>,
    vectors: usize,
    asked: Mutex<Vec<String>>,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Step")
    }
}

struct Script(VecDeque<Step>);

fn client(steps: &[Step], clocks: Clocks) -> (Client, Arc<Scripted>) {
    let asked = Mutex::default();
    let backend = Arc::new(Scripted { steps: Mutex::new(steps.to_vec()), vectors: 1, asked });
    let shared: Arc<Scripted> = Arc::clone(&backend);
    (Client::over(&WIRE, shared, clocks), backend)
}

fn failure() -> Error {
    Error::backend(ErrorKind::Overloaded, "acme", "m", "out of breath")
}

impl Backend for Scripted {
    fn chat(&self, request: ChatRequest) -> Pending<'_, Box<dyn Answering>> {
        self.asked.lock().unwrap().push(request.model);
        let steps = self.steps.lock().unwrap().iter().cloned().collect();
        Box::pin(async { Ok(Box::new(Script(steps)) as Box<dyn Answering>) })
    }

    fn embed(&self, request: EmbedRequest) -> Pending<'_, Embedded> {
        let vectors = vec![vec![1.0]; self.vectors];
        let response = EmbedResponse { vectors, model: Some(request.model), ..EmbedResponse::default() };
        Box::pin(async { Ok(Embedded { response, warnings: Vec::new() }) })
    }

    fn models(&self) -> Pending<'_, Vec<ListedModel>> {
        Box::pin(async { Ok(vec![ListedModel { id: "m".to_owned(), ..ListedModel::default() }]) })
    }
}

impl Answering for Script {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<ChatEvent<'static>>>> {
        match self.0.front() {
            Some(Step::Stall) => Poll::Pending,
            Some(Step::Fail) => Poll::Ready(Some(Err(failure()))),
            _ => Poll::Ready(self.0.pop_front().map(|step| match step {
                Step::Tell(event) => Ok(event),
                Step::Stall | Step::Fail => Err(failure()),
            })),
        }
    }

    fn warnings(&self) -> Vec<Warning> {
        vec![Warning { feature: "user".to_owned(), message: "dropped".to_owned() }]
    }

    fn describe(&self, response: &mut ChatResponse) {
        response.stop_sequence = Some("end".to_owned());
    }
}

fn start() -> Step {
    Step::Tell(ChatEvent::Start { id: None, model: Some("m".into()) })
}

fn text(text: &'static str) -> Step {
    Step::Tell(ChatEvent::Text(text.into()))
}

fn finish() -> Step {
    Step::Tell(ChatEvent::Finish(FinishReason::Stop))
}

fn usage() -> Step {
    Step::Tell(ChatEvent::Usage(Usage { output: Some(2), ..Usage::default() }))
}

#[tokio::test]
async fn events_pass_and_add_up_with_what_no_event_tells() {
    let (client, backend) = client(&[start(), text("a"), text("b"), usage(), finish()], Clocks::default());
    let mut stream = client.chat("m").user("x").stream().await.unwrap();
    assert_eq!(stream.warnings().len(), 1);
    let mut count = 0;
    while let Some(event) = stream.next().await {
        event.unwrap();
        count += 1;
    }
    let reply = stream.into_reply();
    assert_eq!((count, reply.text().as_str(), reply.stop_sequence.as_deref()), (5, "ab", Some("end")));
    assert_eq!((reply.warnings().len(), reply.usage().unwrap().output), (1, Some(2)));
    assert!(reply.attempts().is_empty() && reply.request_id().is_none());
    assert_eq!(client.chat("m").user("x").send().await.unwrap().text(), "ab");
    assert_eq!(*backend.asked.lock().unwrap(), ["m", "m"]);
    assert!(format!("{client:?}").contains("backend"));
}

#[tokio::test]
async fn what_is_refused_does_not_reach_the_backend() {
    let (client, backend) = client(&[start(), finish()], Clocks::default());
    let error = client.chat("small-1").user("x").temperature(0.5).send().await.unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    let error = client.count_tokens("m").user("x").send().await.unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    assert!(backend.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_with_what_was_said() {
    let (cut, _) = client(&[start(), text("a")], Clocks::default());
    let error = cut.chat("m").user("x").send().await.unwrap_err();
    assert!(matches!(&error, Error::Truncated { .. }), "{error}");
    assert_eq!(error.partial().unwrap().text(), "a");
    let (failing, backend) = client(&[start(), text("a"), Step::Fail], Clocks::default());
    let error = failing.chat("m").user("x").send().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Overloaded, true));
    assert_eq!(error.partial().unwrap().text(), "a");
    assert_eq!(backend.asked.lock().unwrap().len(), 1, "nothing is asked again");
    let (failing, _) = client(&[start(), Step::Fail], Clocks::default());
    assert!(
        failing.chat("m").user("x").stream().await.is_err(),
        "a failure before the first output is one of the call"
    );
}

#[tokio::test]
async fn each_clock_has_its_time() {
    let short = Duration::from_millis(5);
    let never = Clocks { first_byte: Duration::MAX, idle: Duration::MAX, ..Clocks::default() };
    let clock = |result: Result<_>| match result {
        Err(Error::Timeout { clock, limit, .. }) => (clock, limit),
        other => panic!("{:?}", other.map(drop)),
    };
    let cases = [
        (vec![start(), Step::Stall], Clocks { first_byte: short, ..never }, Clock::FirstByte),
        (vec![start(), text("a"), Step::Stall], Clocks { idle: short, ..never }, Clock::Idle),
        (vec![start(), text("a"), Step::Stall], Clocks { total: Some(short), ..never }, Clock::Total),
        (vec![Step::Stall], Clocks { total: Some(short), ..never }, Clock::Total),
    ];
    for (steps, clocks, expected) in cases {
        let (client, _) = client(&steps, clocks);
        assert_eq!(clock(client.chat("m").user("x").send().await), (expected, short));
    }
    let (client, _) = client(&[start(), text("a"), finish()], Clocks { first_byte: short, ..never });
    assert!(client.chat("m").user("x").send().await.is_ok());
}

#[tokio::test]
async fn vectors_and_lists_come_from_the_backend() {
    let (client, _) = client(&[], Clocks::default());
    assert_eq!(client.embed("m").input("a").send().await.unwrap().vectors, [[1.0]]);
    let error = client.embed("m").inputs(["a", "b"]).send().await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert_eq!(client.models().await.unwrap()[0].id, "m");
}
