//! Moving a singleton on purpose: what can be asked, and what comes of it.
//!
//! ```text
//!   holder                                     target
//!     | Yield (a hint) --> whom else it is about |
//!     | shut the actor down, wait until quiet    |
//!     | Release --> every region                 |
//!     | a majority has it back                   |
//!     | Take ----------------------------------> | tries at once: Prepare, Accept, start
//!     | <------------------------ the new epoch  |
//! ```
//!
//! A hint only affects who tries first; when the target fails, whoever is next in rank takes over by the ordinary way.

use std::fmt;

use crate::id::{Epoch, NodeName, RegionName};

/// Where a singleton is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandOffTarget {
    /// To the best node of its first home region.
    Home,
    /// To the best node of this region.
    Region(RegionName),
}

impl HandOffTarget {
    /// As it travels: the region's name, or nothing for home.
    pub(crate) fn to_wire(&self) -> String {
        match self {
            Self::Home => String::new(),
            Self::Region(region) => region.to_string(),
        }
    }

    pub(crate) fn from_wire(text: &str) -> Option<Self> {
        if text.is_empty() {
            Some(Self::Home)
        } else {
            RegionName::new(text).ok().map(Self::Region)
        }
    }
}

/// What a hand-off came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOff {
    /// The epoch of the new holder.
    pub epoch: Epoch,
    /// Its region.
    pub region: RegionName,
    /// Its node.
    pub node: NodeName,
}

/// Why a singleton did not move as asked. Whatever it says, there is at most one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandOffError {
    /// No singleton of that name is known here. Nothing changed.
    Unknown(String),
    /// It is not known where it runs now. Nothing changed; ask again.
    NotHeld,
    /// The target region is not one of its homes, or no live node there takes it. Nothing changed.
    NoTarget(String),
    /// It is moving already. Nothing changed by this request.
    Busy,
    /// The holder stopped, and nobody confirmed within the time: it moves to whoever tries next.
    Unconfirmed,
}

impl HandOffError {
    pub(crate) fn code(&self) -> (u8, String) {
        match self {
            Self::Unknown(name) => (0, name.clone()),
            Self::NotHeld => (1, String::new()),
            Self::NoTarget(region) => (2, region.clone()),
            Self::Busy => (3, String::new()),
            Self::Unconfirmed => (4, String::new()),
        }
    }

    pub(crate) fn from_code(code: u8, detail: String) -> Self {
        match code {
            0 => Self::Unknown(detail),
            1 => Self::NotHeld,
            2 => Self::NoTarget(detail),
            3 => Self::Busy,
            _ => Self::Unconfirmed,
        }
    }
}

impl fmt::Display for HandOffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "no singleton {name:?} is registered on this node; name it in the builder"),
            Self::NotHeld => f.write_str("it is not known who holds the singleton now; ask again in a moment"),
            Self::NoTarget(region) => {
                write!(f, "no live node of {region} takes the singleton; name one of its home regions with a live node")
            }
            Self::Busy => f.write_str("the singleton is moving already; wait for that to end"),
            Self::Unconfirmed => f.write_str(
                "the holder has stopped and the target did not confirm in time; whoever is next in rank takes over",
            ),
        }
    }
}

impl std::error::Error for HandOffError {}
