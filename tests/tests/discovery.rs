//! Discovery by DNS, over real sockets on this machine: what is found, and what stays when DNS fails.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use examples::dns::{DnsServer, Fault, Record};
use quorate_regions::config::{DiscoveryConfig, HostPort, RegionName};
use quorate_regions::discovery::{Contacts, Discovery, DiscoveryError};
use tokio::sync::watch;

const ZONE: &str = "us-east.internal";
const SERVICE: &str = "_shop._tcp.us-east.internal";
/// Nothing here takes so long; it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(30);

fn config(servers: &[SocketAddr]) -> DiscoveryConfig {
    DiscoveryConfig::DnsSrv {
        name: SERVICE.into(),
        resolvers: servers.to_vec(),
    }
}

fn discover(config: &DiscoveryConfig) -> (Discovery, watch::Receiver<Contacts>) {
    let region: RegionName = "us-east".parse().expect("a name");
    let discovery = Discovery::spawn(&region, config);
    let contacts = discovery.contacts();
    (discovery, contacts)
}

/// SRV and A records of these nodes: node 1 is at 127.0.0.1:7401, and so on.
fn nodes(ttl: u32, numbers: &[u8]) -> Vec<Record> {
    let node = |number: &u8| {
        let host = format!("node{number}.{ZONE}");
        let srv = Record::srv(SERVICE, ttl, &host, 7400 + u16::from(*number));
        [srv, Record::a(&host, ttl, [127, 0, 0, *number])]
    };
    numbers.iter().flat_map(node).collect()
}

fn addr(number: u8) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, number], 7400 + u16::from(number)))
}

fn addrs(numbers: &[u8]) -> BTreeSet<SocketAddr> {
    numbers.iter().map(|number| addr(*number)).collect()
}

fn listed(contacts: &Contacts) -> BTreeSet<SocketAddr> {
    contacts
        .listed()
        .flat_map(|contact| contact.addrs.clone())
        .collect()
}

async fn until(contacts: &mut watch::Receiver<Contacts>, wanted: impl Fn(&Contacts) -> bool) -> Contacts {
    let found = tokio::time::timeout(PATIENCE, contacts.wait_for(wanted))
        .await
        .map(|found| {
            found
                .expect("discovery goes on as long as its handle lives")
                .clone()
        });
    found.unwrap_or_else(|_| panic!("it did not come to that: {:?}", contacts.borrow()))
}

async fn until_error(contacts: &mut watch::Receiver<Contacts>) -> (Contacts, DiscoveryError) {
    let found = until(contacts, |contacts| contacts.last_error.is_some()).await;
    let error = found.last_error.as_deref().cloned().expect("just waited for");
    (found, error)
}

/// A server with these nodes, and a discovery that has found them.
async fn found(ttl: u32, numbers: &[u8]) -> (DnsServer, Discovery, watch::Receiver<Contacts>) {
    let server = DnsServer::start().await.expect("a free port");
    server.set_zone(ZONE, nodes(ttl, numbers)).await;
    let (discovery, mut contacts) = discover(&config(&[server.addr()]));
    let found = until(&mut contacts, |contacts| contacts.answered).await;
    assert_eq!(listed(&found), addrs(numbers));
    assert_eq!(found.last_error, None);
    (server, discovery, contacts)
}

/// The next lookups fail in this way; the contacts stay, and so does their mark.
async fn breaks(
    server: &DnsServer,
    discovery: &Discovery,
    contacts: &mut watch::Receiver<Contacts>,
) -> DiscoveryError {
    discovery.refresh();
    let (kept, error) = until_error(contacts).await;
    assert_eq!(listed(&kept), addrs(&[1, 2, 3]), "after {error}");
    // In this order: a retry that comes in between still fails, or finds what is expected.
    server.set_zone(ZONE, nodes(60, &[1, 2, 4])).await;
    server.set_fault(ZONE, Fault::None).await;
    server.start_again().await.expect("the port is still ours");
    let healed = until(contacts, |contacts| contacts.last_error.is_none()).await;
    assert_eq!(listed(&healed), addrs(&[1, 2, 4]), "it goes on by itself");
    error
}

#[tokio::test]
async fn nodes_are_found_with_names_ports_and_addresses() {
    let (_server, _discovery, contacts) = found(60, &[1, 2, 3]).await;
    let contacts = contacts.borrow().clone();
    let targets: Vec<String> = contacts
        .all
        .iter()
        .map(|contact| contact.target.to_string())
        .collect();
    assert_eq!(
        targets,
        [
            "node1.us-east.internal:7401",
            "node2.us-east.internal:7402",
            "node3.us-east.internal:7403"
        ]
    );
}

#[tokio::test]
async fn a_change_is_seen_when_the_ttl_is_over() {
    let (server, _discovery, mut contacts) = found(1, &[1, 2]).await;
    let serial = server.serial(ZONE).await;
    server.set_zone(ZONE, nodes(1, &[2, 3])).await;
    assert_eq!(server.serial(ZONE).await, serial + 1);
    let changed = until(&mut contacts, |contacts| listed(contacts) == addrs(&[2, 3])).await;
    assert_eq!(
        changed.addrs(),
        addrs(&[1, 2, 3]),
        "what vanished from DNS is still tried"
    );
}

#[tokio::test]
async fn a_refresh_asks_and_does_not_repeat_what_was_heard() {
    let (server, discovery, mut contacts) = found(3600, &[1, 2]).await;
    server.set_zone(ZONE, nodes(3600, &[1, 2, 3])).await;
    discovery.refresh();
    until(&mut contacts, |contacts| listed(contacts) == addrs(&[1, 2, 3])).await;
}

#[tokio::test]
async fn a_ttl_of_zero_is_followed_without_a_busy_loop() {
    let (server, _discovery, mut contacts) = found(0, &[1]).await;
    let before = (server.srv_queries(), tokio::time::Instant::now());
    server.set_zone(ZONE, nodes(0, &[1, 2])).await;
    until(&mut contacts, |contacts| listed(contacts) == addrs(&[1, 2])).await;
    server.set_zone(ZONE, nodes(0, &[1, 2, 3])).await;
    until(&mut contacts, |contacts| listed(contacts) == addrs(&[1, 2, 3])).await;
    // At most one a second, however long it took; the retries of a slow answer are not counted against it.
    let asked = server.srv_queries() - before.0;
    assert!(
        asked <= 4 + 2 * before.1.elapsed().as_secs(),
        "{asked} queries in {:?}",
        before.1.elapsed()
    );
}

#[tokio::test]
async fn a_resolver_that_is_down_keeps_the_last_answer() {
    let (server, discovery, mut contacts) = found(60, &[1, 2, 3]).await;
    server.stop().await;
    let error = breaks(&server, &discovery, &mut contacts).await;
    assert!(
        matches!(&error, DiscoveryError::NoAnswer { resolvers, .. } if resolvers[..] == [server.addr()]),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("check that a DNS server runs there"),
        "{error}"
    );
}

#[tokio::test]
async fn a_resolver_that_says_nothing_keeps_the_last_answer() {
    let (server, discovery, mut contacts) = found(60, &[1, 2, 3]).await;
    server.set_fault(ZONE, Fault::Silence).await;
    let error = breaks(&server, &discovery, &mut contacts).await;
    assert!(matches!(error, DiscoveryError::NoAnswer { .. }), "{error:?}");
}

#[tokio::test]
async fn servfail_and_refused_keep_the_last_answer() {
    for (fault, code) in [
        (Fault::ServFail, "Server Failure"),
        (Fault::Refused, "Query Refused"),
    ] {
        let (server, discovery, mut contacts) = found(60, &[1, 2, 3]).await;
        server.set_fault(ZONE, fault).await;
        let error = breaks(&server, &discovery, &mut contacts).await;
        assert_eq!(
            error,
            DiscoveryError::Refused {
                name: SERVICE.into(),
                code: code.into()
            }
        );
        assert!(
            error.to_string().contains("look into the server's log"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn garbage_keeps_the_last_answer() {
    let (server, discovery, mut contacts) = found(60, &[1, 2, 3]).await;
    server.send_garbage().await.expect("the port is still ours");
    let error = breaks(&server, &discovery, &mut contacts).await;
    assert!(
        matches!(
            error,
            DiscoveryError::BadAnswer { .. } | DiscoveryError::NoAnswer { .. }
        ),
        "noise is a bad answer, or ignored until the time is up: {error:?}"
    );
}

#[tokio::test]
async fn an_answer_that_stays_truncated_keeps_the_last_answer() {
    let (server, discovery, mut contacts) = found(60, &[1, 2, 3]).await;
    server.set_fault(ZONE, Fault::TruncatedForGood).await;
    let error = breaks(&server, &discovery, &mut contacts).await;
    assert!(matches!(error, DiscoveryError::BadAnswer { .. }), "{error:?}");
    assert!(error.to_string().contains("TCP"), "{error}");
}

#[tokio::test]
async fn a_truncated_answer_is_fetched_whole_over_tcp() {
    let server = DnsServer::start().await.expect("a free port");
    server.set_fault(ZONE, Fault::Truncated).await;
    server.set_zone(ZONE, nodes(60, &[1, 2, 3])).await;
    let (_discovery, mut contacts) = discover(&config(&[server.addr()]));
    let found = until(&mut contacts, |contacts| contacts.answered).await;
    assert_eq!((listed(&found), found.last_error), (addrs(&[1, 2, 3]), None));
}

#[tokio::test]
async fn nxdomain_is_an_answer_that_lists_nobody_and_kills_nobody() {
    let (server, discovery, mut contacts) = found(60, &[1, 2, 3]).await;
    server.set_fault(ZONE, Fault::NxDomain).await;
    discovery.refresh();
    let (kept, error) = until_error(&mut contacts).await;
    assert_eq!(error, DiscoveryError::NoRecords { name: SERVICE.into() });
    assert!(error.to_string().contains("add the records"), "{error}");
    assert_eq!(kept.addrs(), addrs(&[1, 2, 3]));
    assert_eq!(listed(&kept), addrs(&[]));
    assert!(kept.answered);
}

#[tokio::test]
async fn a_name_without_srv_records_is_no_records() {
    let server = DnsServer::start().await.expect("a free port");
    server
        .set_zone(ZONE, [Record::a(SERVICE, 60, [127, 0, 0, 1])])
        .await;
    let (_discovery, mut contacts) = discover(&config(&[server.addr()]));
    let (found, error) = until_error(&mut contacts).await;
    assert_eq!(error, DiscoveryError::NoRecords { name: SERVICE.into() });
    assert!(found.answered && found.all.is_empty());
    server.set_zone(ZONE, nodes(60, &[1])).await;
    until(&mut contacts, |contacts| listed(contacts) == addrs(&[1])).await;
}

#[tokio::test]
async fn the_root_as_target_says_that_there_is_no_such_service() {
    let server = DnsServer::start().await.expect("a free port");
    server.set_zone(ZONE, [Record::srv(SERVICE, 60, ".", 7400)]).await;
    let (_discovery, mut contacts) = discover(&config(&[server.addr()]));
    let (found, error) = until_error(&mut contacts).await;
    assert_eq!(error, DiscoveryError::NoRecords { name: SERVICE.into() });
    assert!(found.all.is_empty());
}

#[tokio::test]
async fn a_server_that_comes_late_is_found() {
    let server = DnsServer::start().await.expect("a free port");
    server.stop().await;
    let (_discovery, mut contacts) = discover(&config(&[server.addr()]));
    let (nothing, _) = until_error(&mut contacts).await;
    assert!(!nothing.answered && nothing.all.is_empty());
    server.set_zone(ZONE, nodes(60, &[1, 2, 3])).await;
    server.start_again().await.expect("the port is still ours");
    let found = until(&mut contacts, |contacts| contacts.answered).await;
    assert_eq!((listed(&found), found.last_error), (addrs(&[1, 2, 3]), None));
}

#[tokio::test]
async fn the_next_resolver_is_asked_when_one_fails() {
    let down = DnsServer::start().await.expect("a free port");
    down.stop().await;
    let ill = DnsServer::start().await.expect("a free port");
    ill.set_zone(ZONE, nodes(60, &[7])).await;
    ill.set_fault(ZONE, Fault::ServFail).await;
    let well = DnsServer::start().await.expect("a free port");
    well.set_zone(ZONE, nodes(60, &[1, 2])).await;
    let (_discovery, mut contacts) = discover(&config(&[down.addr(), ill.addr(), well.addr()]));
    let found = until(&mut contacts, |contacts| contacts.answered).await;
    assert_eq!((listed(&found), found.last_error), (addrs(&[1, 2]), None));
}

#[tokio::test]
async fn a_target_without_an_address_is_a_contact_in_waiting() {
    let server = DnsServer::start().await.expect("a free port");
    let mut records = nodes(1, &[1]);
    records.push(Record::srv(SERVICE, 1, "node2.us-east.internal", 7402));
    server.set_zone(ZONE, records).await;
    let (_discovery, mut contacts) = discover(&config(&[server.addr()]));
    let (found, error) = until_error(&mut contacts).await;
    let target = HostPort {
        host: "node2.us-east.internal".into(),
        port: 7402,
    };
    assert_eq!(error, DiscoveryError::Unresolved { target, more: 0 });
    assert_eq!((found.listed().count(), found.addrs()), (2, addrs(&[1])));
    server.set_zone(ZONE, nodes(1, &[1, 2])).await;
    until(&mut contacts, |contacts| {
        listed(contacts) == addrs(&[1, 2]) && contacts.last_error.is_none()
    })
    .await;
}

#[tokio::test]
async fn a_target_may_have_several_addresses() {
    let server = DnsServer::start().await.expect("a free port");
    let mut records = nodes(60, &[1]);
    records.push(Record::aaaa(
        "node1.us-east.internal",
        60,
        [0, 0, 0, 0, 0, 0, 0, 1],
    ));
    server.set_zone(ZONE, records).await;
    let (_discovery, mut contacts) = discover(&config(&[server.addr()]));
    let found = until(&mut contacts, |contacts| contacts.answered).await;
    let both = BTreeSet::from([addr(1), "[::1]:7401".parse().expect("an address")]);
    assert_eq!((found.all.len(), listed(&found)), (1, both));
}

#[tokio::test]
async fn a_fixed_list_is_known_at_once() {
    let nodes = vec![HostPort::from(addr(1)), HostPort::from(addr(2))];
    let (_discovery, mut contacts) = discover(&DiscoveryConfig::Fixed { nodes });
    let found = until(&mut contacts, |contacts| contacts.answered).await;
    assert_eq!((listed(&found), found.last_error), (addrs(&[1, 2]), None));
}

#[tokio::test]
async fn a_name_in_a_fixed_list_is_resolved_by_the_system() {
    let nodes = vec![HostPort {
        host: "localhost".into(),
        port: 7401,
    }];
    let (_discovery, mut contacts) = discover(&DiscoveryConfig::Fixed { nodes });
    let found = until(&mut contacts, |contacts| contacts.answered).await;
    assert!(
        found.addrs().iter().all(|addr| addr.ip().is_loopback()) && !found.addrs().is_empty(),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_dropped_discovery_asks_no_more() {
    let (_server, discovery, mut contacts) = found(1, &[1]).await;
    drop(discovery);
    let ended = tokio::time::timeout(PATIENCE, contacts.wait_for(|_| false))
        .await
        .expect("it ends at once");
    assert!(ended.is_err(), "the sender is gone");
}
