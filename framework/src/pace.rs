//! How fast an actor's handlers are: whether callers may run it in place, and how long its turns are.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::sync::set;

/// Whether callers on this node may run an actor's methods in place, on their own thread: `#[actor(in_place = off)]`.
///
/// It is only done when the actor is idle, its mailbox is empty, the caller is a task of the actor's runtime, and the actor has no tenure. A
/// method that is not async and answers with what it returns is called by its caller; of any other the caller runs what there is of it up to
/// where it waits for something. What can be told apart is the thread and the task: task-locals, thread-locals and a runtime that was
/// entered by hand are those of the caller, and a method that uses `block_in_place` fails where its caller could not. And calls in place
/// that are polled side by side, by `join!`, run one after another.
///
/// In the same way the start of an actor runs on the thread of who spawns it below the root, and its end on that of who waits for
/// [`ActorRef::gone`](crate::ActorRef::gone), where that is one of the runtime's workers and as long as it is not known to be slow. And a task that waits for one of the two, or for room
/// ([`Request::cast_when_room`](crate::Request::cast_when_room)), runs meanwhile the actors that wait for their turn on its thread, for half a
/// millisecond or one turn, and a few turns more after short ones: those that callers might run, whatever lies in their mailboxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InPlace {
    /// When it is fast: of one in 64 messages it is measured how long they take, and while that is beyond 20 µs the actor is not run in place.
    #[default]
    Auto,
    /// Whenever it can be done.
    On,
    /// Never.
    Off,
}

/// What a whole system does about [`InPlace`], see [`SystemBuilder::in_place`](crate::SystemBuilder::in_place).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InPlacePolicy {
    /// What each actor says.
    #[default]
    Measured,
    /// Nothing is run in place.
    Never,
    /// Everything that can be, unless its actor says [`InPlace::Off`].
    Always,
    /// By the seed now so, now so, the same way each time: for simulations.
    Seeded(u64),
}

/// A handler that takes longer is not run in place.
const FAST_MAX: Duration = Duration::from_micros(20);
/// One in so many is measured.
const SAMPLED: u32 = 64;

/// A handler that is being measured: since when, and how often others had been helped then.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    since: Instant,
    helps: u32,
}

/// Messages that an actor handles before other tasks have their turn, when it is not known how long they take.
const TURN: u32 = 128;
/// How long such a turn takes, when it is.
const TURN_TAKES: Duration = Duration::from_micros(50);
/// Messages in one turn, however fast.
const TURN_MAX: u32 = 1024;
/// And however slow.
const TURN_MIN: u32 = 8;

/// What a unit of a task's [budget](crate::budget) is worth in calls in place, in nanoseconds: 128 of them take half a millisecond.
const UNIT: u32 = 4_000;
/// What a call takes beside its handler.
const CALL: u32 = 80;

/// Nothing was measured yet.
const UNKNOWN: u32 = 0;

/// What a system does that is told nothing.
#[cfg(not(feature = "test-util"))]
pub(crate) fn default_policy() -> InPlacePolicy {
    InPlacePolicy::Measured
}

/// What a system does that is told nothing: in [`testing::run`](crate::testing::run) what that says, as what is measured is another
/// each time.
#[cfg(feature = "test-util")]
pub(crate) fn default_policy() -> InPlacePolicy {
    DEFAULT.get().unwrap_or_default()
}

#[cfg(feature = "test-util")]
thread_local! {
    static DEFAULT: Cell<Option<InPlacePolicy>> = const { Cell::new(None) };
}

thread_local! {
    /// How often other actors were run on this thread by one that waits.
    static HELPS: Cell<u32> = const { Cell::new(0) };
}

/// Other actors were run by one that waits: how long its handler took says nothing of that.
#[inline]
pub(crate) fn helped() {
    set(&HELPS, HELPS.get().wrapping_add(1));
}

/// Runs `f` with another default on this thread.
#[cfg(feature = "test-util")]
pub(crate) fn with_default<R>(policy: InPlacePolicy, f: impl FnOnce() -> R) -> R {
    /// Puts the one before back, after a panic too.
    struct Before(Option<InPlacePolicy>);

    impl Drop for Before {
        fn drop(&mut self) {
            DEFAULT.set(self.0);
        }
    }

    let _before = Before(DEFAULT.replace(Some(policy)));
    f()
}

/// Whether one actor is run in place, in eight bytes.
pub(crate) struct Pace {
    rule: Rule,
    /// So many calls that take as long as those that were measured are worth a unit of a task's budget.
    calls_a_unit: AtomicU8,
    /// Measured: how long a handler took, in nanoseconds. Seeded: what is drawn next.
    state: AtomicU32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Never,
    Always,
    Measured,
    Seeded,
}

impl Pace {
    #[inline]
    pub(crate) fn new(system: InPlacePolicy, actor: InPlace) -> Self {
        let (rule, state) = match (system, actor) {
            (InPlacePolicy::Never, _) | (_, InPlace::Off) => (Rule::Never, UNKNOWN),
            (InPlacePolicy::Always, _) | (InPlacePolicy::Measured, InPlace::On) => (Rule::Always, UNKNOWN),
            (InPlacePolicy::Measured, InPlace::Auto) => (Rule::Measured, UNKNOWN),
            (InPlacePolicy::Seeded(seed), _) => (Rule::Seeded, mixed(seed) as u32),
        };
        Self {
            rule,
            calls_a_unit: AtomicU8::new(1),
            state: AtomicU32::new(state),
        }
    }

    /// Whether the caller may try now.
    #[inline]
    pub(crate) fn allows(&self) -> bool {
        // The one that there is in production; a table of jumps would be waited for.
        if self.measures() {
            return is_fast(self.took());
        }
        self.rule == Rule::Always || self.rule == Rule::Seeded && self.draw()
    }

    #[cold]
    fn draw(&self) -> bool {
        let state = self.state.fetch_add(0x9E37_79B9, Ordering::Relaxed);
        mixed(u64::from(state)) & 1 == 0
    }

    /// Whether who spawns the actor may run its start, which nothing is known of yet.
    #[inline]
    pub(crate) fn allows_start(&self) -> bool {
        self.measures() || self.allows()
    }

    /// Whether who waits for its end may run it.
    #[inline]
    pub(crate) fn allows_end(&self) -> bool {
        self.measures() && self.took() == UNKNOWN || self.allows()
    }

    /// Whether it depends on how long things take.
    #[inline]
    pub(crate) fn measures(&self) -> bool {
        self.rule == Rule::Measured
    }

    /// Begins to measure how long a handler takes, if this is one of those that are: the first, and one in [`SAMPLED`].
    #[inline]
    pub(crate) fn samples(&self, number: u32) -> Option<Sample> {
        let samples = number.is_multiple_of(SAMPLED) && self.measures();
        samples.then(|| Sample {
            since: Instant::now(),
            helps: HELPS.get(),
        })
    }

    /// The handler is over. One within which others were helped says nothing.
    #[inline]
    pub(crate) fn sampled(&self, sample: Option<Sample>) {
        if let Some(Sample { since, helps }) = sample
            && helps == HELPS.get()
        {
            self.note(since.elapsed());
        }
    }

    /// How many messages the actor may handle before other tasks have their turn. The same each time, unless it is measured.
    #[inline]
    pub(crate) fn turn(&self) -> u32 {
        if !self.measures() {
            return TURN;
        }
        match self.took() {
            UNKNOWN => TURN,
            took => (TURN_TAKES.as_nanos() as u32 / took).clamp(TURN_MIN, TURN_MAX),
        }
    }

    /// So many calls in place are worth a unit of a task's [budget](crate::budget).
    #[inline]
    pub(crate) fn calls_a_unit(&self) -> u8 {
        self.calls_a_unit.load(Ordering::Relaxed)
    }

    /// How long a handler took, in nanoseconds. When it is measured.
    #[inline]
    fn took(&self) -> u32 {
        self.state.load(Ordering::Relaxed)
    }

    /// A handler took this long.
    fn note(&self, took: Duration) {
        if self.measures() {
            let took = u32::try_from(took.as_nanos())
                .unwrap_or(u32::MAX)
                .max(UNKNOWN + 1);
            let calls = (UNIT / took.saturating_add(CALL)).clamp(1, UNIT / CALL) as u8;
            self.state.store(took, Ordering::Relaxed);
            self.calls_a_unit.store(calls, Ordering::Relaxed);
        }
    }
}

#[inline]
fn is_fast(nanos: u32) -> bool {
    nanos != UNKNOWN && nanos <= FAST_MAX.as_nanos() as u32
}

/// SplitMix64's finaliser (Steele, Lea, Flood 2014).
fn mixed(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(system: InPlacePolicy, actor: InPlace) -> Pace {
        Pace::new(system, actor)
    }

    #[test]
    fn a_system_that_measures_does_what_the_actor_says() {
        assert!(pace(InPlacePolicy::Measured, InPlace::On).allows());
        assert!(!pace(InPlacePolicy::Measured, InPlace::Off).allows());
        let measured = pace(InPlacePolicy::Measured, InPlace::Auto);
        assert!(!measured.allows(), "not known yet");
        for (micros, expected) in [(1, true), (21, false), (1_000, false), (20, true)] {
            measured.note(Duration::from_micros(micros));
            assert_eq!(measured.allows(), expected, "{micros}");
        }
    }

    #[test]
    fn other_systems_do_the_same_each_time_unless_the_actor_says_off() {
        assert!(pace(InPlacePolicy::Always, InPlace::Auto).allows());
        assert!(!pace(InPlacePolicy::Never, InPlace::On).allows());
        let allowed = |policy: InPlacePolicy, actor: InPlace| -> Vec<bool> {
            let pace = pace(policy, actor);
            (0..64).map(|_| pace.allows()).collect()
        };
        let seeded = allowed(InPlacePolicy::Seeded(7), InPlace::Auto);
        assert_eq!(seeded, allowed(InPlacePolicy::Seeded(7), InPlace::On));
        assert!((16..48).contains(&seeded.iter().filter(|allows| **allows).count()));
        for policy in [InPlacePolicy::Always, InPlacePolicy::Seeded(7)] {
            assert!(!allowed(policy, InPlace::Off).contains(&true));
        }
    }

    #[test]
    fn calls_that_take_a_unit_are_worth_one() {
        let measured = pace(InPlacePolicy::Measured, InPlace::Auto);
        assert_eq!(measured.calls_a_unit(), 1, "not known yet");
        for (nanos, expected) in [(0, 49), (20, 40), (120, 20), (920, 4), (4_000, 1), (u64::MAX, 1)] {
            measured.note(Duration::from_nanos(nanos));
            assert_eq!(measured.calls_a_unit(), expected, "{nanos}");
        }
        assert_eq!(pace(InPlacePolicy::Always, InPlace::Auto).calls_a_unit(), 1);
    }

    #[test]
    fn a_turn_is_as_many_messages_as_take_50_micros() {
        let measured = pace(InPlacePolicy::Measured, InPlace::Auto);
        assert_eq!(measured.turn(), TURN);
        for (nanos, expected) in [
            (0, 1024),
            (40, 1024),
            (100, 500),
            (1_000, 50),
            (1_000_000, 8),
            (u64::MAX, 8),
        ] {
            measured.note(Duration::from_nanos(nanos));
            assert_eq!(measured.turn(), expected, "{nanos}");
        }
        for policy in [
            InPlacePolicy::Never,
            InPlacePolicy::Always,
            InPlacePolicy::Seeded(1),
        ] {
            assert_eq!(pace(policy, InPlace::Auto).turn(), TURN);
        }
    }
}
