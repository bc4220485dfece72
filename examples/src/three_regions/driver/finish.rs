//! The end of a run: what the instances wrote down becomes the report, and a person reads a summary.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::cast::Cast;
use super::harm::Observed;
use super::moves::{Failed, Millis};
use crate::three_regions::layout::{Layout, REGIONS};
use crate::three_regions::overlap::max_concurrent;
use crate::three_regions::promises::Broken;
use crate::three_regions::record::{self, Tenure};
use crate::three_regions::report::{End, Interval, Report, SCHEMA};
use crate::three_regions::timeline::{Grouped, Seconds, Timeline};

/// How many of the last lines of a log are shown.
const LOG_LINES_MAX: usize = 15;

/// The report, and what is broken beyond what a report shows.
pub(crate) fn report(cast: &Cast, observed: &Observed) -> (Report, Vec<Broken>) {
    let mut breaches = Vec::new();
    let mut tenures = read_records(cast, &mut breaches);
    tenures.sort_by_key(|(_, tenure)| tenure.from_ns);
    breaches.extend(contradictions(cast, observed, &tenures));

    let spans: Vec<(u64, u64)> = tenures.iter().map(|(_, it)| (it.from_ns, it.to_ns)).collect();
    let mut epochs: Vec<u64> = tenures.iter().map(|(_, it)| it.epoch).collect();
    // An instance that its supervisor started again has the same epoch.
    epochs.dedup();
    let interval = |(node, tenure): (String, Tenure)| Interval {
        node,
        epoch: tenure.epoch,
        from_ms: cast.timeline.ms(tenure.from_ns),
        to_ms: cast.timeline.ms(tenure.to_ns),
        // It wrote down no end, so its process had none to write.
        end: tenure.end.unwrap_or(End::Killed),
    };
    let report = Report {
        schema: SCHEMA,
        regions: REGIONS.map(str::to_owned).to_vec(),
        nodes: observed.nodes,
        fail_overs: observed.fail_overs.clone(),
        hand_offs: observed.hand_offs.clone(),
        max_concurrent_holders: max_concurrent(&spans),
        intervals: tenures.into_iter().map(interval).collect(),
        stale_writes_offered: observed.stale_writes_offered,
        fenced_writes_refused: observed.fenced_writes_refused,
        calls: cast.seen.calls.totals(),
        epochs,
    };
    (report, breaches)
}

/// The instances of every life of every node.
pub(crate) fn read_records(cast: &Cast, breaches: &mut Vec<Broken>) -> Vec<(String, Tenure)> {
    let mut tenures = Vec::new();
    for node in &cast.layout.nodes {
        for life in 1.. {
            let path = cast.layout.record_file(&node.name, life);
            if !path.exists() {
                break;
            }
            match record::read(&text_of(&path)) {
                Ok(read) => tenures.extend(read.into_iter().map(|tenure| (node.name.clone(), tenure))),
                Err(error) => breaches.push(Broken::new("one-holder", format!("{}: {error}", node.name))),
            }
        }
    }
    tenures
}

/// Where the caller, the driver and the instances do not tell the same story.
fn contradictions(cast: &Cast, observed: &Observed, tenures: &[(String, Tenure)]) -> Vec<Broken> {
    let mut breaches = Vec::new();
    if let Some(disorder) = cast.seen.calls.disorder() {
        breaches.push(Broken::new("one-holder", disorder));
    }
    let lapsed = |(_, tenure): &(String, Tenure)| {
        Some(tenure.epoch) == observed.paused_epoch && tenure.end != Some(End::Lapsed)
    };
    if observed.fail_overs.len() == 3
        && let Some((node, tenure)) = tenures.iter().find(|it| lapsed(it))
    {
        let end = tenure.end.map_or("died", End::as_str);
        let sentence =
            format!("{node} was stopped for two lease terms; its instance should have lapsed, but {end}");
        breaches.push(Broken::new("lapse", sentence));
    }
    breaches
}

/// What the instances wrote down, for a person.
pub(crate) fn intervals(timeline: Timeline, report: &Report) {
    timeline.heading("What the instances of billing wrote down about themselves:");
    for interval in &report.intervals {
        timeline.more(format_args!(
            "{:<12} epoch {:<18} {:>7} to {:>7}  {}",
            interval.node,
            Grouped(interval.epoch).to_string(),
            Seconds(interval.from_ms),
            Seconds(interval.to_ms),
            interval.end
        ));
    }
    timeline.more(format_args!(
        "at most {} at one instant",
        report.max_concurrent_holders
    ));
}

/// What a person reads at the end, bar the verdict.
pub(super) fn summary(cast: &Cast, report: &Report) {
    let timeline = cast.timeline;
    intervals(timeline, report);
    timeline.heading("How long billing was away, as eu-central-1 saw it:");
    let fail_overs = report.fail_overs.iter();
    let fail_overs = fail_overs.map(|it| (it.cause.as_str(), it.unavailable_ms, it.calls_failed));
    let hand_offs = report.hand_offs.iter();
    let hand_offs = hand_offs.map(|it| ("hand-off", it.unavailable_ms, it.calls_failed));
    for (what, unavailable_ms, calls_failed) in fail_overs.chain(hand_offs) {
        let unavailable = Millis(unavailable_ms).to_string();
        timeline.more(format_args!(
            "{what:<14} {unavailable:>8}   {}",
            Failed(calls_failed)
        ));
    }
    timeline.more(format_args!(
        "{} calls answered, {} failed, the slowest answer took {}",
        Grouped(report.calls.ok),
        Grouped(report.calls.failed),
        Millis(report.calls.max_ms)
    ));
    timeline.more(format_args!(
        "{} of {} writes with an epoch that was over were refused",
        report.fenced_writes_refused, report.stale_writes_offered
    ));
}

/// Prints the last lines of these processes' logs on stderr.
pub(crate) fn logs(layout: &Layout, names: &[String]) {
    let mut err = std::io::stderr().lock();
    for name in names {
        let text = text_of(&layout.log_file(name));
        let lines: Vec<&str> = text.lines().collect();
        let _closed = writeln!(err, "\nthe last lines of {name}:");
        for line in &lines[lines.len().saturating_sub(LOG_LINES_MAX)..] {
            let _closed = writeln!(err, "    {line}");
        }
    }
}

/// The text of a file; what cannot be read is empty.
fn text_of(path: &Path) -> String {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
