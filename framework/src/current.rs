//! The actor on whose behalf code runs: set while its task is polled.
//!
//! It is what makes a tenure bind every effect, a call to oneself an error, and a dropped reply port honest. A task that an actor starts
//! by [`Context::spawn`](crate::Context::spawn) runs on its behalf too. Code that it moves to any other task runs on nobody's behalf; a
//! reply port is bound to its actor's tenure even there.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::ptr::NonNull;

use crate::actor::Actor;
use crate::exit::ExitReason;
use crate::id::ActorId;
use crate::place::Place;
use crate::seat::{Seat, SeatRef};
use crate::stamp::Stamp;
use crate::sync::set;
use crate::tenure::Tenure;
use crate::waits::Waiting;

thread_local! {
    /// Who runs on this thread now: in the frame of an [`enter_as`] further up, or null.
    static CURRENT: Cell<*const Running> = const { Cell::new(std::ptr::null()) };
}

/// Who runs.
#[derive(Clone, Copy)]
struct Running {
    who: NonNull<dyn Runs>,
    /// Theirs.
    seat: NonNull<Seat>,
    incarnation: u64,
    /// Whether this is a task beside the actor's own: it may call the actor.
    is_beside: bool,
}

impl Running {
    fn who(&self) -> &dyn Runs {
        // SAFETY: as in `with`, by which this was got.
        unsafe { self.who.as_ref() }
    }

    fn seat_ref(&self) -> SeatRef {
        self.who().seat_ref()
    }
}

/// On whose behalf code runs.
pub(crate) trait Runs: Send + Sync + 'static {
    fn seat(&self) -> &Seat;

    /// The seat, kept.
    fn seat_ref(&self) -> SeatRef;

    /// From now on is after the death of the incarnation: told when the first port says that it ends, before anybody hears of it, in a turn of
    /// its own. Nothing, where there is no mailbox or it is not its own turn.
    fn dies(&self);
}

/// Runs `f` on behalf of the present incarnation in a place, in its own turn.
#[inline(always)]
pub(crate) fn enter<W: Runs, R>(who: &W, f: impl FnOnce() -> R) -> R {
    let seat = who.seat();
    let who: &dyn Runs = who;
    let running = Running {
        who: NonNull::from(who),
        seat: NonNull::from(seat),
        incarnation: seat.incarnation(),
        is_beside: false,
    };
    enter_as(running, f)
}

/// Whoever calls this borrows what `running` points to meanwhile.
#[inline(always)]
fn enter_as<R>(running: Running, f: impl FnOnce() -> R) -> R {
    /// Puts back who ran before, after a panic too.
    struct Before(*const Running);

    impl Drop for Before {
        #[inline]
        fn drop(&mut self) {
            set(&CURRENT, self.0);
        }
    }

    let _before = Before(CURRENT.replace(&raw const running));
    f()
}

/// Who runs on this thread now, if anybody does.
#[inline]
fn with<R>(f: impl FnOnce(&Seat, Running) -> R) -> Option<R> {
    // Not there any more while the thread itself ends.
    let running = CURRENT.try_with(Cell::get).ok()?;
    // SAFETY: it is null or points into the frame of an `enter_as` that has not returned: it is taken back when that does. Whoever has called
    // that borrows what is pointed to from there, and this ends before: it is called, directly or not, by what `enter_as` calls, on the same
    // thread.
    let running = unsafe { running.as_ref() }?;
    // SAFETY: as above.
    let seat = unsafe { running.seat.as_ref() };
    Some(f(seat, *running))
}

/// One incarnation of an actor, for what may outlive it.
#[derive(Clone)]
pub(crate) struct Current {
    seat: SeatRef,
    incarnation: u64,
}

impl Current {
    /// The present one in a seat.
    pub(crate) fn of(seat: &SeatRef) -> Self {
        Self {
            seat: seat.clone(),
            incarnation: seat.incarnation(),
        }
    }

    /// Runs a future on behalf of this incarnation, as its own turn.
    pub(crate) async fn scope<F: Future>(&self, future: F) -> F::Output {
        self.scope_as(false, future).await
    }

    /// Runs a future on behalf of this incarnation, beside its turns.
    pub(crate) async fn scope_beside<F: Future>(&self, future: F) -> F::Output {
        self.scope_as(true, future).await
    }

    async fn scope_as<F: Future>(&self, is_beside: bool, future: F) -> F::Output {
        /// The future is dropped on behalf of who runs, too.
        struct Scoped<'a, F> {
            current: &'a Current,
            is_beside: bool,
            future: Pin<&'a mut Option<F>>,
        }

        impl<F> Drop for Scoped<'_, F> {
            fn drop(&mut self) {
                enter_as(self.current.running(self.is_beside), || self.future.set(None));
            }
        }

        let mut scoped = Scoped {
            current: self,
            is_beside,
            future: pin!(Some(future)),
        };
        poll_fn(|cx| {
            enter_as(scoped.current.running(scoped.is_beside), || {
                let future = scoped.future.as_mut().as_pin_mut();
                future.expect("there until this is dropped").poll(cx)
            })
        })
        .await
    }

    fn running(&self, is_beside: bool) -> Running {
        let who: &dyn Runs = &self.seat;
        Running {
            who: NonNull::from(who),
            seat: NonNull::from(&*self.seat),
            incarnation: self.incarnation,
            is_beside,
        }
    }

    /// The tenure that its effects are bound to.
    pub(crate) fn tenure(&self) -> Option<&Tenure> {
        self.seat.tenure()
    }

    /// False when the tenure is not valid any more, or the incarnation has ended.
    #[inline]
    pub(crate) fn may_act(&self) -> bool {
        self.is_valid() && !self.seat.has_ended(self.incarnation)
    }

    /// False when the tenure is not valid any more, or its successor was heard here.
    pub(crate) fn is_valid(&self) -> bool {
        self.seat.may_act()
    }
}

/// By a future of its own, not by its place.
impl Runs for SeatRef {
    fn seat(&self) -> &Seat {
        self
    }

    fn seat_ref(&self) -> SeatRef {
        self.clone()
    }

    fn dies(&self) {}
}

/// The incarnation on whose behalf the caller runs.
pub(crate) fn get() -> Option<Current> {
    with(|_, running| Current {
        seat: running.seat_ref(),
        incarnation: running.incarnation,
    })
}

/// True inside of an actor.
pub(crate) fn is_set() -> bool {
    with(|_, _| ()).is_some()
}

/// True in a turn of this actor.
pub(crate) fn is(place: ActorId) -> bool {
    with(|seat, running| !running.is_beside && seat.id == place).unwrap_or(false)
}

/// The actor on whose behalf the caller runs.
pub(crate) fn id() -> Option<ActorId> {
    with(|seat, _| seat.id)
}

/// Notes, in a turn of an actor, that it waits for a call.
pub(crate) fn wait_for<A: Actor>(target: &Place<A>, method: &'static str) -> Option<Waiting> {
    with(|_, running| {
        (!running.is_beside)
            .then(|| Waiting::new(running.seat_ref(), target.seat_ref(), method))
            .flatten()
    })
    .flatten()
}

/// False when the running actor's tenure is not valid any more.
#[inline]
pub(crate) fn may_act() -> bool {
    with(|seat, _| seat.may_act()).unwrap_or(true)
}

/// The running actor's tenure is not valid any more: no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lapsed;

/// Permission for one effect: what to stamp on it.
#[inline]
pub(crate) fn effect() -> Result<Stamp, Lapsed> {
    with(|seat, _| {
        if seat.may_act() {
            Ok(seat.stamp())
        } else {
            Err(Lapsed)
        }
    })
    .unwrap_or(Ok(Stamp::NONE))
}

/// A port is about to say that the running actor has ended: whoever hears it and sends again sends to the successor.
pub(crate) fn dies() {
    with(|_, running| running.who().dies());
}

/// Why the running actor is ending, while it is.
pub(crate) fn ending() -> Option<ExitReason> {
    with(|seat, running| seat.ending(running.incarnation)).flatten()
}
