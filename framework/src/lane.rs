//! The system lane: stop, shutdown, kill and lapse, which no user message delays.
//!
//! Flags of the present incarnation. It has no queue, so it cannot be full. A lapse is for all incarnations to come, too. Who signals an
//! actor wakes the loop of its place; what is run as a task waits here.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::exit::ExitReason;
use crate::seldom::MadeOnce;

/// What is asked of an incarnation. A greater one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Signal {
    /// End normally after this message.
    Stop = 1,
    /// End after this message, because the supervisor says so.
    Shutdown = 2,
    /// End at the next await.
    Lapse = 3,
    /// End at the next await, without `stopped`.
    Kill = 4,
}

impl Signal {
    pub(crate) fn reason(self) -> ExitReason {
        match self {
            Self::Stop => ExitReason::Normal,
            Self::Shutdown => ExitReason::Shutdown,
            Self::Lapse => ExitReason::Lapsed,
            Self::Kill => ExitReason::Killed,
        }
    }

    #[inline]
    fn from_u8(value: u8) -> Option<Self> {
        match value {
            1 => Some(Self::Stop),
            2 => Some(Self::Shutdown),
            3 => Some(Self::Lapse),
            4 => Some(Self::Kill),
            _ => None,
        }
    }
}

#[derive(Default)]
pub(crate) struct Lane {
    signal: AtomicU8,
    /// Set by a lapse, for good.
    lapsed: AtomicBool,
    /// Whether there is a waker. Whoever sends looks at it afterwards, and whoever waits at the signal after setting this: one sees the other.
    is_awaited: AtomicBool,
    /// Of who [waits](Self::wait): few are waited for so.
    waker: MadeOnce<Mutex<Option<Waker>>>,
}

impl Lane {
    /// Forgets what was asked of the incarnation before, but for a lapse.
    #[inline]
    pub(crate) fn reset(&self) {
        if self.signal.load(Ordering::Acquire) == 0 {
            return;
        }
        // Whatever the swap overwrites, it sees what was set before it: a lapse is here or comes after.
        self.signal.swap(0, Ordering::AcqRel);
        if self.has_lapsed() {
            self.signal.fetch_max(Signal::Lapse as u8, Ordering::AcqRel);
        }
    }

    #[inline]
    pub(crate) fn has_lapsed(&self) -> bool {
        self.lapsed.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn send(&self, signal: Signal) {
        if signal == Signal::Lapse {
            self.lapsed.store(true, Ordering::Release);
        }
        self.signal.fetch_max(signal as u8, Ordering::SeqCst);
        if self.is_awaited.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    #[inline]
    pub(crate) fn signal(&self) -> Option<Signal> {
        Signal::from_u8(self.signal.load(Ordering::SeqCst))
    }

    /// The signal, when it is of at least this weight.
    pub(crate) fn signal_of(&self, least: Signal) -> Option<Signal> {
        self.signal().filter(|signal| *signal >= least)
    }

    /// From now on this is woken by signals. Whoever registers looks at what is there afterwards.
    fn register(&self, waker: &Waker) {
        let mut registered = lock(self.waker.get_or_init(Mutex::default));
        match &mut *registered {
            Some(registered) => registered.clone_from(waker),
            None => *registered = Some(waker.clone()),
        }
        self.is_awaited.store(true, Ordering::SeqCst);
    }

    /// Nobody is woken from now on.
    #[inline]
    pub(crate) fn unregister(&self) {
        if self.is_awaited.load(Ordering::Relaxed) {
            self.is_awaited.store(false, Ordering::Relaxed);
            // Its last holder may be this one.
            let waker = self.waker.get().and_then(|waker| lock(waker).take());
            drop(waker);
        }
    }

    /// Wakes who waits.
    fn wake(&self) {
        if let Some(waker) = self.waker.get()
            && let Some(waker) = &*lock(waker)
        {
            waker.wake_by_ref();
        }
    }

    /// Waits for a signal of at least this weight. One waiter at a time.
    ///
    /// # Cancel safety
    /// Nothing is lost: the flag stays.
    pub(crate) async fn wait(&self, least: Signal) -> Signal {
        poll_fn(|cx| {
            self.register(cx.waker());
            self.signal_of(least).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

fn lock(waker: &Mutex<Option<Waker>>) -> MutexGuard<'_, Option<Waker>> {
    waker.lock().unwrap_or_else(PoisonError::into_inner)
}
