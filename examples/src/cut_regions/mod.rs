//! The rows of the README's table "What happens in a partition" that need a network to be cut, acted out.
//!
//! ```text
//!  us-east-1 ─ us-east-2 ─ us-east-3   us-west-1 ─ ...   eu-central-1 ─ ...      each in a network namespace
//!      │           │           │           │                  │
//!      └───────────┴───────────┴────── the hub ───────────────┴──────── ...      which routes, and drops what is cut
//!                                         │
//!                            driver, DNS server, ledger                          which no region's cut takes away
//! ```
//!
//! The nodes, the callers and the ledger are those of the main job, [`three_regions`]. What is new is
//! that every node calls the singleton, that each region which hosts has a till of its own, and the network between.
//! Nobody may ever be answered by the till of another region.
//! A cut region still reaches the ledger, so that nothing but its lease and the fence keeps an old instance from writing.
//!
//! ```text
//! able, network      whether namespaces can be had; the hub, its links, and how they are cut
//! story, scenes      what is done, and what must be seen
//! stage              what the scenes share
//! witness, checks    what callers saw, and what was not as it must be: pure
//! ```

mod able;
mod checks;
mod network;
mod scenes;
mod stage;
mod story;
mod witness;

use std::process::ExitCode;

use super::three_regions;

/// What to print when the command line makes no sense.
const USAGE: &str = "usage: cut_regions [--keep]
  --keep          keep configurations, data and logs, and say where";

/// The program: the driver, which first starts itself again in namespaces, or one of the processes that it starts.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["node" | "ledger", ..] => three_regions::main(),
        [] | ["--keep"] => able::start_inside(&words),
        [able::INSIDE, options @ ..] => {
            three_regions::on_this_thread(story::drive(options.contains(&"--keep")))
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
