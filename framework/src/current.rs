//! The actor on whose behalf code runs: set while its task is polled.
//!
//! It is what makes a tenure bind every effect, a call to oneself an error, and a dropped reply port honest. A task that an actor starts
//! by [`Context::spawn`](crate::Context::spawn) runs on its behalf too. Code that it moves to any other task runs on nobody's behalf; a
//! reply port is bound to its actor's tenure even there.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::exit::ExitReason;
use crate::id::ActorId;
use crate::seat::Seat;
use crate::stamp::{Highest, Stamp};
use crate::tenure::Tenure;
use crate::waits::{Waiting, Waits};

thread_local! {
    /// Who runs on this thread now. Points to what the frame of an [`enter`] further up holds.
    static CURRENT: Cell<*const Running> = const { Cell::new(std::ptr::null()) };
}

/// Who runs.
pub(crate) struct Running {
    current: Arc<Current>,
    /// Whether this is a task beside the actor's own: it may call the actor.
    is_beside: bool,
}

/// Runs `f` on behalf of an incarnation.
#[inline]
pub(crate) fn enter<R>(running: &Running, f: impl FnOnce() -> R) -> R {
    /// Puts back who ran before, after a panic too.
    struct Before(*const Running);

    impl Drop for Before {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }

    let _before = Before(CURRENT.replace(running));
    f()
}

/// Who runs on this thread now, if anybody does.
#[inline]
fn with<R>(f: impl FnOnce(&Running) -> R) -> Option<R> {
    // Not there any more while the thread itself ends.
    let running = CURRENT.try_with(Cell::get).ok()?;
    // SAFETY: `enter` has put the pointer there for as long as it borrows what it points to, and this ends before `enter` does: it is
    // called, directly or not, by what `enter` calls, on the same thread.
    let running = unsafe { running.as_ref() }?;
    Some(f(running))
}

/// One incarnation of an actor.
pub(crate) struct Current {
    pub(crate) place: ActorId,
    pub(crate) tenure: Option<Tenure>,
    highest: Arc<Highest>,
    waits: Arc<Waits>,
    /// Set when the incarnation has ended: timers that it started do nothing then.
    ended: AtomicBool,
    /// Set while the incarnation's state is being dropped.
    ending: Mutex<Option<ExitReason>>,
    /// Told when the first port says that the incarnation ends, if it has a mailbox.
    dies: Option<Weak<dyn Dies>>,
}

impl Running {
    async fn scope<F: Future>(self, future: F) -> F::Output {
        /// The future is dropped on behalf of who runs, too.
        struct Scoped<'a, F> {
            running: &'a Running,
            future: Pin<&'a mut Option<F>>,
        }

        impl<F> Drop for Scoped<'_, F> {
            fn drop(&mut self) {
                enter(self.running, || self.future.set(None));
            }
        }

        let mut scoped = Scoped {
            running: &self,
            future: pin!(Some(future)),
        };
        poll_fn(|cx| {
            enter(scoped.running, || {
                let future = scoped.future.as_mut().as_pin_mut();
                future.expect("there until this is dropped").poll(cx)
            })
        })
        .await
    }
}

/// What is told that the incarnation dies, before anybody hears of it.
pub(crate) trait Dies: Send + Sync + 'static {
    /// From now on is after its death. In a turn of its own.
    fn dies(&self);
}

impl Current {
    pub(crate) fn new(seat: &Seat, highest: Arc<Highest>, dies: Option<Weak<dyn Dies>>) -> Arc<Self> {
        Arc::new(Self {
            place: seat.id,
            tenure: seat.tenure.clone(),
            highest,
            waits: Arc::clone(&seat.waits),
            ended: AtomicBool::new(false),
            ending: Mutex::new(None),
            dies,
        })
    }

    /// This incarnation as who runs in its own turns.
    pub(crate) fn in_turn(self: &Arc<Self>) -> Running {
        Running {
            current: Arc::clone(self),
            is_beside: false,
        }
    }

    /// Runs a future on behalf of this incarnation, as its own turn.
    pub(crate) async fn scope<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        self.in_turn().scope(future).await
    }

    /// Runs a future on behalf of this incarnation, beside its turns.
    pub(crate) async fn scope_beside<F: Future>(self: Arc<Self>, future: F) -> F::Output {
        let running = Running {
            current: self,
            is_beside: true,
        };
        running.scope(future).await
    }

    /// From now on a dropped port answers `Exited(reason)`.
    pub(crate) fn set_ending(&self, reason: &ExitReason) {
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.clone());
    }

    pub(crate) fn set_ended(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// False when the tenure is not valid any more, or the incarnation has ended.
    #[inline]
    pub(crate) fn may_act(&self) -> bool {
        self.is_valid() && !self.ended.load(Ordering::Acquire)
    }

    /// False when the tenure is not valid any more, or its successor was heard here.
    #[inline]
    pub(crate) fn is_valid(&self) -> bool {
        self.tenure
            .as_ref()
            .is_none_or(|tenure| tenure.is_valid() && !self.highest.is_superseded(tenure.stamp))
    }

    /// What is sent in the name of this incarnation carries this.
    #[inline]
    pub(crate) fn stamp(&self) -> Stamp {
        self.tenure.as_ref().map_or(Stamp::NONE, |tenure| tenure.stamp)
    }
}

/// The incarnation on whose behalf the caller runs.
pub(crate) fn get() -> Option<Arc<Current>> {
    with(|running| Arc::clone(&running.current))
}

/// True inside of an actor.
pub(crate) fn is_set() -> bool {
    with(|_| ()).is_some()
}

/// True in a turn of this actor.
pub(crate) fn is(place: ActorId) -> bool {
    with(|running| !running.is_beside && running.current.place == place).unwrap_or(false)
}

/// The actor on whose behalf the caller runs.
pub(crate) fn id() -> Option<ActorId> {
    with(|running| running.current.place)
}

/// Notes, in a turn of an actor, that it waits for a call.
pub(crate) fn wait_for(target: &Arc<Seat>, method: &'static str) -> Option<Waiting> {
    with(|running| {
        let current = &running.current;
        (!running.is_beside)
            .then(|| Waiting::new(current.place, &current.waits, target, method))
            .flatten()
    })
    .flatten()
}

/// False when the running actor's tenure is not valid any more.
pub(crate) fn may_act() -> bool {
    with(|running| running.current.is_valid()).unwrap_or(true)
}

/// The running actor's tenure is not valid any more: no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lapsed;

/// Permission for one effect: what to stamp on it.
#[inline]
pub(crate) fn effect() -> Result<Stamp, Lapsed> {
    with(|running| {
        let current = &running.current;
        if current.is_valid() {
            Ok(current.stamp())
        } else {
            Err(Lapsed)
        }
    })
    .unwrap_or(Ok(Stamp::NONE))
}

/// A port is about to say that the running actor has ended: whoever hears it and sends again sends to the successor.
pub(crate) fn dies() {
    let dies = with(|running| {
        let dies = running.current.dies.as_ref().filter(|_| !running.is_beside);
        dies.and_then(Weak::upgrade)
    });
    if let Some(Some(dies)) = dies {
        dies.dies();
    }
}

/// Why the running actor is ending, while it is.
pub(crate) fn ending() -> Option<ExitReason> {
    with(|running| {
        let ending = running.current.ending.lock();
        ending.unwrap_or_else(PoisonError::into_inner).clone()
    })
    .flatten()
}
