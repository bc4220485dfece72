//! What a task may do before it yields: tokio's cooperative budget, of which short work spends a part of a unit.
//!
//! A task that never has to wait would never yield. So whatever is done at once spends of a budget of 128 units, and when that is used up
//! waits for the task's next turn. But to yield takes microseconds, in which another worker is woken, too: a unit for each
//! call that takes 50 ns would be a yield each 6 µs.

use std::cell::Cell;
use std::task::{Context, Poll};

use tokio::task::coop::{RestoreOnPending, poll_proceed};

use crate::sync::set;

thread_local! {
    /// What was done on this thread since a unit was spent.
    static DONE: Cell<u8> = const { Cell::new(0) };
}

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
    let done = DONE.get().wrapping_add(1);
    if done < share {
        set(&DONE, done);
        return Poll::Ready(Spent(None));
    }
    let spent = poll_proceed(cx);
    if spent.is_ready() {
        set(&DONE, 0);
    }
    spent.map(|unit| Spent(Some(unit)))
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
