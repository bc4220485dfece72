//! What the driver and its processes say to each other: one JSON value per line, on stdin and stdout.
//!
//! This is the driver's remote control and has no part in the cluster; nodes talk to each other over Quorate's own
//! wire. The end of a process's stdin is its order to leave.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::calls::Call;

/// The longest line that is read, in bytes.
pub const LINE_BYTES_MAX: u64 = 64 * 1024;

/// From the driver to a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Say how the cluster looks from where you stand: [`Line::Status`].
    Status,
    /// Hand the singleton to its home: [`Line::HandedOff`] or [`Line::Refused`].
    HandOff,
    /// Call with this deadline from now on, in milliseconds: [`Line::DeadlineSet`].
    Deadline(u64),
    /// Stop calling: [`Line::CallsEnded`] once every call has ended.
    EndCalls,
    /// Leave in an orderly way and exit.
    Leave,
}

/// From a process to the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The process does what it is there for: a node is a member and the cluster has formed, the ledger listens.
    Ready,
    /// The process cannot do it and exits.
    Failed(String),
    /// How the cluster looks from this node, as a person reads it.
    Status(String),
    /// The hand-off is done.
    HandedOff {
        /// The epoch of the new holder.
        epoch: u64,
        /// Its region.
        region: String,
        /// Its node.
        node: String,
    },
    /// The hand-off was refused, for this reason.
    Refused(String),
    /// The deadline that was asked for is in force.
    DeadlineSet(u64),
    /// A call of the singleton has ended.
    Call(Call),
    /// A call of the region's till has ended.
    Rung(Call),
    /// No call is in flight, and none will be made.
    CallsEnded,
}

/// A value as a line, with its end.
pub fn write<T: Serialize>(value: &T) -> String {
    let mut text = serde_json::to_string(value).expect("orders and lines have no maps and no failing fields");
    text.push('\n');
    text
}

/// Reads a line.
///
/// # Errors
///
/// The text is no such value.
pub fn read<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::super::calls::Outcome;
    use super::*;

    #[test]
    fn what_is_written_is_one_line_and_is_read_again() {
        let lines = [
            Line::Ready,
            Line::Failed("two\nlines".to_owned()),
            Line::Status("us-east\nus-west".to_owned()),
            Line::Call(Call {
                seq: 1,
                sent_ns: u64::MAX,
                done_ns: 3,
                outcome: Outcome::Answered {
                    epoch: (1 << 40) + 1,
                    node: "us-east-1".to_owned(),
                },
            }),
            Line::CallsEnded,
        ];
        for line in lines {
            let text = write(&line);
            assert_eq!(text.matches('\n').count(), 1, "{text}");
            assert_eq!(read::<Line>(&text).unwrap(), line);
        }
        for order in [
            Order::Status,
            Order::HandOff,
            Order::Deadline(500),
            Order::EndCalls,
            Order::Leave,
        ] {
            assert_eq!(read::<Order>(&write(&order)).unwrap(), order);
        }
        assert!(read::<Order>("nonsense").is_err());
    }
}
