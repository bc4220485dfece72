//! What a handler knows of its actor and may do in its name.

use std::collections::HashMap;
use std::fmt;
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::task::JoinSet;

use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::at_end::{AtEnd, AtEnds, Incarnation};
use crate::current::{self, Current};
use crate::exit::ExitReason;
use crate::link::{self, LinkEnd, LinkError};
use crate::monitor::{Down, MonitorId, Watcher};
use crate::place::Place;
use crate::raw_ref::{RawRef, To};
use crate::registry::Name;
use crate::scheduler::Lives;
use crate::seldom::Seldom;
use crate::stamp::Stamp;
use crate::system::System;
use crate::tenure::Tenure;

/// Tasks that one incarnation of an actor may have at a time, see [`Context::spawn`].
pub const TASKS_MAX: usize = 1_024;

/// An actor has [`TASKS_MAX`] tasks already. Nothing was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyTasks;

impl fmt::Display for TooManyTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the actor has {TASKS_MAX} tasks already; wait for some of them, or start an actor"
        )
    }
}

impl std::error::Error for TooManyTasks {}

/// The surroundings of one incarnation of an actor, given to its handlers and hooks.
pub struct Context<A: Actor> {
    /// Not counted: see [`new`](Self::new).
    place: ManuallyDrop<Arc<Place<A>>>,
    caller: Stamp,
    exit: Option<Box<ExitReason>>,
    /// Made at the first need.
    kept: Seldom<Kept>,
    traps_exits: bool,
    goes_on: bool,
    /// Methods that were run, by the loop or by callers, modulo 2^32.
    runs: u32,
}

/// What an incarnation has begun, and what ends with it.
struct Kept {
    monitors: HashMap<MonitorId, Box<dyn FnOnce() + Send>>,
    /// Made with the first task.
    tasks: Option<JoinSet<()>>,
    at_ends: AtEnds,
}

impl Kept {
    #[inline]
    fn new(who: Incarnation) -> Self {
        Self {
            monitors: HashMap::new(),
            tasks: None,
            at_ends: AtEnds::new(who),
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for (_, demonitor) in self.monitors.drain() {
            demonitor();
        }
    }
}

impl<A: Actor> Context<A> {
    /// # Safety
    ///
    /// The place is kept as long as this is there: it lies in the place, or with who keeps that.
    #[inline]
    pub(crate) unsafe fn new(place: &Place<A>) -> Self {
        Self {
            place: place.arc(),
            caller: Stamp::NONE,
            exit: None,
            kept: Seldom::none(),
            traps_exits: false,
            goes_on: false,
            runs: 0,
        }
    }

    /// A ref to this actor's place.
    pub fn me(&self) -> ActorRef<A> {
        ActorRef::from_raw(RawRef::local(Arc::clone(&self.place)))
    }

    /// The system that it runs in.
    pub fn system(&self) -> &System {
        self.place.system()
    }

    /// The actor of this name on this node.
    pub fn whereis<B: Actor>(&self, name: Name<B>) -> Option<ActorRef<B>> {
        self.system().whereis(name)
    }

    /// Runs a future beside the actor, in its name: its requests carry the actor's epoch, its effects end with the actor's tenure, and it is
    /// dropped at its next await when this incarnation ends. It may call the actor. A panic in it ends it alone, and is an event.
    ///
    /// # Errors
    ///
    /// [`TooManyTasks`] when [`TASKS_MAX`] of them run; the future was dropped.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + Send + 'static) -> Result<(), TooManyTasks> {
        let current = Current::of(&self.place.seat_ref());
        let tasks = self.kept().tasks.get_or_insert_with(JoinSet::new);
        while let Some(ended) = tasks.try_join_next() {
            if ended.is_err() {
                tracing::error!(target: "quorate::exit", actor = A::NAME, "a task of an actor panicked");
            }
        }
        if tasks.len() >= TASKS_MAX {
            return Err(TooManyTasks);
        }
        tasks.spawn(async move {
            let mut task = pin!(current.scope_beside(future));
            std::future::poll_fn(|cx| {
                if current.is_valid() {
                    task.as_mut().poll(cx)
                } else {
                    Poll::Ready(())
                }
            })
            .await;
        });
        Ok(())
    }

    /// Whether it has ever begun a task.
    pub(crate) fn has_tasks(&self) -> bool {
        self.kept.get().is_some_and(|kept| kept.tasks.is_some())
    }

    /// Ends the tasks of this incarnation, and waits until none of them runs.
    pub(crate) async fn end_tasks(&mut self) {
        if let Some(mut tasks) = self.kept.get_mut().and_then(|kept| kept.tasks.take()) {
            tasks.shutdown().await;
        }
    }

    /// Ends the actor normally after this message.
    pub fn stop(&mut self) {
        self.stop_with(ExitReason::Normal);
    }

    /// Ends the actor as failed after this message.
    pub fn fail(&mut self, error: impl fmt::Display) {
        self.stop_with(ExitReason::error(error));
    }

    /// Ends the actor after this message, for this reason. The first of several counts. Linked actors are sent it, and its supervisor
    /// judges by it: after [`ExitReason::ShutdownWith`] a transient child is not restarted, and nothing is logged.
    ///
    /// What is sent to it from now on is for its successor.
    pub fn stop_with(&mut self, reason: ExitReason) {
        self.exit.get_or_insert_with(|| Box::new(reason));
        self.place.mark();
    }

    /// Calls the hook `#[continued]` before the next message, ahead of all that wait (OTP: `{continue, ..}`); what it needs to know
    /// stands in the actor's state. Asked for by `#[init]`, it runs when the supervisor has been told that the actor has started: slow first
    /// work does not hold up the tree. Asked for by `#[continued]`, it runs once more. A stop comes first.
    pub fn go_on(&mut self) {
        self.goes_on = true;
    }

    /// Links this incarnation with the present one of another actor, both ways (OTP: `link/1`): when one of them ends, an exit signal with
    /// its reason comes to the other, which then ends for the same reason, or [traps](Self::trap_exits) it. A normal end kills nobody.
    /// A kill arrives as [`ExitReason::Killed`], and can be trapped. A link more between the same two is none.
    ///
    /// The signal comes after every message that the ended actor had sent before, and waits for room as a [`Down`] does. It takes effect
    /// between two messages. When there is nobody to link to, the signal [`ExitReason::Gone`] comes (OTP: noproc).
    ///
    /// # Errors
    /// Nothing was linked: see [`LinkError`].
    pub fn link<B: Actor>(&mut self, other: &ActorRef<B>) -> Result<(), LinkError> {
        if !current::may_act() {
            return Err(LinkError::Lapsed);
        }
        let raw = ActorRef::raw(other).located();
        let me: Arc<dyn LinkEnd> = Arc::clone(&self.place) as _;
        match &raw.to {
            To::Local(place) if place.seat.id == self.place.seat.id => {}
            To::Local(place) if place.children().is_some() => return Err(LinkError::Supervisor),
            To::Local(place) => {
                let other: Arc<dyn LinkEnd> = Arc::clone(place) as _;
                if raw.may_reach(place) {
                    link::link(&me, &other);
                } else {
                    link::nobody(&me, place.seat.id);
                }
            }
            To::Remote(_) => return Err(LinkError::Remote),
            To::Moving(place) => link::nobody(&me, place.id),
        }
        Ok(())
    }

    /// Takes the link with another actor back, whichever side made it. Its exit signal does not come any more, even if it lies in the
    /// mailbox already.
    pub fn unlink<B: Actor>(&mut self, other: &ActorRef<B>) {
        match ActorRef::raw(other).seat() {
            Some(seat) if seat.id == self.place.seat.id => {}
            Some(seat) => link::unlink(&self.place.seat, &seat),
            None => link::unlink_nobody(&self.place.seat, ActorRef::id(other)),
        }
    }

    /// With `true`, exit signals are given to the hook `#[info]` as [`Info::Exit`](crate::Info::Exit) instead of ending this actor, those
    /// of a normal end too (OTP: `process_flag(trap_exit, true)`). [`ActorRef::kill`] is no signal of this kind: it cannot be trapped.
    pub fn trap_exits(&mut self, trap: bool) {
        self.traps_exits = trap;
    }

    /// The epoch of the actor's own tenure: the fencing token of a singleton.
    pub fn epoch(&self) -> Option<u64> {
        self.place.seat.tenure().map(Tenure::epoch)
    }

    /// False once the actor's tenure is no longer valid: the runtime refuses its effects from then on. For effects that the
    /// runtime does not see. It may turn false right after it was asked; only an epoch that the receiver checks is proof.
    pub fn may_act(&self) -> bool {
        self.place.seat.may_act()
    }

    /// The epoch that the sender of the present message had. What has a lower one than this system has heard from the same singleton is
    /// never handled; a receiver whose state outlives the system keeps the highest beside that state and refuses lower ones itself.
    pub fn caller_epoch(&self) -> Option<u64> {
        (self.caller != Stamp::NONE).then_some(self.caller.epoch)
    }

    /// Monitors the present incarnation of an actor: one [`Down`] comes when it ends, at once when there is none, and also when
    /// the link to its node is gone. The monitor ends with this actor's own incarnation.
    ///
    /// The `Down` comes after every message that the actor had sent here before. When this mailbox is full it waits for room.
    pub fn monitor<B: Actor>(&mut self, actor: &ActorRef<B>) -> MonitorId {
        let monitor = MonitorId::next();
        if !current::may_act() {
            return monitor;
        }
        // The location now: a moving place may have moved when the monitor is taken back.
        let raw = ActorRef::raw(actor).located();
        let actor = raw.id();
        let place = Arc::downgrade(&self.place);
        self.kept().monitors.insert(monitor, {
            let raw = raw.clone();
            Box::new(move || raw.demonitor(monitor))
        });
        raw.monitor(Watcher::new(monitor, move |reason| {
            if let Some(place) = place.upgrade() {
                place.deliver_down(Down {
                    monitor,
                    actor,
                    reason,
                });
            }
        }));
        monitor
    }

    /// Takes a monitor back; its `Down` does not come any more, even if it lies in the mailbox already.
    pub fn demonitor(&mut self, monitor: MonitorId) {
        if let Some(demonitor) = self.take_kept_monitor(monitor) {
            demonitor();
        }
    }

    /// True once for a monitor of this incarnation.
    pub(crate) fn take_monitor(&mut self, monitor: MonitorId) -> bool {
        self.take_kept_monitor(monitor).is_some()
    }

    fn take_kept_monitor(&mut self, monitor: MonitorId) -> Option<Box<dyn FnOnce() + Send>> {
        self.kept.get_mut()?.monitors.remove(&monitor)
    }

    fn kept(&mut self) -> &mut Kept {
        let who = self.incarnation();
        self.kept.get_or_insert_with(|| Kept::new(who))
    }

    pub(crate) fn traps_exits(&self) -> bool {
        self.traps_exits
    }

    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on
    }

    pub(crate) fn take_go_on(&mut self) {
        self.goes_on = false;
    }

    /// Whether a handler has left something to do before the next message.
    pub(crate) fn has_asked(&self) -> bool {
        self.goes_on || self.exit.is_some()
    }

    pub(crate) fn take_exit(&mut self) -> Option<Box<ExitReason>> {
        self.exit.take()
    }

    /// Which incarnation this is.
    pub(crate) fn incarnation(&self) -> Incarnation {
        Incarnation::of(&self.place.seat)
    }

    /// Tells `told` when this incarnation has ended.
    pub(crate) fn at_end(&mut self, told: Arc<dyn AtEnd>) {
        self.kept().at_ends.add(told);
    }

    pub(crate) fn set_caller(&mut self, stamp: Stamp) {
        self.caller = stamp;
    }

    /// A method is run: how many were before.
    #[inline]
    pub(crate) fn count_run(&mut self) -> u32 {
        let before = self.runs;
        self.runs = before.wrapping_add(1);
        before
    }
}

impl<A: Actor> fmt::Debug for Context<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({}{})", A::NAME, self.place.seat.id)
    }
}
