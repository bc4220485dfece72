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
mod tests;
