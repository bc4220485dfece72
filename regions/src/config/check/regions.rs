//! `[regions.NAME]`: each region, and what they must be together.

use std::collections::BTreeMap;

use super::super::checked::{DiscoveryConfig, RegionConfig, is_host_name};
use super::super::fault::Fault;
use super::super::nearest::nearest;
use super::super::problem::Problems;
use super::super::read::{Field, Section, distinct};
use super::super::schema;
use crate::name::{NodeName, RegionName};

/// More voters make a region slower, not safer.
const VOTERS_MAX: i64 = 9;

/// The regions as far as they could be read.
pub(super) struct Regions {
    /// With whether it is a witness, and what could be read of the rest.
    read: BTreeMap<RegionName, (bool, Option<RegionConfig>)>,
}

impl Regions {
    /// Reads the name of a region and looks it up.
    pub(super) fn find(&self, field: &Field, problems: &mut Problems) -> Option<RegionName> {
        let text = field.text("\"us-east\"", problems)?;
        if let Some((name, _)) = self.read.get_key_value(text) {
            return Some(name.clone());
        }
        let nearest = nearest(text, self.read.keys().map(RegionName::as_str)).map(str::to_owned);
        let known = self.read.keys().map(ToString::to_string).collect();
        field.report(
            Fault::UnknownRegion {
                text: text.to_owned(),
                known,
                nearest,
            },
            problems,
        );
        None
    }

    /// The regions that are not witnesses.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &RegionName> {
        self.read
            .iter()
            .filter(|(_, (witness, _))| !witness)
            .map(|(name, _)| name)
    }

    pub(super) fn into_checked(self) -> BTreeMap<RegionName, RegionConfig> {
        self.read
            .into_iter()
            .filter_map(|(name, (_, region))| Some((name, region?)))
            .collect()
    }
}

pub(super) fn check(root: &mut Section, problems: &mut Problems) -> Regions {
    let mut regions = Regions {
        read: BTreeMap::new(),
    };
    let Some(field) = root.required("regions", "[regions.us-east]", problems) else {
        return regions;
    };
    let (place, path) = (field.key_place.clone(), field.path.clone());
    let Some(mut section) = field.section("[regions.us-east]", problems) else {
        return regions;
    };
    let fields = section.rest();
    let count = fields.len();
    for (key, field) in fields {
        let name = RegionName::new(&key);
        if name.is_err() {
            let fault = Fault::BadName {
                text: key,
                rule: RegionName::RULE,
            };
            problems.report(&field.key_place, &field.path, fault);
        }
        let read = region(field, problems);
        if let Ok(name) = name {
            regions.read.insert(name, read);
        }
    }
    match count {
        0 => problems.report(
            &place,
            &path,
            Fault::Empty {
                example: "[regions.us-east]",
            },
        ),
        2 => problems.report(&place, &path, Fault::TwoRegions),
        _ if regions.read.len() == count && regions.hosts().next().is_none() => {
            problems.report(&place, &path, Fault::NoHost);
        }
        _ => {}
    }
    regions
}

fn region(field: Field, problems: &mut Problems) -> (bool, Option<RegionConfig>) {
    let Some(mut section) = field.section("[regions.us-east]", problems) else {
        return (false, None);
    };
    let voters = section.required("voters", "voters = 3", problems);
    let witness = section.optional("witness");
    let initial_voters = section.optional("initial_voters");
    let discovery = section.required("discovery", DISCOVERY_EXAMPLE, problems);
    section.finish(schema::REGION, problems);

    let voters = voters.and_then(|field| self::voters(&field, problems));
    let witness = witness.map_or(Some(false), |field| field.boolean("true", problems));
    let initial_voters = match initial_voters {
        None => Some(None),
        Some(field) => self::initial_voters(&field, voters, problems).map(Some),
    };
    let discovery = discovery.and_then(|field| self::discovery(field, problems));
    let checked = (|| {
        Some(RegionConfig {
            voters: voters?,
            witness: witness?,
            initial_voters: initial_voters?,
            discovery: discovery?,
        })
    })();
    (witness.unwrap_or(false), checked)
}

fn voters(field: &Field, problems: &mut Problems) -> Option<u8> {
    let voters = u8::try_from(field.integer("3", 1..=VOTERS_MAX, problems)?).ok()?;
    if voters.is_multiple_of(2) {
        field.report(Fault::EvenVoters { voters }, problems);
        return None;
    }
    Some(voters)
}

fn initial_voters(field: &Field, voters: Option<u8>, problems: &mut Problems) -> Option<Vec<NodeName>> {
    let items = field.list("[\"us-east-1\", \"us-east-2\", \"us-east-3\"]", problems)?;
    let named = items.len();
    let names: Vec<(NodeName, Field)> = items
        .into_iter()
        .filter_map(|item| Some((item.name("\"us-east-1\"", problems)?, item)))
        .collect();
    let names = distinct(names, problems);
    if let Some(voters) = voters.filter(|voters| usize::from(*voters) != named) {
        field.report(Fault::InitialVoters { named, voters }, problems);
    }
    Some(names)
}

const DISCOVERY_EXAMPLE: &str =
    "discovery = { method = \"dns-srv\", name = \"_shop._tcp.us-east.internal\" }";

#[derive(Clone, Copy)]
enum Method {
    DnsSrv,
    Fixed,
}

fn discovery(field: Field, problems: &mut Problems) -> Option<DiscoveryConfig> {
    let mut section = field.section(DISCOVERY_EXAMPLE, problems)?;
    let method = section.required("method", "method = \"dns-srv\"", problems)?;
    // Without a method, it cannot be said what the other keys mean.
    match method.word(&[("dns-srv", Method::DnsSrv), ("fixed", Method::Fixed)], problems)? {
        Method::DnsSrv => dns_srv(section, problems),
        Method::Fixed => fixed(section, problems),
    }
}

fn dns_srv(mut section: Section, problems: &mut Problems) -> Option<DiscoveryConfig> {
    let name = section.required("name", "name = \"_shop._tcp.us-east.internal\"", problems);
    let resolvers = section.optional("resolvers");
    section.finish(schema::DNS_SRV, problems);

    let name = name.and_then(|field| srv_name(&field, problems));
    let resolvers = match resolvers {
        None => Some(Vec::new()),
        Some(field) => field.list("[\"10.0.0.53:53\"]", problems).map(|items| {
            let addrs = items
                .into_iter()
                .filter_map(|item| Some((item.socket_addr("\"10.0.0.53:53\"", problems)?, item)))
                .collect();
            distinct(addrs, problems)
        }),
    };
    Some(DiscoveryConfig::DnsSrv {
        name: name?,
        resolvers: resolvers?,
    })
}

fn srv_name(field: &Field, problems: &mut Problems) -> Option<String> {
    let example = "\"_shop._tcp.us-east.internal\"";
    let text = field.text(example, problems)?;
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if !is_host_name(&name) {
        let fault = Fault::BadAddress {
            text: text.to_owned(),
            expected: "a DNS name",
            example,
        };
        field.report(fault, problems);
        return None;
    }
    Some(name)
}

fn fixed(mut section: Section, problems: &mut Problems) -> Option<DiscoveryConfig> {
    let example = "[\"10.0.0.1:7400\", \"10.0.0.2:7400\", \"10.0.0.3:7400\"]";
    let nodes = section.required("nodes", "nodes = [\"10.0.0.1:7400\"]", problems);
    section.finish(schema::FIXED, problems);

    let field = nodes?;
    let items = field.list(example, problems)?;
    if items.is_empty() {
        field.report(Fault::Empty { example }, problems);
    }
    let nodes = items
        .into_iter()
        .filter_map(|item| Some((item.host_port("\"10.0.0.1:7400\"", problems)?, item)))
        .collect();
    Some(DiscoveryConfig::Fixed {
        nodes: distinct(nodes, problems),
    })
}
