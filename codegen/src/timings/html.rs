//! Laps as a page for a person: a table of stages, and a line a provider with what it did when. The page holds all that
//! it needs and loads nothing.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Lap, Timings};

/// The width of the timeline, in units of the drawing.
const WIDTH: f64 = 1000.0;
/// The height of one line of it.
const LINE: usize = 18;
/// The colours of stages, in their order.
const COLOURS: [&str; 8] =
    ["#4878a8", "#c87838", "#589858", "#a85858", "#8868a8", "#887858", "#b868a0", "#707070"];

const STYLE: &str = "body{font:14px system-ui,sans-serif;margin:2em;color:#222}table{border-collapse:collapse}\
    td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}\
    svg text{font:11px system-ui,sans-serif}.swatch{display:inline-block;width:.8em;height:.8em;margin-right:.5em}";

/// The page. `facts` are shown first, a name and a value each.
pub fn page(timings: &Timings, facts: &[(&str, String)]) -> String {
    let laps = timings.laps();
    let totals = timings.totals();
    let stages: Vec<&str> = totals.iter().map(|(stage, _)| *stage).collect();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Typewright timings</title>\
         <style>{STYLE}</style></head>\n<body><h1>Typewright timings</h1>\n<table>\n"
    );
    for (name, value) in facts {
        line(&mut out, format_args!("<tr><td>{}</td><td>{}</td></tr>", escaped(name), escaped(value)));
    }
    out.push_str("</table>\n<h2>Stages</h2>\n<table>\n<tr><th>stage</th><th>laps</th><th>ms</th><th>kB</th><th>allocations</th></tr>\n");
    for (stage, total) in &totals {
        let (ms, kb) = (total.took.as_secs_f64() * 1e3, total.bytes as f64 / 1e3);
        line(
            &mut out,
            format_args!(
                "<tr><td><span class=\"swatch\" style=\"background:{}\"></span>{}</td><td>{}</td><td>{ms:.2}</td>\
                 <td>{kb:.1}</td><td>{}</td></tr>",
                colour(&stages, stage),
                escaped(stage),
                total.laps,
                total.allocations
            ),
        );
    }
    out.push_str("</table>\n<h2>Timeline</h2>\n");
    out.push_str(&timeline(&laps, &stages));
    out.push_str("</body></html>\n");
    out
}

/// One line a provider, and the first for what concerns all of them.
fn timeline(laps: &[Lap], stages: &[&str]) -> String {
    let end = laps.iter().map(|lap| lap.start + lap.took).max().unwrap_or_default().as_secs_f64();
    let scale = if end > 0.0 { WIDTH / end } else { 0.0 };
    let mut subjects: BTreeMap<&str, usize> = BTreeMap::new();
    for lap in laps {
        let next = subjects.len();
        subjects.entry(&lap.subject).or_insert(next);
    }
    let height = (subjects.len() + 1) * LINE;
    let mut out =
        format!("<svg width=\"100%\" viewBox=\"-160 0 {} {height}\" role=\"img\">\n", WIDTH + 170.0);
    for (subject, at) in &subjects {
        let name = if subject.is_empty() { "all" } else { subject };
        let y = at * LINE + LINE - 5;
        line(&mut out, format_args!("<text x=\"-8\" y=\"{y}\" text-anchor=\"end\">{}</text>", escaped(name)));
    }
    for lap in laps {
        let y = subjects.get(lap.subject.as_str()).map_or(0, |at| at * LINE + 2);
        let (x, width) = (lap.start.as_secs_f64() * scale, (lap.took.as_secs_f64() * scale).max(0.5));
        line(
            &mut out,
            format_args!(
                "<rect x=\"{x:.2}\" y=\"{y}\" width=\"{width:.2}\" height=\"{}\" fill=\"{}\"><title>{} {}: {:.3} ms, \
                 thread {}</title></rect>",
                LINE - 4,
                colour(stages, lap.stage),
                escaped(lap.stage),
                escaped(&lap.subject),
                lap.took.as_secs_f64() * 1e3,
                lap.thread
            ),
        );
    }
    line(
        &mut out,
        format_args!(
            "<text x=\"{WIDTH}\" y=\"{}\" text-anchor=\"end\">{:.1} ms</text>",
            height - 4,
            end * 1e3
        ),
    );
    out + "</svg>\n"
}

fn colour(stages: &[&str], stage: &str) -> &'static str {
    let at = stages.iter().position(|known| *known == stage).unwrap_or(0);
    COLOURS.get(at % COLOURS.len()).copied().unwrap_or("#707070")
}

/// Writing to a text cannot fail.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
    out.push('\n');
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timings::measure;

    #[test]
    fn the_page_holds_all_laps_loads_nothing_and_trusts_no_name() {
        let timings = Timings::new(|| 0);
        measure(Some(&timings), "parse", "<script>", |_| 0, || ());
        measure(Some(&timings), "emit", "acme", |_| 0, || ());
        let page = page(&timings, &[("cache", "cold & dark".to_owned())]);
        assert_eq!(page.matches("<rect").count(), 2);
        assert!(
            page.contains("cold &amp; dark") && page.contains("&lt;script&gt;") && !page.contains("<script")
        );
        assert!(!page.contains("http") && !page.contains("src="));
    }
}
