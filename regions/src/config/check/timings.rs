//! `[timings]`: each value, then the inequalities between them.

use std::time::Duration;

use super::super::checked::Timings;
use super::super::fault::Fault;
use super::super::problem::Problems;
use super::super::read::{Field, Section};
use super::super::schema;
use super::DURATION_MAX;

/// The finest timing: below it, scheduling noise would decide.
const TIMING_MIN: Duration = Duration::from_millis(10);
/// Clocks that are off by more than a tenth are no clocks.
const CLOCK_DRIFT_PPM_MAX: i64 = 100_000;
/// An election waits at least so many heartbeats: one may be late, one lost.
const HEARTBEATS_PER_ELECTION: u32 = 3;

pub(super) fn check(mut section: Section, problems: &mut Problems) -> Option<Timings> {
    let written = Written::take(&mut section);
    section.finish(schema::TIMINGS, problems);
    let timings = written.values(problems)?;
    written.relations(&timings, problems);
    Some(timings)
}

/// The keys that the file or the environment has.
struct Written {
    lease: Option<Field>,
    lease_max: Option<Field>,
    stop_budget: Option<Field>,
    clock_drift_ppm: Option<Field>,
    call_timeout: Option<Field>,
    heartbeat: Option<Field>,
    election_min: Option<Field>,
    election_max: Option<Field>,
}

impl Written {
    fn take(section: &mut Section) -> Self {
        Self {
            lease: section.optional("lease"),
            lease_max: section.optional("lease_max"),
            stop_budget: section.optional("stop_budget"),
            clock_drift_ppm: section.optional("clock_drift_ppm"),
            call_timeout: section.optional("call_timeout"),
            heartbeat: section.optional("heartbeat"),
            election_min: section.optional("election_min"),
            election_max: section.optional("election_max"),
        }
    }

    /// Each value by itself; all are read before the first that is missing ends it.
    fn values(&self, problems: &mut Problems) -> Option<Timings> {
        let default = Timings::default();
        let mut read = |field: &Option<Field>, example, default| match field {
            None => Some(default),
            Some(field) => field.duration(example, TIMING_MIN..=DURATION_MAX, problems),
        };
        let lease = read(&self.lease, "\"4s\"", default.lease);
        let lease_max = read(&self.lease_max, "\"10s\"", default.lease_max);
        let stop_budget = read(&self.stop_budget, "\"400ms\"", default.stop_budget);
        let call_timeout = read(&self.call_timeout, "\"1s\"", lease.unwrap_or(default.lease) / 4);
        let heartbeat = read(&self.heartbeat, "\"100ms\"", default.heartbeat);
        let election_min = read(&self.election_min, "\"400ms\"", default.election_min);
        let election_max = read(&self.election_max, "\"1200ms\"", default.election_max);
        let clock_drift_ppm = match &self.clock_drift_ppm {
            None => Some(default.clock_drift_ppm),
            Some(field) => field
                .integer("1000", 1..=CLOCK_DRIFT_PPM_MAX, problems)
                .and_then(|ppm| u32::try_from(ppm).ok()),
        };
        Some(Timings {
            lease: lease?,
            lease_max: lease_max?,
            stop_budget: stop_budget?,
            clock_drift_ppm: clock_drift_ppm?,
            call_timeout: call_timeout?,
            heartbeat: heartbeat?,
            election_min: election_min?,
            election_max: election_max?,
        })
    }

    /// The inequalities. One that does not hold is shown at the first of its keys that is written down; among the
    /// defaults all hold.
    fn relations(&self, timings: &Timings, problems: &mut Problems) {
        let &Timings {
            lease,
            lease_max,
            stop_budget,
            call_timeout,
            heartbeat,
            ..
        } = timings;
        let &Timings {
            election_min,
            election_max,
            ..
        } = timings;
        let mut report = |keys: &[&Option<Field>], fault| {
            if let Some(field) = keys.iter().find_map(|key| key.as_ref()) {
                field.report(fault, problems);
            }
        };
        let min = timings.lease_min();
        if lease < min {
            report(
                &[
                    &self.lease,
                    &self.election_max,
                    &self.heartbeat,
                    &self.stop_budget,
                ],
                Fault::LeaseTooShort {
                    lease,
                    min,
                    election_max,
                    heartbeat,
                    stop_budget,
                },
            );
        }
        if lease > lease_max {
            report(
                &[&self.lease, &self.lease_max],
                Fault::LeaseAboveMax { lease, lease_max },
            );
        }
        if call_timeout > lease / 2 {
            let fault = Fault::CallTimeout {
                call_timeout,
                max: lease / 2,
            };
            report(&[&self.call_timeout, &self.lease], fault);
        }
        if election_min < heartbeat.saturating_mul(HEARTBEATS_PER_ELECTION) {
            let fault = Fault::ElectionTooHasty {
                election_min,
                heartbeat,
            };
            report(&[&self.election_min, &self.heartbeat], fault);
        }
        if election_max < election_min.saturating_mul(3) / 2 {
            let fault = Fault::ElectionTooNarrow {
                election_min,
                election_max,
            };
            report(&[&self.election_max, &self.election_min], fault);
        }
    }
}
