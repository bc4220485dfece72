//! Environment variables that override keys: `QUORATE_<SECTION>_<KEY>`.
//!
//! The path of a key in capitals, its dots and hyphens as underscores: `QUORATE_NODE_REGION` is `node.region`,
//! `QUORATE_REGIONS_US_EAST_DISCOVERY_NAME` is `regions.us-east.discovery.name`. Lists are separated by commas. A
//! region or a singleton must stand in the file, if only as an empty section: its name cannot be told from capitals. When two keys share a
//! variable (singletons `a-b` and `a_b`), it is refused. Every other variable that begins with `QUORATE_` is refused as
//! well: it would be a slip that does nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::fault::Fault;
use super::nearest::nearest;
use super::problem::{Place, Problems};
use super::raw::{Entry, Raw, Table, Value};
use super::schema;

const PREFIX: &str = "QUORATE_";

/// The variables of this process that matter; those that are not Unicode are reported.
pub(super) fn of_process(
    vars: impl Iterator<Item = (OsString, OsString)>,
    problems: &mut Problems,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in vars {
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with(PREFIX) {
            continue;
        }
        match value.into_string() {
            Ok(value) => found.push((name, value)),
            Err(_) => problems.report(&Place::Variable(name), "", Fault::NotUnicode),
        }
    }
    found
}

/// Puts the variables into the tree, in place of what the file says.
pub(super) fn apply(root: &mut Table, vars: impl Iterator<Item = (String, String)>, problems: &mut Problems) {
    let known = known(root);
    for (name, value) in vars.filter(|(name, _)| name.starts_with(PREFIX)) {
        let place = Place::Variable(name);
        let Place::Variable(name) = &place else { continue };
        match known.get(name).map(Vec::as_slice) {
            Some([path]) => set(root, path, &place, value),
            Some([first, second, ..]) => {
                let keys = [first.join("."), second.join(".")];
                problems.report(&place, "", Fault::AmbiguousVariable { keys });
            }
            _ => {
                let nearest = nearest(name, known.keys().map(String::as_str)).map(str::to_owned);
                problems.report(&place, "", Fault::UnknownVariable { nearest });
            }
        }
    }
}

/// Every variable that there is with this file, and the keys that it could mean.
fn known(root: &Table) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut known: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    let mut add = |path: &[&str]| {
        let path: Vec<String> = path.iter().map(|&part| part.to_owned()).collect();
        known.entry(variable(&path)).or_default().push(path);
    };
    for (section, keys) in schema::SECTIONS {
        for key in keys {
            add(&[section, key]);
        }
    }
    for name in names(root, "regions") {
        for key in schema::REGION.iter().filter(|key| **key != "discovery") {
            add(&["regions", name, key]);
        }
        for key in schema::DISCOVERY {
            add(&["regions", name, "discovery", key]);
        }
    }
    for name in names(root, "singletons") {
        for key in schema::SINGLETON {
            add(&["singletons", name, key]);
        }
    }
    known
}

fn names<'a>(root: &'a Table, section: &str) -> impl Iterator<Item = &'a str> {
    let table = match root.get(section).map(|entry| &entry.raw.value) {
        Some(Value::Table(table)) => Some(table),
        _ => None,
    };
    table
        .into_iter()
        .flat_map(|table| table.keys().map(String::as_str))
}

fn variable(path: &[String]) -> String {
    format!(
        "{PREFIX}{}",
        path.join("_").to_uppercase().replace(['-', '.'], "_")
    )
}

/// Sets the value at `path`, with the tables on the way. A value in the way that is no table is left for the checks.
fn set(table: &mut Table, path: &[String], place: &Place, value: String) {
    let Some((key, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        let raw = Raw {
            place: place.clone(),
            value: Value::Variable(value),
        };
        table.insert(
            key.clone(),
            Entry {
                key: place.clone(),
                raw,
            },
        );
        return;
    }
    let entry = table.entry(key.clone()).or_insert_with(|| Entry {
        key: place.clone(),
        raw: Raw {
            place: place.clone(),
            value: Value::Table(Table::new()),
        },
    });
    if let Value::Table(inner) = &mut entry.raw.value {
        set(inner, rest, place, value);
    }
}
