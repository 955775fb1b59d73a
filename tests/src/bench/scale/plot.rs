//! The plot: both axes logarithmic, so that what grows in proportion is a line of slope one.

use std::fmt::Write;

use super::Point;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// What is drawn of each point, its colour, and what it is called.
type Curve = (fn(&Point) -> f64, &'static str, &'static str);

const CURVES: [Curve; 3] = [
    (|point| point.cold * 1e3, "#0b6bcb", "from nothing, ms"),
    (|point| point.unchanged, "#2e8b57", "nothing to do, ms"),
    (|point| point.megabytes, "#c0392b", "peak memory, MB"),
];

/// Powers of ten that a range lies between.
struct Axis {
    from: i32,
    to: i32,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let logs: Vec<f64> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
        let from = logs.iter().copied().fold(f64::INFINITY, f64::min).floor() as i32;
        let to = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil() as i32;
        Self { from, to: to.max(from + 1) }
    }

    /// Where a value lies: 0 to 1.
    fn at(&self, value: f64) -> f64 {
        (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from)
    }
}

/// An SVG document of its own.
pub(super) fn svg(points: &[Point]) -> String {
    let across = Axis::of(points.iter().map(|point| point.models as f64));
    let up = Axis::of(CURVES.iter().flat_map(|(of, ..)| points.iter().map(of)));
    let x = |value: f64| LEFT + across.at(value) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - up.at(value) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"16\">The provider compiler, by the number of models</text>\n"
    );
    for power in across.from..=across.to {
        let at = x(10_f64.powi(power));
        let (top, bottom) = (TOP, HEIGHT - BOTTOM);
        line(&mut svg, [at, top], [at, bottom]);
        label(&mut svg, "middle", [at, bottom + 20.0], &tick(power));
    }
    for power in up.from..=up.to {
        let at = y(10_f64.powi(power));
        line(&mut svg, [LEFT, at], [WIDTH - RIGHT, at]);
        label(&mut svg, "end", [LEFT - 8.0, at + 4.0], &tick(power));
    }
    for (row, (of, colour, name)) in CURVES.iter().enumerate() {
        let mut sorted: Vec<[f64; 2]> =
            points.iter().map(|point| [x(point.models as f64), y(of(point))]).collect();
        sorted.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let path: Vec<String> = sorted.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        let path = path.join(" ");
        add(
            &mut svg,
            format_args!(
                "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
            ),
        );
        for [x, y] in &sorted {
            add(&mut svg, format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"));
        }
        let at = TOP + 20.0 + 22.0 * row as f64;
        let from = WIDTH - RIGHT + 14.0;
        add(&mut svg, format_args!("<circle cx=\"{from}\" cy=\"{at}\" r=\"5\" fill=\"{colour}\"/>"));
        label(&mut svg, "start", [from + 12.0, at + 4.0], name);
    }
    svg.push_str("</svg>\n");
    svg
}

fn tick(power: i32) -> String {
    if power < 0 {
        format!("{:.*}", power.unsigned_abs() as usize, 10_f64.powi(power))
    } else {
        format!("1{}", "0".repeat(power as usize))
    }
}

fn line(svg: &mut String, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
    add(
        svg,
        format_args!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ddd\"/>"),
    );
}

fn label(svg: &mut String, anchor: &str, [x, y]: [f64; 2], text: &str) {
    add(svg, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"));
}

fn add(svg: &mut String, element: std::fmt::Arguments<'_>) {
    // Writing to a text does not fail.
    let _ = writeln!(svg, "{element}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_in_proportion_is_a_line() {
        let point = |models: usize| Point {
            providers: 1,
            models,
            files: 1.0,
            lines: 1.0,
            cold: models as f64 / 1e3,
            unchanged: 1.0,
            megabytes: 10.0,
        };
        let svg = svg(&[point(10), point(1000), point(100)]);
        let (_, rest) = svg.split_once("<polyline points=\"").unwrap();
        let (path, _) = rest.split_once('"').unwrap();
        assert_eq!(path, "70.0,326.7 370.0,183.3 670.0,40.0");
        assert_eq!(svg.matches("<circle").count(), 3 * 3 + 3);
        assert!(svg.ends_with("</svg>\n"));
        assert_eq!((tick(-2), tick(0), tick(3)), ("0.01".to_owned(), "1".to_owned(), "1000".to_owned()));
    }
}
