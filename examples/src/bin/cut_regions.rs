//! Nine nodes in three regions, each node in a network of its own, and what happens when networks are cut.
//!
//! ```text
//! cargo run --release -p examples --bin cut_regions
//! ```
//!
//! Needs root, iproute2 and util-linux on Linux, for network namespaces; all traffic stays in these, and the kernel removes
//! them with the last process. Exits with 0 when every promise was kept and with 1 when not; with 2, and the reason on
//! stderr, when networks cannot be cut here and so nothing was tried. It takes about a minute and a half.
//! How it is built: `examples/src/cut_regions/`.

use std::process::ExitCode;

fn main() -> ExitCode {
    examples::cut_regions::main()
}
