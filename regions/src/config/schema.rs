//! Every key there is, once: unknown keys, suggestions and environment variables all come from these lists.

/// The sections with fixed names, and their keys.
pub(super) const SECTIONS: [(&str, &[&str]); 6] = [
    ("cluster", CLUSTER),
    ("node", NODE),
    ("timings", TIMINGS),
    ("formation", FORMATION),
    ("tls", TLS),
    ("auth", AUTH),
];
/// What may stand at the top of the file.
pub(super) const ROOT: &[&str] = &[
    "cluster",
    "node",
    "timings",
    "formation",
    "tls",
    "auth",
    "regions",
    "singletons",
];
pub(super) const CLUSTER: &[&str] = &["name"];
pub(super) const NODE: &[&str] = &["name", "region", "listen", "advertise", "data_dir"];
pub(super) const TIMINGS: &[&str] = &[
    "lease",
    "lease_max",
    "stop_budget",
    "clock_drift_ppm",
    "call_timeout",
    "heartbeat",
    "election_min",
    "election_max",
];
pub(super) const FORMATION: &[&str] = &["stable_margin"];
pub(super) const TLS: &[&str] = &["ca", "cert", "key"];
pub(super) const AUTH: &[&str] = &["psk"];
/// Of each `[regions.NAME]`.
pub(super) const REGION: &[&str] = &["voters", "witness", "initial_voters", "discovery"];
/// Of `discovery`, whatever the method.
pub(super) const DISCOVERY: &[&str] = &["method", "name", "resolvers", "nodes"];
pub(super) const DNS_SRV: &[&str] = &["method", "name", "resolvers"];
pub(super) const FIXED: &[&str] = &["method", "nodes"];
/// Of each `[singletons.NAME]`.
pub(super) const SINGLETON: &[&str] = &["scope", "home", "failback", "lock_delay", "overrun"];
