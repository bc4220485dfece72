//! The network: a namespace for each node, links from all of them to the hub, and what the hub does not let through.
//!
//! This version listens on loopback addresses only. So the links get addresses of 127/8, node n of region r 127.1.r.n, and
//! each namespace is told to route them (`route_localnet`) and not to take all of 127/8 for itself. They travel over the
//! links like any others.
//!
//! A cut is a rule of the hub's routing that drops packets without a word, in both directions, or a link that is taken
//! down. Only to be used in a namespace of its own, see [`able`](super::able).

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use super::able::Unable;
use crate::three_regions::layout::{self, Layout, NodePlan};

/// Where the hub is: the DNS server and the ledger too.
pub(super) const HUB: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 1);
/// Where each node listens, in its own namespace.
const PORT: u16 = 7400;
/// Where the ledger listens.
pub(super) const LEDGER: SocketAddr = SocketAddr::new(IpAddr::V4(HUB), 7500);

/// Named namespaces are mounts; here they get a place that the mount namespace has for itself.
const HUB_SCRIPT: &str = "
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
echo 1 > /proc/sys/net/ipv4/ip_forward
ip link set lo up
ip address flush dev lo
ip address add HUB/32 dev lo scope global
";
const LINK_SCRIPT: &str = "
ip netns add NAME
ip link add LINK type veth peer name eth0 netns NAME
ip link set LINK up
ip route add IP dev LINK src HUB
";
const NODE_SCRIPT: &str = "
echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
ip link set lo up
ip address flush dev lo
ip link set eth0 up
ip address add IP/32 dev eth0 scope global
ip route add HUB dev eth0 src IP
ip route add 127.0.0.0/8 via HUB dev eth0 src IP
";

/// Where the nodes are, each started in its namespace. All of them call, and a till is wherever a singleton may be.
///
/// # Errors
///
/// None: the addresses are numbers.
pub(super) fn nodes() -> io::Result<Vec<NodePlan>> {
    let mut nodes = layout::nodes(|region, number| {
        let octet = |at: usize| u8::try_from(at).map_err(io::Error::other);
        Ok(([127, 1, octet(region)?, octet(number)?], PORT).into())
    })?;
    for node in &mut nodes {
        node.calls = true;
        node.till = layout::HOMES.contains(&node.region);
        node.via = inside(&node.name);
    }
    Ok(nodes)
}

/// Lays all links.
///
/// # Errors
///
/// What the kernel or a tool lacks.
pub(super) fn lay(nodes: &[NodePlan]) -> Result<(), Unable> {
    let hub = HUB.to_string();
    sh(&[], &HUB_SCRIPT.replace("HUB", &hub))?;
    for node in nodes {
        let fill = |script: &str| {
            script
                .replace("HUB", &hub)
                .replace("NAME", &node.name)
                .replace("LINK", &link(node))
                .replace("IP", &node.listen.ip().to_string())
        };
        sh(&[], &fill(LINK_SCRIPT))?;
        sh(&inside(&node.name), &fill(NODE_SCRIPT))?;
    }
    Ok(())
}

/// One end of a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side<'a> {
    /// A whole region.
    Region(&'a str),
    /// One node.
    Node(&'a str),
}

/// Drops, from now on, what goes from one of these to the other, either way.
///
/// # Errors
///
/// The hub's `ip` failed, and nothing can be said of what is cut.
pub(super) fn cut(layout: &Layout, pairs: &[(Side<'_>, Side<'_>)]) -> Result<(), Unable> {
    rules(layout, "add", pairs)
}

/// Lets through again what was cut between these.
///
/// # Errors
///
/// As [`cut`].
pub(super) fn heal(layout: &Layout, pairs: &[(Side<'_>, Side<'_>)]) -> Result<(), Unable> {
    rules(layout, "delete", pairs)
}

/// Takes a node's link down, and with it its way to the hub.
///
/// # Errors
///
/// As [`cut`].
pub(super) fn unplug(node: &NodePlan) -> Result<(), Unable> {
    sh(&[], &format!("ip link set {} down", link(node)))
}

/// Takes a node's link up again. The hub's route went with it.
///
/// # Errors
///
/// As [`cut`].
pub(super) fn plug(node: &NodePlan) -> Result<(), Unable> {
    let (link, ip) = (link(node), node.listen.ip());
    sh(
        &[],
        &format!("ip link set {link} up\nip route replace {ip} dev {link} src {HUB}"),
    )
}

fn rules(layout: &Layout, verb: &str, pairs: &[(Side<'_>, Side<'_>)]) -> Result<(), Unable> {
    let mut batch = String::from("ip -batch - <<END\n");
    for (one, other) in pairs {
        let (one, other) = (prefix(layout, *one), prefix(layout, *other));
        for (from, to) in [(&one, &other), (&other, &one)] {
            // Writing to a string never fails.
            let _written = writeln!(batch, "rule {verb} priority 1000 from {from} to {to} blackhole");
        }
    }
    sh(&[], &(batch + "END\n"))
}

fn prefix(layout: &Layout, side: Side<'_>) -> String {
    let (node, bits) = match side {
        Side::Region(region) => (layout.region(region).next(), 24),
        Side::Node(name) => (layout.node(name), 32),
    };
    let ip = node.expect("sides are named as in the layout").listen.ip();
    let IpAddr::V4(ip) = ip else {
        unreachable!("layouts have addresses of 127/8 only")
    };
    let [a, b, c, d] = ip.octets();
    format!("{a}.{b}.{c}.{}/{bits}", if bits == 24 { 0 } else { d })
}

/// The hub's end of a node's link; the kernel wants it short.
fn link(node: &NodePlan) -> String {
    format!("n-{}", node.name)
}

/// What to start a program through, so that it runs in this node's namespace.
fn inside(name: &str) -> Vec<String> {
    [
        "nsenter".to_owned(),
        format!("--net=/run/netns/{name}"),
        "--".to_owned(),
    ]
    .to_vec()
}

/// Runs a script, to its first command that fails.
fn sh(via: &[String], script: &str) -> Result<(), Unable> {
    let shell = ["sh".to_owned(), "-e".to_owned()];
    let words: Vec<&String> = via.iter().chain(&shell).collect();
    let ran = || -> io::Result<std::process::Output> {
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        // Dropped at once: that is the end of the script.
        child
            .stdin
            .take()
            .map_or(Ok(()), |mut stdin| stdin.write_all(script.as_bytes()))?;
        child.wait_with_output()
    };
    match ran() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(Unable(format!(
            "a network as it needs cannot be made: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))),
        Err(error) => Err(Unable(format!("it cannot run sh: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_an_address_that_this_version_accepts_and_a_short_link() {
        let nodes = nodes().unwrap();
        for node in &nodes {
            assert!(
                node.listen.ip().is_loopback() && link(node).len() < 16,
                "{node:?}"
            );
        }
        assert_eq!(nodes[5].listen, SocketAddr::from(([127, 1, 2, 3], PORT)));
    }

    #[test]
    fn a_side_is_a_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::of(dir.path(), nodes().unwrap(), LEDGER, LEDGER, "").unwrap();
        assert_eq!(prefix(&layout, Side::Region("us-west")), "127.1.2.0/24");
        assert_eq!(prefix(&layout, Side::Node("us-west-3")), "127.1.2.3/32");
    }
}
