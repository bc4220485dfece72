//! What a run of `three_regions` leaves behind: the report, and how it is read and written as JSON.
//!
//! All `_ms` are whole milliseconds on the driver's CLOCK_MONOTONIC since its start. The report states what was
//! observed, also on failure; whether that is good enough is asked in [`promises`](super::promises).

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::overlap::max_concurrent;

/// The version of the format that [`Report`] reads and writes.
pub const SCHEMA: u32 = 1;

/// Everything that a run observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The regions; the first is the singleton's home.
    pub regions: Vec<String>,
    /// How many node processes there were at once.
    pub nodes: u32,
    /// Every unplanned move that ended with an answer of a new holder.
    pub fail_overs: Vec<FailOver>,
    /// Every planned move that ended with an answer of a new holder.
    pub hand_offs: Vec<HandOff>,
    /// Every instance of the singleton, by the time at which it could begin to handle messages.
    pub intervals: Vec<Interval>,
    /// The most instances that were effective at one instant, computed from what the instances wrote down.
    pub max_concurrent_holders: u32,
    /// How many writes stamped with a previous epoch were offered to the ledger.
    pub stale_writes_offered: u32,
    /// How many of these the ledger refused.
    pub fenced_writes_refused: u32,
    /// The calls of the node in another region.
    pub calls: Calls,
    /// The epochs of the instances, in the order of their beginnings.
    pub epochs: Vec<u64>,
}

/// An unplanned move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailOver {
    /// What was done to the holder.
    pub cause: Cause,
    /// When the signal was sent.
    pub killed_at_ms: u64,
    /// From the signal to the caller's first answer of the new holder.
    pub unavailable_ms: u64,
    /// The epoch of the old holder.
    pub epoch_before: u64,
    /// The epoch of the new holder.
    pub epoch_after: u64,
    /// The region of the old holder.
    pub region_before: String,
    /// The region of the new holder.
    pub region_after: String,
    /// Calls that failed after the signal and were made before the first answer of the new holder.
    pub calls_failed: u64,
}

/// What made an unplanned move necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// SIGKILL to the holder's process.
    NodeKilled,
    /// SIGKILL to every process of the holder's region.
    RegionKilled,
    /// SIGSTOP to the holder's process.
    NodePaused,
}

impl Cause {
    /// The name that it has in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NodeKilled => "node-killed",
            Self::RegionKilled => "region-killed",
            Self::NodePaused => "node-paused",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A planned move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOff {
    /// From the caller's last answer of the old holder to its first of the new one.
    pub unavailable_ms: u64,
    /// The epoch of the old holder.
    pub epoch_before: u64,
    /// The epoch of the new holder.
    pub epoch_after: u64,
    /// The region of the old holder.
    pub region_before: String,
    /// The region of the new holder.
    pub region_after: String,
    /// Calls that failed after the request and were made before the first answer of the new holder.
    pub calls_failed: u64,
}

/// The time in which one instance could have effects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The node on which it ran.
    pub node: String,
    /// Its epoch.
    pub epoch: u64,
    /// The first message that it might handle.
    pub from_ms: u64,
    /// Its last effect.
    pub to_ms: u64,
    /// How it ended.
    pub end: End,
}

/// How an instance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Its process died.
    Killed,
    /// It was stopped together with its node.
    Stopped,
    /// It was stopped, and then another began, as planned.
    HandedOff,
    /// Its lease ended.
    Lapsed,
}

impl End {
    /// The name that it has in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Stopped => "stopped",
            Self::HandedOff => "handed-off",
            Self::Lapsed => "lapsed",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the caller saw in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// Calls that were answered.
    pub ok: u64,
    /// Calls that ended in an error or at their deadline.
    pub failed: u64,
    /// The longest of the answered calls.
    pub max_ms: u64,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the file cannot be read or is no report of schema 1.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let text = fs::read_to_string(path)?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Writes the report, as JSON on several lines.
    ///
    /// # Errors
    ///
    /// The file system's error; the file may then be missing or cut short.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text)
    }

    /// How many of the listed intervals overlap at most.
    ///
    /// Milliseconds are coarser than what [`Report::max_concurrent_holders`] is computed from, so this may only be lower.
    pub fn max_overlap(&self) -> u32 {
        let spans: Vec<(u64, u64)> = self
            .intervals
            .iter()
            .map(|interval| (interval.from_ms, interval.to_ms))
            .collect();
        max_concurrent(&spans)
    }
}

/// A file is no report.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    Io(io::Error),
    /// Its text is no JSON of this schema.
    Json(serde_json::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the report cannot be read: {error}"),
            Self::Json(error) => write!(f, "this is no report of schema {SCHEMA}: {error}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the format, word by word.
    const EXAMPLE: &str = r#"{"schema": 1, "regions": ["us-east", "us-west", "eu-central"], "nodes": 9,
     "fail_overs": [{"cause": "node-killed", "killed_at_ms": 0, "unavailable_ms": 0, "epoch_before": 1, "epoch_after": 2, "region_before": "us-east", "region_after": "us-east", "calls_failed": 0}],
     "hand_offs": [{"unavailable_ms": 0, "epoch_before": 3, "epoch_after": 4, "region_before": "us-west", "region_after": "us-east", "calls_failed": 0}],
     "intervals": [{"node": "us-east-1", "epoch": 1, "from_ms": 0, "to_ms": 0, "end": "killed"}],
     "max_concurrent_holders": 1, "stale_writes_offered": 4, "fenced_writes_refused": 4,
     "calls": {"ok": 0, "failed": 0, "max_ms": 0}, "epochs": [1, 2, 3, 4]}"#;

    #[test]
    fn the_example_is_read_and_written_as_it_is() {
        let report: Report = serde_json::from_str(EXAMPLE).unwrap();
        assert_eq!(report.fail_overs[0].cause, Cause::NodeKilled);
        assert_eq!(report.intervals[0].end, End::Killed);
        let expected: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
        assert_eq!(serde_json::to_value(&report).unwrap(), expected);
    }

    #[test]
    fn an_unknown_key_is_no_report() {
        let text = EXAMPLE.replace("\"schema\": 1", "\"schema\": 1, \"more\": 2");
        assert!(serde_json::from_str::<Report>(&text).is_err());
    }

    #[test]
    fn an_epoch_of_64_bits_keeps_every_bit() {
        let epoch = u64::MAX - 1;
        let text = EXAMPLE.replace("[1, 2, 3, 4]", &format!("[{epoch}]"));
        let report: Report = serde_json::from_str(&text).unwrap();
        assert_eq!(report.epochs, [epoch]);
        assert!(
            serde_json::to_string(&report)
                .unwrap()
                .contains(&epoch.to_string())
        );
    }

    #[test]
    fn causes_and_ends_have_one_name() {
        for cause in [Cause::NodeKilled, Cause::RegionKilled, Cause::NodePaused] {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
        }
        for end in [End::Killed, End::Stopped, End::HandedOff, End::Lapsed] {
            assert_eq!(serde_json::to_value(end).unwrap(), end.as_str());
        }
    }
}
