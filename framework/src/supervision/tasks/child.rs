//! A task as its supervisor handles it.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use super::Answer;
use crate::current::Current;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::panics;
use crate::policy::{DEFAULT_SHUTDOWN, Restart, Shutdown};
use crate::seat::{Seat, SeatRef};
use crate::supervision::child::{Child, ChildPolicy, Report, SharedPolicy, as_task, span, spawn_in};

/// The work, and why it ended if it did not come to its end by itself.
type Work = Pin<Box<dyn Future<Output = ExitReason> + Send>>;

/// R30: tasks are temporary.
static POLICY: ChildPolicy = ChildPolicy {
    restart: Restart::Temporary,
    shutdown: Shutdown::After(DEFAULT_SHUTDOWN),
    backoff: None,
    is_significant: false,
};

/// The slot of a task.
pub(super) struct TaskChild {
    seat: SeatRef,
    /// Taken by the only start.
    work: Mutex<Option<Work>>,
}

impl TaskChild {
    pub(super) fn new<T, F>(seat: SeatRef, future: F, answer: oneshot::Sender<Answer<T>>) -> Arc<Self>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let own = seat.clone();
        let work = async move {
            let ended = until_signalled(&own, future).await;
            let reason = match &ended {
                Ok(_) => ExitReason::Normal,
                Err(reason) => reason.clone(),
            };
            // Nobody may wait for it.
            let _ = answer.send(ended);
            reason
        };
        Arc::new(Self {
            seat,
            work: Mutex::new(Some(Box::pin(work))),
        })
    }
}

impl Child for TaskChild {
    fn policy(&self) -> SharedPolicy {
        SharedPolicy::Type(&POLICY)
    }

    fn seat(&self) -> &Seat {
        &self.seat
    }

    fn seat_ref(&self) -> SeatRef {
        self.seat.clone()
    }

    fn start(self: Arc<Self>, report: Report) {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        let seat = self.seat.clone();
        let to = report.clone();
        let incarnation = async move {
            report.started().await;
            let reason = match work {
                Some(work) => Current::of(&seat).scope(work).await,
                None => ExitReason::Gone,
            };
            seat.set_ended();
            if !reason.is_expected() {
                tracing::error!(target: "quorate::exit", name = seat.name(), actor = seat.actor(), %reason, "a task ended");
            }
            seat.end(&reason);
            report.exited(reason).await;
        };
        let span = span(&self.seat, to.is_within());
        spawn_in(
            as_task,
            &self.seat,
            to,
            incarnation.instrument(span.unwrap_or_else(Span::none)),
        );
    }

    fn close(&self) {
        self.seat.leave();
        // What was never started is not kept, nor is who waits for it.
        drop(self.work.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn remove(&self) {}
}

/// Runs a future to its end, to its panic, or to whatever ends its task.
async fn until_signalled<F: Future>(seat: &Seat, future: F) -> Result<F::Output, ExitReason> {
    let mut future = pin!(future);
    let mut signalled = pin!(seat.lane.wait(Signal::Stop));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(signal) = signalled.as_mut().poll(cx) {
            return Poll::Ready(Err(signal.reason()));
        }
        if seat.has_lapsed() {
            return Poll::Ready(Err(ExitReason::Lapsed));
        }
        panics::poll_caught(future.as_mut(), cx)
    })
    .await
}
