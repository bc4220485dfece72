//! The chart of results: `results.svg`, bars of messages per second, each group on a scale of its own.

use std::fmt::Write;

use benches::groups::{GROUPS, Group};

use crate::MEMBERS;
use crate::estimates::Results;

/// The colours of the members, in their order.
const COLOURS: [&str; MEMBERS.len()] = ["#c2410c", "#2563eb", "#059669", "#7c3aed", "#0891b2", "#9ca3af"];

const COLUMNS: usize = 2;
const COLUMN_WIDTH: usize = 470;
const BAR_HEIGHT: usize = 14;
const BAR_PITCH: usize = 17;
const TITLE_HEIGHT: usize = 24;
const PANEL_HEIGHT: usize = TITLE_HEIGHT + BAR_PITCH * MEMBERS.len() + 18;
const MARGIN: usize = 16;
const HEADING_HEIGHT: usize = 28;
/// How the chart is to be read.
const HEADING: &str = "Messages per second (spawn_stop: actors). Longer is faster; each group has a scale of its own. ractor is unbounded.";
/// Where the bars begin, and how long the longest is.
const BAR_LEFT: usize = 96;
const BAR_WIDTH: usize = 270;

/// The chart as a document.
pub(crate) fn svg(results: &Results) -> String {
    let rows = GROUPS.len().div_ceil(COLUMNS);
    let width = MARGIN + COLUMNS * COLUMN_WIDTH;
    let height = 2 * MARGIN + HEADING_HEIGHT + rows * PANEL_HEIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#111827\">\n\
         <title>{HEADING}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"{MARGIN}\" y=\"{}\">{HEADING}</text>\n",
        MARGIN + 14,
    );
    for (i, group) in GROUPS.iter().enumerate() {
        let x = MARGIN + i / rows * COLUMN_WIDTH;
        let y = MARGIN + HEADING_HEIGHT + i % rows * PANEL_HEIGHT;
        panel(&mut svg, results, group, x, y);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, results: &Results, group: &Group, x: usize, y: usize) {
    let rates = MEMBERS.map(|(member, _)| results.median(group.name, member).map(|median| 1e9 / median.ns));
    let most = rates.iter().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
    let _infallible = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" font-weight=\"600\">{}</text>",
        y + 14,
        group.name
    );
    for (i, ((member, _), rate)) in MEMBERS.iter().zip(rates).enumerate() {
        let top = y + TITLE_HEIGHT + i * BAR_PITCH;
        let base = top + BAR_HEIGHT - 3;
        let _infallible = writeln!(
            svg,
            "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{member}</text>",
            x + BAR_LEFT - 6
        );
        let length = rate.map_or(0.0, |rate| rate / most * BAR_WIDTH as f64);
        let label = rate.map_or("not measured".to_owned(), per_second);
        let left = x + BAR_LEFT;
        let _infallible = writeln!(
            svg,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{length:.1}\" height=\"{BAR_HEIGHT}\" rx=\"2\" fill=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{base}\">{label}</text>",
            COLOURS[i],
            left as f64 + length + 6.0,
        );
    }
}

fn per_second(rate: f64) -> String {
    if rate < 1e6 {
        format!("{:.0} k/s", rate / 1e3)
    } else {
        format!("{:.1} M/s", rate / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimates::Median;

    #[test]
    fn the_fastest_bar_is_the_longest_and_the_others_are_to_scale() {
        let mut results = Results::default();
        for (member, ns) in [("quorate", 50.0), ("xtra", 100.0)] {
            let interval = [ns, ns];
            results
                .medians
                .insert(("ping_pong", member), Median { ns, interval });
        }
        let svg = svg(&results);
        assert!(
            svg.contains("width=\"270.0\"") && svg.contains(">20.0 M/s<"),
            "{svg}"
        );
        assert!(
            svg.contains("width=\"135.0\"") && svg.contains(">10.0 M/s<"),
            "{svg}"
        );
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }
}
