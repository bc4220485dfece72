//! `[node]`.

use std::net::SocketAddr;

use super::super::checked::{HostPort, NodeConfig};
use super::super::fault::Fault;
use super::super::problem::Problems;
use super::super::read::{Field, Section};
use super::super::schema;
use super::regions::Regions;
use crate::name::{NAME_BYTES_MAX, NodeName, RegionName};

pub(super) fn check(
    mut section: Section,
    regions: &Regions,
    host_name: &str,
    problems: &mut Problems,
) -> Option<NodeConfig> {
    let region = section.required("region", "region = \"us-east\" in [node]", problems);
    let listen = section.required("listen", "listen = \"127.0.0.1:7400\" in [node]", problems);
    let data_dir = section.required("data_dir", "data_dir = \"/var/lib/shop\" in [node]", problems);
    let name = section.optional("name");
    let advertise = section.optional("advertise");
    section.finish(schema::NODE, problems);

    let region: Option<RegionName> = region.and_then(|field| regions.find(&field, problems));
    let listen = listen.and_then(|field| listener(&field, problems));
    let data_dir = data_dir.and_then(|field| field.text("\"/var/lib/shop\"", problems).map(Into::into));
    // A bad address was reported; its port is good enough to go on with.
    let addr = listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 1)));
    let name = match name {
        Some(field) => field.name("\"us-east-1\"", problems),
        None => derived_name(host_name, addr.port()),
    };
    let advertise = match advertise {
        Some(field) => field.host_port("\"web3.us-east.internal:7400\"", problems),
        None => Some(derived_advertise(host_name, addr)),
    };
    Some(NodeConfig {
        name: name?,
        region: region?,
        listen: listen?,
        advertise: advertise?,
        data_dir: data_dir?,
    })
}

fn listener(field: &Field, problems: &mut Problems) -> Option<SocketAddr> {
    let listen = field.socket_addr("\"127.0.0.1:7400\"", problems)?;
    if !listen.ip().to_canonical().is_loopback() {
        field.report(Fault::Insecure { listen }, problems);
        return None;
    }
    Some(listen)
}

/// The host name up to its first dot, a hyphen and the port, with what a name cannot have made hyphens.
fn derived_name(host_name: &str, port: u16) -> Option<NodeName> {
    let port = format!("-{port}");
    let label = host_name
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let label = label.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let label = label.trim_matches('-');
    let label = label
        .get(..label.len().min(NAME_BYTES_MAX - port.len()))
        .unwrap_or_default();
    let label = if label.is_empty() { "node" } else { label };
    NodeName::new(&format!("{label}{port}")).ok()
}

fn derived_advertise(host_name: &str, listen: SocketAddr) -> HostPort {
    if listen.ip().is_unspecified() && !host_name.is_empty() {
        HostPort {
            host: host_name.to_ascii_lowercase(),
            port: listen.port(),
        }
    } else {
        HostPort::from(listen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_without_a_name_gets_one_from_its_host_and_port() {
        for (host, name) in [
            ("web3", "web3-7400"),
            ("Web3.us-east.internal", "web3-7400"),
            ("my_box", "my-box-7400"),
            ("", "node-7400"),
            ("ümlaut", "mlaut-7400"),
            ("--", "node-7400"),
        ] {
            assert_eq!(
                derived_name(host, 7400).map(|name| name.to_string()).as_deref(),
                Some(name),
                "{host}"
            );
        }
        let long = derived_name(&"x".repeat(300), 65535).map(|name| name.as_str().len());
        assert_eq!(long, Some(NAME_BYTES_MAX));
    }

    #[test]
    fn what_is_advertised_can_be_dialled() {
        let listen = |text: &str| text.parse::<SocketAddr>().expect("an address in a test");
        assert_eq!(
            derived_advertise("web3", listen("127.0.0.1:7400")).to_string(),
            "127.0.0.1:7400"
        );
        assert_eq!(
            derived_advertise("web3", listen("0.0.0.0:7400")).to_string(),
            "web3:7400"
        );
        assert_eq!(
            derived_advertise("web3", listen("[::]:7400")).to_string(),
            "web3:7400"
        );
    }
}
