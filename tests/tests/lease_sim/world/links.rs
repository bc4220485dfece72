//! Links: each message takes its time, gets lost, or comes twice.

use quorate_regions::id::RegionName;
use quorate_regions::lease::{Answer, Ask, Request};

use super::super::node::Machine;
use super::{Caller, Event, MS, Step, World};

impl World {
    pub(super) fn send(
        &mut self,
        node: usize,
        machine: &Machine,
        region: &RegionName,
        request: &Request,
    ) -> Step {
        let Some(at) = self.regions.iter().position(|it| it.name == *region) else {
            return Ok(());
        };
        let uid = request.uid;
        if let Ask::Release { resource, epoch, .. } = &request.ask {
            self.check_quiet(node, resource, *epoch)?;
        }
        let caller = Caller {
            node,
            uid,
            machine: machine.clone(),
            sent: self.nodes[node].clock.shows(self.now),
        };
        if self.to_cut.contains(&(node, at)) {
            return Ok(());
        }
        for delay in self.journey(node, at) {
            let (caller, request) = (caller.clone(), request.clone());
            self.after(
                delay,
                Event::ToRegion {
                    region: at,
                    caller,
                    request,
                },
            );
        }
        Ok(())
    }

    pub(super) fn reply(&mut self, region: usize, caller: &Caller, answer: &Answer) {
        let node = caller.node;
        if self.from_cut.contains(&(node, region)) {
            return;
        }
        for delay in self.journey(node, region) {
            let (caller, answer) = (caller.clone(), answer.clone());
            self.after(
                delay,
                Event::ToNode {
                    node,
                    region,
                    caller,
                    answer,
                },
            );
        }
    }

    /// How long each copy of a message takes: none, one, or two of them.
    pub(super) fn journey(&mut self, node: usize, region: usize) -> Vec<u64> {
        let near = self.nodes[node].region == region;
        let copies = match self.dice.within(0, 100) {
            0..=2 if self.stormy => 0,
            3..=5 if self.stormy => 2,
            _ => 1,
        };
        let mut delays = Vec::new();
        for _ in 0..copies {
            let slow = self.stormy && self.dice.percent(5);
            let ms = if slow {
                (10, 1_200)
            } else if near {
                (0, 3)
            } else {
                (5, 40)
            };
            delays.push(self.dice.within(ms.0, ms.1) * MS + self.dice.within(0, MS));
        }
        delays
    }
}
