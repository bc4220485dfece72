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
use crate::waits::Waiting;

thread_local! {
    /// Who runs on this thread now. Points to what the frame of an [`enter`] further up holds.
    static CURRENT: Cell<Running> = const { Cell::new(Running::NOBODY) };
}

/// Who runs.
#[derive(Clone, Copy)]
struct Running {
    current: *const Arc<Current>,
    /// Whether this is a task beside the actor's own: it may call the actor.
    is_beside: bool,
}

impl Running {
    const NOBODY: Self = Self {
        current: std::ptr::null(),
        is_beside: false,
    };
}

/// Runs `f` on behalf of an incarnation, in its own turn.
#[inline]
pub(crate) fn enter<R>(current: &Arc<Current>, f: impl FnOnce() -> R) -> R {
    enter_as(current, false, f)
}

#[inline]
fn enter_as<R>(current: &Arc<Current>, is_beside: bool, f: impl FnOnce() -> R) -> R {
    /// Puts back who ran before, after a panic too.
    struct Before(Running);

    impl Drop for Before {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }

    let _before = Before(CURRENT.replace(Running { current, is_beside }));
    f()
}

/// Who runs on this thread now, if anybody does, and whether beside its turns.
#[inline]
fn with<R>(f: impl FnOnce(&Arc<Current>, bool) -> R) -> Option<R> {
    // Not there any more while the thread itself ends.
    let Running { current, is_beside } = CURRENT.try_with(Cell::get).ok()?;
    // SAFETY: `enter_as` has put the pointer there for as long as it borrows what it points to, and this ends before that does: it is
    // called, directly or not, by what `enter_as` calls, on the same thread.
    let current = unsafe { current.as_ref() }?;
    Some(f(current, is_beside))
}

/// One incarnation of an actor.
pub(crate) struct Current {
    seat: Arc<Seat>,
    highest: Arc<Highest>,
    /// Set when the incarnation has ended: timers that it started do nothing then.
    ended: AtomicBool,
    /// Set while the incarnation's state is being dropped.
    ending: Mutex<Option<Box<ExitReason>>>,
    /// Told when the first port says that the incarnation ends, if it has a mailbox.
    dies: Option<Weak<dyn Dies>>,
    /// What it runs in, when somebody looks at that.
    span: Option<Box<tracing::Span>>,
}

/// What is told that the incarnation dies, before anybody hears of it.
pub(crate) trait Dies: Send + Sync + 'static {
    /// From now on is after its death. In a turn of its own.
    fn dies(&self);
}

impl Current {
    pub(crate) fn new(seat: &Arc<Seat>, highest: Arc<Highest>, dies: Option<Weak<dyn Dies>>) -> Arc<Self> {
        Self::with_span(seat, highest, dies, tracing::Span::none())
    }

    /// One whose turns are in a span.
    pub(crate) fn with_span(
        seat: &Arc<Seat>,
        highest: Arc<Highest>,
        dies: Option<Weak<dyn Dies>>,
        span: tracing::Span,
    ) -> Arc<Self> {
        Arc::new(Self {
            seat: Arc::clone(seat),
            highest,
            ended: AtomicBool::new(false),
            ending: Mutex::new(None),
            dies,
            span: (!span.is_disabled()).then(|| Box::new(span)),
        })
    }

    /// Enters the span that its turns are in.
    #[inline]
    pub(crate) fn enter_span(&self) -> Option<tracing::span::Entered<'_>> {
        self.span.as_deref().map(tracing::Span::enter)
    }

    /// Runs a future on behalf of this incarnation, as its own turn.
    pub(crate) async fn scope<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        self.scope_as(false, future).await
    }

    /// Runs a future on behalf of this incarnation, beside its turns.
    pub(crate) async fn scope_beside<F: Future>(self: Arc<Self>, future: F) -> F::Output {
        self.scope_as(true, future).await
    }

    async fn scope_as<F: Future>(self: &Arc<Self>, is_beside: bool, future: F) -> F::Output {
        /// The future is dropped on behalf of who runs, too.
        struct Scoped<'a, F> {
            current: &'a Arc<Current>,
            is_beside: bool,
            future: Pin<&'a mut Option<F>>,
        }

        impl<F> Drop for Scoped<'_, F> {
            fn drop(&mut self) {
                enter_as(self.current, self.is_beside, || self.future.set(None));
            }
        }

        let mut scoped = Scoped {
            current: self,
            is_beside,
            future: pin!(Some(future)),
        };
        poll_fn(|cx| {
            enter_as(scoped.current, scoped.is_beside, || {
                let future = scoped.future.as_mut().as_pin_mut();
                future.expect("there until this is dropped").poll(cx)
            })
        })
        .await
    }

    /// From now on a dropped port answers `Exited(reason)`.
    pub(crate) fn set_ending(&self, reason: &ExitReason) {
        let reason = Some(Box::new(reason.clone()));
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    pub(crate) fn set_ended(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn place(&self) -> ActorId {
        self.seat.id
    }

    /// What its system has heard of singletons.
    #[inline]
    pub(crate) fn highest(&self) -> &Highest {
        &self.highest
    }

    /// The tenure that its effects are bound to.
    #[inline]
    pub(crate) fn tenure(&self) -> Option<&Tenure> {
        self.seat.tenure.as_deref()
    }

    /// False when the tenure is not valid any more, or the incarnation has ended.
    #[inline]
    pub(crate) fn may_act(&self) -> bool {
        self.is_valid() && !self.ended.load(Ordering::Acquire)
    }

    /// False when the tenure is not valid any more, or its successor was heard here.
    #[inline]
    pub(crate) fn is_valid(&self) -> bool {
        self.tenure()
            .is_none_or(|tenure| tenure.is_valid() && !self.highest.is_superseded(tenure.stamp))
    }

    /// What is sent in the name of this incarnation carries this.
    #[inline]
    pub(crate) fn stamp(&self) -> Stamp {
        self.tenure().map_or(Stamp::NONE, |tenure| tenure.stamp)
    }
}

/// The incarnation on whose behalf the caller runs.
pub(crate) fn get() -> Option<Arc<Current>> {
    with(|current, _| Arc::clone(current))
}

/// True inside of an actor.
pub(crate) fn is_set() -> bool {
    with(|_, _| ()).is_some()
}

/// True in a turn of this actor.
pub(crate) fn is(place: ActorId) -> bool {
    with(|current, is_beside| !is_beside && current.seat.id == place).unwrap_or(false)
}

/// The actor on whose behalf the caller runs.
pub(crate) fn id() -> Option<ActorId> {
    with(|current, _| current.seat.id)
}

/// Notes, in a turn of an actor, that it waits for a call.
pub(crate) fn wait_for(target: &Arc<Seat>, method: &'static str) -> Option<Waiting> {
    with(|current, is_beside| {
        (!is_beside)
            .then(|| Waiting::new(&current.seat, target, method))
            .flatten()
    })
    .flatten()
}

/// False when the running actor's tenure is not valid any more.
pub(crate) fn may_act() -> bool {
    with(|current, _| current.is_valid()).unwrap_or(true)
}

/// The running actor's tenure is not valid any more: no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lapsed;

/// Permission for one effect: what to stamp on it.
#[inline]
pub(crate) fn effect() -> Result<Stamp, Lapsed> {
    with(|current, _| {
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
    let dies = with(|current, is_beside| {
        let dies = current.dies.as_ref().filter(|_| !is_beside);
        dies.and_then(Weak::upgrade)
    });
    if let Some(Some(dies)) = dies {
        dies.dies();
    }
}

/// Why the running actor is ending, while it is.
pub(crate) fn ending() -> Option<ExitReason> {
    with(|current, _| {
        let ending = current.ending.lock();
        ending.unwrap_or_else(PoisonError::into_inner).as_deref().cloned()
    })
    .flatten()
}
