//! The checked configuration: plain data that has passed every check.
//!
//! [`Config::load`](super::Config::load) makes it. Building one by hand is allowed, for tests and embedders, and skips
//! the checks between keys; names and addresses are checked by their types all the same.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::name::{ClusterName, NodeName, RegionName, ResourceName};

/// Everything that `regions.toml` and the environment say, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `[cluster]`: which cluster this is.
    pub cluster: ClusterConfig,
    /// `[node]`: this node.
    pub node: NodeConfig,
    /// `[timings]`: leases and elections.
    pub timings: Timings,
    /// `[formation]`: how a region's group begins.
    pub formation: FormationConfig,
    /// `[regions.NAME]`: every region of the cluster. One, or three and more.
    pub regions: BTreeMap<RegionName, RegionConfig>,
    /// `[singletons.NAME]`: what the file says about placing singletons.
    pub singletons: BTreeMap<ResourceName, SingletonConfig>,
}

impl Config {
    /// The region of this node.
    ///
    /// `None` only in a configuration that was built by hand and names a region that it does not list.
    pub fn own_region(&self) -> Option<&RegionConfig> {
        self.regions.get(&self.node.region)
    }

    /// The regions that may host singletons, in the order of their names: all but the witnesses.
    pub fn hosting_regions(&self) -> impl Iterator<Item = &RegionName> {
        self.regions
            .iter()
            .filter(|(_, region)| !region.witness)
            .map(|(name, _)| name)
    }

    /// How a singleton is placed: as the file says, or by the defaults when it does not mention it.
    pub fn singleton(&self, name: &str) -> SingletonConfig {
        self.singletons
            .get(name)
            .cloned()
            .unwrap_or_else(|| SingletonConfig::new(self.hosting_regions().cloned().collect()))
    }
}

/// `[cluster]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// `name`: required. Nodes of other clusters are refused.
    pub name: ClusterName,
}

/// `[node]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// `name`: unique in the region. Default: this machine's host name up to its first dot, a hyphen, and the port of
    /// `listen`, as in `web3-7400`. A node that keeps its `data_dir` must keep its name.
    pub name: NodeName,
    /// `region`: required, one of `[regions]`.
    pub region: RegionName,
    /// `listen`: required. The address and port that other nodes reach this one at. Only loopback addresses are
    /// accepted as long as nodes cannot prove themselves to each other.
    pub listen: SocketAddr,
    /// `advertise`: what other nodes dial. Default: `listen`, or the machine's host name and the port of `listen` when
    /// that is an unspecified address such as `0.0.0.0`.
    pub advertise: HostPort,
    /// `data_dir`: required. Where the node keeps its part of the region's state; relative to the working directory.
    pub data_dir: PathBuf,
}

/// `[timings]`. The letters are those of the placement rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timings {
    /// D, `lease`: how long a grant lasts. Fail-over takes about D and two rounds. Default 4 s.
    ///
    /// Checked: `7/16 * lease >= election_max + heartbeat + stop_budget`, see [`Timings::lease_min`].
    pub lease: Duration,
    /// D_max, `lease_max`: the longest term that a region grants; the same on all nodes. Default 10 s.
    pub lease_max: Duration,
    /// S, `stop_budget`: the time that aborting an actor may take at the end of its lease. Default 400 ms.
    pub stop_budget: Duration,
    /// r, `clock_drift_ppm`: the bound on how far a clock's rate may be off, in parts per million; the same on all
    /// nodes. Default 1000.
    pub clock_drift_ppm: u32,
    /// `call_timeout`: how long one call of the control plane to a region may take. Default and most: a quarter and a
    /// half of `lease`.
    pub call_timeout: Duration,
    /// `heartbeat`: between two heartbeats of a region's Raft leader. Default 100 ms.
    pub heartbeat: Duration,
    /// `election_min`: the shortest silence after which a voter stands for election. Default 400 ms.
    pub election_min: Duration,
    /// `election_max`: the longest such silence. Default 1200 ms.
    pub election_max: Duration,
}

impl Timings {
    /// The time between two renewals: D/4 (rule 12).
    pub fn renew_interval(&self) -> Duration {
        self.lease / 4
    }

    /// The time between two renewals once D/2 has passed without an answer: D/16 (rule 12).
    pub fn renew_retry_interval(&self) -> Duration {
        self.lease / 16
    }

    /// The shortest `lease` that a region can renew through the loss of its leader.
    ///
    /// The worst case that must not end a tenure: the renewal after D/4 and the one after D/2 are lost with the leader.
    /// From then on it is sent again every D/16, the region elects within `election_max`, the new leader commits
    /// within one `heartbeat`, and the answer has to be there `stop_budget` before the end of the lease. So
    /// `D/2 + D/16 + election_max + heartbeat + stop_budget <= D`, which is
    /// `D >= 16/7 * (election_max + heartbeat + stop_budget)`. Rounded up to whole milliseconds.
    pub fn lease_min(&self) -> Duration {
        let busy = self
            .election_max
            .saturating_add(self.heartbeat)
            .saturating_add(self.stop_budget);
        let ms = busy.as_nanos().saturating_mul(16).div_ceil(7).div_ceil(1_000_000);
        Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
    }
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(4),
            lease_max: Duration::from_secs(10),
            stop_budget: Duration::from_millis(400),
            clock_drift_ppm: 1000,
            call_timeout: Duration::from_secs(1),
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(400),
            election_max: Duration::from_millis(1200),
        }
    }
}

/// `[formation]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormationConfig {
    /// `stable_margin`: how long discovery must show the same `voters` contacts before a region without
    /// `initial_voters` forms by itself. Default 5 s.
    pub stable_margin: Duration,
}

impl Default for FormationConfig {
    fn default() -> Self {
        Self {
            stable_margin: Duration::from_secs(5),
        }
    }
}

/// `[regions.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionConfig {
    /// `voters`: required. How many nodes vote in the region's group; odd, at most 9.
    pub voters: u8,
    /// `witness`: the region votes and hosts nothing. Default false.
    pub witness: bool,
    /// `initial_voters`: the names of the nodes that form the region, exactly `voters` of them. Absent: the region
    /// forms when discovery has shown `voters` contacts for `stable_margin`.
    pub initial_voters: Option<Vec<NodeName>>,
    /// `discovery`: required. How the region's nodes are found.
    pub discovery: DiscoveryConfig,
}

/// `discovery = { method = "...", ... }`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiscoveryConfig {
    /// `method = "dns-srv"`: the SRV records of a name.
    DnsSrv {
        /// `name`: required, such as `_shop._tcp.us-east.internal`; without a final dot, always absolute.
        name: String,
        /// `resolvers`: asked in this order until one answers. Empty (the default): those of the system.
        resolvers: Vec<SocketAddr>,
    },
    /// `method = "fixed"`: a list.
    Fixed {
        /// `nodes`: required, at least one.
        nodes: Vec<HostPort>,
    },
}

/// `[singletons.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingletonConfig {
    /// `scope`: default global. The regions keep the one that was agreed on first; a node whose file says another does not host it.
    pub scope: Scope,
    /// `home`: where it runs, in order of preference. Default: every region that is not a witness, by name.
    pub home: Vec<RegionName>,
    /// `failback`: default manual.
    pub failback: Failback,
    /// `lock_delay`: how much longer than its lease a grant that *expired* keeps others out, for resources that cannot
    /// check an epoch. Default 0, at most 1 min.
    pub lock_delay: Duration,
    /// `overrun`: default abort-process.
    pub overrun: Overrun,
}

impl SingletonConfig {
    /// The defaults, with these homes.
    pub fn new(home: Vec<RegionName>) -> Self {
        Self {
            scope: Scope::default(),
            home,
            failback: Failback::default(),
            lock_delay: Duration::ZERO,
            overrun: Overrun::default(),
        }
    }
}

/// `scope`: among whom a singleton is single.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// `"global"`: one in the cluster, under a majority of regions.
    #[default]
    Global,
    /// `"region"`: one in each of its home regions, under that region alone.
    Region,
}

/// `failback`: what happens when a better home is well again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failback {
    /// `"manual"`: nothing, until a hand-off is asked for.
    #[default]
    Manual,
}

/// `overrun`: what happens when an actor still runs after its lease and its stop budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overrun {
    /// `"abort-process"`: the process ends, so that there are never two.
    #[default]
    AbortProcess,
    /// `"alarm"`: it is reported; only a fenced resource is safe.
    Alarm,
}

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// A DNS name without final dot, in lower case, or an IP address without brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

impl HostPort {
    /// Reads `host:port`, `1.2.3.4:port` or `[::1]:port`; `None` when it is none of them or the port is 0.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return (addr.port() != 0).then(|| Self::from(addr));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port: u16 = port
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| port.parse().ok())??;
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        (port != 0 && is_host_name(&host)).then_some(Self { host, port })
    }

    /// The socket address, when the host is an IP address.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.host.parse().ok()?, self.port))
    }
}

impl From<SocketAddr> for HostPort {
    fn from(addr: SocketAddr) -> Self {
        Self {
            host: addr.ip().to_string(),
            port: addr.port(),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Whether `text` is a DNS name of labels (RFC 1123; `_` is let through, service labels have it).
pub(super) fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // All digits and dots is an address with a mistake in it, not a name.
    text.len() <= 253 && text.split('.').all(is_label) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_timings_obey_their_own_inequality() {
        let timings = Timings::default();
        assert_eq!(timings.lease_min(), Duration::from_millis(3886));
        assert!(timings.lease >= timings.lease_min());
    }

    #[test]
    fn a_host_and_port_is_read_and_printed_alike() {
        for text in ["127.0.0.1:7400", "[::1]:7400", "web3:7400", "a.b.internal:1"] {
            assert_eq!(
                HostPort::parse(text).map(|parsed| parsed.to_string()).as_deref(),
                Some(text)
            );
        }
        assert_eq!(
            HostPort::parse("WEB3.:7400"),
            Some(HostPort {
                host: "web3".into(),
                port: 7400
            })
        );
        for text in [
            "",
            "web3",
            "web3:",
            ":7400",
            "web3:0",
            "web3:+1",
            "web3:65536",
            "1.2.3:4",
            "::1:7400",
            "a b:1",
            "-a:1",
        ] {
            assert_eq!(HostPort::parse(text), None, "{text}");
        }
    }
}
