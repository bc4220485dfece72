//! Failures and exit reasons as they travel: a number of [`code`], a value and a text.
//!
//! Every direction is total: a number that this version does not know becomes the most careful thing that it may mean.

use std::sync::Arc;

use super::code::{exit, refusal};
use super::frame::{Outcome, Refused};
use crate::exit::ExitReason;
use crate::request::{CallError, Failure, Refusal};

/// The frame that tells a caller (or, with `request` 0, the sender of a cast) why there is no reply.
pub(crate) fn refused(request: u64, target: u64, id: u64, failure: &Failure) -> Refused {
    let (code, value, detail) = match failure {
        Failure::Refused(refusal) => of_refusal(refusal),
        Failure::Lost(error) => of_error(error),
    };
    Refused {
        request,
        target,
        id,
        value,
        outcome: Outcome { code, detail },
    }
}

/// What a caller is told.
pub(crate) fn failure(refused: &Refused) -> Failure {
    let exited = || {
        reason(&Outcome {
            code: refused.value as u32,
            detail: refused.outcome.detail.clone(),
        })
    };
    let not_handled = |refusal| Failure::Refused(refusal);
    match refused.outcome.code {
        refusal::UNKNOWN_MESSAGE => not_handled(Refusal::UnknownMessage),
        refusal::SCHEMA_MISMATCH => not_handled(Refusal::SchemaMismatch),
        refusal::MALFORMED => not_handled(Refusal::Malformed),
        refusal::FULL => not_handled(Refusal::Full),
        refusal::GONE => not_handled(Refusal::Gone),
        refusal::DRAINED => not_handled(Refusal::Exited(exited())),
        refusal::LAPSED => not_handled(Refusal::Lapsed),
        refusal::EXPIRED => not_handled(Refusal::Expired),
        refusal::SUPERSEDED => not_handled(Refusal::Superseded),
        refusal::NO_REPLY => Failure::Lost(CallError::NoReply),
        refusal::EXITED => Failure::Lost(CallError::Exited(exited())),
        refusal::REPLY_OVERLOADED => Failure::Lost(CallError::Overloaded),
        refusal::REPLY_LAPSED => Failure::Lost(CallError::Lapsed),
        // A reply that failed, and what a newer peer may say: no reply that can be read.
        _ => Failure::Lost(CallError::Malformed),
    }
}

/// The outcome that tells how an actor ended.
pub(crate) fn outcome(reason: &ExitReason) -> Outcome {
    let (code, detail) = match reason {
        ExitReason::Normal => (exit::NORMAL, String::new()),
        ExitReason::Shutdown => (exit::SHUTDOWN, String::new()),
        ExitReason::ShutdownWith(why) => (exit::SHUTDOWN_WITH, why.to_string()),
        ExitReason::Killed => (exit::KILLED, String::new()),
        ExitReason::Panic { message, location } => (exit::PANIC, format!("{location}\n{message}")),
        ExitReason::Error(text) => (exit::ERROR, text.to_string()),
        ExitReason::Lapsed => (exit::LAPSED, String::new()),
        ExitReason::Stuck { handler } => (exit::STUCK, handler.to_string()),
        ExitReason::NodeDown => (exit::NODE_DOWN, String::new()),
        ExitReason::Gone => (exit::GONE, String::new()),
    };
    Outcome { code, detail }
}

/// How an actor ended.
pub(crate) fn reason(outcome: &Outcome) -> ExitReason {
    let text = || Arc::from(outcome.detail.as_str());
    match outcome.code {
        exit::NORMAL => ExitReason::Normal,
        exit::SHUTDOWN => ExitReason::Shutdown,
        exit::KILLED => ExitReason::Killed,
        exit::PANIC => {
            let (location, message) = outcome.detail.split_once('\n').unwrap_or(("", &outcome.detail));
            ExitReason::Panic {
                message: message.into(),
                location: location.into(),
            }
        }
        exit::LAPSED => ExitReason::Lapsed,
        exit::GONE => ExitReason::Gone,
        exit::STUCK => ExitReason::Stuck { handler: text() },
        exit::NODE_DOWN => ExitReason::NodeDown,
        exit::SHUTDOWN_WITH => ExitReason::ShutdownWith(text()),
        _ => ExitReason::Error(text()),
    }
}

fn of_refusal(refusal: &Refusal) -> (u32, u64, String) {
    let code = match refusal {
        Refusal::UnknownMessage => refusal::UNKNOWN_MESSAGE,
        Refusal::SchemaMismatch => refusal::SCHEMA_MISMATCH,
        Refusal::Malformed => refusal::MALFORMED,
        Refusal::Full => refusal::FULL,
        Refusal::Gone => refusal::GONE,
        Refusal::Exited(reason) => return of_exit(refusal::DRAINED, reason),
        Refusal::Lapsed => refusal::LAPSED,
        Refusal::Expired => refusal::EXPIRED,
        Refusal::Superseded => refusal::SUPERSEDED,
    };
    (code, 0, String::new())
}

fn of_error(error: &CallError) -> (u32, u64, String) {
    match error {
        CallError::NoReply => (refusal::NO_REPLY, 0, String::new()),
        CallError::Exited(reason) => of_exit(refusal::EXITED, reason),
        CallError::Overloaded => (refusal::REPLY_OVERLOADED, 0, String::new()),
        CallError::Lapsed => (refusal::REPLY_LAPSED, 0, String::new()),
        other => (refusal::REPLY_FAILED, 0, other.to_string()),
    }
}

fn of_exit(code: u32, reason: &ExitReason) -> (u32, u64, String) {
    let outcome = outcome(reason);
    (code, u64::from(outcome.code), outcome.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_survives_the_way() {
        let panic = ExitReason::Panic {
            message: "a\nb".into(),
            location: "x.rs:1:2".into(),
        };
        let failures = [
            Failure::Refused(Refusal::UnknownMessage),
            Failure::Refused(Refusal::SchemaMismatch),
            Failure::Refused(Refusal::Malformed),
            Failure::Refused(Refusal::Full),
            Failure::Refused(Refusal::Gone),
            Failure::Refused(Refusal::Lapsed),
            Failure::Refused(Refusal::Expired),
            Failure::Refused(Refusal::Superseded),
            Failure::Refused(Refusal::Exited(panic.clone())),
            Failure::Lost(CallError::NoReply),
            Failure::Lost(CallError::Overloaded),
            Failure::Lost(CallError::Lapsed),
            Failure::Lost(CallError::Malformed),
            Failure::Lost(CallError::Exited(panic)),
        ];
        for sent in failures {
            assert_eq!(failure(&refused(1, 2, 3, &sent)), sent);
        }
    }

    #[test]
    fn every_exit_reason_survives_the_way() {
        let reasons = [
            ExitReason::Normal,
            ExitReason::Shutdown,
            ExitReason::shutdown_with("s"),
            ExitReason::Killed,
            ExitReason::Panic {
                message: "m".into(),
                location: "l".into(),
            },
            ExitReason::Error("e".into()),
            ExitReason::Lapsed,
            ExitReason::Stuck { handler: "h".into() },
            ExitReason::NodeDown,
            ExitReason::Gone,
        ];
        for sent in reasons {
            assert_eq!(reason(&outcome(&sent)), sent);
        }
    }

    #[test]
    fn a_number_of_a_newer_peer_is_no_reply() {
        let mut newer = refused(1, 2, 3, &Failure::Lost(CallError::NoReply));
        newer.outcome.code = 999;
        assert_eq!(failure(&newer), Failure::Lost(CallError::Malformed));
    }
}
