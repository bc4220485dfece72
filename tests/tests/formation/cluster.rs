//! The first common configuration, region by region, on real acceptors.

use std::collections::BTreeSet;
use std::time::Duration;

use quorate_regions::formation::{
    ClusterCommand, ClusterFormation, ClusterSettings, ClusterTrouble, RegionView,
};
use quorate_regions::id::{ConfigVersion, GroupId, Incarnation, RegionName, Uid};
use quorate_regions::lease::{Acceptor, Act, Binding, Configuration, Drift, Op, Outcome, Time};

const TERM: Duration = Duration::from_secs(4);

fn name(text: &str) -> RegionName {
    RegionName::new(text).unwrap()
}

/// A region whose log applies at once.
struct Region {
    name: RegionName,
    group: GroupId,
    acceptor: Acceptor,
    cluster: ClusterFormation,
    index: u64,
    reports: Vec<ClusterTrouble>,
}

impl Region {
    fn new(text: &str, group: u128, regions: &[&str], drift: Drift) -> Self {
        let settings = ClusterSettings {
            region: name(text),
            regions: regions.iter().map(|text| name(text)).collect::<BTreeSet<_>>(),
            drift,
            term_max: TERM,
            ask_every: Duration::from_millis(500),
        };
        let mut region = Self {
            name: name(text),
            group: GroupId(group),
            acceptor: Acceptor::default(),
            cluster: ClusterFormation::new(settings, Time(0)),
            index: 0,
            reports: Vec::new(),
        };
        let config = Configuration::formed(name(text), GroupId(group), drift, TERM);
        let form = Act::Form {
            region: name(text),
            config,
            incarnation: Incarnation(group),
        };
        assert_eq!(region.apply(form), Outcome::Formed);
        region
    }

    fn apply(&mut self, act: Act) -> Outcome {
        self.index += 1;
        let config = self
            .acceptor
            .config()
            .map_or(ConfigVersion::FORMED, |config| config.version);
        let binding = Binding {
            config,
            group: self.group,
        };
        let mut outcomes = self.acceptor.apply(
            self.index,
            &[Op {
                binding,
                uid: Uid(1),
                act,
            }],
        );
        outcomes.pop().expect("one outcome for one operation")
    }

    fn view(&self) -> RegionView {
        RegionView::of(&self.acceptor).expect("it has formed")
    }

    fn version(&self) -> ConfigVersion {
        self.view().current.version
    }
}

/// Carries out what everybody commands, for that many rounds; a region that is `down` is neither asked nor asks.
fn run(regions: &mut [Region], rounds: std::ops::Range<u64>, down: Option<usize>) {
    for round in rounds {
        let now = Time(round * 500_000_000);
        for index in (0..regions.len()).filter(|index| Some(*index) != down) {
            let view = regions[index].view();
            regions[index].cluster.handle_own(now, view);
            regions[index].cluster.handle_timeout(now);
            while let Some(command) = regions[index].cluster.poll_command() {
                match command {
                    ClusterCommand::Ask(asked) => {
                        let up = regions
                            .iter()
                            .enumerate()
                            .filter(|(other, _)| Some(*other) != down);
                        let views: Vec<_> = up
                            .filter(|(_, other)| other.name == asked)
                            .map(|(_, other)| other.view())
                            .collect();
                        // Who answers first differs from asker to asker.
                        let turned = views.iter().rev().filter(|_| index % 2 == 1).cloned();
                        let straight = views.iter().filter(|_| index % 2 == 0).cloned();
                        for view in turned.chain(straight) {
                            regions[index].cluster.handle_view(now, view);
                        }
                    }
                    ClusterCommand::Accept(config) => {
                        assert_eq!(
                            regions[index].apply(Act::AcceptConfig(config)),
                            Outcome::ConfigAccepted
                        );
                    }
                    ClusterCommand::Activate(config) => {
                        assert_eq!(
                            regions[index].apply(Act::ActivateConfig(config)),
                            Outcome::ConfigActive
                        );
                    }
                    ClusterCommand::Report(trouble) => regions[index].reports.push(trouble),
                    _ => {}
                }
                let view = regions[index].view();
                regions[index].cluster.handle_own(now, view);
            }
        }
    }
}

fn three() -> Vec<Region> {
    let names = ["east", "north", "west"];
    (1..)
        .zip(names)
        .map(|(group, text)| Region::new(text, group, &names, Drift::DEFAULT))
        .collect()
}

#[test]
fn every_region_accepts_once_and_then_all_go_by_it() {
    let mut regions = three();
    run(&mut regions, 0..10, None);
    for region in &regions {
        assert_eq!(region.version(), ConfigVersion::FIRST, "{}", region.name);
        assert_eq!(region.view().current, regions[0].view().current);
        assert_eq!(
            (region.index, &region.reports),
            (3, &Vec::new()),
            "form, accept and activate, once each"
        );
        assert!(region.cluster.is_active() && region.cluster.next_deadline().is_none());
    }
    assert_eq!(regions[0].view().current.regions.len(), 3);
}

#[test]
fn a_majority_is_not_enough_for_the_first_configuration() {
    let mut regions = three();
    run(&mut regions, 0..10, Some(2));
    assert!(
        regions
            .iter()
            .all(|region| region.version() == ConfigVersion::FORMED)
    );
    assert!(regions.iter().all(|region| region.view().accepted.is_none()));
    run(&mut regions, 10..20, None);
    assert!(
        regions
            .iter()
            .all(|region| region.version() == ConfigVersion::FIRST)
    );
}

#[test]
fn a_region_that_was_away_follows_those_that_go_by_it_already() {
    let mut regions = three();
    // Everybody accepted; one is away when the others activate.
    let common = Configuration {
        version: ConfigVersion::FIRST,
        regions: regions
            .iter()
            .map(|region| (region.name.clone(), region.group))
            .collect(),
        drift: Drift::DEFAULT,
        term_max: TERM,
    };
    for region in &mut regions {
        region.apply(Act::AcceptConfig(common.clone()));
    }
    regions[0].apply(Act::ActivateConfig(common.clone()));
    run(&mut regions, 0..5, Some(1));
    assert_eq!(regions[2].version(), ConfigVersion::FIRST);
    assert_eq!(regions[1].version(), ConfigVersion::FORMED);
    run(&mut regions, 5..10, None);
    assert_eq!(regions[1].version(), ConfigVersion::FIRST);
}

#[test]
fn a_second_group_of_a_region_gets_no_vote_and_says_so() {
    let mut regions = three();
    run(&mut regions, 0..10, None);
    let names = ["east", "north", "west"];
    regions.push(Region::new("west", 9, &names, Drift::DEFAULT));
    run(&mut regions, 10..20, None);
    let second = &regions[3];
    assert_eq!(second.version(), ConfigVersion::FORMED);
    let listed = ClusterTrouble::NotListed {
        by: name("east"),
        instead: Some(GroupId(3)),
    };
    assert_eq!(second.reports, [listed]);
    assert!(
        regions[..3]
            .iter()
            .all(|region| region.version() == ConfigVersion::FIRST)
    );
}

#[test]
fn two_groups_of_a_region_before_the_first_configuration_stop_it() {
    let names = ["east", "north", "west"];
    let mut regions = three();
    regions.push(Region::new("west", 9, &names, Drift::DEFAULT));
    run(&mut regions, 0..10, None);
    assert!(
        regions
            .iter()
            .all(|region| region.version() == ConfigVersion::FORMED)
    );
    let twice = ClusterTrouble::TwoGroups {
        region: name("west"),
        one: GroupId(3),
        other: GroupId(9),
    };
    assert_eq!(
        (&regions[0].reports, &regions[1].reports),
        (&vec![twice.clone()], &vec![twice])
    );
    let undecided = regions[..2].iter().all(|region| region.view().accepted.is_none());
    assert!(undecided, "who hears both takes neither for the region");

    // Without the second group it goes on by itself.
    regions.pop();
    run(&mut regions, 20..40, None);
    assert!(
        regions
            .iter()
            .all(|region| region.version() == ConfigVersion::FIRST)
    );
}

#[test]
fn regions_that_count_on_other_clocks_do_not_become_a_cluster() {
    let names = ["east", "north", "west"];
    let other = Drift::from_ppm(2_000).unwrap();
    let mut regions = three();
    regions[1] = Region::new("north", 2, &names, other);
    run(&mut regions, 0..10, None);
    assert!(
        regions
            .iter()
            .all(|region| region.version() == ConfigVersion::FORMED)
    );
    let trouble = ClusterTrouble::OtherBounds {
        region: name("north"),
        drift: other,
        term_max: TERM,
    };
    assert_eq!(regions[0].reports, [trouble]);
}

#[test]
fn regions_with_other_files_do_not_become_a_cluster() {
    let mut regions = vec![
        Region::new("east", 1, &["east", "west"], Drift::DEFAULT),
        Region::new("west", 2, &["east", "north", "west"], Drift::DEFAULT),
    ];
    run(&mut regions, 0..10, None);
    // West waits for north, which nobody runs; east must not go ahead without it.
    assert!(
        regions
            .iter()
            .all(|region| region.version() == ConfigVersion::FORMED)
    );
}

#[test]
fn what_is_said_to_an_operator_names_what_to_do() {
    let troubles = [
        ClusterTrouble::TwoGroups {
            region: name("west"),
            one: GroupId(1),
            other: GroupId(2),
        },
        ClusterTrouble::NotListed {
            by: name("west"),
            instead: None,
        },
    ];
    assert!(
        troubles
            .iter()
            .all(|trouble| trouble.to_string().contains("data directories"))
    );
    let bounds = ClusterTrouble::OtherBounds {
        region: name("west"),
        drift: Drift::DEFAULT,
        term_max: TERM,
    };
    assert!(bounds.to_string().contains("give all regions the same"));
}
