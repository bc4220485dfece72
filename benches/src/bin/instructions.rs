//! How many instructions a cast, a call and a spawn of Quorate take: a guard against regressions that noise cannot touch.
//!
//! The program runs itself under callgrind on a current-thread runtime, twice for each figure, once with few and once with many operations;
//! what differs is what the operations took, and the start of the process falls out. A cast and a call are counted with the handling of the
//! message, a spawn with the end of the actor. The system measures no handlers: how many messages it handles in a turn would depend on how
//! fast the machine is under callgrind, and with that the instructions for each, by a tenth.
//!
//! `cargo run --release -p benches --bin instructions` compares with `benches/instructions.txt` and fails when a figure has grown by more
//! than 5 %; `-- --write` renews the file, which is to be done when one has become smaller, or larger for a reason, or with another rustc. Exit codes: 0 within
//! the bound, 1 above it, 2 not understood, 77 it did not run because valgrind is missing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::{env, fs};

use benches::groups::Group;
use benches::members::quorate::Quorate;
use benches::stage::Stage;

/// By how much a figure may grow, in percent.
const GROWTH_MAX: f64 = 5.0;
/// The first argument of the process that callgrind watches.
const WATCHED: &str = "--watched";
/// What it means that nothing was measured; automake's code for a skipped test.
const DID_NOT_RUN: u8 = 77;

/// An operation, the group that does it, and how often it is done in the two runs.
const OPERATIONS: [(&str, &str, [u64; 2]); 4] = [
    ("cast", "cast_1_producer_1_thread", [2_048, 22_528]),
    ("call", "call_sequential_1_thread", [1_000, 11_000]),
    ("call_async", "call_sequential_async_1_thread", [1_000, 11_000]),
    ("spawn", "spawn_stop_1_thread", [200, 2_200]),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => guard(),
        ["--write"] => write(),
        [WATCHED, group, times] => watched(group, times),
        _ => {
            eprintln!("usage: instructions [--write]");
            ExitCode::from(2)
        }
    }
}

/// Does the operation. This is what callgrind sees.
fn watched(group: &str, times: &str) -> ExitCode {
    let (Some(group), Ok(times)) = (Group::named(group), times.parse()) else {
        return ExitCode::from(2);
    };
    let mut stage = Stage::open_with(group, Quorate::open_unmeasured);
    stage.run(1);
    stage.run(times);
    stage.close();
    ExitCode::SUCCESS
}

fn guard() -> ExitCode {
    let file = file();
    let Ok(text) = fs::read_to_string(&file) else {
        eprintln!("benches/instructions.txt cannot be read; --write makes it");
        return ExitCode::from(2);
    };
    let allowed = read(&text);
    let counted = match count_all() {
        Ok(counted) => counted,
        Err(code) => return code,
    };
    let mut within = true;
    println!("instructions for each: now, committed, growth; at most {GROWTH_MAX} % are allowed");
    for (operation, now) in counted {
        let Some(before) = allowed.get(operation) else {
            println!("{operation:>12} {now:>9.1}   not in benches/instructions.txt");
            within = false;
            continue;
        };
        let growth = (now / before - 1.0) * 100.0;
        let verdict = match growth {
            growth if growth > GROWTH_MAX => "too much",
            growth if growth < -GROWTH_MAX => "better: renew the file with --write, so that it stays so",
            _ => "",
        };
        println!("{operation:>12} {now:>9.1} {before:>9.1} {growth:>+7.1} % {verdict}");
        within &= growth <= GROWTH_MAX;
    }
    if within {
        return ExitCode::SUCCESS;
    }
    println!(
        "the file was written with: {}",
        text.lines().find(|line| line.contains("rustc")).unwrap_or("?")
    );
    println!("this is: {}", version("rustc"));
    ExitCode::FAILURE
}

fn write() -> ExitCode {
    let counted = match count_all() {
        Ok(counted) => counted,
        Err(code) => return code,
    };
    let mut text = format!(
        "# Instructions for each operation, written by: cargo run --release -p benches --bin instructions -- --write\n# {}\n# {}\n",
        version("rustc"),
        version("valgrind"),
    );
    for (operation, now) in counted {
        let _infallible = writeln!(text, "{operation} {now:.1}");
    }
    print!("{text}");
    if let Err(error) = fs::write(file(), text) {
        eprintln!("benches/instructions.txt cannot be written: {error}");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

/// The figures of the file; a line that is not one is left out.
fn read(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (operation, count) = line.split_once(' ')?;
            Some((operation, count.trim().parse().ok()?))
        })
        .collect()
}

fn count_all() -> Result<Vec<(&'static str, f64)>, ExitCode> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not installed: the instructions were NOT counted");
        return Err(ExitCode::from(DID_NOT_RUN));
    }
    let mut counted = Vec::new();
    for (operation, group, [few, many]) in OPERATIONS {
        let [less, more] = [count(group, few)?, count(group, many)?];
        counted.push((operation, more.saturating_sub(less) as f64 / (many - few) as f64));
    }
    Ok(counted)
}

/// The instructions of a whole process.
fn count(group: &str, times: u64) -> Result<u64, ExitCode> {
    let this = env::current_exe().expect("the system knows which program this is");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args([WATCHED, group, &times.to_string()])
        .output()
        .expect("valgrind was there a moment ago");
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected :"));
    match collected.and_then(|(_, count)| count.trim().parse().ok()) {
        Some(count) if output.status.success() => Ok(count),
        _ => {
            eprintln!("{group} did not run under callgrind: {}\n{report}", output.status);
            Err(ExitCode::from(2))
        }
    }
}

fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| format!("{program} of an unknown version"))
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}
