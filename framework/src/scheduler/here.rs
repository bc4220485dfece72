//! Whether code runs on a runtime, found without asking tokio each time, which counts references.
//!
//! A task belongs to one runtime for all its life, and is known by its id and by the waker that it is polled with: within
//! `block_in_place` another runtime may be entered under the same id, but not with the same waker. A task that enters the context of
//! another runtime by hand is still one of its own.

use std::cell::Cell;
use std::task::Waker;

use tokio::runtime::{self, Handle};
use tokio::task;

use super::Scheduler;

thread_local! {
    /// The actor whose loop runs on this thread now: its waker, and what runs it.
    static ACTOR: Cell<(*const (), *const Scheduler)> = const { Cell::new((std::ptr::null(), std::ptr::null())) };
    /// The task that was asked for last: its id, the waker that it was polled with, and its runtime.
    static TASK: Cell<Option<(task::Id, *const (), runtime::Id)>> = const { Cell::new(None) };
}

/// Runs an actor's loop, which is polled with this waker.
#[inline]
pub(super) fn enter<R>(scheduler: *const Scheduler, waker: &Waker, run: impl FnOnce() -> R) -> R {
    /// Puts back what was before, after a panic too.
    struct Before((*const (), *const Scheduler));

    impl Drop for Before {
        fn drop(&mut self) {
            ACTOR.set(self.0);
        }
    }

    let _before = Before(ACTOR.replace((waker.data(), scheduler)));
    run()
}

impl Scheduler {
    /// Whether what is polled with this waker now runs on the runtime of this scheduler.
    #[inline]
    pub(crate) fn is_here(&self, waker: &Waker) -> bool {
        let (actor, scheduler) = ACTOR.get();
        if std::ptr::eq(actor, waker.data()) && !actor.is_null() {
            return std::ptr::eq(scheduler, self);
        }
        let Some(id) = task::try_id() else {
            return is_on(self.runtime);
        };
        if let Some((known, of, runtime)) = TASK.get()
            && known == id
            && std::ptr::eq(of, waker.data())
        {
            return runtime == self.runtime;
        }
        let is_here = is_on(self.runtime);
        if is_here {
            TASK.set(Some((id, waker.data(), self.runtime)));
        }
        is_here
    }
}

/// Whether this thread has entered a runtime.
fn is_on(wanted: runtime::Id) -> bool {
    Handle::try_current().is_ok_and(|here| here.id() == wanted)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::task::Poll;

    use super::*;

    async fn is_here(scheduler: &Scheduler) -> bool {
        // Asked twice: the second time it is known.
        poll_fn(|cx| Poll::Ready(scheduler.is_here(cx.waker()) && scheduler.is_here(cx.waker()))).await
    }

    #[test]
    fn who_is_on_another_runtime_is_not_here() {
        let runtime = || runtime::Builder::new_current_thread().build().unwrap();
        let (one, other) = (runtime(), runtime());
        let of_one = Scheduler::of(one.handle());
        for _ in 0..2 {
            assert!(one.block_on(is_here(&of_one)));
            assert!(!other.block_on(is_here(&of_one)));
        }
        assert!(!of_one.is_here(Waker::noop()), "no runtime at all");
        for (runtime, expected) in [(&one, true), (&other, false)] {
            let there = Arc::clone(&of_one);
            let asked = async move { tokio::spawn(async move { is_here(&there).await }).await.unwrap() };
            assert_eq!(runtime.block_on(asked), expected);
        }
    }

    #[test]
    fn a_task_that_blocks_on_another_runtime_is_not_here_meanwhile() {
        let one = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let of_one = Scheduler::of(one.handle());
        let asked = async move {
            let before = is_here(&of_one).await;
            let meanwhile = task::block_in_place(|| {
                let other = runtime::Builder::new_current_thread().build().unwrap();
                other.block_on(is_here(&of_one))
            });
            (before, meanwhile, is_here(&of_one).await)
        };
        let task = one.spawn(asked);
        assert_eq!(one.block_on(task).unwrap(), (true, false, true));
    }
}
