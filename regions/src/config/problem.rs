//! What is wrong with a configuration, and where.
//!
//! A [`ConfigError`] holds every problem that was found, in the order of the file, so that a file is mended in one go.
//! Printed, a problem is one line: `place: key.path: what is wrong; write instead: ...`.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::fault::Fault;

/// The configuration cannot be used; nothing was started.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file or the environment says something wrong. Never empty; sorted by place.
    Invalid(Vec<Problem>),
}

impl ConfigError {
    /// Everything that is wrong; empty when the file could not be read at all.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Read { .. } => &[],
            Self::Invalid(problems) => problems,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => {
                write!(
                    f,
                    "{}: cannot be read: {source}; write instead: the path of a readable file",
                    path.display()
                )
            }
            Self::Invalid(problems) => {
                let mut lines = problems.iter();
                if let Some(first) = lines.next() {
                    write!(f, "{first}")?;
                }
                lines.try_for_each(|problem| write!(f, "\n{problem}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Invalid(_) => None,
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// The key's path, as in `regions.us-east.voters`; empty for text that is not TOML and for unknown variables.
    pub key: String,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.fault)
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Place {
    /// A place in the file.
    File {
        /// The file's name as it was given.
        file: std::sync::Arc<str>,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// Collects problems while the rest is still read.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn report(&mut self, place: &Place, key: &str, fault: Fault) {
        self.0.push(Problem {
            place: place.clone(),
            key: key.to_owned(),
            fault,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_error(mut self) -> ConfigError {
        self.0.sort_by(|a, b| a.place.cmp(&b.place));
        ConfigError::Invalid(self.0)
    }
}
