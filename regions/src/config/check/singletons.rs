//! `[singletons.NAME]`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::lease::LOCK_DELAY_MAX;

use super::super::checked::{Failback, Overrun, Scope, SingletonConfig};
use super::super::fault::Fault;
use super::super::problem::Problems;
use super::super::read::{Field, Section, distinct};
use super::super::schema;
use super::regions::Regions;
use crate::name::{RegionName, ResourceName};

pub(super) fn check(
    mut section: Section,
    regions: &Regions,
    problems: &mut Problems,
) -> BTreeMap<ResourceName, SingletonConfig> {
    let mut checked = BTreeMap::new();
    for (key, field) in section.rest() {
        let name = ResourceName::new(&key);
        if name.is_err() {
            let fault = Fault::BadName {
                text: key,
                rule: ResourceName::RULE,
            };
            problems.report(&field.key_place, &field.path, fault);
        }
        let singleton = singleton(field, regions, problems);
        if let (Ok(name), Some(singleton)) = (name, singleton) {
            checked.insert(name, singleton);
        }
    }
    checked
}

fn singleton(field: Field, regions: &Regions, problems: &mut Problems) -> Option<SingletonConfig> {
    let mut section = field.section("[singletons.billing]", problems)?;
    let mut singleton = SingletonConfig::new(regions.hosts().cloned().collect());
    if let Some(field) = section.optional("home") {
        singleton.home = home(&field, regions, problems);
    }
    if let Some(field) = section.optional("scope") {
        singleton.scope = field
            .word(&[("global", Scope::Global), ("region", Scope::Region)], problems)
            .unwrap_or_default();
    }
    if let Some(field) = section.optional("failback") {
        let words = [("manual", Some(Failback::Manual)), ("auto", None)];
        match field.word(&words, problems) {
            Some(Some(failback)) => singleton.failback = failback,
            // It is a promise of a later version: to ignore it would be to break it.
            Some(None) => field.report(
                Fault::NotYet {
                    feature: "fail-back by itself",
                    instead: "\"manual\", and move it home by Cluster::hand_off",
                },
                problems,
            ),
            None => {}
        }
    }
    if let Some(field) = section.optional("overrun") {
        let words = [
            ("abort-process", Overrun::AbortProcess),
            ("alarm", Overrun::Alarm),
        ];
        singleton.overrun = field.word(&words, problems).unwrap_or_default();
    }
    if let Some(field) = section.optional("lock_delay") {
        let range = Duration::ZERO..=LOCK_DELAY_MAX;
        singleton.lock_delay = field.duration("\"10s\"", range, problems).unwrap_or_default();
    }
    section.finish(schema::SINGLETON, problems);
    Some(singleton)
}

fn home(field: &Field, regions: &Regions, problems: &mut Problems) -> Vec<RegionName> {
    let example = "[\"us-east\", \"us-west\"]";
    let Some(items) = field.list(example, problems) else {
        return Vec::new();
    };
    if items.is_empty() {
        field.report(Fault::Empty { example }, problems);
    }
    let found: Vec<(RegionName, Field)> = items
        .into_iter()
        .filter_map(|item| Some((regions.find(&item, problems)?, item)))
        .collect();
    for (name, item) in &found {
        if !regions.hosts().any(|host| host == name) {
            let hosts = regions.hosts().map(ToString::to_string).collect();
            item.report(
                Fault::WitnessHome {
                    region: name.to_string(),
                    hosts,
                },
                problems,
            );
        }
    }
    distinct(found, problems)
}
