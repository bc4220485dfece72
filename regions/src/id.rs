//! The names and numbers that everything in this crate agrees on.
//!
//! Plain values: ordered, cloned cheaply, shown to people, written to logs and to the wire. Nothing here knows what a lease is;
//! nothing here is random: whoever needs a fresh id draws it and hands it in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use crate::name::{ClusterName, NAME_BYTES_MAX, NameError, NodeName, RegionName, ResourceName};

/// Bits of a [`Round`] below the version of the configuration.
const ROUND_BITS: u32 = 40;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $format:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }
    };
}

number! {
    /// One formation of a region, drawn at random when it forms: a second group of the same region has another id.
    GroupId(u128), "{:032x}"
}
number! {
    /// One life of a process, drawn at random when it starts and never used again.
    Uid(u128), "{:032x}"
}
number! {
    /// One unbroken memory of a region, drawn at random when it forms and after every restore.
    Incarnation(u128), "{:032x}"
}
number! {
    /// The version of the set of regions; 0 until the first common configuration is active.
    ConfigVersion(u32), "v{}"
}
number! {
    /// The number of a round of voting: its high 24 bits are the configuration version under which it was taken.
    Round(u64), "{}"
}
number! {
    /// The round that won a tenure. It only grows from one holder to the next: it is the fencing token.
    Epoch(u64), "{}"
}

impl ConfigVersion {
    /// The configuration of a region that has formed and knows no other region yet.
    pub const FORMED: Self = Self(0);
    /// The first common configuration of all regions.
    pub const FIRST: Self = Self(1);
}

impl Default for Round {
    fn default() -> Self {
        Self::floor(ConfigVersion::FORMED)
    }
}

impl Round {
    /// The lowest round of a configuration version; nobody takes this one itself.
    pub const fn floor(version: ConfigVersion) -> Self {
        Self((version.0 as u64) << ROUND_BITS)
    }

    /// The configuration version under which this round was taken.
    pub const fn version(self) -> ConfigVersion {
        ConfigVersion((self.0 >> ROUND_BITS) as u32)
    }

    /// The first round above this one.
    #[must_use]
    pub const fn after(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The first round above this one that belongs to `version`, or to a later one when this one already does.
    #[must_use]
    pub fn after_in(self, version: ConfigVersion) -> Self {
        self.max(Self::floor(version)).after()
    }
}

impl Epoch {
    /// The round that won this epoch.
    pub const fn round(self) -> Round {
        Round(self.0)
    }
}

impl From<Round> for Epoch {
    fn from(round: Round) -> Self {
        Self(round.0)
    }
}

/// Who votes about a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Every region of the configuration; a majority decides.
    Global,
    /// This region alone, about a singleton of its own.
    Region(RegionName),
    /// This region alone, about the membership of one of its nodes.
    Session(RegionName),
}

/// How a singleton's name is meant in all regions: one singleton, or one in each region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ScopeKind {
    /// One in all regions.
    Global,
    /// One in each region.
    Regional,
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Global => "global",
            Self::Regional => "regional",
        })
    }
}

impl Scope {
    /// How a singleton of this scope is meant; `None` for the membership of a node.
    pub fn kind(&self) -> Option<ScopeKind> {
        match self {
            Self::Global => Some(ScopeKind::Global),
            Self::Region(_) => Some(ScopeKind::Regional),
            Self::Session(_) => None,
        }
    }

    /// The one region that votes, or `None` when all do.
    pub fn region(&self) -> Option<&RegionName> {
        match self {
            Self::Global => None,
            Self::Region(region) | Self::Session(region) => Some(region),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Region(region) => write!(f, "region:{region}"),
            Self::Session(region) => write!(f, "session:{region}"),
        }
    }
}

/// What a lease is about: a singleton, or the membership of a node. Names of one scope never meet those of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceId {
    /// Who votes about it.
    pub scope: Scope,
    /// Its name within the scope.
    pub name: ResourceName,
}

impl ResourceId {
    /// A singleton of all regions.
    pub fn global(name: ResourceName) -> Self {
        Self {
            scope: Scope::Global,
            name,
        }
    }

    /// A singleton of one region.
    pub fn regional(region: RegionName, name: ResourceName) -> Self {
        Self {
            scope: Scope::Region(region),
            name,
        }
    }

    /// The membership of `node` in `region`.
    pub fn session(region: RegionName, node: &NodeName) -> Self {
        Self {
            scope: Scope::Session(region),
            name: node.into(),
        }
    }

    /// The node whose membership this is.
    pub fn node(&self) -> Option<NodeName> {
        matches!(self.scope, Scope::Session(_))
            .then(|| NodeName::new(self.name.as_str()).ok())
            .flatten()
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scope, self.name)
    }
}

impl FromStr for ResourceId {
    type Err = NameError;

    /// Reads what [`Display`](fmt::Display) writes: it is how a resource is named between nodes.
    fn from_str(text: &str) -> Result<Self, NameError> {
        const RULE: &str = "global/NAME, region:REGION/NAME or session:REGION/NODE";
        let (scope, name) = text.split_once('/').ok_or(NameError { rule: RULE })?;
        let name = ResourceName::new(name)?;
        let scope = match scope.split_once(':') {
            None if scope == "global" => Scope::Global,
            Some(("region", region)) => Scope::Region(RegionName::new(region)?),
            Some(("session", region)) => Scope::Session(RegionName::new(region)?),
            _ => return Err(NameError { rule: RULE }),
        };
        Ok(Self { scope, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_carries_its_configuration_version() {
        let round = Round::floor(ConfigVersion(3)).after();
        assert_eq!(round.version(), ConfigVersion(3));
        assert_eq!(round.after_in(ConfigVersion(2)), round.after());
        assert_eq!(round.after_in(ConfigVersion(4)), Round((4 << 40) + 1));
    }

    #[test]
    fn a_node_and_a_singleton_of_one_name_never_meet() {
        let region = RegionName::new("east").unwrap();
        let node = NodeName::new("billing").unwrap();
        let session = ResourceId::session(region.clone(), &node);
        assert_ne!(
            session,
            ResourceId::regional(region, ResourceName::new("billing").unwrap())
        );
        assert_eq!(session.node(), Some(node));
        assert_eq!(session.to_string(), "session:east/billing");
    }

    #[test]
    fn a_resource_is_read_as_it_is_written() {
        let (region, name) = (
            RegionName::new("east").unwrap(),
            ResourceName::new("shop.till").unwrap(),
        );
        for resource in [
            ResourceId::global(name.clone()),
            ResourceId::regional(region.clone(), name),
            ResourceId::session(region, &NodeName::new("east-1").unwrap()),
        ] {
            assert_eq!(resource.to_string().parse(), Ok(resource));
        }
        for bad in [
            "",
            "till",
            "/till",
            "global/",
            "global:east/till",
            "region/till",
            "region:/till",
            "region:east/",
            "region:east/a/b",
            "zone:east/till",
        ] {
            assert!(bad.parse::<ResourceId>().is_err(), "{bad}");
        }
    }
}
