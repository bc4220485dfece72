//! Who takes part in a run, where each one listens, and the `regions.toml` that each one reads.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use super::promises::NODES;

/// The regions; the first is the singleton's home, and the last one only calls it.
pub const REGIONS: [&str; 3] = ["us-east", "us-west", "eu-central"];
/// Where the singleton may run, in order of preference.
pub const HOMES: [&str; 2] = [REGIONS[0], REGIONS[1]];
/// The nodes of each region, all of which vote.
pub const NODES_PER_REGION: usize = 3;
/// The node that calls the singleton.
pub const CALLER: &str = "eu-central-1";
/// The node at which an operator asks for the hand-off.
pub const OPERATOR: &str = "eu-central-2";
/// The cluster's name.
pub const CLUSTER: &str = "shop";
/// The singleton's name.
pub const SINGLETON: &str = "billing";
/// The domain of the zones.
pub const DOMAIN: &str = "shop.test";
/// D, the term of a lease.
pub const LEASE_SECS: u64 = 4;

const _: () = assert!(REGIONS.len() * NODES_PER_REGION == NODES as usize);

/// The lowest port that is tried.
const PORT_MIN: u16 = 10_000;
/// Where ports for outgoing connections begin when the kernel does not say.
const EPHEMERAL_PORT_MIN_DEFAULT: u16 = 32_768;

/// A node, through all its lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlan {
    /// Its region and a number.
    pub name: String,
    /// Its region.
    pub region: &'static str,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether it calls the singleton.
    pub calls: bool,
    /// Whether it hosts and calls the till of its region.
    pub till: bool,
    /// The program and its arguments through which it is started, if any.
    pub via: Vec<String>,
}

/// Everyone, and the addresses.
#[derive(Clone, Debug)]
pub struct Layout {
    dir: PathBuf,
    /// The nodes, region by region.
    pub nodes: Vec<NodePlan>,
    /// Where the ledger listens.
    pub ledger: SocketAddr,
    /// Where the DNS server listens.
    pub dns: SocketAddr,
}

impl Layout {
    /// Chooses a free port for everyone on 127.0.0.1, and writes what the nodes read below `dir`.
    ///
    /// The ports lie below those that the kernel takes for outgoing connections, so that the port of a node that was
    /// killed is still free when it comes back.
    ///
    /// # Errors
    ///
    /// No free ports, or the file system's error.
    pub fn create(dir: &Path, dns: SocketAddr) -> io::Result<Self> {
        let mut ports = Ports::new();
        let nodes = nodes(|_, _| ports.take())?;
        Self::of(dir, nodes, ports.take()?, dns, "")
    }

    /// Takes everyone as they are, and writes what the nodes read below `dir`, with `more` at the end of each configuration.
    ///
    /// # Errors
    ///
    /// The file system's error.
    pub fn of(
        dir: &Path,
        nodes: Vec<NodePlan>,
        ledger: SocketAddr,
        dns: SocketAddr,
        more: &str,
    ) -> io::Result<Self> {
        let layout = Self {
            dir: dir.to_owned(),
            nodes,
            ledger,
            dns,
        };
        for folder in ["config", "data", "records", "logs"] {
            fs::create_dir_all(dir.join(folder))?;
        }
        for node in &layout.nodes {
            fs::write(layout.config_file(node), layout.config(node) + more)?;
        }
        Ok(layout)
    }

    /// The nodes of this region.
    pub fn region<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a NodePlan> {
        self.nodes.iter().filter(move |node| node.region == region)
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&NodePlan> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Where a node's `regions.toml` lies.
    pub fn config_file(&self, node: &NodePlan) -> PathBuf {
        self.dir.join("config").join(format!("{}.toml", node.name))
    }

    /// Where a process of this life writes down what its instances do.
    pub fn record_file(&self, process: &str, life: u32) -> PathBuf {
        self.dir.join("records").join(format!("{process}.{life}.record"))
    }

    /// Where a process logs, through all its lives.
    pub fn log_file(&self, process: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{process}.log"))
    }

    fn config(&self, node: &NodePlan) -> String {
        let data_dir = self.dir.join("data").join(&node.name);
        let data_dir = data_dir.to_string_lossy();
        let mut text = format!(
            "[cluster]\nname = \"{CLUSTER}\"\n\n\
             [node]\nname = \"{}\"\nregion = \"{}\"\nlisten = \"{}\"\ndata_dir = {:?}\n\n\
             [timings]\nlease = \"{LEASE_SECS}s\"\n\n\
             [formation]\nstable_margin = \"1s\"\n\n",
            node.name, node.region, node.listen, data_dir
        );
        for region in REGIONS {
            let srv = srv_name(region);
            // Writing to a string never fails.
            let _written = write!(
                text,
                "[regions.{region}]\nvoters = {NODES_PER_REGION}\n\
                 discovery = {{ method = \"dns-srv\", name = \"{srv}\", resolvers = [\"{}\"] }}\n\n",
                self.dns
            );
        }
        let [home, second] = HOMES;
        let _written = write!(
            text,
            "[singletons.{SINGLETON}]\nhome = [\"{home}\", \"{second}\"]\nfailback = \"manual\"\n"
        );
        text
    }
}

/// The nodes of all regions, each where `listen` says, which is told the number of the region and of the node, from 1.
///
/// # Errors
///
/// Those of `listen`.
pub fn nodes(mut listen: impl FnMut(usize, usize) -> io::Result<SocketAddr>) -> io::Result<Vec<NodePlan>> {
    let mut nodes = Vec::new();
    for (at, region) in (1..).zip(REGIONS) {
        for number in 1..=NODES_PER_REGION {
            let name = format!("{region}-{number}");
            nodes.push(NodePlan {
                calls: name == CALLER,
                name,
                region,
                listen: listen(at, number)?,
                till: false,
                via: Vec::new(),
            });
        }
    }
    Ok(nodes)
}

/// The name under which the nodes of a region are found.
pub fn srv_name(region: &str) -> String {
    format!("_{CLUSTER}._tcp.{region}.{DOMAIN}")
}

/// Hands out ports that nobody listens on, over TCP and UDP.
struct Ports {
    next: u16,
    end: u16,
}

impl Ports {
    fn new() -> Self {
        let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
        let first = range.split_whitespace().next().and_then(|word| word.parse().ok());
        let end = first.unwrap_or(EPHEMERAL_PORT_MIN_DEFAULT);
        // A machine without such ports below gets those in the middle: better than none.
        let end = if end <= PORT_MIN + 1_000 {
            EPHEMERAL_PORT_MIN_DEFAULT
        } else {
            end
        };
        // Two runs at once begin at different places.
        let spread = u64::from(end - PORT_MIN);
        let offset = u64::from(std::process::id()).wrapping_mul(97) % spread;
        let offset = u16::try_from(offset).expect("less than a number of ports");
        Self {
            next: PORT_MIN + offset,
            end,
        }
    }

    fn take(&mut self) -> io::Result<SocketAddr> {
        for _ in PORT_MIN..self.end {
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, self.next));
            self.next += 1;
            if self.next == self.end {
                self.next = PORT_MIN;
            }
            if TcpListener::bind(addr).is_ok() && UdpSocket::bind(addr).is_ok() {
                return Ok(addr);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "no port is free on 127.0.0.1",
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use quorate_regions::config::{Config, RegionName};

    use super::*;

    #[test]
    fn everyone_has_an_address_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path(), ([127, 0, 0, 1], 9).into()).unwrap();
        let mut addrs: BTreeSet<SocketAddr> = layout.nodes.iter().map(|node| node.listen).collect();
        addrs.insert(layout.ledger);
        assert_eq!(addrs.len(), 10);
        assert_eq!(layout.region("us-west").count(), 3);
        assert!(layout.node(CALLER).is_some() && layout.node(OPERATOR).is_some());
    }

    #[test]
    fn every_node_can_read_its_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path(), ([127, 0, 0, 1], 9).into()).unwrap();
        for node in &layout.nodes {
            let config = Config::load(layout.config_file(node)).unwrap();
            assert_eq!(config.node.name.as_str(), node.name);
            assert_eq!(config.node.region.as_str(), node.region);
            assert_eq!(config.node.listen, node.listen);
            assert_eq!(config.regions.len(), 3);
            assert_eq!(config.timings.lease.as_secs(), LEASE_SECS);
            let home = config.singleton(SINGLETON).home;
            assert_eq!(
                home.iter().map(RegionName::as_str).collect::<Vec<_>>(),
                ["us-east", "us-west"]
            );
        }
    }
}
