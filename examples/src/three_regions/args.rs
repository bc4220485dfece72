//! The command line: the driver without a subcommand, and the processes that it starts.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What to print when the command line makes no sense.
pub const USAGE: &str = "usage: three_regions [--report FILE] [--keep]
  --report FILE   write what was observed to FILE, as JSON
  --keep          keep configurations, data and logs, and say where";

/// What this process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It starts the others and tells the story.
    Driver {
        /// Where to write the report.
        report: Option<PathBuf>,
        /// Whether to keep the files of the run.
        keep: bool,
    },
    /// A node of the cluster.
    Node(NodeArgs),
    /// The ledger, at this address.
    Ledger(SocketAddr),
}

/// What a node is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeArgs {
    /// Its `regions.toml`.
    pub config: PathBuf,
    /// Where its instances write down what they do.
    pub record: PathBuf,
    /// Where the ledger listens.
    pub ledger: SocketAddr,
    /// Whether it calls the singleton.
    pub calls: bool,
    /// Whether it hosts and calls the till of its region.
    pub till: bool,
}

impl NodeArgs {
    /// As a command line, which [`Role::read`] reads.
    pub fn to_arguments(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let mut arguments = vec!["node".to_owned(), "--config".to_owned(), path(&self.config)];
        arguments.extend(["--record".to_owned(), path(&self.record)]);
        arguments.extend(["--ledger".to_owned(), self.ledger.to_string()]);
        if self.calls {
            arguments.push("--calls".to_owned());
        }
        if self.till {
            arguments.push("--till".to_owned());
        }
        arguments
    }
}

/// The command line makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{USAGE}", self.0)
    }
}

impl std::error::Error for UsageError {}

impl Role {
    /// Reads the arguments that follow the program's name.
    ///
    /// # Errors
    ///
    /// [`UsageError`] with the first argument that makes no sense, and how it is meant to be.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, UsageError> {
        let mut arguments = Arguments(arguments.into_iter().collect(), 0);
        match arguments.peek() {
            Some("node") => node(&mut arguments),
            Some("ledger") => ledger(&mut arguments),
            _ => driver(&mut arguments),
        }
    }
}

fn driver(arguments: &mut Arguments) -> Result<Role, UsageError> {
    let (mut report, mut keep) = (None, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--report" => report = Some(PathBuf::from(arguments.value("--report")?)),
            "--keep" => keep = true,
            other => return Err(unknown(other)),
        }
    }
    Ok(Role::Driver { report, keep })
}

fn node(arguments: &mut Arguments) -> Result<Role, UsageError> {
    arguments.next();
    let (mut config, mut record, mut ledger) = (None, None, None);
    let (mut calls, mut till) = (false, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--config" => config = Some(PathBuf::from(arguments.value("--config")?)),
            "--record" => record = Some(PathBuf::from(arguments.value("--record")?)),
            "--ledger" => ledger = Some(arguments.address("--ledger")?),
            "--calls" => calls = true,
            "--till" => till = true,
            other => return Err(unknown(other)),
        }
    }
    let missing = |name| UsageError(format!("a node needs {name}"));
    Ok(Role::Node(NodeArgs {
        config: config.ok_or_else(|| missing("--config"))?,
        record: record.ok_or_else(|| missing("--record"))?,
        ledger: ledger.ok_or_else(|| missing("--ledger"))?,
        calls,
        till,
    }))
}

fn ledger(arguments: &mut Arguments) -> Result<Role, UsageError> {
    arguments.next();
    let mut listen = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--listen" => listen = Some(arguments.address("--listen")?),
            other => return Err(unknown(other)),
        }
    }
    listen
        .map(Role::Ledger)
        .ok_or_else(|| UsageError("a ledger needs --listen".to_owned()))
}

fn unknown(argument: &str) -> UsageError {
    UsageError(format!("{argument} is not known here"))
}

/// Arguments and how many of them were read.
struct Arguments(Vec<String>, usize);

impl Arguments {
    fn peek(&self) -> Option<&str> {
        self.0.get(self.1).map(String::as_str)
    }

    fn next(&mut self) -> Option<String> {
        let argument = self.0.get(self.1).cloned();
        self.1 += usize::from(argument.is_some());
        argument
    }

    fn value(&mut self, name: &str) -> Result<String, UsageError> {
        self.next()
            .ok_or_else(|| UsageError(format!("{name} needs a value")))
    }

    fn address(&mut self, name: &str) -> Result<SocketAddr, UsageError> {
        let text = self.value(name)?;
        let address = text.parse();
        address.map_err(|_| UsageError(format!("{name} needs an address and a port, not {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Role, UsageError> {
        Role::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn without_a_subcommand_it_is_the_driver() {
        let bare = Role::Driver {
            report: None,
            keep: false,
        };
        assert_eq!(read(""), Ok(bare));
        let full = Role::Driver {
            report: Some("a.json".into()),
            keep: true,
        };
        assert_eq!(read("--keep --report a.json"), Ok(full));
    }

    #[test]
    fn a_node_is_told_what_it_reads() {
        for (calls, till) in [(false, false), (true, false), (false, true)] {
            let node = NodeArgs {
                config: "a.toml".into(),
                record: "b.record".into(),
                ledger: ([127, 0, 0, 1], 7).into(),
                calls,
                till,
            };
            assert_eq!(Role::read(node.to_arguments()), Ok(Role::Node(node)));
        }
        assert_eq!(
            read("ledger --listen 127.0.0.1:7"),
            Ok(Role::Ledger(([127, 0, 0, 1], 7).into()))
        );
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (line, words) in [
            ("--fast", "--fast is not known here"),
            ("--report", "--report needs a value"),
            ("ledger", "needs --listen"),
            ("ledger --listen here", "not here"),
            ("node --config a --record b", "needs --ledger"),
        ] {
            assert!(read(line).unwrap_err().to_string().contains(words), "{line}");
        }
    }
}
