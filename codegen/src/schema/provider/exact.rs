//! Exact decimal numbers: prices and counts are read without floating point.

/// Why a number was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inexact {
    /// It is less than zero.
    Negative,
    /// It has more digits behind the point than fit.
    Fraction,
    /// It is too large.
    Large,
}

/// A JSON number as a count of units of 10^-`scale`.
pub(super) fn units(text: &str, scale: i64) -> Result<u64, Inexact> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Ok(0);
    }
    if negative {
        return Err(Inexact::Negative);
    }
    let below = exponent.starts_with('-');
    let huge = if below { Inexact::Fraction } else { Inexact::Large };
    let exponent: i32 = exponent.parse().map_err(|_| huge)?;
    let shift = scale + i64::from(exponent) - fraction.len() as i64;
    shifted(digits, shift)
}

/// `digits` × 10^`shift`.
fn shifted(digits: &str, shift: i64) -> Result<u64, Inexact> {
    if shift < 0 {
        let cut = digits.len() as i64 + shift;
        let (kept, lost) = digits.split_at_checked(usize::try_from(cut).unwrap_or(0)).unwrap_or(("", digits));
        if cut <= 0 || lost.bytes().any(|digit| digit != b'0') {
            return Err(Inexact::Fraction);
        }
        return kept.parse().map_err(|_| Inexact::Large);
    }
    let value: u64 = digits.parse().map_err(|_| Inexact::Large)?;
    let power = u32::try_from(shift).ok().and_then(|shift| 10_u64.checked_pow(shift));
    power.and_then(|power| value.checked_mul(power)).ok_or(Inexact::Large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_units_exactly() {
        for (text, expected) in [
            ("2", 2_000_000_000),
            ("2.50", 2_500_000_000),
            ("0.075", 75_000_000),
            ("0.000000001", 1),
            ("1e-9", 1),
            ("10e-10", 1),
            ("1.5e3", 1_500_000_000_000),
            ("0", 0),
            ("-0", 0),
            ("0.0e5", 0),
        ] {
            assert_eq!(units(text, 9), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (text, expected) in [
            ("-1", Inexact::Negative),
            ("0.0000000001", Inexact::Fraction),
            ("1e-10", Inexact::Fraction),
            ("1e-99999999999", Inexact::Fraction),
            ("1e99999999999", Inexact::Large),
            ("99999999999999999999", Inexact::Large),
        ] {
            assert_eq!(units(text, 9), Err(expected), "{text}");
        }
    }

    #[test]
    fn counts_are_whole() {
        assert_eq!(units("128000", 0), Ok(128_000));
        assert_eq!(units("128000.0", 0), Ok(128_000));
        assert_eq!(units("1e6", 0), Ok(1_000_000));
        assert_eq!(units("1.5", 0), Err(Inexact::Fraction));
    }
}
