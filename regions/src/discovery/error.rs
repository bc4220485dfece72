//! Why a lookup gave no contacts.
//!
//! None of these removes a contact: each says what was kept, and what a person can do.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::HostPort;

/// A lookup of a region's nodes failed, or gave less than it should.
///
/// The last good answer stays in use, and the lookup is repeated by itself. For [`NoRecords`](Self::NoRecords), which *is*
/// an answer, the contacts stay as well, but are no longer listed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// Nobody answered in time, or nobody listens there.
    NoAnswer {
        /// The name that was asked for.
        name: Arc<str>,
        /// Who was asked; empty for the system's resolvers.
        resolvers: Vec<SocketAddr>,
        /// What the last of them did.
        cause: Arc<str>,
    },
    /// A resolver answered that it could not or would not (SERVFAIL, REFUSED and others).
    Refused {
        /// The name that was asked for.
        name: Arc<str>,
        /// The answer's code, as in `Server Failure`.
        code: Arc<str>,
    },
    /// The answer could not be read, or was truncated and could not be had over TCP.
    BadAnswer {
        /// The name that was asked for.
        name: Arc<str>,
        /// What was wrong with it.
        cause: Arc<str>,
    },
    /// The name does not exist or has no SRV records.
    NoRecords {
        /// The name that was asked for.
        name: Arc<str>,
    },
    /// Some targets have no address. The others are in use.
    Unresolved {
        /// The first of them.
        target: HostPort,
        /// How many more there are.
        more: usize,
    },
    /// The answer was too long; only so many contacts are used.
    TooMany {
        /// How many it named.
        named: usize,
        /// How many are used.
        used: usize,
    },
    /// The system's resolver settings could not be read.
    NoSystemResolver {
        /// Why.
        cause: Arc<str>,
    },
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer {
                name,
                resolvers,
                cause,
            } => {
                write!(f, "no answer for SRV {name} from ")?;
                match resolvers.as_slice() {
                    [] => f.write_str("the system's resolvers")?,
                    [first, rest @ ..] => {
                        write!(f, "{first}")?;
                        rest.iter().try_for_each(|resolver| write!(f, ", {resolver}"))?;
                    }
                }
                write!(
                    f,
                    " ({cause}); the last answer stays in use; check that a DNS server runs there, or change `resolvers`"
                )
            }
            Self::Refused { name, code } => write!(
                f,
                "the DNS server answered {code} for SRV {name}; the last answer stays in use; look into the server's log"
            ),
            Self::BadAnswer { name, cause } => write!(
                f,
                "the answer for SRV {name} cannot be used ({cause}); the last answer stays in use; \
                 check that `resolvers` names a DNS server that also answers over TCP"
            ),
            Self::NoRecords { name } => write!(
                f,
                "there is no SRV record at {name}; earlier contacts are still tried; add the records, or change `discovery.name`"
            ),
            Self::Unresolved { target, more: 0 } => {
                write!(f, "{target} has no address; add an A or AAAA record for it")
            }
            Self::Unresolved { target, more } => {
                write!(
                    f,
                    "{target} and {more} more have no address; add A or AAAA records for them"
                )
            }
            Self::TooMany { named, used } => {
                write!(
                    f,
                    "the answer names {named} nodes, of which {used} are used; list voters and a few seeds only"
                )
            }
            Self::NoSystemResolver { cause } => {
                write!(
                    f,
                    "the system's resolver settings cannot be read ({cause}); write `resolvers = [\"ip:port\"]`"
                )
            }
        }
    }
}

impl std::error::Error for DiscoveryError {}
