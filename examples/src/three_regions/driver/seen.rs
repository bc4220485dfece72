//! What the driver has been told so far. Pure: fed with events, asked by the steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::three_regions::calls::{Call, CallLog};
use crate::three_regions::layout::CALLER;
use crate::three_regions::lines::Line;
use crate::three_regions::process::Event;
use crate::three_regions::promises::Broken;

/// One life of a process.
pub(super) type Life = (String, u32);

/// Everything that processes have said.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What the caller in another region saw.
    pub(super) calls: CallLog,
    /// Every call of the singleton, by the node that made it, in the order of their ends.
    pub(crate) every: BTreeMap<String, Vec<Call>>,
    /// Every call of a till, likewise.
    pub(crate) rung: BTreeMap<String, Vec<Call>>,
    /// Who does what it is there for.
    pub(super) ready: BTreeSet<Life>,
    /// Whose stdout has ended.
    pub(super) ended: BTreeSet<Life>,
    /// Who may end: it was killed, or told to leave.
    pub(super) may_end: BTreeSet<Life>,
    /// The last status of each node.
    pub(super) status: BTreeMap<String, String>,
    /// The answer to the last request for a hand-off.
    pub(super) hand_off: Option<Result<HandedOff, String>>,
    /// The deadline of the calls, in milliseconds, that the caller has confirmed.
    pub(super) deadline_ms: u64,
    /// The caller has stopped.
    pub(super) calls_ended: bool,
    /// What cannot be made good again.
    pub(super) fatal: Option<Broken>,
    /// Whose log tells why.
    pub(super) suspect: Option<String>,
}

/// Where a hand-off went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HandedOff {
    pub(super) epoch: u64,
    pub(super) region: String,
    pub(super) node: String,
}

impl Seen {
    /// A process said something, or ended.
    pub(super) fn take(&mut self, event: Event) {
        let Event { process, life, line } = event;
        match line {
            None => {
                let life = (process, life);
                if !self.may_end.contains(&life) {
                    self.fail(&life.0, format!("{} ended by itself", life.0));
                }
                self.ended.insert(life);
            }
            Some(Line::Ready) => drop(self.ready.insert((process, life))),
            Some(Line::Failed(why)) => self.fail(&process, format!("{process}: {why}")),
            Some(Line::Status(status)) => drop(self.status.insert(process, status)),
            Some(Line::HandedOff { epoch, region, node }) => {
                self.hand_off = Some(Ok(HandedOff { epoch, region, node }));
            }
            Some(Line::Refused(why)) => self.hand_off = Some(Err(why)),
            Some(Line::DeadlineSet(ms)) => self.deadline_ms = ms,
            Some(Line::Call(call)) => {
                if process == CALLER {
                    self.calls.record(call.clone());
                }
                self.every.entry(process).or_default().push(call);
            }
            Some(Line::Rung(call)) => self.rung.entry(process).or_default().push(call),
            Some(Line::CallsEnded) => self.calls_ended = true,
        }
    }

    fn fail(&mut self, process: &str, sentence: String) {
        // The first is the cause of the others.
        if self.suspect.is_none() {
            self.suspect = Some(process.to_owned());
            self.fatal = Some(Broken::new("processes-live", sentence));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(process: &str, line: Option<Line>) -> Event {
        Event {
            process: process.to_owned(),
            life: 1,
            line,
        }
    }

    #[test]
    fn a_process_that_ends_by_itself_is_fatal() {
        let mut seen = Seen::default();
        seen.take(event("us-east-1", Some(Line::Ready)));
        assert!(seen.ready.contains(&("us-east-1".to_owned(), 1)));
        seen.take(event("us-east-1", None));
        assert!(seen.fatal.unwrap().sentence.contains("us-east-1 ended by itself"));
    }

    #[test]
    fn a_process_that_was_killed_may_end() {
        let mut seen = Seen::default();
        seen.may_end.insert(("us-east-1".to_owned(), 1));
        seen.take(event("us-east-1", None));
        assert_eq!(seen.fatal, None);
        assert!(seen.ended.contains(&("us-east-1".to_owned(), 1)));
    }

    #[test]
    fn the_first_failure_is_kept() {
        let mut seen = Seen::default();
        seen.take(event("us-east-1", Some(Line::Failed("no port".to_owned()))));
        seen.take(event("us-east-1", None));
        assert_eq!(seen.fatal.unwrap().sentence, "us-east-1: no port");
    }
}
