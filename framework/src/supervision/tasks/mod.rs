//! Tasks: pieces of work that run once, beside whoever wants their result, under a supervisor of their own.
//!
//! A task is a temporary child: it is never restarted. It runs in the name of the actor that started it, bound to that actor's tenure. When
//! its supervisor stops, the task is dropped at its next await, as a process that does not trap exits is ended by OTP's `shutdown`.

mod child;
mod stream;
mod task;

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

pub use self::stream::{TaskError, TaskStream};
pub use self::task::{LinkedTask, Task};

use self::child::TaskChild;
use super::admin;
use super::ask::{Ask, ChildCounts, Desk};
use super::own::{own_handle, own_supervisor};
use super::spec::{Dynamic, SupervisorSpec};
use crate::current;
use crate::error::StartError;
use crate::exit::ExitReason;
use crate::label::Label;
use crate::raw_ref::RawRef;
use crate::seat::{Seat, SeatRef, Type};

/// A supervisor of tasks (Elixir: `Task.Supervisor`).
///
/// ```
/// use quorate::prelude::*;
/// use quorate::supervision::TaskSupervisor;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), quorate::Error> {
/// let system = System::new("demo");
/// let jobs = system.spawn(TaskSupervisor::spec().max_children(100)).await?;
///
/// let sum = jobs.run(async { 1 + 2 }).await?; // linked: a crash of it is a crash of who awaits it
/// assert_eq!(sum.await, 3);
///
/// let risky = jobs.run_nolink(async { "7".parse::<u32>().unwrap() }).await?;
/// assert_eq!(risky.await, Ok(7)); // a crash would be told here
///
/// let mut squares = jobs.stream(1..=4, 2, |n| async move { n * n });
/// while let Some(square) = squares.next().await {
///     println!("{}", square.unwrap());
/// }
/// system.shutdown().await
/// # }
/// ```
pub struct TaskSupervisor(());

impl TaskSupervisor {
    /// A supervisor of any number of tasks.
    pub fn spec() -> SupervisorSpec<Self> {
        SupervisorSpec::dynamic()
    }
}

impl Dynamic for TaskSupervisor {}

/// What an `ActorRef<TaskSupervisor>` derefs to.
pub struct TaskSupervisorHandle(RawRef<TaskSupervisor>);

impl TaskSupervisorHandle {
    /// Runs a future as a task that is linked to whoever has the answer (Elixir: async): the task's crash is the crash of who awaits it, and
    /// when the answer is dropped, with its owner or alone, the task ends at its next await.
    ///
    /// # Errors
    /// Nothing was started.
    pub async fn run<T, F>(&self, future: F) -> Result<LinkedTask<T>, StartError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.run_nolink(future).await.map(LinkedTask::new)
    }

    /// Runs a future as a task of its own (Elixir: async_nolink): its crash is told to who awaits the answer, and when the answer is dropped the
    /// task goes on.
    ///
    /// # Errors
    /// Nothing was started.
    pub async fn run_nolink<T, F>(&self, future: F) -> Result<Task<T>, StartError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        start(self.0.desk(), future).await
    }

    /// Runs `f` for each item, at most `concurrency` at a time (at least 1), and streams what they come to in the order of the items (Elixir:
    /// async_stream). See [`TaskStream`].
    pub fn stream<I, F, R, T>(&self, items: I, concurrency: usize, f: F) -> TaskStream<I::IntoIter, F, T>
    where
        I: IntoIterator,
        F: FnMut(I::Item) -> R,
        R: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        TaskStream::new(self.0.clone(), items.into_iter(), concurrency, f)
    }

    /// How many tasks run.
    pub async fn count_children(&self) -> ChildCounts {
        ChildCounts::of(&admin::list(self.0.desk()).await)
    }
}

const TASK: &Type = &Type {
    name: "quorate::Task",
    methods: &[],
};

/// Starts a task in the name of who runs now.
async fn start<T, F>(desk: &Desk, future: F) -> Result<Task<T>, StartError>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tenure = match current::get() {
        Some(current) if !current.is_valid() => return Err(StartError::Lapsed),
        Some(current) => current
            .tenure()
            .map(|tenure| (tenure.clone(), Arc::clone(desk.system.highest()))),
        None => None,
    };
    let seat = SeatRef::new(Arc::new(Seat::new(TASK, Some(Label::Name("task")), tenure)));
    let (answer, answered) = oneshot::channel();
    let child = TaskChild::new(seat.clone(), future, answer);
    let asked = desk
        .door
        .ask(|started| Ask::Add {
            id: None,
            child,
            started,
        })
        .await;
    match asked {
        Some(Ok(())) => Ok(Task::new(seat, answered)),
        Some(Err(error)) => Err(error),
        None => Err(StartError::SupervisorGone),
    }
}

/// What a task came to.
type Answer<T> = Result<T, ExitReason>;

own_supervisor!([] TaskSupervisor, TaskSupervisorHandle, "quorate::TaskSupervisor");
own_handle!([] TaskSupervisor, TaskSupervisorHandle);

impl fmt::Debug for TaskSupervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskSupervisor")
    }
}

impl fmt::Debug for TaskSupervisorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskSupervisorHandle").field(&self.0).finish()
    }
}
