//! The page of results: `RESULTS.md`.

use std::fmt::Write;

use benches::groups::{GROUPS, Group};
use benches::{QUEUE_MAX, WORKERS};

use crate::estimates::Results;
use crate::{MEMBERS, machine};

/// The page as markdown.
pub(crate) fn markdown(results: &Results, lock: &str) -> String {
    let mut page = String::from(
        "# Results\n\nWritten by `cargo run --release -p benches --bin report` after `cargo bench -p benches --bench messages --features peers`; not by hand.\n\n",
    );
    origin(&mut page, results, lock);
    page.push_str("![Messages per second of each member in each group](results.svg)\n\n");
    let (two, one): (Vec<Group>, Vec<Group>) = GROUPS.into_iter().partition(|group| group.threads > 1);
    let _infallible = writeln!(page, "## {WORKERS} worker threads\n");
    tables(&mut page, results, &two);
    page.push_str("## The current-thread runtime\n\n");
    tables(&mut page, results, &one);
    page.push_str(NOTES);
    page
}

/// How to read it. What stands in the code of the members is said there.
const NOTES: &str = "\
## What is compared

- One unit is one message, counted by the actor that it went to before the clock stops; in `spawn_stop` it is one actor that was started, stopped and
  waited for. Each run asserts the counts.
- `quorate` has supervised actors with typed replies and deadlines. `tokio_mpsc` is a bare task with a channel and one-shots, without any of that: the floor.
- `ractor` has unbounded mailboxes, as it has no others: its producers never wait for room. All other mailboxes have the same bound. Where a framework has an
  awaited send it is used; `actix` refuses when a mailbox is full, and the producer yields and tries again.
- `actix` runs in one system with two arbiters. A caller and a counter are on different ones, the two of `ping_pong` too, and each half of a ring on
  one; several callers are dealt to both in turn; `spawn_stop` is all on one. On the current-thread runtime it has the system's own arbiter.
- `spawn_stop`: `quorate` waits until its supervisor has started the actor and `ractor` until the actor has; the others do not wait for a start. `actix`
  has no way to wait for an end, so its actor drops a channel with itself.
- Calls of `ractor`, `kameo`, `actix`, `xtra` and `tokio_mpsc` have no deadline here, as is their default; those of `quorate` have its default of 5 s.
- An interval of criterion's is from within one run; what a run before or after would have shown can lie outside of it. With two threads on two
  cores much depends on where the kernel puts them: whether a message wakes a thread on the other core is most of what some groups measure.
";

fn origin(page: &mut String, results: &Results, lock: &str) {
    let versions = MEMBERS.map(|(_, package)| {
        let version = machine::version(lock, package).unwrap_or("of an unknown version");
        format!("{package} {version}")
    });
    let commit = machine::commit().map_or(String::new(), |commit| format!(" (Quorate at commit {commit})"));
    let _infallible = writeln!(
        page,
        "- Machine: {}\n- Compiler: {}, profile `bench`\n- Versions: {}{commit}\n- Mailboxes: {QUEUE_MAX} messages, but unbounded for ractor",
        machine::machine(),
        machine::rustc(),
        versions.join(", "),
    );
    if let Some([first, last]) = results.written {
        let minutes = last
            .duration_since(first)
            .map_or(0, |span| span.as_secs().div_ceil(60));
        let _infallible = writeln!(
            page,
            "- Measured: {}, within {minutes} minutes; load average when this was written: {}",
            machine::day(last),
            machine::load(),
        );
    }
    page.push('\n');
}

/// A table of medians, and one of ratios.
fn tables(page: &mut String, results: &Results, groups: &[Group]) {
    let interval = match results.runs {
        1 => "criterion's interval of 95 %".to_owned(),
        runs => format!("the range of the medians of {runs} runs"),
    };
    let _infallible = writeln!(page, "Median time for one message, with {interval}:\n");
    table(page, groups, |group, member| {
        let median = results.median(group, member)?;
        let [low, high] = median.interval.map(time);
        Some(format!("{} ({low} to {high})", time(median.ns)))
    });
    page.push_str("How many times as long as Quorate; below 1 is faster than Quorate:\n\n");
    table(page, groups, |group, member| {
        let ours = results.median(group, MEMBERS[0].0)?;
        let ratio = results.median(group, member)?.ns / ours.ns;
        Some(if ratio < 10.0 {
            format!("{ratio:.2}")
        } else {
            format!("{ratio:.0}")
        })
    });
}

fn table(page: &mut String, groups: &[Group], cell: impl Fn(&'static str, &'static str) -> Option<String>) {
    let names = MEMBERS.map(|(member, _)| match member {
        "ractor" => "ractor, unbounded",
        other => other,
    });
    let _infallible = writeln!(
        page,
        "| | {} |\n|{}",
        names.join(" | "),
        " --- |".repeat(names.len() + 1)
    );
    for group in groups {
        let cells = MEMBERS.map(|(member, _)| cell(group.name, member).unwrap_or_else(|| "-".to_owned()));
        let _infallible = writeln!(page, "| `{}` | {} |", group.name, cells.join(" | "));
    }
    page.push('\n');
}

/// A time with three digits.
pub(crate) fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns => (ns / 1e6, "ms"),
    };
    let digits = if value < 10.0 {
        2
    } else {
        usize::from(value < 100.0)
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimates::Median;

    #[test]
    fn times_have_three_digits() {
        assert_eq!(time(3.456), "3.46 ns");
        assert_eq!(time(45.67), "45.7 ns");
        assert_eq!(time(456.7), "457 ns");
        assert_eq!(time(45_670.0), "45.7 µs");
    }

    #[test]
    fn ratios_are_to_quorate_and_gaps_are_shown() {
        let mut results = Results::default();
        for (member, ns) in [("quorate", 100.0), ("kameo", 250.0)] {
            let interval = [ns - 1.0, ns + 1.0];
            results
                .medians
                .insert(("ping_pong", member), Median { ns, interval });
        }
        let page = markdown(&results, "");
        assert!(
            page.contains("| `ping_pong` | 1.00 | - | 2.50 | - | - | - |"),
            "{page}"
        );
        assert!(
            page.contains("| `spawn_stop` | - | - | - | - | - | - |"),
            "{page}"
        );
    }
}
