//! The end of a supervisor's incarnation.

use super::child::Left;
use super::state::Outcome;
use crate::exit::ExitReason;

/// How a supervisor's incarnation ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    /// Those below that run on, out of reach.
    pub(crate) left: Vec<Left>,
}

impl Ended {
    /// The exit reason of the supervisor (OTP: shutdown, on escalation too).
    pub(crate) fn reason(&self) -> ExitReason {
        match &self.outcome {
            Outcome::Shutdown | Outcome::Escalated | Outcome::AutoShutdown => ExitReason::Shutdown,
            Outcome::Killed => ExitReason::Killed,
            Outcome::BootFailed { reason, .. } => reason.clone(),
        }
    }
}
