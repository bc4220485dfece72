//! Faults put in on purpose, to show that the simulation would notice them.
//!
//! A user's build has none: without the feature `mutations` a [`Flaws`] is empty, cannot name a fault, and every question to it is the
//! constant `false`.

/// A fault that can be put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(any(test, feature = "mutations")), allow(dead_code, unreachable_pub))]
pub enum Flaw {
    /// The holder counts validity from the arrival of the answer.
    CountsFromArrival,
    /// The region takes the holder's term as its own.
    NoDriftStretch,
    /// A promise clears a grant whatever happened since it was judged.
    NoEvidence,
    /// A promise compares where the grant was made, not where its owner last renewed.
    EvidenceWithoutRenewal,
    /// The standing of a renewal is compared when it is proposed, not when it applies.
    StandingAtProposal,
    /// A renewal's answer extends everything that the holder has.
    CreditsEverything,
    /// A list's answer is believed about grants that the list did not name.
    ListIsTruth,
    /// The holder gives back before its actor has stopped.
    ReleasesBeforeStop,
    /// A new leader takes a grant without a stamp as expired.
    NoStampIsExpired,
    /// A region forgets the scope of a name whenever it is told another one.
    ScopeIsRewritten,
}

/// The faults of one machine: none, or one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(not(any(test, feature = "mutations")), allow(unreachable_pub))]
pub struct Flaws {
    #[cfg(any(test, feature = "mutations"))]
    flaw: Option<Flaw>,
}

impl Flaws {
    /// A machine with this fault.
    #[cfg(any(test, feature = "mutations"))]
    pub const fn only(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw) }
    }

    #[cfg(any(test, feature = "mutations"))]
    pub(super) fn has(self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    #[cfg(not(any(test, feature = "mutations")))]
    #[allow(clippy::unused_self, reason = "the same question as in a build with faults")]
    pub(super) const fn has(self, _: Flaw) -> bool {
        false
    }
}
