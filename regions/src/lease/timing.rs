//! How long things last, from the one term that a user sets.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::Configuration;

/// Lease term and stop budget of a holder; everything else follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// `D`: how long a grant lasts from each renewal on.
    pub term: Duration,
    /// `S`: how long aborting an actor takes. Not a handler's time: that is dropped at its await.
    pub stop: Duration,
}

/// Why a timing cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimingError {
    /// The term is above the configuration's `D_max`.
    TermAboveMax {
        /// The term.
        term: Duration,
        /// `D_max`.
        term_max: Duration,
    },
    /// A renewal every quarter of the term, one of which is missed, leaves nothing before the stop budget begins.
    StopTooLong {
        /// The stop budget.
        stop: Duration,
        /// The most that the term allows.
        stop_max: Duration,
    },
}

impl Timing {
    /// 4 s and 400 ms.
    pub const DEFAULT: Self = Self {
        term: Duration::from_secs(4),
        stop: Duration::from_millis(400),
    };

    /// Compares with what all regions agreed on.
    ///
    /// # Errors
    ///
    /// [`TimingError`] says which of the two durations is too long.
    pub fn check(&self, config: &Configuration) -> Result<(), TimingError> {
        let (term, term_max) = (self.term, config.term_max);
        if term > term_max {
            return Err(TimingError::TermAboveMax { term, term_max });
        }
        let (stop, stop_max) = (self.stop, term / 4);
        if stop > stop_max {
            Err(TimingError::StopTooLong { stop, stop_max })
        } else {
            Ok(())
        }
    }

    /// Between two renewals of one region.
    pub fn renew_every(&self) -> Duration {
        self.term / 4
    }

    /// Without an answer for so long, a region is asked in a hurry.
    pub fn patience(&self) -> Duration {
        self.term / 2
    }

    /// Between two renewals of a region that does not answer.
    pub fn hurry_every(&self) -> Duration {
        self.term / 16
    }

    /// An attempt lives at most so long from its Prepare.
    pub fn attempt_max(&self) -> Duration {
        self.term / 2
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for TimingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TermAboveMax { term, term_max } => {
                write!(
                    f,
                    "a lease term of {term:?} is above the {term_max:?} that the regions agreed on"
                )
            }
            Self::StopTooLong { stop, stop_max } => {
                write!(
                    f,
                    "a stop budget of {stop:?} is above a quarter of the lease term, {stop_max:?}"
                )
            }
        }
    }
}

impl std::error::Error for TimingError {}

#[cfg(test)]
mod tests {
    use crate::id::{GroupId, RegionName};

    use super::super::clock::Drift;
    use super::*;

    #[test]
    fn a_timing_that_cannot_work_is_refused() {
        let region = RegionName::new("east").unwrap();
        let config = Configuration::formed(region, GroupId(1), Drift::DEFAULT, Duration::from_secs(4));
        assert_eq!(Timing::DEFAULT.check(&config), Ok(()));
        let long = Timing {
            term: Duration::from_secs(5),
            ..Timing::DEFAULT
        };
        assert!(matches!(
            long.check(&config),
            Err(TimingError::TermAboveMax { .. })
        ));
        let lazy = Timing {
            stop: Duration::from_secs(2),
            ..Timing::DEFAULT
        };
        assert!(matches!(
            lazy.check(&config),
            Err(TimingError::StopTooLong { .. })
        ));
    }
}
