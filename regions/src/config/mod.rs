//! The configuration of a node: `regions.toml` and the environment.
//!
//! ```toml
//! [cluster]
//! name = "shop"
//!
//! [node]
//! region = "us-east"
//! listen = "127.0.0.1:7400"
//! data_dir = "/var/lib/shop"
//!
//! [regions.us-east]
//! voters = 3
//! discovery = { method = "dns-srv", name = "_shop._tcp.us-east.internal" }
//!
//! [regions.us-west]
//! voters = 3
//! discovery = { method = "dns-srv", name = "_shop._tcp.us-west.internal", resolvers = ["10.0.0.53:53"] }
//!
//! [regions.eu-central]
//! voters = 3
//! witness = true                            # votes, hosts nothing
//! discovery = { method = "fixed", nodes = ["10.2.0.1:7400", "10.2.0.2:7400", "10.2.0.3:7400"] }
//!
//! [singletons.billing]
//! home = ["us-east", "us-west"]             # in order of preference
//! ```
//!
//! Every key, its default and its bounds stand at the fields of [`Config`]. Every key can also be set from the
//! environment, by its path in capitals with underscores: `QUORATE_NODE_REGION=us-west`,
//! `QUORATE_REGIONS_US_WEST_DISCOVERY_RESOLVERS=10.0.0.53:53,10.0.1.53:53`. The environment wins over the file. It cannot
//! add a region or a singleton that the file does not have.
//!
//! What is wrong is reported all at once, with its place and what to write instead, and nothing starts:
//! unknown keys, variables and regions, impossible timings, two regions without a third, and a listener that could be
//! reached by nodes that cannot prove themselves. A section that this version cannot honour, `[tls]` or `[auth]`, is
//! refused and never ignored.
//!
//! From text to configuration: `raw` (the tree with its places; `env` writes into it) -> `check` (typed values,
//! by way of `read`) -> `checked`. Only this file touches the disk, the environment and the host's name.

mod check;
mod checked;
mod duration;
mod env;
mod fault;
mod nearest;
mod problem;
mod raw;
mod read;
mod schema;

use std::io::Read;
use std::path::Path;

pub use self::checked::{
    ClusterConfig, Config, DiscoveryConfig, Failback, FormationConfig, HostPort, NodeConfig, Overrun,
    RegionConfig, Scope, SingletonConfig, Timings,
};
pub use self::fault::Fault;
use self::problem::Problems;
pub use self::problem::{ConfigError, Place, Problem};
pub use crate::name::{ClusterName, NAME_BYTES_MAX, NameError, NodeName, RegionName, ResourceName};

/// No configuration is longer.
pub const FILE_BYTES_MAX: usize = 1 << 20;

impl Config {
    /// Reads the file and the environment of this process.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Read`] when the file cannot be read as UTF-8, [`ConfigError::Invalid`] with all that is wrong in
    /// it or in the environment.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let vars = env::of_process(std::env::vars_os(), &mut problems);
        Self::read(path.as_ref(), vars.into_iter(), problems)
    }

    /// Reads the file, with these variables as the environment. Those that do not begin with `QUORATE_` are skipped.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn load_with_env(
        path: impl AsRef<Path>,
        vars: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Self::read(path.as_ref(), vars, Problems::default())
    }

    /// Reads `text`, without any environment. Problems name `file_name` as their place.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] with all that is wrong.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, ConfigError> {
        Self::build(text, file_name, std::iter::empty(), Problems::default())
    }

    fn read(
        path: &Path,
        vars: impl Iterator<Item = (String, String)>,
        problems: Problems,
    ) -> Result<Self, ConfigError> {
        let mut text = String::new();
        // One byte more than the bound shows that there is more.
        std::fs::File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text))
            .map_err(|source| ConfigError::Read {
                path: path.to_owned(),
                source,
            })?;
        Self::build(&text, &path.display().to_string(), vars, problems)
    }

    fn build(
        text: &str,
        file_name: &str,
        vars: impl Iterator<Item = (String, String)>,
        mut problems: Problems,
    ) -> Result<Self, ConfigError> {
        if text.len() > FILE_BYTES_MAX {
            let place = Place::File {
                file: file_name.into(),
                line: 1,
                column: 1,
            };
            problems.report(
                &place,
                "",
                Fault::TooLong {
                    bytes_max: FILE_BYTES_MAX,
                },
            );
            return Err(problems.into_error());
        }
        let Some(mut root) = raw::parse(text, file_name, &mut problems) else {
            return Err(problems.into_error());
        };
        if let raw::Value::Table(table) = &mut root.value {
            env::apply(table, vars, &mut problems);
        }
        check::check(root, &host_name(), &mut problems).ok_or_else(|| problems.into_error())
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_this_module_is_a_configuration() {
        let lines: Vec<&str> = include_str!("mod.rs")
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| line.trim_start_matches("//!").trim_start())
            .collect();
        let config =
            Config::parse(&lines.join("\n"), "example.toml").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((config.regions.len(), config.singletons.len()), (3, 1));
    }
}
