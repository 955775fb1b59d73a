//! Points in time and lengths of time as headers write them. No calendar library: three fixed forms.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How long from now until an HTTP date (`Sun, 06 Nov 1994 08:49:37 GMT`); nothing if it is past.
pub(crate) fn until_http_date(text: &str) -> Option<Duration> {
    until(http_date(text)?)
}

/// How long from now until an RFC 3339 date (`2026-11-20T08:49:37Z`); nothing if it is past.
pub(crate) fn until_rfc3339(text: &str) -> Option<Duration> {
    until(rfc3339(text)?)
}

/// How long from now until a number of seconds since 1970; nothing if it is past.
pub(crate) fn until(seconds: i64) -> Option<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let then = Duration::from_secs(u64::try_from(seconds).ok()?);
    Some(then.saturating_sub(now))
}

/// A length of time such as `1m26.4s`, `6ms` or `2h`: numbers, each with a unit.
pub(crate) fn compound(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        seconds += number.parse::<f64>().ok()? * unit_in_seconds(unit)?;
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

fn unit_in_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    })
}

/// Seconds since 1970 of an HTTP date.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    let mut words = text.split_once(',')?.1.split_ascii_whitespace();
    let day = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))? as i64 + 1;
    let year = words.next()?.parse().ok()?;
    Some(days(year, month, day)? * 86_400 + clock(words.next()?)?)
}

/// Seconds since 1970 of an RFC 3339 date. Fractions of a second are left out.
fn rfc3339(text: &str) -> Option<i64> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let day = days(parts.next()??, parts.next()??, parts.next()??)?;
    let end = time.find(['Z', 'z', '+', '-'])?;
    let (clock_text, zone) = time.split_at(end);
    let whole = clock_text.split_once('.').map_or(clock_text, |(whole, _)| whole);
    Some(day * 86_400 + clock(whole)? - offset(zone)?)
}

/// Seconds of `+01:30`, `-05:00` or `Z`.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60))
}

/// Seconds of `08:49:37`.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let sane = (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..61).contains(&seconds);
    sane.then_some(hours * 3600 + minutes * 60 + seconds)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_both_forms_are_read() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(rfc3339("1994-11-06T08:49:37Z"), Some(784_111_777));
        assert_eq!(rfc3339("1994-11-06T10:19:37.25+01:30"), Some(784_111_777));
        assert_eq!(http_date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        assert_eq!(rfc3339("1970-01-01T00:00:00Z"), Some(0));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in
            ["", "soon", "Sun, 06 Foo 1994 08:49:37 GMT", "1994-13-06T08:49:37Z", "1994-11-06T25:00:00Z"]
        {
            assert_eq!(http_date(text).or(rfc3339(text)), None, "{text}");
        }
    }

    #[test]
    fn lengths_with_units_add_up() {
        assert_eq!(compound("1m26.4s"), Some(Duration::from_millis(86_400)));
        assert_eq!(compound("6ms"), Some(Duration::from_millis(6)));
        assert_eq!(compound("1h0m30s"), Some(Duration::from_secs(3630)));
        assert_eq!((compound("12"), compound(""), compound("x")), (None, None, None));
    }
}
