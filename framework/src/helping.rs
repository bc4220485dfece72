//! Who waits helps: actors that are run by a task which has nothing else to do, on its own thread, instead of being waited for.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::actor::Actor;
use crate::budget;
use crate::id::ActorId;
use crate::pace;
use crate::place::Place;
use crate::scheduler::{self, Entry};
use crate::sync::set;

/// Actors that are run within one another on one thread, by callers and by who helps: each takes of its stack.
const NESTED_MAX: u8 = 8;

/// Turns that a task runs at a time, to help.
const HELP_MAX: u32 = 4;
/// So many times it helps are worth a unit of its budget.
const HELPS_A_UNIT: u8 = 16;
/// And what takes so long, a help or the start of an actor, takes a unit of the task's budget, of which it has 128: it does so for half a
/// millisecond, or for one turn that takes longer, before it yields.
const UNIT_TAKES: Duration = Duration::from_micros(4);
/// As a look at the clock takes as long as what is short, only one in so many is measured after one that was short. Those in between are
/// fast actors' too, as no others are run in place, so the helper is late by a few of their turns at most.
const MEASURED: u8 = 16;

thread_local! {
    static NESTED: Cell<u8> = const { Cell::new(0) };
    /// How many are not measured from now on.
    static UNMEASURED: Cell<u8> = const { Cell::new(0) };
}

/// Runs the first turn of an actor's loop: here, if this is a thread of its runtime's workers. What waits in it goes on by the scheduler. What is
/// promised of the loop holds as ever: it is the loop.
#[inline]
pub(crate) fn run_first<A: Actor>(place: &Arc<Place<A>>, entry: Entry, cx: &mut Context<'_>) {
    let nested = entry.is_at_home().then(Nested::enter).flatten();
    match nested {
        Some(_nested) => {
            let measurement = Measurement::begin(place.pace().measures());
            entry.run_first(&**place, |life| life.start_here(place));
            measurement.end(cx);
        }
        None => entry.schedule(),
    }
}

/// Runs what waits in this thread's queue, by a sender that finds no room, until there is some. False when the sender is to wait: it may not
/// run the actor, or has done so for as long as it may without yielding.
pub(crate) fn make_room<A: Actor>(place: &Place<A>, cx: &mut Context<'_>) -> bool {
    let mailbox = place.mailbox();
    // Where senders on several cores are at it, one core sends while another handles.
    if mailbox.takes_contended() || mailbox.is_awaited() || !place.may_run_in_place(cx.waker()) {
        return false;
    }
    help(place, None, || mailbox.has_room(), cx) == Poll::Ready(true)
}

/// Runs what waits in this thread's queue, by a task that waits for an actor's end, until that has come: see [`make_room`].
#[inline]
pub(crate) fn see_off<A: Actor>(place: &Place<A>, cx: &mut Context<'_>) -> Poll<bool> {
    let seat = &place.seat;
    let has_gone = || seat.is_gone() && seat.is_vacant();
    if has_gone() {
        return Poll::Ready(true);
    }
    if seat.lane.signal().is_none() || !place.may_start_in_place(cx.waker()) {
        return Poll::Ready(false);
    }
    help(place, Some(seat.id), has_gone, cx)
}

/// Runs what may be run by others where this place's loop runs, and the end of `ends`. True when it is done, pending when this task is to yield.
#[inline]
fn help<A: Actor>(
    place: &Place<A>,
    ends: Option<ActorId>,
    is_done: impl Fn() -> bool,
    cx: &mut Context<'_>,
) -> Poll<bool> {
    let Some(_nested) = Nested::enter() else {
        return Poll::Ready(false);
    };
    let Some(unit) = ready!(budget::take_or_yield(cx, HELPS_A_UNIT)) else {
        return Poll::Ready(false);
    };
    let measurement = Measurement::begin(ends.is_none() || place.pace().measures());
    if scheduler::help(place.scheduler(), HELP_MAX, ends, &is_done) {
        unit.made_progress();
        pace::helped();
        measurement.end(cx);
    }
    Poll::Ready(is_done())
}

/// Whether something that a task does for others is measured, and since when.
struct Measurement(Option<Instant>);

impl Measurement {
    #[inline]
    fn begin(measures: bool) -> Self {
        Self((measures && UNMEASURED.get() == 0).then(Instant::now))
    }

    /// It is done: the task pays for it.
    #[inline]
    fn end(self, cx: &mut Context<'_>) {
        match self.0 {
            Some(start) => pay(start.elapsed(), cx),
            None => set(&UNMEASURED, UNMEASURED.get().saturating_sub(1)),
        }
    }
}

/// Spends of the budget what is worth this long.
#[inline(never)]
fn pay(took: Duration, cx: &mut Context<'_>) {
    let is_short = took < UNIT_TAKES;
    set(&UNMEASURED, if is_short { MEASURED - 1 } else { 0 });
    if is_short {
        return;
    }
    for _ in 0..(took.as_nanos() / UNIT_TAKES.as_nanos()).min(128) {
        let Some(unit) = budget::take(cx, 1) else {
            break;
        };
        unit.made_progress();
    }
}

/// One level of actors that are run within one another.
pub(crate) struct Nested;

impl Nested {
    /// One level more, if there may be one.
    #[inline]
    pub(crate) fn enter() -> Option<Self> {
        let depth = NESTED.get();
        (depth < NESTED_MAX).then(|| {
            set(&NESTED, depth + 1);
            Self
        })
    }
}

impl Drop for Nested {
    #[inline]
    fn drop(&mut self) {
        set(&NESTED, NESTED.get() - 1);
    }
}
