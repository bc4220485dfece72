//! What a node knows of itself, its region and the cluster: a value, and for people its `Display`.

use std::collections::BTreeSet;
use std::fmt;

use crate::id::{ConfigVersion, Epoch, NodeName, RegionName, ResourceId};
use crate::store::Role;

/// A node's view of the cluster at one moment; it may be behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// This node.
    pub node: NodeName,
    /// Its region.
    pub region: RegionName,
    /// The version of the set of regions; 0 before the regions have formed a cluster.
    pub config: ConfigVersion,
    /// What its replica of the region is; `None` before it has one.
    pub role: Option<Role>,
    /// The live members of every region, as far as the regions answered lately.
    pub members: Vec<MemberStatus>,
    /// The singletons that this node knows of.
    pub singletons: Vec<SingletonStatus>,
}

/// A live member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// Its region.
    pub region: RegionName,
    /// Its name.
    pub node: NodeName,
    /// Whether it is on its way out.
    pub draining: bool,
}

/// A singleton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingletonStatus {
    /// Its scope and name.
    pub resource: ResourceId,
    /// Who holds it, as a majority said lately.
    pub holder: Option<HolderStatus>,
    /// Regions that know its name under another scope than this node's file says, so that it does not start by this file. Empty while it is held.
    pub differs: BTreeSet<RegionName>,
}

/// Who holds a singleton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderStatus {
    /// Under which epoch.
    pub epoch: Epoch,
    /// In which region, as far as the holder is a known member.
    pub region: Option<RegionName>,
    /// On which node, likewise.
    pub node: Option<NodeName>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match &self.role {
            Some(Role::Leader) => "leads its region",
            Some(Role::Follower { .. }) => "votes in its region",
            Some(Role::Learner { .. }) => "follows its region",
            Some(Role::Stopped(_)) => "has stopped voting",
            None => "has no part in its region yet",
        };
        writeln!(
            f,
            "{} in {} {role}; the set of regions is {}",
            self.node, self.region, self.config
        )?;
        for MemberStatus {
            region,
            node,
            draining,
        } in &self.members
        {
            writeln!(
                f,
                "  member {region}/{node}{}",
                if *draining { " (draining)" } else { "" }
            )?;
        }
        for SingletonStatus {
            resource,
            holder,
            differs,
        } in &self.singletons
        {
            match holder {
                None if !differs.is_empty() => {
                    let regions: Vec<_> = differs.iter().map(RegionName::as_str).collect();
                    let regions = regions.join(", ");
                    writeln!(
                        f,
                        "  singleton {resource}: the name has another scope in {regions}; let all files say that one, or take another name"
                    )?;
                }
                None => writeln!(f, "  singleton {resource}: no holder known")?,
                Some(HolderStatus { epoch, region, node }) => {
                    let name = |name: Option<&str>| name.unwrap_or("?").to_owned();
                    let (region, node) = (
                        name(region.as_ref().map(RegionName::as_str)),
                        name(node.as_ref().map(NodeName::as_str)),
                    );
                    writeln!(f, "  singleton {resource}: {region}/{node}, epoch {epoch}")?;
                }
            }
        }
        Ok(())
    }
}
