//! What criterion has found out: `<group>/<member>/new/estimates.json`.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use benches::groups::GROUPS;
use serde_json::Value;

use crate::MEMBERS;

/// A median of the time for one message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Median {
    pub(crate) ns: f64,
    /// Of one run: the bounds of criterion's confidence interval, which knows nothing of the noise between runs. Of several runs: the
    /// lowest and the highest median.
    pub(crate) interval: [f64; 2],
}

/// All medians that there are.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) medians: HashMap<(&'static str, &'static str), Median>,
    /// The most runs that any of them is from.
    pub(crate) runs: usize,
    /// When the first and the last of them were written.
    pub(crate) written: Option<[SystemTime; 2]>,
}

impl Results {
    pub(crate) fn median(&self, group: &'static str, member: &'static str) -> Option<Median> {
        self.medians.get(&(group, member)).copied()
    }
}

/// Reads what is there of each run, in a folder of its own; a group or member that has not been measured is left out.
pub(crate) fn read(runs: &[PathBuf]) -> Results {
    let mut results = Results::default();
    for group in GROUPS {
        for (member, _) in MEMBERS {
            let mut medians = Vec::new();
            for run in runs {
                let file = run.join(group.name).join(member).join("new/estimates.json");
                let Some(median) = fs::read_to_string(&file).ok().and_then(|text| parse(&text)) else {
                    continue;
                };
                medians.push(median);
                if let Ok(at) = fs::metadata(&file).and_then(|metadata| metadata.modified()) {
                    let [first, last] = results.written.unwrap_or([at, at]);
                    results.written = Some([first.min(at), last.max(at)]);
                }
            }
            results.runs = results.runs.max(medians.len());
            if let Some(median) = across(medians) {
                results.medians.insert((group.name, member), median);
            }
        }
    }
    results
}

/// The median of the runs' medians; of an even number of runs the mean of the two in the middle.
fn across(mut runs: Vec<Median>) -> Option<Median> {
    runs.sort_by(|a, b| a.ns.total_cmp(&b.ns));
    if let [only] = runs[..] {
        return Some(only);
    }
    let (low, high) = (runs.first()?.ns, runs.last()?.ns);
    let (below, above) = (runs[(runs.len() - 1) / 2].ns, runs[runs.len() / 2].ns);
    Some(Median {
        ns: f64::midpoint(below, above),
        interval: [low, high],
    })
}

fn parse(text: &str) -> Option<Median> {
    let estimates: Value = serde_json::from_str(text).ok()?;
    let median = &estimates["median"];
    let interval = &median["confidence_interval"];
    Some(Median {
        ns: median["point_estimate"].as_f64()?,
        interval: [
            interval["lower_bound"].as_f64()?,
            interval["upper_bound"].as_f64()?,
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_read_from_criterions_file() {
        let text = r#"{"mean":{"point_estimate":9.0},"median":{"confidence_interval":{"confidence_level":0.95,"lower_bound":1.5,
            "upper_bound":2.5},"point_estimate":2.0,"standard_error":0.1}}"#;
        let expected = Median {
            ns: 2.0,
            interval: [1.5, 2.5],
        };
        assert_eq!(parse(text), Some(expected));
    }

    #[test]
    fn several_runs_give_their_middle_and_their_range() {
        let run = |ns| Median {
            ns,
            interval: [ns - 0.1, ns + 0.1],
        };
        let across_ns = |ns: &[f64]| across(ns.iter().map(|ns| run(*ns)).collect());
        assert_eq!(across_ns(&[]), None);
        assert_eq!(across_ns(&[2.0]), Some(run(2.0)));
        let of_three = across_ns(&[9.0, 1.0, 2.0]).map(|median| (median.ns, median.interval));
        assert_eq!(of_three, Some((2.0, [1.0, 9.0])));
        let of_two = across_ns(&[4.0, 2.0]).map(|median| (median.ns, median.interval));
        assert_eq!(of_two, Some((3.0, [2.0, 4.0])));
    }

    #[test]
    fn what_is_not_an_estimate_is_left_out() {
        assert_eq!(parse("{}"), None);
        assert_eq!(parse("nothing"), None);
    }
}
