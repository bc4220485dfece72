//! Who waits helps: actors that are run by a task which has nothing else to do, on its own thread, instead of being waited for.

use std::cell::Cell;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::coop::poll_proceed;

use crate::actor::Actor;
use crate::budget;
use crate::id::ActorId;
use crate::pace;
use crate::place::Place;
use crate::scheduler::{self, Entry, Scheduler};

/// Actors that are run within one another on one thread, by callers and by who helps: each takes of its stack.
const NESTED_MAX: u8 = 8;

/// Turns that a task runs at a time, to help.
const HELP_MAX: u32 = 4;
/// So many times it helps are worth a unit of its budget.
const HELPS_A_UNIT: u8 = 4;
/// And what takes so long takes a unit of the helper's budget, of which it has 128: it helps for half a millisecond, or for one turn that takes
/// longer, before it yields.
const UNIT_TAKES: Duration = Duration::from_micros(4);

thread_local! {
    static NESTED: Cell<u8> = const { Cell::new(0) };
}

/// Runs an actor's loop for a turn: here, if this is a thread of its runtime's workers. What waits in it goes on by the scheduler. What is
/// promised of the loop holds as ever: it is the loop.
pub(crate) fn run(entry: Entry) {
    let nested = entry.is_at_home().then(Nested::enter).flatten();
    match nested {
        Some(_nested) => entry.run(),
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
    help(place.scheduler(), None, || mailbox.has_room(), cx)
}

/// Runs what waits in this thread's queue, by a task that waits for an actor's end, until that has come: see [`make_room`].
pub(crate) fn see_off<A: Actor>(place: &Place<A>, cx: &mut Context<'_>) -> bool {
    let seat = &place.seat;
    let has_gone = || seat.is_gone() && seat.is_vacant();
    has_gone()
        || seat.lane.signal().is_some()
            && place.may_start_in_place(cx.waker())
            && help(place.scheduler(), Some(seat.id), has_gone, cx)
}

/// Runs what may be run by others, and the end of `ends`. True when it is done.
fn help(
    scheduler: &Scheduler,
    ends: Option<ActorId>,
    is_done: impl Fn() -> bool,
    cx: &mut Context<'_>,
) -> bool {
    let Some(_nested) = Nested::enter() else {
        return false;
    };
    let Poll::Ready(unit) = budget::spend(cx, HELPS_A_UNIT) else {
        return false;
    };
    let start = Instant::now();
    if scheduler::help(scheduler, HELP_MAX, ends, &is_done) {
        unit.made_progress();
        pace::helped();
        let units = start.elapsed().as_nanos() / UNIT_TAKES.as_nanos();
        for _ in 0..units.min(128) {
            let Poll::Ready(unit) = poll_proceed(cx) else {
                break;
            };
            unit.made_progress();
        }
    }
    is_done()
}

/// One level of actors that are run within one another.
pub(crate) struct Nested;

impl Nested {
    /// One level more, if there may be one.
    pub(crate) fn enter() -> Option<Self> {
        let depth = NESTED.get();
        (depth < NESTED_MAX).then(|| {
            NESTED.set(depth + 1);
            Self
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        NESTED.set(NESTED.get() - 1);
    }
}
