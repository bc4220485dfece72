//! How a region begins, and how it comes to go by the first common configuration. Rules 19 and 21 of the design, as far as a log goes.

use crate::id::{ConfigVersion, Incarnation, RegionName, Round};

use super::super::config::Configuration;
use super::super::op::{Binding, Outcome, Refusal};
use super::{Acceptor, Formed};

impl Acceptor {
    pub(super) fn form(
        &mut self,
        binding: &Binding,
        region: &RegionName,
        config: &Configuration,
        incarnation: Incarnation,
    ) -> Result<Outcome, Refusal> {
        if self.formed.is_some() {
            return Err(Refusal::FormedBefore);
        }
        let alone = config.regions.len() == 1 && config.regions.get(region) == Some(&binding.group);
        if config.version != ConfigVersion::FORMED || !alone {
            return Err(Refusal::OtherConfig(Box::new(config.clone())));
        }
        let (region, config) = (region.clone(), config.clone());
        self.formed = Some(Formed {
            region,
            group: binding.group,
            incarnation,
            config,
        });
        Ok(Outcome::Formed)
    }

    /// Once for ever: another one would be another cluster, or this region in it twice.
    pub(super) fn accept_config(
        &mut self,
        binding: &Binding,
        config: &Configuration,
    ) -> Result<Outcome, Refusal> {
        let formed = self.member(binding)?;
        let known = self.first.as_ref().unwrap_or(&formed.config);
        let fits = match &self.first {
            Some(first) => first == config,
            None => {
                config.version == ConfigVersion::FIRST
                    && config.regions.get(&formed.region) == Some(&formed.group)
                    && (config.drift, config.term_max) == (known.drift, known.term_max)
            }
        };
        if !fits {
            return Err(Refusal::OtherConfig(Box::new(known.clone())));
        }
        self.first = Some(config.clone());
        Ok(Outcome::ConfigAccepted)
    }

    pub(super) fn activate_config(
        &mut self,
        binding: &Binding,
        config: &Configuration,
    ) -> Result<Outcome, Refusal> {
        self.member(binding)?;
        if self.first.as_ref() != Some(config) {
            return Err(Refusal::NotAccepted);
        }
        if let Some(formed) = self
            .formed
            .as_mut()
            .filter(|formed| formed.config.version < config.version)
        {
            formed.config = config.clone();
            self.raise_floor(Round::floor(config.version));
        }
        Ok(Outcome::ConfigActive)
    }

    fn raise_floor(&mut self, floor: Round) {
        self.floor = self.floor.max(floor);
        self.highest = self.highest.max(floor);
        for slot in self.slots.values_mut().filter(|slot| slot.promised < floor) {
            (slot.promised, slot.by) = (floor, None);
        }
    }
}
