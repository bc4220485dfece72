//! The untyped half of a place: who sits there, what is asked of them, who watches them.
//!
//! ```text
//! vacant --begin--> live --end--> vacant        an incarnation, counted by `begin`
//! waited for --leave--> gone --begin--> waited for        whether messages wait for a successor or are answered `Gone`
//! ```

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::sync::Notify;

use crate::exit::ExitReason;
use crate::id::ActorId;
use crate::lane::{Lane, Signal};
use crate::link::{self, Links};
use crate::monitor::{MonitorId, Watcher};
use crate::tenure::Tenure;
use crate::waits::Waits;

/// What the current handler is when it is none of the messages.
const NO_METHOD: usize = usize::MAX;

pub(crate) struct Seat {
    pub(crate) id: ActorId,
    /// The actor's type, by its wire name.
    pub(crate) actor: &'static str,
    /// What it is called in reports: its registered name, or the child's id.
    pub(crate) label: Arc<str>,
    pub(crate) lane: Lane,
    pub(crate) tenure: Option<Tenure>,
    pub(crate) links: Links,
    /// What its turn waits for.
    pub(crate) waits: Arc<Waits>,
    methods: &'static [&'static str],
    handling: AtomicUsize,
    incarnation: AtomicU64,
    live: AtomicBool,
    gone: AtomicBool,
    watchers: Mutex<Vec<Watcher>>,
    last_exit: Mutex<Option<ExitReason>>,
    /// The seat of its supervisor.
    above: OnceLock<Weak<Seat>>,
    /// Woken by a lapse: its supervisor, which may be waiting for a restart.
    supervisor: Mutex<Option<Arc<Notify>>>,
    left: Notify,
}

impl Seat {
    pub(crate) fn new(
        actor: &'static str,
        methods: &'static [&'static str],
        label: Arc<str>,
        tenure: Option<Tenure>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: ActorId::next(),
            actor,
            label,
            lane: Lane::default(),
            tenure,
            links: Links::default(),
            waits: Arc::default(),
            methods,
            handling: AtomicUsize::new(NO_METHOD),
            incarnation: AtomicU64::new(0),
            live: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            watchers: Mutex::new(Vec::new()),
            last_exit: Mutex::new(None),
            above: OnceLock::new(),
            supervisor: Mutex::new(None),
            left: Notify::new(),
        })
    }

    /// A new incarnation takes the seat; what was asked of the last one is forgotten, but for a lapse.
    pub(crate) fn begin(&self) {
        debug_assert!(!self.is_live(), "two incarnations of {} overlap", self.label);
        self.lane.reset();
        self.handling.store(NO_METHOD, Ordering::Relaxed);
        self.incarnation.fetch_add(1, Ordering::AcqRel);
        let _watchers = self.watchers();
        self.live.store(true, Ordering::Release);
        self.gone.store(false, Ordering::SeqCst);
    }

    /// The incarnation has ended, its state is dropped and its mailbox drained: tells the linked and the watchers.
    pub(crate) fn end(&self, reason: &ExitReason) {
        self.lane.unregister();
        self.set_last_exit(reason);
        let (watchers, links) = {
            let mut watchers = self.watchers();
            self.live.store(false, Ordering::Release);
            // Who links from now on sees that nobody sits here, until the next `begin`, which waits for this lock.
            (std::mem::take(&mut *watchers), self.links.take())
        };
        link::tell(self.id, links, reason);
        for watcher in watchers {
            watcher.fire(reason.clone());
        }
    }

    /// The incarnation runs on, out of reach: tells the watchers without waiting for its end.
    pub(crate) fn give_up(&self, reason: &ExitReason) {
        self.leave();
        self.set_last_exit(reason);
        let (watchers, links) = {
            let mut watchers = self.watchers();
            (std::mem::take(&mut *watchers), self.links.take())
        };
        link::tell(self.id, links, reason);
        for watcher in watchers {
            watcher.fire(reason.clone());
        }
    }

    /// Nobody follows for now.
    pub(crate) fn leave(&self) {
        self.gone.store(true, Ordering::SeqCst);
        // Sending is a read-modify-write on the queue before `is_gone`: either the sender sees this, or the sweep after it sees the message.
        fence(Ordering::SeqCst);
        self.left.notify_waiters();
    }

    #[inline]
    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// The number of the present or last incarnation, from 1.
    #[inline]
    pub(crate) fn incarnation(&self) -> u64 {
        self.incarnation.load(Ordering::Acquire)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.lane.send(signal);
        if signal == Signal::Lapse {
            let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(supervisor) = &*supervisor {
                supervisor.notify_one();
            }
        }
    }

    /// Why the last incarnation ended.
    pub(crate) fn last_exit(&self) -> Option<ExitReason> {
        self.last_exit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_last_exit(&self, reason: &ExitReason) {
        *self.last_exit.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.clone());
    }

    /// The labels from the root of the system to this one, with `/` between them. The root has none of its own.
    pub(crate) fn path(&self) -> String {
        match self.above.get().and_then(Weak::upgrade) {
            Some(above) if above.above.get().is_some() => format!("{}/{}", above.path(), self.label),
            _ => self.label.to_string(),
        }
    }

    /// Who sits above, and is woken by a lapse from now on.
    pub(crate) fn set_supervisor(&self, above: &Arc<Self>, supervisor: Arc<Notify>) {
        let _ = self.above.set(Arc::downgrade(above));
        *self.supervisor.lock().unwrap_or_else(PoisonError::into_inner) = Some(supervisor);
    }

    /// True when nobody may sit here any more: the tenure is not valid, or it was said to have ended.
    pub(crate) fn has_lapsed(&self) -> bool {
        self.lane.has_lapsed() || !self.tenure.as_ref().is_none_or(Tenure::is_valid)
    }

    /// Fires once when the present incarnation ends; at once when there is none (OTP: noproc).
    pub(crate) fn monitor(&self, watcher: Watcher) {
        let mut watchers = self.watchers();
        if self.is_live() && !self.is_gone() {
            watchers.push(watcher);
        } else {
            drop(watchers);
            watcher.fire(ExitReason::Gone);
        }
    }

    /// Waits until nobody follows and no incarnation sits here.
    pub(crate) async fn departed(&self) {
        loop {
            let left = self.left.notified();
            let mut left = std::pin::pin!(left);
            left.as_mut().enable();
            if self.is_gone() {
                break;
            }
            left.await;
        }
        self.vacant().await;
    }

    /// Waits until no incarnation sits here.
    pub(crate) async fn vacant(&self) {
        while self.is_live() {
            let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
            {
                let mut watchers = self.watchers();
                if self.is_live() {
                    watchers.push(Watcher::new(MonitorId::next(), move |_| drop(sender)));
                }
            }
            let _ = receiver.await;
        }
    }

    pub(crate) fn demonitor(&self, id: MonitorId) {
        self.watchers().retain(|watcher| watcher.id() != id);
    }

    #[inline]
    pub(crate) fn set_handling(&self, method: usize) {
        self.handling.store(method, Ordering::Relaxed);
    }

    /// The method that is being handled, for the report of a stuck actor.
    pub(crate) fn handling(&self) -> &'static str {
        self.methods
            .get(self.handling.load(Ordering::Relaxed))
            .copied()
            .unwrap_or("a handler")
    }

    fn watchers(&self) -> MutexGuard<'_, Vec<Watcher>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
