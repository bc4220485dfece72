//! On which runtime code runs, found without asking tokio each time: it counts a reference, in memory that all threads share.
//!
//! A task belongs to one runtime for all its life, and is known by its id and by the waker that it is polled with: within
//! `block_in_place` another runtime may be entered under the same id, but not with the same waker. A task that enters the context of
//! another runtime by hand is still one of its own.

use std::cell::Cell;
use std::task::Waker;

use tokio::runtime::{self, Handle};
use tokio::task;

use crate::sync::set;

/// Tasks that a thread knows.
const KNOWN_MAX: usize = 128;

/// A task: its id, the waker that it was polled with, and its runtime.
type Known = Option<(task::Id, *const (), runtime::Id)>;

/// The loop of an actor by its waker, and where it runs.
struct Loop {
    waker: *const (),
    runtime: runtime::Id,
}

thread_local! {
    /// The one that runs on this thread now: in the frame of an [`enter`] further up, or null.
    static LOOP: Cell<*const Loop> = const { Cell::new(std::ptr::null()) };
    /// The tasks that were asked for last, by their wakers.
    static TASKS: [Cell<Known>; KNOWN_MAX] = const { [const { Cell::new(None) }; KNOWN_MAX] };
}

/// Runs an actor's loop, which is polled with this waker on this runtime.
#[inline(always)]
pub(crate) fn enter<R>(runtime: runtime::Id, waker: &Waker, run: impl FnOnce() -> R) -> R {
    /// Puts back what was before, after a panic too.
    struct Before(*const Loop);

    impl Drop for Before {
        #[inline]
        fn drop(&mut self) {
            set(&LOOP, self.0);
        }
    }

    let waker = waker.data();
    let running = Loop { waker, runtime };
    let _before = Before(LOOP.replace(&raw const running));
    run()
}

/// The runtime on which runs what is polled with this waker now. `None` when there is none.
#[inline]
pub(crate) fn runtime(waker: &Waker) -> Option<runtime::Id> {
    // SAFETY: it is null or points into the frame of an `enter` that has not returned: it is taken back when that does.
    let running = unsafe { LOOP.try_with(Cell::get).ok()?.as_ref() };
    if let Some(running) = running
        && std::ptr::eq(running.waker, waker.data())
    {
        return Some(running.runtime);
    }
    let Some(id) = task::try_id() else {
        return ask();
    };
    TASKS
        .try_with(|tasks| {
            let at = waker.data().addr();
            // Tasks are hundreds of bytes, and aligned to 128.
            let known = &tasks[(at >> 7 ^ at >> 14) % KNOWN_MAX];
            if let Some((known, of, runtime)) = known.get()
                && known == id
                && std::ptr::eq(of, waker.data())
            {
                return Some(runtime);
            }
            let runtime = ask()?;
            known.set(Some((id, waker.data(), runtime)));
            Some(runtime)
        })
        .ok()?
}

fn ask() -> Option<runtime::Id> {
    Handle::try_current().ok().map(|here| here.id())
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    async fn here() -> Option<runtime::Id> {
        // Asked twice: the second time it is known.
        poll_fn(|cx| {
            let here = runtime(cx.waker());
            assert_eq!(runtime(cx.waker()), here);
            Poll::Ready(here)
        })
        .await
    }

    #[test]
    fn who_is_on_a_runtime_knows_which_one() {
        let new = || runtime::Builder::new_current_thread().build().unwrap();
        for runtime in [new(), new()] {
            let id = runtime.handle().id();
            assert_eq!(runtime.block_on(here()), Some(id));
            assert_eq!(
                runtime.block_on(async { tokio::spawn(here()).await.unwrap() }),
                Some(id)
            );
        }
        assert_eq!(runtime(Waker::noop()), None);
    }

    #[test]
    fn a_task_that_blocks_on_another_runtime_is_there_meanwhile() {
        let one = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let asked = async {
            let before = here().await;
            let meanwhile = task::block_in_place(|| {
                let other = runtime::Builder::new_current_thread().build().unwrap();
                (other.block_on(here()), other.handle().id())
            });
            (before, meanwhile, here().await)
        };
        let task = one.spawn(asked);
        let (before, (meanwhile, other), after) = one.block_on(task).unwrap();
        assert_eq!(
            (before, after),
            (Some(one.handle().id()), Some(one.handle().id()))
        );
        assert_eq!(meanwhile, Some(other));
    }
}
