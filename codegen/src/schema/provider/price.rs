//! Prices, exact to 10⁻⁹ per million tokens.

use super::exact::{self, Inexact};
use super::fields::{count, number};
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::provider::{Price, Prices};
use crate::source::{Node, Span};

/// Nothing costs more than this per million tokens.
const ABSURD: u64 = 100_000;

/// Units of a whole dollar.
const UNITS: u64 = 1_000_000_000;

pub(super) fn prices(node: &Node, sink: &mut Sink) -> Prices {
    Prices {
        input: price(node, "input_price", sink),
        output: price(node, "output_price", sink),
        cache_read: price(node, "cache_read_price", sink),
        cache_write: price(node, "cache_write_price", sink),
        reasoning: price(node, "reasoning_price", sink),
        input_audio: price(node, "input_audio_price", sink),
        output_audio: price(node, "output_audio_price", sink),
    }
}

fn price(node: &Node, key: &str, sink: &mut Sink) -> Option<Price> {
    let (text, span) = number(node, key)?;
    let refused = match exact::units(text, 9) {
        Ok(units) if units <= ABSURD * UNITS => return Some(Price(units)),
        Ok(_) | Err(Inexact::Large) => {
            malformed(span, format!("{text} per million tokens is more than {ABSURD}"))
                .help("prices are per million tokens, not per token or per thousand")
        }
        Err(Inexact::Negative) => malformed(span, "a price is not negative".to_owned())
            .help("leave it out where it is unknown or differs from request to request"),
        Err(Inexact::Fraction) => {
            malformed(span, format!("{text} has more than nine digits behind the point"))
                .help("prices are per million tokens, not per token")
        }
    };
    sink.push(refused);
    None
}

fn malformed(span: Span, message: String) -> Diagnostic {
    Diagnostic::error("TW0226", span, message).label("not a price")
}

/// Tiers, ascending. What a tier does not say stays as below it.
pub(super) fn tiers(node: &Node, base: &Prices, sink: &mut Sink) -> Vec<(u64, Prices)> {
    let entries = node.get("price_tiers").and_then(Node::as_seq).unwrap_or_default();
    let mut tiers: Vec<(u64, Prices)> = Vec::new();
    let mut below: Option<Span> = None;
    for entry in entries {
        let own = prices(entry, sink);
        let Some(above) = count(entry, "above", sink) else { continue };
        let span = entry.get("above").map_or(entry.span, |above| above.span);
        if let (Some((last, _)), Some(other)) = (tiers.last(), below)
            && above <= *last
        {
            sink.push(
                Diagnostic::error("TW0227", span, "price tiers ascend")
                    .label(format!("not more than {last}"))
                    .related(other, "the tier before"),
            );
            continue;
        }
        let filled = over(own, tiers.last().map_or(base, |(_, prices)| prices));
        tiers.push((above, filled));
        below = Some(span);
    }
    tiers
}

fn over(own: Prices, below: &Prices) -> Prices {
    Prices {
        input: own.input.or(below.input),
        output: own.output.or(below.output),
        cache_read: own.cache_read.or(below.cache_read),
        cache_write: own.cache_write.or(below.cache_write),
        reasoning: own.reasoning.or(below.reasoning),
        input_audio: own.input_audio.or(below.input_audio),
        output_audio: own.output_audio.or(below.output_audio),
    }
}
