//! The rules of the house, over all sources of the workspace: what must never stand where.
//!
//! Each rule is shown to fail on lines that break it, so that none of them passes because it looks at nothing. It reads text and knows no syntax:
//! comments and the tests at the end of a file are left out where a rule is about code.

#[path = "tidy/sources.rs"]
mod sources;

use std::fs;

use sources::{PACKAGES, PUBLISHED, Rule, allows, keeps, read, root, sources};

/// No file is longer, but for these.
const LINES_MAX: usize = 500;
/// Longer files, up to how many lines, and why they are one.
const LONGER: [(&str, usize, &str); 3] = [
    (
        "tests/tests/config.rs",
        800,
        "one table: every mistake in a file and what is said about it",
    ),
    (
        "tests/tests/lease_sim/rules/of_holders.rs",
        700,
        "a test for each rule of a holder",
    ),
    (
        "tests/tests/lease_sim/rules/of_regions.rs",
        1000,
        "a test for each rule of a region",
    ),
];

/// What decides and takes `now`: files, or folders with all that is in them.
const PURE: [&str; 19] = [
    "framework/src/alarm/queue",
    "framework/src/pool/queue",
    "framework/src/supervision/intensity",
    "framework/src/supervision/state",
    "framework/src/wire/action",
    "framework/src/wire/code",
    "framework/src/wire/convert",
    "framework/src/wire/frame",
    "framework/src/wire/handshake",
    "framework/src/wire/header",
    "framework/src/wire/session",
    "framework/src/wire/shape",
    "regions/src/config/check",
    "regions/src/discovery/cache",
    "regions/src/formation",
    "regions/src/lease",
    "regions/src/lookout",
    "regions/src/placement",
    "regions/src/roster",
];

#[test]
fn the_framework_never_mentions_a_region() {
    let rule: Rule = |source| {
        let is_below = source.is_in("framework/src") || source.is_in("macros/src");
        source.lines_with(|line| is_below && line.to_ascii_lowercase().contains("region"))
    };
    keeps(
        rule,
        &[
            ("framework/src/x.rs", "use quorate_regions::Cluster;"),
            ("framework/src/wire/x.rs", "let a = 1;\nstruct RegionName;"),
            ("macros/src/x.rs", "const REGIONS: u8 = 3;"),
        ],
    );
    allows(
        rule,
        &[
            ("framework/src/x.rs", "//! Never mentions a region."),
            ("regions/src/x.rs", "struct Region;"),
        ],
    );
}

#[test]
fn the_lease_knows_no_module_but_id() {
    let rule: Rule = |source| {
        let Some(inner) = source.path.strip_prefix("regions/src/lease/") else {
            return Vec::new();
        };
        // How many modules `super` may go up without leaving the lease.
        let depth = inner.matches('/').count() + usize::from(!inner.ends_with("mod.rs"));
        let beyond = "super::".repeat(depth + 1);
        let outside = [
            "tokio",
            "tracing",
            "quorate",
            "rustix",
            "openraft",
            "redb",
            "getrandom",
        ];
        source.lines_with(|line| {
            let strange = line.match_indices("crate::").any(|(at, found)| {
                let module = line[at + found.len()..]
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next();
                !matches!(module, Some("id" | "lease"))
            });
            strange
                || line.contains(&beyond)
                || outside.iter().any(|name| line.contains(&format!("{name}::")))
        })
    };
    keeps(
        rule,
        &[
            (
                "regions/src/lease/x.rs",
                "use crate::id::Uid;\nuse crate::store::Voter;",
            ),
            ("regions/src/lease/x.rs", "use crate::{config, id};"),
            ("regions/src/lease/x.rs", "use super::super::config::Config;"),
            ("regions/src/lease/mod.rs", "use super::config::Config;"),
            (
                "regions/src/lease/holder/x.rs",
                "use super::super::super::config::Config;",
            ),
            ("regions/src/lease/x.rs", "tracing::warn!(\"late\");"),
        ],
    );
    allows(
        rule,
        &[
            (
                "regions/src/lease/x.rs",
                "use crate::id::Uid;\nuse super::clock::Time;",
            ),
            ("regions/src/lease/holder/x.rs", "use super::super::clock::Time;"),
            ("regions/src/steward/mod.rs", "use crate::store::Voter;"),
        ],
    );
}

#[test]
fn what_decides_reads_no_clock_and_does_nothing() {
    let rule: Rule = |source| {
        let is_pure = PURE.iter().any(|place| source.is_in(place)) && source.is_published_code();
        let acts = [
            "Instant::now",
            "SystemTime",
            "clock_gettime",
            ".elapsed()",
            "tokio::",
            "std::fs",
            "std::net::Tcp",
            "std::net::Udp",
            "std::env",
            "std::thread",
            "getrandom",
            "random::",
            "async ",
            ".await",
        ];
        source.lines_with(|line| {
            // The type of an instant alone does nothing.
            let line = line.replace("tokio::time::Instant;", "");
            is_pure && acts.iter().any(|act| line.contains(act))
        })
    };
    keeps(
        rule,
        &[
            (
                "regions/src/lease/holder/x.rs",
                "let now = now;\nlet now = Instant::now();",
            ),
            ("regions/src/placement.rs", "let now = SystemTime::now();"),
            ("framework/src/supervision/state.rs", "use tokio::time::sleep;"),
            (
                "framework/src/supervision/state.rs",
                "let now = tokio::time::Instant::now();",
            ),
            ("framework/src/wire/session.rs", "async fn send() {}"),
            ("regions/src/formation/cluster.rs", "let id = random::u128();"),
        ],
    );
    allows(
        rule,
        &[
            ("framework/src/supervision/state.rs", "use tokio::time::Instant;"),
            ("regions/src/clock.rs", "clock_gettime(clock)"),
            (
                "regions/src/lookout.rs",
                "#[cfg(test)]\nmod tests {\n    Instant::now();\n}",
            ),
        ],
    );
    let all = sources();
    for place in PURE {
        assert!(
            all.iter().any(|source| source.is_in(place)),
            "{place} is no longer there: correct the list"
        );
    }
}

#[test]
fn nothing_in_the_regions_reads_a_wall_clock() {
    let rule: Rule = |source| {
        let is_in_regions = source.is_in("regions/src");
        source.lines_with(|line| {
            is_in_regions && (line.contains("SystemTime") || line.contains("ClockId::Realtime"))
        })
    };
    keeps(
        rule,
        &[
            ("regions/src/clock.rs", "use std::time::SystemTime;"),
            ("regions/src/clock.rs", "nanos(ClockId::Realtime)"),
        ],
    );
}

#[test]
fn every_queue_has_a_bound() {
    let rule: Rule = |source| {
        let is_code = source.is_published_code();
        source.lines_with(|line| is_code && line.to_ascii_lowercase().contains("unbounded"))
    };
    keeps(
        rule,
        &[
            ("regions/src/x.rs", "let (a, b) = mpsc::unbounded_channel();"),
            ("framework/src/x.rs", "UnboundedSender"),
        ],
    );
}

#[test]
fn published_code_unwraps_nothing() {
    let rule: Rule = |source| {
        let is_code = source.is_published_code();
        source.lines_with(|line| is_code && (line.contains(".unwrap()") || line.contains(".expect(\"\")")))
    };
    keeps(
        rule,
        &[
            ("macros/src/x.rs", "let a = b.unwrap();"),
            ("regions/src/x.rs", "b.expect(\"\");"),
        ],
    );
    allows(
        rule,
        &[
            (
                "regions/src/x.rs",
                "a();\n#[cfg(test)]\nmod tests {\n    b.unwrap();\n}",
            ),
            ("framework/src/message/tests.rs", "b.unwrap();"),
            ("tests/tests/x.rs", "b.unwrap();"),
        ],
    );
}

#[test]
fn unsafe_code_answers_its_contract() {
    let rule: Rule = |source| {
        let lines: Vec<&str> = source.text.lines().collect();
        let is_answered = |number: usize| {
            lines[number.saturating_sub(9)..number]
                .iter()
                .any(|line| line.contains("SAFETY:") || line.contains("# Safety"))
        };
        let unsafe_lines = source.lines_with(|line| {
            ["unsafe {", "unsafe fn", "unsafe impl"]
                .iter()
                .any(|word| line.contains(word))
        });
        let is_code = source.is_published_code();
        unsafe_lines
            .into_iter()
            .filter(|number| is_code && !is_answered(*number))
            .collect()
    };
    keeps(
        rule,
        &[
            ("framework/src/x.rs", "let a = 1;\nunsafe { f() }"),
            ("framework/src/x.rs", "unsafe impl Send for A {}"),
            ("framework/src/x.rs", "unsafe fn f() {}"),
        ],
    );
    allows(
        rule,
        &[
            (
                "framework/src/x.rs",
                "// SAFETY: `f` asks for nothing.\nunsafe { f() }",
            ),
            (
                "framework/src/x.rs",
                "/// # Safety\n///\n/// Called once.\nunsafe fn f() {}",
            ),
        ],
    );
    for package in ["macros", "regions"] {
        assert!(
            read(&format!("{package}/src/lib.rs")).contains("\n#![forbid(unsafe_code)]\n"),
            "{package}"
        );
    }
}

#[test]
fn every_source_says_what_it_is() {
    let rule: Rule = |source| {
        // What a user might write there, as it is.
        let is_silent = !source.is_in("tests/ui") && !source.text.starts_with("//! ");
        if is_silent { vec![1] } else { Vec::new() }
    };
    keeps(
        rule,
        &[
            ("regions/src/x.rs", "use std::fmt;"),
            ("tests/tests/x.rs", "// A test."),
        ],
    );
    allows(
        rule,
        &[
            ("tests/ui/x.rs", "use quorate::prelude::*;"),
            ("regions/src/x.rs", "//! A thing."),
        ],
    );
}

#[test]
fn no_file_is_long() {
    let rule: Rule = |source| {
        let longer = LONGER.iter().find(|(path, ..)| *path == source.path);
        let lines_max = longer.map_or(LINES_MAX, |(_, lines_max, _)| *lines_max);
        let lines = source.text.lines().count();
        if lines > lines_max {
            vec![lines]
        } else {
            Vec::new()
        }
    };
    let (long, longest) = ("//\n".repeat(LINES_MAX + 1), "//\n".repeat(LONGER[0].1 + 1));
    keeps(rule, &[("regions/src/x.rs", &long), (LONGER[0].0, &longest)]);
    allows(
        rule,
        &[
            ("regions/src/x.rs", &"//\n".repeat(LINES_MAX)),
            (LONGER[0].0, &long),
        ],
    );
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    let rule: Rule = |source| {
        let marks = [
            concat!("TO", "DO"),
            concat!("FIX", "ME"),
            concat!("X", "XX"),
            concat!("todo", "!("),
            concat!("dbg", "!("),
        ];
        let lines = source.text.lines().zip(1..);
        lines
            .filter(|(line, _)| marks.iter().any(|mark| line.contains(mark)))
            .map(|(_, number)| number)
            .collect()
    };
    keeps(
        rule,
        &[
            ("tests/tests/x.rs", concat!("a();\n// TO", "DO: b")),
            ("macros/src/x.rs", concat!("dbg", "!(a);")),
        ],
    );
}

/// What a manifest depends on, under any heading.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut is_list = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_list = line.trim_end_matches(']').ends_with("dependencies");
        } else if is_list {
            names.extend(line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty()));
        }
    }
    names
}

/// The dependencies that point back: macros <- framework <- regions <- the rest.
fn back_arrows<'a>(package: &str, manifest: &'a str) -> Vec<&'a str> {
    let order = ["quorate-macros", "quorate", "quorate-regions"];
    let below = PUBLISHED
        .iter()
        .position(|name| *name == package)
        .unwrap_or(order.len());
    let ours = |name: &&str| name.starts_with("quorate") || PACKAGES.contains(name);
    dependencies(manifest)
        .into_iter()
        .filter(ours)
        .filter(|name| below < order.len() && !order[..below].contains(name))
        .collect()
}

#[test]
fn packages_depend_in_one_direction() {
    let on = |name: &str| format!("[dependencies]\n{name}.workspace = true\n");
    assert_eq!(
        back_arrows("framework", &on("quorate-regions")),
        ["quorate-regions"]
    );
    assert_eq!(
        back_arrows("macros", "[dev-dependencies]\nquorate = { path = \"x\" }\n"),
        ["quorate"]
    );
    assert_eq!(back_arrows("regions", &on("examples")), ["examples"]);
    assert_eq!(back_arrows("regions", &on("quorate")), [""; 0]);
    for package in PACKAGES {
        let manifest = read(&format!("{package}/Cargo.toml"));
        assert!(!dependencies(&manifest).is_empty(), "{package}");
        assert_eq!(back_arrows(package, &manifest), [""; 0], "{package}");
    }
}

#[test]
fn no_library_or_program_is_a_benchmark() {
    // Else `cargo bench -- --save-baseline x` would hand criterion's arguments to them.
    for package in PACKAGES {
        let folder = root().join(package);
        let mut targets = usize::from(folder.join("src/lib.rs").is_file())
            + usize::from(folder.join("src/main.rs").is_file());
        targets += fs::read_dir(folder.join("src/bin")).map_or(0, Iterator::count);
        assert!(targets > 0, "{package}");
        let manifest = read(&format!("{package}/Cargo.toml"));
        assert_eq!(
            manifest.lines().filter(|line| *line == "bench = false").count(),
            targets,
            "{package}"
        );
    }
}
