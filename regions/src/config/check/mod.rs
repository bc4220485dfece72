//! From the tree to the checked configuration. Pure: the host name is an argument.
//!
//! Every section is read to its end whatever was wrong before it. What a check needs and could not be read is not
//! complained about twice.

mod node;
mod regions;
mod singletons;
mod timings;

use std::time::Duration;

use super::checked::{ClusterConfig, Config, FormationConfig};
use super::fault::Fault;
use super::problem::Problems;
use super::raw::Raw;
use super::read::Section;
use super::schema;

/// No duration in the file is longer.
const DURATION_MAX: Duration = Duration::from_hours(24);

/// Checks the whole tree. `None` after something was reported.
pub(super) fn check(root: Raw, host_name: &str, problems: &mut Problems) -> Option<Config> {
    let mut root = Section::root(root);
    refuse(&mut root, "tls", "TLS between nodes", problems);
    refuse(&mut root, "auth", "a pre-shared key between nodes", problems);
    let cluster = cluster(&mut root, problems);
    let timings = timings::check(root.section("timings", problems), problems);
    let formation = formation(&mut root, problems);
    let regions = regions::check(&mut root, problems);
    let node = node::check(root.section("node", problems), &regions, host_name, problems);
    let singletons = singletons::check(root.section("singletons", problems), &regions, problems);
    root.finish(schema::ROOT, problems);
    if !problems.is_empty() {
        return None;
    }
    let regions = regions.into_checked();
    Some(Config {
        cluster: cluster?,
        node: node?,
        timings: timings?,
        formation: formation?,
        regions,
        singletons,
    })
}

/// Refuses a section whose subject is a promise of a later version: to ignore it would be to break it.
fn refuse(root: &mut Section, key: &str, feature: &'static str, problems: &mut Problems) {
    if let Some(field) = root.optional(key) {
        let instead = "nothing, and listen on a loopback address such as \"127.0.0.1:7400\"";
        problems.report(&field.key_place, &field.path, Fault::NotYet { feature, instead });
    }
}

fn cluster(root: &mut Section, problems: &mut Problems) -> Option<ClusterConfig> {
    let mut section = root.section("cluster", problems);
    let name = section.required("name", "name = \"shop\" in [cluster]", problems);
    section.finish(schema::CLUSTER, problems);
    Some(ClusterConfig {
        name: name?.name("\"shop\"", problems)?,
    })
}

fn formation(root: &mut Section, problems: &mut Problems) -> Option<FormationConfig> {
    let mut section = root.section("formation", problems);
    let margin = section.optional("stable_margin");
    section.finish(schema::FORMATION, problems);
    match margin {
        None => Some(FormationConfig::default()),
        Some(field) => {
            let range = Duration::from_millis(100)..=DURATION_MAX;
            Some(FormationConfig {
                stable_margin: field.duration("\"5s\"", range, problems)?,
            })
        }
    }
}
