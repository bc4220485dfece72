//! The set of regions that vote, and what all of them must agree on.
//!
//! A region forms with a configuration of its own, version 0, that lists itself alone. Version 1 lists every region with its group
//! and needs every region once; after that a majority is enough. Changing the set is not here.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{ConfigVersion, GroupId, RegionName, ResourceId};

use super::clock::Drift;

/// One version of the set of regions. Equal content means an equal configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Its version.
    pub version: ConfigVersion,
    /// The regions that vote, each with the one group that is it.
    pub regions: BTreeMap<RegionName, GroupId>,
    /// `r`: how wrong any host's clock rate may be.
    pub drift: Drift,
    /// `D_max`: the longest lease term that a region grants. It never falls from one version to the next.
    pub term_max: Duration,
}

impl Configuration {
    /// The configuration of a region that has just formed: itself alone.
    pub fn formed(region: RegionName, group: GroupId, drift: Drift, term_max: Duration) -> Self {
        let regions = BTreeMap::from([(region, group)]);
        Self {
            version: ConfigVersion::FORMED,
            regions,
            drift,
            term_max,
        }
    }

    /// The regions that vote about `resource`; none when its region is not listed.
    pub fn voters<'a>(&'a self, resource: &'a ResourceId) -> impl Iterator<Item = (&'a RegionName, GroupId)> {
        let only = resource.scope.region();
        self.regions
            .iter()
            .filter(move |(name, _)| only.is_none_or(|only| only == *name))
            .map(|(name, group)| (name, *group))
    }

    /// How many of the voters decide about `resource`.
    pub fn quorum(&self, resource: &ResourceId) -> usize {
        if resource.scope.region().is_some() {
            1
        } else {
            majority(self.regions.len())
        }
    }
}

/// The smallest number of `voters` such that any two sets of that size share a member.
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_two_majorities_share_a_member() {
        assert_eq!([1, 2, 3, 4, 5, 6, 7].map(majority), [1, 2, 2, 3, 3, 4, 4]);
        for voters in 1..100 {
            assert!(2 * majority(voters) > voters && 2 * (majority(voters) - 1) <= voters);
        }
    }
}
