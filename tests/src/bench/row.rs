//! Rows of a report: one for every bar, judged, as a table or as JSON lines. Nothing is measured here.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::clock;
use super::reach::{BARS, Bar, Of, Reach, TOLERANCE, bar};
use super::sample::{Pairs, Summary};

/// What is known of a bar after a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    bar: &'static Bar,
    found: Result<Found, String>,
    load: f64,
}

/// A measured bar.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    value: f64,
    theirs: Option<f64>,
    ratio: Option<f64>,
    met: Option<bool>,
    /// Of what is judged: of the ratio, or of the value.
    judged: Summary,
    /// Not all of it was measured in this run.
    kept: bool,
}

/// Where rows go as they are found.
pub struct Report<'a> {
    out: &'a mut dyn Write,
    json: bool,
    section: &'static str,
    told: Vec<&'static str>,
}

impl<'a> Report<'a> {
    /// A report of this section.
    pub fn new(out: &'a mut dyn Write, json: bool, section: &'static str) -> io::Result<Self> {
        if !json {
            writeln!(
                out,
                "{section}\n  {:<58}{:>11} {:<11}{:>11}{:>8}  {:<10}{:<4} load",
                "", "ours", "", "theirs", "ratio", "reach", "met"
            )?;
        }
        Ok(Self { out, json, section, told: Vec::new() })
    }

    /// Tells a value that stands for itself.
    pub fn value(&mut self, name: &str, samples: &[f64]) -> io::Result<()> {
        let judged = Summary::of(samples);
        self.found(name, |bar| {
            let met = bar.reach.map(|reach| reach.is_met(judged.median, 1.0));
            Found { value: judged.median, theirs: None, ratio: None, met, judged, kept: false }
        })
    }

    /// Tells a comparison.
    pub fn pairs(&mut self, name: &str, pairs: &Pairs) -> io::Result<()> {
        self.compared(name, pairs, false)
    }

    /// Tells a comparison of which the other side was measured in an earlier run.
    pub fn kept(&mut self, name: &str, pairs: &Pairs) -> io::Result<()> {
        self.compared(name, pairs, true)
    }

    /// Tells why there is nothing to tell.
    pub fn missing(&mut self, name: &str, why: impl Into<String>) -> io::Result<()> {
        match bar(self.section, name) {
            Some(bar) => self.tell(Row { bar, found: Err(why.into()), load: clock::load() }),
            None => Err(io::Error::other(format!("no such bar: {name}"))),
        }
    }

    /// Ends the section: what was forgotten is told as missing.
    pub fn finish(mut self) -> io::Result<()> {
        let section = self.section;
        for bar in BARS.iter().filter(|bar| bar.section == section) {
            if !self.told.contains(&bar.name) {
                self.missing(bar.name, "it was not measured")?;
            }
        }
        self.out.flush()
    }

    fn compared(&mut self, name: &str, pairs: &Pairs, kept: bool) -> io::Result<()> {
        self.found(name, |bar| {
            let speedup = bar.of == Of::Speedup;
            let judged: Vec<f64> =
                pairs.ratios().into_iter().map(|ratio| if speedup { 1.0 / ratio } else { ratio }).collect();
            let judged = Summary::of(&judged);
            let met = bar.reach.map(|reach| reach.is_met(judged.median, TOLERANCE));
            let (value, theirs) = (Summary::of(&pairs.ours).median, Summary::of(&pairs.theirs).median);
            Found { value, theirs: Some(theirs), ratio: Some(judged.median), met, judged, kept }
        })
    }

    fn found(&mut self, name: &str, find: impl FnOnce(&Bar) -> Found) -> io::Result<()> {
        let bar = bar(self.section, name).ok_or_else(|| io::Error::other(format!("no such bar: {name}")))?;
        self.tell(Row { bar, found: Ok(find(bar)), load: clock::load() })
    }

    fn tell(&mut self, row: Row) -> io::Result<()> {
        self.told.push(row.bar.name);
        if self.json {
            writeln!(self.out, "{}", row.to_json())?
        } else {
            writeln!(self.out, "{}", row.to_text())?
        }
        self.out.flush()
    }
}

impl Row {
    fn to_json(&self) -> Value {
        let Bar { section, name, unit, against, reach, .. } = *self.bar;
        let against = (!against.is_empty()).then_some(against);
        let (sense, reach) = (reach.map(sense), reach.map(Reach::number));
        let mut row = json!({
            "section": section, "name": name, "value": null, "unit": unit, "against": against, "ratio": null,
            "reach": reach, "met": null, "samples": 0, "median": null, "iqr": null, "sense": sense,
            "load": round(self.load),
        });
        match &self.found {
            Err(why) => row["why"] = json!(why),
            Ok(found) => {
                row["value"] = json!(round(found.value));
                row["against_value"] = json!(found.theirs.map(round));
                row["ratio"] = json!(found.ratio.map(round));
                row["met"] = json!(found.met);
                row["samples"] = json!(found.judged.samples);
                row["median"] = json!(round(found.judged.median));
                row["iqr"] = json!([round(found.judged.low), round(found.judged.high)]);
                if found.met.is_none() {
                    row["why"] = json!("nothing is to be reached; the row is shown for what it tells");
                }
                if found.kept {
                    row["kept"] = json!("the other side was measured in an earlier run");
                }
            }
        }
        row
    }

    fn to_text(&self) -> String {
        let Bar { name, unit, reach, .. } = *self.bar;
        let reach = reach.map_or_else(String::new, |reach| format!("{} {}", sense(reach), reach.number()));
        let found = match &self.found {
            Ok(found) => found,
            Err(why) => {
                return format!(
                    "  {name:<58}{:>11} {unit:<11}{:>11}{:>8}  {reach:<10}{:<4} {why}",
                    "-", "", "", "-"
                );
            }
        };
        let met = found.met.map_or("", |met| if met { "yes" } else { "NO" });
        let number =
            |number: Option<f64>| number.map_or_else(String::new, |number| round(number).to_string());
        format!(
            "  {name:<58}{:>11} {unit:<11}{:>11}{:>8}  {reach:<10}{met:<4} {:.1}{}",
            round(found.value),
            number(found.theirs),
            number(found.ratio),
            self.load,
            if found.kept { " (theirs: an earlier run)" } else { "" }
        )
    }
}

fn sense(reach: Reach) -> &'static str {
    match reach {
        Reach::AtMost(_) => "<=",
        Reach::AtLeast(_) => ">=",
    }
}

/// Four digits are more than a measurement has.
fn round(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    let digits = 10_f64.powi(3 - number.abs().log10().floor() as i32);
    let rounded = (number * digits).round() / digits;
    if rounded.abs() >= 1000.0 { number.round() } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(tell: impl FnOnce(&mut Report<'_>) -> io::Result<()>) -> Vec<Value> {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, true, "stream").unwrap();
        tell(&mut report).unwrap();
        report.finish().unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_bar_of_a_section_yields_a_row() {
        let rows = reported(|_| Ok(()));
        assert_eq!(rows.len(), BARS.iter().filter(|bar| bar.section == "stream").count());
        assert!(rows.iter().all(|row| row["met"].is_null() && row["why"].is_string()));
    }

    #[test]
    fn a_ratio_is_judged_by_the_median_of_its_pairs() {
        let pairs = Pairs { ours: vec![9.0, 10.2, 30.0], theirs: vec![10.0; 3] };
        let rows = reported(|report| report.pairs("one stream: a chunk", &pairs));
        assert_eq!(rows[0]["met"], true);
        assert_eq!(rows[0]["ratio"], 1.02);
        assert_eq!((&rows[0]["value"], &rows[0]["against_value"]), (&json!(10.2), &json!(10.0)));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(round(123_456.7), 123_457.0);
        assert_eq!((round(0.012_345), round(99.996), round(0.0)), (0.012_35, 100.0, 0.0));
    }
}
