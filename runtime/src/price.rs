//! Exact prices and costs. No floating point, no rounding: a price that is not known makes the cost unknown,
//! never 0.

use std::fmt;

use crate::chat::Usage;
use crate::model::Model;

/// A price for a million tokens, in units of 10⁻⁹ US dollars (`2.5` is 2 500 000 000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(pub u64);

/// What an amount of tokens costs, in units of 10⁻¹⁵ US dollars. Exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u128);

/// Prices for a million tokens each. `None` is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prices {
    /// Input.
    pub input: Option<Price>,
    /// Output.
    pub output: Option<Price>,
    /// Input read from a cache.
    pub cache_read: Option<Price>,
    /// Input written to a cache.
    pub cache_write: Option<Price>,
    /// Reasoning, where it is not priced as output.
    pub reasoning: Option<Price>,
    /// Audio input.
    pub input_audio: Option<Price>,
    /// Audio output.
    pub output_audio: Option<Price>,
}

/// Prices of requests with more than `above` input tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The input size from which on the prices hold, itself not included.
    pub above: u64,
    /// The prices.
    pub prices: Prices,
}

const PER_DOLLAR: u128 = 1_000_000_000_000_000;

impl Price {
    /// What `tokens` cost at this price.
    pub const fn of(self, tokens: u64) -> Cost {
        Cost(self.0 as u128 * tokens as u128)
    }
}

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The cost in units of 10⁻¹⁵ US dollars.
    pub const fn femtodollars(self) -> u128 {
        self.0
    }

    /// The cost in US dollars, rounded to what a float can hold.
    pub fn as_dollars(self) -> f64 {
        self.0 as f64 / PER_DOLLAR as f64
    }
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::ZERO, |sum, cost| sum + cost)
    }
}

/// Dollars as a decimal with every digit that is not 0.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:015}", self.0 % PER_DOLLAR);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}", self.0 / PER_DOLLAR),
            digits => write!(f, "{}.{digits}", self.0 / PER_DOLLAR),
        }
    }
}

impl Prices {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        input: None,
        output: None,
        cache_read: None,
        cache_write: None,
        reasoning: None,
        input_audio: None,
        output_audio: None,
    };
}

/// What a request with this `usage` costs with `model`. `None` if the usage, or a price it needs, is unknown.
pub fn cost(model: &Model, usage: &Usage) -> Option<Cost> {
    let input = usage.input?;
    let prices = prices_at(model, input);
    Some(input_cost(prices, usage, input)? + output_cost(prices, usage)?)
}

/// What a request costs that has no output, such as one for vectors.
pub fn input_only(model: &Model, usage: &Usage) -> Option<Cost> {
    let input = usage.input.or(usage.total)?;
    input_cost(prices_at(model, input), usage, input)
}

/// The prices that hold for a request of `input` tokens.
fn prices_at(model: &Model, input: u64) -> &Prices {
    let tier = model.tiers.iter().filter(|tier| input > tier.above).max_by_key(|tier| tier.above);
    tier.map_or(&model.prices, |tier| &tier.prices)
}

fn input_cost(prices: &Prices, usage: &Usage, input: u64) -> Option<Cost> {
    let read = usage.cache_read.unwrap_or(0);
    let written = usage.cache_write.unwrap_or(0);
    let audio = usage.input_audio.unwrap_or(0);
    let plain = input.checked_sub(read)?.checked_sub(written)?.checked_sub(audio)?;
    let parts = [
        (plain, prices.input),
        (read, prices.cache_read),
        (written, prices.cache_write),
        (audio, prices.input_audio),
    ];
    sum(&parts)
}

fn output_cost(prices: &Prices, usage: &Usage) -> Option<Cost> {
    // Reasoning without a price of its own is priced as the output that it is a part of.
    let reasoning = prices.reasoning.map_or(0, |_| usage.reasoning.unwrap_or(0));
    let audio = usage.output_audio.unwrap_or(0);
    let plain = usage.output?.checked_sub(reasoning)?.checked_sub(audio)?;
    sum(&[(plain, prices.output), (reasoning, prices.reasoning), (audio, prices.output_audio)])
}

/// The sum, unknown as soon as something was used that has no price.
fn sum(parts: &[(u64, Option<Price>)]) -> Option<Cost> {
    let used = parts.iter().filter(|(tokens, _)| *tokens > 0);
    used.map(|(tokens, price)| price.map(|price| price.of(*tokens))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOLLAR: u64 = 1_000_000_000;
    static TIERS: [Tier; 1] = [Tier { above: 1000, prices: prices(4 * DOLLAR, 0) }];

    const fn prices(input: u64, output: u64) -> Prices {
        Prices { input: Some(Price(input)), output: Some(Price(output)), ..Prices::UNKNOWN }
    }

    fn model() -> Model {
        let prices = Prices { cache_read: Some(Price(DOLLAR / 2)), ..prices(2 * DOLLAR, 8 * DOLLAR) };
        Model { prices, tiers: &TIERS, ..Model::new("acme", "m") }
    }

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input: Some(input), output: Some(output), ..Usage::default() }
    }

    #[test]
    fn cached_input_has_its_own_price() {
        let usage = Usage { cache_read: Some(600), ..usage(1000, 100) };
        let cost = cost(&model(), &usage).map(|cost| cost.to_string());
        assert_eq!(cost.as_deref(), Some("0.0019"));
    }

    #[test]
    fn a_price_that_is_needed_and_unknown_makes_the_cost_unknown() {
        assert_eq!(cost(&model(), &Usage { cache_write: Some(1), ..usage(10, 1) }), None);
        assert_eq!(cost(&model(), &Usage { input: None, ..usage(10, 1) }), None);
        assert_eq!(cost(&model(), &Usage { cache_read: Some(11), ..usage(10, 1) }), None);
    }

    #[test]
    fn a_tier_holds_above_its_size_only() {
        let at = |input| cost(&model(), &usage(input, 0)).map(|cost| cost.to_string());
        assert_eq!(at(1000).as_deref(), Some("0.002"));
        assert_eq!(at(1001).as_deref(), Some("0.004004"));
    }

    #[test]
    fn costs_are_written_without_rounding() {
        assert_eq!(Price(1).of(1).to_string(), "0.000000000000001");
        assert_eq!(Price(3 * DOLLAR).of(2_000_000).to_string(), "6");
    }
}
