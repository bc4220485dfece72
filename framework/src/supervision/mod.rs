//! Supervision: who restarts whom.
//!
//! The decisions are in a pure core (`state`, `intensity`): events and `now` in, commands out, no clock, no task. The
//! driver carries the commands out and decides nothing. The rules are OTP's; the defaults are Elixir's (3 restarts in 5 s).
//!
//! Left out for now: the strategies one_for_all and rest_for_one, automatic shutdown, administration while running,
//! dynamic, partition and task supervisors.

mod admin;
pub(crate) mod ask;
pub(crate) mod casualties;
pub(crate) mod child;
pub(crate) mod driver;
mod dynamic;
mod intensity;
mod own;
mod partition;
pub(crate) mod root;
mod spec;
pub(crate) mod state;
mod tasks;

use std::time::Duration;

pub use self::ask::{ChildCounts, ChildError, ChildInfo, ChildKind, ChildStatus, RestartError};
pub use self::casualties::{CASUALTIES_MAX, Casualty, ShutdownReport};
pub use self::dynamic::{DynamicSupervisor, DynamicSupervisorHandle};
pub use self::partition::{PartitionSupervisor, PartitionSupervisorHandle};
pub use self::spec::{Children, Dynamic, SpecProblem, Supervisor, SupervisorMessage, SupervisorSpec};
pub use self::tasks::{LinkedTask, Task, TaskError, TaskStream, TaskSupervisor, TaskSupervisorHandle};

/// Restarts that a supervisor allows within [`DEFAULT_PERIOD`] when nothing else is said (Elixir: 3).
pub const DEFAULT_INTENSITY: u32 = 3;

/// The period of the restart intensity when nothing else is said (5 s).
pub const DEFAULT_PERIOD: Duration = Duration::from_secs(5);

/// Which children are restarted when one of them ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Strategy {
    /// The one that ended. The default.
    #[default]
    OneForOne,
    /// All of them: they are stopped in reverse order, then started in order.
    OneForAll,
    /// The one that ended and those declared behind it: they are stopped in reverse order, then started in order.
    RestForOne,
}

/// Whether the end of significant children ends the supervisor (OTP: auto_shutdown).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AutoShutdown {
    /// It does not, and no child may be significant. The default.
    #[default]
    Never,
    /// When one of them ends by itself and is not restarted.
    AnySignificant,
    /// When the last of them has.
    AllSignificant,
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
    /// What the end of significant children means.
    pub auto_shutdown: AutoShutdown,
}

impl Flags {
    /// One for one, 3 restarts in 5 s, no automatic shutdown.
    pub const DEFAULT: Self = Self {
        strategy: Strategy::OneForOne,
        intensity: DEFAULT_INTENSITY,
        period: DEFAULT_PERIOD,
        auto_shutdown: AutoShutdown::Never,
    };
}

impl Default for Flags {
    fn default() -> Self {
        Self::DEFAULT
    }
}
