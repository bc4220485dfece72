//! Scenario 54: two candidates form one region at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_regions::formation::{Identity, Settings};
use quorate_regions::id::{GroupId, NodeName};

use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Two groups that both can act must not exist: no disk is an initial voter of both.
fn no_two_groups_share_a_voter(groups: &BTreeMap<GroupId, BTreeSet<Identity>>, seed: u64) {
    for (one, voters) in groups {
        for (other, theirs) in groups.range(one..).skip(1) {
            assert!(
                voters.is_disjoint(theirs),
                "seed {seed}: {one} and {other} share a voter"
            );
        }
    }
}

#[test]
fn a_quiet_region_forms_once_with_everybody_in_it() {
    let mut world = World::new(1, 3, &Settings::automatic(3));
    for node in 0..3 {
        world.show(node, &[0, 1, 2]);
    }
    world.run(7 * SECOND);
    let formed: Vec<_> = (0..3)
        .map(|node| world.formed(node).expect("formed within 7 s").clone())
        .collect();
    assert!(
        formed
            .iter()
            .all(|each| each.group == formed[0].group && each.voters == formed[0].voters)
    );
    assert_eq!(formed.iter().filter(|each| each.begins().is_some()).count(), 1);
}

#[test]
fn candidates_with_overlapping_views_never_both_form() {
    for seed in 0..400 {
        let mut world = World::new(seed, 5, &Settings::automatic(3));
        world.loss = [0, 10, 30][(seed % 3) as usize];
        // Every set shares a node with every other: nobody can form beside somebody else.
        let views: [&[usize]; 4] = [&[0, 1, 2], &[1, 2, 3], &[2, 3, 4], &[0, 2, 4]];
        for node in 0..5 {
            world.show(node, views[node % 4]);
        }
        for _ in 0..60 {
            world.run(SECOND);
            let node = world.dice.roll(5) as usize;
            match world.dice.roll(12) {
                0 | 1 => {
                    let view = views[world.dice.roll(4) as usize];
                    world.show(node, view);
                }
                2 => world.crash(node),
                3 if !world.is_up(node) => world.start(node),
                _ => {}
            }
            no_two_groups_share_a_voter(&world.groups, seed);
            assert!(world.groups.len() <= 1, "seed {seed}: {:?}", world.groups);
        }
    }
}

#[test]
fn when_faults_stop_the_region_forms_and_everybody_is_in_it() {
    for seed in 0..200 {
        let mut world = World::new(seed, 4, &Settings::automatic(3));
        world.loss = 20;
        let views: [&[usize]; 3] = [&[0, 1, 2], &[1, 2, 3], &[0, 2, 3]];
        for _ in 0..30 {
            let node = world.dice.roll(4) as usize;
            match world.dice.roll(6) {
                0 => world.crash(node),
                1 | 2 if !world.is_up(node) => world.start(node),
                3 => {
                    let view = views[world.dice.roll(3) as usize];
                    world.show(node, view);
                }
                _ => {}
            }
            world.run(SECOND);
        }
        world.loss = 0;
        for node in 0..4 {
            if !world.is_up(node) {
                world.start(node);
            }
            // Node 3 is started last: until the region is formed it is not announced.
            world.show(node, &[0, 1, 2]);
        }
        world.run(90 * SECOND);
        for node in 0..4 {
            world.show(node, &[0, 1, 2, 3]);
        }
        world.run(60 * SECOND);
        assert_eq!(world.groups.len(), 1, "seed {seed}");
        let group = *world.groups.keys().next().expect("one group");
        for node in 0..4 {
            let formed = world.formed(node).map(|formed| formed.group);
            assert_eq!(formed, Some(group), "seed {seed}: node {node}");
        }
    }
}

#[test]
fn wiped_disks_never_make_two_groups_that_share_a_voter() {
    for seed in 0..300 {
        let mut world = World::new(seed, 4, &Settings::automatic(3));
        world.loss = 15;
        let views: [&[usize]; 3] = [&[0, 1, 2], &[1, 2, 3], &[0, 2, 3]];
        for node in 0..4 {
            world.show(node, views[node % 3]);
        }
        for _ in 0..40 {
            world.run(SECOND);
            let node = world.dice.roll(4) as usize;
            match world.dice.roll(15) {
                0 => world.wipe(node),
                1 => world.crash(node),
                2 if !world.is_up(node) => world.start(node),
                3 => {
                    let view = views[world.dice.roll(3) as usize];
                    world.show(node, view);
                }
                _ => {}
            }
            no_two_groups_share_a_voter(&world.groups, seed);
        }
    }
}

#[test]
fn literal_voters_form_once_whatever_discovery_shows() {
    let names = ["n0", "n2", "n3"].map(|name| NodeName::new(name).unwrap());
    for seed in 0..200 {
        let mut world = World::new(seed, 4, &Settings::literal(names.clone()));
        world.loss = 20;
        for _ in 0..20 {
            let (node, first) = (world.dice.roll(4) as usize, world.dice.roll(4) as usize);
            let seen: Vec<_> = (0..4)
                .filter(|other| *other == node || (other + first) % 3 > 0)
                .collect();
            world.show(node, &seen);
            if world.dice.roll(5) == 0 {
                world.crash(node);
                world.start(node);
            }
            world.run(SECOND);
            assert!(world.groups.len() <= 1, "seed {seed}");
        }
        world.loss = 0;
        for node in 0..4 {
            if !world.is_up(node) {
                world.start(node);
            }
            world.show(node, &[0, 1, 2, 3]);
        }
        world.run(90 * SECOND);
        let voters = world
            .groups
            .values()
            .next()
            .unwrap_or_else(|| panic!("seed {seed}: nothing formed"));
        let voters: Vec<_> = voters.iter().map(|voter| voter.name.clone()).collect();
        assert_eq!(voters, names, "seed {seed}");
        assert!(
            (0..4).all(|node| world.formed(node).is_some()),
            "seed {seed}: node 1 joins"
        );
    }
}
