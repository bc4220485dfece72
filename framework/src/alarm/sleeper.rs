//! The sleeper of each runtime. It decides nothing.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::runtime::{self, Handle};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::queue::Key;
use super::shards::{Disturb, NEVER, Shard, Shards, State};
use crate::here;
use crate::panics;
use crate::sync::Arc;

/// The alarms of all runtimes that have a sleeper.
static RUNTIMES: Mutex<Vec<(runtime::Id, Arc<Shards<Bell>>)>> = Mutex::new(Vec::new());

thread_local! {
    /// Of the runtime on which this thread was last.
    static HERE: RefCell<Option<(runtime::Id, Arc<Shard<Bell>>)>> = const { RefCell::new(None) };
    static NUMBER: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

/// What the sleeper is woken by, and when its time began.
pub(super) struct Bell {
    disturbed: Notify,
    start: Instant,
}

/// An alarm that is set.
pub(super) struct Set {
    shard: Arc<Shard<Bell>>,
    key: Key,
}

impl Set {
    /// `None` when this runtime is ending.
    #[inline]
    #[track_caller]
    pub(super) fn new(deadline: Instant, waker: &Waker) -> Option<Self> {
        let runtime = here::runtime(waker);
        let set = HERE.try_with(|here| match &*here.borrow() {
            Some((id, shard)) if Some(*id) == runtime => Self::on(shard, deadline, waker),
            Some(_) | None => None,
        });
        match set {
            Ok(Some(set)) => Some(set),
            Ok(None) | Err(_) => Self::on_unknown(&Handle::current(), deadline, waker),
        }
    }

    #[cold]
    #[track_caller]
    fn on_unknown(runtime: &Handle, deadline: Instant, waker: &Waker) -> Option<Self> {
        let shard = look_up(runtime);
        // While the thread ends, it is looked up each time.
        let _ = HERE.try_with(|here| here.replace(Some((runtime.id(), Arc::clone(&shard)))));
        Self::on(&shard, deadline, waker)
    }

    #[inline]
    fn on(shard: &Arc<Shard<Bell>>, deadline: Instant, waker: &Waker) -> Option<Self> {
        let at = shard.bell().time_of(deadline);
        let (key, disturb) = shard.set(at, waker.clone()).ok()?;
        if disturb == Disturb::Yes {
            shard.bell().disturbed.notify_one();
        }
        Some(Self {
            shard: Arc::clone(shard),
            key,
        })
    }

    pub(super) fn renew(&self, waker: &Waker) -> State {
        self.shard.renew(self.key, waker)
    }
}

impl Drop for Set {
    #[inline]
    fn drop(&mut self) {
        let disturb = self.shard.take_back(self.key);
        if cfg!(feature = "test-util") && disturb == Disturb::Yes {
            self.shard.bell().disturbed.notify_one();
        }
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Set").field(&self.key).finish()
    }
}

impl Bell {
    /// An instant as the alarms know it.
    #[inline]
    fn time_of(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.start);
        // A call's deadline is within a year or so.
        since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
    }
}

/// The shard of this thread on this runtime, whose sleeper is started if it has none.
#[track_caller]
fn look_up(runtime: &Handle) -> Arc<Shard<Bell>> {
    // Panics here, and not in the sleeper, when the runtime has no timers.
    drop(sleep(Duration::ZERO));
    let id = runtime.id();
    let (alarms, is_new) = {
        let mut runtimes = runtimes();
        if let Some((_, alarms)) = runtimes.iter().find(|(known, _)| *known == id) {
            (Arc::clone(alarms), false)
        } else {
            let alarms = Arc::new(Shards::new(Bell {
                disturbed: Notify::new(),
                start: Instant::now(),
            }));
            runtimes.push((id, Arc::clone(&alarms)));
            (alarms, true)
        }
    };
    let number = NUMBER.try_with(|number| *number).unwrap_or_default();
    let shard = Arc::clone(alarms.shard(number));
    if is_new {
        // A runtime that is ending drops it at once.
        runtime.spawn(Sleeper { id, alarms }.sleep());
    }
    shard
}

fn runtimes() -> MutexGuard<'static, Vec<(runtime::Id, Arc<Shards<Bell>>)>> {
    RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, not(quorate_loom)))]
pub(super) fn has_sleeper(runtime: runtime::Id) -> bool {
    runtimes().iter().any(|(id, _)| *id == runtime)
}

/// Lets the alarms of its runtime ring, until that drops it.
struct Sleeper {
    id: runtime::Id,
    alarms: Arc<Shards<Bell>>,
}

impl Sleeper {
    async fn sleep(self) {
        let Bell { disturbed, start } = self.alarms.bell();
        loop {
            let now = self.alarms.bell().time_of(Instant::now());
            let next = self.alarms.round(now, ring);
            if next == NEVER {
                disturbed.notified().await;
                continue;
            }
            tokio::select! {
                biased;
                () = disturbed.notified() => {}
                () = sleep_until(*start + Duration::from_nanos(next)) => {}
            }
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let mut runtimes = runtimes();
        runtimes.retain(|(id, _)| *id != self.id);
        drop(runtimes);
        self.alarms.end(ring);
    }
}

/// A waker is anybody's code: what it panics of keeps nobody else asleep.
fn ring(waker: Waker) {
    drop(panics::caught(|| waker.wake()));
}
