//! What a task may do before it yields: tokio's cooperative budget, of which short work spends a part of a unit.
//!
//! A task that never has to wait would never yield. So whatever is done at once spends of a budget of 128 units, and when that is used up
//! waits for the task's next turn. But to yield takes microseconds, in which another worker is woken, too: a unit for each
//! call that takes 50 ns would be a yield each 6 µs.

use std::cell::Cell;
use std::task::{Context, Poll};

use tokio::task::coop::{RestoreOnPending, has_budget_remaining, poll_proceed};

use crate::sync::set;

thread_local! {
    /// What was done on this thread since a unit was spent.
    static DONE: Cell<u8> = const { Cell::new(0) };
    /// How often one that had nothing left could wait.
    static WAITS: Cell<u8> = const { Cell::new(0) };
}

/// One in so many of those that could wait yields instead. A turn takes half a millisecond: a worker that does nothing else looks at timers and
/// sockets every two.
const YIELDS: u8 = 4;

/// What was spent. Taken back when this is dropped without progress.
#[must_use = "what makes progress says so"]
pub(crate) struct Spent(Option<RestoreOnPending>);

impl Spent {
    #[inline]
    pub(crate) fn made_progress(self) {
        if let Some(unit) = self.0 {
            unit.made_progress();
        }
    }
}

/// Spends for something of which `share` are worth a unit. Pending when nothing is left: the task is woken for its next turn.
#[inline]
pub(crate) fn spend(cx: &mut Context<'_>, share: u8) -> Poll<Spent> {
    if take_part(share) {
        return Poll::Ready(Spent(None));
    }
    unit(cx)
}

/// The same for who can wait for another task, on its worker: `None` when nothing is left.
#[inline]
pub(crate) fn take(cx: &mut Context<'_>, share: u8) -> Option<Spent> {
    if take_part(share) {
        return Some(Spent(None));
    }
    take_unit(cx)
}

/// The same, and now and then such a task yields as any other, pending: tokio looks at its timers and sockets then, and wakes another worker, which
/// takes microseconds. Where one task waits for another on the same worker it does neither.
#[inline]
pub(crate) fn take_or_yield(cx: &mut Context<'_>, share: u8) -> Poll<Option<Spent>> {
    if take_part(share) {
        return Poll::Ready(Some(Spent(None)));
    }
    take_unit_or_yield(cx)
}

/// Whether something was spent. If so, for good.
#[inline]
pub(crate) fn is_spent(spent: Option<Spent>) -> bool {
    spent.map(Spent::made_progress).is_some()
}

/// A thread begins anew, for what is to be the same each time.
#[cfg(feature = "test-util")]
pub(crate) fn reset() {
    set(&DONE, 0);
    set(&WAITS, 0);
}

/// Spends a part of the unit that is begun; false when it is the last, which takes a new one.
#[inline]
pub(crate) fn take_part(share: u8) -> bool {
    let done = DONE.get().wrapping_add(1);
    let is_part = done < share;
    if is_part {
        set(&DONE, done);
    }
    is_part
}

#[inline]
fn unit(cx: &mut Context<'_>) -> Poll<Spent> {
    let spent = poll_proceed(cx);
    if spent.is_ready() {
        set(&DONE, 0);
    }
    spent.map(|unit| Spent(Some(unit)))
}

fn take_unit(cx: &mut Context<'_>) -> Option<Spent> {
    match has_budget_remaining().then(|| unit(cx)) {
        Some(Poll::Ready(spent)) => Some(spent),
        Some(Poll::Pending) | None => None,
    }
}

#[inline(never)]
fn take_unit_or_yield(cx: &mut Context<'_>) -> Poll<Option<Spent>> {
    let taken = take_unit(cx);
    if taken.is_none() {
        let waits = WAITS.get().wrapping_add(1);
        set(&WAITS, waits);
        if waits.is_multiple_of(YIELDS) {
            return unit(cx).map(Some);
        }
    }
    Poll::Ready(taken)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// How much can be done of this in one turn.
    async fn done_in_a_turn(share: u8) -> u32 {
        tokio::task::yield_now().await;
        let mut done = 0;
        poll_fn(|cx| {
            while done < 100_000
                && let Poll::Ready(spent) = spend(cx, share)
            {
                spent.made_progress();
                done += 1;
            }
            Poll::Ready(())
        })
        .await;
        done
    }

    #[tokio::test]
    async fn a_turn_has_room_for_as_many_as_are_worth_its_units() {
        for (share, expected) in [(1, 128), (4, 512), (16, 2048)] {
            let done = tokio::spawn(done_in_a_turn(share)).await.unwrap();
            assert!((expected - 16..=expected + 16).contains(&done), "{share}: {done}");
        }
    }
}
