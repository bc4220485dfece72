//! What criterion has found out: `<group>/<member>/new/estimates.json`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use benches::groups::GROUPS;
use serde_json::Value;

use crate::MEMBERS;

/// A median of the time for one message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Median {
    pub(crate) ns: f64,
    /// The bounds of criterion's confidence interval. It knows of the noise within a run, not of that between runs.
    pub(crate) interval: [f64; 2],
}

/// All medians that there are.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) medians: HashMap<(&'static str, &'static str), Median>,
    /// When the first and the last of them were written.
    pub(crate) written: Option<[SystemTime; 2]>,
}

impl Results {
    pub(crate) fn median(&self, group: &'static str, member: &'static str) -> Option<Median> {
        self.medians.get(&(group, member)).copied()
    }
}

/// Reads what is there; a group or member that has not been measured is left out.
pub(crate) fn read(criterion: &Path) -> Results {
    let mut results = Results::default();
    for group in GROUPS {
        for (member, _) in MEMBERS {
            let file = criterion.join(group.name).join(member).join("new/estimates.json");
            let Some(median) = fs::read_to_string(&file).ok().and_then(|text| parse(&text)) else {
                continue;
            };
            results.medians.insert((group.name, member), median);
            if let Ok(at) = fs::metadata(&file).and_then(|metadata| metadata.modified()) {
                let [first, last] = results.written.unwrap_or([at, at]);
                results.written = Some([first.min(at), last.max(at)]);
            }
        }
    }
    results
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
    fn what_is_not_an_estimate_is_left_out() {
        assert_eq!(parse("{}"), None);
        assert_eq!(parse("nothing"), None);
    }
}
