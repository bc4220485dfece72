//! Stamps: under whose tenure a message or a reply was sent, and the table by which a receiver drops what is late.
//!
//! Every request and every reply of an actor with a [`Tenure`](crate::Tenure) carries its stamp: which singleton, and which epoch. A system
//! remembers the highest epoch of each singleton that it has heard from and has nothing to do with a lower one any more: such a
//! message is not handled, such a reply not given to its caller. Epochs of different singletons are never compared.
//!
//! The table forgets with its process. A receiver whose state outlives it keeps a fence beside that state.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{PoisonError, RwLock};

use crate::wire::shape;

/// Singletons that one system remembers epochs of. Of further ones everything is admitted, and an event says so.
pub(crate) const SINGLETONS_MAX: usize = 1 << 16;

/// Whose, and which, epoch something was sent under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The hash of the singleton's name; 0 in the stamp of a sender without a tenure.
    pub(crate) singleton: u64,
    /// Its epoch; 0 for a sender without a tenure.
    pub(crate) epoch: u64,
}

impl Stamp {
    /// What a sender without a tenure sends.
    pub(crate) const NONE: Self = Self {
        singleton: 0,
        epoch: 0,
    };

    pub(crate) fn new(singleton: &str, epoch: u64) -> Self {
        Self {
            singleton: shape::text(shape::start("singleton"), singleton),
            epoch,
        }
    }
}

/// The highest epoch that a system has heard of each singleton.
#[derive(Debug, Default)]
pub(crate) struct Highest {
    epochs: RwLock<HashMap<u64, u64>>,
}

impl Highest {
    /// False when a higher epoch of the same singleton was admitted before.
    #[inline]
    pub(crate) fn admit(&self, stamp: Stamp) -> bool {
        stamp == Stamp::NONE || self.admit_epoch(stamp)
    }

    fn admit_epoch(&self, stamp: Stamp) -> bool {
        let Stamp { singleton, epoch } = stamp;
        match self.of(singleton) {
            Some(highest) if epoch == highest => return true,
            Some(highest) if epoch < highest => return false,
            Some(_) | None => {}
        }
        let mut epochs = self.epochs.write().unwrap_or_else(PoisonError::into_inner);
        let known = epochs.len();
        match epochs.entry(singleton) {
            // Asked again: another may have been faster.
            Entry::Occupied(mut highest) => {
                let admitted = epoch >= *highest.get();
                if admitted {
                    highest.insert(epoch);
                }
                admitted
            }
            Entry::Vacant(entry) if known < SINGLETONS_MAX => {
                entry.insert(epoch);
                true
            }
            Entry::Vacant(_) => {
                tracing::warn!(
                    target: "quorate::stamp", singletons = known,
                    "too many singletons: late messages of further ones are not told from others"
                );
                true
            }
        }
    }

    /// True when a higher epoch of the same singleton was admitted.
    pub(crate) fn is_superseded(&self, stamp: Stamp) -> bool {
        stamp != Stamp::NONE
            && self
                .of(stamp.singleton)
                .is_some_and(|highest| stamp.epoch < highest)
    }

    fn of(&self, singleton: u64) -> Option<u64> {
        let epochs = self.epochs.read().unwrap_or_else(PoisonError::into_inner);
        epochs.get(&singleton).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_epoch_is_not_admitted_after_a_higher_one() {
        let highest = Highest::default();
        let admitted = [3, 3, 5, 4, 5, 3, 6].map(|epoch| highest.admit(Stamp::new("billing", epoch)));
        assert_eq!(admitted, [true, true, true, false, true, false, true]);
        assert!(highest.is_superseded(Stamp::new("billing", 5)));
        assert!(!highest.is_superseded(Stamp::new("billing", 6)));
    }

    #[test]
    fn epochs_of_different_singletons_are_not_compared() {
        let highest = Highest::default();
        assert!(highest.admit(Stamp::new("billing", 9)));
        assert!(highest.admit(Stamp::new("shipping", 1)));
    }

    #[test]
    fn a_sender_without_a_tenure_is_always_admitted() {
        let highest = Highest::default();
        assert!(highest.admit(Stamp::new("billing", 9)));
        assert!(highest.admit(Stamp::NONE));
        assert!(!highest.is_superseded(Stamp::NONE));
    }

    #[test]
    fn beyond_the_bound_nothing_is_refused_and_nothing_forgotten() {
        let highest = Highest::default();
        for singleton in 1..=SINGLETONS_MAX as u64 + 1 {
            assert!(highest.admit(Stamp { singleton, epoch: 2 }));
        }
        assert!(
            !highest.admit(Stamp {
                singleton: 1,
                epoch: 1
            }),
            "it is remembered"
        );
        let beyond = SINGLETONS_MAX as u64 + 1;
        assert!(highest.admit(Stamp {
            singleton: beyond,
            epoch: 1
        }));
    }
}
