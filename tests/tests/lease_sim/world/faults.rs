//! What goes wrong, and that it ends.

use super::super::region::REPLICAS;
use super::{Event, MS, Step, World};

impl World {
    pub(super) fn fault(&mut self) {
        if !self.stormy {
            return;
        }
        let delay = self.dice.within(20, 600) * MS;
        self.after(delay, Event::Fault);
        let node = self.dice.below(self.plan.nodes);
        let region = self.dice.below(self.plan.regions);
        let span = self.dice.within(50, 2_500) * MS;
        match self.dice.below(12) {
            0 => {
                self.nodes[node].life = None;
                self.nodes[node].paused = false;
                self.after(span / 2, Event::Restart { node });
            }
            1 | 2 => {
                self.nodes[node].paused = true;
                self.after(span, Event::Resume { node });
            }
            3 => {
                let leader = self.regions[region].leader;
                self.kill_replica(region, leader);
            }
            4 => {
                let at = self.dice.below(REPLICAS);
                self.regions[region].elect(at);
            }
            5 => {
                let at = self.dice.below(REPLICAS);
                self.kill_replica(region, at);
            }
            6 => self.cut(node, region, span, (true, false)),
            7 => self.cut(node, region, span, (false, true)),
            8 => (0..self.plan.regions).for_each(|region| self.cut(node, region, span, (true, true))),
            9 => {
                // The region is cut off whole: its nodes from the others, the others' nodes from it.
                for node in 0..self.plan.nodes {
                    for other in 0..self.plan.regions {
                        if (self.nodes[node].region == region) != (other == region) {
                            self.cut(node, other, span, (true, true));
                        }
                    }
                }
            }
            10 => self.hand_off(node),
            _ => (0..self.plan.nodes).for_each(|node| self.cut(node, region, span, (true, true))),
        }
    }

    pub(super) fn cut(&mut self, node: usize, region: usize, span: u64, (to, from): (bool, bool)) {
        if to {
            self.to_cut.insert((node, region));
        }
        if from {
            self.from_cut.insert((node, region));
        }
        self.after(span, Event::Mend { node, region });
    }

    /// Stops whatever the node runs, goes on renewing meanwhile, and then gives it back.
    pub(super) fn hand_off(&mut self, node: usize) {
        let spent = self.dice.within(1, 300) * MS;
        let Some(life) = self.life(node) else {
            return;
        };
        let uid = life.uid;
        let mut stopping = Vec::new();
        for (resource, actor) in life.actors.iter_mut().filter(|(_, actor)| !actor.stopping) {
            actor.stopping = true;
            stopping.push((resource.clone(), actor.epoch));
        }
        for (resource, epoch) in stopping {
            self.after(
                spent,
                Event::Stopped {
                    node,
                    uid,
                    resource,
                    epoch,
                },
            );
        }
    }

    pub(super) fn heal(&mut self) -> Step {
        self.stormy = false;
        self.to_cut.clear();
        self.from_cut.clear();
        for node in 0..self.plan.nodes {
            if self.nodes[node].life.is_none() {
                self.restart(node);
            }
            self.resume(node)?;
        }
        for region in 0..self.plan.regions {
            for replica in 0..REPLICAS {
                if !self.regions[region].replicas[replica].up {
                    self.revive(region, replica);
                }
            }
        }
        Ok(())
    }
}
