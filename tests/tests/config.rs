//! `regions.toml`: what is accepted, and what people read when it is not.
//!
//! Longer than most: it is one table, every mistake in a file and what is said about it.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use quorate_regions::config::{
    Config, ConfigError, DiscoveryConfig, Failback, HostPort, NodeName, Overrun, RegionName, Scope, Timings,
};

const GOOD: &str = r#"
[cluster]
name = "shop"

[node]
name = "us-east-1"
region = "us-east"
listen = "127.0.0.1:7400"
data_dir = "/var/lib/shop"

[regions.us-east]
voters = 3
initial_voters = ["us-east-1", "us-east-2", "us-east-3"]
discovery = { method = "dns-srv", name = "_shop._tcp.us-east.internal" }

[regions.us-west]
voters = 3
discovery = { method = "dns-srv", name = "_Shop._tcp.US-west.internal.", resolvers = ["10.0.0.53:53", "[::1]:5353"] }

[regions.eu-central]
voters = 1
witness = true
discovery = { method = "fixed", nodes = ["10.2.0.1:7400", "web3.internal:7400"] }

[singletons.billing]
home = ["us-west", "us-east"]
failback = "manual"
lock_delay = "10s"
overrun = "alarm"

[singletons.per_region]
scope = "region"
"#;

/// The good file with one line replaced, so that one thing is wrong with it.
fn problems_with(line: &str, instead: &str) -> String {
    assert_eq!(
        GOOD.matches(line).count(),
        1,
        "{line} stands once in the good file"
    );
    problems_of(&GOOD.replace(line, instead))
}

fn problems_of(text: &str) -> String {
    match Config::parse(text, "regions.toml") {
        Ok(config) => panic!("accepted: {config:#?}"),
        Err(error) => error.to_string(),
    }
}

fn with_env(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), GOOD).expect("the temporary file can be written");
    let vars = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load_with_env(file.path(), vars)
}

fn region(name: &str) -> RegionName {
    name.parse().expect("a name in a test")
}

#[test]
fn a_good_file_becomes_what_it_says_and_the_defaults() {
    let config = Config::parse(GOOD, "regions.toml").expect("the good file is good");
    assert_eq!(config.cluster.name.as_str(), "shop");
    assert_eq!(config.node.name.as_str(), "us-east-1");
    assert_eq!(config.node.advertise.to_string(), "127.0.0.1:7400");
    assert_eq!(config.timings, Timings::default());
    assert_eq!(config.timings.renew_interval(), Duration::from_secs(1));
    assert_eq!(config.formation.stable_margin, Duration::from_secs(5));
    assert_eq!(
        config
            .hosting_regions()
            .map(RegionName::as_str)
            .collect::<Vec<_>>(),
        ["us-east", "us-west"]
    );
    assert_eq!(
        config
            .own_region()
            .and_then(|own| own.initial_voters.as_ref())
            .map(Vec::len),
        Some(3)
    );
    assert_eq!(
        config.regions["us-west"].discovery,
        DiscoveryConfig::DnsSrv {
            name: "_shop._tcp.us-west.internal".into(),
            resolvers: vec!["10.0.0.53:53".parse().unwrap(), "[::1]:5353".parse().unwrap()],
        }
    );
    assert_eq!(
        config.regions["eu-central"].discovery,
        DiscoveryConfig::Fixed {
            nodes: vec![
                HostPort {
                    host: "10.2.0.1".into(),
                    port: 7400
                },
                HostPort {
                    host: "web3.internal".into(),
                    port: 7400
                }
            ]
        }
    );
    let billing = &config.singletons["billing"];
    assert_eq!(billing.home, [region("us-west"), region("us-east")]);
    assert_eq!(
        (billing.scope, billing.failback, billing.overrun),
        (Scope::Global, Failback::Manual, Overrun::Alarm)
    );
    assert_eq!(billing.lock_delay, Duration::from_secs(10));
    assert_eq!(config.singletons["per_region"].scope, Scope::Region);
    assert_eq!(
        config.singletons["per_region"].home,
        [region("us-east"), region("us-west")]
    );
}

#[test]
fn a_singleton_that_the_file_does_not_mention_has_the_defaults() {
    let config = Config::parse(GOOD, "regions.toml").expect("the good file is good");
    let other = config.singleton("other");
    assert_eq!(other.home, [region("us-east"), region("us-west")]);
    assert_eq!(
        (other.scope, other.failback, other.overrun),
        (Scope::Global, Failback::Manual, Overrun::AbortProcess)
    );
}

#[test]
fn a_node_without_a_name_is_named_after_its_host_and_port() {
    let text = GOOD.replace("name = \"us-east-1\"\n", "");
    let config = Config::parse(&text, "regions.toml").expect("the name has a default");
    assert!(
        config.node.name.as_str().ends_with("-7400"),
        "{}",
        config.node.name
    );
}

#[test]
fn one_region_alone_is_accepted() {
    let text = "
        cluster = { name = 'shop' }
        node = { region = 'a', listen = '[::1]:1', data_dir = 'd' }
        regions.a = { voters = 1, discovery = { method = 'fixed', nodes = ['localhost:1'] } }";
    Config::parse(text, "regions.toml").expect("one region needs no witness");
}

#[test]
fn a_mistyped_key_is_shown_with_the_key_that_was_meant() {
    assert_eq!(
        problems_with("region = \"us-east\"", "regoin = \"us-east\""),
        "regions.toml:5:2: node.region: missing; write instead: region = \"us-east\" in [node]\n\
         regions.toml:7:1: node.regoin: no such key; did you mean `region`? write instead: region"
    );
}

#[test]
fn an_unknown_key_is_shown_with_the_keys_that_there_are() {
    assert_eq!(
        problems_with("lock_delay = \"10s\"", "colour = \"red\""),
        "regions.toml:28:1: singletons.billing.colour: no such key; write instead: \
         one of scope, home, failback, lock_delay, overrun"
    );
    assert_eq!(
        problems_with("[cluster]", "[clutser]\nx = 1\n[cluster]"),
        "regions.toml:2:2: clutser: no such key; did you mean `cluster`? write instead: cluster"
    );
}

#[test]
fn a_missing_key_is_shown_at_its_section() {
    assert_eq!(
        problems_with("data_dir = \"/var/lib/shop\"", ""),
        "regions.toml:5:2: node.data_dir: missing; write instead: data_dir = \"/var/lib/shop\" in [node]"
    );
    assert_eq!(
        problems_with("voters = 1", ""),
        "regions.toml:20:10: regions.eu-central.voters: missing; write instead: voters = 3"
    );
}

#[test]
fn an_empty_file_lacks_everything_that_has_no_default() {
    assert_eq!(
        problems_of(""),
        "regions.toml:1:1: cluster.name: missing; write instead: name = \"shop\" in [cluster]\n\
         regions.toml:1:1: regions: missing; write instead: [regions.us-east]\n\
         regions.toml:1:1: node.region: missing; write instead: region = \"us-east\" in [node]\n\
         regions.toml:1:1: node.listen: missing; write instead: listen = \"127.0.0.1:7400\" in [node]\n\
         regions.toml:1:1: node.data_dir: missing; write instead: data_dir = \"/var/lib/shop\" in [node]"
    );
}

#[test]
fn text_that_is_not_toml_is_shown_where_it_stops_being_toml() {
    assert_eq!(
        problems_with("name = \"shop\"", "name = shop"),
        "regions.toml:3:8: not TOML: string values must be quoted, expected literal string; \
         write instead: TOML, as described at toml.io"
    );
    let twice = problems_with("[singletons.per_region]", "[singletons.billing]");
    assert_eq!(
        twice,
        "regions.toml:31:13: not TOML: duplicate key; write instead: TOML, as described at toml.io"
    );
}

#[test]
fn a_wrong_type_is_shown_with_the_right_one() {
    assert_eq!(
        problems_with("voters = 1", "voters = \"three\""),
        "regions.toml:21:10: regions.eu-central.voters: an integer is needed, this is a string; write instead: 3"
    );
    assert_eq!(
        problems_with("witness = true", "witness = 1"),
        "regions.toml:22:11: regions.eu-central.witness: a boolean is needed, this is an integer; write instead: true"
    );
    assert_eq!(
        problems_with("lock_delay = \"10s\"", "lock_delay = 10"),
        "regions.toml:28:14: singletons.billing.lock_delay: a string is needed, this is an integer; \
         write instead: \"10s\""
    );
    assert_eq!(
        problems_with("home = [\"us-west\", \"us-east\"]", "home = \"us-west\""),
        "regions.toml:26:8: singletons.billing.home: a list is needed, this is a string; \
         write instead: [\"us-east\", \"us-west\"]"
    );
    assert_eq!(
        problems_of(&format!("timings = 4\n{GOOD}")),
        "regions.toml:1:11: timings: a table is needed, this is an integer; write instead: a [section]"
    );
}

#[test]
fn a_duration_has_a_number_and_a_unit() {
    assert_eq!(
        problems_with("lock_delay = \"10s\"", "lock_delay = \"10\""),
        "regions.toml:28:14: singletons.billing.lock_delay: \"10\" is not a duration; \
         write instead: a number and ms, s, m or h, such as \"10s\""
    );
    assert_eq!(
        problems_with("lock_delay = \"10s\"", "lock_delay = \"2m\""),
        "regions.toml:28:14: singletons.billing.lock_delay: 2m is not between 0s and 1m; write instead: \"1m\""
    );
}

#[test]
fn a_name_is_a_dns_label() {
    assert_eq!(
        problems_with("name = \"shop\"", "name = \"my shop\""),
        "regions.toml:3:8: cluster.name: \"my shop\" is not a name; write instead: \
         1 to 63 of a-z, 0-9 and '-', with a letter or digit first and last"
    );
    assert_eq!(
        problems_with("[regions.eu-central]", "[regions.eu_central]"),
        "regions.toml:20:10: regions.eu_central: \"eu_central\" is not a name; write instead: \
         1 to 63 of a-z, 0-9 and '-', with a letter or digit first and last"
    );
}

#[test]
fn an_unknown_region_is_shown_with_the_region_that_was_meant() {
    assert_eq!(
        problems_with("region = \"us-east\"", "region = \"us-eats\""),
        "regions.toml:7:10: node.region: there is no region \"us-eats\"; did you mean \"us-east\"? \
         write instead: \"us-east\""
    );
    assert_eq!(
        problems_with(
            "home = [\"us-west\", \"us-east\"]",
            "home = [\"us-west\", \"mars\"]"
        ),
        "regions.toml:26:20: singletons.billing.home[1]: there is no region \"mars\"; \
         write instead: \"eu-central\", \"us-east\" or \"us-west\""
    );
}

#[test]
fn a_witness_is_no_home() {
    assert_eq!(
        problems_with("home = [\"us-west\", \"us-east\"]", "home = [\"eu-central\"]"),
        "regions.toml:26:9: singletons.billing.home[0]: \"eu-central\" is a witness, which votes and hosts nothing; \
         write instead: \"us-east\" or \"us-west\""
    );
}

#[test]
fn a_home_stands_once_and_there_is_one() {
    assert_eq!(
        problems_with(
            "home = [\"us-west\", \"us-east\"]",
            "home = [\"us-west\", \"us-west\"]"
        ),
        "regions.toml:26:20: singletons.billing.home[1]: \"us-west\" is there twice; write instead: it once"
    );
    assert_eq!(
        problems_with("home = [\"us-west\", \"us-east\"]", "home = []"),
        "regions.toml:26:8: singletons.billing.home: empty; write instead: [\"us-east\", \"us-west\"]"
    );
}

#[test]
fn two_regions_need_a_third() {
    let text = GOOD.split("[regions.eu-central]").next().expect("a first part");
    assert_eq!(
        problems_of(text),
        "regions.toml:11:2: regions: two regions cannot both survive the loss of the other: \
         neither of them alone is a majority of regions; \
         write instead: a third [regions.NAME], with `witness = true` if it shall only vote"
    );
}

#[test]
fn somebody_must_host() {
    let text = "
        cluster = { name = 'shop' }
        node = { region = 'a', listen = '127.0.0.1:1', data_dir = 'd' }
        [regions]
        a = { voters = 1, witness = true, discovery = { method = 'fixed', nodes = ['a:1'] } }";
    assert_eq!(
        problems_of(text),
        "regions.toml:4:10: regions: every region is a witness, so that nothing can run anywhere; \
         write instead: `witness = false` in the regions that shall host"
    );
}

#[test]
fn voters_are_an_odd_number() {
    assert_eq!(
        problems_with("voters = 1", "voters = 4"),
        "regions.toml:21:10: regions.eu-central.voters: 4 is even, and survives no more losses than 3; \
         write instead: 3 or 5"
    );
    assert_eq!(
        problems_with("voters = 1", "voters = 0"),
        "regions.toml:21:10: regions.eu-central.voters: 0 is not between 1 and 9; write instead: a number from 1 to 9"
    );
}

#[test]
fn initial_voters_are_as_many_as_vote() {
    assert_eq!(
        problems_with("\"us-east-2\", \"us-east-3\"]", "\"us-east-2\"]"),
        "regions.toml:13:18: regions.us-east.initial_voters: 2 named, and the region has 3 voters; \
         write instead: the names of 3 nodes"
    );
    assert_eq!(
        problems_with("\"us-east-2\", \"us-east-3\"]", "\"us-east-2\", \"us-east-2\"]"),
        "regions.toml:13:45: regions.us-east.initial_voters[2]: \"us-east-2\" is there twice; write instead: it once"
    );
}

#[test]
fn a_lease_must_outlast_the_loss_of_a_region_s_leader() {
    assert_eq!(
        problems_of(&format!("timings = {{ lease = '3885ms' }}\n{GOOD}")),
        "regions.toml:1:21: timings.lease: a lease of 3885ms cannot be renewed through the loss of a region's leader: \
         lease >= 16/7 * (election_max 1200ms + heartbeat 100ms + stop_budget 400ms) does not hold; \
         write instead: lease = \"3886ms\" or longer, or shorter elections"
    );
    let just_enough = format!("timings = {{ lease = '3886ms' }}\n{GOOD}");
    Config::parse(&just_enough, "regions.toml").expect("the shortest lease that is offered is accepted");
    let faster = format!(
        "timings = {{ lease = '1s', stop_budget = '100ms', heartbeat = '20ms', election_min = '80ms', \
         election_max = '200ms' }}\n{GOOD}"
    );
    let timings = Config::parse(&faster, "regions.toml")
        .expect("shorter elections allow a shorter lease")
        .timings;
    assert_eq!(
        timings.call_timeout,
        Duration::from_millis(250),
        "its default follows the lease"
    );
}

#[test]
fn a_broken_inequality_is_shown_at_the_key_that_was_written() {
    let start = |timings: &str| problems_of(&format!("timings = {{ {timings} }}\n{GOOD}"));
    assert_eq!(
        start("stop_budget = '1s'"),
        "regions.toml:1:27: timings.stop_budget: a lease of 4s cannot be renewed through the loss of a region's leader: \
         lease >= 16/7 * (election_max 1200ms + heartbeat 100ms + stop_budget 1s) does not hold; \
         write instead: lease = \"5258ms\" or longer, or shorter elections"
    );
    assert_eq!(
        start("lease = '11s'"),
        "regions.toml:1:21: timings.lease: a lease of 11s is longer than lease_max, 10s; \
         write instead: a shorter lease, or on all nodes lease_max = \"11s\""
    );
    assert_eq!(
        start("call_timeout = '3s'"),
        "regions.toml:1:28: timings.call_timeout: 3s is longer than half of the lease, within which an attempt must end; \
         write instead: \"2s\" or shorter"
    );
    assert_eq!(
        start("election_min = '250ms'"),
        "regions.toml:1:28: timings.election_min: 250ms is shorter than three heartbeats of 100ms: \
         one late heartbeat would depose a leader; write instead: \"300ms\" or longer"
    );
    assert_eq!(
        start("election_max = '500ms'"),
        "regions.toml:1:28: timings.election_max: 500ms is too close to election_min, 400ms: \
         voters would stand for election at the same time; write instead: \"600ms\" or longer"
    );
    assert_eq!(
        start("clock_drift_ppm = 0"),
        "regions.toml:1:31: timings.clock_drift_ppm: 0 is not between 1 and 100000; \
         write instead: a number from 1 to 100000"
    );
}

#[test]
fn an_address_is_an_ip_and_a_port() {
    assert_eq!(
        problems_with("listen = \"127.0.0.1:7400\"", "listen = \"localhost\""),
        "regions.toml:8:10: node.listen: \"localhost\" is not an IP address and a port other than 0; \
         write instead: \"127.0.0.1:7400\""
    );
    assert_eq!(
        problems_with("\"10.0.0.53:53\", ", "\"10.0.0.53\", "),
        "regions.toml:18:87: regions.us-west.discovery.resolvers[0]: \
         \"10.0.0.53\" is not an IP address and a port other than 0; write instead: \"10.0.0.53:53\""
    );
    assert_eq!(
        problems_with("\"web3.internal:7400\"", "\"web3.internal\""),
        "regions.toml:23:59: regions.eu-central.discovery.nodes[1]: \
         \"web3.internal\" is not a host and a port other than 0; write instead: \"10.0.0.1:7400\""
    );
}

#[test]
fn discovery_has_a_method_and_that_method_s_keys() {
    assert_eq!(
        problems_with("method = \"fixed\"", "method = \"dns\""),
        "regions.toml:23:24: regions.eu-central.discovery.method: \"dns\" has no meaning here; \
         write instead: \"dns-srv\" or \"fixed\""
    );
    assert_eq!(
        problems_with("method = \"fixed\", nodes", "method = \"fixed\", node"),
        "regions.toml:23:1: regions.eu-central.discovery.nodes: missing; write instead: nodes = [\"10.0.0.1:7400\"]\n\
         regions.toml:23:33: regions.eu-central.discovery.node: no such key; did you mean `nodes`? write instead: nodes"
    );
    let srv = "name = \"_shop._tcp.us-east.internal\"";
    assert_eq!(
        problems_with(srv, "name = \"_shop._tcp us-east\""),
        "regions.toml:14:42: regions.us-east.discovery.name: \"_shop._tcp us-east\" is not a DNS name; \
         write instead: \"_shop._tcp.us-east.internal\""
    );
}

#[test]
fn a_listener_that_others_could_reach_is_refused() {
    assert_eq!(
        problems_with("listen = \"127.0.0.1:7400\"", "listen = \"0.0.0.0:7400\""),
        "regions.toml:8:10: node.listen: 0.0.0.0:7400 is beyond loopback, where nodes must prove themselves \
         by [tls] or [auth] psk, and this version can do neither yet; write instead: listen = \"127.0.0.1:7400\""
    );
}

#[test]
fn what_this_version_cannot_secure_is_refused_and_never_ignored() {
    assert_eq!(
        problems_of(&format!(
            "tls = {{ ca = 'ca.pem' }}\nauth = {{ psk = 'secret' }}\n{GOOD}"
        )),
        "regions.toml:1:1: tls: this version cannot do TLS between nodes; \
         write instead: nothing, and listen on a loopback address such as \"127.0.0.1:7400\"\n\
         regions.toml:2:1: auth: this version cannot do a pre-shared key between nodes; \
         write instead: nothing, and listen on a loopback address such as \"127.0.0.1:7400\""
    );
}

#[test]
fn fail_back_by_itself_is_refused_and_never_ignored() {
    assert_eq!(
        problems_of(&GOOD.replace("failback = \"manual\"", "failback = \"auto\"")),
        "regions.toml:27:12: singletons.billing.failback: this version cannot do fail-back by itself; \
         write instead: \"manual\", and move it home by Cluster::hand_off"
    );
}

#[test]
fn all_problems_are_shown_at_once_in_the_order_of_the_file() {
    let text = GOOD
        .replace("name = \"shop\"", "nmae = \"shop\"")
        .replace("listen = \"127.0.0.1:7400\"", "listen = 7400")
        .replace("voters = 1", "voters = 2")
        .replace("\"us-west\", \"us-east\"]", "\"us-wets\", \"eu-central\"]")
        .replace("failback = \"manual\"", "failback = \"always\"");
    assert_eq!(
        problems_of(&text),
        "regions.toml:2:2: cluster.name: missing; write instead: name = \"shop\" in [cluster]\n\
         regions.toml:3:1: cluster.nmae: no such key; did you mean `name`? write instead: name\n\
         regions.toml:8:10: node.listen: a string is needed, this is an integer; write instead: \"127.0.0.1:7400\"\n\
         regions.toml:21:10: regions.eu-central.voters: 2 is even, and survives no more losses than 1; \
         write instead: 1 or 3\n\
         regions.toml:26:9: singletons.billing.home[0]: there is no region \"us-wets\"; did you mean \"us-west\"? \
         write instead: \"us-west\"\n\
         regions.toml:26:20: singletons.billing.home[1]: \"eu-central\" is a witness, which votes and hosts nothing; \
         write instead: \"us-east\" or \"us-west\"\n\
         regions.toml:27:12: singletons.billing.failback: \"always\" has no meaning here; \
         write instead: \"manual\" or \"auto\""
    );
}

#[test]
fn columns_count_characters() {
    assert_eq!(
        problems_of(&format!(
            "'ü' = 1\nregions = {{ 'ä' = {{}} }}\n{}",
            GOOD.replace("[regions.", "[singletons.r-")
        ))
        .lines()
        .take(2)
        .collect::<Vec<_>>(),
        [
            "regions.toml:1:1: ü: no such key; write instead: one of cluster, node, timings, formation, tls, auth, \
             regions, singletons",
            "regions.toml:2:13: regions.ä: \"ä\" is not a name; write instead: \
             1 to 63 of a-z, 0-9 and '-', with a letter or digit first and last"
        ]
    );
}

#[test]
fn the_environment_overrides_the_file() {
    let config = with_env(&[
        ("PATH", "/bin"),
        ("QUORATE_CLUSTER_NAME", "other"),
        ("QUORATE_NODE_REGION", "us-west"),
        ("QUORATE_NODE_ADVERTISE", "web3:1"),
        ("QUORATE_TIMINGS_LEASE", "6s"),
        ("QUORATE_TIMINGS_CLOCK_DRIFT_PPM", "500"),
        ("QUORATE_FORMATION_STABLE_MARGIN", "1s"),
        ("QUORATE_REGIONS_US_EAST_INITIAL_VOTERS", "a, b,c"),
        ("QUORATE_REGIONS_US_WEST_WITNESS", "false"),
        ("QUORATE_REGIONS_US_WEST_VOTERS", "5"),
        (
            "QUORATE_REGIONS_US_EAST_DISCOVERY_RESOLVERS",
            "127.0.0.1:53,127.0.0.1:54",
        ),
        ("QUORATE_SINGLETONS_PER_REGION_HOME", "us-west"),
    ])
    .expect("every one of these is a key");
    assert_eq!(config.cluster.name.as_str(), "other");
    assert_eq!(config.node.region, region("us-west"));
    assert_eq!(config.node.advertise.to_string(), "web3:1");
    assert_eq!(config.timings.lease, Duration::from_secs(6));
    assert_eq!(config.timings.clock_drift_ppm, 500);
    assert_eq!(config.formation.stable_margin, Duration::from_secs(1));
    assert_eq!(config.regions["us-west"].voters, 5);
    let east = &config.regions["us-east"];
    assert_eq!(
        east.initial_voters
            .iter()
            .flatten()
            .map(NodeName::as_str)
            .collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert!(matches!(&east.discovery, DiscoveryConfig::DnsSrv { resolvers, .. } if resolvers.len() == 2));
    assert_eq!(config.singletons["per_region"].home, [region("us-west")]);
}

#[test]
fn everything_but_the_names_of_regions_may_come_from_the_environment() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "[regions.us-east]").expect("the temporary file can be written");
    let vars = [
        ("QUORATE_CLUSTER_NAME", "shop"),
        ("QUORATE_NODE_REGION", "us-east"),
        ("QUORATE_NODE_LISTEN", "127.0.0.1:7400"),
        ("QUORATE_NODE_DATA_DIR", "data"),
        ("QUORATE_REGIONS_US_EAST_VOTERS", "1"),
        ("QUORATE_REGIONS_US_EAST_DISCOVERY_METHOD", "fixed"),
        ("QUORATE_REGIONS_US_EAST_DISCOVERY_NODES", "127.0.0.1:7400"),
    ];
    let vars = vars
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load_with_env(file.path(), vars).expect("nothing is missing");
    assert_eq!(config.own_region().map(|own| own.voters), Some(1));
}

#[test]
fn a_wrong_variable_is_named_as_the_place() {
    let error = with_env(&[
        ("QUORATE_NODE_REGOIN", "us-west"),
        ("QUORATE_COLOUR", "red"),
        ("QUORATE_TIMINGS_LEASE", "soon"),
        ("QUORATE_REGIONS_EU_CENTRAL_VOTERS", "many"),
        ("QUORATE_REGIONS_MARS_VOTERS", "3"),
        ("QUORATE_TLS_CA", "ca.pem"),
    ])
    .expect_err("none of these is right");
    assert_eq!(
        error.to_string(),
        "QUORATE_COLOUR: no such variable; names that begin with QUORATE_ override keys of the file; \
         write instead: QUORATE_<SECTION>_<KEY>, for a section and a key that exist, or nothing\n\
         QUORATE_NODE_REGOIN: no such variable; did you mean `QUORATE_NODE_REGION`? write instead: QUORATE_NODE_REGION\n\
         QUORATE_REGIONS_EU_CENTRAL_VOTERS: regions.eu-central.voters: an integer is needed, \
         this is a variable's text; write instead: 3\n\
         QUORATE_REGIONS_MARS_VOTERS: no such variable; names that begin with QUORATE_ override keys of the file; \
         write instead: QUORATE_<SECTION>_<KEY>, for a section and a key that exist, or nothing\n\
         QUORATE_TIMINGS_LEASE: timings.lease: \"soon\" is not a duration; \
         write instead: a number and ms, s, m or h, such as \"4s\"\n\
         QUORATE_TLS_CA: tls: this version cannot do TLS between nodes; \
         write instead: nothing, and listen on a loopback address such as \"127.0.0.1:7400\""
    );
}

#[test]
fn a_variable_that_could_mean_two_keys_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), format!("{GOOD}\n[singletons.per-region]\n"))
        .expect("the file can be written");
    let vars = [(
        "QUORATE_SINGLETONS_PER_REGION_SCOPE".to_owned(),
        "global".to_owned(),
    )];
    let error = Config::load_with_env(file.path(), vars.into_iter()).expect_err("it is ambiguous");
    assert_eq!(
        error.to_string(),
        "QUORATE_SINGLETONS_PER_REGION_SCOPE: it could mean `singletons.per-region.scope` or \
         `singletons.per_region.scope`; write instead: the key, in the file"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error =
        Config::load_with_env("/no/such/regions.toml", std::iter::empty()).expect_err("it is not there");
    assert!(matches!(error, ConfigError::Read { .. }));
    assert!(
        error
            .to_string()
            .starts_with("/no/such/regions.toml: cannot be read: "),
        "{error}"
    );
    assert!(error.problems().is_empty());
}

/// Words that make text which comes near to a configuration.
fn token() -> impl Strategy<Value = String> {
    let words = GOOD
        .split_inclusive([' ', '\n'])
        .map(str::to_owned)
        .collect::<Vec<_>>();
    prop_oneof![8 => prop::sample::select(words), 1 => "\\PC{0,6}", 1 => "[\\[\\]{}=,.\"'\n0-9-]{1,4}"]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,400}") {
        let _ = Config::parse(&text, "regions.toml").map_err(|error| error.to_string());
    }

    #[test]
    fn no_text_that_looks_like_a_configuration_makes_it_panic(tokens in prop::collection::vec(token(), 0..120)) {
        let _ = Config::parse(&tokens.concat(), "regions.toml").map_err(|error| error.to_string());
    }

    #[test]
    fn a_damaged_file_gives_problems_or_a_configuration(at in 0..GOOD.len(), cut in 0..40_usize, put in "\\PC{0,8}") {
        prop_assume!(GOOD.is_char_boundary(at));
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{put}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(error) = Config::parse(&text, "regions.toml") {
            prop_assert!(!error.problems().is_empty());
        }
    }

    #[test]
    fn no_variable_makes_it_panic(vars in prop::collection::btree_map("QUORATE_[A-Z_]{0,40}", "\\PC{0,20}", 0..5)) {
        let vars: BTreeMap<String, String> = vars;
        let _ = Config::load_with_env("/dev/null", vars.into_iter()).map_err(|error| error.to_string());
    }
}
