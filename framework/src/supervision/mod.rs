//! Supervision: who restarts whom, by the rules of OTP and with Elixir's defaults.
//!
//! A supervisor starts its children in order, restarts those that end as its strategy says, gives up when that happens too often, and
//! stops them against the order. What gives up ends with [`ExitReason::Shutdown`](crate::ExitReason), and the supervisor above decides. At the top is the
//! root of the [`System`](crate::System): what is spawned there has nothing to do with one another, so too many restarts of one end that one alone.
//!
//! ```
//! use quorate::prelude::*;
//! # #[actor]
//! # #[derive(Default)]
//! # pub struct Ledger;
//! # #[actor]
//! # impl Ledger {}
//! # #[actor]
//! # #[derive(Default)]
//! # pub struct Payments;
//! # #[actor]
//! # impl Payments {}
//! # #[actor]
//! # #[derive(Default)]
//! # pub struct Cart;
//! # #[actor]
//! # impl Cart {}
//!
//! /// Payments lean on the ledger: when it ends, both are restarted.
//! #[supervisor(strategy = rest_for_one, intensity = 3, period = "5s")]
//! pub struct Shop {
//!     #[child]
//!     ledger: Ledger,
//!     #[child(restart = transient, shutdown = "2s", backoff = "100ms..10s", jitter = 20)]
//!     payments: Payments,
//!     #[child(max_children = 10_000)]
//!     carts: DynamicSupervisor<Cart>,
//!     #[child]
//!     jobs: TaskSupervisor,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), quorate::Error> {
//! # let system = System::new("demo");
//! let shop = system.spawn(Shop::spec(Ledger::spec(), Payments::spec())).await?;
//! let cart = shop.carts.start(Cart::spec()).await?; // the handle's fields are the children's refs
//! println!("{}", system.tree().await);
//! # system.shutdown().await
//! # }
//! ```
//!
//! # The keys of a supervisor
//!
//! | Key | Default | What it means, and what to beware of |
//! | --- | --- | --- |
//! | `strategy` | `one_for_one` | `one_for_one`: the child that ended is restarted. `rest_for_one`: it and those declared behind it are stopped in reverse, then started in order. `one_for_all`: the same over all. With the latter two the order of the fields is a promise; sort them by who needs whom. |
//! | `intensity`, `period` | 3 in `"5s"` | So many restarts within the period are allowed; one more ends the supervisor. A failed restart counts like a restart, and a group counts once. A long back-off and a short period never meet the bound: the child is tried for ever. |
//! | `auto_shutdown` | `never` | `any_significant`: the supervisor ends when a significant child ends by itself and is not restarted. `all_significant`: when the last of them has. It ends with `Shutdown`: a transient supervisor is not restarted then. |
//!
//! # The keys of a child
//!
//! On the actor's own `#[actor(...)]`, and on the field's `#[child(...)]`, which wins.
//!
//! | Key | Default | What it means, and what to beware of |
//! | --- | --- | --- |
//! | `restart` | `permanent` | `permanent`: always, also after a normal end. `transient`: after a failure. `temporary`: never, not even when a sibling's restart took it down; its spec is forgotten. |
//! | `shutdown` | `"5s"`; of a supervisor `infinity` | Asked, then killed when the time is up. `kill`: not asked, and `#[stopped]` does not run. `infinity`: waited for however long; whoever waits for ever keeps the whole tree. |
//! | `mailbox` | 1024 | The bound, in messages. A call waits for room within its deadline, in order of arrival; a cast answers `Full`. In a mailbox of more than 64, up to 31 messages that have begun may still count while the actor does not wait. |
//! | `in_place` | `auto` | Whether a caller on the actor's own runtime may run a method that is not async itself, on its own thread, when the actor is idle: see [`InPlace`](crate::InPlace). `auto`: while its handlers take 20 µs at most. `off` for actors that lean on thread-locals, or whose methods block. |
//! | `hibernate_after` | never, as in OTP | How long the actor is idle before it hibernates. An idle actor holds no memory for messages or futures anyway: what they took is kept by the thread for the next ones. Hibernating gives that to the allocator. The next message pays for it again, so not for short pauses. |
//! | `backoff` | none, as in OTP | The wait before a restart, doubled from the first to the longest within the period. Messages wait meanwhile, within the mailbox's bound. In a group it lies between the last stop and the first start. |
//! | `jitter` | 0 | Shortens each wait by up to so many percent, so that children which fail together do not come back together. |
//! | `significant` | no | See `auto_shutdown`; refused for permanent children, and where nothing follows from it. |
//! | `max_children` | no bound | Of a [`DynamicSupervisor`]: one more is refused; those that are being restarted count. |
//! | `default` | no | The child's spec is that of its own `spec()`. |
//!
//! # While it runs
//!
//! [`ActorRef::start_child`](crate::ActorRef::start_child) and its siblings add, stop, restart, forget and list children.
//! [`System::tree`](crate::System::tree) tells the whole tree, and draws it. Restarts, kills and escalations are events of the target
//! `quorate::supervision`, unexpected ends of `quorate::exit`; expected ends are silent. Each incarnation runs in a span `actor` with path, type and id.
//!
//! # Coming from elsewhere
//!
//! | There | Here |
//! | --- | --- |
//! | OTP `supervisor`, Elixir `Supervisor` | `#[supervisor]`; the same strategies, restart types, shutdown values, intensity and automatic shutdown; 3 restarts in 5 s, as in Elixir |
//! | `simple_one_for_one`, `DynamicSupervisor` | [`DynamicSupervisor`] |
//! | `PartitionSupervisor` | [`PartitionSupervisor`] |
//! | `Task.Supervisor`: `async`, `async_nolink`, `async_stream` | [`TaskSupervisor`]: `run`, `run_nolink`, `stream` |
//! | poolboy | [`Pool`](crate::Pool) |
//! | `supervisor:which_children`, observer | [`ActorRef::which_children`](crate::ActorRef::which_children), [`System::tree`](crate::System::tree) |
//! | Akka: a supervision strategy of the parent, `BackoffSupervisor` | a supervisor above, and `backoff` on the child; parents do not handle their children's messages |
//! | ractor: `handle_supervisor_evt` of the parent, to be written by hand | the declaration; no code |
//!
//! Where it differs from OTP, and why:
//!
//! - **A ref names a place**, not a process: it stays good across restarts, so nobody looks a child up again. Monitors are of incarnations.
//! - **`#[stopped]` always runs** on a stop and on a shutdown, and after a panic; there is no need to trap exits for it. It does not run on a kill.
//! - **Stuck**: what does not yield cannot be killed in Rust. It is reported with its handler's name, its refs answer `Gone`, its successor
//!   waits for its end, and a shutdown goes on without it.
//! - **A supervisor is not linked to its children**: nothing that a child does to its links (`child_unlink`) takes it out of supervision.
//! - **`which_children` answers at once**, also while a group restarts; what changes something waits, as in OTP.
//! - **A supervisor has no `init` that could ignore**: its children are its declaration. A child may ignore.
//! - **Names belong to specs**: a name is taken from when the spec is built until it is forgotten, restarts included.
//!
//! # How it is built
//!
//! The decisions are in a pure core (`state`, `intensity`): events and `now` in, commands out, no clock, no task. The driver carries the commands
//! out and decides nothing. A supervisor's driver is fed by its task; that of a system's root by whoever spawns or ends, behind a lock.
//!
//! Sources: OTP's `supervisor.erl` and its suite; Elixir's `DynamicSupervisor`, `PartitionSupervisor` and `Task.Supervisor`.

mod admin;
mod after;
pub(crate) mod ask;
pub(crate) mod casualties;
pub(crate) mod child;
pub(crate) mod driver;
mod dynamic;
mod ended;
mod intensity;
pub(crate) mod own;
mod partition;
pub(crate) mod root;
mod server;
mod slot;
mod spec;
pub(crate) mod state;
mod tasks;

use std::time::Duration;

pub use self::ask::{ChildCounts, ChildError, ChildInfo, ChildKind, ChildStatus, RestartError};
pub use self::casualties::{CASUALTIES_MAX, Casualty, ShutdownReport};
pub use self::dynamic::{DynamicSupervisor, DynamicSupervisorHandle};
pub(crate) use self::own::own_supervisor;
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
