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
//! billing, ledger, straggler       the actors: what a user of Quorate writes
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
pub mod layout;
pub mod ledger;
pub mod lines;
pub mod overlap;
pub mod process;
pub mod promises;
pub mod record;
pub mod report;
pub mod straggler;
pub mod talk;
pub mod timeline;
