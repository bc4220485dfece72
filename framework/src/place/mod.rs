//! A place: what an `ActorRef` names. It holds the mailbox, which outlives the incarnations that read it.
//!
//! When an incarnation ends, what lies in the mailbox is drained: calls are answered, casts become undelivered. What comes later
//! waits for the successor. When none will come, the place answers `Gone`.

mod between;
mod endpoint;
mod handover;
mod life;
#[cfg(all(test, quorate_loom))]
mod loom_tests;
mod refuse;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32};
use std::task::Waker;
use std::time::Duration;

use self::between::Between;
pub(crate) use self::between::Held;
use self::life::Me;
pub(crate) use self::life::Present;
pub(crate) use self::refuse::refuse;
use crate::actor::Actor;
use crate::body::BodyCell;
use crate::current::Runs;
use crate::envelope::Item;
use crate::exit::ExitReason;
use crate::id::ActorId;
use crate::lane::Signal;
use crate::link::{ExitError, ExitSignal, LinkEnd, Via};
use crate::mailbox::{Holds, Mailbox, Parcel, Permit, Reserve, Sent, Taken};
use crate::monitor::Down;
use crate::pace::Pace;
use crate::policy::Policy;
use crate::request::Refusal;
use crate::scheduler::{self, Lives, Scheduler, Succession, Unbegun};
use crate::seat::{HasSeat, Seat, SeatRef};
use crate::seldom::{MadeOnce, Seldom};
use crate::start_fn::StartFn;
use crate::supervision::ask::Desk;
use crate::supervision::child::SharedPolicy;
use crate::system::System;

/// Why a message is not accepted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    Full,
    Gone,
}

/// What the loop of an incarnation has taken out of the mailbox.
pub(crate) type Inbox<A> = Taken<Item<A>>;
/// What was not accepted, and why.
pub(crate) type Unsent<A> = (NoRoom, Parcel<Item<A>>);
/// The wait for room in the mailbox.
pub(crate) type ReserveRoom<A> = Reserve<Item<A>, Arc<Place<A>>>;

impl From<NoRoom> for Refusal {
    fn from(no_room: NoRoom) -> Self {
        match no_room {
            NoRoom::Full => Self::Full,
            NoRoom::Gone => Self::Gone,
        }
    }
}

/// What senders change with each message lies at the start, what the loop changes with each at the end, and between them what both only read:
/// where they run on two cores, neither takes the other's cache line away.
#[repr(C)]
pub(crate) struct Place<A: Actor> {
    mailbox: Mailbox<Item<A>>,
    /// Where this is.
    me: Me<A>,
    system: System,
    /// What is not its type's.
    own: Seldom<Own>,
    /// Of a supervisor's place.
    supervising: MadeOnce<Supervising>,
    pub(crate) seat: Seat,
    pace: Pace,
    /// The number of the last [`Item::End`].
    ends: AtomicU32,
    /// How far the death of the present incarnation is: one of the constants in [`handover`]. Written in its own turns, and between two.
    death: AtomicU8,
    lives: Succession<Present>,
    between: Between<Inbox<A>, StartFn<A>>,
    body: BodyCell<A>,
}

/// A policy that is not the type's.
struct Own {
    policy: SharedPolicy,
    hibernate_after: Option<Duration>,
}

/// What a supervisor's place has beside.
struct Supervising {
    /// The refs to its children, typed as its handle takes them.
    children: Box<dyn Any + Send + Sync>,
    /// Where it is asked.
    desk: Desk,
}

/// Writes each field where it lies: there are half a thousand bytes, of which most need nothing. One that is left out does not compile.
macro_rules! write_all {
    ($place:ident, { $($field:ident: $value:expr,)* }) => {
        $(
            let value = $value;
            // SAFETY: it is memory for this, which nobody else knows of.
            unsafe { (&raw mut (*$place).$field).write(value) };
        )*
        let _all = |Self { $($field: _),* }: Self| ();
    };
}

impl<A: Actor> Place<A> {
    /// `own` is its policy, when that is not its type's.
    #[inline]
    pub(crate) fn new(
        seat: impl FnOnce() -> Seat,
        system: &System,
        mailbox: usize,
        own: Option<&Policy>,
        start: StartFn<A>,
    ) -> (Arc<Self>, Unbegun) {
        let place: *mut Self = Arc::into_raw(Arc::<Self>::new_uninit()).cast::<Self>().cast_mut();
        write_all!(place, {
            seat: seat(),
            me: Me(place),
            mailbox: Mailbox::new(mailbox),
            lives: Succession::new(),
            body: BodyCell::new(),
            pace: system.pace(own.unwrap_or(&A::POLICY).in_place),
            system: system.clone(),
            own: Seldom::new(own.map(|policy| Own {
                policy: SharedPolicy::of::<A>(policy),
                hibernate_after: policy.hibernate_after,
            })),
            between: Between::new(Taken::NONE, start),
            death: AtomicU8::new(handover::DEAD),
            ends: AtomicU32::new(0),
            supervising: MadeOnce::new(),
        });
        // SAFETY: it was allocated for this, and each field is initialised. It is new.
        unsafe { (Arc::from_raw(place), Unbegun::new()) }
    }

    /// Its seat, kept.
    pub(crate) fn seat_ref(&self) -> SeatRef {
        let me: Arc<Self> = Arc::clone(&self.arc());
        SeatRef::new(me)
    }

    pub(crate) fn mailbox(&self) -> &Mailbox<Item<A>> {
        &self.mailbox
    }

    pub(crate) fn body(&self) -> &BodyCell<A> {
        &self.body
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Whether a caller may try to run the actor itself.
    #[inline]
    pub(crate) fn may_run_in_place(&self, caller: &Waker) -> bool {
        self.allows_in_place() && self.scheduler().is_here(caller)
    }

    /// Whether others than the dispatchers may run it at all.
    #[inline]
    fn allows_in_place(&self) -> bool {
        self.seat.tenure().is_none() && self.pace.allows()
    }

    /// Whether who spawns the actor may run its start itself.
    #[inline(always)]
    pub(crate) fn may_start_in_place(&self, spawner: &Waker) -> bool {
        self.pace.allows_start() && self.scheduler().is_here(spawner)
    }

    /// Asks the present incarnation for something.
    #[inline]
    pub(crate) fn signal(&self, signal: Signal) {
        if self.seat.signal(signal) {
            self.system.tell_lapse();
        }
        self.nudge();
    }

    /// Wakes the loop, if there is one.
    #[inline]
    pub(crate) fn nudge(&self) {
        if self.mailbox.nudge() {
            scheduler::schedule(self);
        }
    }

    #[inline]
    pub(crate) fn scheduler(&self) -> &Arc<Scheduler> {
        self.system.scheduler()
    }

    pub(crate) fn system(&self) -> &System {
        &self.system
    }

    /// What its supervisor does about its ends.
    #[inline]
    pub(crate) fn policy(&self) -> SharedPolicy {
        match self.own.get() {
            None => SharedPolicy::of_type::<A>(),
            Some(own) => own.policy.clone(),
        }
    }

    #[inline]
    pub(crate) fn hibernate_after(&self) -> Option<Duration> {
        match self.own.get() {
            None => A::POLICY.hibernate_after,
            Some(own) => own.hibernate_after,
        }
    }

    /// Whether there is room for a message now, or why not.
    pub(crate) fn room(&self) -> Result<(), NoRoom> {
        if self.seat.is_gone() {
            Err(NoRoom::Gone)
        } else if self.mailbox.has_room() {
            Ok(())
        } else {
            Err(NoRoom::Full)
        }
    }

    /// Puts an item behind what lies in the mailbox. Gives it back when it is not accepted now.
    #[inline]
    pub(crate) fn send(&self, item: Parcel<Item<A>>) -> Result<(), Unsent<A>> {
        if self.seat.is_gone() {
            return Err((NoRoom::Gone, item));
        }
        self.send_now(item).map_err(|item| (NoRoom::Full, item))
    }

    /// The same, by who has just seen that there is [room](Self::room).
    #[inline]
    pub(crate) fn send_now(&self, item: Parcel<Item<A>>) -> Result<(), Parcel<Item<A>>> {
        self.mailbox.try_send(item).map(|sent| self.was_sent(sent))
    }

    /// Puts an item where room was granted. When nobody follows it is answered.
    pub(crate) fn send_granted(permit: Permit<Item<A>, Arc<Self>>, item: Parcel<Item<A>>) {
        let (place, sent) = permit.send(item);
        place.was_sent(sent);
    }

    /// Waits for room, in order of arrival.
    pub(crate) fn reserve(self: &Arc<Self>) -> ReserveRoom<A> {
        Reserve::new(Arc::clone(self))
    }

    #[inline]
    pub(super) fn was_sent(&self, sent: Sent) {
        if sent == Sent::Asleep {
            scheduler::schedule(self);
        }
        self.sweep();
    }

    /// Makes it a supervisor's.
    pub(crate) fn set_supervising(&self, children: Box<dyn Any + Send + Sync>, desk: Desk) {
        self.supervising.get_or_init(|| Supervising { children, desk });
    }

    pub(crate) fn children(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.supervising.get().map(|supervising| &*supervising.children)
    }

    pub(crate) fn desk(&self) -> Option<&Desk> {
        self.supervising.get().map(|supervising| &supervising.desk)
    }

    pub(crate) fn deliver_down(self: &Arc<Self>, down: Down) {
        self.put(Item::Down(Box::new(down)));
    }

    /// Sends an exit signal that comes of no link to the present incarnation.
    pub(crate) fn send_exit(&self, actor: ActorId, reason: ExitReason) -> Result<(), ExitError> {
        if self.children().is_some() {
            return Err(ExitError::Supervisor);
        }
        let incarnation = self.seat.incarnation();
        if !self.seat.is_live() {
            return Err(ExitError::Gone);
        }
        let signal = ExitSignal {
            via: Via::Incarnation(incarnation),
            actor,
            reason,
        };
        self.send(Parcel::new(Item::Exit(Box::new(signal))))
            .map_err(|(no_room, _)| match no_room {
                NoRoom::Full => ExitError::Full,
                NoRoom::Gone => ExitError::Gone,
            })
    }

    /// Puts an item behind what lies in the mailbox, waiting for room in a task when there is none.
    fn put(self: &Arc<Self>, item: Item<A>) {
        if let Err((NoRoom::Full, item)) = self.send(Parcel::new(item))
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let room = self.reserve();
            runtime.spawn(async move { Self::send_granted(room.await, item) });
        }
    }
}

impl<A: Actor> Holds<Item<A>> for Arc<Place<A>> {
    fn mailbox(&self) -> &Mailbox<Item<A>> {
        &self.mailbox
    }
}

impl<A: Actor> HasSeat for Place<A> {
    fn seat(&self) -> &Seat {
        &self.seat
    }
}

impl<A: Actor> Runs for Place<A> {
    fn seat(&self) -> &Seat {
        &self.seat
    }

    fn seat_ref(&self) -> SeatRef {
        self.seat_ref()
    }

    fn dies(&self) {
        self.mark();
    }
}

impl<A: Actor> LinkEnd for Place<A> {
    fn seat(&self) -> &Seat {
        &self.seat
    }

    fn deliver_exit(self: Arc<Self>, signal: ExitSignal) {
        self.put(Item::Exit(Box::new(signal)));
    }
}
