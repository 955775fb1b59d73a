//! Decoding and encoding, without a network: a frame of a stream to its event, a request to its body, and all that
//! was recorded.

mod corpus;
mod encode;
mod frames;
mod serde_frames;
mod twin;

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use typewright_runtime::chat::ChatEvent;
use typewright_runtime::wire::v1::{ChatWire, Decoder, Framer, Limits};

use super::row::Report;
use super::sample::{Pairs, allocations_of, nanoseconds};
use super::{Failure, Options};
use crate::providers;
use frames::{SAMPLES, Sample};
use serde_frames::Read;

/// How many pairs make a ratio.
const PAIRS: usize = 31;

/// Runs the section.
pub fn run(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    for sample in &SAMPLES {
        deltas(sample, options, report)?;
    }
    twin(options, report)?;
    encode::run(options, report)?;
    corpus::run(options, report)
}

/// How long a sample takes.
fn about(options: &Options) -> Duration {
    Duration::from_millis(if options.quick { 5 } else { 25 })
}

/// A stream that has begun, and a frame with a text delta that can be fed to it again and again.
struct Stream {
    decoder: Decoder,
    frame: Bytes,
}

impl Stream {
    fn new(wire: &'static ChatWire, sample: &Sample) -> Result<Self, Failure> {
        let mut stream = Self {
            decoder: Decoder::new(wire, Limits::default()),
            frame: Bytes::from_static(sample.frame.as_bytes()),
        };
        stream.decoder.feed(Bytes::from_static(sample.prelude.as_bytes()));
        stream.text();
        match stream.one() {
            length if length == sample.text.len() => Ok(stream),
            length => Err(wrong(sample.dialect, length)),
        }
    }

    /// Reads the frame once; the length of its text.
    fn one(&mut self) -> usize {
        self.decoder.feed(self.frame.clone());
        self.text()
    }

    #[inline]
    fn text(&mut self) -> usize {
        let mut length = 0;
        while let Some(event) = self.decoder.next() {
            if let Ok(ChatEvent::Text(text)) = black_box(event) {
                length += text.len();
            }
        }
        length
    }
}

fn deltas(sample: &Sample, options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let wire = wire(sample)?;
    let mut stream = Stream::new(wire, sample)?;
    let (about, pairs) = (about(options), options.pairs(PAIRS));
    let name = |what: &str| format!("{} text delta: {what}", sample.dialect);
    report.value(&name("allocations"), &[allocations_of(|| stream.one())])?;
    let mut against = |read: Read| {
        check(sample, read)?;
        let theirs = || nanoseconds(about, || read(black_box(sample.frame.as_bytes())));
        Ok::<_, Failure>(Pairs::take(pairs, || nanoseconds(about, || stream.one()), theirs))
    };
    let minimal = against(sample.minimal)?;
    if sample.dialect == "openai-chat" {
        report.value(&name("frame to event"), &minimal.ours)?;
    }
    report.pairs(&name("frame to event, minimal"), &minimal)?;
    report.pairs(&name("frame to event, owned"), &against(sample.owned)?)?;
    let framing = framing(wire, sample, about, pairs);
    let decoding: Vec<f64> = minimal.ours.iter().zip(&framing).map(|(all, framing)| all - framing).collect();
    report.value(&name("framing alone"), &framing)?;
    Ok(report.value(&name("decoding alone"), &decoding)?)
}

/// Cutting the frame out of its chunk. What is left of the whole is decoding, folding and handing out.
fn framing(wire: &ChatWire, sample: &Sample, about: Duration, samples: usize) -> Vec<f64> {
    let mut framer = Framer::new(wire.framing, Limits::default());
    let frame = Bytes::from_static(sample.frame.as_bytes());
    let mut one = || {
        framer.feed(frame.clone());
        while let Some(frame) = framer.next() {
            let _ = black_box(frame);
        }
    };
    (0..samples).map(|_| nanoseconds(about, &mut one)).collect()
}

/// The generated decoder beside one that was written by hand on the same runtime.
fn twin(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let [sample, ..] = &SAMPLES;
    let generated = wire(sample)?;
    let (mut ours, mut theirs) =
        (Stream::new(generated, sample)?, Stream::new(twin::wire(generated), sample)?);
    twin::check(generated)?;
    let about = about(options);
    let pairs = Pairs::take(
        options.pairs(PAIRS),
        || nanoseconds(about, || ours.one()),
        || nanoseconds(about, || theirs.one()),
    );
    Ok(report.pairs("openai-chat decoder", &pairs)?)
}

fn wire(sample: &Sample) -> Result<&'static ChatWire, Failure> {
    let found = providers::chat_wire(sample.dialect, sample.provider);
    found.ok_or_else(|| Failure::Program(format!("no client of {} is built", sample.provider)))
}

/// What is compared with reads the same text.
fn check(sample: &Sample, read: Read) -> Result<(), Failure> {
    match read(sample.frame.as_bytes()) {
        length if length == sample.text.len() => Ok(()),
        length => Err(wrong(sample.dialect, length)),
    }
}

fn wrong(dialect: &str, length: usize) -> Failure {
    Failure::Program(format!("{length} bytes of text in the sample of {dialect}"))
}
