//! How tokens are to be picked, and which settings make no sense. Nothing is sampled here.

/// How to pick tokens. By default: from the model's own distribution, at temperature 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 picks the likeliest token, always.
    pub temperature: f32,
    /// Keep the k likeliest tokens.
    pub top_k: Option<usize>,
    /// Keep the fewest tokens, the likeliest first, whose probabilities add up to this.
    pub top_p: Option<f32>,
    /// Keep tokens at least this part as likely as the likeliest.
    pub min_p: Option<f32>,
    /// Keep the fewest tokens, those of the most typical surprise first, whose probabilities add up to this.
    pub typical_p: Option<f32>,
    /// Keep tokens whose logit is at most this many standard deviations below the greatest.
    pub top_n_sigma: Option<f32>,
    /// Now and then leave out the likeliest choices.
    pub xtc: Option<Xtc>,
    /// Make tokens that occurred less likely.
    pub penalties: Option<Penalties>,
    /// Make tokens less likely that would repeat a sequence.
    pub dry: Option<Dry>,
    /// Steer the surprise of tokens, instead of the filters above.
    pub mirostat: Option<Mirostat>,
    /// Added to the logits of these tokens; −∞ bans one.
    pub logit_bias: Vec<(u32, f32)>,
    /// Makes the choices repeatable. Without it they are not.
    pub seed: Option<u64>,
    /// Tell the log probability of the chosen token, and of this many of the likeliest.
    pub logprobs: Option<usize>,
}

/// Exclude top choices: with this probability, of the tokens above a threshold only the least likely stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Xtc {
    /// How often it happens.
    pub probability: f32,
    /// How likely a token has to be to be a top choice.
    pub threshold: f32,
}

/// Penalties for tokens among the last ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Penalties {
    /// How many of the last tokens count.
    pub window: usize,
    /// Divides positive logits of tokens that occurred, and multiplies negative ones; 1 is none.
    pub repetition: f32,
    /// Taken from the logit, for each occurrence; 0 is none.
    pub frequency: f32,
    /// Taken from the logit of a token that occurred; 0 is none.
    pub presence: f32,
}

/// A penalty that grows with the length of the sequence that a token would repeat: "don't repeat yourself".
#[derive(Debug, Clone, PartialEq)]
pub struct Dry {
    /// Scales the penalty `multiplier · base^(length − allowed)`.
    pub multiplier: f32,
    /// How fast it grows.
    pub base: f32,
    /// The length of a repeated sequence from which on it counts.
    pub allowed: usize,
    /// How many of the last tokens are searched.
    pub window: usize,
    /// Tokens that no repeated sequence reaches across: line ends, quotes, marks of turns.
    pub breakers: Vec<u32>,
}

/// Steers the surprise of the chosen tokens, in bits, to a target (Basu et al., 2020).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mirostat {
    /// Which of the two forms.
    pub version: MirostatVersion,
    /// The surprise to reach.
    pub tau: f32,
    /// How fast it is approached.
    pub eta: f32,
}

/// The two forms of [`Mirostat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirostatVersion {
    /// Estimates the slope of the distribution from its 100 likeliest tokens, and keeps k.
    V1,
    /// Keeps what surprises no more than the current limit.
    V2,
}

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("sampling: {name} {reason}")]
pub struct InvalidSampling {
    /// The setting.
    pub name: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: None,
            top_p: None,
            min_p: None,
            typical_p: None,
            top_n_sigma: None,
            xtc: None,
            penalties: None,
            dry: None,
            mirostat: None,
            logit_bias: Vec::new(),
            seed: None,
            logprobs: None,
        }
    }
}

impl Default for Penalties {
    fn default() -> Self {
        Self { window: 64, repetition: 1.0, frequency: 0.0, presence: 0.0 }
    }
}

impl Default for Dry {
    fn default() -> Self {
        Self { multiplier: 0.8, base: 1.75, allowed: 2, window: 4096, breakers: Vec::new() }
    }
}

impl Default for Mirostat {
    fn default() -> Self {
        Self { version: MirostatVersion::V2, tau: 5.0, eta: 0.1 }
    }
}

impl Sampling {
    /// The likeliest token, always.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::default() }
    }

    /// Checks the settings against each other and against the size of the vocabulary.
    pub fn validate(&self, vocabulary: usize) -> Result<(), InvalidSampling> {
        check(
            "vocabulary",
            vocabulary > 0 && u32::try_from(vocabulary).is_ok(),
            "has no token, or too many",
        )?;
        let temperature = self.temperature;
        check(
            "temperature",
            temperature == 0.0 || in_range(temperature, 1e-3, 1e3),
            "is 0, or from 0.001 to 1000",
        )?;
        check("top_k", self.top_k != Some(0), "keeps no token; leave it out to keep all")?;
        part("top_p", self.top_p)?;
        part("typical_p", self.typical_p)?;
        check("min_p", self.min_p.is_none_or(|p| in_range(p, 0.0, 1.0)), "is from 0 to 1")?;
        check("top_n_sigma", self.top_n_sigma.is_none_or(|n| in_range(n, 0.0, f32::MAX)), "is not negative")?;
        check(
            "logprobs",
            self.logprobs.is_none_or(|n| n <= vocabulary),
            "asks for more than the vocabulary",
        )?;
        self.validate_bias(vocabulary)?;
        self.xtc.map_or(Ok(()), Xtc::validate)?;
        self.penalties.map_or(Ok(()), Penalties::validate)?;
        self.dry.as_ref().map_or(Ok(()), Dry::validate)?;
        self.validate_together()
    }

    fn validate_bias(&self, vocabulary: usize) -> Result<(), InvalidSampling> {
        for &(token, bias) in &self.logit_bias {
            let known = (token as usize) < vocabulary;
            check("logit_bias", known, format!("names token {token} of a vocabulary of {vocabulary}"))?;
            let sound = bias < f32::INFINITY;
            check("logit_bias", sound, format!("of token {token} is not a number that can be added"))?;
        }
        Ok(())
    }

    /// What each makes sense, but not both.
    fn validate_together(&self) -> Result<(), InvalidSampling> {
        if self.temperature == 0.0 {
            let clash = "can leave out the likeliest token, which temperature 0 asks for";
            check("xtc", self.xtc.is_none(), clash)?;
            check("typical_p", self.typical_p.is_none(), clash)?;
            check("mirostat", self.mirostat.is_none(), "has nothing to steer at temperature 0")?;
        }
        let Some(mirostat) = self.mirostat else { return Ok(()) };
        mirostat.validate()?;
        let filters = [
            ("top_k", self.top_k.is_some()),
            ("top_p", self.top_p.is_some()),
            ("min_p", self.min_p.is_some()),
            ("typical_p", self.typical_p.is_some()),
            ("top_n_sigma", self.top_n_sigma.is_some()),
            ("xtc", self.xtc.is_some()),
        ];
        filters.into_iter().try_for_each(|(name, set)| check(name, !set, "cannot be combined with mirostat"))
    }
}

impl Xtc {
    fn validate(self) -> Result<(), InvalidSampling> {
        check("xtc.probability", in_range(self.probability, 0.0, 1.0), "is from 0 to 1")?;
        // Two tokens cannot both have more than half.
        check("xtc.threshold", in_range(self.threshold, f32::MIN_POSITIVE, 0.5), "is above 0 and at most 0.5")
    }
}

impl Penalties {
    fn validate(self) -> Result<(), InvalidSampling> {
        check("penalties.window", self.window > 0, "holds no token; leave the penalties out")?;
        check("penalties.repetition", in_range(self.repetition, 1e-3, 1e3), "is from 0.001 to 1000")?;
        check("penalties.frequency", in_range(self.frequency, -1e3, 1e3), "is from -1000 to 1000")?;
        check("penalties.presence", in_range(self.presence, -1e3, 1e3), "is from -1000 to 1000")
    }
}

impl Dry {
    fn validate(&self) -> Result<(), InvalidSampling> {
        check("dry.multiplier", in_range(self.multiplier, 0.0, 1e3), "is from 0 to 1000")?;
        check("dry.base", in_range(self.base, 1.0, 1e3), "is from 1 to 1000")?;
        check("dry.allowed", self.allowed > 0, "is at least 1")?;
        check("dry.window", self.window > self.allowed, "is too short for a sequence to occur twice")
    }
}

impl Mirostat {
    fn validate(self) -> Result<(), InvalidSampling> {
        check("mirostat.tau", in_range(self.tau, 1e-3, 1e3), "is from 0.001 to 1000")?;
        check("mirostat.eta", in_range(self.eta, 0.0, 1.0), "is from 0 to 1")
    }
}

fn part(name: &'static str, value: Option<f32>) -> Result<(), InvalidSampling> {
    check(name, value.is_none_or(|p| p > 0.0 && p <= 1.0), "is above 0 and at most 1")
}

fn in_range(value: f32, least: f32, most: f32) -> bool {
    (least..=most).contains(&value)
}

fn check(name: &'static str, sound: bool, reason: impl Into<String>) -> Result<(), InvalidSampling> {
    if sound { Ok(()) } else { Err(InvalidSampling { name, reason: reason.into() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Sampling)) -> &'static str {
        let mut sampling = Sampling::default();
        change(&mut sampling);
        sampling.validate(10).unwrap_err().name
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        assert_eq!(Sampling::default().validate(10), Ok(()));
        assert_eq!(Sampling::greedy().validate(1), Ok(()));
        assert_eq!(Sampling::default().validate(0).unwrap_err().name, "vocabulary");
        assert_eq!(refused(|s| s.temperature = f32::NAN), "temperature");
        assert_eq!(refused(|s| s.temperature = -1.0), "temperature");
        assert_eq!(refused(|s| s.top_k = Some(0)), "top_k");
        assert_eq!(refused(|s| s.top_p = Some(0.0)), "top_p");
        assert_eq!(refused(|s| s.top_p = Some(1.1)), "top_p");
        assert_eq!(refused(|s| s.min_p = Some(f32::NAN)), "min_p");
        assert_eq!(refused(|s| s.logit_bias = vec![(10, 0.0)]), "logit_bias");
        assert_eq!(refused(|s| s.logit_bias = vec![(1, f32::INFINITY)]), "logit_bias");
        assert_eq!(refused(|s| s.logit_bias = vec![(1, f32::NAN)]), "logit_bias");
        assert_eq!(refused(|s| s.logprobs = Some(11)), "logprobs");
        assert_eq!(refused(|s| s.xtc = Some(Xtc { probability: 1.0, threshold: 0.6 })), "xtc.threshold");
        assert_eq!(
            refused(|s| s.penalties = Some(Penalties { window: 0, ..Penalties::default() })),
            "penalties.window"
        );
        assert_eq!(refused(|s| s.dry = Some(Dry { base: 0.5, ..Dry::default() })), "dry.base");
    }

    #[test]
    fn what_excludes_each_other_is_refused() {
        let mirostat = Some(Mirostat::default());
        assert_eq!(refused(|s| (s.mirostat, s.top_p) = (mirostat, Some(0.9))), "top_p");
        assert_eq!(refused(|s| (s.mirostat, s.temperature) = (mirostat, 0.0)), "mirostat");
        assert_eq!(refused(|s| (s.temperature, s.typical_p) = (0.0, Some(0.9))), "typical_p");
    }
}
