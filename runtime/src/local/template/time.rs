//! `strftime` for the codes that chat templates use, in English as Python prints them without a locale.

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Local time `seconds` after 1970 in `format`. A code that is not known is an error.
pub(super) fn strftime(seconds: i64, format: &str) -> Result<String, String> {
    let time = Time::new(seconds);
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut code = chars.next();
        let bare = code == Some('-');
        if bare {
            code = chars.next();
        }
        let known = code.and_then(|code| time.field(code));
        let field = known.ok_or_else(|| format!("strftime_now does not know %{}", code.unwrap_or(' ')))?;
        out.push_str(if bare { unpadded(&field) } else { &field });
    }
    Ok(out)
}

fn unpadded(field: &str) -> &str {
    let bare = field.trim_start_matches(['0', ' ']);
    if bare.is_empty() && !field.is_empty() { "0" } else { bare }
}

struct Time {
    year: i64,
    month: i64,
    day: i64,
    of_year: i64,
    weekday: i64,
    second: i64,
}

impl Time {
    fn new(seconds: i64) -> Self {
        let days = seconds.div_euclid(86_400);
        let (year, month, day) = civil(days);
        let before = days_of(year, month, day) - days_of(year, 1, 1);
        Self {
            year,
            month,
            day,
            of_year: before + 1,
            weekday: (days + 4).rem_euclid(7),
            second: seconds.rem_euclid(86_400),
        }
    }

    fn field(&self, code: char) -> Option<String> {
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        let half = if hour % 12 == 0 { 12 } else { hour % 12 };
        let month = MONTHS.get(usize::try_from(self.month - 1).ok()?)?;
        let day = DAYS.get(usize::try_from(self.weekday).ok()?)?;
        Some(match code {
            'Y' => format!("{}", self.year),
            'y' => format!("{:02}", self.year.rem_euclid(100)),
            'm' => format!("{:02}", self.month),
            'd' => format!("{:02}", self.day),
            'e' => format!("{:2}", self.day),
            'j' => format!("{:03}", self.of_year),
            'H' => format!("{hour:02}"),
            'I' => format!("{half:02}"),
            'M' => format!("{minute:02}"),
            'S' => format!("{second:02}"),
            'p' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            'A' => (*day).to_owned(),
            'a' => day[..3].to_owned(),
            'B' => (*month).to_owned(),
            'b' | 'h' => month[..3].to_owned(),
            'u' => format!("{}", if self.weekday == 0 { 7 } else { self.weekday }),
            'w' => format!("{}", self.weekday),
            'F' => format!("{}-{:02}-{:02}", self.year, self.month, self.day),
            'T' => format!("{hour:02}:{minute:02}:{second:02}"),
            'R' => format!("{hour:02}:{minute:02}"),
            'D' => format!("{:02}/{:02}/{:02}", self.month, self.day, self.year.rem_euclid(100)),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            _ => return None,
        })
    }
}

/// Days since 1970 to a date. Years begin in March here, so that the leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A date to days since 1970.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_back() {
        for days in (-200_000..200_000).step_by(97) {
            let (year, month, day) = civil(days);
            assert_eq!(days_of(year, month, day), days);
        }
    }

    #[test]
    fn codes_print_as_in_python() {
        let at = 1_709_213_405;
        assert_eq!(strftime(at, "%d %b %Y, %A %H:%M:%S %j").unwrap(), "29 Feb 2024, Thursday 13:30:05 060");
        assert_eq!(strftime(at, "%-I %p %y %e%%").unwrap(), "1 PM 24 29%");
        assert!(strftime(at, "%Q").unwrap_err().contains("%Q"));
        assert!(strftime(i64::MAX, "%Y").is_ok() && strftime(i64::MIN + 719_468 * 2, "%Y").is_ok());
    }
}
