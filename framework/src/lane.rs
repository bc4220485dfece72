//! The system lane: stop, shutdown, kill and lapse, which no user message delays.
//!
//! Flags of the present incarnation and a wake-up for its loop. It has no queue, so it cannot be full. A lapse is for all
//! incarnations to come, too.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tokio::sync::Notify;

use crate::exit::ExitReason;

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

#[derive(Debug, Default)]
pub(crate) struct Lane {
    signal: AtomicU8,
    /// Set by a lapse, for good.
    lapsed: AtomicBool,
    notify: Notify,
}

impl Lane {
    /// Forgets what was asked of the incarnation before, but for a lapse.
    pub(crate) fn reset(&self) {
        // Whatever the swap overwrites, it sees what was set before it: a lapse is here or comes after.
        self.signal.swap(0, Ordering::AcqRel);
        if self.has_lapsed() {
            self.signal.fetch_max(Signal::Lapse as u8, Ordering::AcqRel);
        }
    }

    pub(crate) fn has_lapsed(&self) -> bool {
        self.lapsed.load(Ordering::Acquire)
    }

    pub(crate) fn send(&self, signal: Signal) {
        if signal == Signal::Lapse {
            self.lapsed.store(true, Ordering::Release);
        }
        self.signal.fetch_max(signal as u8, Ordering::AcqRel);
        self.notify.notify_one();
    }

    pub(crate) fn signal(&self) -> Option<Signal> {
        Signal::from_u8(self.signal.load(Ordering::Acquire))
    }

    /// Waits for a signal of at least this weight. One waiter at a time.
    ///
    /// # Cancel safety
    /// Nothing is lost: the flag stays.
    pub(crate) async fn wait(&self, least: Signal) -> Signal {
        loop {
            let notified = self.notify.notified();
            if let Some(signal) = self.signal().filter(|signal| *signal >= least) {
                return signal;
            }
            notified.await;
        }
    }
}
