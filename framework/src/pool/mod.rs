//! [`Pool`]: a fixed number of workers, each lent to one caller at a time.

mod queue;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use self::queue::{Queue, Ticket, Turn};
use crate::actor::{Actor, ActorHandle};
use crate::actor_ref::ActorRef;
use crate::error::StartError;
use crate::policy::Restart;
use crate::raw_ref::RawRef;
use crate::request::DEFAULT_CALL_TIMEOUT;
use crate::spec::ChildSpec;
use crate::supervision::{SpecProblem, SupervisorSpec, own_supervisor};

/// Callers that may wait for a worker of a pool when nothing else is said.
pub const POOL_WAITING_MAX: usize = 1024;

/// A supervisor of so many `A`s of one spec, each lent to one caller at a time (Erlang: poolboy).
///
/// Workers and callers go in the order in which they came. What was lent comes back when it is dropped: with whoever had it, too. A
/// worker that ends while it is lent is restarted in its place, so the caller's ref stays good, and it comes back like any other; the pool's workers
/// are permanent whatever their own policy says. Its strategy is one_for_one.
///
/// ```
/// use quorate::prelude::*;
///
/// /// A connection that one caller at a time may use.
/// #[actor]
/// #[derive(Default)]
/// pub struct Connection {
///     queries: u64,
/// }
///
/// #[actor]
/// impl Connection {
///     /// Counts instead of asking.
///     pub fn query(&mut self) -> u64 {
///         self.queries += 1;
///         self.queries
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("demo");
/// let pool = system.spawn(Pool::spec(2, Connection::spec())).await?;
///
/// let answer = pool.with_worker(|connection| async move { connection.query().await }).await??;
/// assert_eq!(answer, 1);
///
/// let lent = pool.checkout().await?; // waits in order, 5 s at most
/// lent.query().await?;
/// drop(lent); // back it goes
/// assert_eq!(pool.status().idle, 2);
/// # system.shutdown().await?;
/// # Ok(())
/// # }
/// ```
pub struct Pool<A>(PhantomData<fn() -> A>);

impl<A: Actor> Pool<A> {
    /// A pool of `size` workers, for which up to [`POOL_WAITING_MAX`] callers may wait. A size of 0 is refused at the start.
    pub fn spec(size: usize, worker: ChildSpec<A>) -> SupervisorSpec<Self> {
        Self::spec_with_queue(size, POOL_WAITING_MAX, worker)
    }

    /// A pool for which up to `waiting_max` callers may wait; with 0 nobody does.
    pub fn spec_with_queue(size: usize, waiting_max: usize, worker: ChildSpec<A>) -> SupervisorSpec<Self> {
        SupervisorSpec::new(move |children| {
            if size == 0 {
                return Err(StartError::Spec {
                    child: Self::NAME.into(),
                    problem: SpecProblem::NoWorkers,
                });
            }
            let worker = worker.restart(Restart::Permanent);
            let workers = (0..size)
                .map(|number| children.add(&number.to_string(), worker.clone()))
                .collect::<Result<_, _>>()?;
            Ok(Arc::new(Desk {
                workers,
                queue: Mutex::new(Queue::new(size, waiting_max)),
            }))
        })
    }
}

/// Why no worker was lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolError {
    /// All workers are lent, and as many callers wait as may: try again later, or make the pool larger.
    Busy,
    /// None came back within the deadline.
    Timeout,
    /// The pool has ended and does not come back.
    Gone,
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "all workers are lent and the queue for them is full",
            Self::Timeout => "no worker came back within the deadline",
            Self::Gone => "the pool is gone",
        })
    }
}

impl std::error::Error for PoolError {}

/// How a pool is used at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// Workers that are not lent.
    pub idle: usize,
    /// Workers that are.
    pub busy: usize,
    /// Callers that wait for one.
    pub waiting: usize,
}

/// What an `ActorRef<Pool<A>>` derefs to.
pub struct PoolHandle<A: Actor> {
    raw: RawRef<Pool<A>>,
    desk: Arc<Desk<A>>,
}

impl<A: Actor> PoolHandle<A> {
    /// Borrows a worker, and waits for one in order of arrival, 5 s at most.
    ///
    /// # Errors
    /// [`PoolError`].
    ///
    /// # Cancel safety
    /// Dropped early, the place in the queue is given up, and a worker that was on its way goes to the next.
    pub async fn checkout(&self) -> Result<Lent<A>, PoolError> {
        self.checkout_within(DEFAULT_CALL_TIMEOUT).await
    }

    /// As [`checkout`](Self::checkout), with another deadline. With none left it does not wait: [`PoolError::Busy`].
    ///
    /// # Errors
    /// [`PoolError`].
    pub async fn checkout_within(&self, timeout: Duration) -> Result<Lent<A>, PoolError> {
        let Some(seat) = self.raw.own_seat() else {
            return Err(PoolError::Gone);
        };
        if seat.is_gone() {
            return Err(PoolError::Gone);
        }
        let mut waiting = match self.desk.take(!timeout.is_zero()) {
            Ok(lent) => return Ok(lent),
            Err(None) => return Err(PoolError::Busy),
            Err(Some(waiting)) => waiting,
        };
        tokio::select! {
            biased;
            lent = waiting.lent() => Ok(lent),
            () = seat.departed() => Err(PoolError::Gone),
            () = tokio::time::sleep(timeout) => Err(PoolError::Timeout),
        }
    }

    /// Borrows a worker for as long as `work` runs.
    ///
    /// # Errors
    /// [`PoolError`]; `work` was not called.
    ///
    /// # Cancel safety
    /// Dropped early, so is the work, and the worker comes back.
    pub async fn with_worker<R, F>(&self, work: impl FnOnce(ActorRef<A>) -> F) -> Result<R, PoolError>
    where
        F: Future<Output = R>,
    {
        let lent = self.checkout().await?;
        Ok(work(lent.actor().clone()).await)
    }

    /// How it is used now.
    pub fn status(&self) -> PoolStatus {
        let (idle, busy, waiting) = self.desk.queue().counts();
        PoolStatus { idle, busy, waiting }
    }
}

/// A worker that is lent. Dropped, it goes to the next who waits, or back.
#[must_use = "dropped, it goes back at once"]
pub struct Lent<A: Actor> {
    desk: Arc<Desk<A>>,
    worker: usize,
}

impl<A: Actor> Lent<A> {
    /// The worker. A ref that is kept beyond this is not protected from the next caller.
    pub fn actor(&self) -> &ActorRef<A> {
        &self.desk.workers[self.worker]
    }

    /// Gives it back, as dropping it does.
    pub fn checkin(self) {
        drop(self);
    }
}

impl<A: Actor> Deref for Lent<A> {
    type Target = ActorRef<A>;

    fn deref(&self) -> &ActorRef<A> {
        self.actor()
    }
}

impl<A: Actor> Drop for Lent<A> {
    fn drop(&mut self) {
        self.desk.give(self.worker);
    }
}

/// What the handles of one pool share.
struct Desk<A: Actor> {
    workers: Arc<[ActorRef<A>]>,
    queue: Mutex<Queue<oneshot::Sender<usize>>>,
}

impl<A: Actor> Desk<A> {
    /// A worker, or a place in the queue, or neither.
    fn take(self: &Arc<Self>, may_wait: bool) -> Result<Lent<A>, Option<Waiting<A>>> {
        let mut queue = self.queue();
        if !may_wait && queue.counts().0 == 0 {
            return Err(None);
        }
        let mut receiver = None;
        let turn = queue.take(|| {
            let (sender, worker) = oneshot::channel();
            receiver = Some(worker);
            sender
        });
        drop(queue);
        match (turn, receiver) {
            (Turn::Worker(worker), _) => Ok(self.lend(worker)),
            (Turn::Wait(ticket), Some(worker)) => Err(Some(Waiting {
                desk: Arc::clone(self),
                ticket,
                worker,
            })),
            (Turn::Wait(_) | Turn::Full, _) => Err(None),
        }
    }

    fn lend(self: &Arc<Self>, worker: usize) -> Lent<A> {
        Lent {
            desk: Arc::clone(self),
            worker,
        }
    }

    /// To the next who waits and still wants it.
    fn give(&self, worker: usize) {
        loop {
            let Some(waiter) = self.queue().give(worker) else {
                return;
            };
            if waiter.send(worker).is_ok() {
                return;
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<oneshot::Sender<usize>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, given up when it is dropped.
struct Waiting<A: Actor> {
    desk: Arc<Desk<A>>,
    ticket: Ticket,
    worker: oneshot::Receiver<usize>,
}

impl<A: Actor> Waiting<A> {
    async fn lent(&mut self) -> Lent<A> {
        match (&mut self.worker).await {
            Ok(worker) => self.desk.lend(worker),
            // Not reached: the sender is in the queue, or sends.
            Err(_) => std::future::pending().await,
        }
    }
}

impl<A: Actor> Drop for Waiting<A> {
    fn drop(&mut self) {
        if self.desk.queue().leave(self.ticket) {
            return;
        }
        // It has been given a worker: taken by `lent`, or still on its way.
        self.worker.close();
        if let Ok(worker) = self.worker.try_recv() {
            self.desk.give(worker);
        }
    }
}

own_supervisor!([A: Actor] Pool<A>, PoolHandle<A>, "quorate::Pool");

impl<A: Actor> ActorHandle<Pool<A>> for PoolHandle<A> {
    fn from_raw(raw: RawRef<Pool<A>>) -> Self {
        let desk = raw.children();
        Self { raw, desk }
    }

    fn raw(&self) -> &RawRef<Pool<A>> {
        &self.raw
    }
}

impl<A: Actor> Clone for PoolHandle<A> {
    fn clone(&self) -> Self {
        Self {
            raw: self.raw.clone(),
            desk: Arc::clone(&self.desk),
        }
    }
}

impl<A> fmt::Debug for Pool<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl<A: Actor> fmt::Debug for PoolHandle<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PoolHandle")
            .field(&self.raw)
            .field(&self.status())
            .finish()
    }
}

impl<A: Actor> fmt::Debug for Lent<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lent").field(self.actor()).finish()
    }
}
