//! The untyped half of a place: who sits there, what is asked of them, who watches them.
//!
//! ```text
//! vacant --begin--> live --end--> vacant        an incarnation, counted by `begin`
//! waited for --leave--> gone --begin--> waited for        whether messages wait for a successor or are answered `Gone`
//! ```
//! There are as many seats as actors, so what most of them never need lies in a box of its own, made at the first need or at the first end.

mod above;
mod seat_ref;
mod starts;
#[cfg(test)]
mod tests;
mod why;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub(crate) use self::above::Above;
pub(crate) use self::seat_ref::{HasSeat, SeatRef, WeakSeat};
use self::starts::Starts;
use self::why::{Full, Why};
use crate::error::StartError;
use crate::exit::ExitReason;
use crate::id::ActorId;
use crate::label::Label;
use crate::lane::{Lane, Signal};
use crate::link::{self, Links};
use crate::monitor::{MonitorId, Watcher};
use crate::seldom::{MadeOnce, Seldom};
use crate::stamp::{Highest, Stamp};
use crate::tenure::Tenure;
use crate::waits::Waits;

/// What the current handler is when it is none of the messages.
const NO_METHOD: u32 = u32::MAX;

/// Who sits in a seat.
mod sits {
    pub(super) const NOBODY: u8 = 0;
    /// An incarnation that has ended, and finds out whether anybody is to be told.
    pub(super) const ENDED: u8 = 1;
    pub(super) const ONE: u8 = 2;
}

/// A type of actors, for reports.
#[derive(Debug)]
pub(crate) struct Type {
    /// Its wire name.
    pub(crate) name: &'static str,
    pub(crate) methods: &'static [&'static str],
}

pub(crate) struct Seat {
    pub(crate) id: ActorId,
    of: &'static Type,
    /// What it is called in reports, when that is not its type's name.
    label: Seldom<Label>,
    pub(crate) lane: Lane,
    tenure: Seldom<Held>,
    incarnation: AtomicU64,
    handling: AtomicU32,
    /// How often its supervisor has told it to end: a start that waits for the seat sees by it that it is not wanted any more. The signal
    /// itself is in the lane, and meant for whoever sits here.
    told: AtomicU32,
    /// [Who](sits) sits here.
    sits: AtomicU8,
    gone: AtomicBool,
    /// The incarnation has ended, but for telling: timers that it started do nothing any more.
    has_ended: AtomicBool,
    /// Written and read in the actor's own turns: whether this turn has noted what it waits for.
    has_noted: AtomicBool,
    pub(crate) starts: Starts,
    /// Under which number its supervisor knows it, if it does.
    key: AtomicU64,
    /// Its supervisor, unless that is a root which it has nothing to tell.
    above: Mutex<Option<Arc<Above>>>,
    last_exit: Why,
    /// Why it ends, while the incarnation's state is being dropped.
    ending: Why,
    rare: MadeOnce<Rare>,
}

/// What most actors do without.
#[derive(Default)]
struct Rare {
    watchers: Mutex<Vec<Watcher>>,
    links: Links,
    /// What its turn waits for.
    waits: Waits,
    last_exit: Full,
    ending: Full,
    left: Notify,
}

/// A tenure, and what its system has heard of its successors.
struct Held {
    tenure: Tenure,
    highest: Arc<Highest>,
}

impl Seat {
    #[inline(always)]
    pub(crate) fn new(
        of: &'static Type,
        label: Option<Label>,
        tenure: Option<(Tenure, Arc<Highest>)>,
    ) -> Self {
        Self {
            id: ActorId::next(),
            of,
            label: Seldom::new(label),
            lane: Lane::default(),
            tenure: Seldom::new(tenure.map(|(tenure, highest)| Held { tenure, highest })),
            incarnation: AtomicU64::new(0),
            handling: AtomicU32::new(NO_METHOD),
            told: AtomicU32::new(0),
            sits: AtomicU8::new(sits::NOBODY),
            gone: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            has_noted: AtomicBool::new(false),
            starts: Starts::default(),
            key: AtomicU64::new(0),
            above: Mutex::new(None),
            last_exit: Why::default(),
            ending: Why::default(),
            rare: MadeOnce::new(),
        }
    }

    /// The actor's type, by its wire name.
    #[inline]
    pub(crate) fn actor(&self) -> &'static str {
        self.of.name
    }

    /// A new incarnation takes the seat; what was asked of the last one is forgotten, but for a lapse.
    #[inline(always)]
    pub(crate) fn begin(&self) {
        debug_assert!(self.is_vacant(), "two incarnations of {} overlap", self.name());
        self.lane.reset();
        self.starts.begin();
        self.handling.store(NO_METHOD, Ordering::Relaxed);
        // There is one who begins at a time.
        self.incarnation.store(self.incarnation() + 1, Ordering::Release);
        // Who sees this sees the new number.
        self.has_ended.store(false, Ordering::Release);
        self.ending.forget(|| &self.rare().ending);
        let _watchers = self.rare.get().map(|rare| lock(&rare.watchers));
        self.sits.store(sits::ONE, Ordering::Release);
        if self.is_gone() {
            self.gone.store(false, Ordering::SeqCst);
        }
    }

    /// What became of the first start, when it is over.
    pub(crate) fn first_start(&self) -> Result<(), StartError> {
        if self.starts.was_one() {
            Ok(())
        } else if self.starts.is_ignored() {
            Err(StartError::Ignored)
        } else {
            Err(StartError::Failed(self.last_exit().unwrap_or(ExitReason::Gone)))
        }
    }

    /// The incarnation has ended, its state is dropped and its mailbox drained: tells the linked and the watchers.
    #[inline]
    pub(crate) fn end(&self, reason: &ExitReason) {
        self.lane.unregister();
        self.tell(reason, true);
    }

    /// The incarnation runs on, out of reach: tells the watchers without waiting for its end.
    pub(crate) fn give_up(&self, reason: &ExitReason) {
        self.leave();
        self.tell(reason, false);
    }

    #[inline(always)]
    fn tell(&self, reason: &ExitReason, ends: bool) {
        self.last_exit.set(reason, || &self.rare().last_exit);
        if ends && self.rare.get().is_none() {
            // See `rare`: who watches or links from now on sees that nobody sits here.
            self.sits.store(sits::ENDED, Ordering::Release);
            fence(Ordering::SeqCst);
        }
        if let Some(rare) = self.rare.get() {
            self.tell_those_of(rare, reason, ends);
        } else if ends {
            self.sits.store(sits::NOBODY, Ordering::Release);
        }
    }

    #[cold]
    fn tell_those_of(&self, rare: &Rare, reason: &ExitReason, ends: bool) {
        let (watchers, links) = {
            let mut watchers = lock(&rare.watchers);
            if ends {
                self.sits.store(sits::NOBODY, Ordering::Release);
            }
            // Who links from now on sees that nobody sits here, until the next `begin`, which waits for this lock.
            (std::mem::take(&mut *watchers), rare.links.take())
        };
        link::tell(self.id, links, reason);
        for watcher in watchers {
            watcher.fire(reason.clone());
        }
    }

    /// Nobody follows for now.
    #[inline]
    pub(crate) fn leave(&self) {
        self.gone.store(true, Ordering::Release);
        // Sending is a read-modify-write on the queue before `is_gone`: either the sender sees this, or the sweep after it sees the message.
        // And who waits for this makes what it waits with before it asks `is_gone`.
        fence(Ordering::SeqCst);
        if let Some(rare) = self.rare.get() {
            rare.left.notify_waiters();
        }
    }

    /// An incarnation lives: it can be watched and linked.
    #[inline]
    pub(crate) fn is_live(&self) -> bool {
        self.sits.load(Ordering::Acquire) == sits::ONE
    }

    /// The next one may begin.
    #[inline]
    pub(crate) fn is_vacant(&self) -> bool {
        self.sits.load(Ordering::Acquire) == sits::NOBODY
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

    /// True when a lapse is to be told to the root, which is above.
    #[inline]
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        self.lane.send(signal);
        signal == Signal::Lapse && !self.told_above()
    }

    /// Its supervisor asks the present incarnation to end, or the one whose start waits for this seat.
    pub(crate) fn signal_from_above(&self, signal: Signal) {
        self.told.fetch_add(1, Ordering::SeqCst);
        self.signal(signal);
    }

    /// How often it was asked to end by its supervisor.
    pub(crate) fn times_told(&self) -> u32 {
        self.told.load(Ordering::SeqCst)
    }

    /// Why the last incarnation ended.
    pub(crate) fn last_exit(&self) -> Option<ExitReason> {
        self.last_exit.get(|| Some(&self.rare.get()?.last_exit))
    }

    /// What it is called in reports: its registered name, or its id under its supervisor, or its type's name.
    #[inline]
    pub(crate) fn name(&self) -> &str {
        self.label.get().map_or(self.of.name, Label::as_str)
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.label
            .get()
            .map_or_else(|| self.of.name.into(), Label::to_shared)
    }

    /// The name that it is registered under, if it is.
    #[inline]
    pub(crate) fn registered_name(&self) -> Option<&'static str> {
        self.label.get()?.name()
    }

    /// Who is above knows it under this number from now on.
    #[inline]
    pub(crate) fn set_key(&self, key: u64) {
        self.key.store(key, Ordering::Relaxed);
    }

    /// The number under which whoever is above knows it. The number of another there, for who is not.
    #[inline]
    pub(crate) fn key(&self) -> u64 {
        self.key.load(Ordering::Relaxed)
    }

    /// True when nobody may sit here any more: the tenure is not valid, or it was said to have ended.
    #[inline]
    pub(crate) fn has_lapsed(&self) -> bool {
        self.lane.has_lapsed() || !self.has_valid_tenure()
    }

    /// The tenure that the effects of who sits here are bound to.
    #[inline]
    pub(crate) fn tenure(&self) -> Option<&Tenure> {
        self.tenure.get().map(|held| &held.tenure)
    }

    /// True without a tenure, too.
    #[inline]
    pub(crate) fn has_valid_tenure(&self) -> bool {
        self.tenure().is_none_or(Tenure::is_valid)
    }

    /// False when the tenure is not valid any more, or its successor was heard here.
    #[inline]
    pub(crate) fn may_act(&self) -> bool {
        self.tenure
            .get()
            .is_none_or(|held| held.tenure.is_valid() && !held.highest.is_superseded(held.tenure.stamp))
    }

    /// What is sent in the name of who sits here carries this.
    #[inline]
    pub(crate) fn stamp(&self) -> Stamp {
        self.tenure().map_or(Stamp::NONE, |tenure| tenure.stamp)
    }

    /// Its state is dropped.
    #[inline]
    pub(crate) fn set_ended(&self) {
        self.has_ended.store(true, Ordering::Release);
    }

    /// Whether the state of this incarnation is dropped.
    pub(crate) fn has_ended(&self, incarnation: u64) -> bool {
        // In this order, see `begin`.
        self.has_ended.load(Ordering::Acquire) || self.incarnation() != incarnation
    }

    /// From now on a port that is dropped on behalf of who sits here answers `Exited(reason)`.
    #[inline]
    pub(crate) fn set_ending(&self, reason: &ExitReason) {
        self.ending.set(reason, || &self.rare().ending);
    }

    /// Why this incarnation ends, while it does.
    pub(crate) fn ending(&self, incarnation: u64) -> Option<ExitReason> {
        let ending = self.ending.get(|| Some(&self.rare.get()?.ending));
        ending.filter(|_| self.incarnation() == incarnation)
    }

    /// Fires once when the present incarnation ends; at once when there is none (OTP: noproc).
    pub(crate) fn monitor(&self, watcher: Watcher) {
        let mut watchers = lock(&self.rare().watchers);
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
            let left = self.rare().left.notified();
            let mut left = std::pin::pin!(left);
            left.as_mut().enable();
            fence(Ordering::SeqCst);
            if self.is_gone() {
                break;
            }
            left.await;
        }
        self.vacant().await;
    }

    /// Waits until no incarnation sits here.
    pub(crate) async fn vacant(&self) {
        while !self.is_vacant() {
            if !self.is_live() {
                // In a moment: nothing is left to do but to say so.
                tokio::task::yield_now().await;
                continue;
            }
            let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
            {
                let mut watchers = lock(&self.rare().watchers);
                if !self.is_live() {
                    continue;
                }
                watchers.push(Watcher::new(MonitorId::next(), move |_| drop(sender)));
            }
            let _ = receiver.await;
        }
    }

    pub(crate) fn demonitor(&self, id: MonitorId) {
        if let Some(rare) = self.rare.get() {
            lock(&rare.watchers).retain(|watcher| watcher.id() != id);
        }
    }

    /// Its links, to make one.
    pub(crate) fn links(&self) -> &Links {
        &self.rare().links
    }

    /// Its links, if it ever had one.
    pub(crate) fn known_links(&self) -> Option<&Links> {
        self.rare.get().map(|rare| &rare.links)
    }

    /// What its turn waits for, if it ever waited.
    pub(crate) fn waits(&self) -> Option<&Waits> {
        self.rare.get().map(|rare| &rare.waits)
    }

    /// The same in its own turn, to note something.
    pub(crate) fn note_waits(&self) -> &Waits {
        self.has_noted.store(true, Ordering::Relaxed);
        &self.rare().waits
    }

    /// Its turn is over: it waits for nothing, even if calls that it began are kept for a later one.
    #[inline]
    pub(crate) fn end_turn(&self) {
        if self.has_noted.load(Ordering::Relaxed) {
            self.has_noted.store(false, Ordering::Relaxed);
            self.note_waits_over();
        }
    }

    #[cold]
    fn note_waits_over(&self) {
        if let Some(waits) = self.waits() {
            waits.clear();
        }
    }

    #[inline]
    pub(crate) fn set_handling(&self, method: usize) {
        // What is beyond has no name either.
        let method = method as u32;
        // Only what changes is written: callers on other cores read what lies beside it.
        if self.handling.load(Ordering::Relaxed) != method {
            self.handling.store(method, Ordering::Relaxed);
        }
    }

    /// The method that is being handled, for the report of a stuck actor.
    pub(crate) fn handling(&self) -> &'static str {
        let methods = self.of.methods;
        methods
            .get(self.handling.load(Ordering::Relaxed) as usize)
            .copied()
            .unwrap_or("a handler")
    }

    /// Made by whoever needs it first, who looks whether anybody sits here afterwards. Who ends looks for it afterwards: one of the two sees
    /// what the other did.
    fn rare(&self) -> &Rare {
        let rare = self.rare.get_or_init(Rare::default);
        fence(Ordering::SeqCst);
        rare
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
