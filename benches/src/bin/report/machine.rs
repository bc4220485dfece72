//! On what it was measured: the machine, the compiler, and the versions of the members.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, thread};

/// The processor, cores, memory and system, as far as Linux tells.
pub(crate) fn machine() -> String {
    let cpuinfo = read("/proc/cpuinfo");
    let processor = field(&cpuinfo, "model name").unwrap_or("an unknown processor");
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let meminfo = read("/proc/meminfo");
    let kib: Option<u64> = field(&meminfo, "MemTotal")
        .and_then(|kib| kib.strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse().ok());
    let memory = kib.map_or("unknown memory".to_owned(), |kib| {
        format!("{} GiB", kib.div_ceil(1 << 20))
    });
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{processor}, {cores} cores, {memory}, Linux {}", kernel.trim())
}

/// How many wanted a core lately: what else ran, when the report is written right after the benchmark.
pub(crate) fn load() -> String {
    let load = read("/proc/loadavg");
    load.split(' ').take(3).collect::<Vec<_>>().join(", ")
}

/// What the compiler says of itself.
pub(crate) fn rustc() -> String {
    output("rustc", &["--version"]).unwrap_or_else(|| "an unknown rustc".to_owned())
}

/// The commit that the source is at.
pub(crate) fn commit() -> Option<String> {
    output(
        "git",
        &["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short", "HEAD"],
    )
}

/// The version of a package, as Cargo.lock has it.
pub(crate) fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// The day in UTC, as 2026-11-25.
pub(crate) fn day(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years that begin in March, in eras of 400.
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_version_is_found_in_the_lock_file() {
        let lock = "[[package]]\nname = \"kameo_macros\"\nversion = \"0.21.1\"\n\n[[package]]\nname = \"kameo\"\nversion = \"0.22.2\"\n";
        assert_eq!(version(lock, "kameo"), Some("0.22.2"));
        assert_eq!(version(lock, "actix"), None);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let day_of = |seconds| day(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(day_of(0), "1970-01-01");
        assert_eq!(day_of(951_782_400), "2000-02-29");
        assert_eq!(day_of(1_795_564_800), "2026-11-25");
    }
}
