//! When this node tries for the resources that it may host, and where they are held meanwhile.
//!
//! Pure: takes `now`, gives commands. One probe per region asks about everything that this node does not hold. A resource that looks open to a
//! majority is tried for at once by the first in rank, later by the others; a hint that somebody else goes first only moves the moment.
//!
//! ```text
//!                   a majority looks open          the delay of this rank is over
//!   looking --------------------------------> due ------------------------------> trying (a Candidate)
//!      ^                                       |                                      |
//!      +------------- somebody has it ---------+------------------ lost --------------+
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::id::{Epoch, RegionName, ResourceId, Uid};
use crate::lease::{Configuration, Look, PROBED_MAX, Time, Timing};

/// How long after a predicted expiry a region is asked again: its clock and ours are not one.
const EXPIRY_MARGIN: Duration = Duration::from_millis(3);
/// Between two probes, at least, however urgent.
const PROBE_EVERY_MIN: Duration = Duration::from_millis(25);

/// Watches what this node does not hold.
#[derive(Debug)]
pub(crate) struct Lookout {
    timing: Timing,
    watched: BTreeMap<ResourceId, Watched>,
    commands: VecDeque<LookoutCommand>,
}

/// What the lookout wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LookoutCommand {
    /// Ask this region how these look; the answer goes to [`Lookout::handle_looks`].
    Probe {
        region: RegionName,
        resources: Vec<ResourceId>,
    },
    /// Try for it now.
    Try(ResourceId),
}

/// How long this node lets better ones go first; the placement decides.
pub(crate) trait Turns {
    /// `None` when this node is no candidate, or when that is not known yet. Whoever held it `last` and let it go is no candidate either: most
    /// likely that node is dead, though its session may not have ended yet.
    fn wait(&self, now: Time, resource: &ResourceId, last: Option<Uid>) -> Option<Duration>;
}

#[derive(Debug)]
struct Watched {
    /// What each region said last, and when.
    looks: BTreeMap<RegionName, (Time, Look)>,
    /// When the probe under way was sent: what was said before it is only good for finding the holder.
    asked: Time,
    probe_at: Time,
    /// Who was last seen to hold it.
    last: Option<Uid>,
    /// Somebody else was asked to go first until then.
    yields_until: Time,
    /// This node was asked to go first, and does not wait for its rank until then.
    first_until: Time,
    /// It is this node's turn then.
    due: Option<Time>,
    /// Held by this node, or tried for: not looked at.
    busy: bool,
    /// Somebody waits to learn where it is.
    urgent: bool,
}

impl Lookout {
    pub(crate) fn new(timing: Timing) -> Self {
        Self {
            timing,
            watched: BTreeMap::new(),
            commands: VecDeque::new(),
        }
    }

    /// Begins to look at `resource`.
    pub(crate) fn watch(&mut self, now: Time, resource: ResourceId) {
        self.watched.entry(resource).or_insert_with(|| Watched {
            looks: BTreeMap::new(),
            asked: now,
            probe_at: now,
            last: None,
            yields_until: Time::default(),
            first_until: Time::default(),
            due: None,
            busy: false,
            urgent: false,
        });
    }

    /// Somebody waits to learn where it is, or no longer does.
    pub(crate) fn set_urgent(&mut self, now: Time, resource: &ResourceId, urgent: bool) {
        if let Some(watched) = self.watched.get_mut(resource) {
            watched.urgent = urgent;
            if urgent {
                watched.probe_at = watched.probe_at.min(now.after(PROBE_EVERY_MIN));
            }
        }
    }

    /// Lets somebody else go first for `span`.
    pub(crate) fn yield_to_others(&mut self, now: Time, resource: &ResourceId, span: Duration) {
        if let Some(watched) = self.watched.get_mut(resource) {
            watched.yields_until = now.after(span);
            watched.due = None;
        }
    }

    /// This node was asked to go first: it tries now, and for `span` without waiting for its rank.
    pub(crate) fn go_first(&mut self, now: Time, resource: &ResourceId, span: Duration) {
        if let Some(watched) = self.watched.get_mut(resource) {
            (watched.yields_until, watched.first_until) = (Time::default(), now.after(span));
            watched.due = (!watched.busy).then_some(now);
        }
    }

    /// This node holds it now.
    pub(crate) fn won(&mut self, resource: &ResourceId) {
        if let Some(watched) = self.watched.get_mut(resource) {
            (watched.busy, watched.due, watched.urgent) = (true, None, false);
            watched.first_until = Time::default();
            // What regions said of former holders must not be taken for news when this tenure is over.
            watched.looks.clear();
        }
    }

    /// This node neither holds it nor tries for it any more, and looks again after `wait`.
    pub(crate) fn lost(&mut self, now: Time, resource: &ResourceId, wait: Duration) {
        let soonest = self.timing.renew_every();
        if let Some(watched) = self.watched.get_mut(resource) {
            let again = now.after(wait.min(soonest));
            (watched.busy, watched.probe_at) = (false, again);
            watched.due = (again < watched.first_until).then_some(again);
        }
    }

    /// Who holds `resource`, as a majority said lately.
    pub(crate) fn tenant(
        &self,
        now: Time,
        resource: &ResourceId,
        config: &Configuration,
    ) -> Option<(Uid, Epoch)> {
        let watched = self.watched.get(resource)?;
        let mut votes: BTreeMap<(Epoch, Uid), usize> = BTreeMap::new();
        for (at, look) in watched.looks.values() {
            if let Some(live) = look.live.filter(|_| now.since(*at) < self.timing.term) {
                *votes.entry((live.epoch, live.uid)).or_default() += 1;
            }
        }
        let quorum = config.quorum(resource);
        let agreed = votes.into_iter().filter(|(_, votes)| *votes >= quorum);
        agreed.map(|((epoch, uid), _)| (uid, epoch)).next_back()
    }

    /// Takes what `region` answered about `resources`, in their order.
    pub(crate) fn handle_looks(
        &mut self,
        now: Time,
        region: &RegionName,
        resources: &[ResourceId],
        looks: Vec<Look>,
        config: &Configuration,
        turns: &impl Turns,
    ) {
        for (resource, look) in resources.iter().zip(looks) {
            if let Some(watched) = self.watched.get_mut(resource) {
                watched.last = look.live.map(|live| live.uid).or(watched.last);
                watched.looks.insert(region.clone(), (now, look));
                watched.judge(now, resource, config.quorum(resource), &self.timing, turns);
            }
        }
    }

    /// Looks at everything again, because who is a candidate may have changed.
    pub(crate) fn reconsider(&mut self, now: Time, config: &Configuration, turns: &impl Turns) {
        for (resource, watched) in &mut self.watched {
            watched.judge(now, resource, config.quorum(resource), &self.timing, turns);
        }
    }

    /// Tries for what is due and probes what it is time to probe.
    pub(crate) fn handle_timeout(&mut self, now: Time, config: &Configuration) {
        let mut probes: BTreeMap<RegionName, Vec<ResourceId>> = BTreeMap::new();
        for (resource, watched) in self.watched.iter_mut().filter(|(_, watched)| !watched.busy) {
            if watched.due.is_some_and(|due| due <= now) {
                (watched.due, watched.busy) = (None, true);
                self.commands.push_back(LookoutCommand::Try(resource.clone()));
            } else if watched.probe_at <= now {
                watched.asked = now;
                watched.probe_at = now.after(watched.patience(&self.timing));
                for (region, _) in config.voters(resource) {
                    probes.entry(region.clone()).or_default().push(resource.clone());
                }
            }
        }
        for (region, resources) in probes {
            for chunk in resources.chunks(PROBED_MAX) {
                let (region, resources) = (region.clone(), chunk.to_vec());
                self.commands
                    .push_back(LookoutCommand::Probe { region, resources });
            }
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let idle = self.watched.values().filter(|watched| !watched.busy);
        idle.map(|watched| {
            watched
                .due
                .map_or(watched.probe_at, |due| due.min(watched.probe_at))
        })
        .min()
    }

    /// The next thing to do, in order.
    pub(crate) fn poll_command(&mut self) -> Option<LookoutCommand> {
        self.commands.pop_front()
    }
}

impl Watched {
    /// Between two probes when nothing else is known.
    fn patience(&self, timing: &Timing) -> Duration {
        if self.urgent {
            timing.hurry_every()
        } else {
            timing.renew_every()
        }
    }

    fn judge(
        &mut self,
        now: Time,
        resource: &ResourceId,
        quorum: usize,
        timing: &Timing,
        turns: &impl Turns,
    ) {
        let fresh = self.looks.values().filter(|(at, _)| *at >= self.asked);
        let left = |(at, look): &(Time, Look)| {
            let live = look.live.map_or(Duration::ZERO, |live| live.remaining);
            live.saturating_sub(now.since(*at))
        };
        let mut waits: Vec<Duration> = fresh.map(left).collect();
        waits.sort_unstable();
        let Some(wait) = quorum.checked_sub(1).and_then(|last| waits.get(last)).copied() else {
            return;
        };
        if !wait.is_zero() {
            self.due = None;
            let patience = self.patience(timing);
            self.probe_at = now.after((wait + EXPIRY_MARGIN).max(PROBE_EVERY_MIN).min(patience));
        } else if self.due.is_none() && now >= self.yields_until && !self.busy {
            self.due = turns.wait(now, resource, self.last).map(|wait| now.after(wait));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ConfigVersion, GroupId, ResourceName, Round};
    use crate::lease::{Drift, Live};

    struct Rank(Option<u32>);

    impl Turns for Rank {
        fn wait(&self, _: Time, _: &ResourceId, last: Option<Uid>) -> Option<Duration> {
            assert!(last.is_none_or(|last| last == Uid(7)));
            self.0.map(|rank| Duration::from_millis(100) * rank)
        }
    }

    fn region(name: &str) -> RegionName {
        RegionName::new(name).unwrap()
    }

    fn billing() -> ResourceId {
        ResourceId::global(ResourceName::new("billing").unwrap())
    }

    fn config() -> Configuration {
        let mut config =
            Configuration::formed(region("a"), GroupId(1), Drift::DEFAULT, Duration::from_secs(4));
        config.version = ConfigVersion::FIRST;
        config.regions.insert(region("b"), GroupId(2));
        config.regions.insert(region("c"), GroupId(3));
        config
    }

    fn look(remaining_ms: Option<u64>) -> Look {
        let live = remaining_ms.map(|ms| Live {
            uid: Uid(7),
            epoch: Epoch(9),
            remaining: Duration::from_millis(ms),
        });
        Look {
            promised: Round(0),
            live,
            promise_age: None,
            declared: None,
        }
    }

    fn lookout() -> Lookout {
        let mut lookout = Lookout::new(Timing::DEFAULT);
        lookout.watch(Time(0), billing());
        lookout.handle_timeout(Time(0), &config());
        let asked: Vec<_> = std::iter::from_fn(|| lookout.poll_command()).collect();
        let probe = |name| LookoutCommand::Probe {
            region: region(name),
            resources: vec![billing()],
        };
        assert_eq!(asked, [probe("a"), probe("b"), probe("c")]);
        lookout
    }

    fn hear(lookout: &mut Lookout, now: Time, name: &str, remaining_ms: Option<u64>, rank: Option<u32>) {
        lookout.handle_looks(
            now,
            &region(name),
            &[billing()],
            vec![look(remaining_ms)],
            &config(),
            &Rank(rank),
        );
    }

    fn ms(ms: u64) -> Time {
        Time(ms * 1_000_000)
    }

    #[test]
    fn the_first_in_rank_tries_as_soon_as_a_majority_looks_open() {
        let mut lookout = lookout();
        hear(&mut lookout, ms(5), "a", None, Some(0));
        lookout.handle_timeout(ms(5), &config());
        assert_eq!(lookout.poll_command(), None);
        hear(&mut lookout, ms(6), "b", None, Some(0));
        lookout.handle_timeout(ms(6), &config());
        assert_eq!(lookout.poll_command(), Some(LookoutCommand::Try(billing())));
        assert_eq!(
            lookout.next_deadline(),
            None,
            "it is not looked at while it is tried for"
        );
    }

    #[test]
    fn a_later_rank_lets_better_ones_go_first() {
        let mut lookout = lookout();
        hear(&mut lookout, ms(5), "a", None, Some(2));
        hear(&mut lookout, ms(6), "c", None, Some(2));
        lookout.handle_timeout(ms(205), &config());
        assert_eq!(lookout.poll_command(), None);
        lookout.handle_timeout(ms(206), &config());
        assert_eq!(lookout.poll_command(), Some(LookoutCommand::Try(billing())));
    }

    #[test]
    fn who_becomes_a_candidate_tries_without_asking_again() {
        let mut lookout = lookout();
        hear(&mut lookout, ms(5), "a", None, None);
        hear(&mut lookout, ms(6), "c", None, None);
        lookout.handle_timeout(ms(10), &config());
        assert_eq!(lookout.poll_command(), None);
        lookout.reconsider(ms(20), &config(), &Rank(Some(0)));
        lookout.handle_timeout(ms(20), &config());
        assert_eq!(lookout.poll_command(), Some(LookoutCommand::Try(billing())));
    }

    #[test]
    fn a_live_grant_is_looked_at_again_when_it_should_expire() {
        let mut lookout = lookout();
        hear(&mut lookout, ms(5), "a", Some(500), Some(0));
        hear(&mut lookout, ms(5), "b", Some(300), Some(0));
        hear(&mut lookout, ms(5), "c", Some(900), Some(0));
        // Two of three are open when the second of them expires.
        assert_eq!(lookout.next_deadline(), Some(ms(505).after(EXPIRY_MARGIN)));
        assert_eq!(
            lookout.tenant(ms(10), &billing(), &config()),
            Some((Uid(7), Epoch(9)))
        );
    }

    #[test]
    fn what_one_region_alone_says_is_no_holder() {
        let mut lookout = lookout();
        hear(&mut lookout, ms(5), "a", Some(500), None);
        hear(&mut lookout, ms(5), "b", None, None);
        assert_eq!(lookout.tenant(ms(10), &billing(), &config()), None);
    }

    #[test]
    fn a_hint_moves_the_moment_and_nothing_else() {
        let mut lookout = lookout();
        lookout.yield_to_others(ms(1), &billing(), Duration::from_secs(2));
        hear(&mut lookout, ms(5), "a", None, Some(0));
        hear(&mut lookout, ms(5), "b", None, Some(0));
        lookout.handle_timeout(ms(500), &config());
        assert_eq!(lookout.poll_command(), None);
        lookout.go_first(ms(600), &billing(), Duration::from_secs(1));
        lookout.handle_timeout(ms(600), &config());
        assert_eq!(lookout.poll_command(), Some(LookoutCommand::Try(billing())));
    }

    #[test]
    fn who_was_asked_to_go_first_tries_again_after_a_loss() {
        let mut lookout = lookout();
        lookout.go_first(ms(10), &billing(), Duration::from_secs(1));
        lookout.handle_timeout(ms(10), &config());
        assert_eq!(lookout.poll_command(), Some(LookoutCommand::Try(billing())));
        lookout.lost(ms(30), &billing(), Duration::from_millis(20));
        lookout.handle_timeout(ms(50), &config());
        assert_eq!(lookout.poll_command(), Some(LookoutCommand::Try(billing())));
        lookout.lost(ms(1_000), &billing(), Duration::from_millis(20));
        lookout.handle_timeout(ms(1_020), &config());
        assert!(
            matches!(lookout.poll_command(), Some(LookoutCommand::Probe { .. })),
            "its time to go first is over"
        );
    }

    #[test]
    fn after_a_loss_it_looks_again() {
        let mut lookout = lookout();
        lookout.won(&billing());
        assert_eq!(lookout.next_deadline(), None);
        lookout.lost(ms(50), &billing(), Duration::from_millis(20));
        assert_eq!(lookout.next_deadline(), Some(ms(70)));
    }
}
