//! What a task comes to: as a result, or as a part of the life of who awaits it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::Answer;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::panics;
use crate::seat::SeatRef;

/// The answer of a task that is not linked to its owner: what it came to, or why it ended without. Dropped, the task goes on.
///
/// # Cancel safety
/// A `&mut Task` may be awaited and dropped at any point.
#[must_use = "a dropped answer is not told of a crash"]
pub struct Task<T> {
    seat: SeatRef,
    answer: oneshot::Receiver<Answer<T>>,
}

impl<T> Task<T> {
    pub(super) fn new(seat: SeatRef, answer: oneshot::Receiver<Answer<T>>) -> Self {
        Self { seat, answer }
    }

    /// Ends the task at its next await; it answers [`ExitReason::Killed`] unless it has come to its end.
    pub fn kill(&self) {
        self.seat.signal(Signal::Kill);
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, ExitReason>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer)
            .poll(cx)
            .map(|answer| answer.unwrap_or(Err(ExitReason::Gone)))
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({})", self.seat.id)
    }
}

/// The answer of a task that is linked to its owner. Dropped, the task ends at its next await.
///
/// # Panics
/// Awaiting it panics when the task ended without an answer: an actor that awaits it then ends with the task's reason, as a linked process
/// does. The task's own panic has been reported where it happened, and is not reported again.
#[must_use = "dropping the answer ends the task"]
pub struct LinkedTask<T>(Task<T>);

impl<T> LinkedTask<T> {
    pub(super) fn new(task: Task<T>) -> Self {
        Self(task)
    }

    /// The crash as a value.
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer<T>> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Future for LinkedTask<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.poll_answer(cx).map(|answer| match answer {
            Ok(answer) => answer,
            Err(reason) => panics::pass_on(reason),
        })
    }
}

impl<T> Drop for LinkedTask<T> {
    fn drop(&mut self) {
        self.0.kill();
    }
}

impl<T> fmt::Debug for LinkedTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkedTask({})", self.0.seat.id)
    }
}
