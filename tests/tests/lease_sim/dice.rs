//! Randomness out of a seed, and clocks that are wrong on purpose.

use std::time::Duration;

use quorate_regions::lease::Time;

/// SplitMix64: the same numbers from the same seed, for ever.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed)
    }

    pub(crate) fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `from..to`.
    pub(crate) fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.any() % (to - from)
    }

    pub(crate) fn below(&mut self, to: usize) -> usize {
        self.within(0, to as u64) as usize
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.any() % 100 < chance
    }
}

/// A host's clock: it starts anywhere and goes at its own rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostClock {
    pub(crate) offset: u64,
    /// What it counts in a million true nanoseconds.
    pub(crate) per_million: u64,
}

impl HostClock {
    /// What the clock shows at a true instant.
    pub(crate) fn shows(&self, at: u64) -> Time {
        let counted = u128::from(at) * u128::from(self.per_million) / 1_000_000;
        Time(self.offset + counted as u64)
    }

    /// The first true instant at which the clock shows `time`.
    pub(crate) fn when(&self, time: Time) -> u64 {
        let counted = u128::from(time.0.saturating_sub(self.offset)) * 1_000_000;
        counted.div_ceil(u128::from(self.per_million)) as u64
    }

    /// The true instant when the clock has counted `span` from `at` on.
    pub(crate) fn later(&self, at: u64, span: Duration) -> u64 {
        self.when(self.shows(at).after(span)).max(at)
    }
}
