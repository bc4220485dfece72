//! The README says what is: its configuration is read, its commands name what there is, its links lead somewhere, and the errors that
//! it speaks of exist.
//!
//! Its Rust programs are compiled (and run, where they can be) as documentation tests of this package.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use quorate::{CallError, CastError, ExitReason};
use quorate_regions::Config;

const README: &str = include_str!("../../README.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A fenced block: what stands behind its opening fence, and its lines.
struct Block<'a> {
    kind: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(kind), None) => {
                open = Some(Block {
                    kind,
                    lines: Vec::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// What is wrong with a block: its kind is compiled by nobody, or a command names nothing.
fn wrong(block: &Block<'_>) -> Option<String> {
    match block.kind {
        // By rustdoc, see `src/lib.rs`.
        "rust" | "rust,no_run" => None,
        "toml" => Config::parse(&block.lines.join("\n"), "README.md")
            .err()
            .map(|error| error.to_string()),
        "sh" => block
            .lines
            .iter()
            .find(|line| !is_command(line))
            .map(|line| format!("`{line}` is no command of this workspace")),
        other => Some(format!("nothing compiles a block of the kind {other:?}")),
    }
}

fn is_command(line: &str) -> bool {
    // The shell's own words, around commands.
    if line == "done" || line.starts_with("for ") && line.ends_with("; do") {
        return true;
    }
    let line = line.trim_start();
    let line = match line.split_once(' ') {
        Some((first, rest)) if first.starts_with("CRITERION_HOME=") => rest,
        _ => line,
    };
    // A program, by how it is run and where it lies.
    let run = [
        ("cargo run --release --example ", "examples/examples"),
        ("cargo run --release -p examples --bin ", "examples/src/bin"),
        ("cargo run --release -p benches --bin ", "benches/src/bin"),
        (
            "cargo run --release -p benches --features peers --bin ",
            "benches/src/bin",
        ),
        (
            "cargo bench -p benches --features peers --bench ",
            "benches/benches",
        ),
    ];
    let is_program = |(start, folder): &(&str, &str)| {
        let command = line.split_once(" -- ").map_or(line, |(command, _)| command);
        let name = command.strip_prefix(start);
        name.map(|name| root().join(folder).join(name))
            .is_some_and(|program| {
                program.with_extension("rs").is_file() || program.join("main.rs").is_file()
            })
    };
    run.iter().any(is_program)
        || line == "cargo test --workspace"
        || line == "cargo bench"
        || line.starts_with("cargo bench -- --")
}

#[test]
fn every_block_is_compiled_or_read() {
    let blocks = blocks(README);
    for kind in ["rust", "rust,no_run", "toml", "sh"] {
        assert!(
            blocks.iter().any(|block| block.kind == kind),
            "no block of {kind}"
        );
    }
    let wrong: Vec<_> = blocks.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rustdoc_compiles_the_programs() {
    let helpers = include_str!("../src/lib.rs");
    assert!(helpers.contains("#[cfg(doctest)]\n#[doc = include_str!(\"../../README.md\")]\npub struct"));
}

#[test]
fn a_block_that_is_wrong_is_found() {
    for text in [
        "```\nfn main() {}\n```",
        "```rust,ignore\nfn main() {}\n```",
        "```toml\n[cluster]\nnmae = \"shop\"\n```",
        "```sh\ncargo run --release --example no_such\n```",
        "```sh\ncargo run --release -p examples --bin no_such\n```",
        "```sh\ncargo bench -p benches --features peers --bench no_such\n```",
        "```sh\ncargo run --release -p benches --bin no_such -- target\n```",
        "```sh\nfor run in 1 2; do\n  CRITERION_HOME=$PWD/run-$run cargo bench --bench no_such\ndone\n```",
        "```sh\ncargo test\n```",
    ] {
        let blocks = blocks(text);
        assert_eq!(blocks.len(), 1);
        assert!(blocks.iter().all(|block| wrong(block).is_some()), "{text}");
    }
}

#[test]
fn the_configuration_places_billing_as_the_text_says() {
    let block = blocks(README)
        .into_iter()
        .find(|block| block.kind == "toml")
        .expect("there is one");
    let config = Config::parse(&block.lines.join("\n"), "README.md").expect("it is good");
    let home: Vec<_> = config
        .singleton("billing")
        .home
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(home, ["us-east", "us-west"]);
    // What the text says about time.
    assert_eq!(config.timings.lease.as_secs(), 4);
    assert_eq!(config.timings.stop_budget.as_millis(), 400);
    assert_eq!(config.timings.renew_interval(), config.timings.lease / 4);
    assert_eq!(quorate::DEFAULT_CALL_TIMEOUT.as_secs(), 5);
    assert_eq!(
        quorate::wire::session::Heartbeat::default().dead_after.as_secs(),
        5
    );
}

#[test]
fn the_two_commands_stand_on_lines_of_their_own() {
    for command in [
        "cargo run --release --example three_regions",
        "cargo test --workspace",
        "cargo bench",
    ] {
        assert!(README.lines().any(|line| line == command), "{command}");
    }
}

#[test]
fn every_link_leads_to_a_file_of_the_repository() {
    let links: Vec<&str> = README
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    assert!(links.len() > 5);
    for link in links {
        assert!(root().join(link).exists(), "{link}");
    }
}

#[test]
fn the_errors_in_the_section_on_partitions_exist() {
    let known: BTreeSet<String> = [
        format!("{:?}", CallError::Timeout),
        format!("{:?}", CallError::NodeDown),
        format!("{:?}", CallError::Exited(ExitReason::Lapsed)),
        format!("{:?}", CastError::Gone(())),
    ]
    .into();
    let section = README
        .split("\n## ")
        .find(|section| section.starts_with("What happens in a partition"))
        .expect("there is one");
    let named: BTreeSet<String> = section
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.starts_with(char::is_uppercase))
        .map(str::to_owned)
        .collect();
    assert_eq!(named, known);
}
