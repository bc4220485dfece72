//! [`TaskStream`]: a task for each of many items, a few at a time.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{LinkedTask, Task, TaskSupervisor, start};
use crate::error::StartError;
use crate::exit::ExitReason;
use crate::raw_ref::RawRef;

/// Why an item of a [`TaskStream`] has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskError {
    /// Its task was not started.
    NotStarted(StartError),
    /// Its task ended without an answer.
    Exited(ExitReason),
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(error) => error.fmt(f),
            Self::Exited(reason) => write!(f, "the task {reason}"),
        }
    }
}

impl std::error::Error for TaskError {}

/// What the tasks of a stream come to, one item each.
///
/// At most as many tasks as its concurrency run or have an answer that was not taken yet, so that neither tasks nor answers pile up; the
/// next is started when an answer is taken. The crash of one is told in its place and touches no other. When the stream is dropped
/// early, its tasks end at their next await.
#[must_use = "a stream starts nothing until it is asked for the next"]
pub struct TaskStream<I, F, T> {
    jobs: RawRef<TaskSupervisor>,
    items: std::iter::Fuse<I>,
    f: F,
    concurrency: usize,
    is_ordered: bool,
    running: VecDeque<Slot<T>>,
}

enum Slot<T> {
    Starting(Pin<Box<dyn Future<Output = Result<Task<T>, StartError>> + Send>>),
    Running(LinkedTask<T>),
    Done(Result<T, TaskError>),
}

impl<I, F, R, T> TaskStream<I, F, T>
where
    I: Iterator,
    F: FnMut(I::Item) -> R,
    R: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    pub(super) fn new(jobs: RawRef<TaskSupervisor>, items: I, concurrency: usize, f: F) -> Self {
        Self {
            jobs,
            items: items.fuse(),
            f,
            concurrency: concurrency.max(1),
            is_ordered: true,
            running: VecDeque::new(),
        }
    }

    /// Gives each result as soon as it is there, whatever the order of the items.
    pub fn unordered(mut self) -> Self {
        self.is_ordered = false;
        self
    }

    /// The next result; `None` when there are no more.
    ///
    /// # Cancel safety
    /// May be dropped at any point: no item and no result is lost.
    pub async fn next(&mut self) -> Option<Result<T, TaskError>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, TaskError>>> {
        while self.running.len() < self.concurrency
            && let Some(item) = self.items.next()
        {
            let (jobs, future) = (self.jobs.clone(), (self.f)(item));
            let starting = async move { start(jobs.desk(), future).await };
            self.running.push_back(Slot::Starting(Box::pin(starting)));
        }
        for slot in &mut self.running {
            slot.poll(cx);
        }
        let is_done = |slot: &Slot<T>| matches!(slot, Slot::Done(_));
        let at = if self.is_ordered {
            self.running.front().is_some_and(is_done).then_some(0)
        } else {
            self.running.iter().position(is_done)
        };
        match at.and_then(|at| self.running.remove(at)) {
            Some(Slot::Done(result)) => Poll::Ready(Some(result)),
            _ if self.running.is_empty() => Poll::Ready(None),
            _ => Poll::Pending,
        }
    }
}

impl<T> Slot<T> {
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Self::Starting(starting) = self {
            match starting.as_mut().poll(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(task)) => *self = Self::Running(LinkedTask::new(task)),
                Poll::Ready(Err(error)) => *self = Self::Done(Err(TaskError::NotStarted(error))),
            }
        }
        if let Self::Running(task) = self
            && let Poll::Ready(ended) = task.poll_answer(cx)
        {
            *self = Self::Done(ended.map_err(TaskError::Exited));
        }
    }
}

impl<I, F, T> fmt::Debug for TaskStream<I, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskStream")
            .field("concurrency", &self.concurrency)
            .field("is_ordered", &self.is_ordered)
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}
