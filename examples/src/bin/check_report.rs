//! `check_report FILE`: judges a report that `three_regions --report FILE` has written.
//!
//! Exits with 0 when every promise was kept; else with 1, and every broken promise stands on stderr.

use std::path::PathBuf;
use std::process::ExitCode;

use examples::three_regions::promises::{PROMISES, broken};
use examples::three_regions::report::Report;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), None) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        eprintln!("usage: check_report FILE");
        return ExitCode::from(2);
    };
    let report = match Report::read(&path) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    };
    let breaches = broken(&report);
    for breach in &breaches {
        eprintln!("{}: broken promise: {breach}", path.display());
    }
    if breaches.is_empty() {
        println!("{}: all {} promises were kept", path.display(), PROMISES.len());
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
