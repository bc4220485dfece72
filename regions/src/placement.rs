//! Who tries first: a pure function of the member tables and the catalogue.
//!
//! Home regions in their order; within a region by weight and rendezvous hash, so that every node comes to the same order by itself, and the
//! loss of one node moves nothing but what it held (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998). It
//! affects only who tries first: the lease decides who holds.

use std::time::Duration;

use crate::id::{NodeName, RegionName, ResourceId, Uid};
use crate::lease::Timing;

/// A node that may host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its process life.
    pub uid: Uid,
    /// Its region.
    pub region: RegionName,
    /// Its name, by which it is hashed: a restarted node has the place it had.
    pub node: NodeName,
    /// Its share, relative to others; 0 takes nothing.
    pub weight: u32,
}

/// The candidates for `resource`, best first: those of the regions in `homes`, in that order.
pub fn order(resource: &ResourceId, homes: &[RegionName], candidates: &[Candidate]) -> Vec<Uid> {
    let mut ranked: Vec<_> = candidates
        .iter()
        .filter(|candidate| candidate.weight > 0)
        .filter_map(|candidate| {
            let home = homes.iter().position(|home| *home == candidate.region)?;
            Some((home, score(resource, candidate), &candidate.node, candidate.uid))
        })
        .collect();
    ranked.sort_by(|a, b| {
        a.0.cmp(&b.0)
            .then(b.1.total_cmp(&a.1))
            .then(a.2.cmp(b.2))
            .then(a.3.cmp(&b.3))
    });
    ranked.into_iter().map(|(.., uid)| uid).collect()
}

/// How long `own` lets better candidates go first; `None` when it is none itself. `last` held it last, and does not count but for itself.
///
/// Candidate k waits min(k, 2) back-offs and a jitter of up to a half of one, drawn by whoever asks. The back-off is the same on all nodes, whatever each
/// has measured or lost: the time for an attempt of a better one. While a better home lives, it has the time of a look, too.
pub fn wait(
    resource: &ResourceId,
    homes: &[RegionName],
    candidates: &[Candidate],
    own: Uid,
    last: Option<Uid>,
    timing: &Timing,
    jitter: u64,
) -> Option<Duration> {
    let rank = order(resource, homes, candidates)
        .into_iter()
        .filter(|uid| *uid == own || Some(*uid) != last)
        .position(|uid| uid == own)?;
    let back_offs = match u32::try_from(rank) {
        Ok(0) => return Some(Duration::ZERO),
        Ok(1) => 1,
        Ok(_) | Err(_) => 2,
    };
    let region = &candidates.iter().find(|candidate| candidate.uid == own)?.region;
    let better = homes.split(|home| home == region).next().unwrap_or_default();
    let is_better = |candidate: &Candidate| Some(candidate.uid) != last && better.contains(&candidate.region);
    let look = if candidates.iter().any(is_better) {
        timing.renew_every() + timing.hurry_every()
    } else {
        Duration::ZERO
    };
    let unit = timing.hurry_every() / 4;
    let jitter = unit.mul_f64((jitter >> 11) as f64 / (1u64 << 54) as f64);
    Some(unit * back_offs + jitter + look)
}

/// The weighted rendezvous score: `-weight / ln(h)` with `h` uniform in (0, 1) gives each node its share.
fn score(resource: &ResourceId, candidate: &Candidate) -> f64 {
    let hash = fnv(&[
        &resource.to_string(),
        "\0",
        candidate.region.as_str(),
        "\0",
        candidate.node.as_str(),
    ]);
    let uniform = ((mix(hash) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    -f64::from(candidate.weight) / uniform.ln()
}

/// FNV-1a, 64 bits: the order must be the same in every build, which a `std` hasher does not promise.
fn fnv(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finaliser of MurmurHash3: FNV alone leaves the high bits of similar names alike.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ResourceName;

    fn region(name: &str) -> RegionName {
        RegionName::new(name).unwrap()
    }

    fn resource(name: &str) -> ResourceId {
        ResourceId::global(ResourceName::new(name).unwrap())
    }

    fn candidate(uid: u128, home: &str, weight: u32) -> Candidate {
        Candidate {
            uid: Uid(uid),
            region: region(home),
            node: NodeName::new(&format!("n{uid}")).unwrap(),
            weight,
        }
    }

    #[test]
    fn the_first_home_comes_first_whatever_the_hash() {
        let homes = [region("east"), region("west")];
        let nodes: Vec<_> = (0..6)
            .map(|uid| candidate(uid, if uid < 3 { "west" } else { "east" }, 100))
            .collect();
        for name in ["a", "b", "c", "d"] {
            let order = order(&resource(name), &homes, &nodes);
            assert_eq!(order.len(), 6);
            assert!(order[..3].iter().all(|uid| uid.0 >= 3), "{order:?}");
        }
    }

    #[test]
    fn a_region_that_is_no_home_and_a_node_without_weight_host_nothing() {
        let nodes = [
            candidate(1, "east", 0),
            candidate(2, "south", 100),
            candidate(3, "east", 1),
        ];
        assert_eq!(order(&resource("a"), &[region("east")], &nodes), [Uid(3)]);
    }

    #[test]
    fn the_loss_of_a_node_moves_only_what_it_held() {
        let homes = [region("east")];
        let all: Vec<_> = (0..5).map(|uid| candidate(uid, "east", 100)).collect();
        let rest: Vec<_> = all.iter().filter(|node| node.uid != Uid(2)).cloned().collect();
        for name in 0..200 {
            let resource = resource(&format!("s{name}"));
            let mut before = order(&resource, &homes, &all);
            before.retain(|uid| *uid != Uid(2));
            assert_eq!(before, order(&resource, &homes, &rest));
        }
    }

    #[test]
    fn each_waits_for_those_before_it_and_longer_while_a_better_home_lives() {
        let homes = [region("east"), region("west")];
        let nodes: Vec<_> = (0..6)
            .map(|uid| candidate(uid, if uid < 3 { "east" } else { "west" }, 100))
            .collect();
        let timing = Timing::default();
        let resource = resource("a");
        let wait = |nodes: &[Candidate], own, last, jitter| {
            wait(&resource, &homes, nodes, own, last, &timing, jitter)
        };
        let order = order(&resource, &homes, &nodes);
        let (unit, look) = (
            timing.hurry_every() / 4,
            timing.renew_every() + timing.hurry_every(),
        );

        let waits: Vec<_> = order.iter().map(|own| wait(&nodes, *own, None, 0)).collect();
        let (east, west) = ([0, 1, 2].map(|k| Some(unit * k)), Some(unit * 2 + look));
        assert_eq!(waits, [east[0], east[1], east[2], west, west, west]);

        assert_eq!(
            wait(&nodes, order[1], Some(order[0]), 0),
            east[0],
            "who held it last does not count"
        );
        assert_eq!(
            wait(&nodes, order[0], Some(order[0]), 0),
            east[0],
            "but for itself"
        );

        let rest: Vec<_> = nodes.iter().filter(|node| node.uid.0 >= 3).cloned().collect();
        assert_eq!(wait(&rest, order[4], None, 0), east[1], "no better home lives");
        assert_eq!(
            wait(&rest, order[0], None, 0),
            None,
            "who is no candidate does not try"
        );

        let late = wait(&nodes, order[1], None, u64::MAX).unwrap();
        assert!(late > unit && late <= unit + unit / 2, "{late:?}");
        assert_eq!(
            wait(&nodes, order[0], None, u64::MAX),
            east[0],
            "the first does not wait"
        );
    }

    #[test]
    fn weight_is_a_share() {
        let homes = [region("east")];
        let nodes = [candidate(1, "east", 100), candidate(2, "east", 300)];
        let first = (0..4_000)
            .filter(|name| order(&resource(&format!("s{name}")), &homes, &nodes)[0] == Uid(2))
            .count();
        assert!(
            (2_800..3_200).contains(&first),
            "3 of 4 are expected to be 3000: {first}"
        );
    }
}
