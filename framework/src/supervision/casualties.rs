//! What a shutdown had to kill: noted by every supervisor of a system from the moment on when the system is told to shut down.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::child::Left;
use crate::seat::Seat;

/// Casualties that are listed one by one; further ones are only counted.
pub const CASUALTIES_MAX: usize = 1_024;

/// An actor that did not end within its time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Casualty {
    /// Where it was: the labels from the root of the system to the actor's own, with `/` between them.
    pub path: String,
    /// The wire name of its type.
    pub actor: &'static str,
    /// The handler that does not yield, if it could not even be killed.
    pub stuck_in: Option<Arc<str>>,
}

impl fmt::Display for Casualty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stuck_in {
            None => write!(f, "{} was killed", self.path),
            Some(handler) => write!(f, "{} is stuck in `{handler}`", self.path),
        }
    }
}

/// What [`System::shutdown_report`](crate::System::shutdown_report) tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Those that did not stop within their time, and were killed. Not those whose policy is to be killed.
    pub killed: Vec<Casualty>,
    /// Those that did not end after the kill either: their handlers run on, out of reach.
    pub stuck: Vec<Casualty>,
    /// How many more there were than the first [`CASUALTIES_MAX`].
    pub not_listed: usize,
}

impl ShutdownReport {
    /// True when everything has stopped within its time.
    pub fn is_clean(&self) -> bool {
        self.killed.is_empty() && self.stuck.is_empty()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("everything has stopped within its time");
        }
        let mut casualties = self.killed.iter().chain(&self.stuck);
        if let Some(first) = casualties.next() {
            first.fmt(f)?;
        }
        casualties.try_for_each(|casualty| write!(f, ", {casualty}"))?;
        if self.not_listed > 0 {
            write!(f, ", and {} more", self.not_listed)?;
        }
        Ok(())
    }
}

/// The list of one system.
#[derive(Debug, Default)]
pub(crate) struct Casualties {
    is_open: AtomicBool,
    report: Mutex<ShutdownReport>,
}

impl Casualties {
    /// From now on they are noted.
    pub(crate) fn open(&self) {
        self.is_open.store(true, Ordering::Release);
    }

    pub(crate) fn killed(&self, seat: &Seat) {
        self.note(seat.actor(), seat.path(), None);
    }

    pub(crate) fn stuck(&self, left: &Left) {
        self.note(left.seat.actor(), left.path.clone(), Some(&left.handler));
    }

    pub(crate) fn report(&self) -> ShutdownReport {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, actor: &'static str, path: String, stuck_in: Option<&Arc<str>>) {
        if !self.is_open.load(Ordering::Acquire) {
            return;
        }
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        if report.killed.len() + report.stuck.len() >= CASUALTIES_MAX {
            report.not_listed += 1;
            return;
        }
        let casualty = Casualty {
            path,
            actor,
            stuck_in: stuck_in.cloned(),
        };
        if stuck_in.is_some() {
            report.killed.retain(|killed| killed.path != casualty.path);
            report.stuck.push(casualty);
        } else {
            report.killed.push(casualty);
        }
    }
}
