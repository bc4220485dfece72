//! Time as the lease counts it: instants of one host's own clock, and the bound on how wrong two clocks may be.
//!
//! Instants of different hosts are never compared and never travel; durations do. No clock is read here.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Parts in a million.
const MILLION: u128 = 1_000_000;

/// An instant of this host's own lease clock, in nanoseconds since that clock began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// The instant `span` later; stays at the end of time.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    /// The instant `span` earlier; stays at the beginning of time.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(span)))
    }

    /// How long ago `earlier` was; zero when it was not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// `r`, the bound on |clock rate - 1| of every host, in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Drift(u32);

impl Drift {
    /// The default, one part in a thousand.
    pub const DEFAULT: Self = Self(1_000);
    /// The largest bound that is accepted, one part in ten.
    pub const PPM_MAX: u32 = 100_000;

    /// A bound in parts per million; `None` above [`Self::PPM_MAX`].
    pub const fn from_ppm(ppm: u32) -> Option<Self> {
        if ppm <= Self::PPM_MAX {
            Some(Self(ppm))
        } else {
            None
        }
    }

    /// The bound in parts per million.
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// `D_a(span) = ceil(span * (1 + r) / (1 - r))`: what the fastest clock counts while the slowest counts `span`, and so how long
    /// a region waits before it takes another host's `span` as over.
    #[must_use]
    pub fn stretch(self, span: Duration) -> Duration {
        let r = u128::from(self.0);
        let stretched = (u128::from(nanos(span)) * (MILLION + r)).div_ceil(MILLION - r);
        Duration::from_nanos(u64::try_from(stretched).unwrap_or(u64::MAX))
    }

    /// The most by which two clocks within the bound differ over `span`, rounded up.
    #[must_use]
    pub fn spread(self, span: Duration) -> Duration {
        self.stretch(span).saturating_sub(span)
    }
}

impl Default for Drift {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<u32> for Drift {
    type Error = DriftTooLarge;

    fn try_from(ppm: u32) -> Result<Self, DriftTooLarge> {
        Self::from_ppm(ppm).ok_or(DriftTooLarge(ppm))
    }
}

impl From<Drift> for u32 {
    fn from(drift: Drift) -> Self {
        drift.0
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ppm", self.0)
    }
}

/// A drift above [`Drift::PPM_MAX`] parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriftTooLarge(pub u32);

impl fmt::Display for DriftTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a drift of {} ppm is above the limit of {} ppm",
            self.0,
            Drift::PPM_MAX
        )
    }
}

impl std::error::Error for DriftTooLarge {}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stretch_covers_a_slow_holder_and_a_fast_region() {
        let drift = Drift::from_ppm(50_000).unwrap();
        let term = Duration::from_secs(4);
        // The holder's 4 s last 4 / 0.95 s; a clock at 1.05 counts 4 * 1.05 / 0.95 of them, rounded up.
        assert_eq!(drift.stretch(term), Duration::from_nanos(4_421_052_632));
        assert_eq!(Drift::from_ppm(0).unwrap().stretch(term), term);
        assert_eq!(drift.stretch(Duration::MAX), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn a_drift_above_the_limit_is_refused() {
        assert_eq!(Drift::from_ppm(Drift::PPM_MAX + 1), None);
        assert!(Drift::try_from(1_000_000).is_err());
    }

    #[test]
    fn time_never_wraps() {
        assert_eq!(Time(5).before(Duration::from_secs(1)), Time(0));
        assert_eq!(Time(5).after(Duration::MAX), Time(u64::MAX));
        assert_eq!(Time(5).since(Time(9)), Duration::ZERO);
    }
}
