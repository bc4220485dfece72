//! What a run must show: every promise by its name, and the sentence that says how it was broken.
//!
//! Pure: a promise sees a [`Report`] and nothing else, so a report that was kept can be judged again.

use std::fmt;

use super::report::{Cause, FailOver, Report, SCHEMA};

/// The longest that a fail-over may take, as the caller sees it, with a lease of 4 s.
pub const FAIL_OVER_MS_MAX: u64 = 6_000;
/// The longest that a hand-off may take, as the caller sees it.
pub const HAND_OFF_MS_MAX: u64 = 1_000;
/// How many stale writes have to be offered at least: one after each move.
pub const STALE_WRITES_MIN: u32 = 4;
/// How many nodes there are.
pub const NODES: u32 = 9;
/// How many regions there are.
pub const REGIONS: usize = 3;

/// A promise and how to see whether it was kept.
#[derive(Clone, Copy)]
pub struct Promise {
    /// Its name, in kebab-case.
    pub name: &'static str,
    /// `Some` sentence when it was broken.
    breach: fn(&Report) -> Option<String>,
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The name of the promise.
    pub promise: &'static str,
    /// What was seen instead.
    pub sentence: String,
}

impl Broken {
    /// A breach of something that is not seen in a report alone.
    pub fn new(promise: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            promise,
            sentence: sentence.into(),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.sentence)
    }
}

/// Every promise, the most important first.
pub const PROMISES: &[Promise] = &[
    Promise {
        name: "schema",
        breach: schema,
    },
    Promise {
        name: "one-holder",
        breach: one_holder,
    },
    Promise {
        name: "epochs-grow",
        breach: epochs_grow,
    },
    Promise {
        name: "one-node-per-epoch",
        breach: one_node_per_epoch,
    },
    Promise {
        name: "moves-raise-the-epoch",
        breach: moves_raise_the_epoch,
    },
    Promise {
        name: "moves-are-witnessed",
        breach: moves_are_witnessed,
    },
    Promise {
        name: "stale-writes-are-refused",
        breach: stale_writes_are_refused,
    },
    Promise {
        name: "node-killed",
        breach: node_killed,
    },
    Promise {
        name: "region-killed",
        breach: region_killed,
    },
    Promise {
        name: "node-paused",
        breach: node_paused,
    },
    Promise {
        name: "hand-off",
        breach: hand_off,
    },
    Promise {
        name: "nine-nodes",
        breach: nine_nodes,
    },
    Promise {
        name: "calls",
        breach: calls,
    },
];

/// The promises that this report breaks; none when all is well.
pub fn broken(report: &Report) -> Vec<Broken> {
    let breach = |promise: &Promise| {
        (promise.breach)(report).map(|sentence| Broken {
            promise: promise.name,
            sentence,
        })
    };
    PROMISES.iter().filter_map(breach).collect()
}

fn schema(report: &Report) -> Option<String> {
    (report.schema != SCHEMA).then(|| {
        format!(
            "the report has schema {}, this program knows schema {SCHEMA}",
            report.schema
        )
    })
}

fn one_holder(report: &Report) -> Option<String> {
    let (stated, seen) = (report.max_concurrent_holders, report.max_overlap());
    if stated > 0 && seen > stated {
        return Some(format!(
            "the intervals show {seen} instances at one instant, and the report states {stated}"
        ));
    }
    match stated {
        0 => Some("no instance wrote down what it did".to_owned()),
        1 => None,
        many => Some(format!("{many} instances had effects at one instant")),
    }
}

fn epochs_grow(report: &Report) -> Option<String> {
    if report.epochs.is_empty() {
        return Some("there was no epoch at all".to_owned());
    }
    let pair = report.epochs.windows(2).find(|pair| pair[0] >= pair[1])?;
    Some(format!("epoch {} came after epoch {}", pair[1], pair[0]))
}

fn one_node_per_epoch(report: &Report) -> Option<String> {
    report.intervals.iter().enumerate().find_map(|(index, one)| {
        let other = report.intervals[..index]
            .iter()
            .find(|other| other.epoch == one.epoch && other.node != one.node)?;
        Some(format!(
            "{} and {} both ran under epoch {}",
            other.node, one.node, one.epoch
        ))
    })
}

/// Epochs before and after, and what it was, of every move.
fn moves(report: &Report) -> impl Iterator<Item = (String, u64, u64)> {
    let fail_overs = report.fail_overs.iter().map(|it| {
        (
            format!("the fail-over of {}", it.cause),
            it.epoch_before,
            it.epoch_after,
        )
    });
    let hand_offs = report
        .hand_offs
        .iter()
        .map(|it| ("the hand-off".to_owned(), it.epoch_before, it.epoch_after));
    fail_overs.chain(hand_offs)
}

fn moves_raise_the_epoch(report: &Report) -> Option<String> {
    let (what, before, after) = moves(report).find(|(_, before, after)| before >= after)?;
    Some(format!("{what} went from epoch {before} to epoch {after}"))
}

fn moves_are_witnessed(report: &Report) -> Option<String> {
    moves(report).find_map(|(what, before, after)| {
        let unseen = [before, after].into_iter().find(|epoch| {
            !report.epochs.contains(epoch) || !report.intervals.iter().any(|it| it.epoch == *epoch)
        })?;
        Some(format!(
            "{what} speaks of epoch {unseen}, under which no instance wrote down that it ran"
        ))
    })
}

fn stale_writes_are_refused(report: &Report) -> Option<String> {
    let (offered, refused) = (report.stale_writes_offered, report.fenced_writes_refused);
    if refused != offered {
        return Some(format!(
            "the ledger refused {refused} of {offered} writes with a previous epoch"
        ));
    }
    (offered < STALE_WRITES_MIN).then(|| {
        format!("{offered} stale writes were offered, at least {STALE_WRITES_MIN} are needed to tell")
    })
}

fn fail_over(report: &Report, cause: Cause) -> Result<&FailOver, String> {
    let step = report.fail_overs.iter().find(|it| it.cause == cause);
    step.ok_or_else(|| format!("there is no fail-over with the cause {cause}: nobody was seen to take over"))
}

fn in_time(report: &Report, cause: Cause) -> Option<String> {
    match fail_over(report, cause) {
        Err(missing) => Some(missing),
        Ok(step) if step.unavailable_ms > FAIL_OVER_MS_MAX => Some(format!(
            "billing was unavailable for {} ms, at most {FAIL_OVER_MS_MAX} ms are allowed",
            step.unavailable_ms
        )),
        Ok(_) => None,
    }
}

fn node_killed(report: &Report) -> Option<String> {
    in_time(report, Cause::NodeKilled)
}

fn region_killed(report: &Report) -> Option<String> {
    in_time(report, Cause::RegionKilled).or_else(|| {
        let step = fail_over(report, Cause::RegionKilled).ok()?;
        (step.region_before == step.region_after).then(|| {
            format!(
                "billing came back in {}, all of which had been killed",
                step.region_after
            )
        })
    })
}

fn node_paused(report: &Report) -> Option<String> {
    in_time(report, Cause::NodePaused)
}

fn hand_off(report: &Report) -> Option<String> {
    let Some(step) = report.hand_offs.first() else {
        return Some("there was no hand-off".to_owned());
    };
    if step.unavailable_ms > HAND_OFF_MS_MAX {
        return Some(format!(
            "billing was unavailable for {} ms, at most {HAND_OFF_MS_MAX} ms are allowed",
            step.unavailable_ms
        ));
    }
    if step.calls_failed > 0 {
        return Some(format!("{} calls failed, and none may", step.calls_failed));
    }
    let home = report.regions.first();
    (home != Some(&step.region_after)).then(|| {
        format!(
            "billing was handed to {}, which is not its home",
            step.region_after
        )
    })
}

fn nine_nodes(report: &Report) -> Option<String> {
    (report.nodes != NODES || report.regions.len() != REGIONS).then(|| {
        format!(
            "{} nodes in {} regions ran, not {NODES} in {REGIONS}",
            report.nodes,
            report.regions.len()
        )
    })
}

fn calls(report: &Report) -> Option<String> {
    (report.calls.ok == 0).then(|| "no call was answered".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::report::{Calls, End, HandOff, Interval};
    use super::*;

    fn step(cause: Cause, before: u64, region_before: &str, region_after: &str) -> FailOver {
        FailOver {
            cause,
            killed_at_ms: before * 1_000,
            unavailable_ms: 4_800,
            epoch_before: before,
            epoch_after: before + 1,
            region_before: region_before.to_owned(),
            region_after: region_after.to_owned(),
            calls_failed: 200,
        }
    }

    fn good() -> Report {
        let ends = [
            ("us-east-1", End::Killed),
            ("us-east-2", End::Killed),
            ("us-west-1", End::HandedOff),
            ("us-east-3", End::Lapsed),
            ("us-east-1", End::Stopped),
        ];
        let interval = |(index, (node, end)): (usize, (&str, End))| Interval {
            node: node.to_owned(),
            epoch: index as u64 + 1,
            from_ms: index as u64 * 10_000,
            to_ms: index as u64 * 10_000 + 5_000,
            end,
        };
        Report {
            schema: SCHEMA,
            regions: ["us-east", "us-west", "eu-central"].map(str::to_owned).to_vec(),
            nodes: 9,
            fail_overs: vec![
                step(Cause::NodeKilled, 1, "us-east", "us-east"),
                step(Cause::RegionKilled, 2, "us-east", "us-west"),
                step(Cause::NodePaused, 4, "us-east", "us-east"),
            ],
            hand_offs: vec![HandOff {
                unavailable_ms: 300,
                epoch_before: 3,
                epoch_after: 4,
                region_before: "us-west".to_owned(),
                region_after: "us-east".to_owned(),
                calls_failed: 0,
            }],
            intervals: ends.into_iter().enumerate().map(interval).collect(),
            max_concurrent_holders: 1,
            stale_writes_offered: 5,
            fenced_writes_refused: 5,
            calls: Calls {
                ok: 2_000,
                failed: 600,
                max_ms: 420,
            },
            epochs: vec![1, 2, 3, 4, 5],
        }
    }

    #[test]
    fn a_good_report_breaks_no_promise() {
        assert_eq!(broken(&good()), []);
    }

    #[test]
    fn each_promise_is_broken_by_what_it_names() {
        type Spoil = fn(&mut Report);
        let table: &[(&str, Spoil, &str)] = &[
            ("schema", |it| it.schema = 2, "schema 2"),
            (
                "one-holder",
                |it| it.max_concurrent_holders = 2,
                "2 instances had effects",
            ),
            (
                "one-holder",
                |it| it.max_concurrent_holders = 0,
                "no instance wrote",
            ),
            (
                "one-holder",
                |it| it.intervals[0].to_ms = 10_001,
                "show 2 instances",
            ),
            (
                "epochs-grow",
                |it| it.epochs.push(5),
                "epoch 5 came after epoch 5",
            ),
            (
                "epochs-grow",
                |it| it.epochs.swap(0, 1),
                "epoch 1 came after epoch 2",
            ),
            ("epochs-grow", |it| it.epochs.clear(), "no epoch"),
            (
                "one-node-per-epoch",
                |it| (it.intervals[4].epoch, it.intervals[4].node) = (1, "us-west-2".to_owned()),
                "us-east-1 and us-west-2",
            ),
            (
                "moves-raise-the-epoch",
                |it| it.fail_overs[0].epoch_after = 1,
                "from epoch 1 to epoch 1",
            ),
            (
                "moves-raise-the-epoch",
                |it| it.hand_offs[0].epoch_after = 2,
                "from epoch 3 to epoch 2",
            ),
            (
                "moves-are-witnessed",
                |it| it.fail_overs[2].epoch_after = 9,
                "epoch 9",
            ),
            (
                "stale-writes-are-refused",
                |it| it.fenced_writes_refused = 4,
                "refused 4 of 5",
            ),
            (
                "node-killed",
                |it| it.fail_overs[0].unavailable_ms = 6_001,
                "6001 ms",
            ),
            ("node-killed", |it| drop(it.fail_overs.remove(0)), "node-killed"),
            (
                "region-killed",
                |it| it.fail_overs[1].unavailable_ms = 9_000,
                "9000 ms",
            ),
            (
                "region-killed",
                |it| it.fail_overs[1].region_after = "us-east".to_owned(),
                "us-east",
            ),
            (
                "region-killed",
                |it| drop(it.fail_overs.remove(1)),
                "region-killed",
            ),
            (
                "node-paused",
                |it| it.fail_overs[2].unavailable_ms = 8_000,
                "8000 ms",
            ),
            ("node-paused", |it| drop(it.fail_overs.pop()), "node-paused"),
            ("hand-off", |it| it.hand_offs[0].unavailable_ms = 1_001, "1001 ms"),
            (
                "hand-off",
                |it| it.hand_offs[0].calls_failed = 1,
                "1 calls failed",
            ),
            (
                "hand-off",
                |it| it.hand_offs[0].region_after = "us-west".to_owned(),
                "not its home",
            ),
            ("hand-off", |it| it.hand_offs.clear(), "no hand-off"),
            ("nine-nodes", |it| it.nodes = 8, "8 nodes"),
            ("nine-nodes", |it| drop(it.regions.pop()), "2 regions"),
            ("calls", |it| it.calls.ok = 0, "no call"),
        ];
        for (promise, spoil, words) in table {
            let mut report = good();
            spoil(&mut report);
            let found = broken(&report);
            let breach = found.iter().find(|it| it.promise == *promise);
            let breach = breach.unwrap_or_else(|| panic!("{promise} ({words}) is not among {found:?}"));
            assert!(breach.sentence.contains(words), "{breach} lacks {words}");
        }
    }

    #[test]
    fn too_few_stale_writes_prove_nothing() {
        let mut report = good();
        (report.stale_writes_offered, report.fenced_writes_refused) = (3, 3);
        assert_eq!(broken(&report)[0].promise, "stale-writes-are-refused");
    }
}
