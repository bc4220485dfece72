//! The main job, `cargo run --release --example three_regions`: nine nodes, three regions and one `billing`.
//!
//! ```text
//!  driver ── starts, kills, stops ──► nine nodes ── found by DNS, form three regions, place `billing`
//!    │                                  │
//!    │ stamps writes with               │ `billing` writes every charge, stamped with its epoch
//!    │ epochs that are over             ▼
//!    └──────────────────────────────► ledger ── keeps the highest epoch, refuses lower ones
//! ```
//!
//! One node, in a region that hosts nothing, calls `billing` every 20 ms; what it sees decides how long `billing` was
//! unavailable. What the instances of `billing` write down about themselves decides whether there were ever two.
//!
//! ```text
//! billing, ledger, straggler, till the actors: what a user of Quorate writes
//! caller, processes, talk, args    what each process does
//! driver/, layout, process         who starts, harms and watches them
//! record, calls, overlap           what instances wrote down, what the caller saw: pure
//! report, promises                 what is left of a run, and whether it was good: pure
//! ```

pub mod args;
pub mod billing;
pub mod caller;
pub mod calls;
pub mod clock;
pub(crate) mod driver;
pub mod layout;
pub mod ledger;
pub mod lines;
pub mod node;
pub mod overlap;
pub mod process;
pub mod processes;
pub mod promises;
pub mod record;
pub mod report;
pub mod straggler;
pub mod talk;
pub mod till;
pub mod timeline;

use std::process::ExitCode;

use self::args::Role;

/// The program: the driver, or one of the processes that it starts.
pub fn main() -> ExitCode {
    let role = match Role::read(std::env::args().skip(1)) {
        Ok(role) => role,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    on_this_thread(async {
        match role {
            Role::Driver { report, keep } => {
                let driven = driver::drive(report.as_deref(), keep).await;
                driven.unwrap_or_else(|error| {
                    eprintln!("broken promise: whole: the run did not come to its end: {error}");
                    ExitCode::FAILURE
                })
            }
            Role::Node(arguments) => processes::node(arguments).await,
            Role::Ledger(listen) => processes::ledger(listen).await,
        }
    })
}

/// Runs a program on a runtime of its own, and itself on this thread, whose end the kernel reports to the processes that are
/// started from it.
pub(crate) fn on_this_thread(program: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(program);
    runtime.shutdown_background();
    code
}
