//! Where actors and callers run.
//!
//! A host has *seats*, which are its threads. A tokio runtime moves tasks as it likes and does not look at them; on actix's arbiters
//! an actor or a task stays where it was put.

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// Threads that run tasks.
pub trait Host: Sized {
    /// Starts this many threads; with one, everything runs in the thread that calls [`block_on`](Self::block_on).
    fn open(threads: usize) -> Self;

    /// Starts an ordinary task. The receiver fails when it has panicked.
    fn spawn<T: Send + 'static>(
        &self,
        seat: usize,
        task: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T>;

    /// Waits in the present thread, outside of the two that are measured.
    fn block_on<T>(&self, work: impl Future<Output = T>) -> T;

    /// Ends what still runs.
    fn close(self);
}

impl Host for Runtime {
    fn open(threads: usize) -> Self {
        if threads > 1 {
            return crate::runtime(threads);
        }
        Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a benchmark cannot run without a reactor")
    }

    fn spawn<T: Send + 'static>(
        &self,
        _seat: usize,
        task: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, receiver) = oneshot::channel();
        Self::spawn(self, answering(task, answer));
        receiver
    }

    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        Self::block_on(self, work)
    }

    fn close(self) {
        drop(self);
    }
}

/// The task, and who hears what came of it.
pub(crate) async fn answering<T>(task: impl Future<Output = T>, answer: oneshot::Sender<T>) {
    // Who does not wait for the answer has dropped the receiver.
    let _gone = answer.send(task.await);
}
