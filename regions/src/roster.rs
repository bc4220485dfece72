//! Who is in each region, as this node last heard: the regions' own tables, never a rumour.
//!
//! Pure. A region's table counts for one lease term after it was heard; then the region counts as empty, because its sessions have ended
//! too. That a region is empty is believed only when this node has listened for a whole term: at a start nobody has joined yet.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{RegionName, Scope, Uid};
use crate::lease::{Member, Time};

/// The member tables of all regions.
#[derive(Debug)]
pub(crate) struct Roster {
    term: Duration,
    began: Time,
    tables: BTreeMap<RegionName, Table>,
}

#[derive(Debug)]
struct Table {
    heard: Time,
    members: Vec<Member>,
}

impl Roster {
    pub(crate) fn new(now: Time, term: Duration) -> Self {
        Self {
            term,
            began: now,
            tables: BTreeMap::new(),
        }
    }

    /// Takes the table that `region` told when it was asked at `asked`.
    pub(crate) fn refresh(&mut self, asked: Time, region: RegionName, members: Vec<Member>) {
        let newer = self.tables.get(&region).is_none_or(|table| table.heard <= asked);
        if newer {
            self.tables.insert(
                region,
                Table {
                    heard: asked,
                    members,
                },
            );
        }
    }

    /// The live members of `region`; none when it was not heard for a term.
    pub(crate) fn live(&self, now: Time, region: &RegionName) -> impl Iterator<Item = &Member> {
        let table = self
            .tables
            .get(region)
            .filter(|table| now.since(table.heard) < self.term);
        table
            .into_iter()
            .flat_map(|table| &table.members)
            .filter(|member| member.live)
    }

    /// Whether what [`Self::live`] says of `region` may be acted on: somebody is there, and everybody there has said who they are.
    pub(crate) fn is_settled(&self, now: Time, region: &RegionName) -> bool {
        let mut live = self.live(now, region).peekable();
        let known = live.peek().is_some() && live.all(|member| member.record.is_some());
        known || now.since(self.began) >= self.term
    }

    /// The member of that process life, in any region, live or not: where it was last known to be.
    pub(crate) fn find(&self, uid: Uid) -> Option<(&RegionName, &Member)> {
        let all = self
            .tables
            .iter()
            .flat_map(|(region, table)| table.members.iter().map(move |member| (region, member)));
        all.into_iter().find(|(_, member)| member.uid == uid)
    }

    /// Every live member with its region.
    pub(crate) fn all(&self, now: Time) -> impl Iterator<Item = (&RegionName, &Member)> {
        self.tables
            .keys()
            .flat_map(move |region| self.live(now, region).map(move |member| (region, member)))
    }

    /// Every live member whom a singleton of this scope is about: those of its region, or all.
    pub(crate) fn concerned(&self, now: Time, scope: &Scope) -> impl Iterator<Item = &Member> {
        let only = scope.region().cloned();
        let all = self.all(now);
        all.filter(move |(region, _)| only.as_ref().is_none_or(|only| only == *region))
            .map(|(_, member)| member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Epoch, NodeName, ResourceId};
    use crate::lease::MemberRecord;

    fn member(region: &RegionName, node: &str, live: bool) -> Member {
        let session = ResourceId::session(region.clone(), &NodeName::new(node).unwrap());
        let record = MemberRecord {
            node: NodeName::new(node).unwrap(),
            addresses: Vec::new(),
            weight: 1,
            draining: false,
            opaque: Vec::new(),
        };
        Member {
            uid: Uid(node.len() as u128),
            session,
            epoch: Epoch(1),
            record: Some(record),
            live,
        }
    }

    #[test]
    fn a_table_that_was_not_heard_for_a_term_counts_as_empty() {
        let term = Duration::from_secs(4);
        let east = RegionName::new("east").unwrap();
        let mut roster = Roster::new(Time(0), term);
        roster.refresh(
            Time(5),
            east.clone(),
            vec![member(&east, "n", true), member(&east, "nn", false)],
        );
        assert_eq!(roster.live(Time(6), &east).count(), 1);
        assert_eq!(roster.live(Time(5).after(term), &east).count(), 0);
        assert!(roster.find(Uid(2)).is_some(), "where it was is still known");
    }

    #[test]
    fn a_regions_own_singleton_is_about_its_members_and_a_global_one_about_all() {
        let [east, west] = ["east", "west"].map(|name| RegionName::new(name).unwrap());
        let mut roster = Roster::new(Time(0), Duration::from_secs(4));
        for region in [&east, &west] {
            roster.refresh(
                Time(1),
                region.clone(),
                vec![member(region, "n", true), member(region, "nn", false)],
            );
        }
        for (scope, expected) in [
            (Scope::Global, vec![&east, &west]),
            (Scope::Region(east.clone()), vec![&east]),
            (Scope::Region(RegionName::new("north").unwrap()), vec![]),
        ] {
            let concerned = roster.concerned(Time(2), &scope);
            let regions: Vec<_> = concerned.map(|member| member.session.scope.region()).collect();
            assert_eq!(
                regions,
                expected.into_iter().map(Some).collect::<Vec<_>>(),
                "{scope}"
            );
        }
    }

    #[test]
    fn an_older_answer_never_replaces_a_newer_one() {
        let east = RegionName::new("east").unwrap();
        let mut roster = Roster::new(Time(0), Duration::from_secs(4));
        roster.refresh(Time(9), east.clone(), vec![member(&east, "n", true)]);
        roster.refresh(Time(5), east.clone(), Vec::new());
        assert_eq!(roster.live(Time(10), &east).count(), 1);
    }

    #[test]
    fn an_empty_region_is_believed_after_a_term_of_listening() {
        let term = Duration::from_secs(4);
        let east = RegionName::new("east").unwrap();
        let mut roster = Roster::new(Time(0), term);
        assert!(!roster.is_settled(Time(1), &east));
        let silent = Member {
            record: None,
            ..member(&east, "n", true)
        };
        roster.refresh(Time(1), east.clone(), vec![silent]);
        assert!(
            !roster.is_settled(Time(1), &east),
            "who has not said who it is may be the first in rank"
        );
        roster.refresh(Time(2), east.clone(), vec![member(&east, "n", true)]);
        assert!(roster.is_settled(Time(3), &east));
        assert!(roster.is_settled(Time(0).after(term), &RegionName::new("west").unwrap()));
    }
}
