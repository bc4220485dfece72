//! Reads criterion's estimates and writes `benches/RESULTS.md` with its chart `benches/results.svg`.
//!
//! `cargo run --release -p benches --bin report`, after `cargo bench -p benches --bench messages --features peers`. It measures nothing: what
//! is in criterion's folder is what is reported, together with how old it is.
//!
//! One run says little on a machine that others use. Several runs, each in a folder of its own, are reported by the median of their medians
//! and by the range of these:
//!
//! ```sh
//! for run in 1 2 3 4 5; do
//!     CRITERION_HOME=$PWD/target/run-$run cargo bench -p benches --bench messages --features peers
//! done
//! cargo run --release -p benches --bin report -- target/run-*
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use benches::groups::GROUPS;

mod chart;
mod estimates;
mod machine;
mod page;

/// All members that there can be, in the order of the results, and the package whose version is reported. The report does not build the peers.
pub(crate) const MEMBERS: [(&str, &str); 6] = [
    ("quorate", "quorate"),
    ("ractor", "ractor"),
    ("kameo", "kameo"),
    ("actix", "actix"),
    ("xtra", "xtra"),
    ("tokio_mpsc", "tokio"),
];

fn main() -> ExitCode {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut runs: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    if runs.is_empty() {
        runs.push(criterion_home(benches));
    }
    let results = estimates::read(&runs);
    if results.medians.is_empty() {
        eprintln!("no estimates yet: cargo bench -p benches --bench messages --features peers");
        return ExitCode::FAILURE;
    }
    match write(benches, &results) {
        Ok(()) => {
            println!(
                "{} of {} medians are in benches/RESULTS.md and benches/results.svg",
                results.medians.len(),
                GROUPS.len() * MEMBERS.len()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the results cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(benches: &Path, results: &estimates::Results) -> io::Result<()> {
    let lock = fs::read_to_string(benches.join("../Cargo.lock"))?;
    fs::write(benches.join("RESULTS.md"), page::markdown(results, &lock))?;
    fs::write(benches.join("results.svg"), chart::svg(results))
}

/// Where criterion writes, by the rules that it has for it.
fn criterion_home(benches: &Path) -> PathBuf {
    if let Some(home) = env::var_os("CRITERION_HOME") {
        return home.into();
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| benches.join("../target"), PathBuf::from);
    target.join("criterion")
}

#[cfg(test)]
mod tests {
    use benches::member::{self, Member, Visit};

    use super::MEMBERS;

    struct Built(Vec<(&'static str, &'static str)>);

    impl Visit for Built {
        fn visit<M: Member>(&mut self) {
            self.0.push((M::NAME, M::PACKAGE));
        }
    }

    #[test]
    fn the_report_knows_all_members_in_their_order() {
        let mut built = Built(Vec::new());
        member::each(&mut built);
        let known = MEMBERS.into_iter().filter(|member| built.0.contains(member));
        assert_eq!(known.collect::<Vec<_>>(), built.0);
        assert!(!cfg!(feature = "peers") || built.0.len() == MEMBERS.len());
    }
}
