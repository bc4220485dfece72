//! Nine nodes in three regions on this machine, one `billing`, and what happens when nodes and regions are lost.
//!
//! ```text
//! cargo run --release --example three_regions
//! cargo run --release --example three_regions -- --report report.json
//! ```
//!
//! Exits with 0 when every promise was kept; else with 1, and the broken ones stand on stderr. It takes about a minute.
//! How it is built: `examples/src/three_regions/`.

use std::process::ExitCode;

fn main() -> ExitCode {
    examples::three_regions::main()
}
