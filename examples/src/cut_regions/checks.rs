//! What must hold in a scene, and the sentences about what did not. Pure.

use std::collections::BTreeSet;

use quorate::{CallError, ExitReason};

use super::witness::{Reasons, Witness};
use crate::three_regions::clock::ms_between;
use crate::three_regions::driver::moves::Millis;
use crate::three_regions::promises::Broken;
use crate::three_regions::record::Tenure;
use crate::three_regions::report::End;

/// A second, in nanoseconds.
pub(super) const SECOND_NS: u64 = 1_000_000_000;
/// Answers that were on their way when the link was cut may still be seen for this long.
const ON_THE_WAY_NS: u64 = SECOND_NS / 2;

/// From the cut to its end, on CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Just before the first packet could be dropped.
    pub(super) cut_ns: u64,
    /// Just before the first packet could pass again.
    pub(super) healed_ns: u64,
}

/// The checks of one scene.
#[derive(Debug)]
pub(super) struct Checks {
    promise: &'static str,
    span: Span,
    lease_ns: u64,
    /// Why calls failed while it was cut, of all callers that were asked about.
    pub(super) failures: Reasons,
    /// What was not as it must be.
    pub(super) broken: Vec<Broken>,
}

impl Checks {
    /// Of the scene with this name, with leases of this length.
    pub(super) fn new(promise: &'static str, span: Span, lease_secs: u64) -> Self {
        Self {
            promise,
            span,
            lease_ns: lease_secs * SECOND_NS,
            failures: Reasons::new(),
            broken: Vec::new(),
        }
    }

    /// Says `otherwise` unless it is so.
    pub(super) fn must(&mut self, is_so: bool, otherwise: impl FnOnce() -> String) {
        if !is_so {
            self.broken.push(Broken::new(self.promise, otherwise()));
        }
    }

    /// An instance lapsed before its lease could end: the last renewal was sent before the cut.
    pub(super) fn lapsed_in_time(&mut self, old: &Tenure) {
        let after = self.since_cut(old.to_ns);
        let in_time = (self.span.cut_ns..self.lease_end()).contains(&old.to_ns);
        self.must(in_time, || {
            format!("the old instance had its last effect {after} after the cut, which is not within a lease")
        });
        let lapsed = old.end == Some(End::Lapsed);
        self.must(lapsed, || {
            format!("the old instance should have lapsed, but ended as {:?}", old.end)
        });
    }

    /// The next instance began after the last effect of the old one.
    pub(super) fn follows(&mut self, old: &Tenure, new: &Tenure) {
        let ms = ms_between(new.from_ns, old.to_ns);
        self.must(new.from_ns > old.to_ns && new.epoch > old.epoch, || {
            format!(
                "epoch {} began {ms} ms before epoch {} had its last effect",
                new.epoch, old.epoch
            )
        });
    }

    /// Who still reaches the old instance is served until shortly before its lease ends, and not longer.
    pub(super) fn served_until_the_lease_ends(&mut self, name: &str, witness: Witness<'_>, epoch: u64) {
        let last = witness.last_answer(epoch).unwrap_or_default();
        // Renewed every quarter, and given up a tenth early: at least 2.6 s of 4 s were left.
        let soonest = self.span.cut_ns + self.lease_ns / 2;
        let after = self.since_cut(last);
        self.must((soonest..self.lease_end()).contains(&last), || {
            format!("{name} reaches the old instance; its last answer came {after} after the cut")
        });
    }

    /// Once the old lease is over, nobody answers here while it is cut.
    pub(super) fn unserved_after_the_lease(&mut self, name: &str, witness: Witness<'_>) {
        let epochs = witness.epochs(self.lease_end(), self.span.healed_ns);
        self.none_of(name, &epochs);
    }

    /// Nobody answers here as long as it is cut.
    pub(super) fn unserved(&mut self, name: &str, witness: Witness<'_>) {
        let epochs = witness.epochs(self.span.cut_ns + ON_THE_WAY_NS, self.span.healed_ns);
        self.none_of(name, &epochs);
    }

    fn none_of(&mut self, name: &str, epochs: &BTreeSet<u64>) {
        self.must(epochs.is_empty(), || {
            format!("{name} is cut off and was answered under {epochs:?}")
        });
    }

    /// Who reaches the new instance is served by it, cut or not.
    pub(super) fn served_before_the_heal(&mut self, name: &str, witness: Witness<'_>, epoch: u64) {
        let first = witness.first_answer(epoch);
        self.must(first.is_some_and(|first| first < self.span.healed_ns), || {
            format!("{name} reaches the new instance and was not answered by it")
        });
    }

    /// Whoever answers after the cut has a higher epoch than those before it.
    pub(super) fn began_anew(&mut self, name: &str, witness: Witness<'_>) {
        let before = witness.epochs(0, self.span.cut_ns).last().copied();
        let after = witness.epochs(self.span.healed_ns, u64::MAX).first().copied();
        self.must(before < after, || {
            format!("{name} was answered under {after:?} after the cut and under {before:?} before it")
        });
    }

    /// Every call that ended while it was cut was answered, under this epoch.
    pub(super) fn always_served(&mut self, name: &str, witness: Witness<'_>, epoch: u64) {
        self.never_failed(name, witness);
        let epochs = witness.epochs(self.span.cut_ns, self.span.healed_ns);
        self.must(epochs == BTreeSet::from([epoch]), || {
            format!("{name} was answered under {epochs:?} and not under {epoch} alone")
        });
    }

    /// Every call that ended while it was cut was answered, by one instance.
    pub(super) fn always_served_by_one(&mut self, name: &str, witness: Witness<'_>) {
        self.never_failed(name, witness);
        let epochs = witness.epochs(self.span.cut_ns, self.span.healed_ns);
        self.must(epochs.len() == 1, || {
            format!("{name} was answered under {epochs:?} and not by one instance")
        });
    }

    fn never_failed(&mut self, name: &str, witness: Witness<'_>) {
        let failures = witness.failures(self.span.cut_ns, self.span.healed_ns);
        self.must(failures.is_empty(), || {
            format!("{name} is not cut off and had failed calls: {failures:?}")
        });
    }

    /// Calls that failed while it was cut failed for these reasons only.
    pub(super) fn failed_only(&mut self, name: &str, witness: Witness<'_>, may: &[CallError]) {
        let failures = witness.failures(self.span.cut_ns, self.span.healed_ns);
        let may: Vec<String> = may.iter().map(ToString::to_string).collect();
        let other = failures.keys().find(|why| !may.contains(why));
        self.must(other.is_none(), || {
            format!("{name} had calls that failed with {other:?}, not one of {may:?}")
        });
        for (why, count) in failures {
            *self.failures.entry(why).or_default() += count;
        }
    }

    /// How long after the cut this was.
    pub(super) fn since_cut(&self, at_ns: u64) -> Millis {
        Millis(ms_between(self.span.cut_ns, at_ns))
    }

    /// How long after the end of the cut this was.
    pub(super) fn since_healed(&self, at_ns: u64) -> Millis {
        Millis(ms_between(self.span.healed_ns, at_ns))
    }

    /// No lease that was renewed before the cut lasts longer.
    fn lease_end(&self) -> u64 {
        self.span.cut_ns + self.lease_ns
    }
}

/// What is broken when somebody else than the nodes of the caller's own region answered for its region's singleton, whenever that was.
pub(super) fn answered_by_its_own_region(name: &str, region: &[&str], seen: Witness<'_>) -> Option<Broken> {
    let strangers: Vec<_> = seen
        .answerers()
        .into_iter()
        .filter(|node| !region.contains(node))
        .collect();
    let sentence = || format!("{name} was answered by {strangers:?}, which are in another region");
    (!strangers.is_empty()).then(|| Broken::new("region-scoped", sentence()))
}

/// What the table allows whoever no longer reaches an instance: in doubt, and waiting.
pub(super) const OUT_OF_REACH: &[CallError] = &[CallError::Timeout, CallError::NodeDown];
/// What it allows whoever reaches one that lapses: cut short in its handler, and waiting.
pub(super) const LAPSING: &[CallError] = &[CallError::Timeout, CallError::Exited(ExitReason::Lapsed)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::three_regions::calls::{Call, Outcome};

    const LEASE_SECS: u64 = 4;

    fn checks() -> Checks {
        let span = Span {
            cut_ns: 10 * SECOND_NS,
            healed_ns: 19 * SECOND_NS,
        };
        Checks::new("a-scene", span, LEASE_SECS)
    }

    fn call(done_ns: u64, outcome: Outcome) -> Call {
        Call {
            seq: 0,
            sent_ns: done_ns - 1,
            done_ns,
            outcome,
        }
    }

    fn answered(done_tenths: u64, epoch: u64) -> Call {
        let node = "a".to_owned();
        call(done_tenths * SECOND_NS / 10, Outcome::Answered { epoch, node })
    }

    fn failed(done_tenths: u64, why: &CallError) -> Call {
        call(done_tenths * SECOND_NS / 10, Outcome::Failed(why.to_string()))
    }

    fn tenure(epoch: u64, from_tenths: u64, to_tenths: u64, end: End) -> Tenure {
        Tenure {
            epoch,
            from_ns: from_tenths * SECOND_NS / 10,
            to_ns: to_tenths * SECOND_NS / 10,
            effects: 1,
            end: Some(end),
        }
    }

    /// How many sentences a check has about this.
    fn sentences(check: impl FnOnce(&mut Checks)) -> usize {
        let mut checks = checks();
        check(&mut checks);
        checks.broken.len()
    }

    #[test]
    fn an_instance_lapses_within_its_lease() {
        for (old, expected) in [
            (tenure(1, 0, 135, End::Lapsed), 0),
            (tenure(1, 0, 140, End::Lapsed), 1),
            (tenure(1, 0, 99, End::Lapsed), 1),
            (tenure(1, 0, 135, End::HandedOff), 1),
        ] {
            assert_eq!(sentences(|it| it.lapsed_in_time(&old)), expected, "{old:?}");
        }
    }

    #[test]
    fn the_next_instance_comes_after_the_old_one_and_under_a_higher_epoch() {
        let old = tenure(5, 0, 135, End::Lapsed);
        for (epoch, from, expected) in [(6, 136, 0), (6, 135, 1), (5, 136, 1), (4, 136, 1)] {
            let new = tenure(epoch, from, 200, End::Stopped);
            assert_eq!(sentences(|it| it.follows(&old, &new)), expected, "{new:?}");
        }
    }

    #[test]
    fn who_reaches_the_old_instance_is_served_until_its_lease_ends() {
        for (last, expected) in [(119, 1), (121, 0), (139, 0), (140, 1)] {
            let calls = [answered(50, 5), answered(last, 5)];
            let check = |it: &mut Checks| it.served_until_the_lease_ends("b", Witness(&calls), 5);
            assert_eq!(sentences(check), expected, "{last}");
        }
        let late = [answered(141, 5)];
        assert_eq!(
            sentences(|it| it.unserved_after_the_lease("b", Witness(&late))),
            1
        );
        let after = [answered(139, 5), answered(191, 6)];
        assert_eq!(
            sentences(|it| it.unserved_after_the_lease("b", Witness(&after))),
            0
        );
    }

    #[test]
    fn a_region_is_served_by_its_own_nodes() {
        let calls = [answered(50, 5), failed(60, &CallError::Timeout)];
        let check = |region: &[&str]| answered_by_its_own_region("b", region, Witness(&calls));
        assert_eq!(check(&["a", "b"]), None);
        assert!(
            check(&["b"])
                .unwrap()
                .sentence
                .contains("b was answered by [\"a\"]")
        );
    }

    #[test]
    fn who_is_cut_off_is_not_served() {
        let on_the_way = [answered(101, 5), answered(191, 5)];
        assert_eq!(sentences(|it| it.unserved("b", Witness(&on_the_way))), 0);
        let relayed = [answered(150, 5)];
        assert_eq!(sentences(|it| it.unserved("b", Witness(&relayed))), 1);
        assert_eq!(
            sentences(|it| it.served_before_the_heal("b", Witness(&relayed), 5)),
            0
        );
        assert_eq!(
            sentences(|it| it.served_before_the_heal("b", Witness(&relayed), 6)),
            1
        );
    }

    #[test]
    fn who_is_not_cut_off_is_always_served_by_the_same() {
        let well = [
            answered(110, 5),
            answered(180, 5),
            failed(195, &CallError::Timeout),
        ];
        assert_eq!(sentences(|it| it.always_served("b", Witness(&well), 5)), 0);
        assert_eq!(sentences(|it| it.always_served_by_one("b", Witness(&well))), 0);
        let moved = [answered(110, 5), answered(180, 6)];
        assert_eq!(sentences(|it| it.always_served("b", Witness(&moved), 5)), 1);
        assert_eq!(sentences(|it| it.always_served_by_one("b", Witness(&moved))), 1);
        let anew = [answered(90, 5), answered(195, 6)];
        assert_eq!(sentences(|it| it.began_anew("b", Witness(&anew))), 0);
        let went_on = [answered(90, 5), answered(195, 5)];
        assert_eq!(sentences(|it| it.began_anew("b", Witness(&went_on))), 1);
        let gap = [answered(110, 5), failed(150, &CallError::Timeout)];
        assert_eq!(sentences(|it| it.always_served("b", Witness(&gap), 5)), 1);
        assert_eq!(sentences(|it| it.always_served("b", Witness(&[]), 5)), 1);
    }

    #[test]
    fn calls_fail_as_the_table_says() {
        let calls = [
            failed(120, &CallError::Timeout),
            failed(150, &CallError::NodeDown),
        ];
        assert_eq!(
            sentences(|it| it.failed_only("b", Witness(&calls), OUT_OF_REACH)),
            0
        );
        assert_eq!(sentences(|it| it.failed_only("b", Witness(&calls), LAPSING)), 1);
    }
}
