//! Panics of handlers: caught, with message and location.
//!
//! A hook, chained once before the one that it finds, notes the location on the panicking thread; it changes nothing else,
//! so that the program's own hook still reports.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

use crate::current;
use crate::exit::ExitReason;

thread_local! {
    static LAST: RefCell<Option<ExitReason>> = const { RefCell::new(None) };
}

/// Chains the hook. Later calls do nothing.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if current::is_set() {
                let location = info
                    .location()
                    .map_or_else(|| "unknown".to_owned(), ToString::to_string);
                let reason = ExitReason::Panic {
                    message: text(info.payload()).into(),
                    location: location.into(),
                };
                // Not there any more while the thread itself ends.
                let _ = LAST.try_with(|last| last.replace(Some(reason)));
            }
            previous(info);
        }));
    });
}

/// The panic that unwinds this thread now.
pub(crate) fn unwinding() -> Option<ExitReason> {
    if !std::thread::panicking() {
        return None;
    }
    LAST.try_with(|last| last.borrow().clone()).ok().flatten()
}

/// Polls once; a panic becomes a reason.
pub(crate) fn poll_caught<F: Future + ?Sized>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, ExitReason>> {
    match caught(|| future.poll(cx)) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(reason) => Poll::Ready(Err(reason)),
    }
}

/// Unwinds with a reason that has been reported already: whoever catches it ends with that reason.
pub(crate) fn pass_on(reason: ExitReason) -> ! {
    if current::is_set() {
        // Ports that are dropped on the way answer it, too.
        let _ = LAST.try_with(|last| last.replace(Some(reason.clone())));
    }
    resume_unwind(Box::new(PassedOn(reason)))
}

/// The payload of a passed on reason.
struct PassedOn(ExitReason);

/// Runs `f`; a panic becomes a reason. What `f` has left half done is dropped by the caller, never used again.
#[inline]
pub(crate) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, ExitReason> {
    catch_unwind(AssertUnwindSafe(f)).map_err(reason_of)
}

/// The same, where what `f` answers is smaller than a reason.
#[inline]
pub(crate) fn caught_boxed<T>(f: impl FnOnce() -> T) -> Result<T, Box<ExitReason>> {
    #[cold]
    fn boxed(payload: Box<dyn Any + Send>) -> Box<ExitReason> {
        Box::new(reason_of(payload))
    }

    catch_unwind(AssertUnwindSafe(f)).map_err(boxed)
}

#[cold]
#[inline(never)]
fn reason_of(payload: Box<dyn Any + Send>) -> ExitReason {
    let noted = LAST.try_with(|last| last.borrow_mut().take()).ok().flatten();
    let reason = noted.unwrap_or_else(|| ExitReason::Panic {
        message: text(&*payload).into(),
        location: "unknown".into(),
    });
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Whose drop might panic as well.
        std::mem::forget(another);
    }
    reason
}

fn text(payload: &dyn Any) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else if let Some(PassedOn(reason)) = payload.downcast_ref::<PassedOn>() {
        reason.to_string()
    } else {
        "a panic without a text".to_owned()
    }
}
