//! One SRV lookup: asking the resolvers, and reading the answer.
//!
//! Configured resolvers are asked one after the other, each over UDP and, for a truncated answer, over TCP. The first
//! that answers wins; that there are no records is an answer too. Nothing is cached here: `cache` decides when to
//! ask, and then it really asks. The system's settings are read anew for every lookup, so that a changed `resolv.conf` is
//! followed.
//!
//! All records count, whatever their priority and weight: a contact is a candidate and nobody's load is balanced. The
//! addresses come from the additional section if they are there, else from lookups of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use trust_dns_resolver::TokioResolver;
use trust_dns_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use trust_dns_resolver::lookup::Lookup as Answer;
use trust_dns_resolver::net::runtime::TokioRuntimeProvider;
use trust_dns_resolver::net::{DnsError, NetError};
use trust_dns_resolver::proto::rr::{Name, RData, RecordType};

use crate::config::HostPort;

use super::cache::{CONTACTS_MAX, EMPTY_REFRESH_MAX, Lookup, REFRESH_MAX};
use super::error::DiscoveryError;

/// How long one resolver may take for one query.
const QUERY_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a query is sent again that nothing came back for.
const QUERY_RETRIES: usize = 1;
/// How many targets are resolved at a time.
const RESOLVE_CONCURRENCY: usize = 8;
/// How long resolving all targets may take; what is missing then is resolved the next time.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A name, and whom to ask for it.
pub(super) struct Source {
    name: Arc<str>,
    resolvers: Vec<SocketAddr>,
    /// One for each of `resolvers`, in the same order.
    clients: Vec<TokioResolver>,
}

impl Source {
    pub(super) fn new(name: &str, resolvers: &[SocketAddr]) -> Self {
        let clients = resolvers.iter().filter_map(|addr| client(*addr).ok()).collect();
        Self {
            name: name.into(),
            resolvers: resolvers.to_vec(),
            clients,
        }
    }

    pub(super) async fn lookup(&self) -> Lookup {
        // Absolute, so that no search domain is ever appended.
        let query = match Name::from_ascii(format!("{}.", self.name)) {
            Ok(query) => query,
            Err(error) => return Lookup::Failed(self.bad_answer(&error)),
        };
        let system;
        let clients = if self.resolvers.is_empty() {
            match system_client() {
                Ok(client) => system = [client],
                Err(error) => {
                    return Lookup::Failed(DiscoveryError::NoSystemResolver {
                        cause: error.to_string().into(),
                    });
                }
            }
            &system[..]
        } else {
            &self.clients[..]
        };
        let mut failure = None;
        for client in clients {
            match client.lookup(query.clone(), RecordType::SRV).await {
                Ok(answer) => return self.found(client, &answer).await,
                Err(error) => match self.failed(&error) {
                    Lookup::Failed(error) => failure = Some(more_telling(failure, error)),
                    empty => return empty,
                },
            }
        }
        Lookup::Failed(failure.unwrap_or_else(|| self.no_answer(&NetError::NoConnections)))
    }

    async fn found(&self, client: &TokioResolver, answer: &Answer) -> Lookup {
        let (targets, ttl) = self.targets(answer);
        if targets.is_empty() {
            return self.empty(ttl);
        }
        let glue = addresses(answer);
        let mut ttl = ttl;
        let mut found = BTreeMap::new();
        let mut bare: BTreeMap<Name, Vec<u16>> = BTreeMap::new();
        for (name, port) in targets {
            match glue.get(&name) {
                Some((ips, glue_ttl)) => {
                    ttl = ttl.min(*glue_ttl);
                    found.insert(host_port(&name, port), socket_addrs(ips, port));
                }
                None => bare.entry(name).or_default().push(port),
            }
        }
        for (name, (ips, resolved_ttl)) in resolve(client, bare.keys().cloned().collect()).await {
            ttl = ttl.min(resolved_ttl);
            for port in bare.remove(&name).unwrap_or_default() {
                found.insert(host_port(&name, port), socket_addrs(&ips, port));
            }
        }
        for (name, ports) in bare {
            found.extend(
                ports
                    .into_iter()
                    .map(|port| (host_port(&name, port), BTreeSet::new())),
            );
        }
        Lookup::Found { targets: found, ttl }
    }

    /// The targets of the answer and the shortest TTL. The root as target says "no such service" (RFC 2782).
    fn targets(&self, answer: &Answer) -> (BTreeSet<(Name, u16)>, Duration) {
        let mut targets = BTreeSet::new();
        let mut ttl = REFRESH_MAX;
        for record in answer.answers() {
            if let RData::SRV(srv) = &record.data {
                ttl = ttl.min(seconds(record.ttl));
                if !srv.target.is_root() && srv.port != 0 {
                    targets.insert((srv.target.to_lowercase(), srv.port));
                }
            }
        }
        let named = targets.len();
        if named > CONTACTS_MAX {
            tracing::debug!(name = &*self.name, named, "a long SRV answer");
        }
        (targets, ttl)
    }

    fn failed(&self, error: &NetError) -> Lookup {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) => {
                self.empty(none.negative_ttl.map_or(EMPTY_REFRESH_MAX, seconds))
            }
            NetError::Dns(DnsError::ResponseCode(code)) => Lookup::Failed(DiscoveryError::Refused {
                name: Arc::clone(&self.name),
                code: code.to_string().into(),
            }),
            NetError::Proto(_)
            | NetError::Truncated
            | NetError::ForeignClassRecord { .. }
            | NetError::QueryCaseMismatch => Lookup::Failed(self.bad_answer(error)),
            _ => Lookup::Failed(self.no_answer(error)),
        }
    }

    fn empty(&self, ttl: Duration) -> Lookup {
        Lookup::Empty {
            error: DiscoveryError::NoRecords {
                name: Arc::clone(&self.name),
            },
            ttl,
        }
    }

    fn bad_answer(&self, cause: &dyn std::fmt::Display) -> DiscoveryError {
        DiscoveryError::BadAnswer {
            name: Arc::clone(&self.name),
            cause: cause.to_string().into(),
        }
    }

    fn no_answer(&self, cause: &NetError) -> DiscoveryError {
        DiscoveryError::NoAnswer {
            name: Arc::clone(&self.name),
            resolvers: self.resolvers.clone(),
            cause: cause.to_string().into(),
        }
    }
}

/// A client of exactly this server.
fn client(server: SocketAddr) -> Result<TokioResolver, NetError> {
    let connection = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    let connections = vec![
        connection(ConnectionConfig::udp()),
        connection(ConnectionConfig::tcp()),
    ];
    let server = NameServerConfig::new(server.ip(), true, connections);
    let config = ResolverConfig::from_name_servers(vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    options(builder.options_mut());
    builder.options_mut().use_hosts_file = ResolveHosts::Never;
    builder.build()
}

/// A client of the servers that the system is set to.
fn system_client() -> Result<TokioResolver, NetError> {
    let mut builder = TokioResolver::builder_tokio()?;
    options(builder.options_mut());
    builder.build()
}

/// No cache, so that a refresh asks. `positive_min_ttl` stays unset: setting it changes the TTLs that are reported.
fn options(options: &mut ResolverOpts) {
    options.cache_size = 0;
    options.timeout = QUERY_TIMEOUT;
    options.attempts = QUERY_RETRIES;
}

/// The addresses in the answer's other sections, by name, each with its shortest TTL.
fn addresses(answer: &Answer) -> BTreeMap<Name, (BTreeSet<IpAddr>, Duration)> {
    let mut found: BTreeMap<Name, (BTreeSet<IpAddr>, Duration)> = BTreeMap::new();
    for record in answer.additionals().iter().chain(answer.answers()) {
        if let Some(ip) = record.data.ip_addr() {
            let unknown = || (BTreeSet::new(), REFRESH_MAX);
            let (ips, ttl) = found.entry(record.name.to_lowercase()).or_insert_with(unknown);
            ips.insert(ip);
            *ttl = (*ttl).min(seconds(record.ttl));
        }
    }
    found
}

/// Resolves targets, a few at a time. One that fails is left out: a failure here is no answer about the region.
async fn resolve(client: &TokioResolver, names: Vec<Name>) -> BTreeMap<Name, (BTreeSet<IpAddr>, Duration)> {
    let mut found = BTreeMap::new();
    let mut names = names.into_iter().take(CONTACTS_MAX);
    let mut running = JoinSet::new();
    let all = async {
        loop {
            while running.len() < RESOLVE_CONCURRENCY {
                let Some(name) = names.next() else { break };
                let client = client.clone();
                running.spawn(async move { (client.lookup_ip(name.clone()).await, name) });
            }
            match running.join_next().await {
                None => return,
                Some(Ok((Ok(answer), name))) => {
                    let records = answer.as_lookup().answers();
                    let ttl = records
                        .iter()
                        .map(|record| seconds(record.ttl))
                        .min()
                        .unwrap_or(REFRESH_MAX);
                    found.insert(name, (answer.iter().collect(), ttl));
                }
                Some(Ok((Err(error), name))) => tracing::debug!(%name, %error, "a target has no address"),
                Some(Err(_)) => {}
            }
        }
    };
    let _ = tokio::time::timeout(RESOLVE_TIMEOUT, all).await;
    found
}

/// What a server said tells more than that another one said nothing.
fn more_telling(before: Option<DiscoveryError>, now: DiscoveryError) -> DiscoveryError {
    match before {
        Some(before) if matches!(now, DiscoveryError::NoAnswer { .. }) => before,
        _ => now,
    }
}

fn host_port(name: &Name, port: u16) -> HostPort {
    let text = name.to_ascii();
    HostPort {
        host: text.strip_suffix('.').unwrap_or(&text).to_owned(),
        port,
    }
}

fn socket_addrs(ips: &BTreeSet<IpAddr>, port: u16) -> BTreeSet<SocketAddr> {
    ips.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
}

fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(u64::from(ttl))
}
