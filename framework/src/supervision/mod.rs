//! Supervision: who restarts whom.
//!
//! The decisions are in a pure core (`state`, `intensity`): events and `now` in, commands out, no clock, no task. The
//! driver carries the commands out and decides nothing. The rules are OTP's; the defaults are Elixir's (3 restarts in 5 s).
//!
//! Left out for now: the strategies one_for_all and rest_for_one, automatic shutdown, administration while running,
//! dynamic, partition and task supervisors.

pub(crate) mod child;
pub(crate) mod driver;
mod intensity;
pub(crate) mod root;
mod spec;
pub(crate) mod state;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::spec::{Children, Supervisor, SupervisorMessage, SupervisorSpec};

/// Restarts that a supervisor allows within [`DEFAULT_PERIOD`] when nothing else is said (Elixir: 3).
pub const DEFAULT_INTENSITY: u32 = 3;

/// The period of the restart intensity when nothing else is said (5 s).
pub const DEFAULT_PERIOD: Duration = Duration::from_secs(5);

/// Which children are restarted when one of them ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// The one that ended. The default.
    #[default]
    OneForOne,
}

/// The constants of a supervisor, as `#[supervisor(...)]` writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// Who is restarted.
    pub strategy: Strategy,
    /// How many restarts are allowed within the period: one more ends the supervisor.
    pub intensity: u32,
    /// The period, more than zero.
    pub period: Duration,
}

impl Flags {
    /// One for one, 3 restarts in 5 s.
    pub const DEFAULT: Self = Self {
        strategy: Strategy::OneForOne,
        intensity: DEFAULT_INTENSITY,
        period: DEFAULT_PERIOD,
    };
}

impl Default for Flags {
    fn default() -> Self {
        Self::DEFAULT
    }
}
